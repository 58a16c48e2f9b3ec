"""The adjoint of averaging: each element of the input gets its share of all windows that it is in.

Row by row of the input: first the rows of windows that it is in are added, as they stand, then each element gets the
sums of its windows in the row. So nothing is written by two tasks. Rows that are in the same windows as the one before
are copies of it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from fastconv.jit.copy import copy_block
from fastconv.jit.decorators import helper
from fastconv.jit.kernel import kernel
from fastconv.jit.records import reader
from fastconv.jit.scratch import empty, free
from fastconv.jit.vector import unsigned

__all__ = [
    "HEAD_AT",
    "SHARES_TABLE",
    "SharedRows",
    "SharesAxis",
    "SharesHead",
    "add_windows",
    "read_shared_rows",
    "read_shares_axes",
    "runs_of_task",
    "share_means",
]


class SharedRows(NamedTuple):
    """How rows of input are shared out.

    Attributes
    ----------
    runs_at, runs : int
        Where it stands in the table which input row is the first of each run, one behind the last run too; the rows of
        a run are in the same windows.
    block, blocks : int
        Runs of a task, and tasks of a plane of rows.
    divisor : int
        Of every window, or 0 for the windows' own counts.
    """

    runs_at: int
    runs: int
    block: int
    blocks: int
    divisor: int


class SharesHead(NamedTuple):
    """What else is the same for all rows.

    Attributes
    ----------
    owners_at, most : int
        Where the windows of each element of a row stand in the table: the first of each element, then the second, and
        so on, as many as an element is in at most. What stands for one too many is the number of windows. Of long
        windows, where `most` is 0, the first element and the number of elements of each.
    """

    owners_at: int
    most: int


class SharesAxis(NamedTuple):
    """One axis.

    Attributes
    ----------
    size, outputs : int
        Input elements, and windows.
    counts_at : int
        Where the numbers that windows are divided by stand in the table.
    covers_at : int
        Where it stands for each input position, and for the one behind the last, where in the table the list of windows
        that it is in begins.
    """

    size: int
    outputs: int
    counts_at: int
    covers_at: int


#: What stands in a table, in this order, before the lists that its records point to.
SHARES_TABLE = (SharedRows, SharesAxis, SharesAxis, SharesAxis, SharesHead)

_AXES_AT = len(SharedRows._fields)
_AXIS_FIELDS = len(SharesAxis._fields)
#: Where a kernel's own record stands.
HEAD_AT = _AXES_AT + 3 * _AXIS_FIELDS

read_shared_rows = reader(SharedRows)
_axis = reader(SharesAxis)
_head = reader(SharesHead)


@helper
def read_shares_axes(table: Any) -> tuple[SharesAxis, SharesAxis, SharesAxis]:
    """The axes (d, h, w)."""
    d, h = _axis(table, _AXES_AT), _axis(table, _AXES_AT + _AXIS_FIELDS)
    return d, h, _axis(table, _AXES_AT + 2 * _AXIS_FIELDS)


@helper
def runs_of_task(task: int, rows: SharedRows) -> tuple[int, int, int]:
    """The slab of rows that a task is in, its first run, and the one behind its last."""
    slab = task // rows.blocks
    first = (task - slab * rows.blocks) * rows.block
    return slab, first, min(first + rows.block, rows.runs)


@helper
def add_windows(sums: Any, g: Any, slab: int, i_h: int, d: Any, h: Any, table: Any, divisor: int) -> None:
    """The rows of windows that row `i_h` of a slab is in, each divided by the other axes' counts, or by the divisor."""
    plane, first = slab // d.size, True
    i_d = slab - plane * d.size
    for at_d in range(table[d.covers_at + i_d], table[d.covers_at + i_d + 1]):
        o_d = table[at_d]
        for at_h in range(table[h.covers_at + i_h], table[h.covers_at + i_h + 1]):
            o_h = table[at_h]
            count = table[d.counts_at + o_d] * table[h.counts_at + o_h]
            share = sums.dtype.type(1) / sums.dtype.type(divisor if divisor else count)
            begin = ((plane * d.outputs + o_d) * h.outputs + o_h) * sums.size
            row = g[begin : begin + sums.size]
            if first:
                for i in range(sums.size):
                    sums[i] = row[i] * share
            else:
                for i in range(sums.size):
                    sums[i] += row[i] * share
            first = False
    if first:
        for i in range(sums.size):
            sums[i] = 0


@helper
def _share_out(y: Any, sums: Any, owners: Any) -> None:
    """Each element of a row gets the sums of its windows; the last of the sums is that of none, zero."""
    for i in range(y.size):
        y[i] = sums[unsigned(owners[i])]
    for first in range(y.size, owners.size, y.size):
        more = owners[first : first + y.size]
        for i in range(y.size):
            y[i] += sums[unsigned(more[i])]


@helper
def _share_out_long(y: Any, windows: Any, spans: Any) -> None:
    """The same, where elements of a window follow each other and are many."""
    for i in range(y.size):
        y[i] = 0
    for o in range(windows.size):
        share, first = windows[o], spans[2 * o]
        part = y[first : first + spans[2 * o + 1]]
        for i in range(part.size):
            part[i] += share


@kernel
def share_means(begin: int, end: int, g: Any, y: Any, table: Any) -> None:
    """Tasks are blocks of runs of input rows [image and channel, d, block]."""
    rows, head = read_shared_rows(table, 0), _head(table, HEAD_AT)
    d, h, w = read_shares_axes(table)
    owners = table[head.owners_at : head.owners_at + (head.most * w.size if head.most else 2 * w.outputs)]
    sums, shares = empty(w.outputs + 1, y.dtype), empty(w.outputs, y.dtype)
    windows = sums[: w.outputs]
    sums[w.outputs] = 0
    for o in range(w.outputs):
        shares[o] = y.dtype.type(1) / y.dtype.type(1 if rows.divisor else table[w.counts_at + o])
    for task in range(begin, end):
        slab, first, end_run = runs_of_task(task, rows)
        for run in range(first, end_run):
            row, behind = table[rows.runs_at + run], table[rows.runs_at + run + 1]
            add_windows(windows, g, slab, row, d, h, table, rows.divisor)
            for o in range(w.outputs):
                windows[o] *= shares[o]
            to = (slab * h.size + row) * w.size
            if head.most:
                _share_out(y[to : to + w.size], sums, owners)
            else:
                _share_out_long(y[to : to + w.size], windows, owners)
            copy_block(y, to + w.size, w.size, y, to, 0, w.size, behind - row - 1)
    free((sums, shares))
