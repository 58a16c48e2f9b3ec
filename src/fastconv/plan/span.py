"""Arrays of any strides as flat memory: kernels see one contiguous span and where in it the elements stand."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

__all__ = ["Steps", "aligned_empty", "span", "steps"]

#: Bytes of a cache line. Vectors that straddle two cost a tile 3 to 5 % of its speed.
LINE = 64


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


def aligned_empty(size: int, dtype: np.dtype) -> np.ndarray:
    """A vector without values that begins at a cache line; NumPy's own begin anywhere.

    Examples
    --------
    >>> aligned_empty(7, np.dtype(np.float32)).ctypes.data % LINE
    0
    """
    room = np.empty(size * dtype.itemsize + LINE, np.uint8)
    begin = -room.ctypes.data % LINE
    return room[begin : begin + size * dtype.itemsize].view(dtype)
