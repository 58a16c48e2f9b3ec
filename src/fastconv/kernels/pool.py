"""Max and average pooling: a window's taps are reduced one axis after the other, over contiguous vectors of a slab.

A window of k x k taps costs 2k operations an output instead of k * k. For maxima the passes run from the last axis to the
first, each keeping what it had unless the new value is greater or a NaN. So of equal maxima the first in row-major order
wins and of NaNs the last, as PyTorch's indices have it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from fastconv.jit.decorators import Kernel, helper, kernel
from fastconv.jit.records import reader
from fastconv.kernels.slab import SlabAxis, gather, slab_axis, slab_channel_size

__all__ = ["POOL_TABLE", "PoolAxis", "PoolHead", "avg_pool", "avg_pool_truncated", "max_pool", "max_pool_indices"]


class PoolHead(NamedTuple):
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


class PoolAxis(NamedTuple):
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
POOL_TABLE = (PoolHead, SlabAxis, SlabAxis, SlabAxis, PoolAxis, PoolAxis, PoolAxis)

_SLAB_AT = len(PoolHead._fields)
_SLAB_FIELDS = len(SlabAxis._fields)
_POOL_AT = _SLAB_AT + 3 * _SLAB_FIELDS
_POOL_FIELDS = len(PoolAxis._fields)

_head = reader(PoolHead)
_pool_axis = reader(PoolAxis)


class _Block(NamedTuple):
    """A task: a block of outputs of one channel of one image."""

    image: int
    d: int
    h: int
    w: int


@helper
def _block(task: int, d: PoolAxis, h: PoolAxis, w: PoolAxis) -> _Block:
    """Tasks count through [image and channel, block d, block h, block w]."""
    row = task // w.blocks
    plane = row // h.blocks
    image = plane // d.blocks
    return _Block(
        image, (plane - image * d.blocks) * d.block, (row - plane * h.blocks) * h.block, (task - row * w.blocks) * w.block
    )


# Loops run over slices from 0 on: an index that could be negative would have to be wrapped around, and no such loop is
# vectorized (1.0 against 0.1 ns an element).


@helper
def _copy(to: Any, values: Any) -> None:
    for i in range(to.size):
        to[i] = values[i]


@helper
def _maximum(to: Any, values: Any) -> None:
    """to = the greater; a NaN on either side stays."""
    for i in range(to.size):
        new, old = values[i], to[i]
        to[i] = new if new > old or new != new else old


@helper
def _sum(to: Any, values: Any) -> None:
    for i in range(to.size):
        to[i] += values[i]


def _reducer(combine: Any) -> Any:
    """A pass along one axis, around one way to combine two vectors."""

    @helper
    def reduce_axis(
        to: Any, values: Any, table: Any, axis: PoolAxis, planes: int, phases: int, size: int, step: int, count: int
    ) -> None:
        """Reduce `phases` planes of `size` elements to one, for each of `planes` groups of them.

        Taps stand `step` elements apart for each place; `count` elements of a plane are wanted.
        """
        for plane in range(planes):
            group = plane * phases * size
            at = plane * size
            for tap in range(axis.kernel):
                phase, place = table[axis.places_at + 2 * tap], table[axis.places_at + 2 * tap + 1]
                begin = group + phase * size + place * step
                if tap == 0:
                    _copy(to[at : at + count], values[begin : begin + count])
                else:
                    combine(to[at : at + count], values[begin : begin + count])

    return reduce_axis


_reduce_maximum = _reducer(_maximum)
_reduce_sum = _reducer(_sum)


def _body(reduce_axis: Any, write: Any) -> Callable[..., None]:
    """The pooling body around one reduction and one way to write results."""

    def pool(begin: int, end: int, x: Any, y: Any, fill: Any, table: Any) -> None:
        """Outputs of some blocks. `fill` holds one element: what padding counts as, in the type of the sums."""
        head = _head(table, 0)
        d = slab_axis(table, _SLAB_AT)
        h = slab_axis(table, _SLAB_AT + _SLAB_FIELDS)
        w = slab_axis(table, _SLAB_AT + 2 * _SLAB_FIELDS)
        out_d = _pool_axis(table, _POOL_AT)
        out_h = _pool_axis(table, _POOL_AT + _POOL_FIELDS)
        out_w = _pool_axis(table, _POOL_AT + 2 * _POOL_FIELDS)
        row_pitch = w.positions
        plane_pitch = h.positions * row_pitch
        size = d.positions * plane_pitch
        slab = np.empty(slab_channel_size(d, h, w), fill.dtype)
        first = np.empty(d.phases * h.phases * size, fill.dtype)
        second = np.empty(d.phases * size, fill.dtype)
        for task in range(begin, end):
            block = _block(task, out_d, out_h, out_w)
            n = block.image // head.channels
            base = head.x_base + n * head.x_batch + (block.image - n * head.channels) * head.x_channel
            gather(slab, x, base, 0, 1, table, d, h, w, block.d, block.h, block.w, fill[0])
            count = size - w.positions + out_w.block
            reduce_axis(first, slab, table, out_w, d.phases * h.phases, w.phases, size, 1, count)
            count -= (h.positions - out_h.block) * row_pitch
            reduce_axis(second, first, table, out_h, d.phases, h.phases, size, row_pitch, count)
            count -= (d.positions - out_d.block) * plane_pitch
            reduce_axis(first, second, table, out_d, 1, d.phases, size, plane_pitch, count)
            for i_d in range(block.d, min(block.d + out_d.block, out_d.size)):
                for i_h in range(block.h, min(block.h + out_h.block, out_h.size)):
                    to = ((block.image * out_d.size + i_d) * out_h.size + i_h) * out_w.size + block.w
                    at = (i_d - block.d) * plane_pitch + (i_h - block.h) * row_pitch
                    outputs = min(out_w.block, out_w.size - block.w)
                    taps = table[out_d.counts_at + i_d] * table[out_h.counts_at + i_h]
                    counts = table[out_w.counts_at + block.w :]
                    write(y[to : to + outputs], first[at:], counts, taps, head.divisor)

    return pool


@helper
def _write(y: Any, values: Any, counts: Any, taps: int, divisor: int) -> None:
    for i in range(y.size):
        y[i] = values[i]


@helper
def _write_mean(y: Any, sums: Any, counts: Any, taps: int, divisor: int) -> None:
    """Divided by the count of each output, or by the divisor."""
    for i in range(y.size):
        y[i] = sums[i] / sums.dtype.type(divisor if divisor else taps * counts[i])


@helper
def _write_truncated_mean(y: Any, sums: Any, counts: Any, taps: int, divisor: int) -> None:
    """The exact quotient of whole numbers, its fraction dropped: toward zero."""
    for i in range(y.size):
        total = sums[i]
        count = sums.dtype.type(divisor if divisor else taps * counts[i])
        quotient = total // count
        y[i] = quotient + 1 if quotient < 0 and quotient * count != total else quotient


max_pool: Kernel = kernel(_body(_reduce_maximum, _write))
avg_pool: Kernel = kernel(_body(_reduce_sum, _write_mean))
avg_pool_truncated: Kernel = kernel(_body(_reduce_sum, _write_truncated_mean))


@helper
def _reduce_maximum_tap(
    to: Any,
    to_taps: Any,
    values: Any,
    value_taps: Any,
    fill: Any,
    table: Any,
    axis: PoolAxis,
    planes: int,
    phases: int,
    size: int,
    step: int,
    scale: int,
    count: int,
) -> None:
    """As a pass of `_reducer`, keeping the number of the winning tap, `scale` for each of this axis.

    It is -1 where nothing but the fill value was seen, or values equal to it.
    """
    for plane in range(planes):
        group = plane * phases * size
        at = plane * size
        best, best_taps = to[at : at + count], to_taps[at : at + count]
        for i in range(count):
            best[i] = fill
            best_taps[i] = -1
        for tap in range(axis.kernel):
            phase, place = table[axis.places_at + 2 * tap], table[axis.places_at + 2 * tap + 1]
            begin = group + phase * size + place * step
            found, found_taps = values[begin : begin + count], value_taps[begin : begin + count]
            for i in range(count):
                new = found[i]
                take = new > best[i] or new != new
                best[i] = new if take else best[i]
                best_taps[i] = scale * tap + found_taps[i] if take else best_taps[i]


@helper
def _position(axis: PoolAxis, output: int, tap: int) -> int:
    """Input position of a tap, or of the first one inside the input where `tap` is -1."""
    start = output * axis.stride - axis.before
    if tap < 0:
        tap = max(0, -(start // axis.dilation))
    return start + tap * axis.dilation


@kernel
def max_pool_indices(begin: int, end: int, x: Any, y: Any, indices: Any, fill: Any, table: Any) -> None:
    """As `max_pool`, with the flat position of each maximum in the spatial axes of the input."""
    head = _head(table, 0)
    d = slab_axis(table, _SLAB_AT)
    h = slab_axis(table, _SLAB_AT + _SLAB_FIELDS)
    w = slab_axis(table, _SLAB_AT + 2 * _SLAB_FIELDS)
    out_d = _pool_axis(table, _POOL_AT)
    out_h = _pool_axis(table, _POOL_AT + _POOL_FIELDS)
    out_w = _pool_axis(table, _POOL_AT + 2 * _POOL_FIELDS)
    row_pitch = w.positions
    plane_pitch = h.positions * row_pitch
    size = d.positions * plane_pitch
    slab = np.empty(slab_channel_size(d, h, w), fill.dtype)
    no_taps = np.zeros(slab.size, np.int32)
    first = np.empty(d.phases * h.phases * size, fill.dtype)
    first_taps = np.empty(first.size, np.int32)
    second = np.empty(d.phases * size, fill.dtype)
    second_taps = np.empty(second.size, np.int32)
    lowest, plane_taps = fill[0], out_h.kernel * out_w.kernel
    for task in range(begin, end):
        block = _block(task, out_d, out_h, out_w)
        n = block.image // head.channels
        base = head.x_base + n * head.x_batch + (block.image - n * head.channels) * head.x_channel
        gather(slab, x, base, 0, 1, table, d, h, w, block.d, block.h, block.w, lowest)
        count = size - w.positions + out_w.block
        _reduce_maximum_tap(
            first, first_taps, slab, no_taps, lowest, table, out_w, d.phases * h.phases, w.phases, size, 1, 1, count
        )
        count -= (h.positions - out_h.block) * row_pitch
        _reduce_maximum_tap(
            second, second_taps, first, first_taps, lowest, table, out_h, d.phases, h.phases, size, row_pitch,
            out_w.kernel, count,
        )  # fmt: skip
        count -= (d.positions - out_d.block) * plane_pitch
        _reduce_maximum_tap(
            first, first_taps, second, second_taps, lowest, table, out_d, 1, d.phases, size, plane_pitch, plane_taps, count
        )
        for i_d in range(block.d, min(block.d + out_d.block, out_d.size)):
            for i_h in range(block.h, min(block.h + out_h.block, out_h.size)):
                to = ((block.image * out_d.size + i_d) * out_h.size + i_h) * out_w.size
                at = (i_d - block.d) * plane_pitch + (i_h - block.h) * row_pitch - block.w
                for i_w in range(block.w, min(block.w + out_w.block, out_w.size)):
                    tap = first_taps[at + i_w]
                    tap_d = tap // plane_taps
                    tap_h = (tap - tap_d * plane_taps) // out_w.kernel
                    tap_w = tap - tap_d * plane_taps - tap_h * out_w.kernel
                    if tap < 0:
                        tap_d, tap_h, tap_w = tap, tap, tap
                    plane = _position(out_d, i_d, tap_d) * h.size + _position(out_h, i_h, tap_h)
                    indices[to + i_w] = plane * w.size + _position(out_w, i_w, tap_w)
                    y[to + i_w] = first[at + i_w]
