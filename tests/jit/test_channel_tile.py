"""The tile of channels against its meaning, and its bounds checks."""

import numpy as np
import pytest
from numba import config, njit

from fastconv.jit.channel_tile import PRODUCTS, SUM, ChannelRun, _channel_tile_meaning, channel_tile
from fastconv.jit.machine import machine

pytestmark = pytest.mark.skipif(config.DISABLE_JIT, reason="the meaning itself runs")

ROWS, CHANNELS, STEP = 3, 70, 80


def compiled(op: int, boundscheck: bool = False):
    @njit(boundscheck=boundscheck)
    def run(numbers, x, offsets, taps, weights, start, y):
        channel_tile(op, ROWS, numbers, x, offsets, taps, weights, start, y)

    return run


def arguments(dtype: str, count: int = 5):
    rng = np.random.default_rng(0)
    x = rng.integers(-9, 9, 12 * STEP).astype(dtype)
    weights, start = rng.integers(-9, 9, 8 * CHANNELS).astype(dtype), rng.integers(-9, 9, CHANNELS).astype(dtype)
    offsets = rng.integers(0, 8, count) * STEP
    return x, offsets, rng.permutation(8)[:count] * CHANNELS, weights, start


@pytest.mark.parametrize("dtype", ["float32", "int64"])
@pytest.mark.parametrize("op", [PRODUCTS, SUM])
def test_it_does_what_its_meaning_says(op: int, dtype: str) -> None:
    x, offsets, taps, weights, start = arguments(dtype)
    if dtype[0] == "f":
        x[::7] = np.nan
    run, lanes = compiled(op), machine().vector_bytes // x.itemsize
    for count in (0, 1, 5):
        for channel in (0, 2 * lanes):
            for left in {1, lanes - 1, lanes, lanes + 1, 2 * lanes, 3 * lanes}:
                if channel + min(left, 2 * lanes) > CHANNELS:
                    continue
                found, wanted = np.full((2, ROWS * STEP + 2 * lanes), 3, dtype)
                numbers = ChannelRun(channel, STEP, count, channel, channel, STEP, left)
                run(numbers, x, offsets, taps, weights, start, found)
                _channel_tile_meaning(op, ROWS, numbers, x, offsets, taps, weights, start, wanted)
                np.testing.assert_array_equal(found, wanted)


def just_enough(left: int) -> dict[str, np.ndarray]:
    """Arrays of which a tile of two taps touches the last element, for each in its turn."""
    return {
        "x": np.ones(2 + (ROWS - 1) * STEP + 4 + left, np.float32),
        "offsets": np.array([4, 1]),
        "taps": np.array([0, 90]),
        "weights": np.ones(90 + 3 + left, np.float32),
        "start": np.ones(3 + left, np.float32),
        "y": np.zeros(3 + (ROWS - 1) * STEP + left, np.float32),
    }


@pytest.mark.parametrize("left", [5, 2 * machine().vector_bytes // 4])
def test_checked_tile_touches_its_elements_and_no_others(left: int) -> None:
    run = compiled(PRODUCTS, boundscheck=True)
    for short in (None, "x", "offsets", "taps", "weights", "start", "y"):
        a = just_enough(left)
        if short:
            a[short] = a[short][:-1]
        call = (ChannelRun(2, STEP, 2, 3, 3, STEP, left), *a.values())
        if short:
            with pytest.raises(IndexError, match="out of bounds"):
                run(*call)
        else:
            run(*call)
            assert a["y"][-1] == 3
