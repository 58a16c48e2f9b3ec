"""Plans of kernels that read weights where they stand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

__all__ = ["UnpackedPlan"]


@dataclass(frozen=True, slots=True)
class UnpackedPlan:
    """All that such a kernel needs beside the values.

    Attributes
    ----------
    run_kernel : callable
        Runs the kernel for the dtypes of the call.
    table : ndarray of int64
        Its records and their lists.
    no_bias : ndarray
        What stands for a bias where there is none.
    tasks : int
        Number of tasks.
    nanoseconds : float
        Their rough time on one thread.
    summary : str
        The choice in words.
    """

    run_kernel: Callable[..., None]
    table: np.ndarray
    no_bias: np.ndarray
    tasks: int
    nanoseconds: float
    summary: str

    def run(self, x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None, y: np.ndarray) -> None:
        """Write the result into the contiguous `y`."""
        self.run_kernel(x, weight, self.no_bias if bias is None else bias, y, self.table)
