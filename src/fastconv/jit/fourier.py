"""The arithmetic of fast Fourier transforms: butterflies of rows, each a vector of complex numbers.

A row is a vector of real parts and, behind it, one of imaginary parts: as many transforms at once as a vector has
lanes, without a shuffle. Transforms are split by three or five first, if at all, then by four, and by eight at last if
need be: "decimation in frequency", which leaves frequencies in an order of digits turned around; the inverse, which
takes them so, undoes one step after the other. What multiplies spectra by spectra needs no other order.

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

from fastconv.jit.complex_code import ComplexCode
from fastconv.jit.emit import INT64, VectorCode
from fastconv.jit.machine import machine

__all__ = [
    "ROOTS",
    "join_eights",
    "join_eights_by_rows",
    "join_fives_turned",
    "join_fours",
    "join_fours_by_rows",
    "join_fours_turned",
    "join_fours_turned_meaning",
    "join_threes_turned",
    "join_two_real",
    "multiply_eights",
    "multiply_fours",
    "split_eights",
    "split_eights_by_rows",
    "split_fives_turned",
    "split_fours",
    "split_fours_by_rows",
    "split_fours_turned",
    "split_fours_turned_meaning",
    "split_threes_turned",
    "split_two_real",
]

#: Numbers of a butterfly's roots of unity: both parts of three.
ROOTS = 6


def _matrix(count: int) -> np.ndarray:
    """What the sums of so many rows are: the transform of as many elements; that of four is exact."""
    quarters = np.array([1, -1j, -1, 1j])
    places = np.outer(np.arange(count), np.arange(count)) % count
    return quarters[places * (4 // count)] if 4 % count == 0 else np.exp(-2j * np.pi * places / count)


_FOURS = _matrix(4)
#: Frequencies in the order in which splitting by four and then by two would leave them.
_EIGHTS = _matrix(8)[[0, 4, 1, 5, 2, 6, 3, 7]]
#: Whether rows are split before they are multiplied by others, and joined after it.
_BY_ROWS = ((True, False), (False, True), (True, True))


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


def _turned_meaning(count: int, back: bool) -> Callable[..., None]:
    matrix = _matrix(count)

    def combine(work: np.ndarray, at: int, step: int, roots: np.ndarray, root: int) -> None:
        """So many rows become the matrix times them, then each but the first times its root; or that undone."""
        pairs = roots[root:][: 2 * count - 2].reshape(-1, 2)
        turns = np.array([1, *(pairs[:, 0] + 1j * pairs[:, 1])])[:, None]
        rows = _rows(work, at, step, count)
        found = matrix.conj() @ (turns.conj() * rows) if back else turns * (matrix @ rows)
        _write(work, at, step, found)

    return combine


def _by_rows_meaning(matrix: np.ndarray, splits: bool, joins: bool) -> Callable[..., None]:
    def combine(work: np.ndarray, at: int, step: int, factors: np.ndarray, factor: int) -> None:
        """Rows become the matrix times them, if they are split, then each itself times a row of factors.

        If they are joined, the matrix's inverse times them at last; if they are joined alone, the conjugates of factors
        undo what splitting did.
        """
        others = _rows(factors, factor, step, len(matrix))
        rows = (matrix if splits else np.eye(len(matrix))) @ _rows(work, at, step, len(matrix))
        rows = rows * (others if splits else others.conj())
        _write(work, at, step, matrix.conj().T @ rows if joins else rows)

    return combine


def _split_two_real_meaning(
    work: np.ndarray, at: int, other: int, first: np.ndarray, second: np.ndarray, to: int
) -> None:
    """Rows of two real transforms, each times two, from those at a frequency and at its negative of one transform.

    That is of the first and i times the second.
    """
    a, b = _rows(work, at, 0, 1), _rows(work, other, 0, 1).conj()
    _write(first, to, 0, a + b)
    _write(second, to, 0, -1j * (a - b))


def _join_two_real_meaning(
    first: np.ndarray, second: np.ndarray, place: int, work: np.ndarray, at: int, other: int
) -> None:
    """Undo `split_two_real`, but for the factor of two."""
    a, b = _rows(first, place, 0, 1), _rows(second, place, 0, 1)
    _write(work, at, 0, a + 1j * b)
    _write(work, other, 0, a.conj() + 1j * b.conj())


def _places(builder: Any, step: Any, count: int) -> list[Any]:
    return [builder.mul(step, INT64(i)) for i in range(count)]


def _check_rows(code: VectorCode, work: Any, array: Any, at: Any, places: list[Any]) -> None:
    for place in places:
        code.check(work, array, code.builder.add(at, place), 2 * code.lanes)


def _plain(count: int, back: bool) -> Any:
    """The intrinsic of `_plain_meaning` for four or eight rows."""

    @intrinsic
    def combine(typingctx: Any, work: Any, at: Any, step: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            code = VectorCode(context, builder, work.dtype)
            numbers, places = ComplexCode(code), _places(builder, args[2], count)
            _check_rows(code, work, args[0], args[1], places)
            base = code.pointer(work, args[0], args[1])
            x = [numbers.load(base, place) for place in places]
            for value, place in zip(numbers.transform(x, back), places, strict=True):
                numbers.store(value, base, place)
            return context.get_dummy_value()

        return types.void(work, types.intp, types.intp), codegen

    return combine


def _turned(count: int, back: bool) -> Any:
    """The intrinsic of `_turned_meaning`."""
    numbers_of_roots = 2 * count - 2

    @intrinsic
    def combine(typingctx: Any, work: Any, at: Any, step: Any, roots: Any, root: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            code = VectorCode(context, builder, work.dtype)
            numbers, places = ComplexCode(code), _places(builder, args[2], count)
            _check_rows(code, work, args[0], args[1], places)
            code.check(roots, args[3], args[4], numbers_of_roots)
            base, first_root = code.pointer(work, args[0], args[1]), code.pointer(roots, args[3], args[4])
            parts = [
                code.broadcast(builder.load(builder.gep(first_root, [ir.Constant(INT64, i)])))
                for i in range(numbers_of_roots)
            ]
            turns = list(zip(parts[::2], parts[1::2], strict=True))
            x = [numbers.load(base, place) for place in places]
            if back:
                x[1:] = [numbers.multiply(value, turn, back) for value, turn in zip(x[1:], turns, strict=True)]
            found = numbers.transform(x, back)
            if not back:
                found[1:] = [numbers.multiply(value, turn, back) for value, turn in zip(found[1:], turns, strict=True)]
            for value, place in zip(found, places, strict=True):
                numbers.store(value, base, place)
            return context.get_dummy_value()

        return types.void(work, types.intp, types.intp, roots, types.intp), codegen

    return combine


def _by_rows(count: int, splits: bool, joins: bool) -> Any:
    """The intrinsic of `_by_rows_meaning` for four or eight rows."""

    @intrinsic
    def combine(typingctx: Any, work: Any, at: Any, step: Any, factors: Any, factor: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            code = VectorCode(context, builder, work.dtype)
            numbers, places = ComplexCode(code), _places(builder, args[2], count)
            _check_rows(code, work, args[0], args[1], places)
            _check_rows(code, factors, args[3], args[4], places)
            base, others = code.pointer(work, args[0], args[1]), code.pointer(factors, args[3], args[4])
            x = [numbers.load(base, place) for place in places]
            if splits:
                x = numbers.transform(x, back=False)
            pairs = zip(x, places, strict=True)
            x = [numbers.multiply(value, numbers.load(others, place), back=not splits) for value, place in pairs]
            if joins:
                x = numbers.transform(x, back=True)
            for value, place in zip(x, places, strict=True):
                numbers.store(value, base, place)
            return context.get_dummy_value()

        return types.void(work, types.intp, types.intp, factors, types.intp), codegen

    return combine


def _two_real(joins: bool) -> Any:
    """The intrinsics of `_split_two_real_meaning` and `_join_two_real_meaning`."""

    def write(numbers: ComplexCode, pair: list[tuple[Any, Any]], places: list[Any]) -> None:
        for value, (code, kind, array, at) in zip(pair, places, strict=True):
            numbers.store(value, code.pointer(kind, array, at), INT64(0))

    def read(numbers: ComplexCode, places: list[Any]) -> list[tuple[Any, Any]]:
        return [numbers.load(code.pointer(kind, array, at), INT64(0)) for code, kind, array, at in places]

    def generate(context: Any, builder: Any, kinds: Any, args: Any) -> Any:
        code = VectorCode(context, builder, kinds[0].dtype)
        numbers = ComplexCode(code)
        if joins:
            sources = [(code, kinds[i], args[i], args[2]) for i in (0, 1)]
            targets = [(code, kinds[3], args[3], args[i]) for i in (4, 5)]
        else:
            sources = [(code, kinds[0], args[0], args[i]) for i in (1, 2)]
            targets = [(code, kinds[i], args[i], args[5]) for i in (3, 4)]
        for _, kind, array, at in (*sources, *targets):
            _check_rows(code, kind, array, at, [INT64(0)])
        a, b = read(numbers, sources)
        if joins:
            opposite = builder.fadd(a[0], b[1]), builder.fsub(b[0], a[1])
            write(numbers, [numbers.add_quarter_turn(a, b), opposite], targets)
        else:
            first = builder.fadd(a[0], b[0]), builder.fsub(a[1], b[1])
            write(numbers, [first, (builder.fadd(a[1], b[1]), builder.fsub(b[0], a[0]))], targets)
        return context.get_dummy_value()

    @intrinsic
    def split(typingctx: Any, work: Any, at: Any, other: Any, first: Any, second: Any, to: Any) -> Any:
        kinds = (work, types.intp, types.intp, first, second, types.intp)
        return types.void(*kinds), lambda context, builder, signature, args: generate(context, builder, kinds, args)

    @intrinsic
    def join(typingctx: Any, first: Any, second: Any, place: Any, work: Any, at: Any, other: Any) -> Any:
        kinds = (first, second, types.intp, work, types.intp, types.intp)
        return types.void(*kinds), lambda context, builder, signature, args: generate(context, builder, kinds, args)

    return join if joins else split


split_fours = _plain_meaning(_FOURS) if config.DISABLE_JIT else _plain(4, back=False)
join_fours = _plain_meaning(_FOURS.conj()) if config.DISABLE_JIT else _plain(4, back=True)
split_eights = _plain_meaning(_EIGHTS) if config.DISABLE_JIT else _plain(8, back=False)
join_eights = _plain_meaning(_EIGHTS.conj().T) if config.DISABLE_JIT else _plain(8, back=True)
split_two_real = _split_two_real_meaning if config.DISABLE_JIT else _two_real(joins=False)
join_two_real = _join_two_real_meaning if config.DISABLE_JIT else _two_real(joins=True)

if config.DISABLE_JIT:
    split_fours_by_rows, join_fours_by_rows, multiply_fours = (_by_rows_meaning(_FOURS, *kind) for kind in _BY_ROWS)
    split_eights_by_rows, join_eights_by_rows, multiply_eights = (_by_rows_meaning(_EIGHTS, *kind) for kind in _BY_ROWS)
else:
    split_fours_by_rows, join_fours_by_rows, multiply_fours = (_by_rows(4, *kind) for kind in _BY_ROWS)
    split_eights_by_rows, join_eights_by_rows, multiply_eights = (_by_rows(8, *kind) for kind in _BY_ROWS)

split_fours_turned_meaning, join_fours_turned_meaning = (_turned_meaning(4, back) for back in (False, True))
_of_rows = _turned_meaning if config.DISABLE_JIT else _turned
split_threes_turned, split_fours_turned, split_fives_turned = (_of_rows(count, back=False) for count in (3, 4, 5))
join_threes_turned, join_fours_turned, join_fives_turned = (_of_rows(count, back=True) for count in (3, 4, 5))
