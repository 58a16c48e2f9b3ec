"""Windows of any shape: each a list of places behind its first element, taken one after the other for a run of outputs.

What shape a window has makes no difference, so neither do the type and the order of what is reduced: extremes of
footprints, and sums whose every rounding is prescribed, run here. A run of outputs stays in the first-level cache.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from fastconv.jit.decorators import helper
from fastconv.jit.kernel import kernel
from fastconv.jit.records import reader
from fastconv.jit.rounding import add_product
from fastconv.jit.scratch import empty, free

__all__ = [
    "TAP_TABLE", "TapHead", "Taps", "greater", "greatest_of_taps", "least_of_taps", "less", "read_taps",
    "sums_of_taps", "whole_parts", "whole_sums",
]  # fmt: skip

#: Outputs whose whole parts are found at once; if more of them are doubtful, all are summed anew at once.
SPAN, MANY = 64, 8


class TapHead(NamedTuple):
    """The head of the integer table.

    Attributes
    ----------
    run : int
        Outputs of a line, which stand beside each other in the result as their windows do in the input.
    block, blocks : int
        Outputs of a task, and tasks of a line.
    lines_at : int
        Where the list begins that has the place of each line's first window.
    """

    run: int
    block: int
    blocks: int
    lines_at: int


class Taps(NamedTuple):
    """The elements of a window.

    Attributes
    ----------
    taps_at, taps : int
        Where the list begins that has the places of a window's elements behind its first, and how many there are.
    pairs_at, pairs : int
        The same of pairs of elements that share a weight.
    """

    taps_at: int
    taps: int
    pairs_at: int
    pairs: int


TAP_TABLE = (TapHead, Taps)

_read_head, read_taps = reader(TapHead), reader(Taps)

_TAPS_AT = len(TapHead._fields)


class _Task(NamedTuple):
    """A piece of a line: where its windows begin, where it goes, and how long it is."""

    at: int
    to: int
    size: int


@helper
def _task(number: int, head: TapHead, table: Any) -> _Task:
    line = number // head.blocks
    first = (number - line * head.blocks) * head.block
    return _Task(table[head.lines_at + line] + first, line * head.run + first, min(head.block, head.run - first))


def _extreme_body(better: Any) -> Callable[..., None]:
    """The body around which of two numbers is taken."""

    @helper
    def take(y: Any, a: Any) -> None:
        for i in range(y.size):
            y[i] = better(y[i], a[i])

    @helper
    def take_four(y: Any, a: Any, b: Any, c: Any, d: Any) -> None:
        for i in range(y.size):
            y[i] = better(y[i], better(better(a[i], b[i]), better(c[i], d[i])))

    def pick(begin: int, end: int, x: Any, y: Any, table: Any) -> None:
        """Tasks are pieces of lines; the places of a window's elements follow each other in the table."""
        head, window = _read_head(table, 0), read_taps(table, _TAPS_AT)
        for number in range(begin, end):
            task = _task(number, head, table)
            at, n, part = task.at, task.size, y[task.to : task.to + task.size]
            first = at + table[window.taps_at]
            part[:] = x[first : first + n]
            tap, last = window.taps_at + 1, window.taps_at + window.taps
            while tap + 3 < last:
                a, b = at + table[tap], at + table[tap + 1]
                c, d = at + table[tap + 2], at + table[tap + 3]
                take_four(part, x[a : a + n], x[b : b + n], x[c : c + n], x[d : d + n])
                tap += 4
            while tap < last:
                a = at + table[tap]
                take(part, x[a : a + n])
                tap += 1

    return pick


@helper
def greater(old: Any, new: Any) -> Any:
    return new if (new > old) | (new != new) else old


@helper
def less(old: Any, new: Any) -> Any:
    return new if (new < old) | (new != new) else old


greatest_of_taps = kernel(_extreme_body(greater), "greatest_of_taps")
least_of_taps = kernel(_extreme_body(less), "least_of_taps")


@helper
def _add(total: Any, a: Any, w: float) -> None:
    for i in range(total.size):
        total[i] = add_product(total[i], np.float64(a[i]), w)


@helper
def _add_four(total: Any, a: Any, b: Any, c: Any, d: Any, w: Any) -> None:
    v, s, t, u = w
    for i in range(total.size):
        two = add_product(add_product(total[i], np.float64(a[i]), v), np.float64(b[i]), s)
        total[i] = add_product(add_product(two, np.float64(c[i]), t), np.float64(d[i]), u)


@helper
def _add_pair(total: Any, a: Any, b: Any, sign: float, w: float) -> None:
    for i in range(total.size):
        total[i] = add_product(total[i], np.float64(a[i]) + sign * np.float64(b[i]), w)


@helper
def _add_two_pairs(total: Any, a: Any, b: Any, c: Any, d: Any, sign: float, w: Any) -> None:
    v, s = w
    for i in range(total.size):
        one = add_product(total[i], np.float64(a[i]) + sign * np.float64(b[i]), v)
        total[i] = add_product(one, np.float64(c[i]) + sign * np.float64(d[i]), s)


