"""The pooling tile that rolls: windows of one channel reduced down a strip (`fastconv.jit.rolling`)."""

from __future__ import annotations

from typing import Any

from fastconv.jit.emit import INT64
from fastconv.jit.lines import Line
from fastconv.jit.pool_tile import PoolCode, PoolShape, tile_of
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
        self.roll(shape.taps, shape.column_step, shape.vectors)

    def added(self, line: Line, taps: range, under_way: list[list[Any]]) -> list[list[Any]]:
        """See `RollingTile`."""
        vectors = [self.along_line(line, i, self.loads) for i in range(len(self.totals[0]))]
        found = [[self.reduction.combine(*pair) for pair in zip(row, vectors, strict=True)] for row in under_way]
        return [*found, vectors][: len(taps)]

    def completed(self, vectors: list[Any]) -> list[Any]:
        """See `RollingTile`."""
        self.values["row_counts"] = self.builder.add(self.row_counts, self.values["row"])
        return self.results([vectors])[0]
