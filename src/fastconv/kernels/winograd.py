"""Convolution by Winograd's minimal filtering: see `fastconv.jit.winograd`.

A block of tiles, of one image or of several small ones, is transformed for all input channels; for each row block of
output channels a product of matrices follows for each place, whose sums stay in the first-level cache until they are
turned into outputs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from fastconv.jit.copy import copy_block
from fastconv.jit.decorators import helper
from fastconv.jit.kernel import kernel
from fastconv.jit.machine import machine
from fastconv.jit.scratch import empty, free, zeros
from fastconv.jit.tile import lanes, tile
from fastconv.jit.winograd import step_of
from fastconv.jit.winograd_out import tiles_out
from fastconv.kernels.activation import activate, keep
from fastconv.kernels.conv_table import output_axes
from fastconv.kernels.slab import Space, slab_axes
from fastconv.kernels.winograd_kinds import KINDS, ROWS, Kind
from fastconv.kernels.winograd_table import OUTPUT_AT, SLAB_AT, WinogradHead, read_head
from fastconv.kernels.winograd_tiles import DEPTHS, Operands, Part, filler, gathered, operands_of, work_of
from fastconv.kernels.winograd_weights import weight_helpers

__all__ = ["winograd"]

# Literals for the compiler.
VECTORS = machine().tile_vectors
TWO_VECTORS = 2
ONE_VECTOR = 1


@helper
def _vectors(left: int) -> int:
    """Vectors of tiles to sum next, of so many that are left: two and two rather than three and one.

    A tile of one vector waits for the nine numbers that it reads for eight products.
    """
    return TWO_VECTORS if left == 2 * TWO_VECTORS else min(left, VECTORS)


@helper
def _multiply_place(o: Operands, at: int, first: int, begin: int, end: int, vectors: int, sums: Any, to: int) -> None:
    """sums[row, i] of a place, for some vectors of tiles from `first` on."""
    pitch = VECTORS * lanes(sums)
    if vectors == VECTORS:
        tile(ROWS, VECTORS, o.weights, at, o.tiles, first, o.offsets, begin, end, sums, to, pitch)
    elif vectors == TWO_VECTORS:
        tile(ROWS, TWO_VECTORS, o.weights, at, o.tiles, first, o.offsets, begin, end, sums, to, pitch)
    else:
        tile(ROWS, ONE_VECTOR, o.weights, at, o.tiles, first, o.offsets, begin, end, sums, to, pitch)


@helper
def _multiply(o: Operands, places: int, number: int, vectors: int, sums: Any) -> None:
    """sums[place, row, i] of a row block, for some vectors of tiles from `number` on.

    Behind the last place is room for the sums of one more.
    """
    size = ROWS * VECTORS * lanes(sums)
    at, first = o.at, number
    for place in range(places):
        pieces = o.table[o.depths_at + place]
        depth, to = pieces * o.channels, place * size
        if depth == 0:
            for i in range(size):
                sums[to + i] = 0
        for begin in range(0, depth, DEPTHS):
            part = to if begin == 0 else places * size
            _multiply_place(o, at + begin * ROWS, first, begin, min(begin + DEPTHS, depth), vectors, sums, part)
            if begin:
                for i in range(size):
                    sums[to + i] += sums[part + i]
        at += depth * ROWS
        first += pieces * o.piece


class _Lines(NamedTuple):
    """Outputs of the tiles of a channel: the tiles' first rows stand from `at` on, their second ones `length` behind.

    In both, rows of tiles are `pitch` apart.
    """

    values: Any
    at: int
    length: int
    pitch: int


@helper
def _write(lines: _Lines, part: Part, step: int, head: WinogradHead, image: int, y: Any) -> None:
    """Outputs of a channel into y; tiles have `step` rows of them."""
    first = (image * head.planes + part.plane) * head.rows + part.first.h
    pitch = step * head.row_step * head.columns
    for number in range(min(step, part.counts.h)):
        to = (first + number * head.row_step) * head.columns + part.first.w
        at, rows = lines.at + number * lines.length, (part.counts.h - number + step - 1) // step
        if head.column_step == 1:
            copy_block(y, to, pitch, lines.values, at, lines.pitch, part.counts.w, rows)
        else:
            for h in range(rows):
                for w in range(part.counts.w):
                    y[to + h * pitch + w * head.column_step] = lines.values[at + h * lines.pitch + w]


def _body(kind: Kind) -> Callable[..., None]:
    """The body for one kind of kernels."""
    fill_tiles, weights_of, finish = filler(kind), weight_helpers[kind.name], tiles_out(kind.points)
    step_h, step_w, places = step_of(kind.points.h), step_of(kind.points.w), kind.points.h * kind.points.w
    room_of, fill_weights, apply = weights_of.room, weights_of.block, activate if kind.activated else keep

    def convolve(
        begin: int, end: int, x: Any, weights: Any, bias: Any, y: Any, table: Any, offsets: Any, strange: Any,
        steps: Any,
    ) -> None:  # fmt: skip
        """y = activation(weights * x + bias) for some tasks; see `WINOGRAD_TABLE` for the table.

        Weights are transformed, or plain ones that `steps` are for: a task transforms those of a row block before it
        multiplies, and nothing but its own cache sees them.
        ``strange[task]`` becomes 0 unless an output is infinite or not a number: then outputs beside it may be, too.
        """
        head = read_head(table, 0)
        axes = slab_axes(table, SLAB_AT)
        out = output_axes(table, OUTPUT_AT)
        tile_steps = Space(1, step_h, step_w)
        n = lanes(y)
        room = gathered(head, axes, y)
        width = VECTORS * n
        sums = zeros((places + 1) * ROWS * width, y.dtype)
        length = step_w * head.pitch
        lines = zeros(ROWS * step_h * length, y.dtype)
        packs, weight_room = steps.size > 0, room_of(steps, y)
        own = empty(head.entries * head.channels * ROWS if packs else 0, y.dtype)
        filled = np.int64(-1)
        for task in range(begin, end):
            work = work_of(task, table, head, out, tile_steps)
            part, columns, of_image = work.part, work.counts.w, work.counts.h * work.counts.w
            if filled != work.block.place:  # the parts of a group's row blocks share their tiles
                fill_tiles(room, x, table, head, axes, work)
                filled = work.block.place
            found, numbers = 0, work.images * of_image
            for b in range(work.row_block, work.last_row_block):
                if packs:
                    fill_weights(weights, steps, head, work.block.group, b, work.residue, own, weight_room, table)
                operands = operands_of(weights, own, room, offsets, table, head, work, b, ROWS)
                channel = work.block.group * head.out_channels + b * ROWS
                in_use = min(ROWS, head.out_channels - b * ROWS)
                i = 0
                while i < numbers:
                    vectors = _vectors((numbers - i + n - 1) // n)
                    _multiply(operands, places, i, vectors, sums)
                    for row in range(in_use):
                        start = bias[channel + row] if bias.size else y.dtype.type(0)
                        for j in range(0, vectors * n, n):
                            to = row * step_h * length + step_w * (i + j)
                            found |= finish(sums, row * width + j, ROWS * width, start, lines, to, length)
                    i += vectors * n
                apply(lines, 0, lines.size, head.activation)
                for image in range(work.images):
                    channel_image = (work.first_image + image) * head.groups * head.out_channels + channel
                    for row in range(in_use):
                        at = row * step_h * length + step_w * image * of_image
                        _write(_Lines(lines, at, length, step_w * columns), part, step_h, head, channel_image + row, y)
            strange[task] = found
        free(room)
        free(weight_room)
        free((own, sums, lines))

    return convolve


winograd = {kind: kernel(_body(kind), kind.kernel_name) for kind in KINDS if not kind.spread}
