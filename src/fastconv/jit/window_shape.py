"""What a window tile is compiled for, and what it is told: see `fastconv.jit.window`."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Shape", "Window"]


class Shape(NamedTuple):
    """What is a literal of a tile.

    Attributes
    ----------
    rows, vectors : int
        Rows of a tile, and vectors of a row.
    taps, row_step : int
        Rows of a window that are summed together, and the rows from one window to the next. Where there is one, the
        rows of a tile stand anywhere; otherwise they follow each other, and windows share them.
    columns : int
        Taps in a row, which follow each other, or 0 for any that stand anywhere; `column_step` is 1 then.
    column_step : int
        Columns from one window to the next.
    borders : bool
        Whether elements of the row stand beside it, as a list says, not zeros.
    rolls : bool
        Whether it goes down as many rows as are wanted, one at a time (`fastconv.jit.rolling`); `rows` is 1 then,
        and windows have one plane, and as many rows as there are taps.
    """

    rows: int
    vectors: int
    taps: int
    columns: int
    row_step: int
    column_step: int
    borders: bool = False
    rolls: bool = False

    @property
    def lines(self) -> int:
        """Input rows that a tile's windows have of each group of kernel rows."""
        return (self.rows - 1) * self.row_step + self.taps

    @property
    def is_row(self) -> bool:
        """Whether it is a single row, of any taps (`fastconv.jit.row_tile`)."""
        return self.rows == 1 and not self.columns and not self.rolls

    @property
    def any_rows(self) -> bool:
        """Whether a window may have further rows, fewer than a group has, each of which is summed on its own."""
        return self.taps > 1 and self.columns == 0

    def groups(self, taps: int) -> int:
        """Groups of so many kernel rows."""
        return taps // self.taps

    def lines_of(self, taps: int) -> int:
        """Input rows that a tile loads for so many kernel rows."""
        return self.row_step if self.rolls else self.groups(taps) * self.lines + taps % self.taps * self.rows


class Window(NamedTuple):
    """Where a tile finds what it sums, and which of its sums are wanted.

    Attributes
    ----------
    in_place : int
        Whether it reads the input where that stands, not a slab.
    base : int
        Position of the channel.
    planes_at, planes, lines_at, groups, rest : int
        The lists of planes and of rows in the table, and how many planes, groups of kernel rows and further kernel rows
        there are. A row begins at base, plane and line together, or is `nothing` where either is `NO_LINE`.
    offsets_at, width : int
        The list of a row's taps: where each stands from the tile's first window on.
    limit : int
        Places of a row; beside them stand zeros, but for tiles with borders.
    borders_at, before, after : int
        Where the list of borders' sources is in the table: from `before` places before `borders_at` on the place of the
        element that stands at each place before the row, and from there on for the `after` places behind it.
    weight_at, weight_d, weight_h, weight_w : int
        The first weight, and the steps of weights along the axes.
    pitch : int
        Step from one row of the result to the next.
    rows_here : int
        Rows that are written, as far as the tile has them.
    """

    in_place: int
    base: int
    planes_at: int
    planes: int
    lines_at: int
    groups: int
    rest: int
    offsets_at: int
    width: int
    limit: int
    borders_at: int
    before: int
    after: int
    weight_at: int
    weight_d: int
    weight_h: int
    weight_w: int
    pitch: int
    rows_here: int
