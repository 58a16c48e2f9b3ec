"""Arrays of any strides as flat memory: kernels see it from the lowest element to the highest, and here is where in it
the elements stand."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Steps", "steps"]


class Steps(NamedTuple):
    """Position in the memory of an array's first element, and the step along each axis, counted in elements."""

    base: int
    steps: tuple[int, ...]


def steps(shape: tuple[int, ...], strides: tuple[int, ...], itemsize: int) -> Steps:
    """Where the elements of an array stand in its memory.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.arange(6).reshape(2, 3)[:, ::-1]
    >>> steps(x.shape, x.strides, x.itemsize)
    Steps(base=2, steps=(3, -1))
    """
    found = tuple(stride // itemsize for stride in strides)
    return Steps(-sum(min(0, step) * (size - 1) for step, size in zip(found, shape, strict=True)), found)
