"""The tile of turned images and what fills it, against their meanings, and their bounds checks."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np
import pytest
from numba import config, njit

from fastconv.jit import turned_tile as turned
from fastconv.jit.machine import machine
from fastconv.jit.turned_tile import TurnedRow, TurnedShape
from nightly import nightly

pytestmark = pytest.mark.skipif(config.DISABLE_JIT, reason="the meaning itself runs")

LINES = 2
SHAPES = [TurnedShape(14, 3, 2), *nightly(TurnedShape(7, 5, 1))]


@cache
def compiled(shape: TurnedShape, boundscheck: bool = False) -> Callable[..., None]:
    tile = turned.turned_tile(shape)

    @njit(boundscheck=boundscheck)
    def run(row, x, table, weights, start, y):
        tile(row, x, table, weights, start, y)

    return run


def operands(shape: TurnedShape, dtype: str) -> list[Any]:
    """What a tile takes; it touches the last element of each array."""
    rng, n = np.random.default_rng(0), machine().vector_bytes // np.dtype(dtype).itemsize
    sizes = (3 + 5 * n + shape.reach * n, LINES * shape.taps * n, n, 2 + shape.pixels * n)
    x, weights, start, y = (rng.integers(-9, 9, size).astype(dtype) for size in sizes)
    return [TurnedRow(3, 1, LINES, 2), x, np.array([99, 5 * n, 0]), weights, start, y]


@pytest.mark.parametrize("dtype", ["float32", *nightly("int64")])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_compiled_tile_is_its_meaning(shape: TurnedShape, dtype: str) -> None:
    given = operands(shape, dtype)
    results = []
    for run in (compiled(shape), partial(turned._turned_tile_meaning, shape)):
        given[-1] = np.full_like(given[-1], 77)
        run(*given)
        results.append(given[-1])
    np.testing.assert_array_equal(*results)
    assert (results[0][:2] == 77).all()
    assert (results[0] != 77).any()


def test_checked_tile_goes_to_the_last_element_and_no_further() -> None:
    run = compiled(SHAPES[0], boundscheck=True)
    run(*operands(SHAPES[0], "float32"))
    for short in range(1, 6):
        given = operands(SHAPES[0], "float32")
        given[short] = given[short][:-1]
        with pytest.raises(IndexError, match="out of bounds"):
            run(*given)


def turning(boundscheck: bool) -> Callable[..., None]:
    @njit(boundscheck=boundscheck)
    def run(source, at, step, target, places, first):
        turned.turn_in(source, at, step, target, places, first)

    return run


def square() -> list[Any]:
    """What `turn_in` takes; it touches the last element of each array."""
    rng, n = np.random.default_rng(0), machine().vector_bytes // 4
    source = rng.standard_normal(3 + (n - 1) * 40 + n).astype(np.float32)
    target, places = np.zeros(1 + 2 * n * n, np.float32), np.append(-1, 1 + n * (2 * rng.permutation(n) + 1))
    return [source, 3, 40, target, places, 1]


def test_pixels_go_where_the_list_says() -> None:
    given, wanted = square(), square()
    turning(False)(*given)
    turned._turn_in_meaning(*wanted)
    np.testing.assert_array_equal(given[3], wanted[3])
    assert given[3].any()


def test_checked_square_goes_to_the_last_element_and_no_further() -> None:
    run = turning(True)
    run(*square())
    for short in (0, 3, 4):
        given = square()
        given[short] = given[short][:-1]
        with pytest.raises(IndexError, match="out of bounds"):
            run(*given)
