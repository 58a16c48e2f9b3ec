"""Axes whose number of windows is given and whose windows follow from it: of adaptive and of fractional pooling."""

from __future__ import annotations

from dataclasses import dataclass

from fastconv.geometry.axis import Axis

__all__ = ["AdaptiveAxis", "FractionalAxis"]


@dataclass(frozen=True, slots=True)
class AdaptiveAxis(Axis):
    """An axis cut into equal parts: window o holds elements ``floor(o i / n)`` up to ``ceil((o + 1) i / n)``.

    Parts that would end inside an element share it. `kernel` is the length of the longest window.

    Attributes
    ----------
    windows : int
        Number n of windows.

    Examples
    --------
    >>> AdaptiveAxis.of(7, 3).taps(), AdaptiveAxis.of(7, 3).kernel
    (((0, 3), (2, 3), (4, 3)), 3)
    >>> AdaptiveAxis.of(2, 4).taps()
    ((0, 1), (0, 1), (1, 1), (1, 1))
    """

    windows: int = 1

    @classmethod
    def of(cls, size: int, windows: int) -> AdaptiveAxis:
        """So many windows of so many elements."""
        return cls(size, max(length for _, length in _parts(size, windows)), windows=windows)

    @property
    def output(self) -> int:
        """Number of windows, as it was given."""
        return self.windows

    def taps(self) -> tuple[tuple[int, int], ...]:
        """The first element of each window, and how many it has."""
        return _parts(self.size, self.windows)

    def window_sizes(self, *, count_padding: bool) -> tuple[int, ...]:
        """How many elements each window has; nothing is padded."""
        return tuple(length for _, length in _parts(self.size, self.windows))


@dataclass(frozen=True, slots=True)
class FractionalAxis(Axis):
    """An axis of windows of one size that begin wherever a random sequence says, which is known with the values only.

    Attributes
    ----------
    windows : int
        Number of windows.
    """

    windows: int = 1

    @property
    def output(self) -> int:
        """Number of windows, as it was given."""
        return self.windows

    @property
    def whole(self) -> bool:
        """Never known beforehand."""
        return False


def _parts(size: int, windows: int) -> tuple[tuple[int, int], ...]:
    firsts = [o * size // windows for o in range(windows)]
    return tuple((first, -(-(o + 1) * size // windows) - first) for o, first in enumerate(firsts))
