"""Blocks of images, read into strips of vectors and written from them (`fastconv.kernels.fourier`)."""

from __future__ import annotations

from typing import Any

from fastconv.jit.copy import copy_lanes
from fastconv.jit.decorators import helper
from fastconv.jit.tile import lanes
from fastconv.kernels.fourier_table import COLUMNS_AT, ROWS_AT, Wanted, block_place, read_fourier, read_fourier_axis
from fastconv.kernels.slab import source_of

__all__ = ["gather", "scatter"]


@helper
def gather(work: Any, part: int, x: Any, table: Any, kernel: int, block: int) -> None:
    """Read a block into the real (0) or imaginary (1) parts of strips; zeros where there is nothing."""
    t, h, w = read_fourier(table, 0), read_fourier_axis(table, ROWS_AT), read_fourier_axis(table, COLUMNS_AT)
    n = lanes(work)
    place = block_place(t, block)
    missing = block >= t.images * t.down * t.across
    image = t.x_base + place.image * t.x_batch + place.line * t.x_line + kernel // t.multiplier * t.x_channel
    dense = w.stride == 1 and not missing
    # Rows of a flat block follow each other; it is one row of the input.
    first_row, first = (
        (0 if t.flat else t.first_row + place.down * t.step_row),
        t.first_column + place.across * t.step_column,
    )
    onward, reach = (t.columns, t.rows * t.columns) if t.flat else (0, t.columns)
    inside = dense and first >= 0 and first + reach <= w.size
    if inside and (t.flat or (first_row >= 0 and first_row + t.rows <= h.size)):
        step = t.columns if t.flat else h.stride
        for r in range(t.rows):
            at = image + first_row * h.stride + first + r * step
            _read_row(work, 2 * n * r + part * n, x, at, t.rows, t.columns)
        return
    for r in range(t.rows):
        row = 0 if t.flat else source_of(table, h, first_row + r)
        at, to, column = image + row * h.stride, 2 * n * r + part * n, first + r * onward
        if inside and row >= 0:
            _read_row(work, to, x, at + column, t.rows, t.columns)
            continue
        for here in range(0, t.columns, n):
            if dense and row >= 0 and column + here >= 0 and column + here + n <= w.size:
                copy_lanes(work, to + 2 * here * t.rows, x, at + column + here, n)
                continue
            for i in range(n):
                source = source_of(table, w, column + here + i) if row >= 0 and not missing else -1
                work[to + 2 * here * t.rows + i] = x[at + source * w.stride] if source >= 0 else work.dtype.type(0)


@helper
def _read_row(work: Any, to: int, x: Any, at: int, rows: int, columns: int) -> None:
    """Read a row, of whole vectors, into strips of so many rows."""
    n = lanes(work)
    for column in range(0, columns, n):
        copy_lanes(work, to + 2 * column * rows, x, at + column, n)


@helper
def scatter(work: Any, part: int, y: Any, t: Any, wanted: Wanted, begin: int, end: int) -> None:
    """Write what a block gives of the result, but for rows from one on up to another."""
    n = lanes(work)
    for r in range(wanted.first_row, wanted.last_row):
        if begin <= r < end:
            continue
        skipped = r * t.columns if t.flat else 0
        left, right = max(0, t.lead_column - skipped), min(t.columns, wanted.end - skipped)
        _write_row(y, wanted.to + r * wanted.step, work, 2 * n * r + part * n, t.rows, left, right)


@helper
def _write_row(y: Any, to: int, work: Any, at: int, rows: int, begin: int, end: int) -> None:
    """Write the elements of a row from one on up to another, from strips of so many rows."""
    n = lanes(work)
    column = begin // n * n
    if begin > column:
        until = min(end, column + n)
        copy_lanes(y, to + begin, work, at + 2 * column * rows + begin - column, until - begin)
        column += n
    while column + n <= end:
        copy_lanes(y, to + column, work, at + 2 * column * rows, n)
        column += n
    if column < end:
        copy_lanes(y, to + column, work, at + 2 * column * rows, end - column)
