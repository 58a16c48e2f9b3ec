"""Looking after the compile cache: what it holds, whether it is sound, and emptying it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fastconv.jit.cache_files import Entry, damage, entries, leftovers
from fastconv.jit.cache_place import Place, objection, place

__all__ = ["Removal", "Summary", "clear", "clear_stale", "damaged", "summary"]

#: Bytes below which a disk counts as full: a few hundred files.
_LITTLE_ROOM = 10_000_000


@dataclass(frozen=True, slots=True)
class Summary:
    """What the cache is and holds.

    Attributes
    ----------
    place : Place
        Where it is and why there.
    current : tuple of Entry
        Files that this process would load: made for this fastconv, Numba, Python, CPU and these settings.
    stale : tuple of Entry
        Files made for others.
    unfinished : int
        Number of files that are being written, or were when their process was killed.
    trouble : str or None
        What keeps the cache from working, in a sentence; None if nothing does.
    """

    place: Place
    current: tuple[Entry, ...]
    stale: tuple[Entry, ...]
    unfinished: int
    trouble: str | None


@dataclass(frozen=True, slots=True)
class Removal:
    """What was removed.

    Attributes
    ----------
    files, size : int
        Number of files that were removed, and their bytes.
    failures : tuple of str
        A sentence for each file that could not be removed.
    """

    files: int
    size: int
    failures: tuple[str, ...]


def summary() -> Summary:
    """What the cache is and holds. Reads the beginning of every file, and imports Numba to tell whom they are for."""
    where = place()
    found = entries(where.directory) if where.directory else []
    here = _here()
    return Summary(
        where,
        tuple(entry for entry in found if entry.made_for == here),
        tuple(entry for entry in found if entry.made_for != here),
        len(leftovers(where.directory)) if where.directory else 0,
        _trouble(where, here),
    )


def damaged() -> tuple[int, list[tuple[Entry, str]]]:
    """How many files there are, and those that do not hold what was written, with what is wrong. Reads all of them."""
    directory = place().directory
    found = entries(directory) if directory else []
    judged = [(entry, damage(entry.path)) for entry in found]
    return len(found), [(entry, why) for entry, why in judged if why is not None]


def clear() -> Removal:
    """Remove all files of the cache, unfinished ones too. A process that is just writing one will compile again."""
    directory = place().directory
    if directory is None:
        return Removal(0, 0, ())
    return _remove([*(entry.path for entry in entries(directory)), *leftovers(directory)])


def clear_stale() -> Removal:
    """Remove the files that this process has no use for: those of other versions, settings and CPUs."""
    return _remove(entry.path for entry in summary().stale)


def _remove(paths: Iterable[Path]) -> Removal:
    files, size, failures = 0, 0, []
    for path in paths:
        try:
            bytes_of_file = path.stat().st_size
            path.unlink()
        except OSError as error:
            failures.append(f"{path} could not be removed: {error.strerror or error}.")
        else:
            files += 1
            size += bytes_of_file
    return Removal(files, size, tuple(failures))


def _here() -> dict[str, str] | None:
    """What this process would have code made for; None with a Numba that we do not know."""
    try:
        from numba.core.registry import cpu_target

        from fastconv.jit.cache import surroundings

        return surroundings(cpu_target.target_context)
    except Exception:
        return None


def _trouble(where: Place, here: dict[str, str] | None) -> str | None:
    """What keeps compiled code from being kept and loaded, as far as looking can tell."""
    directory = where.directory
    if directory is None:
        return f"Compiled code is not kept: {where.reason}."
    if here is None:
        return "Compiled code is not kept: this Numba does not say what it was compiled for."
    if not here["package"]:
        return "Compiled code is not kept: fastconv's own source files cannot be read."
    existing = next(path for path in (directory, *directory.parents) if os.path.exists(path))
    if not existing.is_dir():
        return f"Compiled code is not kept: {existing} is not a directory."
    if existing == directory and (why := objection(directory.stat())):
        return f"Compiled code is neither loaded nor kept: {directory} {why}."
    if not os.access(existing, os.W_OK | os.X_OK):
        return f"Nothing more is kept: {existing} cannot be written."
    if shutil.disk_usage(existing).free < _LITTLE_ROOM:
        return f"Nothing more is kept: the disk of {existing} is full."
    return None
