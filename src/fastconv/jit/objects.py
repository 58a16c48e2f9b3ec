"""Python's and NumPy's objects, as compiled code finds them in memory.

Handing Numba an array costs 0.06 microseconds once it is flat, which costs NumPy 0.25, and each integer 0.03. So
compiled code takes the address of a tuple and reads what it needs where it stands: the structures are those of NumPy's
and CPython's binary interfaces, and `reads_objects` tries them out.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from fastconv.jit.decorators import helper

__all__ = [
    "address",
    "array_axes",
    "array_data",
    "array_dtype",
    "array_is_aligned",
    "array_shape",
    "array_strides",
    "bytes_data",
    "float_bits",
    "int64_at",
    "put_int64",
    "reads_objects",
    "tuple_entry",
    "tuple_size",
    "type_of",
]

# The head of every object ends with the address of its type. Behind it stand, in an array, the address of the first
# element, the number of axes, the addresses of shape and strides, an owner, the dtype, and flags; in a tuple its size,
# and behind the fields of the running Python its entries; in bytes the same, up to the zero that ends them; and in a
# float its value.
_TYPE, _SIZE, _ENTRIES = object.__basicsize__ - 8, object.__basicsize__, tuple.__basicsize__
_TEXT, _VALUE = bytes.__basicsize__ - 1, object.__basicsize__
_DATA = object.__basicsize__
_AXES, _SHAPE, _STRIDES, _DTYPE, _FLAGS = _DATA + 8, _DATA + 16, _DATA + 24, _DATA + 40, _DATA + 48
_ALIGNED = 0x100

_INT64 = ir.IntType(64)


def reads_objects() -> bool:
    """Whether arrays and tuples look as expected in this interpreter and this NumPy."""
    if sys.maxsize < 2**63 - 1:
        return False

    def at(address: int) -> Any:
        return ctypes.c_ssize_t.from_address(address).value

    text, number = b"12345678", 1.5
    if at(id(text) + _SIZE) != 8 or ctypes.string_at(id(text) + _TEXT, 9) != text + b"\0":
        return False
    if ctypes.c_double.from_address(id(number) + _VALUE).value != number:
        return False
    probe = np.zeros((5, 7), np.int16)[3::-2, 1:6:3]
    skew = np.zeros(9, np.int8)[1:].view(np.int16)
    both = (probe, skew)
    found = (
        at(id(probe) + _DATA), ctypes.c_int.from_address(id(probe) + _AXES).value, at(id(probe) + _DTYPE),
        at(id(probe) + _TYPE), at(id(both) + _SIZE), at(id(both) + _ENTRIES), at(id(both) + _ENTRIES + 8),
    )  # fmt: skip
    if found != (probe.ctypes.data, 2, id(probe.dtype), id(np.ndarray), 2, id(probe), id(skew)):
        return False
    vectors = [tuple((ctypes.c_ssize_t * 2).from_address(at(id(probe) + place))) for place in (_SHAPE, _STRIDES)]
    aligned = [bool(ctypes.c_int.from_address(id(array) + _FLAGS).value & _ALIGNED) for array in both]
    return vectors == [probe.shape, probe.strides] and aligned == [probe.flags.aligned, skew.flags.aligned]


def _read_address(array: np.ndarray) -> int:
    return ctypes.c_ssize_t.from_address(id(array) + _DATA).value


def _ask_for_address(array: np.ndarray) -> int:
    return array.ctypes.data


#: Where an array's first element stands: a call with a large result asks twice, at a microsecond each if it asks NumPy.
address = _read_address if reads_objects() else _ask_for_address


def _peek(bits: int) -> Any:
    @intrinsic
    def peek(typingctx: Any, address: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            kind = ir.IntType(bits)
            return builder.sext(builder.load(builder.inttoptr(args[0], kind.as_pointer())), _INT64)

        return types.int64(types.int64), codegen

    return peek


_int32_at, int64_at = _peek(32), _peek(64)


@intrinsic
def put_int64(typingctx: Any, address: Any, value: Any) -> Any:
    """Write a word to an address."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store(args[1], builder.inttoptr(args[0], _INT64.as_pointer()))
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), codegen


@helper
def type_of(it: int) -> int:
    """Address of an object's type."""
    return int64_at(it + _TYPE)


@helper
def tuple_size(entries: int) -> int:
    """Number of a tuple's entries."""
    return int64_at(entries + _SIZE)


@helper
def tuple_entry(entries: int, i: int) -> int:
    """Address of a tuple's entry."""
    return int64_at(entries + _ENTRIES + 8 * i)


@helper
def bytes_data(text: int) -> int:
    """Address of the first of some bytes, whose number is that of a tuple's entries."""
    return text + _TEXT


@helper
def float_bits(number: int) -> int:
    """The bits of a float."""
    return int64_at(number + _VALUE)


@helper
def array_data(array: int) -> int:
    """Address of an array's first element."""
    return int64_at(array + _DATA)


@helper
def array_axes(array: int) -> int:
    """Number of an array's axes."""
    return _int32_at(array + _AXES)


@helper
def array_shape(array: int) -> int:
    """Address of the lengths of an array's axes."""
    return int64_at(array + _SHAPE)


@helper
def array_strides(array: int) -> int:
    """Address of an array's strides in bytes."""
    return int64_at(array + _STRIDES)


@helper
def array_dtype(array: int) -> int:
    """Address of an array's dtype."""
    return int64_at(array + _DTYPE)


@helper
def array_is_aligned(array: int) -> int:
    """Whether the elements stand at multiples of their size: 0 or 1."""
    return int(_int32_at(array + _FLAGS) & _ALIGNED != 0)
