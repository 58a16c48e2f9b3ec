"""Plans of convolutions whose tiles have output channels as lanes: a plain slab, or the input where it stands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product
from math import prod

from fastconv.jit.machine import LINE, machine
from fastconv.kernels.conv_table import RowBlock
from fastconv.kernels.pixels import PixelAxis
from fastconv.kernels.spread import Kind, spread
from fastconv.kernels.spread_table import (
    HALF_VECTORS,
    ONE_VECTOR,
    ROWS,
    SPREAD_TABLE,
    STRIP,
    VECTORS,
    SpreadHead,
    tiled_rows,
)
from fastconv.plan.blocks import Blocks, least_blocks, measured
from fastconv.plan.cut import Cut, cut_for_one, soonest_cut
from fastconv.plan.problem import Problem
from fastconv.plan.products import (
    GATHER_COST,
    Taps,
    lane_blocks,
    multiply_cost,
    turn_cost,
    waiting,
    write_plan,
    writes_far,
)
from fastconv.plan.span import Steps
from fastconv.plan.table import Table
from fastconv.plan.weights import weights_of
from fastconv.plan.windows import Windows, plain_axis
from fastconv.plan.within import PackingPlan, packing_plan

__all__ = ["LONGEST_STEP", "WIDTHS", "output_steps", "plan_spread", "spread_writes"]

#: Vectors of tiles, fewest first.
WIDTHS = (ONE_VECTOR, HALF_VECTORS, VECTORS)

#: Tasks for each thread below which tiles of fewer vectors, of which there are more, may share the work out better, and
#: the part of the time in which they should then be done: the weight gradient of 7 x 7 kernels on three channels has
#: 147 by 64 outputs (0.77 of the time); where they promise less, layers take up to 1.15 times as long (2 threads, Zen
#: 4).
FEW_TASKS, SOONER = 4, 0.9

#: Longest step between outputs of a phase: the sums of a row's phases then take 120 KiB, and the cache has room.
LONGEST_STEP = 64

#: Nanoseconds, for estimates only (see `products`), for a block to read a weight that other blocks have read before.
READ_COST = 0.08

#: A tile of two vectors, or of one, has few products for each number that it reads, so it waits for the loads.
NARROW_FACTOR, ONE_FACTOR = 1.2, 1.8

#: Input channels so many bytes apart share few sets of the first-level cache, and a tile reads all of them in turn; so
#: it is with pixels where channels come last.
CACHE_WAY_BYTES = 1024

#: Where each channel stands on a page of its own, more of them than this are looked up for every tile: 128 channels of
#: 56 x 56 pixels, transposed 2 x 2, take 0.83 of the time when gathered first, on a Cascade Lake.
PAGE_BYTES, MOST_PAGES = 4096, 48


def plan_spread(problem: Problem) -> PackingPlan:
    """Cut a convolution into blocks and write its table."""
    g = problem.geometry.lift()
    windows = [Windows(axis) for axis in g.axes]
    channels = g.channels // g.groups
    channel_bytes = channels * problem.dtype.itemsize
    found, cut = _cut(problem, windows, WIDTHS)
    if problem.threads > 1 and cut.places(problem) * len(cut.row_blocks) < FEW_TASKS * problem.threads:
        _, narrow = _cut(problem, windows, WIDTHS[:-1])
        cut = narrow if narrow.end(problem)[0] < SOONER * cut.end(problem)[0] else cut
    table = Table(SPREAD_TABLE)
    x, y, pitch = problem.x_steps(), output_steps(problem), 0
    kind = Kind(_in_place(problem, windows), y.steps[1] == 1, problem.activation is not None, problem.widened)
    if kind.in_place:
        axes = [plain_axis(table) for _ in windows]
        steps: Sequence[int] = x.steps[2:]
        lows: Sequence[int] = (0,) * len(windows)
        channel_step = x.steps[1]
    else:
        axes = [
            plain_axis(table, w.axis.size, step, w.low, _positions(w, size), w.borders(g.padding_mode))
            for w, size, step in zip(windows, cut.blocks.sizes, x.steps[2:], strict=True)
        ]
        sizes = [axis.positions for axis in axes]
        pitch = _pitch(problem) if kind.last else 0
        steps = tuple(max(1, pitch) * prod(sizes[i + 1 :]) for i in range(len(sizes)))
        channel_step = 1 if pitch else prod(sizes)
        lows = [axis.low for axis in axes]
    residues = [
        [[(tap, (shift + low) * step) for tap, shift in shifts.items()] for shifts in w.shifts]
        for w, low, step in zip(windows, lows, steps, strict=True)
    ]
    pixels = [
        PixelAxis(w.axis.stride, w.axis.stride * step, y_step)
        for w, step, y_step in zip(windows, steps, y.steps[2:], strict=True)
    ]
    taps = Taps.of(residues, channels, channel_step, weights_of(problem), problem.halves)
    fetched = not kind.last and writes_far(problem)
    head = SpreadHead(pitch, y.base, y.steps[0], y.steps[1], fetched, problem.halves)
    plan = write_plan(problem, spread[kind], table, axes, windows, cut, taps, [*pixels, head])
    # What is promised is the same for any number of threads, as the choice of an algorithm is.
    row_blocks = lane_blocks(problem, WIDTHS)
    promised = least_blocks(found, channel_bytes, g.batch * g.groups * len(row_blocks))
    alone = cut_for_one(problem, found, channel_bytes, row_blocks)
    promised_plan = replace(plan, nanoseconds=promised.nanoseconds * prod(promised.counts) * g.batch * g.groups)
    return packing_plan(promised_plan, problem, _uses(problem, cut.blocks), _uses(problem, alone.blocks))


def _cut(problem: Problem, windows: Sequence[Windows], widths: Sequence[int]) -> tuple[list[Blocks], Cut]:
    """All blocks, and how the work is shared out, for tiles of so many vectors."""
    g, row_blocks = problem.geometry, lane_blocks(problem, widths)
    found = measured(windows, _measure(problem, windows, row_blocks))
    return found, soonest_cut(problem, found, g.channels // g.groups * problem.dtype.itemsize, row_blocks)


def _uses(problem: Problem, blocks: Blocks) -> int:
    """Strips of all images, each of which uses all weights of its group."""
    strip = max(1, STRIP // problem.geometry.axes[-1].stretch) * ROWS
    return -(-prod(blocks.sizes) // strip) * prod(blocks.counts) * problem.geometry.batch


def spread_writes(problem: Problem) -> bool:
    """Whether the result is one that the kernels write: of neighbouring channels, or of rows of neighbouring pixels."""
    _, (_, channel, _, _, column) = output_steps(problem)
    return channel == 1 or column == 1


def output_steps(problem: Problem) -> Steps:
    """The steps of the result, where axes of one element have those that make rows longest."""
    g, (base, found) = problem.geometry.lift(), problem.y_steps()
    steps, below = list(found), 1
    for i in range(len(steps) - 1, 1, -1):
        if g.output_shape[i] == 1:
            steps[i] = below
        below = steps[i] * g.output_shape[i]
    if g.out_channels == 1 and (steps[-1] != 1 or problem.x_last):
        steps[1] = 1
    return Steps(base, tuple(steps))


def _pitch(problem: Problem) -> int:
    """Elements from pixel to pixel of a slab whose channels come last."""
    channels, itemsize = problem.geometry.channels // problem.geometry.groups, problem.dtype.itemsize
    return channels + (LINE // itemsize if channels * itemsize % CACHE_WAY_BYTES == 0 else 0)


def _positions(w: Windows, block: int) -> int:
    return (block - 1) * w.axis.stride + 1 + w.high + w.low


def _in_place(problem: Problem, windows: Sequence[Windows]) -> bool:
    """Whether the tile reads the input where it stands: no window reaches out of it, and no phase reads it twice.

    Where channels come last, windows that share pixels find them beside each other too: 3x3 kernels of 3 channels to
    32 at stride 2 on 299 x 299 pixels take 0.91 of the time that they take with a slab (1 thread, Zen 4).
    """
    most_taps, shared = 1, False
    for w in windows:
        inside = w.low <= 0 and all(
            w.axis.stride * (w.numbers - 1) + shift < w.axis.size for taps in w.shifts for shift in taps.values()
        )
        taps = max(map(len, w.shifts))
        if not (inside and any(w.shifts) and (taps <= 1 or w.axis.output == 1 or problem.x_last)):
            return False
        most_taps, shared = max(most_taps, taps), shared or min(taps, w.axis.output) > 1
    return (most_taps > 1 and not shared) or not _is_scattered(problem)


def _is_scattered(problem: Problem) -> bool:
    """Whether the channels of a pixel share few sets of the cache, or have pages of their own.

    Windows of several taps that are read once find most of their numbers beside each other.
    """
    g, step = problem.geometry, problem.x_steps().steps[-1 if problem.x_last else 1]
    step_bytes, channels = step * problem.dtype.itemsize, g.channels // g.groups
    return step_bytes % CACHE_WAY_BYTES == 0 or (step_bytes >= PAGE_BYTES and channels > MOST_PAGES)


def _measure(
    problem: Problem, windows: Sequence[Windows], row_blocks: Sequence[RowBlock]
) -> Callable[[tuple[int, ...]], Blocks]:
    """What blocks of some sizes take."""
    g = problem.geometry
    channels, lanes = g.channels // g.groups, machine().vector_bytes // problem.dtype.itemsize
    in_place = _in_place(problem, windows)
    residues = list(product(*([len(taps) for taps in w.shifts] for w in windows)))
    depths = channels * sum(map(prod, residues))
    factors = {ONE_VECTOR * lanes: waiting(ONE_FACTOR), HALF_VECTORS * lanes: waiting(NARROW_FACTOR)}
    vectors = sum(block.rows / lanes * factors.get(block.rows, 1.0) for block in row_blocks)
    outputs = len(residues) * sum(block.rows for block in row_blocks)
    tile, turn = vectors * depths * multiply_cost(problem), outputs * turn_cost(problem)

    def measure(sizes: tuple[int, ...]) -> Blocks:
        slab = 0 if in_place else prod(map(_positions, windows, sizes))
        pixels = prod(sizes)
        nanoseconds = tiled_rows(pixels) * tile + pixels * turn
        gather = slab * channels * GATHER_COST
        nanoseconds += gather + depths * outputs // len(residues) * READ_COST
        return Blocks.of(windows, sizes, pixels, slab, nanoseconds, gather)

    return measure
