"""Depthwise convolution of images turned so that channels are lanes: as many channels at a time as a vector has.

Transposing takes 2 instructions for a vector, out of the input and into the result, and sums then have no borders, no
masks and no lanes to spare: 7x7 on 7 x 7 images takes a fifth of the time of rows as lanes, which fill half a vector.
Where channels stand beside each other pixels are copied instead, in input or result or both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from fastconv.jit.copy import copy_lanes
from fastconv.jit.decorators import inlined
from fastconv.jit.kernel import kernel
from fastconv.jit.machine import machine
from fastconv.jit.records import reader
from fastconv.jit.scratch import empty, free, zeros
from fastconv.jit.tile import lanes
from fastconv.jit.transpose import transpose, transpose_part
from fastconv.jit.turned_tile import TurnedRow, TurnedShape, turn_in, turned_tile
from fastconv.jit.vector import unsigned
from fastconv.kernels.activation import activate

__all__ = ["FEW_PIXELS", "PIXELS", "TURNED_TABLE", "TurnedHead", "turned_windows"]

#: Pixels of a tile. With a weight for each column and a loaded pixel they fit the registers, and the sides of networks'
#: images are multiples of 7.
PIXELS = 14 if machine().vector_registers >= 32 else 7
#: Of the tile that ends a row, if no more are left.
FEW_PIXELS = 7


class TurnedHead(NamedTuple):
    """The integer table's head.

    Attributes
    ----------
    channels : int
        Their number, at least a vector's.
    x_base, x_batch, x_channel : int
        Flat position of the first input element, and the steps of batch and channel.
    y_base, y_batch, y_channel : int
        The same of the result.
    sources_at, targets_at : int
        The lists of where each pixel of an image stands in the input, and in the result, if channels are beside each
        other there; otherwise pixels of a channel follow each other.
    weight_base, weight_channel : int
        The first weight, and the step of weights from channel to channel.
    weights_follow : int
        Whether the weights of a channel follow each other, and those of the next channel follow them.
    taps, taps_at : int
        Taps of a window, and the list of the steps to their weights.
    pixels, places_at : int
        Pixels of the input, at least a vector's, and the list of where each goes in the slab.
    size : int
        Elements of the slab that windows read.
    copies, copies_at : int
        Pixels of the padding that are copies of others, and the list of where each stands and its original.
    lines, lines_at : int
        Rows of a window, those of all its planes, and the list of where each stands in the slab from the first one on.
    depth, height, width : int
        Outputs.
    step_d, step_h : int
        Of the slab, from output to output.
    activation : int
        Number of the activation function.
    """

    channels: int
    x_base: int
    x_batch: int
    x_channel: int
    y_base: int
    y_batch: int
    y_channel: int
    sources_at: int
    targets_at: int
    weight_base: int
    weight_channel: int
    weights_follow: int
    taps: int
    taps_at: int
    pixels: int
    places_at: int
    size: int
    copies: int
    copies_at: int
    lines: int
    lines_at: int
    depth: int
    height: int
    width: int
    step_d: int
    step_h: int
    activation: int


TURNED_TABLE = (TurnedHead,)
_head = reader(TurnedHead)


@inlined
def _turn_image(slab: Any, x: Any, at: int, head: TurnedHead, table: Any) -> None:
    """Fill the slab from as many channels as a vector has, the first pixel of which stands there."""
    n = lanes(slab)
    if head.x_channel == 1:
        for pixel in range(head.pixels):
            copy_lanes(slab, table[head.places_at + pixel], x, at + table[head.sources_at + pixel], n)
    else:
        for pixel in range(0, head.pixels, n):
            first = min(pixel, head.pixels - n)  # the last square shares pixels with the one before
            turn_in(x, at + first, head.x_channel, slab, table, head.places_at + first)
    for i in range(head.copies_at, head.copies_at + 2 * head.copies, 2):
        copy_lanes(slab, table[i], slab, table[i + 1], n)


@inlined
def _pack(packed: Any, weights: Any, at: int, head: TurnedHead, table: Any) -> None:
    """The weights of as many channels as a vector has as [tap, channel].

    Squares of them are turned, in an eighth of the time, if none reads beyond the last weight.
    """
    n, step = lanes(packed), unsigned(head.weight_channel)
    last = max(0, head.taps - n)
    if head.weights_follow and at + last + (n - 1) * head.weight_channel + n <= weights.size:
        for tap in range(0, head.taps, n):
            first = min(tap, last)
            transpose(weights, at + first, head.weight_channel, packed, first * n, n)
    else:
        to = unsigned(0)
        for tap in range(head.taps):
            place = unsigned(at + table[head.taps_at + tap])
            for _ in range(n):
                packed[to] = weights[place]
                to, place = to + unsigned(1), place + step


@inlined
def _write_image(y: Any, to: int, sums: Any, lane: int, head: TurnedHead, table: Any) -> None:
    """Write the channels of the sums from a lane on, the first of which has its first pixel there."""
    n, size = lanes(sums), head.depth * head.height * head.width
    if head.y_channel != 1:
        for pixel in range(0, size, n):
            transpose_part(sums, pixel * n + lane, n, y, to + pixel, size, n - lane, min(n, size - pixel))
    elif lane == 0:
        for pixel in range(size):
            copy_lanes(y, to + table[head.targets_at + pixel], sums, pixel * n, n)
    else:
        for pixel in range(size):
            place = unsigned(to + table[head.targets_at + pixel])
            for i in range(unsigned(pixel * n + lane), unsigned(pixel * n + n)):
                y[place] = sums[i]
                place += unsigned(1)


def _body(taps: int, step: int) -> Callable[..., None]:
    """The body around the tiles for so many columns of a window, at a step."""
    tile, few = (turned_tile(TurnedShape(pixels, taps, step)) for pixels in (PIXELS, FEW_PIXELS))

    def convolve(begin: int, end: int, x: Any, weights: Any, bias: Any, y: Any, table: Any) -> None:
        """y = activation(weights * x + bias) for some tasks; see `TurnedHead` for the table.

        A task is as many channels of an image as a vector has. The last ones overlap those before, as far as the input
        goes, so that none reads channels that are not there.
        """
        head = _head(table, 0)
        n = lanes(y)
        size, blocks = head.depth * head.height * head.width, (head.channels + n - 1) // n
        # Tiles read and write up to a tile beyond the end of a row, squares of pixels up to a square beyond the last.
        # What is read there must not be a denormal, which would be a hundred times slower.
        slab = zeros(head.size + (PIXELS * step + taps) * n, y.dtype)
        sums = zeros((size + PIXELS + n) * n, y.dtype)
        packed, start = empty(max(head.taps, n) * n, y.dtype), zeros(n, y.dtype)
        for task in range(begin, end):
            image = task // blocks
            block = task - image * blocks
            channel = min(block * n, head.channels - n)
            _turn_image(slab, x, head.x_base + image * head.x_batch + channel * head.x_channel, head, table)
            _pack(packed, weights, head.weight_base + channel * head.weight_channel, head, table)
            if bias.size:
                for i in range(n):
                    start[i] = bias[channel + i]
            to: Any = np.int64(0)
            for plane in range(head.depth):
                for line in range(head.height):
                    at = plane * head.step_d + line * head.step_h
                    column = 0
                    while column < head.width:
                        row = TurnedRow(at + column * step * n, head.lines_at, head.lines, to + column * n)
                        if head.width - column > FEW_PIXELS:
                            tile(row, slab, table, packed, start, sums)
                            column += PIXELS
                        else:
                            few(row, slab, table, packed, start, sums)
                            column += FEW_PIXELS
                    to += head.width * n
            if head.activation:
                activate(sums, 0, size * n, head.activation)
            to = head.y_base + image * head.y_batch + block * n * head.y_channel
            _write_image(y, to, sums, block * n - channel, head, table)
        free((slab, sums, packed, start))

    return convolve


#: By columns of a window, and the step of columns: those of the usual networks.
turned_windows = {
    (taps, step): kernel(_body(taps, step), f"turned_{taps}_columns_step_{step}")
    for taps, step in ((3, 1), (3, 2), (5, 1), (5, 2), (7, 1))
}
