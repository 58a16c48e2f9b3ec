"""Copying the pieces of panels from the input where it stands, borders of any padding mode included."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from fastconv.jit.copy import copy_block, copy_every_other
from fastconv.jit.decorators import helper, inlined
from fastconv.kernels.panel_table import PIECE_FIELDS, ROWS, PanelHead, Pieces, read_piece
from fastconv.kernels.slab import Images, SlabAxis, Space, source_of

__all__ = ["copy_panels"]


class _Row(NamedTuple):
    """A piece to copy, or the part of it that comes from one row of the input.

    Attributes
    ----------
    to, pitch : int
        Where its first number for the first channel goes, and the step from channel to channel.
    at, position : int
        Where the first channel's row of the input begins, and the position of the first number in it.
    number, step : int
        How many numbers, and positions from one to the next.
    """

    to: int
    pitch: int
    at: int
    position: int
    number: int
    step: int


@helper
def _inside(axis: SlabAxis, row: _Row) -> tuple[int, int]:
    """The first of a row's numbers that is inside the input, and the first behind it that is not."""
    begin = min(row.number, max(0, (row.step - 1 - row.position) // row.step))
    return begin, max(begin, min(row.number, (axis.size - 1 - row.position) // row.step + 1))


@inlined
def _copy_row(panels: Any, x: Any, images: Images, table: Any, axis: SlabAxis, row: _Row, fill: Any) -> None:
    """A row's numbers for all channels: in vectors inside the input, one by one in its border."""
    begin, end = _inside(axis, row)
    apart = row.step * axis.stride
    at = row.at + row.position * axis.stride + begin * apart
    if apart == 1:
        copy_block(panels, row.to + begin, row.pitch, x, at, images.step, end - begin, images.channels)
    elif apart == 2:
        copy_every_other(panels, row.to + begin, row.pitch, x, at, images.step, end - begin, images.channels)
    else:
        for c in range(images.channels):
            for p in range(end - begin):
                panels[row.to + begin + c * row.pitch + p] = x[at + c * images.step + p * apart]
    for p in range(row.number):
        if p < begin or p >= end:
            source = source_of(table, axis, row.position + p * row.step)
            for c in range(images.channels):
                value = x[row.at + source * axis.stride + c * images.step] if source >= 0 else fill
                panels[row.to + c * row.pitch + p] = value


@inlined
def _copy_pieces(
    panels: Any, place: int, x: Any, images: Images, table: Any, axes: Space, stride: int, first: Space, count: int,
    more: PanelHead, pieces: Pieces, fill: Any,
) -> None:  # fmt: skip
    """All pieces of some channels for `count` neighbouring pixels, whose first is at input position `first`."""
    long = (count - 1) * stride + 1 + more.reach if more.reach >= 0 else count
    step = 1 if more.reach >= 0 else stride
    for i in range(pieces.number):
        piece = read_piece(table, pieces.at + PIECE_FIELDS * i)
        source_d = source_of(table, axes.d, first.d + piece.d)
        source_h = source_of(table, axes.h, first.h + piece.h)
        to = place + piece.at
        if source_d >= 0 and source_h >= 0:
            at = images.base + source_d * axes.d.stride + source_h * axes.h.stride
            _copy_row(panels, x, images, table, axes.w, _Row(to, more.size, at, first.w + piece.w, long, step), fill)
        else:
            for c in range(images.channels):
                for p in range(long):
                    panels[to + c * more.size + p] = fill


@helper
def copy_panels(
    panels: Any, x: Any, images: Images, table: Any, axes: Space, pixel: Space, first: Space, counts: Space,
    more: PanelHead, pieces: Pieces, fill: Any,
) -> None:  # fmt: skip
    """The panels of a block's pixels, whose first is the output `first` of its phase: [tile, channel, piece]."""
    size = images.channels * more.size
    number = np.int64(0)
    for d in range(counts.d):
        for h in range(counts.h):
            w = np.int64(0)
            if more.rows > 1:
                number = (number + ROWS - 1) // ROWS * ROWS
            while w < counts.w:
                count = min(ROWS - number % ROWS, counts.w - w)
                to = number // ROWS * size + number % ROWS
                at = Space(
                    (first.d + d) * pixel.d.stride, (first.h + h) * pixel.h.stride, (first.w + w) * pixel.w.stride
                )
                _copy_pieces(panels, to, x, images, table, axes, pixel.w.stride, at, count, more, pieces, fill)
                w += count
                number += count
