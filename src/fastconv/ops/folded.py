"""Arrays of any number of axes as images of few: what filters do along no axis need not be an axis of theirs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

__all__ = ["LineAxis", "folded", "sizes"]


class LineAxis(NamedTuple):
    """One axis: its elements, a window's, and the positions added before and behind it."""

    size: int
    taps: int
    before: int = 0
    after: int = 0

    @property
    def filtered(self) -> bool:
        """Whether anything happens along it."""
        return self[1:] != (1, 0, 0)

    @property
    def windows(self) -> int:
        """How many there are."""
        return self.size + self.before + self.after - self.taps + 1


def folded(axes: Iterable[LineAxis]) -> tuple[int, list[LineAxis]]:
    """The number of images, and the axes of each, at least one, of an array whose axes come in the order of its memory.

    Neighbours along which nothing happens are one axis, and images if they come first. But signals are the rows of a
    single image, several of which tiles take at once: in a third of the time.

    Examples
    --------
    >>> folded([LineAxis(2, 1), LineAxis(3, 1), LineAxis(9, 3), LineAxis(4, 1), LineAxis(5, 1)])
    (6, [LineAxis(size=9, taps=3, before=0, after=0), LineAxis(size=20, taps=1, before=0, after=0)])
    >>> folded([LineAxis(6, 1), LineAxis(9, 3)])
    (1, [LineAxis(size=6, taps=1, before=0, after=0), LineAxis(size=9, taps=3, before=0, after=0)])
    """
    found: list[LineAxis] = []
    for axis in axes:
        if found and not axis.filtered and not found[-1].filtered:
            found[-1] = found[-1]._replace(size=found[-1].size * axis.size)
        else:
            found.append(axis)
    if len(found) > 2 and not found[0].filtered:
        return found[0].size, found[1:]
    return 1, found or [LineAxis(1, 1)]


def sizes(axes: Sequence[LineAxis]) -> list[int]:
    """The elements of each axis."""
    return [axis.size for axis in axes]
