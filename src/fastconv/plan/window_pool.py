"""Plans of poolings whose windows have any lengths: adaptive ones, and what else a list of windows describes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from fastconv.geometry import Axis, FractionalAxis, Geometry
from fastconv.geometry.geometry import KERNEL_RANK
from fastconv.jit.kernel import Bound, Kernel
from fastconv.kernels.window_pool import (
    pool_maxima,
    pool_means,
    pool_norms,
    pool_places,
    pool_truncated_means,
)
from fastconv.kernels.window_table import WINDOW_TABLE, WindowAxis, WindowHead, WindowPiece
from fastconv.plan.layout import settled, strides_last
from fastconv.plan.pool import least_value
from fastconv.plan.problem import Problem
from fastconv.plan.span import Steps, is_dense
from fastconv.plan.sums import MOST_ROUNDED
from fastconv.plan.table import Table

__all__ = ["WindowPlan", "has_lanes", "plan_windows"]

#: Nanoseconds, for estimates only: combining an element of a row with another, or of a window; and a piece of a row.
ROW_COST, WINDOW_COST, PIECE_COST = 0.12, 1.0, 60.0
#: How many times as long all of it takes where elements are raised to a power that is no small whole number.
POWER_FACTOR = 30.0
#: Input positions of a piece, unless a single window has more: reduced rows stay in a first-level cache.
LONGEST_PIECE = 4096
#: Channels of a piece where these are the lanes, so that threads share few pixels.
LONGEST_LANES = 512
#: Most elements of an image that is one window for which it counts as a single row: 7 rows of 7 take far longer.
SHORTEST_ROWS = 64


@dataclass(frozen=True)
class WindowPlan:
    """All that a pooling kernel needs beside the values.

    Attributes
    ----------
    kernel : Bound
        What reduces.
    spans : ndarray of int64 or None
        First position and number of taps of each window of each axis; None where they come with the values.
    table : ndarray of int64
        Its records and pieces.
    fill : ndarray
        One element of the type in which windows are reduced.
    tasks : int
        Number of tasks.
    nanoseconds : float
        Their rough time on one thread.
    summary : str
        The choice in words.
    """

    kernel: Bound
    spans: np.ndarray | None
    table: np.ndarray
    fill: np.ndarray
    tasks: int
    nanoseconds: float
    summary: str

    def run(self, x: np.ndarray, *arrays: np.ndarray) -> None:
        """Write the values, and the indices where they are wanted, into contiguous arrays; spans stand before them."""
        spans, results = (arrays[0], arrays[1:]) if self.spans is None else (self.spans, arrays)
        self.kernel.run(self.tasks, self.nanoseconds, x, *results, spans, self.fill, self.table)


def has_lanes(problem: Problem) -> bool:
    """Whether channels of a pixel are a row: they stand beside each other, and their windows are the same.

    The axes of an image are then a volume's, of which the last has windows of one channel each. A volume's own would be
    one too many. Places of maxima are counted in rows of pixels.
    """
    g = problem.geometry
    shape, itemsize, rank = g.output_shape, problem.dtype.itemsize, len(g.axes)
    return (
        problem.x_last
        and not problem.indices
        and problem.x_steps().steps[1] == 1
        and rank < KERNEL_RANK
        and problem.y_strides == settled(shape, strides_last(shape, itemsize, rank), itemsize)
        and not any(isinstance(axis, FractionalAxis) for axis in g.axes)
    )


def _with_lanes(g: Geometry, x: Steps) -> tuple[Geometry, Steps]:
    """A geometry of one channel, whose rows are channels, and the steps of its input."""
    batch, channel, _, *image = x.steps
    axes = (*g.axes[1:], Axis(g.channels, 1))
    return replace(g, channels=1, out_channels=1, groups=1, axes=axes), Steps(x.base, (batch, 0, *image, channel))


def plan_windows(problem: Problem) -> WindowPlan:
    """Plan a pooling by lists of windows."""
    g = problem.geometry.lift()
    x, lanes = problem.x_steps(), has_lanes(problem)
    if lanes:
        g, x = _with_lanes(g, x)
    elif is_dense(g.input_size, x.steps[2:]):
        g = g.fold(SHORTEST_ROWS)
    random = any(isinstance(axis, FractionalAxis) for axis in g.axes)
    lists = [_most_taps(axis) if random else np.array(axis.taps(), np.int64) for axis in g.axes]
    width = g.axes[2].size
    pieces = (
        [WindowPiece(0, g.axes[2].output, 0, width)]
        if random
        else (_pieces(lists[2], g.axes[2], LONGEST_LANES if lanes else LONGEST_PIECE))
    )
    table = Table(WINDOW_TABLE)
    head = WindowHead(
        channels=g.channels,
        x_base=x.base,
        x_batch=x.steps[0],
        x_channel=x.steps[1],
        spans_image=2 * sum(g.output_size) if random else 0,
        pieces=len(pieces),
        pieces_at=table.append_records(pieces),
        longest=max(piece.size for piece in pieces),
        lanes=int(lanes),
    )
    kernel, fill = _reduction(problem, prod(axis.kernel for axis in g.axes))
    lines = g.batch * g.channels * prod(g.output_size[:-1])
    rows = np.mean(lists[0][:, 1]) * np.mean(lists[1][:, 1])
    elements = rows * sum(piece.size for piece in pieces) * ROW_COST
    elements += np.sum(lists[2][:, 1]) * (ROW_COST if lanes else WINDOW_COST)
    if problem.norm not in (1, 2):
        elements *= POWER_FACTOR
    results = (problem.dtype, np.int64) if problem.indices else (problem.dtype,)
    return WindowPlan(
        kernel=kernel.bind(problem.x_dtype, *results, np.int64, fill.dtype, np.int64),
        spans=None if random else np.concatenate([spans.reshape(-1) for spans in lists]),
        table=table.finish([head, *_axes(g.axes, x.steps[2:])]),
        fill=fill,
        tasks=lines * len(pieces),
        nanoseconds=float(lines * (len(pieces) * PIECE_COST + elements)),
        summary=f"{lines} rows of outputs in {len(pieces)} pieces, {rows:.3g} input rows each",
    )


def _most_taps(axis: Axis) -> np.ndarray:
    """Windows that are known by their lengths only, for estimates."""
    return np.array([(0, axis.kernel)] * axis.output, np.int64)


def _axes(axes: Sequence[Axis], steps: Iterable[int]) -> list[WindowAxis]:
    """The records of the axes, whose lists of windows follow each other."""
    found: list[WindowAxis] = []
    at = 0
    for axis, step in zip(axes, steps, strict=True):
        found.append(WindowAxis(step, axis.size, axis.output, axis.dilation, at))
        at += 2 * axis.output
    return found


def _pieces(spans: np.ndarray, axis: Axis, longest: int) -> list[WindowPiece]:
    """A row of outputs in pieces of as many windows as on average fill so many positions."""
    count = min(axis.output, max(1, longest * axis.output // axis.size))
    firsts = np.arange(0, axis.output, count)
    starts = np.minimum.reduceat(spans[:, 0], firsts)
    ends = np.maximum.reduceat(spans[:, 0] + (spans[:, 1] - 1) * axis.dilation + 1, firsts)
    return [
        WindowPiece(first, min(first + count, axis.output), start, end - start)
        for first, start, end in zip(firsts.tolist(), starts.tolist(), ends.tolist(), strict=True)
    ]


def _reduction(problem: Problem, most_taps: int) -> tuple[Kernel, np.ndarray]:
    """The kernel that a problem needs, and one element of the type in which it reduces windows of so many taps."""
    given, result = problem.x_dtype, problem.dtype
    if problem.op == "lp_pool":
        return pool_norms, np.array([problem.norm], result)
    if problem.op.endswith("max_pool"):
        return (pool_places if problem.indices else pool_maxima), least_value(result)
    if given.kind == "f":
        sums: Any = np.float64 if most_taps > MOST_ROUNDED else result
        return pool_means, np.zeros(1, sums)
    whole = np.zeros(1, np.uint64 if given == np.uint64 else np.int64)
    return (pool_means if result.kind == "f" else pool_truncated_means), whole
