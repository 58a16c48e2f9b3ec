"""Copying runs of elements: one as the C library does it, some rows of a block in vectors, or up to one vector."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from fastconv.jit.bounds import check_bounds
from fastconv.jit.emit import INT64, VectorCode
from fastconv.jit.machine import machine

__all__ = ["copy_block", "copy_lanes", "copy_run"]


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


def _copy_block_meaning(
    target: np.ndarray, to: int, pitch: int, source: np.ndarray, at: int, step: int, count: int, rows: int
) -> None:
    """target[to + row * pitch :][:count] = source[at + row * step :][:count] for so many rows, in arrays of one type.

    The two do not overlap.
    """
    for row in range(rows):
        target[to + row * pitch :][:count] = source[at + row * step :][:count]


@intrinsic
def _copy_block(
    typingctx: Any, target: Any, to: Any, pitch: Any, source: Any, at: Any, step: Any, count: Any, rows: Any
) -> Any:
    """As `_copy_block_meaning`.

    A row is some whole vectors and a last one that ends where it does. One that is shorter than a vector is made of two
    of the longest pieces, of a power of two of bytes, that fit it.
    """
    whole = types.intp
    signature = types.void(target, whole, whole, source, whole, whole, whole, whole)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        size = builder.mul(args[6], INT64(context.get_abi_sizeof(context.get_data_type(target.dtype))))

        @contextmanager
        def each_row() -> Iterator[Callable[[int, Any], None]]:
            """A loop over rows, whose body moves vectors of so many bytes from a place on."""
            with cgutils.for_range(builder, args[7], intp=INT64) as loop:
                bases = []
                for kind, array, first, row in ((target, *args[0:3]), (source, *args[3:6])):
                    first = builder.add(first, builder.mul(loop.index, row))
                    check_bounds(context, builder, (kind, array), first, args[6])
                    data = context.make_array(kind)(context, builder, array).data
                    bases.append(builder.bitcast(builder.gep(data, [first]), ir.IntType(8).as_pointer()))

                def move(width: int, place: Any) -> None:
                    kind = ir.VectorType(ir.IntType(8), width).as_pointer()
                    there, here = (builder.bitcast(builder.gep(base, [place]), kind) for base in bases)
                    builder.store(builder.load(here, align=1), there, align=1)

                yield move

        def copy_pieces(width: int) -> None:
            """Rows that are shorter than twice the width."""
            with builder.if_else(builder.icmp_signed(">=", size, INT64(width))) as (fits, shorter):
                with fits, each_row() as move:
                    move(width, INT64(0))
                    move(width, builder.sub(size, INT64(width)))
                with shorter:
                    if width > 1:
                        copy_pieces(width // 2)

        width = machine().vector_bytes
        last = builder.sub(size, INT64(width))
        with builder.if_else(builder.icmp_signed(">=", last, INT64(0))) as (vectors, pieces):
            with vectors, each_row() as move:
                with cgutils.for_range_slice(builder, INT64(0), last, INT64(width), INT64) as (place, _):
                    move(width, place)
                move(width, last)
            with pieces:
                copy_pieces(width // 2)
        return context.get_dummy_value()

    return signature, codegen


copy_block = _copy_block_meaning if config.DISABLE_JIT else _copy_block
copy_lanes = _copy_lanes_meaning if config.DISABLE_JIT else _copy_lanes
copy_run = _copy_run_meaning if config.DISABLE_JIT else _copy_run
