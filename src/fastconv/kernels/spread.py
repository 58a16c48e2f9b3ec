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
from fastconv.jit.spread_tile import SpreadRun, spread_tile
from fastconv.jit.tile import lanes
from fastconv.kernels.activation import activate, keep
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
from fastconv.kernels.spread_table import (
    HALF_ROWS,
    HALF_VECTORS,
    MOST_ROWS,
    NARROW_ROWS,
    ONE_VECTOR,
    ROWS,
    SHARED_ROWS,
    SPREAD_HEAD_AT,
    STRIP,
    VECTORS,
    read_spread_head,
)
from fastconv.kernels.weights import DepthRun, pack_rows, read_plain

__all__ = ["Kind", "spread"]

#: Most depths that are added one after the other: sums of 4608 products are then put together from six, whose error is
#: 0.4 times as large, and weights for so many depths stay in the second-level cache.
DEPTHS = 768
#: Most pairs whose products are summed in 32 bits before they are widened: 256 of up to 255 * 2**15 stay below 2**31.
WIDENED_DEPTHS = 128


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
    shift : int
        Bits by which what they add up to is shifted, where sums are widened.
    """

    begin: int
    end: int
    at: int
    width: int
    first: bool
    shift: int


@helper
def _tile_rows(width: int, n: int) -> int:
    """Rows of a tile for so many channels, in vectors of `n`."""
    return ROWS if width > HALF_VECTORS * n else NARROW_ROWS


@helper
def _tile_pixels(left: int, tile_rows: int, width: int, n: int) -> int:
    """Pixels of the next tile, where so many are left of a strip."""
    if width == VECTORS * n and ROWS < left <= 2 * SHARED_ROWS:
        return SHARED_ROWS
    return min(tile_rows, left)


@helper
def _depths_of_run(depths: int, taps: int, longest: int) -> tuple[int, int]:
    """Depths of a run, about as many in all of them, and taps of a channel: runs have those of whole channels.

    Where a channel has too many, the taps are 0.
    """
    runs = max(1, (depths + longest - 1) // longest)
    depths = max(1, (depths + runs - 1) // runs)
    return (depths, 0) if taps > depths else (depths - depths % max(1, taps), taps)


@helper
def _strip_pixels(rows: int, step: int) -> int:
    """Pixels of a strip: whole tiles, for each of the `step` phases of a row."""
    return max(1, STRIP // step) * rows


@inlined
def _sum(arrays: Any, place_at: int, depths: _Depths, pixels: int, to: int, step: int) -> None:
    """The sums of a tile's pixels, from the one whose place is number `place_at`; of more than `pixels`, if need be."""
    sums = arrays.sums
    start_at, start_step = (0, 0) if depths.first else (to, step)
    run = SpreadRun(place_at, depths.begin, depths.end, depths.at, start_at, start_step, to, step, depths.shift)
    values, places, offsets, weights = arrays.values, arrays.places, arrays.offsets, arrays.weights
    if depths.begin == depths.end:  # outputs that no tap reaches: those of a kernel shorter than the stretch
        for row in range(pixels):
            copy_run(sums, to + row * step, sums, 0, depths.width)
    elif depths.width == ONE_VECTOR * lanes(sums):
        spread_tile(NARROW_ROWS, ONE_VECTOR, run, values, places, offsets, weights, sums)
    elif HALF_VECTORS > 1 and depths.width == HALF_VECTORS * lanes(sums):
        spread_tile(NARROW_ROWS, HALF_VECTORS, run, values, places, offsets, weights, sums)
    elif pixels > SHARED_ROWS:
        spread_tile(ROWS, VECTORS, run, values, places, offsets, weights, sums)
    elif pixels > HALF_ROWS:
        spread_tile(SHARED_ROWS, VECTORS, run, values, places, offsets, weights, sums)
    else:
        spread_tile(HALF_ROWS, VECTORS, run, values, places, offsets, weights, sums)


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
    widened, longest = kind.widened, WIDENED_DEPTHS if kind.widened else DEPTHS

    @inlined
    def convolve_part(arrays: _Arrays, part: _Part, head: ConvHead, outlet: Outlet, step: int) -> None:
        """All pixels of a block for one block of channels, a strip at a time."""
        sums, width, n, done = arrays.sums, part.rows.rows, lanes(arrays.y), 0
        tile_rows = _tile_rows(width, n)
        strip, halves = _strip_pixels(tile_rows, step), part.halves if widened else 1
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
                depths, taps = _depths_of_run(each, phase.depths // head.channels, longest)
                runs = max(1, (each + depths - 1) // depths)
                for run in range(halves * runs):
                    half = run // runs if widened else 0
                    begin = half * each + (run - half * runs) * depths
                    end, shift = min(begin + depths, (half + 1) * each), 8 * (halves - 1 - half)
                    run_depths = _Depths(
                        phase.depth_at + begin, phase.depth_at + end, packed + begin * width, width, run == 0, shift
                    )
                    if arrays.steps.size:
                        pack_rows(
                            arrays.plain, read_plain(arrays.steps, 0), part.group, part.rows, arrays.weight_offsets,
                            DepthRun(phase.depth_at + begin, end - begin, taps), arrays.weights, 0,
                        )  # fmt: skip
                        run_depths = _Depths(phase.depth_at + begin, phase.depth_at + end, 0, width, run == 0, shift)
                    complete = number == part.across - 1 and run == halves * runs - 1
                    p = 0
                    while p < count:
                        at, in_use = strip_at + width * p * step, _tile_pixels(count - p, tile_rows, width, n)
                        ready, output = (p + in_use) * step, (first + p) * step
                        if part.fetched and complete and output // n < (first * step + ready) // n:
                            fetch_rows(output, in_use * step, outlet)
                        _sum(arrays, first + p, run_depths, in_use, at + number * width, width * step)
                        if complete:
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
        sums = zeros((1 + _strip_pixels(ROWS, out.w.step) * out.w.step + 2 * lanes(y)) * VECTORS * lanes(y), y.dtype)
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
                    for c in range(rows.rows):
                        sums[c] = bias[channel + c] if bias.size and c < rows.channels else 0
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
