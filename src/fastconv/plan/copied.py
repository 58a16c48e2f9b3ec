"""Plans of kernels that know channels first only, between copies of input and result that turn them around."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from fastconv.kernels.turn import Turn, turn
from fastconv.plan.layout import strides_first
from fastconv.plan.problem import Problem
from fastconv.plan.span import Steps

__all__ = ["CopiedPlan", "plan_copied"]

#: Nanoseconds, for estimates only: to turn an element around, or to let NumPy do it; and to begin. With the pages of
#: fresh memory turning took 1.3 nanoseconds in arrays of 800 KB, and 5 in one of 3 MB.
TURN_COST, COPY_COST, CALL_COST = 2.0, 4.0, 1500.0
#: Rows of a task: whole vectors of any type, and some microseconds with the usual numbers of channels.
ROWS = 128
#: Integers that stand for elements of so many bytes.
_WORDS = {4: np.dtype(np.int32), 8: np.dtype(np.int64)}


@dataclass(frozen=True, slots=True)
class Turning:
    """A copy of an array (N, C, *spatial) to where its elements lie in another order.

    Attributes
    ----------
    table : ndarray of int64 or None
        A `Turn`; None where NumPy copies.
    tasks : int
        Number of tasks.
    nanoseconds : float
        Rough time on one thread.
    """

    table: np.ndarray | None
    tasks: int
    nanoseconds: float

    def run(self, source: np.ndarray, target: np.ndarray) -> None:
        """Copy the elements."""
        if self.table is None:
            np.copyto(target, source)
        else:
            word: Any = _WORDS[source.itemsize]
            turn.run(self.tasks, self.nanoseconds, source.view(word), target.view(word), self.table)


def _turning(shape: tuple[int, ...], pixels: Steps, itemsize: int, to_last: bool) -> Turning:
    """From channels first without gaps to the given steps of a channels-last array, or the other way."""
    batch, channels, depth, height, width = shape
    n, c, d, h, w = pixels.steps
    rows = _rows((depth, height, width), (d, h, w))
    if pixels.base or min(n, c, d, h, w) < 0 or c != 1 or rows is None or itemsize not in _WORDS:
        return Turning(None, 1, CALL_COST + prod(shape) * COPY_COST)
    inner, inner_step, count = rows
    size = depth * height * width
    first, last = (channels * size, count, size), (n, inner_step, w)
    rows_columns = (channels, count) if to_last else (count, channels)
    (source, target) = (first, last) if to_last else (last, first)
    blocks = max(1, rows_columns[0] // ROWS)
    table = Turn(*rows_columns, 0, *source, *target, inner, ROWS, blocks)
    return Turning(np.array(table, np.int64), batch * inner * blocks, CALL_COST + prod(shape) * TURN_COST)


def _rows(size: tuple[int, int, int], steps: tuple[int, int, int]) -> tuple[int, int, int] | None:
    """Pixels of an image as rows of equal steps: their number, the step from one to the next, and pixels of each."""
    (depth, height, width), (d, h, w) = size, steps
    if height == 1 or h == width * w:
        width *= height
        return (1, 0, width * depth) if depth == 1 or d == width * w else (depth, d, width)
    return (depth * height, h, width) if depth == 1 or d == height * h else None


def plan_copied(problem: Problem, planner: Callable[[Problem], Any], takes_last: bool) -> CopiedPlan:
    """A plan for a contiguous result, of a contiguous input unless it takes channels-last ones, and the copies."""
    g, itemsize = problem.geometry, problem.x_dtype.itemsize
    inner, before, after = replace(problem, y_strides=()), None, None
    if problem.x_last and not takes_last:
        inner = replace(inner, x_strides=strides_first(g.input_shape, itemsize))
        before = _turning(g.lift().input_shape, problem.x_steps(), itemsize, to_last=False)
    if problem.y_strides:
        after = _turning(g.lift().output_shape, problem.y_steps(), problem.dtype.itemsize, to_last=True)
    plan = planner(inner)
    return CopiedPlan(plan, getattr(plan, "packing", None), 2 if problem.indices else 1, before, after)


@dataclass(frozen=True, slots=True)
class CopiedPlan:
    """Another plan between two copies.

    Attributes
    ----------
    plan : object
        The other plan.
    packing : object or None
        Its packing.
    results : int
        Number of arrays that it writes, the last of what it takes.
    before, after : Turning or None
        The copy of the input, and that of each result.
    """

    plan: Any
    packing: Any
    results: int
    before: Turning | None
    after: Turning | None

    @property
    def tasks(self) -> int:
        """Number of the other plan's tasks."""
        return int(self.plan.tasks)

    @property
    def nanoseconds(self) -> float:
        """Rough time on one thread, with the copies."""
        copies = [copy.nanoseconds for copy in (self.before, self.after) if copy]
        return float(self.plan.nanoseconds) + sum(copies)

    @property
    def summary(self) -> str:
        """The choice in words."""
        copies = [name for name, copy in (("input", self.before), ("result", self.after)) if copy]
        return f"{self.plan.summary}, on channels-first memory: {' and '.join(copies)} copied"

    def run(self, *arrays: Any) -> None:
        """Write the results, the last of the arrays, as they are to lie."""
        self._run(self.plan.run, arrays)

    def run_packed(self, *arrays: Any) -> None:
        """As `run`, with packed weights."""
        self._run(self.plan.run_packed, arrays)

    def _run(self, run: Callable[..., None], arrays: tuple[Any, ...]) -> None:
        x, *more = arrays[: -self.results]
        results = arrays[-self.results :]
        if self.before:
            given, x = x, np.empty(x.shape, x.dtype)
            self.before.run(given, x)
        if not self.after:
            run(x, *more, *results)
            return
        made = [np.empty(result.shape, result.dtype) for result in results]
        run(x, *more, *made)
        for result, copy in zip(results, made, strict=True):
            self.after.run(copy, result)
