"""Numbers of several channels in one of 32 bits: two of 16 or four of 8, whose products tiles add (`VectorCode`)."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.extending import intrinsic

from fastconv.jit.emit import INT64, VectorCode
from fastconv.jit.machine import machine

__all__ = ["interleave_lanes"]


def _interleave_lanes_meaning(
    parts: int, values: np.ndarray, first: int, step: int, count: int, flip: int, numbers: np.ndarray, to: int
) -> None:
    """The parts of numbers[to + i], lowest first, are values[first + part * step + i], then zeros from `count` on.

    Bits that `flip` has are turned at last. Values may have fewer bits than a part, or more, which say nothing; as many
    are read and written as a vector of numbers has lanes.
    """
    n, bits = machine().vector_bytes // numbers.itemsize, 32 // parts
    found = np.full(n, flip, np.uint32)
    for part in range(count):
        values_of_part = values[first + part * step :][:n].astype(np.uint32)
        found ^= (values_of_part & np.uint32((1 << bits) - 1)) << np.uint32(bits * part)
    numbers[to : to + n] = found


@intrinsic(prefer_literal=True)
def _interleave_lanes(
    typingctx: Any, parts: Any, values: Any, first: Any, step: Any, count: Any, flip: Any, numbers: Any, to: Any
) -> Any:
    """As `_interleave_lanes_meaning`; `parts` is a literal. A loop takes ten times as long where planes have nine."""
    if not isinstance(parts, types.IntegerLiteral):
        return None
    whole, n_parts = types.intp, parts.literal_value
    signature = types.void(parts, values, whole, whole, whole, whole, numbers, whole)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        code, bits = VectorCode(context, builder, numbers.dtype), 32 // n_parts
        code.check(numbers, args[6], args[7], code.lanes)
        kind = ir.VectorType(ir.IntType(values.dtype.bitwidth), code.lanes)
        convert = builder.sext if values.dtype.signed else builder.zext
        if values.dtype.bitwidth > code.type.element.width:
            convert = builder.trunc

        def splat(number: Any) -> Any:
            return code.broadcast(builder.trunc(number, code.type.element))

        found = splat(args[5])
        for part in range(n_parts):
            there = builder.icmp_signed("<", INT64(part), args[4])
            step = builder.select(there, args[3], INT64(0))
            at = builder.add(args[2], builder.mul(step, INT64(part)))
            code.check(values, args[1], at, code.lanes)
            pointer = builder.bitcast(code.pointer(values, args[1], at), kind.as_pointer())
            loaded = builder.load(pointer, align=values.dtype.bitwidth // 8)
            if kind != code.type:
                loaded = convert(loaded, code.type)
            kept = builder.and_(loaded, splat(builder.select(there, INT64((1 << bits) - 1), INT64(0))))
            moved = builder.shl(kept, ir.Constant(code.type, [bits * part] * code.lanes))
            found = builder.xor(found, moved)
        code.store(found, code.pointer(numbers, args[6], args[7]), 0)
        return context.get_dummy_value()

    return signature, codegen


interleave_lanes = _interleave_lanes_meaning if config.DISABLE_JIT else _interleave_lanes
