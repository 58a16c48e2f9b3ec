"""The gradient of a depthwise convolution for its weight, of channels-last arrays: channels as lanes, in place.

All taps of a block of the kernel are summed at once, over strips of some rows of outputs, which stay in the cache for
all blocks and for the channels of a task.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any, NamedTuple

from fastconv.jit.channel_weight_tile import ChannelWeightShape, ChannelWeightWindow, channel_weight_tile
from fastconv.jit.decorators import inlined
from fastconv.jit.kernel import kernel
from fastconv.jit.lines import NO_LINE
from fastconv.jit.machine import machine
from fastconv.jit.records import reader
from fastconv.jit.scratch import free, zeros
from fastconv.jit.tile import lanes
from fastconv.kernels.turned import turned_windows

__all__ = ["CHANNEL_WEIGHTS_TABLE", "ChannelWeightsHead", "channel_weights"]

#: Rows of outputs, and outputs of each, that share pixels: images of networks have multiples of 7, of which padding
#: leaves 5, 12, 26. CPUs load no more vectors than they multiply, and fewer where these cross lines of the cache: with
#: a second row, and 0.7 of the loads, 3x3 kernels of 16 channels on 28 x 28 take 0.77 of the time (1 thread, Zen 4).
OUTPUTS = (2, 4) if machine().vector_registers >= 32 else (1, 4)


def _shape(columns: int, step: int) -> ChannelWeightShape:
    """With as many rows of taps as leave registers for the outputs, and a fifth of all for the input."""
    registers = machine().vector_registers
    rows = (registers - registers // 5 - prod(OUTPUTS)) // columns
    return ChannelWeightShape(*OUTPUTS, max(1, min(rows, columns)), columns, step)


class ChannelWeightsHead(NamedTuple):
    """The integer table.

    Attributes
    ----------
    batch, channels : int
        Images and their channels.
    x_base, x_batch, x_row, x_column : int
        Flat position of the first input element, and the steps of batch, row and column.
    dy_base, dy_batch, dy_plane, dy_row, dy_column : int
        The same of the gradient of the output, with that from plane to plane.
    row_step, row_dilation, row_before : int
        Stride, dilation and padding of rows.
    before, size : int
        Padding and number of columns.
    first, last : int
        The outputs of a row from `first` on and before `last` have all their columns in the input.
    depth, height, width : int
        Outputs.
    planes, rows : int
        Taps of the kernel, whose columns a shape knows.
    planes_at, spans_at : int
        Where lists begin in the table: the positions of input planes for each output and tap, `NO_LINE` where there is
        none; and for each row of taps the first row of outputs that sees a row by it, and the one behind the last.
    grouped : int
        Whether rows of outputs share rows of input.
    block : int
        Channels of a task.
    strip : int
        Rows of outputs of a strip.
    """

    batch: int
    channels: int
    x_base: int
    x_batch: int
    x_row: int
    x_column: int
    dy_base: int
    dy_batch: int
    dy_plane: int
    dy_row: int
    dy_column: int
    row_step: int
    row_dilation: int
    row_before: int
    before: int
    size: int
    first: int
    last: int
    depth: int
    height: int
    width: int
    planes: int
    rows: int
    planes_at: int
    spans_at: int
    grouped: int
    block: int
    strip: int


CHANNEL_WEIGHTS_TABLE = (ChannelWeightsHead,)
_head = reader(ChannelWeightsHead)


class Strip(NamedTuple):
    """Where a strip's planes of both images begin, its rows of outputs, where its sums go, and the channels left."""

    x_at: int
    dy_at: int
    row: int
    end: int
    to: int
    left: int


