"""Named records of integers inside kernels.

A named tuple is the readable way to hand a kernel its sizes, and the slow one: Numba takes 0.1 microseconds for each of
its fields at every call, 5 microseconds for the 48 of a convolution, where one integer array costs 0.06. So records
travel in an array, and kernels read them back by name. Written as instructions, a reader compiles in a millisecond;
written in Python it took 60.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from llvmlite import ir
from numba import config, types
from numba.extending import intrinsic

from fastconv.jit.bounds import check_bounds

__all__ = ["reader"]

Record = TypeVar("Record", bound=NamedTuple)


def reader(record: type[Record]) -> Callable[[Any, Any], Record]:
    """A function for kernels, ``read(table, at)``: the record whose fields stand from `at` on in an array of int64."""
    size = len(record._fields)

    def read_in_python(table: Any, at: Any) -> Record:
        return record(*table[at : at + size].tolist())

    @intrinsic
    def read(typingctx: Any, table: Any, at: Any) -> Any:
        kind = types.NamedUniTuple(table.dtype, size, record)

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            data = context.make_array(table)(context, builder, args[0]).data
            first = builder.gep(data, [args[1]])
            check_bounds(context, builder, (table, args[0]), args[1], size)
            fields = [builder.load(builder.gep(first, [ir.IntType(64)(i)])) for i in range(size)]
            return context.make_tuple(builder, kind, fields)

        return kind(table, types.intp), codegen

    return read_in_python if config.DISABLE_JIT else read
