"""The tile whose lanes are output channels: packed weights, times one number for each row, wherever it stands."""

from __future__ import annotations

from collections.abc import Iterator
from math import gcd
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from fastconv.jit.emit import INT64, VectorCode, lane_count
from fastconv.jit.machine import machine
from fastconv.jit.tile import AHEAD, add_depths, passes, store_sums, times

__all__ = ["SpreadRun", "listed_tile", "spread_tile"]


class SpreadRun(NamedTuple):
    """The numbers of a `spread_tile`.

    Attributes
    ----------
    place_at : int
        Where the places of its rows begin.
    begin, end : int
        The depths; `end` is greater than `begin`.
    weight_at : int
        Where their packed weights begin.
    start_at, start_step : int
        Where what sums begin with stands, and the step from row to row: 0 for one that serves all.
    sums_at, sums_step : int
        Where the sums go, likewise.
    shift : int
        Bits by which what the depths add up to is shifted, where sums have twice as many as numbers do.
    """

    place_at: int
    begin: int
    end: int
    weight_at: int
    start_at: int
    start_step: int
    sums_at: int
    sums_step: int
    shift: int


def _spread_tile_meaning(
    rows: int,
    vectors: int,
    run: SpreadRun,
    values: np.ndarray,
    places: np.ndarray,
    offsets: np.ndarray,
    weights: np.ndarray,
    starts: np.ndarray,
    sums: np.ndarray,
) -> None:
    """sums[row, lane] = starts[row, lane] + sum over d of values[places[row] + offsets[d]] * weights[d, lane].

    The depths d are those in [begin, end). What sums begin with may stand among them. It is added last, so that long
    sums can be put together from short ones, which round less. Where sums have 64 bits and numbers 32, so has the sum
    over d: it is widened and shifted before.
    """
    total = _total(rows, vectors, run, values, places, offsets, weights, sums)
    count = total.shape[1]
    for row in range(rows):
        total[row] = (
            total[row] * sums.dtype.type(1 << run.shift) + starts[run.start_at + row * run.start_step :][:count]
        )
        sums[run.sums_at + row * run.sums_step :][:count] = total[row]


def _listed_tile_meaning(
    rows: int,
    vectors: int,
    run: SpreadRun,
    values: np.ndarray,
    places: np.ndarray,
    offsets: np.ndarray,
    weights: np.ndarray,
    goals: np.ndarray,
    sums: np.ndarray,
) -> None:
    """sums[goals[row] + lane] += what a `spread_tile` adds up for the row; `goals` are listed as `places` are.

    Where the sums stand apart as the pixels do, a tile can skip those that have nothing to add.
    """
    total = _total(rows, vectors, run, values, places, offsets, weights, sums)
    for row in range(rows):
        at = goals[run.place_at + row]
        sums[at : at + total.shape[1]] += total[row]


