"""Weights laid out as the tiles read them."""

from __future__ import annotations

from typing import Any

from fastconv.jit.kernel import kernel
from fastconv.jit.tile import lanes
from fastconv.jit.transpose import transpose
from fastconv.jit.vector import unsigned
from fastconv.kernels.conv_table import PHASE_FIELDS, ROW_BLOCK_FIELDS, read_head, read_phase, read_row_block

__all__ = ["pack_weights"]

#: Weights of a row that are read in a run, whole vectors; more of them would be written to too many pages.
RUN = 1024


@kernel
def pack_weights(begin: int, end: int, weights: Any, packed: Any, table: Any, steps: Any, offsets: Any) -> None:
    """Lay out weights as [group, phase, row block, depth, row]; a task is one row block of one group.

    `steps` holds the flat position of the first weight, the steps of group and output channel, and whether the weights
    of an output channel follow each other; `offsets` holds the step of each depth. Rows that fill up a block are zero.
    """
    head = read_head(table, 0)
    base, group_step, row_step, in_order = steps[0], steps[1], steps[2], steps[3]
    n = lanes(packed)
    for task in range(begin, end):
        group = task // head.row_blocks
        block = read_row_block(table, head.row_blocks_at + ROW_BLOCK_FIELDS * (task - group * head.row_blocks))
        source = base + group * group_step + block.first * row_step
        whole = in_order and block.channels == block.rows and block.rows % n == 0
        for number in range(head.phases):
            phase = read_phase(table, head.phases_at + PHASE_FIELDS * number)
            to = (group * head.depth + phase.depth_at) * head.padded_out + block.first * phase.depths
            # In squares, as many rows at once as a vector has lanes (0.6 ns a weight one by one, 0.1 so), and along the
            # rows: so few streams a CPU sees coming (512 x 512 x 3 x 3: 1.7 ms, and 3.3 with all rows in turn).
            squares = phase.depths // n * n if whole else 0
            for first in range(0, squares, RUN):
                for row in range(0, block.rows, n):
                    for d in range(first, min(first + RUN, squares), n):
                        transpose(
                            weights, source + row * row_step + offsets[phase.depth_at + d], row_step,
                            packed, to + d * block.rows + row, block.rows,
                        )  # fmt: skip
            to += squares * block.rows
            for depth in range(phase.depth_at + squares, phase.depth_at + phase.depths):
                at, to_row = unsigned(source + offsets[depth]), unsigned(to)
                for _ in range(block.channels):
                    packed[to_row] = weights[at]
                    at += unsigned(row_step)
                    to_row += unsigned(1)
                for row in range(block.channels, block.rows):
                    packed[to + row] = 0
                to += block.rows
