"""The integer table of a pooling of windows of any lengths: what a plan writes and the kernels read.

See `fastconv.kernels.window_pool`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from fastconv.jit.decorators import helper
from fastconv.jit.records import reader
from fastconv.kernels.slab import Space

__all__ = [
    "WINDOW_TABLE",
    "WindowAxis",
    "WindowHead",
    "WindowPiece",
    "read_window_axes",
    "read_window_head",
    "read_window_piece",
]


class WindowHead(NamedTuple):
    """The head of a pooling's integer table.

    Attributes
    ----------
    channels : int
        Channels of an image of the batch.
    x_base, x_batch, x_channel : int
        Flat position of the first input element, and the steps of batch and channel.
    spans_image : int
        Step from the lists of one image and channel to those of the next, 0 where all share them.
    pieces, pieces_at, longest : int
        Pieces of a row of outputs, where they stand in the table, and the input positions of the longest.
    lanes : int
        Whether the elements of a row are channels, of which each is an output.
    """

    channels: int
    x_base: int
    x_batch: int
    x_channel: int
    spans_image: int
    pieces: int
    pieces_at: int
    longest: int
    lanes: int


class WindowAxis(NamedTuple):
    """One axis of a pooling.

    Attributes
    ----------
    step : int
        Step between its elements in the flat input.
    size : int
        Number of its elements.
    outputs, dilation : int
        Number of windows, and the step from one tap to the next.
    spans_at : int
        Where its list begins: (first position, number of taps) of each window.
    """

    step: int
    size: int
    outputs: int
    dilation: int
    spans_at: int


class WindowPiece(NamedTuple):
    """Outputs `first` to `end` of a row, whose windows stand among `size` input positions from `start` on."""

    first: int
    end: int
    start: int
    size: int


#: What stands in a table, in this order, before the pieces.
WINDOW_TABLE = (WindowHead, WindowAxis, WindowAxis, WindowAxis)

_AXIS_AT = len(WindowHead._fields)
_AXIS_FIELDS, _PIECE_FIELDS = len(WindowAxis._fields), len(WindowPiece._fields)

read_window_head, _read_axis, _read_piece = reader(WindowHead), reader(WindowAxis), reader(WindowPiece)


@helper
def read_window_axes(table: Any) -> Space:
    """The three axes."""
    return Space(
        _read_axis(table, _AXIS_AT),
        _read_axis(table, _AXIS_AT + _AXIS_FIELDS),
        _read_axis(table, _AXIS_AT + 2 * _AXIS_FIELDS),
    )


@helper
def read_window_piece(table: Any, head: WindowHead, number: int) -> WindowPiece:
    """A piece of a row of outputs."""
    return _read_piece(table, head.pieces_at + _PIECE_FIELDS * number)
