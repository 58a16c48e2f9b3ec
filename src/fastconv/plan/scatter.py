"""Plans of numbers that are put where indices say."""

from __future__ import annotations

import numpy as np

from fastconv.jit.kernel import Kernel
from fastconv.kernels.scatter import Scatter

__all__ = ["scattered"]

#: Nanoseconds, for estimates only: to put a number at its place, and to clear an element.
PUT_COST, CLEAR_COST = 1.5, 0.15


def scattered(kernel: Kernel, planes: int, size: int, values: np.ndarray, indices: np.ndarray, y: np.ndarray) -> int:
    """Put the values of so many planes of so many elements into `y`, each at its index.

    Values and indices are contiguous, and lie in so many planes too. Returns where among all indices the first stands
    that is outside of its plane, or -1.
    """
    wrong = np.full(planes, -1)
    count = values.size // planes
    nanoseconds = planes * (count * PUT_COST + size * CLEAR_COST)
    kernel.run(planes, nanoseconds, values, indices, y, wrong, np.array(Scatter(count, size), np.int64))
    found = np.flatnonzero(wrong >= 0)
    return int(found[0] * count + wrong[found[0]]) if found.size else -1
