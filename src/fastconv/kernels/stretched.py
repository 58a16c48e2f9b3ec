"""Depthwise convolution of images between whose elements a zero stands each: transposed convolution at a stride of 2,
and the gradient of a convolution at that stride for its input.

Tiles take pairs of output rows, read the input where it stands and multiply no zero that was put in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from fastconv.jit.kernel import kernel
from fastconv.jit.machine import machine
from fastconv.jit.records import reader
from fastconv.jit.scratch import free, zeros
from fastconv.jit.stretched_tile import StretchedShape, StretchedWindow, stretched_tile
from fastconv.jit.tile import lanes
from fastconv.kernels.activation import activate

__all__ = ["PAIRS", "STRETCHED_TABLE", "StretchedHead", "stretched"]

#: Pairs of rows of a tile: each has four sums, which take half of the registers.
PAIRS = machine().vector_registers // 8


class StretchedHead(NamedTuple):
    """The integer table's head.

    Attributes
    ----------
    groups, multiplier : int
        Input channels, and output channels of each.
    x_base, x_batch, x_channel : int
        Flat position of the first input element, and the steps of batch and channel.
    weight_base, weight_group, weight_row : int
        The same of the weights, for groups and the output channels of a group.
    weight_d, weight_h, weight_w : int
        Steps of the weights from tap to tap.
    limit : int
        Elements of an input row.
    depth, height, width : int
        Outputs.
    block, blocks : int
        Output rows of a task, whole tiles, and tasks of a plane.
    planes, planes_at : int
        Taps on the axis of planes, and the list of the positions of the input planes of each output, or `NO_LINE`.
    lines_at : int
        The list of the positions of the input rows, those of each pair of output rows one further on.
    offsets_at : int
        Where it stands at which place of an input row the windows of the first pair of columns begin.
    activation : int
        Number of the activation function.
    """

    groups: int
    multiplier: int
    x_base: int
    x_batch: int
    x_channel: int
    weight_base: int
    weight_group: int
    weight_row: int
    weight_d: int
    weight_h: int
    weight_w: int
    limit: int
    depth: int
    height: int
    width: int
    block: int
    blocks: int
    planes: int
    planes_at: int
    lines_at: int
    offsets_at: int
    activation: int


STRETCHED_TABLE = (StretchedHead,)
_head = reader(StretchedHead)


def _body(taps: int, lead: int) -> Callable[..., None]:
    """The body around the tile of a kernel with so many taps a side, the first of which that side of a pair sees."""
    tile = stretched_tile(StretchedShape(PAIRS, taps, lead))

    def convolve(begin: int, end: int, x: Any, weights: Any, bias: Any, y: Any, table: Any) -> None:
        """y = activation(weights * x + bias) for some tasks; see `StretchedHead` for the table.

        A task is a block of rows of a plane of one channel.
        """
        head = _head(table, 0)
        nothing = zeros(head.limit, y.dtype)
        zero = nothing[0]
        for task in range(begin, end):
            plane = task // head.blocks
            image = plane // head.depth
            n = image // (head.groups * head.multiplier)
            channel = image - n * head.groups * head.multiplier
            group = channel // head.multiplier
            base = head.x_base + n * head.x_batch + group * head.x_channel
            weight_at = head.weight_base + group * head.weight_group
            weight_at += (channel - group * head.multiplier) * head.weight_row
            start = bias[channel] if bias.size else zero
            first = (task - plane * head.blocks) * head.block
            end_row = min(first + head.block, head.height)
            planes_at = head.planes_at + (plane - image * head.depth) * head.planes
            for row in range(first, end_row, 2 * PAIRS):
                window = StretchedWindow(
                    base, planes_at, head.planes, head.lines_at + row // 2, head.offsets_at, head.limit, weight_at,
                    head.weight_d, head.weight_h, head.weight_w, head.width, end_row - row,
                )  # fmt: skip
                to = (plane * head.height + row) * head.width
                for column in range(0, head.width, 2 * lanes(y)):
                    tile(
                        window, column // 2, head.width - column, x, nothing, table, weights, start, y, to + column
                    )  # fmt: skip
            if head.activation:
                to = (plane * head.height + first) * head.width
                activate(y, to, to + (end_row - first) * head.width, head.activation)
        free((nothing,))

    return convolve


#: By the taps of a kernel's sides, and the side of a pair that sees the first: those of the usual networks.
stretched = {
    (taps, lead): kernel(_body(taps, lead), f"stretched_{taps}_lead_{lead}")
    for taps in (2, 3, 4, 5, 7)
    for lead in (0, 1)
}
