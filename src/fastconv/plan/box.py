"""Plans of means of boxes: where rows stand, what stands beside them, and how images are cut."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from fastconv.jit.kernel import Kernel
from fastconv.kernels.box import (
    BOX_TABLE,
    MOST_BYTES,
    BoxHead,
    box_means,
    box_means_of_bytes,
    box_means_of_integers,
)
from fastconv.plan.kernel_plan import KernelPlan
from fastconv.plan.reach import Images, Reach, cut_columns, cut_rows, row_places
from fastconv.plan.table import Table

__all__ = ["holds_sums", "plan_box"]

#: The longest row that is not cut, and bytes of the sums of rows that are summed along at once: three times as many
#: stay in a first-level cache.
LONGEST_ROW, TOGETHER = 2048, 8192
#: Rows of a task, for each row that it reads only to begin.
ROWS_EACH, LEAST_ROWS = 4, 32
#: Nanoseconds, for estimates only: an element down, each doubling along, and a task's begin.
DOWN_COST, DOUBLING_COST, TASK_COST = 0.5, 0.2, 300.0


def holds_sums(dtype: np.dtype, taps: int) -> bool:
    """Whether sums of so many numbers of a type of integers are small enough for the kernel to divide."""
    if dtype.kind not in "iu" or dtype.itemsize > 2:
        return False
    return max(-int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)) * taps <= 2**22


@lru_cache(maxsize=1024)
def plan_box(images: Images, down: Reach | None, along: Reach | None, dtype: np.dtype) -> KernelPlan:
    """Plan the means of the boxes around all elements of images, in float32, float64 or integers."""
    table, taps, along_taps = Table(BOX_TABLE), down.taps if down else 1, along.taps if along else 1
    segments = -(-images.rows // max(LEAST_ROWS, ROWS_EACH * taps))
    parts = cut_rows(cut_columns(table, images, along, LONGEST_ROW), -(-images.rows // segments))
    kernel, size = _kernel(dtype, max(taps, along_taps))
    head = BoxHead(
        down=taps,
        along=along_taps,
        step=images.elements,
        together=max(1, min(parts.block, TOGETHER // (parts.pitch * size))),
        divisor=along_taps * (taps if dtype.kind == "f" else 1),
        rows_at=table.append(row_places(images, down)),
    )
    tasks, elements = images.total * parts.blocks * parts.cuts, images.total * images.rows * images.width
    cost = elements * (DOWN_COST + DOUBLING_COST * 2 * (along_taps.bit_length() if along else 0)) + tasks * TASK_COST
    return KernelPlan(kernel.bind(dtype, dtype, dtype, np.int64), table.finish([parts, head]), tasks, cost)


def _kernel(dtype: np.dtype, taps: int) -> tuple[Kernel, int]:
    """The kernel for windows of up to so many elements each way, and bytes of its sums."""
    if dtype.kind == "f":
        return box_means, 8
    return (box_means_of_bytes, 2) if dtype == np.uint8 and taps <= MOST_BYTES else (box_means_of_integers, 4)
