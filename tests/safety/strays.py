"""Kernels that go astray on purpose, for the tests of the guard: ``python -m safety.strays NAME`` runs one under it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from fastconv.jit.kernel import Kernel
from fastconv.jit.vector import unsigned
from safety.guard import guard


def good(begin: int, end: int, x: Any, y: Any) -> None:
    for i in range(begin, end):
        y[i] = 2 * x[i]


def reads_behind(begin: int, end: int, x: Any, y: Any) -> None:
    for i in range(begin, end):
        y[i] = x[i] + x[i + 1]


def reads_before(begin: int, end: int, x: Any, y: Any) -> None:
    for i in range(begin, end):
        y[i] = x[unsigned(i) - unsigned(1)]


def writes_behind(begin: int, end: int, x: Any, y: Any) -> None:
    for i in range(begin, end):
        y[i + 1] = x[i]


def writes_before(begin: int, end: int, x: Any, y: Any) -> None:
    for i in range(begin, end):
        y[unsigned(i) - unsigned(1)] = x[i]


def reads_scratch_behind(begin: int, end: int, x: Any, y: Any) -> None:
    scratch = np.zeros(3)
    for i in range(begin, end):
        y[i] = x[i] + scratch[3 + i - begin]


def reads_scratch_that_nobody_wrote(begin: int, end: int, x: Any, y: Any) -> None:
    scratch = np.empty(3)
    for i in range(begin, end):
        y[i] = x[i] + scratch[0]


def results_depend_on_the_pieces(begin: int, end: int, x: Any, y: Any) -> None:
    for i in range(begin, end):
        y[i] = x[i] + begin


def writes_what_it_was_to_read(begin: int, end: int, x: Any, y: Any) -> None:
    for i in range(begin, end):
        y[i] = x[i]
        x[i] = 1


STRAYS: dict[str, Callable[..., None]] = {
    function.__name__: function
    for function in (
        good,
        reads_behind,
        reads_before,
        writes_behind,
        writes_before,
        reads_scratch_behind,
        reads_scratch_that_nobody_wrote,
        results_depend_on_the_pieces,
        writes_what_it_was_to_read,
    )
}


def main(name: str) -> None:
    """Run a kernel over all of its arrays."""
    x, y = np.arange(1.0, 6), np.zeros(5)
    x.flags.writeable = False
    with guard() as watch:
        Kernel(STRAYS[name], name).run(5, 1e9, x, y)
    assert watch.seen == {name}
    print(y.tolist())


if __name__ == "__main__":
    main(*sys.argv[1:])
