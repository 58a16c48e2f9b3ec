"""Plans of convolutions by Winograd's minimal filtering down the columns of images, whole rows at a time."""

from __future__ import annotations

from collections.abc import Sequence

from fastconv.jit.machine import machine
from fastconv.jit.pair_tile import POINTS, TAPS
from fastconv.kernels.conv_table import CONV_TABLE, RowBlock
from fastconv.kernels.winograd_rows import COLUMNS, PAIR, ROWS, winograd_rows
from fastconv.kernels.winograd_tiles import DEPTHS
from fastconv.plan.blocks import MOST_ROWS, Blocks, even_sizes, least_blocks
from fastconv.plan.careful import CarefulPlan, WithPlain
from fastconv.plan.cut import Cut
from fastconv.plan.positions import MOST_COLUMNS
from fastconv.plan.problem import Problem
from fastconv.plan.products import Taps, multiply_cost, waiting, write_plan
from fastconv.plan.table import Table
from fastconv.plan.weights import weights_of
from fastconv.plan.windows import Windows, slab_axes

__all__ = ["loads_pairs", "plan_winograd_rows", "refuse_rows"]

#: Nanoseconds, for estimates only (see `products`), for a tile to write its outputs, and to transform three weights.
TILE_COST, WEIGHT_COST = 12.0, 2.0
#: How long a product takes in a tile that loads a weight for each, and for four of them a vector of the input.
PRODUCT_FACTOR = 1.2
#: Fewest registers with which tiles are as fast as others.
REGISTERS = 32


def refuse_rows(problem: Problem) -> str | None:
    """Why pairs of output rows cannot be made from sums and differences of input rows, if so."""
    g = problem.geometry.lift()
    d, h, w = g.axes
    if (d.kernel, h.kernel, w.kernel) != (1, TAPS, COLUMNS) or h.dilation > 1 or w.dilation > 1:
        return f"it is for kernels of {TAPS} x {COLUMNS} taps"
    if any(axis.stride > 1 or axis.stretch > 1 for axis in g.axes):
        return "it knows no stride but 1"
    if g.padding_mode != "zeros":
        return "it knows no padding but zeros"
    if problem.x_steps().steps[-1] != 1:
        return f"it reads rows of {problem.dtype.name} where they stand"
    if _depths(problem) > DEPTHS:
        return f"its sums are of {DEPTHS} products at most"
    if max(w.size, w.output) + w.dilation * w.kernel >= MOST_COLUMNS:
        return "its lanes are masked by 32-bit numbers"
    if not loads_pairs(problem.dtype.itemsize):
        return f"{machine().name} has too few registers for it, or loads no vectors in part"
    return None


def loads_pairs(itemsize: int) -> bool:
    """Whether the CPU has the registers for it, and loads some lanes of vectors of such elements."""
    return machine().vector_registers >= REGISTERS and machine().masks(itemsize)


def plan_winograd_rows(problem: Problem) -> CarefulPlan:
    """Cut a convolution into blocks of whole rows and write its table."""
    g = problem.geometry.lift()
    windows, channels = [Windows(axis) for axis in g.axes], g.channels // g.groups
    row_blocks = [
        RowBlock(first, min(ROWS, g.out_channels // g.groups - first), ROWS)
        for first in range(0, g.out_channels // g.groups, ROWS)
    ]
    pairs = -(-windows[1].axis.output // PAIR)
    measured = [_blocks(problem, windows, len(row_blocks), size) for size in even_sizes(pairs, MOST_ROWS)]
    blocks = least_blocks(measured, 0, g.batch * g.groups)
    table = Table(CONV_TABLE)
    axes = slab_axes(table, windows, blocks.sizes, problem.x_steps().steps[2:], g.padding_mode)
    residues = [[[(0, 0)]], [[(tap, 0)] for tap in range(TAPS)], [[(p.tap, p.place) for p in windows[2].places[0]]]]
    taps = Taps.of(residues, channels, 0, weights_of(problem))
    kernel = winograd_rows[problem.activation is not None]
    plan = write_plan(problem, kernel, table, axes, windows, Cut(blocks, row_blocks), taps)
    return CarefulPlan(
        kernel=kernel,
        packing=WithPlain(plan.packing),
        table=plan.table,
        offsets=plan.offsets,
        tasks=plan.tasks,
        nanoseconds=plan.nanoseconds,
        problem=problem,
        summary=plan.summary.rpartition(",")[0],
    )


def _depths(problem: Problem) -> int:
    """Products of a sum at a point."""
    return problem.geometry.channels // problem.geometry.groups * COLUMNS


def _blocks(problem: Problem, windows: Sequence[Windows], row_blocks: int, pairs: int) -> Blocks:
    """Blocks of so many pairs of rows."""
    columns = windows[2].axis.output
    lanes = machine().vector_bytes // problem.dtype.itemsize
    products = _depths(problem) * POINTS * (ROWS + waiting(PRODUCT_FACTOR)) * multiply_cost(problem)
    tiles, weights = row_blocks * pairs * -(-columns // lanes), row_blocks * ROWS * _depths(problem)
    nanoseconds = tiles * (products + TILE_COST) + weights * WEIGHT_COST
    return Blocks.of(windows, (1, PAIR * pairs, columns), PAIR * pairs * columns, 0, nanoseconds)
