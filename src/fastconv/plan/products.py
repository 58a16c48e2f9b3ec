"""What the plans of all convolutions have in common: what each phase sums, and the table that says so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import product
from math import prod

import numpy as np

from fastconv.jit.kernel import Kernel
from fastconv.jit.machine import machine
from fastconv.kernels.activation import activation_number
from fastconv.kernels.conv_table import ConvHead, OutputAxis, Phase, RowBlock
from fastconv.kernels.slab import SlabAxis
from fastconv.kernels.weight_slots import SPAN
from fastconv.kernels.weights import PlainWeights
from fastconv.plan.cut import Cut
from fastconv.plan.problem import Problem
from fastconv.plan.table import Table
from fastconv.plan.weights import Packing, Weights, pack_cost, weight_dtype, weights_of
from fastconv.plan.windows import Windows

__all__ = [
    "GATHER_COST",
    "ConvPlan",
    "Taps",
    "lane_blocks",
    "multiply_cost",
    "turn_cost",
    "waiting",
    "write_plan",
    "writes_far",
]

#: Nanoseconds, for estimates only, some by how many vectors a CPU can multiply in a cycle: to multiply a vector and add
#: it, and to gather an element into a slab. All costs of convolutions were fitted together to what 74 layers of
#: networks take by each algorithm on a Cascade Lake, which itself takes 2.2 times as long as they say. On a Zen 4 most
#: of them are what they are there, and what they say is what 87 layers take; `python -m asv_bench.choices` measures
#: how good the choices are.
VECTOR_COST, GATHER_COST = {2: 0.12, 1: 0.255}, 0.25
#: To transpose an output and write it; more where outputs of a phase stand apart, and where each of many channels has
#: pages of its own.
TURN_COST, APART_COST, PAGE_COST = {2: 0.36, 1: 0.24}, 0.12, {2: 0.2, 1: 0.1}
PAGE_BYTES, MANY_PAGES = 4096, 32

#: Depths whose products take as long as to fetch the lines of the result that their sums go to.
FETCH_DEPTHS = 96


def multiply_cost(problem: Problem) -> float:
    """Nanoseconds to multiply a vector of the problem's type and add it: each part of a complex number does that.

    Where sums are widened a vector has twice as many of them before that.
    """
    cost = VECTOR_COST[machine().products_per_cycle]
    if problem.widened:
        return cost / 2
    return cost * 2 if problem.dtype.kind == "c" else cost


def waiting(factor: float) -> float:
    """How long a product takes in a tile for whose loads a CPU that can do two in a cycle waits by this factor.

    Where it can do one, loads are hardly behind: fitted to what layers take on a Zen 4, 0.05 of what such factors are
    beyond 1 was left of them.
    """
    return factor if machine().products_per_cycle > 1 else 1.0


def turn_cost(problem: Problem) -> float:
    """Nanoseconds to write an output of a tile whose lanes are channels."""
    g = problem.geometry
    pages = prod(g.output_shape[2:]) * problem.dtype.itemsize >= PAGE_BYTES and not problem.y_strides
    cost = TURN_COST[machine().products_per_cycle]
    if g.axes[-1].stretch > 1:
        cost += APART_COST
    if pages and g.out_channels // g.groups > MANY_PAGES:
        cost += PAGE_COST[machine().products_per_cycle]
    return cost


def writes_far(problem: Problem) -> bool:
    """Whether the result is so large that its lines are to be fetched before they are written.

    If the second-level cache may hold them that gains nothing, and few products between do not hide what it costs: 64
    channels of 112 x 112 from 147 depths take 0.94 of the time, 32 from 27 depths would take 1.1 (one thread, Cascade
    Lake).
    """
    g = problem.geometry
    size, depths = prod(g.output_shape) * problem.dtype.itemsize, g.products // max(1, prod(g.output_shape))
    return size > machine().l2_bytes * (1 + FETCH_DEPTHS / max(1, depths))


def lane_blocks(problem: Problem, vectors: Sequence[int]) -> list[RowBlock]:
    """Where output channels are lanes: tiles of the most vectors, and the fewest that are enough for the last channels.

    `vectors` are those that tiles are compiled for, fewest first.
    """
    out_channels = problem.geometry.out_channels // problem.geometry.groups
    lanes = machine().vector_bytes // problem.dtype.itemsize
    found, first = [], 0
    while first < out_channels:
        left = out_channels - first
        rows = lanes * next((v for v in vectors if left <= v * lanes), vectors[-1])
        found.append(RowBlock(first, min(rows, left), rows))
        first += rows
    return found


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
        self.run_packed(x, self.packing.run(weight), bias, y)

    def run_packed(self, x: np.ndarray, packed: np.ndarray, bias: np.ndarray | None, y: np.ndarray) -> None:
        """As `run`, with weights that `packing` has packed."""
        bias = np.empty(0, y.dtype) if bias is None else bias
        self.kernel.run(self.tasks, self.nanoseconds, x, packed, bias, y, self.table, self.offsets)


@dataclass(frozen=True)
class Taps:
    """What each phase sums.

    Attributes
    ----------
    phases : list of Phase
        The output phases.
    places, weights : ndarray of int64
        For each depth (channel, tap) of each phase, the place of its number and the step of its weight.
    """

    phases: list[Phase]
    places: np.ndarray
    weights: np.ndarray

    @classmethod
    def of(
        cls, residues: Sequence[Sequence[Sequence[tuple[int, int]]]], channels: int, channel_step: int,
        weights: Weights, halves: int = 1,
    ) -> Taps:  # fmt: skip
        """Write out the phases.

        Parameters
        ----------
        residues : sequences
            For each axis, and each residue of its stretch, the taps that meet an input: (tap, place along the axis).
        channels, channel_step : int
            Input channels of a group, and the step of places from one to the next.
        weights : Weights
            Where the weights stand.
        halves : int
            How often each weight is used, by channels so far apart.
        """
        phases: list[Phase] = []
        places: list[np.ndarray] = []
        weight_steps: list[np.ndarray] = []
        begin = 0
        channel = np.arange(channels, dtype=np.int64)[:, None]
        along = [[np.array(taps, np.int64).reshape(-1, 2).T for taps in axis] for axis in residues]
        for d, h, w in product(*(range(len(axis)) for axis in residues)):
            taps, at = zip(*(axis[r] for axis, r in zip(along, (d, h, w), strict=True)), strict=True)
            steps = [tap * step for tap, step in zip(taps, weights.taps, strict=True)]
            place, weight = (reduce(np.add.outer, each).reshape(-1) for each in (at, steps))
            places.append((channel * channel_step + place).reshape(-1))
            weight_steps.append((channel % (channels // halves) * weights.channel + weight).reshape(-1))
            phases.append(Phase(d, h, w, begin, len(place) * channels))
            begin += len(place) * channels
        return cls(phases, np.concatenate(places), np.concatenate(weight_steps))


def write_plan(
    problem: Problem,
    kernel: Kernel,
    table: Table,
    slab: Sequence[SlabAxis],
    windows: Sequence[Windows],
    cut: Cut,
    taps: Taps,
    more: Iterable[Iterable[int]] = (),
) -> ConvPlan:
    """The plan whose table has the given slab, and `more` records at the end."""
    g, x, weights = problem.geometry, problem.x_steps(), weights_of(problem)
    splits = cut.splits(problem)
    head = ConvHead(
        groups=g.groups,
        channels=g.channels // g.groups,
        out_channels=g.out_channels // g.groups,
        padded_out=cut.padded_out,
        phases=len(taps.phases),
        phases_at=table.append_records(taps.phases),
        row_blocks=len(cut.row_blocks),
        row_blocks_at=table.append_records(cut.row_blocks),
        splits=splits,
        depth=len(taps.places),
        x_base=x.base,
        x_batch=x.steps[0],
        x_channel=x.steps[1],
        activation=activation_number(problem.activation),
        fill=problem.fill,
    )
    outputs = [
        OutputAxis(w.axis.output, w.axis.stretch, size, count)
        for w, size, count in zip(windows, cut.blocks.sizes, cut.blocks.counts, strict=True)
    ]
    finished = table.finish([head, *slab, *outputs, *more])
    return ConvPlan(
        kernel=kernel,
        packing=Packing(
            finished,
            steps=np.array(
                PlainWeights(weights.base, weights.group, weights.row, _in_order(taps, head.channels, problem.halves)),
                np.int64,
            ),
            offsets=taps.weights,
            size=g.groups * len(taps.places) * cut.padded_out,
            tasks=g.groups * len(cut.row_blocks),
            order=(problem.narrow, problem.parts, *cut.row_blocks, *(phase.depth_at for phase in taps.phases)),
            dtype=weight_dtype(problem),
            cost=pack_cost(problem, cut.row_blocks[0].rows),
        ),
        table=finished,
        offsets=taps.places,
        tasks=cut.places(problem) * splits,
        nanoseconds=cut.places(problem) * cut.blocks.nanoseconds,
        summary=(
            f"{cut.blocks}, {len(cut.row_blocks)} row blocks of up to {cut.row_blocks[0].rows} channels in {splits} "
            f"parts, {len(taps.phases)} output phases"
        ),
    )


def _in_order(taps: Taps, channels: int, halves: int) -> bool:
    """Whether the weights of each phase follow each other from depth to depth; of many taps, those of a channel."""
    begins: set[int] = set()
    for phase in taps.phases:
        each = phase.depths // channels
        begins.update(phase.depth_at + half * phase.depths // halves for half in range(halves))
        if each > SPAN:
            begins.update(range(phase.depth_at, phase.depth_at + phase.depths, each))
    breaks = np.flatnonzero(np.diff(taps.weights) != 1) + 1
    return len(breaks) < len(begins) and begins.issuperset(breaks.tolist())
