"""Windows laid out as columns, and columns added up where their windows lay: `unfold` and `fold`.

Columns are [image, channel, tap, window]. For one tap the windows of a row read elements that are a stride apart, so a
tap's part of the columns is made of blocks of rows of the input, between zeros; and every output of a fold gathers what
falls on it from such blocks, without conflicts and in the order of the taps.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from fastconv.jit.copy import copy_block, copy_every_other
from fastconv.jit.decorators import helper
from fastconv.jit.kernel import kernel
from fastconv.jit.records import reader
from fastconv.jit.vector import unsigned

__all__ = ["COLUMNS_TABLE", "ColumnsAxis", "ColumnsHead", "fold_rows", "unfold_taps"]


class ColumnsHead(NamedTuple):
    """The head of the integer table.

    Attributes
    ----------
    channels : int
        Number of channels of an image.
    x_base, x_batch, x_channel : int
        Flat position of the first element of what is read, and the steps of batch and of channels; those of columns are
        from the first tap of a channel to the first of the next.
    x_tap : int
        For columns that are read: the step from tap to tap.
    block, blocks : int
        For images that are written: rows of a task, and tasks of a plane.
    """

    channels: int
    x_base: int
    x_batch: int
    x_channel: int
    x_tap: int
    block: int
    blocks: int


class ColumnsAxis(NamedTuple):
    """One axis.

    Attributes
    ----------
    size, step : int
        Elements of the image, and the step from one to the next in its memory.
    windows, taps : int
        Number of windows, and of taps of each.
    stride, dilation, before : int
        Window w and tap k meet at element ``w * stride + k * dilation - before``.
    """

    size: int
    step: int
    windows: int
    taps: int
    stride: int
    dilation: int
    before: int


COLUMNS_TABLE = (ColumnsHead, ColumnsAxis, ColumnsAxis, ColumnsAxis)
_read_head, _read_axis = reader(ColumnsHead), reader(ColumnsAxis)
_AXES_AT, _AXIS = len(ColumnsHead._fields), len(ColumnsAxis._fields)


@helper
def _meeting(axis: ColumnsAxis, tap: int, low: int, high: int) -> tuple[int, int, int]:
    """The windows whose tap meets the elements from `low` on and before `high`: first, end, and the first's element."""
    shift = tap * axis.dilation - axis.before
    first, last = max(0, low - shift), max(0, high - shift)
    if axis.stride > 1:  # a division of what may be negative takes three times as long
        first, last = (first + axis.stride - 1) // axis.stride, (last + axis.stride - 1) // axis.stride
    return first, max(first, min(last, axis.windows)), first * axis.stride + shift


