"""Fractional max pooling: windows that begin where random numbers say, and what callers may ask."""

from typing import Any

import numpy as np
import pytest

import fastconv as fc
from fastconv import reference
from properties.strategies import FEW_REAL, LAYOUTS, integers
from sharing import share_out

MAX = {2: fc.fractional_max_pool2d, 3: fc.fractional_max_pool3d}
X = integers((2, 3, 9, 11), np.float32)
SAMPLES = np.random.default_rng(0).random((2, 3, 2), np.float32)


def expected(x: np.ndarray, kernel: tuple[int, ...], outputs: tuple[int, ...], samples: Any) -> Any:
    """What the reference gives; in two dimensions the first random number is the width's."""
    rank, begins = len(kernel), []
    for axis, number in enumerate((1, 0) if rank == 2 else (0, 1, 2)):
        along = [
            reference.fractional_begins(x.shape[2 + axis], kernel[axis], outputs[axis], u)
            for u in samples[..., number].ravel()
        ]
        begins.append(np.array(along).reshape(*samples.shape[:2], -1))
    return reference.fractional_max_pool(x, kernel, begins)


def test_printed_windows() -> None:
    x = np.arange(10, dtype=np.float32).reshape(1, 1, 10)
    columns = fc.fractional_max_pool2d(x, (1, 2), (1, 4), random_samples=[[0.5, 0.0]])
    assert columns.tolist() == [[[1, 4, 6, 9]]]  # of windows that begin at 0, 3, 5 and 8
    assert fc.fractional_max_pool2d(x, (1, 2), (1, 1), random_samples=[[0.5, 0.0]]).tolist() == [[[9]]]
    assert fc.fractional_max_pool2d(x, (1, 10), 1).tolist() == [[[9]]]


@pytest.mark.parametrize("dtype", FEW_REAL)
def test_every_dtype(dtype: str) -> None:
    x = integers(X.shape, dtype)
    values, places = fc.fractional_max_pool2d(x, (2, 3), (4, 5), None, True, random_samples=SAMPLES)
    for found, wanted in zip((values, places), expected(x, (2, 3), (4, 5), SAMPLES), strict=True):
        np.testing.assert_array_equal(found, wanted, strict=True)
    if dtype != "int8":
        np.testing.assert_array_equal(fc.fractional_max_pool2d(x, (2, 3), (4, 5), random_samples=SAMPLES), values)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("shape", "kernel", "outputs"),
    [((2, 3, 9, 11), (1, 1), (9, 11)), ((1, 2, 7, 40), (3, 2), (5, 39)), ((2, 2, 5, 6, 7), (2, 1, 3), (4, 5, 2))],
)
def test_geometries(shape: tuple[int, ...], kernel: tuple[int, ...], outputs: tuple[int, ...], kind: Any) -> None:
    x = integers(shape, np.float32)
    samples = np.random.default_rng(1).random((*shape[:2], len(kernel))).astype(kind)
    samples[0, 0], samples[-1, -1] = 0, np.nextafter(kind(1), kind(0))
    found = MAX[len(kernel)](x, kernel, outputs, None, True, random_samples=samples)
    for one, wanted in zip(found, expected(x, kernel, outputs, samples), strict=True):
        np.testing.assert_array_equal(one, wanted, strict=True)


def test_windows_stay_inside_whatever_rounding_does() -> None:
    """The place of a maximum is that of its value."""
    x = np.random.default_rng(0).random((1, 500, 3, 200), np.float32)
    values, places = fc.fractional_max_pool2d(x, (1, 2), (3, 199), None, True, rng=0)
    at = places.reshape(1, 500, -1)
    np.testing.assert_array_equal(np.take_along_axis(x.reshape(1, 500, -1), at, 2).reshape(values.shape), values)


def test_random_numbers() -> None:
    seeded = fc.fractional_max_pool2d(X, 2, 4, rng=3)
    np.testing.assert_array_equal(seeded, fc.fractional_max_pool2d(X, 2, 4, rng=np.random.default_rng(3)))
    drawn = np.random.default_rng(3).random((2, 3, 2))
    np.testing.assert_array_equal(seeded, fc.fractional_max_pool2d(X, 2, 4, random_samples=drawn))
    assert len({fc.fractional_max_pool2d(X, 2, 4).tobytes() for _ in range(9)}) > 1
    alone = fc.fractional_max_pool2d(X[1], 2, 4, random_samples=drawn[1])
    np.testing.assert_array_equal(alone, seeded[1])
    np.testing.assert_array_equal(alone, fc.fractional_max_pool2d(X[1], 2, 4, random_samples=drawn[1:]))


