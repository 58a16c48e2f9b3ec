"""Convolution tap by tap, with output channels as lanes, for those pixels alone whose tap is inside the input.

Where images are small beside their padding, or taps far apart, many products are those of padding: 0.31 of them for 3 x
3 taps on 4 x 4 pixels, and 0.43 of them on 33 x 33 pixels where the taps are 12 apart. Here each tap lists the pixels
that it has a number for. So none is multiplied with padding, no border has to be copied, and the input is read where it
stands. The sums of all pixels of a block wait in the second-level cache while one tap after the other is added. So do
the weights of a run of channels where the kernel packs them: all taps of a channel stand beside each other, so they are
packed together.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product, starmap
from typing import Any, NamedTuple

import numpy as np

from fastconv.jit.copy import copy_run
from fastconv.jit.decorators import helper, inlined
from fastconv.jit.finite import are_finite
from fastconv.jit.kernel import kernel
from fastconv.jit.scratch import empty, free, zeros
from fastconv.jit.spread_tile import SpreadRun, listed_tile
from fastconv.jit.tile import lanes
from fastconv.kernels.activation import activate, keep
from fastconv.kernels.bias import begin_sums
from fastconv.kernels.conv_table import (
    PHASE_FIELDS,
    ROW_BLOCK_FIELDS,
    SLAB_AT,
    Block,
    block_of,
    output_axes,
    read_head,
    read_phase,
    read_row_block,
)
from fastconv.kernels.inside_table import INSIDE_HEAD_AT, SHIFT_FIELDS, Shift, read_inside_head, read_shift
from fastconv.kernels.outlet import Outlet, list_targets, target_of_block, write_pixels, write_rows
from fastconv.kernels.pixels import PixelAxis, counts_in_block, pixel_axes
from fastconv.kernels.slab import Space, slab_axes
from fastconv.kernels.spread_sums import Depths, by_size, next_pixels
from fastconv.kernels.spread_table import MOST_ROWS, VECTORS
from fastconv.kernels.weights import PackedPlace, pack_block, read_plain

__all__ = ["Kind", "inside"]


@helper
def _seen(pixel: PixelAxis, size: int, first: int, count: int, shift: int) -> tuple[int, int]:
    """Of `count` outputs along an axis from number `first` on, the first whose tap is inside, and the one behind all.

    The tap reads position `shift` for output 0.
    """
    at = first * pixel.stride + shift
    begin = min(count, max(0, (pixel.stride - 1 - at) // pixel.stride))
    return begin, max(begin, min(count, (size - 1 - at) // pixel.stride + 1))


@helper
def _list_seen(
    places: Any, goals: Any, base: int, shift: Shift, axes: Space, pixel: Space, block: Block, counts: Space, width: int
) -> int:
    """List the pixels of a block that a tap has numbers for: their places and where their sums stand; how many.

    The block's first pixel has its place at `base`.

    Behind them is the last one again, for tiles that reach beyond, whose sums go where none is read.
    """
    first_d, end_d = _seen(pixel.d, axes.d.size, block.first.d, counts.d, shift.d)
    first_h, end_h = _seen(pixel.h, axes.h.size, block.first.h, counts.h, shift.h)
    first_w, end_w = _seen(pixel.w, axes.w.size, block.first.w, counts.w, shift.w)
    count: Any = np.int64(0)
    for d in range(first_d, end_d):
        for h in range(first_h, end_h):
            at = base + d * pixel.d.step + h * pixel.h.step
            goal = width * (1 + (d * counts.h + h) * counts.w)
            row, row_goals = places[count : count + end_w - first_w], goals[count : count + end_w - first_w]
            for i in range(row.size):
                row[i] = at + (first_w + i) * pixel.w.step
                row_goals[i] = goal + (first_w + i) * width
            count += row.size
    if count:
        for p in range(count, count + MOST_ROWS):
            places[p], goals[p] = places[count - 1], width * (1 + counts.d * counts.h * counts.w)
    return count


class Kind(NamedTuple):
    """What a kernel is compiled for.

    Attributes
    ----------
    last : bool
        Whether channels of the result stand beside each other.
    activated : bool
        Whether an activation is applied.
    """

    last: bool
    activated: bool


class _Arrays(NamedTuple):
    """What a tile reads and where its sums go; see `listed_tile`."""

    values: Any
    places: Any
    offsets: Any
    weights: Any
    goals: Any
    sums: Any


_listed = by_size(listed_tile)


@inlined
def _add_tap(arrays: _Arrays, depths: Depths, count: int) -> None:
    """Add what some depths of a tap add up to, for the pixels that are listed."""
    values, places, offsets, weights, goals, sums = arrays
    n = lanes(sums)
    p: Any = np.int64(0)
    while p < count:
        pixels = next_pixels(count - p, depths.width, n)
        run = SpreadRun(p, depths.begin, depths.end, depths.at, 0, 0, 0, 0, 0)
        _listed(depths.width, pixels, run, values, places, offsets, weights, goals, sums)
        p += pixels


def _body(kind: Kind) -> Callable[..., None]:
    """The convolution body for one kind of calls."""
    channels_last, apply = kind.last, activate if kind.activated else keep

    def convolve(
        begin: int, end: int, x: Any, weights: Any, bias: Any, y: Any, table: Any, offsets: Any, strange: Any,
        steps: Any, weight_offsets: Any,
    ) -> None:  # fmt: skip
        """y = activation(weights * x + bias) for some tasks; see `INSIDE_TABLE` for the table.

        Weights are packed, or plain ones that `steps` and `weight_offsets` are for, as `pack_weights` takes them.
        ``strange[task]`` becomes 0 unless a sum is infinite or not a number: then a weight may be, and more should be.
        """
        head, more = read_head(table, 0), read_inside_head(table, INSIDE_HEAD_AT)
        axes, out, pixel = slab_axes(table, SLAB_AT), output_axes(table), pixel_axes(table)
        y_steps = Space(pixel.d.y_step, pixel.h.y_step, pixel.w.y_step)
        most, n = out.d.block * out.h.block * out.w.block, lanes(y)
        # What sums begin with, those of a block, and a vector of pixels that are added to, or read, in vain.
        sums = zeros((1 + most + n) * VECTORS * n, y.dtype)
        places, goals = empty(most + MOST_ROWS, np.int64), empty(most + MOST_ROWS, np.int64)
        targets = empty(most if channels_last else 0, np.int64)
        packs, room = steps.size > 0, more.run | 1  # an odd number: taps are not a power of two apart
        own_weights = empty(VECTORS * n * head.phases * room if packs else 0, weights.dtype)
        for task in range(begin, end):
            strange[task] = 0
            block = block_of(task, head.splits, head.groups, out)
            first_phase = read_phase(table, head.phases_at)
            counts = counts_in_block(out, first_phase, block)
            pixels = counts.d * counts.h * counts.w
            if pixels == 0:
                continue
            base = head.x_base + block.n * head.x_batch + block.group * head.channels * head.x_channel
            base += block.first.d * pixel.d.step + block.first.h * pixel.h.step + block.first.w * pixel.w.step
            arrays = _Arrays(x, places, offsets, own_weights if packs else weights, goals, sums)
            image = more.y_base + block.n * more.y_batch
            to = target_of_block(image, block, first_phase, out, counts, y_steps, counts.w)
            if channels_last:
                list_targets(targets, to, pixels // (to.rows * to.pitch), y_steps.w)
            last_rows = (block.split + 1) * head.row_blocks // head.splits
            for b in range(block.split * head.row_blocks // head.splits, last_rows):
                rows = read_row_block(table, head.row_blocks_at + ROW_BLOCK_FIELDS * b)
                width, channel = rows.rows, block.group * head.out_channels + rows.first
                begin_sums(sums, width, bias, channel, rows.channels)
                for p in range(1, pixels + 1):
                    copy_run(sums, p * width, sums, 0, width)
                for first in range(0, head.channels, more.run):
                    run = min(more.run, head.channels - first)
                    if packs:
                        pack_block(
                            weights, read_plain(steps, 0), head, block.group, rows, table, weight_offsets, own_weights,
                            PackedPlace(0, width, 0, room, first, run),
                        )  # fmt: skip
                    for number in range(head.phases):
                        phase = read_phase(table, head.phases_at + PHASE_FIELDS * number)
                        shift = read_shift(table, more.shifts_at + SHIFT_FIELDS * number)
                        count = _list_seen(places, goals, base, shift, axes, pixel, block, counts, width)
                        at = number * room * width
                        if not packs:
                            at = (block.group * head.depth + phase.depth_at) * head.padded_out
                            at += rows.first * head.channels + first * width
                        begin_run = phase.depth_at + first
                        _add_tap(arrays, Depths(begin_run, begin_run + run, at, width, False, 0), count)
                strange[task] |= not are_finite(sums, width, (1 + pixels) * width)
                apply(sums, width, (1 + pixels) * width, head.activation)
                outlet = Outlet(y, rows.channels, channel * more.y_channel, more.y_channel, to)
                if channels_last:
                    write_pixels(sums, width, width, 0, pixels, rows.channels, y, outlet.origin, targets)
                else:
                    write_rows(sums, width, width, 0, pixels, True, outlet)
        free((sums, places, goals, targets, own_weights))

    return convolve


inside = {
    kind: kernel(_body(kind), f"inside{'_last' * kind.last}{'_activated' * kind.activated}")
    for kind in starmap(Kind, product((False, True), repeat=2))
}
