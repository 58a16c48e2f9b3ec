"""Tiles: blocks of sums that stay in registers while the products of one depth after the other are added.

Numba's own vectorizer keeps neither the sums in registers nor the vectors at full width, so tiles are written as LLVM
vector code. Beside each stands its meaning, which runs under NUMBA_DISABLE_JIT=1.

Here is what they share, and `tile`, which has pixels as lanes: neighbouring numbers of a slab, times one weight for
each row. `fastconv.jit.spread_tile` and `fastconv.jit.panel_tile` have output channels as lanes. A vector of complex
numbers is multiplied by either part of a number, which makes four real products (`add_depths`). Weights of int32 where
all else is int64 say that both factors have 32 bits; of uint32 where all else is int32, that both are pairs of 16-bit
numbers, whose products are added; pixels of uint32, that they are quads of 8-bit numbers (`times`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import config, types
from numba.extending import intrinsic

from fastconv.jit.emit import INT64, VectorCode, lane_count
from fastconv.jit.machine import machine

__all__ = [
    "AHEAD",
    "add_depths",
    "fetch_to_read",
    "fetch_to_write",
    "lanes",
    "lead",
    "passes",
    "store_sums",
    "tile",
    "times",
]

#: Bytes between the weights in use and those that are fetched for later: packed weights are read from one end to the
#: other, faster than the CPU sees by itself where they come from the last cache or from memory (512 channels, 3 x 3, on
#: 7 x 7 pixels: 0.83 of the time, 0.4 for Winograd's 16 MiB).
AHEAD = 8192

#: Depths between the pixels in use and those that are fetched: they stand apart from each other, so a CPU does not see
#: where the next ones are (on a Cascade Lake, Winograd's products take 0.75 to 0.95 of the time).
DEPTHS_AHEAD = 8


def _lanes_meaning(array: np.ndarray) -> int:
    return machine().vector_bytes // array.itemsize


@intrinsic
def _lanes(typingctx: Any, array: Any) -> Any:
    """Elements of `array` in one vector register, known when compiling."""
    count = lane_count(array.dtype)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return INT64(count)

    return types.intp(array), codegen


def _lead_meaning(array: np.ndarray, at: int) -> int:
    return (array.ctypes.data // array.itemsize + at) % _lanes_meaning(array)


@intrinsic
def _lead(typingctx: Any, array: Any, at: Any) -> Any:
    """Elements between the last address before element `at` that is a multiple of a vector's size, and it."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        code = VectorCode(context, builder, array.dtype)
        address = builder.ptrtoint(code.pointer(array, args[0], args[1]), INT64)
        number = builder.lshr(address, INT64(array.dtype.bitwidth.bit_length() - 4))
        return builder.and_(number, INT64(code.lanes - 1))

    return types.intp(array, types.intp), codegen


def _fetch_meaning(array: np.ndarray, at: int, vectors: int) -> None:
    """Nothing that anybody sees."""


def _fetcher(to_write: bool) -> Any:
    """The intrinsic that has memory brought into the first-level cache, as it is to be written or read."""

    @intrinsic(prefer_literal=True)
    def fetch(typingctx: Any, array: Any, at: Any, vectors: Any) -> Any:
        """So many vectors from element `at` on, which may begin amid a line; `vectors` is a literal."""

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            code = VectorCode(context, builder, array.dtype)
            size = vectors.literal_value * machine().vector_bytes
            code.prefetch(code.pointer(array, args[0], args[1]), size + 1, to_write)
            return context.get_dummy_value()

        return types.void(array, types.intp, vectors), codegen

    return fetch


#: What numbers and weights of these dtypes hold several of.
_PARTS = {
    ("int32", "uint32"): (np.int16, np.int16),
    ("uint32", "int32"): (np.uint8, np.int8),
    ("uint32", "uint32"): (np.int8, np.uint8),
}


