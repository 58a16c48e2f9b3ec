"""Plans of the gradients of poolings."""

from __future__ import annotations

from functools import lru_cache
from math import prod

import numpy as np

from fastconv.geometry import Axis, Geometry
from fastconv.jit.kernel import Kernel
from fastconv.kernels.pool_grad import SHARES_TABLE, SharesAxis, SharesHead, share_means
from fastconv.kernels.scatter import Scatter
from fastconv.plan.kernel_plan import KernelPlan
from fastconv.plan.table import Table
from fastconv.plan.window_pool import SHORTEST_ROWS

__all__ = ["plan_shares", "scattered"]

#: Nanoseconds, for estimates only: to add an element of a row, to give a tap its share, to put a number at its place,
#: and a row of the input.
ADD_COST, SHARE_COST, PUT_COST, ROW_COST = 0.15, 0.8, 1.5, 40.0
#: Rows of a task, if they have so many elements together: the first of them is never a copy of another.
MOST_ROWS, MOST_ELEMENTS = 64, 65536


@lru_cache(maxsize=1024)
def plan_shares(geometry: Geometry, dtype: np.dtype, count_include_pad: bool, divisor: int | None) -> KernelPlan:
    """Write down the windows of an average, and for each input position which of them it is in."""
    g = geometry.lift().fold(SHORTEST_ROWS)
    table = Table(SHARES_TABLE)
    axes = [_axis(table, axis, count_include_pad) for axis in g.axes]
    depth, height, width = g.input_size
    block = max(1, min(height, MOST_ROWS, MOST_ELEMENTS // width))
    blocks = -(-height // block)
    images = g.batch * g.channels
    # Each window's row is added once for each of its rows, and each sum is given to each tap.
    rows = prod(sum(taps for _, taps in axis.taps()) for axis in g.axes[:2])
    shares = sum(taps for _, taps in g.axes[2].taps())
    nanoseconds = images * (
        rows * g.output_size[2] * ADD_COST + depth * height * (ROW_COST + shares * SHARE_COST + width * ADD_COST)
    )
    return KernelPlan(
        kernel=share_means.bind(dtype, dtype, np.int64),
        table=table.finish([SharesHead(block, blocks, divisor or 0), *axes]),
        tasks=images * depth * blocks,
        nanoseconds=nanoseconds,
    )


def _axis(table: Table, axis: Axis, count_include_pad: bool) -> SharesAxis:
    taps, counts = axis.taps(), axis.window_sizes(count_padding=count_include_pad)
    windows = [(first, number, count) for (first, number), count in zip(taps, counts, strict=True)]
    windows_at = table.append_records(windows)
    positions = np.concatenate([first + axis.dilation * np.arange(number) for first, number in taps])
    owners = np.repeat(np.arange(axis.output), [number for _, number in taps])
    lists_at = table.append(owners[np.argsort(positions, kind="stable")])
    starts = np.searchsorted(np.sort(positions), np.arange(axis.size + 1))
    return SharesAxis(axis.size, axis.output, axis.dilation, windows_at, table.append(lists_at + starts))


def scattered(kernel: Kernel, planes: int, size: int, values: np.ndarray, indices: np.ndarray, y: np.ndarray) -> int:
    """Put the values of so many planes of so many elements into `y`, each at its index.

    Values and indices are contiguous, and lie in so many planes too. Returns where among all indices the first stands
    that is outside of its plane, or -1.
    """
    wrong = np.full(planes, -1)
    count = values.size // planes
    nanoseconds = planes * (count * PUT_COST + size * ADD_COST)
    kernel.run(planes, nanoseconds, values, indices, y, wrong, np.array(Scatter(count, size), np.int64))
    found = np.flatnonzero(wrong >= 0)
    return int(found[0] * count + wrong[found[0]]) if found.size else -1
