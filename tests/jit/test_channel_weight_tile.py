"""The tile of a channels-last weight gradient: its meaning, and its bounds checks."""

from functools import cache, partial
from typing import Any

import numpy as np
import pytest
from numba import config, njit

from fastconv.jit.channel_weight_tile import (
    ChannelWeightShape,
    ChannelWeightWindow,
    _channel_weight_tile_meaning,
    channel_weight_tile,
)
from fastconv.jit.machine import machine
from fastconv.kernels.channel_weights import OUTPUTS

pytestmark = pytest.mark.skipif(config.DISABLE_JIT, reason="the meaning itself runs")

SHAPES = (
    ChannelWeightShape(*OUTPUTS, 3, 3, 1),
    ChannelWeightShape(*OUTPUTS, 3, 3, 2),
    ChannelWeightShape(*OUTPUTS, 1, 5, 1),
    ChannelWeightShape(1, 3, 1, 3, 2),
    ChannelWeightShape(2, 2, 2, 3, 1),
)
shapes = pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "-".join(map(str, shape)))
#: From pixel to pixel of either image, and from tap to tap of the sums.
STEP, DY_STEP, PITCH = 70, 67, 69


@cache
def compiled(shape: ChannelWeightShape, boundscheck: bool = False) -> Any:
    tile = channel_weight_tile(shape)

    @njit(boundscheck=boundscheck)
    def run(window, x, dy, y):
        tile(window, x, dy, y)

    return run


def operands(shape: ChannelWeightShape, dtype: str, left: int, before: int = 1, groups: int = 2) -> list[Any]:
    """What a tile takes, with outputs on either side that see beside the input; it reads the last element of each."""
    rng, width = np.random.default_rng(sum(shape)), shape.pixels + 3
    size = (width - 1) * shape.step + shape.columns - before - 1
    last = (size + before - shape.columns) // shape.step + 1
    line, dy_row, rows = size * STEP + 1, width * DY_STEP + 2, groups * shape.outputs
    group = shape.outputs * shape.step * line
    lines = (groups - 1) * shape.outputs * shape.step + shape.lines
    used = min(left, machine().vector_bytes // np.dtype(dtype).itemsize)
    window = ChannelWeightWindow(
        4, group, line, STEP, before, size, -(-before // shape.step), last, 3, dy_row, DY_STEP, groups, width, 2, PITCH,
        left,
    )  # fmt: skip
    x, dy, y = (
        rng.integers(-9, 9, count + used).astype(dtype)
        for count in (
            4 + (lines - 1) * line + (size - 1) * STEP,
            3 + (rows - 1) * dy_row + (width - 1) * DY_STEP,
            2 + (shape.rows * shape.columns - 1) * PITCH,
        )
    )
    return [window, x, dy, y]


@shapes
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("before", "groups"), [(1, 2), (0, 1), (2, 3), (1, 0)])
def test_it_does_what_its_meaning_says(shape: ChannelWeightShape, dtype: str, before: int, groups: int) -> None:
    lanes = machine().vector_bytes // np.dtype(dtype).itemsize
    for left in {1, lanes - 1, lanes, lanes + 1}:
        found, wanted = ([*operands(shape, dtype, left, before, max(groups, 1))] for _ in range(2))
        for given, run in ((found, compiled(shape)), (wanted, partial(_channel_weight_tile_meaning, shape))):
            given[0] = given[0]._replace(groups=groups)
            run(*given)
        np.testing.assert_array_equal(found[3], wanted[3])
        changed = (found[3] != operands(shape, dtype, left, before, max(groups, 1))[3]).any()
        assert changed == (groups > 0)


@shapes
@pytest.mark.parametrize("part", [False, True])
def test_checked_tile_goes_to_the_last_element_and_no_further(shape: ChannelWeightShape, part: bool) -> None:
    left = machine().vector_bytes // 4 - part
    compiled(shape, boundscheck=True)(*operands(shape, "float32", left))
    for short in (1, 2, 3):
        given = operands(shape, "float32", left)
        given[short] = given[short][:-1]
        with pytest.raises(IndexError, match="out of bounds"):
            compiled(shape, boundscheck=True)(*given)
