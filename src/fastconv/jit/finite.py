"""Whether all numbers of an array are finite."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from fastconv.jit.emit import INT64, VectorCode

__all__ = ["all_finite"]

#: Vectors that are summed apart from each other, so that no sum waits for the last.
_SUMS = 4


def _all_finite_meaning(array: np.ndarray, count: int) -> bool:
    """Whether the first `count` numbers are finite: they are floats, and fill whole groups of four vectors."""
    return bool(np.isfinite(array[:count]).all())


@intrinsic
def _all_finite(typingctx: Any, array: Any, count: Any) -> Any:
    """As `_all_finite_meaning`: zero times each is summed, and stays zero.

    LLVM's vectors of comparisons take four times as long.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        code = VectorCode(context, builder, array.dtype)
        code.check(array, args[0], INT64(0), args[1])
        base = code.pointer(array, args[0], INT64(0))
        sums = [cgutils.alloca_once_value(builder, code.zero) for _ in range(_SUMS)]
        step = INT64(_SUMS * code.lanes)
        with cgutils.for_range_slice(builder, INT64(0), args[1], step, INT64) as (first, _):
            for number, total in enumerate(sums):
                value = code.load(base, builder.add(first, INT64(number * code.lanes)))
                builder.store(code.multiply_add(value, code.zero, builder.load(total)), total)
        total = builder.load(sums[0])
        for other in sums[1:]:
            total = code.add(total, builder.load(other))
        lanes = builder.fcmp_ordered("==", total, code.zero)
        return builder.icmp_signed("==", builder.bitcast(lanes, ir.IntType(code.lanes)), ir.IntType(code.lanes)(-1))

    return types.boolean(array, types.intp), codegen


all_finite = _all_finite_meaning if config.DISABLE_JIT else _all_finite
