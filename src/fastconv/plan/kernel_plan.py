"""Plans that are a kernel and its table, without more that depends on the operation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fastconv.jit.kernel import Bound

__all__ = ["KernelPlan"]


@dataclass(frozen=True, slots=True)
class KernelPlan:
    """All that a kernel needs beside the values.

    Attributes
    ----------
    kernel : Bound
        What runs.
    table : ndarray of int64
        Its records and lists.
    tasks : int
        Number of tasks.
    nanoseconds : float
        Their rough time on one thread.
    """

    kernel: Bound
    table: np.ndarray
    tasks: int
    nanoseconds: float

    def run(self, *arrays: np.ndarray) -> None:
        """Do all tasks; the last of the arrays takes the result."""
        self.kernel.run(self.tasks, self.nanoseconds, *arrays, self.table)
