"""Copies between channels first and channels last, in squares that are transposed in registers."""

from __future__ import annotations

from typing import Any, NamedTuple

from fastconv.jit.kernel import kernel
from fastconv.jit.records import reader
from fastconv.jit.tile import lanes
from fastconv.jit.transpose import transpose
from fastconv.jit.vector import unsigned

__all__ = ["Turn", "turn"]


class Turn(NamedTuple):
    """Matrices to be transposed, and what stands in their table.

    Attributes
    ----------
    rows, columns : int
        Of each.
    source_base, source_outer, source_inner, source_row : int
        Flat position of the first element, and the steps of both axes of matrices and from row to row; columns step by
        one.
    target_outer, target_inner, target_column : int
        Steps in the target; rows step by one.
    inner : int
        Matrices of an outer one.
    block, blocks : int
        Rows of a task, a multiple of every vector's length, and tasks of a matrix, the last of which has the rest too.
    """

    rows: int
    columns: int
    source_base: int
    source_outer: int
    source_inner: int
    source_row: int
    target_outer: int
    target_inner: int
    target_column: int
    inner: int
    block: int
    blocks: int


_read = reader(Turn)


@kernel
def turn(begin: int, end: int, source: Any, target: Any, table: Any) -> None:
    """target[i, j, column, row] = source[i, j, row, column]."""
    t = _read(table, 0)
    n = lanes(target)
    for task in range(begin, end):
        matrix = task // t.blocks
        first = (task - matrix * t.blocks) * t.block
        end_row = t.rows if first + 2 * t.block > t.rows else first + t.block
        outer = matrix // t.inner
        inner = matrix - outer * t.inner
        at = t.source_base + outer * t.source_outer + inner * t.source_inner
        to = outer * t.target_outer + inner * t.target_inner
        if end_row - first >= n and t.columns >= n:
            for r in range(first, end_row, n):  # the last square of either kind overlaps the one before
                row = min(r, end_row - n)
                for c in range(0, t.columns, n):
                    column = min(c, t.columns - n)
                    transpose(
                        source, at + row * t.source_row + column, t.source_row, target,
                        to + column * t.target_column + row, t.target_column,
                    )  # fmt: skip
        else:
            for column in range(t.columns):
                place = unsigned(to + column * t.target_column + first)
                number = unsigned(at + column + first * t.source_row)
                for _ in range(end_row - first):
                    target[place] = source[number]
                    place += unsigned(1)
                    number += unsigned(t.source_row)
