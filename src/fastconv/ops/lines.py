"""Filters of one line of weights after the other, for arrays of any number of axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from fastconv.ops.arguments import Form
from fastconv.ops.passes import Dense, passes
from fastconv.plan.kernel_plan import KernelPlan
from fastconv.plan.lines import fills_tiles, plan_lines
from fastconv.plan.reach import Reach

__all__ = ["Line", "LineFilter", "plan_line_filter"]


class Line(NamedTuple):
    """Weights along an axis, how far they reach before and behind an element, and what stands beside the array."""

    axis: int
    weights: np.ndarray
    reach: Reach


@dataclass(frozen=True, slots=True)
class LineFilter:
    """All that is known of lines that are applied but the values of the array.

    Attributes
    ----------
    dense : Dense
        How the array is taken.
    steps : tuple of (KernelPlan, ndarray)
        Passes over it, with their weights.
    """

    dense: Dense
    steps: tuple[tuple[KernelPlan, np.ndarray], ...]

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """The filtered array; its axes lie in memory as those of `x` do."""
        x = self.dense.take(x)
        for plan, weights in self.steps:
            y = np.empty(x.shape, self.dense.dtype)
            plan.run(x, weights, y)
            x = y
        return self.dense.give(x)


def plan_line_filter(form: Form, lines: Sequence[Line], value: float, dtype: np.dtype) -> LineFilter | None:
    """Plan lines of weights over an array of such a form, summed in float32 or float64; None where that takes longer
    than a convolution does.

    Parameters
    ----------
    form : Form
        Of an array with elements.
    lines : sequence of Line
        One at least, of different axes.
    value : float
        What stands beside the array in mode "zeros".
    dtype : dtype
        Of the sums.
    """
    dense = Dense.of(form, dtype)
    placed = [line._replace(axis=dense.place(line.axis)) for line in lines]
    if value == 0 or all(line.reach.mode != "zeros" for line in lines):  # in any order then
        placed.sort(key=lambda line: line.axis)
    shape, steps = dense.lying(form.shape), []
    for some in passes([line.axis for line in placed], [line.reach for line in placed], shape):
        if not fills_tiles(some.images):
            return None
        weights = np.concatenate([*(placed[number].weights for number in some.numbers), [value]])
        steps.append((plan_lines(some.images, some.down, some.along, dtype), weights.astype(dtype)))
    return LineFilter(dense, tuple(steps))
