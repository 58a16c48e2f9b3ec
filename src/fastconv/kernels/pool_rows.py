"""Pooling of wide maps, row by row: first down the rows of a window, as they stand in memory, then along the result.

A window of k x k taps costs 2k operations an output instead of k * k, and most of them on contiguous vectors: the input
is read in place, and only one reduced row is ever copied.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from fastconv.jit.decorators import helper
from fastconv.jit.kernel import kernel
from fastconv.jit.records import reader
from fastconv.jit.scratch import empty, free
from fastconv.kernels.reduce import add, copy, maximum, write, write_mean, write_truncated_mean

__all__ = [
    "ROW_POOL_TABLE",
    "RowPoolAxis",
    "RowPoolHead",
    "avg_pool_rows",
    "avg_pool_rows_truncated",
    "max_pool_rows",
]


class RowPoolHead(NamedTuple):
    """The head of a pooling's integer table.

    Attributes
    ----------
    channels : int
        Channels of an image of the batch.
    x_base, x_batch, x_channel : int
        Flat position of the first input element, and the steps of batch and channel.
    block, blocks : int
        Outputs of a piece of a row, and pieces of a row.
    divisor : int
        Of every average, or 0 for the windows' own counts.
    """

    channels: int
    x_base: int
    x_batch: int
    x_channel: int
    block: int
    blocks: int
    divisor: int


class RowPoolAxis(NamedTuple):
    """One axis of a pooling.

    Attributes
    ----------
    size, step : int
        Input elements, and the step between them in the flat input.
    outputs : int
        Number of outputs.
    kernel, stride, dilation, before : int
        Of the windows.
    counts_at : int
        Where the number of elements that each output averages stands in the table.
    """

    size: int
    step: int
    outputs: int
    kernel: int
    stride: int
    dilation: int
    before: int
    counts_at: int


#: What stands in a table, in this order, before the lists that its records point to.
ROW_POOL_TABLE = (RowPoolHead, RowPoolAxis, RowPoolAxis, RowPoolAxis)

_AXIS_AT = len(RowPoolHead._fields)
_AXIS_FIELDS = len(RowPoolAxis._fields)

_head = reader(RowPoolHead)
_axis = reader(RowPoolAxis)


@helper
def _taps(axis: RowPoolAxis, output: int) -> tuple[int, int, int]:
    """(first, end, start): the taps of a window that meet the input, and the input position of tap 0."""
    start = output * axis.stride - axis.before
    first = max(0, -(start // axis.dilation))
    end = min(axis.kernel, (axis.size - start + axis.dilation - 1) // axis.dilation)
    return first, end, start


def _body(combine: Any, write: Any) -> Callable[..., None]:
    """The pooling body around one way to combine values and one to write results."""

    @helper
    def reduce_rows(row: Any, x: Any, at: int, d: RowPoolAxis, h: RowPoolAxis, i_d: int, i_h: int, step: int) -> None:
        """Combine the rows of a window, whose elements stand at `at` in the first row of an image, into one."""
        d_first, d_end, d_start = _taps(d, i_d)
        h_first, h_end, h_start = _taps(h, i_h)
        for tap_d in range(d_first, d_end):
            plane = at + (d_start + tap_d * d.dilation) * d.step
            for tap_h in range(h_first, h_end):
                start = plane + (h_start + tap_h * h.dilation) * h.step
                if tap_d == d_first and tap_h == h_first:
                    copy(row, x, start, step)
                else:
                    combine(row, x, start, step)

    def pool(begin: int, end: int, x: Any, y: Any, fill: Any, table: Any) -> None:
        """Tasks are pieces of output rows [image, channel, d, h, piece].

        `fill` holds one element: what padding counts as, in the type of the sums.
        """
        head = _head(table, 0)
        d = _axis(table, _AXIS_AT)
        h = _axis(table, _AXIS_AT + _AXIS_FIELDS)
        w = _axis(table, _AXIS_AT + 2 * _AXIS_FIELDS)
        reach = (head.block - 1) * w.stride + (w.kernel - 1) * w.dilation + 1
        buffer = empty(reach, fill.dtype)
        reduced = empty(head.block, fill.dtype)
        for task in range(begin, end):
            line = task // head.blocks
            plane = line // h.outputs
            image = plane // d.outputs
            n = image // head.channels
            i_d, i_h = plane - image * d.outputs, line - plane * h.outputs
            i_w = (task - line * head.blocks) * head.block
            base = head.x_base + n * head.x_batch + (image - n * head.channels) * head.x_channel

            # The buffer holds input positions `start` to `start + reach`; those outside the input count as the fill.
            start = i_w * w.stride - w.before
            low, high = max(0, -start), min(reach, w.size - start)
            for i in range(low):
                buffer[i] = fill[0]
            for i in range(high, reach):
                buffer[i] = fill[0]
            reduce_rows(buffer[low:high], x, base + (start + low) * w.step, d, h, i_d, i_h, w.step)

            outputs = min(head.block, w.outputs - i_w)
            result = reduced[:outputs]
            copy(result, buffer, 0, w.stride)
            for tap in range(1, w.kernel):
                combine(result, buffer, tap * w.dilation, w.stride)
            taps = table[d.counts_at + i_d] * table[h.counts_at + i_h]
            to = line * w.outputs + i_w
            write(y[to : to + outputs], result, table[w.counts_at + i_w :], taps, head.divisor)
        free((buffer, reduced))

    return pool


max_pool_rows = kernel(_body(maximum, write), "max_pool_rows")
avg_pool_rows = kernel(_body(add, write_mean), "avg_pool_rows")
avg_pool_rows_truncated = kernel(_body(add, write_truncated_mean), "avg_pool_rows_truncated")
