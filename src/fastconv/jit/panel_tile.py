"""The tile that reads panels: pieces of rows of the input, copied for the pixels of one tile.

A tile that reads its pixels where they stand takes an address for each row from a table, and lines of the cache from as
many places as there are depths: on a Cascade Lake it comes to 90 to 107 GFLOP/s where weights come from the second
level. In a panel a tile's pixels are a literal number of elements apart, so all rows have one address, and the next
depth is never far: 124 to 148 of 150.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from fastconv.jit.emit import INT64, VectorCode
from fastconv.jit.machine import machine
from fastconv.jit.tile import AHEAD, add_depths, passes, store_sums, times

__all__ = ["PanelRun", "panel_tile"]


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
    total = np.zeros((rows, count), sums.dtype)
    for d in range(run.depths):
        numbers = panel[run.panel_at + offsets[run.offset_at + d] :][: rows * apart : apart]
        total += times(numbers[:, None], weights[run.weight_at + d * count :][:count])
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
        code = VectorCode(context, builder, panel.dtype, weights=weights.dtype, weighted=True)
        weight_size, width = weights.dtype.bitwidth // 8, n_vectors * code.lanes
        r = PanelRun(*cgutils.unpack_tuple(builder, args[3]))
        panel_base = code.pointer(panel, args[4], r.panel_at)
        offset_base = code.pointer(offsets, args[5], r.offset_at)
        weight_base = code.pointer(weights, args[6], r.weight_at)
        code.check(offsets, args[5], r.offset_at, r.depths)
        code.check(weights, args[6], r.weight_at, builder.mul(r.depths, INT64(width)))

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
            both = (sums, args[7])
            store_sums(code, both, both, r, some, add_depths(code, r.depths, some, n_vectors, products))
        return context.get_dummy_value()

    return signature, codegen


panel_tile = _panel_tile_meaning if config.DISABLE_JIT else _panel_tile
