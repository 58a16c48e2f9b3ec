"""The tile of a row of channels-last pixels against its meaning, and its bounds checks."""

import numpy as np
import pytest
from numba import config, njit

from fastconv.jit.channel_row_tile import _row_tile_meaning, channel_row_tile
from fastconv.jit.channel_tile import ChannelRun
from fastconv.jit.machine import machine
from fastconv.jit.turned_tile import TurnedShape

pytestmark = pytest.mark.skipif(config.DISABLE_JIT, reason="the meaning itself runs")

CHANNELS, STEP, PITCH = 40, 43, 41


def compiled(shape: TurnedShape, boundscheck: bool = False):
    tile = channel_row_tile(shape)

    @njit(boundscheck=boundscheck)
    def run(numbers, x, offsets, taps, weights, start, y):
        tile(numbers, x, offsets, taps, weights, start, y)

    return run


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
@pytest.mark.parametrize("shape", [TurnedShape(4, 3, 1), TurnedShape(3, 3, 2), TurnedShape(2, 5, 1)])
def test_it_does_what_its_meaning_says(shape: TurnedShape, dtype: str) -> None:
    rng, run, lanes = np.random.default_rng(0), compiled(shape), machine().vector_bytes // np.dtype(dtype).itemsize
    x = rng.integers(-9, 9, (shape.reach + 4) * STEP).astype(dtype)
    weights, start = rng.integers(-9, 9, 20 * CHANNELS).astype(dtype), rng.integers(-9, 9, CHANNELS).astype(dtype)
    offsets, taps = np.arange(15) % shape.taps * STEP, rng.permutation(15) * CHANNELS
    for lines in (0, 1, 3):
        for channel in (0, lanes):
            for left in {1, lanes - 1, lanes, lanes + 1}:
                found, wanted = np.full((2, shape.pixels * PITCH + 2 * lanes), 3, dtype)
                numbers = ChannelRun(channel, STEP, lines * shape.taps, channel, channel, PITCH, left)
                run(numbers, x, offsets, taps, weights, start, found)
                _row_tile_meaning(shape, numbers, x, offsets, taps, weights, start, wanted)
                np.testing.assert_array_equal(found, wanted)


SHAPE = TurnedShape(4, 3, 2)


def just_enough(left: int) -> dict[str, np.ndarray]:
    """Arrays of which a tile of a row of three taps touches the last element, for each in its turn."""
    return {
        "x": np.ones(2 + 4 + (SHAPE.reach - 1) * STEP + left, np.float32),
        "offsets": np.array([4, 0, 0]),
        "taps": np.array([0, 90, 50]),
        "weights": np.ones(90 + 3 + left, np.float32),
        "start": np.ones(3 + left, np.float32),
        "y": np.zeros(3 + (SHAPE.pixels - 1) * PITCH + left, np.float32),
    }


@pytest.mark.parametrize("left", [3, machine().vector_bytes // 4])
def test_checked_tile_touches_its_elements_and_no_others(left: int) -> None:
    run = compiled(SHAPE, boundscheck=True)
    for short in (None, "x", "offsets", "taps", "weights", "start", "y"):
        a = just_enough(left)
        if short:
            a[short] = a[short][:-1]
        call = (ChannelRun(2, STEP, 3, 3, 3, PITCH, left), *a.values())
        if short:
            with pytest.raises(IndexError, match="out of bounds"):
                run(*call)
        else:
            run(*call)
            assert a["y"][-1] == 4
