"""Convolution straight from the definition, for small ones: no slab, no packed weights, no scratch.

Every tap adds a scaled piece of the input to a piece of the output, and a plan has written down which: along an axis,
tap k reaches so many outputs, every `step`-th from the first one on, and reads the input from the matching place on.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from fastconv.jit.decorators import helper
from fastconv.jit.kernel import kernel
from fastconv.jit.records import reader
from fastconv.jit.vector import unsigned

__all__ = ["DIRECT_TABLE", "DirectAxis", "DirectHead", "DirectTap", "conv_direct"]


class DirectHead(NamedTuple):
    """The head of the integer table.

    Attributes
    ----------
    channels, out_channels : int
        Of one group, going in and out.
    groups : int
        Number of groups.
    outputs : int
        Spatial outputs of one channel.
    x_base, x_batch, x_channel : int
        Flat position of the first input element, and the steps of batch and channel.
    weight_base, weight_group, weight_row, weight_channel : int
        The same of the weights, for groups, output channels and input channels.
    """

    channels: int
    out_channels: int
    groups: int
    outputs: int
    x_base: int
    x_batch: int
    x_channel: int
    weight_base: int
    weight_group: int
    weight_row: int
    weight_channel: int


class DirectAxis(NamedTuple):
    """One axis: `kernel` taps, whose records begin at `taps_at`; from one output of a tap to the next, the steps of
    output and input; and the step of the weights from tap to tap."""

    kernel: int
    taps_at: int
    y_step: int
    x_step: int
    weight_step: int


class DirectTap(NamedTuple):
    """What a tap does along an axis.

    Attributes
    ----------
    outputs : int
        How many outputs find an input element under it.
    y_at, x_at : int
        Flat positions of the first of those outputs and of what it reads.
    all_outputs, all_at : int
        How many outputs it belongs to, those that find a zero of the padding under it included, and the first of them.
    skipped : int
        How many of them come before the first that finds an element.
    """

    outputs: int
    y_at: int
    x_at: int
    all_outputs: int
    all_at: int
    skipped: int


#: What stands in a table, in this order, before the taps.
DIRECT_TABLE = (DirectHead, DirectAxis, DirectAxis, DirectAxis)

_AXIS_FIELDS, _TAP_FIELDS = len(DirectAxis._fields), len(DirectTap._fields)
_head, _axis, _tap = reader(DirectHead), reader(DirectAxis), reader(DirectTap)


class _Taps(NamedTuple):
    """A tap on each axis."""

    d: DirectTap
    h: DirectTap
    w: DirectTap


@helper
def _add_rows(y: Any, to: int, x: Any, at: int, weight: Any, taps: _Taps, h: DirectAxis, w: DirectAxis) -> None:
    """y[to ...] += weight * x[at ...] for the rows of one plane."""
    numbers = taps.w.outputs
    if w.y_step == 1 and w.x_step == 1:
        for row in range(taps.h.outputs):
            out, value = unsigned(to + row * h.y_step), unsigned(at + row * h.x_step)
            for i in range(unsigned(numbers)):
                y[out + i] += weight * x[value + i]
    else:
        for row in range(taps.h.outputs):
            for i in range(numbers):
                y[to + row * h.y_step + i * w.y_step] += weight * x[at + row * h.x_step + i * w.x_step]


@helper
def _inside(place: int, tap: DirectTap) -> bool:
    return tap.skipped <= place < tap.skipped + tap.outputs


@helper
def _add_padding(y: Any, nothing: Any, taps: _Taps, d: DirectAxis, h: DirectAxis, w: DirectAxis) -> None:
    """Add the product of a weight and zero to the outputs that find padding under it."""
    first = taps.d.all_at + taps.h.all_at + taps.w.all_at
    for i in range(taps.d.all_outputs):
        for j in range(taps.h.all_outputs):
            for k in range(taps.w.all_outputs):
                if not (_inside(i, taps.d) and _inside(j, taps.h) and _inside(k, taps.w)):
                    y[first + i * d.y_step + j * h.y_step + k * w.y_step] += nothing


@kernel
def conv_direct(begin: int, end: int, x: Any, weights: Any, bias: Any, y: Any, table: Any) -> None:
    """y = weights * x + bias; a task is one output channel of one image."""
    head = _head(table, 0)
    d = _axis(table, len(head))
    h = _axis(table, len(head) + _AXIS_FIELDS)
    w = _axis(table, len(head) + 2 * _AXIS_FIELDS)
    for task in range(begin, end):
        n = task // (head.groups * head.out_channels)
        channel = task - n * head.groups * head.out_channels
        group = channel // head.out_channels
        image = y[task * head.outputs : (task + 1) * head.outputs]
        for i in range(head.outputs):
            image[i] = 0
        if bias.size:
            for i in range(head.outputs):
                image[i] = bias[channel]
        for c in range(head.channels):
            source = head.x_base + n * head.x_batch + (group * head.channels + c) * head.x_channel
            weight_at = head.weight_base + group * head.weight_group + c * head.weight_channel
            weight_at += (channel - group * head.out_channels) * head.weight_row
            for k in range(d.kernel):
                tap_d = _tap(table, d.taps_at + _TAP_FIELDS * k)
                for r in range(h.kernel):
                    tap_h = _tap(table, h.taps_at + _TAP_FIELDS * r)
                    for s in range(w.kernel):
                        taps = _Taps(tap_d, tap_h, _tap(table, w.taps_at + _TAP_FIELDS * s))
                        weight = weights[weight_at + k * d.weight_step + r * h.weight_step + s * w.weight_step]
                        to = tap_d.y_at + tap_h.y_at + taps.w.y_at
                        at = source + tap_d.x_at + tap_h.x_at + taps.w.x_at
                        for i in range(tap_d.outputs):
                            _add_rows(image, to + i * d.y_step, x, at + i * d.x_step, weight, taps, h, w)
                        nothing = weight * 0
                        if nothing != 0:  # an infinity or a NaN, which makes a NaN of a zero, as in all algorithms
                            _add_padding(image, nothing, taps, d, h, w)
