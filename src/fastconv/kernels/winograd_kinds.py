"""What the kernels of Winograd's algorithm are compiled for."""

from __future__ import annotations

from typing import NamedTuple

from fastconv.jit.machine import machine
from fastconv.jit.winograd import MOST_TAPS, Plane

__all__ = ["KINDS", "ROWS", "SHORT_TILES", "SPREAD_ROWS", "TILES", "Kind", "runs_of"]

#: Output channels of a row block; and where they are lanes, of vectors of float32.
ROWS = machine().tile_rows
SPREAD_ROWS = machine().panel_vectors * machine().vector_bytes // 4

#: Tiles that are summed at once where output channels are lanes, in a long run and in a short one.
TILES = machine().panel_rows
SHORT_TILES = TILES // 2 + 1


def runs_of(tiles: int) -> tuple[int, int]:
    """Tiles in long runs and in short ones that together have so many, or a few more: as few as there can be."""
    best, short = (tiles + TILES - 1) // TILES * TILES, 0
    for count in range(1, TILES):
        long = max(0, tiles - count * SHORT_TILES + TILES - 1) // TILES * TILES
        if long + count * SHORT_TILES < best:
            best, short = long + count * SHORT_TILES, count * SHORT_TILES
    return best - short, short


class Kind(NamedTuple):
    """What a kernel is made for.

    Attributes
    ----------
    points : Plane
        Points of the axes.
    least : int
        Fewest taps of a piece along an axis with several points.
    activated : bool
        Whether an activation may be applied; else the kernel compiles in less time.
    spread : bool
        Whether lanes are output channels, not tiles: for float32 alone.
    """

    points: Plane
    least: int
    activated: bool
    spread: bool

    @property
    def rows(self) -> int:
        """Output channels of a row block."""
        return SPREAD_ROWS if self.spread else ROWS

    @property
    def strided(self) -> bool:
        """Whether it knows strides: 3x3 alone does without, and compiles in nine tenths of the time."""
        return self.least < MOST_TAPS

    @property
    def name(self) -> str:
        """Unique but for the activation."""
        return f"{self.points.h}x{self.points.w}{'_pieces' * self.strided}{'_spread' * self.spread}"

    @property
    def kernel_name(self) -> str:
        """Of the kernel that sums; all that know strides apply activations."""
        return f"winograd_{self.name}{'_activated' * (self.activated and not self.strided)}"

    def taps(self) -> list[Plane]:
        """The pieces that there may be."""
        axes = [range(self.least, points) if points > 1 else (1,) for points in self.points]
        return [Plane(h, w) for h in axes[0] for w in axes[1]]


#: 3x3 at stride 1 is the commonest by far. Longer kernels have pieces of two and three taps; where there are only two
#: and fewer, it is at stride 2. The last two are for kernels along one axis.
_PLANES = (
    (Plane(4, 4), 3, False),
    (Plane(4, 4), 3, True),
    (Plane(4, 4), 2, True),
    (Plane(3, 3), 1, True),
    (Plane(1, 4), 2, True),
    (Plane(4, 1), 2, True),
)
KINDS = tuple(Kind(*plane, spread) for spread in (False, True) for plane in _PLANES)
