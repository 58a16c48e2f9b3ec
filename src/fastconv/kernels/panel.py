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

from fastconv.jit.copy import copy_run
from fastconv.jit.decorators import helper
from fastconv.jit.kernel import kernel
from fastconv.jit.panel_tile import PanelRun, panel_tile
from fastconv.jit.scratch import empty, free
from fastconv.jit.tile import lanes
from fastconv.kernels.activation import activate, keep
from fastconv.kernels.bias import begin_sums
from fastconv.kernels.conv_table import (
    PHASE_FIELDS,
    ROW_BLOCK_FIELDS,
    SLAB_AT,
    block_of,
    output_axes,
    read_head,
    read_phase,
    read_row_block,
)
from fastconv.kernels.outlet import Outlet, fetch_rows, target_of_block, write_rows
from fastconv.kernels.panel_copy import copy_panels
from fastconv.kernels.panel_table import (
    HALF_ROWS,
    HALF_VECTORS,
    PANEL_HEAD_AT,
    PIECES_FIELDS,
    ROWS,
    VECTORS,
    PanelHead,
    read_panel_head,
    read_pieces,
)
from fastconv.kernels.pixels import counts_in_block, pixel_axes
from fastconv.kernels.slab import Images, Space, slab_axes
from fastconv.kernels.weights import DepthRun, pack_rows, read_plain

__all__ = ["Kind", "panel"]


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


class _Tiled(NamedTuple):
    """How the outputs of a block are tiled, for one phase.

    Attributes
    ----------
    rows, pixels : int
        Rows that are tiled each on its own, and their pixels.
    slots : int
        From row to row of outputs.
    ready : int
        Slots in all, with those of the phases that take turns.
    """

    rows: int
    pixels: int
    slots: int
    ready: int


@helper
def _tiled(more: PanelHead, counts: Space, step: int) -> _Tiled:
    rows = counts.d * counts.h
    if more.rows == 1:  # tiles go on from one row to the next
        return _Tiled(1, rows * counts.w, counts.w, rows * counts.w * step)
    return _Tiled(rows, counts.w, more.slots, rows * more.slots * step)


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
    fetched : bool
        Whether the lines of the result are fetched that the sums go to.
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
    fetched: bool
    size: int
    rows: int
    pixels: int


def _part_body(apart: int) -> Any:
    """The function that sums a part, for pixels so far apart in panels."""

    @helper
    def sum_part(
        panels: Any, offsets: Any, weights: Any, sums: Any, part: _Part, slots: int, step: int, outlet: Outlet
    ) -> None:  # fmt: skip
        tile: Any = np.int64(0)
        for row in range(part.rows):
            for first in range(0, part.pixels, ROWS):
                if part.fetched:
                    fetch_rows((row * slots + first) * step, min(ROWS, part.pixels - first) * step, outlet)
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
        head, more = read_head(table, 0), read_panel_head(table, PANEL_HEAD_AT)
        axes, out, pixel = slab_axes(table, SLAB_AT), output_axes(table), pixel_axes(table)
        y_steps = Space(pixel.d.y_step, pixel.h.y_step, pixel.w.y_step)
        n, step, across = lanes(y), out.w.step, min(out.w.step, out.w.size)
        widest = (head.row_blocks + head.splits - 1) // head.splits * VECTORS * n
        layout = _Sums(widest, more.rows * more.slots * step, step)
        # Behind the sums a vector of slots is read in vain.
        sums = empty((1 + layout.slots + n) * widest, y.dtype)
        packing = steps.size > 0
        run = empty(VECTORS * n * more.channels * more.taps if packing else 0, weights.dtype)
        panels = empty(more.rows * ((more.slots + ROWS - 1) // ROWS) * more.channels * more.size, x.dtype)
        fill = x.dtype.type(head.fill)
        copied = np.int64(-1)
        for task in range(begin, end):
            block = block_of(task, head.splits, head.groups, out)
            base = head.x_base + block.n * head.x_batch + block.group * head.channels * head.x_channel
            first_row = block.split * head.row_blocks // head.splits
            last_row = (block.split + 1) * head.row_blocks // head.splits
            first_channel = read_row_block(table, head.row_blocks_at + ROW_BLOCK_FIELDS * first_row).first
            channel = block.group * head.out_channels + first_channel
            begin_sums(sums, widest, bias, channel, head.out_channels - first_channel)
            for numbers in range(0, head.phases, across):
                phase = read_phase(table, head.phases_at + PHASE_FIELDS * numbers)
                counts = counts_in_block(out, phase, block)
                if counts.d * counts.h * counts.w == 0:
                    continue
                tiled = _tiled(more, counts, step)
                image = more.y_base + block.n * more.y_batch
                to = target_of_block(image, block, phase, out, counts, y_steps, tiled.slots * step)
                for number in range(across):
                    phase = read_phase(table, head.phases_at + PHASE_FIELDS * (numbers + number))
                    pieces = read_pieces(table, more.phases_at + PIECES_FIELDS * (numbers + number))
                    taps = phase.depths // head.channels
                    packed = (block.group * head.depth + phase.depth_at) * head.padded_out
                    for c in range(0, head.channels, more.channels):
                        channels = min(more.channels, head.channels - c)
                        if not (more.shared and copied == block.place):
                            images = Images(base + c * head.x_channel, channels, head.x_channel)
                            copy_panels(panels, x, images, table, axes, pixel, block.first, counts, more, pieces, fill)
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
                            complete = number == across - 1 and c + channels == head.channels
                            part = _Part(
                                at + number * width, width,
                                0 if packing else packed + block_rows.first * phase.depths + c * taps * width,
                                phase.depth_at, channels * taps, done if c == 0 else -1, complete and more.fetched,
                                channels * more.size, tiled.rows, tiled.pixels,
                            )  # fmt: skip
                            origin = (channel + done) * more.y_channel
                            outlet = Outlet(y, block_rows.channels, origin, more.y_channel, to)
                            sum_part(
                                panels, offsets, run if packing else weights, sums, part, tiled.slots, step, outlet
                            )
                            if complete:
                                apply(sums, at, at + tiled.ready * width, head.activation)
                                write_rows(sums, at, width, 0, tiled.ready, True, outlet)
        free((sums, run, panels))

    return convolve


panel = {
    kind: kernel(_body(kind), f"panel_{kind.apart}{'_activated' * kind.activated}")
    for kind in starmap(Kind, product((1, 2), (False, True)))
}
