"""Compiled code kept on disk, so that a process pays for a kernel once and the next one loads it.

Numba's own cache goes by the time stamp of one file, so it returns an upgraded package's old code, and errors in it
reach the caller. This one goes by content: a file's name is a digest of all that its machine code depends on, its text
carries a checksum, it appears by a rename, and whatever goes wrong means compiling again.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import platform
import sys
import tempfile
import warnings
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["CompileCache", "cache_directory"]

_SUFFIX = ".kernel"
_MAGIC = b"fastconv kernel 1\n"

#: Settings of Numba that change no machine code; all others are part of a file's name.
_HARMLESS = {
    "NUMBA_CACHE_DIR",
    "NUMBA_DEBUG_CACHE",
    "NUMBA_NUM_THREADS",
    "NUMBA_THREADING_LAYER",
    "NUMBA_THREADING_LAYER_PRIORITY",
}


def cache_directory() -> Path:
    """Where compiled code is kept: in NUMBA_CACHE_DIR if that is set, else in the user's cache directory."""
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    if chosen:
        return Path(chosen) / "fastconv"
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "fastconv"


@cache
def _surroundings() -> str:
    """All that machine code depends on beside the function: package, versions and settings."""
    import llvmlite
    import numba

    package = Path(__file__).resolve().parent.parent
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    settings = sorted((k, v) for k, v in os.environ.items() if k.startswith("NUMBA_") and k not in _HARMLESS)
    python = (platform.python_implementation(), *sys.version_info)
    return repr((digest.hexdigest(), numba.__version__, llvmlite.__version__, python, settings))


class CompileCache:
    """What a Numba dispatcher asks before it compiles, and tells afterwards.

    Parameters
    ----------
    name : str
        Of the function; unique in the package.
    options : str
        Its compiler options.
    """

    def __init__(self, name: str, options: str) -> None:
        self._function = (name, options)

    @property
    def cache_path(self) -> str:
        """The directory, as Numba's statistics ask for it."""
        return str(cache_directory())

    def _file(self, signature: Any, target_context: Any) -> Path:
        cpu = target_context.codegen().magic_tuple()
        key = repr((_surroundings(), self._function, str(signature), cpu))
        return cache_directory() / (hashlib.sha256(key.encode()).hexdigest() + _SUFFIX)

    def load_overload(self, signature: Any, target_context: Any) -> Any:
        """The compiled function for a signature, or None where it has to be compiled."""
        from numba.core.compiler import CompileResult

        try:
            text = self._file(signature, target_context).read_bytes()
        except (OSError, RuntimeError):  # RuntimeError: there is no home directory
            return None
        payload = text[len(_MAGIC) + 32 :]
        if text[: len(_MAGIC) + 32] != _MAGIC + hashlib.sha256(payload).digest():
            return None
        try:
            target_context.refresh()
            return CompileResult._rebuild(target_context, *pickle.loads(payload))
        except Exception as error:
            _warn(error)
            return None

    def save_overload(self, signature: Any, compiled: Any) -> None:
        """Keep a compiled function."""
        from numba.core.serialize import dumps

        try:
            payload = dumps(compiled._reduce())
            target = self._file(signature, compiled.target_context)
        except RuntimeError:
            return
        except Exception as error:
            _warn(error)
            return
        try:
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=target.parent)
        except OSError:
            return
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_MAGIC + hashlib.sha256(payload).digest() + payload)
            os.replace(name, target)
        except OSError:
            Path(name).unlink(missing_ok=True)


@cache
def _warn_once(message: str) -> None:
    warnings.warn(message, RuntimeWarning, stacklevel=2)


def _warn(error: Exception) -> None:
    """Say once that this Numba keeps its compiled functions differently."""
    import numba

    _warn_once(
        f"fastconv cannot keep code compiled by numba {numba.__version__} on disk ({type(error).__name__}: {error}); "
        "every process will compile again."
    )
