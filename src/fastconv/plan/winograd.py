"""Plans of convolutions by Winograd's minimal filtering, whose kernels are cut into pieces of up to three taps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import NamedTuple

import numpy as np

from fastconv.jit.kernel import Kernel
from fastconv.jit.machine import machine
from fastconv.jit.winograd import MOST_TAPS, Plane, step_of
from fastconv.kernels.activation import activation_number
from fastconv.kernels.conv_table import OutputAxis, RowBlock
from fastconv.kernels.slab import SlabAxis
from fastconv.kernels.winograd import winograd
from fastconv.kernels.winograd_kinds import KINDS, ROWS, Kind
from fastconv.kernels.winograd_table import WINOGRAD_TABLE, Residue, WinogradHead
from fastconv.kernels.winograd_weights import WeightSteps, winograd_weights
from fastconv.lazy import lazy
from fastconv.plan.blocks import MOST_NUMBERS, Blocks, candidates
from fastconv.plan.pieces import Depth, PiecedAxis, Pieces, Run, Seen, Slots
from fastconv.plan.problem import Problem
from fastconv.plan.products import Cut, multiply_cost, waiting
from fastconv.plan.span import aligned_empty
from fastconv.plan.spread import plan_spread
from fastconv.plan.table import Table
from fastconv.plan.weights import takes_turns, weights_of
from fastconv.plan.windows import Windows, plain_axis
from fastconv.plan.within import PackingPlan

__all__ = ["WinogradPlan", "plan_winograd", "refuse_pieces"]

#: Places of a 3x3 kernel, the most there are: costs are for so many.
MOST_PLACES = (MOST_TAPS + 1) ** 2

#: Nanoseconds, for estimates only (see `products`): to gather and transform a vector of tiles of a channel, and to turn
#: a vector of sums into outputs and write them. And to gather an input and to part it from its neighbours, where the
#: stride asks for that.
IN_COST, OUT_COST, PART_COST = 38.0, 45.0, 0.35
#: Nanoseconds to write an output that stands apart from its neighbours.
APART_COST = 1.3
#: Nanoseconds to transform the nine weights of a pair of channels, and for the threads to fetch them from each other's
#: caches; and where phases take turns.
WEIGHT_COST, WEIGHT_TURN_COST = 7.0, 12.0
#: How long it takes to multiply a vector of tiles and add it: they come from the second-level cache.
PRODUCT_FACTOR = 1.08
#: Nanoseconds for a block to read a transformed weight from the last cache, and from memory where the weights take more
#: than half of that cache.
READ_COST, READ_FAR_COST = 0.03, 0.2
#: Most of the second-level cache for transformed tiles; beyond, a convolution of 64 channels took 8 % longer.
TILES_SHARE = 0.75
#: Most pieces of a kernel and residues of outputs. Beyond, planning takes tens of milliseconds, and others are faster.
MOST_PIECES, MOST_RESIDUES = 200, 1024
#: Most vectors of tiles that images together make up: beyond they gain nothing.
MOST_TOGETHER = 6
#: How long the last vector takes where it is alone, and its tile waits for the nine numbers that it reads for eight
#: products; and where two tiles of two stand for one of three and one alone.
ALONE_FACTOR, TWICE_TWO_FACTOR = 1.5, 1.25


class Transformed(NamedTuple):
    """Weights as the kernel reads them, and as they came, for what the kernel leaves to another."""

    weights: np.ndarray
    plain: np.ndarray


@dataclass(frozen=True)
class WinogradPacking:
    """How weights are transformed.

    Attributes
    ----------
    kernel : Kernel
        What transforms them.
    table : ndarray of int64
        The plan's.
    steps : ndarray of int64
        Their `WeightSteps`.
    size : int
        Elements of the transformed weights.
    tasks : int
        Number of tasks.
    layout : str
        Equal layouts give equal results for equal weights.
    cost : float
        Nanoseconds for `MOST_PLACES` of them on one thread, for estimates only.
    """

    kernel: Kernel
    table: np.ndarray
    steps: np.ndarray
    size: int
    tasks: int
    layout: str
    cost: float

    @property
    def nanoseconds(self) -> float:
        """Their rough time on one thread."""
        return self.size / MOST_PLACES * self.cost

    def run(self, weight: np.ndarray) -> Transformed:
        """The transformed weights."""
        packed = aligned_empty(self.size, weight.dtype)
        self.kernel.run(self.tasks, self.nanoseconds, weight, packed, self.table, self.steps)
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
    problem : Problem
        What is computed.
    summary : str
        The choice in words.
    """

    kernel: Kernel
    packing: WinogradPacking
    table: np.ndarray
    offsets: np.ndarray
    tasks: int
    nanoseconds: float
    problem: Problem
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

    @lazy
    def careful(self) -> PackingPlan:
        """What does all over again where an output is infinite or not a number.

        Differences of infinities would spread over the outputs beside it.
        """
        return plan_spread(self.problem)


