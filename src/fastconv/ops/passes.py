"""Arrays of any number of axes as images of rows, for filters that do one axis after the other.

What two neighbouring axes take is one pass over the array where the inner of them is its last, or has few elements
behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import NamedTuple

import numpy as np

from fastconv.ops.arguments import Form
from fastconv.plan.kernel_plan import KernelPlan
from fastconv.plan.layout import memory_order
from fastconv.plan.reach import Images, Reach
from fastconv.plan.span import LARGE, empty_apart

__all__ = ["Dense", "Pass", "PassFilter", "passes"]

#: Elements behind an axis from which on it is filtered down rows, of as many elements, and not along them.
LEAST_ELEMENTS = 16


@dataclass(frozen=True, slots=True)
class Dense:
    """How an array is taken: without gaps, outermost axis first, in some dtype.

    Attributes
    ----------
    order, back : tuple of int
        Its axes as they lie in memory, and where each of them is there; () where they are counted so.
    dtype : numpy.dtype
        What it is turned into.
    stands : bool
        Whether it is so already.
    """

    order: tuple[int, ...]
    back: tuple[int, ...]
    dtype: np.dtype
    stands: bool

    @classmethod
    def of(cls, form: Form, dtype: np.dtype) -> Dense:
        """How an array of that form is."""
        order = memory_order(form.shape, form.strides)
        lying = [(form.shape[axis], form.strides[axis]) for axis in order]
        step, stands = dtype.itemsize, form.dtype == dtype and form.plain
        for n, stride in reversed(lying):
            stands = stands and (n == 1 or stride == step)
            step *= n
        if order == tuple(range(len(order))):
            return cls((), (), dtype, stands)
        return cls(order, tuple(order.index(axis) for axis in range(len(order))), dtype, stands)

    def place(self, axis: int) -> int:
        """Where an axis is in memory."""
        return self.back[axis] if self.back else axis

    def lying(self, shape: Sequence[int]) -> list[int]:
        """The elements of each axis as they lie in memory."""
        return [shape[axis] for axis in self.order or range(len(shape))]

    def turn(self, x: np.ndarray) -> np.ndarray:
        """The array as it is, its axes as they lie in memory."""
        return x.transpose(self.order) if self.order else x

    def take(self, x: np.ndarray) -> np.ndarray:
        """The array, its axes as they lie in memory."""
        x = x.transpose(self.order) if self.order else x
        return x if self.stands else np.require(x, self.dtype, ["C", "ALIGNED"])

    def place_in(self, out: np.ndarray | None, dtype: np.dtype) -> np.ndarray | None:
        """An array for results, its axes as they lie in memory; None unless it lies as they do, in their dtype."""
        if out is None or out.dtype != dtype or not out.flags.aligned:
            return None
        found = self.turn(out)
        return found if found.flags.c_contiguous else None

    def give(self, y: np.ndarray) -> np.ndarray:
        """What was made of it, its axes as they are counted."""
        return y.transpose(self.back) if self.back else y


@dataclass(frozen=True, slots=True)
class PassFilter:
    """All that is known of a filter that is passes over an array but the values of the array.

    Attributes
    ----------
    dense : Dense
        How the array is taken.
    dtype : numpy.dtype
        Of the results.
    steps : tuple of (KernelPlan, tuple of ndarray)
        The passes, with what their kernels take between the array and the result.
    """

    dense: Dense
    dtype: np.dtype
    steps: tuple[tuple[KernelPlan, tuple[np.ndarray, ...]], ...]

    def __call__(self, x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """The filtered array, whose axes lie in memory as those of `x` do; in `out` where that lies so too."""
        x, place = self.dense.take(x), None if out is None else self.dense.place_in(out, self.dtype)
        for number, (plan, given) in enumerate(self.steps, 1):
            if place is not None and number == len(self.steps):
                y = place
            elif x.size * self.dtype.itemsize < LARGE:  # a quarter of a microsecond sooner
                y = np.empty(x.shape, self.dtype)
            else:
                y = empty_apart(x.shape, self.dtype, x)
            plan.run(x, *given, y)
            x = y
        return self.dense.give(x)


class Pass(NamedTuple):
    """A pass over images: how far windows reach down their rows and along them, and the numbers of what is done."""

    images: Images
    down: Reach | None
    along: Reach | None
    numbers: tuple[int, ...]


def passes(axes: Sequence[int], reaches: Sequence[Reach], shape: Sequence[int]) -> list[Pass]:
    """The passes for windows along some axes of an array, in their order.

    Examples
    --------
    >>> [found.numbers for found in passes([0, 1, 2], [Reach(1, 1, "zeros")] * 3, (50, 50, 3))]
    [(0, 1), (2,)]
    """
    groups: list[list[int]] = []
    for number, axis in enumerate(axes):
        before = axes[groups[-1][-1]] if groups else -2
        if before == axis - 1 and _runs_along(axis, shape) and not _runs_along(before, shape):
            groups[-1].append(number)
        else:
            groups.append([number])
    return [_pass(tuple(some), axes, reaches, shape) for some in groups]


def _runs_along(axis: int, shape: Sequence[int]) -> bool:
    """Whether windows along an axis are along rows, not down them."""
    return prod(shape[axis + 1 :]) < LEAST_ELEMENTS


def _pass(numbers: tuple[int, ...], axes: Sequence[int], reaches: Sequence[Reach], shape: Sequence[int]) -> Pass:
    first, last = axes[numbers[0]], axes[numbers[-1]]
    count, behind = prod(shape[:first]), prod(shape[last + 1 :])
    if not _runs_along(last, shape):
        return Pass(Images(count, shape[first], 1, behind), reaches[numbers[0]], None, numbers)
    if first == last:
        return Pass(Images(1, count, shape[last], behind), None, reaches[numbers[0]], numbers)
    return Pass(Images(count, shape[first], shape[last], behind), reaches[numbers[0]], reaches[numbers[1]], numbers)