def _rows_adder(shape: ChannelWeightShape) -> Any:
    """A function for kernels that adds the products of groups of rows of outputs with a block of taps from `t` on."""
    tile = channel_weight_tile(shape)
    outputs, columns = shape.outputs, shape.columns

    @inlined
    def add_rows(
        strip: Strip, row: int, groups: int, t: int, head: ChannelWeightsHead, x: Any, dy: Any, sums: Any
    ) -> None:
        if groups == 0:
            return
        line = row * head.row_step + t * head.row_dilation - head.row_before
        window = ChannelWeightWindow(
            strip.x_at + line * head.x_row, outputs * head.row_step * head.x_row, head.row_dilation * head.x_row,
            head.x_column, head.before, head.size, head.first, head.last, strip.dy_at + row * head.dy_row, head.dy_row,
            head.dy_column, groups, head.width, strip.to + t * columns * head.block, head.block, strip.left,
        )  # fmt: skip
        tile(window, x, dy, sums)

    return add_rows


def _strip_adder(shape: ChannelWeightShape) -> Any:
    """A function for kernels that adds the products of a strip, block by block of the kernel's taps.

    Rows of outputs that see no row of input by some taps, or are left of the groups, have theirs one by one.
    """
    add_block, add_row = _rows_adder(shape), _rows_adder(shape._replace(outputs=1, rows=1))
    outputs, taps = shape.outputs, shape.rows

    @inlined
    def add_strip(strip: Strip, head: ChannelWeightsHead, x: Any, table: Any, dy: Any, sums: Any) -> None:
        t = 0
        while t < head.rows:
            count = taps if head.grouped and head.rows - t >= taps else 1
            first, end = strip.row, strip.row
            if count == taps:
                last = head.spans_at + 2 * (t + taps - 1)
                first = max(strip.row, table[head.spans_at + 2 * t])
                groups = max(0, min(strip.end, table[last + 1]) - first) // outputs
                end = first + groups * outputs
                add_block(strip, first, groups, t, head, x, dy, sums)
            for tap in range(t, t + count):
                begin = max(strip.row, table[head.spans_at + 2 * tap])
                behind = min(strip.end, table[head.spans_at + 2 * tap + 1])
                add_row(strip, begin, max(0, min(first, behind) - begin), tap, head, x, dy, sums)
                begin = max(begin, end)
                add_row(strip, begin, max(0, behind - begin), tap, head, x, dy, sums)
            t += count

    return add_strip


def _body(shape: ChannelWeightShape) -> Callable[..., None]:
    """The body around the tiles of one shape."""
    add_strip = _strip_adder(shape)
    columns = shape.columns

    def differentiate(begin: int, end: int, x: Any, dy: Any, y: Any, table: Any) -> None:
        """y = the sums of dy * x for each channel and tap; a task is a block of channels. See `ChannelWeightsHead`."""
        head = _head(table, 0)
        n, plane = lanes(y), head.rows * columns
        taps = head.planes * plane
        sums = zeros(taps * head.block, y.dtype)
        for task in range(begin, end):
            channel = task * head.block
            channels = min(head.block, head.channels - channel)
            for i in range(sums.size):
                sums[i] = 0
            for image in range(head.batch):
                x_at = head.x_base + image * head.x_batch + channel
                for d in range(head.depth):
                    dy_at = head.dy_base + image * head.dy_batch + d * head.dy_plane + channel
                    for row in range(0, head.height, head.strip):
                        row_end = min(row + head.strip, head.height)
                        for c in range(0, channels, n):
                            for tap in range(head.planes):
                                source = table[head.planes_at + d * head.planes + tap]
                                if source != NO_LINE:
                                    to = tap * plane * head.block + c
                                    strip = Strip(x_at + source + c, dy_at + c, row, row_end, to, channels - c)
                                    add_strip(strip, head, x, table, dy, sums)
            for c in range(channels):
                for tap in range(taps):
                    y[(channel + c) * taps + tap] = sums[tap * head.block + c]
        free((sums,))

    return differentiate


#: By columns of a window, and the step of columns: those that turned images have tiles for.
channel_weights = {
    (columns, step): kernel(_body(_shape(columns, step)), f"channel_weights_{columns}_columns_step_{step}")
    for columns, step in turned_windows
}
