"""Plans of windows of any shape: where each of their elements stands, and how the output is cut into runs."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from fastconv.jit.kernel import Bound
from fastconv.kernels.taps import TAP_TABLE, TapHead, Taps, greatest_of_taps, least_of_taps, sums_of_taps, whole_sums
from fastconv.plan.kernel_plan import KernelPlan
from fastconv.plan.layout import strides_first
from fastconv.plan.table import Table

__all__ = ["plan_extremes", "plan_sums"]

#: Outputs of a task: with the windows of one tap after the other they stay in a first-level cache.
BLOCK = 1024
#: Nanoseconds, for estimates only: an element of one tap, and a task's begin.
ELEMENT_COST, TASK_COST = 0.1, 50.0


def plan_extremes(size: Sequence[int], where: np.ndarray, dtype: np.dtype, least: bool) -> KernelPlan:
    """Plan the extremes of the elements that are true in `where`, for an array of so many elements along each axis."""
    kernel = (least_of_taps if least else greatest_of_taps).bind(dtype, dtype, np.int64)
    return _plan(kernel, size, where.shape, _places(size, where))


def plan_sums(
    size: Sequence[int],
    window: Sequence[int],
    taps: np.ndarray,
    pairs: np.ndarray,
    x_dtype: np.dtype,
    dtype: np.dtype,
    near: np.dtype | None,
) -> KernelPlan:
    """Plan sums of windows of so many elements along each axis, by the numbers of those that count, in their order.

    From sums in the dtype `near` that are nearly right, where that is given.
    """
    places = _places(size, np.ones(window, bool))
    if near is None:
        kernel = sums_of_taps.bind(x_dtype, np.float64, dtype, np.int64)
    else:
        kernel = whole_sums.bind(near, x_dtype, np.float64, near, dtype, np.int64)
    return _plan(kernel, size, window, places[taps], places[pairs.reshape(-1)])


def _places(size: Sequence[int], where: np.ndarray) -> np.ndarray:
    """Flat positions of a window's elements that are true."""
    return np.argwhere(where) @ np.array(strides_first(size, 1), np.int64)


def _plan(
    kernel: Bound, size: Sequence[int], window: Sequence[int], taps: np.ndarray, pairs: Sequence[int] | np.ndarray = ()
) -> KernelPlan:
    outputs = [n - k + 1 for n, k in zip(size, window, strict=True)]
    # Behind the last axis along which windows reach, outputs stand as elements do.
    last = max((axis for axis, k in enumerate(window) if k > 1), default=0)
    run, lines = prod(outputs[last:]), np.zeros(1, np.int64)
    for n, step in zip(outputs[:last], strides_first(size, 1), strict=False):
        lines = (lines[:, None] + np.arange(n) * step).reshape(-1)
    blocks, table = -(-run // BLOCK), Table(TAP_TABLE)
    head = TapHead(
        run=run,
        block=-(-run // blocks),
        blocks=blocks,
        lines_at=table.append(lines),
    )
    places = Taps(table.append(taps), len(taps), table.append(pairs), len(pairs) // 2)
    tasks, elements = lines.size * blocks, prod(outputs) * (places.taps + 2 * places.pairs)
    return KernelPlan(kernel, table.finish([head, places]), tasks, elements * ELEMENT_COST + tasks * TASK_COST)
