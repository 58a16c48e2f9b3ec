"""From sums at the points of Winograd's minimal filtering to outputs: see `fastconv.jit.winograd`.

Lanes are tiles, whose outputs are put beside each other, or output channels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.extending import intrinsic

from fastconv.jit.emit import INT64, VectorCode
from fastconv.jit.machine import machine
from fastconv.jit.winograd import Plane, mixed, outputs_matrix, step_of

__all__ = ["spread_out", "spread_out_meaning", "tiles_out", "tiles_out_meaning"]


def tiles_out_meaning(points: Plane) -> Any:
    """What `tiles_out` does, in NumPy's words."""
    a_h, a_w = outputs_matrix(points.h), outputs_matrix(points.w)
    step_h, step_w, places = step_of(points.h), step_of(points.w), points.h * points.w

    def meaning(source: np.ndarray, at: int, step: int, bias: Any, target: np.ndarray, to: int, pitch: int) -> int:
        n = machine().vector_bytes // source.itemsize
        strange = 0
        for i in range(n):
            m = source[at + i : at + i + step * (places - 1) + 1 : step].reshape(points)
            y = a_h.T.astype(m.dtype) @ m @ a_w.astype(m.dtype) + bias
            for row in range(step_h):
                target[to + row * pitch + step_w * i :][:step_w] = y[row]
            strange |= int(not np.isfinite(y).all())
        return strange

    return meaning


def tiles_out(points: Plane) -> Any:
    """The intrinsic ``tiles_out(source, at, step, bias, target, to, pitch)`` for so many points.

    It writes the outputs ``A.T @ m @ A + bias`` of the tiles of a vector, and returns whether any of them is infinite
    or not a number. m[place] of tile i stands at ``source[at + step * place + i]``. A tile's columns follow those of
    the tile before, from ``target[to]`` on; its rows are `pitch` apart.
    """
    a_h, a_w = outputs_matrix(points.h), outputs_matrix(points.w)
    step_h, step_w, places = step_of(points.h), step_of(points.w), points.h * points.w

    @intrinsic
    def finish(typingctx: Any, source: Any, at: Any, step: Any, bias: Any, target: Any, to: Any, pitch: Any) -> Any:
        whole = types.intp
        signature = types.int64(source, whole, whole, source.dtype, target, whole, whole)

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            code = VectorCode(context, builder, source.dtype)
            n = code.lanes
            for place in range(places):
                code.check(source, args[0], builder.add(args[1], builder.mul(args[2], INT64(place))), n)
            for row in range(step_h):
                code.check(target, args[4], builder.add(args[5], builder.mul(args[6], INT64(row))), step_w * n)
            base, target_base = code.pointer(source, args[0], args[1]), code.pointer(target, args[4], args[5])
            bias = code.broadcast(args[3])
            m = [code.load(base, builder.mul(args[2], INT64(place))) for place in range(places)]
            columns = [mixed(code, a_h, m[c :: points.w]) for c in range(points.w)]
            strange = code.zero
            for row in range(step_h):
                outputs = [code.add(y, bias) for y in mixed(code, a_w, [column[row] for column in columns])]
                for half, vector in enumerate(outputs if step_w == 1 else _joined(code, *outputs)):
                    code.store(vector, target_base, builder.add(builder.mul(args[6], INT64(row)), INT64(half * n)))
                for y in outputs:  # y - y is zero, or not a number
                    strange = code.add(strange, code.subtract(y, y))
            lanes = builder.fcmp_unordered("une", strange, code.zero)
            return builder.zext(builder.bitcast(lanes, ir.IntType(n)), INT64)

        return signature, codegen

    return tiles_out_meaning(points) if config.DISABLE_JIT else finish


def spread_out_meaning(points: Plane) -> Any:
    """What `spread_out` does, in NumPy's words."""
    a_h, a_w = outputs_matrix(points.h), outputs_matrix(points.w)
    places = points.h * points.w

    def meaning(
        source: np.ndarray, at: int, step: int, bias: np.ndarray, bias_at: int, target: np.ndarray, to: int,
        pitch: int, column: int,
    ) -> int:  # fmt: skip
        n = machine().vector_bytes // source.itemsize
        m = np.array([source[at + step * place :][:n] for place in range(places)]).reshape(*points, n)
        y = np.einsum("hr,hwn,wc->rcn", a_h.astype(m.dtype), m, a_w.astype(m.dtype)) + bias[bias_at : bias_at + n]
        for row, line in enumerate(y):
            for number, vector in enumerate(line):
                target[to + row * pitch + number * column :][:n] = vector
        return int(not np.isfinite(y).all())

    return meaning


def spread_out(points: Plane) -> Any:
    """The intrinsic ``spread_out(source, at, step, bias, bias_at, target, to, pitch, column)`` for so many points.

    It writes the outputs ``A.T @ m @ A + bias`` of a tile for a vector of output channels, and returns whether any of
    them is infinite or not a number. m[place] stands at ``source[at + step * place + channel]``. The tile's columns are
    `column` apart, from ``target[to]`` on, and its rows `pitch`.
    """
    a_h, a_w = outputs_matrix(points.h), outputs_matrix(points.w)
    step_h, places = step_of(points.h), points.h * points.w

    @intrinsic
    def finish(
        typingctx: Any, source: Any, at: Any, step: Any, bias: Any, bias_at: Any, target: Any, to: Any, pitch: Any,
        column: Any,
    ) -> Any:  # fmt: skip
        whole = types.intp
        signature = types.int64(source, whole, whole, bias, whole, target, whole, whole, whole)

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            code = VectorCode(context, builder, source.dtype)
            n = code.lanes
            code.check(bias, args[3], args[4], n)
            for place in range(places):
                code.check(source, args[0], builder.add(args[1], builder.mul(args[2], INT64(place))), n)
            base, target_base = code.pointer(source, args[0], args[1]), code.pointer(target, args[5], args[6])
            start = code.load(code.pointer(bias, args[3], args[4]), 0)
            m = [code.load(base, builder.mul(args[2], INT64(place))) for place in range(places)]
            columns = [mixed(code, a_h, m[c :: points.w]) for c in range(points.w)]
            strange = code.zero
            for row in range(step_h):
                for number, value in enumerate(mixed(code, a_w, [column[row] for column in columns])):
                    y = code.add(value, start)
                    steps = builder.mul(args[7], INT64(row)), builder.mul(args[8], INT64(number))
                    place = builder.add(*steps)
                    code.check(target, args[5], builder.add(args[6], place), n)
                    code.store(y, target_base, place)
                    strange = code.add(strange, code.subtract(y, y))  # y - y is zero, or not a number
            lanes = builder.fcmp_unordered("une", strange, code.zero)
            return builder.zext(builder.bitcast(lanes, ir.IntType(n)), INT64)

        return signature, codegen

    return spread_out_meaning(points) if config.DISABLE_JIT else finish


def _joined(code: VectorCode, even: Any, odd: Any) -> list[Any]:
    """The elements of two vectors in turn."""
    n = code.lanes
    halves = ([place for i in range(n // 2) for place in (first + i, n + first + i)] for first in (0, n // 2))
    return [code.shuffle(even, odd, places) for places in halves]
