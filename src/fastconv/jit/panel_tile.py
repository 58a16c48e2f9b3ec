"""The tile that reads panels, and what makes them: pieces of rows of the input, copied for the pixels of one tile.

A tile that reads its pixels where they stand takes an address for each row from a table, and lines of the cache from as
many places as there are depths: on a Cascade Lake it comes to 90 to 107 GFLOP/s where weights come from the second
level. In a panel a tile's pixels are a literal number of elements apart, so all rows have one address, and the next
depth is never far: 124 to 148 of 150.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from fastconv.jit.copy import copy_block, copy_every_other
from fastconv.jit.emit import INT64, VectorCode
from fastconv.jit.machine import LINE, machine
from fastconv.jit.tile import AHEAD, add_depths, passes

__all__ = ["PanelRun", "copy_every_other_pixel", "copy_pixels", "panel_tile"]

#: Rows between the one that is copied and the one that is fetched: they stand apart, so a CPU does not see them coming.
ROWS_AHEAD = 8


class PanelRun(NamedTuple):
    """The numbers of a `panel_tile`.

    Attributes
    ----------
    panel_at : int
        Where the panel begins.
    offset_at, depths, weight_at : int
        Where the places of the depths in the panel begin, how many depths there are, at least one, and where their
        packed weights begin.
    start_at, start_step : int
        Where what sums begin with stands, and the step from row to row: 0 for one that serves all.
    sums_at, sums_step : int
        Where the sums go, likewise.
    """

    panel_at: int
    offset_at: int
    depths: int
    weight_at: int
    start_at: int
    start_step: int
    sums_at: int
    sums_step: int


def _panel_tile_meaning(
    rows: int,
    apart: int,
    vectors: int,
    run: PanelRun,
    panel: np.ndarray,
    offsets: np.ndarray,
    weights: np.ndarray,
    sums: np.ndarray,
) -> None:
    """sums[row, lane] = start[row, lane] + sum over d of panel[offsets[d] + row * apart] * weights[d, lane].

    `start` stands among the sums; it is added last, so that long sums can be put together from short ones, which round
    less.
    """
    count = vectors * (machine().vector_bytes // panel.itemsize)
    total = np.zeros((rows, count), panel.dtype)
    for d in range(run.depths):
        numbers = panel[run.panel_at + offsets[run.offset_at + d] :][: rows * apart : apart]
        total += numbers[:, None] * weights[run.weight_at + d * count :][:count]
    for row in range(rows):
        total[row] += sums[run.start_at + row * run.start_step :][:count]
        sums[run.sums_at + row * run.sums_step :][:count] = total[row]


@intrinsic(prefer_literal=True)
def _panel_tile(
    typingctx: Any, rows: Any, apart: Any, vectors: Any, run: Any, panel: Any, offsets: Any, weights: Any, sums: Any
) -> Any:
    """As `_panel_tile_meaning`; `rows`, `apart` and `vectors` are literals."""
    if not all(isinstance(number, types.IntegerLiteral) for number in (rows, apart, vectors)):
        return None
    n_rows, step, n_vectors = rows.literal_value, apart.literal_value, vectors.literal_value
    signature = types.void(rows, apart, vectors, run, panel, offsets, weights, sums)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        code = VectorCode(context, builder, panel.dtype, weights=weights.dtype)
        weight_size, width = weights.dtype.bitwidth // 8, n_vectors * code.lanes
        r = PanelRun(*cgutils.unpack_tuple(builder, args[3]))
        panel_base = code.pointer(panel, args[4], r.panel_at)
        offset_base = code.pointer(offsets, args[5], r.offset_at)
        weight_base = code.pointer(weights, args[6], r.weight_at)
        code.check(offsets, args[5], r.offset_at, r.depths)
        code.check(weights, args[6], r.weight_at, builder.mul(r.depths, INT64(width)))

        def sums_of(row: int, first: Any, step: Any) -> Any:
            at = builder.add(first, builder.mul(step, INT64(row)))
            code.check(sums, args[7], at, width)
            return code.pointer(sums, args[7], at)

        def products(depth: Any) -> tuple[list[Any], Any]:
            offset = builder.load(builder.gep(offset_base, [depth]))
            code.check(panel, args[4], builder.add(r.panel_at, offset), (n_rows - 1) * step + 1)
            weight_row = builder.gep(weight_base, [builder.mul(depth, INT64(width))])
            code.prefetch(builder.gep(weight_row, [INT64(AHEAD // weight_size)]), width * weight_size)
            lanes = [code.load_weights(weight_row, v * code.lanes) for v in range(n_vectors)]
            numbers = builder.gep(panel_base, [offset])
            return lanes, lambda row: builder.gep(numbers, [INT64(row * step)])

        most = machine().panel_rows * machine().panel_vectors
        for some in passes(code, n_rows, n_vectors, most):
            for row, total_row in zip(some, add_depths(code, r.depths, some, n_vectors, products), strict=True):
                start, target = sums_of(row, r.start_at, r.start_step), sums_of(row, r.sums_at, r.sums_step)
                for v, value in enumerate(total_row):
                    before = code.load(start, v * code.lanes)
                    code.store(code.add(before, value), target, v * code.lanes)
        return context.get_dummy_value()

    return signature, codegen


def _copier(every: int) -> Any:
    """The intrinsic for `copy_block` or `copy_every_other`, a vector of each row after the other, the last one masked.

    So all that the loop does is load and store: pieces of 14 numbers take 0.6 of the time.
    """

    @intrinsic
    def copy(
        typingctx: Any, panel: Any, to: Any, pitch: Any, source: Any, at: Any, step: Any, count: Any, rows: Any
    ) -> Any:
        whole = types.intp
        signature = types.void(panel, whole, whole, source, whole, whole, whole, whole)

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            code = VectorCode(context, builder, panel.dtype, moved=True)
            ahead = builder.mul(args[5], INT64(ROWS_AHEAD))
            reach = builder.sub(builder.mul(args[6], INT64(every)), INT64(every - 1))
            some = builder.icmp_signed(">", args[7], INT64(0))
            with cgutils.if_likely(builder, builder.and_(some, builder.icmp_signed(">", args[6], INT64(0)))):
                last = builder.sub(args[7], INT64(1))
                for kind, array, first, row_step, number in (
                    (panel, *args[:3], args[6]),
                    (source, *args[3:6], reach),
                ):
                    code.check(kind, array, first, number)
                    code.check(kind, array, builder.add(first, builder.mul(row_step, last)), number)
                there, here = code.pointer(panel, args[0], args[1]), code.pointer(source, args[3], args[4])
                with cgutils.for_range_slice(builder, INT64(0), args[6], INT64(code.lanes), INT64) as (first, _):
                    begin = builder.mul(first, INT64(every))
                    mask = code.mask(first, args[6])
                    places = [builder.add(begin, INT64(i * code.lanes)) for i in range(every)]
                    reads = [code.mask(place, reach) for place in places]

                    def copy_row(to: Any, at: Any, reads: Any = reads, mask: Any = mask) -> None:
                        code.prefetch(builder.gep(at, [ahead]), LINE + 1)  # vectors seldom begin where lines do
                        numbers = [code.load_masked(at, i * code.lanes, read) for i, read in enumerate(reads)]
                        code.store_masked(code.every(every, numbers, 0)[0], to, 0, mask)

                    target, source_row = builder.gep(there, [first]), builder.gep(here, [begin])
                    _each_row(builder, args[7], (target, args[2]), (source_row, args[5]), copy_row)
            return context.get_dummy_value()

        return signature, codegen

    return copy


def _each_row(builder: Any, rows: Any, target: Any, source: Any, body: Callable[[Any, Any], None]) -> None:
    """A loop over rows, at least one, whose pointers step from one to the next: LLVM spills what it finds them with."""
    entry, loop, done = builder.block, builder.append_basic_block("row"), builder.append_basic_block("rows_end")
    builder.branch(loop)
    builder.position_at_end(loop)
    left = builder.phi(INT64)
    there, here = builder.phi(target[0].type), builder.phi(source[0].type)
    body(there, here)
    for number, start, following in (
        (left, rows, builder.sub(left, INT64(1))),
        (there, target[0], builder.gep(there, [target[1]])),
        (here, source[0], builder.gep(here, [source[1]])),
    ):
        number.add_incoming(start, entry)
        number.add_incoming(following, loop)
    builder.cbranch(builder.icmp_signed(">", left, INT64(1)), loop, done)
    builder.position_at_end(done)


def _copies(every: int, general: Callable[..., None]) -> Any:
    return general if config.DISABLE_JIT or not machine().masked_loads else _copier(every)


copy_pixels = _copies(1, copy_block)
copy_every_other_pixel = _copies(2, copy_every_other)
panel_tile = _panel_tile_meaning if config.DISABLE_JIT else _panel_tile
