"""Convolutions tap by tap of what is inside the input, against loops that spell out the definition, exactly."""

from typing import Any

import numpy as np
import pytest

import fastconv as fc
from fastconv.jit.machine import machine
from fastconv.kernels.spread_table import MOST_ROWS, ROWS, VECTORS
from fastconv.ops.calls import recording
from properties.strategies import integers

LANES = machine().vector_bytes // 4


def same(x: np.ndarray, w: np.ndarray, b: np.ndarray | None = None, transposed: bool = False, **options: Any) -> None:
    op = getattr(fc, f"conv{'_transpose' if transposed else ''}{x.ndim - 2}d")
    last = np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1)
    wanted = op(x, w, b, **{**options, "algorithm": "reference"})
    for given in (x, last):
        np.testing.assert_array_equal(op(given, w, b, **{"algorithm": "inside", **options}), wanted, strict=True)


@pytest.mark.parametrize("size", [2, 3, 4, ROWS, MOST_ROWS + 1, 3 * MOST_ROWS])
@pytest.mark.parametrize("outputs", [3, LANES + 1, VECTORS * LANES, VECTORS * LANES + 5])
def test_pixels_that_fill_tiles_and_others(outputs: int, size: int) -> None:
    x, w = integers((2, 5, 3, size), "float32"), integers((outputs, 5, 3, 3), "float32", 1)
    same(x, w, integers((outputs,), "float32", 2), padding=1)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("dilation", [1, 2, 5])
@pytest.mark.parametrize("padding", [((0, 3), (4, 1)), ((5, 5), (0, 0)), ((0, 0), (1, 0))])
def test_strides_and_taps_apart(padding: Any, dilation: int, stride: int) -> None:
    x, w = integers((1, 6, 11, 15), "float32"), integers((8, 3, 3, 3), "float32", 1)
    same(x, w, padding=padding, dilation=dilation, stride=stride, groups=2)


def test_taps_and_outputs_that_see_nothing() -> None:
    """Of taps 20 apart, the middle one alone meets 8 pixels; and of outputs in the padding, none sees the input."""
    x, w = integers((1, 6, 8, 8), "float32"), integers((5, 6, 3, 3), "float32", 1)
    with pytest.raises(ValueError, match="a tap is outside the input for every output"):
        fc.conv2d(x, w, padding=20, dilation=20, algorithm="inside")
    same(x, w, integers((5,), "float32", 2), padding=9)


@pytest.mark.parametrize(("size", "kernel"), [((30,), (5,)), ((4, 5, 6), (3, 3, 3)), ((2, 2, 2), (3, 2, 3))])
@pytest.mark.parametrize("dtype", ["float64", "int32", "complex64"])
def test_other_numbers_of_axes_and_types(dtype: str, size: tuple[int, ...], kernel: tuple[int, ...]) -> None:
    x, w = integers((2, 5, *size), dtype), integers((9, 5, *kernel), dtype, 1)
    same(x, w, padding=1)
    same(x, w.swapaxes(0, 1), transposed=True)


def test_runs_of_depths_and_weights_of_any_order() -> None:
    """More channels than are added in a run, and a kernel that stands mirrored in memory."""
    x, w = integers((1, 900, 4, 4), "float32"), integers((7, 900, 3, 3), "float32", 1)
    same(x, w, padding=1, activation="relu")
    same(x, w[:, :, ::-1, ::-1], padding=1, flip=True)


