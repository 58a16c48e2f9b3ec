"""The integer table of a convolution that sums tap by tap what is inside the input: what a plan writes and the kernels
of `fastconv.kernels.inside` read."""

from __future__ import annotations

from typing import NamedTuple

from fastconv.jit.records import reader
from fastconv.kernels.conv_table import CONV_TABLE, TABLE_SIZE
from fastconv.kernels.pixels import PIXEL_FIELDS, PixelAxis

__all__ = ["INSIDE_HEAD_AT", "INSIDE_TABLE", "SHIFT_FIELDS", "InsideHead", "Shift", "read_inside_head", "read_shift"]


class InsideHead(NamedTuple):
    """What is the same for all pixels.

    Attributes
    ----------
    y_base, y_batch, y_channel : int
        Flat position of the first output, and the steps of batch and channel.
    shifts_at : int
        Where the `Shift` of each phase begins in the table: each tap has a phase of its own.
    run : int
        Channels of which all taps are added before those of the next ones.
    """

    y_base: int
    y_batch: int
    y_channel: int
    shifts_at: int
    run: int


class Shift(NamedTuple):
    """The input position that a tap reads for the first output."""

    d: int
    h: int
    w: int


#: What stands in a table, in this order.
INSIDE_TABLE = (*CONV_TABLE, PixelAxis, PixelAxis, PixelAxis, InsideHead)

INSIDE_HEAD_AT = TABLE_SIZE + 3 * PIXEL_FIELDS
SHIFT_FIELDS = len(Shift._fields)

read_inside_head, read_shift = reader(InsideHead), reader(Shift)
