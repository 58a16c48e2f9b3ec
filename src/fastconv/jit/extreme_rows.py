"""Rows of extremes: the greatest or least of elements that stand in several rows, all along them.

Of floats a maximum is one instruction, which loses a NaN that stands below another number in its column. So it is told
whether a NaN has come out; who has looked at each row as the first of some knows of all NaNs, and can then ask for
maxima of three instructions, which lose none.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from fastconv.jit.emit import INT64, VectorCode

__all__ = ["Rows", "extreme_rows"]

#: Vectors that are found side by side: where a row begins is looked up once for all of them.
BESIDE = 4


class Rows(NamedTuple):
    """Where rows of extremes come from, and where they go.

    Attributes
    ----------
    at, at_step, together : int
        Where in the table the list begins that says of what first row are so many rows put together, and the step to
        that of the next.
    base, base_step : int
        What is added to these places, for the first row, and its step to the next.
    exact : int
        Whether no NaN may be lost.
    rows, size : int
        How many rows are found, of so many elements.
    y_at, y_step : int
        Where the first goes, and the step to the next.
    """

    at: int
    at_step: int
    together: int
    base: int
    base_step: int
    exact: int
    rows: int
    size: int
    y_at: int
    y_step: int


def _extreme_rows_meaning(
    least: bool, rows: Rows, x: np.ndarray, beside: np.ndarray, table: np.ndarray, y: np.ndarray
) -> bool:
    """``y[y_at + row * y_step + i]`` = the extreme of ``x[base + row * base_step + place + i]``, for so many i.

    Places are the `together` numbers from ``table[at + row * at_step]`` on; for a negative one it is ``beside[i]``. A
    row of `y` may be the first of those that it is made of. Returns whether a result is a NaN; unless `exact`, those
    that stand in such first rows are sure to be seen. This meaning loses none.
    """
    found, nan, r = (np.minimum if least else np.maximum), False, rows
    for row in range(r.rows):
        places = table[r.at + row * r.at_step :][: r.together].tolist()
        base = r.base + row * r.base_step
        lines = [x[base + place :][: r.size] if place >= 0 else beside[: r.size] for place in places]
        result = found.reduce(lines)
        y[r.y_at + row * r.y_step :][: r.size] = result
        nan = nan or bool((result != result).any())
    return nan


def extreme_rows(least: bool) -> Any:
    """Rows of least elements, or of greatest, for kernels: as `_extreme_rows_meaning`, but for `least`."""
    if config.DISABLE_JIT:
        return partial(_extreme_rows_meaning, least)

    @intrinsic
    def find(typingctx: Any, rows: Any, x: Any, beside: Any, table: Any, y: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return _RowsCode(context, builder, least, signature.args, args).find()

        return types.boolean(rows, x, beside, table, y), codegen

    return find


#: The better of two vectors.
Better = Callable[[Any, Any], Any]


class _Row(NamedTuple):
    """One row: where its list is, what is added to that, and where it goes."""

    at: Any
    base: Any
    y_at: Any


class _RowsCode:
    """Writes rows.

    Parameters
    ----------
    context, builder, kinds, values : object
        As an intrinsic gets them.
    least : bool
        Which extreme.
    """

    def __init__(self, context: Any, builder: Any, least: bool, kinds: Any, values: Any) -> None:
        self.context, self.builder, self.least = context, builder, least
        self.x, self.beside, self.table, self.y = zip(kinds[1:], values[1:], strict=True)
        self.rows = Rows(*cgutils.unpack_tuple(builder, values[0]))
        self.dtype = kinds[1].dtype
        self.code = VectorCode(context, builder, self.dtype)
        self.single = VectorCode(context, builder, self.dtype, lanes=1)
        self.nans = cgutils.alloca_once(builder, ir.IntType(self.code.lanes))
        builder.store(self.nans.type.pointee(0), self.nans)

    def find(self) -> Any:
        """All results, and whether one is a NaN."""
        builder = self.builder
        if not isinstance(self.dtype, types.Float):
            self._find_rows(self._one_instruction)
            return cgutils.false_bit
        with builder.if_else(builder.icmp_signed("!=", self.rows.exact, INT64(0))) as (exact, plain):
            with exact:
                self._find_rows(self._three_instructions)
            with plain:
                self._find_rows(self._one_instruction)
        return builder.icmp_signed("!=", builder.load(self.nans), self.nans.type.pointee(0))

    def _find_rows(self, better: Better) -> None:
        builder, r = self.builder, self.rows
        with cgutils.for_range(builder, r.rows, intp=INT64) as loop:

            def of_row(first: Any, step: Any, row: Any = loop.index) -> Any:
                return builder.add(first, builder.mul(row, step))

            at, base, y_at = of_row(r.at, r.at_step), of_row(r.base, r.base_step), of_row(r.y_at, r.y_step)
            self.code.check(*self.table, at, r.together)
            self.code.check(*self.y, y_at, r.size)
            self._find_row(_Row(at, base, y_at), better)

    def _find_row(self, row: _Row, better: Better) -> None:
        """Groups of vectors, then single ones, the last of which overlaps that before it; of less, single elements."""
        builder, lanes, size = self.builder, self.code.lanes, self.rows.size
        with builder.if_else(builder.icmp_signed("<", size, INT64(lanes))) as (short, long):
            with short, cgutils.for_range(builder, size, intp=INT64) as loop:
                self._find(self.single, row, loop.index, 1, better)
            with long:
                width = BESIDE * lanes
                groups = builder.sdiv(size, INT64(width))
                with cgutils.for_range(builder, groups, intp=INT64) as loop:
                    self._find(self.code, row, builder.mul(loop.index, INT64(width)), BESIDE, better)
                done, last = builder.mul(groups, INT64(width)), builder.sub(size, INT64(lanes))
                vectors = builder.sdiv(builder.sub(builder.add(size, INT64(lanes - 1)), done), INT64(lanes))
                with cgutils.for_range(builder, vectors, intp=INT64) as loop:
                    place = builder.add(done, builder.mul(loop.index, INT64(lanes)))
                    within = builder.icmp_signed("<", place, last)
                    self._find(self.code, row, builder.select(within, place, last), 1, better)

    def _find(self, code: VectorCode, row: _Row, place: Any, count: int, better: Better) -> None:
        """So many vectors from a place of the row on."""
        builder = self.builder
        found = [cgutils.alloca_once(builder, code.type) for _ in range(count)]
        for total, vector in zip(found, self._load(code, row, INT64(0), place, count), strict=True):
            builder.store(vector, total)
        with cgutils.for_range_slice(builder, INT64(1), self.rows.together, INT64(1), intp=INT64) as (number, _):
            for total, vector in zip(found, self._load(code, row, number, place, count), strict=True):
                builder.store(better(builder.load(total), vector), total)
        base = code.pointer(*self.y, builder.add(row.y_at, place))
        for i, total in enumerate(found):
            vector = builder.load(total)
            code.store(vector, base, i * code.lanes)
            if isinstance(self.dtype, types.Float):
                nans = builder.bitcast(builder.fcmp_unordered("uno", vector, vector), ir.IntType(code.lanes))
                nans = builder.zext(nans, self.nans.type.pointee)
                builder.store(builder.or_(builder.load(self.nans), nans), self.nans)

    def _load(self, code: VectorCode, row: _Row, number: Any, place: Any, count: int) -> list[Any]:
        """So many vectors from a place of one of the rows on."""
        builder = self.builder
        offset = builder.load(code.pointer(*self.table, builder.add(row.at, number)))
        present = builder.icmp_signed(">=", offset, INT64(0))
        first = builder.add(row.base, offset)
        if self.context.enable_boundscheck:
            with builder.if_else(present) as (there, absent):
                with there:
                    code.check(*self.x, builder.add(first, place), count * code.lanes)
                with absent:
                    code.check(*self.beside, place, count * code.lanes)
        base = builder.select(present, code.pointer(*self.x, first), code.pointer(*self.beside, INT64(0)))
        return [code.load(base, builder.add(place, INT64(i * code.lanes))) for i in range(count)]

    def _one_instruction(self, old: Any, new: Any) -> Any:
        """The better of two; where `old` is a NaN that stays."""
        builder, sign = self.builder, "<" if self.least else ">"
        if isinstance(self.dtype, types.Float):
            return builder.select(builder.fcmp_ordered(sign, new, old), new, old)
        compare = builder.icmp_signed if self.dtype.signed else builder.icmp_unsigned
        return builder.select(compare(sign, new, old), new, old)

    def _three_instructions(self, old: Any, new: Any) -> Any:
        """The better of two floats; a NaN on either side stays."""
        builder = self.builder
        return builder.select(builder.fcmp_unordered("uno", new, new), new, self._one_instruction(old, new))
