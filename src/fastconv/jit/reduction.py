"""What windows are reduced to, and how vectors of their elements are: shared by the pooling tiles."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from fastconv.jit.emit import INT64, VectorCode

__all__ = ["MAXIMUM", "MEAN", "SUM", "Reduction"]

#: What windows are reduced to. A mean is a sum until it is divided.
MAXIMUM, SUM, MEAN = range(3)

#: Whole numbers below 2**52 are exact in float64, and so are their quotients when the fraction is dropped.
_EXACT_BITS = 52


class Reduction:
    """Writes the instructions that reduce vectors of one type.

    Parameters
    ----------
    code : VectorCode
        Of the type in which windows are reduced.
    dtype : numba type
        That type.
    op : int
        `MAXIMUM`, `SUM` or `MEAN`.
    exact : bool
        Whether maxima are right where there are NaNs too: that takes three instructions for each in place of one.
    """

    def __init__(self, code: VectorCode, dtype: Any, op: int, exact: bool) -> None:
        self.code, self.dtype, self.op = code, dtype, op
        self.watched = isinstance(dtype, types.Float) and op == MAXIMUM and not exact

    def of(self, vectors: list[Any]) -> Any:
        """All of them reduced to one."""
        total = vectors[0]
        for vector in vectors[1:]:
            total = self.combine(total, vector)
        return total

    def combine(self, old: Any, new: Any) -> Any:
        """The sum, or the greater; where NaNs are not watched for, one on either side stays."""
        builder = self.code.builder
        if self.op != MAXIMUM:
            return self.code.add(old, new)
        if isinstance(self.dtype, types.Float):
            if not self.watched:
                return self.code.maximum(old, new)
            return builder.select(builder.fcmp_ordered(">", new, old), new, old)
        return builder.select(self.exceeds(new, old), new, old)

    def exceeds(self, new: Any, old: Any) -> Any:
        """For each lane whether the new element is greater than the old one, or a NaN."""
        builder = self.code.builder
        if isinstance(self.dtype, types.Float):
            return builder.or_(builder.fcmp_ordered(">", new, old), builder.fcmp_unordered("uno", new, new))
        return (builder.icmp_signed if self.dtype.signed else builder.icmp_unsigned)(">", new, old)

    def as_sum(self, vector: Any, given: Any) -> Any:
        """Elements of the input, whose type is `given`, in the type in which they are reduced."""
        if given == self.dtype:
            return vector
        builder = self.code.builder
        if isinstance(given, types.Float):
            return builder.fpext(vector, self.code.type)
        if isinstance(self.dtype, types.Integer):
            return (builder.sext if given.signed else builder.zext)(vector, self.code.type)
        return (builder.sitofp if given.signed else builder.uitofp)(vector, self.code.type)

    def product(self, a: Any, b: Any) -> Any:
        """Of numbers of elements."""
        builder = self.code.builder
        return (builder.fmul if isinstance(self.dtype, types.Float) else builder.mul)(a, b)

    def quotients(self, sums: list[Any], counts: list[Any]) -> list[Any]:
        """Sums over numbers of elements; those of whole numbers, of 64 bits, without their fraction, toward zero.

        No CPU divides vectors of whole numbers. All of them are divided as floats where these hold all sums, and one
        by one elsewhere.
        """
        builder, code = self.code.builder, self.code
        pairs = list(zip(sums, counts, strict=True))
        if isinstance(self.dtype, types.Float):
            return [builder.fdiv(total, count) for total, count in pairs]
        found = [cgutils.alloca_once(builder, code.type) for _ in sums]
        with builder.if_else(self._fit_floats(sums), likely=True) as (fit, other):
            with fit:
                for place, pair in zip(found, pairs, strict=True):
                    builder.store(self._quotient_of_floats(*pair), place)
            with other:
                for place, pair in zip(found, pairs, strict=True):
                    builder.store(self._quotient_of_lanes(*pair), place)
        return [builder.load(place) for place in found]

    def _fit_floats(self, sums: list[Any]) -> Any:
        """Whether all sums have so few bits."""
        builder, code = self.code.builder, self.code
        used = code.zero
        for total in sums:
            if self.dtype.signed:  # the bits that differ from the sign's
                total = builder.xor(total, builder.ashr(total, code.broadcast(INT64(63))))
            used = builder.or_(used, total)
        many = builder.icmp_unsigned(">=", used, code.broadcast(INT64(1 << _EXACT_BITS)))
        lanes = builder.bitcast(many, ir.IntType(code.lanes))
        return builder.icmp_unsigned("==", lanes, lanes.type(0))

    def _quotient_of_floats(self, total: Any, count: Any) -> Any:
        builder, floats = self.code.builder, ir.VectorType(ir.DoubleType(), self.code.lanes)
        quotient = builder.fdiv(builder.sitofp(total, floats), builder.sitofp(count, floats))
        return builder.fptosi(quotient, self.code.type)

    def _quotient_of_lanes(self, total: Any, count: Any) -> Any:
        builder = self.code.builder
        divide = builder.sdiv if self.dtype.signed else builder.udiv
        numbers = [cgutils.alloca_once_value(builder, vector) for vector in (total, count)]
        for place, vector in zip(numbers, (total, count), strict=True):
            builder.store(vector, place)
        firsts = [builder.bitcast(place, INT64.as_pointer()) for place in numbers]
        with cgutils.for_range(builder, INT64(self.code.lanes), intp=INT64) as lane:
            at, by = (builder.gep(first, [lane.index]) for first in firsts)
            builder.store(divide(builder.load(at), builder.load(by)), at)
        return builder.load(numbers[0])

    def as_result(self, vector: Any, wanted: Any) -> Any:
        """Results in the type that they are to have, whole numbers without their fraction."""
        if wanted == self.dtype:
            return vector
        builder = self.code.builder
        kind = ir.VectorType(self.code.context.get_data_type(wanted), self.code.lanes)
        if isinstance(self.dtype, types.Integer):
            return vector if wanted.bitwidth == self.dtype.bitwidth else builder.trunc(vector, kind)
        if isinstance(wanted, types.Float):
            return builder.fptrunc(vector, kind)
        return (builder.fptosi if wanted.signed else builder.fptoui)(vector, kind)
