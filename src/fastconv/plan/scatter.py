"""Plans of numbers that are put where indices say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fastconv.jit.kernel import Bound, Kernel
from fastconv.kernels.scatter import Scatter

__all__ = ["ScatterPlan", "plan_scatter"]

#: Nanoseconds, for estimates only: to put a number at its place, and to clear an element.
PUT_COST, CLEAR_COST = 1.5, 0.15


@dataclass(frozen=True, slots=True)
class ScatterPlan:
    """How the numbers of planes are put into planes of another size.

    Attributes
    ----------
    kernel : Bound
        What puts them.
    planes, values : int
        Number of planes, and of the numbers of each.
    table : ndarray of int64
        What the kernel reads.
    nanoseconds : float
        Rough time on one thread.
    """

    kernel: Bound
    planes: int
    values: int
    table: np.ndarray
    nanoseconds: float

    def run(self, values: np.ndarray, indices: np.ndarray, y: np.ndarray) -> int:
        """Put contiguous values into `y`, each at its index, and zeros elsewhere.

        Returns where among all indices the first stands that is outside of its plane, or -1.
        """
        wrong = np.full(self.planes, -1)
        self.kernel.run(self.planes, self.nanoseconds, values, indices, y, wrong, self.table)
        if wrong.max() < 0:
            return -1
        plane = int(np.argmax(wrong >= 0))
        return int(plane * self.values + wrong[plane])


def plan_scatter(kernel: Kernel, dtype: np.dtype, planes: int, values: int, size: int) -> ScatterPlan:
    """Plan so many planes, each of so many values for so many elements, of that dtype."""
    nanoseconds = planes * (values * PUT_COST + size * CLEAR_COST)
    bound = kernel.bind(dtype, np.int64, dtype, np.int64, np.int64)
    return ScatterPlan(bound, planes, values, np.array(Scatter(values, size), np.int64), nanoseconds)
