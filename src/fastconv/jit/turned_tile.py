"""The turned tile: neighbouring outputs of a row, each a vector of channels, and their windows of one channel each.

Where channels are lanes, a tap is a vector that begins in a cache line, none is loaded twice for a row of taps, and
images fill vectors whatever their width. Images whose channels stand apart are turned into that order: `turn_in`
transposes a vector of channels and as many pixels, and writes each pixel to where a list says.
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
from fastconv.jit.machine import machine
from fastconv.jit.transpose import columns_of

__all__ = ["TurnedRow", "TurnedShape", "turn_in", "turned_tile"]


class TurnedShape(NamedTuple):
    """What is a literal of a tile.

    Attributes
    ----------
    pixels : int
        Outputs of a tile.
    taps, step : int
        Columns of a window, which follow each other, and the columns from one window to the next.
    """

    pixels: int
    taps: int
    step: int

    @property
    def reach(self) -> int:
        """Pixels of an input row that a tile reads."""
        return (self.pixels - 1) * self.step + self.taps


class TurnedRow(NamedTuple):
    """Where a tile finds what it sums.

    Attributes
    ----------
    at : int
        The first window's first element.
    lines_at, lines : int
        The list of a window's rows in the table, each the step from its first one, and their number.
    to : int
        Where the first output goes.
    """

    at: int
    lines_at: int
    lines: int
    to: int


def _turned_tile_meaning(
    shape: TurnedShape,
    row: TurnedRow,
    x: np.ndarray,
    table: np.ndarray,
    weights: np.ndarray,
    start: np.ndarray,
    y: np.ndarray,
) -> None:
    """y[to + pixel] = start + sum over t, s of weights[t, s] * x[at + lines[t] + pixel step + s], of vectors each."""
    n = machine().vector_bytes // y.itemsize
    total = np.tile(start[:n], (shape.pixels, 1))
    for t, s, pixel in product(range(row.lines), range(shape.taps), range(shape.pixels)):
        at = row.at + table[row.lines_at + t] + (pixel * shape.step + s) * n
        total[pixel] += weights[(t * shape.taps + s) * n :][:n] * x[at : at + n]
    y[row.to : row.to + total.size] = total.ravel()


#: The arguments of a tile by name.
_ARGUMENTS = list(signature(_turned_tile_meaning).parameters)[1:]


def turned_tile(shape: TurnedShape) -> Any:
    """The tile of a shape, for kernels: as `_turned_tile_meaning`, but for the shape."""
    if config.DISABLE_JIT:
        return partial(_turned_tile_meaning, shape)

    @intrinsic
    def tile(typingctx: Any, row: Any, x: Any, table: Any, weights: Any, start: Any, y: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            _write_tile(VectorCode(context, builder, y.dtype), shape, signature.args, args)
            return context.get_dummy_value()

        return types.void(row, x, table, weights, start, y), codegen

    return tile


def _write_tile(code: VectorCode, shape: TurnedShape, kinds: Any, args: Any) -> None:
    """Write a tile's code."""
    builder, n = code.builder, code.lanes
    arrays = dict(zip(_ARGUMENTS, zip(kinds, args, strict=True), strict=True))
    row = TurnedRow(*cgutils.unpack_tuple(builder, args[0]))

    def pointer(name: str, first: Any, count: Any) -> Any:
        """Where elements of an array argument stand, of which so many are touched."""
        code.check(*arrays[name], first, count)
        return code.pointer(*arrays[name], first)

    start = code.load(pointer("start", INT64(0), n), 0)
    sums = [cgutils.alloca_once_value(builder, start) for _ in range(shape.pixels)]
    lines = pointer("table", row.lines_at, row.lines)
    with cgutils.for_range(builder, row.lines, intp=INT64) as line:
        at = builder.add(row.at, builder.load(builder.gep(lines, [line.index])))
        here = pointer("x", at, shape.reach * n)
        weights_at = builder.mul(line.index, INT64(shape.taps * n))
        there = pointer("weights", weights_at, shape.taps * n)
        weights = [code.load(there, s * n) for s in range(shape.taps)]
        for place in range(shape.reach):
            value = code.load(here, place * n)
            for s, weight in enumerate(weights):
                pixel, rest = divmod(place - s, shape.step)
                if rest == 0 and 0 <= pixel < shape.pixels:
                    total = sums[pixel]
                    builder.store(code.multiply_add(weight, value, builder.load(total)), total)
    to = pointer("y", row.to, shape.pixels * n)
    for pixel, total in enumerate(sums):
        code.store(builder.load(total), to, pixel * n)


def _turn_in_meaning(
    source: np.ndarray, at: int, step: int, target: np.ndarray, places: np.ndarray, first: int
) -> None:
    """target[places[first + j] + i] = source[at + i * step + j] for i and j below the lanes of a vector."""
    n = machine().vector_bytes // source.itemsize
    square = np.array([source[at + i * step :][:n] for i in range(n)])
    for j in range(n):
        target[places[first + j] :][:n] = square[:, j]


@intrinsic
def _turn_in(typingctx: Any, source: Any, at: Any, step: Any, target: Any, places: Any, first: Any) -> Any:
    """As `_turn_in_meaning`."""
    whole = types.intp
    signature = types.void(source, whole, whole, target, places, whole)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        code = VectorCode(context, builder, source.dtype, moved=True)
        code.check(places, args[4], args[5], code.lanes)
        listed = code.pointer(places, args[4], args[5])
        for j, column in enumerate(columns_of(code, builder, source, args)):
            place = builder.load(builder.gep(listed, [INT64(j)]))
            code.check(target, args[3], place, code.lanes)
            code.store(column, code.pointer(target, args[3], place), 0)
        return context.get_dummy_value()

    return signature, codegen


turn_in = _turn_in_meaning if config.DISABLE_JIT else _turn_in
