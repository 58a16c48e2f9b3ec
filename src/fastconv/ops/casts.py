"""Arrays of one type of numbers as those of another."""

from __future__ import annotations

import numpy as np

from fastconv.kernels.convert import RUN, convert

__all__ = ["cast"]

#: Numbers from which on threads share them, and floats become integers in vectors (0.4 of NumPy's time); few are
#: converted by NumPy as fast.
LEAST = 4 * RUN
#: Nanoseconds for a byte that is read or written, for estimates only.
BYTE_COST = 0.012


def cast(values: np.ndarray, to: np.ndarray) -> None:
    """Write values into an array of their shape, which may be the same memory."""
    if values.size >= LEAST and _are_cast(values.dtype, to.dtype) and _lie_alike(values, to):
        convert.run(-(-values.size // RUN), (values.nbytes + to.nbytes) * BYTE_COST, values, to)
    else:
        np.copyto(to, values, casting="unsafe")


def _are_cast(values: np.dtype, to: np.dtype) -> bool:
    """Whether whole numbers become others, or floats, or these become whole numbers."""
    known = all(dtype.isnative and dtype.kind in "iuf" and dtype.char != "e" for dtype in (values, to))
    return known and not values.kind == to.kind == "f"


def _lie_alike(values: np.ndarray, to: np.ndarray) -> bool:
    """Whether both have their elements in the same order, without gaps."""
    if not values.flags.aligned or not to.flags.aligned:
        return False
    steps, found = (
        [stride // array.itemsize for stride, size in zip(array.strides, array.shape, strict=True) if size > 1]
        for array in (values, to)
    )
    sizes = [size for size in values.shape if size > 1]
    return steps == found and 1 + sum(step * (size - 1) for step, size in zip(steps, sizes, strict=True)) == values.size
