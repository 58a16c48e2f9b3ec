"""Kernels cut into pieces of a few taps, each of which is a short convolution at stride 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from operator import mul
from typing import NamedTuple

import numpy as np

from fastconv.geometry import Axis
from fastconv.jit.winograd import MOST_TAPS, Plane, place_points, step_of
from fastconv.kernels.slab import SlabAxis
from fastconv.kernels.winograd_table import Piece
from fastconv.lazy import lazy
from fastconv.plan.table import Table
from fastconv.plan.weights import Weights
from fastconv.plan.windows import Windows, plain_axis

__all__ = ["Depth", "PiecedAxis", "Pieces", "Run", "Seen", "Slots"]


@dataclass(frozen=True, slots=True)
class Run:
    """Taps that read neighbours: of phase `phase` of the slab's axis, from place `place` on."""

    taps: tuple[int, ...]
    phase: int
    place: int


@dataclass(frozen=True)
class PiecedAxis:
    """One axis as residues of outputs, each with the runs of taps that it sums; two of its three steps are 1.

    The outputs are those congruent modulo the dilation or the stretch. A slab holds every `dilation`-th input position,
    in as many phases as the stride.

    Examples
    --------
    >>> PiecedAxis(Axis(size=9, kernel=7, stride=2, before=3, after=3)).runs
    ((Run(taps=(0, 2), phase=0, place=0), Run(taps=(4, 6), phase=0, place=2), Run(taps=(1, 3, 5), phase=1, place=0)),)
    >>> PiecedAxis(Axis(size=9, kernel=3, dilation=2, before=2, after=2)).tiles  # five outputs, and four
    3
    """

    axis: Axis

    @property
    def is_plain(self) -> bool:
        """Whether it can be cut: two of the steps are 1, and each residue has a tap."""
        steps = (self.axis.stride, self.axis.dilation if self.axis.kernel > 1 else 1, self.axis.stretch)
        return sum(step > 1 for step in steps) <= 1 and self.axis.kernel >= self.axis.stretch

    @property
    def residues(self) -> int:
        """Number of residues."""
        return min(self.axis.output, self.step)

    @property
    def step(self) -> int:
        """Outputs from one of a residue to the next."""
        return self.axis.dilation if self.axis.kernel > 1 and self.axis.stretch == 1 else self.axis.stretch

    @property
    def slab_step(self) -> int:
        """Input positions from one of the slab to the next."""
        return self.step if self.axis.stretch == 1 else 1

    @property
    def input_step(self) -> int:
        """Input positions from one output of a residue to the next."""
        return self.slab_step * self.axis.stride

    @lazy
    def starts(self) -> tuple[int, ...]:
        """For each residue, the input position where the slab of its first output begins."""
        if self.axis.stretch == 1:
            return tuple(residue - self.axis.before for residue in range(self.residues))
        return tuple(min(shifts.values(), default=0) for shifts in Windows(self.axis).shifts)

    @lazy
    def runs(self) -> tuple[tuple[Run, ...], ...]:
        """For each residue its runs, none of more than three taps."""
        if self.axis.stretch == 1:
            taps = range(self.axis.kernel)
            phases = [
                [(k, k // self.axis.stride) for k in taps[p :: self.axis.stride]] for p in range(self.axis.stride)
            ]
            return (tuple(run for p, places in enumerate(phases) for run in _cut(places, p)),) * self.residues
        found = []
        for shifts, start in zip(Windows(self.axis).shifts, self.starts, strict=True):
            found.append(tuple(_cut(sorted(((k, s - start) for k, s in shifts.items()), key=lambda it: it[1]), 0)))
        return tuple(found)

    @lazy
    def points(self) -> int:
        """Points at which the pieces are evaluated."""
        longest = max((len(run.taps) for runs in self.runs for run in runs), default=1)
        return longest + 1 if longest > 1 else 1

    @property
    def tiles(self) -> int:
        """Tiles of the first residue, which has most outputs."""
        return -(-self.axis.output // (self.step * step_of(self.points)))

    def positions(self, tiles: int) -> int:
        """Positions of a slab for so many tiles; of its last ones no output may be in use, and they count as zeros."""
        reach = max(run.place + len(run.taps) for runs in self.runs for run in runs)
        return (tiles * step_of(self.points) + reach - 1) * self.axis.stride

    def slab(self, table: Table, tiles: int, step: int, mode: str) -> SlabAxis:
        """The slab for a block of tiles, in a flat input of the given step."""
        borders = Windows(self.axis).borders(mode)
        return plain_axis(table, self.axis.size, step, 0, self.positions(tiles), borders, self.slab_step)


def _cut(places: list[tuple[int, int]], phase: int) -> list[Run]:
    """Runs of three taps, and of two where one would be left: (tap, place) are given in the order of places."""
    sizes = [MOST_TAPS] * (len(places) // MOST_TAPS)
    left = len(places) % MOST_TAPS
    if left == 1 and sizes:
        sizes[-1:] = [2, 2]
    elif left:
        sizes.append(left)
    runs, first = [], 0
    for size in sizes:
        part = places[first : first + size]
        runs.append(Run(tuple(k for k, _ in part), phase, part[0][1]))
        first += size
    return runs


class Seen(NamedTuple):
    """Gathered input as pieces see it.

    Attributes
    ----------
    rows, row : int
        Rows of a plane, and elements of a row.
    stride : int
        Rows from one output to the next: that many phases follow each other in turn.
    phase_pitch : int
        Elements of a row's phase, of which each is a run.
    """

    rows: int
    row: int
    stride: int
    phase_pitch: int


class Depth(NamedTuple):
    """What a piece takes at a place: `channels` rows of transformed tiles, `pitch` apart, and `gap` elements behind.

    Whole vectors of tiles are written, and runs of them read, of which the last may reach into the gap.
    """

    channels: int
    pitch: int
    gap: int

    @property
    def size(self) -> int:
        """Elements from one piece to the next."""
        return self.channels * self.pitch + self.gap

    def offsets(self, pieces: int) -> np.ndarray:
        """Where the tiles of each channel of some pieces begin."""
        channels = np.arange(self.channels, dtype=np.int64) * self.pitch
        return (np.arange(pieces, dtype=np.int64)[:, None] * self.size + channels).reshape(-1)


@dataclass(frozen=True)
class Slots:
    """The weights of a pair of channels in the order in which they stand in memory.

    Attributes
    ----------
    positions : tuple of int
        Steps from the first weight of the kernel to the one in each slot.
    taps : tuple of int
        Steps of the axes.
    """

    positions: tuple[int, ...]
    taps: tuple[int, ...]

    @classmethod
    def all_of(cls, kernel: Sequence[int], weights: Weights) -> Slots:
        """Of a kernel of so many taps."""
        found = {sum(map(mul, tap, weights.taps)) for tap in product(*map(range, kernel))}
        return cls(tuple(sorted(found)), weights.taps)

    @property
    def is_run(self) -> bool:
        """Whether the weights follow each other."""
        return self.positions[-1] - self.positions[0] == len(self.positions) - 1

    @lazy
    def _numbers(self) -> dict[int, int]:
        return {position: slot for slot, position in enumerate(self.positions)}

    def of(self, *tap: int) -> int:
        """The slot of a tap."""
        return self._numbers[sum(map(mul, tap, self.taps))]


@dataclass(frozen=True)
class Pieces:
    """All pieces of a residue.

    Attributes
    ----------
    runs : list
        For each piece its tap along d and its runs along h and w.
    depths : list of int
        For each place of a tile, the pieces that have it.
    entries : list of list of int
        For each piece, the numbers of its places among those of all pieces, place by place.
    """

    runs: list[tuple[int, Run, Run]]
    depths: list[int]
    entries: list[list[int]]

    @classmethod
    def of(cls, planes: int, rows: Sequence[Run], columns: Sequence[Run], points: Plane) -> Pieces:
        """Of a kernel with so many taps along d, for tiles with so many points."""
        runs = list(product(range(planes), rows, columns))
        places = []
        for _, row, column in runs:
            both = product(place_points(len(row.taps), points.h), place_points(len(column.taps), points.w))
            places.append([h * points.w + w for h, w in both])
        depths = [sum(place in its for its in places) for place in range(points.h * points.w)]
        following = [sum(depths[:place]) for place in range(len(depths))]
        entries = []
        for its in places:
            entries.append([following[place] for place in its])
            for place in its:
                following[place] += 1
        return cls(runs, depths, entries)

    def write(self, table: Table, seen: Seen, depth: Depth, slots: Slots) -> tuple[int, int, int, int]:
        """Add the records; returns where they begin, their number, where `depths` begins, and the sum of those."""
        records = []
        for (plane, row, column), entries in zip(self.runs, self.entries, strict=True):
            line = plane * seen.rows + row.place * seen.stride + row.phase
            piece = Piece(
                taps_h=len(row.taps),
                taps_w=len(column.taps),
                at=line * seen.row + column.phase * seen.phase_pitch + column.place,
                starts_at=table.append([entry * depth.size for entry in entries]),
                entries_at=table.append(entries),
                slots_at=table.append([slots.of(plane, r, s) for r, s in product(row.taps, column.taps)]),
            )
            records.append(piece)
        return table.append_records(records), len(records), table.append(self.depths), sum(self.depths)
