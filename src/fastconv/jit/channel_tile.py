"""A tile that sums windows with channels as lanes: taps of some pixels, two vectors of channels at a time.

Where the channels of a pixel stand beside each other a tap is a vector that is loaded as it stands, whatever the stride
of the windows. Beside the LLVM vector code stands its meaning, which runs under NUMBA_DISABLE_JIT=1.
"""

from __future__ import annotations

from inspect import signature
from typing import Any, NamedTuple

import numpy as np
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from fastconv.jit.emit import INT64, VectorCode
from fastconv.jit.machine import machine
from fastconv.jit.pixel_code import whole_or_masked

__all__ = ["PRODUCTS", "SUM", "ChannelRun", "channel_tile"]

#: What is summed of a window: its taps times weights, or these themselves.
PRODUCTS, SUM = range(2)

#: Vectors of channels that a tile reduces at once.
VECTORS = 2


class ChannelRun(NamedTuple):
    """The numbers of a `channel_tile`.

    Attributes
    ----------
    at, step : int
        Place of the first channel in the input, and the step from row to row.
    tap_count : int
        Taps.
    channel : int
        Number of the first channel.
    to, pitch : int
        Its place in the result, and the step from row to row.
    left : int
        Channels that are wanted, of at most two vectors.
    """

    at: int
    step: int
    tap_count: int
    channel: int
    to: int
    pitch: int
    left: int


def _channel_tile_meaning(
    op: int,
    rows: int,
    run: ChannelRun,
    x: np.ndarray,
    offsets: np.ndarray,
    taps: np.ndarray,
    weights: np.ndarray,
    start: np.ndarray,
    y: np.ndarray,
) -> None:
    """y[to + row * pitch + i] = start[channel + i], then x[at + row * step + offsets[t] + i] for each tap t.

    For i below `left`, at most two vectors. `PRODUCTS` are with weights[taps[t] + channel + i].
    """
    left = min(run.left, VECTORS * machine().vector_bytes // start.itemsize)
    for row in range(rows):
        total = start[run.channel : run.channel + left].copy()
        for t in range(run.tap_count):
            first = run.at + row * run.step + offsets[t]
            values = x[first : first + left]
            total += values * weights[taps[t] + run.channel :][:left] if op == PRODUCTS else values
        y[run.to + row * run.pitch :][:left] = total


@intrinsic(prefer_literal=True)
def _channel_tile(
    typingctx: Any, op: Any, rows: Any, run: Any, x: Any, offsets: Any, taps: Any, weights: Any, start: Any, y: Any
) -> Any:
    """As `_channel_tile_meaning`; `op` and `rows` are literals."""
    if not (isinstance(op, types.IntegerLiteral) and isinstance(rows, types.IntegerLiteral)):
        return None
    kinds = types.void(op, rows, run, x, offsets, taps, weights, start, y)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        code = _Reduction(context, builder, signature.args, args, op.literal_value, rows.literal_value)
        whole_or_masked(builder, code.run.left, VECTORS * code.code.lanes, code.write)
        return context.get_dummy_value()

    return kinds, codegen


#: The arguments of a tile by name.
_ARGUMENTS = list(signature(_channel_tile_meaning).parameters)


class _Reduction:
    """Writes the code of a tile; arguments go by their names."""

    def __init__(self, context: Any, builder: Any, kinds: Any, args: Any, op: int, rows: int) -> None:
        self.builder, self.op, self.rows = builder, op, rows
        self.kinds, self.args = (dict(zip(_ARGUMENTS, found, strict=True)) for found in (kinds, args))
        self.run = ChannelRun(*cgutils.unpack_tuple(builder, self.args["run"]))
        self.code = VectorCode(context, builder, self.kinds["start"].dtype)

    def pointer(self, name: str, index: Any) -> Any:
        """Where an element of an array argument stands."""
        return self.code.pointer(self.kinds[name], self.args[name], index)

    def check(self, name: str, first: Any, count: Any) -> None:
        """See to it that elements of an array argument are there."""
        self.code.check(self.kinds[name], self.args[name], first, count)

    def combine(self, total: Any, value: Any, weight: Any) -> Any:
        """One more tap."""
        return self.code.multiply_add(value, weight, total) if self.op == PRODUCTS else self.code.add(total, value)

    def write(self, left: Any) -> None:
        """All taps, for whole vectors, or for so many channels as are left."""
        builder, code, run, rows = self.builder, self.code, self.run, self.rows
        n = code.lanes
        used = INT64(VECTORS * n) if left is None else left
        masks = [None if left is None else code.mask(INT64(v * n), left) for v in range(VECTORS)]

        def load(base: Any, v: int) -> Any:
            return code.load(base, v * n) if masks[v] is None else code.load_masked(base, INT64(v * n), masks[v])

        self.check("offsets", INT64(0), run.tap_count)
        self.check("taps", INT64(0), run.tap_count)
        self.check("start", run.channel, used)
        for row in range(rows):
            self.check("y", builder.add(run.to, builder.mul(run.pitch, INT64(row))), used)
        first = [load(self.pointer("start", run.channel), v) for v in range(VECTORS)]
        entry = builder.block
        loop, done = builder.append_basic_block("tap"), builder.append_basic_block("reduced")
        total = [list(first) for _ in range(rows)]
        builder.cbranch(builder.icmp_signed(">", run.tap_count, INT64(0)), loop, done)
        builder.position_at_end(loop)
        tap = builder.phi(INT64)
        tap.add_incoming(INT64(0), entry)
        sums = [[builder.phi(code.type) for _ in range(VECTORS)] for _ in range(rows)]
        place = builder.add(run.at, builder.load(builder.gep(self.pointer("offsets", INT64(0)), [tap])))
        weights: list[Any] = [None] * VECTORS
        if self.op == PRODUCTS:
            weight_at = builder.add(run.channel, builder.load(builder.gep(self.pointer("taps", INT64(0)), [tap])))
            self.check("weights", weight_at, used)
            weights = [load(self.pointer("weights", weight_at), v) for v in range(VECTORS)]
        new = []
        for row in range(rows):
            at = builder.add(place, builder.mul(run.step, INT64(row)))
            self.check("x", at, used)
            base = self.pointer("x", at)
            new.append([self.combine(sums[row][v], load(base, v), weights[v]) for v in range(VECTORS)])
        latch, following = builder.block, builder.add(tap, INT64(1))
        tap.add_incoming(following, latch)
        for row in range(rows):
            for v in range(VECTORS):
                sums[row][v].add_incoming(total[row][v], entry)
                sums[row][v].add_incoming(new[row][v], latch)
        builder.cbranch(builder.icmp_signed("<", following, run.tap_count), loop, done)
        builder.position_at_end(done)
        for row in range(rows):
            for v in range(VECTORS):
                value = builder.phi(code.type)
                value.add_incoming(total[row][v], entry)
                value.add_incoming(new[row][v], latch)
                total[row][v] = value
        for row in range(rows):
            base = self.pointer("y", builder.add(run.to, builder.mul(run.pitch, INT64(row))))
            for v in range(VECTORS):
                if masks[v] is None:
                    code.store(total[row][v], base, v * n)
                else:
                    code.store_masked(total[row][v], base, INT64(v * n), masks[v])


channel_tile = _channel_tile_meaning if config.DISABLE_JIT else _channel_tile
