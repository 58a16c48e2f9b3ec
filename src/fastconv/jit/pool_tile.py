"""The pooling tile: rows of neighbouring outputs, each a window of one channel reduced, that stay in registers.

Lanes are neighbouring outputs of a row. Input rows are read where they stand: lanes outside them are masked and count
as what windows are reduced from. At a column step of 1 a vector is loaded anew for each tap of a row. At others rows
are reduced down first, and what comes out is sorted into its phases once for all of them.
"""

from __future__ import annotations

from collections.abc import Container
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
from fastconv.jit.lines import NO_LINE, Line, LineTile
from fastconv.jit.machine import machine
from fastconv.jit.quotient import quotient_meaning
from fastconv.jit.reduction import MAXIMUM, MEAN, Reduction

__all__ = ["PoolCode", "PoolShape", "PoolWindow", "pool_tile", "tile_of"]


class PoolShape(NamedTuple):
    """What is a literal of a tile.

    Attributes
    ----------
    op : int
        `MAXIMUM`, `SUM` or `MEAN`.
    rows, vectors : int
        Rows of a tile, and vectors of a row.
    taps : int
        Rows of a window that are reduced together. Where there is one, the rows of a tile stand anywhere; otherwise
        they follow each other, and windows share them.
    columns : int
        Taps in a row, which follow each other, or 0 for any that stand anywhere; `column_step` is 1 then.
    column_step : int
        Columns from one window to the next.
    exact : bool
        Whether maxima are right where there are NaNs too: that takes three instructions for each in place of one.
    rolls : bool
        Whether it goes down as many rows as are wanted, one at a time (`fastconv.jit.rolling`); `rows` is 1 then, the
        step of rows is that of columns, and windows have one plane, as many rows as there are taps, and are reduced
        from what changes nothing.
    """

    op: int
    rows: int
    vectors: int
    taps: int
    columns: int
    column_step: int
    exact: bool = False
    rolls: bool = False

    @property
    def lines(self) -> int:
        """Input rows that a tile's windows have of each group of kernel rows."""
        return self.rows - 1 + self.taps


class PoolWindow(NamedTuple):
    """Where a tile finds what it reduces, and which of its results are wanted.

    Attributes
    ----------
    base : int
        Position of the channel.
    planes_at, planes, lines_at, groups : int
        The lists of planes and of rows in the table, and how many planes and groups of kernel rows there are. A row
        begins at base, plane and line together, or is not there where either is `NO_LINE`.
    offsets_at, width : int
        The list of a row's taps: where each stands from the tile's first window on.
    limit : int
        Places of a row.
    plane_count, row_counts, column_counts, counts_step : int
        Where `settings` tell what averages are divided by, the product of three numbers: one of the plane, those of the
        tile's rows and those of the columns, `counts_step` for each column, 1 or 0, and a tile's width more.
    pitch : int
        Step from one row of the result to the next.
    rows_here : int
        Rows that are written, as far as the tile has them.
    """

    base: int
    planes_at: int
    planes: int
    lines_at: int
    groups: int
    offsets_at: int
    width: int
    limit: int
    plane_count: int
    row_counts: int
    column_counts: int
    counts_step: int
    pitch: int
    rows_here: int


