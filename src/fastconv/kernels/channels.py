"""Depthwise convolution of channels-last arrays: channels as lanes, in place from input to result.

A tap of a pixel is a vector that stands in the input as it is needed, so nothing is gathered: windows that reach into
padding have fewer taps, or in other padding modes taps elsewhere, and a plan has written down which. Products of pixels
inside a row are summed many pixels at a time, where their windows share columns (`ROW_WINDOWS`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from fastconv.jit.channel_row_tile import channel_row_tile
from fastconv.jit.channel_tile import PRODUCTS, ChannelRun, channel_tile
from fastconv.jit.decorators import helper, inlined
from fastconv.jit.finite import are_finite
from fastconv.jit.kernel import kernel
from fastconv.jit.records import reader
from fastconv.jit.scratch import free, zeros
from fastconv.jit.tile import lanes
from fastconv.jit.turned_tile import TurnedShape
from fastconv.jit.vector import unsigned
from fastconv.kernels.activation import activate, keep
from fastconv.kernels.slab import Space
from fastconv.kernels.turned import FEW_PIXELS, PIXELS, turned_windows

__all__ = [
    "CHANNELS_TABLE",
    "ROW_WINDOWS",
    "ChannelsAxis",
    "ChannelsHead",
    "channels_products",
]

#: Columns of a window and the step of columns where tiles of many pixels serve, as they do for turned images.
ROW_WINDOWS = tuple(turned_windows)

# Literals for the compiler: pixels of a tile, whose two vectors of sums are eight in flight.
ROWS = 4
ONE_ROW = 1


class ChannelsHead(NamedTuple):
    """The head of the integer table.

    Attributes
    ----------
    channels : int
        Their number.
    x_base, x_batch, y_base, y_batch : int
        Flat positions of the first elements, and the steps of the batch.
    block, blocks : int
        Outputs of a piece of a row, and pieces of a row.
    first, last : int
        The outputs of a row from `first` on and before `last` have all taps in the input, at equal steps.
    activation : int
        Number of the activation function.
    """

    channels: int
    x_base: int
    x_batch: int
    y_base: int
    y_batch: int
    block: int
    blocks: int
    first: int
    last: int
    activation: int


class ChannelsAxis(NamedTuple):
    """One axis.

    Attributes
    ----------
    outputs, kernel : int
        Their numbers.
    x_step, y_step : int
        Of input and result, from element to element.
    shift : int
        Of the input, from output to output.
    sources_at : int
        Where a list begins in the table: of the input element of each output and tap, -1 where there is none.
    """

    outputs: int
    kernel: int
    x_step: int
    y_step: int
    shift: int
    sources_at: int


CHANNELS_TABLE = (ChannelsHead, ChannelsAxis, ChannelsAxis, ChannelsAxis)
_read_head, _read_axis = reader(ChannelsHead), reader(ChannelsAxis)
_AXES_AT, _AXIS = len(ChannelsHead._fields), len(ChannelsAxis._fields)


@helper
def _list_taps(
    offsets: Any, taps: Any, table: Any, axes: Space, place: Space, channels: int, from_column: int
) -> Any:  # fmt: skip
    """The taps of a window that meet the input, first: how far from column `from_column` they stand, and their weights.

    Of those that meet padding the weights follow, last one first.
    """
    d, h, w = axes.d, axes.h, axes.w
    count, padded, tap = np.int64(0), taps.size, np.int64(0)
    for k_d in range(d.kernel):
        source_d = table[d.sources_at + place.d * d.kernel + k_d]
        for k_h in range(h.kernel):
            source_h = table[h.sources_at + place.h * h.kernel + k_h]
            at = source_d * d.x_step + source_h * h.x_step - from_column
            for k_w in range(w.kernel):
                source_w = table[w.sources_at + place.w * w.kernel + k_w]
                if source_d >= 0 and source_h >= 0 and source_w >= 0:
                    offsets[count] = at + source_w * w.x_step
                    taps[count] = tap
                    count += 1
                else:
                    padded -= 1
                    taps[padded] = tap
                tap += channels
    return count


@inlined
def _no_row(
    x: Any, at: int, step: int, offsets: Any, taps: Any, count: int, weights: Any, start: Any, y: Any, to: int,
    y_step: int, pixels: int, channels: int,
) -> int:  # fmt: skip
    """No pixels are reduced by tiles of a row of them."""
    return 0


def _row(window: tuple[int, int]) -> Any:
    """A function for kernels that reduces neighbouring pixels of the same taps many at a time, if there are as many.

    It returns how many it has reduced: all or none, as the last tile shares pixels with the one before.
    """
    columns, step = window
    tile, few = (channel_row_tile(TurnedShape(pixels, columns, step)) for pixels in (PIXELS, FEW_PIXELS))

    @inlined
    def reduce_row(
        x: Any, at: int, shift: int, offsets: Any, taps: Any, count: int, weights: Any, start: Any, y: Any, to: int,
        y_step: int, pixels: int, channels: int,
    ) -> int:  # fmt: skip
        if pixels < FEW_PIXELS:
            return 0
        n, x_step = lanes(y), shift // step
        done = 0
        while done < pixels:
            whole = pixels - done > FEW_PIXELS and pixels >= PIXELS
            first = min(done, pixels - (PIXELS if whole else FEW_PIXELS))
            for c in range(0, channels, n):
                run = ChannelRun(
                    at + first * shift + c, x_step, count, c, to + first * y_step + c, y_step, channels - c
                )
                if whole:
                    tile(run, x, offsets, taps, weights, start, y)
                else:
                    few(run, x, offsets, taps, weights, start, y)
            done = first + (PIXELS if whole else FEW_PIXELS)
        return pixels

    return reduce_row


def _pixels_reducer(reduce_row: Any) -> Any:
    """A function for kernels that reduces the windows of pixels, by tiles of rows where there are such."""

    @inlined
    def reduce_pixels(
        x: Any, at: int, shift: int, offsets: Any, taps: Any, count: int, weights: Any, start: Any, y: Any, to: int,
        y_step: int, pixels: int, channels: int,
    ) -> None:  # fmt: skip
        """Neighbouring pixels whose windows have the same taps."""
        n = lanes(start)
        done = reduce_row(x, at, shift, offsets, taps, count, weights, start, y, to, y_step, pixels, channels)
        for p in range(done, pixels, ROWS):
            rows = min(ROWS, pixels - p)
            for c in range(0, channels, 2 * n):
                if rows == ROWS:
                    run = ChannelRun(at + p * shift + c, shift, count, c, to + p * y_step + c, y_step, channels - c)
                    channel_tile(PRODUCTS, ROWS, run, x, offsets, taps, weights, start, y)
                else:
                    for row in range(rows):
                        x_at, y_at = at + (p + row) * shift + c, to + (p + row) * y_step + c
                        run = ChannelRun(x_at, shift, count, c, y_at, y_step, channels - c)
                        channel_tile(PRODUCTS, ONE_ROW, run, x, offsets, taps, weights, start, y)

    return reduce_pixels


@helper
def _add_padding(padded: Any, start: Any, weights: Any, taps: Any, count: int) -> None:
    """What sums begin with, and weights times zero of the taps from number `count` on, which stand in the padding."""
    for c in range(padded.size):
        padded[c] = start[c]
    for t in range(count, taps.size):
        tap = unsigned(taps[t])
        for i in range(unsigned(0), unsigned(padded.size)):
            padded[i] += weights[tap + i] * padded.dtype.type(0)


def _body(apply: Any, reduce_row: Any) -> Callable[..., None]:
    """The body around one way to apply an activation, and tiles of rows of pixels."""
    reduce_pixels = _pixels_reducer(reduce_row)

    def reduce(begin: int, end: int, x: Any, weights: Any, first_sums: Any, y: Any, table: Any) -> None:
        """y = windows of x reduced, for some tasks, from ``first_sums`` on; see `CHANNELS_TABLE` for the table.

        `first_sums` has an element for each channel, or one for all, of the type in which windows are reduced; weights
        are [tap, channel].
        """
        head = _read_head(table, 0)
        channels = head.channels
        axes = Space(
            _read_axis(table, _AXES_AT), _read_axis(table, _AXES_AT + _AXIS), _read_axis(table, _AXES_AT + 2 * _AXIS)
        )
        most = axes.d.kernel * axes.h.kernel * axes.w.kernel
        offsets, taps = zeros(most, np.int64), zeros(most, np.int64)
        start, padded = zeros(channels, first_sums.dtype), zeros(channels, first_sums.dtype)
        for c in range(channels):
            start[c] = first_sums[c if first_sums.size > 1 else 0]
        # An infinite weight times a zero of the padding is not a number. To add such products where all are zeros takes
        # 3 to 7 % of the time of 3x3 kernels on 28 x 28 pixels, and of 3x3x3 ones on 8 of them.
        adds_padding = not are_finite(weights, 0, weights.size)
        for task in range(begin, end):
            line = task // head.blocks
            block = task - line * head.blocks
            plane = line // axes.h.outputs
            image = plane // axes.d.outputs
            h, d = line - plane * axes.h.outputs, plane - image * axes.d.outputs
            column, end_column = block * head.block, min((block + 1) * head.block, axes.w.outputs)
            at = head.x_base + image * head.x_batch
            to = head.y_base + image * head.y_batch + d * axes.d.y_step + h * axes.h.y_step
            while column < end_column:
                inside = head.first <= column < head.last
                pixels = min(head.last, end_column) - column if inside else 1
                here = column * axes.w.shift
                count = _list_taps(offsets, taps, table, axes, Space(d, h, column), channels, here)
                first = to + column * axes.w.y_step
                if adds_padding:
                    _add_padding(padded, start, weights, taps, count)
                reduce_pixels(
                    x, at + here, axes.w.shift, offsets, taps, count, weights,
                    padded if adds_padding else start, y, first, axes.w.y_step, pixels, channels,
                )  # fmt: skip
                if head.activation:
                    for p in range(pixels):
                        place = first + p * axes.w.y_step
                        apply(y, place, place + channels, head.activation)
                column += pixels
        free((offsets, taps, start, padded))

    return reduce


#: By columns of a window and their step, None for any, and by whether they apply an activation.
channels_products = {
    (window, activated): kernel(
        _body(activate if activated else keep, _row(window) if window else _no_row),
        "channels_products" + ("_{}_columns_step_{}".format(*window) if window else "") + "_activated" * activated,
    )
    for window in (None, *ROW_WINDOWS)
    for activated in (False, True)
}
