"""Convolution and transposed convolution: a slab of input against packed weights, by tiles.

One body serves both, as `fastconv.kernels.conv_table` says; here lanes are pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from fastconv.jit.copy import copy_run
from fastconv.jit.decorators import helper
from fastconv.jit.kernel import kernel
from fastconv.jit.machine import machine
from fastconv.jit.scratch import free, zeros
from fastconv.jit.tile import lanes, tile
from fastconv.jit.vector import unsigned
from fastconv.jit.zip import zip_runs
from fastconv.kernels.activation import activate, keep
from fastconv.kernels.conv_table import (
    PHASE_FIELDS,
    ROW_BLOCK_FIELDS,
    SLAB_AT,
    Phase,
    RowBlock,
    block_of,
    numbers_in_block,
    output_axes,
    read_head,
    read_phase,
    read_row_block,
)
from fastconv.kernels.slab import Images, Space, gather, slab_axes, slab_channel_size

__all__ = ["conv_tiles", "conv_tiles_activated"]

# Literals for the compiler. The last channels of a group take half as many rows as a whole tile, or one.
ROWS = machine().tile_rows
HALF_ROWS = ROWS // 2
ONE_ROW = 1
VECTORS = machine().tile_vectors
TWICE_VECTORS = 2 * VECTORS  # a single row needs more vectors to have enough sums in flight


class _Operands(NamedTuple):
    """What one row block multiplies: packed weights from `at` on, and depths `begin` to `end` of the slab."""

    weights: Any
    at: int
    slab: Any
    offsets: Any
    begin: int
    end: int


@helper
def _sum_rows(rows: int, o: _Operands, sums: Any, numbers: int, pitch: int) -> None:
    """sums[row, number] of one row block, numbers rounded up to whole tiles."""
    step = VECTORS * lanes(o.slab)
    n = 0
    while n < numbers:
        if rows == ROWS:
            tile(ROWS, VECTORS, o.weights, o.at, o.slab, n, o.offsets, o.begin, o.end, sums, n, pitch)
        elif rows == HALF_ROWS:
            tile(HALF_ROWS, VECTORS, o.weights, o.at, o.slab, n, o.offsets, o.begin, o.end, sums, n, pitch)
        elif n + step < numbers:
            tile(ONE_ROW, TWICE_VECTORS, o.weights, o.at, o.slab, n, o.offsets, o.begin, o.end, sums, n, pitch)
            n += step
        else:
            tile(ONE_ROW, VECTORS, o.weights, o.at, o.slab, n, o.offsets, o.begin, o.end, sums, n, pitch)
        n += step


@helper
def _write_channel(
    sums: Any, at: int, apart: int, pitches: Space, counts: Space, pairs: int, first: Space, out: Space, image: int,
    y: Any,
) -> None:  # fmt: skip
    """All outputs of one channel in a block; `first` is the first output itself, not its number in the phase.

    With `pairs`, the sums of the other phase of a row stand `apart` from those of the first, which may have one more.
    """
    for d in range(counts.d):
        plane = image * out.d.size + first.d + d * out.d.step
        for h in range(counts.h):
            line = plane * out.h.size + first.h + h * out.h.step
            to, row = line * out.w.size + first.w, at + d * pitches.d + h * pitches.h
            if out.w.step == 1:
                copy_run(y, to, sums, row, counts.w)
                continue
            zip_runs(y, to, sums, row, row + apart, pairs)
            number, to_output = unsigned(row + pairs), unsigned(to + pairs * out.w.step)
            for _ in range(pairs, counts.w):
                y[to_output] = sums[number]
                number += unsigned(1)
                to_output += unsigned(out.w.step)


@helper
def _counts(out: Space, phase: Phase, first: Space) -> Space:
    """Outputs of a phase in a block, along each axis."""
    return Space(
        numbers_in_block(out.d, phase.d, first.d),
        numbers_in_block(out.h, phase.h, first.h),
        numbers_in_block(out.w, phase.w, first.w),
    )


def _body(apply: Any) -> Callable[..., None]:
    """The convolution body around one way to apply an activation."""

    @helper
    def sum_phase(
        rows: RowBlock, o: _Operands, sums: Any, numbers: int, pitch: int, bias: Any, channel: int, function: int
    ) -> None:
        """What one row block's channels, from `channel` on, are in one phase: sums, with bias and activation."""
        if o.begin < o.end:
            _sum_rows(rows.rows, o, sums, numbers, pitch)
        else:  # a kernel shorter than the stretch: outputs that no tap reaches
            for i in range(sums.size):
                sums[i] = 0
        # Loops, not assigned slices, which make Numba compile two seconds of code for the message of a wrong shape.
        for row in range(rows.channels):
            here = sums[row * pitch : row * pitch + numbers]
            if bias.size:
                for n in range(here.size):
                    here[n] += bias[channel + row]
            apply(here, 0, here.size, function)

    def convolve(begin: int, end: int, x: Any, weights: Any, bias: Any, y: Any, table: Any, offsets: Any) -> None:
        """y = activation(weights * x + bias) for some tasks; see `CONV_TABLE` for the table."""
        head = read_head(table, 0)
        axes = slab_axes(table, SLAB_AT)
        out = output_axes(table)
        pitches = Space(axes.h.positions * axes.w.positions, axes.w.positions, 1)

        # Tiles read and write up to two steps past the last number. What they find there is dropped, but must not be a
        # denormal, which would be a hundred times slower: so zeros, not empty.
        step = TWICE_VECTORS * lanes(y)
        slab = zeros(head.channels * slab_channel_size(axes) + step, x.dtype)
        pitch = (out.d.block - 1) * pitches.d + (out.h.block - 1) * pitches.h + out.w.block + step
        together = 2 if out.w.step == 2 and out.w.size > 1 else 1  # the phases of a row, which are written at once
        apart = ROWS * pitch
        sums = zeros(together * apart, y.dtype)
        fill = x.dtype.type(head.fill)
        gathered = np.int64(-1)
        for task in range(begin, end):
            block = block_of(task, head.splits, head.groups, out)
            if gathered != block.place:  # the parts of a group's row blocks share their slab
                base = head.x_base + block.n * head.x_batch + block.group * head.channels * head.x_channel
                gather(slab, x, Images(base, head.channels, head.x_channel), table, axes, block.first, fill)
                gathered = block.place
            for number in range(0, head.phases, together):
                phases_at = head.phases_at + PHASE_FIELDS * number
                phase = read_phase(table, phases_at)
                counts = _counts(out, phase, block.first)
                if counts.d == 0 or counts.h == 0 or counts.w == 0:
                    continue
                pairs = _counts(out, read_phase(table, phases_at + PHASE_FIELDS), block.first).w if together > 1 else 0
                first = Space(
                    block.first.d * out.d.step + phase.d,
                    block.first.h * out.h.step + phase.h,
                    block.first.w * out.w.step + phase.w,
                )
                last_rows = (block.split + 1) * head.row_blocks // head.splits
                for b in range(block.split * head.row_blocks // head.splits, last_rows):
                    rows = read_row_block(table, head.row_blocks_at + ROW_BLOCK_FIELDS * b)
                    channel = block.group * head.out_channels + rows.first
                    for side in range(together if pairs else 1):
                        phase = read_phase(table, phases_at + PHASE_FIELDS * side)
                        at = (block.group * head.depth + phase.depth_at) * head.padded_out + rows.first * phase.depths
                        o = _Operands(weights, at, slab, offsets, phase.depth_at, phase.depth_at + phase.depths)
                        columns = pairs if side else counts.w
                        numbers = (counts.d - 1) * pitches.d + (counts.h - 1) * pitches.h + columns
                        here = sums[side * apart : (side + 1) * apart]
                        sum_phase(rows, o, here, numbers, pitch, bias, channel, head.activation)
                    for row in range(rows.channels):
                        image = block.n * head.groups * head.out_channels + channel + row
                        _write_channel(sums, row * pitch, apart, pitches, counts, pairs, first, out, image, y)
        free((slab, sums))

    return convolve


conv_tiles = kernel(_body(keep), "conv_tiles")
conv_tiles_activated = kernel(_body(activate), "conv_tiles_activated")
