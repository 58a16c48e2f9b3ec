"""The pooling tile that rolls: windows of one channel reduced down a strip (`fastconv.jit.rolling`)."""

from __future__ import annotations

from typing import Any

from fastconv.jit.emit import INT64
from fastconv.jit.lines import Line
from fastconv.jit.pool_tile import PoolCode, PoolShape, tile_of
from fastconv.jit.reduction import MEAN
from fastconv.jit.rolling import RollingTile

__all__ = ["rolling_pool_tile"]


def rolling_pool_tile(shape: PoolShape) -> Any:
    """The tile of a shape that rolls, for kernels: see `fastconv.jit.pool_tile`."""
    return tile_of(shape, RollingPoolCode)


class RollingPoolCode(PoolCode, RollingTile):
    """Writes one tile."""

    def write_tile(self) -> None:
        """Write all of it."""
        v, shape = self.values, self.shape
        self.check("table", v["offsets_at"], INT64(shape.columns))
        inside = self.inside(shape.vectors, shape.column_step)
        taps = range(shape.columns if shape.column_step == 1 else 1)
        self.loads = [self.load_sums(INT64(s), inside) for s in taps]
        self.row_counts = v.get("row_counts")
        if shape.op == MEAN:
            self.load_counts()
        self.roll(shape.taps, shape.column_step, shape.vectors)

    def added(self, line: Line, taps: range, under_way: list[list[Any]]) -> list[list[Any]]:
        """See `RollingTile`."""
        vectors = self._along_row(line)
        found = [[self.reduction.combine(*pair) for pair in zip(row, vectors, strict=True)] for row in under_way]
        return [*found, vectors][: len(taps)]

    def _along_row(self, line: Line) -> list[Any]:
        """The vectors of a line, each with all of its taps reduced.

        Only those of the middle tap are loaded, and of the others what reaches beyond these. The rest is put together
        from neighbours: most loads cross a cache line, and take as long as two (3x3 windows: 0.72 to 0.8 of the time).
        """
        count, middle = len(self.totals[0]), len(self.loads) // 2
        if not middle:
            return [self.along_line(line, i, self.loads) for i in range(count)]
        own = [self.loads[middle](line, i) for i in range(count)]
        edges = {tap: 0 if tap < middle else count - 1 for tap in range(len(self.loads)) if tap != middle}
        beyond = {tap: self.loads[tap](line, i) for tap, i in edges.items()}
        self.watch([*own, *beyond.values()])
        self.code.keep_order()

        def at(tap: int, i: int) -> Any:
            return beyond[tap] if edges.get(tap) == i else self.code.shifted(own, i, tap - middle)

        return [self.reduction.of([at(tap, i) for tap in range(len(self.loads))]) for i in range(count)]

    def completed(self, vectors: list[Any]) -> list[Any]:
        """See `RollingTile`."""
        self.values["row_counts"] = self.builder.add(self.row_counts, self.values["row"])
        return self.results([vectors])[0]
