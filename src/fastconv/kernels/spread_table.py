"""The integer table of a convolution whose tiles have output channels as lanes, and the sizes of these tiles: what a
plan writes and the kernels of `fastconv.kernels.spread` read."""

from __future__ import annotations

from typing import NamedTuple

from fastconv.jit.machine import machine
from fastconv.jit.records import reader
from fastconv.kernels.conv_table import CONV_TABLE, TABLE_SIZE
from fastconv.kernels.pixels import PIXEL_FIELDS, PixelAxis

__all__ = [
    "HALF_ROWS",
    "HALF_VECTORS",
    "MOST_ROWS",
    "NARROW_ROWS",
    "ONE_VECTOR",
    "ROWS",
    "SHARED_ROWS",
    "SPREAD_HEAD_AT",
    "SPREAD_TABLE",
    "STRIP",
    "VECTORS",
    "SpreadHead",
    "read_spread_head",
    "tile_pixels",
    "tiled_rows",
]

# Literals for the compiler. The last pixels of a strip take half a tile, or one of a row more, or two of these where a
# whole one would leave a few: of 6 rows, 16 pixels are 6 + 6 + 4, and 8 are 4 + 4. The last channels of a group take
# fewer vectors.
ROWS = machine().spread_rows
HALF_ROWS = ROWS // 2
SHARED_ROWS = HALF_ROWS + 1
VECTORS = machine().spread_vectors
NARROW_ROWS = machine().narrow_rows
HALF_VECTORS = VECTORS // 2
ONE_VECTOR = 1

#: Most rows of a tile.
MOST_ROWS = max(ROWS, NARROW_ROWS)

#: Tiles of a strip, which are whole vectors: with AVX-512 their sums take 51 KiB. A task that packs weights does it
#: anew for each strip, and 14 x 14 pixels are one: calls of 1024 channels to 256 with plain weights take 0.95 of the
#: time that they take with 16 tiles; packed before, 0.98 to 1 on eleven layers (1 thread, Zen 4).
STRIP = 34


def tile_pixels(left: int) -> int:
    """Pixels of the next tile of `VECTORS`, where so many are left of a strip.

    Examples
    --------
    >>> tile_pixels(5 * ROWS) == ROWS, tile_pixels(ROWS + 1) == SHARED_ROWS, tile_pixels(1)
    (True, True, 1)
    """
    return SHARED_ROWS if ROWS < left <= 2 * SHARED_ROWS else min(ROWS, left)


def tiled_rows(pixels: int) -> int:
    """Rows of the tiles that sum so many pixels, of a strip or of several whole ones.

    Examples
    --------
    >>> tiled_rows(5 * ROWS) == 5 * ROWS, tiled_rows(5 * ROWS + 2) == 4 * ROWS + 2 * SHARED_ROWS
    (True, True)
    """
    rows = max(0, pixels // ROWS - 1) * ROWS  # the last two tiles may not be whole
    left = pixels - rows
    while left > 0:
        in_use = tile_pixels(left)
        rows += next(rows for rows in (HALF_ROWS, SHARED_ROWS, ROWS) if in_use <= rows)
        left -= in_use
    return rows


class SpreadHead(NamedTuple):
    """What is the same for all pixels.

    Attributes
    ----------
    pitch : int
        Of a slab whose channels come last, elements from pixel to pixel; 0 where they come first.
    y_base, y_batch, y_channel : int
        Flat position of the first output, and the steps of batch and channel.
    fetched : bool
        Whether the lines of the result are fetched while sums are taken.
    halves : int
        2 where sums over the first half of the depths count 256 times as much as those over the other, else 1.
    """

    pitch: int
    y_base: int
    y_batch: int
    y_channel: int
    fetched: bool
    halves: int


#: What stands in a table, in this order.
SPREAD_TABLE = (*CONV_TABLE, PixelAxis, PixelAxis, PixelAxis, SpreadHead)

read_spread_head = reader(SpreadHead)
SPREAD_HEAD_AT = TABLE_SIZE + 3 * PIXEL_FIELDS
