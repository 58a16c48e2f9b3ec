"""Code whose lanes are a pixel's channels: vectors of them are whole, or masked where fewer are left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from fastconv.jit.emit import INT64, VectorCode

__all__ = ["PixelCode", "whole_or_masked"]


def whole_or_masked(builder: Any, left: Any, count: int, write: Callable[[Any], None]) -> None:
    """Write code twice: ``write(None)`` for where at least `count` channels are left, ``write(left)`` for fewer."""
    with builder.if_else(builder.icmp_signed(">=", left, INT64(count)), likely=True) as (whole, masked):
        with whole:
            write(None)
        with masked:
            write(left)


class PixelCode:
    """Writes code for a vector of channels of pixels.

    Parameters
    ----------
    code : VectorCode
        For the elements' type.
    names : sequence of str
        By which array arguments go.
    kinds, args : sequences
        Their Numba types, and themselves.
    left : LLVM value or None
        Channels that are wanted, if they may be fewer than a vector's.
    """

    def __init__(self, code: VectorCode, names: Sequence[str], kinds: Any, args: Any, left: Any) -> None:
        self.code, self.builder = code, code.builder
        self.arrays = dict(zip(names, zip(kinds, args, strict=True), strict=True))
        self.used = INT64(code.lanes) if left is None else left
        self.mask = None if left is None else code.mask(INT64(0), left)

    def pixels(self, name: str, first: Any, step: Any, count: int) -> list[Any]:
        """Where so many pixels stand, each a step behind the one before."""
        self.code.check_rows(*self.arrays[name], first, step, self.used, INT64(count))
        found = [self.code.pointer(*self.arrays[name], first)]
        for _ in range(1, count):
            found.append(self.builder.gep(found[-1], [step]))
        return found

    def load(self, pointer: Any) -> Any:
        """The channels of a pixel."""
        return self.code.load(pointer, 0) if self.mask is None else self.code.load_masked(pointer, INT64(0), self.mask)

    def store(self, value: Any, pointer: Any) -> None:
        """Write them."""
        if self.mask is None:
            self.code.store(value, pointer, 0)
        else:
            self.code.store_masked(value, pointer, INT64(0), self.mask)
