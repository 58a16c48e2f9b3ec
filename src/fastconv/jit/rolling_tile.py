"""The window tile that rolls: sums of windows of one channel, down a strip (`fastconv.jit.rolling`)."""

from __future__ import annotations

from typing import Any

from fastconv.jit.emit import INT64
from fastconv.jit.lines import Line
from fastconv.jit.rolling import RollingTile
from fastconv.jit.window import WindowCode, tile_of
from fastconv.jit.window_shape import Shape

__all__ = ["rolling_tile"]


def rolling_tile(shape: Shape) -> Any:
    """The tile of a shape that rolls, for kernels: see `fastconv.jit.window`."""
    return tile_of(shape, RollingCode)


class RollingCode(WindowCode, RollingTile):
    """Writes one tile."""

    def write_tile(self) -> None:
        """Write all of it."""
        v, shape = self.values, self.shape
        self.check("table", v["offsets_at"], INT64(shape.columns))
        self.columns = [self.weights(v["weight_at"], INT64(s), shape.taps) for s in range(shape.columns)]
        self.load_line = self._line_loader()
        self.start = [self.code.broadcast(v["start"])] * shape.vectors
        self.roll(shape.taps, shape.row_step, shape.vectors)

    def added(self, line: Line, taps: range, under_way: list[list[Any]]) -> list[list[Any]]:
        """See `RollingTile`."""
        sums = [*under_way, self.start][: len(taps)]
        for pixels, weights in zip(self.load_line(line), self.columns, strict=True):
            sums = [
                [self.code.multiply_add(weights[k], *pair) for pair in zip(pixels, row, strict=True)]
                for k, row in zip(taps, sums, strict=True)
            ]
        return sums

    def completed(self, vectors: list[Any]) -> list[Any]:
        """See `RollingTile`."""
        return vectors

    def _line_loader(self) -> Any:
        """A function that gives the vectors of a line for each tap of a row."""
        code, (_, vectors, _, columns, _, step, *_) = self.code, self.shape
        inside = self.inside(vectors, step)
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
