"""The tile of scaled rows: rows of a matrix times numbers, added to rows of sums.

Lanes are places of a row, so that the matrix is read as it stands, some rows at once and each of them once for all rows
of sums. Products of a vector are added to each other first, and then to the sum, which is rounded less often so.
"""

from __future__ import annotations

from functools import partial
from inspect import signature
from typing import Any, NamedTuple

import numpy as np
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from fastconv.jit.emit import INT64, VectorCode

__all__ = ["ScaledRun", "ScaledShape", "scaled_tile"]


class ScaledShape(NamedTuple):
    """What is a literal of a tile: rows of the matrix, and rows of sums."""

    rows: int
    sums: int


class ScaledRun(NamedTuple):
    """Where a tile finds what it adds, and where its sums stand.

    Attributes
    ----------
    x_at, x_row, x_sum : int
        The first number, and the steps from that of a row of the matrix to the next row's, and from that of a row of
        sums to the next.
    rows_at, pitch : int
        Where the first row begins, and the step from row to row.
    to, step : int
        Where the first row of sums begins, and the step from row to row.
    elements : int
        Elements of a row.
    """

    x_at: int
    x_row: int
    x_sum: int
    rows_at: int
    pitch: int
    to: int
    step: int
    elements: int


def _scaled_tile_meaning(shape: ScaledShape, run: ScaledRun, x: np.ndarray, rows: np.ndarray, y: np.ndarray) -> None:
    """y[to + i step + j] += the sum over rows of x[x_at + row x_row + i x_sum] * rows[rows_at + row pitch + j]."""
    for i in range(shape.sums):
        total = np.zeros(run.elements, y.dtype)
        for row in range(shape.rows):
            values = rows[run.rows_at + row * run.pitch :][: run.elements]
            total += x[run.x_at + row * run.x_row + i * run.x_sum] * values
        y[run.to + i * run.step :][: run.elements] += total


#: The arguments of a tile by name.
_ARGUMENTS = list(signature(_scaled_tile_meaning).parameters)[1:]


def scaled_tile(shape: ScaledShape) -> Any:
    """The tile of a shape, for kernels: as `_scaled_tile_meaning`, but for the shape. It needs masked loads."""
    if config.DISABLE_JIT:
        return partial(_scaled_tile_meaning, shape)

    @intrinsic
    def tile(typingctx: Any, run: Any, x: Any, rows: Any, y: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            _write_tile(VectorCode(context, builder, y.dtype), shape, signature.args, args)
            return context.get_dummy_value()

        return types.void(run, x, rows, y), codegen

    return tile


def _write_tile(code: VectorCode, shape: ScaledShape, kinds: Any, args: Any) -> None:
    """Write a tile's code."""
    builder, lanes = code.builder, INT64(code.lanes)
    arrays = dict(zip(_ARGUMENTS, zip(kinds, args, strict=True), strict=True))
    run = ScaledRun(*cgutils.unpack_tuple(builder, args[0]))

    def pointers(name: str, first: Any, step: Any, count: int) -> list[Any]:
        """Where so many rows of an array begin."""
        code.check_rows(*arrays[name], first, step, run.elements, INT64(count))
        places = [builder.add(first, builder.mul(step, INT64(i))) for i in range(count)]
        return [code.pointer(*arrays[name], place) for place in places]

    def factor(row: int, i: int) -> Any:
        steps = builder.mul(run.x_row, INT64(row)), builder.mul(run.x_sum, INT64(i))
        at = builder.add(run.x_at, builder.add(*steps))
        code.check(*arrays["x"], at, INT64(1))
        return code.load_factors(code.pointer(*arrays["x"], at))[0]

    factors = [[factor(row, i) for row in range(shape.rows)] for i in range(shape.sums)]
    rows = pointers("rows", run.rows_at, run.pitch, shape.rows)
    sums = pointers("y", run.to, run.step, shape.sums)

    def add(load: Any, store: Any) -> None:
        vectors = [load(row) for row in rows]
        for base, numbers in zip(sums, factors, strict=True):
            total = code.zero
            for number, vector in zip(numbers, vectors, strict=True):
                total = code.multiply_add(number, vector, total)
            store(code.add(load(base), total), base)

    whole = builder.sdiv(run.elements, lanes)
    with cgutils.for_range(builder, whole, intp=INT64) as vector:
        at = builder.mul(vector.index, lanes)
        add(lambda base: code.load(base, at), lambda value, base: code.store(value, base, at))
    done = builder.mul(whole, lanes)
    rest = builder.sub(run.elements, done)
    with builder.if_then(builder.icmp_signed(">", rest, INT64(0)), likely=False):
        mask = code.mask(INT64(0), rest)
        add(
            lambda base: code.load_masked(base, done, mask),
            lambda value, base: code.store_masked(value, base, done, mask),
        )
