"""Arrays of any strides as flat memory: kernels see one contiguous span and where in it the elements stand."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

__all__ = ["Steps", "span", "steps"]


class Steps(NamedTuple):
    """Position in the span of an array's first element, and the step along each axis, counted in elements."""

    base: int
    steps: tuple[int, ...]


def steps(shape: tuple[int, ...], strides: tuple[int, ...], itemsize: int) -> Steps:
    """Where the elements of an array stand in its `span`.

    Examples
    --------
    >>> x = np.arange(6).reshape(2, 3)[:, ::-1]
    >>> steps(x.shape, x.strides, x.itemsize)
    Steps(base=2, steps=(3, -1))
    """
    found = tuple(stride // itemsize for stride in strides)
    return Steps(-sum(min(0, step) * (size - 1) for step, size in zip(found, shape, strict=True)), found)


def span(array: np.ndarray) -> np.ndarray:
    """The memory from an array's lowest element to its highest, as one read-only vector that shares it.

    The array is not empty and its strides are whole elements (`fastconv.ops.arguments` sees to both). Read-only, so
    that a kernel is compiled once for arrays that may be written and arrays that may not.
    """
    if array.flags.c_contiguous:
        flat = array.reshape(-1)
    else:
        upward = array[tuple(slice(None, None, -1 if stride < 0 else 1) for stride in array.strides)]
        reach = sum(stride * (size - 1) for stride, size in zip(upward.strides, upward.shape, strict=True))
        flat = as_strided(upward, (reach // array.itemsize + 1,), (array.itemsize,))
    flat.flags.writeable = False
    return flat
