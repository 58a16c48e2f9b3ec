"""The integer table of a convolution: what a plan writes and the kernels read.

One table serves convolution and transposed convolution, in one to three dimensions, with any stride, dilation, padding
and grouping. It says, for each *phase* of the output, where its taps stand. A convolution has one phase. A transposed
convolution of stride s has s phases an axis (the outputs congruent modulo s), each a convolution of the input with
every s-th tap, so no inserted zero is ever multiplied and no two products meet in memory (the guide's relationships 8
to 14).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from fastconv.jit.decorators import helper
from fastconv.jit.records import reader
from fastconv.kernels.slab import SlabAxis, Space

__all__ = [
    "CONV_TABLE",
    "PHASE_FIELDS",
    "ROW_BLOCK_FIELDS",
    "SLAB_AT",
    "TABLE_SIZE",
    "Block",
    "ConvHead",
    "OutputAxis",
    "Phase",
    "RowBlock",
    "block_of",
    "numbers_in_block",
    "output_axes",
    "read_head",
    "read_phase",
    "read_row_block",
]


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
    fill : int
        What stands in padding of zeros.
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
    fill: int


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

SLAB_AT = len(ConvHead._fields)
OUTPUT_AT = SLAB_AT + 3 * len(SlabAxis._fields)
_OUTPUT_FIELDS = len(OutputAxis._fields)
TABLE_SIZE = OUTPUT_AT + 3 * _OUTPUT_FIELDS
PHASE_FIELDS = len(Phase._fields)
ROW_BLOCK_FIELDS = len(RowBlock._fields)

read_head = reader(ConvHead)
_output_axis = reader(OutputAxis)
read_phase = reader(Phase)
read_row_block = reader(RowBlock)


@helper
def output_axes(table: Any, at: int = OUTPUT_AT) -> Space:
    return Space(
        _output_axis(table, at),
        _output_axis(table, at + _OUTPUT_FIELDS),
        _output_axis(table, at + 2 * _OUTPUT_FIELDS),
    )


@helper
def numbers_in_block(axis: OutputAxis, residue: int, first: int) -> int:
    """Outputs that a phase has in the block whose first is `first`."""
    in_phase = (axis.size - residue + axis.step - 1) // axis.step
    return max(0, min(axis.block, in_phase - first))


class Block(NamedTuple):
    """A task: part number `split` of the channels of one group of one image, at one place.

    `first` counts outputs of a phase.
    """

    place: int
    split: int
    n: int
    group: int
    first: Space


@helper
def block_of(task: int, splits: int, groups: int, out: Space) -> Block:
    """Tasks count through [image, group, block d, block h, block w, part]."""
    place = task // splits
    row = place // out.w.blocks
    plane = row // out.h.blocks
    image = plane // out.d.blocks
    n = image // groups
    first = Space(
        (plane - image * out.d.blocks) * out.d.block,
        (row - plane * out.h.blocks) * out.h.block,
        (place - row * out.w.blocks) * out.w.block,
    )
    return Block(place, task - place * splits, n, image - n * groups, first)
