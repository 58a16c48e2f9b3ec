"""What whole numbers are among values: which dtype holds them, and how large they are.

Arrays of 64-bit integers are what NumPy makes of whole numbers, but few hold any that need them. To look at all values
of an image takes a few hundredths of what products of smaller numbers save.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fastconv.kernels.ends import RUN, least_and_most
from fastconv.ops.dtypes import Held, held_by

__all__ = ["Ends", "ends_of", "ends_of_dtype", "held_as", "some_of"]

#: Nanoseconds to look at a byte, for estimates only.
BYTE_COST = 0.015
#: Values that NumPy looks at as fast.
LEAST = 2 * RUN
#: Values along each axis that `some_of` takes: 81 of an array of images.
SOME = 3


class Ends(NamedTuple):
    """The least and the greatest of some whole numbers."""

    least: int
    most: int


def ends_of_dtype(dtype: np.dtype) -> Ends:
    """The ends of all values that a dtype of whole numbers has."""
    if dtype.kind == "b":
        return Ends(0, 1)
    limits = np.iinfo(dtype)
    return Ends(int(limits.min), int(limits.max))


#: What values may be held as, best first: of two of 8 bits, signed ones and others multiply each other.
_SIGNED, _UNSIGNED = (
    [
        (ends_of_dtype(np.dtype(name)), held_by(np.dtype(name)))
        for name in (*eight, "int16", "uint16", "int32", "uint32", "int64", "uint64")
    ]
    for eight in (("int8", "uint8"), ("uint8", "int8"))
)


def held_as(x: Ends, weight: Ends) -> tuple[Held, Held]:
    """What operands hold whose values have such ends: in dtypes of different kinds where both have 8 bits and may.

    Sizes are those of all numbers of as many bits, so that few differ.
    """
    weights = _narrowest(weight, _UNSIGNED if x.least < 0 else _SIGNED)
    return _narrowest(x, _SIGNED if weights.dtype.kind == "u" else _UNSIGNED), weights


def _narrowest(ends: Ends, held: list[tuple[Ends, Held]]) -> Held:
    least, most = ends
    dtype, size = next(of for limits, of in held if limits.least <= least and most <= limits.most)
    return Held(dtype, min((1 << max(-least, most).bit_length()) - 1, size))


def ends_of(array: np.ndarray) -> Ends:
    """The ends of the values of an array that has some."""
    if array.size < LEAST or array.dtype.kind == "b" or not array.dtype.isnative or not array.flags.aligned:
        return Ends(int(array.min()), int(array.max()))
    values = array.ravel("K")  # a copy only of what has gaps
    runs = -(-values.size // RUN)
    found = np.empty(2 * runs, values.dtype)
    least_and_most.run(runs, values.nbytes * BYTE_COST, values, found)
    return Ends(int(found[::2].min()), int(found[1::2].max()))


def some_of(shape: tuple[int, ...]) -> tuple[slice, ...]:
    """The places of a few elements, here and there in an array of that shape."""
    return tuple(slice(size // (2 * SOME), None, -(-size // SOME)) for size in shape)
