"""Plans of convolutions that sum tap by tap, for the pixels whose tap is inside the input."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product
from math import prod

import numpy as np

from fastconv.geometry import Axis
from fastconv.jit.machine import machine
from fastconv.kernels.conv_table import Phase, RowBlock
from fastconv.kernels.inside import Kind, inside
from fastconv.kernels.inside_table import INSIDE_TABLE, InsideHead, Shift
from fastconv.kernels.pixels import PixelAxis
from fastconv.kernels.spread_sums import DEPTHS
from fastconv.kernels.spread_table import tiled_rows
from fastconv.plan.blocks import Blocks, least_blocks, measured
from fastconv.plan.careful import CarefulPackingPlan, WithPlain
from fastconv.plan.cut import cut_for_one, soonest_cut
from fastconv.plan.problem import Problem
from fastconv.plan.products import Taps, lane_blocks, multiply_cost, turn_cost, write_plan
from fastconv.plan.spread import WIDTHS, output_steps
from fastconv.plan.table import Table
from fastconv.plan.weights import weights_of
from fastconv.plan.windows import Windows, plain_axis
from fastconv.plan.within import pack_within_cost

__all__ = ["plan_inside", "refuse_inside"]

#: Nanoseconds, for estimates only (see `products`): for a tile to read a vector of sums and to write it again, to list
#: a pixel, for a block to read a weight, and for a row of a tile to read a number where it stands.
SUM_COST, LIST_COST, READ_COST, VALUE_COST = 1.5, 1.5, 0.04, 0.06
#: Most taps: for each the pixels are listed anew, and sums are read and written again.
MOST_TAPS = 256

#: Fewest channels of a run for which sums are read and written again, so that the cache holds the weights of all taps.
LEAST_RUN = 64


def refuse_inside(problem: Problem) -> str | None:
    """Why no products can be left out, if so."""
    g = problem.geometry
    if any(axis.stretch > 1 for axis in g.axes):
        return "it stretches no input"
    if problem.parts:
        return "its tiles know no interleaved channels"
    if g.padding_mode != "zeros" or problem.fill:
        return "it knows no padding but zeros"
    if prod(g.kernel_size) > MOST_TAPS:
        return f"it lists pixels for each tap, and for no more than {MOST_TAPS}"
    numbers = [(axis.output, seen) for axis in g.axes for seen in _seen(axis)]
    if not all(seen for _, seen in numbers):  # an infinite weight there would show nowhere
        return "a tap is outside the input for every output"
    if all(seen == outputs for outputs, seen in numbers):
        return "no tap is ever outside the input: it would leave out nothing"
    return None


def plan_inside(problem: Problem) -> CarefulPackingPlan:
    """Cut a convolution into blocks and write its table."""
    g = problem.geometry.lift()
    windows = [Windows(axis) for axis in g.axes]
    row_blocks = lane_blocks(problem, WIDTHS)
    found = measured(windows, _measure(problem, windows, row_blocks))
    cut = soonest_cut(problem, found, problem.dtype.itemsize, row_blocks)
    table = Table(INSIDE_TABLE)
    x, y = problem.x_steps(), output_steps(problem)
    axes = [plain_axis(table, w.axis.size, step) for w, step in zip(windows, x.steps[2:], strict=True)]
    pixels = [
        PixelAxis(w.axis.stride, w.axis.stride * step, y_step)
        for w, step, y_step in zip(windows, x.steps[2:], y.steps[2:], strict=True)
    ]
    shifts = [Shift(*at) for at in product(*(w.shifts[0].values() for w in windows))]
    run, fits = _run(problem, row_blocks)
    head = InsideHead(y.base, y.steps[0], y.steps[1], table.append_records(shifts), run)
    kernel = inside[Kind(y.steps[1] == 1, problem.activation is not None)]
    plan = write_plan(problem, kernel, table, axes, windows, cut, _taps(problem, windows), [*pixels, head])
    # What is promised is the same for any number of threads, as the choice of an algorithm is.
    promised = least_blocks(found, problem.dtype.itemsize, g.batch * g.groups * len(row_blocks))
    alone = cut_for_one(problem, found, problem.dtype.itemsize, row_blocks)
    before = plan.packing.cost
    within, promised_within = (
        pack_within_cost(problem, prod(blocks.counts) * g.batch) if fits else before
        for blocks in (cut.blocks, alone.blocks)
    )
    return CarefulPackingPlan(
        kernel=kernel,
        packing=WithPlain(replace(plan.packing, cost=min(before, promised_within))),
        packs=within < before,
        steps=plan.packing.steps,
        more=(plan.packing.offsets,),
        table=plan.table,
        offsets=plan.offsets,
        tasks=plan.tasks,
        nanoseconds=promised.nanoseconds * prod(promised.counts) * g.batch * g.groups,
        problem=problem,
        summary=plan.summary,
    )


def _run(problem: Problem, row_blocks: Sequence[RowBlock]) -> tuple[int, bool]:
    """Channels of a run, about as many in all of them, and whether the cache holds their weights for a row block.

    The same for any number of threads, and for weights that were packed before, as results are.
    """
    g, widest = problem.geometry, max(block.rows for block in row_blocks)
    channels = g.channels // g.groups
    room = machine().slab_bytes // (prod(g.kernel_size) * widest * problem.dtype.itemsize)
    fits = room >= min(channels, LEAST_RUN)
    runs = -(-channels // (min(DEPTHS, room) if fits else DEPTHS))
    return -(-channels // runs), fits


def _taps(problem: Problem, windows: Sequence[Windows]) -> Taps:
    """Each tap as a phase of its own, of all channels."""
    channels, x, weights = problem.geometry.channels // problem.geometry.groups, problem.x_steps(), weights_of(problem)
    channel = np.arange(channels, dtype=np.int64)
    places, steps = [], []
    for taps in product(*(w.shifts[0].items() for w in windows)):
        place = sum(shift * step for (_, shift), step in zip(taps, x.steps[2:], strict=True))
        weight = sum(tap * step for (tap, _), step in zip(taps, weights.taps, strict=True))
        places.append(place + channel * x.steps[1])
        steps.append(weight + channel * weights.channel)
    phases = [Phase(0, 0, 0, number * channels, channels) for number in range(len(places))]
    return Taps(phases, np.concatenate(places), np.concatenate(steps))


def _seen(axis: Axis) -> list[int]:
    """For each tap, how many outputs find it inside the input."""
    (shifts,) = Windows(axis).shifts
    behind = [min(axis.output, max(0, (axis.size - 1 - s) // axis.stride + 1)) for s in shifts.values()]
    before = [min(axis.output, max(0, -(s // axis.stride))) for s in shifts.values()]
    return [max(0, last - first) for first, last in zip(before, behind, strict=True)]


def _measure(
    problem: Problem, windows: Sequence[Windows], row_blocks: Sequence[RowBlock]
) -> Callable[[tuple[int, ...]], Blocks]:
    """What blocks of some sizes take, if all of them see as much."""
    g, lanes = problem.geometry, machine().vector_bytes // problem.dtype.itemsize
    channels, widest = g.channels // g.groups, max(block.rows for block in row_blocks)
    seen = [prod(numbers) for numbers in product(*(_seen(w.axis) for w in windows))]
    outputs = sum(block.rows for block in row_blocks)
    runs = -(-channels // _run(problem, row_blocks)[0])
    each = outputs / lanes * (channels * multiply_cost(problem) + runs * SUM_COST)
    each += len(row_blocks) * channels * VALUE_COST
    turn, read = outputs * turn_cost(problem), len(seen) * channels * outputs * READ_COST

    def measure(sizes: tuple[int, ...]) -> Blocks:
        pixels = prod(sizes)
        count = prod(-(-w.numbers // size) for w, size in zip(windows, sizes, strict=True))
        tiled = sum(tiled_rows(-(-numbers // count)) for numbers in seen)
        nanoseconds = tiled * each + pixels * (turn + len(seen) * len(row_blocks) * LIST_COST) + read
        return Blocks.of(windows, sizes, pixels, pixels * widest, nanoseconds)

    return measure
