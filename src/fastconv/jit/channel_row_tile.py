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
from fastconv.jit.pixel_code import PixelCode, whole_or_masked
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
            code, r = VectorCode(context, builder, x.dtype), ChannelRun(*cgutils.unpack_tuple(builder, args[0]))

            def write(left: Any) -> None:
                _RowTile(code, _ARGUMENTS, signature.args, args, left).write(shape, r)

            whole_or_masked(builder, r.left, code.lanes, write)
            return context.get_dummy_value()

        return types.void(run, x, offsets, taps, weights, start, y), codegen

    return tile


class _RowTile(PixelCode):
    """Writes the code of a tile."""

    def pointer(self, name: str, first: Any, count: Any) -> Any:
        """Where elements of an array argument stand, of which so many are touched."""
        self.code.check(*self.arrays[name], first, count)
        return self.code.pointer(*self.arrays[name], first)

    def write(self, shape: TurnedShape, run: ChannelRun) -> None:
        """All taps."""
        builder, code = self.builder, self.code
        start = self.load(self.pointer("start", run.channel, self.used))
        sums = [cgutils.alloca_once_value(builder, start) for _ in range(shape.pixels)]
        offsets, taps = (self.pointer(name, INT64(0), run.tap_count) for name in ("offsets", "taps"))
        with cgutils.for_range_slice(builder, INT64(0), run.tap_count, INT64(shape.taps), intp=INT64) as (tap, _):
            weights = []
            for s in range(shape.taps):
                weight_at = builder.load(builder.gep(taps, [builder.add(tap, INT64(s))]))
                weights.append(self.load(self.pointer("weights", builder.add(weight_at, run.channel), self.used)))
            at = builder.add(run.at, builder.load(builder.gep(offsets, [tap])))
            for place, pixel_at in enumerate(self.pixels("x", at, run.step, shape.reach)):
                value = self.load(pixel_at)
                for s, weight in enumerate(weights):
                    pixel, rest = divmod(place - s, shape.step)
                    if rest == 0 and 0 <= pixel < shape.pixels:
                        total = sums[pixel]
                        builder.store(code.multiply_add(weight, value, builder.load(total)), total)
        for total, to in zip(sums, self.pixels("y", run.to, run.pitch, shape.pixels), strict=True):
            self.store(builder.load(total), to)