def _total(
    rows: int, vectors: int, run: SpreadRun, values: np.ndarray, places: np.ndarray, offsets: np.ndarray,
    weights: np.ndarray, sums: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """What the depths of a run add up to, for each row and lane."""
    count = vectors * machine().vector_bytes // sums.itemsize
    at = places[run.place_at : run.place_at + rows]
    total = np.zeros((rows, count), sums.dtype)
    for d in range(run.begin, run.end):
        weight_row = weights[run.weight_at + (d - run.begin) * count :][:count]
        total += times(values[at + offsets[d]][:, None], weight_row)
    return total


def _sizes(rows: Any, vectors: Any) -> tuple[int, int] | None:
    """Two literals' values."""
    if not (isinstance(rows, types.IntegerLiteral) and isinstance(vectors, types.IntegerLiteral)):
        return None
    return rows.literal_value, vectors.literal_value


def _row_sums(
    context: Any, builder: Any, sizes: tuple[int, int], arrays: tuple[Any, ...], sums: Any, args: Any
) -> Iterator[tuple[VectorCode, SpreadRun, range, list[list[Any]]]]:
    """Write the sums of a tile, some rows after the others: those rows, and for each its vectors.

    `arrays` are the Numba types of values, places, offsets and weights, and `args` all of an intrinsic's arguments.
    """
    (n_rows, n_vectors), (values, places, offsets, weights) = sizes, arrays
    lanes = lane_count(sums.dtype)
    together = gcd(n_vectors, lane_count(values.dtype) // lanes)  # vectors of sums, of one vector of products
    code = VectorCode(context, builder, values.dtype, lanes=together * lanes, weights=weights.dtype, weighted=True)
    weight_size, width = weights.dtype.bitwidth // 8, n_vectors * lanes
    r = SpreadRun(*cgutils.unpack_tuple(builder, args[2]))
    values_base = code.pointer(values, args[3], INT64(0))
    place_base = code.pointer(places, args[4], r.place_at)
    offset_base = code.pointer(offsets, args[5], r.begin)
    weight_base = code.pointer(weights, args[6], r.weight_at)
    count = builder.sub(r.end, r.begin)
    code.check(places, args[4], r.place_at, n_rows)
    code.check(offsets, args[5], r.begin, count)
    code.check(weights, args[6], r.weight_at, builder.mul(count, INT64(width)))

    def row_place(row: int) -> Any:
        return builder.load(builder.gep(place_base, [INT64(row)]))

    def row_base(row: int) -> Any:
        return builder.gep(values_base, [row_place(row)])

    def sum_rows(some: range) -> list[list[Any]]:
        # Up to `address_rows` addresses stay in registers. More of them LLVM would compute before the loop and spill,
        # and vectors with them (105 of 273 GFLOP/s for 14 rows): a barrier makes it read the table in each step, for
        # which there are load units enough (273).
        few = len(some) <= machine().address_rows
        bases = {row: row_base(row) for row in some} if few else {}

        def products(depth: Any) -> tuple[list[Any], Any]:
            if not few:
                builder.asm(ir.FunctionType(ir.VoidType(), []), "", "~{memory}", [], True)
            offset = builder.load(builder.gep(offset_base, [depth]))
            if context.enable_boundscheck:
                for row in some:
                    code.check(values, args[3], builder.add(row_place(row), offset), 1)
            weight_row = builder.gep(weight_base, [builder.mul(depth, INT64(width))])
            code.prefetch(builder.gep(weight_row, [INT64(AHEAD // weight_size)]), width * weight_size)
            loaded = [code.load_weights(weight_row, v * code.lanes) for v in range(n_vectors // together)]
            return loaded, lambda row: builder.gep(bases[row] if few else row_base(row), [offset])

        return add_depths(code, count, some, n_vectors // together, products)

    for some in passes(code, n_rows, n_vectors, machine().spread_rows * machine().spread_vectors):
        yield code, r, some, sum_rows(some)


@intrinsic(prefer_literal=True)
def _spread_tile(
    typingctx: Any, rows: Any, vectors: Any, run: Any, values: Any, places: Any, offsets: Any, weights: Any,
    starts: Any, sums: Any,
) -> Any:  # fmt: skip
    """As `_spread_tile_meaning`; `rows` and `vectors` are literals."""
    sizes = _sizes(rows, vectors)
    if sizes is None:
        return None
    signature = types.void(rows, vectors, run, values, places, offsets, weights, starts, sums)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        arrays = (values, places, offsets, weights)
        for code, r, some, total in _row_sums(context, builder, sizes, arrays, sums, args):
            store_sums(code, (starts, args[7]), (sums, args[8]), r, some, total, r.shift)
        return context.get_dummy_value()

    return signature, codegen


@intrinsic(prefer_literal=True)
def _listed_tile(
    typingctx: Any, rows: Any, vectors: Any, run: Any, values: Any, places: Any, offsets: Any, weights: Any,
    goals: Any, sums: Any,
) -> Any:  # fmt: skip
    """As `_listed_tile_meaning`; `rows` and `vectors` are literals."""
    sizes = _sizes(rows, vectors)
    if sizes is None:
        return None
    signature = types.void(rows, vectors, run, values, places, offsets, weights, goals, sums)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        arrays, both = (values, places, offsets, weights), (sums, args[8])
        for code, r, some, total in _row_sums(context, builder, sizes, arrays, sums, args):
            code.check(goals, args[7], r.place_at, sizes[0])
            goal_base = code.pointer(goals, args[7], r.place_at)
            for row, vectors_of_row in zip(some, total, strict=True):
                goal = builder.load(builder.gep(goal_base, [INT64(row)]))
                own = r._replace(start_at=goal, start_step=INT64(0), sums_at=goal, sums_step=INT64(0))
                store_sums(code, both, both, own, range(row, row + 1), [vectors_of_row])
        return context.get_dummy_value()

    return signature, codegen


spread_tile = _spread_tile_meaning if config.DISABLE_JIT else _spread_tile
listed_tile = _listed_tile_meaning if config.DISABLE_JIT else _listed_tile
