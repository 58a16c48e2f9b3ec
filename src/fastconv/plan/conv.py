"""Plans of convolutions and transposed convolutions: where each tap stands, and which channels share a tile."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import prod

import numpy as np

from fastconv.jit.kernel import Kernel
from fastconv.jit.machine import machine
from fastconv.kernels.activation import ACTIVATIONS
from fastconv.kernels.conv import CONV_TABLE, HALF_ROWS, ROWS, ConvHead, OutputAxis, Phase, RowBlock, pack_weights
from fastconv.kernels.slab import SlabAxis
from fastconv.plan.blocks import Blocks, choose_blocks
from fastconv.plan.problem import Problem
from fastconv.plan.table import Table
from fastconv.plan.weights import Weights, weights_of
from fastconv.plan.windows import Windows, slab_axes

__all__ = ["ConvPlan", "Packing", "plan_conv"]

#: Tasks below which a group's row blocks are shared out too.
FEWEST_TASKS = 16

#: Nanoseconds, for estimates only: a product of a vector tile, an element gathered into a slab, a weight packed.
PRODUCT_COST, GATHER_COST, PACK_COST = 0.018, 0.4, 0.6


@dataclass(frozen=True)
class Packing:
    """How weights are laid out for tiles.

    Attributes
    ----------
    table : ndarray of int64
        The plan's.
    steps : ndarray of int64
        Position of the first weight, and the steps of group and output channel.
    offsets : ndarray of int64
        For each depth, the step of its weight.
    size : int
        Elements of the packed weights.
    tasks : int
        Number of tasks.
    """

    table: np.ndarray
    steps: np.ndarray
    offsets: np.ndarray
    size: int
    tasks: int

    def run(self, weight: np.ndarray) -> np.ndarray:
        """The packed weights."""
        packed = np.empty(self.size, weight.dtype)
        nanoseconds = self.size * PACK_COST
        pack_weights.run(self.tasks, nanoseconds, weight, packed, self.table, self.steps, self.offsets)
        return packed


@dataclass(frozen=True)
class ConvPlan:
    """All that a convolution kernel needs beside the values.

    Attributes
    ----------
    kernel : Kernel
        What sums.
    packing : Packing
        How it wants the weights.
    table : ndarray of int64
        The records of `CONV_TABLE` and their lists.
    offsets : ndarray of int64
        For each depth, the place in the slab.
    tasks : int
        Number of tasks.
    nanoseconds : float
        Their rough time on one thread.
    summary : str
        The choice in words.
    """

    kernel: Kernel
    packing: Packing
    table: np.ndarray
    offsets: np.ndarray
    tasks: int
    nanoseconds: float
    summary: str

    def run(self, x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None, y: np.ndarray) -> None:
        """Write the result into the contiguous `y`."""
        packed = self.packing.run(weight)
        bias = np.empty(0, y.dtype) if bias is None else bias
        self.kernel.run(self.tasks, self.nanoseconds, x, packed, bias, y, self.table, self.offsets)


def plan_conv(problem: Problem, kernel: Kernel) -> ConvPlan:
    """Cut a convolution into blocks and write its table."""
    g = problem.geometry.lift()
    channels, out_channels = g.channels // g.groups, g.out_channels // g.groups
    row_blocks = _row_blocks(out_channels)
    padded_out = sum(block.rows for block in row_blocks)
    windows = [Windows(axis) for axis in g.axes]
    blocks = _blocks(problem, windows, padded_out)
    places = g.batch * g.groups * prod(blocks.counts)
    splits = min(len(row_blocks), -(-FEWEST_TASKS // max(1, places)))

    x = problem.x_steps()
    table = Table(CONV_TABLE)
    axes = slab_axes(table, windows, blocks.sizes, x.steps[2:], g.padding_mode)
    weights = weights_of(problem)
    phases, offsets, weight_offsets = _phases(windows, axes, channels, weights)
    head = ConvHead(
        groups=g.groups,
        channels=channels,
        out_channels=out_channels,
        padded_out=padded_out,
        phases=len(phases),
        phases_at=table.append_records(phases),
        row_blocks=len(row_blocks),
        row_blocks_at=table.append_records(row_blocks),
        splits=splits,
        depth=len(offsets),
        x_base=x.base,
        x_batch=x.steps[0],
        x_channel=x.steps[1],
        activation=1 + ACTIVATIONS.index(problem.activation) if problem.activation else 0,
    )
    outputs = [
        OutputAxis(w.axis.output, w.axis.stretch, size, count)
        for w, size, count in zip(windows, blocks.sizes, blocks.counts, strict=True)
    ]
    finished = table.finish([head, *axes, *outputs])
    gathered = places * blocks.slab * channels
    return ConvPlan(
        kernel=kernel,
        packing=Packing(
            finished,
            steps=np.array([weights.base, weights.group, weights.row], np.int64),
            offsets=weight_offsets,
            size=g.groups * len(offsets) * padded_out,
            tasks=g.groups * len(row_blocks),
        ),
        table=finished,
        offsets=offsets,
        tasks=places * splits,
        nanoseconds=gathered * GATHER_COST + places * blocks.numbers * len(offsets) * padded_out * PRODUCT_COST,
        summary=(
            f"{blocks}, {len(row_blocks)} row blocks of up to {row_blocks[0].rows} channels in {splits} parts, "
            f"{len(phases)} output phases"
        ),
    )


def _blocks(problem: Problem, windows: list[Windows], padded_out: int) -> Blocks:
    g = problem.geometry
    itemsize, m = problem.dtype.itemsize, machine()
    products = padded_out * g.depth / prod(axis.stretch for axis in g.axes)
    step_cost = products * m.tile_vectors * m.vector_bytes // itemsize * PRODUCT_COST
    return choose_blocks(windows, g.channels // g.groups, itemsize, g.batch * g.groups, step_cost, GATHER_COST)


def _row_blocks(out_channels: int) -> list[RowBlock]:
    """Whole tiles, then for the last channels the sizes that waste least."""
    found, first = [], 0
    while first < out_channels:
        left = out_channels - first
        if left > ROWS - 2:
            rows = ROWS
        elif left >= max(2, HALF_ROWS - 1):
            rows = HALF_ROWS
        else:
            rows = 1
        found.append(RowBlock(first, min(rows, left), rows))
        first += rows
    return found


def _phases(
    windows: list[Windows], axes: list[SlabAxis], channels: int, weights: Weights
) -> tuple[list[Phase], np.ndarray, np.ndarray]:
    """The output phases, and for each of their depths (channel, tap) its place in the slab and its weight's step."""
    sizes = [axis.phases for axis in axes] + [axis.positions for axis in axes]
    pitches = [prod(sizes[i + 1 :]) for i in range(len(sizes))]
    phases: list[Phase] = []
    places: list[np.ndarray] = []
    weight_offsets: list[np.ndarray] = []
    begin = 0
    for residues in product(*(range(len(w.places)) for w in windows)):
        taps = list(product(*(w.places[r] for w, r in zip(windows, residues, strict=True))))
        at = [sum(p.phase * pitches[i] + p.place * pitches[i + 3] for i, p in enumerate(tap)) for tap in taps]
        weight = [sum(p.tap * step for p, step in zip(tap, weights.taps, strict=True)) for tap in taps]
        channel = np.arange(channels, dtype=np.int64)[:, None]
        places.append((channel * prod(sizes) + np.array(at, np.int64)).reshape(-1))
        weight_offsets.append((channel * weights.channel + np.array(weight, np.int64)).reshape(-1))
        d, h, w = residues
        phases.append(Phase(d, h, w, begin, len(taps) * channels))
        begin += len(taps) * channels
    return phases, np.concatenate(places), np.concatenate(weight_offsets)
