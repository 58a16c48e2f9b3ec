"""Pairs of output rows by Winograd's algorithm: exact on small whole numbers, and never a wrong infinity."""

from typing import Any

import numba
import numpy as np
import pytest

import fastconv as fc
from fastconv.ops.calls import recording
from fastconv.plan.winograd_rows import loads_pairs
from nightly import nightly
from properties.strategies import LAYOUTS, integers
from sharing import share_out

pytestmark = pytest.mark.skipif(not loads_pairs(4), reason="it refuses such CPUs")

# Shape of the input, output channels, padding, groups.
CALLS: dict[str, tuple[tuple[int, ...], int, Any, int]] = {
    "one pair": ((1, 1, 4, 4), 1, 0, 1),
    "one output": ((1, 1, 3, 3), 1, 0, 1),
    "odd sizes": ((2, 3, 9, 8), 5, ((0, 0), (1, 0)), 1),
    "wide padding": ((1, 2, 5, 4), 9, ((3, 2), (0, 3)), 1),
    "padding beyond the image": ((1, 2, 1, 2), 3, ((9, 8), (40, 35)), 1),
    "groups": ((2, 8, 7, 33), 12, 1, 2),
    "groups of four": ((1, 16, 14, 28), 16, 1, 4),
    "whole vectors": ((1, 3, 6, 64), 4, 1, 1),
    "few outputs": ((1, 40, 10, 13), 3, 1, 1),
    "many outputs": ((1, 3, 21, 50), 37, ((0, 1), (2, 1)), 1),
    "long rows": ((1, 2, 5, 2100), 2, 1, 1),
}
#: Layouts in which the elements of a row do not follow each other.
APART = ("fortran", "strided", "backwards", "last axis first", "channels last", "field")
TYPE = np.float32
X, W, B = integers((2, 6, 9, 37), TYPE), integers((6, 3, 3, 3), TYPE, seed=1), integers((6,), TYPE, seed=2)


def rows(x: Any, w: Any, *more: Any, **settings: Any) -> np.ndarray:
    return fc.conv2d(x, w, *more, **settings, algorithm="winograd_rows")


def expected(x: Any, w: Any, *more: Any, **settings: Any) -> np.ndarray:
    return fc.conv2d(x, w, *more, **settings, algorithm="reference")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", CALLS)
def test_whole_numbers_are_exact(name: str, dtype: str) -> None:
    shape, out_channels, padding, groups = CALLS[name]
    x, w = integers(shape, dtype), integers((out_channels, shape[1] // groups, 3, 3), dtype, seed=1)
    b = integers((out_channels,), dtype, seed=2)
    for bias in (b, None):
        wanted = expected(x, w, bias, padding=padding, groups=groups)
        np.testing.assert_array_equal(rows(x, w, bias, padding=padding, groups=groups), wanted, strict=True)


def test_planes_of_a_volume_and_transposed_convolutions() -> None:
    x, w = integers((2, 4, 5, 9, 20), TYPE), integers((6, 2, 1, 3, 3), TYPE, seed=1)
    for padding in (0, (2, 1, 1)):
        given = {"padding": padding, "groups": 2}
        found = fc.conv3d(x, w, B, **given, algorithm="winograd_rows")
        np.testing.assert_array_equal(found, fc.conv3d(x, w, B, **given, algorithm="reference"))
    turned = integers((6, 2, 3, 3), TYPE, seed=1)
    for flip in (False, True):
        given = {"padding": 1, "groups": 3, "flip": flip}
        wanted = fc.conv_transpose2d(X, turned, B, **given, algorithm="reference")
        np.testing.assert_array_equal(fc.conv_transpose2d(X, turned, B, **given, algorithm="winograd_rows"), wanted)
    np.testing.assert_array_equal(rows(X, W, groups=2, flip=True), expected(X, W, groups=2, flip=True))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_layout(layout: str) -> None:
    x, w = LAYOUTS[layout](X), LAYOUTS[layout](W)
    if layout in APART:
        with pytest.raises(ValueError, match="it reads rows of float32 where they stand"):
            rows(x, w, groups=2)
        x = X
    np.testing.assert_array_equal(rows(x, w, groups=2), expected(X, W, groups=2))
    np.testing.assert_array_equal(rows(x[0], w, groups=2), expected(X[:1], W, groups=2)[0])


def test_rows_and_images_may_stand_anywhere() -> None:
    base = integers((4, 12, 20, 50), TYPE)
    x = base[::-2, ::2, 18:0:-2, 3:40]
    np.testing.assert_array_equal(rows(x, W, B, groups=2, padding=1), expected(x, W, B, groups=2, padding=1))


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", *nightly("relu6", "silu", "sigmoid", "tanh")])
def test_activations(activation: str) -> None:
    given: dict[str, Any] = {"padding": 1, "groups": 2, "activation": activation}
    # An exponential, a sum and a quotient are rounded, here and in NumPy.
    np.testing.assert_allclose(rows(X, W, B, **given), expected(X, W, B, **given), rtol=4e-7)


def test_empty_batch_and_out() -> None:
    assert rows(X[:0], W, groups=2).shape == (0, 6, 7, 35)
    around = np.full((2, 6, 9, 39), 7, TYPE)
    out = np.full((2, 6, 9, 37), 7, TYPE)
    assert rows(X, W, groups=2, padding=1, out=out) is out
    np.testing.assert_array_equal(out, expected(X, W, groups=2, padding=1))
    rows(X, W, groups=2, padding=1, out=around[..., 1:-1])
    np.testing.assert_array_equal(around[..., 1:-1], out)
    assert (around[..., ::38] == 7).all()


@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf, 3e38])
@pytest.mark.parametrize("place", [(0, 0, 0, 0), (1, 2, 4, 5), (0, 4, 8, 36)])
def test_what_is_not_finite_stays_in_its_window(special: float, place: tuple[int, ...]) -> None:
    x, w = X.copy(), W.copy()
    x[place] = special
    if special == 3e38:  # differences of such numbers are infinite, sums of their products here are not
        x[place[:2]], w = special, np.abs(w) / np.abs(w).sum()
    with np.errstate(invalid="ignore", over="ignore"):
        wanted = expected(x, w, padding=1, groups=2)
        assert special != 3e38 or np.isfinite(wanted).all()
        packed = fc.Conv2d(w, padding=1, groups=2, algorithm="winograd_rows")
        for found in (rows(x, w, padding=1, groups=2), packed(x)):
            np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="NumPy rounds in another order")
