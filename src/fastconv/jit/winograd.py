"""Winograd's F(2x2, 3x3): four outputs of a 3x3 kernel from sixteen products in place of thirty-six.

Of a 4x4 tile d of the input and a kernel g the outputs are ``A.T @ ((G @ g @ G.T) * (B.T @ d @ B)) @ A``. B and A hold
0, 1 and -1 alone, and G halves: so small whole numbers stay exact, and rounding is no worse than that of plain sums.

Source: A. Lavin, S. Gray, "Fast algorithms for convolutional neural networks" (2015), arXiv:1509.09308, section 4.1.

Both ends are written as LLVM vector code, a vector of neighbouring tiles at once; beside each stands its meaning, which
runs under NUMBA_DISABLE_JIT=1. Between them stand products of matrices, for each of the sixteen places in a tile.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.extending import intrinsic

from fastconv.jit.emit import INT64, VectorCode
from fastconv.jit.machine import machine

__all__ = ["STEP", "TILE", "tiles_in", "tiles_out"]

#: Outputs along an axis of a tile, and inputs.
STEP, TILE = 2, 4

_B = np.array([[1, 0, 0, 0], [0, 1, -1, 1], [-1, 1, 1, 0], [0, 0, 0, -1]])
_A = np.array([[1, 0], [1, 1], [1, -1], [0, -1]])


def _tiles_in_meaning(source: np.ndarray, at: int, pitch: int, target: np.ndarray, to: int, step: int) -> None:
    """target[to + step * place + i] = (B.T @ d @ B)[place] of the tiles i of a vector.

    Tile i begins at ``source[at + 2 i]``; its rows are `pitch` apart. Places count through the tile row by row.
    """
    n = machine().vector_bytes // source.itemsize
    for i in range(n):
        d = np.array([source[at + row * pitch + STEP * i :][:TILE] for row in range(TILE)])
        target[to + i : to + i + step * TILE * TILE : step] = (_B.T.astype(d.dtype) @ d @ _B.astype(d.dtype)).ravel()


def _columns_in(code: VectorCode, d: list[Any]) -> list[Any]:
    """The four entries of ``B.T @ d``."""
    return [code.subtract(d[0], d[2]), code.add(d[1], d[2]), code.subtract(d[2], d[1]), code.subtract(d[1], d[3])]


@intrinsic
def _tiles_in(typingctx: Any, source: Any, at: Any, pitch: Any, target: Any, to: Any, step: Any) -> Any:
    """As `_tiles_in_meaning`."""
    whole = types.intp
    signature = types.void(source, whole, whole, target, whole, whole)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        code = VectorCode(context, builder, source.dtype)
        n = code.lanes
        for row in range(TILE):
            code.check(source, args[0], builder.add(args[1], builder.mul(args[2], INT64(row))), 2 * n + 2)
        for place in range(TILE * TILE):
            code.check(target, args[3], builder.add(args[4], builder.mul(args[5], INT64(place))), n)
        base, target_base = code.pointer(source, args[0], args[1]), code.pointer(target, args[3], args[4])
        rows = [builder.gep(base, [builder.mul(args[2], INT64(row))]) for row in range(TILE)]
        # Down the columns first, on neighbouring numbers as they stand: 2 n of them from the first column of each tile
        # on, and 2 n from its third column on. Then even and odd ones are parted, which gives a column of all tiles.
        parts = [_columns_in(code, [code.load(row, first) for row in rows]) for first in (0, n, 2, n + 2)]
        for r in range(TILE):
            pieces = [part[r] for part in parts]
            columns = [
                code.shuffle(pieces[half], pieces[half + 1], list(range(odd, 2 * n, 2)))
                for half in (0, 2)
                for odd in (0, 1)
            ]
            for c, value in enumerate(_columns_in(code, columns)):
                code.store(value, target_base, builder.mul(args[5], INT64(TILE * r + c)))
        return context.get_dummy_value()

    return signature, codegen


def _tiles_out_meaning(
    source: np.ndarray, at: int, step: int, bias: Any, target: np.ndarray, to: int, pitch: int
) -> int:
    """The outputs ``A.T @ m @ A + bias`` of the tiles of a vector; whether any of them is infinite or not a number.

    m[place] of tile i stands at ``source[at + step * place + i]``; its outputs go to ``target[to + 2 i]`` and the one
    behind, and to the same places `pitch` on.
    """
    n = machine().vector_bytes // source.itemsize
    strange = 0
    for i in range(n):
        m = source[at + i : at + i + step * TILE * TILE : step].reshape(TILE, TILE)
        y = _A.T.astype(m.dtype) @ m @ _A.astype(m.dtype) + bias
        for row in range(STEP):
            target[to + row * pitch + STEP * i :][:STEP] = y[row]
        strange |= int(not np.isfinite(y).all())
    return strange


def _columns_out(code: VectorCode, m: list[Any]) -> list[Any]:
    """The two entries of ``A.T @ m``."""
    return [code.add(code.add(m[0], m[1]), m[2]), code.subtract(code.subtract(m[1], m[2]), m[3])]


@intrinsic
def _tiles_out(typingctx: Any, source: Any, at: Any, step: Any, bias: Any, target: Any, to: Any, pitch: Any) -> Any:
    """As `_tiles_out_meaning`."""
    whole = types.intp
    signature = types.int64(source, whole, whole, source.dtype, target, whole, whole)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        code = VectorCode(context, builder, source.dtype)
        n = code.lanes
        for place in range(TILE * TILE):
            code.check(source, args[0], builder.add(args[1], builder.mul(args[2], INT64(place))), n)
        for row in range(STEP):
            code.check(target, args[4], builder.add(args[5], builder.mul(args[6], INT64(row))), STEP * n)
        base, target_base = code.pointer(source, args[0], args[1]), code.pointer(target, args[4], args[5])
        bias = code.broadcast(args[3])
        m = [code.load(base, builder.mul(args[2], INT64(place))) for place in range(TILE * TILE)]
        columns = [_columns_out(code, m[c::TILE]) for c in range(TILE)]
        strange = code.zero
        for row in range(STEP):
            left, right = (code.add(y, bias) for y in _columns_out(code, [column[row] for column in columns]))
            for half in range(STEP):
                places = [place for i in range(n // 2) for place in (half * n // 2 + i, n + half * n // 2 + i)]
                at_half = builder.add(builder.mul(args[6], INT64(row)), INT64(half * n))
                code.store(code.shuffle(left, right, places), target_base, at_half)
            for y in (left, right):  # y - y is zero, or not a number
                strange = code.add(strange, code.subtract(y, y))
        lanes = builder.fcmp_unordered("une", strange, code.zero)
        return builder.zext(builder.bitcast(lanes, ir.IntType(n)), INT64)

    return signature, codegen


tiles_in = _tiles_in_meaning if config.DISABLE_JIT else _tiles_in
tiles_out = _tiles_out_meaning if config.DISABLE_JIT else _tiles_out
