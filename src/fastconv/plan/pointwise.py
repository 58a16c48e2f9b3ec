"""Plans of convolutions with kernels of one element, whose pixels are one long row."""

from __future__ import annotations

from math import prod

from fastconv.geometry import Axis
from fastconv.jit.machine import machine
from fastconv.kernels.conv_table import CONV_TABLE, RowBlock
from fastconv.kernels.pointwise import HALF_ROWS, ONE_ROW, ROWS, VECTORS, pointwise
from fastconv.plan.blocks import Blocks
from fastconv.plan.cut import Cut
from fastconv.plan.problem import Problem
from fastconv.plan.products import ConvPlan, Taps, multiply_cost, write_plan
from fastconv.plan.table import Table
from fastconv.plan.weights import weights_of
from fastconv.plan.windows import Windows, plain_axis

__all__ = ["is_pointwise", "plan_pointwise"]

#: Nanoseconds, for estimates only (see `products`): to write an output; for a tile to read the pixels of a channel, and
#: to read them again for a row block from behind the first-level cache.
WRITE_COST, READ_COST, AGAIN_COST = 0.17, 8.0, 0.7
#: Multiply-adds that take as long as those of a tile of one row: each waits for the one before.
LEAST_PRODUCTS = 8
#: Most input channels for which the pixels of a tile stay in the first-level cache and sums are exact enough.
MOST_DEPTH = 768


def is_pointwise(problem: Problem) -> bool:
    """Whether outputs stand as their inputs do, without gaps, and a tile's pixels are no more than an image has."""
    g, x = problem.geometry, problem.x_steps()
    if any(a.kernel != 1 or a.stride != 1 or a.stretch != 1 or a.before or a.after for a in g.axes):
        return False
    dense = 1
    for axis, step in zip(reversed(g.axes), reversed(x.steps), strict=False):
        if axis.size != 1 and step != dense:
            return False
        dense *= axis.size
    return dense >= _pixels(problem) and g.channels // g.groups <= MOST_DEPTH


def _pixels(problem: Problem) -> int:
    return VECTORS * machine().vector_bytes // problem.dtype.itemsize


def plan_pointwise(problem: Problem) -> ConvPlan:
    """Cut the pixels into tiles, and write the table."""
    g, x = problem.geometry, problem.x_steps()
    channels, out_channels, step = g.channels // g.groups, g.out_channels // g.groups, _pixels(problem)
    pixels = prod(axis.size for axis in g.axes)
    row_blocks = _row_blocks(out_channels)
    products = sum(max(block.rows * VECTORS, LEAST_PRODUCTS) for block in row_blocks) * channels
    tiles = -(-pixels // step) / (pixels // step)
    beyond = max(0.0, 1 - machine().l1_bytes / (channels * step * problem.dtype.itemsize))
    reads = channels * (READ_COST + beyond * len(row_blocks) * AGAIN_COST)
    nanoseconds = tiles * (products * multiply_cost(problem) + out_channels * step * WRITE_COST + reads)
    blocks = Blocks((1, 1, step), (1, 1, pixels // step), step, 0, nanoseconds)
    table = Table(CONV_TABLE)
    axes = [plain_axis(table)] * 3
    windows = [Windows(Axis(size=size, kernel=1)) for size in (1, 1, pixels)]
    taps = Taps.of([[[(0, 0)]]] * 3, channels, x.steps[1], weights_of(problem))
    kernel = pointwise[problem.activation is not None]
    return write_plan(problem, kernel, table, axes, windows, Cut(blocks, row_blocks), taps)


def _row_blocks(out_channels: int) -> list[RowBlock]:
    """Whole tiles, half a one, and single rows: all of their sums are outputs."""
    found, first = [], 0
    while first < out_channels:
        rows = next(rows for rows in (ROWS, HALF_ROWS, ONE_ROW) if rows <= out_channels - first)
        found.append(RowBlock(first, rows, rows))
        first += rows
    return found
