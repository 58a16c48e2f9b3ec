"""Windows of any shape over arrays of any number of axes: their extremes, and sums of prescribed rounding."""

from __future__ import annotations

import numpy as np

from fastconv.kernels.taps import Tap
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


def sums(x: np.ndarray, w: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """The correlation of an array with a kernel wherever it fits, without the fraction, summed as plain C would.

    Products and sums are rounded to float64 one by one, in row-major order. A kernel along a single axis that is
    symmetric, or antisymmetric, begins with its middle; then come sums, or differences, of the elements that share a
    weight, from the ends inwards. Weights that are as good as zero are passed over, but along a single axis.

    Parameters
    ----------
    x : ndarray
        Real numbers; at least one window fits.
    w : ndarray of float64
        As many axes.
    dtype : dtype
        Of the result: integers of at most 64 bits, into which sums wrap around.

    Examples
    --------
    >>> sums(np.array([7, 8, 9]), np.array([0.5, 0.25]), np.dtype(np.int8))
    array([5, 6], dtype=int8)
    """
    order = memory_order(x.shape, x.strides)
    found = np.ascontiguousarray(x.transpose(order))
    taps = [w.shape[axis] for axis in order]
    flat = np.arange(w.size).reshape(taps).transpose(np.argsort(order)).reshape(-1)
    elements = _along_line(w.reshape(-1)) if max(w.shape) == w.size else _in_order(w.reshape(-1))
    y = np.zeros([n - k + 1 for n, k in zip(found.shape, taps, strict=True)], dtype)
    if elements:
        moved = [tap._replace(place=int(flat[tap.place]), mirror=int(flat[tap.mirror])) for tap, _ in elements]
        weights = np.array([weight for _, weight in elements])
        plan_sums(found.shape, taps, moved, found.dtype, dtype).run(found, weights, y)
    return y.transpose(np.argsort(order))


#: Differences of weights that make none.
_EPSILON = float(np.finfo(np.float64).eps)


def _in_order(w: np.ndarray) -> list[tuple[Tap, float]]:
    return [(Tap(i, i, 0), float(weight)) for i, weight in enumerate(w) if abs(weight) > _EPSILON]


def _along_line(w: np.ndarray) -> list[tuple[Tap, float]]:
    """The elements of a window along one axis with their weights, as they are summed."""
    middle, last = w.size // 2, w.size - 1
    for sign in (1, -1) if w.size % 2 else ():
        if np.all(np.abs(w[:middle] - sign * w[:middle:-1]) <= _EPSILON):
            pairs = [(Tap(i, last - i, sign), float(w[i])) for i in range(middle)]
            return [(Tap(middle, middle, 0), float(w[middle])), *pairs]
    return [(Tap(i, i, 0), float(w[i])) for i in (last, *range(last))]
