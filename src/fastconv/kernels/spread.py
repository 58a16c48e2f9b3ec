"""Convolution with output channels as lanes: a tile sums pixels, each from wherever it stands, for two vectors of them.

The tile reads a pixel's numbers through a table of places, so pixels need not be neighbours: no gap between rows is
computed along, no inserted zero multiplied, and where no window reaches into padding the input is read where it stands,
whatever its strides. Its sums have channels beside each other, so they are transposed in registers on their way to the
result.
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
from fastconv.jit.scratch import zeros
from fastconv.jit.tile import lanes, spread_tile
from fastconv.jit.transpose import transpose
from fastconv.jit.vector import unsigned
from fastconv.kernels.activation import activate, keep
from fastconv.kernels.conv_table import (
    CONV_TABLE,
    PHASE_FIELDS,
    ROW_BLOCK_FIELDS,
    SLAB_AT,
    TABLE_SIZE,
    Block,
    Phase,
    RowBlock,
    block_of,
    numbers_in_block,
    output_axes,
    read_head,
    read_phase,
    read_row_block,
)
from fastconv.kernels.halo import gather_plain
from fastconv.kernels.slab import Images, Space, slab_axes, slab_channel_size

__all__ = ["SPREAD_TABLE", "STRIP", "PixelAxis", "spread_in_place", "spread_slab"]

# Literals for the compiler. The last pixels of a strip take half a tile, the last channels of a group one vector.
ROWS = machine().spread_rows
HALF_ROWS = ROWS // 2
VECTORS = machine().spread_vectors
ONE_VECTOR = 1

#: Most pixels between two transpositions, whole tiles: with AVX-512 their sums take 32 KiB of float32.
STRIP = 18 * ROWS

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
    """

    stride: int
    step: int


#: What stands in a table, in this order.
SPREAD_TABLE = (*CONV_TABLE, PixelAxis, PixelAxis, PixelAxis)

_pixel_axis = reader(PixelAxis)
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
    for p in range(to, to + ROWS):
        places[p] = last


class _Operands(NamedTuple):
    """What one row block multiplies: packed weights from `at` on, and depths `begin` to `end` of the values."""

    values: Any
    places: Any
    offsets: Any
    begin: int
    end: int
    weights: Any
    at: int


@helper
def _sum_wide(o: _Operands, start: Any, start_step: int, sums: Any, first: int, pixels: int) -> None:
    """sums[pixel, lane] of pixels from `first` on, whole tiles of two vectors."""
    step = VECTORS * lanes(sums)
    p = 0
    while p + HALF_ROWS < pixels:
        spread_tile(
            ROWS, VECTORS, o.values, o.places, first + p, o.offsets, o.begin, o.end, o.weights, o.at, start,
            p * start_step, start_step, sums, p * step,
        )  # fmt: skip
        p += ROWS
    if p < pixels:
        spread_tile(
            HALF_ROWS, VECTORS, o.values, o.places, first + p, o.offsets, o.begin, o.end, o.weights, o.at, start,
            p * start_step, start_step, sums, p * step,
        )  # fmt: skip


@helper
def _sum_narrow(o: _Operands, start: Any, start_step: int, sums: Any, first: int, pixels: int) -> None:
    """As `_sum_wide`, tiles of one vector."""
    step = lanes(sums)
    p = 0
    while p < pixels:
        spread_tile(
            ROWS, ONE_VECTOR, o.values, o.places, first + p, o.offsets, o.begin, o.end, o.weights, o.at, start,
            p * start_step, start_step, sums, p * step,
        )  # fmt: skip
        p += ROWS


@helper
def _sum_nothing(start: Any, sums: Any, width: int) -> None:
    """The sums of outputs that no tap reaches: those of a kernel shorter than the stretch."""
    for i in range(sums.size):
        sums[i] = start[i % width]


@helper
def _turn(sums: Any, width: int, columns: Any, pitch: int, pixels: int) -> None:
    """columns[lane, pixel] = sums[pixel, lane], pixels rounded up to whole vectors."""
    n = lanes(sums)
    for p in range(0, pixels, n):
        for lane in range(0, width, n):
            transpose(sums, p * width + lane, width, columns, lane * pitch + p, pitch)


class _Target(NamedTuple):
    """Where a block's outputs go.

    Attributes
    ----------
    first : Space
        The first output itself, not its number in the phase.
    counts : Space
        Outputs of the phase in this block.
    joined : int
        Rows of the block that follow each other in the result without a gap, at a multiple of this number.
    """

    first: Space
    counts: Space
    joined: int


@helper
def _target(block: Block, phase: Phase, out: Space, counts: Space) -> _Target:
    first = Space(
        block.first.d * out.d.step + phase.d, block.first.h * out.h.step + phase.h, block.first.w * out.w.step + phase.w
    )
    joined = 1
    if counts.w == out.w.size and out.w.step == 1 and out.h.step == 1:
        joined = counts.h
        if counts.h == out.h.size and out.d.step == 1:
            joined = counts.h * counts.d
    return _Target(first, counts, joined)


