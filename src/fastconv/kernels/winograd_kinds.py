"""What the kernels of Winograd's algorithm are compiled for."""

from __future__ import annotations

from typing import NamedTuple

from fastconv.jit.machine import machine
from fastconv.jit.winograd import MOST_TAPS, Plane

__all__ = ["KINDS", "ROWS", "Kind"]

#: Output channels of a row block.
ROWS = machine().tile_rows


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
    """

    points: Plane
    least: int
    activated: bool

    @property
    def strided(self) -> bool:
        """Whether it knows strides: 3x3 alone does without, and compiles in nine tenths of the time."""
        return self.least < MOST_TAPS

    @property
    def name(self) -> str:
        """Unique but for the activation."""
        return f"{self.points.h}x{self.points.w}{'_pieces' * self.strided}"

    def taps(self) -> list[Plane]:
        """The pieces that there may be."""
        axes = [range(self.least, points) if points > 1 else (1,) for points in self.points]
        return [Plane(h, w) for h in axes[0] for w in axes[1]]


#: 3x3 at stride 1 is the commonest by far. Longer kernels have pieces of two and three taps; where there are only two
#: and fewer, it is at stride 2. The last two are for kernels along one axis.
KINDS = (
    Kind(Plane(4, 4), 3, False),
    Kind(Plane(4, 4), 3, True),
    Kind(Plane(4, 4), 2, True),
    Kind(Plane(3, 3), 1, True),
    Kind(Plane(1, 4), 2, True),
    Kind(Plane(4, 1), 2, True),
)
