"""The tile of maxima and their places: rows of neighbouring outputs, each the first maximum of a window.

Lanes are neighbouring outputs of a row, at a column step of 1. Beside each vector of maxima there is one of numbers of
32 bits, which say how far behind its window's first tap each maximum stands. A tap's distance is the same for all
outputs, so one vector of it serves all rows of the tile. Input rows are read where they stand, as those of the pooling
tile.
"""

from __future__ import annotations

from functools import partial
from inspect import signature
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from fastconv.jit.emit import INT64, VectorCode
from fastconv.jit.lines import NO_LINE, LineTile
from fastconv.jit.machine import machine
from fastconv.jit.reduction import MAXIMUM, Reduction

__all__ = ["NO_PLACE", "PlaceShape", "PlaceWindow", "place_tile"]

#: What stands for the place of a maximum that no tap exceeds: all of them are what windows are reduced from.
NO_PLACE = -1

_INT32 = ir.IntType(32)


class PlaceShape(NamedTuple):
    """What is a literal of a tile: rows, which stand anywhere, and vectors of a row."""

    rows: int
    vectors: int


class PlaceWindow(NamedTuple):
    """Where a tile finds what it reduces, and which of its results are wanted.

    Attributes
    ----------
    base, planes_at, planes, lines_at, groups, offsets_at, width, limit, pitch, rows_here : int
        As a `PoolWindow` has them; a group is one row of the windows.
    plane_step, group_step, tap_step : int
        How much further the maximum stands with each plane, group and tap of a row.
    """

    base: int
    planes_at: int
    planes: int
    lines_at: int
    groups: int
    offsets_at: int
    width: int
    limit: int
    plane_step: int
    group_step: int
    tap_step: int
    pitch: int
    rows_here: int


def _place_tile_meaning(
    shape: PlaceShape,
    window: PlaceWindow,
    column: int,
    numbers: int,
    x: np.ndarray,
    nothing: np.ndarray,
    table: np.ndarray,
    settings: np.ndarray,
    y: np.ndarray,
    places: np.ndarray,
    y_at: int,
) -> None:
    """y[row, lane] = the greatest line[p, g, row][column + lane + table[offsets_at + s]], from ``settings[0]`` on.

    places[row, lane] = p plane_step + g group_step + s tap_step of the first such element in the order of p, g and s,
    and `NO_PLACE` if none is greater than ``settings[0]``. Of several NaNs the last wins. `numbers` lanes are written,
    as far as the tile has them.
    """
    v = window
    lane = column + np.arange(shape.vectors * machine().vector_bytes // settings.itemsize)
    best = np.full((shape.rows, lane.size), settings[0])
    found = np.full(best.shape, NO_PLACE, np.int32)
    for p, g, s in product(range(v.planes), range(v.groups), range(v.width)):
        place = lane + table[v.offsets_at + s]
        inside = (place >= 0) & (place < v.limit)
        for row in range(shape.rows):
            plane, line = table[v.planes_at + p], table[v.lines_at + g * shape.rows + row]
            if NO_LINE not in (plane, line):
                new = np.full(lane.size, settings[0])
                new[inside] = x[v.base + plane + line + place[inside]]
                take = (new > best[row]) | (new != new)
                best[row, take] = new[take]
                found[row, take] = p * v.plane_step + g * v.group_step + s * v.tap_step
    count = min(numbers, lane.size)
    for row in range(min(shape.rows, v.rows_here)):
        y[y_at + row * v.pitch :][:count] = best[row, :count]
        places[y_at + row * v.pitch :][:count] = found[row, :count]


def place_tile(shape: PlaceShape) -> Any:
    """The tile of a shape, for kernels: as `_place_tile_meaning`, but for the shape."""
    if config.DISABLE_JIT:
        return partial(_place_tile_meaning, shape)

    @intrinsic
    def tile(
        typingctx: Any, window: Any, column: Any, numbers: Any, x: Any, nothing: Any, table: Any, settings: Any, y: Any,
        places: Any, y_at: Any,
    ) -> Any:  # fmt: skip
        whole = types.intp
        result = types.void(window, whole, whole, x, nothing, table, settings, y, places, whole)

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            code = _PlaceCode(context, builder, shape, signature.args, args)
            code.reduce()
            code.finish()
            return context.get_dummy_value()

        return result, codegen

    return tile


#: The arguments of a tile by name.
_ARGUMENTS = list(signature(_place_tile_meaning).parameters)[1:]


class _PlaceCode(LineTile):
    """Writes one tile.

    Parameters
    ----------
    context, builder, kinds, values : object
        As an intrinsic gets them.
    shape : PlaceShape
        Of the tile.
    """

    def __init__(self, context: Any, builder: Any, shape: PlaceShape, kinds: Any, values: Any) -> None:
        super().__init__(context, builder, kinds, values, _ARGUMENTS, PlaceWindow, reduced="settings")
        self.shape = shape
        self.reduction = Reduction(self.reads, self.kinds["settings"].dtype, MAXIMUM, exact=True)
        self.numbers = VectorCode(context, builder, self.kinds["places"].dtype, lanes=self.reads.lanes)
        self.check("settings", INT64(0), 1)
        self.beside = self.reads.broadcast(builder.load(self.array("settings", INT64(0))))
        none = self.numbers.broadcast(_INT32(NO_PLACE))
        # Places in memory that LLVM turns into registers.
        self.best, self.found = (
            [[cgutils.alloca_once_value(builder, start) for _ in range(shape.vectors)] for _ in range(shape.rows)]
            for start in (self.beside, none)
        )

    def reduce(self) -> None:
        """Compare all taps of all windows, in row-major order."""
        builder, v, rows = self.builder, self.values, self.shape.rows
        self.check("table", v["planes_at"], v["planes"])
        self.check("table", v["lines_at"], builder.mul(v["groups"], INT64(rows)))
        self.check("table", v["offsets_at"], v["width"])
        with cgutils.for_range(builder, v["planes"], intp=INT64) as plane:
            plane_at = builder.load(self.array("table", builder.add(v["planes_at"], plane.index)))
            of_plane = builder.mul(plane.index, v["plane_step"])
            with cgutils.for_range(builder, v["groups"], intp=INT64) as group:
                lines = self.lines(builder.add(v["lines_at"], builder.mul(group.index, INT64(rows))), rows, plane_at)
                of_group = builder.add(of_plane, builder.mul(group.index, v["group_step"]))
                with cgutils.for_range(builder, v["width"], intp=INT64) as tap:
                    distance = builder.add(of_group, builder.mul(tap.index, v["tap_step"]))
                    place = self.numbers.broadcast(builder.trunc(distance, _INT32))
                    load = self.loader(tap.index, 1)
                    for line, best, found in zip(lines, self.best, self.found, strict=True):
                        for i in range(self.shape.vectors):
                            self._take(load(line, i), place, best[i], found[i])

    def _take(self, new: Any, place: Any, best: Any, found: Any) -> None:
        """What is greater than the best, or a NaN, takes its stead."""
        builder, old = self.builder, self.builder.load(best)
        take = self.reduction.exceeds(new, old)
        builder.store(builder.select(take, new, old), best)
        builder.store(builder.select(take, place, builder.load(found)), found)

    def finish(self) -> None:
        """Write the maxima and the places."""
        for name, code, results in (("y", self.writes, self.best), ("places", self.numbers, self.found)):
            self.write([[self.builder.load(result) for result in row] for row in results], name, code)
