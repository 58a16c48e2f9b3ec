"""Bounds checks for code that reads and writes memory by itself.

Numba checks the indices of arrays where it compiles with ``boundscheck=True``, or under NUMBA_BOUNDSCHECK=1. It knows
nothing of the addresses that an intrinsic works out, so intrinsics say here what they are about to touch.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils

__all__ = ["check_bounds"]


def check_bounds(context: Any, builder: Any, array: tuple[Any, Any], first: Any, count: Any) -> None:
    """Raise an IndexError unless `count` elements from `first` on are in the array, where bounds are checked.

    Elsewhere nothing is compiled. `array` is its Numba type and its value, `first` and `count` are LLVM integers, or
    ints; none at all may begin anywhere.
    """
    if not context.enable_boundscheck:
        return
    size = context.make_array(array[0])(context, builder, array[1]).nitems
    first, count = (ir.Constant(size.type, n) if isinstance(n, int) else n for n in (first, count))
    limit = builder.add(size, ir.Constant(size.type, 1))
    with builder.if_then(builder.icmp_signed("!=", count, ir.Constant(size.type, 0))):
        for number in (first, count, builder.add(first, count)):  # each from 0 to the size
            cgutils.do_boundscheck(context, builder, number, limit)
