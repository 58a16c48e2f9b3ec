"""Transposing a square of numbers in registers, one vector a row, or a part of it, or to any places."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import config, types
from numba.extending import intrinsic

from fastconv.jit.emit import INT64, VectorCode
from fastconv.jit.machine import machine

__all__ = ["columns_of", "transpose", "transpose_part", "transpose_to", "turn_rows"]


def _transpose_meaning(source: np.ndarray, at: int, step: int, target: np.ndarray, to: int, pitch: int) -> None:
    """target[to + j * pitch + i] = source[at + i * step + j] for i and j below the lanes of a vector."""
    n = machine().vector_bytes // source.itemsize
    square = np.array([source[at + i * step :][:n] for i in range(n)])
    for j in range(n):
        target[to + j * pitch :][:n] = square[:, j]


@intrinsic
def _transpose(typingctx: Any, source: Any, at: Any, step: Any, target: Any, to: Any, pitch: Any) -> Any:
    """As `_transpose_meaning`."""
    whole = types.intp
    signature = types.void(source, whole, whole, target, whole, whole)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        code = VectorCode(context, builder, source.dtype, moved=True)
        for i in range(code.lanes):
            code.check(target, args[3], builder.add(args[4], builder.mul(args[5], INT64(i))), code.lanes)
        columns = columns_of(code, builder, source, args)
        base = code.pointer(target, args[3], args[4])
        for j, column in enumerate(columns):
            code.store(column, base, builder.mul(args[5], INT64(j)))
        return context.get_dummy_value()

    return signature, codegen


def _transpose_part_meaning(
    source: np.ndarray, at: int, step: int, target: np.ndarray, to: int, pitch: int, rows: int, count: int
) -> None:
    """target[to + j * pitch + i] = source[at + i * step + j] for i below `count` and j below `rows`, at most the lanes.

    As many elements are read as for a whole square.
    """
    n = machine().vector_bytes // source.itemsize
    square = np.array([source[at + i * step :][:n] for i in range(n)])
    for j in range(rows):
        target[to + j * pitch :][:count] = square[:count, j]


@intrinsic
def _transpose_part(
    typingctx: Any, source: Any, at: Any, step: Any, target: Any, to: Any, pitch: Any, rows: Any, count: Any
) -> Any:
    """As `_transpose_part_meaning`; stores of a part leave the rest of their vector alone."""
    whole = types.intp
    signature = types.void(source, whole, whole, target, whole, whole, whole, whole)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        code = VectorCode(context, builder, source.dtype, moved=True)
        n = code.lanes
        for j in range(n):
            inside = builder.select(builder.icmp_signed("<", INT64(j), args[6]), args[7], INT64(0))
            code.check(target, args[3], builder.add(args[4], builder.mul(args[5], INT64(j))), inside)
        columns = columns_of(code, builder, source, args)
        base = code.pointer(target, args[3], args[4])
        missing = builder.or_(builder.xor(args[6], INT64(n)), builder.xor(args[7], INT64(n)))
        with builder.if_else(builder.icmp_signed("==", missing, INT64(0)), likely=True) as (whole_square, part):
            with whole_square:
                for j, column in enumerate(columns):
                    code.store(column, base, builder.mul(args[5], INT64(j)))
            with part:
                # A store of no lanes at all takes hundreds of cycles where its page is not at hand, as behind a result.
                mask, end = code.mask(INT64(0), args[7]), builder.append_basic_block("end")
                for j, column in enumerate(columns):
                    store = builder.append_basic_block("store")
                    builder.cbranch(builder.icmp_signed("<", INT64(j), args[6]), store, end)
                    builder.position_at_end(store)
                    code.store_masked(column, base, builder.mul(args[5], INT64(j)), mask)
                builder.branch(end)
                builder.position_at_end(end)
        return context.get_dummy_value()

    return signature, codegen


def _transpose_to_meaning(
    source: np.ndarray, at: int, step: int, target: np.ndarray, places: np.ndarray, first: int, to: int, count: int
) -> None:
    """target[to + places[first + j] + i] = source[at + i * step + j] for i below `count` and j below the lanes.

    Columns whose place is negative go nowhere. As many elements are read as for a whole square.
    """
    n = machine().vector_bytes // source.itemsize
    square = np.array([source[at + i * step :][:n] for i in range(n)])
    for j, place in enumerate(places[first : first + n]):
        if place >= 0:
            target[to + place :][:count] = square[:count, j]


@intrinsic
def _transpose_to(
    typingctx: Any, source: Any, at: Any, step: Any, target: Any, places: Any, first: Any, to: Any, count: Any
) -> Any:
    """As `_transpose_to_meaning`."""
    whole = types.intp
    signature = types.void(source, whole, whole, target, places, whole, whole, whole)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        code = VectorCode(context, builder, source.dtype, moved=True)
        n = code.lanes
        code.check(places, args[4], args[5], n)
        columns = columns_of(code, builder, source, args)
        place_base, mask = code.pointer(places, args[4], args[5]), code.mask(INT64(0), args[7])
        full = builder.icmp_signed("==", args[7], INT64(n))
        for j, column in enumerate(columns):
            place = builder.load(builder.gep(place_base, [INT64(j)]))
            with builder.if_then(builder.icmp_signed(">=", place, INT64(0))):
                at = builder.add(args[6], place)
                code.check(target, args[3], at, args[7])
                base = code.pointer(target, args[3], at)
                with builder.if_else(full, likely=True) as (whole_vector, part):
                    with whole_vector:
                        code.store(column, base, 0)
                    with part:
                        code.store_masked(column, base, 0, mask)
        return context.get_dummy_value()

    return signature, codegen


def _turn_rows_meaning(rows: int, source: np.ndarray, at: int, step: int, target: np.ndarray, to: int) -> None:
    """target[to + j * rows + i] = source[at + i * step + j] for i below `rows` and j below the lanes of a vector.

    Up to a vector behind the last of them is overwritten.
    """
    n = machine().vector_bytes // source.itemsize
    turned = np.array([source[at + i * step :][:n] for i in range(rows)]).T
    target[to : to + turned.size] = turned.ravel()


@intrinsic(prefer_literal=True)
def _turn_rows(typingctx: Any, rows: Any, source: Any, at: Any, step: Any, target: Any, to: Any) -> Any:
    """As `_turn_rows_meaning`, for a literal power of two of rows.

    Where vectors are longer than that the square has each row twice, or oftener, and what is done twice is dropped when
    compiling. Each column overwrites what the one before has too much.
    """
    if not isinstance(rows, types.IntegerLiteral):
        return None
    count, whole = rows.literal_value, types.intp
    signature = types.void(rows, source, whole, whole, target, whole)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        code = VectorCode(context, builder, source.dtype, moved=True)
        n = code.lanes
        code.check(target, args[4], args[5], n * count + max(0, n - count))
        base = code.pointer(target, args[4], args[5])
        for first in range(0, count, n):
            at = builder.add(args[2], builder.mul(args[3], INT64(first)))
            for j, column in enumerate(columns_of(code, builder, source, (args[1], at, args[3]), min(count, n))):
                code.store(column, base, j * count + first)
        return context.get_dummy_value()

    return signature, codegen


def columns_of(code: VectorCode, builder: Any, source: Any, args: Any, count: int = 0) -> list[Any]:
    """The columns of a square as vectors; with a `count`, of one that has so many rows again and again.

    First the small squares inside 16 bytes, then 16 bytes as wholes: there are faster shuffles for either than for
    elements from anywhere in two vectors (5 ns for 256 float32s, not 10).
    """
    n, bits = code.lanes, source.dtype.bitwidth
    count = count or n
    for i in range(count):
        code.check(source, args[0], builder.add(args[1], builder.mul(args[2], INT64(i))), n)
    base = code.pointer(source, args[0], args[1])
    rows = [code.load(base, builder.mul(args[2], INT64(i))) for i in range(count)] * (n // count)
    small = 128 // bits
    low = [part + i + side for part in range(0, n, small) for i in range(small // 2) for side in (0, n)]
    high = [place + small // 2 for place in low]
    for _ in range(small.bit_length() - 1):
        groups = [rows[i : i + small] for i in range(0, n, small)]
        pairs = [pair for group in groups for pair in zip(group[: small // 2], group[small // 2 :], strict=True)]
        rows = [code.shuffle(a, b, places) for a, b in pairs for places in (low, high)]
    even = [side + part + i for side in (0, n) for part in range(0, n, 2 * small) for i in range(small)]
    odd = [place + small for place in even]
    for _ in range((n // small).bit_length() - 1):
        pairs = [(rows[i + j], rows[i + small + j]) for i in range(0, n, 2 * small) for j in range(small)]
        rows = [code.shuffle(a, b, places) for places in (even, odd) for a, b in pairs]
    return rows


transpose = _transpose_meaning if config.DISABLE_JIT else _transpose
transpose_part = _transpose_part_meaning if config.DISABLE_JIT else _transpose_part
transpose_to = _transpose_to_meaning if config.DISABLE_JIT else _transpose_to
turn_rows = _turn_rows_meaning if config.DISABLE_JIT else _turn_rows
