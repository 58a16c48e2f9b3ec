"""The gradient of a convolution for its weight, of one channel with one: as many dot products as a kernel has taps.

Each is of the gradient of the output with the input moved by the tap. All taps of a block of the kernel are summed at
once, so that neither is loaded again for each of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from fastconv.jit.decorators import inlined
from fastconv.jit.kernel import kernel
from fastconv.jit.machine import machine
from fastconv.jit.records import reader
from fastconv.jit.scratch import free, zeros
from fastconv.jit.tile import lanes
from fastconv.jit.weight_tile import WeightShape, WeightWindow, sum_lanes, weight_tile

__all__ = ["WEIGHT_SHAPES", "WEIGHT_TABLE", "WeightHead", "depthwise_weight"]

#: Rows of outputs that share input rows: images of networks have multiples of 7, and 4 take up to 1.4 times as long.
ROWS = 7 if machine().vector_registers >= 32 else 4


def _columns(taps: int) -> int:
    """Columns of a block of so many rows of taps: as many as leave registers for the outputs and a vector of input."""
    return max(1, min((machine().vector_registers - ROWS - 2) // taps, taps, 4))


#: The shapes that there are kernels for: for the usual kernels, and for single rows of any.
WEIGHT_SHAPES = (
    *(WeightShape(ROWS, taps, step, _columns(taps), step) for taps in (7, 5, 3) for step in (1, 2)),
    *(WeightShape(ROWS, 1, 1, 3, step) for step in (1, 2)),
)


class WeightHead(NamedTuple):
    """The integer table's head.

    Attributes
    ----------
    batch, channels, out_channels : int
        Images, and the channels of one group going in and out.
    x_base, x_batch, x_channel : int
        Flat position of the first input element, and the steps of batch and channel.
    dy_base, dy_batch, dy_channel, dy_plane, dy_row : int
        The same of the gradient of the output, and its steps from plane to plane and from row to row.
    limit : int
        Elements of an input row.
    depth, height, width : int
        Outputs.
    planes, rows, columns : int
        Taps of the kernel.
    planes_at, lines_at, offsets_at : int
        Where lists begin in the table: the positions of input planes, or `NO_LINE`, for each output and tap; those of
        rows for each row of a plane, or for each tap and output where taps are apart; and the columns of a row's taps
        before the output is added.
    line_step : int
        Entries of the list of rows from one row of taps to the next.
    """

    batch: int
    channels: int
    out_channels: int
    x_base: int
    x_batch: int
    x_channel: int
    dy_base: int
    dy_batch: int
    dy_channel: int
    dy_plane: int
    dy_row: int
    limit: int
    depth: int
    height: int
    width: int
    planes: int
    rows: int
    columns: int
    planes_at: int
    lines_at: int
    offsets_at: int
    line_step: int


WEIGHT_TABLE = (WeightHead,)
_head = reader(WeightHead)


def _plane_adder(shape: WeightShape) -> Any:
    """A function for kernels that adds the products of two planes, block by block of the kernel's taps."""
    tile, narrow = weight_tile(shape), weight_tile(shape._replace(columns=1))
    taps, columns = shape.taps, shape.columns

    @inlined
    def add_plane(base: int, plane_at: int, dy_at: int, to: int, head: WeightHead, x: Any, nothing: Any, table: Any,
                  dy: Any, sums: Any) -> None:  # fmt: skip
        for row in range(0, head.rows, taps):
            lines_at = head.lines_at + row * head.line_step
            column = 0
            while column < head.columns:
                window = WeightWindow(
                    base, plane_at, lines_at, head.offsets_at + column, head.limit, dy_at, head.dy_row, head.height,
                    head.width, to + row * head.columns + column, head.columns,
                )  # fmt: skip
                if head.columns - column >= columns:
                    tile(window, x, nothing, table, dy, sums)
                    column += columns
                else:
                    narrow(window, x, nothing, table, dy, sums)
                    column += 1

    return add_plane


def _body(shape: WeightShape) -> Callable[..., None]:
    """The body around the tiles of one shape."""
    add_plane = _plane_adder(shape)

    def differentiate(begin: int, end: int, x: Any, dy: Any, y: Any, table: Any) -> None:
        """y = the sums of dy * x for each tap; a task is a pair of channels. See `WeightHead` for the table."""
        head = _head(table, 0)
        n, plane = lanes(y), head.rows * head.columns
        taps = head.planes * plane
        vectors = (taps + n - 1) // n * n
        sums, found, nothing = zeros(vectors * n, y.dtype), zeros(vectors, y.dtype), zeros(head.limit, y.dtype)
        for task in range(begin, end):
            out_channel = task // head.channels
            channel = out_channel // head.out_channels * head.channels + task - out_channel * head.channels
            for i in range(taps * n):
                sums[i] = 0
            for image in range(head.batch):
                base = head.x_base + image * head.x_batch + channel * head.x_channel
                dy_at = head.dy_base + image * head.dy_batch + out_channel * head.dy_channel
                for d in range(head.depth):
                    for tap in range(head.planes):
                        add_plane(
                            base, head.planes_at + d * head.planes + tap, dy_at + d * head.dy_plane, tap * plane, head,
                            x, nothing, table, dy, sums,
                        )  # fmt: skip
            for i in range(0, vectors, n):
                sum_lanes(sums, i * n, found, i)
            for i in range(taps):
                y[task * taps + i] = found[i]
        free((sums, found, nothing))

    return differentiate


def _name(shape: WeightShape) -> str:
    return f"depthwise_weight_{shape.taps}_rows_step_{shape.column_step}"


depthwise_weight = {shape: kernel(_body(shape), _name(shape)) for shape in WEIGHT_SHAPES}
