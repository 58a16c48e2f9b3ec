"""Plans of depthwise convolutions: where the rows of each window stand, and how the output is cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from math import prod

import numpy as np

from fastconv.geometry import Axis, Geometry
from fastconv.jit.machine import machine
from fastconv.jit.window_shape import Shape
from fastconv.kernels.activation import activation_number
from fastconv.kernels.depthwise import DEPTHWISE_TABLE, ROWS, SHAPES, DepthwiseAxis, DepthwiseHead, depthwise
from fastconv.kernels.slab import SlabAxis
from fastconv.plan.positions import MOST_COLUMNS, line_positions
from fastconv.plan.problem import Problem
from fastconv.plan.products import GATHER_COST, multiply_cost
from fastconv.plan.rolling import rolls
from fastconv.plan.table import Table
from fastconv.plan.unpacked import UnpackedPlan
from fastconv.plan.weights import weights_of
from fastconv.plan.windows import Windows, plain_axis, slab_axes

__all__ = ["plan_depthwise"]

#: More than any place in a slab.
NO_LIMIT = 2**31 - 1

#: Outputs of a block: enough to make up for the rows that blocks share, few enough for the first levels of the cache.
MOST_OUTPUTS, LEAST_OUTPUTS = 16384, 2048
#: Rows of a block that is gathered, for each row that the next one gathers too: a quarter are gathered twice at most.
LEAST_SHARE = 3
#: Elements beside a row up to which it is worth to put them in one by one, by tiles of half as many vectors. On images
#: of 64 to 1024 squared, 3x3 windows take 1.3 to 1.7 times as long as beside zeros so and 1.9 gathered, 5x5 ones 1.3 to
#: 1.6 and 1.35, 9x9 ones 1.3 to 1.4 and 1.15, 15x15 ones on 64 x 64 3.0 and 1.1 (1 thread, Zen 4).
MOST_BESIDE = 1
#: Nanoseconds, for estimates only: to multiply a vector that is loaded for this product alone, or put together from
#: every second element; for a tile to begin and to write its sums; and for a call to begin, beside plain loops.
LOAD_COST, SHIFT_COST, TILE_COST, CALL_COST = 0.24, 0.3, 20.0, 400.0
#: Blocks of rows are cut at a multiple of so many outputs, which is some vectors of any type.
COLUMNS = 128
#: Tasks from which on threads balance.
MANY_TASKS = 32
#: Products of a task, at most: some milliseconds, since Python sees no Ctrl-C until it is over.
MOST_PRODUCTS = 50_000_000


def plan_depthwise(problem: Problem) -> UnpackedPlan:
    """Cut the outputs into blocks, and write down where the rows of their windows stand."""
    g, x, weights = problem.geometry.lift(), problem.x_steps(), weights_of(problem)
    in_place, borders = _in_place(problem), Windows(g.axes[-1]).borders(g.padding_mode)
    whole = in_place or _whole(g)
    before, after = map(len, borders if in_place else ((), ()))
    shape = _shape(g, whole, before + after > 0)
    sizes = _block_sizes(g, in_place)
    counts = tuple(-(-size // block) for size, block in zip(g.output_size, sizes, strict=True))
    table = Table(DEPTHWISE_TABLE)
    if in_place:
        slabs = [plain_axis(table) for _ in g.axes]
        places = _places_in_input(g, shape, x.steps[2:])
    else:
        strides = [axis.stride if whole else 1 for axis in g.axes]
        windows = [Windows(replace(axis, stride=1) if whole else axis) for axis in g.axes]
        extents = [(size - 1) * stride + 1 for size, stride in zip(sizes, strides, strict=True)]
        slabs = slab_axes(table, windows, extents, x.steps[2:], g.padding_mode)
        places = _places_in_slab(windows, slabs, shape, sizes, strides)
    head = DepthwiseHead(
        groups=g.groups,
        multiplier=g.out_channels // g.groups,
        in_place=in_place,
        x_base=x.base,
        x_batch=x.steps[0],
        x_channel=x.steps[1],
        weight_base=weights.base,
        weight_group=weights.group,
        weight_row=weights.row,
        limit=g.input_size[-1] if in_place else NO_LIMIT,
        borders_at=(table.append([*borders[0], *borders[1]]) if in_place else 0) + before,
        before=before,
        after=after,
        activation=activation_number(problem.activation),
    )
    axes = [
        DepthwiseAxis(
            axis.output, size, count, axis.kernel, step, table.append(found.reshape(-1)), axis.stride if whole else 1
        )
        for axis, size, count, step, found in zip(g.axes, sizes, counts, weights.taps, places, strict=True)
    ]
    dtype, tasks = problem.dtype, g.batch * g.out_channels * prod(counts)
    nanoseconds = _nanoseconds(problem, shape, 0 if in_place else tasks * _slab_size(slabs))
    kernel = depthwise[shape].bind(problem.x_dtype, dtype, dtype, dtype, np.int64)
    return UnpackedPlan(
        run_kernel=partial(kernel.run, tasks, nanoseconds),
        table=table.finish([head, *slabs, *axes]),
        no_bias=np.empty(0, dtype),
        tasks=tasks,
        nanoseconds=nanoseconds,
        summary=(
            f"{prod(counts)} blocks of {' x '.join(map(str, sizes))} outputs a channel, "
            f"{'all' if shape.rolls else shape.rows} rows at once, "
            f"{shape.taps} of {g.kernel_size[1]} kernel rows together, "
            f"{'read in place' if in_place else 'gathered first'}"
        ),
    )


def _in_place(problem: Problem) -> bool:
    """Whether tiles can load the rows of the input where they stand."""
    g = problem.geometry.lift()
    last = g.axes[-1]
    borders = Windows(last).borders(g.padding_mode)
    return (
        machine().masked_loads
        and problem.x_dtype == problem.dtype
        and problem.x_steps().steps[-1] == 1
        and last.size + last.before + last.after + last.extent < MOST_COLUMNS
        and _has_step(g)
        and (not any(borders) or (max(map(len, borders)) <= MOST_BESIDE and _knows_borders(g)))
    )


def _knows_borders(g: Geometry) -> bool:
    """Whether there is a tile for windows beside borders that is not worse than the one for others."""
    plain, beside = (_shape(g, True, borders) for borders in (False, True))
    return (beside.taps, beside.column_step) == (plain.taps, plain.column_step)


def _nanoseconds(problem: Problem, shape: Shape, gathered: int) -> float:
    """Rough time on one thread, with the elements that are gathered."""
    g = problem.geometry.lift()
    depth, height, width = g.output_size
    vectors = -(-width * problem.dtype.itemsize // machine().vector_bytes)
    images = g.batch * g.out_channels * depth
    rows = height if shape.rolls else shape.rows
    products = images * -(-height // rows) * rows * vectors * prod(g.kernel_size)
    tiles = images * -(-height // rows) * -(-vectors // shape.vectors)
    shared = shape.groups(g.kernel_size[1]) * shape.taps / g.kernel_size[1] if shape.taps > 1 else 0
    product_cost = SHIFT_COST if shape.column_step > 1 else multiply_cost(problem) * shared + LOAD_COST * (1 - shared)
    return CALL_COST + products * product_cost + tiles * TILE_COST + gathered * GATHER_COST


def _slab_size(slabs: Sequence[SlabAxis]) -> int:
    return prod(axis.phases * axis.positions for axis in slabs)


def _whole(g: Geometry) -> bool:
    """Whether a slab holds every row and column in order, so that tiles step over it as over the input.

    Otherwise it holds those of each phase of the stride apart.
    """
    return _has_step(g) and all(axis.stride <= axis.extent for axis in g.axes)


def _has_step(g: Geometry) -> bool:
    """Whether there is a tile with the step of the columns."""
    return _shape(g, True, False).column_step == g.axes[-1].stride


def _shape(g: Geometry, whole: bool, borders: bool) -> Shape:
    """The kernel that loads fewest rows; where none has the step of the columns, one for a slab, which has no step."""
    d, h, w = g.axes
    may_roll = d.kernel == 1 and rolls(w)
    shapes = [shape for shape in SHAPES if shape.borders == borders and (may_roll or not shape.rolls)]
    step = w.stride if whole else 1

    def fits(shape: Shape) -> bool:
        together = h.dilation == 1 and h.stride == shape.row_step and h.kernel >= shape.taps
        rows = shape.taps == 1 or (together and (shape.any_rows or h.kernel == shape.taps))
        columns = shape.columns == 0 or (shape.columns == w.kernel and w.dilation == 1)
        return rows and columns and shape.column_step == step and (h.output > 1 or shape.rows == 1)

    def loads(shape: Shape) -> tuple[float, int]:
        return shape.lines_of(h.kernel) / shape.rows, h.kernel % shape.taps

    return min(filter(fits, shapes), key=loads, default=shapes[-1])


def _block_sizes(g: Geometry, in_place: bool) -> tuple[int, int, int]:
    """Outputs of a block on each axis, whole tiles of rows: whole rows and whole planes where they are small."""
    depth, height, width = g.output_size
    least = LEAST_OUTPUTS if in_place else max(LEAST_OUTPUTS, LEAST_SHARE * (g.axes[1].extent - 1) * width)
    channels = g.batch * g.out_channels
    total = channels * depth * height * width
    most = min(MOST_OUTPUTS, max(least, total // MANY_TASKS), max(1, MOST_PRODUCTS // prod(g.kernel_size)))
    block_w = min(width, -(-_even(width, most) // COLUMNS) * COLUMNS)
    block_h = min(height, -(-_even(height, max(1, most // block_w)) // ROWS) * ROWS)
    block_d = _even(depth, most // (block_w * block_h)) if block_h == height and block_w == width else 1
    return max(1, block_d), block_h, block_w


def _even(total: int, most: int) -> int:
    """The largest size of nearly equal parts that is at most `most`, or 1."""
    return -(-total // -(-total // max(1, most)))


def _places_in_input(g: Geometry, shape: Shape, steps: Sequence[int]) -> list[np.ndarray]:
    """As `DepthwiseAxis.places_at` says, for the whole input."""
    d, h, w = g.axes
    outputs = np.arange(d.output)[:, None]
    planes = outputs * d.stride + np.arange(d.kernel) * d.dilation - d.before
    rows = _rows(h, shape) - h.before
    columns = np.arange(w.kernel) * w.dilation - w.before
    return [
        line_positions(d, planes, steps[0], g.padding_mode),
        line_positions(h, rows, steps[1], g.padding_mode),
        columns,
    ]


def _rows(h: Axis, shape: Shape) -> np.ndarray:
    """The rows of the padded input that each tile reads: those of kernel rows that are summed together, and others.

    A tile that rolls reads all, one after the other.
    """
    if shape.rolls:
        return np.arange((h.output - 1) * h.stride + h.kernel)
    tiles = -(-h.output // shape.rows)
    tile = np.arange(tiles)[:, None, None] * shape.rows * h.stride
    groups = shape.groups(h.kernel)
    together = np.arange(groups)[:, None] * shape.taps * h.dilation
    row = np.arange(shape.lines)
    shared = tile + together + (row if shape.taps > 1 else row * h.stride)
    rest = tile + np.arange(groups * shape.taps, h.kernel)[:, None] + np.arange(shape.rows)
    return np.concatenate([shared.reshape(tiles, -1), rest.reshape(tiles, -1)], axis=1)


def _places_in_slab(
    windows: Sequence[Windows], slabs: Sequence[SlabAxis], shape: Shape, sizes: tuple[int, int, int], strides: list[int]
) -> list[np.ndarray]:
    """As `DepthwiseAxis.places_at` says, for a block; `strides` are those of outputs in the slab."""
    extents = [axis.phases for axis in slabs] + [axis.positions for axis in slabs]
    pitches = [prod(extents[i + 1 :]) for i in range(len(extents))]
    taps = [
        np.array([place.phase * pitches[i] + place.place * pitches[i + 3] for place in w.places[0]])
        for i, w in enumerate(windows)
    ]
    planes = np.arange(sizes[0])[:, None] * strides[0] * pitches[3] + taps[0]
    tiles = np.arange(-(-sizes[1] // shape.rows))[:, None, None] * shape.rows * strides[1]
    height, groups = len(taps[1]), shape.groups(len(taps[1])) * shape.taps
    line_step = 1 if shape.taps > 1 else strides[1]
    if shape.rolls:
        return [planes, (np.arange((sizes[1] - 1) * strides[1] + height) * pitches[4] + taps[1][0])[None], taps[2]]
    parts = []
    for numbers, lines, step in (
        (range(0, groups, shape.taps), shape.lines, line_step),
        (range(groups, height), shape.rows, strides[1]),
    ):
        # The rows behind those of the last output are dropped: any will do.
        last = np.array([slabs[1].positions - 1 - windows[1].places[0][k].place for k in numbers], np.int64)
        found = np.minimum(tiles + np.arange(lines) * step, last[:, None]) * pitches[4] + taps[1][list(numbers), None]
        parts.append(found.reshape(len(tiles), -1))
    return [planes, np.concatenate(parts, axis=1), taps[2]]
