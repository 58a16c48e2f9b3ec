"""Weighted sums of windows that are products of lines: down the rows of an image, then along them, in one pass.

Some rows of an image at a time are summed down into a buffer, what stands beside them is written there, and sums along
it go into the result: an image is read once and written once, as fast as the window tile (`fastconv.jit.window`) loads
vectors from the first levels of the cache.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from fastconv.jit.decorators import helper, inlined
from fastconv.jit.kernel import kernel
from fastconv.jit.machine import machine
from fastconv.jit.records import reader
from fastconv.jit.scratch import empty, free, zeros
from fastconv.jit.tile import lanes
from fastconv.jit.window import Shape, Window, window_tile
from fastconv.kernels.image_parts import PARTS, ImageParts, extend_row, part_of, read_parts

__all__ = ["LINES_TABLE", "NO_LIMIT", "ROWS", "VECTORS", "LinesHead", "filter_lines", "sum_rows"]

ROWS, VECTORS = machine().window_rows, machine().window_vectors


class LinesHead(NamedTuple):
    """What a table has behind how images are cut, into whole tiles of rows.

    Attributes
    ----------
    down, along : int
        Weights down the rows and along them; without any nothing is summed that way.
    rows_at : int
        Where the list begins that has for each tile, for each weight, the place of each row in an image, or `NO_LINE`.
    buffer_at : int
        Where the list of the places of a buffer's rows begins.
    taps_at : int
        Where the list of the places of a window's elements along a row begins.
    zero_at : int
        Where a zero stands: the list of one plane, and of the only element of a window down the rows.
    """

    down: int
    along: int
    rows_at: int
    buffer_at: int
    taps_at: int
    zero_at: int


LINES_TABLE = (ImageParts, LinesHead)

_read = reader(LinesHead)

#: Columns of a row, with nothing to be masked.
NO_LIMIT = 2**31 - 1

_half = max(1, VECTORS // 2)
_wide_tile, _half_tile, _one_tile = (window_tile(Shape(ROWS, count, 1, 0, 1, 1)) for count in (VECTORS, _half, 1))


@inlined
def sum_rows(
    window: Window, column: int, end: int, x: Any, buffer: Any, beside: Any, table: Any, weights: Any, y: Any, to: int,
) -> None:  # fmt: skip
    """Columns up to `end` of the rows of a tile, the first of which goes to `to`."""
    start = y.dtype.type(0)
    while column < end:
        left = end - column
        if left > (VECTORS - 1) * lanes(y):
            _wide_tile(window, column, left, x, buffer, beside, table, weights, start, y, to)
            done = VECTORS * lanes(y)
        elif left > (_half - 1) * lanes(y):
            _half_tile(window, column, left, x, buffer, beside, table, weights, start, y, to)
            done = _half * lanes(y)
        else:
            _one_tile(window, column, left, x, buffer, beside, table, weights, start, y, to)
            done = lanes(y)
        column, to = column + done, to + done


@helper
def _copy(to: Any, part: Any) -> None:
    for i in range(to.size):
        to[i] = part[i]


@kernel
def filter_lines(begin: int, end: int, x: Any, weights: Any, y: Any, table: Any) -> None:
    """y = the sum of weights down the rows of images, then along them; a task is a part of some rows of an image.

    `weights` holds those down, those along, and the constant that stands beside the image.
    """
    p, h = read_parts(table, 0), _read(table, PARTS)
    fill = weights[h.down + h.along]
    beside = empty(p.width, y.dtype)
    beside[:] = fill
    # Tiles read up to their width past the end of a row, which is dropped but must not be a denormal: zeros, not empty.
    buffer = zeros(ROWS * p.pitch + VECTORS * lanes(y) if h.along else 1, y.dtype)
    for task in range(begin, end):
        part = part_of(task, p)
        high, size = part.low + part.size, part.columns + p.before + p.after
        for row in range(part.first, part.last, ROWS):
            here, to = min(ROWS, p.rows - row), part.image + row * p.width + part.column
            down = Window(
                1, part.image, h.zero_at, 1, h.rows_at + row * h.down, h.down, 0, h.zero_at, 1, p.width,
                0, 0, 0, 0, 0, 1, 0, p.pitch if h.along else p.width, here,
            )  # fmt: skip
            if not h.along:
                sum_rows(down, part.column, part.column + part.columns, x, buffer, beside, table, weights, y, to)
                continue
            if h.down:
                sum_rows(down, part.low, high, x, buffer, beside, table, weights, buffer, part.at)
            for i in range(here):
                line, source = i * p.pitch, part.image + (row + i) * p.width
                if not h.down:
                    at = line + part.at
                    _copy(buffer[at : at + part.size], x[source + part.low : source + high])
                extend_row(buffer[line : line + size], part.column, p, table, fill)
            along = Window(
                0, 0, h.zero_at, 1, h.buffer_at, 1, 0, h.taps_at, h.along, NO_LIMIT,
                0, 0, 0, h.down, 0, 0, 1, p.width, here,
            )  # fmt: skip
            sum_rows(along, 0, part.columns, x, buffer, beside, table, weights, y, to)
    free((beside, buffer))
