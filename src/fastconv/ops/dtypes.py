"""The types of numbers: which are taken, what they become together, and what they are summed in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

__all__ = [
    "Held",
    "are_numbers",
    "are_whole",
    "check_numbers",
    "dtype_of",
    "floating",
    "held_by",
    "largest_sum",
    "product_sums",
    "result_dtype",
    "sum_dtype",
    "sums_parts",
    "widens_parts",
]

#: Characters of the dtypes that arrays may have: booleans, integers, real and complex numbers, but no long doubles.
_NUMBERS = frozenset("?bBhHiIlLqQefdFD")


def are_numbers(dtype: np.dtype) -> bool:
    """Whether arrays may have that dtype."""
    return dtype.char in _NUMBERS


def check_numbers(dtype: np.dtype, name: str) -> None:
    """Refuse arrays of anything but numbers."""
    if not are_numbers(dtype):
        raise TypeError(
            f"{name} has dtype {dtype}; use booleans, integers of 8 to 64 bits, float16, float32, float64, "
            f"complex64 or complex128, as in {name}.astype(np.float64)."
        )


def result_dtype(operands: Sequence[np.dtype], dtype: Any) -> np.dtype:
    """The dtype of a sum of products: NumPy's promotion, but integers of 8 bits give int32 and wider ones int64.

    The operands are the two factors, and what is added to their products.

    Raises
    ------
    TypeError
        Where `dtype` is not one that the operands can be turned into.
    """
    promoted = np.result_type(*operands).newbyteorder("=")
    if promoted.kind in "biu":
        narrow = all(operand.itemsize == 1 for operand in operands[:2]) and all(o.itemsize <= 4 for o in operands[2:])
        promoted = np.dtype(np.int32 if narrow else np.int64)
    if dtype is None:
        return promoted
    wanted = dtype_of(dtype)
    if wanted.kind == "b" or not np.can_cast(promoted, wanted, "same_kind"):
        raise TypeError(f"dtype={wanted} cannot hold a result of {promoted} numbers; give a {_kind(promoted)} dtype.")
    return wanted


def dtype_of(dtype: Any, name: str = "dtype") -> np.dtype:
    """A dtype of numbers."""
    try:
        wanted = np.dtype(dtype).newbyteorder("=")
    except (TypeError, ValueError, SyntaxError):  # whatever NumPy makes of a text that is none
        raise TypeError(f"{name}={dtype!r} is not a dtype; give one such as np.float32.") from None
    if wanted.kind not in "biufc" or wanted.itemsize > (16 if wanted.kind == "c" else 8):
        raise TypeError(
            f"{name}={wanted} is not supported; give an integer, float or complex dtype such as np.float32."
        )
    return wanted


def _kind(dtype: np.dtype) -> str:
    return {"i": "signed integer, floating or complex", "u": "integer", "f": "floating or complex", "c": "complex"}[
        dtype.kind
    ]


def sum_dtype(dtype: np.dtype) -> np.dtype:
    """The dtype in which a result of the given dtype is summed."""
    if dtype.kind in "biu":
        return np.dtype(np.int32 if dtype.itemsize <= 4 else np.int64)
    return np.dtype(np.float32) if dtype == np.float16 else dtype


class Held(NamedTuple):
    """What an operand holds: numbers of a dtype, and where they are whole, of either sign, none larger than `size`."""

    dtype: np.dtype
    size: int = 0


def held_by(dtype: np.dtype) -> Held:
    """What an array of that dtype may hold."""
    if dtype.kind not in "biu":
        return Held(dtype)
    return Held(dtype, 1 if dtype.kind == "b" else max(-int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)))


def are_whole(operands: Sequence[Held], result: np.dtype) -> bool:
    """Whether whole numbers are summed into whole numbers."""
    return result.kind in "biu" and all(operand.dtype.kind in "biu" for operand in operands)


def largest_sum(operands: Sequence[Held], products: int) -> int:
    """What no sum of so many products of whole numbers exceeds, nor what is added to it makes of it.

    The operands are the two factors, and what is added to their products.
    """
    return products * operands[0].size * operands[1].size + sum(operand.size for operand in operands[2:])


def product_sums(operands: Sequence[Held], products: int, result: np.dtype) -> tuple[np.dtype, bool]:
    """The dtype in which so many products are summed, and whether it holds whole numbers as floats.

    Floats are multiplied and added four to twelve times as fast as integers are. Operands are as `largest_sum` takes
    them.
    """
    sums = sum_dtype(result)
    if result != sums or not are_whole(operands, result):
        return sums, False
    bound = largest_sum(operands, products)
    for floats in (np.dtype(np.float32), np.dtype(np.float64)):
        if bound <= min(2 ** (np.finfo(floats).nmant + 1), np.iinfo(sums).max):
            return floats, True
    return sums, False


def sums_parts(factors: Sequence[np.dtype], sums: np.dtype, parts: int) -> bool:
    """Whether products of whole numbers may be summed so many at a time, in 32 bits that wrap around.

    Two are those of signed numbers of 16 bits, four of any of 8.
    """
    return sums == np.int32 and all(f.itemsize == 1 if parts == 4 else np.can_cast(f, np.int16) for f in factors)


def widens_parts(factors: Sequence[np.dtype], sums: np.dtype) -> bool:
    """Whether sums have 64 bits, and factors 16 at most."""
    return sums == np.int64 and all(np.can_cast(f, np.int16) for f in factors)


def floating(dtype: np.dtype) -> np.dtype:
    """The dtype that a division or a root gives: a float stays what it is, anything else becomes float64."""
    return dtype.newbyteorder("=") if dtype.kind == "f" else np.dtype(np.float64)
