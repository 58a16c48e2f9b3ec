"""Copying runs of elements: one as the C library does it, some rows of a block in vectors, or up to one vector."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from fastconv.jit.bounds import check_bounds
from fastconv.jit.emit import INT64, VectorCode, call_apart

__all__ = ["copy_block", "copy_every_other", "copy_lanes", "copy_run", "move_short", "write_row"]

#: Vectors of a row below which it is short.
_SHORT_ROW = 8


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


def _block_copy_meaning(every: int) -> Callable[..., None]:
    def copy(
        target: np.ndarray, to: int, pitch: int, source: np.ndarray, at: int, step: int, count: int, rows: int
    ) -> None:
        """target[to + row * pitch :][:count] = source[at + row * step :: every][:count] for so many rows.

        The arrays do not overlap.
        """
        for row in range(rows):
            target[to + row * pitch :][:count] = source[at + row * step :: every][:count]

    return copy


def _block_copy(every: int) -> Any:
    """The intrinsic of `_block_copy_meaning`, for every element or every other one."""

    def convert_block(target, to, pitch, source, at, step, count, rows):  # type: ignore[no-untyped-def]
        for row in range(rows):
            for i in range(count):
                target[to + row * pitch + i] = source[at + row * step + i * every]

    @intrinsic
    def copy(
        typingctx: Any, target: Any, to: Any, pitch: Any, source: Any, at: Any, step: Any, count: Any, rows: Any
    ) -> Any:
        whole = types.intp
        signature = types.void(target, whole, whole, source, whole, whole, whole, whole)

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            code = VectorCode(context, builder, target.dtype, moved=True)
            _, to, pitch, _, at, step, count, rows = args
            reach = builder.sub(builder.mul(count, INT64(every)), INT64(every - 1))
            reach = builder.select(builder.icmp_signed("==", count, INT64(0)), INT64(0), reach)
            code.check_rows(target, args[0], to, pitch, count, rows)
            code.check_rows(source, args[3], at, step, reach, rows)
            bases = code.pointer(target, args[0], to), code.pointer(source, args[3], at)

            def write(builder: Any, *args: Any) -> None:
                _write_block(VectorCode(context, builder, target.dtype, moved=True), every, *args)

            call_apart(builder, f"copy_{every}_{target.dtype}", (*bases, pitch, step, count, rows), write)
            return context.get_dummy_value()

        def convert(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return context.compile_internal(builder, convert_block, signature, args)

        return signature, codegen if source.dtype == target.dtype else convert

    return copy


def _write_block(
    code: VectorCode, every: int, there: Any, here: Any, pitch: Any, step: Any, count: Any, rows: Any
) -> None:
    """Write a copy of rows from one pointer to another; the steps lead from row to row."""
    builder = code.builder
    with cgutils.for_range(builder, rows, intp=INT64) as loop:
        target = builder.gep(there, [builder.mul(loop.index, pitch)])
        source = builder.gep(here, [builder.mul(loop.index, step)])
        write_row(code, target, source, count, every)


def move_short(builder: Any, count: Any, width: int, move: Callable[[int, Any], None]) -> None:
    """Move a row that is shorter than twice the width, by ``move(elements, first)``, in two pieces of the longest power
    of two of elements that fits it."""
    with builder.if_else(builder.icmp_signed(">=", count, INT64(width))) as (fits, shorter):
        with fits:
            move(width, INT64(0))
            move(width, builder.sub(count, INT64(width)))
        with shorter:
            if width > 1:
                move_short(builder, count, width // 2, move)


def write_row(code: VectorCode, there: Any, here: Any, count: Any, every: int = 1) -> None:
    """Write a copy of a row of any number of elements, every one or every other one, from one pointer to another.

    A row is a vector that begins where it does, more of them, and one that ends where it does. The more of long rows
    stand in cache lines (0.7 of the time for 1024 rows of 1030 floats); those of short ones are as many in each row,
    however it stands, which branches are foreseen by (0.9 for rows of 56). A row that is shorter than a vector is made
    of two of the longest pieces, of a power of two of elements, that fit it. Of every other element, a piece is put
    together from two, of which the second ends with its last element: nothing is read beyond it.
    """
    builder, lanes = code.builder, code.lanes

    def move(width: int, place: Any) -> None:
        kind = ir.VectorType(code.type.element, width * code.parts).as_pointer()

        def piece(base: Any, index: Any) -> Any:
            return builder.bitcast(builder.gep(base, [index]), kind)

        begin = builder.mul(place, INT64(every))
        value = builder.load(piece(here, begin), align=1)
        if every > 1:
            ending = builder.load(piece(here, builder.add(begin, INT64(width - 1))), align=1)
            value = code.shuffle(value, ending, [2 * i if 2 * i < width else 2 * i + 1 for i in range(width)])
        builder.store(value, piece(there, place), align=1)

    last = builder.sub(count, INT64(lanes))
    with builder.if_else(builder.icmp_signed(">=", last, INT64(0))) as (vectors, pieces):
        with vectors:
            move(lanes, INT64(0))
            short = builder.icmp_signed("<", count, INT64(_SHORT_ROW * lanes))
            second = builder.select(short, INT64(lanes), code.to_line(there))
            with cgutils.for_range_slice(builder, second, last, INT64(lanes), INT64) as (place, _):
                move(lanes, place)
            move(lanes, last)
        with pieces:
            if lanes > 1:
                move_short(builder, count, lanes // 2, move)


copy_block = _block_copy_meaning(1) if config.DISABLE_JIT else _block_copy(1)
copy_every_other = _block_copy_meaning(2) if config.DISABLE_JIT else _block_copy(2)
copy_lanes = _copy_lanes_meaning if config.DISABLE_JIT else _copy_lanes
copy_run = _copy_run_meaning if config.DISABLE_JIT else _copy_run
