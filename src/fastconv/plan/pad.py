"""Plans of paddings: axes that stand in memory as one are one, and lines are shared out in blocks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import prod

import numpy as np

from fastconv.geometry import source_index
from fastconv.jit.kernel import Kernel
from fastconv.kernels.pad import (
    NOTHING,
    LineHead,
    PadAxis,
    PadHead,
    PadRun,
    pad_blocks,
    pad_lines,
)
from fastconv.plan.kernel_plan import KernelPlan
from fastconv.plan.table import Table

__all__ = ["PaddedAxis", "plan_pad", "word_of"]

#: Real numbers that are only moved are taken for integers of their size, so that four kernels serve all their types.
_WORDS: dict[int, np.dtype] = {
    1: np.dtype(np.uint8),
    2: np.dtype(np.uint16),
    4: np.dtype(np.int32),
    8: np.dtype(np.int64),
}
#: Nanoseconds, for estimates only: to copy a byte, to write a run of a line, and to find a task's first.
BYTE_COST, RUN_COST, TASK_COST = 0.03, 3.0, 20.0
#: Bytes of a task: some microseconds, and what one run after the other is written to stays in the first-level cache.
TASK_BYTES = 16384
#: Bytes of a line up to which it is filled as a whole before the input is copied into it.
SHORT_LINE = 512
#: Elements of a line from which on its parts are tasks.
LONG_LINE = 8192
#: Lines whose sources are listed, at most, for planes that are taken as one.
MOST_LINES = 2048
#: Elements beside those of the input in a line up to which each is copied by itself.
MOST_BESIDE = 64


def word_of(dtype: np.dtype) -> np.dtype:
    """What a kernel takes elements for that it only moves."""
    return dtype if dtype.kind == "c" else _WORDS[dtype.itemsize]


@dataclass(frozen=True, slots=True)
class PaddedAxis:
    """One axis: input elements, positions before and behind them (negative ones crop), and the steps of both arrays."""

    size: int
    before: int
    after: int
    x_step: int
    y_step: int

    @property
    def outputs(self) -> int:
        """Positions of the result."""
        return self.size + self.before + self.after

    @property
    def padded(self) -> bool:
        """Whether anything is added or taken away."""
        return (self.before, self.after) != (0, 0)

    def source(self, position: int, mode: str) -> int:
        """Where the source of an input position stands, or `NOTHING`."""
        found = source_index(position, self.size, mode)
        return found * self.x_step if found >= 0 else NOTHING

    def sources(self, mode: str) -> list[int]:
        """Where the source of each position of the result stands."""
        return [self.source(position, mode) for position in range(-self.before, self.size + self.after)]

    def runs(self, mode: str, longest: int) -> Iterator[PadRun]:
        """The positions of the result as runs, in which sources step by the same."""
        begin = -self.before
        for first, last in pairwise(self._turns(mode)):
            for start in range(first, last, longest):
                count = min(longest, last - start)
                at = self.source(start, mode)
                step = self.source(start + 1, mode) - at if count > 1 else self.x_step
                yield PadRun(count, (start - begin) * self.y_step, at, step)

    def _turns(self, mode: str) -> list[int]:
        """The first position, those from which sources step otherwise, and the end."""
        begin, end = -self.before, self.size + self.after
        lap = {"reflect": self.size - 1, "symmetric": self.size, "circular": self.size}.get(mode, 0)
        turns = {0, self.size}
        if lap > 0:  # padding may go round several times
            turns |= {*range(0, begin, -lap), *range(self.size, end, lap)}
        return [begin, *sorted(turn for turn in turns if begin < turn < end), end]


@dataclass(frozen=True, slots=True)
class _Pad:
    """A padding as kernels see it.

    Attributes
    ----------
    outer : sequence of PaddedAxis
        Those of which each position is a plane.
    rows, columns : PaddedAxis
        Of a plane.
    unit : int
        Elements of a position of a plane, which move as a whole.
    x_base, y_base : int
        Where input and result begin.
    mode : str
        How positions beside the input are filled.
    dtype : numpy.dtype
        Of both.
    """

    outer: Sequence[PaddedAxis]
    rows: PaddedAxis
    columns: PaddedAxis
    unit: int
    x_base: int
    y_base: int
    mode: str
    dtype: np.dtype

    @property
    def planes(self) -> int:
        """Planes of the result."""
        return prod(axis.outputs for axis in self.outer)

    @property
    def is_dense(self) -> bool:
        """Whether lines of the result have no gaps inside and between them."""
        return self.columns.y_step == self.unit and self.rows.y_step == self.columns.outputs * self.unit

    def table(self, head: type) -> Table:
        """A table that begins with such a head."""
        return Table((head, *[PadAxis] * len(self.outer)))

    def plan(self, kernel: Kernel, table: Table, head: Iterable[int], tasks: int, nanoseconds: float) -> KernelPlan:
        """The plan with the head, behind which the outer axes are written, innermost first."""
        axes = [
            PadAxis(a.outputs, a.x_step, a.y_step, table.append(a.sources(self.mode)) if a.padded else -1)
            for a in reversed(self.outer)
        ]
        word = word_of(self.dtype)
        return KernelPlan(kernel.bind(word, word, word, np.int64), table.finish([head, *axes]), tasks, nanoseconds)


def plan_pad(axes: Sequence[PaddedAxis], x_base: int, y_base: int, mode: str, dtype: np.dtype) -> KernelPlan:
    """Plan a padding whose axes are given in the order in which the result lies in memory."""
    merged, unit = _merged(axes), 1
    if (
        len(merged) > 1
        and not merged[-1].padded
        and _steps_by(merged[-1], 1)
        and _steps_by(merged[-2], merged[-1].size)
    ):
        unit = merged.pop().size
    *outer, rows, columns = [PaddedAxis(1, 0, 0, 0, 0)] * (2 - len(merged)) + merged
    pad = _Pad(outer, rows, columns, unit, x_base, y_base, mode, dtype)
    beside = unit * (max(0, columns.before) + max(0, columns.after))
    if _steps_by(columns, unit) and columns.outputs * unit < LONG_LINE and beside <= MOST_BESIDE:
        return _plan_lines(pad)
    return _plan_blocks(pad)


def _plan_blocks(pad: _Pad) -> KernelPlan:
    """Plan any padding, by runs of positions whose sources step by the same."""
    rows, columns = pad.rows, pad.columns
    unit_bytes = pad.unit * pad.dtype.itemsize
    line_bytes = columns.outputs * unit_bytes
    row_runs, row_pieces = _pieces(rows, pad.mode, TASK_BYTES // max(1, line_bytes))
    column_runs, column_pieces = _pieces(columns, pad.mode, 2 * TASK_BYTES // unit_bytes)
    is_whole = len(column_pieces) == 2
    table = pad.table(PadHead)
    head = PadHead(
        x_base=pad.x_base,
        y_base=pad.y_base,
        unit=pad.unit,
        y_row=rows.y_step,
        y_column=columns.y_step,
        fills_rows=pad.mode == "zeros" and line_bytes <= SHORT_LINE and is_whole and pad.is_dense,
        outer=len(pad.outer),
        rows_at=table.append_records(row_runs),
        row_pieces_at=table.append(row_pieces),
        row_pieces=len(row_pieces) - 1,
        columns_at=table.append_records(column_runs),
        column_pieces_at=table.append(column_pieces),
        column_pieces=len(column_pieces) - 1,
    )
    tasks = pad.planes * head.row_pieces * head.column_pieces
    lines = pad.planes * rows.outputs
    nanoseconds = lines * (line_bytes * BYTE_COST + len(column_runs) * RUN_COST) + tasks * TASK_COST
    return pad.plan(pad_blocks, table, head, tasks, nanoseconds)


def _plan_lines(pad: _Pad) -> KernelPlan:
    """Plan a padding of lines whose elements stand side by side."""
    columns, unit = pad.columns, pad.unit
    outer, lines = _lines(pad)
    sources = columns.sources(pad.mode)
    before, behind = min(max(0, columns.before), len(sources)), min(max(0, columns.after), len(sources))
    width, first = max(0, len(sources) - before - behind), max(0, -columns.before) * columns.x_step
    edges = [*sources[:before], *sources[before + width :]]
    line_bytes = len(sources) * unit * pad.dtype.itemsize
    block = max(1, min(len(lines), TASK_BYTES // max(1, line_bytes)))
    fills = pad.mode == "zeros"
    pad = replace(pad, outer=outer)
    table = pad.table(LineHead)
    head = LineHead(
        x_base=pad.x_base + first,
        y_base=pad.y_base,
        outer=len(outer),
        rows=len(lines),
        y_row=pad.rows.y_step,
        block=block,
        blocks=-(-len(lines) // block),
        rows_at=table.append(lines),
        before=before * unit,
        width=width * unit,
        behind=behind * unit,
        columns_at=table.append([0 if fills else edge - first + i for edge in edges for i in range(unit)]),
        fills=int(fills),
    )
    nanoseconds = pad.planes * len(lines) * (line_bytes * BYTE_COST + RUN_COST)
    return pad.plan(pad_lines, table, head, pad.planes * head.blocks, nanoseconds)


def _lines(pad: _Pad) -> tuple[Sequence[PaddedAxis], list[int]]:
    """The outer axes, and the sources of the lines of a plane; planes that follow each other are one, up to some lines.

    That takes 0.8 of the time for planes of 7 x 7, whose tasks are short otherwise.
    """
    lines = pad.rows.sources(pad.mode)
    if not pad.outer:
        return pad.outer, lines
    *outer, planes = pad.outer
    room = max(1, MOST_LINES // max(1, len(lines)))
    together = next((n for n in range(min(room, planes.outputs), 1, -1) if planes.outputs % n == 0), 1)
    follow = planes.y_step == len(lines) * pad.rows.y_step
    if not follow or together == 1 or (planes.padded and together < planes.outputs):
        return pad.outer, lines
    if together < planes.outputs:
        rest = planes.outputs // together
        outer.append(PaddedAxis(rest, 0, 0, together * planes.x_step, together * planes.y_step))
        planes = replace(planes, size=together)
    above = planes.sources(pad.mode)
    return outer, [NOTHING if NOTHING in (plane, line) else plane + line for plane in above for line in lines]


def _pieces(axis: PaddedAxis, mode: str, longest: int) -> tuple[list[PadRun], list[int]]:
    """The runs of an axis, and the first of each piece: about so many positions that share a task; and the end."""
    runs, pieces, positions = list(axis.runs(mode, max(1, longest))), [0], 0
    for number, run in enumerate(runs):
        if positions + run.length > longest and positions * 4 > longest:
            pieces.append(number)
            positions = 0
        positions += run.length
    return runs, [*pieces, len(runs)]


def _steps_by(axis: PaddedAxis, step: int) -> bool:
    return axis.x_step == axis.y_step == step


def _merged(axes: Sequence[PaddedAxis]) -> list[PaddedAxis]:
    """Without axes of one element, and with neighbours made one that are not padded and step over each other."""
    found: list[PaddedAxis] = []
    for axis in axes:
        if axis.size == 1 and not axis.padded:
            continue
        if found and not axis.padded and not found[-1].padded and _steps_over(found[-1], axis):
            found[-1] = replace(axis, size=found[-1].size * axis.size)
        else:
            found.append(axis)
    return found


def _steps_over(outer: PaddedAxis, inner: PaddedAxis) -> bool:
    return (outer.x_step, outer.y_step) == (inner.size * inner.x_step, inner.size * inner.y_step)
