"""Scratch memory of a kernel, as vectors.

NumPy's words for it compile four functions for each type in Numba, a fifteenth of a convolution's compile time, and put
vectors at multiples of 32 bytes. These compile to a few instructions, and a vector begins where a cache line does.

Nobody counts the references to such a vector, so what allocates it frees it. Numba would count them atomically, in
every loop that hands a vector to a helper: a convolution waited for that for a third of its time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array

from fastconv.jit.emit import INT64
from fastconv.jit.machine import LINE

__all__ = ["either", "empty", "free", "zeros"]


def _allocator(zeroed: bool) -> Any:
    """The intrinsic ``allocate(count, dtype)``: a vector, zeroed or not; MemoryError where there is none.

    Its owner stands where an array's parent would, which compiled code does not look at.
    """

    @intrinsic
    def allocate(typingctx: Any, count: Any, dtype: Any) -> Any:
        element = dtype.dtype if isinstance(dtype, types.DType) else dtype.instance_type
        kind = types.Array(element, 1, "C")

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            itemsize = INT64(context.get_abi_sizeof(context.get_data_type(element)))
            size = builder.mul(args[0], itemsize)
            owner = context.nrt.meminfo_alloc_aligned(builder, size, align=LINE)
            data = context.nrt.meminfo_data(builder, owner)
            if zeroed:
                cgutils.memset(builder, data, size, 0)
            array = context.make_array(kind)(context, builder)
            elements = builder.bitcast(data, array.data.type)
            populate_array(array, elements, [args[0]], [itemsize], itemsize, meminfo=None, parent=owner)
            return array._getvalue()

        return kind(types.intp, dtype), codegen

    return allocate


@intrinsic
def _free(typingctx: Any, vectors: Any) -> Any:
    """Give back the memory of a tuple of vectors that `empty` or `zeros` made, each once; nothing reads them again."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        for number, kind in enumerate(vectors):
            array = context.make_array(kind)(context, builder, builder.extract_value(args[0], number))
            context.nrt.decref(builder, types.MemInfoPointer(types.voidptr), array.parent)
        return context.get_dummy_value()

    return types.void(vectors), codegen


def _free_meaning(vectors: tuple[np.ndarray, ...]) -> None:
    """Python counts references."""


@intrinsic
def _either(typingctx: Any, first: Any, a: Any, b: Any) -> Any:
    """One of two vectors of a type, by a boolean; it refers to memory that is not its own, and nobody counts that."""
    kind = types.Array(a.dtype, 1, "C")

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        given = [context.make_array(k)(context, builder, value) for k, value in zip((a, b), args[1:], strict=True)]
        data, size = (
            builder.select(args[0], *found)
            for found in ([array.data for array in given], [array.nitems for array in given])
        )
        chosen, itemsize = context.make_array(kind)(context, builder), given[0].itemsize
        populate_array(chosen, data, [size], [itemsize], itemsize, meminfo=None)
        return chosen._getvalue()

    return kind(types.boolean, a, b), codegen


def _either_meaning(first: bool, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """`a` or `b`."""
    return a if first else b


either = _either_meaning if config.DISABLE_JIT else _either
free = _free_meaning if config.DISABLE_JIT else _free
empty = np.empty if config.DISABLE_JIT else _allocator(zeroed=False)
zeros = np.zeros if config.DISABLE_JIT else _allocator(zeroed=True)
