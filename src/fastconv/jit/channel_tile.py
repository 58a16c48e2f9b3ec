"""A tile that reduces windows with channels as lanes: taps of some pixels, two vectors of channels at a time.

Where the channels of a pixel stand beside each other a tap is a vector that is loaded as it stands, whatever the stride
of the windows. Beside the LLVM vector code stands its meaning, which runs under NUMBA_DISABLE_JIT=1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import config, types
from numba.extending import intrinsic

from fastconv.jit.emit import INT64, VectorCode, lane_count
from fastconv.jit.machine import machine

__all__ = ["MAXIMUM", "PRODUCTS", "SUM", "channel_tile"]

#: What becomes of the taps of a window.
PRODUCTS, MAXIMUM, SUM = range(3)

#: Vectors of channels that a tile reduces at once.
VECTORS = 2


def _channel_tile_meaning(
    op: int,
    rows: int,
    x: np.ndarray,
    at: int,
    step: int,
    offsets: np.ndarray,
    taps: np.ndarray,
    count: int,
    weights: np.ndarray,
    start: np.ndarray,
    channel: int,
    y: np.ndarray,
    to: int,
    pitch: int,
    left: int,
) -> None:
    """y[to + row * pitch + i] = start[channel + i], then x[at + row * step + offsets[t] + i] for each t below `count`.

    For i below `left`, at most two vectors. What is summed are products with weights[taps[t] + channel + i].
    """
    left = min(left, VECTORS * machine().vector_bytes // x.itemsize)
    for row in range(rows):
        total = start[channel : channel + left].copy()
        for t in range(count):
            first = at + row * step + offsets[t]
            values = x[first : first + left]
            if op == PRODUCTS:
                total += values * weights[taps[t] + channel :][:left]
            elif op == SUM:
                total += values
            else:
                total = np.where((values > total) | (values != values), values, total)
        y[to + row * pitch :][:left] = total


@intrinsic(prefer_literal=True)
def _channel_tile(
    typingctx: Any, op: Any, rows: Any, x: Any, at: Any, step: Any, offsets: Any, taps: Any, count: Any, weights: Any,
    start: Any, channel: Any, y: Any, to: Any, pitch: Any, left: Any,
) -> Any:  # fmt: skip
    """As `_channel_tile_meaning`; `op` and `rows` are literals."""
    if not (isinstance(op, types.IntegerLiteral) and isinstance(rows, types.IntegerLiteral)):
        return None
    whole = types.intp
    signature = types.void(
        op, rows, x, whole, whole, offsets, taps, whole, weights, start, whole, y, whole, whole, whole
    )

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        code = _Reduction(context, builder, signature.args, args, op.literal_value, rows.literal_value)
        whole_vectors = builder.icmp_signed(">=", args[14], INT64(VECTORS * lane_count(x.dtype)))
        with builder.if_else(whole_vectors, likely=True) as (unmasked, masked):
            with unmasked:
                code.write(None)
            with masked:
                code.write(args[14])
        return context.get_dummy_value()

    return signature, codegen


class _Reduction:
    """Writes the code of a tile; arguments are numbered as the intrinsic's."""

    def __init__(self, context: Any, builder: Any, kinds: Any, args: Any, op: int, rows: int) -> None:
        self.builder, self.kinds, self.args, self.op, self.rows = builder, kinds, args, op, rows
        self.code = VectorCode(context, builder, kinds[2].dtype)

    def pointer(self, number: int, index: Any) -> Any:
        """Where an element of an array argument stands."""
        return self.code.pointer(self.kinds[number], self.args[number], index)

    def check(self, number: int, first: Any, count: Any) -> None:
        """See to it that elements of an array argument are there."""
        self.code.check(self.kinds[number], self.args[number], first, count)

    def combine(self, total: Any, value: Any, weight: Any) -> Any:
        """One more tap."""
        builder, code = self.builder, self.code
        if self.op == PRODUCTS:
            return code.multiply_add(value, weight, total)
        if self.op == SUM:
            return code.add(total, value)
        if isinstance(self.kinds[2].dtype, types.Float):
            greater = builder.fcmp_ordered(">", value, total)
            greater = builder.or_(greater, builder.fcmp_unordered("uno", value, value))
        else:
            greater = builder.icmp_signed(">", value, total)
        return builder.select(greater, value, total)

    def write(self, left: Any) -> None:
        """All taps, for whole vectors, or for so many channels as are left."""
        builder, code, args, rows = self.builder, self.code, self.args, self.rows
        n = code.lanes
        used = INT64(VECTORS * n) if left is None else left
        masks = [None if left is None else code.mask(INT64(v * n), left) for v in range(VECTORS)]

        def load(base: Any, v: int) -> Any:
            return code.load(base, v * n) if masks[v] is None else code.load_masked(base, INT64(v * n), masks[v])

        self.check(5, INT64(0), args[7])
        self.check(6, INT64(0), args[7])
        self.check(9, args[10], used)
        for row in range(rows):
            self.check(11, builder.add(args[12], builder.mul(args[13], INT64(row))), used)
        first = [load(self.pointer(9, args[10]), v) for v in range(VECTORS)]
        entry = builder.block
        loop, done = builder.append_basic_block("tap"), builder.append_basic_block("reduced")
        total = [list(first) for _ in range(rows)]
        builder.cbranch(builder.icmp_signed(">", args[7], INT64(0)), loop, done)
        builder.position_at_end(loop)
        tap = builder.phi(INT64)
        tap.add_incoming(INT64(0), entry)
        sums = [[builder.phi(code.type) for _ in range(VECTORS)] for _ in range(rows)]
        place = builder.add(args[3], builder.load(builder.gep(self.pointer(5, INT64(0)), [tap])))
        weights: list[Any] = [None] * VECTORS
        if self.op == PRODUCTS:
            weight_at = builder.add(args[10], builder.load(builder.gep(self.pointer(6, INT64(0)), [tap])))
            self.check(8, weight_at, used)
            weights = [load(self.pointer(8, weight_at), v) for v in range(VECTORS)]
        new = []
        for row in range(rows):
            at = builder.add(place, builder.mul(args[4], INT64(row)))
            self.check(2, at, used)
            base = self.pointer(2, at)
            new.append([self.combine(sums[row][v], load(base, v), weights[v]) for v in range(VECTORS)])
        latch, following = builder.block, builder.add(tap, INT64(1))
        tap.add_incoming(following, latch)
        for row in range(rows):
            for v in range(VECTORS):
                sums[row][v].add_incoming(total[row][v], entry)
                sums[row][v].add_incoming(new[row][v], latch)
        builder.cbranch(builder.icmp_signed("<", following, args[7]), loop, done)
        builder.position_at_end(done)
        for row in range(rows):
            for v in range(VECTORS):
                value = builder.phi(code.type)
                value.add_incoming(total[row][v], entry)
                value.add_incoming(new[row][v], latch)
                total[row][v] = value
        for row in range(rows):
            base = self.pointer(11, builder.add(args[12], builder.mul(args[13], INT64(row))))
            for v in range(VECTORS):
                if masks[v] is None:
                    code.store(total[row][v], base, v * n)
                else:
                    code.store_masked(total[row][v], base, INT64(v * n), masks[v])


channel_tile = _channel_tile_meaning if config.DISABLE_JIT else _channel_tile
