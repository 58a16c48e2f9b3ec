"""The adjoint of averaging channels-last images: each pixel gets its share of all windows that it is in.

As `fastconv.kernels.pool_grad`, row by row of the input, but what is given out is a pixel's channels, vectors that
stand as they are needed: rows of windows are added, then for each pixel those of its windows.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from fastconv.jit.channel_tile import SUM, ChannelRun, channel_tile
from fastconv.jit.copy import copy_block
from fastconv.jit.decorators import helper
from fastconv.jit.kernel import kernel
from fastconv.jit.records import reader
from fastconv.jit.scratch import empty, free, zeros
from fastconv.jit.tile import lanes
from fastconv.kernels.pool_grad import (
    HEAD_AT,
    SharedRows,
    SharesAxis,
    add_windows,
    clear,
    read_shared_rows,
    read_shares_axes,
    runs_of_task,
)

__all__ = ["PIXEL_SHARES_TABLE", "PixelSharesHead", "share_pixels"]


class PixelSharesHead(NamedTuple):
    """What is the same for all rows beside what is shared out.

    Attributes
    ----------
    channels : int
        Their number. The windows of a row's pixels are listed by where their channels begin in a row of windows.
    series_at, series, step : int
        Where pairs stand in the table: the first column of each series, and the number of its columns, each a step
        behind the one before and in windows that are each the next of its windows. Together they are all columns.
    """

    channels: int
    series_at: int
    series: int
    step: int


#: What stands in a table, in this order, before the lists that its records point to.
PIXEL_SHARES_TABLE = (SharedRows, SharesAxis, SharesAxis, SharesAxis, PixelSharesHead)

# Literals for the compiler: columns of a tile, whose two vectors of sums are eight in flight.
COLUMNS = 4
ONE_COLUMN = 1

_head = reader(PixelSharesHead)


@helper
def _divide_columns(sums: Any, counts: Any, channels: int) -> None:
    """Divide the sums of each window of a row by what it counts along the row."""
    for o in range(counts.size):
        share = sums.dtype.type(1) / sums.dtype.type(counts[o])
        window = sums[o * channels : (o + 1) * channels]
        for i in range(window.size):
            window[i] *= share


@helper
def _give(y: Any, to: int, pitch: int, columns: int, sums: Any, windows: Any, nothing: Any) -> None:
    """Columns of a series get the sums of their windows, some at a time, two vectors of each."""
    n, channels = lanes(y), nothing.size
    for first in range(0, columns, COLUMNS):
        left = min(COLUMNS, columns - first)
        for c in range(0, channels, 2 * n):
            at, y_at, some = first * channels + c, to + first * pitch + c, channels - c
            if left == COLUMNS:
                run = ChannelRun(at, channels, windows.size, c, y_at, pitch, some)
                channel_tile(SUM, COLUMNS, run, sums, windows, windows, sums, nothing, y)
            else:
                for i in range(left):
                    run = ChannelRun(at + i * channels, channels, windows.size, c, y_at + i * pitch, pitch, some)
                    channel_tile(SUM, ONE_COLUMN, run, sums, windows, windows, sums, nothing, y)


@kernel
def share_pixels(begin: int, end: int, g: Any, y: Any, table: Any) -> None:
    """Tasks are blocks of runs of input rows [image, d, block]; pixels follow each other without gaps."""
    rows, t = read_shared_rows(table, 0), _head(table, HEAD_AT)
    d, h, w = read_shares_axes(table)
    channels = t.channels
    line = w.size * channels
    sums, nothing = empty(w.outputs * channels, y.dtype), zeros(channels, y.dtype)
    for task in range(begin, end):
        slab, first, end_run = runs_of_task(task, rows)
        for run in range(first, end_run):
            row, behind = table[rows.runs_at + run], table[rows.runs_at + run + 1]
            covers, covers_end = table[h.covers_at + row], table[h.covers_at + row + 1]
            if covers == covers_end:
                clear(sums)
            for at in range(covers, covers_end):
                add_windows(sums, g, slab, table[at], d, h, table, rows.divisor, at == covers)
            if not rows.divisor:
                _divide_columns(sums, table[w.counts_at : w.counts_at + w.outputs], channels)
            to = (slab * h.size + row) * line
            for at in range(t.series_at, t.series_at + 2 * t.series, 2):
                column, columns = table[at], table[at + 1]
                windows = table[table[w.covers_at + column] : table[w.covers_at + column + 1]]
                _give(y, to + column * channels, t.step * channels, columns, sums, windows, nothing)
            copy_block(y, to + line, line, y, to, 0, line, behind - row - 1)
    free((sums, nothing))
