"""Tiles of stretched images: their meaning, their machine code, and that they touch their arrays and nothing else."""

from functools import cache, partial
from typing import Any

import numpy as np
import pytest
from numba import config, njit

from fastconv.jit import stretched_tile as stretched
from fastconv.jit.lines import NO_LINE
from fastconv.jit.machine import machine
from fastconv.jit.stretched_tile import StretchedShape, StretchedWindow
from fastconv.kernels.stretched import PAIRS
from nightly import nightly

pytestmark = [
    pytest.mark.skipif(config.DISABLE_JIT, reason="the meaning itself runs"),
    pytest.mark.skipif(not machine().masked_loads, reason="the tile needs masked loads"),
]

shapes = pytest.mark.parametrize(
    "shape",
    [
        StretchedShape(PAIRS, 3, 1),
        StretchedShape(PAIRS, 4, 0),
        *nightly(*(StretchedShape(PAIRS, taps, lead) for taps, lead in ((2, 0), (3, 0), (5, 0), (5, 1), (7, 1)))),
    ],
    ids=lambda shape: "-".join(map(str, shape)),
)
X, NOTHING, TABLE, WEIGHTS, Y = 3, 4, 5, 6, 8


@cache
def compiled(shape: StretchedShape, boundscheck: bool = False) -> Any:
    tile = stretched.stretched_tile(shape)

    @njit(boundscheck=boundscheck)
    def run(window, column, numbers, x, nothing, table, weights, start, y, y_at):
        tile(window, column, numbers, x, nothing, table, weights, start, y, y_at)

    return run


def operands(shape: StretchedShape, dtype: str, whole: bool) -> list[Any]:
    """What a tile takes; it touches the last element of each array. Vectors begin and end beside the rows."""
    rng, n = np.random.default_rng(sum(shape)), machine().vector_bytes // np.dtype(dtype).itemsize
    limit, planes, taps = n - 2, 2, shape.taps
    table = np.array([99, 0, 5, *(7 * np.arange(shape.lines)), -1])
    table[3] = NO_LINE
    pitch, rows = 2 * n + 3, 2 * shape.pairs - (not whole)
    numbers = 2 * n if whole else 2 * n - 5
    window = StretchedWindow(3, 1, planes, 3, 3 + shape.lines, limit, 1, taps * taps, taps, 1, pitch, rows)
    x, weights, y = (
        rng.integers(-9, 9, size).astype(dtype)
        for size in (3 + 5 + 7 * (shape.lines - 1) + limit, 1 + planes * taps * taps, 2 + (rows - 1) * pitch + numbers)
    )
    return [window, 0, numbers, x, np.zeros(limit, dtype), table, weights, x.dtype.type(5), y, 2]


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("dtype", ["float32", *nightly("float64", "int32")])
@shapes
def test_compiled_tile_is_its_meaning(shape: StretchedShape, dtype: str, whole: bool) -> None:
    results = []
    for run in (compiled(shape), partial(stretched._stretched_tile_meaning, shape)):
        given = operands(shape, dtype, whole)
        given[NOTHING][-1] = 2  # to see that it is read, where a row is missing
        run(*given)
        results.append(given[Y])
    np.testing.assert_array_equal(*results)
    assert (results[0] != operands(shape, dtype, whole)[Y]).any()


@shapes
def test_checked_tile_goes_to_the_last_element_and_no_further(shape: StretchedShape) -> None:
    run = compiled(shape, boundscheck=True)
    for whole in (True, False):
        run(*operands(shape, "float32", whole))
    for short in (X, NOTHING, TABLE, WEIGHTS, Y):
        given = operands(shape, "float32", True)
        given[short] = given[short][:-1]
        with pytest.raises(IndexError, match="out of bounds"):
            run(*given)
