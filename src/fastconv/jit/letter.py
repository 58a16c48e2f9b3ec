"""Calling compiled bodies with nothing but integers.

Handing Numba an array costs 0.06 microseconds, once it is flat, which costs NumPy 0.25; and every combination of types
would have drivers of its own, compiled. So drivers take the Python objects' addresses instead and read from NumPy's
structures where the elements stand. What a body needs is put into a *letter* of 64-bit words: the address of its
machine code, and for each array its lowest element, its number of elements and their size. A *trampoline* reads the
letter and calls the body; there is one for each number of arrays.

Numba links a callee into every caller and optimises the whole again. Called by its address a body is compiled once.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.compiler_lock import global_compiler_lock
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array
from numba.np.numpy_support import from_dtype
from numpy.lib.stride_tricks import as_strided

from fastconv.jit.decorators import helper

__all__ = [
    "LETTER_WORDS",
    "blank_letter",
    "call_trampoline",
    "reads_arrays",
    "span",
    "trampoline",
    "vector_at",
    "write_letter",
]

#: Most words of a letter; bodies have a dozen arrays at most.
LETTER_WORDS = 64

# The C structure of an ndarray, which NumPy's binary interface fixes: behind the head of every Python object stand the
# address of the first element, the number of axes, and the addresses of shape and strides.
_DATA = object.__basicsize__
_AXES, _SHAPE, _STRIDES = _DATA + 8, _DATA + 16, _DATA + 24

_INT32, _INT64 = ir.IntType(32), ir.IntType(64)
_TRAMPOLINE = ir.FunctionType(_INT64, [_INT64] * 3)
#: What bodies take in the eyes of a trampoline; the types of elements make no difference in how arrays are passed.
_BYTES = types.Array(types.uint8, 1, "C")


def span(array: np.ndarray) -> np.ndarray:
    """The memory from an array's lowest element to its highest, as one vector that shares it, writable as it is.

    The strides are whole elements (`fastconv.ops.arguments` sees to it).
    """
    if array.flags.c_contiguous or not array.size:
        flat = array.reshape(-1)
    else:
        upward = array[tuple(slice(None, None, -1 if stride < 0 else 1) for stride in array.strides)]
        reach = sum(stride * (size - 1) for stride, size in zip(upward.strides, upward.shape, strict=True))
        flat = as_strided(upward, (reach // array.itemsize + 1,), (array.itemsize,))
    if not array.flags.writeable:
        flat.flags.writeable = False
    return flat


def reads_arrays() -> bool:
    """Whether arrays look as expected in this interpreter and this NumPy."""
    probe = np.zeros((5, 7), np.int16)[3::-2, 1:6:3]
    here = id(probe)
    shape, strides = (ctypes.c_void_p.from_address(here + at).value for at in (_SHAPE, _STRIDES))
    found = (
        ctypes.c_void_p.from_address(here + _DATA).value,
        ctypes.c_int.from_address(here + _AXES).value,
        tuple((ctypes.c_ssize_t * 2).from_address(shape)) if shape else (),
        tuple((ctypes.c_ssize_t * 2).from_address(strides)) if strides else (),
    )
    return found == (probe.ctypes.data, 2, probe.shape, probe.strides)


def code_block(dispatcher: Any, dtypes: tuple[np.dtype, ...]) -> np.ndarray:
    """Address of a body's machine code for vectors of these dtypes, then their itemsizes; compiles it where needed."""
    arrays = [types.Array(from_dtype(dtype), 1, "C") for dtype in dtypes]
    argument_types = (types.intp, types.intp, *arrays)
    with global_compiler_lock:  # several threads may make the first call
        dispatcher.compile(argument_types)
        compiled = dispatcher.overloads[argument_types]
        address = compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name)
    return np.array([address, *(dtype.itemsize for dtype in dtypes)], np.int64)


