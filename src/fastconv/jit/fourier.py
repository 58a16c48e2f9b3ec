"""The arithmetic of fast Fourier transforms: butterflies of rows, each a vector of complex numbers.

A row is a vector of real parts and, behind it, one of imaginary parts: as many transforms at once as a vector has
lanes, without a shuffle. Transforms are split by four, and once by two if need be: "decimation in frequency", which
leaves frequencies in an order of digits turned around; the inverse, which takes them so, undoes one step after the
other. What multiplies spectra by spectra needs no other order.

The butterflies are written as LLVM vector code, as Numba's vectorizer would have to know that no two of their rows
overlap; beside each stands its meaning, which runs under NUMBA_DISABLE_JIT=1.

Sources: J. W. Cooley, J. W. Tukey, "An algorithm for the machine calculation of complex Fourier series" (1965),
Mathematics of Computation 19; W. M. Gentleman, G. Sande, "Fast Fourier transforms: for fun and profit" (1966), AFIPS
29.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.extending import intrinsic

from fastconv.jit.emit import INT64, VectorCode
from fastconv.jit.machine import machine

__all__ = [
    "ROOTS",
    "join_fours",
    "join_fours_turned",
    "join_twos",
    "split_fours",
    "split_fours_turned",
    "turn_row",
    "turn_row_back",
]

#: Numbers of a butterfly's roots of unity: both parts of three.
ROOTS = 6

# What the sums of four rows are: the transform of four elements, and its inverse.
_FOURS = np.array([[1, 1, 1, 1], [1, -1j, -1, 1j], [1, -1, 1, -1], [1, 1j, -1, -1j]])
_TWOS = np.array([[1, 1], [1, -1]])


def _rows(work: np.ndarray, at: int, step: int, count: int) -> np.ndarray:
    """Complex rows, as an array of their own."""
    n = machine().vector_bytes // work.itemsize
    parts = np.array([work[at + i * step :][: 2 * n] for i in range(count)])
    return parts[:, :n] + 1j * parts[:, n:]


def _write(work: np.ndarray, at: int, step: int, rows: np.ndarray) -> None:
    n = rows.shape[1]
    for i, row in enumerate(rows):
        work[at + i * step :][:n], work[at + i * step + n :][:n] = row.real, row.imag


def _plain_meaning(matrix: np.ndarray) -> Callable[..., None]:
    def combine(work: np.ndarray, at: int, step: int) -> None:
        """The rows that stand `step` elements apart become the matrix times them."""
        _write(work, at, step, matrix @ _rows(work, at, step, len(matrix)))

    return combine


def _turned_meaning(back: bool) -> Callable[..., None]:
    def combine(work: np.ndarray, at: int, step: int, roots: np.ndarray, root: int) -> None:
        """Four rows become the matrix times them, then each but the first times its root; or that undone."""
        pairs = roots[root : root + ROOTS].reshape(3, 2)
        turns = np.array([1, *(pairs[:, 0] + 1j * pairs[:, 1])])[:, None]
        rows = _rows(work, at, step, 4)
        found = _FOURS.conj() @ (turns.conj() * rows) if back else turns * (_FOURS @ rows)
        _write(work, at, step, found)

    return combine


def _turn_meaning(back: bool) -> Callable[..., None]:
    def turn(work: np.ndarray, at: int, factors: np.ndarray, factor: int) -> None:
        """A row becomes itself times another row, or times its conjugate."""
        other = _rows(factors, factor, 0, 1)
        _write(work, at, 0, _rows(work, at, 0, 1) * (other.conj() if back else other))

    return turn


class _Complex:
    """Writes sums and products of complex vectors, as pairs of their parts."""

    def __init__(self, code: VectorCode) -> None:
        self.code, self.builder = code, code.builder

    def load(self, base: Any, index: Any) -> tuple[Any, Any]:
        code = self.code
        return code.load(base, index), code.load(base, self.builder.add(index, INT64(code.lanes)))

    def store(self, value: tuple[Any, Any], base: Any, index: Any) -> None:
        self.code.store(value[0], base, index)
        self.code.store(value[1], base, self.builder.add(index, INT64(self.code.lanes)))

    def add(self, a: tuple[Any, Any], b: tuple[Any, Any]) -> tuple[Any, Any]:
        return self.builder.fadd(a[0], b[0]), self.builder.fadd(a[1], b[1])

    def subtract(self, a: tuple[Any, Any], b: tuple[Any, Any]) -> tuple[Any, Any]:
        return self.builder.fsub(a[0], b[0]), self.builder.fsub(a[1], b[1])

    def add_quarter_turn(self, a: tuple[Any, Any], b: tuple[Any, Any]) -> tuple[Any, Any]:
        """a + i b."""
        return self.builder.fsub(a[0], b[1]), self.builder.fadd(a[1], b[0])

    def subtract_quarter_turn(self, a: tuple[Any, Any], b: tuple[Any, Any]) -> tuple[Any, Any]:
        """a - i b."""
        return self.builder.fadd(a[0], b[1]), self.builder.fsub(a[1], b[0])

    def multiply(self, a: tuple[Any, Any], b: tuple[Any, Any], back: bool) -> tuple[Any, Any]:
        """a b, or a times the conjugate of b."""
        first, second = self.builder.fmul(a[1], b[1]), self.builder.fmul(a[0], b[1])
        first, second = (first, self.builder.fneg(second)) if back else (self.builder.fneg(first), second)
        return self.code.multiply_add(a[0], b[0], first), self.code.multiply_add(a[1], b[0], second)

    def fours(self, x: list[tuple[Any, Any]], back: bool) -> list[tuple[Any, Any]]:
        """The transform of four, or its inverse times four."""
        even, odd = self.add(x[0], x[2]), self.add(x[1], x[3])
        even_rest, odd_rest = self.subtract(x[0], x[2]), self.subtract(x[1], x[3])
        turned = [self.subtract_quarter_turn(even_rest, odd_rest), self.add_quarter_turn(even_rest, odd_rest)]
        second, fourth = reversed(turned) if back else turned
        return [self.add(even, odd), second, self.subtract(even, odd), fourth]


def _places(builder: Any, step: Any, count: int) -> list[Any]:
    return [builder.mul(step, INT64(i)) for i in range(count)]


def _check_rows(code: VectorCode, work: Any, array: Any, at: Any, places: list[Any]) -> None:
    for place in places:
        code.check(work, array, code.builder.add(at, place), 2 * code.lanes)


def _plain(count: int, back: bool) -> Any:
    """The intrinsic of `_plain_meaning` for two or four rows."""

    @intrinsic
    def combine(typingctx: Any, work: Any, at: Any, step: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            code = VectorCode(context, builder, work.dtype)
            numbers, places = _Complex(code), _places(builder, args[2], count)
            _check_rows(code, work, args[0], args[1], places)
            base = code.pointer(work, args[0], args[1])
            x = [numbers.load(base, place) for place in places]
            found = numbers.fours(x, back) if count == 4 else [numbers.add(*x), numbers.subtract(*x)]
            for value, place in zip(found, places, strict=True):
                numbers.store(value, base, place)
            return context.get_dummy_value()

        return types.void(work, types.intp, types.intp), codegen

    return combine


def _turned(back: bool) -> Any:
    """The intrinsic of `_turned_meaning`."""

    @intrinsic
    def combine(typingctx: Any, work: Any, at: Any, step: Any, roots: Any, root: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            code = VectorCode(context, builder, work.dtype)
            numbers, places = _Complex(code), _places(builder, args[2], 4)
            _check_rows(code, work, args[0], args[1], places)
            code.check(roots, args[3], args[4], ROOTS)
            base, first_root = code.pointer(work, args[0], args[1]), code.pointer(roots, args[3], args[4])
            parts = [
                code.broadcast(builder.load(builder.gep(first_root, [ir.Constant(INT64, i)]))) for i in range(ROOTS)
            ]
            turns = list(zip(parts[::2], parts[1::2], strict=True))
            x = [numbers.load(base, place) for place in places]
            if back:
                x[1:] = [numbers.multiply(value, turn, back) for value, turn in zip(x[1:], turns, strict=True)]
            found = numbers.fours(x, back)
            if not back:
                found[1:] = [numbers.multiply(value, turn, back) for value, turn in zip(found[1:], turns, strict=True)]
            for value, place in zip(found, places, strict=True):
                numbers.store(value, base, place)
            return context.get_dummy_value()

        return types.void(work, types.intp, types.intp, roots, types.intp), codegen

    return combine


def _turn(back: bool) -> Any:
    """The intrinsic of `_turn_meaning`."""

    @intrinsic
    def turn(typingctx: Any, work: Any, at: Any, factors: Any, factor: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            code = VectorCode(context, builder, work.dtype)
            numbers, zero = _Complex(code), INT64(0)
            _check_rows(code, work, args[0], args[1], [zero])
            _check_rows(code, factors, args[2], args[3], [zero])
            base, other = code.pointer(work, args[0], args[1]), code.pointer(factors, args[2], args[3])
            product = numbers.multiply(numbers.load(base, zero), numbers.load(other, zero), back)
            numbers.store(product, base, zero)
            return context.get_dummy_value()

        return types.void(work, types.intp, factors, types.intp), codegen

    return turn


split_fours = _plain_meaning(_FOURS) if config.DISABLE_JIT else _plain(4, back=False)
join_fours = _plain_meaning(_FOURS.conj()) if config.DISABLE_JIT else _plain(4, back=True)
join_twos = _plain_meaning(_TWOS) if config.DISABLE_JIT else _plain(2, back=True)
split_fours_turned = _turned_meaning(back=False) if config.DISABLE_JIT else _turned(back=False)
join_fours_turned = _turned_meaning(back=True) if config.DISABLE_JIT else _turned(back=True)
turn_row = _turn_meaning(back=False) if config.DISABLE_JIT else _turn(back=False)
turn_row_back = _turn_meaning(back=True) if config.DISABLE_JIT else _turn(back=True)
