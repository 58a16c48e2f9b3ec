"""Winograd's minimal filtering in one and two dimensions, for kernels that are cut into pieces of up to three taps.

Along an axis a tile is two outputs, or one where every piece is a single tap. Two outputs of r taps are
``A.T @ ((G @ g) * (B.T @ d))`` with r + 1 products in place of 2 r: F(2, r) in Winograd's words. They evaluate
polynomials at r + 1 of the *points* 0, 1, -1 and infinity, and A knows nothing of r. So the products of all pieces, and
of all channels, are added point by point, and only their sums are turned into outputs. In two dimensions a *place*
is a pair of points. A and B hold 0, 1 and -1 alone, and G halves where there are three taps: so small whole numbers
stay exact, and rounding is no worse than that of plain sums.

Sources: S. Winograd, "Arithmetic complexity of computations" (1980), chapter 4; A. Lavin, S. Gray, "Fast algorithms for
convolutional neural networks" (2015), arXiv:1509.09308, section 4.1.

Both ends are written as LLVM vector code, a vector of neighbouring tiles at once; beside each stands its meaning, which
runs under NUMBA_DISABLE_JIT=1. Between them stand products of matrices, one for each place.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from fastconv.jit.emit import INT64, VectorCode
from fastconv.jit.machine import machine

__all__ = [
    "GROWTH",
    "MOST_TAPS",
    "Plane",
    "inputs_matrix",
    "mixed",
    "outputs_matrix",
    "place_points",
    "split_columns",
    "step_of",
    "tiles_in",
    "tiles_in_meaning",
    "weights_in",
    "weights_in_meaning",
]

#: Most taps of a piece along an axis.
MOST_TAPS = 3
#: How many times as large as any sum of products of whole numbers all is that becomes of them, counted in quarters.
#: Along an axis, by the absolute entries of A, G and B, an output adds at most 8 products of the largest numbers in
#: place of 3 where a piece has so many taps, 4 in place of 2, and 1 of 1; in halves: ``(2 * 8 / 3)**2`` for two axes.
GROWTH = 29

#: G, B and A for each number of taps, at its points in this order: 0, 1, -1, infinity.
_TAP_POINTS = {1: (0, 3), 2: (0, 1, 3), 3: (0, 1, 2, 3)}
_B = {
    1: np.array([[1, 0], [0, 1]]),
    2: np.array([[1, 0, 0], [-1, 1, -1], [0, 0, 1]]),
    3: np.array([[1, 0, 0, 0], [0, 1, -1, -1], [-1, 1, 1, 0], [0, 0, 0, 1]]),
}
_A = np.array([[1, 0], [1, 1], [1, -1], [0, 1]])
_G = {
    1: np.array([[1], [1]]),
    2: np.array([[1, 0], [1, 1], [0, 1]]),
    3: np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]]),
}


class Plane(NamedTuple):
    """One number for each of two axes: taps of a piece, or points of a kernel."""

    h: int
    w: int


def step_of(points: int) -> int:
    """Outputs of a tile along an axis with so many points: 1 where pieces have one tap, else 2."""
    return 1 if points == 1 else 2


def place_points(taps: int, points: int) -> tuple[int, ...]:
    """The numbers of the points that a piece has along an axis with 1, 3 or 4 of them.

    Examples
    --------
    >>> place_points(2, 3), place_points(2, 4), place_points(1, 1)
    ((0, 1, 2), (0, 1, 3), (0,))
    """
    if points == 1:
        return (0,)
    return tuple(point if point < 2 else point + points - 4 for point in _TAP_POINTS[taps])


def outputs_matrix(points: int) -> np.ndarray:
    """A, for the points of an axis."""
    return {1: np.array([[1]]), 3: _A[[0, 1, 3]], 4: _A}[points]


def inputs_matrix(taps: int, step: int) -> np.ndarray:
    """B, for a piece along an axis."""
    return _B[taps] if step == 2 else np.array([[1]])


def mixed(code: VectorCode, matrix: np.ndarray, values: list[Any]) -> list[Any]:
    """The entries of ``matrix.T @ values``: sums and differences of up to three vectors."""
    found = []
    for column in matrix.T:
        terms = sorted(((sign, value) for sign, value in zip(column, values, strict=True) if sign), key=lambda t: -t[0])
        total = terms[0][1]
        for sign, value in terms[1:]:
            total = code.add(total, value) if sign > 0 else code.subtract(total, value)
        found.append(total)
    return found


def _points_of(code: VectorCode, step: int, values: list[Any]) -> list[Any]:
    """The entries of ``G @ values``: vectors of up to three taps at the points of an axis."""
    if step == 1:
        return values
    if len(values) == 1:
        return values * 2
    if len(values) == 2:
        a, b = values
        return [a, code.add(a, b), b]
    a, b, c = values
    ends, middle = code.halve(code.add(a, c)), code.halve(b)
    return [a, code.add(ends, middle), code.subtract(ends, middle), c]


def weights_in_meaning(taps: Plane, points: Plane, rows: int) -> Any:
    """What `weights_in` does, in NumPy's words."""
    g_h, g_w = (_G[count] if step_of(p) == 2 else np.ones((1, 1)) for count, p in zip(taps, points, strict=True))

    def meaning(
        turned: np.ndarray, at: int, slots: np.ndarray, slots_at: int, target: np.ndarray, to: int, step: int
    ) -> None:
        kernel = np.array([turned[at + slot * rows :][:rows] for slot in slots[slots_at : slots_at + taps.h * taps.w]])
        for row in range(rows):
            places = g_h.astype(kernel.dtype) @ kernel[:, row].reshape(taps) @ g_w.T.astype(kernel.dtype)
            target[to + row :][: places.size * step : step] = places.ravel()

    return meaning


