"""Copying a run of elements as the C library does it, or turning them into another type; and up to one vector."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from fastconv.jit.bounds import check_bounds
from fastconv.jit.emit import INT64, VectorCode

__all__ = ["copy_lanes", "copy_run"]


def _copy_run_meaning(target: np.ndarray, to: int, source: np.ndarray, at: int, count: int) -> None:
    """target[to : to + count] = source[at : at + count], which do not overlap."""
    target[to : to + count] = source[at : at + count]


def _convert_run(target, to, source, at, count):  # type: ignore[no-untyped-def]
    for i in range(count):
        target[to + i] = source[at + i]


@intrinsic
def _copy_run(typingctx: Any, target: Any, to: Any, source: Any, at: Any, count: Any) -> Any:
    """As `_copy_run_meaning`. A slice assigned in Numba takes 20 ns for a row of 58, this 5."""
    whole = types.intp
    signature = types.void(target, whole, source, whole, whole)

    def convert(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return context.compile_internal(builder, _convert_run, signature, args)

    def copy(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        def pointer(position: int) -> Any:
            kind, value, first = signature.args[position], args[position], args[position + 1]
            check_bounds(context, builder, (kind, value), first, args[4])
            array = context.make_array(kind)(context, builder, value)
            return builder.gep(array.data, [first])

        bytes_each = INT64(context.get_abi_sizeof(context.get_data_type(target.dtype)))
        cgutils.raw_memcpy(builder, pointer(0), pointer(2), args[4], bytes_each)
        return context.get_dummy_value()

    return signature, copy if source.dtype == target.dtype else convert


def _copy_lanes_meaning(target: np.ndarray, to: int, source: np.ndarray, at: int, count: int) -> None:
    """target[to : to + count] = source[at : at + count], at most as many as a vector has, in arrays of one type.

    As many elements are read as a vector has.
    """
    target[to : to + count] = source[at : at + count]


@intrinsic
def _copy_lanes(typingctx: Any, target: Any, to: Any, source: Any, at: Any, count: Any) -> Any:
    """As `_copy_lanes_meaning`. The C library's copy is a call, 5 ns for 16 elements; this takes less than one."""
    whole = types.intp
    signature = types.void(target, whole, source, whole, whole)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        code = VectorCode(context, builder, target.dtype, moved=True)
        code.check(source, args[2], args[3], code.lanes)
        code.check(target, args[0], args[1], args[4])
        value = code.load(code.pointer(source, args[2], args[3]), 0)
        to = code.pointer(target, args[0], args[1])
        full = builder.icmp_signed("==", args[4], INT64(code.lanes))
        with builder.if_else(full, likely=True) as (whole_vector, part):
            with whole_vector:
                code.store(value, to, 0)
            with part:
                code.store_masked(value, to, 0, code.mask(INT64(0), args[4]))
        return context.get_dummy_value()

    return signature, codegen


copy_lanes = _copy_lanes_meaning if config.DISABLE_JIT else _copy_lanes
copy_run = _copy_run_meaning if config.DISABLE_JIT else _copy_run
