"""Pooling of channels-last arrays: channels are the lanes, from input to result, and windows have any lengths.

A window is reduced at once, in registers, however many taps it has along each axis.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from fastconv.jit.decorators import helper, inlined
from fastconv.jit.kernel import kernel
from fastconv.jit.lane_tile import MAXIMUM, MEAN, PLACES, LaneWindow, lane_tile
from fastconv.jit.records import reader
from fastconv.jit.tile import lanes

__all__ = [
    "LANE_POOL_TABLE",
    "LANE_VECTORS",
    "LaneAxis",
    "LanePoolHead",
    "lane_maxima",
    "lane_means",
    "lane_places",
]

#: Vectors of channels that are reduced at once: as many as hide how long one combination waits for the other.
LANE_VECTORS = 4
_MORE_VECTORS, _FEW_VECTORS, _ONE_VECTOR = 3, 2, 1


class LanePoolHead(NamedTuple):
    """The head of the integer table.

    Attributes
    ----------
    channels : int
        Their number.
    x_base, x_batch, y_base, y_batch : int
        Flat positions of the first elements, and the steps of the batch.
    block, blocks : int
        Outputs of a piece of a row, and pieces of a row.
    part, parts : int
        Channels of a part, and parts of all channels.
    divisor : int
        Of each sum; 0 if sums are divided by the size of their window.
    """

    channels: int
    x_base: int
    x_batch: int
    y_base: int
    y_batch: int
    block: int
    blocks: int
    part: int
    parts: int
    divisor: int


class LaneAxis(NamedTuple):
    """One axis.

    Attributes
    ----------
    x_step, y_step, dilation : int
        Of input and result, from element to element, and of the input from tap to tap.
    size, outputs, windows_at : int
        Input elements, windows, and where their list begins in the table: of each its first element, its taps, and how
        many elements it counts.
    """

    x_step: int
    y_step: int
    dilation: int
    size: int
    outputs: int
    windows_at: int


LANE_POOL_TABLE = (LanePoolHead, LaneAxis, LaneAxis, LaneAxis)
_read_head, _read_axis = reader(LanePoolHead), reader(LaneAxis)
_AXES_AT, _AXIS = len(LanePoolHead._fields), len(LaneAxis._fields)


class _Span(NamedTuple):
    """A window along an axis: its first element, its taps, and how many elements it counts."""

    first: int
    taps: int
    counted: int


@helper
def _span(table: Any, axis: LaneAxis, output: int) -> _Span:
    at = axis.windows_at + 3 * output
    return _Span(table[at], table[at + 1], table[at + 2])


def _reducer(op: int) -> Any:
    """A function for kernels that reduces all windows of some tasks."""
    many, more, few = (lane_tile(op, v, whole=True) for v in (LANE_VECTORS, _MORE_VECTORS, _FEW_VECTORS))
    one = lane_tile(op, _ONE_VECTOR, whole=False)

    @inlined
    def reduce(begin: int, end: int, x: Any, y: Any, places: Any, settings: Any, table: Any) -> None:
        """Tasks are parts of the channels of pieces of rows of outputs [image, d, h, piece, part]."""
        head, n = _read_head(table, 0), lanes(settings)
        d, h = _read_axis(table, _AXES_AT), _read_axis(table, _AXES_AT + _AXIS)
        w = _read_axis(table, _AXES_AT + 2 * _AXIS)
        for task in range(begin, end):
            piece = task // head.parts
            line = piece // head.blocks
            plane = line // h.outputs
            image = plane // d.outputs
            o_d, o_h = plane - image * d.outputs, line - plane * h.outputs
            of_d, of_h = _span(table, d, o_d), _span(table, h, o_h)
            at_line = head.x_base + image * head.x_batch + of_d.first * d.x_step + of_h.first * h.x_step
            to_line = head.y_base + image * head.y_batch + o_d * d.y_step + o_h * h.y_step
            place_line = (of_d.first * h.size + of_h.first) * w.size
            first_channel = (task - piece * head.parts) * head.part
            end_channel = min(first_channel + head.part, head.channels)
            first = (piece - line * head.blocks) * head.block
            for column in range(first, min(first + head.block, w.outputs)):
                of_w = _span(table, w, column)
                divisor = settings.dtype.type(
                    head.divisor if head.divisor else of_d.counted * of_h.counted * of_w.counted
                )
                at, to = at_line + of_w.first * w.x_step, to_line + column * w.y_step
                c = first_channel
                while c < end_channel:
                    window = LaneWindow(
                        at + c, of_d.taps, of_h.taps, of_w.taps, d.dilation * d.x_step, h.dilation * h.x_step,
                        w.dilation * w.x_step, place_line + of_w.first, d.dilation * h.size * w.size,
                        h.dilation * w.size, w.dilation, to + c, end_channel - c,
                    )  # fmt: skip
                    if window.left >= LANE_VECTORS * n:
                        many(window, divisor, x, settings, y, places)
                        c += LANE_VECTORS * n
                    elif window.left >= _MORE_VECTORS * n:
                        more(window, divisor, x, settings, y, places)
                        c += _MORE_VECTORS * n
                    elif window.left >= _FEW_VECTORS * n:
                        few(window, divisor, x, settings, y, places)
                        c += _FEW_VECTORS * n
                    else:
                        one(window, divisor, x, settings, y, places)
                        c += n

    return reduce


def _values(op: int) -> Any:
    """The body around one way to reduce."""
    reduce = _reducer(op)

    def pool(begin: int, end: int, x: Any, y: Any, settings: Any, table: Any) -> None:
        """Windows are reduced from ``settings[0]`` on, in its type."""
        reduce(begin, end, x, y, y, settings, table)

    return pool


_reduce_places = _reducer(PLACES)


def _places(begin: int, end: int, x: Any, y: Any, indices: Any, settings: Any, table: Any) -> None:
    """As maxima, with the flat position of each in the spatial axes of the input; both results lie alike."""
    _reduce_places(begin, end, x, y, indices, settings, table)


lane_maxima = kernel(_values(MAXIMUM), "lane_maxima")
lane_means = kernel(_values(MEAN), "lane_means")
lane_places = kernel(_places, "lane_places")