def _peek(bits: int) -> Any:
    @intrinsic
    def peek(typingctx: Any, address: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            kind = ir.IntType(bits)
            return builder.sext(builder.load(builder.inttoptr(args[0], kind.as_pointer())), _INT64)

        return types.int64(types.int64), codegen

    return peek


_int32_at, _int64_at = _peek(32), _peek(64)


@intrinsic
def _put_int64(typingctx: Any, address: Any, value: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store(args[1], builder.inttoptr(args[0], _INT64.as_pointer()))
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), codegen


@helper
def _lowest_and_reach(array: int) -> tuple[int, int]:
    """Address of the lowest element of the array object at an address, and bytes from there to the highest; -1 if none.

    This is `span`, in numbers.
    """
    lowest, reach = _int64_at(array + _DATA), 0
    shape, strides = _int64_at(array + _SHAPE), _int64_at(array + _STRIDES)
    for axis in range(_int32_at(array + _AXES)):
        size = _int64_at(shape + 8 * axis)
        if size == 0:
            return lowest, -1
        step = (size - 1) * _int64_at(strides + 8 * axis)
        if step < 0:
            lowest += step
            step = -step
        reach += step
    return lowest, reach


@helper
def vector_at(array: int) -> int:
    """Address of the first element of the array object at an address."""
    return _int64_at(array + _DATA)


@helper
def write_letter(letter: int, code: int, arrays: Any) -> None:
    """Write a letter about the body of a `code_block` and its arrays, given by the addresses of their objects.

    Whoever writes the letter keeps the arrays alive.
    """
    _put_int64(letter, _int64_at(code))
    for i in range(len(arrays)):
        itemsize = _int64_at(code + 8 * i + 8)
        lowest, reach = _lowest_and_reach(arrays[i])
        _put_int64(letter + 24 * i + 8, lowest)
        _put_int64(letter + 24 * i + 16, 0 if reach < 0 else reach // itemsize + 1)
        _put_int64(letter + 24 * i + 24, itemsize)


@intrinsic
def blank_letter(typingctx: Any, arrays: Any) -> Any:
    """Address of memory for a letter about so many arrays, on the caller's stack."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        words = cgutils.alloca_once(builder, _INT64, size=3 * len(arrays) + 1)
        return builder.ptrtoint(words, _INT64)

    return types.int64(arrays), codegen


@intrinsic
def trampoline(typingctx: Any, arrays: Any) -> Any:
    """The address of the trampoline for letters with as many arrays as the tuple has entries."""
    count = len(arrays)
    argument_types = (types.intp, types.intp, *[_BYTES] * count)

    def define(context: Any, module: Any) -> Any:
        function = ir.Function(module, _TRAMPOLINE, f"fastconv_trampoline_{count}")
        function.linkage = "internal"
        builder = ir.IRBuilder(function.append_basic_block())
        letter, begin, end = function.args
        base = builder.inttoptr(letter, _INT64.as_pointer())
        words = iter([builder.load(builder.gep(base, [_INT32(i)])) for i in range(1 + 3 * count)])
        kind = context.call_conv.get_function_type(types.none, argument_types)
        body = builder.inttoptr(next(words), kind.as_pointer())
        values = [begin, end]
        for data, size, itemsize in zip(words, words, words, strict=True):
            array = context.make_array(_BYTES)(context, builder)
            pointer = builder.inttoptr(data, array.data.type)
            populate_array(array, pointer, [size], [itemsize], itemsize, meminfo=None)
            values.append(array._getvalue())
        status, _ = context.call_conv.call_function(builder, body, types.none, argument_types, values)
        builder.ret(builder.zext(status.is_error, _INT64))
        return function

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.ptrtoint(define(context, builder.module), _INT64)

    return types.int64(arrays), codegen


@intrinsic
def call_trampoline(typingctx: Any, trampoline: Any, letter: Any, begin: Any, end: Any) -> Any:
    """``body(begin, end, *arrays)`` as the letter at an address says: 0, or 1 where the body ran out of memory.

    Bodies raise nothing of their own; allocating their scratch is all that can fail.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.call(builder.inttoptr(args[0], _TRAMPOLINE.as_pointer()), args[1:])

    return types.int64(types.int64, types.int64, types.int64, types.int64), codegen
