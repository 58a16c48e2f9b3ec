"""Both ends of Winograd's algorithm, compiled, against their meaning; and their meaning against sums of products."""

import numpy as np
import pytest
from numba import njit

from fastconv.jit import winograd
from fastconv.jit.machine import machine

TYPES = ["float32", "float64"]
G = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])


def whole(size: int, dtype: str, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(-9, 10, size).astype(dtype)


def lanes(dtype: str) -> int:
    return machine().vector_bytes // np.dtype(dtype).itemsize


@pytest.mark.parametrize("dtype", TYPES)
def test_tiles_in(dtype: str) -> None:
    @njit
    def run(source, at, pitch, target, to, step):
        winograd.tiles_in(source, at, pitch, target, to, step)

    n = lanes(dtype)
    pitch, step = 2 * n + 5, n + 3
    source = whole(3 + 4 * pitch, dtype)
    found, expected = np.full((2, 2 + 16 * step + 4), 77, dtype)
    run(source, 3, pitch, found, 2, step)
    winograd._tiles_in_meaning(source, 3, pitch, expected, 2, step)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("special", [None, np.inf, -np.inf, np.nan])
def test_tiles_out(dtype: str, special: float | None) -> None:
    @njit
    def run(source, at, step, bias, target, to, pitch):
        return winograd.tiles_out(source, at, step, bias, target, to, pitch)

    n = lanes(dtype)
    step, pitch, bias = n + 3, 2 * n + 5, np.dtype(dtype).type(7)
    for tile in range(n):
        source = whole(1 + 16 * step, dtype, tile)
        if special is not None:
            source[1 + 9 * step + tile] = special
        found, expected = np.full((2, 4 + 2 * pitch), 77, dtype)
        with np.errstate(invalid="ignore"):
            strange = winograd._tiles_out_meaning(source, 1, step, bias, expected, 4, pitch)
            found_strange = run(source, 1, step, bias, found, 4, pitch)
        assert bool(found_strange) == bool(strange) == (special is not None)
        np.testing.assert_array_equal(found, expected)


def test_a_tile_is_four_outputs() -> None:
    d, g = whole(16, "float64").reshape(4, 4), whole(9, "float64", 1).reshape(3, 3)
    n, transformed = lanes("float64"), np.zeros(16 * lanes("float64"))
    winograd._tiles_in_meaning(np.pad(d, ((0, 0), (0, 2 * n))).ravel(), 0, 4 + 2 * n, transformed, 0, n)
    products = transformed.reshape(16, n) * (G @ g @ G.T).reshape(16, 1)
    y = np.zeros(4 * n)
    winograd._tiles_out_meaning(products.ravel(), 0, n, 0.0, y, 0, 2 * n)
    wanted = [[(d[i : i + 3, j : j + 3] * g).sum() for j in range(2)] for i in range(2)]
    np.testing.assert_array_equal(y.reshape(2, -1)[:, :2], wanted)
