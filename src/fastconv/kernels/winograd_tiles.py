"""Tiles of the input, transformed for `fastconv.kernels.winograd` and `fastconv.kernels.winograd_spread`."""

from __future__ import annotations

from typing import Any, NamedTuple

from fastconv.jit.decorators import helper, inlined
from fastconv.jit.scratch import either, zeros
from fastconv.jit.tile import lanes
from fastconv.jit.winograd import MOST_TAPS, Plane, split_columns, step_of, tiles_in
from fastconv.kernels.conv_table import Block, block_of
from fastconv.kernels.halo import gather_plain
from fastconv.kernels.slab import Images, Space, slab_channel_size
from fastconv.kernels.winograd_kinds import Kind
from fastconv.kernels.winograd_table import (
    PIECE_FIELDS,
    RESIDUE_FIELDS,
    Piece,
    Residue,
    WinogradHead,
    read_piece,
    read_residue,
)

__all__ = ["DEPTHS", "Gathered", "Operands", "Part", "Work", "filler", "gathered", "operands_of", "work_of"]

#: Most products that are added one after the other. Longer sums are put together from several: of 4608 products, whose
#: error in float32 is then below 0.8e-6 of the largest result (1.5e-6 with 768), as that of plain sums.
DEPTHS = 256

#: Inputs that are gathered at a time, some channels of a block: with AVX-512 they take 16 KiB of float32, and half of
#: the first-level cache is left for what becomes of them.
GATHERED = 4096


class Gathered(NamedTuple):
    """What is gathered: a slab, its rows parted where there are phases, and transformed tiles."""

    slab: Any
    parted: Any
    tiles: Any


@helper
def gathered(head: WinogradHead, axes: Space, y: Any) -> Gathered:
    """Room for what is gathered at a time, in vectors of the type of `y`."""
    size, n = slab_channel_size(axes), lanes(y)
    at_once = max(1, GATHERED // size)
    rows = at_once * axes.d.positions * axes.h.positions
    # Vectors reach past the last tile of a row. What they find there is dropped, but must not be a denormal, which
    # would be a hundred times slower: so zeros.
    return Gathered(
        zeros(at_once * size + 2 * n + MOST_TAPS, y.dtype),
        zeros(rows * head.phases * head.phase_pitch + 2 * n + MOST_TAPS, y.dtype),
        zeros(head.tiles, y.dtype),
    )


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


class Part(NamedTuple):
    """The outputs of a block: of one plane, those of a residue from the first one on, `counts` of them."""

    plane: int
    first: Space
    counts: Space


@helper
def _part_of(block: Block, residue: Residue, plane: int, head: WinogradHead, out: Space, steps: Space) -> Part:
    """The block's outputs, whose tiles have `steps` outputs along the axes."""
    rows = (head.rows - residue.row + head.row_step - 1) // head.row_step - steps.h * block.first.h
    columns = (head.columns - residue.column + head.column_step - 1) // head.column_step - steps.w * block.first.w
    first_row = residue.row + steps.h * block.first.h * head.row_step
    first_column = residue.column + steps.w * block.first.w * head.column_step
    return Part(
        plane,
        Space(plane, first_row, first_column),
        Space(1, max(0, min(rows, steps.h * out.h.block)), max(0, min(columns, steps.w * out.w.block))),
    )


class Work(NamedTuple):
    """What a task computes.

    Attributes
    ----------
    block : Block
        Of tiles.
    residue : Residue
        The residue that its outputs belong to.
    part : Part
        Its outputs.
    counts : Space
        Tiles of an image along each axis.
    first_image, images : int
        The first image, and how many there are.
    row_block, last_row_block : int
        The first row block of output channels, and the first behind them.
    """

    block: Block
    residue: Residue
    part: Part
    counts: Space
    first_image: int
    images: int
    row_block: int
    last_row_block: int


@inlined
def work_of(task: int, table: Any, head: WinogradHead, out: Space, steps: Space) -> Work:
    """What a task computes, whose tiles have `steps` outputs along the axes.

    Inlined: as a function it made calls of many small tasks 4 % longer.
    """
    block = block_of(task, head.splits, head.groups, out)
    number = block.first.d // head.planes
    residue = read_residue(table, head.residues_at + RESIDUE_FIELDS * number)
    part = _part_of(block, residue, block.first.d - number * head.planes, head, out, steps)
    counts = Space(1, (part.counts.h + steps.h - 1) // steps.h, (part.counts.w + steps.w - 1) // steps.w)
    first_image = block.n * head.images
    return Work(
        block, residue, part, counts, first_image, min(head.images, head.batch - first_image),
        block.split * head.row_blocks // head.splits, (block.split + 1) * head.row_blocks // head.splits,
    )  # fmt: skip


def filler(kind: Kind) -> Any:
    """The helper that gathers and transforms what a block reads."""
    transform, part_rows = _transformer(kind), _part_rows if kind.strided else _keep_rows
    step_h, step_w = step_of(kind.points.h), step_of(kind.points.w)

    @helper
    def fill_tiles(
        room: Gathered, x: Any, table: Any, head: WinogradHead, axes: Space, work: Work
    ) -> None:  # fmt: skip
        """Gather and transform what the outputs of a task read, for all channels of a group and images of a block."""
        block, residue, part, counts = work.block, work.residue, work.part, work.counts
        base, fill = head.x_base + block.group * head.channels * head.x_channel, room.slab.dtype.type(0)
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
            for image in range(work.images):
                at = base + (work.first_image + image) * head.x_batch + c * head.x_channel
                gather_plain(room.slab, x, Images(at, channels, head.x_channel), table, axes, first, fill)
                seen = _Slab(
                    part_rows(room.parted, room.slab, channels * rows, columns, head.phases, head.phase_pitch),
                    rows * row,
                    stride * row,
                    step_h * stride * row,
                )
                to = _Tiles(room.tiles, c * head.pitch + image * counts.h * counts.w, head.pitch)
                for p in range(residue.pieces):
                    piece = read_piece(table, residue.pieces_at + PIECE_FIELDS * p)
                    transform(piece, seen, channels, counts, to, table)

    return fill_tiles


class Operands(NamedTuple):
    """What a row block multiplies: transformed weights and tiles, of which a piece has `piece` at a place."""

    weights: Any
    at: int
    tiles: Any
    offsets: Any
    table: Any
    depths_at: int
    channels: int
    piece: int


@inlined
def operands_of(
    weights: Any, own: Any, room: Gathered, offsets: Any, table: Any, head: WinogradHead, work: Work, row_block: int,
    rows: int,
) -> Operands:  # fmt: skip
    """What a row block of so many output channels multiplies: its `own` weights, if there are any."""
    residue, packed = work.residue, 0
    if own.size == 0:
        block = work.block.group * head.row_blocks + row_block
        packed = residue.weights_at + block * residue.entries * head.channels * rows
    return Operands(
        either(own.size > 0, own, weights), packed, room.tiles, offsets, table, residue.depths_at, head.channels,
        head.piece,
    )  # fmt: skip
