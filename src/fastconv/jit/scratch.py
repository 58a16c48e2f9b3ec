"""Scratch memory of a kernel, as vectors.

NumPy's words for it compile four functions for each type in Numba, a fifteenth of a convolution's compile time, and put
vectors at multiples of 32 bytes. These compile to a few instructions, and a vector begins where a cache line does.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import config, types
from numba.core import cgutils
from numba.core.imputils import impl_ret_new_ref
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array

from fastconv.jit.emit import INT64
from fastconv.jit.machine import LINE

__all__ = ["empty", "zeros"]


def _allocator(zeroed: bool) -> Any:
    """The intrinsic ``allocate(count, dtype)``: a vector, zeroed or not; MemoryError where there is none."""

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
            populate_array(array, elements, [args[0]], [itemsize], itemsize, meminfo=owner)
            return impl_ret_new_ref(context, builder, kind, array._getvalue())

        return kind(types.intp, dtype), codegen

    return allocate


empty = np.empty if config.DISABLE_JIT else _allocator(zeroed=False)
zeros = np.zeros if config.DISABLE_JIT else _allocator(zeroed=True)
