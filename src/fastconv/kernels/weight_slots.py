"""Weights of neighbouring taps, turned in squares that go from registers to their places.

A square holds all that stands between the taps of a channel, those of other phases too; each number in it has a *slot*,
which says where it goes, if anywhere.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from fastconv.jit.decorators import helper
from fastconv.jit.scratch import empty
from fastconv.jit.tile import fetch_to_read, lanes
from fastconv.jit.transpose import transpose_to

__all__ = ["SPAN", "Slots", "empty_slots", "list_taps", "reach_of", "turn_slots"]

#: Most elements that the taps of a channel may be spread over, a multiple of lanes.
SPAN = 64
#: Channels between the one whose weights are turned and the one whose are fetched, where rows stand beside each other:
#: a CPU sees no order in runs of them that are pages apart (512 x 512 x 3 x 3, transposed: 0.7 of the time).
CHANNELS_AHEAD = 4


@helper
def reach_of(offsets: Any, first: int, taps: int, low: int, high: int) -> tuple[int, int]:
    """The least and the greatest of two numbers and the steps of so many taps."""
    for tap in range(first, first + taps):
        low, high = min(low, offsets[tap]), max(high, offsets[tap])
    return low, high


class Slots(NamedTuple):
    """What stands in the weights of a row from a channel's first to its last.

    Attributes
    ----------
    places : vector
        Where each goes for the channel at hand, from the first row on; -1 what is no tap of the phases.
    steps : vector
        From there to where that of the next channel goes.
    span : int
        How many there are; of several channels, where these are taken together.
    """

    places: Any
    steps: Any
    span: int


@helper
def empty_slots(span: int) -> Slots:
    """Room for so many, which are no taps yet."""
    slots = Slots(empty(SPAN, np.int64), empty(SPAN, np.int64), span)
    for slot in range(SPAN):
        slots.places[slot], slots.steps[slot] = -1, 0
    return slots


@helper
def list_taps(
    slots: Slots, low: int, offsets: Any, first: int, taps: int, to: int, rows: int, together: int = 1, span: int = 0
) -> None:
    """The taps of a phase, whose weights go to `to`, those of so many rows side by side; slot 0 has the step `low`.

    Where channels are taken together, each has so many slots.
    """
    for channel in range(together):
        for tap in range(taps):
            slot = channel * span + offsets[first + tap] - low
            slots.places[slot], slots.steps[slot] = to + (channel * taps + tap) * rows, together * taps * rows


@helper
def turn_slots(
    weights: Any, source: int, step: int, channels: int, row: int, rows: int, slots: Slots, packed: Any
) -> int:
    """Weights in squares that go to their places as they are: the number of channels that were done.

    A row's first weight for a channel stands at `source`, `row` and `step` lead to the next ones. Of fewer rows than a
    vector has lanes, as many are read as of a whole one, and up to a vector behind a row's last weight; where that
    would be beyond the ends of the weights, no more are done.
    """
    n, beside = lanes(packed), row <= SPAN
    done: Any = np.int64(0)
    last_row, behind = (max(rows, n) - 1) * row, (slots.span - 1) // n * n + n
    while done < channels:
        channel = source + done * step
        if channel + min(0, last_row) < 0 or channel + max(0, last_row) + behind > weights.size:
            break
        for i in range(0, (rows - 1) * row + slots.span if beside else 0, n):
            fetch_to_read(weights, channel + CHANNELS_AHEAD * step + i, 0)
        for r in range(0, rows, n):
            for slot in range(0, slots.span, n):
                at = channel + r * row + slot
                transpose_to(weights, at, row, packed, slots.places, slot, r, min(n, rows - r))
        for slot in range(slots.span):
            slots.places[slot] += slots.steps[slot]
        done += 1
    return done
