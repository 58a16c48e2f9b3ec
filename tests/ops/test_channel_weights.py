"""Weight gradients of channels-last depthwise convolutions: every window that has tiles, against the reference."""

from typing import Any

import numpy as np
import pytest

import fastconv as fc
from fastconv import reference
from fastconv.jit.machine import machine_with
from fastconv.kernels.channel_weights import channel_weights
from fastconv.ops import weight_gradient as module
from properties.strategies import LAYOUTS, forget_decisions, integers
from sharing import share_out

GRADIENTS = (fc.grad.conv1d_weight, fc.grad.conv2d_weight, fc.grad.conv3d_weight)
CONVS = (fc.conv1d, fc.conv2d, fc.conv3d)
channels_last = LAYOUTS["channels last"]

#: Input size, kernel, stride, padding, dilation of rows: windows of all tiles, rows that share none, crops and volumes.
CASES: list[tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], tuple[int, ...], tuple[int, ...]]] = [
    *(((13, 14), (n, n), (s, s), (n // 2, n // 2), (1, 1)) for n, s in channel_weights),
    ((8, 9), (3, 3), (1, 1), (0, 0), (1, 1)),
    ((8, 9), (3, 3), (1, 1), (2, 2), (1, 1)),
    ((7, 7), (7, 7), (1, 1), (3, 3), (1, 1)),
    ((17, 10), (4, 3), (3, 1), (2, 1), (2, 1)),
    ((16, 11), (2, 5), (1, 2), (0, 2), (1, 1)),
    ((12, 11), (8, 3), (2, 2), (3, 1), (1, 1)),
    ((30,), (3,), (1,), (1,), (1,)),
    ((5, 6, 7), (3, 3, 3), (1, 1, 1), (1, 1, 1), (1, 1, 1)),
    ((5, 6, 9), (2, 3, 5), (2, 1, 2), (1, 0, 2), (2, 1, 1)),
]


def given(case: Any, channels: int, batch: int = 2, dtype: str = "float32") -> tuple[Any, ...]:
    """Input, weight shape, gradient of the output and settings."""
    size, kernel, *settings = case
    x, shape = integers((batch, channels, *size), dtype), (channels, 1, *kernel)
    y = CONVS[len(kernel) - 1](x, np.ones(shape, dtype), None, *settings, channels, algorithm="reference")
    return x, shape, integers(y.shape, dtype, seed=1), (*settings, channels)


def gradient(x: np.ndarray, shape: Any, dy: np.ndarray, settings: Any) -> np.ndarray:
    """By the tiles of channels: any other way would be an error."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_by_pieces", None)
        patch.setattr(module, "plan_depthwise_weight", None)
        return GRADIENTS[len(shape) - 3](x, shape, dy, *settings)


def wanted_of(x: np.ndarray, shape: Any, dy: np.ndarray, settings: Any) -> np.ndarray:
    stride, padding, dilation, groups = settings
    pads = tuple((n, n) for n in padding)
    return reference.conv_weight(x, shape, dy, stride=stride, padding=pads, dilation=dilation, groups=groups)


@pytest.mark.parametrize("channels", [2, 16, 45, 150])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_is_the_reference(case: Any, channels: int) -> None:
    x, shape, dy, settings = given(case, channels)
    found = gradient(channels_last(x), shape, channels_last(dy), settings)
    np.testing.assert_array_equal(found, wanted_of(x, shape, dy, settings), strict=True)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_operands_lie_in_parts_of_arrays_and_backwards(dtype: str) -> None:
    x, shape, dy, settings = given(CASES[0], 40, dtype=dtype)
    for part in ((..., slice(3, 20), slice(None), slice(None)), (..., slice(None, None, -1), slice(None, None, -1))):
        given_x, given_dy = channels_last(x)[part], channels_last(dy)[part]
        given_x.flags.writeable = given_dy.flags.writeable = False
        channels = given_x.shape[1]
        these = (*settings[:-1], channels)
        found = gradient(given_x, (channels, *shape[1:]), given_dy, these)
        np.testing.assert_array_equal(found, wanted_of(x[part], (channels, *shape[1:]), dy[part], these), strict=True)


def test_unbatched_and_transposed() -> None:
    x, shape, dy, settings = given(CASES[1], 20, batch=1)
    wanted = wanted_of(x, shape, dy, settings)
    last_x, last_dy = channels_last(x), channels_last(dy)
    np.testing.assert_array_equal(gradient(last_x[0], shape, last_dy[0], settings), wanted)
    turned = fc.grad.conv_transpose2d_weight(last_dy, shape, last_x, 2, 1, (0, 1), groups=20)
    np.testing.assert_array_equal(turned, wanted)


@pytest.mark.parametrize(
    ("channels", "outputs", "kernel", "dtype"),
    [(4, 8, (3, 3), "float32"), (4, 4, (3, 4), "float32"), (4, 4, (3, 3), "int64"), (4, 4, (3, 3), "float16")],
)
def test_others_are_left_to_other_ways(channels: int, outputs: int, kernel: tuple[int, int], dtype: str) -> None:
    x, shape = integers((2, channels, 9, 10), dtype), (outputs, 1, *kernel)
    y = fc.conv2d(x, np.ones(shape, dtype), groups=channels, algorithm="reference")
    dy = integers(y.shape, dtype, seed=1)
    found = fc.grad.conv2d_weight(channels_last(x), shape, channels_last(dy), groups=channels)
    np.testing.assert_array_equal(found, wanted_of(x, shape, dy, ((1, 1), (0, 0), (1, 1), channels)))


def test_strips_of_rows() -> None:
    """As many as a small cache holds, and one at a time."""
    for case in (CASES[0], CASES[1], CASES[3]):
        x, shape, dy, settings = given(case, 33)
        for size in (2**16, 2**10):
            forget_decisions()
            with machine_with(l2_bytes=size):
                found = gradient(channels_last(x), shape, channels_last(dy), settings)
            np.testing.assert_array_equal(found, wanted_of(x, shape, dy, settings))
    forget_decisions()


def test_same_bits_for_any_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    x, dy = (channels_last(rng.standard_normal((2, 100, 20, 13)).astype(np.float32)) for _ in range(2))
    settings = ((1, 1), (1, 1), (1, 1), 100)
    with machine_with(l2_bytes=2**16), fc.threads(1):
        once = gradient(x, (100, 1, 3, 3), dy, settings)
    wanted = wanted_of(x.astype(float), (100, 1, 3, 3), dy.astype(float), settings)
    np.testing.assert_allclose(once, wanted, atol=1e-6 * np.abs(wanted).max())
    for helpers in (1, 3):
        with machine_with(l2_bytes=2**16), monkeypatch.context() as patch:
            share_out(patch, helpers)
            forget_decisions()
            np.testing.assert_array_equal(gradient(x, (100, 1, 3, 3), dy, settings), once)
    forget_decisions()


def test_outputs_that_see_padding_alone_are_left_to_other_ways() -> None:
    x, shape, dy, settings = given(((8, 9), (3, 3), (1, 1), (4, 5), (1, 1)), 20)
    found = fc.grad.conv2d_weight(channels_last(x), shape, channels_last(dy), *settings)
    np.testing.assert_array_equal(found, wanted_of(x, shape, dy, settings))


@pytest.mark.parametrize("special", [np.inf, np.nan])
def test_special_gradients_are_multiplied_by_padding(special: float) -> None:
    x, shape, dy, settings = given(CASES[0], 17)
    dy[0, 3, 0, 0] = special
    found = fc.grad.conv2d_weight(channels_last(x), shape, channels_last(dy), *settings)
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(found, wanted_of(x, shape, dy, settings))
    assert np.isnan(found[3, 0, 0]).all()


@pytest.mark.parametrize("special", [np.inf, np.nan])
def test_special_numbers_reach_their_taps_only(special: float) -> None:
    x, shape, dy, settings = given(CASES[0], 17)
    x[0, 3, 0, 0] = special  # of windows of three that begin one before it
    found = fc.grad.conv2d_weight(channels_last(x), shape, channels_last(dy), *settings)
    finite = np.isfinite(found)
    assert finite[[channel for channel in range(17) if channel != 3]].all()
    np.testing.assert_array_equal(~finite[3, 0], [[True, True, False], [True, True, False], [False] * 3])
