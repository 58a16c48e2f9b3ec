"""The table from which the kernels build K', and its transpose: one pattern for each axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from fastconv.geometry import Axis, Geometry, source_index
from fastconv.kernels.csr import CSR_TABLE, CsrAxis, CsrHead
from fastconv.plan.table import Table

__all__ = ["Pattern", "axis_pattern", "csr_table"]


@dataclass(frozen=True, slots=True)
class Pattern:
    """Which columns the rows of one axis meet, and through which taps.

    Attributes
    ----------
    columns : int
        Positions along the columns.
    entries : tuple of tuple of (int, tuple of int)
        For each row its (column, taps), columns ascending.
    """

    columns: int
    entries: tuple[tuple[tuple[int, tuple[int, ...]], ...], ...]

    @property
    def count(self) -> int:
        """Number of entries."""
        return sum(map(len, self.entries))

    def shifts(self, lag: int) -> list[int]:
        """For each row the columns that it stands to the right of the row `lag` before it, or 0 where it differs.

        Examples
        --------
        >>> axis_pattern(Axis(8, 3, stride=2, before=1), "zeros").shifts(1)
        [0, 0, 2, 2]
        """
        found = [0] * len(self.entries)
        for row in range(lag, len(self.entries)):
            new, old = self.entries[row], self.entries[row - lag]
            steps = {column - before for (column, _), (before, _) in zip(new, old, strict=False)}
            if [taps for _, taps in new] == [taps for _, taps in old] and len(steps) == 1 and min(steps) > 0:
                found[row] = min(steps)
        return found

    def transpose(self) -> Pattern:
        """Rows and columns exchanged."""
        rows: list[list[tuple[int, tuple[int, ...]]]] = [[] for _ in range(self.columns)]
        for row, entries in enumerate(self.entries):
            for column, taps in entries:
                rows[column].append((row, taps))
        return Pattern(len(self.entries), tuple(map(tuple, rows)))


def axis_pattern(axis: Axis, mode: str) -> Pattern:
    """Which inputs each output of a convolution axis reads; taps that padding cuts off are left out.

    Examples
    --------
    >>> axis_pattern(Axis(4, 3, before=1), "zeros").entries[0]
    ((0, (1,)), (1, (2,)))
    >>> axis_pattern(Axis(4, 3, before=1), "reflect").entries[0]
    ((0, (1,)), (1, (0, 2)))
    """
    rows = []
    for start in range(-axis.before, -axis.before + axis.output * axis.stride, axis.stride):
        taps: dict[int, tuple[int, ...]] = {}
        for tap in range(axis.kernel):
            column = source_index(start + tap * axis.dilation, axis.size, mode)
            if column >= 0:
                taps[column] = (*taps.get(column, ()), tap)
        rows.append(tuple(sorted(taps.items())))
    return Pattern(axis.size, tuple(rows))


def csr_table(geometry: Geometry, patterns: Sequence[Pattern], *, mirrored: bool, transposed: bool) -> np.ndarray:
    """The integer table of K', or of its transpose, for contiguous weights (O, C / groups, *kernel).

    Parameters
    ----------
    geometry : Geometry
        Of the convolution.
    patterns : sequence of Pattern
        Of its axes, already transposed where the matrix is to be.
    mirrored : bool
        The first tap takes the last weight.
    transposed : bool
        Rows are the convolution's inputs.
    """
    g = geometry
    channels, out_channels, taps = g.channels // g.groups, g.out_channels // g.groups, prod(g.kernel_size)
    rows, row_step = (channels, taps) if transposed else (out_channels, channels * taps)
    columns, column_step = (out_channels, channels * taps) if transposed else (channels, taps)
    table = Table(CSR_TABLE)
    head = CsrHead(rows, columns, out_channels * channels * taps, row_step, column_step)
    unit = Pattern(1, (((0, (0,)),),))
    lead = 3 - len(patterns)
    kernel = [1] * lead + list(g.kernel_size)
    lags = [1] * lead + [axis.stride if transposed else 1 for axis in g.axes]
    axes = []
    for i, pattern in enumerate([unit] * lead + list(patterns)):
        entries = [entry for row in pattern.entries for entry in row]
        step, last = prod(kernel[i + 1 :]), kernel[i] - 1
        axes.append(
            CsrAxis(
                rows=len(pattern.entries),
                columns=pattern.columns,
                lag=lags[i],
                shifts_at=table.append(pattern.shifts(lags[i])),
                starts_at=table.append(_starts(pattern.entries)),
                columns_at=table.append(column for column, _ in entries),
                tap_starts_at=table.append(_starts([taps for _, taps in entries])),
                taps_at=table.append((last - t if mirrored else t) * step for _, taps in entries for t in taps),
            )
        )
    return table.finish([head, *axes])


def _starts(rows: Sequence[Sequence[object]]) -> list[int]:
    starts = [0]
    for row in rows:
        starts.append(starts[-1] + len(row))
    return starts
