"""Plans of poolings by register tiles: where the rows of each window stand, and how the output is cut."""

from __future__ import annotations

from math import prod

import numpy as np

from fastconv.geometry import Axis
from fastconv.jit.lines import NO_LINE
from fastconv.jit.machine import machine
from fastconv.jit.pool_tile import PoolShape
from fastconv.jit.reduction import MEAN
from fastconv.kernels.pool_rows import DOWN
from fastconv.kernels.pool_tile import POOL_TILE_TABLE, ROWS, SHAPES, PoolTileHead, pool_tiles
from fastconv.plan.pool import PoolPlan, least_value
from fastconv.plan.pooled_axes import PooledAxes, merged
from fastconv.plan.positions import MOST_COLUMNS, line_positions
from fastconv.plan.problem import Problem
from fastconv.plan.rolling import rolls
from fastconv.plan.sums import type_of_sums
from fastconv.plan.table import Table

__all__ = [
    "MOST_LANES", "TILE_COST", "VECTOR_COST", "plan_pool_tile", "refuse_masked_rows", "refuse_pool_rows",
    "refuse_pool_tile", "tile_head", "tile_tasks", "vectors_of",
]  # fmt: skip

#: Outputs of a task: enough to make up for a call, few enough for threads to balance and for Python to see Ctrl-C.
MOST_OUTPUTS, LEAST_OUTPUTS = 16384, 1024
#: Taps of a window for which these hold.
USUAL_TAPS = 16
#: Tasks from which on threads balance.
MANY_TASKS = 32
#: A piece of a row has a multiple of so many outputs, which is some vectors of any type.
COLUMNS = 512
#: Elements that a vector has at most.
MOST_LANES = 64
#: Nanoseconds, for estimates only: to load a vector and to reduce it, and for a tile to begin and to write its results.
VECTOR_COST, TILE_COST = 0.5, 12.0
#: The same for a row of a tile that rolls to begin, and to write its results.
ROW_COST = 1.5


def refuse_pool_rows(problem: Problem) -> str | None:
    """Why rows cannot be reduced in place, if they cannot."""
    return "it keeps no indices" if problem.indices else refuse_masked_rows(problem)


def refuse_masked_rows(problem: Problem) -> str | None:
    """Why parts of rows cannot be loaded as vectors, if they cannot, or not reduced in a type that vectors have."""
    last = problem.geometry.axes[-1]
    if not machine().masks(problem.x_dtype.itemsize):
        return f"vectors of {problem.x_dtype} cannot be loaded in part on this CPU"
    if problem.x_steps().steps[-1] != 1:
        return "elements of a row do not stand beside each other"
    if last.size + last.before + last.after + last.extent >= MOST_COLUMNS:
        return "rows are too long for its masks"
    if problem.op == "avg_pool" and type_of_sums(problem) is None:
        return f"no type of vectors holds every sum of {problem.x_dtype} for averages of {problem.dtype}"
    return None


def refuse_pool_tile(problem: Problem) -> str | None:
    """Why tiles cannot serve, if they cannot."""
    if _shape(problem) is None:
        w = problem.geometry.axes[-1]
        return f"it has no windows of {w.kernel} columns at stride {w.stride} and dilation {w.dilation}"
    return refuse_pool_rows(problem)


def _shape(problem: Problem) -> PoolShape | None:
    """The first kernel that serves, for the axes as they are pooled."""
    axes = merged(problem)
    h, w = axes.h, axes.w
    may_roll = axes.d.kernel == h.dilation == 1 and h.stride == w.stride and rolls(w)
    for shape in SHAPES:
        rows = shape.taps == 1 or (h.kernel % shape.taps == 0 and h.stride == h.dilation == 1)
        if shape.rolls:
            rows = may_roll and h.kernel == shape.taps
        columns = shape.columns == 0 or (shape.columns == w.kernel and w.dilation == 1)
        if (shape.op == MEAN) == (problem.op == "avg_pool") and rows and columns and shape.column_step == w.stride:
            return shape
    return None


def plan_pool_tile(problem: Problem) -> PoolPlan:
    """Cut the outputs into blocks, and write down where the rows of their windows stand."""
    shape = _shape(problem)
    assert shape is not None
    table = Table(POOL_TILE_TABLE)
    head, settings = tile_head(problem, merged(problem), table, shape, MOST_COLUMNS)
    tasks = tile_tasks(problem, head)
    rows = "all" if shape.rolls else shape.rows
    return PoolPlan(
        kernel=pool_tiles[shape].bind(problem.x_dtype, problem.dtype, settings.dtype, np.int64),
        table=table.finish([head]),
        settings=settings,
        tasks=tasks,
        nanoseconds=_nanoseconds(problem, head, shape, settings),
        summary=f"{tasks} blocks of {head.row_block} x {head.column_block} outputs, {rows} rows at once",
    )


