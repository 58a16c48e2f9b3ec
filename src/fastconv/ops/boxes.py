"""Maxima, minima and means of boxes, for arrays of any number of axes.

They are poolings at stride 1 of images of few axes, and as boxes are products of intervals one axis is pooled after the
other where three do not do; but means in the commonest types have a kernel of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from fastconv.ops.arguments import Form
from fastconv.ops.folded import LineAxis, folded, sizes
from fastconv.ops.passes import Dense, passes
from fastconv.ops.pool import avg_pool1d, avg_pool2d, avg_pool3d, max_pool1d, max_pool2d, max_pool3d
from fastconv.plan.box import holds_sums, plan_box
from fastconv.plan.kernel_plan import KernelPlan
from fastconv.plan.layout import memory_order
from fastconv.plan.reach import Reach

__all__ = ["Extremes", "Means", "means", "plan_extremes", "plan_means"]

_MAXIMA: dict[int, Any] = {1: max_pool1d, 2: max_pool2d, 3: max_pool3d}
_MEANS: dict[int, Any] = {1: avg_pool1d, 2: avg_pool2d, 3: avg_pool3d}

Widths = Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Extremes:
    """All that is known of the extremes of boxes but the values of the array: poolings of images, axis after axis where
    there are too many.

    Attributes
    ----------
    order, back : tuple of int
        The array's axes as they lie in memory, and where each of them is there.
    steps : tuple of Pooling
        What is done, one after the other.
    least : bool
        Take the least.
    """

    order: tuple[int, ...]
    back: tuple[int, ...]
    steps: tuple[Pooling, ...]
    least: bool

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """The greatest or least element of each box; its axes lie in memory as those of `x` do."""
        # The least is the greatest of numbers in reverse, which every type holds exactly.
        turn = np.negative if x.dtype.kind == "f" else np.invert
        found = x.transpose(self.order)
        if self.least:
            found = turn(found)
        for step in self.steps:
            found = step(found)
        return (turn(found, out=found) if self.least else found).transpose(self.back)


def plan_extremes(
    shape: Sequence[int], strides: Sequence[int], taps: Sequence[int], widths: Widths, least: bool
) -> Extremes:
    """Plan the greatest or least elements of boxes of real numbers; NaN where there is one.

    Parameters
    ----------
    shape, strides : sequence of int
        Of the array, none of whose axes is empty.
    taps : sequence of int
        A box's elements along each axis.
    widths : sequence of (int, int)
        How far boxes reach beyond each axis, where there is nothing; less than their size.
    least : bool
        Take the least.

    Examples
    --------
    >>> plan_extremes((3,), (8,), [2], [(0, 1)], False)(np.array([3, 1, 2]))
    array([3, 2, 2])
    """
    order = memory_order(shape, strides)
    axes = [LineAxis(shape[i], taps[i], *widths[i]) for i in order]
    return Extremes(order, tuple(order.index(axis) for axis in range(len(order))), _poolings(axes), least)


@dataclass(frozen=True, slots=True)
class Means:
    """All that is known of the means of boxes but the values of the array.

    Attributes
    ----------
    dense : Dense
        How the array is taken.
    plans : tuple of KernelPlan
        Passes over it.
    constant : ndarray
        The number that stands beside it, where one does.
    """

    dense: Dense
    plans: tuple[KernelPlan, ...]
    constant: np.ndarray

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """The means; their axes lie in memory as those of `x` do."""
        x = self.dense.take(x)
        for plan in self.plans:
            y = np.empty(x.shape, x.dtype)
            plan.run(x, self.constant, y)
            x = y
        return self.dense.give(x)


def plan_means(form: Form, windows: Sequence[tuple[int, Reach]], value: float, dtype: np.dtype) -> Means | None:
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
    plans = tuple(plan_box(some.images, some.down, some.along, dtype) for some in found)
    return Means(dense, plans, np.array([value], dtype))


def means(x: np.ndarray, taps: Sequence[int], widths: Widths, dtype: Any = None) -> np.ndarray:
    """The mean of each box in any type, with zeros where it reaches beyond the array, as `avg_pool2d`'s.

    Parameters
    ----------
    x, taps, widths
        As for `plan_extremes`.
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

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """The greatest elements."""
        pool = _MAXIMA[len(self.kernel)]
        return pool(x.reshape(self.images), self.kernel, 1, self.padding).reshape(self.shape)

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
