"""Convolution of blocks by Fourier transforms, in float32 or float64, along one axis or two.

A task is a pair of blocks of real numbers, which are the real and imaginary part of one complex block: as the kernel is
real, so are the parts of the product. A block has `rows` rows of `columns` numbers. It is transformed along its
columns, turned over, transformed along its rows, multiplied by the kernel's spectrum, and all that undone. A block of
one axis is one of two that is read row by row; between the transforms its elements are multiplied by roots of unity
(the "four-step" transform: W. M. Gentleman, G. Sande, "Fast Fourier transforms: for fun and profit" (1966), AFIPS 29).

Blocks lie in strips of as many columns as a vector has lanes: such a strip is one transform of vectors
(`fastconv.jit.fourier`), which stays in the first level of the cache, and a square of two strips is turned in
registers.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from fastconv.jit.copy import copy_lanes, copy_run
from fastconv.jit.decorators import helper
from fastconv.jit.finite import all_moderate
from fastconv.jit.fourier import ROOTS
from fastconv.jit.fourier_ends import join_fours_to, split_fours_from
from fastconv.jit.kernel import kernel
from fastconv.jit.records import reader
from fastconv.jit.scratch import empty, free
from fastconv.jit.tile import lanes
from fastconv.jit.transpose import transpose
from fastconv.kernels.slab import SlabAxis, source_of
from fastconv.kernels.strip_transform import (
    convolve_strip,
    transform,
    transform_back,
    transform_back_by_rows,
    transform_by_rows,
)

__all__ = ["FOURIER_TABLE", "Fourier", "fourier_blocks"]


class Fourier(NamedTuple):
    """What is transformed, as it stands at the head of a kernel's table; the input's two axes follow.

    Attributes
    ----------
    spectral : int
        1 where the spectrum of the first pair is wanted.
    rows, columns : int
        Of a block; powers of two from 4 and from the lanes of a vector on.
    flat : int
        1 where both are one axis: rows follow each other.
    rows_at, columns_at, middle_at : int
        Where in the roots those of the transforms stand, and, where `flat`, those between, in rows of strips.
    pairs, images : int
        Of each kernel: pairs of blocks, and images of the input and of the result.
    lines : int
        Neighbouring images that are not a batch's.
    multiplier : int
        Neighbouring kernels for the same images.
    x_base, x_batch, x_line, x_channel : int
        Position of the first element of the input, and the steps to the image of another batch, to its neighbour, and
        to those of other kernels.
    y_batch, y_line, y_channel : int
        These steps in the result, where each kernel has its own images.
    out_height, out_width : int
        Of an image of the result.
    down, across : int
        Blocks of an image: one below the other, and beside each other.
    first_row, first_column : int
        Of the input with which the first block begins; it may be outside.
    step_row, step_column : int
        From one block to the next, and the elements of the result that each gives; where `flat`, `step_column` alone.
    lead_row, lead_column : int
        Place in a block of the first of these elements; where `flat`, that in the flat block as `lead_column`.
    """

    spectral: int
    rows: int
    columns: int
    flat: int
    rows_at: int
    columns_at: int
    middle_at: int
    pairs: int
    images: int
    lines: int
    multiplier: int
    x_base: int
    x_batch: int
    x_line: int
    x_channel: int
    y_batch: int
    y_line: int
    y_channel: int
    out_height: int
    out_width: int
    down: int
    across: int
    first_row: int
    first_column: int
    step_row: int
    step_column: int
    lead_row: int
    lead_column: int


class _Place(NamedTuple):
    """A block: of which image and its neighbour, and how far down and across it."""

    image: int
    line: int
    down: int
    across: int


class _Wanted(NamedTuple):
    """What a block gives of the result.

    Attributes
    ----------
    to, step : int
        Where its first element would stand, and the step from one row to the next.
    first_row, last_row : int
        Rows of which something is wanted.
    end : int
        Of a row the element behind the last that is wanted; where flat, of the whole block.
    """

    to: int
    step: int
    first_row: int
    last_row: int
    end: int


#: What stands in a table, before the lists that its records point to.
FOURIER_TABLE = (Fourier, SlabAxis, SlabAxis)

_read, _axis = reader(Fourier), reader(SlabAxis)
_ROWS_AT = len(Fourier._fields)
_COLUMNS_AT = _ROWS_AT + len(SlabAxis._fields)


@helper
def _turn_over(source: Any, target: Any, rows: int, columns: int) -> None:
    """Strips of `columns` columns and `rows` rows become strips of as many rows and columns."""
    n = lanes(source)
    for column in range(0, columns, n):
        for row in range(0, rows, n):
            at = 2 * (column * rows + row * n)
            to = 2 * (row * columns + column * n)
            transpose(source, at, 2 * n, target, to, 2 * n)
            transpose(source, at + n, 2 * n, target, to + n, 2 * n)


@helper
def _place(t: Any, block: int) -> _Place:
    image = block // (t.down * t.across)
    inner = block - image * (t.down * t.across)
    down = inner // t.across
    return _Place(image // t.lines, image % t.lines, down, inner - down * t.across)


@helper
def _gather(work: Any, part: int, x: Any, table: Any, kernel: int, block: int) -> None:
    """Read a block into the real (0) or imaginary (1) parts of strips; zeros where there is nothing."""
    t, h, w = _read(table, 0), _axis(table, _ROWS_AT), _axis(table, _COLUMNS_AT)
    n = lanes(work)
    place = _place(t, block)
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
def _whole_run(table: Any, kernel: int, block: int) -> int:
    """Where in the input all of a block of one axis stands, number by number; -1 where it does not."""
    t, w = _read(table, 0), _axis(table, _COLUMNS_AT)
    place = _place(t, block)
    first = t.first_column + place.across * t.step_column
    inside = first >= 0 and first + t.rows * t.columns <= w.size and block < t.images * t.across
    image = t.x_base + place.image * t.x_batch + place.line * t.x_line + kernel // t.multiplier * t.x_channel
    return image + first if inside and w.stride == 1 else -1


@helper
def _wanted(t: Any, kernel: int, block: int) -> _Wanted:
    """What a block gives of the result."""
    place = _place(t, block)
    image = kernel * t.y_channel + place.image * t.y_batch + place.line * t.y_line
    end = t.lead_column + min(t.step_column, t.out_width - place.across * t.step_column)
    to = image + place.across * t.step_column - t.lead_column
    if t.flat:
        return _Wanted(to, t.columns, t.lead_column // t.columns, -(-end // t.columns), end)
    last_row = t.lead_row + min(t.step_row, t.out_height - place.down * t.step_row)
    return _Wanted(to + (place.down * t.step_row - t.lead_row) * t.out_width, t.out_width, t.lead_row, last_row, end)


@helper
def _scatter(work: Any, part: int, y: Any, t: Any, wanted: _Wanted, begin: int, end: int) -> None:
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


@helper
def _forward(strips: Any, x: Any, t: Any, roots: Any, directly: bool, first: int, second: int) -> None:
    """Transform strips along their rows: of the blocks that they hold, or directly of those that begin there in x."""
    n, quarter = lanes(strips), t.rows // 4
    for column in range(0, t.columns, n):
        at = 2 * column * t.rows
        if not t.flat:
            transform(strips, at, t.rows, roots, t.rows_at)
        elif not directly:
            transform_by_rows(strips, at, t.rows, t.rows, roots, t.rows_at, roots, t.middle_at + at)
        else:
            for k in range(quarter):
                here, reach, root = column + k * t.columns, quarter * t.columns, t.rows_at + ROOTS * k
                to, step = at + 2 * n * k, 2 * n * quarter
                split_fours_from(x, first + here, second + here, reach, strips, to, step, roots, root)
            root = t.rows_at + ROOTS * quarter
            transform_by_rows(strips, at, t.rows, quarter, roots, root, roots, t.middle_at + at)


@helper
def _back(strips: Any, y: Any, t: Any, roots: Any, first: int, second: int, begin: int, end: int) -> None:
    """Undo `_forward`, with rows from `begin` to `end`, if any, written to the results of both blocks."""
    n, quarter = lanes(strips), t.rows // 4
    for column in range(0, t.columns, n):
        at = 2 * column * t.rows
        if not t.flat:
            transform_back(strips, at, t.rows, roots, t.rows_at)
        elif begin >= end:
            transform_back_by_rows(strips, at, t.rows, t.rows, roots, t.rows_at, roots, t.middle_at + at)
        else:
            transform_back_by_rows(strips, at, t.rows, quarter, roots, t.rows_at, roots, t.middle_at + at)
            for k in range(quarter):
                wanted = 0
                for i in range(4):
                    wanted |= (begin <= k + i * quarter < end) << i
                here, reach, root = column + k * t.columns, quarter * t.columns, t.rows_at + ROOTS * k
                to, step = at + 2 * n * k, 2 * n * quarter
                join_fours_to(strips, to, step, roots, root, y, first + here, second + here, reach, wanted)


@kernel
def fourier_blocks(begin: int, end: int, x: Any, y: Any, spectra: Any, roots: Any, strange: Any, table: Any) -> None:
    """The result of pairs of blocks; or the spectrum of the first of each kernel, for others to be multiplied by.

    Both in one, as to compile them takes half as long again if they are two. ``strange[task]`` becomes 0 unless a
    number of a block is infinite or none, or nearly so: then all of them may be.
    """
    t = _read(table, 0)
    n = lanes(roots)
    size = 2 * t.rows * t.columns
    long = t.flat and t.rows > 8  # blocks whose outermost step can read and write what is no strip
    strips = empty(size + n, roots.dtype)  # as whole vectors are read, also from its last row
    turned = empty(size, roots.dtype)
    for task in range(begin, end):
        kernel = task // t.pairs
        block, spectrum = 2 * (task - kernel * t.pairs), kernel * size
        first, second = _whole_run(table, kernel, block), _whole_run(table, kernel, block + 1)
        directly = long and first >= 0 and second >= 0
        if not directly:
            _gather(strips, 0, x, table, kernel, block)
            _gather(strips, 1, x, table, kernel, block + 1)
        _forward(strips, x, t, roots, directly, first, second)
        _turn_over(strips, turned, t.rows, t.columns)
        for row in range(0, t.rows, n):
            at = 2 * row * t.columns
            if t.spectral:
                transform(turned, at, t.columns, roots, t.columns_at)
                copy_run(y, spectrum + at, turned, at, 2 * n * t.columns)
            else:
                convolve_strip(turned, at, t.columns, roots, t.columns_at, spectra, spectrum + at)
        if t.spectral:
            continue
        _turn_over(turned, strips, t.columns, t.rows)
        one, other = _wanted(t, kernel, block), _wanted(t, kernel, block + 1)
        paired = block + 1 < t.images * t.down * t.across
        # Rows that are wanted whole of both blocks.
        low = -(-t.lead_column // t.columns)
        high = min(one.end, other.end) // t.columns if long and paired else 0
        _back(strips, y, t, roots, one.to, other.to, low, high)
        strange[task] = not all_moderate(strips, size)  # what went to the result was a sum of four of these
        _scatter(strips, 0, y, t, one, low, high)
        if paired:
            _scatter(strips, 1, y, t, other, low, high)
    free((strips, turned))
