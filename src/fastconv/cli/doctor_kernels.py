"""What has been compiled: every function that the compile cache keeps, and the types it was compiled for."""

from __future__ import annotations

import gc
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

__all__ = ["Kernel", "compiled_functions", "types_in"]

_ELEMENT = re.compile(r"[Aa]rray\((\w+)")


@dataclass(frozen=True)
class Kernel:
    """One function that compiled code is kept of.

    Attributes
    ----------
    name : str
        The cache's name for it.
    variants : tuple of str
        The argument types that this process has it for.
    loaded, compiled : int
        How many of them came from the cache, and how many were compiled here.
    """

    name: str
    variants: tuple[str, ...] = ()
    loaded: int = 0
    compiled: int = 0


def compiled_functions() -> dict[str, Kernel]:
    """Every function of this process whose code is kept, by name; those without a variant were not called yet."""
    return {name: _kernel(name, dispatcher) for name, dispatcher in sorted(_dispatchers().items())}


def _kernel(name: str, dispatcher: Any) -> Kernel:
    stats = dispatcher.stats
    variants = tuple(str(types) for types in dispatcher.signatures)
    return Kernel(name, variants, stats.cache_hits.total(), stats.cache_misses.total())


def _dispatchers() -> dict[str, Any]:
    # Kernels stand in modules, tuples and plans; the garbage collector knows them all.
    from numba.core.registry import CPUDispatcher

    from fastconv.jit.cache import CompileCache

    dispatchers = [found for found in gc.get_objects() if type(found) is CPUDispatcher]
    return {_name(found._cache): found for found in dispatchers if type(found._cache) is CompileCache}


def _name(cache: Any) -> str:
    """Under which the cache keeps a function."""
    name: str = cache._function["kernel"]
    return name


def types_in(variants: Iterable[str]) -> tuple[str, ...]:
    """What a person wants to know of argument types: the elements of the arrays, without the tables of int64.

    Examples
    --------
    >>> types_in(["(int64, Array(float32, 1, 'C', False, aligned=True), Array(int64, 1, 'C', True, aligned=True))"])
    ('float32',)
    """
    return tuple(sorted({_types(variant) for variant in variants}))


def _types(variant: str) -> str:
    elements = dict.fromkeys(_ELEMENT.findall(variant))
    return "/".join(element for element in elements if element != "int64") or "int64"
