"""Calling compiled bodies with nothing but integers.

Every combination of types would have drivers of its own, compiled. So drivers take the address of a tuple of arrays
(`fastconv.jit.objects`). What a body needs is put into a *letter* of 64-bit words: the address of its machine code, and
for each array its lowest element, its number of elements and their size. A *trampoline* reads the letter and calls the
body; there is one for each number of arrays.

Numba links a callee into every caller and optimises the whole again. Called by its address a body is compiled once.
"""

from __future__ import annotations

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
from fastconv.jit.objects import (
    array_axes,
    array_data,
    array_shape,
    array_strides,
    int64_at,
    put_int64,
    tuple_entry,
    tuple_size,
)

__all__ = [
    "LETTER_WORDS",
    "blank_letter",
    "call_trampoline",
    "span",
    "trampoline",
    "write_letter",
]

#: Most arrays of a body.
MOST_ARRAYS = 9
LETTER_WORDS = 1 + 3 * MOST_ARRAYS

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


def code_block(dispatcher: Any, dtypes: tuple[np.dtype, ...]) -> np.ndarray:
    """Address of a body's machine code for vectors of these dtypes, then their itemsizes; compiles it where needed."""
    assert len(dtypes) <= MOST_ARRAYS, "more arrays than trampolines are for"
    arrays = [types.Array(from_dtype(dtype), 1, "C") for dtype in dtypes]
    argument_types = (types.intp, types.intp, *arrays)
    with global_compiler_lock:  # several threads may make the first call
        dispatcher.compile(argument_types)
        compiled = dispatcher.overloads[argument_types]
        address = compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name)
    return np.array([address, *(dtype.itemsize for dtype in dtypes)], np.int64)


@helper
def _lowest_and_reach(array: int) -> tuple[int, int]:
    """Address of the lowest element of an array, and bytes from there to the highest; -1 if there is none.

    This is `span`, in numbers.
    """
    lowest, reach = array_data(array), 0
    shape, strides = array_shape(array), array_strides(array)
    for axis in range(array_axes(array)):
        size = int64_at(shape + 8 * axis)
        if size == 0:
            return lowest, -1
        step = (size - 1) * int64_at(strides + 8 * axis)
        if step < 0:
            lowest += step
            step = -step
        reach += step
    return lowest, reach


@helper
def write_letter(letter: int, code: int, arrays: int) -> None:
    """Write a letter about the body of a `code_block` and the arrays of a tuple.

    Whoever writes the letter keeps the arrays alive.
    """
    put_int64(letter, int64_at(code))
    for i in range(tuple_size(arrays)):
        itemsize = int64_at(code + 8 * i + 8)
        lowest, reach = _lowest_and_reach(tuple_entry(arrays, i))
        put_int64(letter + 24 * i + 8, lowest)
        put_int64(letter + 24 * i + 16, 0 if reach < 0 else reach // itemsize + 1)
        put_int64(letter + 24 * i + 24, itemsize)


@intrinsic
def blank_letter(typingctx: Any) -> Any:
    """Address of memory for a letter, on the caller's stack."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.ptrtoint(cgutils.alloca_once(builder, _INT64, size=LETTER_WORDS), _INT64)

    return types.int64(), codegen


@intrinsic
def trampoline(typingctx: Any, count: Any) -> Any:
    """The address of the trampoline for letters about so many arrays, of `MOST_ARRAYS` at most."""

    def define(context: Any, module: Any, count: int) -> Any:
        argument_types = (types.intp, types.intp, *[_BYTES] * count)
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
        found = _INT64(0)
        for number in range(1, MOST_ARRAYS + 1):
            address = builder.ptrtoint(define(context, builder.module, number), _INT64)
            found = builder.select(builder.icmp_signed("==", args[0], _INT64(number)), address, found)
        return found

    return types.int64(types.int64), codegen


@intrinsic
def call_trampoline(typingctx: Any, trampoline: Any, letter: Any, begin: Any, end: Any) -> Any:
    """``body(begin, end, *arrays)`` as the letter at an address says: 0, or 1 where the body ran out of memory.

    Bodies raise nothing of their own; allocating their scratch is all that can fail.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.call(builder.inttoptr(args[0], _TRAMPOLINE.as_pointer()), args[1:])

    return types.int64(types.int64, types.int64, types.int64, types.int64), codegen
