"""Rows of extremes: their meaning, which NaNs are told of, and that they touch what they are given and nothing else."""

from functools import cache
from typing import Any

import numpy as np
import pytest
from numba import njit

from fastconv.jit import extreme_rows
from fastconv.jit.extreme_rows import Rows

SIZES = (1, 15, 16, 37, 64, 150)
#: Where rows of `operands` begin, and one that is not there.
PLACES = (0, 200, -1, 400, 600)


@cache
def compiled(least: bool, boundscheck: bool = False) -> Any:
    find = extreme_rows.extreme_rows(least)

    @njit(boundscheck=boundscheck)
    def run(rows, x, beside, table, y):
        return find(rows, x, beside, table, y)

    return run


def operands(dtype: str, size: int) -> tuple[np.ndarray, ...]:
    """Rows whose last element is the last of an array, what stands beside them, a table, and room for two results."""
    rng = np.random.default_rng(size)
    return (
        rng.integers(0, 99, 603 + size).astype(dtype),
        rng.integers(0, 99, size).astype(dtype),
        np.array([9, 9, *PLACES], np.int64),
        np.zeros(3 + 2 * size, dtype),
    )


def rows_of(size: int, exact: int = 0, count: int = 4) -> Rows:
    """Two rows, of neighbouring lists."""
    return Rows(2, 1, count, 1, 2, exact, 2, size, 3, size)


@pytest.mark.parametrize("least", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "uint8", "int64"])
def test_compiled_rows_are_their_meaning(least: bool, dtype: str) -> None:
    for size in SIZES:
        x, beside, table, y = operands(dtype, size)
        expected = y.copy()
        extreme_rows._extreme_rows_meaning(least, rows_of(size), x, beside, table, expected)
        assert not compiled(least)(rows_of(size), x, beside, table, y)
        np.testing.assert_array_equal(y, expected)
        first = [x[1 + place :][:size] if place >= 0 else beside for place in PLACES[:4]]
        np.testing.assert_array_equal(y[3 : 3 + size], np.min(first, 0) if least else np.max(first, 0))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("number", [0, 1, 3])
def test_nans(size: int, number: int) -> None:
    """None is lost where that is asked for; those of the first rows are told of anyway."""
    x, beside, table, y = operands("float32", size)
    for column in {0, size // 2, size - 1}:
        strange = x.copy()
        strange[1 + PLACES[number] + column] = np.nan
        if number == 0:
            assert compiled(False)(rows_of(size), strange, beside, table, y)
        assert compiled(False)(rows_of(size, exact=1), strange, beside, table, y)
        np.testing.assert_array_equal(np.flatnonzero(np.isnan(y[3 : 3 + size])), [column])


def test_a_row_may_be_the_first_of_those_that_it_is_made_of() -> None:
    for size in SIZES:
        x, beside, table, _ = operands("float32", size)
        expected = np.maximum(x[:size], x[200 : 200 + size])
        compiled(False)(Rows(2, 0, 2, 0, 0, 0, 1, size, 0, 0), x, beside, table, x)
        np.testing.assert_array_equal(x[:size], expected)


@pytest.mark.parametrize("size", [7, 37, 64])
def test_checked_rows_touch_their_arrays_and_no_more(size: int) -> None:
    x, beside, table, y = operands("float32", size)
    run, rows = compiled(False, boundscheck=True), rows_of(size)
    run(rows, x, beside, table, y)
    for arguments in (
        (rows, x[:-1], beside, table, y),
        (rows, x, beside[:-1], table, y),
        (rows, x, beside, table[:-1], y),
        (rows, x, beside, table, y[:-1]),
        (rows._replace(base=-1), x, beside, table, y),
    ):
        with pytest.raises(IndexError, match="out of bounds"):
            run(*arguments)
