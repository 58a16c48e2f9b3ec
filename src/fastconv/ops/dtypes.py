"""The types of numbers: which are taken, what they become together, and what they are summed in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = [
    "are_numbers",
    "check_numbers",
    "dtype_of",
    "floating",
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


def product_sums(operands: Sequence[np.dtype], products: int, result: np.dtype) -> tuple[np.dtype, bool]:
    """The dtype in which so many products are summed, and whether it holds whole numbers as floats.

    Floats are multiplied and added four to twelve times as fast as integers are. The operands are the two factors, and
    what is added to their products.
    """
    sums = sum_dtype(result)
    if result != sums or any(operand.kind not in "biu" for operand in (result, *operands)):
        return sums, False
    largest = [1 if o.kind == "b" else max(-int(np.iinfo(o).min), int(np.iinfo(o).max)) for o in operands]
    bound = products * largest[0] * largest[1] + sum(largest[2:])
    for floats in (np.dtype(np.float32), np.dtype(np.float64)):
        if bound <= min(2 ** (np.finfo(floats).nmant + 1), np.iinfo(sums).max):
            return floats, True
    return sums, False


def sums_parts(operands: Sequence[np.dtype], result: np.dtype, parts: int) -> bool:
    """Whether products may be summed so many at a time, in 32 bits that wrap around.

    Two are those of signed numbers of 16 bits, four of any of 8.
    """
    if sum_dtype(result) != np.int32 or any(operand.kind not in "biu" for operand in (result, *operands)):
        return False
    return all(o.itemsize == 1 if parts == 4 else np.can_cast(o, np.int16) for o in operands[:2])


def widens_parts(operands: Sequence[np.dtype], result: np.dtype) -> bool:
    """Whether sums have 64 bits, and factors 16 at most."""
    if sum_dtype(result) != np.int64 or any(operand.kind not in "biu" for operand in (result, *operands)):
        return False
    return all(np.can_cast(o, np.int16) for o in operands[:2])


def floating(dtype: np.dtype) -> np.dtype:
    """The dtype that a division or a root gives: a float stays what it is, anything else becomes float64."""
    return dtype.newbyteorder("=") if dtype.kind == "f" else np.dtype(np.float64)
