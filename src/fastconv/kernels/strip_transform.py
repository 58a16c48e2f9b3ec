"""Fourier transforms of strips: columns of an array, as many as a vector has lanes, each of complex numbers.

A row of a strip is a vector of real parts and one of imaginary parts (`fastconv.jit.fourier`). Steps by four come
first, and one by four or eight last. What rows are multiplied by is multiplied in the last step, and what undoes it in
the first of the way back: each step of its own would read and write the strip once more, which takes as long as its
arithmetic.
"""

from __future__ import annotations

from typing import Any

from fastconv.jit.decorators import helper
from fastconv.jit.fourier import (
    ROOTS,
    join_eights,
    join_eights_by_rows,
    join_fours,
    join_fours_by_rows,
    join_fours_turned,
    multiply_eights,
    multiply_fours,
    split_eights,
    split_eights_by_rows,
    split_fours,
    split_fours_by_rows,
    split_fours_turned,
)
from fastconv.jit.tile import lanes

__all__ = [
    "convolve_strip",
    "transform",
    "transform_back",
    "transform_back_by_rows",
    "transform_by_rows",
]


@helper
def _split_outer(work: Any, at: int, rows: int, span: int, roots: Any, root: int) -> int:
    """Steps of the transform of a strip, of which `span` rows each are a transform by now.

    All but the last, which is one of so many neighbouring rows each as are returned: 4 or 8.
    """
    pitch = 2 * lanes(work)
    while span > 8:
        quarter = span // 4
        for first in range(0, rows, span):
            for k in range(quarter):
                split_fours_turned(work, at + (first + k) * pitch, quarter * pitch, roots, root + ROOTS * k)
        root += ROOTS * quarter
        span = quarter
    return span


@helper
def _inner_span(rows: int) -> int:
    """Neighbouring rows of which the last step of a transform of so many is one: 4 or 8."""
    while rows > 8:
        rows //= 4
    return rows


@helper
def _join_outer(work: Any, at: int, rows: int, most: int, roots: Any, root: int) -> None:
    """Undo the outer steps of a transform until `most` rows each are as they were, but for a factor of their number."""
    pitch, span = 2 * lanes(work), rows
    while span > 8:
        span //= 4
        root += ROOTS * span
    while span < most:
        quarter, span = span, 4 * span
        root -= ROOTS * quarter
        for first in range(0, rows, span):
            for k in range(quarter):
                join_fours_turned(work, at + (first + k) * pitch, quarter * pitch, roots, root + ROOTS * k)


@helper
def transform(work: Any, at: int, rows: int, roots: Any, root: int) -> None:
    """Transform a strip along its rows, which end in the order of digits turned around."""
    pitch = 2 * lanes(work)
    if _split_outer(work, at, rows, rows, roots, root) == 4:
        for first in range(0, rows, 4):
            split_fours(work, at + first * pitch, pitch)
    else:
        for first in range(0, rows, 8):
            split_eights(work, at + first * pitch, pitch)


@helper
def transform_back(work: Any, at: int, rows: int, roots: Any, root: int) -> None:
    """Undo `transform`, but for a factor of the number of rows."""
    pitch = 2 * lanes(work)
    if _inner_span(rows) == 4:
        for first in range(0, rows, 4):
            join_fours(work, at + first * pitch, pitch)
    else:
        for first in range(0, rows, 8):
            join_eights(work, at + first * pitch, pitch)
    _join_outer(work, at, rows, rows, roots, root)


@helper
def transform_by_rows(
    work: Any, at: int, rows: int, span: int, roots: Any, root: int, factors: Any, factor: int
) -> None:
    """`transform`, from where `span` rows each are one, and then each row times one of factors."""
    pitch = 2 * lanes(work)
    if _split_outer(work, at, rows, span, roots, root) == 4:
        for first in range(0, rows * pitch, 4 * pitch):
            split_fours_by_rows(work, at + first, pitch, factors, factor + first)
    else:
        for first in range(0, rows * pitch, 8 * pitch):
            split_eights_by_rows(work, at + first, pitch, factors, factor + first)


@helper
def transform_back_by_rows(
    work: Any, at: int, rows: int, most: int, roots: Any, root: int, factors: Any, factor: int
) -> None:
    """Undo `transform_by_rows` with factors of size 1, as far as `_join_outer` does."""
    pitch = 2 * lanes(work)
    if _inner_span(rows) == 4:
        for first in range(0, rows * pitch, 4 * pitch):
            join_fours_by_rows(work, at + first, pitch, factors, factor + first)
    else:
        for first in range(0, rows * pitch, 8 * pitch):
            join_eights_by_rows(work, at + first, pitch, factors, factor + first)
    _join_outer(work, at, rows, most, roots, root)


@helper
def convolve_strip(work: Any, at: int, rows: int, roots: Any, root: int, spectrum: Any, place: int) -> None:
    """`transform`, each row times one of a spectrum, and `transform_back`: its first step is one with the last."""
    pitch = 2 * lanes(work)
    if _split_outer(work, at, rows, rows, roots, root) == 4:
        for first in range(0, rows * pitch, 4 * pitch):
            multiply_fours(work, at + first, pitch, spectrum, place + first)
    else:
        for first in range(0, rows * pitch, 8 * pitch):
            multiply_eights(work, at + first, pitch, spectrum, place + first)
    _join_outer(work, at, rows, rows, roots, root)
