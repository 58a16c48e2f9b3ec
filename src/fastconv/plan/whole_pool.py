"""Plans of poolings of whole channels."""

from __future__ import annotations

from math import prod

import numpy as np

from fastconv.jit.machine import machine
from fastconv.kernels.whole_pool import (
    WHOLE_POOL_TABLE,
    WholePoolHead,
    avg_pool_whole,
    max_pool_whole,
    max_pool_whole_places,
)
from fastconv.plan.pool import PoolPlan, least_value
from fastconv.plan.pool_tile import float_of_sums, refuse_masked_rows
from fastconv.plan.problem import Problem
from fastconv.plan.span import is_dense
from fastconv.plan.table import Table

__all__ = ["plan_whole_pool", "refuse_whole_pool"]

#: Input elements of a task, unless a channel has more: enough to make up for a call, few enough for threads to balance.
TASK_ELEMENTS = 8192
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
    g, x, mean = problem.geometry, problem.x_steps(), problem.op == "avg_pool"
    elements = prod(axis.size for axis in g.axes)
    channels = g.batch * g.channels
    block = min(channels, max(1, TASK_ELEMENTS // elements))
    head = WholePoolHead(g.batch, g.channels, elements, x.base, x.steps[0], x.steps[1], block)
    settings = _mean_settings(problem) if mean else least_value(problem.dtype)
    vectors = -(-elements * settings.itemsize // machine().vector_bytes)
    tasks = -(-channels // block)
    kernel = avg_pool_whole if mean else max_pool_whole_places if problem.indices else max_pool_whole
    results = (problem.dtype, np.int64) if problem.indices else (problem.dtype,)
    return PoolPlan(
        kernel=kernel.bind(problem.x_dtype, *results, settings.dtype, np.int64),
        table=Table(WHOLE_POOL_TABLE).finish([head]),
        settings=settings,
        tasks=tasks,
        nanoseconds=channels * (vectors * VECTOR_COST + CHANNEL_COST + problem.indices * elements * PLACE_COST),
        summary=f"{tasks} blocks of {block} channels, {elements} elements each",
    )


def _mean_settings(problem: Problem) -> np.ndarray:
    counts = [axis.window_sizes(count_padding=problem.count_include_pad)[0] for axis in problem.geometry.axes]
    return np.array([0, problem.divisor or prod(counts)], float_of_sums(problem))
