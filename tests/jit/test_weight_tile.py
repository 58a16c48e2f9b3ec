"""Tiles of a depthwise weight gradient: their meaning, their machine code, and that they touch their arrays alone."""

from functools import cache, partial
from typing import Any

import numpy as np
import pytest
from numba import config, njit

from fastconv.jit import weight_tile as weight
from fastconv.jit.lines import NO_LINE
from fastconv.jit.machine import machine
from fastconv.jit.weight_tile import WeightShape, WeightWindow
from fastconv.kernels.depthwise_weight import WEIGHT_SHAPES
from nightly import nightly

pytestmark = pytest.mark.skipif(config.DISABLE_JIT, reason="the meaning itself runs")
tiles = pytest.mark.skipif(not machine().masked_loads, reason="the tile needs masked loads")

#: Those of 3x3 kernels at both steps, and of single rows.
FEW = [shape for shape in WEIGHT_SHAPES if shape.taps <= 3 and shape.column_step <= (2 if shape.taps > 1 else 1)]
shapes = pytest.mark.parametrize(
    "shape", [*FEW, *nightly(*(s for s in WEIGHT_SHAPES if s not in FEW))], ids=lambda shape: "-".join(map(str, shape))
)
X, NOTHING, TABLE, DY, Y = 1, 2, 3, 4, 5


@cache
def compiled(shape: WeightShape, boundscheck: bool = False) -> Any:
    tile = weight.weight_tile(shape)

    @njit(boundscheck=boundscheck)
    def run(window, x, nothing, table, dy, y):
        tile(window, x, nothing, table, dy, y)

    return run


def operands(shape: WeightShape, dtype: str) -> list[Any]:
    """What a tile takes, of a strip and a part of one; it touches the last element of each array."""
    rng, n = np.random.default_rng(sum(shape)), machine().vector_bytes // np.dtype(dtype).itemsize
    height, width = shape.rows + 2, n + 3
    before = 1
    limit = (width - 1) * shape.column_step + shape.columns - before
    lines = (height - 1) * shape.row_step + shape.taps
    table = np.array([99, 4, *(7 * np.arange(lines)), *(np.arange(shape.columns) - before)])
    table[[2, 4]] = NO_LINE
    row = shape.columns + 1
    y = (2 + (shape.taps - 1) * row + shape.columns) * n
    window = WeightWindow(3, 1, 2, 2 + lines, limit, 5, width + 1, height, width, 2, row)
    x, dy, y = (
        rng.integers(-9, 9, size).astype(dtype)
        for size in (3 + 4 + 7 * (lines - 1) + limit, 5 + (height - 1) * (width + 1) + width, y)
    )
    return [window, x, np.zeros(limit, dtype), table, dy, y]


@tiles
@pytest.mark.parametrize("dtype", ["float32", *nightly("float64")])
@shapes
def test_compiled_tile_is_its_meaning(shape: WeightShape, dtype: str) -> None:
    results = []
    for run in (compiled(shape), partial(weight._weight_tile_meaning, shape)):
        given = operands(shape, dtype)
        given[NOTHING][-1] = 2  # to see that it is read, where a row is missing
        run(*given)
        results.append(given[Y].reshape(-1, machine().vector_bytes // given[Y].itemsize).sum(axis=1))
    np.testing.assert_array_equal(*results)
    assert (results[0] != operands(shape, dtype)[Y].reshape(len(results[0]), -1).sum(axis=1)).any()


@tiles
@shapes
def test_checked_tile_goes_to_the_last_element_and_no_further(shape: WeightShape) -> None:
    run = compiled(shape, boundscheck=True)
    run(*operands(shape, "float32"))
    for short in (X, NOTHING, TABLE, DY, Y):
        given = operands(shape, "float32")
        given[short] = given[short][:-1]
        with pytest.raises(IndexError, match="out of bounds"):
            run(*given)


@cache
def lane_sums(boundscheck: bool) -> Any:
    @njit(boundscheck=boundscheck)
    def run(source, at, target, to):
        weight.sum_lanes(source, at, target, to)

    return run


def vectors(dtype: str) -> list[Any]:
    """What `sum_lanes` takes; it touches the last element of either array."""
    n = machine().vector_bytes // np.dtype(dtype).itemsize
    source = np.random.default_rng(0).integers(-99, 99, 3 + n * n).astype(dtype)
    return [source, 3, np.zeros(2 + n, dtype), 2]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_lanes_are_summed(dtype: str) -> None:
    given, wanted = vectors(dtype), vectors(dtype)
    lane_sums(False)(*given)
    weight._sum_lanes_meaning(*wanted)
    np.testing.assert_array_equal(given[2], wanted[2])
    assert given[2].any()


def test_checked_lanes_go_to_the_last_element_and_no_further() -> None:
    lane_sums(True)(*vectors("float32"))
    for short in (0, 2):
        given = vectors("float32")
        given[short] = given[short][:-1]
        with pytest.raises(IndexError, match="out of bounds"):
            lane_sums(True)(*given)
