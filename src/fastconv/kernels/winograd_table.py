"""The integer table of a convolution by Winograd's minimal filtering: what a plan writes and the kernels read.

Outputs are cut into *residues*: those congruent modulo the dilation, or modulo the stride of a transposed convolution.
Each residue is a convolution of its own, of stride 1 in the input that the slab holds. Its kernel is cut into *pieces*
of up to three taps an axis, for each tap along d, and for each phase of a strided convolution.
"""

from __future__ import annotations

from typing import NamedTuple

from fastconv.jit.records import reader
from fastconv.kernels.conv_table import OutputAxis
from fastconv.kernels.slab import SlabAxis

__all__ = [
    "OUTPUT_AT",
    "PIECE_FIELDS",
    "RESIDUE_FIELDS",
    "SLAB_AT",
    "WINOGRAD_TABLE",
    "Piece",
    "Residue",
    "WinogradHead",
    "read_head",
    "read_piece",
    "read_residue",
]


class WinogradHead(NamedTuple):
    """The head of the integer table.

    Attributes
    ----------
    groups, channels, out_channels : int
        Groups, and the channels of one group going in and out.
    batch, images : int
        Images, and those that share a block.
    row_blocks, splits : int
        Row blocks of a group, and parts in which they are shared out to tasks.
    x_base, x_batch, x_channel : int
        Flat position of the first input element, and the steps of batch and channel.
    planes, rows, columns : int
        Of an output image.
    plane_step : int
        Input positions from one output plane to the next.
    row_step, column_step : int
        Outputs from one of a residue to the next.
    input_row_step, input_column_step : int
        Input positions from one output of a residue to the next.
    phases, phase_pitch : int
        Phases in which a row of the slab is parted, for a convolution of so large a stride, and elements of each.
    pitch : int
        Tiles of a block, rounded up to whole vectors.
    tiles, piece : int
        Elements of the transformed tiles of a block, and of those of a piece at a place.
    entries : int
        Places of all pieces of the residue that has most of them.
    residues_at : int
        Where the `Residue` records begin.
    activation : int
        Number of the activation function.
    """

    groups: int
    channels: int
    out_channels: int
    batch: int
    images: int
    row_blocks: int
    splits: int
    x_base: int
    x_batch: int
    x_channel: int
    planes: int
    rows: int
    columns: int
    plane_step: int
    row_step: int
    column_step: int
    input_row_step: int
    input_column_step: int
    phases: int
    phase_pitch: int
    pitch: int
    tiles: int
    piece: int
    entries: int
    residues_at: int
    activation: int


class Residue(NamedTuple):
    """One of the convolutions that the outputs are cut into.

    Attributes
    ----------
    row, column : int
        Its first output.
    input_plane, input_row, input_column : int
        Input position of the first element of the slab of its first output.
    pieces_at, pieces : int
        Where its `Piece` records begin, and their number.
    depths_at : int
        Where the list of its places begins: for each, the number of the pieces that have it.
    entries : int
        Their sum: places of all pieces.
    weights_at : int
        Where its transformed weights begin.
    """

    row: int
    column: int
    input_plane: int
    input_row: int
    input_column: int
    pieces_at: int
    pieces: int
    depths_at: int
    entries: int
    weights_at: int


class Piece(NamedTuple):
    """Some taps of a kernel.

    Attributes
    ----------
    taps_h, taps_w : int
        Their numbers.
    at : int
        Element of the slab's channel where the first tile of the block begins.
    starts_at : int
        Where the list begins of the elements of the transformed tiles where its places begin.
    entries_at : int
        Where the list begins of the numbers of its places, counted through all places of a residue.
    slots_at : int
        Where the list of the slots of its weights begins: see `fastconv.kernels.winograd_weights`.
    """

    taps_h: int
    taps_w: int
    at: int
    starts_at: int
    entries_at: int
    slots_at: int


#: What stands in a table, in this order. The output's axis d counts residues and planes, the others tiles of the first
#: residue, which has most.
WINOGRAD_TABLE = (WinogradHead, SlabAxis, SlabAxis, SlabAxis, OutputAxis, OutputAxis, OutputAxis)

SLAB_AT = len(WinogradHead._fields)
OUTPUT_AT = SLAB_AT + 3 * len(SlabAxis._fields)
RESIDUE_FIELDS = len(Residue._fields)
PIECE_FIELDS = len(Piece._fields)

read_head = reader(WinogradHead)
read_residue = reader(Residue)
read_piece = reader(Piece)
