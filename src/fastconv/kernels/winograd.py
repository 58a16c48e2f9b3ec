"""Convolution by Winograd's minimal filtering: see `fastconv.jit.winograd`.

A block of tiles, of one image or of several small ones, is transformed for all input channels; for each row block of
output channels a product of matrices follows for each place, whose sums stay in the first-level cache until they are
turned into outputs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from fastconv.jit.copy import copy_run
from fastconv.jit.decorators import helper
from fastconv.jit.kernel import kernel
from fastconv.jit.machine import machine
from fastconv.jit.scratch import free, zeros
from fastconv.jit.tile import lanes, tile
from fastconv.jit.winograd import MOST_TAPS, Plane, split_columns, step_of, tiles_in, tiles_out
from fastconv.kernels.activation import activate, keep
from fastconv.kernels.conv_table import Block, block_of, output_axes
from fastconv.kernels.halo import gather_plain
from fastconv.kernels.slab import Images, Space, slab_axes, slab_channel_size
from fastconv.kernels.winograd_kinds import KINDS, ROWS, Kind
from fastconv.kernels.winograd_table import (
    OUTPUT_AT,
    PIECE_FIELDS,
    RESIDUE_FIELDS,
    SLAB_AT,
    Piece,
    Residue,
    WinogradHead,
    read_head,
    read_piece,
    read_residue,
)

__all__ = ["winograd"]

# Literals for the compiler.
VECTORS = machine().tile_vectors
TWO_VECTORS = 2
ONE_VECTOR = 1

#: Inputs that are gathered at a time, some channels of a block: with AVX-512 they take 16 KiB of float32, and half of
#: the first-level cache is left for what becomes of them.
GATHERED = 4096

#: Most products that are added one after the other. Longer sums are put together from several: of 4608 products, whose
#: error in float32 is then below 0.8e-6 of the largest result (1.5e-6 with 768), as that of plain sums.
DEPTHS = 256


class _Operands(NamedTuple):
    """What a row block multiplies: transformed weights and tiles, of which a piece has `piece` at a place."""

    weights: Any
    at: int
    tiles: Any
    offsets: Any
    table: Any
    depths_at: int
    channels: int
    piece: int


@helper
def _vectors(left: int) -> int:
    """Vectors of tiles to sum next, of so many that are left: two and two rather than three and one.

    A tile of one vector waits for the nine numbers that it reads for eight products.
    """
    return TWO_VECTORS if left == 2 * TWO_VECTORS else min(left, VECTORS)


@helper
def _multiply_place(o: _Operands, at: int, first: int, begin: int, end: int, vectors: int, sums: Any, to: int) -> None:
    """sums[row, i] of a place, for some vectors of tiles from `first` on."""
    pitch = VECTORS * lanes(sums)
    if vectors == VECTORS:
        tile(ROWS, VECTORS, o.weights, at, o.tiles, first, o.offsets, begin, end, sums, to, pitch)
    elif vectors == TWO_VECTORS:
        tile(ROWS, TWO_VECTORS, o.weights, at, o.tiles, first, o.offsets, begin, end, sums, to, pitch)
    else:
        tile(ROWS, ONE_VECTOR, o.weights, at, o.tiles, first, o.offsets, begin, end, sums, to, pitch)


@helper
def _multiply(o: _Operands, places: int, number: int, vectors: int, sums: Any) -> None:
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


class _Slab(NamedTuple):
    """Gathered input as pieces see it: steps from channel to channel, from row to row, and from tile to tile."""

    values: Any
    channel: int
    row: int
    tile_row: int


class _Tiles(NamedTuple):
    """Where transformed tiles of a place go: those of the first channel, and the step to the next one's."""

    values: Any
    first: int
    pitch: int


def _transformer(kind: Kind) -> Any:
    """The helper that transforms the tiles of one piece for some channels, whichever of the kind's pieces it is."""

    def for_taps(taps: Plane, others: Any) -> Any:
        transform = tiles_in(taps, kind.points)
        taps_h, taps_w, step_w = taps.h, taps.w, step_of(kind.points.w)

        @helper
        def run(piece: Piece, slab: _Slab, channels: int, counts: Space, to: _Tiles, table: Any) -> None:
            if piece.taps_h != taps_h or piece.taps_w != taps_w:
                others(piece, slab, channels, counts, to, table)
                return
            for c in range(channels):
                for row in range(counts.h):
                    at = piece.at + c * slab.channel + row * slab.tile_row
                    first = to.first + c * to.pitch + row * counts.w
                    for i in range(0, counts.w, lanes(slab.values)):
                        transform(
                            slab.values, at + step_w * i, slab.row, to.values, first + i, table, piece.starts_at
                        )  # fmt: skip

        return run

    @helper
    def none_of_them(piece: Piece, slab: _Slab, channels: int, counts: Space, to: _Tiles, table: Any) -> None:
        return

    found = none_of_them
    for taps in kind.taps():
        found = for_taps(taps, found)
    return found


