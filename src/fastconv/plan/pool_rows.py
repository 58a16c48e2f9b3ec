"""Plans of poolings in two passes: rows of the input are reduced in place by register tiles, then along the result."""

from __future__ import annotations

import numpy as np

from fastconv.kernels.pool_rows import DOWN, ROW_POOL_TABLE, RowPoolHead, RowPoolPass, avg_pool_rows, max_pool_rows
from fastconv.kernels.pool_tile import ROWS, PoolTileHead
from fastconv.plan.pool import PoolPlan
from fastconv.plan.pool_tile import MOST_LANES, TILE_COST, VECTOR_COST, tile_head, tile_tasks, vectors_of
from fastconv.plan.pooled_axes import MOST_REACH, merged, row_passes
from fastconv.plan.problem import Problem
from fastconv.plan.table import Table

__all__ = ["plan_pool_rows"]

#: Nanoseconds, for estimates only, for an output that is copied by itself.
OUTPUT_COST = 0.3


def plan_pool_rows(problem: Problem) -> PoolPlan:
    """Cut the outputs into blocks, as tiles do, and write down what the second pass reads."""
    table = Table(ROW_POOL_TABLE)
    axes = merged(problem)
    w = axes.w
    head, settings = tile_head(problem, axes, table, DOWN, max(1, MOST_REACH // w.stride))
    reach = (head.column_block - 1) * w.stride + w.extent
    steps = row_passes(w, problem.op == "max_pool")
    passes = [
        RowPoolPass(table.append(np.array(taps) * w.dilation), len(taps), taps[-1] * w.dilation) for taps in steps
    ]
    along = RowPoolHead(
        stride=w.stride,
        extent=w.extent,
        start_at=table.append([-w.before]),
        rows_at=table.append(np.arange(ROWS) * reach),
        zero_at=table.append([0]),
        reach=reach,
        passes_at=table.append_records(passes),
        passes=len(passes),
        ones_at=len(settings) - MOST_LANES * 4 if problem.op == "avg_pool" else 0,
    )
    tasks = tile_tasks(problem, head)
    return PoolPlan(
        kernel=(max_pool_rows if problem.op == "max_pool" else avg_pool_rows).bind(
            problem.x_dtype, problem.dtype, settings.dtype, np.int64
        ),
        table=table.finish([head, along]),
        settings=settings,
        tasks=tasks,
        nanoseconds=_nanoseconds(problem, head, along, sum(map(len, steps)), settings),
        summary=f"{tasks} blocks of {head.row_block} x {head.column_block} outputs, {ROWS} rows at once, "
        f"{head.taps_d * head.groups} rows and {' + '.join(str(len(taps)) for taps in steps)} columns reduced",
    )


def _nanoseconds(problem: Problem, head: PoolTileHead, along: RowPoolHead, taps: int, settings: np.ndarray) -> float:
    """Rough time on one thread."""
    vectors = head.column_blocks * vectors_of(along.reach, settings)
    loads = ROWS * vectors * (head.groups * head.taps_d + taps)
    tiles = problem.geometry.batch * head.channels * head.planes * -(-head.rows // ROWS)
    return tiles * (loads * VECTOR_COST + vectors * (1 + along.passes) * TILE_COST + ROWS * head.columns * OUTPUT_COST)
