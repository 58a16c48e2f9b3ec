"""Convolution and transposed convolution: a slab of input against packed weights, with the tile or with plain loops.

One body serves both, in one to three dimensions, with any stride, dilation, padding and grouping: a plan says, for each
*phase* of the output, at which offsets of the slab its taps stand. A convolution has one phase. A transposed convolution
of stride s has s phases an axis (the outputs congruent modulo s), each a convolution of the input with every s-th tap, so
no inserted zero is ever multiplied and no two products meet in memory (the guide's relationships 8 to 14).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from fastconv.jit.decorators import Kernel, helper, kernel
from fastconv.jit.machine import machine
from fastconv.jit.records import reader
from fastconv.jit.tile import lanes, tile
from fastconv.kernels.activation import activate, keep
from fastconv.kernels.slab import SlabAxis, gather, slab_axis, slab_channel_size

__all__ = ["CONV_TABLE", "ConvHead", "OutputAxis", "Phase", "RowBlock", "conv_loops", "conv_tiles", "conv_tiles_activated", "pack_weights"]

# Literals for the compiler. The last channels of a group take half as many rows as a whole tile, or one.
ROWS = machine().tile_rows
HALF_ROWS = ROWS // 2
ONE_ROW = 1
VECTORS = machine().tile_vectors
TWICE_VECTORS = 2 * VECTORS  # a single row has enough sums in flight only with more vectors: 69 against 50 GFLOP/s


class ConvHead(NamedTuple):
    """The head of a convolution's integer table.

    Attributes
    ----------
    groups, channels, out_channels : int
        Groups, and the channels of one group going in and out.
    padded_out : int
        Rows of packed weights of one group: its output channels, the last block filled up.
    phases, phases_at : int
        Output phases, and where their `Phase` records begin in the table.
    row_blocks, row_blocks_at : int
        Row blocks of a group, and where their `RowBlock` records begin.
    splits : int
        Parts in which a group's row blocks are shared out to tasks.
    depth : int
        Products of one group, all phases together.
    x_base, x_batch, x_channel : int
        Flat position of the first input element, and the steps of batch and channel.
    activation : int
        Number of the activation function.
    """

    groups: int
    channels: int
    out_channels: int
    padded_out: int
    phases: int
    phases_at: int
    row_blocks: int
    row_blocks_at: int
    splits: int
    depth: int
    x_base: int
    x_batch: int
    x_channel: int
    activation: int


class OutputAxis(NamedTuple):
    """One axis of the output: `size` elements, of which a phase has every `step`-th, in `blocks` of `block`."""

    size: int
    step: int
    block: int
    blocks: int


class Phase(NamedTuple):
    """The outputs congruent to a residue on each axis, and the depths (channel by tap) that are summed into them."""

    d: int
    h: int
    w: int
    depth_at: int
    depths: int


class RowBlock(NamedTuple):
    """Output channels `first` to ``first + channels`` of a group, computed as `rows` rows of a tile."""

    first: int
    channels: int
    rows: int


#: What stands in a table, in this order, before the lists that its records point to.
CONV_TABLE = (ConvHead, SlabAxis, SlabAxis, SlabAxis, OutputAxis, OutputAxis, OutputAxis)

_SLAB_AT = len(ConvHead._fields)
_SLAB_FIELDS = len(SlabAxis._fields)
_OUTPUT_AT = _SLAB_AT + 3 * _SLAB_FIELDS
_OUTPUT_FIELDS = len(OutputAxis._fields)
_PHASE_FIELDS = len(Phase._fields)
_ROW_BLOCK_FIELDS = len(RowBlock._fields)

_head = reader(ConvHead)
_output_axis = reader(OutputAxis)
_phase = reader(Phase)
_row_block = reader(RowBlock)


@helper
def _numbers(axis: OutputAxis, residue: int, first: int) -> int:
    """Outputs that a phase has in the block whose first is `first`."""
    in_phase = (axis.size - residue + axis.step - 1) // axis.step
    return max(0, min(axis.block, in_phase - first))


@kernel
def pack_weights(begin: int, end: int, weights: Any, packed: Any, table: Any, steps: Any, offsets: Any) -> None:
    """Lay out weights as [group, phase, row block, depth, row]; a task is one row block of one group.

    `steps` holds the flat position of the first weight and the steps of group and output channel, `offsets` the step of
    each depth. Rows that fill up a block are zero.
    """
    head = _head(table, 0)
    base, group_step, row_step = steps[0], steps[1], steps[2]
    for task in range(begin, end):
        group = task // head.row_blocks
        block = _row_block(table, head.row_blocks_at + _ROW_BLOCK_FIELDS * (task - group * head.row_blocks))
        source = base + group * group_step + block.first * row_step
        for number in range(head.phases):
            phase = _phase(table, head.phases_at + _PHASE_FIELDS * number)
            to = (group * head.depth + phase.depth_at) * head.padded_out + block.first * phase.depths
            for depth in range(phase.depth_at, phase.depth_at + phase.depths):
                at = source + offsets[depth]
                for row in range(block.channels):
                    packed[to + row] = weights[at + row * row_step]
                for row in range(block.channels, block.rows):
                    packed[to + row] = 0
                to += block.rows


@helper
def _sum_by_tiles(
    rows: int, weights: Any, at: int, slab: Any, offsets: Any, begin: int, end: int, sums: Any, numbers: int, pitch: int
) -> None:
    """sums[row, number] of one row block, numbers rounded up to whole tiles."""
    step = VECTORS * lanes(slab)
    n = 0
    while n < numbers:
        if rows == ROWS:
            tile(ROWS, VECTORS, weights, at, slab, n, offsets, begin, end, sums, n, pitch)
        elif rows == HALF_ROWS:
            tile(HALF_ROWS, VECTORS, weights, at, slab, n, offsets, begin, end, sums, n, pitch)
        elif n + step < numbers:
            tile(ONE_ROW, TWICE_VECTORS, weights, at, slab, n, offsets, begin, end, sums, n, pitch)
            n += step
        else:
            tile(ONE_ROW, VECTORS, weights, at, slab, n, offsets, begin, end, sums, n, pitch)
        n += step


@helper
def _sum_by_loops(
    rows: int, weights: Any, at: int, slab: Any, offsets: Any, begin: int, end: int, sums: Any, numbers: int, pitch: int
) -> None:
    """As `_sum_by_tiles`, for any type that can be multiplied and added."""
    for row in range(rows):
        total = sums[row * pitch : row * pitch + numbers]
        for n in range(numbers):
            total[n] = 0
        for depth in range(begin, end):
            weight = weights[at + (depth - begin) * rows + row]
            values = slab[offsets[depth] : offsets[depth] + numbers]
            for n in range(numbers):
                total[n] += weight * values[n]


class _Block(NamedTuple):
    """A task: the part of the row blocks of one group of one image, for one block of outputs."""

    place: int
    split: int
    n: int
    group: int
    d: int
    h: int
    w: int


@helper
def _block(task: int, head: ConvHead, d: OutputAxis, h: OutputAxis, w: OutputAxis) -> _Block:
    """Tasks count through [image, group, block d, block h, block w, part]."""
    place = task // head.splits
    row = place // w.blocks
    plane = row // h.blocks
    image = plane // d.blocks
    n = image // head.groups
    return _Block(
        place,
        task - place * head.splits,
        n,
        image - n * head.groups,
        (plane - image * d.blocks) * d.block,
        (row - plane * h.blocks) * h.block,
        (place - row * w.blocks) * w.block,
    )


def _body(sum_block: Any, apply: Any) -> Callable[..., None]:
    """The convolution body around one way to sum and one way to apply an activation."""

    @helper
    def finish_row(sums: Any, bias: Any, channel: int, function: int, y: Any, step: int) -> None:
        """Bias and activation for one row of sums, and its outputs, `step` apart, into y."""
        # Loops, not assigned slices, which make Numba compile two seconds of code for the message of a wrong shape.
        if bias.size:
            for n in range(sums.size):
                sums[n] += bias[channel]
        apply(sums, function)
        if step == 1:
            for n in range(sums.size):
                y[n] = sums[n]
        else:
            for n in range(sums.size):
                y[n * step] = sums[n]

    @helper
    def sum_phase(
        phase: Phase,
        block: _Block,
        head: ConvHead,
        table: Any,
        weights: Any,
        slab: Any,
        offsets: Any,
        sums: Any,
        pitches: tuple[int, int, int],
        bias: Any,
        y: Any,
        out: tuple[OutputAxis, OutputAxis, OutputAxis],
    ) -> None:
        """One phase of a block: the outputs congruent to the phase's residues."""
        pitch, plane_pitch, row_pitch = pitches
        out_d, out_h, out_w = out
        n_d, n_h, n_w = _numbers(out_d, phase.d, block.d), _numbers(out_h, phase.h, block.h), _numbers(out_w, phase.w, block.w)
        if n_d == 0 or n_h == 0 or n_w == 0:
            return
        numbers = (n_d - 1) * plane_pitch + (n_h - 1) * row_pitch + n_w
        packed = (block.group * head.depth + phase.depth_at) * head.padded_out
        depth_end = phase.depth_at + phase.depths
        for b in range(block.split * head.row_blocks // head.splits, (block.split + 1) * head.row_blocks // head.splits):
            rows = _row_block(table, head.row_blocks_at + _ROW_BLOCK_FIELDS * b)
            if phase.depths:
                at = packed + rows.first * phase.depths
                sum_block(rows.rows, weights, at, slab, offsets, phase.depth_at, depth_end, sums, numbers, pitch)
            else:  # a kernel shorter than the stretch: outputs that no tap reaches
                for i in range(sums.size):
                    sums[i] = 0
            for row in range(rows.channels):
                channel = block.group * head.out_channels + rows.first + row
                planes = (block.n * head.groups * head.out_channels + channel) * out_d.size
                for d in range(n_d):
                    plane = planes + (block.d + d) * out_d.step + phase.d
                    for h in range(n_h):
                        line = plane * out_h.size + (block.h + h) * out_h.step + phase.h
                        to = line * out_w.size + block.w * out_w.step + phase.w
                        at = row * pitch + d * plane_pitch + h * row_pitch
                        finish_row(sums[at : at + n_w], bias, channel, head.activation, y[to:], out_w.step)

    def convolve(begin: int, end: int, x: Any, weights: Any, bias: Any, y: Any, table: Any, offsets: Any) -> None:
        """y = activation(weights * x + bias) for some tasks; see `ConvHead` for the table."""
        head = _head(table, 0)
        d = slab_axis(table, _SLAB_AT)
        h = slab_axis(table, _SLAB_AT + _SLAB_FIELDS)
        w = slab_axis(table, _SLAB_AT + 2 * _SLAB_FIELDS)
        out_d = _output_axis(table, _OUTPUT_AT)
        out_h = _output_axis(table, _OUTPUT_AT + _OUTPUT_FIELDS)
        out_w = _output_axis(table, _OUTPUT_AT + 2 * _OUTPUT_FIELDS)
        row_pitch = w.positions
        plane_pitch = h.positions * row_pitch

        # Tiles read and write up to two steps past the last number. What they find there is dropped, but must not be a
        # denormal, which would be a hundred times slower: so zeros, not empty.
        step = TWICE_VECTORS * lanes(y)
        slab = np.zeros(head.channels * slab_channel_size(d, h, w) + step, y.dtype)
        pitch = (out_d.block - 1) * plane_pitch + (out_h.block - 1) * row_pitch + out_w.block + step
        sums = np.zeros(ROWS * pitch, y.dtype)
        fill = slab[0]
        gathered = np.int64(-1)
        for task in range(begin, end):
            block = _block(task, head, out_d, out_h, out_w)
            if gathered != block.place:  # the parts of a group's row blocks share their slab
                base = head.x_base + block.n * head.x_batch + block.group * head.channels * head.x_channel
                gather(
                    slab, x, base, head.x_channel, head.channels, table, d, h, w, block.d, block.h, block.w, fill
                )
                gathered = block.place
            for number in range(head.phases):
                phase = _phase(table, head.phases_at + _PHASE_FIELDS * number)
                sum_phase(
                    phase,
                    block,
                    head,
                    table,
                    weights,
                    slab,
                    offsets,
                    sums,
                    (pitch, plane_pitch, row_pitch),
                    bias,
                    y,
                    (out_d, out_h, out_w),
                )

    return convolve


conv_tiles: Kernel = kernel(_body(_sum_by_tiles, keep))
conv_tiles_activated: Kernel = kernel(_body(_sum_by_tiles, activate))
conv_loops: Kernel = kernel(_body(_sum_by_loops, keep))
