"""Both ends of Winograd's algorithm, compiled, against their meaning; and their meaning against sums of products."""

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
from numba import njit

from fastconv.jit import winograd, winograd_out
from fastconv.jit.machine import machine
from fastconv.jit.winograd import Plane, place_points, step_of
from fastconv.kernels.winograd_kinds import KINDS, ROWS, SHORT_TILES, SPREAD_ROWS, TILES, runs_of

TYPES = ["float32", "float64"]
PIECES = sorted({(taps, kind.points) for kind in KINDS for taps in kind.taps()})
POINTS = sorted({kind.points for kind in KINDS})
G = {
    1: np.array([[1], [1]]),
    2: np.array([[1, 0], [1, 1], [0, 1]]),
    3: np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]]),
}


def whole(size: int, dtype: str, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(-9, 10, size).astype(dtype)


def lanes(dtype: str) -> int:
    return machine().vector_bytes // np.dtype(dtype).itemsize


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize(("taps", "points"), PIECES)
def test_tiles_in(taps: Plane, points: Plane, dtype: str) -> None:
    transform = winograd.tiles_in(taps, points)

    @njit
    def run(source, at, pitch, target, to, starts, starts_at):
        transform(source, at, pitch, target, to, starts, starts_at)

    n = lanes(dtype)
    pitch = 2 * n + 5
    source = whole(3 + 4 * pitch, dtype)
    places = len(place_points(taps.h, points.h)) * len(place_points(taps.w, points.w))
    starts = 3 + (n + 3) * np.random.default_rng(1).permutation(places)
    found, expected = np.full((2, 7 + places * (n + 3)), 77, dtype)
    run(source, 3, pitch, found, 2, np.append(5, starts), 1)
    winograd.tiles_in_meaning(taps, points)(source, 3, pitch, expected, 2, np.append(5, starts), 1)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("rows", [ROWS, SPREAD_ROWS])
@pytest.mark.parametrize(("taps", "points"), PIECES)
def test_weights_in(taps: Plane, points: Plane, rows: int, dtype: str) -> None:
    transform = winograd.weights_in(taps, points, rows)

    @njit
    def run(turned, at, slots, slots_at, target, to, step):
        transform(turned, at, slots, slots_at, target, to, step)

    count = taps.h * taps.w
    places = len(place_points(taps.h, points.h)) * len(place_points(taps.w, points.w))
    slots = np.append(5, np.random.default_rng(1).permutation(count + 2)[:count])
    turned = whole(3 + (count + 2) * rows, dtype)
    found, expected = np.full((2, 2 + places * (rows + 3)), 77, dtype)
    run(turned, 3, slots, 1, found, 2, rows + 3)
    winograd.weights_in_meaning(taps, points, rows)(turned, 3, slots, 1, expected, 2, rows + 3)
    np.testing.assert_array_equal(found, expected)


def check_outputs(
    points: Plane, dtype: str, step: int, size: int, meaning: Callable[..., int], run: Callable[..., int],
    before: tuple[Any, ...], after: tuple[int, ...],
) -> None:  # fmt: skip
    """The same outputs, `before` and `after` their target given, and the same word on them where one sum is special."""
    n, places = lanes(dtype), points.h * points.w
    in_all = min(1, points.h - 1) * points.w + min(1, points.w - 1)  # a place that all outputs see
    for special, lane in product((None, np.inf, -np.inf, np.nan), range(n)):
        source = whole(1 + places * step, dtype, lane)
        if special is not None:
            source[1 + in_all * step + lane] = special
        found, expected = np.full((2, size), 77, dtype)
        with np.errstate(invalid="ignore"):
            strange = meaning(source, 1, step, *before, expected, *after)
            found_strange = run(source, 1, step, *before, found, *after)
        assert bool(found_strange) == bool(strange) == (special is not None)
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("points", POINTS)
def test_tiles_out(points: Plane, dtype: str) -> None:
    finish, n = winograd_out.tiles_out(points), lanes(dtype)

    @njit
    def run(source, at, step, bias, target, to, pitch):
        return finish(source, at, step, bias, target, to, pitch)

    pitch, meaning = 2 * n + 5, winograd_out.tiles_out_meaning(points)
    check_outputs(points, dtype, n + 3, 4 + 2 * pitch, meaning, run, (np.dtype(dtype).type(7),), (4, pitch))


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("points", POINTS)
def test_spread_out(points: Plane, dtype: str) -> None:
    finish, n = winograd_out.spread_out(points), lanes(dtype)

    @njit
    def run(source, at, step, bias, bias_at, target, to, pitch, column):
        return finish(source, at, step, bias, bias_at, target, to, pitch, column)

    column, meaning = n + 5, winograd_out.spread_out_meaning(points)
    pitch, bias = 2 * column + 1, whole(n + 2, dtype, 1)
    check_outputs(points, dtype, n + 3, 4 + 2 * pitch, meaning, run, (bias, 2), (4, pitch, column))


@pytest.mark.parametrize("points", POINTS)
def test_outputs_are_the_same_whatever_lanes_are(points: Plane) -> None:
    """Of as many tiles and channels: one channel's tiles, and one tile's channels."""
    n, places, steps = lanes("float64"), points.h * points.w, Plane(step_of(points.h), step_of(points.w))
    source, bias = whole(places * n, "float64"), np.full(n, 7.0)
    tiles, channels = np.zeros((2, 4 * n))
    winograd_out.tiles_out_meaning(points)(source, 0, n, 7.0, tiles, 0, 2 * n)
    winograd_out.spread_out_meaning(points)(source, 0, n, bias, 0, channels, 0, 2 * n, n)
    by_tile = tiles.reshape(2, -1)[: steps.h, : steps.w * n].reshape(steps.h, n, steps.w)
    np.testing.assert_array_equal(by_tile.transpose(0, 2, 1), channels.reshape(2, 2, n)[: steps.h, : steps.w])


def test_runs_hold_all_tiles_and_few_more() -> None:
    for tiles in range(1, 200):
        long, short = runs_of(tiles)
        assert long % TILES == short % SHORT_TILES == 0
        assert tiles <= long + short < tiles + SHORT_TILES
    assert runs_of(TILES) == (TILES, 0)


@pytest.mark.parametrize("dtype", TYPES)
def test_split_columns(dtype: str) -> None:
    @njit
    def run(source, at, target, to, pitch, pairs):
        winograd.split_columns(source, at, target, to, pitch, pairs)

    for pairs in (1, 8, 16, 37):
        count = -(-pairs // lanes(dtype)) * lanes(dtype)
        source = whole(3 + 2 * count, dtype)
        found, expected = np.full((2, 2 + 2 * count + 7), 77, dtype)
        run(source, 3, found, 2, count + 5, pairs)
        winograd._split_columns_meaning(source, 3, expected, 2, count + 5, pairs)
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(found[2 : 2 + pairs], source[3::2][:pairs])


@pytest.mark.parametrize(("taps", "points"), PIECES)
def test_a_piece_sums_its_products(taps: Plane, points: Plane) -> None:
    """Transformed, multiplied place by place and turned back, tiles are sums of products: whatever the piece."""
    n, steps = lanes("float64"), Plane(step_of(points.h), step_of(points.w))
    inputs = tuple(step + tap - 1 for step, tap in zip(steps, taps, strict=True))
    d, g = whole(inputs[0] * inputs[1], "float64").reshape(inputs), whole(taps.h * taps.w, "float64", 1).reshape(taps)
    pitch = inputs[1] + 2 * n
    rows = np.pad(d, ((0, 0), (0, 2 * n))).ravel()
    numbers = [h * points.w + w for h in place_points(taps.h, points.h) for w in place_points(taps.w, points.w)]
    tiles = np.zeros(points.h * points.w * n)
    winograd.tiles_in_meaning(taps, points)(rows, 0, pitch, tiles, 0, n * np.array(numbers), 0)
    g_h, g_w = (G[t] if p > 1 else np.ones((1, 1)) for t, p in zip(taps, points, strict=True))
    products = np.zeros_like(tiles).reshape(-1, n)
    products[numbers] = tiles.reshape(-1, n)[numbers] * (g_h @ g @ g_w.T).reshape(-1, 1)
    y = np.zeros(4 * n)
    winograd_out.tiles_out_meaning(points)(products.ravel(), 0, n, 0.0, y, 0, 2 * n)
    wanted = [[(d[i:, j:][: taps.h, : taps.w] * g).sum() for j in range(steps.w)] for i in range(steps.h)]
    np.testing.assert_array_equal(y.reshape(2, -1)[: steps.h, : steps.w], wanted)
