"""Padding and cropping, as copies of blocks: each axis is runs of equal steps from source to source, three or fewer
unless padding goes round several times.

Arrays have any number of axes. Those that are not padded and stand in memory as if they were one have been made one
beforehand; the last of them, contiguous ones, are the *unit* that moves as a whole: the channels of a pixel, or whole
rows. Lines whose elements stand side by side are copied one by one, with what is beside them from a list.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from fastconv.jit.copy import copy_block
from fastconv.jit.decorators import helper
from fastconv.jit.kernel import kernel
from fastconv.jit.padded_rows import NOTHING, PaddedRows, copy_padded
from fastconv.jit.records import reader
from fastconv.jit.vector import unsigned

__all__ = ["NOTHING", "LineHead", "PadAxis", "PadHead", "PadRun", "pad_blocks", "pad_lines"]


class PadHead(NamedTuple):
    """The head of the integer table.

    Attributes
    ----------
    x_base, y_base : int
        Flat positions of the first elements of input and result.
    unit, y_row, y_column : int
        Elements that stand together at each position of a line, and the steps of the result from line to line and from
        position to position.
    fills_rows : int
        Whether lines, which then follow each other in the result without gaps, are filled as wholes before the input is
        copied: faster than their ends alone where lines are short.
    outer : int
        Number of axes outside of planes, whose records stand behind the head, innermost first.
    rows_at, row_pieces_at, row_pieces : int
        Where the runs of a plane's lines begin in the table, and the list that says with which run each piece of them
        begins and the last ends; number of pieces.
    columns_at, column_pieces_at, column_pieces : int
        The same of a line's positions.
    """

    x_base: int
    y_base: int
    unit: int
    y_row: int
    y_column: int
    fills_rows: int
    outer: int
    rows_at: int
    row_pieces_at: int
    row_pieces: int
    columns_at: int
    column_pieces_at: int
    column_pieces: int


class PadAxis(NamedTuple):
    """One axis.

    Attributes
    ----------
    outputs : int
        Positions of the result.
    x_step, y_step : int
        Of input and result, from position to position.
    sources_at : int
        Where a list begins in the table that has the place of each position's source, from that of the axis's first
        element on, or `NOTHING`; -1 where sources step as positions do.
    """

    outputs: int
    x_step: int
    y_step: int
    sources_at: int


class PadRun(NamedTuple):
    """Positions of an axis whose sources are equally far apart.

    Attributes
    ----------
    length : int
        Number of positions.
    y_at, x_at, x_step : int
        Where the first of them and its source stand, and the step from source to source; `x_at` is `NOTHING` where the
        fill value does.
    """

    length: int
    y_at: int
    x_at: int
    x_step: int


class LineHead(NamedTuple):
    """The head of the integer table of lines whose elements stand side by side.

    Attributes
    ----------
    x_base, y_base, outer : int
        As in a `PadHead`.
    rows, y_row, block, blocks : int
        Lines of a plane, the step of the result from one to the next, the lines of a task, and its tasks.
    rows_at : int
        Where the list of the lines' sources begins in the table.
    before, width, behind : int
        Elements before those of the input, these, and those behind them.
    columns_at : int
        Where the list of the sources of the elements before and behind begins, which count from the middle.
    fills : int
        Whether these are the fill value instead.
    """

    x_base: int
    y_base: int
    outer: int
    rows: int
    y_row: int
    block: int
    blocks: int
    rows_at: int
    before: int
    width: int
    behind: int
    columns_at: int
    fills: int


_read_head, _read_axis, _read_run = reader(PadHead), reader(PadAxis), reader(PadRun)
_read_line_head = reader(LineHead)
_AXES_AT, _AXIS, _RUN = len(PadHead._fields), len(PadAxis._fields), len(PadRun._fields)
_LINE_AXES_AT = len(LineHead._fields)


@helper
def _plane_of(table: Any, axes_at: int, outer: int, plane: int) -> tuple[int, int, bool]:
    """Where the source of a plane and the plane itself begin, and whether it has a source."""
    at, to, inside = 0, 0, True
    for i in range(outer):
        axis = _read_axis(table, axes_at + i * _AXIS)
        rest = plane // axis.outputs if i + 1 < outer else 0
        place, plane = plane - rest * axis.outputs, rest
        source = table[axis.sources_at + place] if axis.sources_at >= 0 else place * axis.x_step
        inside = inside and source != NOTHING
        at, to = at + source, to + place * axis.y_step
    return at, to, inside


#: Positions below which a block is written column by column.
_FEW = 8


@kernel
def pad_blocks(begin: int, end: int, x: Any, y: Any, value: Any, table: Any) -> None:
    """y = x between its borders, where `value` stands if nothing else does; a task is a piece of a plane.

    A piece is blocks, runs of lines by runs of positions.
    """
    # Loops over blocks, and nothing that is called for a line: its arrays' references would be counted.
    head = _read_head(table, 0)
    unit, fill, y_row, y_column = head.unit, value[0], head.y_row, head.y_column
    for task in range(begin, end):
        part = task // head.column_pieces if head.column_pieces > 1 else task
        column_piece = head.column_pieces_at + task - part * head.column_pieces
        plane = part // head.row_pieces if head.row_pieces > 1 else part
        row_piece = head.row_pieces_at + part - plane * head.row_pieces
        at, to, inside = _plane_of(table, _AXES_AT, head.outer, plane)
        at, to = at + head.x_base, to + head.y_base
        for row_run in range(table[row_piece], table[row_piece + 1]):
            rows = _read_run(table, head.rows_at + row_run * _RUN)
            if head.fills_rows:
                first = to + rows.y_at
                for i in range(unsigned(first), unsigned(first + rows.length * y_row)):
                    y[i] = fill
            for column_run in range(table[column_piece], table[column_piece + 1]):
                columns = _read_run(table, head.columns_at + column_run * _RUN)
                source, place = at + rows.x_at + columns.x_at, to + rows.y_at + columns.y_at
                elements = columns.length * unit
                if not inside or rows.x_at == NOTHING or columns.x_at == NOTHING:
                    if head.fills_rows:
                        continue
                    if elements < _FEW or y_column != unit:
                        for p in range(columns.length):
                            for i in range(unit):
                                for row in range(rows.length):
                                    y[place + row * y_row + p * y_column + i] = fill
                    else:
                        for row in range(rows.length):
                            first = place + row * y_row
                            for i in range(unsigned(first), unsigned(first + elements)):
                                y[i] = fill
                elif unit == 1 and columns.length >= _FEW and (columns.x_step != 1 or y_column != 1):
                    for row in range(rows.length):
                        line, found = place + row * y_row, source + row * rows.x_step
                        for p in range(columns.length):
                            y[unsigned(line + p * y_column)] = x[unsigned(found + p * columns.x_step)]
                else:
                    together = columns.x_step == unit and y_column == unit
                    count = elements if together else unit
                    for p in range(1 if together else columns.length):
                        column, found = place + p * y_column, source + p * columns.x_step
                        copy_block(y, column, y_row, x, found, rows.x_step, count, rows.length)


@kernel
def pad_lines(begin: int, end: int, x: Any, y: Any, value: Any, table: Any) -> None:
    """As `pad_blocks`, line by line; a task is some lines of a plane."""
    head = _read_line_head(table, 0)
    for task in range(begin, end):
        plane = task // head.blocks if head.blocks > 1 else task
        first = (task - plane * head.blocks) * head.block
        at, to, inside = _plane_of(table, _LINE_AXES_AT, head.outer, plane)
        rows = min(head.block, head.rows - first)
        place = to + head.y_base + first * head.y_row
        if inside:
            lines = PaddedRows(
                place, head.y_row, at + head.x_base, head.rows_at + first, rows, head.before, head.width, head.behind,
                head.columns_at, head.fills != 0,
            )  # fmt: skip
            copy_padded(y, x, table, value, lines)
        else:
            for row in range(rows):
                start = place + row * head.y_row
                for i in range(unsigned(start), unsigned(start + head.before + head.width + head.behind)):
                    y[i] = value[0]
