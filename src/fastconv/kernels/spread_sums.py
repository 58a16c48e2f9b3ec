"""The sums of a strip's tiles, whose lanes are output channels: which tile sums how many pixels, over which depths."""

from __future__ import annotations

from typing import Any, NamedTuple

from fastconv.jit.copy import copy_run
from fastconv.jit.decorators import helper, inlined
from fastconv.jit.scratch import either
from fastconv.jit.spread_tile import SpreadRun, spread_tile
from fastconv.jit.tile import lanes
from fastconv.kernels.spread_table import (
    HALF_ROWS,
    HALF_VECTORS,
    NARROW_ROWS,
    ONE_VECTOR,
    ROWS,
    SHARED_ROWS,
    STRIP,
    VECTORS,
    tile_pixels,
)

__all__ = [
    "DEPTHS",
    "WIDENED_DEPTHS",
    "Depths",
    "Goal",
    "by_size",
    "depths_of_run",
    "is_whole",
    "next_pixels",
    "strip_pixels",
    "sum_tile",
    "tile_rows",
]

#: Most depths that are added one after the other: sums of 4608 products are then put together from six, whose error is
#: 0.4 times as large, and weights for so many depths stay in the second-level cache.
DEPTHS = 768
#: Most pairs whose products are summed in 32 bits before they are widened: 256 of up to 255 * 2**15 stay below 2**31.
WIDENED_DEPTHS = 128


class Depths(NamedTuple):
    """What a tile adds up.

    Attributes
    ----------
    begin, end : int
        The depths; none for outputs that no tap reaches.
    at : int
        Where their packed weights begin.
    width : int
        Weights of a depth.
    first : bool
        Whether the sums begin with what stands in front of them, not with the sums of the depths before.
    shift : int
        Bits by which what they add up to is shifted, where sums are widened.
    """

    begin: int
    end: int
    at: int
    width: int
    first: bool
    shift: int


class Goal(NamedTuple):
    """Where the sums of a tile go.

    Attributes
    ----------
    straight : bool
        Whether to the result, not to the strip's own sums.
    to, pitch : int
        The place of the first pixel's, and the step to the next.
    """

    straight: bool
    to: int
    pitch: int


@helper
def tile_rows(width: int, n: int) -> int:
    """Rows of a tile for so many channels, in vectors of `n`."""
    return ROWS if width > HALF_VECTORS * n else NARROW_ROWS


_tile_pixels = helper(tile_pixels)


@helper
def next_pixels(left: int, width: int, n: int) -> int:
    """Pixels of the next tile for so many channels, where so many pixels are left of a strip."""
    return _tile_pixels(left) if width == VECTORS * n else min(tile_rows(width, n), left)


@helper
def is_whole(pixels: int, width: int, n: int) -> bool:
    """Whether the tile that sums so many pixels has no more rows."""
    if width == VECTORS * n:
        return pixels in (ROWS, SHARED_ROWS, HALF_ROWS)
    return pixels == tile_rows(width, n)


@helper
def depths_of_run(depths: int, taps: int, longest: int) -> tuple[int, int]:
    """Depths of a run, about as many in all of them, and taps of a channel: runs have those of whole channels.

    Where a channel has too many, the taps are 0.
    """
    runs = max(1, (depths + longest - 1) // longest)
    depths = max(1, (depths + runs - 1) // runs)
    return (depths, 0) if taps > depths else (depths - depths % max(1, taps), taps)


@helper
def strip_pixels(rows: int, step: int) -> int:
    """Pixels of a strip: whole tiles, for each of the `step` phases of a row."""
    return max(1, STRIP // step) * rows


def by_size(tile: Any) -> Any:
    """A tile that takes its rows and vectors from how many channels and pixels there are."""

    @inlined
    def sum_pixels(
        width: int, pixels: int, run: SpreadRun, values: Any, places: Any, offsets: Any, weights: Any, more: Any,
        sums: Any,
    ) -> None:  # fmt: skip
        """`tile` of `width` channels and the fewest rows for so many pixels; it takes `more` as that does."""
        if width == ONE_VECTOR * lanes(sums):
            tile(NARROW_ROWS, ONE_VECTOR, run, values, places, offsets, weights, more, sums)
        elif HALF_VECTORS > 1 and width == HALF_VECTORS * lanes(sums):
            tile(NARROW_ROWS, HALF_VECTORS, run, values, places, offsets, weights, more, sums)
        elif pixels > SHARED_ROWS:
            tile(ROWS, VECTORS, run, values, places, offsets, weights, more, sums)
        elif pixels > HALF_ROWS:
            tile(SHARED_ROWS, VECTORS, run, values, places, offsets, weights, more, sums)
        else:
            tile(HALF_ROWS, VECTORS, run, values, places, offsets, weights, more, sums)

    return sum_pixels


_spread = by_size(spread_tile)


@inlined
def sum_tile(arrays: Any, place_at: int, depths: Depths, pixels: int, own: Goal, goal: Goal) -> None:
    """The sums of a tile's pixels, from the one whose place is number `place_at`; of more than `pixels`, if need be.

    They go to `goal`. Those of the depths before stand where `own` is.
    """
    starts, sums = arrays.sums, either(goal.straight, arrays.y, arrays.sums)
    to, pitch = goal.to, goal.pitch
    start_at, start_step = (0, 0) if depths.first else (own.to, own.pitch)
    run = SpreadRun(place_at, depths.begin, depths.end, depths.at, start_at, start_step, to, pitch, depths.shift)
    values, places, offsets, weights = arrays.values, arrays.places, arrays.offsets, arrays.weights
    if depths.begin == depths.end:  # outputs that no tap reaches: those of a kernel shorter than the stretch
        for row in range(pixels):
            copy_run(sums, to + row * pitch, starts, 0, depths.width)
    else:
        _spread(depths.width, pixels, run, values, places, offsets, weights, starts, sums)
