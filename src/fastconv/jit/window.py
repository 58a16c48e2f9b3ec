"""The window tile: rows of neighbouring outputs, each the sum of a window of one channel, that stay in registers.

Lanes are neighbouring outputs of a row. An input row that windows of several output rows share is loaded once for all
of them; and it is loaded where it stands: lanes outside it are masked and count as zeros.
"""

from __future__ import annotations

from inspect import signature
from typing import Any

import numpy as np
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from fastconv.jit.emit import INT64, VectorCode
from fastconv.jit.machine import machine
from fastconv.jit.tile import lanes

__all__ = ["NO_LINE", "window_tile"]

#: What stands for the position of an input row that is not there: all zeros.
NO_LINE = np.iinfo(np.int64).min


def _window_tile_meaning(
    rows: int,
    vectors: int,
    taps: int,
    row_step: int,
    column_step: int,
    x: np.ndarray,
    slab: np.ndarray,
    in_place: int,
    nothing: np.ndarray,
    lines: np.ndarray,
    groups: int,
    table: np.ndarray,
    offsets_at: int,
    width: int,
    limit: int,
    column: int,
    weights: np.ndarray,
    start: Any,
    y: np.ndarray,
    y_at: int,
    pitch: int,
    rows_here: int,
    numbers: int,
) -> None:
    """y[row, lane] = start + sum over g, s, k of weights[g, s, k] * line[row * row_step + k][place].

    The lines of group g begin at ``lines[g]`` in `x` where that is read in place, else in `slab`, and
    ``place = (column + lane) * column_step + offsets[s]``; places outside [0, limit) hold zeros.
    Of the sums `rows_here` rows and `numbers` lanes are written, as far as the tile has them.
    """
    source = x if in_place else slab
    columns = column + np.arange(vectors * lanes(y))
    n_lines = (rows - 1) * row_step + taps
    total = np.full((rows, columns.size), start, y.dtype)
    for g in range(groups):
        for s in range(width):
            place = columns * column_step + table[offsets_at + s]
            inside = (place >= 0) & (place < limit)
            for row in range(rows):
                for k in range(taps):
                    line = lines[g * n_lines + row * row_step + k]
                    values = np.zeros(columns.size, y.dtype)
                    if line != NO_LINE:
                        values[inside] = source[line + place[inside]]
                    total[row] += weights[(g * width + s) * taps + k] * values
    count = min(numbers, columns.size)
    for row in range(min(rows, rows_here)):
        y[y_at + row * pitch :][:count] = total[row, :count]


@intrinsic(prefer_literal=True)
def _window_tile(
    typingctx: Any,
    rows: Any,
    vectors: Any,
    taps: Any,
    row_step: Any,
    column_step: Any,
    x: Any,
    slab: Any,
    in_place: Any,
    nothing: Any,
    lines: Any,
    groups: Any,
    table: Any,
    offsets_at: Any,
    width: Any,
    limit: Any,
    column: Any,
    weights: Any,
    start: Any,
    y: Any,
    y_at: Any,
    pitch: Any,
    rows_here: Any,
    numbers: Any,
) -> Any:
    """As `_window_tile_meaning`; the first five are literals, `column_step` is 1 or 2.

    At a step of 2 the offsets follow each other, and a slab is not read. Without masked loads nothing is read in place.
    """
    shape = (rows, vectors, taps, row_step, column_step)
    if not all(isinstance(number, types.IntegerLiteral) for number in shape):
        return None
    whole = types.intp
    result = types.void(
        *shape, x, slab, whole, nothing, lines, whole, table, whole, whole, whole, whole, weights, y.dtype, y, whole,
        whole, whole, whole,
    )  # fmt: skip

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        tile = _WindowCode(context, builder, signature.args, args)
        tile.add_windows()
        tile.write()
        return context.get_dummy_value()

    return result, codegen


