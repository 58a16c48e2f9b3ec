"""What is done to each number in the gradient of p-norms: before windows share it out, and after."""

from __future__ import annotations

from typing import Any

from fastconv.jit.decorators import helper
from fastconv.jit.kernel import kernel
from fastconv.jit.scratch import empty, free
from fastconv.kernels.window_rows import MOST_PRODUCTS

__all__ = ["NORM_BLOCK", "divide_by_powers", "multiply_by_powers"]

#: Numbers of a task: with their powers they stay in a first-level cache.
NORM_BLOCK = 1024


@helper
def _raise(powers: Any, x: Any, exponent: Any) -> None:
    """powers = ``|x| ** exponent``; by vectors where that is a small whole number."""
    if 0 <= exponent < MOST_PRODUCTS and exponent == int(exponent):
        for i in range(x.size):
            powers[i] = 1
        for _ in range(int(exponent)):
            for i in range(x.size):
                powers[i] *= abs(x[i])
    else:
        for i in range(x.size):
            powers[i] = abs(x[i]) ** exponent


@kernel
def divide_by_powers(begin: int, end: int, dy: Any, y: Any, shares: Any, p: Any) -> None:
    """shares = ``dy / y ** (p - 1)``, and 0 where y is 0; tasks are blocks of numbers, p is the first of a vector."""
    scratch = empty(NORM_BLOCK, y.dtype)
    for task in range(begin, end):
        here = slice(task * NORM_BLOCK, min((task + 1) * NORM_BLOCK, y.size))
        given, norms, to = dy[here], y[here], shares[here]
        powers = scratch[: norms.size]
        _raise(powers, norms, p[0] - 1)
        for i in range(norms.size):
            share = given[i] / powers[i]
            to[i] = share if norms[i] != 0 else 0
    free((scratch,))


@kernel
def multiply_by_powers(begin: int, end: int, x: Any, dx: Any, p: Any) -> None:
    """dx *= ``sign(x) |x| ** (p - 1)``, and 0 where x is 0; tasks as those of `divide_by_powers`."""
    scratch = empty(NORM_BLOCK, x.dtype)
    for task in range(begin, end):
        here = slice(task * NORM_BLOCK, min((task + 1) * NORM_BLOCK, x.size))
        given, to = x[here], dx[here]
        powers = scratch[: given.size]
        _raise(powers, given, p[0] - 1)
        for i in range(given.size):
            value, power = given[i], powers[i]
            signed = power if value > 0 else (-power if value < 0 else value)  # a NaN stays
            to[i] *= signed
    free((scratch,))
