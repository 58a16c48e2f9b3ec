"""Plans of 3x3 convolutions by Winograd's F(2x2, 3x3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from fastconv.geometry import Axis
from fastconv.jit.kernel import Kernel
from fastconv.jit.machine import machine
from fastconv.jit.winograd import STEP, TILE
from fastconv.kernels.activation import ACTIVATIONS
from fastconv.kernels.conv_table import OutputAxis, RowBlock
from fastconv.kernels.slab import SlabAxis
from fastconv.kernels.winograd import PLACES, ROWS, WINOGRAD_TABLE, WinogradHead, winograd, winograd_weights
from fastconv.plan.blocks import MOST_NUMBERS, Blocks, candidates
from fastconv.plan.problem import Problem
from fastconv.plan.products import VECTOR_COST, ConvPlan, Cut
from fastconv.plan.span import aligned_empty
from fastconv.plan.spread import plan_spread
from fastconv.plan.table import Table
from fastconv.plan.weights import weights_of
from fastconv.plan.windows import Windows

__all__ = ["WinogradPlan", "plan_winograd"]

#: Nanoseconds, for estimates only: to gather and transform a vector of tiles of a channel, to turn a vector of sums
#: into outputs and write them, and to transform the nine weights of a pair of channels.
IN_COST, OUT_COST, WEIGHT_COST = 16.0, 20.0, 4.0
#: Nanoseconds for a block to read a transformed weight from the last cache, and from memory where the weights take more
#: than a quarter of that cache.
READ_COST, READ_FAR_COST = 0.08, 0.25
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


def tile_axis(axis: Axis) -> Axis:
    """The axis whose outputs are tiles: windows of four inputs, two on from one to the next.

    An odd number of outputs takes an input more than there is; what comes of it is dropped.
    """
    odd = axis.output % STEP
    return replace(axis, kernel=TILE, stride=STEP, after=axis.after + odd)


def plan_winograd(problem: Problem) -> WinogradPlan:
    """Cut a convolution into blocks of tiles and write its table."""
    g, x, weights = problem.geometry.lift(), problem.x_steps(), weights_of(problem)
    channels, out_channels = g.channels // g.groups, g.out_channels // g.groups
    row_blocks = -(-out_channels // ROWS)
    windows = [Windows(g.axes[0]), *(Windows(tile_axis(axis)) for axis in g.axes[1:])]
    cut = _cut(problem, windows, row_blocks)
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
        activation=1 + ACTIVATIONS.index(problem.activation) if problem.activation else 0,
    )
    table = Table(WINOGRAD_TABLE)
    slab = [
        _slab_axis(table, w, size, step, g.padding_mode)
        for w, size, step in zip(windows, sizes, x.steps[2:], strict=True)
    ]
    outputs = [
        OutputAxis(w.axis.output, 1, size, count)
        for w, size, count in zip(windows, sizes, cut.blocks.counts, strict=True)
    ]
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
        nanoseconds=cut.places(problem) * cut.blocks.nanoseconds,
        careful=plan_spread(problem),
        summary=(
            f"blocks of {sizes[1]} x {sizes[2]} tiles of 2 x 2 outputs, {row_blocks} row blocks of {ROWS} channels in "
            f"{splits} parts"
        ),
    )


def _slab_axis(table: Table, w: Windows, block: int, step: int, mode: str) -> SlabAxis:
    before, after = w.borders(mode)
    return SlabAxis(
        size=w.axis.size,
        stride=step,
        step=1,
        low=w.low,
        positions=(block - 1) * w.axis.stride + w.axis.kernel,
        phases_at=table.append([0]),
        phases=1,
        border_at=table.append(before + after),
        before=len(before),
        after=len(after),
    )


def _cut(problem: Problem, windows: Sequence[Windows], row_blocks: int) -> Cut:
    """The blocks that end first on all threads, of those whose transformed tiles fit the cache."""
    g = problem.geometry
    channels, lanes = g.channels // g.groups, machine().vector_bytes // problem.dtype.itemsize
    rows = [RowBlock(b * ROWS, ROWS, ROWS) for b in range(row_blocks)]
    weights = PLACES * ROWS * row_blocks * channels
    far = weights * g.groups * problem.dtype.itemsize > machine().l3_bytes // 4
    read = weights * (READ_FAR_COST if far else READ_COST)

    def cut(sizes: tuple[int, ...]) -> Cut:
        tiles = sizes[1] * sizes[2]
        vectors = -(-tiles // lanes)
        tile_rows = sizes[1] * -(-sizes[2] // lanes)
        products = vectors if vectors % machine().tile_vectors != 1 else vectors - 1 + ONE_VECTOR_FACTOR
        gather = tile_rows * channels * IN_COST
        nanoseconds = gather + weights * products * VECTOR_COST + tile_rows * ROWS * row_blocks * OUT_COST + read
        blocks = Blocks.of(windows, sizes, STEP * STEP * tiles, PLACES * vectors * lanes, nanoseconds)
        return Cut(blocks, rows, gather)

    def key(cut: Cut) -> tuple[float, float]:
        too_large = cut.blocks.slab * channels * problem.dtype.itemsize - machine().l2_bytes * TILES_SHARE
        return max(0, too_large, cut.blocks.numbers - MOST_NUMBERS), cut.end(problem, cut.splits(problem))

    return min(map(cut, candidates(windows)), key=key)
