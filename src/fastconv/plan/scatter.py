"""Plans of numbers that are put where indices say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fastconv.jit.kernel import Bound, Kernel
from fastconv.jit.machine import LINE
from fastconv.jit.threads import thread_count
from fastconv.kernels.scatter import (
    AHEAD,
    PixelScatter,
    Scatter,
    scatter_pixel_sums,
    scatter_pixel_values,
    scatter_sums,
    scatter_values,
)

__all__ = ["ScatterPlan", "plan_pixel_scatter", "plan_scatter"]

#: Nanoseconds, for estimates only: to put a number at its place, to clear an element, and a task.
PUT_COST, CLEAR_COST, TASK_COST = 0.6, 0.15, 20.0
#: Elements that a task of several planes clears.
MOST_CLEARED = 4096
#: Tasks of each thread, so that threads end together.
SHARES = 4


@dataclass(frozen=True, slots=True)
class ScatterPlan:
    """How numbers are put into planes of another size.

    Attributes
    ----------
    kernel : Bound
        What puts them.
    table : ndarray of int64
        What it reads.
    tasks : int
        Number of tasks.
    nanoseconds : float
        Rough time on one thread.
    """

    kernel: Bound
    table: np.ndarray
    tasks: int
    nanoseconds: float

    def run(self, values: np.ndarray, indices: np.ndarray, y: np.ndarray) -> bool:
        """Put values without gaps into `y`, each at its index, and zeros elsewhere; says whether all had a place."""
        wrong = np.zeros(1, np.int64)
        self.kernel.run(self.tasks, self.nanoseconds, values, indices, y, wrong, self.table)
        return not wrong[0]


def plan_scatter(sums: bool, dtype: np.dtype, planes: int, values: int, size: int) -> ScatterPlan:
    """Plan so many planes, each of so many values for so many elements, of that dtype; values that meet are summed, or
    the last stays."""
    group = max(1, min(AHEAD // max(1, values), MOST_CLEARED // size))
    tasks = -(-planes // group)
    return ScatterPlan(
        kernel=_bind(scatter_sums if sums else scatter_values, dtype),
        table=np.array(Scatter(planes, values, size, group), np.int64),
        tasks=tasks,
        nanoseconds=planes * (values * PUT_COST + size * CLEAR_COST) + tasks * TASK_COST,
    )


def plan_pixel_scatter(sums: bool, dtype: np.dtype, batch: int, channels: int, values: int, size: int) -> ScatterPlan:
    """The same of images whose channels stand beside each other: values and size count pixels."""
    parts = -(-SHARES * thread_count() // batch) if thread_count() > 1 else 1
    line = max(1, LINE // dtype.itemsize)
    block = -(-channels // (parts * line)) * line
    blocks = -(-channels // block)
    table = PixelScatter(channels, block, blocks, values, size, max(1, AHEAD // block))
    return ScatterPlan(
        kernel=_bind(scatter_pixel_sums if sums else scatter_pixel_values, dtype),
        table=np.array(table, np.int64),
        tasks=batch * blocks,
        nanoseconds=batch * channels * (values * PUT_COST + size * CLEAR_COST) + batch * blocks * TASK_COST,
    )


def _bind(kernel: Kernel, dtype: np.dtype) -> Bound:
    return kernel.bind(dtype, np.int64, dtype, np.int64, np.int64)
