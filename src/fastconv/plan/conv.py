"""Plans of convolutions whose tiles have pixels as lanes: a slab with a plane for each phase of the stride."""

from __future__ import annotations

from math import prod

from fastconv.jit.kernel import Kernel
from fastconv.jit.machine import machine
from fastconv.kernels.conv import HALF_ROWS, ROWS
from fastconv.kernels.conv_table import CONV_TABLE, RowBlock
from fastconv.plan.blocks import Blocks, choose_blocks
from fastconv.plan.cut import Cut
from fastconv.plan.problem import Problem
from fastconv.plan.products import GATHER_COST, ConvPlan, Taps, multiply_cost, write_plan
from fastconv.plan.table import Table
from fastconv.plan.weights import weights_of
from fastconv.plan.windows import Windows, slab_axes

__all__ = ["plan_conv"]

#: Nanoseconds, for estimates only (see `products`): to write an output, more where outputs of a phase stand apart; and
#: to gather an input that is to be parted from its neighbours, one by one: of every other one, vectors are.
WRITE_COST, APART_COST, PART_COST = 0.45, 0.2, 0.9


def plan_conv(problem: Problem, kernel: Kernel) -> ConvPlan:
    """Cut a convolution into blocks and write its table."""
    g = problem.geometry.lift()
    row_blocks = _row_blocks(g.out_channels // g.groups)
    windows = [Windows(axis) for axis in g.axes]
    blocks = _blocks(problem, windows, sum(block.rows for block in row_blocks))
    cut = Cut(blocks, row_blocks)
    table = Table(CONV_TABLE)
    axes = slab_axes(table, windows, cut.blocks.sizes, problem.x_steps().steps[2:], g.padding_mode)
    sizes = [axis.phases for axis in axes] + [axis.positions for axis in axes]
    pitches = [prod(sizes[i + 1 :]) for i in range(len(sizes))]
    residues = [
        [[(p.tap, p.phase * pitches[i] + p.place * pitches[i + 3]) for p in places] for places in w.places]
        for i, w in enumerate(windows)
    ]
    taps = Taps.of(residues, g.channels // g.groups, prod(sizes), weights_of(problem))
    return write_plan(problem, kernel, table, axes, windows, cut, taps)


def _blocks(problem: Problem, windows: list[Windows], padded_out: int) -> Blocks:
    g = problem.geometry
    itemsize, phases = problem.dtype.itemsize, prod(len(w.places) for w in windows)
    depths = g.channels // g.groups * prod(sum(map(len, w.places)) for w in windows)
    step = machine().tile_vectors * machine().vector_bytes // itemsize
    write = WRITE_COST + (APART_COST if problem.geometry.axes[-1].stretch > 2 else 0)
    step_cost = padded_out * (depths * machine().tile_vectors * multiply_cost(problem) + phases * step * write)
    apart = windows[-1].axis.stride * problem.x_steps().steps[-1]
    gather_cost = PART_COST if len(windows[-1].phases) > 1 and apart != 2 else GATHER_COST
    return choose_blocks(windows, g.channels // g.groups, itemsize, g.batch * g.groups, step_cost, gather_cost)


def _row_blocks(out_channels: int) -> list[RowBlock]:
    """Whole tiles, then for the last channels the sizes that waste least."""
    found, first = [], 0
    while first < out_channels:
        left = out_channels - first
        if left > ROWS - 2:
            rows = ROWS
        elif left >= max(2, HALF_ROWS - 1):
            rows = HALF_ROWS
        else:
            rows = 1
        found.append(RowBlock(first, min(rows, left), rows))
        first += rows
    return found
