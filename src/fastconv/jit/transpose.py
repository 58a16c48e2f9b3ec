"""Transposing a square of numbers in registers, one vector a row."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import config, types
from numba.extending import intrinsic

from fastconv.jit.emit import INT64, VectorCode
from fastconv.jit.machine import machine

__all__ = ["transpose"]


def _transpose_meaning(source: np.ndarray, at: int, step: int, target: np.ndarray, to: int, pitch: int) -> None:
    """target[to + j * pitch + i] = source[at + i * step + j] for i and j below the lanes of a vector."""
    n = machine().vector_bytes // source.itemsize
    square = np.array([source[at + i * step :][:n] for i in range(n)])
    for j in range(n):
        target[to + j * pitch :][:n] = square[:, j]


@intrinsic
def _transpose(typingctx: Any, source: Any, at: Any, step: Any, target: Any, to: Any, pitch: Any) -> Any:
    """As `_transpose_meaning`: log2(lanes) rounds that interleave the first half of the vectors with the second."""
    whole = types.intp
    signature = types.void(source, whole, whole, target, whole, whole)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        code = VectorCode(context, builder, source.dtype)
        n = code.lanes
        for i in range(n):
            code.check(source, args[0], builder.add(args[1], builder.mul(args[2], INT64(i))), n)
            code.check(target, args[3], builder.add(args[4], builder.mul(args[5], INT64(i))), n)
        base = code.pointer(source, args[0], args[1])
        rows = [code.load(base, builder.mul(args[2], INT64(i))) for i in range(n)]
        low = [place for i in range(n // 2) for place in (i, n + i)]
        high = [place + n // 2 for place in low]
        for _ in range(n.bit_length() - 1):
            pairs = zip(rows[: n // 2], rows[n // 2 :], strict=True)
            rows = [code.shuffle(a, b, places) for a, b in pairs for places in (low, high)]
        target_base = code.pointer(target, args[3], args[4])
        for j, row in enumerate(rows):
            code.store(row, target_base, builder.mul(args[5], INT64(j)))
        return context.get_dummy_value()

    return signature, codegen


transpose = _transpose_meaning if config.DISABLE_JIT else _transpose