def tile_head(
    problem: Problem, axes: PooledAxes, table: Table, shape: PoolShape, most_columns: int
) -> tuple[PoolTileHead, np.ndarray]:
    """How outputs are cut, where the lists stand, which are appended to the table, and the kernel's settings."""
    x, (d, h, w) = problem.x_steps(), (axes.d, axes.h, axes.w)
    images = problem.geometry.batch * axes.channels * d.output
    work = max(1, prod(axis.kernel for axis in (d, h, w)) // USUAL_TAPS)
    row_block, column_block = _block_sizes(images, h.output, min(w.output, most_columns), work)
    lines = line_positions(h, _tile_rows(h, shape), axes.x_h)
    depths = np.arange(d.output)[:, None] * d.stride + np.arange(d.kernel) * d.dilation - d.before
    planes = line_positions(d, depths, axes.x_d)
    settings, places = _settings(problem, axes, spread=w.stride if shape == DOWN else 1)
    head = PoolTileHead(
        channels=axes.channels,
        planes=d.output,
        rows=h.output,
        columns=w.output,
        x_base=x.base,
        x_batch=x.steps[0],
        x_channel=axes.x_channel,
        row_block=row_block,
        row_blocks=-(-h.output // row_block),
        column_block=column_block,
        column_blocks=-(-w.output // column_block),
        planes_at=table.append(planes.reshape(-1)),
        taps_d=d.kernel,
        lines_at=table.append(lines.reshape(-1)),
        groups=h.kernel // shape.taps,
        offsets_at=table.append(np.arange(w.kernel) * w.dilation - w.before),
        taps_w=w.kernel,
        limit=w.size,
        nothing=w.size if NO_LINE in planes or NO_LINE in lines else 1,
        plane_counts=places[0],
        row_counts=places[1],
        column_counts=places[2],
        counts_step=places[3],
    )
    return head, settings


def tile_tasks(problem: Problem, head: PoolTileHead) -> int:
    """Number of blocks of all images."""
    return problem.geometry.batch * head.channels * head.planes * head.row_blocks * head.column_blocks


def _tile_rows(h: Axis, shape: PoolShape) -> np.ndarray:
    """The rows [tile, rows together, row] of the input that tiles read; those that roll read all."""
    if shape.rolls:
        return np.arange((h.output - 1) * h.stride + h.kernel) - h.before
    tile = np.arange(-(-h.output // shape.rows))[:, None, None] * shape.rows * h.stride
    together = np.arange(h.kernel // shape.taps)[:, None] * shape.taps * h.dilation
    return tile + together + np.arange(shape.lines) * h.stride - h.before


def _settings(problem: Problem, axes: PooledAxes, spread: int) -> tuple[np.ndarray, tuple[int, int, int, int]]:
    """What a kernel takes by this name, where the counts of planes, rows and columns begin, and the columns' step.

    Counts of columns stand `spread` apart. There are ones at the end.
    """
    if problem.op == "max_pool":
        return least_value(problem.dtype), (0, 0, 0, 0)
    planes, rows, columns = axes.counts
    if problem.divisor:
        planes, rows, columns = (problem.divisor,) * len(planes), (1,) * len(rows), (1,) * len(columns)
    even, ones = len(set(columns)) == 1, np.ones(MOST_LANES * 4)
    if even:
        by_column = ones * columns[0]
    else:
        by_column = np.ones(len(columns) * spread)
        by_column[::spread] = columns
    parts = [np.zeros(1), np.array(planes), np.array(rows), np.ones(ROWS), by_column, ones]
    starts = np.cumsum([part.size for part in parts]).tolist()
    return np.concatenate(parts).astype(type_of_sums(problem)), (starts[0], starts[1], starts[3], int(not even))


def _block_sizes(planes: int, height: int, width: int, work: int) -> tuple[int, int]:
    """Outputs of a block on the axes of rows and columns; each is so many times the work of one of a small window."""
    most = min(MOST_OUTPUTS // work, max(LEAST_OUTPUTS // work, planes * height * width // MANY_TASKS))
    columns = min(width, max(COLUMNS, most // ROWS // COLUMNS * COLUMNS))
    tiles = -(-height // ROWS)
    pieces = -(-tiles // max(1, most // (columns * ROWS)))
    return -(-tiles // pieces) * ROWS, columns


def _nanoseconds(problem: Problem, head: PoolTileHead, shape: PoolShape, settings: np.ndarray) -> float:
    """Rough time on one thread."""
    vectors = vectors_of(head.columns, settings)
    if shape.rolls:
        loads = shape.columns if shape.column_step == 1 else shape.column_step**2
        rows = problem.geometry.batch * head.channels * head.planes * head.rows
        return rows * vectors * (loads * VECTOR_COST + ROW_COST)
    tiles = problem.geometry.batch * head.channels * head.planes * -(-head.rows // shape.rows)
    loads = shape.lines * head.groups * head.taps_d * (head.taps_w if shape.column_step == 1 else shape.column_step)
    return tiles * vectors * (loads * VECTOR_COST + TILE_COST)


def vectors_of(numbers: int, settings: np.ndarray) -> int:
    """Vectors, in the type of the settings, that so many numbers take."""
    return -(-numbers * settings.itemsize // machine().vector_bytes)
