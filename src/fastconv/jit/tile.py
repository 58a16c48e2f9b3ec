"""The tile: the block of sums that stays in registers while the products of one depth after the other are added.

Numba's own vectorizer keeps neither the sums in registers nor the vectors at full width, so the tile is written as
LLVM vector code. Beside it stands its meaning, which runs under NUMBA_DISABLE_JIT=1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from fastconv.jit.machine import machine

__all__ = ["lanes", "tile"]

_INT32, _INT64 = ir.IntType(32), ir.IntType(64)


def _lanes_meaning(array: np.ndarray) -> int:
    return machine().vector_bytes // array.itemsize


@intrinsic
def _lanes(typingctx: Any, array: Any) -> Any:
    """Elements of `array` in one vector register, known when compiling."""
    count = machine().vector_bytes * 8 // array.dtype.bitwidth

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _INT64(count)

    return types.intp(array), codegen


def _tile_meaning(
    rows: int,
    vectors: int,
    weights: np.ndarray,
    weight_at: int,
    slab: np.ndarray,
    slab_at: int,
    offsets: np.ndarray,
    begin: int,
    end: int,
    sums: np.ndarray,
    sums_at: int,
    pitch: int,
) -> None:
    """sums[row, lane] = sum over d in [begin, end) of weights[d, row] * slab[offsets[d] + lane]."""
    count = vectors * _lanes_meaning(slab)
    total = np.zeros((rows, count), slab.dtype)
    for d in range(begin, end):
        first = slab_at + offsets[d]
        w = weights[weight_at + (d - begin) * rows :][:rows]
        total += w[:, None] * slab[first : first + count]
    for row in range(rows):
        sums[sums_at + row * pitch :][:count] = total[row]


@intrinsic(prefer_literal=True)
def _tile(
    typingctx: Any,
    rows: Any,
    vectors: Any,
    weights: Any,
    weight_at: Any,
    slab: Any,
    slab_at: Any,
    offsets: Any,
    begin: Any,
    end: Any,
    sums: Any,
    sums_at: Any,
    pitch: Any,
) -> Any:
    """As `_tile_meaning`; `rows` and `vectors` are literals, `end` is greater than `begin`."""
    if not (isinstance(rows, types.IntegerLiteral) and isinstance(vectors, types.IntegerLiteral)):
        return None
    n_rows, n_vectors, dtype = rows.literal_value, vectors.literal_value, slab.dtype
    n_lanes = machine().vector_bytes * 8 // dtype.bitwidth
    whole = types.intp
    signature = types.void(
        rows, vectors, weights, whole, slab, whole, offsets, whole, whole, sums, whole, whole
    )  # fmt: skip

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        element = context.get_data_type(dtype)
        vector = ir.VectorType(element, n_lanes)
        align = dtype.bitwidth // 8

        def pointer(position: int, index: Any) -> Any:
            array = context.make_array(signature.args[position])(context, builder, args[position])
            return builder.gep(array.data, [index])

        def vector_at(base: Any, index: Any) -> Any:
            return builder.bitcast(builder.gep(base, [index]), vector.as_pointer())

        def broadcast(scalar: Any) -> Any:
            undefined = ir.Constant(vector, ir.Undefined)
            single = builder.insert_element(undefined, scalar, _INT32(0))
            return builder.shuffle_vector(single, undefined, ir.Constant(ir.VectorType(_INT32, n_lanes), [0] * n_lanes))

        if isinstance(dtype, types.Float):
            # fmuladd fuses where the CPU has the instruction and is two operations where it has not: llvm.fma would
            # call a library function there, a hundred times slower.
            suffix = "f32" if dtype.bitwidth == 32 else "f64"
            name, kind = f"llvm.fmuladd.v{n_lanes}{suffix}", ir.FunctionType(vector, [vector] * 3)
            fused = cgutils.get_or_insert_function(builder.module, kind, name)

            def multiply_add(a: Any, b: Any, c: Any) -> Any:
                return builder.call(fused, [a, b, c])

            zero = ir.Constant(vector, [0.0] * n_lanes)
        else:

            def multiply_add(a: Any, b: Any, c: Any) -> Any:
                return builder.add(builder.mul(a, b), c)

            zero = ir.Constant(vector, [0] * n_lanes)

        begin_, end_, pitch_ = args[7], args[8], args[11]
        weight_base, slab_base, sums_base = pointer(2, args[3]), pointer(4, args[5]), pointer(9, args[10])
        offset_base = pointer(6, begin_)

        entry = builder.block
        loop, done = builder.append_basic_block("depth"), builder.append_basic_block("done")
        count = builder.sub(end_, begin_)
        builder.branch(loop)

        builder.position_at_end(loop)
        depth = builder.phi(_INT64)
        depth.add_incoming(_INT64(0), entry)
        total = [[builder.phi(vector) for _ in range(n_vectors)] for _ in range(n_rows)]
        pixels_at = builder.gep(slab_base, [builder.load(builder.gep(offset_base, [depth]))])
        pixels = [builder.load(vector_at(pixels_at, _INT64(v * n_lanes)), align=align) for v in range(n_vectors)]
        weight_row = builder.gep(weight_base, [builder.mul(depth, _INT64(n_rows))])
        following = builder.add(depth, _INT64(1))
        depth.add_incoming(following, loop)
        for row, total_row in enumerate(total):
            weight = broadcast(builder.load(builder.gep(weight_row, [_INT64(row)])))
            for v, accumulator in enumerate(total_row):
                accumulator.add_incoming(zero, entry)
                total_row[v] = multiply_add(weight, pixels[v], accumulator)
                accumulator.add_incoming(total_row[v], loop)
        builder.cbranch(builder.icmp_signed("<", following, count), loop, done)

        builder.position_at_end(done)
        for row, total_row in enumerate(total):
            row_at = builder.gep(sums_base, [builder.mul(pitch_, _INT64(row))])
            for v, value in enumerate(total_row):
                builder.store(value, vector_at(row_at, _INT64(v * n_lanes)), align=align)
        return context.get_dummy_value()

    return signature, codegen


lanes = _lanes_meaning if config.DISABLE_JIT else _lanes
tile = _tile_meaning if config.DISABLE_JIT else _tile
