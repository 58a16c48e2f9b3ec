"""Convolution with output channels as lanes: a tile sums pixels, each from wherever it stands, for two vectors of them.

The tile reads a pixel's numbers through a table of places, so pixels need not be neighbours: no gap between rows is
computed along, no inserted zero multiplied, and where no window reaches into padding the input is read where it stands,
whatever its strides. Its sums have channels beside each other: `fastconv.kernels.outlet` brings them to the result.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product, starmap
from typing import Any, NamedTuple

import numpy as np

from fastconv.jit.copy import copy_run
from fastconv.jit.decorators import helper, inlined
from fastconv.jit.kernel import kernel
from fastconv.jit.scratch import empty, free, zeros
from fastconv.jit.tile import lanes
from fastconv.kernels.activation import activate, keep
from fastconv.kernels.bias import begin_sums
from fastconv.kernels.conv_table import (
    PHASE_FIELDS,
    ROW_BLOCK_FIELDS,
    SLAB_AT,
    ConvHead,
    RowBlock,
    block_of,
    output_axes,
    read_head,
    read_phase,
    read_row_block,
)
from fastconv.kernels.halo import gather_pixels, gather_plain
from fastconv.kernels.outlet import Outlet, fetch_rows, list_targets, target_of_block, write_pixels, write_rows
from fastconv.kernels.pixels import counts_in_block, first_position, pixel_axes
from fastconv.kernels.slab import Images, Space, slab_axes, slab_channel_size
from fastconv.kernels.spread_sums import (
    DEPTHS,
    WIDENED_DEPTHS,
    Depths,
    Goal,
    depths_of_run,
    is_whole,
    next_pixels,
    strip_pixels,
    sum_tile,
    tile_rows,
)
from fastconv.kernels.spread_table import (
    MOST_ROWS,
    ROWS,
    SPREAD_HEAD_AT,
    VECTORS,
    read_spread_head,
)
from fastconv.kernels.weights import DepthRun, pack_rows, read_plain

__all__ = ["Kind", "spread"]


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


@helper
def _in_result(targets: Any, first: int, count: int, own: Goal, origin: int) -> Goal:
    """The places in the result of so many pixels, two or more, if all are as far apart; or else its own."""
    pitch = targets[first + 1] - targets[first]
    if targets[first] < 0 or pitch <= 0:
        return own
    for number in range(first + 1, first + count - 1):
        if targets[number + 1] - targets[number] != pitch:
            return own
    return Goal(True, targets[first] + origin, pitch)


class Kind(NamedTuple):
    """What a kernel is compiled for: a kernel for all kinds would take half as long again to compile.

    Attributes
    ----------
    in_place : bool
        Whether the input is read where it stands, not from a gathered slab.
    last : bool
        Whether channels of the result stand beside each other; those of the slab then do, too.
    activated : bool
        Whether an activation is applied.
    widened : bool
        Whether sums of products have 32 bits, and are added to those of 64. With numbers that only such kernels need,
        LLVM kept sums of others in memory: 2.7 times as long.
    """

    in_place: bool
    last: bool
    activated: bool
    widened: bool


class _Arrays(NamedTuple):
    """What all pixels are computed with.

    Attributes
    ----------
    values, places, offsets : vector
        What the tile reads: the numbers, where the first one of each pixel stands, and the step to that of each depth.
    weights, sums, y, table : vector
        The kernel's own; or the weights are those that it packs for a run of depths.
    targets : vector
        Where the pixels of a channels-last result go.
    plain, steps, weight_offsets : vector
        Weights that are not packed, and what for, as `pack_weights` takes them; no steps where they are.
    """

    values: Any
    places: Any
    offsets: Any
    weights: Any
    sums: Any
    y: Any
    table: Any
    targets: Any
    plain: Any
    steps: Any
    weight_offsets: Any


class _Part(NamedTuple):
    """What is the same for all pixels of one block of outputs and one block of channels.

    Attributes
    ----------
    rows : RowBlock
        The channels.
    group, packed : int
        The group, and where its packed weights begin, but for their place among those of a depth.
    phases_at, across : int
        Where the first phase of a row stands in the table, and how many rows have.
    pixels : int
        How many there are, for each phase of a row.
    fetched : bool
        Whether the lines of the result are fetched while sums are taken.
    halves : int
        As in `SpreadHead`.
    """

    rows: RowBlock
    group: int
    packed: int
    phases_at: int
    across: int
    pixels: int
    fetched: bool
    halves: int


def _part_body(kind: Kind) -> Any:
    """The function that convolves a part, for one kind of calls."""
    channels_last, apply = kind.last, activate if kind.activated else keep
    finished = kind.last and not kind.activated  # sums are results, channel by channel
    widened, longest = kind.widened, WIDENED_DEPTHS if kind.widened else DEPTHS

    @inlined
    def convolve_part(arrays: _Arrays, part: _Part, head: ConvHead, outlet: Outlet, step: int) -> None:
        """All pixels of a block for one block of channels, a strip at a time."""
        sums, width, n, done = arrays.sums, part.rows.rows, lanes(arrays.y), 0
        strip, halves = strip_pixels(tile_rows(width, n), step), part.halves if widened else 1
        as_they_are = finished and step == 1 and part.rows.channels == width
        # The sums of a strip stand behind what they begin with and up to a vector of pixels that were not written yet.
        strip_at = (1 + n) * width
        for first in range(0, part.pixels, strip):
            count = min(strip, part.pixels - first)
            left = (first * step - done) * width
            copy_run(sums, strip_at - left, sums, strip_at + strip * step * width - left, left)
            base = strip_at - first * step * width
            for number in range(part.across):
                phase = read_phase(arrays.table, part.phases_at + PHASE_FIELDS * number)
                packed = part.packed + phase.depth_at * head.padded_out + part.rows.first * phase.depths
                each = phase.depths // halves
                depths, taps = depths_of_run(each, phase.depths // head.channels, longest)
                runs = max(1, (each + depths - 1) // depths)
                for run in range(halves * runs):
                    half = run // runs if widened else 0
                    begin = half * each + (run - half * runs) * depths
                    end, shift = min(begin + depths, (half + 1) * each), 8 * (halves - 1 - half)
                    run_depths = Depths(
                        phase.depth_at + begin, phase.depth_at + end, packed + begin * width, width, run == 0, shift
                    )
                    if arrays.steps.size:
                        pack_rows(
                            arrays.plain, read_plain(arrays.steps, 0), part.group, part.rows, arrays.weight_offsets,
                            DepthRun(phase.depth_at + begin, end - begin, taps), arrays.weights, 0,
                        )  # fmt: skip
                        run_depths = Depths(phase.depth_at + begin, phase.depth_at + end, 0, width, run == 0, shift)
                    complete = number == part.across - 1 and run == halves * runs - 1
                    p = 0
                    while p < count:
                        at, in_use = strip_at + width * p * step, next_pixels(count - p, width, n)
                        ready, output = (p + in_use) * step, (first + p) * step
                        if part.fetched and complete and output // n < (first * step + ready) // n:
                            fetch_rows(output, in_use * step, outlet)
                        own = goal = Goal(False, at + number * width, width * step)
                        if as_they_are and complete and is_whole(in_use, width, n):
                            goal = _in_result(arrays.targets, first + p, in_use, own, outlet.origin)
                        sum_tile(arrays, first + p, run_depths, in_use, own, goal)
                        if goal.straight:
                            done = output + in_use
                        elif complete:
                            apply(sums, at, strip_at + width * ready, head.activation)
                            ready += first * step
                            if channels_last:
                                done = write_pixels(
                                    sums, base, width, done, ready, outlet.channels, arrays.y, outlet.origin,
                                    arrays.targets,
                                )  # fmt: skip
                            else:
                                last = first + p + in_use == part.pixels
                                done = write_rows(sums, base, width, done, ready, last, outlet)
                        p += in_use

    return convolve_part


def _body(kind: Kind) -> Callable[..., None]:
    """The convolution body for one kind of calls."""
    in_place, channels_last, convolve_part = kind.in_place, kind.last, _part_body(kind)

    def convolve(
        begin: int, end: int, x: Any, weights: Any, bias: Any, y: Any, table: Any, offsets: Any, steps: Any,
        weight_offsets: Any,
    ) -> None:  # fmt: skip
        """y = activation(weights * x + bias) for some tasks; see `SPREAD_TABLE` for the table.

        Weights are packed, or plain ones that `steps` and `weight_offsets` are for, as `pack_weights` takes them: each
        run of a row block is packed right before it is used.
        """
        head = read_head(table, 0)
        axes = slab_axes(table, SLAB_AT)
        out = output_axes(table)
        pixel = pixel_axes(table)
        layout = read_spread_head(table, SPREAD_HEAD_AT)
        y_steps = Space(pixel.d.y_step, pixel.h.y_step, pixel.w.y_step)
        # What sums begin with, pixels of the strip before, the strip, and a vector of pixels that are read in vain.
        sums = zeros((1 + strip_pixels(ROWS, out.w.step) * out.w.step + 2 * lanes(y)) * VECTORS * lanes(y), y.dtype)
        places = zeros(out.d.block * out.h.block * out.w.block + MOST_ROWS, np.int64)
        targets = zeros(out.d.block * out.h.block * out.w.block * out.w.step if channels_last else 1, np.int64)
        slab = zeros(1 if in_place else max(head.channels, layout.pitch) * slab_channel_size(axes), x.dtype)
        sources = zeros(axes.d.positions + axes.h.positions + axes.w.positions if channels_last else 1, np.int64)
        packed_run = empty(VECTORS * lanes(y) * DEPTHS if steps.size else 0, weights.dtype)
        arrays = _Arrays(
            x if in_place else slab, places, offsets, packed_run if steps.size else weights, sums, y, table, targets,
            weights, steps, weight_offsets,
        )  # fmt: skip
        across, fill = min(out.w.step, out.w.size), x.dtype.type(head.fill)
        gathered = np.int64(-1)
        for task in range(begin, end):
            block = block_of(task, head.splits, head.groups, out)
            base = head.x_base + block.n * head.x_batch + block.group * head.channels * head.x_channel
            if in_place:
                base += block.first.d * pixel.d.step + block.first.h * pixel.h.step + block.first.w * pixel.w.step
            elif gathered != block.place:  # the parts of a group's row blocks share their slab
                images, first = Images(base, head.channels, head.x_channel), first_position(block, pixel, axes)
                if channels_last:
                    gather_pixels(slab, sources, x, images, table, axes, first, layout.pitch, fill)
                else:
                    gather_plain(slab, x, images, table, axes, first, fill)
                gathered = block.place
            for number in range(0, head.phases, across):
                phases_at = head.phases_at + PHASE_FIELDS * number
                phase = read_phase(table, phases_at)
                counts = counts_in_block(out, phase, block)
                pixels = counts.d * counts.h * counts.w
                if pixels == 0:
                    continue
                _list_places(places, base if in_place else 0, pixel, counts)
                to = target_of_block(
                    layout.y_base + block.n * layout.y_batch, block, phase, out, counts, y_steps, counts.w * out.w.step
                )
                if channels_last:
                    list_targets(targets, to, pixels * out.w.step // (to.rows * to.pitch), y_steps.w)
                last_rows = (block.split + 1) * head.row_blocks // head.splits
                for b in range(block.split * head.row_blocks // head.splits, last_rows):
                    rows = read_row_block(table, head.row_blocks_at + ROW_BLOCK_FIELDS * b)
                    channel = block.group * head.out_channels + rows.first
                    begin_sums(sums, rows.rows, bias, channel, rows.channels)
                    packed = block.group * head.depth * head.padded_out
                    part = _Part(rows, block.group, packed, phases_at, across, pixels, layout.fetched, layout.halves)
                    outlet = Outlet(y, rows.channels, channel * layout.y_channel, layout.y_channel, to)
                    convolve_part(arrays, part, head, outlet, out.w.step)
        free((sums, places, targets, slab, sources, packed_run))

    return convolve


def _name(kind: Kind) -> str:
    place = "in_place" if kind.in_place else "slab"
    return f"spread_{place}{'_last' * kind.last}{'_activated' * kind.activated}{'_widened' * kind.widened}"


spread = {kind: kernel(_body(kind), _name(kind)) for kind in starmap(Kind, product((False, True), repeat=4))}
