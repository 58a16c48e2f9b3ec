"""Maxima of windows with their places: register tiles of outputs, from input that is read where it stands.

Tiles have an output for each column, whatever the windows' step: of those that lie beside each other in the first-level
cache the wanted ones are copied, and their places counted from the plane's beginning.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from fastconv.jit.decorators import inlined
from fastconv.jit.kernel import kernel
from fastconv.jit.place_tile import PlaceShape, PlaceWindow, place_tile
from fastconv.jit.records import reader
from fastconv.jit.scratch import empty, free
from fastconv.jit.tile import lanes
from fastconv.jit.vector import unsigned
from fastconv.kernels.pool_tile import ROWS, VECTORS, PoolTileHead, following, task_of

__all__ = ["PLACE_POOL_TABLE", "PlacePoolHead", "max_pool_places"]


class PlacePoolHead(NamedTuple):
    """What stands behind a `PoolTileHead`.

    Attributes
    ----------
    stride : int
        Columns from one window to the next.
    reach : int
        Columns that the windows of a block begin at.
    plane_step, group_step, tap_step : int
        See `PlaceWindow`.
    origin, origin_plane, origin_row : int
        Flat position of the first tap of the first window, and the steps to those of the next plane and row of outputs.
    planes_first, rows_first, columns_first : int
        Where the lists begin of how far behind their first taps windows meet the input, of each plane, row and column.
    """

    stride: int
    reach: int
    plane_step: int
    group_step: int
    tap_step: int
    origin: int
    origin_plane: int
    origin_row: int
    planes_first: int
    rows_first: int
    columns_first: int


#: What stands in a table, in this order, before the lists that its records point to.
PLACE_POOL_TABLE = (PoolTileHead, PlacePoolHead)

_read_head, _read_places, _PLACES_AT = reader(PoolTileHead), reader(PlacePoolHead), len(PoolTileHead._fields)

_tile = place_tile(PlaceShape(ROWS, VECTORS))


@inlined
def _copy_wanted(
    to: int, count: int, y: Any, indices: Any, best: Any, found: Any, at: int, step: int, origin: int, first: int,
    firsts: Any,
) -> None:  # fmt: skip
    """Of a row that begins at `at` every `step`-th maximum, and its place: from `origin` on.

    Windows without a place have that of their first element: `first`, and what `firsts` say, behind their first taps.
    """
    values, places = best[at:], found[at:]
    for i in range(count):
        there = places[unsigned(i * step)]
        y[unsigned(to + i)] = values[unsigned(i * step)]
        indices[unsigned(to + i)] = origin + i * step + (first + firsts[unsigned(i)] if there < 0 else there)


@kernel
def max_pool_places(begin: int, end: int, x: Any, y: Any, indices: Any, settings: Any, table: Any) -> None:
    """Tasks and `settings` as those of tiles have them."""
    head, of_places = _read_head(table, 0), _read_places(table, _PLACES_AT)
    nothing = empty(head.nothing, x.dtype)
    for i in range(head.nothing):
        nothing[i] = settings[0]
    best, found = empty(ROWS * of_places.reach, y.dtype), empty(ROWS * of_places.reach, np.int32)
    width, step = VECTORS * lanes(settings), of_places.stride
    task = task_of(begin, head)
    for _ in range(begin, end):
        first_row, first_column = task.row_block * head.row_block, task.column_block * head.column_block
        columns, seen = min(head.column_block, head.columns - first_column), first_column * step
        plane_at = ((task.n * head.channels + task.c) * head.planes + task.d) * head.rows
        left = (columns - 1) * step + 1
        for row in range(first_row, min(first_row + head.row_block, head.rows), ROWS):
            window = PlaceWindow(
                head.x_base + task.n * head.x_batch + task.c * head.x_channel,
                head.planes_at + task.d * head.taps_d, head.taps_d, head.lines_at + row * head.groups, head.groups,
                head.offsets_at, head.taps_w, head.limit, of_places.plane_step, of_places.group_step,
                of_places.tap_step, of_places.reach, head.rows - row,
            )  # fmt: skip
            for i in range(0, left, width):
                _tile(window, seen + i, left - i, x, nothing, table, settings, best, found, i)
            for r in range(row, min(row + ROWS, head.rows)):
                _copy_wanted(
                    (plane_at + r) * head.columns + first_column, columns, y, indices, best, found,
                    (r - row) * of_places.reach, step,
                    of_places.origin + task.d * of_places.origin_plane + r * of_places.origin_row + seen,
                    table[of_places.planes_first + task.d] + table[of_places.rows_first + r],
                    table[of_places.columns_first + first_column :],
                )  # fmt: skip
        task = following(task, head)
    free((nothing, best, found))
