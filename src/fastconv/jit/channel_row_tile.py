"""The tile of a row of channels-last pixels: outputs whose windows share columns, a vector of channels of each.

It is the turned tile (`fastconv.jit.turned_tile`) for images that stay where they are: a pixel of a row is loaded once
for all windows that see it, and the weights of a row of taps once for all outputs. Of channels that fill no vector it
touches those that are there.
"""

from __future__ import annotations

from functools import partial
from inspect import signature
from itertools import product
from typing import Any

import numpy as np
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from fastconv.jit.channel_tile import ChannelRun
from fastconv.jit.emit import INT64, VectorCode
from fastconv.jit.machine import machine
from fastconv.jit.turned_tile import TurnedShape

__all__ = ["channel_row_tile"]


def _row_tile_meaning(
    shape: TurnedShape,
    run: ChannelRun,
    x: np.ndarray,
    offsets: np.ndarray,
    taps: np.ndarray,
    weights: np.ndarray,
    start: np.ndarray,
    y: np.ndarray,
) -> None:
    """y[to + p * pitch + i] = start[channel + i] + the sum of weights[taps[t + s] + channel + i] times
    x[at + offsets[t] + (p * shape.step + s) * step + i], over the first tap t of each row of taps, and s of the row.

    For i below `left`, at most a vector; `run.step` is that from column to column.
    """
    left = min(run.left, machine().vector_bytes // x.itemsize)
    for p in range(shape.pixels):
        total = start[run.channel : run.channel + left].copy()
        for t, s in product(range(0, run.tap_count, shape.taps), range(shape.taps)):
            first = run.at + offsets[t] + (p * shape.step + s) * run.step
            total += x[first : first + left] * weights[taps[t + s] + run.channel :][:left]
        y[run.to + p * run.pitch :][:left] = total


#: The arguments of a tile by name.
_ARGUMENTS = list(signature(_row_tile_meaning).parameters)[1:]


def channel_row_tile(shape: TurnedShape) -> Any:
    """The tile of a shape, for kernels: as `_row_tile_meaning`, but for the shape."""
    if config.DISABLE_JIT:
        return partial(_row_tile_meaning, shape)

    @intrinsic
    def tile(typingctx: Any, run: Any, x: Any, offsets: Any, taps: Any, weights: Any, start: Any, y: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            code = _RowTile(VectorCode(context, builder, x.dtype), shape, signature.args, args)
            whole_vector = builder.icmp_signed(">=", code.run.left, INT64(code.code.lanes))
            with builder.if_else(whole_vector, likely=True) as (unmasked, masked):
                with unmasked:
                    code.write(None)
                with masked:
                    code.write(code.run.left)
            return context.get_dummy_value()

        return types.void(run, x, offsets, taps, weights, start, y), codegen

    return tile


class _RowTile:
    """Writes the code of a tile."""

    def __init__(self, code: VectorCode, shape: TurnedShape, kinds: Any, args: Any) -> None:
        self.code, self.builder, self.shape = code, code.builder, shape
        self.arrays = dict(zip(_ARGUMENTS, zip(kinds, args, strict=True), strict=True))
        self.run = ChannelRun(*cgutils.unpack_tuple(self.builder, args[0]))

    def pointer(self, name: str, first: Any, count: Any) -> Any:
        """Where elements of an array argument stand, of which so many are touched."""
        self.code.check(*self.arrays[name], first, count)
        return self.code.pointer(*self.arrays[name], first)

    def pixels(self, name: str, first: Any, step: Any, count: int, used: Any) -> list[Any]:
        """Where so many pixels stand, each a step behind the one before."""
        self.code.check_rows(*self.arrays[name], first, step, used, INT64(count))
        found = [self.code.pointer(*self.arrays[name], first)]
        for _ in range(1, count):
            found.append(self.builder.gep(found[-1], [step]))
        return found

    def write(self, left: Any) -> None:
        """All taps, for a whole vector, or for so many channels as are left."""
        builder, code, run, shape = self.builder, self.code, self.run, self.shape
        used = INT64(code.lanes) if left is None else left
        mask = None if left is None else code.mask(INT64(0), left)

        def load(base: Any) -> Any:
            return code.load(base, 0) if mask is None else code.load_masked(base, INT64(0), mask)

        start = load(self.pointer("start", run.channel, used))
        sums = [cgutils.alloca_once_value(builder, start) for _ in range(shape.pixels)]
        offsets, taps = (self.pointer(name, INT64(0), run.tap_count) for name in ("offsets", "taps"))
        with cgutils.for_range_slice(builder, INT64(0), run.tap_count, INT64(shape.taps), intp=INT64) as (tap, _):
            weights = []
            for s in range(shape.taps):
                weight_at = builder.load(builder.gep(taps, [builder.add(tap, INT64(s))]))
                weights.append(load(self.pointer("weights", builder.add(weight_at, run.channel), used)))
            at = builder.add(run.at, builder.load(builder.gep(offsets, [tap])))
            for place, pixel_at in enumerate(self.pixels("x", at, run.step, shape.reach, used)):
                value = load(pixel_at)
                for s, weight in enumerate(weights):
                    pixel, rest = divmod(place - s, shape.step)
                    if rest == 0 and 0 <= pixel < shape.pixels:
                        total = sums[pixel]
                        builder.store(code.multiply_add(weight, value, builder.load(total)), total)
        for total, to in zip(sums, self.pixels("y", run.to, run.pitch, shape.pixels, used), strict=True):
            value = builder.load(total)
            if mask is None:
                code.store(value, to, 0)
            else:
                code.store_masked(value, to, INT64(0), mask)
