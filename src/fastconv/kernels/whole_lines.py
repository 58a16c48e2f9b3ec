"""Lines of weights over images of bytes: sums down the rows of an image lose their fraction, then those along them.

Sums are taken in float32, by the window tile, of bytes that have become floats once for a task, with the rows before
and behind it. What is so near to a whole number that rounding may have moved it across is summed anew, as SciPy does.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from fastconv.jit.decorators import helper
from fastconv.jit.kernel import kernel
from fastconv.jit.records import reader
from fastconv.jit.scratch import empty, free, zeros
from fastconv.jit.tile import lanes
from fastconv.kernels.image_parts import PARTS, ImageParts, Part, extend_row, part_of, read_parts
from fastconv.kernels.lines import NO_LIMIT, ROWS, VECTORS, along_window, down_window, sum_rows
from fastconv.kernels.taps import Taps, read_taps, whole_parts

__all__ = ["WHOLE_LINES_TABLE", "WholeLinesHead", "whole_lines"]


class WholeLinesHead(NamedTuple):
    """What a table has behind how images are cut, into whole tiles of rows.

    Attributes
    ----------
    down, along, taps_at, zero_at : int
        As those of `LinesHead`.
    down_at : int
        Where the list begins that has for each weight down the rows the places of the floats of a tile's rows.
    rows_at : int
        Where the list begins that has the place of each row in an image, with those before and behind it; -1 for the
        constant.
    buffer_at : int
        Where the list of the places of a tile's rows begins.
    along_weights : int
        Where the exact weights along rows begin.
    """

    down: int
    along: int
    taps_at: int
    zero_at: int
    down_at: int
    rows_at: int
    buffer_at: int
    along_weights: int


#: How images are cut, the head, and the windows down the rows and along them.
WHOLE_LINES_TABLE = (ImageParts, WholeLinesHead, Taps, Taps)

_read = reader(WholeLinesHead)

_DOWN_AT = PARTS + len(WholeLinesHead._fields)
_ALONG_AT = _DOWN_AT + len(Taps._fields)


@helper
def _as_floats(to: Any, part: Any) -> None:
    for i in range(to.size):
        to[i] = part[i]


@helper
def _gather(floats: Any, x: Any, fill: Any, table: Any, p: ImageParts, h: WholeLinesHead, part: Part) -> None:
    """The rows of a task, with those before and behind it, as floats."""
    for number in range(part.last - part.first + max(0, h.down - 1)):
        place, row = table[h.rows_at + part.first + number], number * p.pitch + part.at
        if place < 0:
            floats[row : row + part.size] = fill
        else:
            source = part.image + place + part.low
            _as_floats(floats[row : row + part.size], x[source : source + part.size])


@kernel
def whole_lines(begin: int, end: int, x: Any, weights: Any, exact: Any, y: Any, table: Any) -> None:
    """y = the sum of weights down the rows of images, then along them, each without its fraction.

    A task is a part of some rows of an image. `weights` holds those down and those along in float32, the constant that
    stands beside the image, and how far sums down and along may be off. `exact` holds what `sums_of_taps` takes, down
    and then along.
    """
    p, h, down_taps, along_taps = (
        read_parts(table, 0), _read(table, PARTS), read_taps(table, _DOWN_AT), read_taps(table, _ALONG_AT)
    )  # fmt: skip
    all_taps, start = h.down + h.along, np.float32(0)
    fill, along_exact = weights[all_taps], exact[h.along_weights :]
    beyond = VECTORS * lanes(weights)  # tiles read so far past a row; no denormals stand there, so zeros, not empty
    floats = zeros((p.block + max(0, h.down - 1)) * p.pitch + beyond, np.float32)
    between = zeros(ROWS * p.pitch + beyond, np.float32)
    near, whole, sums = empty(ROWS * p.pitch + beyond, np.float32), empty(p.pitch, y.dtype), empty(p.pitch, np.float64)
    for task in range(begin, end):
        part = part_of(task, p)
        at, size, columns = part.at, part.size, part.columns
        _gather(floats, x, fill, table, p, h, part)
        for row in range(part.first, part.last, ROWS):
            here, base = min(ROWS, part.last - row), (row - part.first) * p.pitch
            to = part.image + row * p.width + part.column
            if h.down:
                down = down_window(0, base, h.zero_at, h.down_at, h.down, NO_LIMIT, p.pitch, here)
                sum_rows(down, at, at + size, floats, floats, floats, table, weights, start, near, at)
                for i in range(here):
                    line = i * p.pitch + at
                    result = whole[:size] if h.along else y[to + i * p.width : to + i * p.width + size]
                    whole_parts(
                        result, near[line : line + size], weights[all_taps + 1], floats, exact, down_taps, table,
                        base + line, sums,
                    )  # fmt: skip
                    if h.along:
                        _as_floats(between[line : line + size], result)
            if h.along:
                lines, base = (between, 0) if h.down else (floats, base)
                for i in range(here):
                    line = lines[base + i * p.pitch : base + i * p.pitch + columns + p.before + p.after]
                    extend_row(line, part.column, p, table, fill)
                along = along_window(base, h.zero_at, h.buffer_at, h.taps_at, h.along, h.down, p.pitch, here)
                sum_rows(along, 0, columns, lines, lines, lines, table, weights, start, near, 0)
                for i in range(here):
                    line, first = i * p.pitch, to + i * p.width
                    whole_parts(
                        y[first : first + columns], near[line : line + columns], weights[all_taps + 2], lines,
                        along_exact, along_taps, table, base + line, sums,
                    )  # fmt: skip
    free((floats, between, near, whole, sums))
