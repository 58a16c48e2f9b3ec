"""The stretched tile: windows of one channel of an image between whose elements a zero stands each, on both axes.

No zero is multiplied: every other row and column of outputs sees the same taps of the kernel. A vector of an input row
is loaded once for all rows of a tile, and for both taps that meet it there; outputs of even and odd columns are sums of
their own, and are put in turn when they are written.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from inspect import signature
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from fastconv.jit.emit import INT64
from fastconv.jit.lines import NO_LINE, LineTile
from fastconv.jit.machine import machine

__all__ = ["StretchedShape", "StretchedWindow", "stretched_tile"]


class StretchedShape(NamedTuple):
    """What is a literal of a tile.

    Attributes
    ----------
    pairs : int
        Pairs of output rows.
    taps : int
        Rows of the kernel, and columns.
    lead : int
        Which row of a pair, and which column, sees the first tap.
    """

    pairs: int
    taps: int
    lead: int

    @property
    def reach(self) -> int:
        """Input elements beyond the first that the windows of a pair see."""
        return self.place(self.taps - 1)

    @property
    def lines(self) -> int:
        """Input rows of a tile."""
        return self.pairs + self.reach

    def place(self, tap: int) -> int:
        """Which element from a pair's first one on a tap meets."""
        return (tap + 1 - self.lead) // 2

    def side(self, tap: int) -> int:
        """Which of a pair sees a tap."""
        return (tap + self.lead) % 2

    def taps_at(self, place: int) -> Iterator[int]:
        """The taps that meet an element, one for each side at most."""
        return (tap for tap in range(self.taps) if self.place(tap) == place)


class StretchedWindow(NamedTuple):
    """Where a tile finds what it sums, and which of its sums are wanted.

    Attributes
    ----------
    base : int
        Position of the channel.
    planes_at, planes, lines_at : int
        The lists of planes and of rows in the table, and how many planes there are. A row begins at base, plane and
        line together, or is `nothing` where either is `NO_LINE`.
    offsets_at : int
        Where in the table it stands at which place of a row the windows of its first pair begin.
    limit : int
        Places of a row; beside them stand zeros.
    weight_at, weight_d, weight_h, weight_w : int
        The first weight, and the steps of weights along the axes.
    pitch : int
        Step from one row of the result to the next.
    rows_here : int
        Rows that are written, as far as the tile has them.
    """

    base: int
    planes_at: int
    planes: int
    lines_at: int
    offsets_at: int
    limit: int
    weight_at: int
    weight_d: int
    weight_h: int
    weight_w: int
    pitch: int
    rows_here: int


def _stretched_tile_meaning(
    shape: StretchedShape,
    window: StretchedWindow,
    column: int,
    numbers: int,
    x: np.ndarray,
    nothing: np.ndarray,
    table: np.ndarray,
    weights: np.ndarray,
    start: Any,
    y: np.ndarray,
    y_at: int,
) -> None:
    """y[2 row + side(k), 2 lane + side(s)] = start + sum over p, k, s of weight[p, k, s] * line[p, row + place(k)][at].

    The columns follow from ``at = column + lane + table[offsets_at] + place(s)``. `numbers` lanes are written, as far
    as the tile has them.
    """
    v, n = window, machine().vector_bytes // y.itemsize
    total = np.full((2 * shape.pairs, 2 * n), start, y.dtype)
    taps = range(shape.taps)
    for p, pair, k, s in product(range(v.planes), range(shape.pairs), taps, taps):
        at = column + np.arange(n) + table[v.offsets_at] + shape.place(s)
        inside = (at >= 0) & (at < v.limit)
        plane, line = table[v.planes_at + p], table[v.lines_at + pair + shape.place(k)]
        absent = NO_LINE in (plane, line)
        values = np.zeros(n, y.dtype)
        values[inside] = nothing[at[inside]] if absent else x[v.base + plane + line + at[inside]]
        weight = weights[v.weight_at + p * v.weight_d + k * v.weight_h + s * v.weight_w]
        total[2 * pair + shape.side(k), shape.side(s) :: 2] += weight * values
    count = min(numbers, 2 * n)
    for row in range(min(2 * shape.pairs, v.rows_here)):
        y[y_at + row * v.pitch :][:count] = total[row, :count]


