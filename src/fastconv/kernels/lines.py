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

__all__ = ["LINES_TABLE", "NO_LIMIT", "ROWS", "VECTORS", "LinesHead", "extend_row", "filter_lines", "sum_rows"]

ROWS, VECTORS = machine().window_rows, machine().window_vectors


class LinesHead(NamedTuple):
    """The head of the integer table.

    Attributes
    ----------
    rows, width : int
        Rows of an image, and elements of a row.
    block, blocks : int
        Rows of a task, whole tiles of them, and how many tasks that makes of an image's rows.
    columns, parts : int
        Elements of a row that a task writes, and how many tasks that makes of a row.
    down, along : int
        Weights down the rows and along them; without any nothing is summed that way.
    before, after : int
        How far windows reach beside an element along a row.
    pitch : int
        Elements of a row of the buffer.
    rows_at : int
        Where the list begins that has for each tile, for each weight, the place of each row in an image, or `NO_LINE`.
    buffer_at : int
        Where the list of the places of a buffer's rows begins.
    taps_at : int
        Where the list of the places of a window's elements along a row begins.
    sources_at : int
        Where the list begins of the elements that stand for those before a row and then behind it; -1 for the constant.
    zero_at : int
        Where a zero stands: the list of one plane, and of the only element of a window down the rows.
    """

    rows: int
    width: int
    block: int
    blocks: int
    columns: int
    parts: int
    down: int
    along: int
    before: int
    after: int
    pitch: int
    rows_at: int
    buffer_at: int
    taps_at: int
    sources_at: int
    zero_at: int


LINES_TABLE = (LinesHead,)

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
def extend_row(row: Any, first: int, width: int, before: int, table: Any, sources_at: int, fill: Any) -> None:
    """Write what stands before and behind a row, of which `row` has the elements from column ``first - before`` on.

    The sources of those before and behind it are a list in the table, -1 for the constant `fill`.
    """
    for i in range(before - first):
        source = table[sources_at + first + i]
        row[i] = row[source - first + before] if source >= 0 else fill
    behind = width - first + before
    for i in range(behind, row.size):
        source = table[sources_at + before + i - behind]
        row[i] = row[source - first + before] if source >= 0 else fill


@helper
def _copy(to: Any, part: Any) -> None:
    for i in range(to.size):
        to[i] = part[i]


@kernel
def filter_lines(begin: int, end: int, x: Any, weights: Any, y: Any, table: Any) -> None:
    """y = the sum of weights down the rows of images, then along them; a task is a part of some rows of an image.

    `weights` holds those down, those along, and the constant that stands beside the image.
    """
    h = _read(table, 0)
    fill = weights[h.down + h.along]
    beside = empty(h.width, y.dtype)
    beside[:] = fill
    # Tiles read up to their width past the end of a row, which is dropped but must not be a denormal: zeros, not empty.
    buffer = zeros(ROWS * h.pitch + VECTORS * lanes(y) if h.along else 1, y.dtype)
    for task in range(begin, end):
        part, rows = task % h.parts, task // h.parts
        image, first = rows // h.blocks, rows % h.blocks * h.block
        base, column = image * h.rows * h.width, part * h.columns
        until = min(h.width, column + h.columns)
        low, high = max(0, column - h.before), min(h.width, until + h.after)
        size = until - column + h.before + h.after
        for row in range(first, min(first + h.block, h.rows), ROWS):
            here, to = min(ROWS, h.rows - row), base + row * h.width + column
            down = Window(
                1, base, h.zero_at, 1, h.rows_at + row * h.down, h.down, 0, h.zero_at, 1, h.width,
                0, 0, 0, 0, 0, 1, 0, h.pitch if h.along else h.width, here,
            )  # fmt: skip
            if not h.along:
                sum_rows(down, column, until, x, buffer, beside, table, weights, y, to)
                continue
            at = low - column + h.before
            if h.down:
                sum_rows(down, low, high, x, buffer, beside, table, weights, buffer, at)
            for i in range(here):
                line, source = i * h.pitch, base + (row + i) * h.width
                if not h.down:
                    _copy(buffer[line + at : line + at + high - low], x[source + low : source + high])
                extend_row(buffer[line : line + size], column, h.width, h.before, table, h.sources_at, fill)
            along = Window(
                0, 0, h.zero_at, 1, h.buffer_at, 1, 0, h.taps_at, h.along, NO_LIMIT,
                0, 0, 0, h.down, 0, 0, 1, h.width, here,
            )  # fmt: skip
            sum_rows(along, 0, until - column, x, buffer, beside, table, weights, y, to)
    free((beside, buffer))
