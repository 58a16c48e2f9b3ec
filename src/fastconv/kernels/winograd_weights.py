"""Weights transformed for `fastconv.kernels.winograd`, before its kernels run or by their tasks.

Those of some input channels are turned first, so that output channels of a row block stand beside each other. Then each
piece is read as vectors of them and transformed in registers. What belongs to a place is copied there in runs: places
are a power of two apart as a rule, and single vectors would throw each other out of the cache.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from fastconv.jit.copy import copy_run
from fastconv.jit.decorators import helper
from fastconv.jit.kernel import kernel
from fastconv.jit.records import reader
from fastconv.jit.scratch import free, zeros
from fastconv.jit.tile import lanes
from fastconv.jit.transpose import turn_rows
from fastconv.jit.winograd import MOST_TAPS, Plane, place_points, weights_in
from fastconv.kernels.winograd_kinds import KINDS, Kind
from fastconv.kernels.winograd_table import (
    PIECE_FIELDS,
    RESIDUE_FIELDS,
    Piece,
    Residue,
    WinogradHead,
    read_head,
    read_piece,
    read_residue,
)

__all__ = ["WeightSteps", "weight_helpers", "winograd_weights"]

#: Most input channels whose weights are turned at a time, and most weights of an output channel.
TOGETHER, TURNED = 16, 768
#: Most places of a piece.
MOST_PLACES = (MOST_TAPS + 1) ** 2


class WeightSteps(NamedTuple):
    """Where weights stand.

    Attributes
    ----------
    base : int
        Flat position of the first one.
    group, row, channel : int
        Steps of group, output channel and input channel.
    taps : int
        Taps of a kernel. Each has a *slot*, its place among those of a channel once they are turned.
    positions_at : int
        Where the list of the steps from a channel's first weight to the one of each slot begins, in the plan's table.
    run : int
        Whether the weights of a channel are a run in memory, slot by slot.
    residues : int
        Residues of outputs that have transformed weights of their own, the first ones.
    """

    base: int
    group: int
    row: int
    channel: int
    taps: int
    positions_at: int
    run: int
    residues: int


_steps = reader(WeightSteps)


@helper
def _round_up(count: int, n: int) -> int:
    return (count + n - 1) // n * n


def _turner(row_block: int) -> Any:
    """The helper that turns weights so that those of a row block's output channels stand beside each other."""

    @helper
    def turn_runs(weights: Any, at: int, w: WeightSteps, channels: int, turned: Any, pitch: int) -> bool:
        """Turn a run for each of the output channels, or of each input channel; not beyond the array's ends.

        Whole vectors are read. The last one of a run ends with it, but goes beyond one that is shorter than a vector.
        """
        n = lanes(turned)
        runs = 1 if w.channel == w.taps else channels
        length = channels * w.taps if w.channel == w.taps else w.taps
        rows_reach, runs_reach = (row_block - 1) * w.row, (runs - 1) * w.channel
        lowest = at + min(0, rows_reach) + min(0, runs_reach)
        if lowest < 0 or at + max(0, rows_reach) + max(0, runs_reach) + max(n, length) > weights.size:
            return False
        for run in range(runs):
            for first in range(0, length, n):
                d = max(0, min(first, length - n))
                turn_rows(row_block, weights, at + run * w.channel + d, w.row, turned, (run * pitch + d) * row_block)
        return True

    @helper
    def turn(
        weights: Any, at: int, w: WeightSteps, channels: int, rows: int, turned: Any, pitch: int, table: Any
    ) -> None:  # fmt: skip
        """Turn the weights of some input channels for so many rows; those that fill up a block are zero."""
        whole = w.run and rows == row_block
        if whole and turn_runs(weights, at + table[w.positions_at], w, channels, turned, pitch):
            return
        for c in range(channels):
            for slot in range(w.taps):
                source, to = at + c * w.channel + table[w.positions_at + slot], (c * pitch + slot) * row_block
                for row in range(row_block):
                    turned[to + row] = weights[source + row * w.row] if row < rows else 0

    return turn


class _Packed(NamedTuple):
    """Where transformed weights go: `at` is the first channel's at the first place, places are `step` apart."""

    values: Any
    at: int
    step: int


def _transformer(kind: Kind) -> Any:
    """The helper that transforms one piece for some channels, whichever of the kind's pieces it is."""

    def for_taps(taps: Plane, others: Any) -> Any:
        transform, rows, room = weights_in(taps, kind.points, kind.rows), kind.rows, TOGETHER * kind.rows
        taps_h, taps_w = taps.h, taps.w
        count = len(place_points(taps.h, kind.points.h)) * len(place_points(taps.w, kind.points.w))

        @helper
        def run(piece: Piece, turned: Any, pitch: int, channels: int, places: Any, packed: _Packed, table: Any) -> None:
            if piece.taps_h != taps_h or piece.taps_w != taps_w:
                others(piece, turned, pitch, channels, places, packed, table)
                return
            for c in range(channels):
                transform(turned, c * pitch * rows, table, piece.slots_at, places, c * rows, room)
            for place in range(count):
                to = packed.at + table[piece.entries_at + place] * packed.step
                copy_run(packed.values, to, places, place * room, channels * rows)

        return run

    @helper
    def none_of_them(
        piece: Piece, turned: Any, pitch: int, channels: int, places: Any, packed: _Packed, table: Any
    ) -> None:  # fmt: skip
        return

    found = none_of_them
    for taps in kind.taps():
        found = for_taps(taps, found)
    return found


