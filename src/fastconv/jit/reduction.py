"""What windows are reduced to, and how vectors of their elements are: shared by the pooling tiles."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from fastconv.jit.emit import VectorCode

__all__ = ["MAXIMUM", "MEAN", "SUM", "Reduction"]

#: What windows are reduced to. A mean is a sum until it is divided.
MAXIMUM, SUM, MEAN = range(3)


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
        compare = builder.icmp_signed if self.dtype.signed else builder.icmp_unsigned
        return builder.select(compare(">", new, old), new, old)

    def as_sum(self, vector: Any, given: Any) -> Any:
        """Elements of the input, whose type is `given`, in the type in which they are reduced."""
        if given == self.dtype:
            return vector
        builder = self.code.builder
        return (builder.sitofp if given.signed else builder.uitofp)(vector, self.code.type)

    def as_result(self, vector: Any, wanted: Any) -> Any:
        """Results in the type that they are to have, whole numbers without their fraction."""
        if wanted == self.dtype:
            return vector
        builder = self.code.builder
        kind = ir.VectorType(self.code.context.get_data_type(wanted), self.code.lanes)
        if isinstance(wanted, types.Float):
            return builder.fptrunc(vector, kind)
        return (builder.fptosi if wanted.signed else builder.fptoui)(vector, kind)
