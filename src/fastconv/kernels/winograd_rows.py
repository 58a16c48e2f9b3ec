"""Convolution by Winograd's minimal filtering down the columns: pairs of output rows, with pixels as lanes.

There are four products in place of six, nothing is gathered, and nothing written but the outputs: it pays for the few
channels of a group, for which tiles in two dimensions (`fastconv.kernels.winograd`) take longer to transform than to
multiply.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from fastconv.jit.decorators import inlined
from fastconv.jit.kernel import kernel
from fastconv.jit.machine import machine
from fastconv.jit.pair_tile import POINTS, PairRun, pair_tile
from fastconv.jit.scratch import empty, free, zeros
from fastconv.jit.tile import lanes
from fastconv.kernels.activation import activate, keep
from fastconv.kernels.conv_table import SLAB_AT, ConvHead, block_of, output_axes, read_head, read_phase
from fastconv.kernels.slab import slab_axes, source_of

__all__ = ["COLUMNS", "PAIR", "ROWS", "winograd_rows"]

#: Output channels of a tile, the taps of a row, and the rows of its outputs.
ROWS, COLUMNS, PAIR = machine().pair_rows, 3, 2


class _Channels(NamedTuple):
    """Output channels `begin` to `end` of a group, the first of which is number `first` of all."""

    begin: int
    end: int
    first: int


class _Weights(NamedTuple):
    """What the tiles of a group multiply by and begin with.

    Attributes
    ----------
    values : vector
        The weights at all points, as [row block, depth, point, channel of the row block].
    starts : vector
        The bias, or zeros.
    block : int
        Values of a row block.
    """

    values: Any
    starts: Any
    block: int


@inlined
def _fill_weights(
    to: _Weights, weights: Any, bias: Any, head: ConvHead, group: int, depths: int, channels: _Channels
) -> None:
    """Fill in the weights of some channels, which are packed as [group, row of taps, row block, depth, channel]."""
    step, half = depths * head.padded_out, to.values.dtype.type(0.5)
    for number in range(channels.begin // ROWS, (channels.end + ROWS - 1) // ROWS):
        for depth in range(depths):
            at = group * head.depth * head.padded_out + (number * depths + depth) * ROWS
            place = number * to.block + depth * POINTS * ROWS
            for row in range(ROWS):
                first, middle, last = weights[at + row], weights[at + step + row], weights[at + 2 * step + row]
                ends, middle = (first + last) * half, middle * half
                to.values[place + row] = first
                to.values[place + ROWS + row] = ends + middle
                to.values[place + 2 * ROWS + row] = ends - middle
                to.values[place + 3 * ROWS + row] = last
    for channel in range(channels.begin, channels.end):
        to.starts[channel] = bias[channels.first + channel] if bias.size else 0


class _Pair(NamedTuple):
    """Where the four input rows of a pair stand, of which those from `first` to `last` are there; `rows` go to `to`."""

    at: int
    first: int
    last: int
    to: int
    rows: int


def _body(apply: Any) -> Callable[..., None]:
    """The body around one way to apply an activation."""

    def convolve(
        begin: int, end: int, x: Any, weights: Any, bias: Any, y: Any, table: Any, offsets: Any, strange: Any
    ) -> None:
        """y = activation(weights * x + bias) for some tasks; see `CONV_TABLE`, whose phases are rows of taps.

        ``strange[task]`` becomes 0 unless an output is infinite or not a number: then outputs beside it may be, too.
        """
        head, axes, out = read_head(table, 0), slab_axes(table, SLAB_AT), output_axes(table)
        d, h, w, columns, depths = axes.d, axes.h, axes.w, out.w.size, read_phase(table, head.phases_at).depths
        channel_size, n = out.d.size * out.h.size * columns, lanes(y)
        nothing = zeros(w.size, y.dtype)
        size = POINTS * depths * ROWS
        mine = _Weights(empty(head.row_blocks * size, y.dtype), zeros(head.padded_out, y.dtype), size)
        known = np.int64(-1)
        for task in range(begin, end):
            block = block_of(task, head.splits, head.groups, out)
            channels = _Channels(
                block.split * head.row_blocks // head.splits * ROWS,
                min((block.split + 1) * head.row_blocks // head.splits * ROWS, head.out_channels),
                block.group * head.out_channels,
            )
            if known != block.group * head.splits + block.split:  # the blocks of an image share them
                _fill_weights(mine, weights, bias, head, block.group, depths, channels)
                known = block.group * head.splits + block.split
            plane, found = source_of(table, d, block.first.d - d.low), 0
            image = head.x_base + block.n * head.x_batch + block.group * head.channels * head.x_channel
            result = (block.n * head.groups * head.out_channels + channels.first) * channel_size
            for row in range(block.first.h, min(block.first.h + out.h.block, out.h.size), PAIR):
                source = row - h.low
                pair = _Pair(
                    image + plane * d.stride + source * h.stride,
                    max(0, -source),
                    min(POINTS, h.size - source) if plane >= 0 else 0,
                    result + (block.first.d * out.h.size + row) * columns,
                    min(PAIR, out.h.size - row),
                )
                for channel in range(channels.begin, channels.end, ROWS):
                    in_use, to = min(ROWS, channels.end - channel), pair.to + channel * channel_size
                    for column in range(0, columns, n):
                        run = PairRun(
                            pair.at, h.stride, pair.first, pair.last, w.size, head.channels, head.x_channel,
                            column - w.low, channel // ROWS * size, channel, to + column, columns, channel_size,
                            pair.rows, in_use, min(n, columns - column),
                        )  # fmt: skip
                        found |= pair_tile(ROWS, COLUMNS, run, x, nothing, mine.values, mine.starts, y)
                    for number in range(in_use):
                        at = to + number * channel_size
                        apply(y, at, at + pair.rows * columns, head.activation)
            strange[task] = found
        free((nothing, mine.values, mine.starts))

    return convolve


winograd_rows = {
    activated: kernel(_body(activate if activated else keep), f"winograd_rows{'_activated' * activated}")
    for activated in (False, True)
}
