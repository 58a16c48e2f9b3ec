"""The window tile: rows of neighbouring outputs, each the sum of a window of one channel, that stay in registers.

Lanes are neighbouring outputs of a row. An input row that windows of several output rows share is loaded once for all
of them; and it is loaded where it stands: lanes outside it are masked and count as zeros, or are taken one by one from
where a list says that the elements of the padding come from.
"""

from __future__ import annotations

from functools import partial
from inspect import signature
from itertools import product
from typing import Any

import numpy as np
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from fastconv.jit.emit import INT64
from fastconv.jit.lines import NO_LINE, Line, LineTile
from fastconv.jit.machine import machine
from fastconv.jit.window_shape import Shape, Window

__all__ = ["WindowCode", "tile_of", "window_tile"]


def _window_tile_meaning(
    shape: Shape,
    window: Window,
    column: int,
    numbers: int,
    x: np.ndarray,
    slab: np.ndarray,
    nothing: np.ndarray,
    table: np.ndarray,
    weights: np.ndarray,
    start: Any,
    y: np.ndarray,
    y_at: int,
) -> None:
    """y[row, lane] = start + sum over p, g, k, s of weight[p, g taps + k, s] * line[p, g, row row_step + k][place].

    Behind the lines of all groups stand `rows` of each further kernel row. The columns follow from ``place = (column +
    lane) column_step + table[offsets_at + s]``, or where that is in a border from the list. `numbers` lanes are
    written, as far as the tile has them. Without masked loads nothing is read in place.
    """
    source, v = x if window.in_place else slab, window
    lane = column + np.arange(shape.vectors * machine().vector_bytes // y.itemsize)
    rows = range(v.rows_here if shape.rolls else shape.rows)
    total = np.full((len(rows), lane.size), start, y.dtype)
    for p, g, s in product(range(v.planes), range(v.groups + 1), range(v.width)):
        place = lane * shape.column_step + table[v.offsets_at + s]
        if shape.borders:
            place = np.array([_source_meaning(v, table, at) for at in place.tolist()])
        inside = (place >= 0) & (place < v.limit)
        taps = [(row, k, g * shape.lines + row * shape.row_step + k) for row, k in product(rows, range(shape.taps))]
        if g == v.groups:
            taps = [(row, k, g * shape.lines + k * shape.rows + row) for row, k in product(rows, range(v.rest))]
        for row, k, number in taps:
            plane, line = table[v.planes_at + p], table[v.lines_at + number]
            values = np.zeros(lane.size, y.dtype)
            absent = NO_LINE in (plane, line)
            values[inside] = nothing[place[inside]] if absent else source[v.base + plane + line + place[inside]]
            at = v.weight_at + p * v.weight_d + (g * shape.taps + k) * v.weight_h + s * v.weight_w
            total[row] += weights[at] * values
    count = min(numbers, lane.size)
    for row in range(min(len(rows), v.rows_here)):
        y[y_at + row * v.pitch :][:count] = total[row, :count]


def _source_meaning(window: Window, table: np.ndarray, place: int) -> int:
    """Where in a row the element of a place stands that may be in a border."""
    if -window.before <= place < 0:
        return int(table[window.borders_at + place])
    behind = place - window.limit
    return int(table[window.borders_at + behind]) if 0 <= behind < window.after else place


def window_tile(shape: Shape) -> Any:
    """The tile of a shape, for kernels: as `_window_tile_meaning`, but for the shape."""
    return tile_of(shape, WindowCode)


def tile_of(shape: Shape, writer: type[WindowCode]) -> Any:
    """The same, of machine code that is written in one way or another."""
    if config.DISABLE_JIT:
        return partial(_window_tile_meaning, shape)

    @intrinsic
    def tile(
        typingctx: Any, window: Any, column: Any, numbers: Any, x: Any, slab: Any, nothing: Any, table: Any,
        weights: Any, start: Any, y: Any, y_at: Any,
    ) -> Any:  # fmt: skip
        whole = types.intp
        result = types.void(window, whole, whole, x, slab, nothing, table, weights, y.dtype, y, whole)

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            writer(context, builder, shape, signature.args, args).write_tile()
            return context.get_dummy_value()

        return result, codegen

    return tile


#: The arguments of a tile by name.
_ARGUMENTS = list(signature(_window_tile_meaning).parameters)[1:]


class WindowCode(LineTile):
    """Writes one window tile.

    Parameters
    ----------
    context, builder, kinds, values : object
        As an intrinsic gets them.
    shape : Shape
        Of the tile.
    """

    def __init__(self, context: Any, builder: Any, shape: Shape, kinds: Any, values: Any) -> None:
        super().__init__(context, builder, kinds, values, _ARGUMENTS, Window, reduced="y")
        self.shape, self.code = shape, self.writes
        self.unmasked = range(0)  # which vectors of a line have no lane beside it
        start = self.code.broadcast(self.values["start"])
        # Places in memory that LLVM turns into registers.
        self.sums = [
            [cgutils.alloca_once_value(builder, start) for _ in range(shape.vectors)] for _ in range(shape.rows)
        ]
        self.same = self.kinds["x"].dtype == self.kinds["y"].dtype
        slab = self.array("slab", INT64(0))
        self.reads = self.code
        self.in_place = builder.icmp_signed("!=", self.values["in_place"], INT64(0))
        self.source = builder.select(self.in_place, self.source, slab) if self.same else slab

    def write_tile(self) -> None:
        """Write all of it."""
        self.add_windows()
        self.write([[self.builder.load(total) for total in sums] for sums in self.sums])

    def load_vectors(self, lines: list[Line], tap: Any, count: int) -> list[list[Any]]:
        """So many vectors of each line from the tile's first window on, at a tap of the list of columns."""
        load = self.loader(tap, self.shape.column_step, self.unmasked)
        vectors = [[load(line, i) for i in range(count)] for line in lines]
        if not self.shape.borders:
            return vectors
        return self._put_borders(vectors, lines, self.place(tap, self.shape.column_step))

    def _put_borders(self, vectors: list[list[Any]], lines: list[Line], at: Any) -> list[list[Any]]:
        """The vectors of lines, which begin at a place, with the elements that stand beside the row.

        One loop for both sides and all lines: one for each vector takes ten times as long to compile.
        """
        builder, code, v = self.builder, self.reads, self.values
        count = len(vectors[0])
        end = builder.add(at, INT64(count * code.lanes))
        left = _greater(builder, at, builder.neg(v["before"]))
        lefts = _greater(builder, builder.sub(_lesser(builder, end, INT64(0)), left), INT64(0))
        right = _greater(builder, at, v["limit"])
        rights = builder.sub(_lesser(builder, end, builder.add(v["limit"], v["after"])), right)
        results = [[cgutils.alloca_once_value(builder, vector) for vector in found] for found in vectors]
        with cgutils.for_range(builder, builder.add(lefts, _greater(builder, rights, INT64(0))), intp=INT64) as loop:
            is_left = builder.icmp_signed("<", loop.index, lefts)
            first = builder.select(is_left, left, builder.sub(right, lefts))
            place = builder.add(first, loop.index)
            number = builder.add(v["borders_at"], builder.sub(place, builder.select(is_left, INT64(0), v["limit"])))
            self.check("table", number, INT64(1))
            source = builder.load(self.array("table", number))
            lanes = [code.lane(builder.sub(place, builder.add(at, INT64(i * code.lanes)))) for i in range(count)]
            for line, found in zip(lines, results, strict=True):
                self.check_line(line[0], source, INT64(1))
                element = code.broadcast(builder.load(builder.gep(line[1], [source])))
                for lane, result in zip(lanes, found, strict=True):
                    builder.store(builder.select(lane, element, builder.load(result)), result)
        return [[builder.load(result) for result in found] for found in results]

    def check_source(self, at: Any, count: Any) -> None:
        """In the input or in the slab."""
        if not self.same:
            self.check("slab", at, count)
            return
        with self.builder.if_else(self.in_place) as (here, slab):
            with here:
                self.check("x", at, count)
            with slab:
                self.check("slab", at, count)

    def add_windows(self) -> None:
        """Add all products to the sums."""
        builder, v = self.builder, self.values
        count, rest = self.shape.lines, builder.mul(v["rest"], INT64(self.shape.rows))
        rest_at = builder.mul(v["groups"], INT64(count))
        self.check("table", v["planes_at"], v["planes"])
        self.check("table", v["lines_at"], builder.add(rest_at, rest))
        self.check("table", v["offsets_at"], v["width"])
        with cgutils.for_range(builder, v["planes"], intp=INT64) as plane:
            plane_at = builder.load(self.array("table", builder.add(v["planes_at"], plane.index)))
            weights_d = builder.add(v["weight_at"], builder.mul(plane.index, v["weight_d"]))
            with cgutils.for_range(builder, v["groups"], intp=INT64) as group:
                first = builder.add(v["lines_at"], builder.mul(group.index, INT64(count)))
                lines = self.lines(first, count, plane_at)
                self.fetch(lines, self.shape.rows * self.shape.row_step, self.shape.vectors, self.shape.column_step)
                weights_h = builder.mul(builder.mul(group.index, INT64(self.shape.taps)), v["weight_h"])
                weights_h = builder.add(weights_d, weights_h)
                self.add_group(lines, weights_h)
            if self.shape.any_rows:
                self._add_rest(builder.add(v["lines_at"], rest_at), plane_at, weights_d)

    def add_group(self, lines: list[Line], weight_at: Any) -> None:
        """Add the products of a group of kernel rows, whose first weight stands there."""
        if self.shape.columns:
            self._add_columns(lines, weight_at)
            return
        with cgutils.for_range(self.builder, self.values["width"], intp=INT64) as tap:
            self.add_column(lines, weight_at, tap.index, self.shape.taps)

    def _add_rest(self, lines_at: Any, plane_at: Any, weights_d: Any) -> None:
        """Add the products of the rows of a window that are in no group; no two rows of the tile share them."""
        builder, v, rows = self.builder, self.values, self.shape.rows
        first = builder.mul(v["groups"], INT64(self.shape.taps))
        with cgutils.for_range(builder, v["rest"], intp=INT64) as row:
            lines = self.lines(builder.add(lines_at, builder.mul(row.index, INT64(rows))), rows, plane_at)
            weights_h = builder.add(weights_d, builder.mul(builder.add(first, row.index), v["weight_h"]))
            with cgutils.for_range(builder, v["width"], intp=INT64) as tap:
                self.add_column(lines, weights_h, tap.index, 1)

    def add_column(self, lines: list[Line], weight_at: Any, tap: Any, taps: int) -> None:
        """Add the products of one column of so many taps, whose vectors are loaded as they stand.

        All are loaded before the weights: LLVM then keeps all in registers (7x7: 10 % faster).
        """
        pixels = self.load_vectors(lines, tap, self.shape.vectors)
        weights = self.weights(weight_at, tap, taps)
        for number, row in enumerate(pixels):
            self.multiply(number, weights, row)

    def _add_columns(self, lines: list[Line], weight_at: Any) -> None:
        """Add the products of all columns of taps: each vector is loaded once, and shifted from tap to tap."""
        code, step = self.code, self.shape.column_step
        weights = [self.weights(weight_at, INT64(s), self.shape.taps) for s in range(self.shape.columns)]
        reach = (self.shape.vectors * code.lanes - 1) * step + self.shape.columns
        for numbers in _far_apart(len(lines)):
            phases = {}
            found = self.load_vectors([lines[number] for number in numbers], INT64(0), -(-reach // code.lanes))
            for number, loaded in zip(numbers, found, strict=True):
                phases[number] = [code.every(step, loaded, phase) for phase in range(step)]
            for s, column in enumerate(weights):
                shift, phase = divmod(s, step)
                for number in numbers:
                    shifted = [code.shifted(phases[number][phase], i, shift) for i in range(self.shape.vectors)]
                    self.multiply(number, column, shifted)

    def weights(self, at: Any, tap: Any, taps: int) -> list[Any]:
        """The weights of a column of taps, each in all lanes."""
        builder, v = self.builder, self.values
        at = builder.add(at, builder.mul(tap, v["weight_w"]))
        found = []
        for k in range(taps):
            place = builder.add(at, builder.mul(INT64(k), v["weight_h"]))
            self.check("weights", place, 1)
            found.append(self.code.broadcast(builder.load(self.array("weights", place))))
        return found

    def multiply(self, line: int, weights: list[Any], pixels: list[Any]) -> None:
        """Add the products of a line to the sums of all rows whose windows it is part of."""
        for k, weight in enumerate(weights):
            row, rest = divmod(line - k, self.shape.row_step)
            if rest == 0 and 0 <= row < self.shape.rows:
                for pixel, total in zip(pixels, self.sums[row], strict=True):
                    self.builder.store(self.code.multiply_add(weight, pixel, self.builder.load(total)), total)


def _greater(builder: Any, a: Any, b: Any) -> Any:
    return builder.select(builder.icmp_signed(">", a, b), a, b)


def _lesser(builder: Any, a: Any, b: Any) -> Any:
    return builder.select(builder.icmp_signed("<", a, b), a, b)


def _far_apart(count: int) -> list[range]:
    """Numbers of lines in pairs that have no sum in common, so that no product waits for the one before (a quarter off
    3x3 windows at a step of 2)."""
    half = -(-count // 2)
    return [range(first, count, half) for first in range(half)]
