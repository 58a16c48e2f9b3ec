"""Two runs of elements put together, one of each in turn: outputs of the two phases of a row."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from fastconv.jit.copy import move_short
from fastconv.jit.emit import INT64, VectorCode

__all__ = ["zip_runs"]


def _zip_runs_meaning(target: np.ndarray, to: int, source: np.ndarray, even: int, odd: int, count: int) -> None:
    """target[to + 2 * i] = source[even + i] and target[to + 2 * i + 1] = source[odd + i] for i below `count`.

    The arrays are of one type and do not overlap.
    """
    target[to : to + 2 * count : 2] = source[even : even + count]
    target[to + 1 : to + 2 * count : 2] = source[odd : odd + count]


@intrinsic
def _zip_runs(typingctx: Any, target: Any, to: Any, source: Any, even: Any, odd: Any, count: Any) -> Any:
    """As `_zip_runs_meaning`.

    A run is pieces of a vector, of which the last ends where it does; one that is shorter than a vector is two pieces
    of the longest power of two of elements that fits it.
    """
    whole = types.intp
    signature = types.void(target, whole, source, whole, whole, whole)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        code, count = VectorCode(context, builder, target.dtype, moved=True), args[5]
        code.check(target, args[0], args[1], builder.mul(count, INT64(2)))
        there = code.pointer(target, args[0], args[1])
        here = []
        for first in args[3:5]:
            code.check(source, args[2], first, count)
            here.append(code.pointer(source, args[2], first))

        def move(width: int, place: Any) -> None:
            kind = ir.VectorType(code.type.element, width * code.parts).as_pointer()
            a, b = (builder.load(builder.bitcast(builder.gep(base, [place]), kind), align=1) for base in here)
            places = [half + side for half in range(width) for side in (0, width)]
            for part in (0, 1):
                at = builder.add(builder.mul(place, INT64(2)), INT64(part * width))
                piece = code.shuffle(a, b, places[part * width :][:width])
                builder.store(piece, builder.bitcast(builder.gep(there, [at]), kind), align=1)

        last = builder.sub(count, INT64(code.lanes))
        with builder.if_else(builder.icmp_signed(">", last, INT64(0))) as (vectors, pieces):
            with vectors:
                with cgutils.for_range_slice(builder, INT64(0), last, INT64(code.lanes), INT64) as (place, _):
                    move(code.lanes, place)
                move(code.lanes, last)
            with pieces:
                move_short(builder, count, code.lanes, move)
        return context.get_dummy_value()

    return signature, codegen


zip_runs = _zip_runs_meaning if config.DISABLE_JIT else _zip_runs
