"""Images of rows whose windows reach beside them: what stands there, and how rows are cut."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fastconv.geometry import source_index

__all__ = ["Images", "Reach", "beside", "parts_of"]


class Reach(NamedTuple):
    """A window's elements along an axis, at most before and behind the one that it is written to; what stands there."""

    before: int
    after: int
    mode: str

    @property
    def taps(self) -> int:
        """How many there are."""
        return self.before + self.after + 1

    def sources(self, size: int) -> np.ndarray:
        """What stands for the elements from `before` before an axis to `after` behind it, -1 for a constant."""
        found = np.arange(-self.before, size + self.after)
        for place in (*range(self.before), *range(self.before + size, found.size)):
            found[place] = source_index(int(found[place]), size, self.mode)
        return found


class Images(NamedTuple):
    """So many images of rows of pixels, of so many elements that are filtered each by itself."""

    total: int
    rows: int
    pixels: int
    elements: int

    @property
    def width(self) -> int:
        """Elements of a row."""
        return self.pixels * self.elements


def beside(images: Images, along: Reach | None) -> np.ndarray:
    """The elements that stand for those before a row and then for those behind it, -1 for a constant."""
    if along is None:
        return np.empty(0, np.int64)
    sources = along.sources(images.pixels)
    pixels = np.concatenate([sources[: along.before], sources[along.before + images.pixels :]])[:, None]
    return np.where(pixels < 0, -1, pixels * images.elements + np.arange(images.elements)).reshape(-1)


def parts_of(images: Images, along: Reach | None, longest: int) -> int:
    """Into how many a row is cut; what stands beside it has to be in the same part as its end."""
    if along is not None and (along.mode == "circular" or along.taps * images.elements > longest // 2):
        return 1
    return -(-images.width // longest)
