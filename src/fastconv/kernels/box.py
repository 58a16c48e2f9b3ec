"""Means of boxes: sums down the rows of an image, then along them, in one pass.

Down the rows a sum runs: a row comes and another goes. Along them sums of 2, 4, 8, ... elements are put together to
those of a window, in twice the binary logarithm of its length. Either way the time hardly depends on that length.

Floats are summed in float64 and divided once. A sum that runs keeps the rounding of what has gone, which a few dozen
rows later ends with the task; but a number that is infinite or none would make NaNs of all behind it, so rows in which
one turns up are summed anew. Whole numbers have exact sums, and their means lose the fraction each way. Those of a few
bytes have 16 bits, and so twice as many of them a vector as others have.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from fastconv.jit.decorators import helper
from fastconv.jit.kernel import kernel
from fastconv.jit.records import reader
from fastconv.jit.rounding import upper_half
from fastconv.jit.scratch import empty, free, zeros
from fastconv.kernels.image_parts import PARTS, ImageParts, Part, extend_row, part_of, read_parts

__all__ = ["BOX_TABLE", "MOST_BYTES", "BoxHead", "box_means", "box_means_of_bytes", "box_means_of_integers"]


class BoxHead(NamedTuple):
    """What a table has behind how images are cut.

    Attributes
    ----------
    down, along : int
        Elements of a window down the rows and along them; 1 where nothing is done that way.
    step : int
        From one of a window's elements along a row to the next.
    together : int
        Rows that are summed along at once.
    divisor : int
        By what the sums along are divided.
    rows_at : int
        Where the list begins that has the place of each row in an image, with those before and behind it; -1 for the
        constant.
    """

    down: int
    along: int
    step: int
    together: int
    divisor: int
    rows_at: int


BOX_TABLE = (ImageParts, BoxHead)

#: Most bytes of a window, each way, whose sums `_byte_share` divides exactly.
MOST_BYTES = 16

_read = reader(BoxHead)


@helper
def _copy(to: Any, part: Any) -> None:
    for i in range(to.size):
        to[i] = part[i]


@helper
def _add(total: Any, part: Any) -> None:
    for i in range(total.size):
        total[i] += part[i]


@helper
def _subtract(total: Any, part: Any) -> None:
    for i in range(total.size):
        total[i] -= part[i]


@helper
def _sum(total: Any, a: Any, b: Any) -> None:
    for i in range(total.size):
        total[i] = a[i] + b[i]


@helper
def _sum_three(total: Any, a: Any, b: Any, c: Any) -> None:
    for i in range(total.size):
        total[i] = a[i] + b[i] + c[i]


@helper
def _come(total: Any, x: Any, beside: Any, place: int, low: int) -> None:
    """Add a part of a row of an image, or of the constant one."""
    if place >= 0:
        _add(total, x[place + low : place + low + total.size])
    else:
        _add(total, beside[low : low + total.size])


@helper
def _go(total: Any, x: Any, beside: Any, place: int, low: int) -> None:
    """Subtract it."""
    if place >= 0:
        _subtract(total, x[place + low : place + low + total.size])
    else:
        _subtract(total, beside[low : low + total.size])


@helper
def _is_strange(part: Any) -> bool:
    """Whether a number is infinite or none, and so differs from itself."""
    found = 0
    for i in range(part.size):
        found |= part[i] - part[i] != 0
    return found != 0


@helper
def _sum_along(sums: Any, more: Any, total: Any, taps: int, step: int) -> None:
    """total[i] = the sum of ``sums[i + k * step]`` over all taps k; `sums` and `more` are overwritten."""
    size, power, done, end = sums.size, 1, 0, total.size - (taps - 1) * step
    if taps == 3:  # the commonest window is one pass, where it would be three
        _sum_three(total[:end], sums[:end], sums[step : step + end], sums[2 * step : 2 * step + end])
        return
    while True:
        if taps & power:
            part = sums[done * step : done * step + end]
            if done:
                _add(total[:end], part)
            else:
                _copy(total[:end], part)
            done += power
        if 2 * power > taps:
            break
        size -= power * step
        _sum(more[:size], sums[:size], sums[power * step : power * step + size])
        sums, more = more, sums
        power *= 2


def _body(sums_dtype: Any, divide_by: Any, kept: Any, write: Any) -> Callable[..., None]:
    """The body for sums in a dtype: `kept` is what is left of one down the rows, `write` divides those along them.

    Either is given what `divide_by` makes of a divisor.
    """

    @helper
    def keep(line: Any, total: Any, by: Any) -> None:
        for i in range(line.size):
            line[i] = kept(total[i], by, i)

    @helper
    def step(line: Any, total: Any, new: Any, old: Any, by: Any) -> None:
        """Keep the sums with a row that comes, before another goes; in no wider type, as Numba's sum of integers is."""
        for i in range(line.size):
            found = sums_dtype(total[i] + sums_dtype(new[i]))
            line[i] = kept(found, by, i)
            total[i] = found - sums_dtype(old[i])

    @helper
    def run(
        line: Any, total: Any, x: Any, beside: Any, table: Any, rows_at: int, taps: int, by: Any, part: Part
    ) -> None:
        """The sums down to a row, from those without its last, which are left without its first."""
        new, old = table[rows_at + taps - 1], table[rows_at]
        if new >= 0 and old >= 0:
            come, go = part.image + new + part.low, part.image + old + part.low
            step(line, total, x[come : come + part.size], x[go : go + part.size], by)
        else:
            _come(total, x, beside, part.image + new if new >= 0 else new, part.low)
            keep(line, total, by)
            _go(total, x, beside, part.image + old if old >= 0 else old, part.low)

    @helper
    def begin_sums(total: Any, x: Any, beside: Any, table: Any, rows_at: int, taps: int, part: Part) -> None:
        """The sums of so many rows."""
        total[:] = 0
        for number in range(taps):
            place = table[rows_at + number]
            _come(total, x, beside, part.image + place if place >= 0 else place, part.low)

    def filter_box(begin: int, end: int, x: Any, constant: Any, y: Any, table: Any) -> None:
        """y = the mean of the box around each element of images; a task is a part of some rows of an image.

        The only element of `constant` stands beside the image.
        """
        p, h = read_parts(table, 0), _read(table, PARTS)
        beside, size = empty(p.width, x.dtype), h.together * p.pitch
        beside[:] = constant[0]
        shares = empty(2 * p.pitch, np.uint16)
        down, along = divide_by(h.down, shares[: p.pitch]), divide_by(h.divisor, shares[p.pitch :])
        fill = kept(sums_dtype(sums_dtype(constant[0]) * sums_dtype(h.down)), down, 0)
        totals, found = empty(p.pitch, sums_dtype), empty(size, sums_dtype)
        sums, more = zeros(size, sums_dtype), empty(size, sums_dtype)  # gaps behind rows are summed too, and dropped
        for task in range(begin, end):
            part = part_of(task, p)
            total = totals[: part.size]
            row, anew = part.first, False
            begin_sums(total, x, beside, table, h.rows_at + row, h.down - 1, part)
            while row < part.last:
                here = min(h.together, part.last - row)
                for i in range(here):
                    line = sums[i * p.pitch : i * p.pitch + part.columns + p.before + p.after]
                    inside = line[part.at : part.at + part.size]
                    if anew:
                        begin_sums(total, x, beside, table, h.rows_at + row + i, h.down, part)
                        keep(inside, total, down)
                    else:
                        run(inside, total, x, beside, table, h.rows_at + row + i, h.down, down, part)
                    extend_row(line, part.column, p, table, fill)
                _sum_along(sums[: here * p.pitch], more[: here * p.pitch], found[: here * p.pitch], h.along, h.step)
                for i in range(here):
                    to = part.image + (row + i) * p.width + part.column
                    write(y[to : to + part.columns], found[i * p.pitch : i * p.pitch + part.columns], along)
                row += here
                if row == part.last and not anew and _is_strange(total):
                    row, anew = part.first, True
        free((beside, shares, totals, found, sums, more))

    return filter_box


