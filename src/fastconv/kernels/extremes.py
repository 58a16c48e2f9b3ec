"""Extremes of boxes: those down the rows of an image, then those along them, in one pass.

A window's extreme is that of a few shorter windows, which may share elements: of 4 elements first, then of up to 24 and
so on, so the time grows with the logarithm of a window's length.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from fastconv.jit.decorators import helper
from fastconv.jit.extreme_rows import Rows, extreme_rows
from fastconv.jit.kernel import kernel
from fastconv.jit.records import reader
from fastconv.jit.scratch import empty, free
from fastconv.jit.tile import lanes
from fastconv.kernels.image_parts import PARTS, ImageParts, extend_row, part_of, read_parts

__all__ = ["EXTREME_TABLE", "ExtremeHead", "Step", "greatest_of_boxes", "least_of_boxes"]


class ExtremeHead(NamedTuple):
    """What a table has behind how images are cut.

    Attributes
    ----------
    down, reach : int
        How many steps are taken down the rows, one at least, and how many rows a window has but one.
    along, together : int
        How many steps are taken along rows, and of how many rows at once.
    rows_at : int
        Where the list begins that has the place of each row in an image, with those before and behind it; -1 for the
        constant.
    down_at, along_at : int
        Where the steps stand in the table.
    """

    down: int
    reach: int
    along: int
    together: int
    rows_at: int
    down_at: int
    along_at: int


class Step(NamedTuple):
    """What makes windows longer.

    Attributes
    ----------
    windows : int
        How many windows are put together.
    places_at : int
        Where the list begins of how far each stands behind the first; for rows of the image, that is `rows_at`.
    reach : int
        By how many elements, or rows, that makes them longer.
    """

    windows: int
    places_at: int
    reach: int


EXTREME_TABLE = (ImageParts, ExtremeHead)

_read, _step = reader(ExtremeHead), reader(Step)
_STEP = len(Step._fields)


def _body(least: bool) -> Callable[..., None]:
    """The body for least elements, or for greatest."""
    inlined_rows = extreme_rows(least)

    @helper
    def find_rows(rows: Rows, x: Any, beside: Any, table: Any, y: Any) -> bool:
        """Compiled once, not at every place where it is called."""
        return inlined_rows(rows, x, beside, table, y)

    @helper
    def find_along(
        lines: Any, more: Any, begin: int, pitch: int, here: int, size: int, table: Any, h: ExtremeHead, exact: int,
        y: Any, to: int, width: int,
    ) -> None:  # fmt: skip
        """The extremes along some rows of so many elements; both buffers of rows are overwritten."""
        for number in range(h.along - 1):
            s = _step(table, h.along_at + number * _STEP)
            size -= s.reach
            rows = Rows(s.places_at, 0, s.windows, begin, pitch, exact, here, size, 0, pitch)
            find_rows(rows, lines, lines, table, more)
            lines, more, begin = more, lines, 0
        s = _step(table, h.along_at + (h.along - 1) * _STEP)
        rows = Rows(s.places_at, 0, s.windows, begin, pitch, exact, here, size - s.reach, to, width)
        find_rows(rows, lines, lines, table, y)

    def find(begin: int, end: int, x: Any, constant: Any, y: Any, table: Any) -> None:
        """y = the extreme of the box around each element of images; a task is a part of some rows of an image.

        The only element of `constant` stands beside the image.
        """
        p, h = read_parts(table, 0), _read(table, PARTS)
        first, last = _step(table, h.down_at), _step(table, h.down_at + (h.down - 1) * _STEP)
        beside = empty(p.width, x.dtype)
        beside[:] = constant[0]
        above = empty((p.block + h.reach) * p.pitch if h.down > 1 else p.pitch, x.dtype)
        # The first element of an image's row, and not one before it, stands where a vector does.
        vector = lanes(x)
        lead, pitch = -p.before % vector, (p.pitch + vector - 1) // vector * vector
        lines, more = empty(lead + h.together * pitch, x.dtype), empty(h.together * pitch, x.dtype)
        for task in range(begin, end):
            part = part_of(task, p)
            exact, base = int(constant[0] != constant[0]), part.image + part.low
            while True:
                left = part.last - part.first + h.reach - first.reach
                # Those that are not the first of a window.
                at = h.rows_at + part.first
                rows = Rows(at + left, 1, 1, base, 0, exact, first.reach, part.size, 0, 0)
                nan = find_rows(rows, x, beside, table, above)
                for number in range(h.down - 1):
                    s = _step(table, h.down_at + number * _STEP)
                    if number == 0:
                        rows = Rows(at, 1, s.windows, base, 0, exact, left, part.size, 0, p.pitch)
                        nan |= find_rows(rows, x, beside, table, above)
                    else:
                        left -= s.reach
                        rows = Rows(s.places_at, 0, s.windows, 0, p.pitch, exact, left, part.size, 0, p.pitch)
                        find_rows(rows, above, beside, table, above)
                for row in range(part.first, part.last, h.together):
                    here, result = min(h.together, part.last - row), part.image + row * p.width + part.column
                    to, step = (lead + part.at, pitch) if h.along else (result, p.width)
                    if h.down == 1:
                        rows = Rows(h.rows_at + row, 1, last.windows, base, 0, exact, here, part.size, to, step)
                        nan |= find_rows(rows, x, beside, table, lines if h.along else y)
                    else:
                        at = (row - part.first) * p.pitch
                        rows = Rows(last.places_at, 0, last.windows, at, p.pitch, exact, here, part.size, to, step)
                        find_rows(rows, above, beside, table, lines if h.along else y)
                    if h.along:
                        size = part.columns + p.before + p.after
                        for i in range(here):
                            line = lead + i * pitch
                            extend_row(lines[line : line + size], part.column, p, table, constant[0])
                        find_along(lines, more, lead, pitch, here, size, table, h, exact, y, result, p.width)
                if exact or not nan:
                    break
                exact = 1
        free((beside, above, lines, more))

    return find


greatest_of_boxes = kernel(_body(least=False), "greatest_of_boxes")
least_of_boxes = kernel(_body(least=True), "least_of_boxes")
