"""The first and the last butterflies of Fourier transforms of two runs of real numbers, which read and write these.

They are the steps by four of `fastconv.jit.fourier`, but for where rows come from and go to: the first run's numbers
are real parts, the second's imaginary ones. Without them a block was copied to strips before its first step and from
them after its last, a third of a convolution's time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.extending import intrinsic

from fastconv.jit.complex_code import ComplexCode
from fastconv.jit.emit import INT64, VectorCode
from fastconv.jit.fourier import ROOTS, join_fours_turned_meaning, split_fours_turned_meaning
from fastconv.jit.machine import machine

__all__ = ["join_fours_to", "split_fours_from"]


def _split_fours_from_meaning(
    x: np.ndarray,
    first: int,
    second: int,
    reach: int,
    work: np.ndarray,
    at: int,
    step: int,
    roots: np.ndarray,
    root: int,
) -> None:
    """`split_fours_turned` of rows that stand `reach` apart in `x`, each part by itself; the result is in `work`."""
    n = machine().vector_bytes // work.itemsize
    for i in range(4):
        for part, begin in enumerate((first, second)):
            work[at + i * step + part * n :][:n] = x[begin + i * reach :][:n]
    split_fours_turned_meaning(work, at, step, roots, root)


def _join_fours_to_meaning(
    work: np.ndarray,
    at: int,
    step: int,
    roots: np.ndarray,
    root: int,
    y: np.ndarray,
    first: int,
    second: int,
    reach: int,
    wanted: int,
) -> None:
    """`join_fours_turned`, but rows whose bit of `wanted` is set are written to `y`, each part by itself."""
    n = machine().vector_bytes // work.itemsize
    rows = [slice(at + i * step, at + i * step + 2 * n) for i in range(4)]
    before = [work[row].copy() for row in rows]
    join_fours_turned_meaning(work, at, step, roots, root)
    for i, row in enumerate(rows):
        if wanted >> i & 1:
            for part, begin in enumerate((first, second)):
                y[begin + i * reach :][:n] = work[row][part * n :][:n]
            work[row] = before[i]


@intrinsic
def _split_fours_from(
    typingctx: Any,
    x: Any,
    first: Any,
    second: Any,
    reach: Any,
    work: Any,
    at: Any,
    step: Any,
    roots: Any,
    root: Any,
) -> Any:
    """As `_split_fours_from_meaning`."""
    whole = types.intp

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        code = VectorCode(context, builder, work.dtype)
        numbers = ComplexCode(code)
        parts = [_places(code, x, args[0], args[i], args[3], code.lanes) for i in (1, 2)]
        targets = _places(code, work, args[4], args[5], args[6], 2 * code.lanes)
        rows = [(code.load(real, 0), code.load(imaginary, 0)) for real, imaginary in zip(*parts, strict=True)]
        found = numbers.transform(rows, back=False)
        turns = _turns(code, roots, args[7], args[8])
        for i, target in enumerate(targets):
            numbers.store(numbers.multiply(found[i], turns[i - 1], back=False) if i else found[i], target, INT64(0))
        return context.get_dummy_value()

    return types.void(x, whole, whole, whole, work, whole, whole, roots, whole), codegen


@intrinsic
def _join_fours_to(
    typingctx: Any,
    work: Any,
    at: Any,
    step: Any,
    roots: Any,
    root: Any,
    y: Any,
    first: Any,
    second: Any,
    reach: Any,
    wanted: Any,
) -> Any:
    """As `_join_fours_to_meaning`."""
    whole = types.intp

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        code = VectorCode(context, builder, work.dtype)
        numbers = ComplexCode(code)
        sources = _places(code, work, args[0], args[1], args[2], 2 * code.lanes)
        turns = _turns(code, roots, args[3], args[4])
        rows = [numbers.load(source, INT64(0)) for source in sources]
        rows[1:] = [numbers.multiply(row, turn, back=True) for row, turn in zip(rows[1:], turns, strict=True)]
        for i, value in enumerate(numbers.transform(rows, back=True)):
            bit = builder.and_(args[9], INT64(1 << i))
            with builder.if_else(builder.icmp_signed("!=", bit, INT64(0)), likely=True) as (is_wanted, is_not):
                with is_wanted:
                    for part, begin in zip(value, args[6:8], strict=True):
                        place = builder.add(begin, builder.mul(args[8], INT64(i)))
                        code.check(y, args[5], place, code.lanes)
                        code.store(part, code.pointer(y, args[5], place), 0)
                with is_not:
                    numbers.store(value, sources[i], INT64(0))
        return context.get_dummy_value()

    return types.void(work, whole, whole, roots, whole, y, whole, whole, whole, whole), codegen


def _places(code: VectorCode, kind: Any, array: Any, first: Any, step: Any, count: int) -> list[Any]:
    """Pointers to four rows of so many elements."""
    found = [code.builder.add(first, code.builder.mul(step, INT64(i))) for i in range(4)]
    for place in found:
        code.check(kind, array, place, count)
    return [code.pointer(kind, array, place) for place in found]


def _turns(code: VectorCode, kind: Any, roots: Any, root: Any) -> list[tuple[Any, Any]]:
    """The roots of all rows but the first."""
    code.check(kind, roots, root, ROOTS)
    base = code.pointer(kind, roots, root)
    parts = [code.broadcast(code.builder.load(code.builder.gep(base, [ir.Constant(INT64, i)]))) for i in range(ROOTS)]
    return list(zip(parts[::2], parts[1::2], strict=True))


split_fours_from = _split_fours_from_meaning if config.DISABLE_JIT else _split_fours_from
join_fours_to = _join_fours_to_meaning if config.DISABLE_JIT else _join_fours_to
