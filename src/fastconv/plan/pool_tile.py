"""Plans of poolings by register tiles: where the rows of each window stand, and how the output is cut."""

from __future__ import annotations

from math import prod
from typing import NamedTuple

import numpy as np

from fastconv.geometry import Axis
from fastconv.jit.lines import NO_LINE
from fastconv.jit.machine import machine
from fastconv.jit.pool_tile import PoolShape
from fastconv.jit.reduction import MEAN
from fastconv.kernels.pool_rows import DOWN, ROW_POOL_TABLE, RowPoolHead, RowPoolPass, avg_pool_rows, max_pool_rows
from fastconv.kernels.pool_tile import POOL_TILE_TABLE, ROWS, SHAPES, PoolTileHead, pool_tiles
from fastconv.plan.pool import PoolPlan, least_value
from fastconv.plan.positions import MOST_COLUMNS, line_positions
from fastconv.plan.problem import Problem
from fastconv.plan.rolling import rolls
from fastconv.plan.table import Table

__all__ = [
    "MOST_REACH", "PooledAxes", "float_of_sums", "merged", "plan_pool_rows", "plan_pool_tile", "refuse_masked_rows",
    "refuse_pool_rows", "refuse_pool_tile", "tile_head", "tile_tasks", "vectors_of",
]  # fmt: skip

#: Outputs of a task: enough to make up for a call, few enough for threads to balance and for Python to see Ctrl-C.
MOST_OUTPUTS, LEAST_OUTPUTS = 16384, 1024
#: Taps of a window for which these hold.
USUAL_TAPS = 16
#: Most lines that a table lists for rows that are folded.
MOST_LINES = 2**17
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
#: The same for an output that is copied by itself.
OUTPUT_COST = 0.3
#: Columns that outputs of a block see in the second pass, at most: four rows of them fit a first-level cache.
MOST_REACH = 1536


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
    if problem.op == "avg_pool" and float_of_sums(problem) is None:
        return f"no float holds every sum of so many elements of {problem.x_dtype} for averages of {problem.dtype}"
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


def float_of_sums(problem: Problem) -> np.dtype | None:
    """The float in which averages are summed: one that holds whole numbers, and tells their quotients apart, exactly.

    A quotient a / b that is not whole is at least 1 / b away from the next whole number, which is more than it is
    rounded by as long as the float holds a + b.
    """
    given, result = problem.x_dtype, problem.dtype
    if given.kind == "f":
        return result
    if given.kind == "b":
        return None
    taps = prod(problem.geometry.kernel_size)
    divisor = abs(problem.divisor or taps)
    if result.kind != "f" and (divisor < taps or not np.can_cast(given, result)):
        return None  # results may wrap around
    most = max(abs(int(np.iinfo(given).min)), int(np.iinfo(given).max)) * taps + divisor
    kinds = (np.dtype(np.float32), np.dtype(np.float64))
    return next((kind for kind in kinds if most < 2 ** (np.finfo(kind).nmant + 1) and kind >= result), None)


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


