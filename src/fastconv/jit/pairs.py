"""Pairs of 16-bit numbers, each in the place of one of 32 bits, whose products tiles add at once (`VectorCode`)."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.extending import intrinsic

from fastconv.jit.emit import VectorCode
from fastconv.jit.machine import machine

__all__ = ["pair_lanes"]


def _pair_lanes_meaning(values: np.ndarray, lower: int, upper: int, mask: int, pairs: np.ndarray, to: int) -> None:
    """pairs[to + i] has values[lower + i] in its lower half and values[upper + i] & mask in its upper one.

    The numbers have up to 16 bits; as many are read and written as a vector of pairs has lanes.
    """
    n = machine().vector_bytes // pairs.itemsize
    low, high = (values[at : at + n].astype(np.int32) for at in (lower, upper))
    pairs[to : to + n] = (high & mask) << 16 | low & 0xFFFF


@intrinsic
def _pair_lanes(typingctx: Any, values: Any, lower: Any, upper: Any, mask: Any, pairs: Any, to: Any) -> Any:
    """As `_pair_lanes_meaning`. A loop takes ten times as long where planes have nine numbers."""
    whole = types.intp
    signature = types.void(values, whole, whole, whole, pairs, whole)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        code = VectorCode(context, builder, pairs.dtype)
        code.check(pairs, args[4], args[5], code.lanes)
        kind = ir.VectorType(ir.IntType(values.dtype.bitwidth), code.lanes)
        widen = builder.sext if values.dtype.signed else builder.zext

        def load(at: Any) -> Any:
            code.check(values, args[0], at, code.lanes)
            pointer = builder.bitcast(code.pointer(values, args[0], at), kind.as_pointer())
            return widen(builder.load(pointer, align=values.dtype.bitwidth // 8), code.type)

        def splat(number: int) -> Any:
            return ir.Constant(code.type, [number] * code.lanes)

        low, high = load(args[1]), load(args[2])
        high = builder.and_(high, code.broadcast(builder.trunc(args[3], code.type.element)))
        both = builder.or_(builder.shl(high, splat(16)), builder.and_(low, splat(0xFFFF)))
        code.store(both, code.pointer(pairs, args[4], args[5]), 0)
        return context.get_dummy_value()

    return signature, codegen


pair_lanes = _pair_lanes_meaning if config.DISABLE_JIT else _pair_lanes
