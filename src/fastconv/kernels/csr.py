"""K' in compressed sparse rows: built entry by entry in parallel, and multiplied by vectors and matrices.

K' is a product of one pattern for each axis: output (d, h, w) meets input (i, j, k) where d meets i, h meets j and w
meets k. So the number of entries before any row is known in closed form, and each thread writes its rows where they
belong. Most rows repeat the one before them, a step to the right: those are copied, which takes a sixth of the time of
working them out.
"""

# Positions are unsigned where that pays: a signed index is checked for being negative at each access (3.2 against 10 ms
# for the product with 6.5 million entries).

from __future__ import annotations

from typing import Any, NamedTuple

from fastconv.jit.decorators import helper
from fastconv.jit.kernel import kernel
from fastconv.jit.records import reader
from fastconv.jit.vector import unsigned
from fastconv.kernels.slab import Space

__all__ = ["CSR_TABLE", "PIECE", "CsrAxis", "CsrHead", "build", "multiply", "multiply_many"]


class CsrHead(NamedTuple):
    """The head of a matrix's integer table; rows and columns are channels times positions.

    Attributes
    ----------
    row_channels, column_channels : int
        Channels of a group along the rows and the columns.
    group_step, row_step, column_step : int
        Steps of the flat weights: from group to group, and from channel to channel.
    """

    row_channels: int
    column_channels: int
    group_step: int
    row_step: int
    column_step: int


class CsrAxis(NamedTuple):
    """The pattern of one axis, as lists in the table.

    Attributes
    ----------
    rows, columns : int
        Positions along the rows and the columns.
    lag, shifts_at : int
        Row r has the entries of row ``r - lag``, ``shifts[r]`` columns on, or, where that is 0, entries of its own.
    starts_at : int
        Row r has the entries ``starts[r]`` to ``starts[r + 1]``.
    columns_at : int
        The column of each entry, ascending in a row.
    tap_starts_at, taps_at : int
        Entry e sums the weights of ``taps[tap_starts[e]]`` to ``taps[tap_starts[e + 1]]``, as flat steps.
    """

    rows: int
    columns: int
    lag: int
    shifts_at: int
    starts_at: int
    columns_at: int
    tap_starts_at: int
    taps_at: int


#: Columns from which on a product adds up whole rows: below, the registers hold its sums.
MANY_COLUMNS = 16

#: Most rows of a task. The first of each is worked out, not copied.
PIECE = 1024

#: What stands in a table, in this order, before the lists that its records point to.
CSR_TABLE = (CsrHead, CsrAxis, CsrAxis, CsrAxis)

_AXIS_AT = len(CsrHead._fields)
_AXIS_FIELDS = len(CsrAxis._fields)

_head = reader(CsrHead)
_axis = reader(CsrAxis)


@helper
def _weight(weights: Any, at: int, table: Any, axes: Space, entry: Space) -> Any:
    """One entry: the sum over the taps that meet in it, more than one only where padding repeats the input."""
    d, h, w = axes.d, axes.h, axes.w
    total = weights.dtype.type(0)
    for t_d in range(table[d.tap_starts_at + entry.d], table[d.tap_starts_at + entry.d + 1]):
        for t_h in range(table[h.tap_starts_at + entry.h], table[h.tap_starts_at + entry.h + 1]):
            plane = at + table[d.taps_at + t_d] + table[h.taps_at + t_h]
            for t_w in range(table[w.tap_starts_at + entry.w], table[w.tap_starts_at + entry.w + 1]):
                total += weights[plane + table[w.taps_at + t_w]]
    return total


class _Row(NamedTuple):
    """A row of the matrix: its position, its first entry, its first weight, and its group's first column channel."""

    position: Space
    at: int
    source: int
    image: int


@helper
def _write_row(
    weights: Any, data: Any, indices: Any, table: Any, head: CsrHead, axes: Space, row: _Row, pattern: bool
) -> None:
    """Work out the entries of one row."""
    d, h, w = axes.d, axes.h, axes.w
    i_d, i_h, i_w = d.starts_at + row.position.d, h.starts_at + row.position.h, w.starts_at + row.position.w
    at = row.at
    for c in range(head.column_channels):
        first = row.source + c * head.column_step
        for e_d in range(table[i_d], table[i_d + 1]):
            plane = (row.image + c) * d.columns + table[d.columns_at + e_d]
            for e_h in range(table[i_h], table[i_h + 1]):
                line = (plane * h.columns + table[h.columns_at + e_h]) * w.columns
                for e_w in range(table[i_w], table[i_w + 1]):
                    data[at] = _weight(weights, first, table, axes, Space(e_d, e_h, e_w))
                    if pattern:
                        indices[at] = line + table[w.columns_at + e_w]
                    at += 1