def plan_pool_rows(problem: Problem) -> PoolPlan:
    """The same for two passes, and what the second reads."""
    table = Table(ROW_POOL_TABLE)
    axes = merged(problem)
    w = axes.w
    head, settings = tile_head(problem, axes, table, DOWN, max(1, MOST_REACH // w.stride))
    reach = (head.column_block - 1) * w.stride + w.extent
    steps = _passes(w, problem.op == "max_pool")
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
        nanoseconds=_rows_nanoseconds(problem, head, along, sum(map(len, steps)), settings),
        summary=f"{tasks} blocks of {head.row_block} x {head.column_block} outputs, {ROWS} rows at once, "
        f"{head.taps_d * head.groups} rows and {' + '.join(str(len(taps)) for taps in steps)} columns reduced",
    )


def _passes(w: Axis, overlap: bool) -> list[list[int]]:
    """The taps of passes along rows, which together reduce a window: each reduces windows of the last one.

    Maxima may count an element twice; sums need factors of the window's size.
    """
    found, have, radix = [], 1, 4 if w.kernel > 5 else w.kernel
    while have < w.kernel:
        if overlap:
            step = min(radix * have, w.kernel)
            taps = sorted({min(i * have, step - have) for i in range(-(-step // have))})
        else:
            factor = next(n for n in range(2, w.kernel + 1) if w.kernel // have % n == 0)
            taps, step = [i * have for i in range(factor)], factor * have
        found.append(taps)
        have = step
    return found or [[0]]


class PooledAxes(NamedTuple):
    """What is pooled: channels, planes, rows and columns.

    With the input's steps of the first three, and the numbers of elements that windows count along the others.
    """

    channels: int
    d: Axis
    h: Axis
    w: Axis
    x_channel: int
    x_d: int
    x_h: int
    counts: tuple[tuple[int, ...], ...]


def merged(problem: Problem, fold: bool = True) -> PooledAxes:
    """The axes of a problem. One window that is as high as the input is one long row where its rows follow each other.

    Such a row is folded into shorter ones, if it may be, where channels follow each other, too; else they are rows of
    an image, as those of signals are.
    """
    g, steps = problem.geometry.lift(), problem.x_steps().steps
    (d, h, w), (x_channel, x_d, x_h, x_w) = g.axes, steps[1:]
    d_counts, h_counts, w_counts = (axis.window_sizes(count_padding=problem.count_include_pad) for axis in g.axes)
    channels = g.channels
    if _whole(h) and _whole(w) and x_h == w.size * x_w:
        w, h, x_h = Axis(h.size * w.size, h.size * w.size), Axis(1, 1), 0
        w_counts, h_counts = (h_counts[0] * w_counts[0],), (1,)
        if _whole(d) and x_d == w.size:
            w, d, x_d = Axis(d.size * w.size, d.size * w.size), Axis(1, 1), 0
            w_counts, d_counts = (d_counts[0] * w_counts[0],), (1,)
    foldable = fold and d.padded == h.padded == x_w == 1 and _whole(w) and x_channel == w.size
    width = _fold(problem, channels, w) if foldable else w.size
    if width < w.size:
        height = w.size // width
        h, w = Axis(channels * height, height, height), Axis(width, width)
        channels, x_h, x_channel, h_counts = 1, width, 0, h_counts * channels
    elif d.padded == h.padded == 1:
        channels, h, x_h, x_channel, h_counts = 1, Axis(channels, 1), x_channel, 0, h_counts * channels
    return PooledAxes(channels, d, h, w, x_channel, x_d, x_h, (d_counts, h_counts, w_counts))


def _fold(problem: Problem, channels: int, w: Axis) -> int:
    """Columns of the rows that one long row of each channel is folded into, for least work down and along them.

    Averages of 64 channels of 56 x 56 take 0.3 of the time that one long row takes, those of 7 x 7 as long as before.
    """
    lanes, size = machine().vector_bytes // problem.dtype.itemsize, w.size
    widths = [n for n in range(1, min(size, MOST_REACH) + 1) if size % n == 0 and channels * (size // n) <= MOST_LINES]

    def loads(width: int) -> int:
        along = sum(map(len, _passes(Axis(width, width), problem.op == "max_pool")))
        return -(-width // lanes) * (size // width + along)

    return min(widths, key=loads, default=size)


def _whole(axis: Axis) -> bool:
    return axis.output == 1 and axis.kernel == axis.padded == axis.size


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
    return np.concatenate(parts).astype(float_of_sums(problem)), (starts[0], starts[1], starts[3], int(not even))


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


def _rows_nanoseconds(
    problem: Problem, head: PoolTileHead, along: RowPoolHead, taps: int, settings: np.ndarray
) -> float:
    vectors = head.column_blocks * vectors_of(along.reach, settings)
    loads = ROWS * vectors * (head.groups * head.taps_d + taps)
    tiles = problem.geometry.batch * head.channels * head.planes * -(-head.rows // ROWS)
    return tiles * (loads * VECTOR_COST + vectors * (1 + along.passes) * TILE_COST + ROWS * head.columns * OUTPUT_COST)


def vectors_of(numbers: int, settings: np.ndarray) -> int:
    """Vectors, in the type of the settings, that so many numbers take."""
    return -(-numbers * settings.itemsize // machine().vector_bytes)
