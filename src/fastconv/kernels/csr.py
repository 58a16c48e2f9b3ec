"""K' in compressed sparse rows: built entry by entry in parallel, and multiplied by vectors and matrices.

K' is a product of one pattern for each axis: output (d, h, w) meets input (i, j, k) where d meets i, h meets j and w
meets k. So the number of entries before any row is known in closed form, and each thread writes its rows where they
belong. Most rows repeat the one before them, a step to the right: those are copied, which is four times as fast as
working them out.
"""

# Positions are unsigned where that pays: a signed index is checked for being negative at each access (3.2 against 10 ms
# for the product with 6.5 million entries).

from __future__ import annotations

from typing import Any, NamedTuple

from fastconv.jit.decorators import helper, kernel
from fastconv.jit.records import reader
from fastconv.jit.vector import unsigned

__all__ = ["CSR_TABLE", "CsrAxis", "CsrHead", "build", "multiply", "multiply_many"]


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


#: What stands in a table, in this order, before the lists that its records point to.
CSR_TABLE = (CsrHead, CsrAxis, CsrAxis, CsrAxis)

_AXIS_AT = len(CsrHead._fields)
_AXIS_FIELDS = len(CsrAxis._fields)

_head = reader(CsrHead)
_axis = reader(CsrAxis)


@helper
def _weight(weights: Any, at: int, table: Any, d: CsrAxis, h: CsrAxis, w: CsrAxis, e_d: int, e_h: int, e_w: int) -> Any:
    """One entry: the sum over the taps that meet in it, more than one only where padding repeats the input."""
    total = weights.dtype.type(0)
    for t_d in range(table[d.tap_starts_at + e_d], table[d.tap_starts_at + e_d + 1]):
        for t_h in range(table[h.tap_starts_at + e_h], table[h.tap_starts_at + e_h + 1]):
            plane = at + table[d.taps_at + t_d] + table[h.taps_at + t_h]
            for t_w in range(table[w.tap_starts_at + e_w], table[w.tap_starts_at + e_w + 1]):
                total += weights[plane + table[w.taps_at + t_w]]
    return total


@helper
def _write_row(
    weights: Any,
    source: int,
    data: Any,
    indices: Any,
    at: int,
    image: int,
    table: Any,
    head: CsrHead,
    d: CsrAxis,
    h: CsrAxis,
    w: CsrAxis,
    i_d: int,
    i_h: int,
    i_w: int,
    pattern: bool,
) -> None:
    """Work out the entries of one row."""
    for c in range(head.column_channels):
        first = source + c * head.column_step
        for e_d in range(table[d.starts_at + i_d], table[d.starts_at + i_d + 1]):
            plane = (image + c) * d.columns + table[d.columns_at + e_d]
            for e_h in range(table[h.starts_at + i_h], table[h.starts_at + i_h + 1]):
                line = (plane * h.columns + table[h.columns_at + e_h]) * w.columns
                for e_w in range(table[w.starts_at + i_w], table[w.starts_at + i_w + 1]):
                    data[at] = _weight(weights, first, table, d, h, w, e_d, e_h, e_w)
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
    """Write the rows of some tasks [group and channel, d, h]; the pattern too unless `indptr` is empty."""
    head = _head(table, 0)
    d = _axis(table, _AXIS_AT)
    h = _axis(table, _AXIS_AT + _AXIS_FIELDS)
    w = _axis(table, _AXIS_AT + 2 * _AXIS_FIELDS)
    pattern = indptr.size > 0
    total_h, total_w = table[h.starts_at + h.rows], table[w.starts_at + w.rows]
    channel_entries = table[d.starts_at + d.rows] * total_h * total_w
    for task in range(begin, end):
        plane = task // h.rows
        i_h = task - plane * h.rows
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
        for i_w in range(w.rows):
            at = line + each * table[w.starts_at + i_w]
            if pattern:
                indptr[task * w.rows + i_w] = at
            shift = table[w.shifts_at + i_w]
            if shift:
                back = at - line - each * table[w.starts_at + i_w - w.lag]
                _copy_row(data, indices, at, line + each * table[w.starts_at + i_w + 1], back, shift, pattern)
            else:
                _write_row(weights, source, data, indices, at, image, table, head, d, h, w, i_d, i_h, i_w, pattern)


@kernel
def multiply(begin: int, end: int, data: Any, indices: Any, indptr: Any, x: Any, y: Any) -> None:
    """y = A x for some rows."""
    for row in range(begin, end):
        total = y.dtype.type(0)
        for e in range(unsigned(indptr[row]), unsigned(indptr[row + 1])):
            total += data[e] * x[unsigned(indices[e])]
        y[row] = total


@kernel
def multiply_many(begin: int, end: int, data: Any, indices: Any, indptr: Any, x: Any, y: Any, columns: Any) -> None:
    """Y = A X for some rows, with X and Y flat and ``columns[0]`` columns."""
    count = unsigned(columns[0])
    for row in range(begin, end):
        to = unsigned(row) * count
        for i in range(count):
            y[to + i] = 0
        for e in range(unsigned(indptr[row]), unsigned(indptr[row + 1])):
            value, at = data[e], unsigned(indices[e]) * count
            for i in range(count):
                y[to + i] += value * x[at + i]
