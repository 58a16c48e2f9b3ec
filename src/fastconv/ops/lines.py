"""Filters of one line of weights after the other, for arrays of any number of axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from fastconv.ops import taps
from fastconv.ops.arguments import Form
from fastconv.ops.passes import Dense, Pass, PassFilter, passes
from fastconv.plan.kernel_plan import KernelPlan
from fastconv.plan.lines import fills_tiles, plan_lines
from fastconv.plan.reach import Reach
from fastconv.plan.whole_lines import Order, plan_whole_lines

__all__ = ["Line", "plan_line_filter", "plan_whole_line_filter"]


class Line(NamedTuple):
    """Weights along an axis, how far they reach before and behind an element, and what stands beside the array."""

    axis: int
    weights: np.ndarray
    reach: Reach


def plan_line_filter(
    form: Form, lines: Sequence[Line], value: float, dtype: np.dtype, divisor: float = 1
) -> PassFilter | None:
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
    divisor : float
        What sums are divided by in the end: means of equal numbers are that number more often than where weights are.
    """
    dense = Dense.of(form, dtype)
    placed = [line._replace(axis=dense.place(line.axis)) for line in lines]
    if value == 0 or all(line.reach.mode != "zeros" for line in lines):  # in any order then
        placed.sort(key=lambda line: line.axis)
    shape, steps = dense.lying(form.shape), []
    found = passes([line.axis for line in placed], [line.reach for line in placed], shape)
    for some in found:
        if not fills_tiles(some.images):
            return None
        weights = np.concatenate([*(placed[number].weights for number in some.numbers), [value, divisor]])
        divided = divisor != 1 and some is found[-1]
        steps.append((plan_lines(some.images, some.down, some.along, dtype, divided), (weights.astype(dtype),)))
    return PassFilter(dense, dtype, tuple(steps))


def plan_whole_line_filter(form: Form, lines: Sequence[Line], value: float, dtype: np.dtype) -> PassFilter | None:
    """Plan lines of weights over an array of bytes, in their order, with the bits of `taps.sums` by pairs.

    Arguments are those of `plan_line_filter`, but that `dtype` is the result's, integers of 8 bits too. None
    where more sums than a few would be taken anew, or images are too small for tiles.
    """
    if {form.dtype.itemsize, dtype.itemsize} != {1} or np.float32(value) != value:
        return None
    work = np.dtype(np.uint8) if form.dtype.kind == "b" else form.dtype
    dense = Dense.of(form, work)
    axes, steps = [dense.place(line.axis) for line in lines], []
    for some in passes(axes, [line.reach for line in lines], dense.lying(form.shape)):
        offs = [taps.off_in_float32(max(255.0, abs(value)), lines[number].weights) for number in some.numbers]
        if not fills_tiles(some.images) or max(offs) > taps.MOST_DOUBT:
            return None
        steps.append(_whole_step(some, [lines[number].weights for number in some.numbers], offs, value, work, dtype))
        work = dtype
    return PassFilter(dense, dtype, tuple(steps))


def _whole_step(
    some: Pass, weights: Sequence[np.ndarray], offs: Sequence[float], value: float, work: np.dtype, dtype: np.dtype
) -> tuple[KernelPlan, tuple[np.ndarray, np.ndarray]]:
    """A pass, with its weights in float32 and in float64."""
    chosen = [taps.along_line(w.astype(np.float64)) for w in weights]
    exact = [np.array([*w[one.taps], *w[one.pairs[:, 0]], one.sign]) for w, one in zip(weights, chosen, strict=True)]
    orders: list[Order] = [(tuple(one.taps.tolist()), tuple(one.pairs.ravel().tolist())) for one in chosen]
    if some.down is None:
        orders, offs = [((), ()), *orders], [0.0, *offs]
    elif some.along is None:
        orders, offs = [*orders, ((), ())], [*offs, 0.0]
    plan = plan_whole_lines(some.images, some.down, some.along, (orders[0], orders[1]), work, dtype)
    rounded = np.concatenate([*weights, [value], np.array(offs) * (1 + 2.0**-20)])  # no less in float32
    return plan, (rounded.astype(np.float32), np.concatenate(exact))