@helper
def _write(
    columns: Any, pitch: int, channels: int, row: int, rows: int, skip: int, pixels: int, to: _Target, out: Space,
    image: int, y: Any,
) -> None:  # fmt: skip
    """The pixels of a strip into y: those of `rows` rows of a block, without the first `skip` of the first."""
    done, end = 0, row + rows
    step = out.w.step
    while row < end:
        joined = min(end - row, to.joined - row % to.joined)
        d = row // to.counts.h
        plane = image * out.d.size + to.first.d + d * out.d.step
        line = plane * out.h.size + to.first.h + (row - d * to.counts.h) * out.h.step
        place = line * out.w.size + to.first.w + skip * step
        count = min(pixels - done, joined * to.counts.w)
        for c in range(channels):
            if step == 1:
                copy_run(y, place, columns, c * pitch + done, count)
            else:
                at, to_pixel = unsigned(c * pitch + done), unsigned(place)
                for _ in range(count):
                    y[to_pixel] = columns[at]
                    at += unsigned(1)
                    to_pixel += unsigned(step)
            place += out.d.size * out.h.size * out.w.size
        done += count
        row += joined


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
        o: _Operands, rows: RowBlock, bias: Any, channel: int, sums: Any, columns: Any, pitch: int, to: _Target,
        out: Space, image: int, function: int, y: Any,
    ) -> None:  # fmt: skip
        """All pixels of a block for one block of channels, a strip at a time."""
        width = rows.rows
        start = zeros(width, y.dtype)
        if bias.size:
            for c in range(rows.channels):
                start[c] = bias[channel + c]
        parts = max(1, (o.end - o.begin + DEPTHS - 1) // DEPTHS)
        depths = max(1, (o.end - o.begin + parts - 1) // parts)
        pieces = (to.counts.w + STRIP - 1) // STRIP
        in_row = ((to.counts.w + pieces - 1) // pieces + ROWS - 1) // ROWS * ROWS
        together = max(1, STRIP // to.counts.w)
        all_rows = to.counts.d * to.counts.h
        for row in range(0, all_rows, together):
            count = min(together, all_rows - row)
            for skip in range(0, to.counts.w, in_row):  # one piece, but of rows longer than a strip
                pixels = count * to.counts.w if pieces == 1 else min(in_row, to.counts.w - skip)
                first = row * to.counts.w + skip
                if o.begin == o.end:
                    _sum_nothing(start, sums, width)
                for depth in range(o.begin, o.end, depths):
                    part = _Operands(
                        o.values, o.places, o.offsets, depth, min(depth + depths, o.end), o.weights,
                        o.at + (depth - o.begin) * width,
                    )  # fmt: skip
                    before, step = (start, 0) if depth == o.begin else (sums, width)
                    if width > lanes(y):
                        _sum_wide(part, before, step, sums, first, pixels)
                    else:
                        _sum_narrow(part, before, step, sums, first, pixels)
                _turn(sums, width, columns, pitch, pixels)
                apply(columns, function)
                _write(columns, pitch, rows.channels, row, count, skip, pixels, to, out, image, y)

    def convolve(begin: int, end: int, x: Any, weights: Any, bias: Any, y: Any, table: Any, offsets: Any) -> None:
        """y = activation(weights * x + bias) for some tasks; see `SPREAD_TABLE` for the table."""
        head = read_head(table, 0)
        axes = slab_axes(table, SLAB_AT)
        out = output_axes(table)
        pixel = _pixel_axes(table)
        # Transpositions read and write up to a vector past the last pixel. What they find there is dropped.
        pitch = STRIP + lanes(y)
        sums = zeros((STRIP + ROWS + lanes(y)) * VECTORS * lanes(y), y.dtype)
        columns = zeros(VECTORS * lanes(y) * pitch, y.dtype)
        places = zeros(out.d.block * out.h.block * out.w.block + ROWS, np.int64)
        slab = zeros(1 if in_place else head.channels * slab_channel_size(axes), y.dtype)
        sources = zeros(axes.d.positions + axes.h.positions + axes.w.positions, np.int64)
        gathered = np.int64(-1)
        for task in range(begin, end):
            block = block_of(task, head, out)
            base = head.x_base + block.n * head.x_batch + block.group * head.channels * head.x_channel
            if in_place:
                base += block.first.d * pixel.d.step + block.first.h * pixel.h.step + block.first.w * pixel.w.step
            elif gathered != block.place:  # the parts of a group's row blocks share their slab
                first = Space(
                    block.first.d * pixel.d.stride - axes.d.low,
                    block.first.h * pixel.h.stride - axes.h.low,
                    block.first.w * pixel.w.stride - axes.w.low,
                )
                gather_plain(slab, sources, x, Images(base, head.channels, head.x_channel), table, axes, first)
                gathered = block.place
            for number in range(head.phases):
                phase = read_phase(table, head.phases_at + PHASE_FIELDS * number)
                counts = Space(
                    numbers_in_block(out.d, phase.d, block.first.d),
                    numbers_in_block(out.h, phase.h, block.first.h),
                    numbers_in_block(out.w, phase.w, block.first.w),
                )
                if counts.d == 0 or counts.h == 0 or counts.w == 0:
                    continue
                _list_places(places, base if in_place else 0, pixel, counts)
                to = _target(block, phase, out, counts)
                packed = (block.group * head.depth + phase.depth_at) * head.padded_out
                last_rows = (block.split + 1) * head.row_blocks // head.splits
                for b in range(block.split * head.row_blocks // head.splits, last_rows):
                    rows = read_row_block(table, head.row_blocks_at + ROW_BLOCK_FIELDS * b)
                    operands = _Operands(
                        read(x, slab), places, offsets, phase.depth_at, phase.depth_at + phase.depths,
                        weights, packed + rows.first * phase.depths,
                    )  # fmt: skip
                    channel = block.group * head.out_channels + rows.first
                    image = block.n * head.groups * head.out_channels + channel
                    convolve_rows(
                        operands, rows, bias, channel, sums, columns, pitch, to, out, image, head.activation, y
                    )

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
