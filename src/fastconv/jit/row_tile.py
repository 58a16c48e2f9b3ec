"""The window tile of a single row, whose vectors no other row shares: fewer are loaded, and fewer masked."""

from __future__ import annotations

from typing import Any

from numba.core import cgutils

from fastconv.jit.emit import INT64
from fastconv.jit.lines import Line
from fastconv.jit.window import WindowCode, tile_of
from fastconv.jit.window_shape import Shape

__all__ = ["row_tile"]


def row_tile(shape: Shape) -> Any:
    """The tile of a shape that is a row, for kernels: see `fastconv.jit.window`."""
    return tile_of(shape, _RowCode)


class _RowCode(WindowCode):
    """Writes one tile."""

    def add_windows(self) -> None:
        """See `WindowCode`. Inside the row without masks, each of which serves a single vector: 31 taps take two thirds
        of the time."""
        if not self.masked or self.shape.borders:
            super().add_windows()
            return
        with self.builder.if_else(self._is_inside()) as (inside, beside):
            with inside:
                self.unmasked = range(self.shape.vectors + 1)
                super().add_windows()
            with beside:
                self.unmasked = range(0)
                super().add_windows()

    def _is_inside(self) -> Any:
        """Whether no vector of any tap has a lane beside the row."""
        builder, v, vectors = self.builder, self.values, self.shape.vectors
        first, last = (self.place(tap, 1) for tap in (INT64(0), builder.sub(v["width"], INT64(1))))
        end = builder.add(last, INT64(vectors * self.reads.lanes))
        begins = builder.icmp_signed(">=", first, INT64(0))
        return builder.and_(begins, builder.icmp_signed("<=", end, v["limit"]))

    def add_group(self, lines: list[Line], weight_at: Any) -> None:
        """See `WindowCode`. Taps that follow each other in pairs, a vector apart.

        The one reads the vectors of the other, but for one, so that half as many are loaded: 31 taps take 0.73 of the
        time.
        """
        builder, width, lanes = self.builder, self.values["width"], INT64(self.code.lanes)
        pairs = self._pairs()

        def first_of(pair: Any) -> Any:
            """Its first tap: as many pairs as a vector has lanes are followed by the taps behind them."""
            return builder.add(pair, builder.mul(builder.sdiv(pair, lanes), lanes))

        with cgutils.for_range(builder, pairs, intp=INT64) as pair:
            tap = first_of(pair.index)
            (vectors,) = self.load_vectors(lines, tap, self.shape.vectors + 1)
            for number, pixels in ((tap, vectors[:-1]), (builder.add(tap, lanes), vectors[1:])):
                self.multiply(0, self.weights(weight_at, number, 1), pixels)
        single = first_of(pairs)
        with cgutils.for_range(builder, builder.sub(width, builder.add(pairs, pairs)), intp=INT64) as number:
            self.add_column(lines, weight_at, builder.add(single, number.index), 1)

    def _pairs(self) -> Any:
        """How many taps of a row have another a vector behind them, each in one pair."""
        builder, width, lanes = self.builder, self.values["width"], INT64(self.code.lanes)
        last = builder.sub(width, INT64(1))
        reach = builder.sub(self.place(last, 1), self.place(INT64(0), 1))
        double = builder.add(lanes, lanes)
        whole = builder.mul(builder.sdiv(width, double), lanes)
        more = builder.sub(builder.srem(width, double), lanes)
        more = builder.select(builder.icmp_signed(">", more, INT64(0)), more, INT64(0))
        return builder.select(builder.icmp_signed("==", reach, last), builder.add(whole, more), INT64(0))