def times(numbers: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """What tiles mean by a product; weights of another type than the numbers say which (`VectorCode`).

    Examples
    --------
    >>> times(np.array([3 + (5 << 16)], np.int32), np.array([2 + (7 << 16)], np.uint32))
    array([41], dtype=int32)
    """
    parts = _PARTS.get((numbers.dtype.name, weights.dtype.name))
    if not parts:
        return numbers * weights
    x, w = (
        np.ascontiguousarray(each).view(part).reshape(*each.shape, -1)
        for each, part in zip((numbers, weights), parts, strict=True)
    )
    return (x.astype(np.int32) * w).sum(-1, dtype=np.int32)


def _tile_meaning(
    rows: int,
    vectors: int,
    weights: np.ndarray,
    weight_at: int,
    slab: np.ndarray,
    slab_at: int,
    offsets: np.ndarray,
    begin: int,
    end: int,
    sums: np.ndarray,
    sums_at: int,
    pitch: int,
) -> None:
    """sums[row, lane] = sum over d in [begin, end) of weights[d, row] * slab[offsets[d] + lane]."""
    count = vectors * _lanes_meaning(slab)
    total = np.zeros((rows, count), sums.dtype)
    for d in range(begin, end):
        first = slab_at + offsets[d]
        w = weights[weight_at + (d - begin) * rows :][:rows]
        total += times(slab[first : first + count], w[:, None])
    for row in range(rows):
        sums[sums_at + row * pitch :][:count] = total[row]


@intrinsic(prefer_literal=True)
def _tile(
    typingctx: Any,
    rows: Any,
    vectors: Any,
    weights: Any,
    weight_at: Any,
    slab: Any,
    slab_at: Any,
    offsets: Any,
    begin: Any,
    end: Any,
    sums: Any,
    sums_at: Any,
    pitch: Any,
) -> Any:
    """As `_tile_meaning`; `rows` and `vectors` are literals, `end` is greater than `begin`."""
    if not (isinstance(rows, types.IntegerLiteral) and isinstance(vectors, types.IntegerLiteral)):
        return None
    n_rows, n_vectors, whole = rows.literal_value, vectors.literal_value, types.intp
    signature = types.void(
        rows, vectors, weights, whole, slab, whole, offsets, whole, whole, sums, whole, whole
    )  # fmt: skip

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        code = VectorCode(context, builder, slab.dtype, weights=weights.dtype)
        itemsize, weight_size = slab.dtype.bitwidth // 8, weights.dtype.bitwidth // 8
        weight_base = code.pointer(weights, args[2], args[3])
        slab_base = code.pointer(slab, args[4], args[5])
        offset_base = code.pointer(offsets, args[6], args[7])
        sums_base = code.pointer(sums, args[9], args[10])
        count = builder.sub(args[8], args[7])
        code.check(weights, args[2], args[3], builder.mul(count, INT64(n_rows)))
        code.check(offsets, args[6], args[7], count)
        for row in range(n_rows):
            row_at = builder.add(args[10], builder.mul(args[11], INT64(row)))
            code.check(sums, args[9], row_at, n_vectors * code.lanes)

        def products(depth: Any) -> tuple[list[Any], Any]:
            offset = builder.load(builder.gep(offset_base, [depth]))
            code.check(slab, args[4], builder.add(args[5], offset), n_vectors * code.lanes)
            pixels_at = builder.gep(slab_base, [offset])
            later = builder.add(depth, INT64(DEPTHS_AHEAD))
            later = builder.select(builder.icmp_signed("<", later, count), later, depth)
            later_at = builder.gep(slab_base, [builder.load(builder.gep(offset_base, [later]))])
            code.prefetch(later_at, n_vectors * code.lanes * itemsize)
            pixels = [code.load(pixels_at, v * code.lanes) for v in range(n_vectors)]
            weight_row = builder.gep(weight_base, [builder.mul(depth, INT64(n_rows))])
            code.prefetch(builder.gep(weight_row, [INT64(AHEAD // weight_size)]), n_rows * weight_size)
            return pixels, lambda row: builder.gep(weight_row, [INT64(row)])

        for some in passes(code, n_rows, n_vectors, machine().tile_rows * machine().tile_vectors):
            for row, total_row in zip(some, add_depths(code, count, some, n_vectors, products), strict=True):
                row_at = builder.gep(sums_base, [builder.mul(args[11], INT64(row))])
                for v, value in enumerate(total_row):
                    code.store(value, row_at, v * code.lanes)
        return context.get_dummy_value()

    return signature, codegen


def passes(code: VectorCode, rows: int, vectors: int, most: int) -> list[range]:
    """The rows of a tile in runs whose sums, two for a complex one, take no more than so many registers."""
    passes = -(-rows * vectors * code.parts // most)
    step = -(-rows // passes)
    return [range(first, min(rows, first + step)) for first in range(0, rows, step)]


def store_sums(
    code: VectorCode, starts: tuple[Any, Any], sums: tuple[Any, Any], run: Any, rows: range, totals: list[list[Any]],
    shift: Any = None,
) -> None:  # fmt: skip
    """Write the vectors of some rows, added to what they begin with.

    `starts` and `sums` are an array's Numba type and the array, maybe the same one; `run` says where in them both
    stand, as a `SpreadRun` does. Where sums have more bits than the vectors, these are widened and shifted.
    """
    builder, width = code.builder, len(totals[0]) * code.lanes
    into = VectorCode(code.context, builder, sums[0].dtype)

    def row_of(array: tuple[Any, Any], first: Any, step: Any, row: int) -> Any:
        at = builder.add(first, builder.mul(step, INT64(row)))
        into.check(*array, at, width)
        return into.pointer(*array, at)

    for row, total in zip(rows, totals, strict=True):
        start = row_of(starts, run.start_at, run.start_step, row)
        target = row_of(sums, run.sums_at, run.sums_step, row)
        if into.type.element != code.type.element:
            total = [into.shifted_left(part, shift) for value in total for part in into.widened_parts(value)]
        for v, value in enumerate(total):
            into.store(into.add(into.load(start, v * into.lanes), value), target, v * into.lanes)


def add_depths(code: VectorCode, count: Any, rows: range, vectors: int, products: Any) -> list[list[Any]]:
    """Write the loop over `count` depths, at least one; the sums after it, for each of the rows its vectors.

    ``products(depth)`` gives the vectors of a depth, and a function from a row to where the number stands that
    multiplies them. The parts of a complex number multiply them to sums of their own, a and b, which make a + i b in
    the end: four real products in all, and nothing else in the loop.
    """
    builder, entry = code.builder, code.builder.block
    loop, done = builder.append_basic_block("depth"), builder.append_basic_block("done")
    builder.branch(loop)
    builder.position_at_end(loop)
    depth = builder.phi(INT64)
    depth.add_incoming(INT64(0), entry)
    total = [[[builder.phi(code.type) for _ in range(vectors)] for _ in range(code.parts)] for _ in rows]
    lanes, number_at = products(depth)
    latch = builder.block  # where bounds are checked, checks have begun new blocks
    following = builder.add(depth, INT64(1))
    depth.add_incoming(following, latch)
    for row, total_row in zip(rows, total, strict=True):
        for total_part, factor in zip(total_row, code.load_factors(number_at(row)), strict=True):
            for v, accumulator in enumerate(total_part):
                accumulator.add_incoming(code.zero, entry)
                total_part[v] = code.multiply_add(factor, lanes[v], accumulator)
                accumulator.add_incoming(total_part[v], latch)
    builder.cbranch(builder.icmp_signed("<", following, count), loop, done)
    builder.position_at_end(done)
    return [[code.join(*parts) for parts in zip(*total_row, strict=True)] for total_row in total]


lead = _lead_meaning if config.DISABLE_JIT else _lead
lanes = _lanes_meaning if config.DISABLE_JIT else _lanes
fetch_to_read = _fetch_meaning if config.DISABLE_JIT else _fetcher(to_write=False)
fetch_to_write = _fetch_meaning if config.DISABLE_JIT else _fetcher(to_write=True)
tile = _tile_meaning if config.DISABLE_JIT else _tile
