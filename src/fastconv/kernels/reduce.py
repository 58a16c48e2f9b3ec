"""What poolings do with vectors: combine two, and write what they come to."""

from __future__ import annotations

from typing import Any

from fastconv.jit.decorators import helper

__all__ = ["add", "copy", "maximum", "write", "write_mean", "write_truncated_mean"]

# Each of these takes the values from `start` on, as a slice that is looped over from 0 on: a loop whose index could be
# negative, and so would have to be wrapped around, is not vectorized (1.0 against 0.1 ns an element).


@helper
def copy(to: Any, values: Any, start: int) -> None:
    part = values[start : start + to.size]
    for i in range(to.size):
        to[i] = part[i]


@helper
def maximum(to: Any, values: Any, start: int) -> None:
    """to = the greater; a NaN on either side stays."""
    part = values[start : start + to.size]
    for i in range(to.size):
        new, old = part[i], to[i]
        to[i] = new if new > old or new != new else old


@helper
def add(to: Any, values: Any, start: int) -> None:
    part = values[start : start + to.size]
    for i in range(to.size):
        to[i] += part[i]


@helper
def write(y: Any, values: Any, counts: Any, taps: int, divisor: int) -> None:
    for i in range(y.size):
        y[i] = values[i]


@helper
def write_mean(y: Any, sums: Any, counts: Any, taps: int, divisor: int) -> None:
    """Divided by the count of each output, or by the divisor."""
    for i in range(y.size):
        y[i] = sums[i] / sums.dtype.type(divisor if divisor else taps * counts[i])


@helper
def write_truncated_mean(y: Any, sums: Any, counts: Any, taps: int, divisor: int) -> None:
    """The exact quotient of whole numbers, its fraction dropped: toward zero."""
    for i in range(y.size):
        total = sums[i]
        count = sums.dtype.type(divisor if divisor else taps * counts[i])
        quotient = total // count
        if quotient < 0 and quotient * count != total:
            quotient += sums.dtype.type(1)
        y[i] = quotient
