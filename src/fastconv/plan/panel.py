"""Plans of convolutions from panels: how many depths a run has, and which blocks the panels are copied for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import lcm, prod
from typing import NamedTuple

from fastconv.jit.machine import machine
from fastconv.kernels.panel import Kind, panel
from fastconv.kernels.panel_table import (
    HALF_ROWS,
    HALF_VECTORS,
    PANEL_TABLE,
    ROWS,
    VECTORS,
    PanelHead,
    Piece,
    Pieces,
)
from fastconv.kernels.pixels import PixelAxis
from fastconv.lazy import lazy
from fastconv.plan.blocks import Blocks, least_blocks, measured
from fastconv.plan.cut import soonest_cut
from fastconv.plan.problem import Problem
from fastconv.plan.products import (
    Taps,
    lane_blocks,
    multiply_cost,
    turn_cost,
    waiting,
    write_plan,
    writes_far,
)
from fastconv.plan.table import Table
from fastconv.plan.weights import weights_of
from fastconv.plan.windows import Windows, plain_axis
from fastconv.plan.within import PackingPlan, packing_plan

__all__ = ["plan_panel", "refuse_panel"]

#: Most depths that are added one after the other: sums of 4608 products are then put together from six, whose error is
#: 0.4 times as large, and the weights of a run stay in the second-level cache.
DEPTHS = 768

#: Vectors of tiles, fewest first.
WIDTHS = (HALF_VECTORS, VECTORS)

#: Elements from pixel to pixel in a long piece that kernels are compiled for.
APART = tuple(sorted({kind.apart for kind in panel}))

#: Nanoseconds, for estimates only (see `products`): to copy a vector into a panel, or a number alone; and to read a
#: weight again, from the last cache.
COPY_COST, LONE_COST, READ_COST = 2.4, 1.1, 0.15
#: And to find out where a piece is copied from, for each run of neighbouring pixels: with one channel, that is all.
RUN_COST = 30.0
#: To write a sum and to read it again where sums and panels leave the second-level cache: blocks of 7 rows, not 14,
#: take 0.93 of the time for 64 channels of 112 x 112 pixels, transposed 2 x 2 to 32 (1 thread, Zen 4).
SPILL_COST = 0.12
#: How long a product takes, to one of the tiles that read pixels wherever they stand.
PANEL_FACTOR = 0.78
#: A tile of one vector reads a number for each product.
NARROW_FACTOR = 1.3


def refuse_panel(problem: Problem) -> str | None:
    """Why no panels can be made, or None."""
    windows = [Windows(axis) for axis in problem.geometry.lift().axes]
    if _most_taps(windows) > DEPTHS:
        return f"it adds up to {DEPTHS} depths at once, which must hold all taps of a channel"
    return None


@dataclass(frozen=True)
class _Panels:
    """How the windows of a problem are made of pieces.

    Attributes
    ----------
    windows : sequence of Windows
        The three axes.
    long : bool
        Whether the taps of a row share a piece, and rows are tiled each on its own.
    """

    windows: Sequence[Windows]
    long: bool

    @classmethod
    def candidates(cls, windows: Sequence[Windows]) -> Iterator[_Panels]:
        """Pieces for each tap; and long ones, if tiles know how far pixels are apart and a row has some taps."""
        yield cls(windows, False)
        w = windows[-1]
        if w.axis.stride in APART and max(map(len, w.shifts)) > 1:
            yield cls(windows, True)

    @lazy
    def apart(self) -> int:
        """Elements from pixel to pixel."""
        return self.windows[-1].axis.stride if self.long else 1

    @lazy
    def reach(self) -> int:
        """Elements of a piece beyond those from one pixel of a tile to its last."""
        if not self.long:
            return 0
        return max(max(taps.values()) - min(taps.values()) for taps in self.windows[-1].shifts if taps)

    @lazy
    def piece(self) -> int:
        """Elements of a piece."""
        return (ROWS - 1) * self.apart + 1 + self.reach

    @lazy
    def counts(self) -> tuple[int, int, int]:
        """Pieces of a panel along each axis, of the phase that has most."""
        d, h, w = (max(map(len, w.shifts)) for w in self.windows)
        return d, h, 1 if self.long else w

    @lazy
    def size(self) -> int:
        """Elements of a panel for one channel."""
        return prod(self.counts) * self.piece

    def places(self) -> list[list[list[tuple[int, int]]]]:
        """For each axis, and each residue of its stretch, the taps and where they stand in a panel."""
        d, h, w = self.windows
        _, rows, columns = self.counts
        steps = (rows * columns * self.piece, columns * self.piece, self.piece)
        found = [
            [[(tap, i * step) for i, tap in enumerate(taps)] for taps in axis.shifts]
            for axis, step in zip((d, h, w), steps, strict=True)
        ]
        if self.long:
            found[2] = [
                [(tap, shift - min(taps.values())) for tap, shift in taps.items()] if taps else [] for taps in w.shifts
            ]
        return found

    def pieces(self) -> Iterator[list[Piece]]:
        """The pieces of each phase."""
        _, rows, columns = self.counts
        d, h, w = ([list(taps.values()) for taps in w.shifts] for w in self.windows)
        if self.long:
            w = [sorted(shifts)[:1] for shifts in w]
        for phase in product(d, h, w):
            yield [
                Piece(shift_d, shift_h, shift_w, self.piece * ((i * rows + j) * columns + k))
                for (i, shift_d), (j, shift_h), (k, shift_w) in product(*map(enumerate, phase))
            ]

    def rows(self, sizes: Sequence[int]) -> tuple[int, int]:
        """Rows of a block that are tiled each on its own, and their slots."""
        rows, pixels = (prod(sizes[:-1]), sizes[-1]) if self.long else (1, prod(sizes))
        return rows, -(-pixels // HALF_ROWS) * HALF_ROWS

    def panels(self, sizes: Sequence[int]) -> int:
        """Panels of a block."""
        rows, slots = self.rows(sizes)
        return rows * -(-slots // ROWS)

    def runs(self, sizes: Sequence[int]) -> int:
        """Runs of neighbouring pixels in them: tiles cut rows of outputs, and their ends cut tiles that go on."""
        if self.long:
            return self.panels(sizes)
        pixels, row = prod(sizes), sizes[-1]
        return pixels // row + (pixels - 1) // ROWS - (pixels - 1) // lcm(row, ROWS)


def plan_panel(problem: Problem) -> PackingPlan:
    """Cut a convolution into blocks and write its table."""
    g = problem.geometry.lift()
    windows = [Windows(axis) for axis in g.axes]
    channels = g.channels // g.groups
    row_blocks = lane_blocks(problem, WIDTHS)
    candidates = [(panels, measured(windows, _measure(problem, panels))) for panels in _Panels.candidates(windows)]
    promises = [_promised(problem, found, len(row_blocks)) for _, found in candidates]
    promised, (panels, found) = min(zip(promises, candidates, strict=True), key=lambda choice: choice[0])
    cut = soonest_cut(problem, found, problem.dtype.itemsize, row_blocks)
    table = Table(PANEL_TABLE)
    x, y = problem.x_steps(), problem.y_steps()
    axes = [
        plain_axis(table, w.axis.size, step, borders=w.borders(g.padding_mode))
        for w, step in zip(windows, x.steps[2:], strict=True)
    ]
    pixels = [
        PixelAxis(w.axis.stride, w.axis.stride * step, y_step)
        for w, step, y_step in zip(windows, x.steps[2:], y.steps[2:], strict=True)
    ]
    run = _run_channels(channels, windows)
    rows, slots = panels.rows(cut.blocks.sizes)
    head = PanelHead(
        y_base=y.base,
        y_batch=y.steps[0],
        y_channel=y.steps[1],
        channels=run,
        taps=_most_taps(windows),
        size=panels.size,
        rows=rows,
        slots=slots,
        reach=panels.reach if panels.long else -1,
        phases_at=table.append_records(
            [Pieces(table.append_records(pieces), len(pieces)) for pieces in panels.pieces()]
        ),
        shared=run == channels and _same_numbers(windows),
        fetched=writes_far(problem),
    )
    taps = Taps.of(panels.places(), channels, panels.size, weights_of(problem))
    kernel = panel[Kind(panels.apart, problem.activation is not None)]
    plan = write_plan(problem, kernel, table, axes, windows, cut, taps, [*pixels, head])
    # What is promised is the same for any number of threads, as the choice of an algorithm is.
    promised_plan = replace(plan, nanoseconds=promised.nanoseconds)
    return packing_plan(promised_plan, problem, cut.places(problem) // g.groups, promised.uses)


class _Promise(NamedTuple):
    """For one thread, rough nanoseconds of all tasks, and how many of them use a weight."""

    nanoseconds: float
    uses: int


def _most_taps(windows: Sequence[Windows]) -> int:
    """Taps of the phase that has most, and no fewer than one."""
    return max(1, prod(max(map(len, w.shifts)) for w in windows))


def _same_numbers(windows: Sequence[Windows]) -> bool:
    """Whether all phases sum the same numbers, for as many outputs."""
    return all(
        w.axis.output % w.axis.stretch == 0 and len({tuple(taps.values()) for taps in w.shifts}) == 1 for w in windows
    )


def _run_channels(channels: int, windows: Sequence[Windows]) -> int:
    """Channels of a run, about as many in all of them."""
    runs = -(-channels // (DEPTHS // _most_taps(windows)))
    return -(-channels // runs)


def _run_cost(problem: Problem, panels: _Panels) -> float:
    """Nanoseconds to copy the pieces of a run."""
    g, windows = problem.geometry, panels.windows
    pieces = prod(panels.counts)
    if not _same_numbers(windows):
        pieces *= prod(len(w.shifts) for w in windows)
    vectors = -(-panels.piece * problem.dtype.itemsize // machine().vector_bytes)
    lone = not panels.long and windows[-1].axis.stride > 2
    each = ROWS * LONE_COST if lone else vectors * COPY_COST
    return pieces * (g.channels // g.groups * each + RUN_COST)


def _measure(problem: Problem, panels: _Panels) -> Callable[[tuple[int, ...]], Blocks]:
    """What blocks of some sizes take."""
    g, windows = problem.geometry, panels.windows
    channels, lanes = g.channels // g.groups, machine().vector_bytes // problem.dtype.itemsize
    phases = prod(len(w.shifts) for w in windows)
    depths = channels * sum(map(prod, product(*([len(taps) for taps in w.shifts] for w in windows))))
    run = _run_channels(channels, windows) * panels.size
    row_blocks = lane_blocks(problem, WIDTHS)
    narrow = HALF_VECTORS * lanes
    vectors = sum(block.rows / lanes * (1 if block.rows > narrow else waiting(NARROW_FACTOR)) for block in row_blocks)
    outputs, across = phases * sum(block.rows for block in row_blocks), len(windows[-1].shifts)
    turn = outputs * turn_cost(problem)
    slot_cost, run_cost = vectors * depths * multiply_cost(problem) * waiting(PANEL_FACTOR), _run_cost(problem, panels)

    def measure(sizes: tuple[int, ...]) -> Blocks:
        pixels, slots = prod(sizes), prod(panels.rows(sizes))
        nanoseconds = slots * slot_cost + pixels * turn
        copy = panels.runs(sizes) * run_cost
        sums = slots * outputs // phases * across  # those of a row's phases wait together
        beyond = sums + panels.panels(sizes) * run - machine().slab_bytes // problem.dtype.itemsize
        nanoseconds += min(max(0, beyond), sums) * phases // across * SPILL_COST
        nanoseconds += copy + depths * outputs // phases * READ_COST
        return Blocks.of(windows, sizes, pixels, panels.panels(sizes) * run, nanoseconds, copy)

    return measure


def _promised(problem: Problem, found: Sequence[Blocks], row_blocks: int) -> _Promise:
    """What is promised for the panels of these blocks."""
    g = problem.geometry
    blocks = least_blocks(found, problem.dtype.itemsize, g.batch * g.groups * row_blocks)
    uses = prod(blocks.counts) * g.batch
    return _Promise(blocks.nanoseconds * uses * g.groups, uses)
