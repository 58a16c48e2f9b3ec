"""Maxima, minima and means of boxes, for arrays of any number of axes: poolings at stride 1 of images of few.

Boxes are products of intervals, so where three axes do not do one is pooled after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from fastconv.ops.filters import extend
from fastconv.ops.folded import LineAxis, folded, sizes
from fastconv.ops.pool import avg_pool1d, avg_pool2d, avg_pool3d, max_pool1d, max_pool2d, max_pool3d
from fastconv.plan.box import holds_sums, plan_box_means
from fastconv.plan.layout import memory_order

__all__ = ["maxima", "means", "minima"]

_MAXIMA: dict[int, Any] = {1: max_pool1d, 2: max_pool2d, 3: max_pool3d}
_MEANS: dict[int, Any] = {1: avg_pool1d, 2: avg_pool2d, 3: avg_pool3d}

Widths = Sequence[tuple[int, int]]


def maxima(x: np.ndarray, taps: Sequence[int], widths: Widths) -> np.ndarray:
    """The greatest element of each box of so many elements along each axis; NaN where there is one.

    Parameters
    ----------
    x : ndarray
        Real numbers, none of its axes empty.
    taps : sequence of int
        A box's elements along each axis.
    widths : sequence of (int, int)
        How far boxes reach beyond each axis, where there is nothing; less than their size.

    Examples
    --------
    >>> maxima(np.array([3, 1, 2]), [2], [(0, 1)])
    array([3, 2, 2])
    """

    def pool(images: np.ndarray, axes: Sequence[LineAxis]) -> np.ndarray:
        return _MAXIMA[len(axes)](images, *_windows(axes))

    return _pooled(x, taps, widths, pool)


def minima(x: np.ndarray, taps: Sequence[int], widths: Widths) -> np.ndarray:
    """The least element of each box, as `maxima`: those of numbers in reverse, which every type holds exactly."""
    turn = np.negative if x.dtype.kind == "f" else np.invert
    found = maxima(turn(x), taps, widths)
    return turn(found, out=found)


def means(x: np.ndarray, taps: Sequence[int], widths: Widths, dtype: Any = None) -> np.ndarray:
    """The mean of each box, with zeros where it reaches beyond the array, as `avg_pool2d`'s.

    Parameters
    ----------
    x, taps, widths
        As for `maxima`.
    dtype : dtype, optional
        Of the result: that of `x`, in which means of integers lose their fraction, or a float.
    """

    long = [axis for axis, n in enumerate(taps) if n > 1]
    if dtype is None and len(long) == 1 and holds_sums(x.dtype, taps[long[0]]):
        return _line_means(extend(x, widths, "zeros"), taps[long[0]], long[0])

    def pool(images: np.ndarray, axes: Sequence[LineAxis]) -> np.ndarray:
        return _MEANS[len(axes)](images, *_windows(axes), dtype=dtype)

    return _pooled(x, taps, widths, pool)


def _line_means(x: np.ndarray, taps: int, axis: int) -> np.ndarray:
    """Means along one axis wherever a window fits, of small whole numbers; they lie in memory as `x` does."""
    order, dtype = memory_order(x.shape, x.strides), x.dtype.newbyteorder("=")
    found, place = np.require(x.transpose(order), dtype, ["C", "ALIGNED"]), order.index(axis)
    shape = (*found.shape[:place], found.shape[place] - taps + 1, *found.shape[place + 1 :])
    y = np.empty(shape, dtype)
    images, width = prod(found.shape[:place]), prod(found.shape[place + 1 :])
    plan_box_means(images, found.shape[place], width, taps, dtype).run(found, y)
    return y.transpose(np.argsort(order))


def _windows(axes: Sequence[LineAxis]) -> tuple[tuple[int, ...], int, tuple[tuple[int, int], ...]]:
    """Kernel, stride and padding of a pooling: tuples, as a call with lists is planned anew."""
    return tuple(axis.taps for axis in axes), 1, tuple((axis.before, axis.after) for axis in axes)


def _pooled(
    x: np.ndarray,
    taps: Sequence[int],
    widths: Widths,
    pool: Callable[[np.ndarray, Sequence[LineAxis]], np.ndarray],
) -> np.ndarray:
    """What a pooling of images makes of an array; its axes lie in memory as those of `x` do."""
    order = memory_order(x.shape, x.strides)
    found, axes = x.transpose(order), [LineAxis(x.shape[i], taps[i], *widths[i]) for i in order]
    steps = [axes]
    if len(folded(axes)[1]) > 3:  # each axis alone has at most one behind it along which nothing happens
        still = [LineAxis(1, 1)] * x.ndim
        steps = [[*still[:i], axis, *still[i + 1 :]] for i, axis in enumerate(axes) if axis.filtered]
    for step in steps:
        here = [axis._replace(size=n) for axis, n in zip(step, found.shape, strict=True)]
        count, inner = folded(here)
        images = found.reshape(count, 1, *sizes(inner))
        found = pool(images, inner).reshape([axis.windows for axis in here])
    return found.transpose(np.argsort(order) if order else None)