_Runs = tuple[tuple[Run, ...], tuple[Run, ...]]
_Kinds = dict[_Runs, Pieces]


def _axes(problem: Problem) -> tuple[PiecedAxis, PiecedAxis]:
    _, h, w = problem.geometry.lift().axes
    return PiecedAxis(h), PiecedAxis(w)


def _row_blocks(problem: Problem) -> int:
    g = problem.geometry
    return -(-(g.out_channels // g.groups) // ROWS)


def _kind(axes: Sequence[PiecedAxis], activated: bool) -> Kind | None:
    """The kind of kernels that has tiles for all pieces, if there is one."""
    lengths = [len(run.taps) for axis in axes if axis.points > 1 for runs in axis.runs for run in runs]
    for kind in KINDS:
        fits = kind.points == tuple(axis.points for axis in axes) and kind.least <= min(lengths)
        if fits and kind.activated >= activated and (kind.strided or axes[1].axis.stride == 1):
            return kind
    return None


def refuse_pieces(problem: Problem) -> str | None:
    """Why a convolution cannot be cut into pieces, if so."""
    d, axes = problem.geometry.lift().axes[0], _axes(problem)
    if d.stretch > 1 or not all(axis.is_plain for axis in axes):
        return "it knows one step other than 1 an axis, and no transposed depth"
    if d.kernel * prod(-(-axis.axis.kernel // 2) for axis in axes) > MOST_PIECES:
        return f"it would cut the kernel into more than {MOST_PIECES} pieces"
    if prod(axis.residues for axis in axes) > MOST_RESIDUES:
        return f"it would cut the outputs into more than {MOST_RESIDUES} residues"
    if _kind(axes, problem.activation is not None) is None:
        return "it has no tiles for the pieces that this kernel is cut into"
    return None


def plan_winograd(problem: Problem) -> WinogradPlan:
    """Cut a convolution into blocks of tiles and write its table."""
    axes, g, x = _axes(problem), problem.geometry.lift(), problem.x_steps()
    kind = _kind(axes, problem.activation is not None)
    assert kind is not None, "it is asked first whether this is refused"
    d, h, w = g.axes
    channels, out_channels = g.channels // g.groups, g.out_channels // g.groups
    row_blocks = _row_blocks(problem)
    both = product(*(dict.fromkeys(axis.runs) for axis in axes))
    kinds = {(rows, columns): Pieces.of(d.kernel, rows, columns, kind.points) for rows, columns in both}
    cut, nanoseconds = _cut(problem, axes, kind.points, list(kinds.values()))
    sizes, lanes = cut.blocks.sizes, machine().vector_bytes // problem.dtype.itemsize
    pitch = _pitch(sizes, cut.images, lanes)
    splits = cut.splits(problem)
    table = Table(WINOGRAD_TABLE)
    slab, seen = _slab(problem, axes, table, sizes)
    depth = Depth(channels, pitch, lanes)
    weights = weights_of(problem)
    slots = Slots.all_of(g.kernel_size, weights)
    residues, size = _write_residues(problem, axes, kinds, table, seen, depth, slots)
    steps = WeightSteps(
        weights.base, weights.group, weights.row, weights.channel, len(slots.positions),
        table.append(slots.positions), slots.is_run, len(kinds),
    )  # fmt: skip
    head = WinogradHead(
        groups=g.groups,
        batch=g.batch,
        images=cut.images,
        channels=channels,
        out_channels=out_channels,
        row_blocks=row_blocks,
        splits=splits,
        x_base=x.base,
        x_batch=x.steps[0],
        x_channel=x.steps[1],
        planes=d.output,
        rows=h.output,
        columns=w.output,
        plane_step=d.stride,
        row_step=axes[0].step,
        column_step=axes[1].step,
        input_row_step=axes[0].input_step,
        input_column_step=axes[1].input_step,
        phases=w.stride,
        phase_pitch=seen.phase_pitch,
        pitch=pitch,
        tiles=max(sum(pieces.depths) for pieces in kinds.values()) * depth.size,
        piece=depth.size,
        residues_at=table.append_records(residues),
        activation=activation_number(problem.activation),
    )
    outputs = [OutputAxis(size * count, 1, size, count) for size, count in zip(sizes, cut.blocks.counts, strict=True)]
    finished = table.finish([head, *slab, *outputs])
    deepest = max(max(pieces.depths) for pieces in kinds.values())
    together = f"{cut.images} images of " if cut.images > 1 else ""
    return WinogradPlan(
        kernel=winograd[kind],
        packing=WinogradPacking(
            winograd_weights[kind.name],
            finished,
            steps=np.array(steps, np.int64),
            size=size,
            tasks=g.groups * row_blocks,
            layout=f"winograd {kind.points} {weights} {channels} {row_blocks} {[*kinds]}",
            cost=WEIGHT_TURN_COST if takes_turns(problem) else WEIGHT_COST,
        ),
        table=finished,
        offsets=depth.offsets(deepest),
        tasks=cut.places(problem) * splits,
        nanoseconds=nanoseconds,
        problem=problem,
        summary=(
            f"blocks of {together}{sizes[1]} x {sizes[2]} tiles of {step_of(kind.points.h)} x {step_of(kind.points.w)} "
            f"outputs, {len(next(iter(kinds.values())).runs)} pieces of a kernel, {row_blocks} row blocks of {ROWS} "
            f"channels in {splits} parts"
        ),
    )


def _slab(
    problem: Problem, axes: Sequence[PiecedAxis], table: Table, sizes: Sequence[int]
) -> tuple[list[SlabAxis], Seen]:
    """The axes of the gathered input for blocks of so many tiles, and what pieces see of it."""
    g, (d_step, *steps) = problem.geometry.lift(), problem.x_steps().steps[2:]
    d, h, w = g.axes
    slab = [plain_axis(table, d.size, d_step, 0, d.kernel, Windows(d).borders(g.padding_mode), d.dilation)]
    for axis, size, step in zip(axes, sizes[1:], steps, strict=True):
        slab.append(axis.slab(table, size, step, g.padding_mode))
    lanes = machine().vector_bytes // problem.dtype.itemsize
    phase_pitch = -(-slab[2].positions // w.stride // lanes) * lanes if w.stride > 1 else 0
    return slab, Seen(slab[1].positions, max(slab[2].positions, w.stride * phase_pitch), h.stride, phase_pitch)


def _write_residues(
    problem: Problem, axes: Sequence[PiecedAxis], kinds: _Kinds, table: Table, seen: Seen, depth: Depth, slots: Slots
) -> tuple[list[Residue], int]:
    """The residues, first one for each set of pieces; and the elements of transformed weights of them all."""
    g, written, weights_at = problem.geometry.lift(), {}, 0
    for key, pieces in kinds.items():
        written[key] = (*pieces.write(table, seen, depth, slots), weights_at)
        weights_at += g.groups * sum(pieces.depths) * depth.channels * _row_blocks(problem) * ROWS
    first: dict[_Runs, Residue] = {}
    others = []
    for h, w in product(range(axes[0].residues), range(axes[1].residues)):
        key = axes[0].runs[h], axes[1].runs[w]
        residue = Residue(h, w, -g.axes[0].before, axes[0].starts[h], axes[1].starts[w], *written[key])
        if first.setdefault(key, residue) is not residue:
            others.append(residue)
    return [*(first[key] for key in kinds), *others], weights_at


def _pitch(sizes: Sequence[int], images: int, lanes: int) -> int:
    """Room for a channel's tiles in whole vectors; the last row of an image may reach into what follows it."""
    beyond = -sizes[2] % lanes if images > 1 else 0
    return -(-(images * sizes[1] * sizes[2] + beyond) // lanes) * lanes


def _cut(problem: Problem, axes: Sequence[PiecedAxis], points: Plane, kinds: Sequence[Pieces]) -> tuple[Cut, float]:
    """The blocks that end first on all threads, of those whose transformed tiles fit the cache.

    And nanoseconds for those that end first on one: by them the algorithm is chosen, and with it the bits of a result,
    which must not depend on the number of threads.
    """
    g = problem.geometry.lift()
    channels, out_channels = g.channels // g.groups, g.out_channels // g.groups
    row_blocks, lanes = _row_blocks(problem), machine().vector_bytes // problem.dtype.itemsize
    residues, entries = prod(a.residues for a in axes), sum(sum(pieces.depths) for pieces in kinds) / len(kinds)
    rows = [RowBlock(b * ROWS, ROWS, ROWS) for b in range(row_blocks)]
    weights = entries * ROWS * row_blocks * channels
    far = len(kinds) * weights * g.groups * problem.dtype.itemsize > machine().l3_bytes // 2
    read = weights * (READ_FAR_COST if far else READ_COST)
    out_cost = OUT_COST * prod(points) / MOST_PLACES
    product_cost = multiply_cost(problem) * waiting(PRODUCT_FACTOR)

    def cut(sizes: tuple[int, ...], images: int) -> Cut:
        tiles = images * sizes[1] * sizes[2]
        vectors = -(-tiles // lanes)
        tile_rows = images * sizes[1] * -(-sizes[2] // lanes)
        products: float = vectors
        if vectors % machine().tile_vectors == 1:
            products += waiting(TWICE_TWO_FACTOR if vectors > 1 else ALONE_FACTOR) - 1
        gather = tile_rows * channels * IN_COST * entries / MOST_PLACES
        if axes[1].axis.stride > 1:
            gather += (
                images * prod(a.positions(size) for a, size in zip(axes, sizes[1:], strict=True)) * channels * PART_COST
            )
        nanoseconds = gather + weights * products * product_cost + vectors * out_channels * out_cost + read
        if axes[1].step > 1:
            nanoseconds += tiles * prod(map(step_of, points)) * out_channels * APART_COST
        counts = tuple(-(-a.tiles // size) for a, size in zip(axes, sizes[1:], strict=True))
        numbers = tiles * prod(map(step_of, points))
        slab = int(entries * _pitch(sizes, images, lanes))
        blocks = Blocks(sizes, (residues * g.axes[0].output, *counts), numbers, slab, nanoseconds, gather)
        return Cut(blocks, rows, images)

    def too_large(cut: Cut) -> float:
        tiles_bytes = cut.blocks.slab * channels * problem.dtype.itemsize
        return max(0, tiles_bytes - machine().l2_bytes * TILES_SHARE, cut.blocks.numbers - MOST_NUMBERS)

    def serial(cut: Cut) -> float:
        return cut.places(problem) * cut.blocks.nanoseconds

    whole = tuple(a.tiles for a in axes)
    together = range(2, min(g.batch, MOST_TOGETHER * lanes // prod(whole)) + 1)
    found = [cut(sizes, 1) for sizes in candidates([1, *whole])] + [cut((1, *whole), images) for images in together]
    best = min(found, key=lambda cut: (too_large(cut), cut.end(problem)[0]))
    return best, serial(min(found, key=lambda cut: (too_large(cut), serial(cut))))
