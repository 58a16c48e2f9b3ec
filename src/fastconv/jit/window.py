"""The window tile: rows of neighbouring outputs, each the sum of a window of one channel, that stay in registers.

Lanes are neighbouring outputs of a row. An input row that windows of several output rows share is loaded once for all
of them; and it is loaded where it stands: lanes outside it are masked and count as zeros.
"""

from __future__ import annotations

from functools import partial
from inspect import signature
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from fastconv.jit.emit import INT64, VectorCode
from fastconv.jit.machine import LINE, machine

__all__ = ["NO_LINE", "Shape", "Window", "window_tile"]

#: What stands for the position of an input row that is not there: all zeros.
NO_LINE = np.iinfo(np.int64).min


class Shape(NamedTuple):
    """What is a literal of a tile.

    Attributes
    ----------
    rows, vectors : int
        Rows of a tile, and vectors of a row.
    taps, row_step : int
        Rows of a window that are summed together, and the rows from one window to the next. Where there is one, the
        rows of a tile stand anywhere; otherwise they follow each other, and windows share them.
    columns : int
        Taps in a row, which follow each other, or 0 for any that stand anywhere; `column_step` is 1 then.
    column_step : int
        Columns from one window to the next.
    """

    rows: int
    vectors: int
    taps: int
    columns: int
    row_step: int
    column_step: int

    @property
    def lines(self) -> int:
        """Input rows that a tile's windows have of each group of kernel rows."""
        return (self.rows - 1) * self.row_step + self.taps