def test_ratios() -> None:
    assert fc.fractional_max_pool2d(X, 2, output_ratio=0.5).shape == (2, 3, 4, 5)
    assert fc.fractional_max_pool2d(X, 2, output_ratio=(0.4, 0.7)).shape == (2, 3, 3, 7)
    assert fc.fractional_max_pool3d(X, 2, output_ratio=[0.4, 0.3, 0.7]).shape == (2, 1, 2, 7)
    assert fc.fractional_max_pool2d(X[:0], 2, output_ratio=0.5).shape == (0, 3, 4, 5)


def test_nan_wins_and_gradients_take_the_places() -> None:
    x = X.copy()
    x[0, 1, 3:5, 4:6] = np.nan
    values, places = fc.fractional_max_pool2d(x, 2, 5, None, True, random_samples=SAMPLES)
    wanted, at = expected(x, (2, 2), (5, 5), SAMPLES)
    assert np.isnan(wanted).any()
    np.testing.assert_array_equal(values, wanted)
    np.testing.assert_array_equal(places, at)
    ones = fc.grad.max_pool2d(np.ones_like(values), places, x.shape)
    assert ones.sum() == values.size


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_and_out(layout: str) -> None:
    wanted, places = fc.fractional_max_pool2d(X, 2, 4, None, True, random_samples=SAMPLES)
    laid, samples = LAYOUTS[layout](X), LAYOUTS[layout](SAMPLES)
    values, at = fc.fractional_max_pool2d(laid, 2, 4, None, True, random_samples=samples)
    np.testing.assert_array_equal(values, wanted, strict=True)
    np.testing.assert_array_equal(at, places, strict=True)
    if layout not in ("read-only", "byte-swapped"):
        out = LAYOUTS[layout](np.zeros_like(wanted))
        assert fc.fractional_max_pool2d(X, 2, 4, random_samples=SAMPLES, out=out) is out
        np.testing.assert_array_equal(out, wanted)


def test_same_bits_for_any_number_of_helpers(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(0).normal(size=(2, 8, 60, 61)).astype(np.float32)
    found = set()
    for helpers in (0, 1, 6):
        share_out(monkeypatch, helpers)
        found.add(b"".join(one.tobytes() for one in fc.fractional_max_pool2d(x, 3, 31, None, True, rng=0)))
    assert len(found) == 1


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({}, ValueError, "output_size=None and output_ratio=None both say"),
        ({"output_size": 2, "output_ratio": 0.5}, ValueError, "output_size=2 and output_ratio=0.5 both say"),
        ({"output_size": 9}, ValueError, "9 different windows of 2 elements do not fit into 9; give .* at most 8"),
        ({"output_size": 0}, ValueError, "output_size=0 is too small"),
        ({"output_size": 2.5}, TypeError, "output_size=2.5 is not a whole number"),
        ({"output_ratio": 1.0}, ValueError, "output_ratio=1.0 is no part"),
        ({"output_ratio": "half"}, ValueError, "output_ratio='half' is no part"),
        ({"output_ratio": (0.5,)}, ValueError, r"output_ratio=\(0.5,\) has 1 entries"),
        ({"output_ratio": 0.01}, ValueError, "output_ratio=0.01 of an input of size .* is no whole window"),
        ({"output_size": 4, "kernel_size": 0}, ValueError, "kernel_size=0 is too small"),
        (
            {"output_size": 4, "random_samples": SAMPLES[0]},
            ValueError,
            r"random_samples have shape \(3, 2\)",
        ),
        ({"output_size": 4, "random_samples": SAMPLES + 1}, ValueError, "random_samples are not all numbers from 0"),
        ({"output_size": 4, "random_samples": SAMPLES * np.nan}, ValueError, "random_samples are not all numbers"),
        ({"output_size": 4, "random_samples": SAMPLES.astype(int)}, TypeError, "random_samples have dtype int64"),
        ({"output_size": 4, "input": X * 1j}, TypeError, "input has dtype complex64"),
        ({"output_size": 4, "input": X[0, 0]}, ValueError, "fractional_max_pool2d takes"),
        ({"output_size": 4, "out": np.empty(3)}, ValueError, "out has shape"),
    ],
)
def test_wrong_calls(options: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words) as caught:
        fc.fractional_max_pool2d(**{"input": X, "kernel_size": 2} | options)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")
