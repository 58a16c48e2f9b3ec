"""Which axes a tile can roll along (`fastconv.jit.rolling`)."""

from __future__ import annotations

from fastconv.geometry import Axis

__all__ = ["rolls"]

#: Lanes of the shortest vectors that have masks.
LEAST_LANES = 4


def rolls(w: Axis) -> bool:
    """Whether no vectors are beside a row but the first, and those that only the last one's windows have."""
    return w.before <= LEAST_LANES and w.after <= (1 if w.stride == 1 else w.kernel)
