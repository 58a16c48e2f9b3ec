"""Maxima, minima and means of boxes, for arrays of any number of axes.

Boxes are products of intervals, so axes are filtered one after the other, two of them in one pass over the array. Means
in types whose sums do not run are poolings at stride 1 of images of few axes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from fastconv.ops.arguments import Form
from fastconv.ops.avg_pool import avg_pool1d, avg_pool2d, avg_pool3d
from fastconv.ops.folded import LineAxis, folded, sizes
from fastconv.ops.passes import Dense, PassFilter, passes
from fastconv.plan import extremes
from fastconv.plan.box import holds_sums, plan_box
from fastconv.plan.layout import memory_order
from fastconv.plan.reach import Reach

__all__ = ["means", "plan_extremes", "plan_means"]

_MEANS: dict[int, Any] = {1: avg_pool1d, 2: avg_pool2d, 3: avg_pool3d}

Widths = Sequence[tuple[int, int]]


def plan_extremes(
    form: Form, windows: Sequence[tuple[int, Reach]], value: float, dtype: np.dtype, least: bool
) -> PassFilter:
    """Plan the greatest or least elements of boxes of real numbers; NaN where there is one.

    Parameters
    ----------
    form, windows, value
        As for `plan_means`, in any order.
    dtype : dtype
        In what elements are compared, which holds them and `value`: a float of 32 bits or more, or integers.
    least : bool
        Take the least.

    Examples
    --------
    >>> form = Form((3,), (8,), np.dtype(np.int64), True)
    >>> plan_extremes(form, [(0, Reach(1, 0, "replicate"))], 0, form.dtype, least=False)(np.array([3, 1, 2]))
    array([3, 3, 2])
    """
    dense = Dense.of(form, dtype)
    placed = sorted(((dense.place(axis), reach) for axis, reach in windows), key=lambda one: one[0])
    found = passes([axis for axis, _ in placed], [reach for _, reach in placed], dense.lying(form.shape))
    beside = (np.array([value]).astype(dtype),)
    steps = [(extremes.plan_extremes(some.images, some.down, some.along, dtype, least), beside) for some in found]
    return PassFilter(dense, dtype, tuple(steps))


def plan_means(form: Form, windows: Sequence[tuple[int, Reach]], value: float, dtype: np.dtype) -> PassFilter | None:
    """Plan the means of boxes, one axis after the other as they are given, in float32, float64 or small integers.

    Parameters
    ----------
    form : Form
        Of an array with elements.
    windows : sequence of (int, Reach)
        Axes, and how far boxes reach along each.
    value : float
        What stands beside the array in mode "zeros".
    dtype : dtype
        Of the result. Means of integers lose their fraction each time; None for those that the kernel does not hold.

    Examples
    --------
    >>> form = Form((4,), (8,), np.dtype(np.float64), True)
    >>> plan_means(form, [(0, Reach(1, 1, "replicate"))], 0.0, form.dtype)(np.array([2.0, 8, 2, 2]))
    array([4., 4., 4., 2.])
    """
    if dtype.kind in "biu" and not all(holds_sums(dtype, reach.taps) for _, reach in windows):
        return None
    dense = Dense.of(form, dtype)
    placed = [(dense.place(axis), reach) for axis, reach in windows]
    if dtype.kind == "f":  # in any order then
        placed.sort(key=lambda one: one[0])
    found = passes([axis for axis, _ in placed], [reach for _, reach in placed], dense.lying(form.shape))
    beside = (np.array([value], dtype),)
    steps = [(plan_box(some.images, some.down, some.along, dtype), beside) for some in found]
    return PassFilter(dense, dtype, tuple(steps))


def means(x: np.ndarray, taps: Sequence[int], widths: Widths, dtype: Any = None) -> np.ndarray:
    """The mean of each box in any type, with zeros where it reaches beyond the array, as `avg_pool2d`'s.

    Parameters
    ----------
    x : ndarray
        Real numbers, none of whose axes is empty.
    taps : sequence of int
        A box's elements along each axis.
    widths : sequence of (int, int)
        How far boxes reach beyond each axis; less than their size.
    dtype : dtype, optional
        Of the result: that of `x`, in which means of integers lose their fraction, or a float.
    """
    order = memory_order(x.shape, x.strides)
    found = x.transpose(order)
    for step in _poolings([LineAxis(x.shape[i], taps[i], *widths[i]) for i in order]):
        found = step.means(found, dtype)
    return found.transpose(np.argsort(order) if order else None)


class Pooling(NamedTuple):
    """A pooling of images at stride 1: their shape, the kernel, its padding, and the shape that results have."""

    images: tuple[int, ...]
    kernel: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    shape: tuple[int, ...]

    def means(self, x: np.ndarray, dtype: Any) -> np.ndarray:
        """The means."""
        pool = _MEANS[len(self.kernel)]
        return pool(x.reshape(self.images), self.kernel, 1, self.padding, dtype=dtype).reshape(self.shape)


def _poolings(axes: Sequence[LineAxis]) -> tuple[Pooling, ...]:
    """What pools boxes, for axes in the order of an array's memory."""
    steps = [axes]
    if len(folded(axes)[1]) > 3:  # each axis alone has at most one behind it along which nothing happens
        still = [LineAxis(1, 1)] * len(axes)
        steps = [[*still[:i], axis, *still[i + 1 :]] for i, axis in enumerate(axes) if axis.filtered]
    found, shape = [], sizes(axes)
    for step in steps:
        here = [axis._replace(size=n) for axis, n in zip(step, shape, strict=True)]
        count, inner = folded(here)
        shape = [axis.windows for axis in here]
        kernel, padding = tuple(axis.taps for axis in inner), tuple((axis.before, axis.after) for axis in inner)
        found.append(Pooling((count, 1, *sizes(inner)), kernel, padding, tuple(shape)))
    return tuple(found)
