"""Plans of paddings: axes that stand in memory as one are one, and lines are shared out in blocks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
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
    PlaneHead,
    pad_blocks,
    pad_lines,
    pad_planes,
)
from fastconv.plan.kernel_plan import WordsPlan
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
BYTE_COST, RUN_COST, TASK_COST = 0.15, 6.0, 20.0
#: Bytes of a task: some microseconds, and what one run after the other is written to stays in the first-level cache.
TASK_BYTES = 16384
#: Bytes of a line up to which it is filled as a whole before the input is copied into it.
SHORT_LINE = 512
#: Elements of a line from which on its parts are tasks.
LONG_LINE = 8192
#: Elements of a plane up to which each is copied by itself, and nanoseconds that one takes.
SMALL_PLANE, ELEMENT_COST = 300, 0.75


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
        """The positions of the result as runs; modes go round at most once, so that sources step by the same."""
        begin, end = -self.before, self.size + self.after
        for first, last in ((begin, 0), (0, self.size), (self.size, end)):
            for start in range(max(first, begin), min(last, end), longest):
                count = min(longest, min(last, end) - start)
                at = self.source(start, mode)
                step = self.source(start + 1, mode) - at if count > 1 else self.x_step
                yield PadRun(count, (start - begin) * self.y_step, at, step)


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

    def plan(self, kernel: Kernel, table: Table, head: Iterable[int], tasks: int, nanoseconds: float) -> WordsPlan:
        """The plan with the head, behind which the outer axes are written, innermost first."""
        axes = [
            PadAxis(a.outputs, a.x_step, a.y_step, table.append(a.sources(self.mode)) if a.padded else -1)
            for a in reversed(self.outer)
        ]
        word = word_of(self.dtype)
        return WordsPlan(kernel.bind(word, word, word, np.int64), table.finish([head, *axes]), tasks, nanoseconds)


def plan_pad(axes: Sequence[PaddedAxis], x_base: int, y_base: int, mode: str, dtype: np.dtype) -> WordsPlan:
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
    if rows.outputs * columns.outputs * unit <= SMALL_PLANE and pad.is_dense:
        return _plan_planes(pad)
    if mode != "zeros" and unit == 1 and _steps_by(columns, 1) and columns.outputs < LONG_LINE:
        return _plan_lines(pad)
    return _plan_blocks(pad)


def _plan_blocks(pad: _Pad) -> WordsPlan:
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


def _plan_planes(pad: _Pad) -> WordsPlan:
    """Plan a padding of small planes without gaps, element by element."""
    found = [
        NOTHING if NOTHING in (row, column) else row + column + i
        for row in pad.rows.sources(pad.mode)
        for column in pad.columns.sources(pad.mode)
        for i in range(pad.unit)
    ]
    places = [place for place, source in enumerate(found) if source != NOTHING]
    table = pad.table(PlaneHead)
    head = PlaneHead(
        x_base=pad.x_base,
        y_base=pad.y_base,
        outer=len(pad.outer),
        size=len(found),
        listed=len(places),
        sources_at=table.append([found[place] for place in places]),
        places_at=table.append(places) if pad.mode == "zeros" else -1,
    )
    nanoseconds = pad.planes * (len(found) * ELEMENT_COST + TASK_COST)
    return pad.plan(pad_planes, table, head, pad.planes, nanoseconds)


def _plan_lines(pad: _Pad) -> WordsPlan:
    """Plan a padding of lines with elements of the input, in place of blocks.

    Reflection takes 0.6 to 0.9 of their time, on 28 x 28 to 1024 x 1024 elements.
    """
    rows, columns = pad.rows, pad.columns
    sources = columns.sources(pad.mode)
    before, behind = min(max(0, columns.before), len(sources)), min(max(0, columns.after), len(sources))
    width = max(0, len(sources) - before - behind)
    line_bytes = len(sources) * pad.dtype.itemsize
    block = max(1, min(rows.outputs, TASK_BYTES // max(1, line_bytes)))
    table = pad.table(LineHead)
    head = LineHead(
        x_base=pad.x_base,
        y_base=pad.y_base,
        outer=len(pad.outer),
        rows=rows.outputs,
        y_row=rows.y_step,
        block=block,
        blocks=-(-rows.outputs // block),
        rows_at=table.append(rows.sources(pad.mode)),
        before=before,
        width=width,
        behind=behind,
        first=max(0, -columns.before),
        columns_at=table.append([*sources[:before], *sources[before + width :]]),
    )
    nanoseconds = pad.planes * rows.outputs * (line_bytes * BYTE_COST + RUN_COST)
    return pad.plan(pad_lines, table, head, pad.planes * head.blocks, nanoseconds)


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
