"""Plans of paddings: axes that stand in memory as one are one, and lines are shared out in blocks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from fastconv.geometry import source_index
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
    merged = [PaddedAxis(1, 0, 0, 0, 0)] * (2 - len(merged)) + merged
    *outer, rows, columns = merged
    if rows.outputs * columns.outputs * unit <= SMALL_PLANE and _is_dense(rows, columns, unit):
        return _plan_planes(outer, rows, columns, unit, (x_base, y_base), mode, dtype)
    if mode != "zeros" and unit == 1 and _steps_by(columns, 1) and columns.outputs < LONG_LINE:
        return _plan_lines(outer, rows, columns, (x_base, y_base), mode, dtype)
    unit_bytes = unit * dtype.itemsize
    line_bytes = columns.outputs * unit_bytes
    row_runs, row_pieces = _pieces(rows, mode, TASK_BYTES // max(1, line_bytes))
    column_runs, column_pieces = _pieces(columns, mode, 2 * TASK_BYTES // unit_bytes)
    is_whole = len(column_pieces) == 2
    table = Table((PadHead, *[PadAxis] * len(outer)))
    records = _records(table, outer, mode)
    head = PadHead(
        x_base=x_base,
        y_base=y_base,
        unit=unit,
        y_row=rows.y_step,
        y_column=columns.y_step,
        fills_rows=mode == "zeros" and line_bytes <= SHORT_LINE and is_whole and _is_dense(rows, columns, unit),
        outer=len(outer),
        rows_at=table.append_records(row_runs),
        row_pieces_at=table.append(row_pieces),
        row_pieces=len(row_pieces) - 1,
        columns_at=table.append_records(column_runs),
        column_pieces_at=table.append(column_pieces),
        column_pieces=len(column_pieces) - 1,
    )
    planes, word = prod(axis.outputs for axis in outer), word_of(dtype)
    tasks = planes * head.row_pieces * head.column_pieces
    lines = planes * rows.outputs
    nanoseconds = lines * (line_bytes * BYTE_COST + len(column_runs) * RUN_COST) + tasks * TASK_COST
    return WordsPlan(pad_blocks.bind(word, word, word, np.int64), table.finish([head, *records]), tasks, nanoseconds)


def _records(table: Table, outer: Sequence[PaddedAxis], mode: str) -> list[PadAxis]:
    return [
        PadAxis(axis.outputs, axis.x_step, axis.y_step, table.append(axis.sources(mode)) if axis.padded else -1)
        for axis in reversed(outer)
    ]


def _plan_planes(
    outer: Sequence[PaddedAxis],
    rows: PaddedAxis,
    columns: PaddedAxis,
    unit: int,
    bases: tuple[int, int],
    mode: str,
    dtype: np.dtype,
) -> WordsPlan:
    """Plan a padding of small planes without gaps."""
    found = [
        NOTHING if NOTHING in (row, column) else row + column + i
        for row in rows.sources(mode)
        for column in columns.sources(mode)
        for i in range(unit)
    ]
    places = [place for place, source in enumerate(found) if source != NOTHING]
    table = Table((PlaneHead, *[PadAxis] * len(outer)))
    records = _records(table, outer, mode)
    head = PlaneHead(
        x_base=bases[0],
        y_base=bases[1],
        outer=len(outer),
        size=len(found),
        listed=len(places),
        sources_at=table.append([found[place] for place in places]),
        places_at=table.append(places) if mode == "zeros" else -1,
    )
    planes, word = prod(axis.outputs for axis in outer), word_of(dtype)
    nanoseconds = planes * (len(found) * ELEMENT_COST + TASK_COST)
    kernel = pad_planes.bind(word, word, word, np.int64)
    return WordsPlan(kernel, table.finish([head, *records]), planes, nanoseconds)


def _plan_lines(
    outer: Sequence[PaddedAxis],
    rows: PaddedAxis,
    columns: PaddedAxis,
    bases: tuple[int, int],
    mode: str,
    dtype: np.dtype,
) -> WordsPlan:
    """Plan a padding of lines with elements of the input, in place of blocks (0.3 to 0.7 of their time)."""
    sources = columns.sources(mode)
    before, behind = min(max(0, columns.before), len(sources)), min(max(0, columns.after), len(sources))
    width = max(0, len(sources) - before - behind)
    block = max(1, min(rows.outputs, TASK_BYTES // max(1, len(sources) * dtype.itemsize)))
    table = Table((LineHead, *[PadAxis] * len(outer)))
    records = _records(table, outer, mode)
    head = LineHead(
        x_base=bases[0],
        y_base=bases[1],
        outer=len(outer),
        rows=rows.outputs,
        y_row=rows.y_step,
        block=block,
        blocks=-(-rows.outputs // block),
        rows_at=table.append(rows.sources(mode)),
        before=before,
        width=width,
        behind=behind,
        first=max(0, -columns.before),
        columns_at=table.append([*sources[:before], *sources[before + width :]]),
    )
    lines = prod(axis.outputs for axis in outer) * rows.outputs
    nanoseconds = lines * (len(sources) * dtype.itemsize * BYTE_COST + RUN_COST)
    tasks = prod(axis.outputs for axis in outer) * head.blocks
    word = word_of(dtype)
    return WordsPlan(pad_lines.bind(word, word, word, np.int64), table.finish([head, *records]), tasks, nanoseconds)


def _pieces(axis: PaddedAxis, mode: str, longest: int) -> tuple[list[PadRun], list[int]]:
    """The runs of an axis, and the first of each piece: about so many positions that share a task; and the end."""
    runs, pieces, positions = list(axis.runs(mode, max(1, longest))), [0], 0
    for number, run in enumerate(runs):
        if positions + run.length > longest and positions * 4 > longest:
            pieces.append(number)
            positions = 0
        positions += run.length
    return runs, [*pieces, len(runs)]


def _is_dense(rows: PaddedAxis, columns: PaddedAxis, unit: int) -> bool:
    """Whether lines of the result have no gaps inside and between them."""
    return columns.y_step == unit and rows.y_step == columns.outputs * unit


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
