"""Plans of convolutions and transposed convolutions: where each tap stands, and which channels share a tile."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import prod

import numpy as np

from fastconv.jit.decorators import Kernel
from fastconv.geometry.geometry import KERNEL_RANK
from fastconv.jit.machine import machine
from fastconv.kernels.activation import ACTIVATIONS
from fastconv.kernels.conv import CONV_TABLE, HALF_ROWS, ROWS, ConvHead, OutputAxis, Phase, RowBlock, pack_weights
from fastconv.kernels.slab import SlabAxis
from fastconv.plan.blocks import Blocks, choose_blocks
from fastconv.plan.problem import Problem
from fastconv.plan.span import span, steps
from fastconv.plan.table import Table
from fastconv.plan.windows import Windows, slab_axes

__all__ = ["ConvPlan", "plan_conv"]

#: Tasks below which a group's row blocks are shared out too.
FEWEST_TASKS = 16

#: Nanoseconds, for estimates only: a product of a vector tile, an element gathered into a slab, a weight packed.
PRODUCT_COST, GATHER_COST, PACK_COST = 0.018, 0.4, 0.6


@dataclass(frozen=True)
class ConvPlan:
    """All that a convolution kernel needs beside the values.

    Attributes
    ----------
    kernel : Kernel
        What sums.
    table : ndarray of int64
        The records of `CONV_TABLE` and their lists.
    offsets : ndarray of int64
        For each depth, the place in the slab.
    weight_steps, weight_offsets : ndarray of int64
        Where the weights of each depth stand.
    packed_size : int
        Elements of the packed weights.
    pack_tasks, tasks : int
        Tasks of packing and of summing.
    pack_nanoseconds, nanoseconds : float
        Their rough times on one thread.
    summary : str
        The choice in words.
    """

    kernel: Kernel
    table: np.ndarray
    offsets: np.ndarray
    weight_steps: np.ndarray
    weight_offsets: np.ndarray
    packed_size: int
    pack_tasks: int
    tasks: int
    pack_nanoseconds: float
    nanoseconds: float
    summary: str

    def run(self, x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None, y: np.ndarray) -> None:
        """Write the result into the contiguous `y`."""
        packed = np.empty(self.packed_size, y.dtype)
        pack_weights.run(
            self.pack_tasks, self.pack_nanoseconds, span(weight), packed, self.table, self.weight_steps, self.weight_offsets
        )
        bias = np.empty(0, y.dtype) if bias is None else bias
        self.kernel.run(
            self.tasks, self.nanoseconds, span(x), packed, span(bias), y.reshape(-1), self.table, self.offsets
        )


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

    x = steps(problem.geometry.input_shape, problem.x_strides, problem.x_dtype.itemsize)
    table = Table(CONV_TABLE)
    axes = slab_axes(table, windows, blocks.sizes, x.steps[2:], g.padding_mode)
    phases, offsets, taps = _phases(windows, channels, axes)
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
    weight_steps, weight_offsets = _weight_steps(problem, taps)
    packed_size = g.groups * len(offsets) * padded_out
    gathered = places * blocks.slab * channels
    return ConvPlan(
        kernel=kernel,
        table=table.finish([head, *axes, *outputs]),
        offsets=np.array(offsets, np.int64),
        weight_steps=np.array(weight_steps, np.int64),
        weight_offsets=np.array(weight_offsets, np.int64),
        packed_size=packed_size,
        pack_tasks=g.groups * len(row_blocks),
        tasks=places * splits,
        pack_nanoseconds=packed_size * PACK_COST,
        nanoseconds=gathered * GATHER_COST + places * blocks.numbers * len(offsets) * padded_out * PRODUCT_COST,
        summary=(
            f"{prod(blocks.counts)} blocks of {' x '.join(map(str, blocks.sizes))} outputs, {len(row_blocks)} row blocks "
            f"of up to {row_blocks[0].rows} channels in {splits} parts, {len(phases)} output phases"
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
    windows: list[Windows], channels: int, axes: list[SlabAxis]
) -> tuple[list[Phase], list[int], list[tuple[int, ...]]]:
    """The output phases, and for each of their depths the place in the slab and the (channel, *tap) of its weight."""
    sizes = [axis.phases for axis in axes] + [axis.positions for axis in axes]
    pitches = [prod(sizes[i + 1 :]) for i in range(len(sizes))]
    phases: list[Phase] = []
    offsets: list[int] = []
    taps: list[tuple[int, ...]] = []
    for residues in product(*(range(len(w.places)) for w in windows)):
        begin = len(offsets)
        found = list(product(*(w.places[r] for w, r in zip(windows, residues, strict=True))))
        at = [sum(p.phase * pitches[i] + p.place * pitches[i + 3] for i, p in enumerate(window)) for window in found]
        for c in range(channels):
            offsets += [c * prod(sizes) + place for place in at]
            taps += [(c, *(p.tap for p in window)) for window in found]
        phases.append(Phase(*residues, begin, len(offsets) - begin))
    return phases, offsets, taps


def _weight_steps(problem: Problem, taps: list[tuple[int, ...]]) -> tuple[list[int], list[int]]:
    """(base, group step, output channel step) of the weights, and the step of each (channel, *tap)."""
    g = problem.geometry
    if problem.op == "conv":
        row_axis, channel_axis, group_size = 0, 1, g.out_channels // g.groups
        shape = (g.out_channels, g.channels // g.groups, *g.kernel_size)
    else:
        row_axis, channel_axis, group_size = 1, 0, g.channels // g.groups
        shape = (g.channels, g.out_channels // g.groups, *g.kernel_size)
    base, along = steps(shape, problem.weight_strides, problem.dtype.itemsize)
    lifted = [0] * (KERNEL_RANK - len(g.axes)) + list(along[2:])
    if problem.mirrored:
        base += sum((k - 1) * step for k, step in zip(g.kernel_size, along[2:], strict=True))
        lifted = [-step for step in lifted]
    tap_steps = (along[channel_axis], *lifted)
    offsets = [sum(i * step for i, step in zip(tap, tap_steps, strict=True)) for tap in taps]
    return [base, group_size * along[0], along[row_axis]], offsets
