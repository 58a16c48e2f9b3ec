"""Plans of convolutions by Winograd's minimal filtering, whose kernels are cut into pieces of up to three taps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

import numpy as np

from fastconv.jit.kernel import Kernel
from fastconv.jit.machine import machine
from fastconv.jit.winograd import Plane, step_of
from fastconv.kernels.activation import activation_number
from fastconv.kernels.conv_table import OutputAxis
from fastconv.kernels.slab import SlabAxis
from fastconv.kernels.winograd import winograd
from fastconv.kernels.winograd_kinds import KINDS, SHORT_TILES, Kind
from fastconv.kernels.winograd_spread import winograd_spread
from fastconv.kernels.winograd_table import WINOGRAD_TABLE, Residue, WinogradHead
from fastconv.kernels.winograd_weights import WeightSteps, winograd_weights
from fastconv.plan.careful import CarefulPackingPlan, Transformed
from fastconv.plan.pieces import Depth, PiecedAxis, Pieces, Run, Seen, Slots
from fastconv.plan.problem import Problem
from fastconv.plan.span import aligned_empty
from fastconv.plan.table import Table
from fastconv.plan.weights import weights_of
from fastconv.plan.windows import Windows, plain_axis
from fastconv.plan.winograd_cut import best_cut, tiles_pitch

__all__ = ["plan_winograd", "refuse_pieces"]

#: Most pieces of a kernel and residues of outputs. Beyond, planning takes tens of milliseconds, and others are faster.
MOST_PIECES, MOST_RESIDUES = 200, 1024


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
    nanoseconds : float
        Their rough time on one thread.
    """

    kernel: Kernel
    table: np.ndarray
    steps: np.ndarray
    size: int
    tasks: int
    layout: str
    nanoseconds: float

    def run(self, weight: np.ndarray) -> Transformed:
        """The transformed weights."""
        packed = aligned_empty(self.size, weight.dtype)
        self.kernel.run(self.tasks, self.nanoseconds, weight, packed, self.table, self.steps)
        return Transformed(packed, weight)


_Runs = tuple[tuple[Run, ...], tuple[Run, ...]]
_Kinds = dict[_Runs, Pieces]


def _axes(problem: Problem) -> tuple[PiecedAxis, PiecedAxis]:
    _, h, w = problem.geometry.lift().axes
    return PiecedAxis(h), PiecedAxis(w)


def _kinds(problem: Problem, axes: Sequence[PiecedAxis]) -> list[Kind]:
    """The kinds of kernels that have tiles for all pieces: the simplest one for each of the lanes there may be."""
    lengths = [len(run.taps) for axis in axes if axis.points > 1 for runs in axis.runs for run in runs]
    found: dict[bool, Kind] = {}
    for kind in KINDS:
        fits = kind.points == tuple(axis.points for axis in axes) and kind.least <= min(lengths)
        serves = kind.activated >= (problem.activation is not None) and (kind.strided or axes[1].axis.stride == 1)
        if fits and serves and (problem.dtype == np.float32 or not kind.spread):
            found.setdefault(kind.spread, kind)
    return list(found.values())


