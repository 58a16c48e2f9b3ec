"""The integer table of a convolution from panels: what a plan writes and the kernels read.

A panel is made of *pieces*, runs of pixels that are copied together: see `fastconv.kernels.panel`.
"""

from __future__ import annotations

from typing import NamedTuple

from fastconv.jit.machine import machine
from fastconv.jit.records import reader
from fastconv.kernels.conv_table import CONV_TABLE, TABLE_SIZE
from fastconv.kernels.pixels import PIXEL_FIELDS, PixelAxis

__all__ = [
    "HALF_ROWS",
    "HALF_VECTORS",
    "PANEL_HEAD_AT",
    "PANEL_TABLE",
    "PIECES_FIELDS",
    "PIECE_FIELDS",
    "ROWS",
    "VECTORS",
    "PanelHead",
    "Piece",
    "Pieces",
    "read_panel_head",
    "read_piece",
    "read_pieces",
]

# Literals for the compiler. The last pixels of a row take half a tile, the last channels of a group half the vectors.
ROWS = machine().panel_rows
HALF_ROWS = ROWS // 2
VECTORS = machine().panel_vectors
HALF_VECTORS = VECTORS // 2


class PanelHead(NamedTuple):
    """What is the same for all pixels.

    Attributes
    ----------
    y_base, y_batch, y_channel : int
        Flat position of the first output, and the steps of batch and channel.
    channels, taps : int
        Input channels whose depths make a run, and taps of the phase that has most.
    size : int
        Elements of a panel for one channel.
    rows : int
        Rows of outputs in a block that are tiled each on its own; 1 where tiles go on from one to the next.
    slots : int
        Pixels for which such a row has room: whole tiles, the last one perhaps a half.
    reach : int
        Elements of a piece beyond those from one pixel of a tile to its last; -1 where each tap has its own.
    phases_at : int
        Where the `Pieces` of the phases begin in the table.
    shared : bool
        Whether all phases sum the same numbers, in a single run: each has its own weights for them.
    fetched : bool
        Whether the lines of the result are fetched while sums are taken.
    """

    y_base: int
    y_batch: int
    y_channel: int
    channels: int
    taps: int
    size: int
    rows: int
    slots: int
    reach: int
    phases_at: int
    shared: bool
    fetched: bool


class Pieces(NamedTuple):
    """Where the pieces of a phase begin in the table, and how many there are."""

    at: int
    number: int


class Piece(NamedTuple):
    """The input position at which a piece begins, from the first pixel's number times the stride, and its place."""

    d: int
    h: int
    w: int
    at: int


#: What stands in a table, in this order.
PANEL_TABLE = (*CONV_TABLE, PixelAxis, PixelAxis, PixelAxis, PanelHead)

PANEL_HEAD_AT = TABLE_SIZE + 3 * PIXEL_FIELDS
PIECES_FIELDS, PIECE_FIELDS = len(Pieces._fields), len(Piece._fields)

read_panel_head, read_pieces, read_piece = reader(PanelHead), reader(Pieces), reader(Piece)
