"""Convolution and transposed convolution: a slab of input against packed weights, with the tile or with plain loops.

One body serves both, in one to three dimensions, with any stride, dilation, padding and grouping: a plan says, for each
*phase* of the output, at which offsets of the slab its taps stand. A convolution has one phase. A transposed
convolution of stride s has s phases an axis (the outputs congruent modulo s), each a convolution of the input with
every s-th tap, so no inserted zero is ever multiplied and no two products meet in memory (the guide's relationships 8
to 14).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from fastconv.jit.decorators import helper
from fastconv.jit.kernel import kernel
from fastconv.jit.machine import machine
from fastconv.jit.records import reader
from fastconv.jit.tile import lanes, tile
from fastconv.kernels.activation import activate, keep
from fastconv.kernels.slab import Images, SlabAxis, Space, gather, slab_axes, slab_channel_size

__all__ = [
    "CONV_TABLE",
    "ConvHead",
    "OutputAxis",
    "Phase",
    "RowBlock",
    "conv_loops",
    "conv_tiles",
    "conv_tiles_activated",
    "pack_weights",
]

# Literals for the compiler. The last channels of a group take half as many rows as a whole tile, or one.
ROWS = machine().tile_rows
HALF_ROWS = ROWS // 2
ONE_ROW = 1
VECTORS = machine().tile_vectors
TWICE_VECTORS = 2 * VECTORS  # a single row needs more vectors to have enough sums in flight


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
_OUTPUT_AT = _SLAB_AT + 3 * len(SlabAxis._fields)
_OUTPUT_FIELDS = len(OutputAxis._fields)
_PHASE_FIELDS = len(Phase._fields)
_ROW_BLOCK_FIELDS = len(RowBlock._fields)

_head = reader(ConvHead)
_output_axis = reader(OutputAxis)
_phase = reader(Phase)
_row_block = reader(RowBlock)


@helper
def _output_axes(table: Any) -> Space:
    return Space(
        _output_axis(table, _OUTPUT_AT),
        _output_axis(table, _OUTPUT_AT + _OUTPUT_FIELDS),
        _output_axis(table, _OUTPUT_AT + 2 * _OUTPUT_FIELDS),
    )


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


class _Operands(NamedTuple):
    """What one row block multiplies: packed weights from `at` on, and depths `begin` to `end` of the slab."""

    weights: Any
    at: int
    slab: Any
    offsets: Any
    begin: int
    end: int


@helper
def _sum_by_tiles(rows: int, o: _Operands, sums: Any, numbers: int, pitch: int) -> None:
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
def _sum_by_loops(rows: int, o: _Operands, sums: Any, numbers: int, pitch: int) -> None:
    """As `_sum_by_tiles`, for any type that can be multiplied and added."""
    for row in range(rows):
        total = sums[row * pitch : row * pitch + numbers]
        for n in range(numbers):
            total[n] = 0
        for depth in range(o.begin, o.end):
            weight = o.weights[o.at + (depth - o.begin) * rows + row]
            values = o.slab[o.offsets[depth] : o.offsets[depth] + numbers]
            for n in range(numbers):
                total[n] += weight * values[n]


class _Block(NamedTuple):
    """A task: a part of the row blocks of one group of one image, at one place; `first` counts outputs of a phase."""

    place: int
    split: int
    n: int
    group: int
    first: Space


@helper
def _block(task: int, head: ConvHead, out: Space) -> _Block:
    """Tasks count through [image, group, block d, block h, block w, part]."""
    place = task // head.splits
    row = place // out.w.blocks
    plane = row // out.h.blocks
    image = plane // out.d.blocks
    n = image // head.groups
    first = Space(
        (plane - image * out.d.blocks) * out.d.block,
        (row - plane * out.h.blocks) * out.h.block,
        (place - row * out.w.blocks) * out.w.block,
    )
    return _Block(place, task - place * head.splits, n, image - n * head.groups, first)


def _body(sum_rows: Any, apply: Any) -> Callable[..., None]:
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
    def finish_channel(
        sums: Any, pitches: Space, counts: Space, first: Space, out: Space, image: int, bias: Any, channel: int,
        function: int, y: Any,
    ) -> None:  # fmt: skip
        """All outputs of one channel in a block; `first` is the first output itself, not its number in the phase."""
        for d in range(counts.d):
            plane = image * out.d.size + first.d + d * out.d.step
            for h in range(counts.h):
                line = plane * out.h.size + first.h + h * out.h.step
                at = d * pitches.d + h * pitches.h
                finish_row(
                    sums[at : at + counts.w], bias, channel, function, y[line * out.w.size + first.w :], out.w.step
                )

    def convolve(begin: int, end: int, x: Any, weights: Any, bias: Any, y: Any, table: Any, offsets: Any) -> None:
        """y = activation(weights * x + bias) for some tasks; see `ConvHead` for the table."""
        head = _head(table, 0)
        axes = slab_axes(table, _SLAB_AT)
        out = _output_axes(table)
        pitches = Space(axes.h.positions * axes.w.positions, axes.w.positions, 1)

        # Tiles read and write up to two steps past the last number. What they find there is dropped, but must not be a
        # denormal, which would be a hundred times slower: so zeros, not empty.
        step = TWICE_VECTORS * lanes(y)
        slab = np.zeros(head.channels * slab_channel_size(axes) + step, y.dtype)
        pitch = (out.d.block - 1) * pitches.d + (out.h.block - 1) * pitches.h + out.w.block + step
        sums = np.zeros(ROWS * pitch, y.dtype)
        fill = slab[0]
        gathered = np.int64(-1)
        for task in range(begin, end):
            block = _block(task, head, out)
            if gathered != block.place:  # the parts of a group's row blocks share their slab
                base = head.x_base + block.n * head.x_batch + block.group * head.channels * head.x_channel
                gather(slab, x, Images(base, head.channels, head.x_channel), table, axes, block.first, fill)
                gathered = block.place
            for number in range(head.phases):
                phase = _phase(table, head.phases_at + _PHASE_FIELDS * number)
                counts = Space(
                    _numbers(out.d, phase.d, block.first.d),
                    _numbers(out.h, phase.h, block.first.h),
                    _numbers(out.w, phase.w, block.first.w),
                )
                if counts.d == 0 or counts.h == 0 or counts.w == 0:
                    continue
                numbers = (counts.d - 1) * pitches.d + (counts.h - 1) * pitches.h + counts.w
                first = Space(
                    block.first.d * out.d.step + phase.d,
                    block.first.h * out.h.step + phase.h,
                    block.first.w * out.w.step + phase.w,
                )
                packed = (block.group * head.depth + phase.depth_at) * head.padded_out
                last_rows = (block.split + 1) * head.row_blocks // head.splits
                for b in range(block.split * head.row_blocks // head.splits, last_rows):
                    rows = _row_block(table, head.row_blocks_at + _ROW_BLOCK_FIELDS * b)
                    at = packed + rows.first * phase.depths
                    depth_end = phase.depth_at + phase.depths
                    if phase.depths:
                        operands = _Operands(weights, at, slab, offsets, phase.depth_at, depth_end)
                        sum_rows(rows.rows, operands, sums, numbers, pitch)
                    else:  # a kernel shorter than the stretch: outputs that no tap reaches
                        for i in range(sums.size):
                            sums[i] = 0
                    for row in range(rows.channels):
                        channel = block.group * head.out_channels + rows.first + row
                        image = block.n * head.groups * head.out_channels + channel
                        finish_channel(
                            sums[row * pitch :], pitches, counts, first, out, image, bias, channel, head.activation, y
                        )

    return convolve


conv_tiles = kernel(_body(_sum_by_tiles, keep), "conv_tiles")
conv_tiles_activated = kernel(_body(_sum_by_tiles, activate), "conv_tiles_activated")
conv_loops = kernel(_body(_sum_by_loops, keep), "conv_loops")