def refuse_pieces(problem: Problem) -> str | None:
    """Why a convolution cannot be cut into pieces, if so."""
    d, axes = problem.geometry.lift().axes[0], _axes(problem)
    if d.stretch > 1 or not all(axis.is_plain for axis in axes):
        return "it knows one step other than 1 an axis, and no transposed depth"
    if d.kernel * prod(-(-axis.axis.kernel // 2) for axis in axes) > MOST_PIECES:
        return f"it would cut the kernel into more than {MOST_PIECES} pieces"
    if prod(axis.residues for axis in axes) > MOST_RESIDUES:
        return f"it would cut the outputs into more than {MOST_RESIDUES} residues"
    if not _kinds(problem, axes):
        return "it has no tiles for the pieces that this kernel is cut into"
    return None


def plan_winograd(problem: Problem) -> CarefulPackingPlan:
    """Cut a convolution into blocks of tiles and write its table."""
    axes, g, x = _axes(problem), problem.geometry.lift(), problem.x_steps()
    d, h, w = g.axes
    channels, out_channels = g.channels // g.groups, g.out_channels // g.groups
    points = Plane(*(axis.points for axis in axes))
    both = product(*(dict.fromkeys(axis.runs) for axis in axes))
    kinds = {(rows, columns): Pieces.of(d.kernel, rows, columns, points) for rows, columns in both}
    kind, cut, within, nanoseconds, weight_nanoseconds = best_cut(
        problem, axes, _kinds(problem, axes), list(kinds.values())
    )
    row_blocks, sizes = len(cut.row_blocks), cut.blocks.sizes
    lanes = machine().vector_bytes // problem.dtype.itemsize
    pitch = tiles_pitch(sizes, cut.images, lanes)
    splits = cut.splits(problem)
    table = Table(WINOGRAD_TABLE)
    slab, seen = _slab(problem, axes, table, sizes)
    depth = Depth(channels, pitch, max(lanes, SHORT_TILES))
    weights = weights_of(problem)
    slots = Slots.all_of(g.kernel_size, weights)
    residues, size = _write_residues(problem, axes, kinds, table, seen, depth, slots, cut.padded_out)
    weight_steps = WeightSteps(
        weights.base, weights.group, weights.row, weights.channel, len(slots.positions),
        table.append(slots.positions), slots.is_run, len(kinds),
    )  # fmt: skip
    steps = np.array(weight_steps, np.int64)
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
        entries=max(residue.entries for residue in residues),
        residues_at=table.append_records(residues),
        activation=activation_number(problem.activation),
    )
    outputs = [OutputAxis(size * count, 1, size, count) for size, count in zip(sizes, cut.blocks.counts, strict=True)]
    finished = table.finish([head, *slab, *outputs])
    deepest = max(max(pieces.depths) for pieces in kinds.values())
    together = f"{cut.images} images of " if cut.images > 1 else ""
    return CarefulPackingPlan(
        kernel=(winograd_spread if kind.spread else winograd)[kind],
        packing=WinogradPacking(
            winograd_weights[kind.name],
            finished,
            steps=steps,
            size=size,
            tasks=g.groups * row_blocks,
            layout=f"winograd {kind.name} {weights} {channels} {row_blocks} {[*kinds]}",
            nanoseconds=weight_nanoseconds,
        ),
        table=finished,
        offsets=depth.offsets(deepest),
        tasks=cut.places(problem) * splits,
        nanoseconds=nanoseconds,
        problem=problem,
        summary=(
            f"blocks of {together}{sizes[1]} x {sizes[2]} tiles of {step_of(points.h)} x {step_of(points.w)} outputs, "
            f"{len(next(iter(kinds.values())).runs)} pieces of a kernel, {row_blocks} row blocks of {kind.rows} "
            f"channels{' as lanes' * kind.spread} in {splits} parts{', whose tasks transform weights' * within}"
        ),
        packs=within,
        steps=steps,
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
    problem: Problem, axes: Sequence[PiecedAxis], kinds: _Kinds, table: Table, seen: Seen, depth: Depth, slots: Slots,
    padded_out: int,
) -> tuple[list[Residue], int]:  # fmt: skip
    """The residues, first one for each set of pieces; and the elements of transformed weights of them all."""
    g, written, weights_at = problem.geometry.lift(), {}, 0
    for key, pieces in kinds.items():
        written[key] = (*pieces.write(table, seen, depth, slots), weights_at)
        weights_at += g.groups * sum(pieces.depths) * depth.channels * padded_out
    first: dict[_Runs, Residue] = {}
    others = []
    for h, w in product(range(axes[0].residues), range(axes[1].residues)):
        key = axes[0].runs[h], axes[1].runs[w]
        residue = Residue(h, w, -g.axes[0].before, axes[0].starts[h], axes[1].starts[w], *written[key])
        if first.setdefault(key, residue) is not residue:
            others.append(residue)
    return [*(first[key] for key in kinds), *others], weights_at
