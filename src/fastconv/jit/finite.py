"""Whether all numbers of an array are finite, and far enough from being infinite to be summed."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from fastconv.jit.decorators import helper
from fastconv.jit.emit import INT64, VectorCode

__all__ = ["all_moderate", "are_finite"]

#: Vectors that are summed apart from each other, so that no sum waits for the last.
_SUMS = 4
#: How many numbers may be added up.
MARGIN = 8.0


@helper
def are_finite(values: Any, begin: int, end: int) -> bool:
    """Whether each from one place to another is a finite number, of any type, so that a zero times it is zero."""
    strange = False
    for i in range(begin, end):
        strange |= values[i] * values.dtype.type(0) != values.dtype.type(0)
    return not strange


def _all_moderate_meaning(array: np.ndarray, count: int) -> bool:
    """Whether the first `count` numbers are finite, also `MARGIN` times each.

    They are floats, and fill whole groups of four vectors.
    """
    return bool((np.abs(array[:count]) <= np.finfo(array.dtype).max / MARGIN).all())


@intrinsic
def _all_moderate(typingctx: Any, array: Any, count: Any) -> Any:
    """As `_all_moderate_meaning`: zero times `MARGIN` times each is summed, and stays zero.

    LLVM's vectors of comparisons take four times as long.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        code = VectorCode(context, builder, array.dtype)
        code.check(array, args[0], INT64(0), args[1])
        base = code.pointer(array, args[0], INT64(0))
        sums = [cgutils.alloca_once_value(builder, code.zero) for _ in range(_SUMS)]
        step, margin = INT64(_SUMS * code.lanes), ir.Constant(code.type, [MARGIN] * code.lanes)
        with cgutils.for_range_slice(builder, INT64(0), args[1], step, INT64) as (first, _):
            for number, total in enumerate(sums):
                value = builder.fmul(code.load(base, builder.add(first, INT64(number * code.lanes))), margin)
                builder.store(code.multiply_add(value, code.zero, builder.load(total)), total)
        total = builder.load(sums[0])
        for other in sums[1:]:
            total = code.add(total, builder.load(other))
        lanes = builder.fcmp_ordered("==", total, code.zero)
        return builder.icmp_signed("==", builder.bitcast(lanes, ir.IntType(code.lanes)), ir.IntType(code.lanes)(-1))

    return types.boolean(array, types.intp), codegen


all_moderate = _all_moderate_meaning if config.DISABLE_JIT else _all_moderate
