"""The adjoint of averaging: each element of the input gets its share of all windows that it is in.

Row by row of the input: first the rows of windows that it is in are added, as they stand, then each sum goes to the
elements of its window in the row. So nothing is written by two tasks, and a row that is in the same windows as the one
before is a copy of it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from fastconv.jit.decorators import helper
from fastconv.jit.kernel import kernel
from fastconv.jit.records import reader
from fastconv.jit.scratch import empty, free
from fastconv.jit.vector import unsigned

__all__ = ["SHARES_TABLE", "SharesAxis", "SharesHead", "share_means"]


class SharesHead(NamedTuple):
    """The head of the table.

    Attributes
    ----------
    block, blocks : int
        Rows of a task, and tasks of a plane of rows.
    divisor : int
        Of every window, or 0 for the windows' own counts.
    """

    block: int
    blocks: int
    divisor: int


class SharesAxis(NamedTuple):
    """One axis.

    Attributes
    ----------
    size, outputs, dilation : int
        Input elements, windows, and the step from tap to tap.
    windows_at : int
        Where (first position, number of taps, count to divide by) of each window stand in the table.
    covers_at : int
        Where it stands for each input position, and for the one behind the last, where in the table the list of windows
        that it is in begins.
    """

    size: int
    outputs: int
    dilation: int
    windows_at: int
    covers_at: int


#: What stands in a table, in this order, before the lists that its records point to.
SHARES_TABLE = (SharesHead, SharesAxis, SharesAxis, SharesAxis)

_AXIS_AT = len(SharesHead._fields)
_AXIS_FIELDS = len(SharesAxis._fields)

_head = reader(SharesHead)
_axis = reader(SharesAxis)


@helper
def _same_windows(table: Any, axis: SharesAxis, position: int) -> bool:
    """Whether a position is in the same windows as the one before."""
    at = axis.covers_at + position
    before, here, end = table[at - 1], table[at], table[at + 1]
    same = here - before == end - here
    for i in range(end - here):
        same = same and table[before + i] == table[here + i]
    return same


@helper
def _add_windows(sums: Any, g: Any, plane: int, i_d: int, i_h: int, d: Any, h: Any, table: Any, divisor: int) -> None:
    """The rows of windows that row (i_d, i_h) is in, each divided by the other axes' counts, or by the divisor."""
    for i in range(sums.size):
        sums[i] = 0
    for at_d in range(table[d.covers_at + i_d], table[d.covers_at + i_d + 1]):
        o_d = table[at_d]
        for at_h in range(table[h.covers_at + i_h], table[h.covers_at + i_h + 1]):
            o_h = table[at_h]
            count = table[d.windows_at + 3 * o_d + 2] * table[h.windows_at + 3 * o_h + 2]
            by = sums.dtype.type(divisor if divisor else count)
            first = ((plane * d.outputs + o_d) * h.outputs + o_h) * sums.size
            row = g[first : first + sums.size]
            for i in range(sums.size):
                sums[i] += row[i] / by


@helper
def _share_out(y: Any, sums: Any, w: SharesAxis, table: Any, divisor: int) -> None:
    """Give each window's sum, divided by its own count, to the elements of the row that are in it."""
    for i in range(y.size):
        y[i] = 0
    for o in range(sums.size):
        at = w.windows_at + 3 * o
        share = sums[o] if divisor else sums[o] / sums.dtype.type(table[at + 2])
        place = unsigned(table[at])
        for _ in range(table[at + 1]):
            y[place] += share
            place += unsigned(w.dilation)


@kernel
def share_means(begin: int, end: int, g: Any, y: Any, table: Any) -> None:
    """Tasks are blocks of input rows [image and channel, d, block]."""
    head = _head(table, 0)
    d = _axis(table, _AXIS_AT)
    h = _axis(table, _AXIS_AT + _AXIS_FIELDS)
    w = _axis(table, _AXIS_AT + 2 * _AXIS_FIELDS)
    sums = empty(w.outputs, y.dtype)
    for task in range(begin, end):
        slab = task // head.blocks
        plane = slab // d.size
        i_d = slab - plane * d.size
        first = (task - slab * head.blocks) * head.block
        for i_h in range(first, min(first + head.block, h.size)):
            to = (slab * h.size + i_h) * w.size
            row = y[to : to + w.size]
            if i_h > first and _same_windows(table, h, i_h):
                last = y[to - w.size : to]
                for i in range(w.size):
                    row[i] = last[i]
            else:
                _add_windows(sums, g, plane, i_d, i_h, d, h, table, head.divisor)
                _share_out(row, sums, w, table, head.divisor)
    free((sums,))
