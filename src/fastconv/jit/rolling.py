"""What tiles share that roll down the rows of a strip, and load each input row once for all windows.

The results of all rows of outputs whose windows have begun are under way. An input row is added to each of them; when
the uppermost is complete the others take its registers, one row further up.
"""

from __future__ import annotations

from typing import Any

from numba.core import cgutils

from fastconv.jit.emit import INT64
from fastconv.jit.lines import Line, LineTile

__all__ = ["RollingTile"]


class RollingTile(LineTile):
    """Writes a tile that rolls, of windows that have one plane.

    Of the vectors that it reads none are beside the row but the first, and those that only the last one's windows have.
    """

    def added(self, line: Line, taps: range, under_way: list[list[Any]]) -> list[list[Any]]:
        """What is under way with a line added, which is one of the `taps` to each, and the last of them begun here."""
        raise NotImplementedError

    def completed(self, vectors: list[Any]) -> list[Any]:
        """The results of a row whose windows are complete, whose number among the tile's is `row`."""
        raise NotImplementedError

    def inside(self, vectors: int, step: int) -> range:
        """Which of the vectors that are read for so many results, at a step of columns, have no lane beside the row."""
        return range(1, step * (vectors - 1))

    def roll(self, taps: int, step: int, vectors: int) -> None:
        """Write all of a tile of windows of so many rows, at a step of rows."""
        builder, v = self.builder, self.values
        first, rows = v["y_at"], v["rows_here"]
        self.check("table", v["planes_at"], INT64(1))
        self.check("table", v["lines_at"], builder.add(builder.mul(rows, INT64(step)), INT64(taps - step)))
        plane = builder.load(self.array("table", v["planes_at"]))

        def added(number: Any, tap: int, under_way: list[list[Any]]) -> list[list[Any]]:
            line = self.lines(builder.add(v["lines_at"], number), 1, plane)[0]
            return self.added(line, range(tap, -1, -step), under_way)

        results: list[list[Any]] = []
        for number in range(taps - step):
            results = added(INT64(number), number, results)
        under_way = [[cgutils.alloca_once_value(builder, value) for value in row] for row in results]
        width = INT64(vectors * self.writes.lanes)
        v["numbers"] = builder.select(builder.icmp_signed(">", v["numbers"], width), width, v["numbers"])
        kept = self.writes.mask(INT64((vectors - 1) * self.writes.lanes), v["numbers"])
        v["rows_here"] = INT64(1)
        with cgutils.for_range(builder, rows, intp=INT64) as row:
            results = [[builder.load(place) for place in places] for places in under_way]
            for number in range(taps - step, taps):
                results = added(builder.add(builder.mul(row.index, INT64(step)), INT64(number)), number, results)
            v["row"], v["y_at"] = row.index, builder.add(first, builder.mul(row.index, v["pitch"]))
            self._write_row(self.completed(results[0]), kept)
            for places, values in zip(under_way, results[1:], strict=True):
                for place, value in zip(places, values, strict=True):
                    builder.store(value, place)

    def _write_row(self, vectors: list[Any], kept: Any) -> None:
        """Write a row, of which only the last vector may be a part."""
        if not self.masked:
            self.write([vectors])
            return
        self.check("y", self.values["y_at"], self.values["numbers"])
        code, base, (*whole, last) = self.writes, self.array("y", self.values["y_at"]), vectors
        for i, vector in enumerate(whole):
            code.store(vector, base, i * code.lanes)
        code.store_masked(last, base, len(whole) * code.lanes, kept)
