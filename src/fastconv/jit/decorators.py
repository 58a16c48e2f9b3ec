"""The only place that calls ``njit``: decorators for what kernels call, and one for what Python calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import config, njit
from numba.core.compiler_lock import global_compiler_lock

from fastconv.jit.cache import CompileCache

__all__ = ["compile_lock", "compiled", "helper", "inlined"]

#: What a thread holds that compiles; a fork takes it too (`fastconv.forks`).
compile_lock = global_compiler_lock

# error_model: a division by zero gives infinity as in NumPy, without a branch. fastmath "contract" lets a product and a
# sum fuse; nothing that could lose a NaN, an infinity or a sign is allowed.
_OPTIONS: dict[str, Any] = {"nogil": True, "boundscheck": False, "error_model": "numpy", "fastmath": {"contract"}}
_UNWRAPPED_OPTIONS = _OPTIONS | {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def helper(function: Callable[..., Any]) -> Any:
    """Compile a function that compiled functions call; they hold its code, so it is not kept on its own.

    Python cannot call it: the wrappers for that took a fifth of a kernel's compile time.
    """
    return njit(**_UNWRAPPED_OPTIONS)(function)


def inlined(function: Callable[..., Any]) -> Any:
    """Put a function into the compiled functions that call it, before any of them is compiled.

    For a large helper with one caller, as others are compiled once more on their own (0.2 s for the convolution's), and
    for what is called for each tile with arrays, whose references a call counts, one by one and atomically.
    """
    return njit(inline="always", **_UNWRAPPED_OPTIONS)(function)


def compiled(function: Callable[..., Any], name: str, *, by_python: bool = True, locked: bool = False) -> Any:
    """Compile a function that Python calls, and keep the code on disk under a name that is unique in the package.

    One that is called by its address alone needs no wrappers: they take 0.1 to 0.3 s of a kernel's compile time. Others
    may run while it does, unless it is `locked`: then it keeps the interpreter's lock.
    """
    if config.DISABLE_JIT:
        return np.errstate(all="ignore")(function)  # compiled code warns of nothing either
    options = (_OPTIONS if by_python else _UNWRAPPED_OPTIONS) | {"nogil": not locked}
    dispatcher = njit(**options)(function)
    dispatcher._cache = CompileCache(name, repr(options))
    return dispatcher
