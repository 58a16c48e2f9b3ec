"""The files of the compile cache: what stands in them, and how they are written, read, listed and removed.

A file is one line of head (format and checksum), one line of JSON that says what the code is and what it was made for,
and the code. Its name is the digest of the second line, so whoever needs other code looks for another file; the
checksum covers all that follows the head. It appears whole, by a rename. Nothing in here knows Numba.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fastconv.jit.cache_place import objection

__all__ = ["Damaged", "Entry", "damage", "entries", "file_name", "leftovers", "pack", "read", "unpack", "write"]

_MAGIC = b"fastconv kernel "
_FORMAT = b"2"
_HEAD = len(_MAGIC + _FORMAT) + 1 + 64 + 1  # with a blank, a checksum and the end of the line
_OTHER_FORMAT = re.compile(rb"fastconv kernel (?!2\b)\d+\b")

#: Names of files and of those that are still being written.
_NAME = re.compile(r"[0-9a-f]{64}\.kernel")
_UNFINISHED = re.compile(r"[0-9a-f]{64}\..+\.part")

#: Seconds after which an unfinished file has been left behind: writing takes milliseconds.
_LEFT_BEHIND = 3600


class Damaged(Exception):
    """A file does not hold what was written; the message says how that shows."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the cache, as its JSON line describes it.

    Attributes
    ----------
    path : Path
        Of the file.
    size : int
        In bytes.
    kernel, signature : str
        The function and its argument types; empty where the file cannot be read or has another version's format.
    made_for : dict of str to str
        All that the code depends on beside the function, as `cache.surroundings` gives it; empty likewise.
    """

    path: Path
    size: int
    kernel: str
    signature: str
    made_for: dict[str, str]


def file_name(header: str) -> str:
    """Name of the file whose JSON line is `header`."""
    return hashlib.sha256(header.encode()).hexdigest() + ".kernel"


def pack(header: str, code: bytes) -> bytes:
    """The text of a file."""
    rest = header.encode() + b"\n" + code
    return b"%b%b %b\n%b" % (_MAGIC, _FORMAT, hashlib.sha256(rest).hexdigest().encode(), rest)


def unpack(text: bytes) -> tuple[str, bytes]:
    """The JSON line and the code of a file.

    Raises
    ------
    Damaged
        If they are not what was written.
    """
    if not text.startswith(_MAGIC):
        raise Damaged("is not a file of this cache")
    rest = text[_HEAD:]
    if text[:_HEAD] != b"%b%b %b\n" % (_MAGIC, _FORMAT, hashlib.sha256(rest).hexdigest().encode()):
        raise Damaged("has another checksum than it was written with")
    header, _, code = rest.partition(b"\n")
    return header.decode(), code


def read(path: Path) -> bytes:
    """The text of a file that no other user can have written.

    Raises
    ------
    OSError
        If it cannot be read, or could have been written by somebody else.
    """
    with path.open("rb") as file:  # the open file is asked, so nobody can exchange it in between
        if why := objection(os.fstat(file.fileno())):
            raise PermissionError(f"{path} {why}")
        return file.read()


def write(path: Path, text: bytes) -> None:
    """Let a file appear, whole, in a directory that is made for this user alone if it is not there.

    Before the first file that a process writes to a directory, those that killed processes left unfinished an hour ago
    or earlier are removed from it.

    Raises
    ------
    OSError
        If it cannot be written. Nothing is left behind then.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _sweep(path.parent)
    handle, unfinished = tempfile.mkstemp(prefix=path.stem + ".", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text)
        os.replace(unfinished, path)
    except BaseException:  # a full disk, or Ctrl-C
        with contextlib.suppress(OSError):
            os.unlink(unfinished)
        raise


@cache
def _sweep(directory: Path) -> None:
    for path in leftovers(directory):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > _LEFT_BEHIND:
                path.unlink()


def leftovers(directory: Path) -> list[Path]:
    """Files that are being written, or were when their process was killed."""
    return sorted(path for path in _listed(directory) if _UNFINISHED.fullmatch(path.name))


def entries(directory: Path) -> list[Entry]:
    """All files of the cache, sorted by name. Only their beginnings are read, and no checksum is computed."""
    return [_entry(path) for path in sorted(_listed(directory)) if _NAME.fullmatch(path.name)]


def _listed(directory: Path) -> Iterator[Path]:
    with contextlib.suppress(OSError):
        yield from directory.iterdir()


def _entry(path: Path) -> Entry:
    size = 0
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if not file.readline(_HEAD).startswith(_MAGIC + _FORMAT + b" "):
                raise ValueError("another format")
            about = json.loads(file.readline())
        return Entry(path, size, str(about["kernel"]), str(about["signature"]), dict(about["made_for"]))
    except (OSError, ValueError, LookupError, TypeError):
        return Entry(path, size, "", "", {})


def damage(path: Path) -> str | None:
    """How a file differs from what was written, as the end of a sentence about it; None if it does not.

    A file in another version's format cannot be judged, and so is not damaged.
    """
    try:
        text = read(path)
        if _OTHER_FORMAT.match(text):
            return None
        header, _ = unpack(text)
    except OSError as error:
        return f"cannot be read ({error.strerror or error})"
    except Damaged as error:
        return str(error)
    return None if file_name(header) == path.name else "has the name of another file"
