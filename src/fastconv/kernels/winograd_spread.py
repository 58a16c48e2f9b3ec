"""Convolution by Winograd's minimal filtering with output channels as lanes: see `fastconv.kernels.winograd`.

Tiles of a block are the rows of a product of matrices for each place, and it does not matter how many there are: tiles
of one row go on in the next. Their sums have channels beside each other, are turned into outputs so, and outputs are
transposed on their way into the result.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from fastconv.jit.decorators import helper, inlined
from fastconv.jit.kernel import kernel
from fastconv.jit.machine import machine
from fastconv.jit.panel_tile import PanelRun, panel_tile
from fastconv.jit.scratch import empty, free, zeros
from fastconv.jit.tile import lanes
from fastconv.jit.transpose import transpose_part
from fastconv.jit.winograd import step_of
from fastconv.jit.winograd_out import spread_out
from fastconv.kernels.activation import activate, keep
from fastconv.kernels.bias import begin_sums
from fastconv.kernels.conv_table import output_axes
from fastconv.kernels.outlet import Outlet, Target, write_rows
from fastconv.kernels.slab import Space, slab_axes
from fastconv.kernels.winograd_kinds import KINDS, SHORT_TILES, SPREAD_ROWS, TILES, Kind, runs_of
from fastconv.kernels.winograd_table import OUTPUT_AT, SLAB_AT, WinogradHead, read_head
from fastconv.kernels.winograd_tiles import DEPTHS, Operands, Part, filler, gathered, operands_of, work_of
from fastconv.kernels.winograd_weights import weight_helpers

__all__ = ["winograd_spread"]

# Literals for the compiler.
VECTORS = machine().panel_vectors
WIDTH = SPREAD_ROWS


_runs_of = helper(runs_of)


@inlined
def _multiply(o: Operands, places: int, numbers: int, room: int, sums: Any) -> None:
    """sums[place, tile, channel] of a row block, behind a vector of zeros, with room for so many tiles at a place.

    Place by place, as the weights of one stay in the first levels of the cache for all tiles.
    """
    at, first = o.at, 0
    long, short = _runs_of(numbers)
    for place in range(places):
        pieces = o.table[o.depths_at + place]
        depth, to = pieces * o.channels, (1 + place * room) * WIDTH
        if depth == 0:
            for i in range(numbers * WIDTH):
                sums[to + i] = 0
        for begin in range(0, depth, DEPTHS):
            depths, weights_at, i = min(DEPTHS, depth - begin), at + begin * WIDTH, 0
            while i < long + short:
                target = to + i * WIDTH
                start, step = (target, WIDTH) if begin else (0, 0)
                run = PanelRun(first + i, begin, depths, weights_at, start, step, target, WIDTH)
                if i < long:
                    panel_tile(TILES, 1, VECTORS, run, o.tiles, o.offsets, o.weights, sums)
                    i += TILES
                else:
                    panel_tile(SHORT_TILES, 1, VECTORS, run, o.tiles, o.offsets, o.weights, sums)
                    i += SHORT_TILES
        at += depth * WIDTH
        first += pieces * o.piece


class _Image(NamedTuple):
    """Outputs of an image's tiles: `at` is the first one's first channel, and rows have `pitch` of them."""

    at: int
    pitch: int


@inlined
def _write(
    outputs: Any, image: _Image, part: Part, first: int, head: WinogradHead, channels: int, line: Any, y: Any
) -> None:  # fmt: skip
    """Outputs of some channels into the image of the first one, which begins at `first`."""
    step, plane = head.planes * head.rows * head.columns, part.plane * head.rows * head.columns
    place = plane + part.first.h * head.columns + part.first.w
    if head.column_step == 1:
        whole = head.row_step == 1 and part.counts.w == image.pitch == head.columns
        columns = part.counts.w * part.counts.h if whole else part.counts.w
        pitch, rows = (columns, 1) if whole else (image.pitch, part.counts.h)
        target = Target(place, rows, columns, pitch, 0, head.row_step * head.columns)
        write_rows(outputs, image.at, WIDTH, 0, rows * pitch, True, Outlet(y, channels, first, step, target))
        return
    n = lanes(y)
    for h in range(part.counts.h):
        row = first + place + h * head.row_step * head.columns
        for w in range(0, part.counts.w, n):
            count = min(n, part.counts.w - w)
            for lane in range(0, channels, n):
                transpose_part(
                    outputs, image.at + (h * image.pitch + w) * WIDTH + lane, WIDTH, line, 0, n,
                    min(n, channels - lane), count,
                )  # fmt: skip
                for c in range(min(n, channels - lane)):
                    to = row + (lane + c) * step + w * head.column_step
                    for i in range(count):
                        y[to + i * head.column_step] = line[c * n + i]


def _body(kind: Kind) -> Callable[..., None]:
    """The body for one kind of kernels."""
    fill_tiles, weights_of, finish = filler(kind), weight_helpers[kind.name], spread_out(kind.points)
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
        axes, out, tile_steps = slab_axes(table, SLAB_AT), output_axes(table, OUTPUT_AT), Space(1, step_h, step_w)
        n = lanes(y)
        room = gathered(head, axes, y)
        tiles = head.pitch + TILES  # the last run of them may be longer than what is left
        sums = zeros((1 + places * tiles) * WIDTH, y.dtype)
        # Outputs of a block, and a vector of them that is read in vain.
        outputs = zeros((step_h * step_w * head.pitch + n) * WIDTH, y.dtype)
        starts, line = zeros(WIDTH, y.dtype), zeros(n * n, y.dtype)
        packs, weight_room = steps.size > 0, room_of(steps, y)
        own = empty(head.entries * head.channels * WIDTH if packs else 0, y.dtype)
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
                operands = operands_of(weights, own, room, offsets, table, head, work, b, WIDTH)
                channel = work.block.group * head.out_channels + b * WIDTH
                in_use = min(WIDTH, head.out_channels - b * WIDTH)
                begin_sums(starts, WIDTH, bias, channel, in_use)
                _multiply(operands, places, numbers, tiles, sums)
                for tile in range(numbers):
                    row = tile // columns
                    at = (row * step_h * columns + tile - row * columns) * step_w * WIDTH
                    for lane in range(0, WIDTH, n):
                        found |= finish(
                            sums, (1 + tile) * WIDTH + lane, tiles * WIDTH, starts, lane, outputs, at + lane,
                            step_w * columns * WIDTH, WIDTH,
                        )  # fmt: skip
                apply(outputs, 0, numbers * step_h * step_w * WIDTH, head.activation)
                for image in range(work.images):
                    first = ((work.first_image + image) * head.groups * head.out_channels + channel) * head.planes
                    target = _Image(image * step_h * step_w * of_image * WIDTH, step_w * columns)
                    _write(outputs, target, part, first * head.rows * head.columns, head, in_use, line, y)
            strange[task] = found
        free(room)
        free(weight_room)
        free((own, sums, outputs, starts, line))

    return convolve


winograd_spread = {kind: kernel(_body(kind), kind.kernel_name) for kind in KINDS if kind.spread}
