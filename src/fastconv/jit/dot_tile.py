"""The tile of dot products: rows of one array with rows of another, all of them at once, in registers.

Lanes are places of a row, so that rows are read as they stand, in their order, and each vector is loaded once for all
rows of the other array. Each pair of rows has a vector of sums; only in the end, elsewhere, its lanes are added.
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

__all__ = ["DotRun", "DotShape", "dot_tile"]


#: Bytes from a vector of the first array to what is fetched when it is loaded. Eight images by 512 rows of 9216 weights
#: take 0.7 of the time, as CPUs fetch less ahead where several rows are read at once; one image takes as long (Zen 4).
AHEAD = 1024


class DotShape(NamedTuple):
    """What is a literal of a tile: rows of the first array, and of the second."""

    rows: int
    others: int


class DotRun(NamedTuple):
    """Where a tile finds its rows, and where its sums go.

    Attributes
    ----------
    a_at, a_step : int
        Where the first array's first row begins, and the step from row to row.
    b_at, offsets_at : int
        From where on the second array's rows stand, and the list of where each begins.
    lines, a_line, b_line : int
        Of how many lines a row consists, and the step from one to the next in either array.
    elements : int
        Elements of a line.
    to, pitch : int
        Which vector of sums is that of the first pair, and the vectors from one row of the first array to the next.
    """

    a_at: int
    a_step: int
    b_at: int
    offsets_at: int
    lines: int
    a_line: int
    b_line: int
    elements: int
    to: int
    pitch: int


def _dot_tile_meaning(
    shape: DotShape, run: DotRun, a: np.ndarray, b: np.ndarray, table: np.ndarray, y: np.ndarray
) -> None:
    """y[to + row pitch + other, lane] += the sum over lines and i of a[row, line, i] * b[other, line, i].

    The lane is that of i in a vector.
    """
    n, v = machine().vector_bytes // y.itemsize, run
    lanes = np.arange(v.elements) % n
    for row, other, line in product(range(shape.rows), range(shape.others), range(v.lines)):
        values = a[v.a_at + row * v.a_step + line * v.a_line :][: v.elements]
        values = values * b[v.b_at + table[v.offsets_at + other] + line * v.b_line :][: v.elements]
        np.add.at(y, (v.to + row * v.pitch + other) * n + lanes, values)


#: The arguments of a tile by name.
_ARGUMENTS = list(signature(_dot_tile_meaning).parameters)[1:]


def dot_tile(shape: DotShape) -> Any:
    """The tile of a shape, for kernels: as `_dot_tile_meaning`, but for the shape. It needs masked loads."""
    if config.DISABLE_JIT:
        return partial(_dot_tile_meaning, shape)

    @intrinsic
    def tile(typingctx: Any, run: Any, a: Any, b: Any, table: Any, y: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            _DotCode(VectorCode(context, builder, y.dtype), shape, signature.args, args).write_tile()
            return context.get_dummy_value()

        return types.void(run, a, b, table, y), codegen

    return tile


class _DotCode:
    """Writes one tile."""

    def __init__(self, code: VectorCode, shape: DotShape, kinds: Any, args: Any) -> None:
        self.code, self.builder, self.shape = code, code.builder, shape
        self.arrays = dict(zip(_ARGUMENTS, zip(kinds, args, strict=True), strict=True))
        self.run = DotRun(*cgutils.unpack_tuple(self.builder, args[0]))
        self.sums = [
            [cgutils.alloca_once_value(self.builder, code.zero) for _ in range(shape.others)] for _ in range(shape.rows)
        ]

    def write_tile(self) -> None:
        """Write all of it."""
        builder, run, code = self.builder, self.run, self.code
        code.check(*self.arrays["table"], run.offsets_at, self.shape.others)
        lanes = INT64(code.lanes)
        vectors = builder.sdiv(run.elements, lanes)
        done = builder.mul(vectors, lanes)
        rest = builder.sub(run.elements, done)
        rows = [builder.add(run.a_at, builder.mul(run.a_step, INT64(row))) for row in range(self.shape.rows)]
        offsets = code.pointer(*self.arrays["table"], run.offsets_at)
        others = [
            builder.add(run.b_at, builder.load(builder.gep(offsets, [INT64(other)])))
            for other in range(self.shape.others)
        ]
        ahead = AHEAD * code.lanes // machine().vector_bytes
        with cgutils.for_range(builder, run.lines, intp=INT64) as line:
            a = self._line("a", rows, builder.mul(line.index, run.a_line))
            b = self._line("b", others, builder.mul(line.index, run.b_line))
            with cgutils.for_range(builder, vectors, intp=INT64) as vector:
                at = builder.mul(vector.index, lanes)
                for base in a:
                    code.prefetch(code.at(base, builder.add(at, INT64(ahead))), machine().vector_bytes)
                self._add(a, b, lambda base: code.load(base, at))
            with builder.if_then(builder.icmp_signed(">", rest, INT64(0)), likely=False):
                mask = code.mask(INT64(0), rest)
                self._add(a, b, lambda base: code.load_masked(base, done, mask))
        self._add_sums()

    def _line(self, name: str, firsts: list[Any], step: Any) -> list[Any]:
        """Where a line of each row begins."""
        found = []
        for first in firsts:
            at = self.builder.add(first, step)
            self.code.check(*self.arrays[name], at, self.run.elements)
            found.append(self.code.pointer(*self.arrays[name], at))
        return found

    def _add(self, a: list[Any], b: list[Any], load: Any) -> None:
        """Add the products of a vector of each row."""
        others = [load(base) for base in b]
        for base, sums in zip(a, self.sums, strict=True):
            values = load(base)
            for other, total in zip(others, sums, strict=True):
                self.builder.store(self.code.multiply_add(values, other, self.builder.load(total)), total)

    def _add_sums(self) -> None:
        builder, code, run = self.builder, self.code, self.run
        for row, sums in enumerate(self.sums):
            number = builder.add(run.to, builder.mul(run.pitch, INT64(row)))
            at = builder.mul(number, INT64(code.lanes))
            code.check(*self.arrays["y"], at, len(sums) * code.lanes)
            base = code.pointer(*self.arrays["y"], at)
            for other, total in enumerate(sums):
                place = other * code.lanes
                code.store(code.add(code.load(base, place), builder.load(total)), base, place)
