"""The self-test of `fastconv doctor`: each operation on a small input against the NumPy reference."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fastconv.cli.doctor_cache import Cache
from fastconv.cli.progress import Step
from fastconv.cli.warmup_cases import FAMILIES, LARGE, SMALL, Family
from fastconv.jit.threads import thread_count, threads

__all__ = ["Check", "check_cache", "self_test"]


@dataclass(frozen=True)
class Check:
    """Something that is right or is not.

    Attributes
    ----------
    name : str
        What was checked.
    ok : bool
        Whether it is right.
    detail : str
        What was seen, in a few words.
    """

    name: str
    ok: bool
    detail: str


def self_test(step: Step, shared: bool) -> Iterator[Check]:
    """Check the operations one after the other.

    Parameters
    ----------
    step : callable
        Is told of each operation before it is checked.
    shared : bool
        Whether to compare a large call in all threads with the same call in one, too.
    """
    for name, family in FAMILIES.items():
        step(f"checking {name}")
        try:
            yield _check(name, family, shared)
        except Exception as error:  # whatever it is, the other operations are checked as well
            yield Check(name, False, f"{type(error).__name__}: {error}".splitlines()[0])


def _check(name: str, family: Family, shared: bool) -> Check:
    dtype = np.dtype(np.float32)
    case = next(family.cases(2, dtype, SMALL[2]))
    difference = _largest_difference(case.call(), case.reference())
    if difference:
        return Check(name, False, f"differs from the reference by {difference:.3g}")
    detail = "as the reference"
    if shared and thread_count() > 1:
        call = next(family.cases(2, dtype, LARGE[2])).call
        with threads(1):
            alone = call()
        if _largest_difference(call(), alone):
            return Check(name, False, f"{thread_count()} threads give another result than one")
        detail += f"; the same bits in {thread_count()} threads"
    return Check(name, True, detail)


def _largest_difference(found: np.ndarray, expected: np.ndarray) -> float:
    """Exact: the numbers are whole and small. NaN counts as a difference."""
    if found.shape != expected.shape:
        return float("inf")
    differs = found != expected
    return float(np.abs(found - expected)[differs].max()) if differs.any() else 0.0


def check_cache(before: Cache, files: int, compiled: int) -> Check:
    """Whether the next process will find what this one compiled.

    Parameters
    ----------
    before : Cache
        The cache before the self-test.
    files : int
        How many files the self-test added.
    compiled : int
        How many functions it had to compile.
    """
    if before.damaged:
        count = len(before.damaged)
        return Check("cache", False, f"{count} file{'s do' if count > 1 else ' does'} not hold what was written")
    if not compiled:
        return Check("cache", True, "nothing had to be compiled")
    if not files:
        return Check("cache", False, before.trouble or "what was compiled was not kept")
    return Check("cache", True, "what was compiled is kept for the next process")
