"""Pooling with small windows: register tiles of outputs, from input that is read where it stands.

A plan has written down where the rows of each tile's windows begin, those of the padding included; lanes beside a row
are masked. So nothing is copied, and borders cost no more than other outputs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from fastconv.jit.decorators import helper, inlined
from fastconv.jit.kernel import kernel
from fastconv.jit.machine import machine
from fastconv.jit.pool_tile import PoolShape, PoolWindow, pool_tile
from fastconv.jit.records import reader
from fastconv.jit.reduction import MAXIMUM, MEAN
from fastconv.jit.rolling_pool_tile import rolling_pool_tile
from fastconv.jit.scratch import empty, free
from fastconv.jit.tile import lanes

__all__ = [
    "POOL_TILE_TABLE",
    "ROWS",
    "SHAPES",
    "VECTORS",
    "PoolTask",
    "PoolTileHead",
    "following",
    "pool_tiles",
    "task_of",
]

ROWS, VECTORS = machine().window_rows, max(1, machine().window_vectors // 2)
#: Vectors of a tile that rolls, whose rows are one at a time.
_STRIP = machine().window_vectors

#: The shapes that there are kernels for: for the usual windows, of a plane or of several, and for any whose columns are
#: not apart. Those of a plane roll down strips: 3x3 windows take half of the time, 2x2 ones 0.8 (1 thread, Zen 4).
SHAPES = tuple(
    shape
    for op in (MAXIMUM, MEAN)
    for shape in (
        *(PoolShape(op, 1, _STRIP, taps, taps, step, rolls=True) for taps, step in ((3, 1), (3, 2), (2, 2))),
        PoolShape(op, ROWS, 1, 3, 3, 1),
        PoolShape(op, max(1, ROWS // 2), VECTORS, 1, 3, 2),
        PoolShape(op, max(1, ROWS // 2), VECTORS, 1, 2, 2),
        PoolShape(op, max(1, ROWS // 2), 1, 1, 4, 4),
        PoolShape(op, ROWS, VECTORS, 1, 0, 1),
    )
)


class PoolTileHead(NamedTuple):
    """A pooling's integer table, before the lists that it points to.

    Attributes
    ----------
    channels, planes, rows, columns : int
        Channels of an image, and outputs of each axis.
    x_base, x_batch, x_channel : int
        Flat position of the first input element, and the steps of batch and channel.
    row_block, row_blocks, column_block, column_blocks : int
        Rows of outputs of a task, a multiple of `ROWS`, and pieces of a plane; and the same of columns.
    planes_at, taps_d : int
        The list of the planes of each window, so many for each plane of outputs.
    lines_at, groups : int
        The list of the rows of each tile, for each of so many groups of kernel rows.
    offsets_at, taps_w : int
        The list of the taps of a row.
    limit, nothing : int
        Elements of an input row, and of what stands for one that is not there: 1 where there is no such row.
    plane_counts, row_counts, column_counts, counts_step : int
        See `PoolWindow`; of the first planes, rows and columns.
    """

    channels: int
    planes: int
    rows: int
    columns: int
    x_base: int
    x_batch: int
    x_channel: int
    row_block: int
    row_blocks: int
    column_block: int
    column_blocks: int
    planes_at: int
    taps_d: int
    lines_at: int
    groups: int
    offsets_at: int
    taps_w: int
    limit: int
    nothing: int
    plane_counts: int
    row_counts: int
    column_counts: int
    counts_step: int


POOL_TILE_TABLE = (PoolTileHead,)

_head = reader(PoolTileHead)


class PoolTask(NamedTuple):
    """A block of outputs: image of the batch, channel, plane, block of rows, block of columns."""

    n: Any
    c: Any
    d: Any
    row_block: Any
    column_block: Any


@helper
def task_of(number: int, head: PoolTileHead) -> PoolTask:
    """The task of a number."""
    line = number // head.column_blocks
    plane = line // head.row_blocks
    image = plane // head.planes
    n = image // head.channels
    return PoolTask(
        n,
        image - n * head.channels,
        plane - image * head.planes,
        line - plane * head.row_blocks,
        number - line * head.column_blocks,
    )


@helper
def following(task: PoolTask, head: PoolTileHead) -> PoolTask:
    """The task behind one, without the divisions of `task_of`, for which the loads of a small image would wait."""
    if task.column_block + 1 < head.column_blocks:
        return PoolTask(task.n, task.c, task.d, task.row_block, task.column_block + 1)
    if task.row_block + 1 < head.row_blocks:
        return PoolTask(task.n, task.c, task.d, task.row_block + 1, 0)
    if task.d + 1 < head.planes:
        return PoolTask(task.n, task.c, task.d + 1, 0, 0)
    if task.c + 1 < head.channels:
        return PoolTask(task.n, task.c + 1, 0, 0, 0)
    return PoolTask(task.n + 1, 0, 0, 0, 0)


def _body(shape: PoolShape) -> Callable[..., None]:
    """The body around the tiles of one shape."""
    rows, vectors, rolls = shape.rows, shape.vectors, shape.rolls
    listed = shape.column_step if rolls else shape.lines
    tile = rolling_pool_tile if shape.rolls else pool_tile
    half = max(1, vectors // 2)
    wide_tile, half_tile, one_tile = (tile(shape._replace(vectors=count)) for count in (vectors, half, 1))
    exact_tile = tile(shape._replace(vectors=1, exact=True))

    @inlined
    def reduce_rows(
        window: PoolWindow, column: int, end: int, x: Any, nothing: Any, table: Any, settings: Any, y: Any, to: int
    ) -> None:
        """Columns up to `end` of the rows of a tile, the first of which goes to `to`."""
        while column < end:
            left = end - column
            if left > (vectors - 1) * lanes(settings):
                nan = wide_tile(window, column, left, x, nothing, table, settings, y, to)
                done = vectors * lanes(settings)
            elif left > (half - 1) * lanes(settings):
                nan = half_tile(window, column, left, x, nothing, table, settings, y, to)
                done = half * lanes(settings)
            else:
                nan = one_tile(window, column, left, x, nothing, table, settings, y, to)
                done = lanes(settings)
            if nan:
                for more in range(0, min(left, done), lanes(settings)):
                    exact_tile(window, column + more, left - more, x, nothing, table, settings, y, to + more)
            column, to = column + done, to + done

    def pool(begin: int, end: int, x: Any, y: Any, settings: Any, table: Any) -> None:
        """Tasks are blocks of outputs [image, channel, plane, block of rows, block of columns].

        `settings` begins with what windows are reduced from, in the type in which they are.
        """
        head = _head(table, 0)
        nothing = empty(head.nothing, x.dtype)
        for i in range(head.nothing):
            nothing[i] = settings[0]
        task = task_of(begin, head)
        for _ in range(begin, end):
            first_row, first_column = task.row_block * head.row_block, task.column_block * head.column_block
            end_column = min(first_column + head.column_block, head.columns)
            plane_at = ((task.n * head.channels + task.c) * head.planes + task.d) * head.rows
            end_row = min(first_row + head.row_block, head.rows)
            for row in range(first_row, end_row, head.row_block if rolls else rows):
                window = PoolWindow(
                    head.x_base + task.n * head.x_batch + task.c * head.x_channel,
                    head.planes_at + task.d * head.taps_d, head.taps_d,
                    head.lines_at + row // rows * head.groups * listed, head.groups, head.offsets_at, head.taps_w,
                    head.limit, head.plane_counts + task.d, head.row_counts + row, head.column_counts, head.counts_step,
                    head.columns, end_row - row,
                )  # fmt: skip
                reduce_rows(
                    window, first_column, end_column, x, nothing, table, settings, y,
                    (plane_at + row) * head.columns + first_column,
                )  # fmt: skip
            task = following(task, head)
        free((nothing,))

    return pool


def _name(shape: PoolShape) -> str:
    window = f"{shape.taps}x{shape.columns}" if shape.taps > 1 else str(shape.columns or "")
    step = f"step_{shape.column_step}" if shape.column_step > 1 else ""
    roll = "rolling" if shape.rolls else ""
    return "_".join(filter(None, ("avg" if shape.op == MEAN else "max", "pool_tile", window, step, roll)))


pool_tiles = {shape: kernel(_body(shape), _name(shape)) for shape in SHAPES}