def _pool_tile_meaning(
    shape: PoolShape,
    window: PoolWindow,
    column: int,
    numbers: int,
    x: np.ndarray,
    nothing: np.ndarray,
    table: np.ndarray,
    settings: np.ndarray,
    y: np.ndarray,
    y_at: int,
) -> bool:
    """y[row, lane] = all line[p, g, row + k][(column + lane) column_step + table[offsets_at + s]], reduced.

    Over all p, g, k and s, from ``settings[0]`` on, whose type sums have. `numbers` lanes are written, as far as the
    tile has them. Returns whether it met a NaN that it may have lost; this meaning loses none.
    """
    v = window
    lane = column + np.arange(shape.vectors * machine().vector_bytes // settings.itemsize)
    rows, row_step = (v.rows_here, shape.column_step) if shape.rolls else (shape.rows, 1)
    total = np.full((rows, lane.size), settings[0])
    for p, g, s in product(range(v.planes), range(v.groups), range(v.width)):
        place = lane * shape.column_step + table[v.offsets_at + s]
        inside = (place >= 0) & (place < v.limit)
        for row, k in product(range(rows), range(shape.taps)):
            plane, line = table[v.planes_at + p], table[v.lines_at + g * shape.lines + row * row_step + k]
            if NO_LINE not in (plane, line):
                new, old = x[v.base + plane + line + place[inside]].astype(total.dtype), total[row, inside]
                total[row, inside] = np.maximum(old, new) if shape.op == MAXIMUM else old + new
    count = min(numbers, lane.size)
    for row in range(min(rows, v.rows_here)):
        result = total[row, :count]
        if shape.op == MEAN:
            by = settings[v.plane_count] * settings[v.row_counts + row]
            result = quotient_meaning(result, by * settings[v.column_counts + column * v.counts_step :][:count])
        y[y_at + row * v.pitch :][:count] = result
    return False


def pool_tile(shape: PoolShape) -> Any:
    """The tile of a shape, for kernels: as `_pool_tile_meaning`, but for the shape."""
    return tile_of(shape, PoolCode)


def tile_of(shape: PoolShape, writer: type[PoolCode]) -> Any:
    """The same, of machine code that is written in one way or another."""
    if config.DISABLE_JIT:
        return partial(_pool_tile_meaning, shape)

    @intrinsic
    def tile(
        typingctx: Any, window: Any, column: Any, numbers: Any, x: Any, nothing: Any, table: Any, settings: Any, y: Any,
        y_at: Any,
    ) -> Any:  # fmt: skip
        whole = types.intp
        result = types.boolean(window, whole, whole, x, nothing, table, settings, y, whole)

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            code = writer(context, builder, shape, signature.args, args)
            code.write_tile()
            return code.met_nan()

        return result, codegen

    return tile


#: The arguments of a tile by name.
_ARGUMENTS = list(signature(_pool_tile_meaning).parameters)[1:]


class PoolCode(LineTile):
    """Writes one pooling tile.

    Parameters
    ----------
    context, builder, kinds, values : object
        As an intrinsic gets them.
    shape : PoolShape
        Of the tile.
    """

    def __init__(self, context: Any, builder: Any, shape: PoolShape, kinds: Any, values: Any) -> None:
        super().__init__(context, builder, kinds, values, _ARGUMENTS, PoolWindow, reduced="settings")
        self.dtype = self.kinds["settings"].dtype
        self.shape, self.code = shape, VectorCode(context, builder, self.dtype)
        self.reduction = Reduction(self.code, self.dtype, shape.op, shape.exact)
        self.nans = cgutils.alloca_once_value(builder, ir.IntType(self.code.lanes)(0))
        self.check("settings", INT64(0), 1)
        self.start = self.code.broadcast(builder.load(self.array("settings", INT64(0))))
        if shape.op == MAXIMUM:
            self.beside = self.start
        reach = (shape.vectors * self.code.lanes - 1) * shape.column_step + max(1, shape.columns)
        kept = shape.vectors if shape.column_step == 1 else -(-reach // self.code.lanes)
        # Places in memory that LLVM turns into registers.
        self.totals = [[cgutils.alloca_once_value(builder, self.start) for _ in range(kept)] for _ in range(shape.rows)]

    def write_tile(self) -> None:
        """Write all of it."""
        self._reduce()
        if self.shape.op == MEAN:
            self.load_counts()
        self.write(self.results([[self.builder.load(total) for total in totals] for totals in self.totals]))

    def _reduce(self) -> None:
        """Reduce all rows of all windows; along a row too unless its columns are apart."""
        builder, v, shape = self.builder, self.values, self.shape
        self.check("table", v["planes_at"], v["planes"])
        self.check("table", v["lines_at"], builder.mul(v["groups"], INT64(shape.lines)))
        self.check("table", v["offsets_at"], v["width"])
        with cgutils.for_range(builder, v["planes"], intp=INT64) as plane:
            plane_at = builder.load(self.array("table", builder.add(v["planes_at"], plane.index)))
            with cgutils.for_range(builder, v["groups"], intp=INT64) as group:
                first = builder.add(v["lines_at"], builder.mul(group.index, INT64(shape.lines)))
                lines = self.lines(first, shape.lines, plane_at)
                if shape.columns and shape.column_step == 1:
                    self._reduce_lines(lines, [self.load_sums(INT64(s)) for s in range(shape.columns)])
                elif shape.columns:
                    self._reduce_lines(lines, [self.load_sums(INT64(0))])
                else:
                    with cgutils.for_range(builder, v["width"], intp=INT64) as tap:
                        self._reduce_lines(lines, [self.load_sums(tap.index)])

    def load_sums(self, tap: Any, inside: Container[int] = ()) -> Any:
        """A function that loads a vector in the type of the sums; see `loader`."""
        load = self.loader(tap, self.shape.column_step, inside)
        return lambda line, i: self.reduction.as_sum(load(line, i), self.kinds["x"].dtype)

    def _reduce_lines(self, lines: list[Line], loads: list[Any]) -> None:
        """Rows of windows into the totals: along each line what the loads give, then down."""
        for i in range(len(self.totals[0])):
            vectors = [self.along_line(line, i, loads) for line in lines]
            for row, shared in enumerate(self._windows(vectors)):
                total = self.totals[row][i]
                self.builder.store(self.reduction.combine(self.builder.load(total), shared), total)

    def along_line(self, line: Line, i: int, loads: list[Any]) -> Any:
        """Vector number `i` of what the loads give of a line, reduced."""
        loaded = [load(line, i) for load in loads]
        self.watch([loaded[0], loaded[-1]])  # these hold all that the others do
        self.code.keep_order()
        return self.reduction.of(loaded)

    def watch(self, loaded: list[Any]) -> None:
        """Take note of NaNs in some vectors, two at a time."""
        if not self.reduction.watched:
            return
        builder = self.builder
        for first, second in zip(loaded[::2], [*loaded[1::2], loaded[-1]], strict=False):
            found = builder.bitcast(builder.fcmp_unordered("uno", first, second), self.nans.type.pointee)
            builder.store(builder.or_(builder.load(self.nans), found), self.nans)

    def met_nan(self) -> Any:
        """Whether there were any."""
        nans = self.builder.load(self.nans)
        return self.builder.icmp_signed("!=", nans, nans.type(0))

    def _windows(self, vectors: list[Any]) -> list[Any]:
        """The vectors that follow each other in each window of `taps` reduced.

        Of two windows that are neighbours what they share is reduced once.
        """
        taps, found, combine = self.shape.taps, [], self.reduction.combine
        for first in range(0, len(vectors) - taps + 1, 2):
            pair = first + taps < len(vectors)
            shared = self.reduction.of(vectors[first + pair : first + max(taps, pair + 1)])
            if pair and taps > 1:
                found += [combine(vectors[first], shared), combine(shared, vectors[first + taps])]
            else:
                found += [vectors[first], vectors[first + 1]] if pair else [shared]
        return found

    def results(self, totals: list[list[Any]]) -> list[list[Any]]:
        """Rows of results: along each what is left to reduce is reduced, and means are divided."""
        rows = [self._along(vectors) for vectors in totals]
        if self.shape.op == MEAN:
            rows = self._divided(rows)
        wanted = self.kinds["y"].dtype
        return [[self.reduction.as_result(vector, wanted) for vector in row] for row in rows]

    def _along(self, vectors: list[Any]) -> list[Any]:
        """Results of a row whose columns are apart."""
        code, step = self.code, self.shape.column_step
        if step == 1:
            return vectors
        phases = [code.every(step, vectors, phase) for phase in range(min(step, self.shape.columns))]
        found = []
        for i in range(self.shape.vectors):
            total = code.shifted(phases[0], i, 0)
            for s in range(1, self.shape.columns):
                shift, phase = divmod(s, step)
                total = self.reduction.combine(total, code.shifted(phases[phase], i, shift))
            found.append(total)
        return found

    def load_counts(self) -> None:
        """Have at hand what means of the tile's columns are divided by, but for the numbers of their rows."""
        builder, code, v = self.builder, self.code, self.values
        first = builder.add(v["column_counts"], builder.mul(v["column"], v["counts_step"]))
        self.check("settings", first, self.shape.vectors * code.lanes)
        self.check("settings", v["plane_count"], 1)
        base = self.array("settings", first)
        plane = code.broadcast(builder.load(self.array("settings", v["plane_count"])))
        self.counts = [
            self.reduction.product(plane, code.load(base, i * code.lanes)) for i in range(self.shape.vectors)
        ]

    def _divided(self, rows: list[list[Any]]) -> list[list[Any]]:
        """Sums over the number of elements of each."""
        builder, product, vectors = self.builder, self.reduction.product, self.shape.vectors
        self.check("settings", self.values["row_counts"], self.shape.rows)
        counts = []
        for row in range(len(rows)):
            at = builder.add(self.values["row_counts"], INT64(row))
            by = self.code.broadcast(builder.load(self.array("settings", at)))
            counts += [product(by, count) for count in self.counts]
        found = self.reduction.quotients([total for sums in rows for total in sums], counts)
        return [found[i : i + vectors] for i in range(0, len(found), vectors)]
