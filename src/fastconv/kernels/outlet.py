"""From sums that have channels beside each other to the result, whatever its strides.

Where rows of the result are runs of pixels, squares of sums are transposed in registers on their way. Where its
channels stand beside each other too there is nothing to turn: vectors are copied.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from fastconv.jit.copy import copy_lanes
from fastconv.jit.decorators import helper, inlined
from fastconv.jit.tile import fetch_to_write, lanes, lead
from fastconv.jit.transpose import transpose_part
from fastconv.kernels.conv_table import Block, Phase
from fastconv.kernels.slab import Space

__all__ = ["Outlet", "Target", "fetch_rows", "list_targets", "target_of_block", "write_pixels", "write_rows"]


class Target(NamedTuple):
    """Where a block's outputs go, all phases of its rows together.

    Rows that follow each other in the result without a gap are one long row.

    Attributes
    ----------
    first : int
        Place of the first channel of the first output, which is one of the phase and not its number in it.
    rows : int
        Rows of a plane.
    columns, pitch : int
        Outputs of a row, and its sums, of which the last may be in vain.
    plane, row : int
        Steps in the result from one to the next.
    """

    first: int
    rows: int
    columns: int
    pitch: int
    plane: int
    row: int


@helper
def target_of_block(
    image: int, block: Block, phase: Phase, out: Space, counts: Space, steps: Space, pitch: int
) -> Target:
    """The target of a block of the image that begins at `image`.

    `steps` are the result's from output to output, and `pitch` counts the sums of a row.
    """
    first_w = block.first.w * out.w.step + phase.w
    first_d, first_h = block.first.d * out.d.step + phase.d, block.first.h * out.h.step + phase.h
    first = image + first_d * steps.d + first_h * steps.h + first_w * steps.w
    columns, rows = min(counts.w * out.w.step, out.w.size - first_w), counts.h
    if columns == pitch == out.w.size and out.h.step == 1 and steps.h == columns * steps.w:
        columns, rows = columns * rows, 1
        if counts.h == out.h.size and out.d.step == 1 and steps.d == columns * steps.w:
            columns *= counts.d
        pitch = columns
    return Target(first, rows, columns, pitch, out.d.step * steps.d, out.h.step * steps.h)


class Outlet(NamedTuple):
    """Where the outputs of a block of channels go, whose columns stand beside each other.

    Attributes
    ----------
    y : vector
        The result.
    channels, origin, step : int
        How many channels, the place of the first one in an image, and the step from one to the next.
    to : Target
        The block's outputs of the first channel.
    """

    y: Any
    channels: int
    origin: int
    step: int
    to: Target


@inlined
def _place_of(number: int, outlet: Outlet) -> tuple[int, int]:
    """The place of an output of the first channel, and how many follow it in its row, with itself."""
    to = outlet.to
    row = number // to.pitch
    column = number - row * to.pitch
    plane = row // to.rows
    place = outlet.origin + to.first + plane * to.plane + (row - plane * to.rows) * to.row + column
    return place, to.columns - column


@inlined
def write_rows(sums: Any, base: int, width: int, done: int, ready: int, last: bool, outlet: Outlet) -> int:
    """Outputs number `done` to `ready` of a block into y, but not yet a vector that is not full, unless it is the last.

    The sums of the block's first output stand, or would stand, at `base`. Returns the number of the next output.
    """
    y, channels, step, n = outlet.y, outlet.channels, outlet.step, lanes(outlet.y)
    while done < ready:
        place, left = _place_of(done, outlet)
        # A vector on two cache lines may find the first gone where images are a power of two apart: 3 % of a 3-D one.
        count = min(n - lead(y, place) if step % n == 0 else n, left)
        if done + count > ready:
            if not last:
                break
            count = ready - done
        at = base + done * width
        for lane in range(0, channels, n):
            transpose_part(sums, at + lane, width, y, place + lane * step, step, min(n, channels - lane), count)
        done += count
        if count == left:
            done += outlet.to.pitch - outlet.to.columns
    return done


@inlined
def fetch_rows(done: int, count: int, outlet: Outlet) -> None:
    """Have the lines fetched where `write_rows` will put the last of `count` outputs from number `done` on.

    One for each vector of them: the one that they begin in was for those before. The CPU sees no order in rows that are
    a channel apart; fetched while sums are taken they are at hand when these are written.
    """
    place, left = _place_of(done, outlet)
    for channel in range(outlet.channels):
        for i in range(min(count, left) - 1, -1, -lanes(outlet.y)):
            fetch_to_write(outlet.y, place + channel * outlet.step + i, 0)


@helper
def list_targets(targets: Any, to: Target, planes: int, column: int) -> None:
    """The place of each output's first channel, -1 where sums are in vain; `column` is the step between columns.

    All blocks of channels go by it, without a division.
    """
    number = np.int64(0)
    for plane in range(planes):
        for row in range(to.rows):
            place = to.first + plane * to.plane + row * to.row
            for w in range(to.pitch):
                targets[number + w] = place + w * column if w < to.columns else -1
            number += to.pitch


@inlined
def write_pixels(
    sums: Any, base: int, width: int, done: int, ready: int, channels: int, y: Any, channel: int, targets: Any
) -> int:  # fmt: skip
    """As `write_rows`, where channels stand beside each other: all outputs that are ready."""
    n = lanes(y)
    for lane in range(0, channels, n):
        left = min(n, channels - lane)
        for number in range(done, ready):
            if targets[number] >= 0:
                copy_lanes(y, targets[number] + channel + lane, sums, base + number * width + lane, left)
    return ready
