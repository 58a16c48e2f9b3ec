"""Depthwise convolution: each output channel sums windows of one input channel, read where it stands.

An input row is loaded once for all output rows of a tile whose windows it is part of, and neither copied nor padded: a
plan has written down where the rows of each tile's windows begin, rows of the padding included, and lanes beside a row
are masked, or come from where its padding has them. What cannot be read so (rows whose elements are apart, other types,
columns three apart) is gathered into a slab first, a block at a time, and read from there by the same tile.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from fastconv.jit.decorators import helper
from fastconv.jit.kernel import kernel
from fastconv.jit.machine import machine
from fastconv.jit.records import reader
from fastconv.jit.scratch import free, zeros
from fastconv.jit.tile import lanes
from fastconv.jit.window_shape import Shape, Window
from fastconv.kernels.activation import activate
from fastconv.kernels.conv_table import Block, block_of
from fastconv.kernels.slab import Images, SlabAxis, Space, gather, slab_axes, slab_channel_size
from fastconv.kernels.tile_rows import row_tiles

__all__ = ["DEPTHWISE_TABLE", "ROWS", "SHAPES", "VECTORS", "DepthwiseAxis", "DepthwiseHead", "depthwise"]


ROWS, VECTORS = machine().window_rows, machine().window_vectors

#: The shapes that there are kernels for: for the usual windows, for any others, and for single rows. At a step of 1 a
#: vector is loaded anew for each tap of a row, which is faster than to shift it (7x7: 450 cycles a tile, not 730); at a
#: step of 2 its elements have to be sorted, once for all taps.
_PLAIN_SHAPES = (
    *(Shape(ROWS, max(1, VECTORS // 2), taps, taps, 2, 2) for taps in (7, 5, 3)),
    *(Shape(ROWS, VECTORS, taps, 0, 1, 1) for taps in (7, 5, 3)),
    Shape(ROWS, VECTORS, 1, 0, 1, 1),
    Shape(1, 2 * VECTORS, 1, 0, 1, 1),
)

#: Those that roll down a strip of the usual windows in a plane, and load each input row once for all of them: a third
#: off 3x3 windows, and 15 to 35 % off those at a step of 2 (1 thread, Zen 4). Larger ones at a step of 1, whose
#: weights do not fit the registers too, gained nothing (5x5), or lost (7x7).
_ROLLING_SHAPES = tuple(
    Shape(1, VECTORS, taps, taps, step, step, rolls=True) for taps, step in ((3, 1), (3, 2), (5, 2), (7, 2))
)


def _beside_borders(shape: Shape) -> Shape:
    """With half as many vectors, as all those of a window's rows have to stay in registers while borders are put in."""
    return shape._replace(vectors=max(1, shape.vectors // 2), borders=True)


#: Those that know borders with elements of the input too: for windows of few columns (`fastconv.plan.depthwise`).
SHAPES = (
    *_ROLLING_SHAPES,
    *_PLAIN_SHAPES,
    *(_beside_borders(shape) for shape in _PLAIN_SHAPES if shape.taps <= 3 and shape.columns <= 3),
)


class DepthwiseHead(NamedTuple):
    """The head of a depthwise convolution's integer table.

    Attributes
    ----------
    groups, multiplier : int
        Input channels, and output channels of each.
    in_place : int
        Whether the input is read where it stands.
    x_base, x_batch, x_channel : int
        Flat position of the first input element, and the steps of batch and channel.
    weight_base, weight_group, weight_row : int
        The same of the weights, for groups and the output channels of a group.
    limit : int
        Elements of an input row; more than any in a slab, where nothing is masked.
    borders_at, before, after : int
        The list of its borders, as a `Window` has it.
    activation : int
        Number of the activation function.
    """

    groups: int
    multiplier: int
    in_place: int
    x_base: int
    x_batch: int
    x_channel: int
    weight_base: int
    weight_group: int
    weight_row: int
    limit: int
    borders_at: int
    before: int
    after: int
    activation: int


class DepthwiseAxis(NamedTuple):
    """One axis.

    Attributes
    ----------
    outputs, block, blocks : int
        Outputs, those of a block, and the number of blocks.
    taps, weight_step : int
        Taps of a window, and the step of the weights from one to the next.
    places_at : int
        Where the list of places begins in the table, each the flat position of what is read, or `NO_LINE`. On the axis
        of planes one for each output and tap; on that of rows, for each tile, those of all rows of its windows; on that
        of columns one for each tap, before the column is added. Lists for a slab are of one block.
    gather_step : int
        Places of a slab from one output to the next.
    """

    outputs: int
    block: int
    blocks: int
    taps: int
    weight_step: int
    places_at: int
    gather_step: int


#: What stands in a table, in this order, before the lists that its records point to.
DEPTHWISE_TABLE = (DepthwiseHead, SlabAxis, SlabAxis, SlabAxis, DepthwiseAxis, DepthwiseAxis, DepthwiseAxis)

_SLAB_AT = len(DepthwiseHead._fields)
_AXIS_AT = _SLAB_AT + 3 * len(SlabAxis._fields)
_AXIS_FIELDS = len(DepthwiseAxis._fields)

_head, _axis = reader(DepthwiseHead), reader(DepthwiseAxis)


@helper
def _following(task: Block, head: DepthwiseHead, axes: Space) -> Block:
    """The task behind one, without the divisions of `block_of`, for which the loads of a small image would wait."""
    if task.split + 1 < head.multiplier:
        return Block(task.place, task.split + 1, task.n, task.group, task.first)
    place, d, h, w = task.place + 1, task.first.d, task.first.h, task.first.w
    if w + axes.w.block < axes.w.outputs:
        return Block(place, 0, task.n, task.group, Space(d, h, w + axes.w.block))
    if h + axes.h.block < axes.h.outputs:
        return Block(place, 0, task.n, task.group, Space(d, h + axes.h.block, 0))
    if d + axes.d.block < axes.d.outputs:
        return Block(place, 0, task.n, task.group, Space(d + axes.d.block, 0, 0))
    if task.group + 1 < head.groups:
        return Block(place, 0, task.n, task.group + 1, Space(0, 0, 0))
    return Block(place, 0, task.n + 1, 0, Space(0, 0, 0))


@helper
def _counts(first: Space, axes: Space) -> Space:
    """Outputs of the block that begins there."""
    return Space(
        min(axes.d.block, axes.d.outputs - first.d),
        min(axes.h.block, axes.h.outputs - first.h),
        min(axes.w.block, axes.w.outputs - first.w),
    )


@helper
def _apply(y: Any, to: int, counts: Space, axes: Space, function: int) -> None:
    """Apply the activation to all outputs of a block, the first of which is `to`."""
    whole_rows = counts.w == axes.w.outputs
    rows, row = (1, counts.h * counts.w) if whole_rows else (counts.h, counts.w)
    for d in range(counts.d):
        for h in range(rows):
            first = to + (d * axes.h.outputs + h) * axes.w.outputs
            activate(y, first, first + row, function)


def _body(shape: Shape) -> Callable[..., None]:
    """The body around the tiles of one shape."""
    rows, taps, lines, rolls = shape.rows, shape.taps, shape.lines, shape.rolls
    sum_rows, beyond = row_tiles(shape), shape.vectors + shape.columns

    def convolve(begin: int, end: int, x: Any, weights: Any, bias: Any, y: Any, table: Any) -> None:
        """y = activation(weights * x + bias) for some tasks; see `DEPTHWISE_TABLE` for the table.

        A task is a block of outputs of one channel, number `split` of its group.
        """
        head = _head(table, 0)
        slabs = slab_axes(table, _SLAB_AT)
        axes = Space(
            _axis(table, _AXIS_AT), _axis(table, _AXIS_AT + _AXIS_FIELDS), _axis(table, _AXIS_AT + 2 * _AXIS_FIELDS)
        )
        d, h, w = axes.d, axes.h, axes.w
        in_place = head.in_place != 0
        # Tiles read a slab up to a tile's width past its end. What they find there is dropped, but must not be a
        # denormal, which would be a hundred times slower: so zeros, not empty.
        slab = zeros(1 if in_place else slab_channel_size(slabs) + beyond * lanes(y), y.dtype)
        nothing = zeros(head.limit if in_place else 1, y.dtype)
        groups = h.taps // taps
        rest = h.taps - groups * taps
        fill = slab[0]
        gathered = np.int64(-1)
        task = block_of(begin, head.multiplier, head.groups, axes)
        for _ in range(begin, end):
            first = task.first
            counts = _counts(first, axes)
            block_at = first.w + w.outputs * (first.h + h.outputs * first.d)
            base = head.x_base + task.n * head.x_batch + task.group * head.x_channel
            if not in_place:
                if gathered != task.place:
                    place = Space(first.d * d.gather_step, first.h * h.gather_step, first.w * w.gather_step)
                    gather(slab, x, Images(base, 1, 0), table, slabs, place, fill)
                    gathered = task.place
                base, first = 0, Space(0, 0, 0)
            weight_at = head.weight_base + task.group * head.weight_group + task.split * head.weight_row
            channel = task.group * head.multiplier + task.split
            start = bias[channel] if bias.size else fill
            image = task.n * head.groups * head.multiplier + channel
            block_at += image * d.outputs * h.outputs * w.outputs
            for plane in range(counts.d):
                planes_at = d.places_at + (first.d + plane) * d.taps
                for row in range(0, counts.h, counts.h if rolls else rows):
                    listed = shape.row_step if rolls else groups * lines + rest * rows
                    lines_at = h.places_at + (first.h + row) // rows * listed
                    window = Window(
                        head.in_place, base, planes_at, d.taps, lines_at, groups, rest, w.places_at, w.taps, head.limit,
                        head.borders_at, head.before, head.after, weight_at, d.weight_step, h.weight_step,
                        w.weight_step, w.outputs, counts.h - row,
                    )  # fmt: skip
                    sum_rows(
                        window, first.w, first.w + counts.w, x, slab, nothing, table, weights, start, y,
                        block_at + (plane * h.outputs + row) * w.outputs,
                    )  # fmt: skip
            if head.activation:
                _apply(y, block_at, counts, axes, head.activation)
            task = _following(task, head, axes)
        free((slab, nothing))

    return convolve


def _name(shape: Shape) -> str:
    if shape.borders:
        return f"{_name(shape._replace(borders=False))}_borders"
    if shape.rolls:
        return f"{_name(shape._replace(rolls=False))}_rolling"
    if shape.columns:
        return f"depthwise_{shape.taps}x{shape.columns}_step_{shape.column_step}"
    if shape.rows == 1:
        return "depthwise_line"
    return f"depthwise_{shape.taps}_rows" if shape.taps > 1 else "depthwise"


depthwise = {shape: kernel(_body(shape), _name(shape)) for shape in SHAPES}
