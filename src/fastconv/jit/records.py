"""Named records of integers inside kernels.

A named tuple is the readable way to hand a kernel its sizes, and the slow one: Numba takes 0.1 microseconds for each of
its fields at every call, 5 microseconds for the 48 of a convolution, where one integer array costs 0.06. So records
travel in an array, and kernels read them back by name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from numba import config, njit
from numba.np.unsafe.ndarray import to_fixed_tuple

__all__ = ["reader"]

Record = TypeVar("Record", bound=NamedTuple)


def reader(record: type[Record]) -> Callable[[Any, Any], Record]:
    """A compiled function ``read(table, at)`` that gives the record whose fields stand from `at` on in an array."""
    size = len(record._fields)

    def read_in_python(table: Any, at: Any) -> Record:
        return record(*table[at : at + size].tolist())

    def read(table, at):  # type: ignore[no-untyped-def]
        return record(*to_fixed_tuple(table[at : at + size], size))

    return (
        read_in_python
        if config.DISABLE_JIT
        else njit(nogil=True, boundscheck=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)(read)
    )