class _WindowCode:
    """Writes one window tile.

    Parameters
    ----------
    context, builder, kinds, values : object
        As an intrinsic gets them.
    """

    def __init__(self, context: Any, builder: Any, kinds: Any, values: Any) -> None:
        self.context, self.builder = context, builder
        names = list(signature(_window_tile_meaning).parameters)
        self.kinds, self.values = dict(zip(names, kinds, strict=True)), dict(zip(names, values, strict=True))
        self.rows, self.vectors, self.taps, self.row_step, self.column_step = (kind.literal_value for kind in kinds[:5])
        self.code = VectorCode(context, builder, self.kinds["y"].dtype)
        self.masked = machine().masked_loads
        start = self.code.broadcast(self.values["start"])
        # Places in memory that LLVM turns into registers.
        self.sums = [[cgutils.alloca_once_value(builder, start) for _ in range(self.vectors)] for _ in range(self.rows)]
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
        count = (self.rows - 1) * self.row_step + self.taps
        self._check("lines", INT64(0), builder.mul(v["groups"], INT64(count)))
        self._check("table", v["offsets_at"], v["width"])
        self._check("weights", INT64(0), builder.mul(builder.mul(v["groups"], v["width"]), INT64(self.taps)))
        with cgutils.for_range(builder, v["groups"], intp=INT64) as group:
            first_line = builder.mul(group.index, INT64(count))
            lines = [self._line(builder.add(first_line, INT64(i))) for i in range(count)]
            first_weight = builder.mul(group.index, v["width"])
            steps = builder.sdiv(builder.add(v["width"], INT64(self.column_step - 1)), INT64(self.column_step))
            with cgutils.for_range(builder, steps, intp=INT64) as step:
                tap = builder.mul(step.index, INT64(self.column_step))
                self._add_column(lines, builder.add(first_weight, tap), tap)

    def _line(self, index: Any) -> tuple[Any, Any]:
        """Where an input row begins: its position, and the pointer."""
        builder = self.builder
        line = builder.load(self._array("lines", index))
        absent = builder.icmp_signed("==", line, INT64(NO_LINE))
        nothing = self._array("nothing", INT64(0))
        return line, builder.select(absent, nothing, builder.gep(self.source, [line]))

    def _add_column(self, lines: list[tuple[Any, Any]], first_weight: Any, tap: Any) -> None:
        """Add the products of one column of taps, or of two where columns are a step of 2 apart."""
        builder, code, v = self.builder, self.code, self.values
        place = builder.load(self._array("table", builder.add(v["offsets_at"], tap)))
        place = builder.add(place, builder.mul(v["column"], INT64(self.column_step)))
        places = [builder.add(place, INT64(i * code.lanes)) for i in range(self.vectors * self.column_step)]
        masks = [code.mask(at, v["limit"]) if self.masked else None for at in places]

        def vector(line: tuple[Any, Any], i: int) -> Any:
            self._check_vector(line[0], places[i])
            if self.masked:
                return code.load_masked(line[1], places[i], masks[i])
            return code.load(line[1], places[i])

        if self.column_step == 1:
            pixels = [[vector(line, i) for i in range(self.vectors)] for line in lines]
            self._multiply(pixels, first_weight)
            return
        pairs = [[(vector(line, 2 * i), vector(line, 2 * i + 1)) for i in range(self.vectors)] for line in lines]
        self._multiply([[code.every_second(*pair, 0) for pair in row] for row in pairs], first_weight)
        following = builder.add(tap, INT64(1))
        with builder.if_then(builder.icmp_signed("<", following, v["width"])):
            odd = [[code.every_second(*pair, 1) for pair in row] for row in pairs]
            self._multiply(odd, builder.add(first_weight, INT64(1)))

    def _multiply(self, pixels: list[list[Any]], column: Any) -> None:
        """Add the products of one column of weights."""
        builder, code = self.builder, self.code
        base = self._array("weights", builder.mul(column, INT64(self.taps)))
        weights = [code.broadcast(builder.load(builder.gep(base, [INT64(k)]))) for k in range(self.taps)]
        for line, row_pixels in enumerate(pixels):
            for k in range(self.taps):
                row, rest = divmod(line - k, self.row_step)
                if rest or not 0 <= row < self.rows:
                    continue
                for pixel, total in zip(row_pixels, self.sums[row], strict=True):
                    builder.store(code.multiply_add(weights[k], pixel, builder.load(total)), total)

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
        width = self.vectors * code.lanes
        all_rows = builder.icmp_signed(">=", v["rows_here"], INT64(self.rows))
        all_lanes = builder.icmp_signed(">=", v["numbers"], INT64(width))
        few = builder.select(all_lanes, INT64(width), v["numbers"])
        with builder.if_else(builder.and_(all_rows, all_lanes)) as (whole, part):
            with whole:
                for row, sums in enumerate(self.sums):
                    self._write_row(row, sums, few, [None] * self.vectors)
            with part:
                masks = [code.mask(INT64(i * code.lanes), few) for i in range(self.vectors)]
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


def _clamped(builder: Any, value: Any, most: Any) -> Any:
    """At least 0 and at most `most`."""
    value = builder.select(builder.icmp_signed("<", value, INT64(0)), INT64(0), value)
    return builder.select(builder.icmp_signed(">", value, most), most, value)


window_tile = _window_tile_meaning if config.DISABLE_JIT else _window_tile
