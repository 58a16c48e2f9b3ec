"""Convolution from panels: what a tile's pixels are summed from, copied so that all is read in order.

A block of outputs has its panels copied once, from the input where it stands, and all output channels are summed from
them: a run of depths at a time, as far as the second-level cache holds their panels and weights. The sums of all those
channels wait between the runs, then they are turned around into the result. Weights that few blocks use are packed in
between, a run of a row block at a time: written to memory and read back, 2.4 million of them took as long as the sums
(512 channels, 3 x 3, on 7 x 7 pixels).

A panel is made of pieces. Where rows of outputs are long, a piece is a run of the input that the taps of one row of the
kernel share, and pixels are the stride apart in it. Where they are short, tiles go on from one row to the next, and
each tap has a piece of its own, in which pixels stand side by side.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product, starmap
from typing import Any, NamedTuple

import numpy as np

from fastconv.jit.copy import copy_block, copy_every_other, copy_run
from fastconv.jit.decorators import helper, inlined
from fastconv.jit.kernel import kernel
from fastconv.jit.machine import machine
from fastconv.jit.panel_tile import PanelRun, panel_tile
from fastconv.jit.records import reader
from fastconv.jit.scratch import empty, free
from fastconv.jit.tile import lanes
from fastconv.kernels.activation import activate, keep
from fastconv.kernels.conv_table import (
    CONV_TABLE,
    PHASE_FIELDS,
    ROW_BLOCK_FIELDS,
    SLAB_AT,
    TABLE_SIZE,
    block_of,
    output_axes,
    read_head,
    read_phase,
    read_row_block,
)
from fastconv.kernels.outlet import target_of_block, write_rows
from fastconv.kernels.pixels import PIXEL_FIELDS, PixelAxis, counts_in_block, pixel_axes
from fastconv.kernels.slab import Images, SlabAxis, Space, slab_axes, source_of
from fastconv.kernels.weights import DepthRun, pack_rows, read_plain

__all__ = [
    "HALF_ROWS",
    "HALF_VECTORS",
    "PANEL_TABLE",
    "ROWS",
    "VECTORS",
    "Kind",
    "PanelHead",
    "Piece",
    "Pieces",
    "panel",
]

# Literals for the compiler. The last pixels of a row take half a tile, the last channels of a group half the vectors.
ROWS = machine().panel_rows
HALF_ROWS = ROWS // 2
VECTORS = machine().panel_vectors
HALF_VECTORS = VECTORS // 2


class PanelHead(NamedTuple):
    """What is the same for all pixels.

    Attributes
    ----------
    y_base, y_batch, y_channel : int
        Flat position of the first output, and the steps of batch and channel.
    channels, taps : int
        Input channels whose depths make a run, and taps of the phase that has most.
    size : int
        Elements of a panel for one channel.
    rows : int
        Rows of outputs in a block that are tiled each on its own; 1 where tiles go on from one to the next.
    slots : int
        Pixels for which such a row has room: whole tiles, the last one perhaps a half.
    reach : int
        Elements of a piece beyond those from one pixel of a tile to its last; -1 where each tap has its own.
    phases_at : int
        Where the `Pieces` of the phases begin in the table.
    shared : bool
        Whether all phases sum the same numbers, in a single run: each has its own weights for them.
    """

    y_base: int
    y_batch: int
    y_channel: int
    channels: int
    taps: int
    size: int
    rows: int
    slots: int
    reach: int
    phases_at: int
    shared: bool


class Pieces(NamedTuple):
    """Where the pieces of a phase begin in the table, and how many there are."""

    at: int
    number: int


class Piece(NamedTuple):
    """The input position at which a piece begins, from the first pixel's number times the stride, and its place."""

    d: int
    h: int
    w: int
    at: int


#: What stands in a table, in this order.
PANEL_TABLE = (*CONV_TABLE, PixelAxis, PixelAxis, PixelAxis, PanelHead)

