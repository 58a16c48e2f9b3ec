"""Plans of poolings of images as one long row: which lanes of which vectors see each tap."""

from __future__ import annotations

from math import gcd, prod

import numpy as np

from fastconv.geometry import Axis
from fastconv.jit.machine import machine
from fastconv.jit.reduction import MAXIMUM, MEAN
from fastconv.kernels.flat_pool import FLAT_POOL_TABLE, USUAL_TAPS, FlatPoolHead, FlatPoolPass, flat_pools
from fastconv.plan.pool import PoolPlan, least_value
from fastconv.plan.pool_tile import refuse_pool_rows
from fastconv.plan.problem import Problem
from fastconv.plan.span import is_dense
from fastconv.plan.sums import type_of_sums
from fastconv.plan.table import Table

__all__ = ["plan_flat_pool", "refuse_flat_pool"]

#: Masks that a table may have, of 8 bytes each: they are read over and over.
MOST_MASKS = 2**14
#: Bytes of a block's outputs: with what is between two passes they fit a first-level cache.
BLOCK_BYTES = 8192
#: Nanoseconds, for estimates only: a tap of a vector, where there are as many as usual and any number, what else a pass
#: does for one, its division, and a task.
USUAL_TAP_COST, TAP_COST, VECTOR_COST, DIVISION_COST, TASK_COST = 0.4, 0.9, 1.1, 0.8, 60.0


def refuse_flat_pool(problem: Problem) -> str | None:
    """Why an image cannot be one row, if it cannot."""
    g, x = problem.geometry, problem.x_steps()
    if any(axis.stride > 1 or axis.kernel % 2 == 0 or axis.before != axis.after for axis in g.axes):
        return "windows do not stand around their outputs"
    if any(axis.output != axis.size for axis in g.axes):
        return "the result has another size than the input"
    passes = _passed(problem)
    if len(passes) < 2:
        return "windows have one axis alone"
    sizes = (g.batch, g.channels, *(axis.size for axis in g.lift().axes))
    if not is_dense(sizes, x.steps):
        return "images do not follow each other without a gap"
    if reason := refuse_pool_rows(problem):
        return reason
    period = _period(problem, _lanes(problem))
    if period * sum(axis.kernel - 1 for axis, _ in passes) > MOST_MASKS:
        return f"it needs masks for {period} vectors, until they come again"
    return None


def plan_flat_pool(problem: Problem) -> PoolPlan:
    """Write down the taps of each axis and the lanes that have them, and cut the row into blocks."""
    g, lanes = problem.geometry, _lanes(problem)
    elements, period = prod(g.input_shape), _period(problem, lanes)
    table = Table(FLAT_POOL_TABLE)
    passed = _passed(problem)
    reaches = [-(-(axis.before * step) // lanes) for axis, step in passed]
    passes = [
        FlatPoolPass(
            taps_at=table.append(_taps(axis) * step),
            taps=axis.kernel - 1,
            masks_at=table.append(_masks(axis, step, period, lanes)),
            reach=sum(reaches[i + 1 :]),
        )
        for i, (axis, step) in enumerate(passed)
    ]
    settings, counts_step = _settings(problem, period * lanes, lanes)
    block = max(1, BLOCK_BYTES // machine().vector_bytes)
    vectors = -(-elements // lanes)
    head = FlatPoolHead(
        x_base=problem.x_steps().base,
        elements=elements,
        block=block,
        passes_at=table.append_records(passes),
        passes=len(passes),
        period=period,
        counts_at=0,
        counts_step=counts_step,
    )
    tasks = -(-vectors // block)
    taps, mean = [this.taps for this in passes], problem.op == "avg_pool"
    usual = set(taps) == {USUAL_TAPS}
    each = sum(taps) * (USUAL_TAP_COST if usual else TAP_COST) + len(passes) * VECTOR_COST + mean * DIVISION_COST
    return PoolPlan(
        kernel=flat_pools[MEAN if mean else MAXIMUM, USUAL_TAPS if usual else 0].bind(
            problem.x_dtype, problem.dtype, settings.dtype, np.int64
        ),
        table=table.finish([head]),
        settings=settings,
        tasks=tasks,
        nanoseconds=(vectors + 2 * tasks * passes[0].reach) * each + tasks * TASK_COST,
        summary=f"{tasks} blocks of {block} vectors of all images as one row, masks for {period}",
    )


def _sums(problem: Problem) -> np.dtype | None:
    return problem.dtype if problem.op == "max_pool" else type_of_sums(problem)


def _lanes(problem: Problem) -> int:
    """Elements of a vector, in the type in which windows are reduced."""
    sums = _sums(problem)
    assert sums is not None
    return machine().vector_bytes // sums.itemsize


def _passed(problem: Problem) -> list[tuple[Axis, int]]:
    """The axes along which windows have more than one tap, the last first, and the step from one place to the next."""
    axes = problem.geometry.axes
    steps = [prod(axis.size for axis in axes[i + 1 :]) for i in range(len(axes))]
    return [(axis, step) for axis, step in zip(axes[::-1], steps[::-1], strict=True) if axis.kernel > 1]


def _period(problem: Problem, lanes: int) -> int:
    """After how many vectors lanes stand as before in their images."""
    image = prod(axis.size for axis in problem.geometry.axes)
    return image // gcd(image, lanes)


def _taps(axis: Axis) -> np.ndarray:
    """How far each tap is from its output, but for that which is there itself."""
    taps = np.arange(axis.kernel) * axis.dilation - axis.before
    return taps[taps != 0]


def _masks(axis: Axis, step: int, period: int, lanes: int) -> np.ndarray:
    """The masks of each vector and tap."""
    place = np.arange(period * lanes) // step % axis.size
    seen = place[:, None] + _taps(axis)
    inside = ((seen >= 0) & (seen < axis.size)).reshape(period, lanes, -1)
    bits = np.left_shift(np.uint64(1), np.arange(lanes, dtype=np.uint64))
    return np.where(inside, bits[:, None], np.uint64(0)).sum(1, dtype=np.uint64).view(np.int64).reshape(-1)


def _settings(problem: Problem, places: int, lanes: int) -> tuple[np.ndarray, int]:
    """What a kernel takes by this name, and the step from one vector's counts to the next's."""
    if problem.op == "max_pool":
        return least_value(problem.dtype), 0
    sizes = [np.array(a.window_sizes(count_padding=problem.count_include_pad)) for a in problem.geometry.axes]
    counts = np.array(1)
    for along in sizes:
        counts = np.multiply.outer(counts, along)
    counts = np.full(1, problem.divisor) if problem.divisor else counts.reshape(-1)
    even = len(set(counts.tolist())) == 1
    found = np.resize(counts, lanes if even else places)
    return found.astype(_sums(problem)), 0 if even else lanes