@pytest.mark.parametrize("order", ["plain", "mirrored", "channels last", "transposed"])
@pytest.mark.parametrize(("channels", "outputs", "kernel"), [(40, 2 * VECTORS * LANES, (3, 3)), (23, LANES, (1, 3))])
def test_packed_in_the_task_or_before(channels: int, outputs: int, kernel: tuple[int, int], order: str) -> None:
    """Few images pack weights where they are used, many before: both as `Conv2d` does, and as the definition says."""
    w, transposed = integers((outputs, channels, *kernel), "float32", 1), order == "transposed"
    if order == "mirrored":
        w = w[:, :, ::-1, ::-1]
    elif order == "channels last":
        w = np.ascontiguousarray(w.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    elif transposed:
        w = np.ascontiguousarray(w.swapaxes(0, 1))
    packs = []
    for batch in (1, 33):
        x = integers((batch, channels, 4, 4), "float32")
        with recording() as calls:
            same(x, w, padding=(kernel[0] // 2, 1), transposed=transposed)
        packs.append(calls[1][1].plan.packs)
        layer = (fc.ConvTranspose2d if transposed else fc.Conv2d)(w, padding=(kernel[0] // 2, 1), algorithm="inside")
        op = fc.conv_transpose2d if transposed else fc.conv2d
        wanted = op(x, w, padding=(kernel[0] // 2, 1), algorithm="reference")
        np.testing.assert_array_equal(layer(x), wanted)
    assert packs == [True, False]


def test_weights_of_many_taps_are_packed_before() -> None:
    """Those of a few channels alone would fill the cache."""
    x, w = integers((1, 70, 12, 12), "float32"), integers((VECTORS * LANES, 70, 13, 13), "float32", 1)
    with recording() as calls:
        same(x, w, padding=6)
    assert not any(call.plan.packs for _, call in calls if call.algorithm == "inside")


@pytest.mark.parametrize(("padding", "apart"), [(((1, 1), (1, 1)), (1, 1)), (((70, 90), (0, 300)), (40, 7))])
def test_many_pixels_are_cut_into_blocks(padding: Any, apart: tuple[int, int]) -> None:
    """What a block's first pixel would read may stand in front of the input, or behind it."""
    x, w = integers((1, 2, 130, 90), "float32"), integers((VECTORS * LANES, 2, 3, 3), "float32", 1)
    padded = np.pad(x[0], ((0, 0), *padding))
    rows, columns = (n - 2 * step for n, step in zip(padded.shape[1:], apart, strict=True))
    wanted = sum(
        np.tensordot(w[:, :, i, j], padded[:, i * apart[0] :, j * apart[1] :][:, :rows, :columns], 1)
        for i, j in np.ndindex(3, 3)
    )  # tap by tap, as the definition's loops over pixels take a minute
    np.testing.assert_array_equal(fc.conv2d(x, w, padding=padding, dilation=apart, algorithm="inside")[0], wanted)


def test_infinities_and_nans_stay_in_their_windows() -> None:
    x, w = np.ones((1, 3, 5, 5), np.float32), np.ones((4, 3, 3, 3), np.float32)
    x[0, 1, 2, 0], x[0, 0, 4, 4] = np.nan, np.inf
    for threads in (1, 2):
        with fc.threads(threads):
            np.testing.assert_array_equal(
                fc.conv2d(x, w, padding=1, algorithm="inside"), fc.conv2d(x, w, padding=1, algorithm="reference")
            )


@pytest.mark.parametrize("special", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("activation", [None, "relu"])
def test_infinite_weights_meet_the_zeros_of_the_padding(special: float, activation: str | None) -> None:
    """Which is not a number, in all algorithms."""
    x = integers((1, 3, 5, 5), "float32")
    for place in np.ndindex(3, 3):
        w = integers((4, 3, 3, 3), "float32", 1)
        w[2, 1][place] = special
        with np.errstate(invalid="ignore"):
            wanted = fc.conv2d(x, w, padding=1, activation=activation, algorithm="reference")
        found = fc.conv2d(x, w, padding=1, activation=activation, algorithm="inside")
        np.testing.assert_array_equal(found, wanted)
        packed = fc.Conv2d(w, padding=1, activation=activation, algorithm="inside")
        np.testing.assert_array_equal(packed(x), wanted)


def test_result_does_not_depend_on_how_it_is_shared_out() -> None:
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((1, 64, 14, 14), np.float32), rng.standard_normal((256, 64, 3, 3), np.float32)
    found = []
    for threads in (1, 2):
        with fc.threads(threads):
            found.append(fc.conv2d(x, w, padding=6, dilation=6, algorithm="inside"))
    np.testing.assert_array_equal(*found)


def test_it_is_chosen_where_much_of_the_work_would_be_padding() -> None:
    x, w = np.ones((1, 64, 16, 16), np.float32), np.ones((64, 64, 3, 3), np.float32)
    with recording() as calls:
        fc.Conv2d(w, padding=12, dilation=12)(x)
        fc.Conv2d(w)(x)
    assert [call.algorithm == "inside" for _, call in calls] == [True, False]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({}, "no tap is ever outside the input: it would leave out nothing"),
        ({"padding": 1, "padding_mode": "reflect"}, "it knows no padding but zeros"),
    ],
)
def test_it_says_why_it_declines(options: dict[str, Any], reason: str) -> None:
    x, w = np.ones((1, 3, 9, 9), np.float32), np.ones((4, 3, 3, 3), np.float32)
    with pytest.raises(ValueError, match=reason):
        fc.conv2d(x, w, algorithm="inside", **options)
    with pytest.raises(ValueError, match="for no more than 256"):
        fc.conv1d(x[0, :, 0], np.ones((4, 3, 257), np.float32), padding=128, algorithm="inside")
