"""Words for LLVM code that computes with complex vectors: what butterflies of Fourier transforms are made of."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir

from fastconv.jit.emit import INT64, VectorCode

__all__ = ["ComplexCode"]

#: Both parts of an eighth of a turn.
_EIGHTH = 0.5**0.5


class ComplexCode:
    """Writes sums, products and short transforms of complex vectors, as pairs of their parts."""

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

    def _fours(self, x: list[tuple[Any, Any]], back: bool) -> list[tuple[Any, Any]]:
        """The transform of four, or its inverse times four."""
        even, odd = self.add(x[0], x[2]), self.add(x[1], x[3])
        even_rest, odd_rest = self.subtract(x[0], x[2]), self.subtract(x[1], x[3])
        turned = [self.subtract_quarter_turn(even_rest, odd_rest), self.add_quarter_turn(even_rest, odd_rest)]
        second, fourth = reversed(turned) if back else turned
        return [self.add(even, odd), second, self.subtract(even, odd), fourth]

    def _split_eights(self, x: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
        """The transform of eight."""
        sums, rests = ([combine(x[k], x[k + 4]) for k in range(4)] for combine in (self.add, self.subtract))
        zero, two, four, six = self._fours(sums, back=False)
        even, even_rest = self.subtract_quarter_turn(rests[0], rests[2]), self.add_quarter_turn(rests[0], rests[2])
        # These two are turned by an eighth and by three, but for the factor of that.
        second, fourth = self.subtract_quarter_turn(rests[1], rests[1]), self.add_quarter_turn(rests[3], rests[3])
        odd, odd_rest = self.subtract(second, fourth), self.add(second, fourth)
        quarter = odd_rest[1], self.builder.fneg(odd_rest[0])
        one, five = self._add_scaled(even, odd, _EIGHTH), self._add_scaled(even, odd, -_EIGHTH)
        three, seven = self._add_scaled(even_rest, quarter, _EIGHTH), self._add_scaled(even_rest, quarter, -_EIGHTH)
        return [zero, four, one, five, two, six, three, seven]

    def _join_eights(self, x: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
        """The inverse of `_split_eights`, times eight."""
        even = self._fours([x[0], x[4], x[1], x[5]], back=True)
        odd = self._fours([x[2], x[6], x[3], x[7]], back=True)
        second, fourth = self.add_quarter_turn(odd[1], odd[1]), self.subtract_quarter_turn(odd[3], odd[3])
        return [
            self.add(even[0], odd[0]),
            self._add_scaled(even[1], second, _EIGHTH),
            self.add_quarter_turn(even[2], odd[2]),
            self._add_scaled(even[3], fourth, -_EIGHTH),
            self.subtract(even[0], odd[0]),
            self._add_scaled(even[1], second, -_EIGHTH),
            self.subtract_quarter_turn(even[2], odd[2]),
            self._add_scaled(even[3], fourth, _EIGHTH),
        ]

    def _odds(self, x: list[tuple[Any, Any]], back: bool) -> list[tuple[Any, Any]]:
        """The transform of an odd number, or its inverse times that: from sums and differences of opposite elements."""
        half = range(1, len(x) // 2 + 1)
        sums, rests = ([combine(x[m], x[-m]) for m in half] for combine in (self.add, self.subtract))
        found = [x[0]] * len(x)
        for total in sums:
            found[0] = self.add(found[0], total)
        for j in half:
            even, odd = x[0], (self.code.zero, self.code.zero)
            for m, total, rest in zip(half, sums, rests, strict=True):
                angle = 2 * np.pi * (j * m % len(x)) / len(x)
                even = self._add_scaled(even, total, np.cos(angle))
                odd = self._add_scaled(odd, rest, np.sin(angle))
            turned = [self.subtract_quarter_turn(even, odd), self.add_quarter_turn(even, odd)]
            found[j], found[-j] = reversed(turned) if back else turned
        return found

    def _add_scaled(self, total: tuple[Any, Any], a: tuple[Any, Any], factor: float) -> tuple[Any, Any]:
        scale = ir.Constant(self.code.type, [float(factor)] * self.code.lanes)
        first, second = (self.code.multiply_add(part, scale, old) for part, old in zip(a, total, strict=True))
        return first, second

    def transform(self, x: list[tuple[Any, Any]], back: bool) -> list[tuple[Any, Any]]:
        """The transform of four, eight or an odd number, or its inverse times that.

        The frequencies of eight are those of four and then of two: 0 4 1 5 2 6 3 7.
        """
        if len(x) == 8:
            return self._join_eights(x) if back else self._split_eights(x)
        return self._fours(x, back) if len(x) == 4 else self._odds(x, back)
