"""Pooling of gathered images: a window's taps are reduced one axis after the other, over slabs of whole images.

A window of k x k taps costs 2k operations an output instead of k * k. For maxima the passes run from the last axis to
the first, each keeping what it had unless the new value is greater or a NaN. So of equal maxima the first in row-major
order wins and of NaNs the last, as PyTorch's indices have it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from fastconv.jit.decorators import helper
from fastconv.jit.kernel import kernel
from fastconv.jit.records import reader
from fastconv.jit.scratch import empty, free, zeros
from fastconv.kernels.reduce import add, copy, maximum, write, write_mean, write_truncated_mean
from fastconv.kernels.slab import Images, SlabAxis, Space, gather, slab_axes, slab_channel_size

__all__ = [
    "SLAB_POOL_TABLE",
    "SlabPoolAxis",
    "SlabPoolHead",
    "avg_pool_slab",
    "avg_pool_slab_truncated",
    "max_pool_indices",
    "max_pool_slab",
]


class SlabPoolHead(NamedTuple):
    """The head of a pooling's integer table: images are batch times channels.

    Attributes
    ----------
    channels : int
        Channels of an image of the batch.
    x_base, x_batch, x_channel : int
        Flat position of the first input element, and the steps of batch and channel.
    divisor : int
        Of every average, or 0 for the windows' own counts.
    """

    channels: int
    x_base: int
    x_batch: int
    x_channel: int
    divisor: int


class SlabPoolAxis(NamedTuple):
    """One axis of a pooling.

    Attributes
    ----------
    size, block, blocks : int
        Outputs, outputs of a block, and blocks.
    kernel, stride, dilation, before : int
        Of the windows.
    places_at : int
        Where the taps' (phase, place) stand in the table.
    counts_at : int
        Where the number of elements that each output averages stands.
    """

    size: int
    block: int
    blocks: int
    kernel: int
    stride: int
    dilation: int
    before: int
    places_at: int
    counts_at: int


#: What stands in a table, in this order, before the lists that its records point to.
SLAB_POOL_TABLE = (SlabPoolHead, SlabAxis, SlabAxis, SlabAxis, SlabPoolAxis, SlabPoolAxis, SlabPoolAxis)

_SLAB_AT = len(SlabPoolHead._fields)
_POOL_AT = _SLAB_AT + 3 * len(SlabAxis._fields)
_POOL_FIELDS = len(SlabPoolAxis._fields)

_head = reader(SlabPoolHead)
_pool_axis = reader(SlabPoolAxis)


@helper
def _pool_axes(table: Any) -> Space:
    return Space(
        _pool_axis(table, _POOL_AT),
        _pool_axis(table, _POOL_AT + _POOL_FIELDS),
        _pool_axis(table, _POOL_AT + 2 * _POOL_FIELDS),
    )


class _Block(NamedTuple):
    """A task: the outputs from `first` up to `last` of one channel of one image, which `images` holds."""

    image: int
    images: Images
    first: Space
    last: Space


@helper
def _block(task: int, head: SlabPoolHead, out: Space) -> _Block:
    """Tasks count through [image and channel, block d, block h, block w]."""
    row = task // out.w.blocks
    plane = row // out.h.blocks
    image = plane // out.d.blocks
    n = image // head.channels
    base = head.x_base + n * head.x_batch + (image - n * head.channels) * head.x_channel
    d = (plane - image * out.d.blocks) * out.d.block
    h = (row - plane * out.h.blocks) * out.h.block
    w = (task - row * out.w.blocks) * out.w.block
    last = Space(min(d + out.d.block, out.d.size), min(h + out.h.block, out.h.size), min(w + out.w.block, out.w.size))
    return _Block(image, Images(base, 1, 0), Space(d, h, w), last)


class _Pass(NamedTuple):
    """One reduction of a slab: `planes` groups of `phases` planes of `size` elements, each group to one plane.

    Taps stand `step` elements apart for each place; the first `wanted` elements of a plane are wanted.
    """

    planes: int
    phases: int
    size: int
    step: int
    wanted: int


@helper
def _passes(axes: Space, out: Space) -> Space:
    """The passes along each axis; the last axis comes first."""
    row_pitch = axes.w.positions
    plane_pitch = axes.h.positions * row_pitch
    size = axes.d.positions * plane_pitch
    along_w = size - axes.w.positions + out.w.block
    along_h = along_w - (axes.h.positions - out.h.block) * row_pitch
    along_d = along_h - (axes.d.positions - out.d.block) * plane_pitch
    return Space(
        _Pass(1, axes.d.phases, size, plane_pitch, along_d),
        _Pass(axes.d.phases, axes.h.phases, size, row_pitch, along_h),
        _Pass(axes.d.phases * axes.h.phases, axes.w.phases, size, 1, along_w),
    )


def _reducer(combine: Any) -> Any:
    """A pass along one axis, around one way to combine two vectors."""

    @helper
    def reduce_axis(to: Any, values: Any, table: Any, axis: SlabPoolAxis, p: _Pass) -> None:
        for plane in range(p.planes):
            part = to[plane * p.size : plane * p.size + p.wanted]
            for tap in range(axis.kernel):
                phase, place = table[axis.places_at + 2 * tap], table[axis.places_at + 2 * tap + 1]
                begin = (plane * p.phases + phase) * p.size + place * p.step
                if tap == 0:
                    copy(part, values, begin)
                else:
                    combine(part, values, begin)

    return reduce_axis


_reduce_maximum = _reducer(maximum)
_reduce_sum = _reducer(add)


def _body(reduce_axis: Any, write: Any) -> Callable[..., None]:
    """The pooling body around one reduction and one way to write results."""

    def pool(begin: int, end: int, x: Any, y: Any, fill: Any, table: Any) -> None:
        """Outputs of some blocks. `fill` holds one element: what padding counts as, in the type of the sums."""
        head = _head(table, 0)
        axes = slab_axes(table, _SLAB_AT)
        out = _pool_axes(table)
        passes = _passes(axes, out)
        slab = empty(slab_channel_size(axes), fill.dtype)
        first = empty(passes.w.planes * passes.w.size, fill.dtype)
        second = empty(passes.h.planes * passes.h.size, fill.dtype)
        for task in range(begin, end):
            block = _block(task, head, out)
            gather(slab, x, block.images, table, axes, block.first, fill[0])
            reduce_axis(first, slab, table, out.w, passes.w)
            reduce_axis(second, first, table, out.h, passes.h)
            reduce_axis(first, second, table, out.d, passes.d)
            counts = table[out.w.counts_at + block.first.w :]
            outputs = block.last.w - block.first.w
            for d in range(block.first.d, block.last.d):
                for h in range(block.first.h, block.last.h):
                    to = ((block.image * out.d.size + d) * out.h.size + h) * out.w.size + block.first.w
                    at = (d - block.first.d) * passes.d.step + (h - block.first.h) * passes.h.step
                    taps = table[out.d.counts_at + d] * table[out.h.counts_at + h]
                    write(y[to : to + outputs], first[at:], counts, taps, head.divisor)
        free((slab, first, second))

    return pool


max_pool_slab = kernel(_body(_reduce_maximum, write), "max_pool_slab")
avg_pool_slab = kernel(_body(_reduce_sum, write_mean), "avg_pool_slab")
avg_pool_slab_truncated = kernel(_body(_reduce_sum, write_truncated_mean), "avg_pool_slab_truncated")


@helper
def _reduce_maximum_tap(
    to: Any, to_taps: Any, values: Any, value_taps: Any, fill: Any, table: Any, axis: SlabPoolAxis, p: _Pass, scale: int
) -> None:
    """As a pass of `_reducer`, keeping the number of the winning tap, in which each of this axis counts `scale`.

    It is -1 where nothing but the fill value was seen, or values equal to it.
    """
    for plane in range(p.planes):
        best = to[plane * p.size : plane * p.size + p.wanted]
        best_taps = to_taps[plane * p.size : plane * p.size + p.wanted]
        for i in range(p.wanted):
            best[i] = fill
            best_taps[i] = -1
        for tap in range(axis.kernel):
            phase, place = table[axis.places_at + 2 * tap], table[axis.places_at + 2 * tap + 1]
            begin = (plane * p.phases + phase) * p.size + place * p.step
            found, found_taps = values[begin : begin + p.wanted], value_taps[begin : begin + p.wanted]
            for i in range(p.wanted):
                new = found[i]
                take = new > best[i] or new != new
                best[i] = new if take else best[i]
                best_taps[i] = scale * tap + found_taps[i] if take else best_taps[i]


@helper
def _position(axis: SlabPoolAxis, output: int, tap: int) -> int:
    """Input position of a tap, or of the first one inside the input where `tap` is -1."""
    start = output * axis.stride - axis.before
    if tap < 0:
        tap = max(0, -(start // axis.dilation))
    return start + tap * axis.dilation


@kernel
def max_pool_indices(begin: int, end: int, x: Any, y: Any, indices: Any, fill: Any, table: Any) -> None:
    """As `max_pool`, with the flat position of each maximum in the spatial axes of the input."""
    head = _head(table, 0)
    axes = slab_axes(table, _SLAB_AT)
    out = _pool_axes(table)
    passes = _passes(axes, out)
    slab = empty(slab_channel_size(axes), fill.dtype)
    no_taps = zeros(slab.size, np.int32)
    first = empty(passes.w.planes * passes.w.size, fill.dtype)
    first_taps = empty(first.size, np.int32)
    second = empty(passes.h.planes * passes.h.size, fill.dtype)
    second_taps = empty(second.size, np.int32)
    low, row_taps, plane_taps = fill[0], out.w.kernel, out.h.kernel * out.w.kernel
    for task in range(begin, end):
        block = _block(task, head, out)
        gather(slab, x, block.images, table, axes, block.first, low)
        _reduce_maximum_tap(first, first_taps, slab, no_taps, low, table, out.w, passes.w, 1)
        _reduce_maximum_tap(second, second_taps, first, first_taps, low, table, out.h, passes.h, row_taps)
        _reduce_maximum_tap(first, first_taps, second, second_taps, low, table, out.d, passes.d, plane_taps)
        for d in range(block.first.d, block.last.d):
            for h in range(block.first.h, block.last.h):
                to = ((block.image * out.d.size + d) * out.h.size + h) * out.w.size
                at = (d - block.first.d) * passes.d.step + (h - block.first.h) * passes.h.step - block.first.w
                for w in range(block.first.w, block.last.w):
                    tap = first_taps[at + w]
                    tap_d = tap // plane_taps
                    tap_h = (tap - tap_d * plane_taps) // row_taps
                    tap_w = tap - tap_d * plane_taps - tap_h * row_taps
                    if tap < 0:
                        tap_d, tap_h, tap_w = tap, tap, tap
                    plane = _position(out.d, d, tap_d) * axes.h.size + _position(out.h, h, tap_h)
                    indices[to + w] = plane * axes.w.size + _position(out.w, w, tap_w)
                    y[to + w] = first[at + w]
    free((slab, no_taps, first, first_taps, second, second_taps))
