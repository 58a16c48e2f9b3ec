"""Numbers of one type as those of another."""

from __future__ import annotations

from typing import Any

from fastconv.jit.kernel import kernel

__all__ = ["RUN", "convert"]

#: Numbers of a task.
RUN = 8192


@kernel
def convert(begin: int, end: int, values: Any, numbers: Any) -> None:
    """The values, cast to what `numbers` are; a task is a run of them."""
    for task in range(begin, end):
        given, to = values[task * RUN : (task + 1) * RUN], numbers[task * RUN : (task + 1) * RUN]
        for i in range(to.size):
            to[i] = given[i]