@pytest.mark.parametrize("channels", [4, 85])
def test_rounds_no_worse_than_plain_sums(channels: int) -> None:
    rng = np.random.default_rng(channels)
    x, w = rng.standard_normal((1, channels, 40, 40), TYPE), rng.standard_normal((24, channels, 3, 3), TYPE)
    wanted = fc.conv2d(x.astype(float), w.astype(float), padding=1, algorithm="spread")
    assert np.abs(rows(x, w, padding=1) - wanted).max() <= 1e-6 * np.abs(wanted).max()


def test_same_bits_for_any_number_of_helpers(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((2, 12, 45, 38), TYPE), rng.standard_normal((40, 3, 3, 3), TYPE)
    found = set()
    for helpers in (0, 1, 2, 6):
        share_out(monkeypatch, helpers)
        found.add(rows(x, w, padding=1, groups=4).tobytes())
    assert len(found) == 1


def test_small_groups_and_few_channels_take_it() -> None:
    for channels, out_channels, groups in ((64, 64, 16), (3, 32, 1), (32, 3, 1)):
        x, w = np.zeros((1, channels, 56, 56), TYPE), np.zeros((out_channels, channels // groups, 3, 3), TYPE)
        with recording() as calls:
            fc.conv2d(x, w, padding=1, groups=groups)
        assert calls[0][1].algorithm == "winograd_rows"


@pytest.mark.parametrize(
    ("x", "weight", "settings", "reason"),
    [
        (X, W[..., :2], {}, "it is for kernels of 3 x 3 taps"),
        (X, W, {"dilation": (1, 2)}, "it is for kernels of 3 x 3 taps"),
        (X, W, {"dilation": (2, 1)}, "it is for kernels of 3 x 3 taps"),
        (X, W, {"stride": (1, 2)}, "it knows no stride but 1"),
        (X, W, {"padding": 1, "padding_mode": "reflect"}, "it knows no padding but zeros"),
        (X[..., ::2], W, {}, "it reads rows of float32 where they stand"),
        (np.zeros((1, 86, 5, 5), TYPE), np.zeros((2, 86, 3, 3), TYPE), {"groups": 1}, "its sums are of 256 products"),
        (X.astype(np.int64), W.astype(np.int64), {}, "it halves weights: not for int64"),
        (X, W, {"dtype": np.complex128}, "it halves weights: not for complex128"),
    ],
)  # fmt: skip
def test_what_it_declines(x: np.ndarray, weight: np.ndarray, settings: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        rows(x, weight, **({"groups": 2} | settings))
