"""Rows of window tiles, tile after tile along them: the widest, and narrower ones for what is left of a row."""

from __future__ import annotations

from typing import Any

from fastconv.jit.decorators import inlined
from fastconv.jit.rolling_tile import rolling_tile
from fastconv.jit.row_tile import row_tile
from fastconv.jit.tile import lanes, lead
from fastconv.jit.window import window_tile
from fastconv.jit.window_shape import Shape, Window

__all__ = ["MANY_TILES", "row_tiles"]

#: Widest tiles of a row from which on it is worth while to begin with a narrow one, behind which the others write whole
#: cache lines: rows of 1024 floats take 0.86 of the time with 3x3 windows, 0.92 with 5x5 (1 thread, Zen 4).
MANY_TILES = 8


def row_tiles(shape: Shape) -> Any:
    """A function for kernels that fills the rows of tiles of a shape, or of half its vectors, or of one."""
    vectors = shape.vectors
    half = max(1, vectors // 2)
    tile = rolling_tile if shape.rolls else row_tile if shape.is_row else window_tile
    wide_tile, half_tile, one_tile = (tile(shape._replace(vectors=count)) for count in (vectors, half, 1))

    @inlined
    def sum_rows(
        window: Window, column: int, end: int, x: Any, slab: Any, nothing: Any, table: Any, weights: Any, start: Any,
        y: Any, to: int,
    ) -> None:  # fmt: skip
        """Columns up to `end` of the rows of a tile, the first of which goes to `to`."""
        stop = end
        if end - column > MANY_TILES * vectors * lanes(y) and window.pitch % lanes(y) == 0 and lead(y, to):
            stop = column + lanes(y) - lead(y, to)
        while column < end:
            left = stop - column
            if left > (vectors - 1) * lanes(y):
                wide_tile(window, column, left, x, slab, nothing, table, weights, start, y, to)
                done = vectors * lanes(y)
            elif left > (half - 1) * lanes(y):
                half_tile(window, column, left, x, slab, nothing, table, weights, start, y, to)
                done = half * lanes(y)
            else:
                one_tile(window, column, left, x, slab, nothing, table, weights, start, y, to)
                done = lanes(y)
            done = min(done, left)
            column, to, stop = column + done, to + done, end

    return sum_rows
