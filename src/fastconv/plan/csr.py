"""The table from which the kernels build K', and its transpose: one pattern for each axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from fastconv.geometry import Axis, Geometry, source_index
from fastconv.geometry.geometry import KERNEL_RANK
from fastconv.kernels.csr import CSR_TABLE, CsrAxis, CsrHead
from fastconv.plan.table import Table

__all__ = ["Pattern", "axis_pattern", "csr_table"]


@dataclass(frozen=True, slots=True, eq=False)
class Pattern:
    """Which columns the rows of one axis meet, and through which taps.

    Attributes
    ----------
    size, columns : int
        Positions along the rows and the columns.
    row, column : ndarray of int64
        Of each entry, in the order of rows and, in a row, of columns.
    tap_starts, taps : ndarray of int64
        Entry e sums the taps ``taps[tap_starts[e]:tap_starts[e + 1]]``.
    """

    size: int
    columns: int
    row: np.ndarray
    column: np.ndarray
    tap_starts: np.ndarray
    taps: np.ndarray

    @property
    def count(self) -> int:
        """Number of entries."""
        return len(self.row)

    @property
    def starts(self) -> np.ndarray:
        """Row r has the entries ``starts[r]`` to ``starts[r + 1]``."""
        return np.searchsorted(self.row, np.arange(self.size + 1))

    def shifts(self, lag: int) -> np.ndarray:
        """For each row the columns that it stands to the right of the row `lag` before it, or 0 where it differs.

        Rows in which several taps meet count as different.

        Examples
        --------
        >>> axis_pattern(Axis(8, 3, stride=2, before=1), "zeros").shifts(1).tolist()
        [0, 0, 2, 2]
        """
        starts, found = self.starts, np.zeros(self.size, np.int64)
        counts = np.diff(starts)
        rows = np.arange(lag, self.size)
        rows = rows[(counts[rows] == counts[rows - lag]) & (counts[rows] > 0)]
        if len(rows):
            inside = np.arange(counts[rows].sum()) - np.repeat(np.cumsum(counts[rows]) - counts[rows], counts[rows])
            new = np.repeat(starts[rows], counts[rows]) + inside
            old = np.repeat(starts[rows - lag], counts[rows]) + inside
            shift = self.column[starts[rows]] - self.column[starts[rows - lag]]
            single = np.diff(self.tap_starts) == 1
            same = single[new] & single[old] & (self.column[new] - self.column[old] == np.repeat(shift, counts[rows]))
            same &= self.taps[self.tap_starts[new]] == self.taps[self.tap_starts[old]]
            all_same = np.logical_and.reduceat(same, np.flatnonzero(inside == 0))
            found[rows] = np.where(all_same & (shift > 0), shift, 0)
        return found

    def transpose(self) -> Pattern:
        """Rows and columns exchanged."""
        order = np.lexsort((self.row, self.column))
        lengths = np.diff(self.tap_starts)[order]
        tap_starts = _starts(lengths)
        taps = np.repeat(self.tap_starts[order] - tap_starts[:-1], lengths) + np.arange(tap_starts[-1])
        return Pattern(self.columns, self.size, self.column[order], self.row[order], tap_starts, self.taps[taps])


def axis_pattern(axis: Axis, mode: str) -> Pattern:
    """Which inputs each output of a convolution axis reads; taps that padding cuts off are left out.

    Examples
    --------
    >>> p = axis_pattern(Axis(4, 3, before=1), "reflect")
    >>> p.row.tolist(), p.column.tolist()
    ([0, 0, 1, 1, 1, 2, 2, 2], [0, 1, 0, 1, 2, 1, 2, 3])
    >>> p.tap_starts.tolist(), p.taps.tolist()
    ([0, 1, 3, 4, 5, 6, 7, 8, 9], [1, 0, 2, 0, 1, 2, 0, 1, 2])
    """
    reach = (axis.output - 1) * axis.stride + axis.extent - axis.before  # first position behind the last window
    before = [source_index(i, axis.size, mode) for i in range(-axis.before, 0)]
    after = [source_index(i, axis.size, mode) for i in range(axis.size, reach)]
    source = np.concatenate([np.array(before, np.int64), np.arange(axis.size), np.array(after, np.int64)])
    positions = np.arange(axis.output)[:, None] * axis.stride + np.arange(axis.kernel) * axis.dilation
    found = source[positions]
    row, tap = np.nonzero(found >= 0)
    column = found[row, tap]
    order = np.lexsort((tap, column, row))
    row, column, tap = row[order], column[order], tap[order]
    first = np.flatnonzero((np.diff(row, prepend=-1) != 0) | (np.diff(column, prepend=-1) != 0))
    return Pattern(axis.output, axis.size, row[first], column[first], np.append(first, len(tap)), tap)


def _starts(lengths: np.ndarray) -> np.ndarray:
    """Where pieces of the given lengths begin, and the last ends."""
    return np.concatenate([[0], np.cumsum(lengths)])


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
    lead = KERNEL_RANK - len(patterns)
    unit = axis_pattern(Axis(1, 1), "zeros")
    kernel = [1] * lead + list(g.kernel_size)
    lags = [1] * lead + [axis.stride if transposed else 1 for axis in g.axes]
    axes = []
    for i, pattern in enumerate([unit] * lead + list(patterns)):
        tap = kernel[i] - 1 - pattern.taps if mirrored else pattern.taps
        axes.append(
            CsrAxis(
                rows=pattern.size,
                columns=pattern.columns,
                lag=lags[i],
                shifts_at=table.append(pattern.shifts(lags[i])),
                starts_at=table.append(pattern.starts),
                columns_at=table.append(pattern.column),
                tap_starts_at=table.append(pattern.tap_starts),
                taps_at=table.append(tap * prod(kernel[i + 1 :])),
            )
        )
    return table.finish([head, *axes])
