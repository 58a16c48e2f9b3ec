"""Plans that are a kernel and its table, without more that depends on the operation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fastconv.jit.kernel import Bound

__all__ = ["KernelPlan", "WordsPlan"]


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


@dataclass(frozen=True, slots=True)
class WordsPlan(KernelPlan):
    """One whose kernel knows of the arrays' elements only how many bytes they have."""

    def run(self, *arrays: np.ndarray) -> None:
        """Do all tasks on arrays of one type, taken for words of the kernel's."""
        word: Any = self.kernel.dtypes[0]
        views = [array.view(word) for array in arrays]
        self.kernel.run(self.tasks, self.nanoseconds, *views, self.table)
