"""Plans of means of windows along one axis, of small whole numbers."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from fastconv.kernels.box import BoxHead, box_means_along, box_means_down
from fastconv.plan.kernel_plan import KernelPlan

__all__ = ["holds_sums", "plan_box_means"]

#: Rows from which on sums run down them; shorter ones are summed along.
LEAST_WIDTH = 64
#: Elements of a task's rows, which stay in a first-level cache with their sums.
BLOCK = 2048
#: Rows of a task, for each row that it reads only to begin.
ROWS_EACH, LEAST_ROWS = 4, 32
#: Nanoseconds, for estimates only: an element in either way, for each doubling too along rows, and a task's begin.
DOWN_COST, ALONG_COST, DOUBLING_COST, TASK_COST = 0.4, 0.5, 0.1, 100.0


def holds_sums(dtype: np.dtype, taps: int) -> bool:
    """Whether the kernels can divide all sums of so many numbers of a type."""
    if dtype.kind not in "iu" or dtype.itemsize > 2:
        return False
    return max(-int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)) * taps <= 2**22


@lru_cache(maxsize=1024)
def plan_box_means(images: int, rows: int, width: int, taps: int, dtype: np.dtype) -> KernelPlan:
    """Plan the means of so many rows of images, whose sums are held."""
    results = rows - taps + 1
    down = width >= LEAST_WIDTH
    most = max(LEAST_ROWS, ROWS_EACH * taps) if down else max(BLOCK // width, ROWS_EACH * taps)
    segments = -(-results // most)
    outputs = -(-results // segments)
    blocks = -(-width // BLOCK) if down else 1
    head = BoxHead(rows, width, taps, outputs, -(-results // outputs), -(-width // blocks), blocks)
    cost = DOWN_COST if down else ALONG_COST + DOUBLING_COST * taps.bit_length()
    tasks = images * head.segments * head.blocks
    kernel = (box_means_down if down else box_means_along).bind(dtype, dtype, np.int64)
    return KernelPlan(kernel, np.array(head, np.int64), tasks, images * rows * width * cost + tasks * TASK_COST)