class Room(NamedTuple):
    """Where weights of some input channels are turned, and where what becomes of them waits."""

    turned: Any
    places: Any


class Helpers(NamedTuple):
    """What transforms the weights of one kind of kernels.

    Attributes
    ----------
    room : callable
        ``room(steps, values)`` is the `Room`, of the type of `values`; an empty one without steps.
    turn : callable
        ``turn(weights, w, head, group, row_block, c, channels, room, table)`` turns those of some channels from c on.
    transform : callable
        ``transform(residue, w, head, to, at, c, channels, room, table)`` transforms what was turned for a residue, into
        the row block that begins at ``to[at]``.
    block : callable
        ``block(weights, steps, head, group, row_block, residue, to, room, table)`` does both for all channels of a row
        block, which begins at ``to[0]``.
    """

    room: Any
    turn: Any
    transform: Any
    block: Any


@helper
def _together(w: WeightSteps) -> int:
    """Input channels whose weights are turned at a time."""
    return max(1, min(TOGETHER, TURNED // w.taps))


@helper
def _pitch(w: WeightSteps, n: int) -> int:
    """Slots from one channel's turned weights to the next one's."""
    return w.taps if w.channel == w.taps else _round_up(w.taps, n)


def _helpers(kind: Kind) -> Helpers:
    """The helpers for one kind of kernels."""
    transform_piece, turn_block, row_block = _transformer(kind), _turner(kind.rows), kind.rows

    @helper
    def room(steps: Any, values: Any) -> Room:
        turned, places, n = 0, 0, lanes(values)
        if steps.size > 0:
            w = _steps(steps, 0)
            turned = (_round_up(_together(w) * _pitch(w, n), n) + n) * row_block
            places = MOST_PLACES * TOGETHER * row_block
        return Room(zeros(turned, values.dtype), zeros(places, values.dtype))

    @helper
    def turn(
        weights: Any, w: WeightSteps, head: WinogradHead, group: int, number: int, c: int, channels: int, room: Room,
        table: Any,
    ) -> None:  # fmt: skip
        first = number * row_block
        at = w.base + group * w.group + first * w.row + c * w.channel
        rows, pitch = min(row_block, head.out_channels - first), _pitch(w, lanes(room.turned))
        turn_block(weights, at, w, channels, rows, room.turned, pitch, table)

    @helper
    def transform(
        residue: Residue, w: WeightSteps, head: WinogradHead, to: Any, at: int, c: int, channels: int, room: Room,
        table: Any,
    ) -> None:  # fmt: skip
        packed, pitch = _Packed(to, at + c * row_block, head.channels * row_block), _pitch(w, lanes(room.turned))
        for p in range(residue.pieces):
            piece = read_piece(table, residue.pieces_at + PIECE_FIELDS * p)
            transform_piece(piece, room.turned, pitch, channels, room.places, packed, table)

    @helper
    def block(
        weights: Any, steps: Any, head: WinogradHead, group: int, number: int, residue: Residue, to: Any, room: Room,
        table: Any,
    ) -> None:  # fmt: skip
        w = _steps(steps, 0)
        for c in range(0, head.channels, _together(w)):
            channels = min(_together(w), head.channels - c)
            turn(weights, w, head, group, number, c, channels, room, table)
            transform(residue, w, head, to, 0, c, channels, room, table)

    return Helpers(room, turn, transform, block)


#: By the names of kinds.
weight_helpers = {kind.name: _helpers(kind) for kind in KINDS if kind.activated}


def _body(kind: Kind) -> Callable[..., None]:
    """The body for one kind of kernels."""
    (room_of, turn, transform, _), row_block = weight_helpers[kind.name], kind.rows

    def transform_weights(begin: int, end: int, weights: Any, packed: Any, table: Any, steps: Any) -> None:
        """Transform weights to [residue, group, row block, place, piece, channel, row].

        A task is one row block of one group; see `WeightSteps` for the steps.
        """
        head, w, room = read_head(table, 0), _steps(steps, 0), room_of(steps, packed)
        for task in range(begin, end):
            group = task // head.row_blocks
            for c in range(0, head.channels, _together(w)):
                channels = min(_together(w), head.channels - c)
                turn(weights, w, head, group, task - group * head.row_blocks, c, channels, room, table)
                for number in range(w.residues):
                    residue = read_residue(table, head.residues_at + RESIDUE_FIELDS * number)
                    at = residue.weights_at + task * residue.entries * head.channels * row_block
                    transform(residue, w, head, packed, at, c, channels, room, table)
        free((room.turned, room.places))

    return transform_weights


#: By the names of kinds.
winograd_weights = {kind.name: kernel(_body(kind), f"winograd_weights_{kind.name}") for kind in KINDS if kind.activated}
