"""The types in which averages are summed."""

from __future__ import annotations

from math import prod

import numpy as np

from fastconv.plan.problem import Problem

__all__ = ["MOST_ROUNDED", "type_of_sums"]

#: Most taps of a window that are summed in float32 where the input is: sums of more, each rounded, might be off by more
#: than a millionth.
MOST_ROUNDED = 4096


def type_of_sums(problem: Problem) -> np.dtype | None:
    """The type in which averages are summed: a float, or one of 64 bits where whole numbers need all of these."""
    given, result = problem.x_dtype, problem.dtype
    if given.kind == "f":
        return result
    if given.kind == "b":
        return None
    return _float_of_sums(problem) or _whole_type_of_sums(problem)


def _float_of_sums(problem: Problem) -> np.dtype | None:
    """A float that holds whole numbers, and tells their quotients apart, exactly.

    A quotient a / b that is not whole is at least 1 / b away from the next whole number, which is more than it is
    rounded by as long as the float holds a + b.
    """
    given, result = problem.x_dtype, problem.dtype
    taps = prod(problem.geometry.kernel_size)
    divisor = abs(problem.divisor or taps)
    if result.kind != "f" and (divisor < taps or not np.can_cast(given, result)):
        return None  # results may wrap around
    most = max(abs(int(np.iinfo(given).min)), int(np.iinfo(given).max)) * taps + divisor
    kinds = (np.dtype(np.float32), np.dtype(np.float64))
    return next((kind for kind in kinds if most < 2 ** (np.finfo(kind).nmant + 1) and kind >= result), None)


def _whole_type_of_sums(problem: Problem) -> np.dtype | None:
    """The whole numbers of 64 bits, for results that are whole; the least over -1 would be none of them."""
    if problem.dtype.kind == "f" or (problem.divisor or 0) < 0:
        return None
    return np.dtype(np.uint64 if problem.x_dtype == np.uint64 else np.int64)
