"""Weighted sums of windows that are products of lines: down the rows of an image, then along them, in one pass.

Some rows of an image at a time are summed down into a buffer, what stands beside them is written there, and sums along
it go into the result: an image is read once and written once, as fast as the window tile (`fastconv.jit.window`) loads
vectors from the first levels of the cache.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from fastconv.jit.decorators import helper
from fastconv.jit.kernel import kernel
from fastconv.jit.machine import machine
from fastconv.jit.records import reader
from fastconv.jit.scratch import empty, free, zeros
from fastconv.jit.tile import lanes
from fastconv.jit.window_shape import Shape, Window
from fastconv.kernels.image_parts import PARTS, ImageParts, extend_row, part_of, read_parts
from fastconv.kernels.tile_rows import row_tiles

__all__ = [
    "LINES_TABLE",
    "NO_LIMIT",
    "ROWS",
    "VECTORS",
    "LinesHead",
    "along_window",
    "down_window",
    "filter_lines",
    "sum_rows",
]

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
    divided : int
        Whether sums are divided in the end.
    """

    down: int
    along: int
    rows_at: int
    buffer_at: int
    taps_at: int
    zero_at: int
    divided: int


LINES_TABLE = (ImageParts, LinesHead)

_read = reader(LinesHead)

#: Columns of a row, with nothing to be masked.
NO_LIMIT = 2**31 - 1

sum_rows = row_tiles(Shape(ROWS, VECTORS, 1, 0, 1, 1))


@helper
def down_window(
    in_place: int, base: int, zero_at: int, lines_at: int, taps: int, limit: int, pitch: int, rows: int
) -> Window:
    """Of so many weights down rows, the first of all, in rows whose places are listed."""
    return Window(in_place, base, zero_at, 1, lines_at, taps, 0, zero_at, 1, limit, 0, 0, 0, 0, 0, 1, 0, pitch, rows)


@helper
def along_window(
    base: int, zero_at: int, lines_at: int, offsets_at: int, taps: int, weight_at: int, pitch: int, rows: int
) -> Window:
    """Of so many weights along rows of scratch, from one of all on."""
    return Window(
        0, base, zero_at, 1, lines_at, 1, 0, offsets_at, taps, NO_LIMIT, 0, 0, 0, weight_at, 0, 0, 1, pitch, rows
    )  # fmt: skip


@helper
def _copy(to: Any, part: Any) -> None:
    for i in range(to.size):
        to[i] = part[i]


@helper
def _divide(sums: Any, by: Any) -> None:
    for i in range(sums.size):
        sums[i] /= by


@kernel
def filter_lines(begin: int, end: int, x: Any, weights: Any, y: Any, table: Any) -> None:
    """y = the sum of weights down the rows of images, then along them; a task is a part of some rows of an image.

    `weights` holds those down, those along, the constant that stands beside the image, and what sums are divided by.
    """
    p, h = read_parts(table, 0), _read(table, PARTS)
    fill, start = weights[h.down + h.along], y.dtype.type(0)
    beside = empty(p.width, y.dtype)
    beside[:] = fill
    # Tiles read up to their width past the end of a row, which is dropped but must not be a denormal: zeros, not empty.
    buffer = zeros(ROWS * p.pitch + VECTORS * lanes(y) if h.along else 1, y.dtype)
    for task in range(begin, end):
        part = part_of(task, p)
        high, size = part.low + part.size, part.columns + p.before + p.after
        for row in range(part.first, part.last, ROWS):
            here, to = min(ROWS, p.rows - row), part.image + row * p.width + part.column
            pitch = p.pitch if h.along else p.width
            down = down_window(1, part.image, h.zero_at, h.rows_at + row * h.down, h.down, p.width, pitch, here)
            if not h.along:
                sum_rows(down, part.column, part.column + part.columns, x, buffer, beside, table, weights, start, y, to)
            elif h.down:
                sum_rows(down, part.low, high, x, buffer, beside, table, weights, start, buffer, part.at)
            if h.along:
                for i in range(here):
                    line, source = i * p.pitch, part.image + (row + i) * p.width
                    if not h.down:
                        at = line + part.at
                        _copy(buffer[at : at + part.size], x[source + part.low : source + high])
                    extend_row(buffer[line : line + size], part.column, p, table, fill)
                along = along_window(0, h.zero_at, h.buffer_at, h.taps_at, h.along, h.down, p.width, here)
                sum_rows(along, 0, part.columns, x, buffer, beside, table, weights, start, y, to)
            if h.divided:
                for i in range(here):
                    _divide(y[to + i * p.width : to + i * p.width + part.columns], weights[h.down + h.along + 1])
    free((beside, buffer))
