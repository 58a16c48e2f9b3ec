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

__all__ = ["TAP_TABLE", "TapHead", "greatest_of_taps", "least_of_taps", "sums_of_taps"]


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
    taps_at, taps : int
        Where the list begins that has the places of a window's elements behind its first, and how many there are.
    pairs_at, pairs : int
        The same of pairs of elements that share a weight.
    """

    run: int
    block: int
    blocks: int
    lines_at: int
    taps_at: int
    taps: int
    pairs_at: int
    pairs: int


TAP_TABLE = (TapHead,)

_read_head = reader(TapHead)


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
        head = _read_head(table, 0)
        for number in range(begin, end):
            task = _task(number, head, table)
            at, n, part = task.at, task.size, y[task.to : task.to + task.size]
            first = at + table[head.taps_at]
            part[:] = x[first : first + n]
            tap, last = head.taps_at + 1, head.taps_at + head.taps
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
def _greater(old: Any, new: Any) -> Any:
    return new if (new > old) | (new != new) else old


@helper
def _less(old: Any, new: Any) -> Any:
    return new if (new < old) | (new != new) else old


greatest_of_taps = kernel(_extreme_body(_greater), "greatest_of_taps")
least_of_taps = kernel(_extreme_body(_less), "least_of_taps")


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


@kernel
def sums_of_taps(begin: int, end: int, x: Any, weights: Any, y: Any, table: Any) -> None:
    """y = the sum of weights times elements, in float64, tap after tap: each product is rounded, then each sum.

    So every sum has the bits that plain C gives it, which matter where whole numbers lose their fraction: 0.1 times ten
    ones is 1 or just below. Numbers of y are whole. `weights` holds those of the taps, then those of the pairs, and
    behind them the sign of a pair's second element.
    """
    head = _read_head(table, 0)
    sums, sign = empty(head.block, np.float64), weights[head.taps + head.pairs]
    for number in range(begin, end):
        task = _task(number, head, table)
        at, n, total = task.at, task.size, sums[: task.size]
        total[:] = 0.0
        tap = 0
        while tap < head.taps:
            place = head.taps_at + tap
            a = at + table[place]
            if tap + 3 < head.taps:
                b, c, d = at + table[place + 1], at + table[place + 2], at + table[place + 3]
                four = (weights[tap], weights[tap + 1], weights[tap + 2], weights[tap + 3])
                _add_four(total, x[a : a + n], x[b : b + n], x[c : c + n], x[d : d + n], four)
                tap += 4
            else:
                _add(total, x[a : a + n], weights[tap])
                tap += 1
        pair = 0
        while pair < head.pairs:
            place, w = head.pairs_at + 2 * pair, head.taps + pair
            a, b = at + table[place], at + table[place + 1]
            if pair + 1 < head.pairs:
                c, d = at + table[place + 2], at + table[place + 3]
                two = (weights[w], weights[w + 1])
                _add_two_pairs(total, x[a : a + n], x[b : b + n], x[c : c + n], x[d : d + n], sign, two)
                pair += 2
            else:
                _add_pair(total, x[a : a + n], x[b : b + n], sign, weights[w])
                pair += 1
        part = y[task.to : task.to + n]
        for i in range(n):
            part[i] = np.int64(total[i])
    free((sums,))
