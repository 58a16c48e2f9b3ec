"""What is chosen of Winograd's algorithm: whether it is faster, and which lanes."""

import numpy as np
import pytest

import fastconv as fc
from fastconv.geometry import Axis, Geometry
from fastconv.jit.machine import machine
from fastconv.ops.calls import recording
from fastconv.plan.plan import choose
from fastconv.plan.problem import Problem


def test_channels_are_lanes_where_they_fill_them() -> None:
    x = np.zeros((1, 64, 28, 28), np.float32)
    summaries = {}
    for dtype, out_channels in (("float32", 64), ("float32", 8), ("float64", 64)):
        with recording() as calls:
            w = np.zeros((out_channels, 64, 3, 3), dtype)
            fc.conv2d(x.astype(dtype), w, padding=1, algorithm="winograd")
        summaries[dtype, out_channels] = calls[0][1].plan.summary
    assert "as lanes" in summaries["float32", 64]
    assert "as lanes" not in summaries["float64", 64]
    if machine().vector_bytes == 64:
        assert "as lanes" not in summaries["float32", 8]


@pytest.mark.parametrize("size", [5, 7, 14, 28])
def test_packed_weights_are_transformed_at_least_as_often(size: int) -> None:
    x, w = np.zeros((1, 64, size, size), np.float32), np.zeros((64, 64, 3, 3), np.float32)
    with recording() as calls:
        fc.conv2d(x, w, padding=1)
        fc.Conv2d(w, padding=1)(x)
    (_, plain), (_, packed) = calls
    assert (plain.algorithm, packed.algorithm) != ("winograd", "spread")
    assert size < 28 or packed.algorithm == "winograd"


def test_the_choice_is_the_same_for_any_number_of_threads() -> None:
    chosen = []
    for threads in (1, 2):
        with fc.threads(threads):
            choose.cache_clear()
            for size in range(3, 40):
                x, w = np.zeros((1, 16, size, size), np.float32), np.zeros((16, 16, 3, 3), np.float32)
                geometry = Geometry(1, 16, 16, 1, (Axis(size, 3), Axis(size, 3)))
                choice = choose(Problem("conv", geometry, x.dtype, x.strides, x.dtype, w.strides))
                chosen.append((size, choice.algorithm, choice.plan.nanoseconds))
    assert chosen[: len(chosen) // 2] == chosen[len(chosen) // 2 :]


@pytest.mark.parametrize(("channels", "out_channels", "size", "packs"), [(128, 32, 14, True), (64, 64, 56, False)])
def test_tasks_transform_the_weights_of_few_blocks(channels: int, out_channels: int, size: int, packs: bool) -> None:
    if machine().vector_bytes < 64:
        pytest.skip("the costs are those of vectors of 64 bytes")
    x, w = np.zeros((1, channels, size, size), np.float32), np.zeros((out_channels, channels, 3, 3), np.float32)
    with recording() as calls, fc.threads(2):
        fc.conv2d(x, w, padding=1, algorithm="winograd")
    plan = calls[0][1].plan
    assert plan.packs == packs
    assert ("whose tasks transform weights" in plan.summary) == packs
