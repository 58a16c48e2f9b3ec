"""Windows of any shape over arrays of any number of axes: their extremes, and sums of prescribed rounding."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fastconv.plan.layout import memory_order
from fastconv.plan.taps import plan_extremes, plan_sums

__all__ = ["extremes", "sums"]


def extremes(x: np.ndarray, where: np.ndarray, least: bool) -> np.ndarray:
    """The greatest or least of the elements that are true in `where`, wherever it fits the array; NaN if there is one.

    Parameters
    ----------
    x : ndarray
        Real numbers; at least one window fits.
    where : ndarray of bool
        As many axes, and something true.
    least : bool
        Take the least.

    Examples
    --------
    >>> extremes(np.array([1, 7, 2, 3]), np.array([True, False, True]), least=False)
    array([2, 7])
    """
    order = memory_order(x.shape, x.strides)
    found, turned = x.transpose(order), where.transpose(order)
    # Booleans and float16 are compared as types that kernels have: exactly, since both fit.
    work = {"b": np.dtype(np.uint8), "f": np.result_type(x.dtype, np.float32)}.get(x.dtype.kind, x.dtype)
    found = np.ascontiguousarray(found, work)
    y = np.empty([n - k + 1 for n, k in zip(found.shape, turned.shape, strict=True)], work)
    plan_extremes(found.shape, turned, work, least).run(found, y)
    return y.astype(x.dtype, copy=False).transpose(np.argsort(order) if order else None)


def sums(x: np.ndarray, w: np.ndarray, dtype: np.dtype, by_pairs: bool = False) -> np.ndarray:
    """The correlation of an array with a kernel wherever it fits, without the fraction, summed as plain C would.

    Products and sums are rounded to float64 one by one, in row-major order, and weights that are as good as zero passed
    over. By pairs none is, and the last comes first; but a kernel that is symmetric, or antisymmetric, begins with its
    middle, and then come sums, or differences, of the elements that share a weight, from the ends inwards.

    Parameters
    ----------
    x : ndarray
        Real numbers; at least one window fits.
    w : ndarray of float64
        As many axes.
    dtype : dtype
        Of the result: integers of at most 64 bits, into which sums wrap around.
    by_pairs : bool
        Of a kernel along one axis.

    Examples
    --------
    >>> sums(np.array([7, 8, 9]), np.array([0.5, 0.25]), np.dtype(np.int8))
    array([5, 6], dtype=int8)
    """
    order = memory_order(x.shape, x.strides)
    back = np.argsort(order)
    # Two types do for all, so that there are two kernels for each type of a result.
    work = np.int32 if np.can_cast(x.dtype, np.int32) else np.float64
    found = np.ascontiguousarray(x.transpose(order), work)
    window = [w.shape[axis] for axis in order]
    y = np.zeros([n - k + 1 for n, k in zip(found.shape, window, strict=True)], dtype)
    weights = w.reshape(-1)
    chosen = _along_line(weights) if by_pairs else _Chosen(np.flatnonzero(np.abs(weights) > _EPSILON))
    if chosen.taps.size:
        given = np.concatenate([weights[chosen.taps], weights[chosen.pairs[:, 0]], [chosen.sign]])
        numbers = np.arange(w.size).reshape(window).transpose(back).reshape(-1)  # of elements as they lie in memory
        plan = plan_sums(found.shape, window, numbers[chosen.taps], numbers[chosen.pairs], found.dtype, dtype)
        plan.run(found, given, y)
    return y.transpose(back)


#: Differences of weights that make none.
_EPSILON = float(np.finfo(np.float64).eps)


class _Chosen(NamedTuple):
    """The elements of a window that are summed, in their order: some by themselves, then pairs, with a sign."""

    taps: np.ndarray
    pairs: np.ndarray = np.zeros((0, 2), np.int64)
    sign: float = 1.0


def _along_line(w: np.ndarray) -> _Chosen:
    """The elements of a window along a single axis."""
    middle, last = w.size // 2, w.size - 1
    for sign in (1.0, -1.0) if w.size % 2 else ():
        if np.all(np.abs(w[:middle] - sign * w[:middle:-1]) <= _EPSILON):
            firsts = np.arange(middle)
            return _Chosen(np.array([middle]), np.stack([firsts, last - firsts], axis=1), sign)
    return _Chosen(np.array([last, *range(last)]))