def weights_in(taps: Plane, points: Plane, rows: int) -> Any:
    """The intrinsic ``weights_in(turned, at, slots, slots_at, target, to, step)`` for pieces of so many taps.

    For a vector of output channels, as many as `rows`, it writes ``(G @ g @ G.T)[place]`` to
    ``target[to + place * step + row]``. Tap number t stands at ``turned[at + slots[slots_at + t] * rows + row]``.
    """
    step_h, step_w = step_of(points.h), step_of(points.w)

    @intrinsic
    def transform(
        typingctx: Any, turned: Any, at: Any, slots: Any, slots_at: Any, target: Any, to: Any, step: Any
    ) -> Any:
        whole = types.intp
        signature = types.void(turned, whole, slots, whole, target, whole, whole)

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            code = VectorCode(context, builder, turned.dtype, lanes=rows)
            slots_base = code.pointer(slots, args[2], args[3])
            base, target_base = code.pointer(turned, args[0], args[1]), code.pointer(target, args[4], args[5])
            code.check(slots, args[2], args[3], taps.h * taps.w)
            kernel = []
            for t in range(taps.h * taps.w):
                place = builder.mul(builder.load(builder.gep(slots_base, [INT64(t)])), INT64(rows))
                code.check(turned, args[0], builder.add(args[1], place), rows)
                kernel.append(code.load(base, place))
            columns = [_points_of(code, step_h, kernel[s :: taps.w]) for s in range(taps.w)]
            lines = [_points_of(code, step_w, list(line)) for line in zip(*columns, strict=True)]
            for number, value in enumerate(value for line in lines for value in line):
                place = builder.mul(args[6], INT64(number))
                code.check(target, args[4], builder.add(args[5], place), rows)
                code.store(value, target_base, place)
            return context.get_dummy_value()

        return signature, codegen

    return weights_in_meaning(taps, points, rows) if config.DISABLE_JIT else transform


def tiles_in_meaning(taps: Plane, points: Plane) -> Any:
    """What `tiles_in` does, in NumPy's words."""
    step_h, step_w = step_of(points.h), step_of(points.w)
    b_h, b_w = inputs_matrix(taps.h, step_h), inputs_matrix(taps.w, step_w)
    places = b_h.shape[1] * b_w.shape[1]

    def meaning(
        source: np.ndarray, at: int, pitch: int, target: np.ndarray, to: int, starts: np.ndarray, starts_at: int
    ) -> None:
        n = machine().vector_bytes // source.itemsize
        for i in range(n):
            rows = [source[at + row * pitch + step_w * i :][: len(b_w)] for row in range(len(b_h))]
            d = b_h.T.astype(source.dtype) @ np.array(rows) @ b_w.astype(source.dtype)
            target[to + starts[starts_at : starts_at + places] + i] = d.ravel()

    return meaning


