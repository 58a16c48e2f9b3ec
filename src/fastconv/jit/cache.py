"""Compiled code kept on disk, so that a process pays for a kernel once and the next one loads it.

Numba's own cache goes by the time stamp of one file, so it returns an upgraded package's old code, and errors in it
reach the caller. This one goes by content: a file's name is a digest of all that its machine code depends on, its text
carries a checksum, it appears by a rename, and whatever goes wrong means compiling again.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import pickle
import platform
import sys
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite
import numba
import numpy

from fastconv.jit.cache_files import Damaged, file_name, pack, read, unpack, write
from fastconv.jit.cache_place import objection, place
from fastconv.jit.machine import machine

try:
    from numba.core.caching import NullCache
except ImportError:  # a Numba without it asks its dispatchers' caches for nothing that we know
    NullCache = object

__all__ = ["CompileCache", "package_digest", "surroundings"]

#: Settings of Numba that change no machine code but differ between the processes of one user, by how they begin. All
#: others are part of a file's name, also those that a future Numba adds.
_HARMLESS = (
    "CACHE_",
    "COLOR_SCHEME",
    "CUDA_",
    "DEBUG_CACHE",
    "GDB_BINARY",
    "NRT_STATS",
    "NUMBA_DEFAULT_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "THREADING_LAYER",
)

#: The first and the last version of Numba that `_prepare` knows.
_KNOWN = ((0, 61), (0, 68))

#: Where our numbers for functions begin; Numba's own count from 1.
_FIRST_NUMBER = 1 << 40


class CompileCache(NullCache):
    """What a Numba dispatcher asks before it compiles, and tells afterwards.

    Whatever another Numba asks beyond that, its `NullCache` answers.

    Parameters
    ----------
    name : str
        Of the function; unique in the package.
    options : str
        Its compiler options.
    """

    def __init__(self, name: str, options: str) -> None:
        self._function = {"kernel": name, "options": options}
        package_digest()  # of the files that this process imports: by its first call they may be others

    @property
    def cache_path(self) -> str:
        """The directory, as Numba's statistics ask for it; empty where there is none."""
        return str(place().directory or "")

    def load_overload(self, *asked: Any, **named: Any) -> Any:
        """The compiled function for a signature and a target context, or None where it has to be compiled.

        Numba holds its compiler's lock from this question until the answer, or what it compiled, is in place.
        """
        try:
            _number_apart()
            found = self._load(*asked, **named)
        except Exception as error:
            _warn_of_numba(error)
            return None
        if found is not None:
            _number_as_before()
        return found

    def save_overload(self, *told: Any, **named: Any) -> None:
        """Keep what was compiled for a signature."""
        _number_as_before()
        try:
            self._save(*told, **named)
        except Exception as error:
            _warn_of_numba(error)

    def _load(self, signature: Any, target_context: Any) -> Any:
        directory = _directory()
        if directory is None:
            return None
        header = self._header(signature, target_context)
        try:
            found, code = unpack(read(directory / file_name(header)))
        except (OSError, Damaged):
            return None
        if found != header:
            return None
        from numba.core.compiler import CompileResult

        _prepare(target_context)
        return CompileResult._rebuild(target_context, *pickle.loads(code))

    def _save(self, signature: Any, compiled: Any) -> None:
        from numba.core.serialize import dumps

        directory = _directory()
        if directory is None:
            return
        if compiled.fndesc.uid < _FIRST_NUMBER:
            raise ValueError("its functions are numbered in another way")
        header = self._header(signature, compiled.target_context)
        text = pack(header, dumps(compiled._reduce()))
        try:
            write(directory / file_name(header), text)
        except OSError:  # a directory that cannot be made or written, a full disk
            return

    def _header(self, signature: Any, target_context: Any) -> str:
        made_for = surroundings(target_context)
        return json.dumps(self._function | {"signature": str(signature), "made_for": made_for}, sort_keys=True)


def _directory() -> Path | None:
    """The directory to use; None where there is none, or neither its files nor the package's can be trusted.

    A package that was replaced while this process runs may have modules of both versions in memory: the code of neither
    need be the right one for its caller.
    """
    directory = place().directory
    if directory is None or package_digest() is None or _digest_of_files() != package_digest():
        return None
    try:
        why = objection(os.stat(directory))
    except OSError:  # not there yet, perhaps
        return directory
    if why is None:
        return directory
    _warn_once(
        "directory",
        f"fastconv neither loads nor keeps compiled code in {directory}, which {why}; make it yours alone, or name"
        " another directory in NUMBA_CACHE_DIR.",
    )
    return None


