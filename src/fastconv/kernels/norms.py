"""What is done to each number for p-norms, before windows are summed and after, and for their gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastconv.jit.decorators import helper
from fastconv.jit.kernel import kernel
from fastconv.jit.scratch import empty, free
from fastconv.kernels.window_rows import MOST_PRODUCTS

__all__ = ["NORM_BLOCK", "divide_by_powers", "multiply_by_powers", "raise_to_power", "take_roots"]

# Tasks are blocks of numbers, and p is the first of a vector.

#: Numbers of a task: with their powers they stay in a first-level cache.
NORM_BLOCK = 1024
#: Steps of Newton's method after which a cube root that was a quarter off is right to its last bits in float64.
_STEPS = 6


@helper
def _raise(powers: Any, x: Any, exponent: Any) -> None:
    """powers = ``|x| ** exponent``; by vectors where that is a small whole number, or a half more."""
    if 0 <= exponent < MOST_PRODUCTS and 2 * exponent == int(2 * exponent):
        whole = int(exponent)
        for i in range(x.size):
            powers[i] = np.sqrt(abs(x[i])) if exponent > whole else powers.dtype.type(1)
        for _ in range(whole):
            for i in range(x.size):
                powers[i] *= abs(x[i])
    else:
        for i in range(x.size):
            powers[i] = abs(x[i]) ** exponent


@helper
def _cube_roots(roots: Any, x: Any) -> None:
    """roots = ``x ** (1 / 3)`` of numbers that are not negative, by vectors: 2 ns each, the library takes 20.

    They begin with x to the power of 1/4 + 1/16 + 1/64 + 1/256 + 1/1024, which is at most a quarter off.
    """
    for i in range(x.size):
        fourth = np.sqrt(np.sqrt(x[i]))
        sixteenth = np.sqrt(np.sqrt(fourth))
        more = np.sqrt(np.sqrt(sixteenth))
        last = np.sqrt(np.sqrt(more))
        roots[i] = fourth * sixteenth * more * last * np.sqrt(np.sqrt(last))
    third = roots.dtype.type(1 / 3)
    for _ in range(_STEPS):
        for i in range(x.size):
            roots[i] += (x[i] / (roots[i] * roots[i]) - roots[i]) * third
    for i in range(x.size):
        roots[i] = roots[i] if 0 < x[i] < np.inf else x[i]


@kernel
def raise_to_power(begin: int, end: int, x: Any, powers: Any, p: Any) -> None:
    """powers = ``|x| ** p``."""
    for task in range(begin, end):
        here = slice(task * NORM_BLOCK, min((task + 1) * NORM_BLOCK, x.size))
        _raise(powers[here], x[here], p[0])


@kernel
def take_roots(begin: int, end: int, y: Any, p: Any) -> None:
    """y = ``y ** (1 / p)``."""
    scratch = empty(NORM_BLOCK, y.dtype)
    for task in range(begin, end):
        sums = y[task * NORM_BLOCK : min((task + 1) * NORM_BLOCK, y.size)]
        if p[0] == 2:
            for i in range(sums.size):
                sums[i] = np.sqrt(sums[i])
        elif p[0] == 3:
            roots = scratch[: sums.size]
            _cube_roots(roots, sums)
            for i in range(sums.size):
                sums[i] = roots[i]
        elif p[0] != 1:
            for i in range(sums.size):
                sums[i] = sums[i] ** (1 / p[0])
    free((scratch,))


@kernel
def divide_by_powers(begin: int, end: int, dy: Any, y: Any, shares: Any, p: Any) -> None:
    """shares = ``dy / y ** (p - 1)``, and 0 where y is 0."""
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
    """dx *= ``sign(x) |x| ** (p - 1)``, and 0 where x is 0."""
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
