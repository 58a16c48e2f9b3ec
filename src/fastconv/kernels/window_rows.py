"""What poolings by lists of windows do with rows: begin one, take another, and reduce each window of the result."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastconv.jit.decorators import helper
from fastconv.jit.quotient import quotient
from fastconv.jit.scratch import empty, free
from fastconv.jit.vector import unsigned

__all__ = [
    "MOST_PRODUCTS", "add_powers", "added", "begin_powers", "copied", "greater", "greatest", "itself", "mean", "root",
    "sum_of", "truncated_mean", "window_reducer",
]  # fmt: skip

#: Taps from which on those of a window are combined four by four.
MANY_TAPS = 8


def window_reducer(combine: Any) -> Any:
    """A function that reduces one window of a row, around how two values are combined."""

    @helper
    def reduce_window(row: Any, first: int, taps: int, dilation: int, p: Any) -> Any:
        """The taps of a window: of many four side by side, as each combination waits for the one before it."""
        at, step = unsigned(first), unsigned(dilation)
        double, triple = unsigned(2 * dilation), unsigned(3 * dilation)
        total = row[at]
        number = 1
        if taps >= MANY_TAPS:
            one, two, three = row[at + step], row[at + double], row[at + triple]
            at += triple
            for _ in range(4, taps - 3, 4):
                total = combine(total, row[at + step], p)
                one = combine(one, row[at + double], p)
                two = combine(two, row[at + triple], p)
                at += double + double
                three = combine(three, row[at], p)
            total = combine(combine(total, one, p), combine(two, three, p), p)
            number = taps // 4 * 4
        for _ in range(number, taps):
            at += step
            total = combine(total, row[at], p)
        return total

    return reduce_window


def _along(combine: Any) -> Any:
    """row = combine(row, x), of the values from `start` on, `step` apart; neighbours are a slice, for vectors."""

    @helper
    def along(row: Any, x: Any, start: int, step: int, p: Any) -> None:
        if step == 1:
            part = x[start : start + row.size]
            for i in range(row.size):
                row[i] = combine(row[i], part[i], p)
        else:
            at = unsigned(start)
            for i in range(row.size):
                row[i] = combine(row[i], x[at], p)
                at += unsigned(step)

    return along


@helper
def _new(old: Any, new: Any, p: Any) -> Any:
    return new


@helper
def greater(old: Any, new: Any, p: Any) -> Any:
    return new if new > old or new != new else old


@helper
def sum_of(old: Any, new: Any, p: Any) -> Any:
    return old + new


@helper
def _sum_size(old: Any, new: Any, p: Any) -> Any:
    return old + abs(new)


@helper
def _sum_square(old: Any, new: Any, p: Any) -> Any:
    return old + new * new


@helper
def _sum_cube(old: Any, new: Any, p: Any) -> Any:
    return old + abs(new * new * new)


@helper
def _sum_power(old: Any, new: Any, p: Any) -> Any:
    return old + abs(new) ** p


@helper
def itself(value: Any, taps: int, fill: Any) -> Any:
    return value


@helper
def mean(total: Any, taps: int, fill: Any) -> Any:
    return total / fill.dtype.type(taps)


@helper
def truncated_mean(total: Any, taps: int, fill: Any) -> Any:
    return quotient(total, fill.dtype.type(taps))


@helper
def root(total: Any, taps: int, fill: Any) -> Any:
    p = fill[0]
    if p == 2:
        return np.sqrt(total)
    return total if p == 1 else total ** (fill.dtype.type(1) / p)


copied, greatest, added, _added_powers = map(_along, (_new, greater, sum_of, _sum_power))
_added_sizes, _added_squares, _added_cubes = map(_along, (_sum_size, _sum_square, _sum_cube))

#: Largest exponent for which products take less time than the library's function, which takes 20 ns a number.
MOST_PRODUCTS = 16


@helper
def _added_products(row: Any, x: Any, start: int, step: int, p: Any) -> None:
    """The powers of a small whole exponent, by vectors."""
    factors, powers = empty(row.size, row.dtype), empty(row.size, row.dtype)
    at = unsigned(start)
    for i in range(row.size):
        factors[i] = powers[i] = abs(x[at])
        at += unsigned(step)
    for _ in range(1, int(p)):
        for i in range(row.size):
            powers[i] *= factors[i]
    for i in range(row.size):
        row[i] += powers[i]
    free((factors, powers))


@helper
def add_powers(row: Any, x: Any, start: int, step: int, p: Any) -> None:
    """The powers with that exponent; the usual ones need no scratch."""
    if p == 1:
        _added_sizes(row, x, start, step, p)
    elif p == 2:
        _added_squares(row, x, start, step, p)
    elif p == 3:
        _added_cubes(row, x, start, step, p)
    elif p <= MOST_PRODUCTS and p == int(p):
        _added_products(row, x, start, step, p)
    else:
        _added_powers(row, x, start, step, p)


@helper
def begin_powers(row: Any, x: Any, start: int, step: int, p: Any) -> None:
    for i in range(row.size):
        row[i] = 0
    add_powers(row, x, start, step, p)
