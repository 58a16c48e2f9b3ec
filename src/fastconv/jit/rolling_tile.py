"""The rolling window tile: it goes down the rows of a strip, and loads each input row once for all windows.

The sums of all rows of outputs whose windows have begun are under way. An input row is added to each of them; when the
uppermost is complete the others take its registers, one row further up.
"""

from __future__ import annotations

from typing import Any

from numba.core import cgutils

from fastconv.jit.emit import INT64
from fastconv.jit.lines import Line
from fastconv.jit.window import Shape, WindowCode, tile_of

__all__ = ["rolling_tile"]


def rolling_tile(shape: Shape) -> Any:
    """The tile of a shape that rolls, for kernels: see `fastconv.jit.window`."""
    return tile_of(shape, RollingCode)


class RollingCode(WindowCode):
    """Writes one rolling tile, of windows that have one plane and as many rows as the shape has taps."""

    def write_tile(self) -> None:
        """Write all of it."""
        builder, v, (_, vectors, taps, columns, step, *_) = self.builder, self.values, self.shape
        self.check("table", v["planes_at"], INT64(1))
        self.check("table", v["lines_at"], builder.add(builder.mul(v["rows_here"], INT64(step)), INT64(taps - step)))
        self.check("table", v["offsets_at"], INT64(columns))
        self.plane = builder.load(self.array("table", v["planes_at"]))
        self.columns = [self.weights(v["weight_at"], INT64(s), taps) for s in range(columns)]
        self.load_line = self._line_loader()
        self.start = [self.code.broadcast(v["start"])] * vectors
        width = INT64(vectors * self.code.lanes)
        self.lanes_here = builder.select(builder.icmp_signed(">", v["numbers"], width), width, v["numbers"])
        self.kept = self.code.mask(INT64((vectors - 1) * self.code.lanes), v["numbers"])
        sums: list[list[Any]] = []
        for number in range(taps - step):
            sums = self._added(INT64(number), number, sums)
        under_way = [[cgutils.alloca_once_value(builder, value) for value in row] for row in sums]
        first, rows = v["y_at"], v["rows_here"]
        v["rows_here"] = INT64(1)
        with cgutils.for_range(builder, rows, intp=INT64) as row:
            sums = [[builder.load(place) for place in places] for places in under_way]
            for number in range(taps - step, taps):
                line = builder.add(builder.mul(row.index, INT64(step)), INT64(number))
                sums = self._added(line, number, sums)
            v["y_at"] = builder.add(first, builder.mul(row.index, v["pitch"]))
            self._write_row(sums[0])
            for places, values in zip(under_way, sums[1:], strict=True):
                for place, value in zip(places, values, strict=True):
                    builder.store(value, place)

    def _added(self, line: Any, tap: int, sums: list[list[Any]]) -> list[list[Any]]:
        """The products of a line added to all sums, of which it is row `tap` of the first one's windows."""
        found = self.lines(self.builder.add(self.values["lines_at"], line), 1, self.plane)[0]
        taps = range(tap, -1, -self.shape.row_step)
        sums = [*sums, self.start][: len(taps)]
        for pixels, weights in zip(self.load_line(found), self.columns, strict=True):
            sums = [
                [self.code.multiply_add(weights[k], *pair) for pair in zip(pixels, row, strict=True)]
                for k, row in zip(taps, sums, strict=True)
            ]
        return sums

    def _line_loader(self) -> Any:
        """A function that gives the vectors of a line for each tap of a row.

        Of the vectors that it loads none but the first and those of the last one's windows are beside the row.
        """
        code, (_, vectors, _, columns, _, step, *_) = self.code, self.shape
        inside = range(1, step * (vectors - 1))
        if step == 1:
            loads = [self.loader(INT64(s), step, inside) for s in range(columns)]
            return lambda line: [[load(line, i) for i in range(vectors)] for load in loads]
        load = self.loader(INT64(0), step, inside)
        count = -(-((vectors * code.lanes - 1) * step + columns) // code.lanes)

        def sorted_line(line: Line) -> list[list[Any]]:
            loaded = [load(line, i) for i in range(count)]
            phases = [code.every(step, loaded, phase) for phase in range(step)]
            return [[code.shifted(phases[s % step], i, s // step) for i in range(vectors)] for s in range(columns)]

        return sorted_line

    def _write_row(self, vectors: list[Any]) -> None:
        """Write a row, of which only the last vector may be a part."""
        if not self.masked:
            self.write([vectors])
            return
        *whole, last = vectors
        self.check("y", self.values["y_at"], self.lanes_here)
        base = self.array("y", self.values["y_at"])
        for i, vector in enumerate(whole):
            self.code.store(vector, base, i * self.code.lanes)
        self.code.store_masked(last, base, len(whole) * self.code.lanes, self.kept)