_panel_head, _read_pieces, _read_piece = reader(PanelHead), reader(Pieces), reader(Piece)
_PANEL_HEAD_AT = TABLE_SIZE + 3 * PIXEL_FIELDS
_PIECES_FIELDS, _PIECE_FIELDS = len(Pieces._fields), len(Piece._fields)


class _Row(NamedTuple):
    """A piece to copy, or the part of it that comes from one row of the input.

    Attributes
    ----------
    to, pitch : int
        Where its first number for the first channel goes, and the step from channel to channel.
    at, position : int
        Where the first channel's row of the input begins, and the position of the first number in it.
    number, step : int
        How many numbers, and positions from one to the next.
    """

    to: int
    pitch: int
    at: int
    position: int
    number: int
    step: int


@helper
def _inside(axis: SlabAxis, row: _Row) -> tuple[int, int]:
    """The first of a row's numbers that is inside the input, and the first behind it that is not."""
    begin = min(row.number, max(0, (row.step - 1 - row.position) // row.step))
    return begin, max(begin, min(row.number, (axis.size - 1 - row.position) // row.step + 1))


@inlined
def _copy_row(panels: Any, x: Any, images: Images, table: Any, axis: SlabAxis, row: _Row) -> None:
    """A row's numbers for all channels: in vectors inside the input, one by one in its border."""
    begin, end = _inside(axis, row)
    apart = row.step * axis.stride
    at = row.at + row.position * axis.stride + begin * apart
    if apart == 1:
        copy_block(panels, row.to + begin, row.pitch, x, at, images.step, end - begin, images.channels)
    elif apart == 2:
        copy_every_other(panels, row.to + begin, row.pitch, x, at, images.step, end - begin, images.channels)
    else:
        for c in range(images.channels):
            for p in range(end - begin):
                panels[row.to + begin + c * row.pitch + p] = x[at + c * images.step + p * apart]
    for p in range(row.number):
        if p < begin or p >= end:
            source = source_of(table, axis, row.position + p * row.step)
            for c in range(images.channels):
                value = x[row.at + source * axis.stride + c * images.step] if source >= 0 else 0
                panels[row.to + c * row.pitch + p] = value


@inlined
def _copy_pieces(
    panels: Any, place: int, x: Any, images: Images, table: Any, axes: Space, stride: int, first: Space, count: int,
    more: PanelHead, pieces: Pieces,
) -> None:  # fmt: skip
    """All pieces of some channels for `count` neighbouring pixels, whose first is at input position `first`."""
    long = (count - 1) * stride + 1 + more.reach if more.reach >= 0 else count
    step = 1 if more.reach >= 0 else stride
    for i in range(pieces.number):
        piece = _read_piece(table, pieces.at + _PIECE_FIELDS * i)
        source_d = source_of(table, axes.d, first.d + piece.d)
        source_h = source_of(table, axes.h, first.h + piece.h)
        to = place + piece.at
        if source_d >= 0 and source_h >= 0:
            at = images.base + source_d * axes.d.stride + source_h * axes.h.stride
            _copy_row(panels, x, images, table, axes.w, _Row(to, more.size, at, first.w + piece.w, long, step))
        else:
            for c in range(images.channels):
                for p in range(long):
                    panels[to + c * more.size + p] = 0


@inlined
def _copy_panels(
    panels: Any, x: Any, images: Images, table: Any, axes: Space, pixel: Space, first: Space, counts: Space,
    more: PanelHead, pieces: Pieces,
) -> None:  # fmt: skip
    """The panels of a block's pixels, whose first is the output `first` of its phase: [tile, channel, piece]."""
    size = images.channels * more.size
    number = np.int64(0)
    for d in range(counts.d):
        for h in range(counts.h):
            w = np.int64(0)
            if more.rows > 1:
                number = (number + ROWS - 1) // ROWS * ROWS
            while w < counts.w:
                count = min(ROWS - number % ROWS, counts.w - w)
                to = number // ROWS * size + number % ROWS
                at = Space(
                    (first.d + d) * pixel.d.stride, (first.h + h) * pixel.h.stride, (first.w + w) * pixel.w.stride
                )
                _copy_pieces(panels, to, x, images, table, axes, pixel.w.stride, at, count, more, pieces)
                w += count
                number += count


class _Sums(NamedTuple):
    """The sums of a task: what they begin with for each channel, then [row block, slot, channel].

    Attributes
    ----------
    at : int
        Where the first row block's begin.
    slots : int
        Slots of a row block, with those of all phases.
    step : int
        Phases of a row, whose slots take turns.
    """

    at: int
    slots: int
    step: int


class _Part(NamedTuple):
    """One run of depths for one row block and phase.

    Attributes
    ----------
    to : int
        Where the sums of the first slot go.
    width, weights_at, depth_at, depths : int
        Weights of a depth, where they begin, where the places of the depths in a panel begin, and how many there are.
    start_at : int
        Where what sums begin with stands, or -1 if there are sums.
    size : int
        From panel to panel.
    rows, pixels : int
        Rows that are tiled, and their pixels.
    """

    to: int
    width: int
    weights_at: int
    depth_at: int
    depths: int
    start_at: int
    size: int
    rows: int
    pixels: int


def _part_body(apart: int) -> Any:
    """The function that sums a part, for pixels so far apart in panels."""

    @inlined
    def sum_part(panels: Any, offsets: Any, weights: Any, sums: Any, part: _Part, slots: int, step: int) -> None:
        tile: Any = np.int64(0)
        for row in range(part.rows):
            for first in range(0, part.pixels, ROWS):
                at, sums_step = part.to + (row * slots + first) * step * part.width, step * part.width
                start, start_step = (at, sums_step) if part.start_at < 0 else (part.start_at, 0)
                run = PanelRun(
                    tile * part.size, part.depth_at, part.depths, part.weights_at, start, start_step, at, sums_step
                )
                whole = part.pixels - first > HALF_ROWS
                if part.depths == 0:  # outputs that no tap reaches: those of a kernel shorter than the stretch
                    for row_of_tile in range(min(ROWS, part.pixels - first)):
                        to, source = at + row_of_tile * sums_step, start + row_of_tile * start_step
                        copy_run(sums, to, sums, source, part.width)
                elif part.width == VECTORS * lanes(sums):
                    if whole:
                        panel_tile(ROWS, apart, VECTORS, run, panels, offsets, weights, sums)
                    else:
                        panel_tile(HALF_ROWS, apart, VECTORS, run, panels, offsets, weights, sums)
                elif whole:
                    panel_tile(ROWS, apart, HALF_VECTORS, run, panels, offsets, weights, sums)
                else:
                    panel_tile(HALF_ROWS, apart, HALF_VECTORS, run, panels, offsets, weights, sums)
                tile += 1

    return sum_part


class Kind(NamedTuple):
    """What a kernel is compiled for.

    Attributes
    ----------
    apart : int
        Elements of a panel from pixel to pixel.
    activated : bool
        Whether an activation is applied.
    """

    apart: int
    activated: bool


def _body(kind: Kind) -> Callable[..., None]:
    """The convolution body for one kind of calls."""
    apply, sum_part = activate if kind.activated else keep, _part_body(kind.apart)

    def convolve(
        begin: int, end: int, x: Any, weights: Any, bias: Any, y: Any, table: Any, offsets: Any, steps: Any,
        weight_offsets: Any,
    ) -> None:  # fmt: skip
        """y = activation(weights * x + bias) for some tasks; see `PANEL_TABLE` for the table.

        Weights are packed, or plain ones that `steps` and `weight_offsets` are for, as `pack_weights` takes them: each
        run of a row block is packed right before it is used.
        """
        head, more = read_head(table, 0), _panel_head(table, _PANEL_HEAD_AT)
        axes, out, pixel = slab_axes(table, SLAB_AT), output_axes(table), pixel_axes(table)
        y_steps = Space(pixel.d.y_step, pixel.h.y_step, pixel.w.y_step)
        n, step, across = lanes(y), out.w.step, min(out.w.step, out.w.size)
        widest = (head.row_blocks + head.splits - 1) // head.splits * VECTORS * n
        layout = _Sums(widest, more.rows * more.slots * step, step)
        # Behind the sums a vector of slots is read in vain.
        sums = empty((1 + layout.slots + n) * widest, y.dtype)
        packing = steps.size > 0
        run = empty(VECTORS * n * more.channels * more.taps if packing else 0, weights.dtype)
        panels = empty(more.rows * ((more.slots + ROWS - 1) // ROWS) * more.channels * more.size, y.dtype)
        copied = np.int64(-1)
        for task in range(begin, end):
            block = block_of(task, head.splits, head.groups, out)
            base = head.x_base + block.n * head.x_batch + block.group * head.channels * head.x_channel
            first_row = block.split * head.row_blocks // head.splits
            last_row = (block.split + 1) * head.row_blocks // head.splits
            first_channel = read_row_block(table, head.row_blocks_at + ROW_BLOCK_FIELDS * first_row).first
            channel = block.group * head.out_channels + first_channel
            for c in range(widest):
                sums[c] = bias[channel + c] if bias.size and first_channel + c < head.out_channels else 0
            for numbers in range(0, head.phases, across):
                phase = read_phase(table, head.phases_at + PHASE_FIELDS * numbers)
                counts = counts_in_block(out, phase, block)
                rows, pixels = counts.d * counts.h, counts.w
                if rows * pixels == 0:
                    continue
                slots = more.slots
                if more.rows == 1:
                    rows, pixels, slots = 1, rows * pixels, counts.w
                image = more.y_base + block.n * more.y_batch
                to = target_of_block(image, block, phase, out, counts, y_steps, slots * step)
                ready = (rows * slots if more.rows > 1 else pixels) * step
                for number in range(across):
                    phase = read_phase(table, head.phases_at + PHASE_FIELDS * (numbers + number))
                    pieces = _read_pieces(table, more.phases_at + _PIECES_FIELDS * (numbers + number))
                    taps = phase.depths // head.channels
                    packed = (block.group * head.depth + phase.depth_at) * head.padded_out
                    for c in range(0, head.channels, more.channels):
                        channels = min(more.channels, head.channels - c)
                        if not (more.shared and copied == block.place):
                            images = Images(base + c * head.x_channel, channels, head.x_channel)
                            _copy_panels(panels, x, images, table, axes, pixel, block.first, counts, more, pieces)
                            copied = block.place
                        for b in range(first_row, last_row):
                            block_rows = read_row_block(table, head.row_blocks_at + ROW_BLOCK_FIELDS * b)
                            width, done = block_rows.rows, block_rows.first - first_channel
                            at = layout.at + done * layout.slots
                            if packing:
                                pack_rows(
                                    weights, read_plain(steps, 0), block.group, block_rows, weight_offsets,
                                    DepthRun(phase.depth_at + c * taps, channels * taps, taps), run, 0,
                                )  # fmt: skip
                            part = _Part(
                                at + number * width, width,
                                0 if packing else packed + block_rows.first * phase.depths + c * taps * width,
                                phase.depth_at, channels * taps, done if c == 0 else -1, channels * more.size,
                                rows, pixels,
                            )  # fmt: skip
                            sum_part(panels, offsets, run if packing else weights, sums, part, slots, step)
                            if number == across - 1 and c + channels == head.channels:
                                apply(sums, at, at + ready * width, head.activation)
                                write_rows(
                                    sums, at, width, 0, ready, True, block_rows.channels, y,
                                    (channel + done) * more.y_channel, more.y_channel, to,
                                )  # fmt: skip
        free((sums, run, panels))

    return convolve


panel = {
    kind: kernel(_body(kind), f"panel_{kind.apart}{'_activated' * kind.activated}")
    for kind in starmap(Kind, product((1, 2), (False, True)))
}
