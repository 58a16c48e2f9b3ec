"""The tile of a depthwise convolution's weight gradient: products of an image with another, tap by tap, in registers.

Lanes are neighbouring outputs of a row. Each tap of a block of the kernel has a vector of its own, to which all rows of
a plane are added; only then its lanes are. An input row is loaded once for all rows of outputs of a group.
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
from fastconv.jit.lines import NO_LINE, Line, LineTile
from fastconv.jit.machine import machine

__all__ = ["WeightShape", "WeightWindow", "sum_lanes", "weight_tile"]


class WeightShape(NamedTuple):
    """What is a literal of a tile.

    Attributes
    ----------
    rows : int
        Rows of outputs that share input rows.
    taps, row_step : int
        Rows of the block of the kernel, and input rows from one output to the next. Where there is one tap, input rows
        stand anywhere, one for each output row.
    columns, column_step : int
        Columns of the block, and columns from one output to the next. At a step of 1 they stand anywhere, otherwise
        they follow each other.
    """

    rows: int
    taps: int
    row_step: int
    columns: int
    column_step: int

    def lines(self, rows: int) -> int:
        """Input rows of so many rows of outputs."""
        return (rows - 1) * self.row_step + self.taps


class WeightWindow(NamedTuple):
    """Where a tile finds two planes, and where its sums go.

    Attributes
    ----------
    base : int
        Position of the input's channel.
    plane_at, lines_at : int
        Where in the table the place of its plane stands, and the list of those of its rows. A row begins at base, plane
        and line together, or is `nothing` where either is `NO_LINE`.
    offsets_at : int
        The list of the columns' taps: where each stands from an output on.
    limit : int
        Places of a row of the input; beside them stand zeros.
    dy_at, pitch : int
        Where the outputs' plane begins, and the step from row to row.
    height, width : int
        Outputs.
    to, row : int
        Which vector of sums is that of the block's first tap, and the vectors from one row of taps to the next.
    """

    base: int
    plane_at: int
    lines_at: int
    offsets_at: int
    limit: int
    dy_at: int
    pitch: int
    height: int
    width: int
    to: int
    row: int


def _weight_tile_meaning(
    shape: WeightShape,
    window: WeightWindow,
    x: np.ndarray,
    nothing: np.ndarray,
    table: np.ndarray,
    dy: np.ndarray,
    y: np.ndarray,
) -> None:
    """y[to + t row + s, lane] += the sum over rows and strips of dy[row, column] * line[row row_step + t][place].

    The columns are `column = strip lanes + lane`, as far as there are outputs, and ``place = column column_step +
    table[offsets_at + s]``. With one tap, `row_step` is 1.
    """
    n, v = machine().vector_bytes // y.itemsize, window
    column = np.arange(v.width)
    for t, s, row in product(range(shape.taps), range(shape.columns), range(v.height)):
        place = column * shape.column_step + table[v.offsets_at + s]
        inside = (place >= 0) & (place < v.limit)
        plane, line = table[v.plane_at], table[v.lines_at + row * shape.row_step + t]
        absent = NO_LINE in (plane, line)
        values = np.zeros(v.width, y.dtype)
        values[inside] = nothing[place[inside]] if absent else x[v.base + plane + line + place[inside]]
        values *= dy[v.dy_at + row * v.pitch :][: v.width]
        np.add.at(y, (v.to + t * v.row + s) * n + column % n, values)


def weight_tile(shape: WeightShape) -> Any:
    """The tile of a shape, for kernels: as `_weight_tile_meaning`, but for the shape. It needs masked loads."""
    if config.DISABLE_JIT:
        return partial(_weight_tile_meaning, shape)

    @intrinsic
    def tile(typingctx: Any, window: Any, x: Any, nothing: Any, table: Any, dy: Any, y: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            _WeightCode(context, builder, shape, signature.args, args).write_tile()
            return context.get_dummy_value()

        return types.void(window, x, nothing, table, dy, y), codegen

    return tile


#: The arguments of a tile by name.
_ARGUMENTS = list(signature(_weight_tile_meaning).parameters)[1:]


class _WeightCode(LineTile):
    """Writes one tile."""

    def __init__(self, context: Any, builder: Any, shape: WeightShape, kinds: Any, values: Any) -> None:
        super().__init__(context, builder, kinds, values, _ARGUMENTS, WeightWindow, reduced="y")
        self.shape, self.code = shape, self.writes
        self.sums = [
            [cgutils.alloca_once_value(builder, self.code.zero) for _ in range(shape.columns)]
            for _ in range(shape.taps)
        ]

    def write_tile(self) -> None:
        """Write all of it."""
        builder, v, shape = self.builder, self.values, self.shape
        self.check("table", v["plane_at"], 1)
        lines = builder.add(builder.mul(v["height"], INT64(shape.row_step)), INT64(shape.taps - shape.row_step))
        self.check("table", v["lines_at"], lines)
        self.check("table", v["offsets_at"], shape.columns)
        self.plane = builder.load(self.array("table", v["plane_at"]))
        rows = INT64(shape.rows)
        whole = builder.sdiv(v["height"], rows)
        with cgutils.for_range(builder, whole, intp=INT64) as group:
            self._add_rows(builder.mul(group.index, rows), shape.rows)
        done = builder.mul(whole, rows)
        with cgutils.for_range(builder, builder.sub(v["height"], done), intp=INT64) as row:
            self._add_rows(builder.add(done, row.index), 1)
        self._add_sums()

    def _add_rows(self, first: Any, rows: int) -> None:
        """Add the products of so many rows of outputs, from the first strip to the last.

        Rows, not strips, are the outer loop, as memory is read in its order then (56 x 56, images that have left the
        cache: half the time), though each strip needs its masks again.
        """
        builder, v, shape = self.builder, self.values, self.shape
        lanes = INT64(self.code.lanes)
        lines_at = builder.add(v["lines_at"], builder.mul(first, INT64(shape.row_step)))
        lines = self.lines(lines_at, shape.lines(rows), self.plane)
        outputs = [
            builder.add(v["dy_at"], builder.mul(builder.add(first, INT64(row)), v["pitch"])) for row in range(rows)
        ]
        strips = builder.sdiv(builder.add(v["width"], builder.sub(lanes, INT64(1))), lanes)
        with cgutils.for_range(builder, strips, intp=INT64) as strip:
            v["column"] = builder.mul(strip.index, lanes)
            v["numbers"] = builder.sub(v["width"], v["column"])
            self.kept = self.code.mask(INT64(0), v["numbers"])
            self._add_strip(lines, [self._load_outputs(builder.add(at, v["column"])) for at in outputs])

    def _add_strip(self, lines: list[Line], factors: list[Any]) -> None:
        """Add the products of a vector of each row of outputs."""
        builder, shape = self.builder, self.shape
        load_line = self._line_loader()
        for number, line in enumerate(lines):
            for s, pixels in enumerate(load_line(line)):
                for t, sums in enumerate(self.sums):
                    row, rest = divmod(number - t, shape.row_step)
                    if rest == 0 and 0 <= row < len(factors):
                        total = self.code.multiply_add(factors[row], pixels, builder.load(sums[s]))
                        builder.store(total, sums[s])

    def _load_outputs(self, at: Any) -> Any:
        """The strip's vector of a row of outputs that begins there."""
        builder, lanes, numbers = self.builder, INT64(self.code.lanes), self.values["numbers"]
        few = builder.select(builder.icmp_signed("<", numbers, lanes), numbers, lanes)
        self.check("dy", at, few)
        return self.code.load_masked(self.array("dy", at), 0, self.kept)

    def _line_loader(self) -> Any:
        """A function that gives the vectors of a line for each tap of a row, zero in lanes that have no output."""
        builder, code, (_, _, _, columns, step) = self.builder, self.code, self.shape
        if step == 1:
            loads = [self.loader(INT64(s), step, within=self.kept) for s in range(columns)]
            return lambda line: [load(line, 0) for load in loads]
        load = self.loader(INT64(0), step)
        count = -(-((code.lanes - 1) * step + columns) // code.lanes)

        def sorted_line(line: Line) -> list[Any]:
            loaded = [load(line, i) for i in range(count)]
            phases = [code.every(step, loaded, phase) for phase in range(step)]
            found = [code.shifted(phases[s % step], 0, s // step) for s in range(columns)]
            return [builder.select(self.kept, pixels, code.zero) for pixels in found]

        return sorted_line

    def _add_sums(self) -> None:
        """Add what the plane came to."""
        builder, v, code = self.builder, self.values, self.code
        for t, sums in enumerate(self.sums):
            number = builder.add(v["to"], builder.mul(v["row"], INT64(t)))
            at = builder.mul(number, INT64(code.lanes))
            self.check("y", at, len(sums) * code.lanes)
            base = self.array("y", at)
            for s, total in enumerate(sums):
                code.store(code.add(code.load(base, s * code.lanes), builder.load(total)), base, s * code.lanes)


def _sum_lanes_meaning(source: np.ndarray, at: int, target: np.ndarray, to: int) -> None:
    """target[to + i] = the sum of vector number i from `at` on, for as many as a vector has lanes."""
    n = machine().vector_bytes // source.itemsize
    target[to : to + n] = source[at : at + n * n].reshape(n, n).sum(axis=1)


@intrinsic
def _sum_lanes(typingctx: Any, source: Any, at: Any, target: Any, to: Any) -> Any:
    """As `_sum_lanes_meaning`: neighbours are added, of two vectors at once, until each number is the sum of one."""
    whole = types.intp

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        code = VectorCode(context, builder, source.dtype)
        n = code.lanes
        code.check(source, args[0], args[1], n * n)
        code.check(target, args[2], args[3], n)
        base = code.pointer(source, args[0], args[1])
        vectors = [code.load(base, i * n) for i in range(n)]
        while len(vectors) > 1:
            pairs = zip(vectors[::2], vectors[1::2], strict=True)
            vectors = [
                code.add(*(code.shuffle(a, b, list(range(side, 2 * n, 2))) for side in (0, 1))) for a, b in pairs
            ]
        code.store(vectors[0], code.pointer(target, args[2], args[3]), 0)
        return context.get_dummy_value()

    return types.void(source, whole, target, whole), codegen


sum_lanes = _sum_lanes_meaning if config.DISABLE_JIT else _sum_lanes
