"""Weights laid out as the tiles read them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from fastconv.jit.decorators import helper
from fastconv.jit.kernel import kernel
from fastconv.jit.records import reader
from fastconv.jit.scratch import free
from fastconv.jit.tile import lanes
from fastconv.jit.transpose import transpose
from fastconv.jit.vector import unsigned
from fastconv.kernels.conv_table import (
    PHASE_FIELDS,
    ROW_BLOCK_FIELDS,
    ConvHead,
    Phase,
    RowBlock,
    read_head,
    read_phase,
    read_row_block,
)
from fastconv.kernels.weight_slots import SPAN, empty_slots, list_taps, reach_of, turn_slots

__all__ = ["DepthRun", "PackedPlace", "PlainWeights", "pack_block", "pack_rows", "pack_weights", "read_plain"]

#: Weights of a row that are read in a run, whole vectors; more of them would be written to too many pages.
RUN = 1024
#: Fewest taps of a channel for which squares pay.
LEAST_TAPS = 3
#: Channels of which all phases take their taps before those of the next ones are read.
TOGETHER = 16


class PlainWeights(NamedTuple):
    """Where weights stand before they are packed.

    Attributes
    ----------
    base : int
        Flat position of the first one.
    group, row : int
        Steps of group and output channel.
    in_order : int
        Whether the weights of an output channel follow each other, or those of each of its input channels.
    """

    base: int
    group: int
    row: int
    in_order: int


read_plain = reader(PlainWeights)


class DepthRun(NamedTuple):
    """Some depths: the first one, how many, and how many of them an input channel has, all of which are in the run."""

    first: int
    depths: int
    taps: int


class PackedPlace(NamedTuple):
    """Where weights of some channels go: each phase has room for those of all row blocks, one block after the other.

    Attributes
    ----------
    base : int
        Where the first phase's begin.
    width, first : int
        Rows of a depth, those of all blocks, and how many of them are in front of this one.
    room : int
        Channels that each phase has room for.
    begin, channels : int
        The first channel, and how many there are.
    """

    base: int
    width: int
    first: int
    room: int
    begin: int
    channels: int


@helper
def _phase_place(place: PackedPlace, phase: Phase, head: ConvHead) -> int:
    """Where the weights of a phase begin."""
    in_front = phase.depth_at * place.width + place.first * phase.depths
    return place.base + in_front // head.channels * place.room


@helper
def pack_rows(
    weights: Any, plain: PlainWeights, group: int, block: RowBlock, offsets: Any, run: DepthRun, packed: Any, to: int
) -> None:
    """Lay out the weights of some depths of a row block as [depth, row]; rows that fill up the block are zero.

    `offsets` holds the step of each depth.
    """
    n = lanes(packed)
    source = plain.base + group * plain.group + block.first * plain.row
    done = 0
    if block.channels == block.rows and block.rows % n == 0:
        if plain.in_order:
            _turn_runs(weights, source, plain.row, block.rows, offsets, run.first, run.depths, packed, to)
            return
        if run.taps >= LEAST_TAPS:
            done = _turn_taps(weights, source, plain.row, block.rows, offsets, run, packed, to)
    to += done * block.rows
    for depth in range(run.first + done, run.first + run.depths):
        at, to_row = unsigned(source + offsets[depth]), unsigned(to)
        for _ in range(block.channels):
            packed[to_row] = weights[at]
            at += unsigned(plain.row)
            to_row += unsigned(1)
        for row in range(block.channels, block.rows):
            packed[to + row] = 0
        to += block.rows


@helper
def _turn_runs(
    weights: Any, source: int, row_step: int, rows: int, offsets: Any, first: int, depths: int, packed: Any, to: int
) -> None:
    """Weights that follow each other from depth to depth, in squares of as many rows as a vector has lanes.

    One by one they take 0.6 ns each, so 0.1; and along the rows, as a CPU sees so few streams coming (512 x 512 x 3 x
    3: 1.7 ms, and 3.3 with all rows in turn). Where an input channel ends and the next one's stand elsewhere, those
    that are no square are taken one by one.
    """
    n = lanes(packed)
    for begin in range(0, depths, RUN):
        end = min(begin + RUN, depths)
        for row in range(0, rows, n):
            source_row, d = source + row * row_step, begin
            while d < end:
                at, to_square = source_row + offsets[first + d], to + d * rows + row
                if d + n <= end and offsets[first + d + n - 1] == offsets[first + d] + n - 1:
                    transpose(weights, at, row_step, packed, to_square, rows)
                    d += n
                else:
                    for r in range(n):
                        packed[to_square + r] = weights[at + r * row_step]
                    d += 1


@helper
def _even_channels(offsets: Any, run: DepthRun, begin: int, end: int) -> tuple[int, int]:
    """The step from channel number `begin` of a run to the next one, and how many follow each other so, with it.

    Where weights are used twice, by channels of either half, those of the first one follow the last.
    """
    at = run.first + begin * run.taps
    step = offsets[at + run.taps] - offsets[at] if begin + 1 < end else 0
    count = 1
    while begin + count < end and offsets[at + count * run.taps] == offsets[at] + count * step:
        count += 1
    return step, count


@helper
def _turn_taps(
    weights: Any, source: int, row_step: int, rows: int, offsets: Any, run: DepthRun, packed: Any, to: int
) -> int:
    """Weights whose taps are near each other, one input channel after the other: the number of depths that were done.

    Squares hold all that stands between the taps, those of other phases too.
    """
    low, high = reach_of(offsets, run.first, run.taps, offsets[run.first], offsets[run.first])
    if high - low >= SPAN:
        return 0
    slots, channels, whole = empty_slots(high - low + 1), run.depths // run.taps, True
    list_taps(slots, low, offsets, run.first, run.taps, to, rows)
    done: Any = np.int64(0)
    while whole and done < channels:
        first = source + low + offsets[run.first + done * run.taps] - offsets[run.first]
        step, count = _even_channels(offsets, run, done, channels)
        turned = turn_slots(weights, first, step, count, row_step, rows, slots, packed)
        done, whole = done + turned, turned == count
    free((slots.places, slots.steps))
    return done * run.taps


@helper
def _turn_phases(
    weights: Any, plain: PlainWeights, head: ConvHead, group: int, block: RowBlock, table: Any, offsets: Any,
    packed: Any, place: PackedPlace,
) -> int:  # fmt: skip
    """As `_turn_taps`, for all phases, whose taps stand between each other's: the number of channels that were done.

    A square that has the taps of all of them is transposed once; where it would be half empty, none is. 256 x 128 x 4 x
    4 weights at stride 2 take half as long as phase after phase. Where channels follow each other, so do squares.
    """
    n, size = lanes(packed), np.int64(weights.size)
    low: Any = size
    high, step = -size, np.int64(0)
    for number in range(head.phases):
        phase = read_phase(table, head.phases_at + PHASE_FIELDS * number)
        taps = phase.depths // head.channels
        low, high = reach_of(offsets, phase.depth_at, taps, low, high)
        if 0 < taps < phase.depths:
            step = offsets[phase.depth_at + taps] - offsets[phase.depth_at]
    span = high - low + 1
    together = SPAN // span if step == span else np.int64(1)
    if span > SPAN or together * span < n // 2:
        return 0
    source, done = plain.base + group * plain.group + block.first * plain.row + low + place.begin * step, place.channels
    each = block.rows if plain.row <= SPAN else n  # a CPU sees so few streams coming, as in `_turn_runs`
    for row in range(0, block.rows, each):
        turned: Any = np.int64(0)
        for channels in (together, np.int64(1)):
            slots = empty_slots(channels * span)
            for number in range(head.phases):
                phase = read_phase(table, head.phases_at + PHASE_FIELDS * number)
                taps = phase.depths // head.channels
                to = _phase_place(place, phase, head) + turned * taps * block.rows + row
                list_taps(slots, low, offsets, phase.depth_at, taps, to, block.rows, channels, span)
            at, left = source + row * plain.row + turned * step, (place.channels - turned) // channels
            rows = min(each, block.rows - row)
            turned += channels * turn_slots(weights, at, channels * step, left, plain.row, rows, slots, packed)
            free((slots.places, slots.steps))
        done = min(done, turned)
    return done


@helper
def pack_block(
    weights: Any, plain: PlainWeights, head: ConvHead, group: int, block: RowBlock, table: Any, offsets: Any,
    packed: Any, place: PackedPlace,
) -> None:  # fmt: skip
    """Lay out the weights of some channels of a row block as [phase, depth, row]."""
    together, done, n = place.channels if head.phases == 1 else TOGETHER, np.int64(0), lanes(packed)
    if head.phases > 1 and block.channels == block.rows and (block.rows % n == 0 or block.rows < n):
        done = _turn_phases(weights, plain, head, group, block, table, offsets, packed, place)
    for first in range(done, place.channels, together):
        channels = min(together, place.channels - first)
        for number in range(head.phases):
            phase = read_phase(table, head.phases_at + PHASE_FIELDS * number)
            taps, to = phase.depths // head.channels, _phase_place(place, phase, head)
            run = DepthRun(phase.depth_at + (place.begin + first) * taps, channels * taps, taps)
            pack_rows(weights, plain, group, block, offsets, run, packed, to + first * taps * block.rows)


@kernel
def pack_weights(begin: int, end: int, weights: Any, packed: Any, table: Any, steps: Any, offsets: Any) -> None:
    """Lay out weights as [group, phase, row block, depth, row]; a task is one row block of one group.

    `steps` holds the `PlainWeights`, `offsets` the step of each depth.
    """
    head, plain = read_head(table, 0), read_plain(steps, 0)
    for task in range(begin, end):
        group = task // head.row_blocks
        block = read_row_block(table, head.row_blocks_at + ROW_BLOCK_FIELDS * (task - group * head.row_blocks))
        place = PackedPlace(
            group * head.depth * head.padded_out, head.padded_out, block.first, head.channels, 0, head.channels
        )
        pack_block(weights, plain, head, group, block, table, offsets, packed, place)
