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

from typing import Any

from fastconv.jit.copy import copy_run
from fastconv.jit.decorators import helper
from fastconv.jit.finite import all_moderate
from fastconv.jit.fourier import ROOTS
from fastconv.jit.fourier_ends import join_fours_to, split_fours_from
from fastconv.jit.kernel import kernel
from fastconv.jit.scratch import empty, free
from fastconv.jit.tile import lanes
from fastconv.jit.transpose import transpose
from fastconv.kernels.fourier_strips import gather, scatter
from fastconv.kernels.fourier_table import read_fourier, wanted_of, whole_run
from fastconv.kernels.strip_transform import (
    convolve_strip,
    transform,
    transform_back,
    transform_back_by_rows,
    transform_by_rows,
)

__all__ = ["fourier_blocks"]


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
    t = read_fourier(table, 0)
    n = lanes(roots)
    size = 2 * t.rows * t.columns
    long = t.flat and t.rows > 8  # blocks whose outermost step can read and write what is no strip
    strips = empty(size + n, roots.dtype)  # as whole vectors are read, also from its last row
    turned = empty(size, roots.dtype)
    for task in range(begin, end):
        kernel = task // t.pairs
        block, spectrum = 2 * (task - kernel * t.pairs), kernel * size
        first, second = whole_run(table, kernel, block), whole_run(table, kernel, block + 1)
        directly = long and first >= 0 and second >= 0
        if not directly:
            gather(strips, 0, x, table, kernel, block)
            gather(strips, 1, x, table, kernel, block + 1)
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
        one, other = wanted_of(t, kernel, block), wanted_of(t, kernel, block + 1)
        paired = block + 1 < t.images * t.down * t.across
        # Rows that are wanted whole of both blocks.
        low = -(-t.lead_column // t.columns)
        high = min(one.end, other.end) // t.columns if long and paired else 0
        _back(strips, y, t, roots, one.to, other.to, low, high)
        strange[task] = not all_moderate(strips, size)  # what went to the result was a sum of four of these
        scatter(strips, 0, y, t, one, low, high)
        if paired:
            scatter(strips, 1, y, t, other, low, high)
    free((strips, turned))