def stretched_tile(shape: StretchedShape) -> Any:
    """The tile of a shape, for kernels: as `_stretched_tile_meaning`, but for the shape. It needs masked loads."""
    if config.DISABLE_JIT:
        return partial(_stretched_tile_meaning, shape)

    @intrinsic
    def tile(
        typingctx: Any, window: Any, column: Any, numbers: Any, x: Any, nothing: Any, table: Any, weights: Any,
        start: Any, y: Any, y_at: Any,
    ) -> Any:  # fmt: skip
        whole = types.intp
        result = types.void(window, whole, whole, x, nothing, table, weights, y.dtype, y, whole)

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            _StretchedCode(context, builder, shape, signature.args, args).write_tile()
            return context.get_dummy_value()

        return result, codegen

    return tile


#: The arguments of a tile by name.
_ARGUMENTS = list(signature(_stretched_tile_meaning).parameters)[1:]


class _StretchedCode(LineTile):
    """Writes one tile."""

    def __init__(self, context: Any, builder: Any, shape: StretchedShape, kinds: Any, values: Any) -> None:
        super().__init__(context, builder, kinds, values, _ARGUMENTS, StretchedWindow, reduced="y")
        self.shape, self.code = shape, self.writes
        start = self.code.broadcast(self.values["start"])
        self.sums = [[cgutils.alloca_once_value(builder, start) for _ in range(2)] for _ in range(2 * shape.pairs)]

    def write_tile(self) -> None:
        """Write all of it."""
        builder, v, n = self.builder, self.values, self.code.lanes
        self.check("table", v["planes_at"], v["planes"])
        self.check("table", v["lines_at"], self.shape.lines)
        self.check("table", v["offsets_at"], 1)
        with cgutils.for_range(builder, v["planes"], intp=INT64) as plane:
            place = builder.load(self.array("table", builder.add(v["planes_at"], plane.index)))
            self._add_plane(place, builder.add(v["weight_at"], builder.mul(plane.index, v["weight_d"])))
        halves = [[first + lane // 2 + lane % 2 * n for lane in range(n)] for first in (0, n // 2)]
        pairs = [[builder.load(total) for total in sums] for sums in self.sums]
        self.write([[self.code.shuffle(even, odd, places) for places in halves] for even, odd in pairs])

    def _add_plane(self, plane: Any, weight_at: Any) -> None:
        """Add the products of a plane's lines."""
        builder, v, shape = self.builder, self.values, self.shape
        taps = range(shape.taps)
        steps = [[builder.mul(INT64(tap), v[axis]) for tap in taps] for axis in ("weight_h", "weight_w")]
        weights = [[self._weight(builder.add(weight_at, builder.add(k, s))) for s in steps[1]] for k in steps[0]]
        loads = [self.loader(INT64(0), 1, shift=place) for place in range(shape.reach + 1)]
        for number, line in enumerate(self.lines(v["lines_at"], shape.lines, plane)):
            for place, load in enumerate(loads):
                pixels = load(line, 0)
                for k, s in product(taps, shape.taps_at(place)):
                    pair = number - shape.place(k)
                    if 0 <= pair < shape.pairs:
                        total = self.sums[2 * pair + shape.side(k)][shape.side(s)]
                        builder.store(self.code.multiply_add(weights[k][s], pixels, builder.load(total)), total)

    def _weight(self, place: Any) -> Any:
        """A weight in all lanes."""
        self.check("weights", place, 1)
        return self.code.broadcast(self.builder.load(self.array("weights", place)))
