"""Plans of 3x3 convolutions by Winograd's F(2x2, 3x3), dilated ones as convolutions of every so many inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import NamedTuple

import numpy as np

from fastconv.geometry import Axis
from fastconv.jit.kernel import Kernel
from fastconv.jit.machine import machine
from fastconv.jit.winograd import STEP, TILE
from fastconv.kernels.activation import activation_number
from fastconv.kernels.conv_table import OutputAxis, RowBlock
from fastconv.kernels.slab import SlabAxis
from fastconv.kernels.winograd import PLACES, ROWS, WINOGRAD_TABLE, WinogradHead, winograd, winograd_weights
from fastconv.plan.blocks import MOST_NUMBERS, Blocks, candidates
from fastconv.plan.problem import Problem
from fastconv.plan.products import ConvPlan, Cut
from fastconv.plan.span import aligned_empty
from fastconv.plan.spread import plan_spread
from fastconv.plan.table import Table
from fastconv.plan.weights import weights_of
from fastconv.plan.windows import Windows, plain_axis

__all__ = ["WinogradPlan", "plan_winograd"]

#: Nanoseconds, for estimates only: to gather and transform a vector of tiles of a channel, and to turn a vector of sums
#: into outputs and write them.
IN_COST, OUT_COST = 16.0, 12.5
#: Nanoseconds to transform the nine weights of a pair of channels, 3.5, and for the threads to fetch them from each
#: other's caches: 256 channels on 14 x 14 pixels took 240 microseconds more than with packed weights on one thread, and
#: 420 on two.
WEIGHT_COST = 7.0
#: Nanoseconds to multiply a vector of tiles and add it: they come from the second-level cache.
PRODUCT_COST = 0.13
#: Nanoseconds for a block to read a transformed weight from the last cache, and from memory where the weights take more
#: than half of that cache.
READ_COST, READ_FAR_COST = 0.02, 0.2
#: Most of the second-level cache for transformed tiles; beyond, a convolution of 64 channels took 8 % longer.
TILES_SHARE = 0.75
#: A tile of one vector waits for the nine numbers that it reads for eight products.
ONE_VECTOR_FACTOR = 9 / 8


class Transformed(NamedTuple):
    """Weights as the kernel reads them, and as they came, for what the kernel leaves to another."""

    weights: np.ndarray
    plain: np.ndarray


@dataclass(frozen=True)
class WinogradPacking:
    """How weights are transformed.

    Attributes
    ----------
    steps, sizes : ndarray of int64
        As `winograd_weights` takes them.
    size : int
        Elements of the transformed weights.
    tasks : int
        Number of tasks.
    """

    steps: np.ndarray
    sizes: np.ndarray
    size: int
    tasks: int

    @property
    def nanoseconds(self) -> float:
        """Their rough time on one thread."""
        return self.size / PLACES * WEIGHT_COST

    @property
    def layout(self) -> str:
        """Equal layouts give equal results for equal weights."""
        return f"winograd {self.steps.tolist()} {self.sizes.tolist()}"

    def run(self, weight: np.ndarray) -> Transformed:
        """The transformed weights."""
        packed = aligned_empty(self.size, weight.dtype)
        winograd_weights.run(self.tasks, self.nanoseconds, weight, packed, self.steps, self.sizes)
        return Transformed(packed, weight)


@dataclass(frozen=True)
class WinogradPlan:
    """All that the kernel needs beside the values.

    Attributes
    ----------
    kernel : Kernel
        What sums.
    packing : WinogradPacking
        How it wants the weights.
    table : ndarray of int64
        The records of `WINOGRAD_TABLE` and their lists.
    offsets : ndarray of int64
        Where the tiles of each channel begin.
    tasks : int
        Number of tasks.
    nanoseconds : float
        Their rough time on one thread.
    careful : ConvPlan
        What does all over again where an output is infinite or not a number: differences of infinities would spread
        over the outputs beside it.
    summary : str
        The choice in words.
    """

    kernel: Kernel
    packing: WinogradPacking
    table: np.ndarray
    offsets: np.ndarray
    tasks: int
    nanoseconds: float
    careful: ConvPlan
    summary: str

    def run(self, x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None, y: np.ndarray) -> None:
        """Write the result into the contiguous `y`."""
        self.run_packed(x, self.packing.run(weight), bias, y)

    def run_packed(self, x: np.ndarray, packed: Transformed, bias: np.ndarray | None, y: np.ndarray) -> None:
        """As `run`, with weights that `packing` has transformed."""
        strange = np.empty(self.tasks, np.int64)
        start = np.empty(0, y.dtype) if bias is None else bias
        self.kernel.run(
            self.tasks, self.nanoseconds, x, packed.weights, start, y, self.table, self.offsets, strange
        )  # fmt: skip
        if strange.any():
            self.careful.run(x, packed.plain, bias, y)


@dataclass(frozen=True, slots=True)
class Tiles:
    """One axis as tiles of the outputs that are congruent modulo the dilation.

    Examples
    --------
    >>> Tiles(Axis(size=9, kernel=3, dilation=2, before=2, after=2)).numbers  # five outputs, and four
    3
    """

    axis: Axis

    @property
    def numbers(self) -> int:
        """Tiles of the first residue, which has most outputs."""
        return -(-self.axis.output // (self.axis.dilation * STEP))

    def slab(self, table: Table, block: int, step: int, mode: str) -> SlabAxis:
        """The slab for a block of tiles, in a flat input of the given step.

        A tile that is not full reads positions that no window does: they count as zeros, and what they give is dropped.
        """
        windows = Windows(self.axis)
        positions = (block - 1) * STEP + TILE
        borders = windows.borders(mode)
        return plain_axis(table, self.axis.size, step, windows.low, positions, borders, self.axis.dilation)


def plan_winograd(problem: Problem) -> WinogradPlan:
    """Cut a convolution into blocks of tiles and write its table."""
    g, x, weights = problem.geometry.lift(), problem.x_steps(), weights_of(problem)
    channels, out_channels = g.channels // g.groups, g.out_channels // g.groups
    row_blocks = -(-out_channels // ROWS)
    tiles = [Tiles(axis) for axis in g.axes[1:]]
    cut, nanoseconds = _cut(problem, tiles, row_blocks)
    sizes, lanes = cut.blocks.sizes, machine().vector_bytes // problem.dtype.itemsize
    pitch = -(-sizes[1] * sizes[2] // lanes) * lanes
    splits = cut.splits(problem)
    head = WinogradHead(
        groups=g.groups,
        channels=channels,
        out_channels=out_channels,
        row_blocks=row_blocks,
        splits=splits,
        x_base=x.base,
        x_batch=x.steps[0],
        x_channel=x.steps[1],
        rows=g.axes[1].output,
        columns=g.axes[2].output,
        pitch=pitch,
        activation=activation_number(problem.activation),
    )
    table = Table(WINOGRAD_TABLE)
    slab = [plain_axis(table)]
    for axis, size, step in zip(tiles, sizes[1:], x.steps[3:], strict=True):
        slab.append(axis.slab(table, size, step, g.padding_mode))
    outputs = [OutputAxis(size * count, 1, size, count) for size, count in zip(sizes, cut.blocks.counts, strict=True)]
    return WinogradPlan(
        kernel=winograd[problem.activation is not None],
        packing=WinogradPacking(
            steps=np.array([weights.base, weights.group, weights.row, weights.channel, *weights.taps[1:]], np.int64),
            sizes=np.array([channels, out_channels, row_blocks], np.int64),
            size=g.groups * row_blocks * ROWS * channels * PLACES,
            tasks=g.groups * row_blocks,
        ),
        table=table.finish([head, *slab, *outputs]),
        offsets=np.arange(channels, dtype=np.int64) * pitch,
        tasks=cut.places(problem) * splits,
        nanoseconds=nanoseconds,
        careful=plan_spread(problem),
        summary=(
            f"blocks of {sizes[1]} x {sizes[2]} tiles of 2 x 2 outputs, {row_blocks} row blocks of {ROWS} channels in "
            f"{splits} parts"
        ),
    )


def _cut(problem: Problem, axes: Sequence[Tiles], row_blocks: int) -> tuple[Cut, float]:
    """The blocks that end first on all threads, of those whose transformed tiles fit the cache.

    And nanoseconds for those that end first on one: by them the algorithm is chosen, and with it the bits of a result,
    which must not depend on the number of threads.
    """
    g = problem.geometry
    channels, lanes = g.channels // g.groups, machine().vector_bytes // problem.dtype.itemsize
    residues = prod(t.axis.dilation for t in axes)
    rows = [RowBlock(b * ROWS, ROWS, ROWS) for b in range(row_blocks)]
    weights = PLACES * ROWS * row_blocks * channels
    far = weights * g.groups * problem.dtype.itemsize > machine().l3_bytes // 2
    read = weights * (READ_FAR_COST if far else READ_COST)

    def cut(sizes: tuple[int, ...]) -> Cut:
        tiles = sizes[1] * sizes[2]
        vectors = -(-tiles // lanes)
        tile_rows = sizes[1] * -(-sizes[2] // lanes)
        products = vectors if vectors % machine().tile_vectors != 1 else vectors - 1 + ONE_VECTOR_FACTOR
        gather = tile_rows * channels * IN_COST
        nanoseconds = gather + weights * products * PRODUCT_COST + vectors * ROWS * row_blocks * OUT_COST + read
        counts = (residues, *(-(-t.numbers // size) for t, size in zip(axes, sizes[1:], strict=True)))
        blocks = Blocks(sizes, counts, STEP * STEP * tiles, PLACES * vectors * lanes, nanoseconds)
        return Cut(blocks, rows, gather)

    def too_large(cut: Cut) -> float:
        tiles_bytes = cut.blocks.slab * channels * problem.dtype.itemsize
        return max(0, tiles_bytes - machine().l2_bytes * TILES_SHARE, cut.blocks.numbers - MOST_NUMBERS)

    def serial(cut: Cut) -> float:
        return cut.places(problem) * cut.blocks.nanoseconds

    found = list(map(cut, candidates([1, *(t.numbers for t in axes)])))
    best = min(found, key=lambda cut: (too_large(cut), cut.end(problem, cut.splits(problem))))
    return best, serial(min(found, key=lambda cut: (too_large(cut), serial(cut))))
