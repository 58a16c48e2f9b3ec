"""Weights laid out as the tiles read them."""

from __future__ import annotations

from typing import Any, NamedTuple

from fastconv.jit.decorators import helper
from fastconv.jit.kernel import kernel
from fastconv.jit.records import reader
from fastconv.jit.tile import lanes
from fastconv.jit.transpose import transpose
from fastconv.jit.vector import unsigned
from fastconv.kernels.conv_table import (
    PHASE_FIELDS,
    ROW_BLOCK_FIELDS,
    RowBlock,
    read_head,
    read_phase,
    read_row_block,
)

__all__ = ["PlainWeights", "pack_rows", "pack_weights", "read_plain"]

#: Weights of a row that are read in a run, whole vectors; more of them would be written to too many pages.
RUN = 1024


class PlainWeights(NamedTuple):
    """Where weights stand before they are packed.

    Attributes
    ----------
    base : int
        Flat position of the first one.
    group, row : int
        Steps of group and output channel.
    in_order : int
        Whether the weights of an output channel follow each other.
    """

    base: int
    group: int
    row: int
    in_order: int


read_plain = reader(PlainWeights)


@helper
def pack_rows(
    weights: Any, plain: PlainWeights, group: int, block: RowBlock, offsets: Any, first: int, depths: int,
    packed: Any, to: int,
) -> None:  # fmt: skip
    """Lay out `depths` weights of a row block as [depth, row]; rows that fill up the block are zero.

    `offsets` holds the step of each depth, from `first` on.
    """
    n = lanes(packed)
    source = plain.base + group * plain.group + block.first * plain.row
    # In squares, as many rows at once as a vector has lanes (0.6 ns a weight one by one, 0.1 so), and along the rows:
    # so few streams a CPU sees coming (512 x 512 x 3 x 3: 1.7 ms, and 3.3 with all rows in turn).
    squares = depths // n * n if plain.in_order and block.channels == block.rows and block.rows % n == 0 else 0
    for begin in range(0, squares, RUN):
        for row in range(0, block.rows, n):
            for d in range(begin, min(begin + RUN, squares), n):
                transpose(
                    weights, source + row * plain.row + offsets[first + d], plain.row,
                    packed, to + d * block.rows + row, block.rows,
                )  # fmt: skip
    to += squares * block.rows
    for depth in range(first + squares, first + depths):
        at, to_row = unsigned(source + offsets[depth]), unsigned(to)
        for _ in range(block.channels):
            packed[to_row] = weights[at]
            at += unsigned(plain.row)
            to_row += unsigned(1)
        for row in range(block.channels, block.rows):
            packed[to + row] = 0
        to += block.rows


@kernel
def pack_weights(begin: int, end: int, weights: Any, packed: Any, table: Any, steps: Any, offsets: Any) -> None:
    """Lay out weights as [group, phase, row block, depth, row]; a task is one row block of one group.

    `steps` holds the `PlainWeights`, `offsets` the step of each depth.
    """
    head, plain = read_head(table, 0), read_plain(steps, 0)
    for task in range(begin, end):
        group = task // head.row_blocks
        block = read_row_block(table, head.row_blocks_at + ROW_BLOCK_FIELDS * (task - group * head.row_blocks))
        for number in range(head.phases):
            phase = read_phase(table, head.phases_at + PHASE_FIELDS * number)
            to = (group * head.depth + phase.depth_at) * head.padded_out + block.first * phase.depths
            pack_rows(weights, plain, group, block, offsets, phase.depth_at, phase.depths, packed, to)
