"""Weights transformed for `fastconv.kernels.winograd`."""

from __future__ import annotations

from typing import Any

from fastconv.jit.copy import copy_run
from fastconv.jit.decorators import helper
from fastconv.jit.kernel import kernel
from fastconv.jit.machine import machine
from fastconv.jit.scratch import free, zeros
from fastconv.jit.vector import unsigned
from fastconv.jit.winograd import MOST_TAPS
from fastconv.kernels.winograd_table import PIECE_FIELDS, RESIDUE_FIELDS, read_head, read_piece, read_residue

__all__ = ["ROWS", "winograd_weights"]

#: Output channels of a row block.
ROWS = machine().tile_rows

#: Input channels whose weights are transformed at a time, and numbers of them for each tap.
TOGETHER = 16
NUMBERS = TOGETHER * ROWS
#: Most points of an axis.
_MOST_POINTS = MOST_TAPS + 1


@helper
def _transform(values: Any, at: int, step: int, taps: int, target: Any, to: int, to_step: int) -> None:
    """target[to + point * to_step + i] = (G @ g)[point] for NUMBERS vectors g of some taps, `step` apart."""
    half = values.dtype.type(0.5)
    zeroth, first, second = unsigned(to), unsigned(to + to_step), unsigned(to + 2 * to_step)
    a_at, b_at, c_at = unsigned(at), unsigned(at + step), unsigned(at + 2 * step)
    if taps == 1:
        for i in range(unsigned(NUMBERS)):
            target[zeroth + i] = values[a_at + i]
            target[first + i] = values[a_at + i]
    elif taps == 2:
        for i in range(unsigned(NUMBERS)):
            a, b = values[a_at + i], values[b_at + i]
            target[zeroth + i] = a
            target[first + i] = a + b
            target[second + i] = b
    else:
        third = unsigned(to + 3 * to_step)
        for i in range(unsigned(NUMBERS)):
            a, b, c = values[a_at + i], values[b_at + i], values[c_at + i]
            ends = half * (a + c)
            target[zeroth + i] = a
            target[first + i] = ends + half * b
            target[second + i] = ends - half * b
            target[third + i] = c


@kernel
def winograd_weights(begin: int, end: int, weights: Any, packed: Any, table: Any, steps: Any) -> None:
    """Transform weights to [residue, group, row block, place, piece, channel, row].

    A task is one row block of one group of one residue. `steps` holds the flat position of the first weight, the steps
    of group, output channel and input channel, and the points of the axes h and w. Rows that fill up a block are zero.
    """
    head = read_head(table, 0)
    base, group_step, row_step, channel_step = steps[0], steps[1], steps[2], steps[3]
    points_h, points_w = steps[4], steps[5]
    taps = zeros(MOST_TAPS * MOST_TAPS * NUMBERS, weights.dtype)
    halfway = zeros(MOST_TAPS * _MOST_POINTS * NUMBERS, weights.dtype)
    places = zeros(_MOST_POINTS * _MOST_POINTS * NUMBERS, weights.dtype)
    for task in range(begin, end):
        number = task // (head.groups * head.row_blocks)
        residue = read_residue(table, head.residues_at + RESIDUE_FIELDS * number)
        in_residue = task - number * head.groups * head.row_blocks
        group = in_residue // head.row_blocks
        first = (in_residue - group * head.row_blocks) * ROWS
        rows = min(ROWS, head.out_channels - first)
        to_block = residue.weights_at + in_residue * residue.entries * head.channels * ROWS
        for i in range(taps.size):
            taps[i] = 0
        for p in range(residue.pieces):
            piece = read_piece(table, residue.pieces_at + PIECE_FIELDS * p)
            high = min(points_h, piece.taps_h + 1)
            wide = min(points_w, piece.taps_w + 1)
            for c in range(0, head.channels, TOGETHER):
                count = min(TOGETHER, head.channels - c)
                for row in range(rows):
                    at = base + group * group_step + (first + row) * row_step + c * channel_step
                    for tap in range(piece.taps_h * piece.taps_w):
                        source = unsigned(at + table[piece.weights_at + tap])
                        to = unsigned(tap * NUMBERS + row)
                        for _ in range(count):
                            taps[to] = weights[source]
                            source += unsigned(channel_step)
                            to += unsigned(ROWS)
                for s in range(piece.taps_w):  # down the columns, then along the rows
                    _transform(
                        taps, s * NUMBERS, piece.taps_w * NUMBERS, piece.taps_h,
                        halfway, s * NUMBERS, piece.taps_w * NUMBERS,
                    )  # fmt: skip
                for r in range(high):
                    _transform(
                        halfway, r * piece.taps_w * NUMBERS, NUMBERS, piece.taps_w, places, r * wide * NUMBERS, NUMBERS
                    )
                for place in range(high * wide):
                    entry = table[piece.entries_at + place]
                    to_place = to_block + (entry * head.channels + c) * ROWS
                    copy_run(packed, to_place, places, place * NUMBERS, count * ROWS)
    free((taps, halfway, places))
