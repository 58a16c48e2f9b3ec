"""Means of windows along one axis, of whole numbers whose sums are small: their fraction is dropped.

Down the rows of an image a sum runs: a row comes and another goes, for as many columns at once as a block has. Along a
row sums of 2, 4, 8, ... elements are put together to those of a window, in twice the binary logarithm of its length.
Either way the time hardly depends on that length, and exact sums need no order.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from fastconv.jit.decorators import helper
from fastconv.jit.kernel import kernel
from fastconv.jit.records import reader
from fastconv.jit.scratch import empty, free

__all__ = ["BoxHead", "box_means_along", "box_means_down"]


class BoxHead(NamedTuple):
    """The table of both kernels.

    Attributes
    ----------
    rows, width, taps : int
        An image has so many rows of so many elements, and a window so many of these rows.
    outputs, segments : int
        Rows of the result that a task writes, and how many tasks that makes of an image.
    block, blocks : int
        Elements of a row that a task has, and how many tasks that makes of a row; along, tasks have whole rows.
    """

    rows: int
    width: int
    taps: int
    outputs: int
    segments: int
    block: int
    blocks: int


_read = reader(BoxHead)


@helper
def _add(total: Any, part: Any) -> None:
    for i in range(total.size):
        total[i] += part[i]


@helper
def _sum(total: Any, a: Any, b: Any) -> None:
    for i in range(total.size):
        total[i] = np.int32(a[i]) + np.int32(b[i])


@helper
def _copy(to: Any, part: Any) -> None:
    for i in range(to.size):
        to[i] = part[i]


@helper
def _mean(total: Any, share: Any) -> Any:
    """The whole part of a sum's share, one over the number of taps.

    Half a number further from zero it is the same, and no whole number is within rounding of the share then, up to
    sums of 2**22. A division takes longer: 0.7 against 0.5 ns an element, down rows.
    """
    half = np.float32(0.5) if total >= 0 else np.float32(-0.5)
    return np.int32((np.float32(total) + half) * share)


@helper
def _write(y: Any, total: Any, share: Any) -> None:
    for i in range(y.size):
        y[i] = _mean(total[i], share)


@helper
def _step(y: Any, total: Any, new: Any, old: Any, share: Any) -> None:
    """Write the means, with a row that comes, before another goes."""
    for i in range(y.size):
        found = total[i] + np.int32(new[i])
        y[i] = _mean(found, share)
        total[i] = found - np.int32(old[i])


@kernel
def box_means_down(begin: int, end: int, x: Any, y: Any, table: Any) -> None:
    """y[i] = the mean of x[i : i + taps], rows of images; a task is some of an image's rows in a block of columns."""
    t = _read(table, 0)
    share, sums, results = np.float32(1.0 / t.taps), empty(t.block, np.int32), t.rows - t.taps + 1
    for task in range(begin, end):
        image, place = task // (t.segments * t.blocks), task % (t.segments * t.blocks)
        first, column = place // t.blocks * t.outputs, place % t.blocks * t.block
        n = min(t.block, t.width - column)
        at, to = (image * t.rows + first) * t.width + column, (image * results + first) * t.width + column
        total = sums[:n]
        total[:] = 0
        for row in range(t.taps - 1):
            _add(total, x[at + row * t.width : at + row * t.width + n])
        for row in range(min(t.outputs, results - first)):
            old, here = at + row * t.width, to + row * t.width
            new = old + (t.taps - 1) * t.width
            _step(y[here : here + n], total, x[new : new + n], x[old : old + n], share)
    free((sums,))


@kernel
def box_means_along(begin: int, end: int, x: Any, y: Any, table: Any) -> None:
    """As `box_means_down`, for short rows, which follow each other; a task is some of an image's rows."""
    t = _read(table, 0)
    longest = (t.outputs + t.taps - 1) * t.width
    share, results = np.float32(1.0 / t.taps), t.rows - t.taps + 1
    sums, sums_of_more, totals = empty(longest, np.int32), empty(longest, np.int32), empty(longest, np.int32)
    for task in range(begin, end):
        image = task // t.segments
        first = (task - image * t.segments) * t.outputs
        n = min(t.outputs, results - first) * t.width
        at, to = (image * t.rows + first) * t.width, (image * results + first) * t.width
        size = n + (t.taps - 1) * t.width
        _copy(sums[:size], x[at : at + size])
        total = totals[:n]
        total[:] = 0
        power, done = 1, 0
        while True:
            if t.taps & power:
                _add(total, sums[done * t.width : done * t.width + n])
                done += power
            if 2 * power > t.taps:
                break
            size -= power * t.width
            _sum(sums_of_more[:size], sums[:size], sums[power * t.width : power * t.width + size])
            sums, sums_of_more = sums_of_more, sums
            power *= 2
        _write(y[to : to + n], total, share)
    free((sums, sums_of_more, totals))
