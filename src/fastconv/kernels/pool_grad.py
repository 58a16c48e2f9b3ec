"""The adjoint of averaging: each element of the input gets its share of all windows that it is in.

Row by row of windows: each element that a row of them lies over gets the sum of its windows in it. A row of the input
is the sum of the rows that it is in, so nothing is written by two tasks. Rows that are in the same windows are copies
of one. 20 x 20 elements in 3 x 3 parts take half of the time of sharing out each row of the input by itself.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from fastconv.jit.copy import copy_block
from fastconv.jit.decorators import helper
from fastconv.jit.kernel import kernel
from fastconv.jit.records import reader
from fastconv.jit.scratch import empty, free, zeros
from fastconv.jit.vector import unsigned

__all__ = [
    "HEAD_AT",
    "SHARES_TABLE",
    "SharedRows",
    "SharesAxis",
    "SharesHead",
    "add_windows",
    "clear",
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
    cells : int
        Sets of windows that elements of a row are in, where these are in several; 0 where elements are taken for them.
    owners_at, most : int
        Where the windows of each set stand in the table: the first of each, then the second, and so on, as many as one
        has at most. What stands for one too many is the number of windows. Of long windows, where `most` is 0, the
        first element and the number of elements of each.
    cells_at : int
        Where it stands in the table in which set of windows each element is.
    kept : int
        Rows of windows that may be in use at once, a power of two.
    """

    cells: int
    owners_at: int
    most: int
    cells_at: int
    kept: int


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


#: Elements of a piece: a loop of so many is a vector or a few, whose number is known to the compiler.
_PIECE = 16

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
def add_windows(sums: Any, g: Any, slab: int, o_h: int, d: Any, h: Any, table: Any, divisor: int, first: bool) -> None:
    """The rows `o_h` of windows that a slab is in, each divided by the other axes' counts, or by the divisor.

    They take the place of the sums, or are added to them.
    """
    plane = slab // d.size
    i_d = slab - plane * d.size
    for at_d in range(table[d.covers_at + i_d], table[d.covers_at + i_d + 1]):
        o_d = table[at_d]
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
        clear(sums)


@helper
def clear(sums: Any) -> None:
    """Sums of nothing."""
    for i in range(sums.size):
        sums[i] = 0


@helper
def _add_scaled(windows: Any, row: Any, share: Any, shares: Any, first: bool) -> None:
    """Windows get a row times their shares, or more of it."""
    if first:
        for i in range(windows.size):
            windows[i] = row[i] * share * shares[i]
    else:
        for i in range(windows.size):
            windows[i] += row[i] * share * shares[i]


@helper
def _inverses(shares: Any, axis: Any, table: Any, divisor: int) -> None:
    """What each window of an axis is multiplied by, or 1 where all are divided by one number."""
    for o in range(shares.size):
        shares[o] = shares.dtype.type(1) / shares.dtype.type(1 if divisor else table[axis.counts_at + o])


@helper
def _add_owners(cells: Any, sums: Any, owners: Any) -> None:
    """Each set gets the sums of its windows; the last of the sums is that of none, zero."""
    for i in range(cells.size):
        cells[i] = sums[unsigned(owners[i])]
    for first in range(cells.size, owners.size, cells.size):
        more = owners[first : first + cells.size]
        for i in range(cells.size):
            cells[i] += sums[unsigned(more[i])]


@helper
def _give(row: Any, cells: Any, cell_of: Any) -> None:
    """Each element gets the sum of its set."""
    for i in range(row.size):
        row[i] = cells[unsigned(cell_of[i])]


@helper
def _give_long(row: Any, windows: Any, spans: Any) -> None:
    """The same, where elements of a window follow each other and are many."""
    clear(row)
    for o in range(windows.size):
        share, first = windows[o], spans[2 * o]
        part = row[first : first + spans[2 * o + 1]]
        for i in range(part.size):
            part[i] += share


@helper
def _add_pieces(total: Any, one: Any, other: Any) -> None:
    """total = one + other, whose elements are whole pieces."""
    for first in range(0, total.size, _PIECE):
        to = total[first : first + _PIECE]
        some, more = one[first : first + _PIECE], other[first : first + _PIECE]
        for i in range(_PIECE):
            to[i] = some[i] + more[i]


@kernel
def share_means(begin: int, end: int, g: Any, y: Any, table: Any) -> None:
    """Tasks are blocks of runs of input rows [image and channel, d, block]."""
    rows, head = read_shared_rows(table, 0), _head(table, HEAD_AT)
    d, h, w = read_shares_axes(table)
    owners = table[head.owners_at : head.owners_at + (head.most * head.cells if head.most else 2 * w.outputs)]
    cell_of = table[head.cells_at : head.cells_at + w.size]
    sums, cells = empty(w.outputs + 1, y.dtype), empty(head.cells, y.dtype)
    shares_d, shares_h, shares_w = empty(d.outputs, y.dtype), empty(h.outputs, y.dtype), empty(w.outputs, y.dtype)
    _inverses(shares_d, d, table, rows.divisor)
    _inverses(shares_h, h, table, rows.divisor)
    _inverses(shares_w, w, table, rows.divisor)
    every = y.dtype.type(1) / y.dtype.type(rows.divisor if rows.divisor else 1)
    pitch = -(-w.size // _PIECE) * _PIECE
    total, kept, held = zeros(pitch, y.dtype), zeros(head.kept * pitch, y.dtype), empty(head.kept, np.int64)
    windows, ring = sums[: w.outputs], unsigned(head.kept - 1)
    sums[w.outputs] = 0
    for task in range(begin, end):
        slab, first, end_run = runs_of_task(task, rows)
        plane = slab // d.size
        covers_d = d.covers_at + slab - plane * d.size
        first_d, end_d = table[covers_d], table[covers_d + 1]
        for i in range(head.kept):
            held[i] = -1
        for run in range(first, end_run):
            row, behind = table[rows.runs_at + run], table[rows.runs_at + run + 1]
            covers, covers_end = table[h.covers_at + row], table[h.covers_at + row + 1]
            source = total
            if covers == covers_end:
                clear(total)
            for at in range(covers, covers_end):
                o_h = table[at]
                slot = unsigned(o_h) & ring
                here = kept[slot * unsigned(pitch) :][:pitch]
                if held[slot] != o_h:
                    held[slot] = o_h
                    if first_d == end_d:
                        clear(windows)
                    for at_d in range(first_d, end_d):
                        o_d = table[at_d]
                        given = g[((plane * d.outputs + o_d) * h.outputs + o_h) * w.outputs :][: w.outputs]
                        share = shares_d[o_d] * shares_h[o_h] * every
                        _add_scaled(windows, given, share, shares_w, at_d == first_d)
                    if not head.most:
                        _give_long(here[: w.size], windows, owners)
                    elif head.cells:
                        _add_owners(cells, sums, owners)
                        _give(here[: w.size], cells, cell_of)
                    else:
                        _give(here[: w.size], sums, cell_of)
                if at == covers:
                    source = here
                else:
                    _add_pieces(total, source, here)
                    source = total
            copy_block(y, (slab * h.size + row) * w.size, w.size, source, 0, 0, w.size, behind - row)
    free((sums, cells, shares_d, shares_h, shares_w, total, kept, held))
