"""What there is to know of the compile cache, as plain values."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Cache", "Files", "cache", "files", "written_since"]

#: For each file of the cache when it was written, in nanoseconds, and its size in bytes.
Files = dict[str, tuple[int, int]]


@dataclass(frozen=True)
class Cache:
    """The compile cache.

    Attributes
    ----------
    directory : str or None
        Where it is; None if there is no place for it.
    reason : str
        Why there.
    files, bytes : int
        What it holds for this fastconv, Numba, CPU and these settings.
    stale_files, stale_bytes : int
        What it holds for others.
    damaged : tuple of str
        A sentence for each file that does not hold what was written.
    trouble : str or None
        What keeps code from being kept, in a sentence.
    elsewhere : str
        A directory that NUMBA_CACHE_DIR could name instead.
    variants : dict of str to tuple of str
        For each function, the argument types for which its code is kept.
    """

    directory: str | None
    reason: str
    files: int = 0
    bytes: int = 0
    stale_files: int = 0
    stale_bytes: int = 0
    damaged: tuple[str, ...] = ()
    trouble: str | None = None
    elsewhere: str = ""
    variants: dict[str, tuple[str, ...]] = field(default_factory=dict)


def cache() -> Cache:
    """Look at the compile cache."""
    from fastconv.jit.cache_care import damaged, summary

    found = summary()
    variants: dict[str, list[str]] = {}
    for entry in found.current:
        variants.setdefault(entry.kernel, []).append(entry.signature)
    return Cache(
        None if found.place.directory is None else str(found.place.directory),
        found.place.reason,
        len(found.current),
        sum(entry.size for entry in found.current),
        len(found.stale),
        sum(entry.size for entry in found.stale),
        tuple(f"{entry.path} {why}." for entry, why in damaged()[1]),
        found.trouble,
        _elsewhere(),
        {kernel: tuple(signatures) for kernel, signatures in variants.items()},
    )


def files() -> Files:
    """What is in the cache now."""
    from fastconv.jit.cache_files import entries
    from fastconv.jit.cache_place import place

    directory = place().directory
    if directory is None:
        return {}
    return {entry.path.name: (_written(entry.path), entry.size) for entry in entries(directory)}


def _written(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except OSError:  # removed in between
        return 0


def written_since(before: Files) -> tuple[int, int]:
    """How many files were written since then, and their bytes."""
    sizes = [found[1] for name, found in files().items() if before.get(name) != found]
    return len(sizes), sum(sizes)


def _elsewhere() -> str:
    """Below the home directory if that can be written, else where temporary files go."""
    home = Path(os.path.expanduser("~"))
    if home.is_dir() and os.access(home, os.W_OK | os.X_OK):
        return str(home / "numba-cache")
    user = f"-{os.getuid()}" if hasattr(os, "getuid") else ""
    return str(Path(tempfile.gettempdir()) / f"numba-cache{user}")
