"""Blocks of tiles for Winograd's minimal filtering, and whether tiles or output channels are lanes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import NamedTuple

from fastconv.jit.machine import machine
from fastconv.jit.winograd import MOST_TAPS, step_of
from fastconv.kernels.conv_table import RowBlock
from fastconv.kernels.winograd_kinds import Kind, runs_of
from fastconv.lazy import lazy
from fastconv.plan.blocks import MOST_NUMBERS, Blocks, candidates
from fastconv.plan.cut import Cut
from fastconv.plan.pieces import PiecedAxis, Pieces
from fastconv.plan.problem import Problem
from fastconv.plan.products import multiply_cost, waiting
from fastconv.plan.weights import takes_turns

__all__ = ["MOST_PLACES", "WinogradCut", "best_cut", "tiles_pitch"]

#: Places of a 3x3 kernel, the most there are: costs are for so many.
MOST_PLACES = (MOST_TAPS + 1) ** 2

#: Nanoseconds, for estimates only (see `products`): to gather and transform a vector of tiles of a channel, and to turn
#: a vector of sums into outputs and write them, where its lanes are tiles or output channels. And to gather an input
#: and to part it from its neighbours, where the stride asks for that.
IN_COST, OUT_COST, SPREAD_OUT_COST, PART_COST = 38.0, 45.0, 38.0, 0.35
#: Nanoseconds to write an output that stands apart from its neighbours.
APART_COST = 1.3
#: How long it takes to multiply a vector of tiles and add it: they come from the second-level cache. And a vector of
#: output channels, whose weights do.
PRODUCT_FACTOR, SPREAD_FACTOR = 1.08, 0.85
#: Nanoseconds for a block to read a transformed weight from the last cache, and from memory where the weights take more
#: than half of that cache.
READ_COST, READ_FAR_COST = 0.03, 0.2
#: To transform a weight for a place, and where phases take turns; how much longer it takes in a task that uses it right
#: away and whose cache does not hold those of a row block; and, before the kernel runs, to take it from the caches of
#: the threads that read what stood there last. A core writes a line that another has read in 7 ns, and on some
#: machines, or days, in 29: 128 channels to 32 on 14 x 14 pixels took 115 to 210 us on two threads, where they take 83
#: if tasks transform weights (126 and 121 on one; Zen 4).
WEIGHT_COST, WEIGHT_TURN_COST, FAR_FACTOR, TAKE_COST = 0.25, 0.55, 1.25, 0.2
#: Most of the second-level cache for transformed tiles; beyond, a convolution of 64 channels took 8 % longer.
TILES_SHARE = 0.75
#: Most vectors of tiles that images together make up: beyond they gain nothing.
MOST_TOGETHER = 6
#: How long the last vector takes where it is alone, and its tile waits for the nine numbers that it reads for eight
#: products; and where two tiles of two stand for one of three and one alone.
ALONE_FACTOR, TWICE_TWO_FACTOR = 1.5, 1.25


def tiles_pitch(sizes: Sequence[int], images: int, lanes: int) -> int:
    """Room for a channel's tiles in whole vectors; the last row of an image may reach into what follows it."""
    beyond = -sizes[2] % lanes if images > 1 else 0
    return -(-(images * sizes[1] * sizes[2] + beyond) // lanes) * lanes


@dataclass(frozen=True)
class _Costs:
    """What blocks of one kind of kernels take.

    Attributes
    ----------
    problem : Problem
        What is computed.
    axes : sequence of PiecedAxis
        The two that tiles are cut from.
    kind : Kind
        Of the kernels.
    pieces : sequence of Pieces
        One for each residue that is unlike the others.
    """

    problem: Problem
    axes: Sequence[PiecedAxis]
    kind: Kind
    pieces: Sequence[Pieces]

    @lazy
    def lanes(self) -> int:
        """Elements of a vector."""
        return machine().vector_bytes // self.problem.dtype.itemsize

    @lazy
    def channels(self) -> int:
        """Input channels of a group."""
        return self.problem.geometry.channels // self.problem.geometry.groups

    @lazy
    def row_blocks(self) -> list[RowBlock]:
        """Of a group's output channels."""
        g, rows = self.problem.geometry, self.kind.rows
        out_channels = g.out_channels // g.groups
        return [RowBlock(first, min(rows, out_channels - first), rows) for first in range(0, out_channels, rows)]

    @lazy
    def padded_out(self) -> int:
        """Output channels of a group, the last row block filled up."""
        return len(self.row_blocks) * self.kind.rows

    @lazy
    def entries(self) -> float:
        """Places of all pieces of a residue."""
        return sum(sum(pieces.depths) for pieces in self.pieces) / len(self.pieces)

    def products(self, tiles: int) -> float:
        """Vectors that each weight of a row block is multiplied by, or has a share in."""
        if self.kind.spread:
            return sum(runs_of(tiles)) / self.lanes
        vectors = -(-tiles // self.lanes)
        if vectors % machine().tile_vectors == 1:
            return vectors - 1 + waiting(TWICE_TWO_FACTOR if vectors > 1 else ALONE_FACTOR)
        return vectors

    def gather(self, sizes: tuple[int, ...], images: int) -> float:
        """Nanoseconds to gather and transform the tiles of a block."""
        tile_rows = images * sizes[1] * -(-sizes[2] // self.lanes)
        transform = tile_rows * self.channels * IN_COST * self.entries / MOST_PLACES
        if self.axes[1].axis.stride == 1:
            return transform
        positions = prod(axis.positions(size) for axis, size in zip(self.axes, sizes[1:], strict=True))
        return transform + images * positions * self.channels * PART_COST

    def finish(self, tiles: int) -> float:
        """Nanoseconds to turn the sums of a block into outputs and write them."""
        g, outputs = self.problem.geometry, tiles * prod(map(step_of, self.kind.points))
        out_channels = g.out_channels // g.groups
        if self.kind.spread:
            cost = tiles * self.padded_out / self.lanes * SPREAD_OUT_COST
        else:
            cost = -(-tiles // self.lanes) * out_channels * OUT_COST
        apart = outputs * out_channels * APART_COST if self.axes[1].step > 1 else 0
        return cost * prod(self.kind.points) / MOST_PLACES + apart

    def cut(self, sizes: tuple[int, ...], images: int) -> Cut:
        """Blocks of so many tiles, of so many images."""
        g = self.problem.geometry.lift()
        tiles, weights = images * sizes[1] * sizes[2], self.entries * self.padded_out * self.channels
        far = len(self.pieces) * weights * g.groups * self.problem.dtype.itemsize > machine().l3_bytes // 2
        gather = self.gather(sizes, images)
        product_cost = multiply_cost(self.problem) * waiting(SPREAD_FACTOR if self.kind.spread else PRODUCT_FACTOR)
        nanoseconds = gather + weights * (self.products(tiles) * product_cost + (READ_FAR_COST if far else READ_COST))
        nanoseconds += self.finish(tiles)
        residues = prod(axis.residues for axis in self.axes)
        counts = tuple(-(-axis.tiles // size) for axis, size in zip(self.axes, sizes[1:], strict=True))
        numbers = tiles * prod(map(step_of, self.kind.points))
        slab = int(self.entries * tiles_pitch(sizes, images, self.lanes))
        blocks = Blocks(sizes, (residues * g.axes[0].output, *counts), numbers, slab, nanoseconds, gather)
        return Cut(blocks, self.row_blocks, images)

    @lazy
    def weight_cost(self) -> float:
        """Nanoseconds to transform a weight of a place before the kernel runs, on one thread."""
        return WEIGHT_TURN_COST if takes_turns(self.problem) else WEIGHT_COST

    @lazy
    def weights(self) -> float:
        """Transformed weights of all residues and groups."""
        return len(self.pieces) * self.entries * self.padded_out * self.channels * self.problem.geometry.groups

    def within(self, cut: Cut) -> Cut:
        """Such blocks, each of which transforms the weights that it uses."""
        of_row = self.entries * self.channels * self.problem.dtype.itemsize
        fits = of_row * self.kind.rows <= machine().l2_bytes * TILES_SHARE
        cost = self.weight_cost * (1 if fits else FAR_FACTOR)
        weights = self.entries * self.padded_out * self.channels * cost
        return replace(cut, blocks=replace(cut.blocks, nanoseconds=cut.blocks.nanoseconds + weights))

    def before(self, threads: int) -> float:
        """Nanoseconds until threads that take lines from each other have transformed weights before the kernel runs."""
        return self.weights * (self.weight_cost / threads + TAKE_COST)

    def too_large(self, cut: Cut) -> float:
        """By how much blocks are larger than they should be: tiles, and where channels are lanes sums and outputs."""
        numbers, of_tile = cut.blocks.slab * self.channels, prod(map(step_of, self.kind.points))
        if self.kind.spread:
            numbers += cut.blocks.numbers // of_tile * (prod(self.kind.points) + of_tile) * self.kind.rows
        beyond = numbers * self.problem.dtype.itemsize - machine().l2_bytes * TILES_SHARE
        return max(0, beyond, cut.blocks.numbers - MOST_NUMBERS)

    def serial(self, cut: Cut) -> float:
        """Nanoseconds on one thread."""
        return cut.places(self.problem) * cut.blocks.nanoseconds

    @lazy
    def cuts(self) -> list[Cut]:
        """All that are looked at."""
        whole = tuple(axis.tiles for axis in self.axes)
        together = range(2, min(self.problem.geometry.batch, MOST_TOGETHER * self.lanes // prod(whole)) + 1)
        alone = [self.cut(sizes, 1) for sizes in candidates([1, *whole])]
        return alone + [self.cut((1, *whole), images) for images in together]

    @lazy
    def promised(self) -> float:
        """Nanoseconds of the blocks that end first on one thread."""
        return self.serial(min(self.cuts, key=lambda cut: (self.too_large(cut), self.serial(cut))))

    @lazy
    def promised_weights(self) -> float:
        """Nanoseconds that transforming weights adds to that, as if there were other threads."""
        within = min((self.too_large(cut), self.serial(self.within(cut))) for cut in self.cuts)[1]
        return min(self.before(1), max(0, within - self.promised))

    @lazy
    def best(self) -> tuple[Cut, bool]:
        """The blocks that end first on all threads, and whether each transforms the weights that it uses."""

        def end(cut: Cut, before: float = 0.0) -> tuple[float, float]:
            return self.too_large(cut), before + cut.end(self.problem)[0]

        cut = min(self.cuts, key=end)
        if self.problem.packed:
            return cut, False
        within = min(map(self.within, self.cuts), key=end)
        threads = self.problem.threads
        before = self.before(threads) if threads > 1 else self.weights * self.weight_cost
        return (within, True) if end(within) <= end(cut, before) else (cut, False)


class WinogradCut(NamedTuple):
    """How a convolution is cut.

    Attributes
    ----------
    kind : Kind
        Of the kernels.
    cut : Cut
        The blocks.
    within : bool
        Whether each block transforms the weights that it uses.
    nanoseconds, weight_nanoseconds : float
        On one thread, and to transform the weights there.
    """

    kind: Kind
    cut: Cut
    within: bool
    nanoseconds: float
    weight_nanoseconds: float


def best_cut(
    problem: Problem, axes: Sequence[PiecedAxis], kinds: Sequence[Kind], pieces: Sequence[Pieces]
) -> WinogradCut:
    """The kind of kernels and its blocks.

    The blocks are those that end first on all threads. The kind is the faster on one, as the algorithm is: by both are
    chosen the bits of a result, which must not depend on the number of threads.
    """
    best = min((_Costs(problem, axes, kind, pieces) for kind in kinds), key=lambda costs: costs.promised)
    return WinogradCut(best.kind, *best.best, best.promised, best.promised_weights)