@cache
def package_digest() -> str | None:
    """Digest of this package's source files, as they were when this was first asked; None if they cannot be read."""
    return _digest_of_files()


def _digest_of_files() -> str | None:
    """Digest of the names and contents of this package's source files; takes 0.7 ms."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    digest = hashlib.sha256()
    found = False
    try:
        for path in _source_files(package):
            with open(path, "rb", buffering=0) as file:
                content = file.read()
            digest.update(f"{path[len(package) :]} {len(content)}\n".encode() + content)
            found = True
    except OSError:  # an archive, or a package that is just being removed
        return None
    return digest.hexdigest() if found else None


def _source_files(folder: str) -> Iterator[str]:
    # Path.rglob would take as long as all the rest.
    with os.scandir(folder) as found:
        for item in sorted(found, key=lambda item: item.name):
            if item.is_dir():
                yield from _source_files(item.path)
            elif item.name.endswith(".py"):
                yield item.path


def surroundings(target_context: Any) -> dict[str, str]:
    """All that machine code depends on beside the function and its types, each under its name."""
    triple, cpu, features = target_context.codegen().magic_tuple()
    return {
        "package": package_digest() or "",
        "python": f"{sys.implementation.name} {platform.python_version()}{getattr(sys, 'abiflags', '')}",
        "numba": numba.__version__,
        "llvmlite": llvmlite.__version__,
        "numpy": numpy.__version__,
        "settings": _digest(_settings()),
        "system": triple,
        "cpu": cpu,
        "features": _digest(features),
        "machine": repr(machine()),
    }


def _settings() -> str:
    """Numba's settings as they are in force, whether they come from the environment, a file or the program."""
    found = {k: v for k, v in vars(numba.config).items() if k.isupper() and not k.startswith(_HARMLESS)}
    return repr(sorted(found.items()))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _prepare(target_context: Any) -> None:
    """Make a process able to run loaded code.

    Numba refreshes the context here, which readies its compiler too, and takes 160 of the 420 ms of a process's first
    operation. Loaded code needs the symbols of Numba's run time alone; in a Numba that we do not know it may need more.
    """
    if _KNOWN[0] <= numba.version_info.short <= _KNOWN[1]:
        from numba.core.runtime import rtsys

        rtsys.initialize(target_context)
    else:
        target_context.refresh()


#: Numba's count of functions while one of ours is compiled, to be put back afterwards.
_numbers: list[Any] = []


def _number_apart() -> None:
    """Let the function compiled next, and those that it calls, have names that no other process gives.

    Numba names machine code after its function, its types and a number that every process counts up from 1. The maximum
    and the average of one factory, compiled in two processes, have one name; in a third that loads both, one runs
    in place of the other (numba issue 10486). So each compilation numbers its functions from a random start.
    """
    from numba.core.bytecode import FunctionIdentity

    count = FunctionIdentity._unique_ids
    if not isinstance(count, itertools.count):
        raise TypeError("its functions are numbered in another way")
    if not _numbers:  # else a compilation failed, and the count is still ours
        _numbers.append(count)
    FunctionIdentity._unique_ids = itertools.count(_FIRST_NUMBER + int.from_bytes(os.urandom(7), "little"))


def _number_as_before() -> None:
    if _numbers:
        from numba.core.bytecode import FunctionIdentity

        FunctionIdentity._unique_ids = _numbers.pop()


def _warn_of_numba(error: Exception) -> None:
    """Say once that this Numba keeps its compiled functions differently."""
    _warn_once(
        "numba",
        f"fastconv cannot keep code compiled by numba {numba.__version__} on disk ({type(error).__name__}: {error}); "
        "every process will compile again.",
    )


#: What has been warned of in this process.
_warned: set[str] = set()


def _warn_once(subject: str, message: str) -> None:
    if subject not in _warned:
        _warned.add(subject)
        warnings.warn(message, RuntimeWarning, stacklevel=2)