@helper
def _sum(total: Any, x: Any, weights: Any, window: Taps, table: Any, at: int) -> None:
    """total = weights times the elements of windows that begin at `at` and behind it; products and sums are rounded."""
    n, sign = total.size, weights[window.taps + window.pairs]
    total[:] = 0.0
    tap = 0
    while tap < window.taps:
        place = window.taps_at + tap
        a = at + table[place]
        if tap + 3 < window.taps:
            b, c, d = at + table[place + 1], at + table[place + 2], at + table[place + 3]
            four = (weights[tap], weights[tap + 1], weights[tap + 2], weights[tap + 3])
            _add_four(total, x[a : a + n], x[b : b + n], x[c : c + n], x[d : d + n], four)
            tap += 4
        else:
            _add(total, x[a : a + n], weights[tap])
            tap += 1
    pair = 0
    while pair < window.pairs:
        place, w = window.pairs_at + 2 * pair, window.taps + pair
        a, b = at + table[place], at + table[place + 1]
        if pair + 1 < window.pairs:
            c, d = at + table[place + 2], at + table[place + 3]
            two = (weights[w], weights[w + 1])
            _add_two_pairs(total, x[a : a + n], x[b : b + n], x[c : c + n], x[d : d + n], sign, two)
            pair += 2
        else:
            _add_pair(total, x[a : a + n], x[b : b + n], sign, weights[w])
            pair += 1


@helper
def _drop_fractions(y: Any, sums: Any) -> None:
    for i in range(y.size):
        y[i] = np.int64(sums[i])


@kernel
def sums_of_taps(begin: int, end: int, x: Any, weights: Any, y: Any, table: Any) -> None:
    """y = the sum of weights times elements, in float64, tap after tap: each product is rounded, then each sum.

    So every sum has the bits that plain C gives it, which matter where whole numbers lose their fraction: 0.1 times ten
    ones is 1 or just below. Numbers of y are whole. `weights` holds those of the taps, then those of the pairs, and
    behind them the sign of a pair's second element.
    """
    head, window = _read_head(table, 0), read_taps(table, _TAPS_AT)
    sums = empty(head.block, np.float64)
    for number in range(begin, end):
        task = _task(number, head, table)
        total = sums[: task.size]
        _sum(total, x, weights, window, table, task.at)
        _drop_fractions(y[task.to : task.to + task.size], total)
    free((sums,))


@helper
def _is_doubtful(near: Any, i: int, off: Any) -> Any:
    """Whether a number below 2**31 that is so far off may have another whole part."""
    rest = abs(near[i] - near.dtype.type(np.int32(near[i])))
    return (rest <= off) | (rest >= near.dtype.type(1) - off)


@helper
def _are_certain(y: Any, near: Any, off: Any) -> bool:
    """Write whole parts; whether none of them may be another."""
    doubtful = False
    for i in range(y.size):
        y[i] = np.int32(near[i])
        doubtful |= _is_doubtful(near, i, off)
    return not doubtful


@helper
def _doubts(near: Any, off: Any) -> int:
    found = 0
    for i in range(near.size):
        found += _is_doubtful(near, i, off)
    return found


@helper
def whole_parts(
    y: Any, near: Any, off: Any, x: Any, weights: Any, window: Taps, table: Any, at: int, sums: Any
) -> None:
    """y = what `sums_of_taps` writes for windows that begin at `at` and behind it, from sums that are so far off.

    Those that are so near to a whole number that it matters are summed anew: one by one where they are few, else with
    what stands around them. `sums` is scratch of as many elements as `y`.
    """
    known = 0  # outputs that are done
    for first in range(0, y.size, SPAN):
        last = min(first + SPAN, y.size)
        certain = _are_certain(y[first:last], near[first:last], off)
        if not certain and _doubts(near[first:last], off) > MANY:
            continue
        if known < first:
            _sum(sums[: first - known], x, weights, window, table, at + known)
            _drop_fractions(y[known:first], sums)
        known = last
        for i in range(first, first if certain else last):
            if _is_doubtful(near, i, off):
                _sum(sums[:1], x, weights, window, table, at + i)
                y[i] = np.int64(sums[0])
    if known < y.size:
        _sum(sums[: y.size - known], x, weights, window, table, at + known)
        _drop_fractions(y[known:], sums)


@kernel
def whole_sums(begin: int, end: int, near: Any, x: Any, weights: Any, off: Any, y: Any, table: Any) -> None:
    """As `sums_of_taps`, from sums `near` that are off by at most the only element of `off`."""
    head, window = _read_head(table, 0), read_taps(table, _TAPS_AT)
    sums = empty(head.block, np.float64)
    for number in range(begin, end):
        task = _task(number, head, table)
        to, until = task.to, task.to + task.size
        whole_parts(y[to:until], near[to:until], off[0], x, weights, window, table, task.at, sums)
    free((sums,))
