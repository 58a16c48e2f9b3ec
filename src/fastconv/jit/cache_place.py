"""Where compiled code is kept, and whether what lies there may be run.

Loading compiled code is running it. So a file counts only if nobody else can have written it: it and its directory
belong to this user, or to root, who could do anything anyway, and no other user can write to them.
"""

from __future__ import annotations

import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Place", "objection", "place"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where compiled code is kept.

    Attributes
    ----------
    directory : Path or None
        An absolute path, which need not exist; None where there is no place at all.
    reason : str
        Why there.
    """

    directory: Path | None
    reason: str


def place() -> Place:
    """Where compiled code is kept: where Numba is told to keep its own, else in the user's cache directory."""
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    if chosen:
        return Place(_inside(chosen), "NUMBA_CACHE_DIR is set")
    from numba import config

    # A .numba_config.yaml or a program may have said so; a Numba that has no such setting has said nothing.
    chosen = getattr(config, "CACHE_DIR", "")
    if chosen:
        return Place(_inside(chosen), "Numba's configuration has CACHE_DIR")
    chosen = os.environ.get("XDG_CACHE_HOME", "")
    if sys.platform not in ("win32", "darwin") and os.path.isabs(chosen):
        return Place(_inside(chosen), "XDG_CACHE_HOME is set")
    try:
        return Place(_inside(_user_caches()), "it is the user's cache directory")
    except RuntimeError:
        return Place(None, "no home directory is known; NUMBA_CACHE_DIR can name a directory")


def _inside(folder: str | Path) -> Path:
    return Path(os.path.abspath(folder)) / "fastconv"


def _user_caches() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path.home() / ".cache"


def objection(status: os.stat_result) -> str | None:
    """Why a file or directory must not be trusted, as the end of a sentence about it; None if it may be.

    Windows keeps this in access control lists, and a user's directories to the user.
    """
    if sys.platform == "win32":
        return None
    if status.st_uid not in (os.geteuid(), 0):
        return "belongs to another user"
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return "can be written by other users"
    return None
