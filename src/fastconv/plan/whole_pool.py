"""Plans of poolings of elements that follow each other: whole channels, and windows of a row."""

from __future__ import annotations

from itertools import pairwise
from math import prod

import numpy as np

from fastconv.jit.machine import machine
from fastconv.jit.span_tile import SPANS
from fastconv.kernels.whole_pool import (
    WHOLE_POOL_TABLE,
    WholePoolHead,
    avg_pool_whole,
    max_pool_whole,
    max_pool_whole_places,
)
from fastconv.plan.pool import PoolPlan, least_value
from fastconv.plan.pool_tile import refuse_masked_rows
from fastconv.plan.problem import Problem
from fastconv.plan.span import is_dense
from fastconv.plan.sums import type_of_sums
from fastconv.plan.table import Table

__all__ = ["plan_spans", "plan_whole_pool", "refuse_spans", "refuse_whole_pool"]

#: Input elements of a task, unless a channel has more: enough to make up for a call, few enough for threads to balance.
TASK_ELEMENTS = 8192
#: Bytes of a channel up to which many are reduced at once: longer ones are read sooner one by one.
SHORT_BYTES = 2048
#: Nanoseconds, for estimates only: to load a vector and reduce it, for a channel to begin and to end, and to look at an
#: element until the maximum is found.
VECTOR_COST, CHANNEL_COST, PLACE_COST = 0.6, 6.0, 0.3


def refuse_whole_pool(problem: Problem) -> str | None:
    """Why channels cannot be reduced to one number each, if they cannot."""
    axes, steps = problem.geometry.axes, problem.x_steps().steps[-len(problem.geometry.axes) :]
    if any(axis.output != 1 or axis.dilation > 1 or axis.kernel < axis.before + axis.size for axis in axes):
        return "no window sees all of a channel"
    if not is_dense([axis.size for axis in axes], steps):
        return "elements of a channel do not follow each other"
    return refuse_masked_rows(problem)


def plan_whole_pool(problem: Problem) -> PoolPlan:
    """Cut the channels into blocks."""
    g, x = problem.geometry, problem.x_steps()
    elements = prod(axis.size for axis in g.axes)
    return _plan(
        problem, WholePoolHead(g.batch, g.channels, elements, x.base, x.steps[0], x.steps[1], 0, 0), "channels"
    )


def refuse_spans(problem: Problem) -> str | None:
    """Why windows cannot be reduced one by one, as parts of rows, if they cannot."""
    *outer, w = problem.geometry.axes
    if problem.indices:
        return "it keeps no indices"
    if any(axis.kernel != 1 or axis.before or axis.output != axis.size for axis in outer):
        return "windows have more than one row"
    if w.dilation > 1 or w.before or (w.output - 1) * w.stride + w.kernel > w.size:
        return "elements of a window do not follow each other"
    if not _rows(problem):
        return "rows are not all one step apart"
    return refuse_masked_rows(problem)


def plan_spans(problem: Problem) -> PoolPlan:
    """Take windows for channels, and rows for images."""
    w, x, (rows, step) = problem.geometry.axes[-1], problem.x_steps(), _rows(problem) or (0, 0)
    return _plan(problem, WholePoolHead(rows, w.output, w.kernel, x.base, step, w.stride, 0, 0), "windows")


def _rows(problem: Problem) -> tuple[int, int] | None:
    """How many rows the input has, and the step from each to the next, if there is one."""
    g = problem.geometry.lift()
    found = [
        (size, step)
        for size, step in zip((g.batch, g.channels, *g.input_size[:2]), problem.x_steps().steps, strict=False)
        if size > 1
    ]
    if any(step != size * inner for (_, step), (size, inner) in pairwise(found)):
        return None
    return prod(size for size, _ in found), found[-1][1] if found else 0


def _plan(problem: Problem, head: WholePoolHead, what: str) -> PoolPlan:
    """Cut so many channels of images into blocks, as the kernel calls what it reduces."""
    mean, elements, channels = problem.op == "avg_pool", head.elements, head.batch * head.channels
    together = elements * problem.x_dtype.itemsize <= SHORT_BYTES
    block = max(1, TASK_ELEMENTS // elements)
    block = min(channels, -(-block // SPANS) * SPANS if together else block)
    settings = _mean_settings(problem) if mean else least_value(problem.dtype)
    vectors = -(-elements * settings.itemsize // machine().vector_bytes)
    tasks = -(-channels // block)
    kernel = avg_pool_whole if mean else max_pool_whole_places if problem.indices else max_pool_whole
    results = (problem.dtype, np.int64) if problem.indices else (problem.dtype,)
    return PoolPlan(
        kernel=kernel.bind(problem.x_dtype, *results, settings.dtype, np.int64),
        table=Table(WHOLE_POOL_TABLE).finish([head._replace(block=block, together=int(together))]),
        settings=settings,
        tasks=tasks,
        nanoseconds=channels * (vectors * VECTOR_COST + CHANNEL_COST + problem.indices * elements * PLACE_COST),
        summary=f"{tasks} blocks of {block} {what}, {elements} elements each",
    )


def _mean_settings(problem: Problem) -> np.ndarray:
    counts = [axis.window_sizes(count_padding=problem.count_include_pad)[0] for axis in problem.geometry.axes]
    return np.array([0, problem.divisor or prod(counts)], type_of_sums(problem))