def tiles_in(taps: Plane, points: Plane) -> Any:
    """The intrinsic ``tiles_in(source, at, pitch, target, to, starts, starts_at)`` for pieces of so many taps.

    It writes ``(B.T @ d @ B)[place]`` of the tiles of a vector to ``target[to + starts[starts_at + place] + i]``, where
    places count through the piece's points row by row. Tile i begins at ``source[at + step * i]``, and rows are `pitch`
    apart.
    """
    step_h, step_w = step_of(points.h), step_of(points.w)
    b_h, b_w = inputs_matrix(taps.h, step_h), inputs_matrix(taps.w, step_w)
    places = b_h.shape[1] * b_w.shape[1]

    @intrinsic
    def transform(
        typingctx: Any, source: Any, at: Any, pitch: Any, target: Any, to: Any, starts: Any, starts_at: Any
    ) -> Any:
        whole = types.intp
        signature = types.void(source, whole, whole, target, whole, starts, whole)

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            code = VectorCode(context, builder, source.dtype)
            n, firsts = code.lanes, _vectors_of_a_row(code.lanes, len(b_w), step_w)
            for row in range(len(b_h)):
                first = builder.add(args[1], builder.mul(args[2], INT64(row)))
                code.check(source, args[0], first, firsts[-1] + n)
            code.check(starts, args[5], args[6], places)
            base, target_base = code.pointer(source, args[0], args[1]), code.pointer(target, args[3], args[4])
            starts_base = code.pointer(starts, args[5], args[6])
            rows = [builder.gep(base, [builder.mul(args[2], INT64(row))]) for row in range(len(b_h))]
            # Down the columns first, on neighbouring numbers as they stand; then even and odd ones are parted, which
            # gives a column of all tiles.
            parts = [mixed(code, b_h, [code.load(row, first) for row in rows]) for first in firsts]
            for r in range(b_h.shape[1]):
                pieces = [part[r] for part in parts]
                columns = pieces if step_w == 1 else _parted(code, pieces)[: len(b_w)]
                for c, value in enumerate(mixed(code, b_w, columns)):
                    start = builder.load(builder.gep(starts_base, [INT64(r * b_w.shape[1] + c)]))
                    code.check(target, args[3], builder.add(args[4], start), n)
                    code.store(value, target_base, start)
            return context.get_dummy_value()

        return signature, codegen

    return tiles_in_meaning(taps, points) if config.DISABLE_JIT else transform


def _vectors_of_a_row(lanes: int, columns: int, step: int) -> list[int]:
    """Where the vectors begin that hold so many columns of all tiles: two for each pair of columns, or a single one."""
    return [0] if step == 1 else [first for pair in range(0, columns, 2) for first in (pair, lanes + pair)]


def _parted(code: VectorCode, vectors: list[Any]) -> list[Any]:
    """Even and odd elements of each pair of vectors."""
    pairs = zip(vectors[::2], vectors[1::2], strict=True)
    return [code.shuffle(a, b, list(range(odd, 2 * code.lanes, 2))) for a, b in pairs for odd in (0, 1)]


def _split_columns_meaning(source: np.ndarray, at: int, target: np.ndarray, to: int, pitch: int, pairs: int) -> None:
    """target[to + i] = source[at + 2 i] and target[to + pitch + i] = source[at + 2 i + 1] for whole vectors of pairs.

    As many vectors as hold `pairs` numbers each.
    """
    n = machine().vector_bytes // source.itemsize
    count = -(-pairs // n) * n
    for odd in (0, 1):
        target[to + odd * pitch :][:count] = source[at + odd :][: 2 * count : 2]


@intrinsic
def _split_columns(typingctx: Any, source: Any, at: Any, target: Any, to: Any, pitch: Any, pairs: Any) -> Any:
    """As `_split_columns_meaning`."""
    whole = types.intp
    signature = types.void(source, whole, target, whole, whole, whole)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        code = VectorCode(context, builder, source.dtype)
        n = code.lanes
        vectors = builder.udiv(builder.add(args[5], INT64(n - 1)), INT64(n))
        count = builder.mul(vectors, INT64(n))
        code.check(source, args[0], args[1], builder.mul(count, INT64(2)))
        for odd in (0, 1):
            code.check(target, args[2], builder.add(args[3], builder.mul(args[4], INT64(odd))), count)
        base, target_base = code.pointer(source, args[0], args[1]), code.pointer(target, args[2], args[3])
        with cgutils.for_range_slice(builder, INT64(0), count, INT64(n), INT64) as (first, _):
            at = builder.mul(first, INT64(2))
            pair = [code.load(base, at), code.load(base, builder.add(at, INT64(n)))]
            for odd, vector in enumerate(_parted(code, pair)):
                code.store(vector, target_base, builder.add(first, builder.mul(args[4], INT64(odd))))
        return context.get_dummy_value()

    return signature, codegen


split_columns = _split_columns_meaning if config.DISABLE_JIT else _split_columns
