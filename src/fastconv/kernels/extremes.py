"""Extremes of boxes: those down the rows of an image, then those along them, in one pass.

A window's extreme is that of up to four shorter windows, which may share elements: of 4 elements first, then of up to
16 and so on, so the time grows with the logarithm of a window's length.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from fastconv.jit.decorators import helper
from fastconv.jit.kernel import kernel
from fastconv.jit.records import reader
from fastconv.jit.scratch import empty, free
from fastconv.kernels.image_parts import PARTS, ImageParts, Part, extend_row, part_of, read_parts
from fastconv.kernels.taps import greater, less

__all__ = ["EXTREME_TABLE", "ExtremeHead", "Step", "greatest_of_boxes", "least_of_boxes"]


class ExtremeHead(NamedTuple):
    """What a table has behind how images are cut.

    Attributes
    ----------
    down, reach : int
        How many steps are taken down the rows, one at least, and how many rows a window has but one.
    along : int
        How many steps are taken along rows.
    rows_at : int
        Where the list begins that has the place of each row in an image, with those before and behind it; -1 for the
        constant.
    down_at, along_at : int
        Where the steps stand in the table.
    """

    down: int
    reach: int
    along: int
    rows_at: int
    down_at: int
    along_at: int


class Step(NamedTuple):
    """How far behind a window the other three stand that it is compared with, the furthest last."""

    first: int
    second: int
    third: int


EXTREME_TABLE = (ImageParts, ExtremeHead)

_read, _step = reader(ExtremeHead), reader(Step)
_STEP = len(Step._fields)


@helper
def _given(x: Any, beside: Any, table: Any, h: ExtremeHead, part: Part, row: int) -> Any:
    """A part of a row of an image, counted from the first that a task's windows see, or of the constant one."""
    place = table[h.rows_at + part.first + row]
    start = part.image + place + part.low
    return x[start : start + part.size] if place >= 0 else beside[: part.size]


class _Takers(NamedTuple):
    """What a step does with rows: the first one, those between and the last one down, and all along a row."""

    given: Any
    joined: Any
    rows: Any
    along: Any


def _takers(better: Any) -> _Takers:
    """Steps around which of two numbers is taken."""

    @helper
    def take(y: Any, a: Any, b: Any, c: Any, d: Any) -> None:
        for i in range(y.size):
            y[i] = better(better(a[i], b[i]), better(c[i], d[i]))

    @helper
    def join(y: Any, b: Any, c: Any, d: Any) -> None:
        """As `take` of what `y` holds: arrays that are the same would be taken one element after the other."""
        for i in range(y.size):
            y[i] = better(better(y[i], b[i]), better(c[i], d[i]))

    @helper
    def take_rows(y: Any, rows: Any, pitch: int, row: int, s: Step) -> None:
        """The last extremes of a row, of what the step before has left."""
        n, a, b, c, d = y.size, row * pitch, (row + s.first) * pitch, (row + s.second) * pitch, (row + s.third) * pitch
        take(y, rows[a : a + n], rows[b : b + n], rows[c : c + n], rows[d : d + n])

    @helper
    def join_rows(y: Any, rows: Any, pitch: int, row: int, s: Step) -> None:
        """The next extremes of a row, in its place."""
        n, b, c, d = y.size, (row + s.first) * pitch, (row + s.second) * pitch, (row + s.third) * pitch
        join(y, rows[b : b + n], rows[c : c + n], rows[d : d + n])

    @helper
    def take_given(y: Any, x: Any, beside: Any, table: Any, h: ExtremeHead, part: Part, row: int, s: Step) -> None:
        """The first extremes of a row."""
        take(
            y, _given(x, beside, table, h, part, row), _given(x, beside, table, h, part, row + s.first),
            _given(x, beside, table, h, part, row + s.second), _given(x, beside, table, h, part, row + s.third),
        )  # fmt: skip

    @helper
    def take_along(y: Any, line: Any, other: Any, table: Any, h: ExtremeHead) -> None:
        """y = the extremes along a row; both rows of scratch are overwritten."""
        for number in range(h.along):
            s = _step(table, h.along_at + number * _STEP)
            n = line.size - s.third
            to = y if number + 1 == h.along else other[:n]
            take(to, line[:n], line[s.first : s.first + n], line[s.second : s.second + n], line[s.third : s.third + n])
            line, other = to, line

    return _Takers(take_given, join_rows, take_rows, take_along)


def _body(better: Any) -> Callable[..., None]:
    """The body around which of two numbers is taken."""
    take_given, join_rows, take_rows, take_along = _takers(better)

    def find(begin: int, end: int, x: Any, constant: Any, y: Any, table: Any) -> None:
        """y = the extreme of the box around each element of images; a task is a part of some rows of an image.

        The only element of `constant` stands beside the image.
        """
        p, h = read_parts(table, 0), _read(table, PARTS)
        beside, last = empty(p.width, x.dtype), _step(table, h.down_at + (h.down - 1) * _STEP)
        beside[:] = constant[0]
        rows = empty((p.block + h.reach) * p.pitch if h.down > 1 else 1, x.dtype)
        line, other = empty(p.pitch, x.dtype), empty(p.pitch, x.dtype)
        for task in range(begin, end):
            part = part_of(task, p)
            left = part.last - part.first + h.reach
            for number in range(h.down - 1):
                s = _step(table, h.down_at + number * _STEP)
                left -= s.third
                for row in range(left):
                    to = rows[row * p.pitch : row * p.pitch + part.size]
                    if number == 0:
                        take_given(to, x, beside, table, h, part, row, s)
                    else:
                        join_rows(to, rows, p.pitch, row, s)
            for row in range(part.last - part.first):
                start = part.image + (part.first + row) * p.width + part.column
                result = y[start : start + part.columns]
                to = line[part.at : part.at + part.size] if h.along else result
                if h.down == 1:
                    take_given(to, x, beside, table, h, part, row, last)
                else:
                    take_rows(to, rows, p.pitch, row, last)
                if h.along:
                    whole = line[: part.columns + p.before + p.after]
                    extend_row(whole, part.column, p, table, constant[0])
                    take_along(result, whole, other, table, h)
        free((beside, rows, line, other))

    return find


greatest_of_boxes = kernel(_body(greater), "greatest_of_boxes")
least_of_boxes = kernel(_body(less), "least_of_boxes")