@helper
def _part_rows(parted: Any, slab: Any, rows: int, columns: int, phases: int, pitch: int) -> Any:
    """Each row of a slab as its `phases`, every so many columns, `pitch` apart; the slab itself if there is one."""
    if phases == 1:
        return slab
    for row in range(rows):
        to, at = row * phases * pitch, row * columns
        if phases == 2:
            split_columns(slab, at, parted, to, pitch, columns // 2)
        else:
            for phase in range(phases):
                for i in range(columns // phases):
                    parted[to + phase * pitch + i] = slab[at + i * phases + phase]
    return parted


@helper
def _keep_rows(parted: Any, slab: Any, rows: int, columns: int, phases: int, pitch: int) -> Any:
    """The slab itself."""
    return slab


class _Part(NamedTuple):
    """The outputs of a block: of one plane, those of a residue from the first one on, `counts` of them."""

    plane: int
    first: Space
    counts: Space


@helper
def _part(block: Block, residue: Residue, plane: int, head: WinogradHead, out: Space, steps: Space) -> _Part:
    """The block's outputs, whose tiles have `steps` outputs along the axes."""
    rows = (head.rows - residue.row + head.row_step - 1) // head.row_step - steps.h * block.first.h
    columns = (head.columns - residue.column + head.column_step - 1) // head.column_step - steps.w * block.first.w
    first_row = residue.row + steps.h * block.first.h * head.row_step
    first_column = residue.column + steps.w * block.first.w * head.column_step
    return _Part(
        plane,
        Space(plane, first_row, first_column),
        Space(1, max(0, min(rows, steps.h * out.h.block)), max(0, min(columns, steps.w * out.w.block))),
    )


class _Lines(NamedTuple):
    """Outputs of the tiles of a channel: the tiles' first rows stand from `at` on, their second ones `length` behind.

    In both, rows of tiles are `pitch` apart.
    """

    values: Any
    at: int
    length: int
    pitch: int


@helper
def _write(lines: _Lines, part: _Part, step: int, head: WinogradHead, image: int, y: Any) -> None:
    """Outputs of a channel into y; tiles have `step` rows of them."""
    for h in range(part.counts.h):
        row = (image * head.planes + part.plane) * head.rows + part.first.h + h * head.row_step
        to = row * head.columns + part.first.w
        source = lines.at + h % step * lines.length + h // step * lines.pitch
        if head.column_step == 1:
            copy_run(y, to, lines.values, source, part.counts.w)
        else:
            for w in range(part.counts.w):
                y[to + w * head.column_step] = lines.values[source + w]


def _filler(kind: Kind) -> Any:
    """The helper that gathers and transforms what a block reads."""
    transform, part_rows = _transformer(kind), _part_rows if kind.strided else _keep_rows
    step_h, step_w = step_of(kind.points.h), step_of(kind.points.w)

    @helper
    def fill_tiles(
        tiles: Any, slab: Any, parted: Any, x: Any, table: Any, head: WinogradHead, axes: Space,
        block: Block, residue: Residue, part: _Part,
    ) -> None:  # fmt: skip
        """Gather and transform what the outputs of a part read, for all channels of a group and images of a block."""
        base, fill = head.x_base + block.group * head.channels * head.x_channel, slab.dtype.type(0)
        images = block.n * head.images, min(head.batch, (block.n + 1) * head.images)
        counts = Space(1, (part.counts.h + step_h - 1) // step_h, (part.counts.w + step_w - 1) // step_w)
        first = Space(
            residue.input_plane + part.plane * head.plane_step,
            residue.input_row + step_h * block.first.h * head.input_row_step,
            residue.input_column + step_w * block.first.w * head.input_column_step,
        )
        rows, columns = axes.d.positions * axes.h.positions, axes.w.positions
        stride = head.input_row_step // axes.h.step
        row = columns if head.phases == 1 else head.phases * head.phase_pitch
        at_once = max(1, GATHERED // slab_channel_size(axes))
        for c in range(0, head.channels, at_once):
            channels = min(at_once, head.channels - c)
            for image in range(images[0], images[1]):
                at = base + image * head.x_batch + c * head.x_channel
                gather_plain(slab, x, Images(at, channels, head.x_channel), table, axes, first, fill)
                seen = _Slab(
                    part_rows(parted, slab, channels * rows, columns, head.phases, head.phase_pitch),
                    rows * row,
                    stride * row,
                    step_h * stride * row,
                )
                to = _Tiles(tiles, c * head.pitch + (image - images[0]) * counts.h * counts.w, head.pitch)
                for p in range(residue.pieces):
                    piece = read_piece(table, residue.pieces_at + PIECE_FIELDS * p)
                    transform(piece, seen, channels, counts, to, table)

    return fill_tiles


def _body(kind: Kind) -> Callable[..., None]:
    """The body for one kind of kernels."""
    fill_tiles, finish = _filler(kind), tiles_out(kind.points)
    step_h, step_w, places = step_of(kind.points.h), step_of(kind.points.w), kind.points.h * kind.points.w
    apply = activate if kind.activated else keep

    def convolve(
        begin: int, end: int, x: Any, weights: Any, bias: Any, y: Any, table: Any, offsets: Any, strange: Any
    ) -> None:
        """y = activation(weights * x + bias) for some tasks; see `WINOGRAD_TABLE` for the table.

        ``strange[task]`` becomes 0 unless an output is infinite or not a number: then outputs beside it may be, too.
        """
        head = read_head(table, 0)
        axes = slab_axes(table, SLAB_AT)
        out = output_axes(table, OUTPUT_AT)
        steps = Space(1, step_h, step_w)
        n = lanes(y)
        size = slab_channel_size(axes)
        at_once = max(1, GATHERED // size)
        # Vectors reach past the last tile of a row. What they find there is dropped, but must not be a denormal, which
        # would be a hundred times slower: so zeros.
        slab = zeros(at_once * size + 2 * n + MOST_TAPS, y.dtype)
        rows = at_once * axes.d.positions * axes.h.positions
        parted = zeros(rows * head.phases * head.phase_pitch + 2 * n + MOST_TAPS, y.dtype)
        tiles = zeros(head.tiles, y.dtype)
        width = VECTORS * n
        sums = zeros((places + 1) * ROWS * width, y.dtype)
        length = step_w * head.pitch
        lines = zeros(ROWS * step_h * length, y.dtype)
        gathered = np.int64(-1)
        for task in range(begin, end):
            block = block_of(task, head.splits, head.groups, out)
            number = block.first.d // head.planes
            residue = read_residue(table, head.residues_at + RESIDUE_FIELDS * number)
            part = _part(block, residue, block.first.d - number * head.planes, head, out, steps)
            if gathered != block.place:  # the parts of a group's row blocks share their tiles
                fill_tiles(tiles, slab, parted, x, table, head, axes, block, residue, part)
                gathered = block.place
            found = 0
            columns = (part.counts.w + step_w - 1) // step_w
            of_image = (part.counts.h + step_h - 1) // step_h * columns
            first_image = block.n * head.images
            images = min(head.images, head.batch - first_image)
            numbers = images * of_image
            last = (block.split + 1) * head.row_blocks // head.splits
            for b in range(block.split * head.row_blocks // head.splits, last):
                packed = (block.group * head.row_blocks + b) * residue.entries * head.channels * ROWS
                operands = _Operands(
                    weights, residue.weights_at + packed, tiles, offsets, table, residue.depths_at, head.channels,
                    head.piece,
                )  # fmt: skip
                channel = block.group * head.out_channels + b * ROWS
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
                for image in range(images):
                    channel_image = (first_image + image) * head.groups * head.out_channels + channel
                    for row in range(in_use):
                        at = row * step_h * length + step_w * image * of_image
                        _write(_Lines(lines, at, length, step_w * columns), part, step_h, head, channel_image + row, y)
            strange[task] = found
        free((slab, parted, tiles, sums, lines))

    return convolve


winograd = {
    kind: kernel(_body(kind), f"winograd_{kind.name}{'_activated' * (kind.activated and not kind.strided)}")
    for kind in KINDS
}