class Window(NamedTuple):
    """Where a tile finds what it sums, and which of its sums are wanted.

    Attributes
    ----------
    in_place : int
        Whether it reads the input where that stands, not a slab.
    base : int
        Position of the channel.
    planes_at, planes, lines_at, groups : int
        The lists of planes and of rows in the table, and how many planes and groups of kernel rows there are. A row
        begins at base, plane and line together, or is all zeros where either is `NO_LINE`.
    offsets_at, width : int
        The list of a row's taps: where each stands from the tile's first window on.
    limit : int
        Places of a row; beside them stand zeros.
    weight_at, weight_d, weight_h, weight_w : int
        The first weight, and the steps of weights along the axes.
    pitch : int
        Step from one row of the result to the next.
    rows_here : int
        Rows that are written, as far as the tile has them.
    """

    in_place: int
    base: int
    planes_at: int
    planes: int
    lines_at: int
    groups: int
    offsets_at: int
    width: int
    limit: int
    weight_at: int
    weight_d: int
    weight_h: int
    weight_w: int
    pitch: int
    rows_here: int


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

    The columns follow from ``place = (column + lane) column_step + table[offsets_at + s]``. `numbers` lanes are
    written, as far as the tile has them. Without masked loads nothing is read in place.
    """
    source, v = x if window.in_place else slab, window
    lane = column + np.arange(shape.vectors * machine().vector_bytes // y.itemsize)
    total = np.full((shape.rows, lane.size), start, y.dtype)
    for p, g, s in product(range(v.planes), range(v.groups), range(v.width)):
        place = lane * shape.column_step + table[v.offsets_at + s]
        inside = (place >= 0) & (place < v.limit)
        for row, k in product(range(shape.rows), range(shape.taps)):
            plane, line = table[v.planes_at + p], table[v.lines_at + g * shape.lines + row * shape.row_step + k]
            values = np.zeros(lane.size, y.dtype)
            if NO_LINE not in (plane, line):
                values[inside] = source[v.base + plane + line + place[inside]]
            at = v.weight_at + p * v.weight_d + (g * shape.taps + k) * v.weight_h + s * v.weight_w
            total[row] += weights[at] * values
    count = min(numbers, lane.size)
    for row in range(min(shape.rows, v.rows_here)):
        y[y_at + row * v.pitch :][:count] = total[row, :count]


def window_tile(shape: Shape) -> Any:
    """The tile of a shape, for kernels: as `_window_tile_meaning`, but for the shape."""
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
            code = _WindowCode(context, builder, shape, signature.args, args)
            code.add_windows()
            code.write()
            return context.get_dummy_value()

        return result, codegen

    return tile


#: The arguments of a tile by name.
_ARGUMENTS = list(signature(_window_tile_meaning).parameters)[1:]


class _WindowCode:
    """Writes one window tile.

    Parameters
    ----------
    context, builder, kinds, values : object
        As an intrinsic gets them.
    shape : Shape
        Of the tile.
    """

    def __init__(self, context: Any, builder: Any, shape: Shape, kinds: Any, values: Any) -> None:
        self.context, self.builder, self.shape = context, builder, shape
        self.kinds, self.values = (dict(zip(_ARGUMENTS, found, strict=True)) for found in (kinds, values))
        self.values |= zip(Window._fields, cgutils.unpack_tuple(builder, self.values["window"]), strict=True)
        self.code = VectorCode(context, builder, self.kinds["y"].dtype)
        self.masked = machine().masked_loads
        start = self.code.broadcast(self.values["start"])
        # Places in memory that LLVM turns into registers.
        self.sums = [
            [cgutils.alloca_once_value(builder, start) for _ in range(shape.vectors)] for _ in range(shape.rows)
        ]
        self.same = self.kinds["x"].dtype == self.kinds["y"].dtype
        self.source = self._array("slab", INT64(0))
        if self.same:
            self.read_in_place = builder.icmp_signed("!=", self.values["in_place"], INT64(0))
            self.source = builder.select(self.read_in_place, self._array("x", INT64(0)), self.source)

    def _array(self, name: str, index: Any) -> Any:
        return self.code.pointer(self.kinds[name], self.values[name], index)

    def _check(self, name: str, first: Any, count: Any) -> None:
        self.code.check(self.kinds[name], self.values[name], first, count)

    def add_windows(self) -> None:
        """Add all products to the sums."""
        builder, v = self.builder, self.values
        count = self.shape.lines
        self._check("table", v["planes_at"], v["planes"])
        self._check("table", v["lines_at"], builder.mul(v["groups"], INT64(count)))
        self._check("table", v["offsets_at"], v["width"])
        with cgutils.for_range(builder, v["planes"], intp=INT64) as plane:
            plane_at = builder.load(self._array("table", builder.add(v["planes_at"], plane.index)))
            weights_d = builder.add(v["weight_at"], builder.mul(plane.index, v["weight_d"]))
            with cgutils.for_range(builder, v["groups"], intp=INT64) as group:
                first = builder.add(v["lines_at"], builder.mul(group.index, INT64(count)))
                lines = [self._line(plane_at, builder.add(first, INT64(i))) for i in range(count)]
                self._fetch(lines)
                weights_h = builder.mul(builder.mul(group.index, INT64(self.shape.taps)), v["weight_h"])
                weights_h = builder.add(weights_d, weights_h)
                if self.shape.columns:
                    self._add_columns(lines, weights_h)
                else:
                    with cgutils.for_range(builder, v["width"], intp=INT64) as tap:
                        self._add_column(lines, weights_h, tap.index)

    def _fetch(self, lines: list[tuple[Any, Any]]) -> None:
        """Have the rows of the next tile brought into the first-level cache (3x3 at 112 x 112: 12 % faster).

        They are as far from the last rows of this one as those are from the rows before them. Where these are not there
        nothing is fetched: memory that is not mapped costs as long as it takes to find that out.
        """
        builder, code, step = self.builder, self.code, self.shape.rows * self.shape.row_step
        if len(lines) <= step:
            return
        last, before = lines[-1], lines[-1 - step]
        both = builder.and_(*(builder.icmp_signed("!=", line, INT64(NO_LINE)) for line, _ in (last, before)))
        ahead = builder.sub(*(builder.ptrtoint(pointer, INT64) for _, pointer in (last, before)))
        ahead = builder.select(both, ahead, INT64(0))
        first = builder.mul(self.values["column"], INT64(self.shape.column_step))
        for _, line in lines[-step:]:
            place = builder.inttoptr(builder.add(builder.ptrtoint(line, INT64), ahead), line.type)
            for i in range(self.shape.vectors * self.shape.column_step):
                code.prefetch(code.at(place, builder.add(first, INT64(i * code.lanes))), LINE)

    def _line(self, plane: Any, index: Any) -> tuple[Any, Any]:
        """Where an input row begins: its position, `NO_LINE` where it is not there, and the pointer."""
        builder = self.builder
        line = builder.load(self._array("table", index))
        absent = builder.or_(
            builder.icmp_signed("==", plane, INT64(NO_LINE)), builder.icmp_signed("==", line, INT64(NO_LINE))
        )
        at = builder.add(builder.add(self.values["base"], plane), line)
        nothing = self._array("nothing", INT64(0))
        pointer = builder.select(absent, nothing, builder.gep(self.source, [at]))
        return builder.select(absent, INT64(NO_LINE), at), pointer

    def _add_column(self, lines: list[tuple[Any, Any]], weight_at: Any, tap: Any) -> None:
        """Add the products of one column of taps, whose vectors are loaded as they stand.

        All are loaded before the weights: LLVM then keeps all in registers (7x7: 10 % faster).
        """
        load = self._vectors(tap)
        pixels = [[load(line, i) for i in range(self.shape.vectors)] for line in lines]
        weights = self._weights(weight_at, tap)
        for number, row in enumerate(pixels):
            self._multiply(number, weights, row)

    def _add_columns(self, lines: list[tuple[Any, Any]], weight_at: Any) -> None:
        """Add the products of all columns of taps: each vector is loaded once, and shifted from tap to tap."""
        code, step = self.code, self.shape.column_step
        load = self._vectors(INT64(0))
        weights = [self._weights(weight_at, INT64(s)) for s in range(self.shape.columns)]
        reach = (self.shape.vectors * code.lanes - 1) * step + self.shape.columns
        for numbers in _far_apart(len(lines)):
            phases = {}
            for number in numbers:
                loaded = [load(lines[number], i) for i in range(-(-reach // code.lanes))]
                phases[number] = [code.every(step, loaded, phase) for phase in range(step)]
            for s, column in enumerate(weights):
                shift, phase = divmod(s, step)
                for number in numbers:
                    shifted = [code.shifted(phases[number][phase], i, shift) for i in range(self.shape.vectors)]
                    self._multiply(number, column, shifted)

    def _vectors(self, tap: Any) -> Any:
        """A function that loads vector number `i` of a line, counted from the tile's first window at a tap."""
        builder, code, v = self.builder, self.code, self.values
        place = builder.load(self._array("table", builder.add(v["offsets_at"], tap)))
        place = builder.add(place, builder.mul(v["column"], INT64(self.shape.column_step)))
        masks: dict[int, Any] = {}

        def load(line: tuple[Any, Any], i: int) -> Any:
            at = builder.add(place, INT64(i * code.lanes))
            self._check_vector(line[0], at)
            if not self.masked:
                return code.load(line[1], at)
            if i not in masks:
                masks[i] = code.mask(at, v["limit"])
            return code.load_masked(line[1], at, masks[i])

        return load

    def _weights(self, at: Any, tap: Any) -> list[Any]:
        """The weights of a column of taps, each in all lanes."""
        builder, v = self.builder, self.values
        at = builder.add(at, builder.mul(tap, v["weight_w"]))
        found = []
        for k in range(self.shape.taps):
            place = builder.add(at, builder.mul(INT64(k), v["weight_h"]))
            self._check("weights", place, 1)
            found.append(self.code.broadcast(builder.load(self._array("weights", place))))
        return found

    def _multiply(self, line: int, weights: list[Any], pixels: list[Any]) -> None:
        """Add the products of a line to the sums of all rows whose windows it is part of."""
        for k, weight in enumerate(weights):
            row, rest = divmod(line - k, self.shape.row_step)
            if rest == 0 and 0 <= row < self.shape.rows:
                for pixel, total in zip(pixels, self.sums[row], strict=True):
                    self.builder.store(self.code.multiply_add(weight, pixel, self.builder.load(total)), total)

    def _check_vector(self, line: Any, place: Any) -> None:
        """See to it that the lanes that a load reads are there, in code compiled with bounds checks."""
        if not self.context.enable_boundscheck:
            return
        builder, lanes = self.builder, INT64(self.code.lanes)
        first, end = INT64(0), lanes
        if self.masked:
            first = _clamped(builder, builder.neg(place), lanes)
            end = _clamped(builder, builder.sub(self.values["limit"], place), lanes)
        count = builder.sub(builder.select(builder.icmp_signed(">", end, first), end, first), first)
        place = builder.add(place, first)
        with builder.if_else(builder.icmp_signed("==", line, INT64(NO_LINE))) as (absent, present):
            with absent:
                self._check("nothing", place, count)
            with present:
                at = builder.add(line, place)
                if not self.same:
                    self._check("slab", at, count)
                else:
                    with builder.if_else(self.read_in_place) as (input_, gathered):
                        with input_:
                            self._check("x", at, count)
                        with gathered:
                            self._check("slab", at, count)

    def write(self) -> None:
        """Write the sums, whole vectors where all of them are wanted."""
        builder, code, v = self.builder, self.code, self.values
        width = self.shape.vectors * code.lanes
        all_rows = builder.icmp_signed(">=", v["rows_here"], INT64(self.shape.rows))
        all_lanes = builder.icmp_signed(">=", v["numbers"], INT64(width))
        few = builder.select(all_lanes, INT64(width), v["numbers"])
        with builder.if_else(builder.and_(all_rows, all_lanes)) as (whole, part):
            with whole:
                for row, sums in enumerate(self.sums):
                    self._write_row(row, sums, few, [None] * self.shape.vectors)
            with part:
                masks = [code.mask(INT64(i * code.lanes), few) for i in range(self.shape.vectors)]
                for row, sums in enumerate(self.sums):
                    with builder.if_then(builder.icmp_signed(">", v["rows_here"], INT64(row))):
                        self._write_row(row, sums, few, masks)

    def _write_row(self, row: int, sums: list[Any], count: Any, masks: list[Any]) -> None:
        builder, code, v = self.builder, self.code, self.values
        at = builder.add(v["y_at"], builder.mul(v["pitch"], INT64(row)))
        self._check("y", at, count)
        base = self._array("y", at)
        for i, (total, mask) in enumerate(zip(sums, masks, strict=True)):
            if mask is None:
                code.store(builder.load(total), base, i * code.lanes)
            else:
                code.store_masked(builder.load(total), base, i * code.lanes, mask)


def _far_apart(count: int) -> list[range]:
    """Numbers of lines in pairs that have no sum in common, so that no product waits for the one before (a quarter off
    3x3 windows at a step of 2)."""
    half = -(-count // 2)
    return [range(first, count, half) for first in range(half)]


def _clamped(builder: Any, value: Any, most: Any) -> Any:
    """At least 0 and at most `most`."""
    value = builder.select(builder.icmp_signed("<", value, INT64(0)), INT64(0), value)
    return builder.select(builder.icmp_signed(">", value, most), most, value)
