"""Plans of lines of weights over images of bytes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from fastconv.kernels.lines import ROWS
from fastconv.kernels.taps import Taps
from fastconv.kernels.whole_lines import WHOLE_LINES_TABLE, WholeLinesHead, whole_lines
from fastconv.plan.kernel_plan import KernelPlan
from fastconv.plan.reach import Images, Reach, cut_columns, cut_rows, row_places
from fastconv.plan.table import Table

__all__ = ["Order", "plan_whole_lines"]

#: Floats of a task's rows, but for those before and behind it, and the longest row that is not cut: all stay in the
#: second-level cache.
BLOCK, LONGEST_ROW = 32768, 4096
#: Nanoseconds, for estimates only: a weight's product, an element's whole part, and a task's begin.
PRODUCT_COST, ELEMENT_COST, TASK_COST = 0.02, 0.6, 500.0

#: The numbers of a line's weights that are summed by themselves, then of those in pairs.
Order = tuple[Sequence[int], Sequence[int]]


@lru_cache(maxsize=256)
def plan_whole_lines(
    images: Images,
    down: Reach | None,
    along: Reach | None,
    orders: tuple[Order, Order],
    x_dtype: np.dtype,
    dtype: np.dtype,
) -> KernelPlan:
    """Plan the sums of the windows of all elements of images, whose weights are summed anew in such orders."""
    table, step, tiles = Table(WHOLE_LINES_TABLE), images.elements, -(-images.rows // ROWS)
    parts = cut_columns(table, images, along, LONGEST_ROW)
    parts = cut_rows(parts, -(-tiles // -(-tiles // max(1, BLOCK // (ROWS * parts.columns)))) * ROWS)
    pitch, taps_down, taps_along = parts.pitch, down.taps if down else 0, along.taps if along else 0
    head = WholeLinesHead(
        down=taps_down,
        along=taps_along,
        taps_at=table.append(np.arange(taps_along) * step),
        zero_at=table.append([0]),
        down_at=table.append(((np.arange(taps_down)[:, None] + np.arange(ROWS)) * pitch).reshape(-1)),
        rows_at=table.append(row_places(images, down)),
        buffer_at=table.append(np.arange(ROWS) * pitch),
        along_weights=len(orders[0][0]) + len(orders[0][1]) // 2 + 1 if down else 0,
    )
    windows = [_taps(table, order, size) for order, size in zip(orders, (pitch, step), strict=True)]
    tasks, elements = images.total * parts.blocks * parts.cuts, images.total * images.rows * images.width
    cost = elements * ((taps_down + taps_along) * PRODUCT_COST + 2 * ELEMENT_COST) + tasks * TASK_COST
    kernel = whole_lines.bind(x_dtype, np.float32, np.float64, dtype, np.int64)
    return KernelPlan(kernel, table.finish([parts, head, *windows]), tasks, cost)


def _taps(table: Table, order: Order, step: int) -> Taps:
    """A window whose elements are a step apart."""
    taps, pairs = (np.array(numbers, np.int64) * step for numbers in order)
    return Taps(table.append(taps), len(taps), table.append(pairs), len(pairs) // 2)