@helper
def _number(divisor: int, shares: Any) -> int:
    return divisor


@helper
def _same(total: float, divisor: int, place: int) -> float:
    return total


@helper
def _write_floats(y: Any, total: Any, divisor: int) -> None:
    """A product takes half the time of a division, and comes to the same in less than float64."""
    if y.itemsize < 8:
        share = 1.0 / divisor
        for i in range(y.size):
            y[i] = total[i] * share
    else:
        for i in range(y.size):
            y[i] = total[i] / divisor


@helper
def _whole_share(total: Any, divisor: int, place: int) -> Any:
    """The whole part of a sum's share.

    Half a number further from zero it is the same, and no whole number is within rounding of the share then, up to
    sums of 2**22. A division takes longer: 0.7 against 0.5 ns an element, down rows.
    """
    half = np.float32(0.5) if total >= 0 else np.float32(-0.5)
    return np.int32((np.float32(total) + half) * np.float32(1.0 / divisor))


@helper
def _byte_shares(divisor: int, shares: Any) -> Any:
    """For each place of a row the share of 2**16, rounded down; that of 1 too, which would have 17 bits."""
    shares[:] = 65535 // divisor
    return shares


@helper
def _byte_share(total: Any, shares: Any, place: int) -> Any:
    """The whole part of a sum's share, for sums of up to `MOST_BYTES` bytes.

    For n bytes the factor is f = 65535 // n, and n f is less than 2**16 by e, from 1 to n. One more than the sum s is
    multiplied, so the product is (s + 1) / n less (s + 1) e / (2**16 n): less than the next whole share, as there is an
    e, and no less than this one, as (s + 1) e is at most 4081 * 16.
    """
    return upper_half(np.uint16(total + 1), shares[place])


def _writer(kept: Any) -> Any:
    @helper
    def write(y: Any, total: Any, by: Any) -> None:
        for i in range(y.size):
            y[i] = kept(total[i], by, i)

    return write


box_means = kernel(_body(np.float64, _number, _same, _write_floats), "box_means")
box_means_of_integers = kernel(_body(np.int32, _number, _whole_share, _writer(_whole_share)), "box_means_of_integers")
box_means_of_bytes = kernel(_body(np.uint16, _byte_shares, _byte_share, _writer(_byte_share)), "box_means_of_bytes")
