"""Images of rows whose windows reach beside them: what stands there, and how rows are cut."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fastconv.geometry import source_index
from fastconv.kernels.image_parts import ImageParts
from fastconv.plan.table import Table

__all__ = ["Images", "Reach", "cut_columns", "cut_rows", "row_places"]


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


def cut_columns(table: Table, images: Images, along: Reach | None, longest: int) -> ImageParts:
    """Parts of rows of at most so many elements, if they may be cut, and all rows in one; lists go into the table."""
    columns = -(-images.width // _cuts(images, along, longest))
    before, after = (along.before * images.elements, along.after * images.elements) if along else (0, 0)
    return ImageParts(
        rows=images.rows,
        width=images.width,
        block=images.rows,
        blocks=1,
        columns=columns,
        cuts=-(-images.width // columns),
        before=before,
        after=after,
        pitch=columns + before + after,
        sources_at=table.append(_beside(images, along)),
    )


def cut_rows(parts: ImageParts, block: int) -> ImageParts:
    """The same of so many rows each."""
    return parts._replace(block=block, blocks=-(-parts.rows // block))


def row_places(images: Images, down: Reach | None) -> np.ndarray:
    """The place of each row in an image, with those before and behind it; -1 for the constant."""
    sources = down.sources(images.rows) if down else np.arange(images.rows)
    return np.where(sources < 0, -1, sources * images.width)


def _beside(images: Images, along: Reach | None) -> np.ndarray:
    """The elements that stand for those before a row and then for those behind it, -1 for a constant."""
    if along is None:
        return np.empty(0, np.int64)
    sources = along.sources(images.pixels)
    pixels = np.concatenate([sources[: along.before], sources[along.before + images.pixels :]])[:, None]
    return np.where(pixels < 0, -1, pixels * images.elements + np.arange(images.elements)).reshape(-1)


def _cuts(images: Images, along: Reach | None, longest: int) -> int:
    """Into how many a row is cut; what stands beside it has to be in the same part as its end."""
    if along is not None and (along.mode == "circular" or along.taps * images.elements > longest // 2):
        return 1
    return -(-images.width // longest)
