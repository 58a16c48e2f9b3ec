"""Arrays of any strides as flat memory: kernels see it from the lowest element to the highest, and here is where in it
the elements stand."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

import numpy as np

from fastconv.jit.machine import LINE
from fastconv.jit.objects import address

__all__ = ["LARGE", "PAGE", "Steps", "aligned_empty", "aligned_room", "empty_apart", "is_dense", "is_large", "steps"]


class Steps(NamedTuple):
    """Position in the memory of an array's first element, and the step along each axis, counted in elements."""

    base: int
    steps: tuple[int, ...]


def steps(shape: tuple[int, ...], strides: tuple[int, ...], itemsize: int) -> Steps:
    """Where the elements of an array stand in its memory.

    Examples
    --------
    >>> x = np.arange(6).reshape(2, 3)[:, ::-1]
    >>> steps(x.shape, x.strides, x.itemsize)
    Steps(base=2, steps=(3, -1))
    """
    found = tuple(stride // itemsize for stride in strides)
    return Steps(-sum(min(0, step) * (size - 1) for step, size in zip(found, shape, strict=True)), found)


def is_dense(sizes: Sequence[int], steps: Sequence[int]) -> bool:
    """Whether elements follow each other in row-major order without a gap, for their steps along axes of such sizes.

    Examples
    --------
    >>> is_dense((2, 3), (3, 1)), is_dense((1, 3), (99, 1)), is_dense((2, 3), (4, 1))
    (True, True, False)
    """
    return all(n == 1 or step == prod(sizes[i + 1 :]) for i, (n, step) in enumerate(zip(sizes, steps, strict=True)))


def aligned_empty(size: int, dtype: np.dtype) -> np.ndarray:
    """A vector without values that begins at a cache line; NumPy's own begin anywhere.

    Examples
    --------
    >>> aligned_empty(7, np.dtype(np.float32)).ctypes.data % LINE
    0
    """
    room, begin = aligned_room(size * dtype.itemsize)
    return room[begin : begin + size * dtype.itemsize].view(dtype)


def aligned_room(size: int) -> tuple[np.ndarray, int]:
    """Memory, and where in it so many bytes begin where a cache line does."""
    room = np.empty(size + LINE, np.uint8)
    return room, -address(room) % LINE


#: Bytes from which on a result does not stay in a cache near the core, and begins where `empty_apart` says.
LARGE = 2**20
#: Bytes after which the sets of a first-level cache begin anew, and addresses look alike to loads behind stores.
PAGE = 4096


def is_large(shape: tuple[int, ...], dtype: np.dtype) -> bool:
    """Whether it matters where such an array begins."""
    return prod(shape) * dtype.itemsize >= LARGE


def empty_apart(shape: tuple[int, ...], dtype: np.dtype, source: np.ndarray) -> np.ndarray:
    """An array without values; a large one begins half a page from where another does, if both are cut into pages.

    Rows of a result then do not drive the rows that it is made of out of the first-level cache, nor do loads of these
    wait for stores that look alike: 3x3 windows on 1024 x 1024 elements take 0.8 of the time, 7x7 ones 0.94 (Zen 4).

    Examples
    --------
    >>> x = np.ones((512, 1024), np.float32)
    >>> (empty_apart(x.shape, x.dtype, x).ctypes.data - x.ctypes.data) % PAGE
    2048
    """
    if not is_large(shape, dtype):
        return np.empty(shape, dtype)
    size = prod(shape) * dtype.itemsize
    room = np.empty(size + PAGE, np.uint8)
    wanted = address(source) // dtype.itemsize * dtype.itemsize + PAGE // 2
    return np.ndarray(shape, dtype, room, (wanted - address(room)) % PAGE)
