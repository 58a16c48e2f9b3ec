"""Pooling by passes: rows of windows are reduced down first, as they stand in memory, then along the result.

A window of k x k taps costs 2k operations an output instead of k * k, and fewer where k has factors or maxima may
overlap: then windows are put together of smaller ones, pass by pass. All passes are register tiles. What is between
them stays in the first-level cache, a few rows at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from fastconv.jit.kernel import kernel
from fastconv.jit.pool_tile import PoolShape, PoolWindow, pool_tile
from fastconv.jit.records import reader
from fastconv.jit.reduction import MAXIMUM, MEAN, SUM
from fastconv.jit.scratch import free, zeros
from fastconv.jit.tile import lanes
from fastconv.jit.vector import unsigned
from fastconv.kernels.pool_tile import ROWS, VECTORS, PoolTileHead, following, task_of

__all__ = ["DOWN", "ROW_POOL_TABLE", "RowPoolHead", "RowPoolPass", "avg_pool_rows", "max_pool_rows"]


class RowPoolHead(NamedTuple):
    """What stands behind a `PoolTileHead`.

    Attributes
    ----------
    stride, extent : int
        Of the windows' columns: from one to the next, and how many a window reaches over.
    start_at : int
        A list of one: where the first column stands before the first output.
    rows_at : int
        The list of the rows of a tile of what is reduced down.
    zero_at : int
        A list of one: 0.
    reach : int
        Columns that the outputs of a block see.
    passes_at, passes : int
        The list of `RowPoolPass` records, and their number.
    ones_at : int
        Where there are ones in the settings, of which what is no last pass takes its counts.
    """

    stride: int
    extent: int
    start_at: int
    rows_at: int
    zero_at: int
    reach: int
    passes_at: int
    passes: int
    ones_at: int


class RowPoolPass(NamedTuple):
    """One pass along rows.

    Attributes
    ----------
    taps_at, taps : int
        The list of places from which on windows of the last pass are reduced.
    beyond : int
        The last of them.
    """

    taps_at: int
    taps: int
    beyond: int


#: What stands in a table, in this order, before the lists that its records point to.
ROW_POOL_TABLE = (PoolTileHead, RowPoolHead)

_read_head, _read_rows, _read_pass = reader(PoolTileHead), reader(RowPoolHead), reader(RowPoolPass)
_ROWS_AT, _PASS = len(PoolTileHead._fields), len(RowPoolPass._fields)

#: The tile of the first pass, which reduces rows that stand anywhere; NaNs included.
DOWN = PoolShape(MAXIMUM, ROWS, VECTORS, 1, 0, 1, exact=True)


def _body(op: int) -> Callable[..., None]:
    """The body around one way to reduce."""
    down_tile = pool_tile(DOWN._replace(op=MAXIMUM if op == MAXIMUM else SUM))
    along_tile = pool_tile(DOWN._replace(op=op))

    def pool(begin: int, end: int, x: Any, y: Any, settings: Any, table: Any) -> None:
        """Tasks and `settings` as those of tiles have them."""
        head, along = _read_head(table, 0), _read_rows(table, _ROWS_AT)
        nothing = zeros(head.nothing, x.dtype)
        for i in range(head.nothing):
            nothing[i] = settings[0]
        half = ROWS * along.reach
        reduced = zeros(2 * half, settings.dtype)  # from one half to the other
        width, step = VECTORS * lanes(settings), unsigned(along.stride)
        task = task_of(begin, head)
        for _ in range(begin, end):
            first_row, first_column = task.row_block * head.row_block, task.column_block * head.column_block
            columns = min(head.column_block, head.columns - first_column)
            plane_at = ((task.n * head.channels + task.c) * head.planes + task.d) * head.rows
            for row in range(first_row, min(first_row + head.row_block, head.rows), ROWS):
                window = PoolWindow(
                    head.x_base + task.n * head.x_batch + task.c * head.x_channel,
                    head.planes_at + task.d * head.taps_d, head.taps_d, head.lines_at + row * head.groups, head.groups,
                    along.start_at, 1, head.limit, 0, 0, 0, 0, along.reach, ROWS,
                )  # fmt: skip
                left = (columns - 1) * along.stride + along.extent
                seen = first_column * along.stride
                for i in range(0, left, width):
                    down_tile(window, seen + i, left - i, x, nothing, table, settings, reduced, i)
                source, target = 0, half
                for number in range(along.passes):
                    this = _read_pass(table, along.passes_at + number * _PASS)
                    left -= this.beyond
                    last = number + 1 == along.passes
                    window = PoolWindow(
                        source, along.zero_at, 1, along.rows_at, 1, this.taps_at, this.taps, along.reach,
                        head.plane_counts + task.d if last else along.ones_at,
                        head.row_counts + row if last else along.ones_at,
                        head.column_counts + seen * head.counts_step if last else along.ones_at,
                        head.counts_step if last else 0, along.reach, head.rows - row,
                    )  # fmt: skip
                    for i in range(0, left, width):
                        along_tile(window, i, left - i, reduced, reduced, table, settings, reduced, target + i)
                    source, target = target, source
                for r in range(min(ROWS, head.rows - row)):
                    to = unsigned((plane_at + row + r) * head.columns + first_column)
                    at = unsigned(source + r * along.reach)
                    for i in range(unsigned(columns)):
                        y[to + i] = reduced[at + i * step]
            task = following(task, head)
        free((nothing, reduced))

    return pool


max_pool_rows = kernel(_body(MAXIMUM), "max_pool_rows")
avg_pool_rows = kernel(_body(MEAN), "avg_pool_rows")
