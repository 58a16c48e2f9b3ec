"""Where the taps of a window stand in a slab: one axis of a geometry in the slab's terms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fastconv.geometry import Axis, source_index
from fastconv.kernels.slab import SlabAxis
from fastconv.lazy import lazy
from fastconv.plan.table import Table

__all__ = ["Place", "Windows", "plain_axis", "slab_axes"]


@dataclass(frozen=True, slots=True)
class Place:
    """Tap `tap` reads the slab `place` elements on, in the plane number `phase` of its axis."""

    tap: int
    phase: int
    place: int


@dataclass(frozen=True)
class Windows:
    """One axis, seen from a slab (see `fastconv.kernels.slab`); the stride or the stretch is 1.

    Output ``stretch * q + residue`` and tap k read input position ``(residue * stride + k * dilation - before) /
    stretch`` from ``stride * q`` on, where that is whole: these are the shifts.

    Examples
    --------
    >>> w = Windows(Axis(size=8, kernel=3, stride=2, before=1, after=1))
    >>> w.low, w.phases, w.places
    (1, (0, 1), ((Place(tap=0, phase=0, place=0), Place(tap=1, phase=1, place=0), Place(tap=2, phase=0, place=1)),))
    """

    axis: Axis

    @lazy
    def shifts(self) -> tuple[dict[int, int], ...]:
        """For each residue of the stretch, the input shift of each tap that meets an input element."""
        a = self.axis
        found: list[dict[int, int]] = []
        for residue in range(min(a.stretch, a.output)):
            starts = {k: residue * a.stride + k * a.dilation - a.before for k in range(a.kernel)}
            found.append({k: start // a.stretch for k, start in starts.items() if start % a.stretch == 0})
        return tuple(found)

    @lazy
    def low(self) -> int:
        """How far before the first input element the first window begins."""
        return -min((shift for taps in self.shifts for shift in taps.values()), default=0)

    @lazy
    def high(self) -> int:
        """How far after its first input position a window reaches that begins at the first input element."""
        return max((shift for taps in self.shifts for shift in taps.values()), default=-self.low)

    @lazy
    def phases(self) -> tuple[int, ...]:
        """Input positions modulo the stride that some tap reads."""
        stride = self.axis.stride
        return tuple(sorted({(s + self.low) % stride for taps in self.shifts for s in taps.values()})) or (0,)

    @lazy
    def places(self) -> tuple[tuple[Place, ...], ...]:
        """For each residue of the stretch, where its taps stand in the slab."""
        stride, number = self.axis.stride, {phase: i for i, phase in enumerate(self.phases)}
        return tuple(
            tuple(Place(k, number[(s + self.low) % stride], (s + self.low) // stride) for k, s in taps.items())
            for taps in self.shifts
        )

    @lazy
    def reach(self) -> int:
        """Elements of a plane that a block needs beyond one for each of its outputs."""
        return max((p.place for taps in self.places for p in taps), default=0)

    @lazy
    def numbers(self) -> int:
        """Outputs of the largest phase."""
        return -(-self.axis.output // self.axis.stretch)

    def borders(self, mode: str) -> tuple[list[int], list[int]]:
        """Sources of the positions before and behind the input that windows reach; none where zeros stand."""
        if mode == "zeros":
            return [], []
        size = self.axis.size
        behind = self.axis.stride * (self.numbers - 1) + max(max(taps.values()) for taps in self.shifts) - size + 1
        before = [source_index(i, size, mode) for i in range(-max(0, self.low), 0)]
        return before, [source_index(i, size, mode) for i in range(size, size + max(0, behind))]


def slab_axes(
    table: Table, windows: Sequence[Windows], blocks: Sequence[int], steps: Sequence[int], mode: str
) -> list[SlabAxis]:
    """The slab's records for blocks of the given sizes; the lists they point to go into the table.

    Parameters
    ----------
    table : Table
        What will hold the records.
    windows, blocks, steps : sequences
        For each axis its windows, the outputs of a block, and the step of the flat input.
    mode : str
        Padding mode.
    """
    axes = []
    for w, block, step in zip(windows, blocks, steps, strict=True):
        before, after = w.borders(mode)
        axes.append(
            SlabAxis(
                size=w.axis.size,
                stride=step,
                step=w.axis.stride,
                low=w.low,
                positions=block + w.reach,
                phases_at=table.append(w.phases),
                phases=len(w.phases),
                border_at=table.append(before + after),
                before=len(before),
                after=len(after),
            )
        )
    return axes


def plain_axis(
    table: Table,
    size: int = 1,
    stride: int = 0,
    low: int = 0,
    positions: int = 1,
    borders: tuple[Sequence[int], Sequence[int]] = ((), ()),
    step: int = 1,
) -> SlabAxis:
    """One axis of a slab that holds input positions in their own order, or every `step`-th; by default a single one.

    See `SlabAxis` for `size`, `stride`, `low` and `positions`, and `Windows.borders` for `borders`.
    """
    before, after = borders
    return SlabAxis(
        size=size,
        stride=stride,
        step=step,
        low=low,
        positions=positions,
        phases_at=table.append([0]),
        phases=1,
        border_at=table.append([*before, *after]),
        before=len(before),
        after=len(after),
    )
