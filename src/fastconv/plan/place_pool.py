"""Plans of maxima with their places by register tiles."""

from __future__ import annotations

from math import prod

import numpy as np

from fastconv.geometry import Axis
from fastconv.kernels.place_pool import PLACE_POOL_TABLE, PlacePoolHead, max_pool_places
from fastconv.kernels.pool_rows import DOWN
from fastconv.plan.pool import PoolPlan
from fastconv.plan.pool_tile import refuse_masked_rows, tile_head, tile_tasks, vectors_of
from fastconv.plan.pooled_axes import MOST_REACH, merged
from fastconv.plan.problem import Problem
from fastconv.plan.table import Table

__all__ = ["plan_place_pool", "refuse_place_pool"]

#: Places in a plane are counted by 32 bits, from a window's first tap on.
MOST_ELEMENTS = 2**31
#: Nanoseconds, for estimates only: to compare a vector and to note its place, a vector of results, and one result.
COMPARE_COST, VECTOR_COST, OUTPUT_COST = 1.5, 4.0, 0.8


def refuse_place_pool(problem: Problem) -> str | None:
    """Why tiles of maxima and places cannot serve, if they cannot."""
    if not problem.indices:
        return "it is for maxima whose places are wanted"
    if prod(axis.size + axis.before + axis.after + axis.extent for axis in problem.geometry.axes) >= MOST_ELEMENTS:
        return "places have more than 32 bits"
    return refuse_masked_rows(problem)


def plan_place_pool(problem: Problem) -> PoolPlan:
    """Cut the outputs into blocks, and write down where the rows of their windows stand and what to count from."""
    table = Table(PLACE_POOL_TABLE)
    axes = merged(problem, fold=False)
    d, h, w = axes.d, axes.h, axes.w
    head, settings = tile_head(problem, axes, table, DOWN, max(1, MOST_REACH // w.stride))
    plane = h.size * w.size
    # Rows that are channels have planes of their own.
    row = w.size if axes.channels == problem.geometry.channels else 0
    of_places = PlacePoolHead(
        stride=w.stride,
        reach=(head.column_block - 1) * w.stride + 1,
        plane_step=d.dilation * plane,
        group_step=h.dilation * w.size,
        tap_step=w.dilation,
        origin=-d.before * plane - h.before * row - w.before,
        origin_plane=d.stride * plane,
        origin_row=h.stride * row,
        planes_first=table.append(_firsts(d) * plane),
        rows_first=table.append(_firsts(h) * row),
        columns_first=table.append(_firsts(w)),
    )
    tasks = tile_tasks(problem, head)
    rows = problem.geometry.batch * head.channels * head.planes * head.rows
    vectors = rows * head.column_blocks * vectors_of(of_places.reach, settings)
    taps = head.taps_d * head.groups * head.taps_w
    return PoolPlan(
        kernel=max_pool_places.bind(problem.x_dtype, problem.dtype, np.int64, settings.dtype, np.int64),
        table=table.finish([head, of_places]),
        settings=settings,
        tasks=tasks,
        nanoseconds=vectors * (taps * COMPARE_COST + VECTOR_COST) + rows * head.columns * OUTPUT_COST,
        summary=f"{tasks} blocks of {head.row_block} x {head.column_block} outputs, {taps} taps of each compared",
    )


def _firsts(axis: Axis) -> np.ndarray:
    """How far behind its first tap each window meets the input."""
    starts = np.arange(axis.output) * axis.stride - axis.before
    return np.maximum(0, -(starts // axis.dilation)) * axis.dilation
