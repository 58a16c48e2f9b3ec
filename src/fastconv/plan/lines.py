"""Plans of sums of windows that are products of lines: where rows stand, and what stands beside them."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from fastconv.jit.lines import NO_LINE
from fastconv.jit.machine import machine
from fastconv.kernels.lines import LINES_TABLE, ROWS, LinesHead, filter_lines
from fastconv.plan.kernel_plan import KernelPlan
from fastconv.plan.reach import Images, Reach, cut_columns, cut_rows
from fastconv.plan.table import Table

__all__ = ["fills_tiles", "plan_lines"]

#: What an image has at least, for tiles not to be emptier than those of convolutions.
LEAST_ROWS, LEAST_WIDTH = 3, 12
#: Outputs of a task, and the longest row that is not cut: some of them stay in the second-level cache with their sums.
BLOCK, LONGEST_ROW = 16384, 4096
#: Nanoseconds, for estimates only: a product of vectors, a vector in and out, and a task's begin.
PRODUCT_COST, VECTOR_COST, TASK_COST = 0.25, 1.5, 100.0


def fills_tiles(images: Images) -> bool:
    """Whether tiles can read rows where they stand, and have as many rows and columns as not to be emptier than those
    of convolutions."""
    return machine().masked_loads and images.rows >= LEAST_ROWS and images.width >= LEAST_WIDTH


@lru_cache(maxsize=1024)
def plan_lines(
    images: Images, down: Reach | None, along: Reach | None, dtype: np.dtype, divided: bool = False
) -> KernelPlan:
    """Plan the sums of the windows of all elements of images, which may be divided by a number."""
    table, rows, width, taps = Table(LINES_TABLE), images.rows, images.width, along.taps if along else 0
    parts = cut_columns(table, images, along, LONGEST_ROW)
    parts = cut_rows(parts, min(-(-rows // ROWS), max(1, BLOCK // (ROWS * parts.columns))) * ROWS)
    head = LinesHead(
        down=down.taps if down else 0,
        along=taps,
        rows_at=table.append(_tile_rows(rows, width, down)),
        buffer_at=table.append(np.arange(ROWS) * parts.pitch),
        taps_at=table.append(np.arange(taps) * images.elements),
        zero_at=table.append([0]),
        divided=int(divided),
    )
    tasks = images.total * parts.blocks * parts.cuts
    vectors = images.total * rows * width * dtype.itemsize / machine().vector_bytes
    cost = vectors * ((head.down + head.along) * PRODUCT_COST + VECTOR_COST) + tasks * TASK_COST
    return KernelPlan(filter_lines.bind(dtype, dtype, dtype, np.int64), table.finish([parts, head]), tasks, cost)


def _tile_rows(rows: int, width: int, down: Reach | None) -> np.ndarray:
    """For each tile, for each weight, the places of its rows; behind the last row any will do."""
    if down is None:
        return np.empty(0, np.int64)
    sources = down.sources(rows)
    places = np.where(sources < 0, NO_LINE, sources * width)
    tiles = np.arange(0, rows, ROWS)[:, None, None]
    found = tiles + np.arange(down.taps)[:, None] + np.arange(ROWS)
    return places[np.minimum(found, places.size - 1)].reshape(-1)