@kernel
def unfold_taps(begin: int, end: int, x: Any, y: Any, table: Any) -> None:
    """y = the columns of x; a task is one tap of one channel of one image."""
    head = _read_head(table, 0)
    d, h, w = (
        _read_axis(table, _AXES_AT),
        _read_axis(table, _AXES_AT + _AXIS),
        _read_axis(table, _AXES_AT + 2 * _AXIS),
    )
    plane = h.windows * w.windows
    channel = begin // (d.taps * h.taps * w.taps)
    k_d = begin // (h.taps * w.taps) - channel * d.taps
    k_h = begin // w.taps - (channel * d.taps + k_d) * h.taps
    k_w = begin - ((channel * d.taps + k_d) * h.taps + k_h) * w.taps - 1
    for task in range(begin, end):
        k_w += 1  # the tap behind the last one, without divisions: those of small images would take half of the time
        if k_w == w.taps:
            k_w, k_h = 0, k_h + 1
        if k_h == h.taps:
            k_h, k_d = 0, k_d + 1
        if k_d == d.taps:
            k_d, channel = 0, channel + 1
        image = channel // head.channels
        at = head.x_base + image * head.x_batch + (channel - image * head.channels) * head.x_channel
        first_d, last_d, at_d = _meeting(d, k_d, 0, d.size)
        first_h, last_h, at_h = _meeting(h, k_h, 0, h.size)
        first_w, last_w, at_w = _meeting(w, k_w, 0, w.size)
        at += at_d * d.step + at_h * h.step + at_w * w.step
        to, count, rows = task * d.windows * plane, last_w - first_w, last_h - first_h
        if count == 0 or rows == 0:
            last_d = first_d
        for i in range(unsigned(to), unsigned(to + first_d * plane)):
            y[i] = 0
        for i in range(unsigned(to + last_d * plane), unsigned(to + d.windows * plane)):
            y[i] = 0
        for window in range(first_d, last_d):
            source, target = at + (window - first_d) * d.stride * d.step, to + window * plane
            begin_rows, end_rows = target + first_h * w.windows, target + last_h * w.windows
            if w.stride == 1:
                step, pitch, length, lines = h.stride * h.step, w.windows, count, rows
                if step == pitch:  # one run for all rows; what is between them is zeroed afterwards
                    length, lines = (rows - 1) * pitch + count, 1
                copy_block(y, begin_rows + first_w, pitch, x, source, step, length, lines)
            elif w.stride == 2:
                copy_every_other(y, begin_rows + first_w, w.windows, x, source, h.stride * h.step, count, rows)
            else:
                for row in range(rows):
                    place = unsigned(begin_rows + row * w.windows + first_w)
                    number = unsigned(source + row * h.stride * h.step)
                    for i in range(unsigned(count)):
                        y[place + i] = x[number + i * unsigned(w.stride)]
            for i in range(unsigned(target), unsigned(begin_rows)):
                y[i] = 0
            for i in range(unsigned(end_rows), unsigned(target + plane)):
                y[i] = 0
            for column in range(first_w):
                for row in range(rows):
                    y[begin_rows + row * w.windows + column] = 0
            for column in range(last_w, w.windows):
                for row in range(rows):
                    y[begin_rows + row * w.windows + column] = 0


@kernel
def fold_rows(begin: int, end: int, x: Any, y: Any, table: Any) -> None:
    """y = for each element the sum of all that falls on it from columns x; a task is some rows of one plane."""
    head = _read_head(table, 0)
    d, h, w = (
        _read_axis(table, _AXES_AT),
        _read_axis(table, _AXES_AT + _AXIS),
        _read_axis(table, _AXES_AT + 2 * _AXIS),
    )
    for task in range(begin, end):
        plane = task // head.blocks
        low = (task - plane * head.blocks) * head.block
        high = min(low + head.block, h.size)
        channel = plane // d.size
        depth = plane - channel * d.size
        image = channel // head.channels
        at = head.x_base + image * head.x_batch + (channel - image * head.channels) * head.x_channel
        to = plane * h.size * w.size
        for i in range(unsigned(to + low * w.size), unsigned(to + high * w.size)):
            y[i] = 0
        for k_d in range(d.taps):
            first_d, last_d, _ = _meeting(d, k_d, depth, depth + 1)
            for k_h in range(h.taps if first_d < last_d else 0):
                first_h, last_h, to_h = _meeting(h, k_h, low, high)
                for k_w in range(w.taps if first_h < last_h else 0):
                    first_w, last_w, to_w = _meeting(w, k_w, 0, w.size)
                    source = at + ((k_d * h.taps + k_h) * w.taps + k_w) * head.x_tap
                    source += (first_d * h.windows + first_h) * w.windows + first_w
                    target = to + to_h * w.size + to_w
                    for row in range(last_h - first_h):
                        place = unsigned(target + row * h.stride * w.size)
                        number = unsigned(source + row * w.windows)
                        if w.stride == 1:
                            for i in range(unsigned(last_w - first_w)):
                                y[place + i] += x[number + i]
                        else:
                            for i in range(unsigned(last_w - first_w)):
                                y[place + i * unsigned(w.stride)] += x[number + i]
