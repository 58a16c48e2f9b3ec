"""Where lines of an input stand that tiles read in place."""

from __future__ import annotations

import numpy as np

from fastconv.geometry import Axis, source_index
from fastconv.jit.lines import NO_LINE

__all__ = ["MOST_COLUMNS", "line_positions"]

#: Lanes are masked by 32-bit numbers: rows with their padding have fewer elements than these, in which none overflows.
MOST_COLUMNS = 2**30


def line_positions(axis: Axis, places: np.ndarray, step: int, mode: str = "zeros") -> np.ndarray:
    """Flat positions of places on an axis that may be in its padding, or behind it: `NO_LINE` where zeros stand.

    Examples
    --------
    >>> line_positions(Axis(size=3, kernel=1), np.array([-1, 0, 2]), 10, "reflect")
    array([10,  0, 20])
    """
    sources = np.where((places >= 0) & (places < axis.size), places, -1)
    if mode != "zeros":
        outside = sources < 0
        sources[outside] = [source_index(place, axis.size, mode) for place in places[outside].tolist()]
    return np.where(sources < 0, NO_LINE, sources * step)