@helper
def _copy_row(data: Any, indices: Any, begin: int, end: int, back: int, shift: int, pattern: bool) -> None:
    """Entries `begin` to `end` repeat those `back` entries before, `shift` columns on."""
    first, last, lag = unsigned(begin), unsigned(end), unsigned(back)
    for e in range(first, last):
        data[e] = data[e - lag]
    if pattern:
        for e in range(first, last):
            indices[e] = indices[e - lag] + shift


@kernel
def build(begin: int, end: int, weights: Any, data: Any, indices: Any, indptr: Any, table: Any) -> None:
    """Write the rows of some tasks [group and channel, d, h, piece of w]; the pattern too unless `indptr` is empty."""
    head = _head(table, 0)
    d = _axis(table, _AXIS_AT)
    h = _axis(table, _AXIS_AT + _AXIS_FIELDS)
    w = _axis(table, _AXIS_AT + 2 * _AXIS_FIELDS)
    pattern = indptr.size > 0
    total_h, total_w = table[h.starts_at + h.rows], table[w.starts_at + w.rows]
    channel_entries = table[d.starts_at + d.rows] * total_h * total_w
    pieces = (w.rows + PIECE - 1) // PIECE
    for task in range(begin, end):
        number = task // pieces
        first_w = (task - number * pieces) * PIECE
        plane = number // h.rows
        i_h = number - plane * h.rows
        channel = plane // d.rows
        i_d = plane - channel * d.rows
        group = channel // head.row_channels
        source = group * head.group_step + (channel - group * head.row_channels) * head.row_step
        d_begin, d_end = table[d.starts_at + i_d], table[d.starts_at + i_d + 1]
        h_begin, h_end = table[h.starts_at + i_h], table[h.starts_at + i_h + 1]
        # Entries before this line of rows, and of the line for each entry of the last axis.
        line = channel * channel_entries + d_begin * total_h * total_w + (d_end - d_begin) * h_begin * total_w
        line *= head.column_channels
        each = head.column_channels * (d_end - d_begin) * (h_end - h_begin)
        image = group * head.column_channels
        for i_w in range(first_w, min(w.rows, first_w + PIECE)):
            at = line + each * table[w.starts_at + i_w]
            if pattern:
                indptr[number * w.rows + i_w] = at
            shift = table[w.shifts_at + i_w]
            if shift and i_w - w.lag >= first_w:  # another thread may write what stands before
                back = at - line - each * table[w.starts_at + i_w - w.lag]
                _copy_row(data, indices, at, line + each * table[w.starts_at + i_w + 1], back, shift, pattern)
            else:
                row = _Row(Space(i_d, i_h, i_w), at, source, image)
                _write_row(weights, data, indices, table, head, Space(d, h, w), row, pattern)


@kernel
def multiply(begin: int, end: int, data: Any, indices: Any, indptr: Any, x: Any, y: Any) -> None:
    """y = A x for some rows."""
    for row in range(begin, end):
        total = y.dtype.type(0)
        for e in range(unsigned(indptr[row]), unsigned(indptr[row + 1])):
            total += data[e] * x[unsigned(indices[e])]
        y[row] = total


@helper
def _row_of_few(data: Any, indices: Any, first: int, last: int, x: Any, y: Any, to: int, count: int) -> None:
    """One row of a product with few columns, of which four at a time stay in registers."""
    zero = y.dtype.type(0)
    one, two, three, four = unsigned(1), unsigned(2), unsigned(3), unsigned(4)
    i = unsigned(0)
    while i + four <= count:
        a, b, c, d = zero, zero, zero, zero
        for e in range(first, last):
            value, at = data[e], unsigned(indices[e]) * count + i
            a += value * x[at]
            b += value * x[at + one]
            c += value * x[at + two]
            d += value * x[at + three]
        y[to + i], y[to + i + one], y[to + i + two], y[to + i + three] = a, b, c, d
        i += four
    while i < count:
        a = zero
        for e in range(first, last):
            a += data[e] * x[unsigned(indices[e]) * count + i]
        y[to + i] = a
        i += one


@helper
def _row_of_many(data: Any, indices: Any, first: int, last: int, x: Any, total: Any) -> None:
    """One row of a product with many columns: whole rows of x are added up, as vectors."""
    for i in range(total.size):
        total[i] = 0
    for e in range(first, last):
        value, at = data[e], indices[e] * total.size
        part = x[at : at + total.size]
        for i in range(total.size):
            total[i] += value * part[i]


@kernel
def multiply_many(begin: int, end: int, data: Any, indices: Any, indptr: Any, x: Any, y: Any, columns: Any) -> None:
    """Y = A X for some rows, with X and Y flat and ``columns[0]`` columns."""
    count = columns[0]
    for row in range(begin, end):
        first, last = unsigned(indptr[row]), unsigned(indptr[row + 1])
        if count < MANY_COLUMNS:
            _row_of_few(data, indices, first, last, x, y, unsigned(row) * unsigned(count), unsigned(count))
        else:
            _row_of_many(data, indices, first, last, x, y[row * count : (row + 1) * count])
