"""Plans of `unfold` and `fold`: how windows, taps and elements follow each other in memory."""

from __future__ import annotations

from math import prod

import numpy as np

from fastconv.geometry import Geometry
from fastconv.kernels.columns import COLUMNS_TABLE, ColumnsAxis, ColumnsHead, fold_rows, unfold_taps
from fastconv.plan.kernel_plan import KernelPlan
from fastconv.plan.pad import word_of
from fastconv.plan.span import Steps
from fastconv.plan.table import Table

__all__ = ["plan_fold", "plan_unfold"]

#: Nanoseconds, for estimates only: to write a byte or to add one, and for a row and a task to begin.
BYTE_COST, ROW_COST, TASK_COST = 0.15, 6.0, 50.0
#: Bytes of a block of rows that columns are added to: it stays in the first-level cache for all taps.
BLOCK_BYTES = 16384


def plan_unfold(geometry: Geometry, x: Steps, dtype: np.dtype) -> KernelPlan:
    """Plan the columns of images (N, C, *spatial), whose last axis steps by one element."""
    g = geometry.lift()
    steps = (0,) * (5 - len(x.steps)) + x.steps[2:]
    head = ColumnsHead(g.channels, x.base, x.steps[0], x.steps[1], 0, 0, 0)
    tasks, word = g.batch * g.channels * prod(g.kernel_size), word_of(dtype)
    rows = prod(g.output_size[:2])
    nanoseconds = tasks * (TASK_COST + rows * (ROW_COST + g.output_size[2] * dtype.itemsize * BYTE_COST))
    return KernelPlan(unfold_taps.bind(word, word, np.int64), _table(g, head, steps), tasks, nanoseconds)


def plan_fold(geometry: Geometry, x: Steps, dtype: np.dtype) -> KernelPlan:
    """Plan images (N, C, *spatial) of columns (N, C * taps, windows), whose last axis steps by one element."""
    g = geometry.lift()
    depth, height, width = g.input_size
    block = max(1, min(height, BLOCK_BYTES // (width * dtype.itemsize)))
    blocks = -(-height // block)
    taps = prod(g.kernel_size)
    head = ColumnsHead(g.channels, x.base, x.steps[0], taps * x.steps[1], x.steps[1], block, blocks)
    tasks = g.batch * g.channels * depth * blocks
    windows = g.batch * g.channels * taps * prod(g.output_size[:2])
    nanoseconds = tasks * TASK_COST + windows * (ROW_COST + g.output_size[2] * dtype.itemsize * BYTE_COST)
    steps = (height * width, width, 1)
    return KernelPlan(fold_rows.bind(dtype, dtype, np.int64), _table(g, head, steps), tasks, nanoseconds)


def _table(g: Geometry, head: ColumnsHead, steps: tuple[int, ...]) -> np.ndarray:
    axes = [
        ColumnsAxis(a.size, step, a.output, a.kernel, a.stride, a.dilation, a.before)
        for a, step in zip(g.axes, steps, strict=True)
    ]
    return Table(COLUMNS_TABLE).finish([head, *axes])
