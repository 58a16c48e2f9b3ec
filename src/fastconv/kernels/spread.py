"""Convolution with output channels as lanes: a tile sums pixels, each from wherever it stands, for two vectors of them.

The tile reads a pixel's numbers through a table of places, so pixels need not be neighbours: no gap between rows is
computed along, no inserted zero multiplied, and where no window reaches into padding the input is read where it stands,
whatever its strides. Its sums have channels beside each other: `fastconv.kernels.outlet` brings them to the result.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from fastconv.jit.copy import copy_run
from fastconv.jit.decorators import helper, inlined
from fastconv.jit.kernel import kernel
from fastconv.jit.machine import machine
from fastconv.jit.records import reader
from fastconv.jit.scratch import free, zeros
from fastconv.jit.tile import lanes, spread_tile
from fastconv.kernels.activation import activate, keep
from fastconv.kernels.conv_table import (
    CONV_TABLE,
    PHASE_FIELDS,
    ROW_BLOCK_FIELDS,
    SLAB_AT,
    TABLE_SIZE,
    ConvHead,
    RowBlock,
    block_of,
    numbers_in_block,
    output_axes,
    read_head,
    read_phase,
    read_row_block,
)
from fastconv.kernels.halo import gather_pixels, gather_plain
from fastconv.kernels.outlet import Target, list_targets, target_of_block, write_pixels, write_rows
from fastconv.kernels.slab import Images, Space, slab_axes, slab_channel_size

__all__ = ["SPREAD_TABLE", "STRIP", "PixelAxis", "SpreadHead", "spread_in_place", "spread_slab"]

# Literals for the compiler. The last pixels of a strip take half a tile, the last channels of a group fewer vectors.
ROWS = machine().spread_rows
HALF_ROWS = ROWS // 2
VECTORS = machine().spread_vectors
NARROW_ROWS = machine().narrow_rows
HALF_VECTORS = VECTORS // 2
ONE_VECTOR = 1

#: Most rows of a tile.
MOST_ROWS = max(ROWS, NARROW_ROWS)

#: Tiles of a strip, which are whole vectors: with AVX-512 their sums take 24 KiB of float32.
STRIP = 16

#: Most depths that are added one after the other: sums of 4608 products are then put together from six, whose error is
#: 0.4 times as large, and weights for so many depths stay in the second-level cache.
DEPTHS = 768


class PixelAxis(NamedTuple):
    """One axis of the input as pixels see it.

    Attributes
    ----------
    stride : int
        Input positions from one output of a phase to the next.
    step : int
        The same in elements of what the tile reads: the slab, or the input itself.
    y_step : int
        Step of the result from output to output, of whatever phase.
    """

    stride: int
    step: int
    y_step: int


class SpreadHead(NamedTuple):
    """What is the same for all pixels.

    Attributes
    ----------
    pitch : int
        Of a slab whose channels come last, elements from pixel to pixel; 0 where they come first.
    y_base, y_batch, y_channel : int
        Flat position of the first output, and the steps of batch and channel.
    """

    pitch: int
    y_base: int
    y_batch: int
    y_channel: int


#: What stands in a table, in this order.
SPREAD_TABLE = (*CONV_TABLE, PixelAxis, PixelAxis, PixelAxis, SpreadHead)

_pixel_axis, _spread_head = reader(PixelAxis), reader(SpreadHead)
_PIXEL_FIELDS = len(PixelAxis._fields)


@helper
def _pixel_axes(table: Any) -> Space:
    return Space(
        _pixel_axis(table, TABLE_SIZE),
        _pixel_axis(table, TABLE_SIZE + _PIXEL_FIELDS),
        _pixel_axis(table, TABLE_SIZE + 2 * _PIXEL_FIELDS),
    )


@helper
def _list_places(places: Any, base: int, pixel: Space, counts: Space) -> None:
    """Where each pixel of a block stands, row after row; then the last one again, for tiles that reach beyond it."""
    to = np.int64(0)
    at = base
    for d in range(counts.d):
        for h in range(counts.h):
            at = base + d * pixel.d.step + h * pixel.h.step
            row = places[to : to + counts.w]
            for w in range(row.size):
                row[w] = at + w * pixel.w.step
            to += counts.w
    last = places[to - 1]
    for p in range(to, to + MOST_ROWS):
        places[p] = last


class _Depths(NamedTuple):
    """What a tile adds up.

    Attributes
    ----------
    begin, end : int
        The depths; none for outputs that no tap reaches.
    at : int
        Where their packed weights begin.
    width : int
        Weights of a depth.
    first : bool
        Whether the sums begin with what stands in front of them, not with the sums of the depths before.
    """

    begin: int
    end: int
    at: int
    width: int
    first: bool


@helper
def _tile_rows(width: int, n: int) -> int:
    """Rows of a tile for so many channels, in vectors of `n`."""
    return ROWS if width > HALF_VECTORS * n else NARROW_ROWS


@helper
def _strip_pixels(rows: int, out: Space) -> int:
    """Pixels of a strip: whole tiles, for each phase of a row."""
    return max(1, STRIP // out.w.step) * rows


@inlined
def _sum(
    values: Any, places: Any, place_at: int, offsets: Any, depths: _Depths, weights: Any, pixels: int, sums: Any,
    to: int, step: int,
) -> None:  # fmt: skip
    """The sums of a tile's pixels, from the one whose place is number `place_at`; of more than `pixels`, if need be."""
    start, start_step = (0, 0) if depths.first else (to, step)
    if depths.begin == depths.end:  # outputs that no tap reaches: those of a kernel shorter than the stretch
        for row in range(pixels):
            for lane in range(depths.width):
                sums[to + row * step + lane] = sums[lane]
    elif depths.width == ONE_VECTOR * lanes(sums):
        spread_tile(
            NARROW_ROWS, ONE_VECTOR, values, places, place_at, offsets, depths.begin, depths.end, weights, depths.at,
            sums, start, start_step, sums, to, step,
        )  # fmt: skip
    elif HALF_VECTORS > 1 and depths.width == HALF_VECTORS * lanes(sums):
        spread_tile(
            NARROW_ROWS, HALF_VECTORS, values, places, place_at, offsets, depths.begin, depths.end, weights, depths.at,
            sums, start, start_step, sums, to, step,
        )  # fmt: skip
    elif pixels > HALF_ROWS:
        spread_tile(
            ROWS, VECTORS, values, places, place_at, offsets, depths.begin, depths.end, weights, depths.at,
            sums, start, start_step, sums, to, step,
        )  # fmt: skip
    else:
        spread_tile(
            HALF_ROWS, VECTORS, values, places, place_at, offsets, depths.begin, depths.end, weights, depths.at,
            sums, start, start_step, sums, to, step,
        )  # fmt: skip


