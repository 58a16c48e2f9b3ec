"""How a convolution's work is shared out to tasks: blocks of outputs, and parts of the output channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

from fastconv.kernels.conv_table import RowBlock
from fastconv.plan.blocks import Blocks, best_blocks
from fastconv.plan.problem import Problem

__all__ = ["Cut", "cut_for_one", "soonest_cut"]

#: Blocks for each thread from which on they balance well enough by themselves.
MANY_PLACES = 8
#: Nanoseconds that a block waits for a line of the result of which another thread writes a part meanwhile. Where rows
#: are cut between two blocks each of them has such a line, for each channel: 3 channels to 16 by 3x3s2 on 224 x 224
#: pixels took 127 to 300 us on two threads in 4 blocks of 56 x 56, and takes 89 to 127 in 4 of 28 x 112 (Zen 4).
SHARED_LINE_COST = 30.0
#: Nanoseconds that a task should not take, by an estimate that may be ten times too low: until a task is over Python
#: sees no Ctrl-C.
LONGEST_TASK = 10_000_000


@dataclass(frozen=True)
class Cut:
    """How the work is shared out.

    Attributes
    ----------
    blocks : Blocks
        Of outputs.
    row_blocks : sequence of RowBlock
        Of a group's output channels.
    images : int
        Images that share a block.
    """

    blocks: Blocks
    row_blocks: Sequence[RowBlock]
    images: int = 1

    @property
    def padded_out(self) -> int:
        """Output channels of a group, the last row block filled up."""
        return sum(block.rows for block in self.row_blocks)

    def places(self, problem: Problem) -> int:
        """Blocks of all images and groups."""
        return -(-problem.geometry.batch // self.images) * problem.geometry.groups * prod(self.blocks.counts)

    def end(self, problem: Problem) -> tuple[float, int]:
        """Nanoseconds until all threads have ended, and with how many `splits`."""
        count, places, threads = len(self.row_blocks), self.places(problem), problem.threads
        total, gather = self.blocks.nanoseconds, self.blocks.gather
        if threads > 1 and places < MANY_PLACES * threads:
            total += self._shared_lines(problem) * SHARED_LINE_COST
        fewest = min(count, 1 + int(total / LONGEST_TASK))
        most = fewest if places >= MANY_PLACES * threads else count
        one = (total - gather) / count
        nanoseconds, parts = min(
            (-(-places * parts // threads) * (-(-count // parts) * one + gather), -parts)
            for parts in range(fewest, most + 1)
        )
        return nanoseconds, -parts

    def _shared_lines(self, problem: Problem) -> float:
        """Lines of the result of which a block writes one part, and the next block of its rows another."""
        g, (*before, along) = problem.geometry, self.blocks.counts
        rows = prod(g.output_shape[2:-1]) / prod(before)
        return rows * g.out_channels / g.groups if rows > 1 and along > 1 and not problem.y_strides else 0

    def splits(self, problem: Problem) -> int:
        """Parts in which a group's row blocks are shared out to tasks: each gathers its slab anew.

        As many as end first on all threads; where that is the same, more, which balance better.
        """
        return self.end(problem)[1]


def soonest_cut(problem: Problem, measured: Sequence[Blocks], slab_bytes: int, row_blocks: Sequence[RowBlock]) -> Cut:
    """Blocks, and parts of the channels, with which all threads are done first: each part gathers anew.

    Parameters
    ----------
    problem : Problem
        What is cut.
    measured, slab_bytes
        As `best_blocks` takes them.
    row_blocks : sequence of RowBlock
        Of a group's output channels.
    """
    blocks = best_blocks(measured, slab_bytes, lambda blocks: Cut(blocks, row_blocks).end(problem)[0])
    return Cut(blocks, row_blocks)


def cut_for_one(problem: Problem, measured: Sequence[Blocks], slab_bytes: int, row_blocks: Sequence[RowBlock]) -> Cut:
    """As `soonest_cut`, on one thread: the blocks for which tasks pack weights there, so what packing promises.

    `least_blocks` may promise more of them, for balance, each of which would pack all weights anew.
    """
    return soonest_cut(replace(problem, threads=1), measured, slab_bytes, row_blocks)
