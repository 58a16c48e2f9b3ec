"""Plans of poolings: how the output is cut, where each tap stands, and what each average is divided by."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from fastconv.jit.decorators import Kernel
from fastconv.kernels.pool import (
    POOL_TABLE,
    PoolAxis,
    PoolHead,
    avg_pool,
    avg_pool_truncated,
    max_pool,
    max_pool_indices,
)
from fastconv.plan.blocks import Blocks, choose_blocks
from fastconv.plan.problem import Problem
from fastconv.plan.span import span, steps
from fastconv.plan.table import Table
from fastconv.plan.windows import Windows, slab_axes

__all__ = ["PoolPlan", "plan_avg_pool", "plan_max_pool"]

#: Nanoseconds, for estimates only: combining or gathering one element; each of the three passes does so for each tap.
COMBINE_COST, GATHER_COST = 0.08, 0.4


@dataclass(frozen=True)
class PoolPlan:
    """All that a pooling kernel needs beside the values.

    Attributes
    ----------
    kernel : Kernel
        What reduces.
    table : ndarray of int64
        The records of `POOL_TABLE` and their lists.
    fill : ndarray
        One element: what padding counts as, in the type in which windows are reduced.
    tasks : int
        Number of tasks.
    nanoseconds : float
        Their rough time on one thread.
    summary : str
        The choice in words.
    """

    kernel: Kernel
    table: np.ndarray
    fill: np.ndarray
    tasks: int
    nanoseconds: float
    summary: str

    def run(self, x: np.ndarray, *results: np.ndarray) -> None:
        """Write the values, and the indices where they are wanted, into contiguous arrays."""
        flat = [result.reshape(-1) for result in results]
        self.kernel.run(self.tasks, self.nanoseconds, span(x), *flat, self.fill, self.table)


def plan_max_pool(problem: Problem) -> PoolPlan:
    """Plan a max pooling: padding counts as the type's lowest value."""
    dtype = problem.dtype
    lowest = -np.inf if dtype.kind == "f" else np.iinfo(dtype).min
    return _plan(problem, max_pool_indices if problem.indices else max_pool, np.array([lowest], dtype))


def plan_avg_pool(problem: Problem) -> PoolPlan:
    """Plan an average pooling: floats are summed in the result's type, whole numbers exactly in 64 bits."""
    if problem.x_dtype.kind == "f":
        return _plan(problem, avg_pool, np.zeros(1, problem.dtype))
    sums = np.zeros(1, np.uint64 if problem.x_dtype == np.uint64 else np.int64)
    return _plan(problem, avg_pool if problem.dtype.kind == "f" else avg_pool_truncated, sums)


def _plan(problem: Problem, kernel: Kernel, fill: np.ndarray) -> PoolPlan:
    g = problem.geometry.lift()
    windows = [Windows(axis) for axis in g.axes]
    taps = sum(g.kernel_size)
    images = g.batch * g.channels
    blocks = choose_blocks(windows, 1, fill.itemsize, images, 100 * taps * COMBINE_COST, GATHER_COST)

    x = steps(problem.geometry.input_shape, problem.x_strides, problem.x_dtype.itemsize)
    table = Table(POOL_TABLE)
    axes = slab_axes(table, windows, blocks.sizes, x.steps[2:], g.padding_mode)
    outputs = _pool_axes(problem, table, windows, blocks)
    head = PoolHead(g.channels, x.base, x.steps[0], x.steps[1], problem.divisor or 0)
    tasks = images * prod(blocks.counts)
    return PoolPlan(
        kernel=kernel,
        table=table.finish([head, *axes, *outputs]),
        fill=fill,
        tasks=tasks,
        nanoseconds=tasks * blocks.slab * (GATHER_COST + taps * COMBINE_COST),
        summary=f"{blocks}, {taps} passes over them",
    )


def _pool_axes(problem: Problem, table: Table, windows: list[Windows], blocks: Blocks) -> list[PoolAxis]:
    axes = []
    for w, block, count in zip(windows, blocks.sizes, blocks.counts, strict=True):
        a = w.axis
        axes.append(
            PoolAxis(
                size=a.output,
                block=block,
                blocks=count,
                kernel=a.kernel,
                stride=a.stride,
                dilation=a.dilation,
                before=a.before,
                places_at=table.append(v for place in w.places[0] for v in (place.phase, place.place)),
                counts_at=table.append(a.window_sizes(count_padding=problem.count_include_pad)),
            )
        )
    return axes
