"""Plans of poolings of channels-last arrays by windows of any lengths."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from fastconv.geometry import Axis
from fastconv.jit.kernel import Kernel
from fastconv.jit.machine import machine
from fastconv.kernels.lane_pool import (
    LANE_POOL_TABLE,
    LANE_VECTORS,
    LaneAxis,
    LanePoolHead,
    lane_maxima,
    lane_means,
    lane_places,
)
from fastconv.plan.layout import settled, strides_last
from fastconv.plan.pool import PoolPlan, least_value
from fastconv.plan.problem import Problem
from fastconv.plan.sums import MOST_ROUNDED, type_of_sums
from fastconv.plan.table import Table

__all__ = ["plan_lane_pool", "refuse_lane_pool"]

#: Nanoseconds, for estimates only: to reduce a vector by one tap, to compare one and note where it stands, and for a
#: tile to begin and to write its results.
VECTOR_COST, PLACE_COST, TILE_COST = 0.6, 1.2, 8.0
#: Most numbers of a task, outputs counted with their taps: some milliseconds, since Python sees no Ctrl-C until then.
MOST_NUMBERS = 4_000_000
#: Tasks from which on threads balance; with fewer rows of outputs, channels are shared out too.
MANY_TASKS = 8
#: Vectors of a share: pairs of cache lines are fetched together.
LEAST_VECTORS = 2
#: Least taps and elements of an image that is one window for which it is cut, which takes two microseconds, and in how
#: many pieces at most.
LEAST_TAPS, LEAST_CUT, PIECES = 512, 2**18, 16
#: Places in an image are numbers of 32 bits.
MOST_ELEMENTS = 2**31


def refuse_lane_pool(problem: Problem) -> str | None:
    """Why channels cannot be the lanes of windows of any lengths, if they cannot."""
    g, itemsize = problem.geometry, problem.dtype.itemsize
    shape, rank = g.output_shape, len(g.axes)
    x_step, y_step = problem.x_steps().steps[1], problem.y_steps().steps[1]
    if not problem.x_last or x_step != 1 or y_step != 1:
        return "its lanes are channels that stand beside each other, in input and result"
    if problem.indices:
        if problem.y_strides != settled(shape, strides_last(shape, itemsize, rank), itemsize):
            return "it writes places as they lie without gaps"
        if prod(g.input_size) >= MOST_ELEMENTS:
            return "places have more than 32 bits"
        if not all(taps for axis in g.axes for _, taps in axis.taps()):
            return "some windows do not meet the input, and have no place"
    if problem.op.endswith("avg_pool") and type_of_sums(problem) is None:
        return f"no type of vectors holds every sum of {problem.x_dtype} for averages of {problem.dtype}"
    return None


@dataclass(frozen=True)
class _CutPlan(PoolPlan):
    """One that sums pieces of images, which are summed in turn.

    Attributes
    ----------
    length : int
        Number of the sums of pieces.
    whole : PoolPlan
        What makes means of them.
    """

    length: int
    whole: PoolPlan

    def run(self, x: np.ndarray, *results: np.ndarray) -> None:
        """Write the means."""
        sums = np.empty(self.length, self.settings.dtype)
        self.kernel.run(self.tasks, self.nanoseconds, x, sums, self.settings, self.table)
        self.whole.run(sums, *results)


def plan_lane_pool(problem: Problem) -> PoolPlan:
    """Reduce windows as they are, or means of whole images in pieces, whatever the number of threads."""
    cut = _cut(problem)
    return _plan_cut(problem, *cut) if cut else _plan(problem)


def _cut(problem: Problem) -> tuple[int, Axis] | None:
    """Which axis of an image that is one window is cut, and the pieces, where images are few and large.

    Threads that had some channels each would all read the same pages, for which two take as long as one.
    """
    g = problem.geometry
    taps = prod(g.kernel_size)
    if (
        g.batch >= MANY_TASKS
        or taps < LEAST_TAPS
        or taps * g.channels < LEAST_CUT
        or not problem.op.endswith("avg_pool")
    ):
        return None
    if any(axis.taps() != ((0, axis.size),) or axis.dilation > 1 for axis in g.axes):
        return None
    if not _reduction(problem)[1].dtype == problem.x_dtype == problem.dtype:
        return None
    place = next(i for i, axis in enumerate(g.axes) if axis.size > 1)
    size = g.axes[place].size
    piece = -(-size // PIECES)
    return (place, Axis(size, piece, piece, ceil_mode=True)) if piece < size else None


def _plan_cut(problem: Problem, place: int, pieces: Axis) -> PoolPlan:
    g, itemsize, rank = problem.geometry, problem.dtype.itemsize, len(problem.geometry.axes)
    counts = [axis.window_sizes(count_padding=problem.count_include_pad)[0] for axis in g.axes]
    axes = [Axis(axis.size, axis.size) for axis in g.axes]
    ends = [Axis(1, 1)] * rank
    axes[place], ends[place] = pieces, Axis(pieces.output, pieces.output)
    parts, whole = replace(g, axes=tuple(axes)), replace(g, axes=tuple(ends))
    strides = strides_last(parts.output_shape, itemsize, rank)
    first = _plan(replace(problem, geometry=parts, y_strides=strides, divisor=1))
    then = _plan(replace(problem, geometry=whole, x_strides=strides, divisor=problem.divisor or prod(counts)))
    return _CutPlan(
        first.kernel, first.table, first.settings, first.tasks, first.nanoseconds,
        f"{pieces.output} pieces of images, {first.summary}", prod(parts.output_shape), then,
    )  # fmt: skip


def _plan(problem: Problem) -> PoolPlan:
    """Write down where the windows of each axis begin, and share out rows of outputs, and channels if rows are few."""
    g, x, y = problem.geometry.lift(), problem.x_steps(), problem.y_steps()
    kernel, settings = _reduction(problem)
    table = Table(LANE_POOL_TABLE)
    axes, most, all_taps = [], [], 1.0
    for axis, x_step, y_step in zip(g.axes, x.steps[2:], y.steps[2:], strict=True):
        counts = axis.window_sizes(count_padding=problem.count_include_pad)
        windows = [(*span, count) for span, count in zip(axis.taps(), counts, strict=True)]
        most.append(max(taps for _, taps, _ in windows))
        all_taps *= sum(taps for _, taps, _ in windows)
        at = table.append(np.array(windows, np.int64).reshape(-1))
        axes.append(LaneAxis(x_step, y_step, axis.dilation, axis.size, axis.output, at))
    lanes = machine().vector_bytes // settings.itemsize
    lines, columns = g.batch * prod(g.output_size[:-1]), g.output_size[-1]
    part = _part(g.channels, lanes, lines, problem.threads)
    parts = -(-g.channels // part)
    block = max(1, min(columns, MOST_NUMBERS // (prod(most) * part)))
    blocks = -(-columns // block)
    head = LanePoolHead(
        g.channels, x.base, x.steps[0], y.base, y.steps[0], block, blocks, part, parts, problem.divisor or 0
    )  # fmt: skip
    vectors = -(-g.channels // lanes)
    tiles = lines * columns * -(-vectors // LANE_VECTORS)
    tap_cost = PLACE_COST if problem.indices else VECTOR_COST
    results = (problem.dtype, np.int64) if problem.indices else (problem.dtype,)
    return PoolPlan(
        kernel=kernel.bind(problem.x_dtype, *results, settings.dtype, np.int64),
        table=table.finish([head, *axes]),
        settings=settings,
        tasks=lines * blocks * parts,
        nanoseconds=tiles * TILE_COST + g.batch * all_taps * vectors * tap_cost,
        summary=f"rows of {block} pixels, {parts} parts of {part} channels, up to {prod(most)} taps",
    )


def _part(channels: int, lanes: int, lines: int, threads: int) -> int:
    """Channels of a task: all where there are rows enough for all threads, else as many as some tiles have."""
    wanted = -(-MANY_TASKS // max(1, lines)) if threads > 1 else 1
    vectors = -(-channels // lanes // wanted)
    tile = LANE_VECTORS if vectors > LEAST_VECTORS else LEAST_VECTORS
    return min(channels, -(-vectors // tile) * tile * lanes)


def _reduction(problem: Problem) -> tuple[Kernel, np.ndarray]:
    """The kernel that a problem needs, and what windows are reduced from: one element of the type that they are in."""
    if problem.op.endswith("max_pool"):
        return lane_places if problem.indices else lane_maxima, least_value(problem.dtype)
    sums: Any = type_of_sums(problem)
    *outer, last = (axis.kernel for axis in problem.geometry.axes)
    many = max(prod(outer), last) > MOST_ROUNDED  # rows are summed by themselves
    return lane_means, np.zeros(1, np.float64 if many and problem.x_dtype.kind == "f" else sums)
