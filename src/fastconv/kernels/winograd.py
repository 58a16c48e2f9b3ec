"""Convolution with 3x3 kernels by Winograd's F(2x2, 3x3): see `fastconv.jit.winograd`.

A block of tiles is transformed for all input channels; for each row block of output channels sixteen products of
matrices follow, whose sums stay in the first-level cache until they are turned into outputs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from fastconv.jit.copy import copy_run
from fastconv.jit.decorators import helper
from fastconv.jit.kernel import kernel
from fastconv.jit.machine import machine
from fastconv.jit.records import reader
from fastconv.jit.scratch import free, zeros
from fastconv.jit.tile import lanes, tile
from fastconv.jit.vector import unsigned
from fastconv.jit.winograd import STEP, TILE, tiles_in, tiles_out
from fastconv.kernels.activation import activate, keep
from fastconv.kernels.conv_table import Block, OutputAxis, block_of
from fastconv.kernels.halo import gather_plain
from fastconv.kernels.slab import Images, SlabAxis, Space, slab_axes, slab_channel_size

__all__ = ["KERNEL", "PLACES", "ROWS", "WINOGRAD_TABLE", "WinogradHead", "winograd", "winograd_weights"]

#: Taps of a kernel along an axis, and places in a tile.
KERNEL, PLACES = 3, TILE * TILE

# Literals for the compiler.
ROWS = machine().tile_rows
VECTORS = machine().tile_vectors
TWO_VECTORS = 2
ONE_VECTOR = 1

#: Inputs that are gathered at a time, some channels of a block: with AVX-512 they take 16 KiB of float32, and half of
#: the first-level cache is left for what becomes of them.
GATHERED = 4096


class WinogradHead(NamedTuple):
    """The head of the integer table.

    Attributes
    ----------
    groups, channels, out_channels : int
        Groups, and the channels of one group going in and out.
    row_blocks, splits : int
        Row blocks of a group, and parts in which they are shared out to tasks.
    x_base, x_batch, x_channel : int
        Flat position of the first input element, and the steps of batch and channel.
    rows, columns : int
        Of an output image.
    pitch : int
        Tiles of a block, rounded up to whole vectors.
    activation : int
        Number of the activation function.
    """

    groups: int
    channels: int
    out_channels: int
    row_blocks: int
    splits: int
    x_base: int
    x_batch: int
    x_channel: int
    rows: int
    columns: int
    pitch: int
    activation: int


#: What stands in a table, in this order. The output's axes count residues modulo the dilation, as d, and the tiles of
#: the first residue, which has most; the steps of the slab's are the dilation.
WINOGRAD_TABLE = (WinogradHead, SlabAxis, SlabAxis, SlabAxis, OutputAxis, OutputAxis, OutputAxis)

_read_head, _read_axis = reader(WinogradHead), reader(OutputAxis)
_SLAB_AT = len(WinogradHead._fields)
_OUTPUT_AT = _SLAB_AT + 3 * len(SlabAxis._fields)
_AXIS = len(OutputAxis._fields)


@helper
def _transform(
    slab: Any, channels: int, tiles: Any, to: int, pitch: int, step: int, axes: Space, counts: Space
) -> None:
    """Transform the tiles of some gathered channels; those of a channel stand at ``tiles[to + place * step]``."""
    for c in range(channels):
        for h in range(counts.h):
            at = (c * axes.h.positions + STEP * h) * axes.w.positions
            for w in range(0, counts.w, lanes(slab)):
                tiles_in(slab, at + STEP * w, axes.w.positions, tiles, to + c * pitch + h * counts.w + w, step)


class _Operands(NamedTuple):
    """What a row block multiplies: transformed weights, and transformed tiles, `step` apart from place to place."""

    weights: Any
    at: int
    tiles: Any
    step: int
    offsets: Any
    channels: int


@helper
def _multiply(o: _Operands, number: int, left: int, sums: Any) -> None:
    """sums[place, row, i] of a row block, for up to VECTORS vectors of tiles from `number` on, as many as are left."""
    n = lanes(sums)
    pitch = VECTORS * n
    for place in range(PLACES):
        at, first, to = o.at + place * o.channels * ROWS, place * o.step + number, place * ROWS * pitch
        if left > TWO_VECTORS * n:
            tile(ROWS, VECTORS, o.weights, at, o.tiles, first, o.offsets, 0, o.channels, sums, to, pitch)
        elif left > n:
            tile(ROWS, TWO_VECTORS, o.weights, at, o.tiles, first, o.offsets, 0, o.channels, sums, to, pitch)
        else:
            tile(ROWS, ONE_VECTOR, o.weights, at, o.tiles, first, o.offsets, 0, o.channels, sums, to, pitch)


class _Part(NamedTuple):
    """The outputs of a block: every `step`-th from the first one on, `counts` of them, on both axes."""

    first: Space
    step: Space
    counts: Space


@helper
def _part(block: Block, head: WinogradHead, axes: Space, out: Space) -> _Part:
    """Blocks count residues modulo the dilation along the axis d, then tiles of the outputs of a residue."""
    step = Space(1, axes.h.step, axes.w.step)
    h = block.first.d // step.w
    w = block.first.d - h * step.w
    rows = (head.rows - h + step.h - 1) // step.h - STEP * block.first.h
    columns = (head.columns - w + step.w - 1) // step.w - STEP * block.first.w
    return _Part(
        Space(0, STEP * block.first.h * step.h + h, STEP * block.first.w * step.w + w),
        step,
        Space(1, max(0, min(rows, STEP * out.h.block)), max(0, min(columns, STEP * out.w.block))),
    )


@helper
def _write(lines: Any, at: int, length: int, part: _Part, pitch: int, head: WinogradHead, image: int, y: Any) -> None:
    """Outputs of a channel into y: the even rows of all tiles stand from `at` on, the odd ones `length` behind.

    In both, rows of tiles are `pitch` apart.
    """
    for h in range(part.counts.h):
        to = (image * head.rows + part.first.h + h * part.step.h) * head.columns + part.first.w
        source = at + h % STEP * length + h // STEP * pitch
        if part.step.w == 1:
            copy_run(y, to, lines, source, part.counts.w)
        else:
            for w in range(part.counts.w):
                y[to + w * part.step.w] = lines[source + w]


def _body(apply: Any) -> Callable[..., None]:
    """The body around one way to apply an activation."""

    def convolve(
        begin: int, end: int, x: Any, weights: Any, bias: Any, y: Any, table: Any, offsets: Any, strange: Any
    ) -> None:
        """y = activation(weights * x + bias) for some tasks; see `WINOGRAD_TABLE` for the table.

        ``strange[task]`` becomes 0 unless an output is infinite or not a number: then outputs beside it may be, too.
        """
        head = _read_head(table, 0)
        axes = slab_axes(table, _SLAB_AT)
        tiles_d, tiles_h, tiles_w = _OUTPUT_AT, _OUTPUT_AT + _AXIS, _OUTPUT_AT + 2 * _AXIS
        out = Space(_read_axis(table, tiles_d), _read_axis(table, tiles_h), _read_axis(table, tiles_w))
        n = lanes(y)
        size = slab_channel_size(axes)
        at_once = max(1, GATHERED // size)
        # Vectors reach past the last tile of a row. What they find there is dropped, but must not be a denormal, which
        # would be a hundred times slower: so zeros.
        slab = zeros(at_once * size + 2 * n + STEP, y.dtype)
        sources = zeros(axes.d.positions + axes.h.positions + axes.w.positions, np.int64)
        step = head.channels * head.pitch + n
        tiles = zeros(PLACES * step, y.dtype)
        width = VECTORS * n
        sums = zeros(PLACES * ROWS * width, y.dtype)
        length = STEP * head.pitch
        lines = zeros(ROWS * STEP * length, y.dtype)
        gathered = np.int64(-1)
        for task in range(begin, end):
            block = block_of(task, head.splits, head.groups, out)
            part = _part(block, head, axes, out)
            counts = Space(1, (part.counts.h + 1) // STEP, (part.counts.w + 1) // STEP)
            if gathered != block.place:  # the parts of a group's row blocks share their tiles
                base = head.x_base + block.n * head.x_batch + block.group * head.channels * head.x_channel
                first = Space(0, part.first.h - axes.h.low, part.first.w - axes.w.low)
                for c in range(0, head.channels, at_once):
                    channels = min(at_once, head.channels - c)
                    images = Images(base + c * head.x_channel, channels, head.x_channel)
                    gather_plain(slab, sources, x, images, table, axes, first)
                    _transform(slab, channels, tiles, c * head.pitch, head.pitch, step, axes, counts)
                gathered = block.place
            found = 0
            numbers = counts.h * counts.w
            last = (block.split + 1) * head.row_blocks // head.splits
            for b in range(block.split * head.row_blocks // head.splits, last):
                at = (block.group * head.row_blocks + b) * PLACES * head.channels * ROWS
                operands = _Operands(weights, at, tiles, step, offsets, head.channels)
                channel = block.group * head.out_channels + b * ROWS
                rows = min(ROWS, head.out_channels - b * ROWS)
                for number in range(0, numbers, width):
                    _multiply(operands, number, numbers - number, sums)
                    for row in range(rows):
                        start = bias[channel + row] if bias.size else y.dtype.type(0)
                        for i in range(0, min(width, numbers - number), n):
                            to = row * STEP * length + STEP * (number + i)
                            found |= tiles_out(sums, row * width + i, ROWS * width, start, lines, to, length)
                apply(lines, 0, lines.size, head.activation)
                image = block.n * head.groups * head.out_channels + channel
                for row in range(rows):
                    _write(lines, row * STEP * length, length, part, STEP * counts.w, head, image + row, y)
            strange[task] = found
        free((slab, sources, tiles, sums, lines))

    return convolve


#: By whether they apply an activation.
winograd = {False: kernel(_body(keep), "winograd"), True: kernel(_body(activate), "winograd_activated")}


#: Input channels whose weights are transformed at a time, and numbers of them for each tap.
TOGETHER = 16
NUMBERS = TOGETHER * ROWS


@helper
def _weight_places(values: Any, at: int, step: int, target: Any, to: int, to_step: int) -> None:
    """target[to + place * to_step + i] = (G @ g)[place] for NUMBERS vectors g of three, `step` apart."""
    half = values.dtype.type(0.5)
    first, second, third = unsigned(at), unsigned(at + step), unsigned(at + 2 * step)
    zeroth, one = unsigned(to), unsigned(to + to_step)
    two, three = one + unsigned(to_step), one + unsigned(2 * to_step)
    for i in range(unsigned(NUMBERS)):
        a, b, c = values[first + i], values[second + i], values[third + i]
        ends = half * (a + c)
        target[zeroth + i] = a
        target[one + i] = ends + half * b
        target[two + i] = ends - half * b
        target[three + i] = c


@kernel
def winograd_weights(begin: int, end: int, weights: Any, packed: Any, steps: Any, sizes: Any) -> None:
    """Transform weights to [group, row block, place, channel, row]; a task is one row block of one group.

    `steps` holds the flat position of the first weight, and the steps of group, output channel, input channel, row and
    column; `sizes` the input and output channels of a group and its row blocks. Rows that fill up a block are zero.
    """
    channels, out_channels, row_blocks = sizes[0], sizes[1], sizes[2]
    taps = zeros(KERNEL * KERNEL * NUMBERS, weights.dtype)
    halfway = zeros(KERNEL * TILE * NUMBERS, weights.dtype)
    places = zeros(PLACES * NUMBERS, weights.dtype)
    for task in range(begin, end):
        group = task // row_blocks
        first = (task - group * row_blocks) * ROWS
        rows = min(ROWS, out_channels - first)
        for i in range(taps.size):
            taps[i] = 0
        for c in range(0, channels, TOGETHER):
            count = min(TOGETHER, channels - c)
            for row in range(rows):
                at = steps[0] + group * steps[1] + (first + row) * steps[2] + c * steps[3]
                for r in range(KERNEL):
                    for s in range(KERNEL):
                        source = unsigned(at + r * steps[4] + s * steps[5])
                        to = unsigned((r * KERNEL + s) * NUMBERS + row)
                        for _ in range(count):
                            taps[to] = weights[source]
                            source += unsigned(steps[3])
                            to += unsigned(ROWS)
            for s in range(KERNEL):  # down the columns, then along the rows
                _weight_places(taps, s * NUMBERS, KERNEL * NUMBERS, halfway, s * NUMBERS, KERNEL * NUMBERS)
            for r in range(TILE):
                _weight_places(halfway, r * KERNEL * NUMBERS, NUMBERS, places, r * TILE * NUMBERS, NUMBERS)
            for place in range(PLACES):
                at = ((task * PLACES + place) * channels + c) * ROWS
                copy_run(packed, at, places, place * NUMBERS, count * ROWS)
    free((taps, halfway, places))