@helper
def _the_input(x: Any, slab: Any) -> Any:
    return x


@helper
def _the_slab(x: Any, slab: Any) -> Any:
    return slab


def _body(in_place: bool, apply: Any) -> Callable[..., None]:
    """The convolution body that reads the input in place or a gathered slab, around one way to apply an activation."""
    read = _the_input if in_place else _the_slab

    @inlined
    def convolve_rows(
        values: Any, places: Any, offsets: Any, weights: Any, sums: Any, y: Any, table: Any, head: ConvHead,
        rows: RowBlock, group: int, origin: int, y_channel: int, phases: int, pixels: int, to: Target, targets: Any,
        out: Space,
    ) -> None:  # fmt: skip
        """All pixels of a block for one block of channels, a strip at a time."""
        width, step = rows.rows, out.w.step
        tile_rows, across = _tile_rows(width, lanes(y)), min(step, out.w.size)
        strip = _strip_pixels(tile_rows, out)
        # The sums of a strip stand behind what they begin with and up to a vector of pixels that were not written yet.
        strip_at, done = (1 + lanes(y)) * width, np.int64(0)
        for first in range(0, pixels, strip):
            count = min(strip, pixels - first)
            left = (first * step - done) * width
            copy_run(sums, strip_at - left, sums, strip_at + strip * step * width - left, left)
            base = strip_at - first * step * width
            for number in range(across):
                phase = read_phase(table, phases + PHASE_FIELDS * number)
                packed = (group * head.depth + phase.depth_at) * head.padded_out + rows.first * phase.depths
                parts = max(1, (phase.depths + DEPTHS - 1) // DEPTHS)
                depths = (phase.depths + parts - 1) // parts
                for part in range(parts):
                    begin, end = part * depths, min((part + 1) * depths, phase.depths)
                    part_depths = _Depths(
                        phase.depth_at + begin, phase.depth_at + end, packed + begin * width, width, part == 0
                    )
                    complete = number == across - 1 and part == parts - 1
                    for p in range(0, count, tile_rows):
                        at, ready = strip_at + width * p * step, min(p + tile_rows, count) * step
                        _sum(
                            values, places, first + p, offsets, part_depths, weights, min(tile_rows, count - p),
                            sums, at + number * width, width * step,
                        )  # fmt: skip
                        if complete:
                            apply(sums, at, strip_at + width * ready, head.activation)
                            ready += first * step
                            if y_channel == 1:
                                done = write_pixels(
                                    sums, base, width, done, ready, rows.channels, y, origin, targets
                                )  # fmt: skip
                            else:
                                done = write_rows(
                                    sums, base, width, done, ready, first + p + tile_rows >= pixels, rows.channels,
                                    y, origin, y_channel, to,
                                )  # fmt: skip

    def convolve(begin: int, end: int, x: Any, weights: Any, bias: Any, y: Any, table: Any, offsets: Any) -> None:
        """y = activation(weights * x + bias) for some tasks; see `SPREAD_TABLE` for the table."""
        head = read_head(table, 0)
        axes = slab_axes(table, SLAB_AT)
        out = output_axes(table)
        pixel = _pixel_axes(table)
        spread = _spread_head(table, TABLE_SIZE + 3 * _PIXEL_FIELDS)
        y_steps = Space(pixel.d.y_step, pixel.h.y_step, pixel.w.y_step)
        # What sums begin with, pixels of the strip before, the strip, and a vector of pixels that are read in vain.
        sums = zeros((1 + _strip_pixels(ROWS, out) * out.w.step + 2 * lanes(y)) * VECTORS * lanes(y), y.dtype)
        places = zeros(out.d.block * out.h.block * out.w.block + MOST_ROWS, np.int64)
        targets = zeros(out.d.block * out.h.block * out.w.block * out.w.step if spread.y_channel == 1 else 1, np.int64)
        slab = zeros(1 if in_place else max(head.channels, spread.pitch) * slab_channel_size(axes), y.dtype)
        sources = zeros(axes.d.positions + axes.h.positions + axes.w.positions, np.int64)
        values = read(x, slab)
        gathered = np.int64(-1)
        for task in range(begin, end):
            block = block_of(task, head.splits, head.groups, out)
            base = head.x_base + block.n * head.x_batch + block.group * head.channels * head.x_channel
            if in_place:
                base += block.first.d * pixel.d.step + block.first.h * pixel.h.step + block.first.w * pixel.w.step
            elif gathered != block.place:  # the parts of a group's row blocks share their slab
                first = Space(
                    block.first.d * pixel.d.stride - axes.d.low,
                    block.first.h * pixel.h.stride - axes.h.low,
                    block.first.w * pixel.w.stride - axes.w.low,
                )
                images = Images(base, head.channels, head.x_channel)
                if spread.pitch:
                    gather_pixels(slab, sources, x, images, table, axes, first, spread.pitch)
                else:
                    gather_plain(slab, sources, x, images, table, axes, first)
                gathered = block.place
            for number in range(0, head.phases, min(out.w.step, out.w.size)):
                phases = head.phases_at + PHASE_FIELDS * number
                phase = read_phase(table, phases)
                counts = Space(
                    numbers_in_block(out.d, phase.d, block.first.d),
                    numbers_in_block(out.h, phase.h, block.first.h),
                    numbers_in_block(out.w, 0, block.first.w),
                )
                if counts.d == 0 or counts.h == 0 or counts.w == 0:
                    continue
                _list_places(places, base if in_place else 0, pixel, counts)
                image = spread.y_base + block.n * spread.y_batch
                to = target_of_block(image, block, phase, out, counts, y_steps)
                if spread.y_channel == 1:
                    sums_in_block = counts.d * counts.h * counts.w * out.w.step
                    list_targets(targets, to, sums_in_block // (to.rows * to.pitch), y_steps.w)
                last_rows = (block.split + 1) * head.row_blocks // head.splits
                for b in range(block.split * head.row_blocks // head.splits, last_rows):
                    rows = read_row_block(table, head.row_blocks_at + ROW_BLOCK_FIELDS * b)
                    channel = block.group * head.out_channels + rows.first
                    for c in range(rows.rows):
                        sums[c] = bias[channel + c] if bias.size and c < rows.channels else 0
                    convolve_rows(
                        values, places, offsets, weights, sums, y, table, head, rows, block.group,
                        channel * spread.y_channel, spread.y_channel, phases, counts.d * counts.h * counts.w, to,
                        targets, out,
                    )  # fmt: skip
        free((sums, places, targets, slab, sources))

    return convolve


#: By whether they apply an activation.
spread_slab = {
    False: kernel(_body(False, keep), "spread_slab"),
    True: kernel(_body(False, activate), "spread_slab_activated"),
}
spread_in_place = {
    False: kernel(_body(True, keep), "spread_in_place"),
    True: kernel(_body(True, activate), "spread_in_place_activated"),
}
