"""Plans of extremes of boxes: where rows stand, what stands beside them, and what windows are put together of."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from fastconv.kernels.extremes import EXTREME_TABLE, ExtremeHead, Step, greatest_of_boxes, least_of_boxes
from fastconv.plan.kernel_plan import KernelPlan
from fastconv.plan.reach import Images, Reach, cut_columns, cut_rows, row_places
from fastconv.plan.table import Table

__all__ = ["plan_extremes"]

#: Bytes of a task's rows, with those that it reads only to begin: some of the second-level cache. And rows of a task
#: beside them.
BLOCK_BYTES, LEAST_ROWS, MOST_ROWS = 196608, 16, 64
#: Bytes of the longest row that is not cut.
LONGEST_ROW = 8192
#: Bytes of rows that are found down before they are along: in the first-level cache, and so many that what was stored
#: first has left the CPU's buffer. A load of parts of two stores waits for that (rows of 64: 53 ns longer for each).
LINE_BYTES = 8192
#: Windows that a step puts together, and the last step at most.
TOGETHER, MOST_TOGETHER = 4, 6
#: Nanoseconds, for estimates only: a byte of a step, and a task's begin.
BYTE_COST, TASK_COST = 0.05, 300.0


@lru_cache(maxsize=1024)
def plan_extremes(images: Images, down: Reach | None, along: Reach | None, dtype: np.dtype, least: bool) -> KernelPlan:
    """Plan the extremes of the boxes around all elements of images of real numbers."""
    table, taps, rows = Table(EXTREME_TABLE), down.taps if down else 1, images.rows
    parts = cut_columns(table, images, along, LONGEST_ROW // dtype.itemsize)
    most = min(MOST_ROWS, max(LEAST_ROWS, taps, BLOCK_BYTES // (parts.pitch * dtype.itemsize) - taps))
    parts = cut_rows(parts, -(-rows // -(-rows // most)))
    rows_at = table.append(row_places(images, down))
    steps_down = _steps(table, taps, 1, parts.pitch)
    steps_down[0] = steps_down[0]._replace(places_at=rows_at)
    steps_along = _steps(table, along.taps, images.elements, 1) if along else []
    head = ExtremeHead(
        down=len(steps_down),
        reach=taps - 1,
        along=len(steps_along),
        together=max(1, min(parts.block, LINE_BYTES // (parts.pitch * dtype.itemsize))),
        rows_at=rows_at,
        down_at=table.append_records(steps_down),
        along_at=table.append_records(steps_along),
    )
    tasks, bytes_each = images.total * parts.blocks * parts.cuts, images.total * rows * images.width * dtype.itemsize
    cost = bytes_each * BYTE_COST * (1 + head.down + head.along) + tasks * TASK_COST
    kernel = least_of_boxes if least else greatest_of_boxes
    return KernelPlan(kernel.bind(dtype, dtype, dtype, np.int64), table.finish([parts, head]), tasks, cost)


def _steps(table: Table, taps: int, elements: int, pitch: int) -> list[Step]:
    """What puts windows of so many pixels, or rows, together, of which a pitch is the size; one step at least.

    Examples
    --------
    >>> table = Table(EXTREME_TABLE)
    >>> [(step.windows, step.reach) for step in _steps(table, 27, 1, 1)]
    [(4, 3), (4, 12), (2, 11)]
    """
    found: list[Step] = []
    have = 1
    while have < taps or not found:
        count = min(MOST_TOGETHER if taps <= MOST_TOGETHER * have else TOGETHER, -(-taps // have))
        most = min(count * have, taps)
        places = [min(i * have, most - have) * elements * pitch for i in range(count)]
        found.append(Step(count, table.append(places), (most - have) * elements))
        have = most
    return found
