"""Compiling ahead: what there is to compile for the operations that somebody asks for, and doing it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from fastconv.cli.doctor_cache import cache, files, written_since
from fastconv.cli.doctor_kernels import compiled_functions
from fastconv.cli.extras import Stop
from fastconv.cli.progress import Step
from fastconv.cli.warmup_cases import FAMILIES, LARGE, SMALL
from fastconv.jit.threads import thread_count

__all__ = ["DTYPES", "RANKS", "Done", "Outcome", "Work", "warm_up", "works"]

RANKS = (1, 2, 3)
DTYPES = (
    "float32", "float64", "float16", "complex64", "complex128",
    "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool",
)  # fmt: skip


@dataclass(frozen=True)
class Work:
    """One operation for inputs of one dtype.

    Attributes
    ----------
    op, family : str
        Its public name, and that without the number of axes.
    dtype : str
        Of the inputs.
    ranks : tuple of int
        Numbers of spatial axes.
    """

    op: str
    family: str
    dtype: str
    ranks: tuple[int, ...]


@dataclass(frozen=True)
class Done:
    """What one piece of work came to.

    Attributes
    ----------
    op, dtype : str
        As in `Work`.
    seconds : float
        How long it took.
    compiled, loaded : tuple of str
        Names of the functions that were compiled, and of those that the cache had; a name stands there once for each
        variant. What earlier work has compiled or loaded is in neither.
    """

    op: str
    dtype: str
    seconds: float
    compiled: tuple[str, ...]
    loaded: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """What all of it came to.

    Attributes
    ----------
    operations : tuple of Done
        Piece by piece.
    seconds : float
        How long it took.
    directory : str or None
        Where the compile cache is.
    files_written, bytes_written : int
        What was added to it.
    kept : bool
        Whether later processes will find what was compiled.
    notes : tuple of str
        What a user has to know, in sentences.
    """

    operations: tuple[Done, ...]
    seconds: float
    directory: str | None
    files_written: int
    bytes_written: int
    kept: bool
    notes: tuple[str, ...]


def works(ops: Sequence[str], dtypes: Sequence[str], ranks: Sequence[str]) -> list[Work]:
    """What there is to do.

    Parameters
    ----------
    ops : sequence of str
        Public names such as "conv2d", or "conv" for any number of axes; none means all.
    dtypes, ranks : sequence of str
        Of the inputs, and of the spatial axes.

    Raises
    ------
    Stop
        For a name that is not known, and where nothing is left to do.
    """
    names = [name for family in FAMILIES.values() for name in family.names]
    _check("operation", ops, [*FAMILIES, *names])
    _check("dtype", dtypes, DTYPES)
    _check("rank", ranks, [str(rank) for rank in RANKS])
    wanted: dict[tuple[str, str], list[int]] = {}
    for family, it in FAMILIES.items():
        for rank, name in zip(RANKS, it.names, strict=True):
            if str(rank) in ranks and (not ops or family in ops or name in ops):
                wanted.setdefault((family, name), []).append(rank)
    found = [
        Work(name, family, dtype, tuple(its_ranks))
        for (family, name), its_ranks in wanted.items()
        for dtype in dict.fromkeys(dtypes)
        if np.dtype(dtype).kind in FAMILIES[family].kinds
    ]
    if not found:
        raise Stop(
            f"there is nothing to compile for {', '.join(ops)} with dtype {', '.join(dtypes)} and rank"
            f" {', '.join(ranks)}, which do not go together"
        )
    return found


def _check(what: str, given: Sequence[str], allowed: Sequence[str]) -> None:
    for value in given:
        if value not in allowed:
            raise Stop(f"there is no {what} {value!r}; choose from {', '.join(dict.fromkeys(allowed))}")


def warm_up(work: Sequence[Work], step: Step) -> Outcome:
    """Do all work; `step` is told of each piece before it begins."""
    there, start = files(), time.perf_counter()
    operations = tuple(_do(work, step))
    count, size = written_since(there)
    found, compiled = cache(), any(done.compiled for done in operations)
    notes = []
    if compiled and not count:
        notes.append(found.trouble or f"Nothing was written to {found.directory}.")
    if thread_count() == 1:
        notes.append("A call may use one thread here; what more threads need is compiled when they are first used.")
    return Outcome(
        operations, time.perf_counter() - start, found.directory, count, size, bool(count) or not compiled, tuple(notes)
    )


def _do(work: Sequence[Work], step: Step) -> Iterator[Done]:
    loaded, compiled = _counts()
    for piece in work:
        step(f"{piece.op} {piece.dtype}")
        start = time.perf_counter()
        _call(piece)
        seconds = time.perf_counter() - start
        loaded_now, compiled_now = _counts()
        yield Done(
            piece.op,
            piece.dtype,
            seconds,
            tuple(sorted((compiled_now - compiled).elements())),
            tuple(sorted((loaded_now - loaded).elements())),
        )
        loaded, compiled = loaded_now, compiled_now


def _call(piece: Work) -> None:
    """Small inputs are served by one thread, large ones by all."""
    for rank in piece.ranks:
        for size in (SMALL[rank], LARGE[rank]):
            for case in FAMILIES[piece.family].cases(rank, np.dtype(piece.dtype), size):
                case.call()


def _counts() -> tuple[Counter[str], Counter[str]]:
    """How many variants of each function came from the cache, and how many were compiled."""
    functions = compiled_functions()
    loaded = Counter({name: it.loaded for name, it in functions.items()})
    return loaded, Counter({name: it.compiled for name, it in functions.items()})
