"""`convolve`, `correlate` and `choose_conv_method`: which method, and what both have in common."""

from typing import Any

import numpy as np
import pytest

import fastconv as fc
from fastconv.reference import signal as reference
from properties.strategies import integers

BOTH = [fc.signal.convolve, fc.signal.correlate]


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_methods_agree(mode: str) -> None:
    for dtype, tolerance in (("float32", 1e-6), ("uint8", 0), ("bool", 0)):
        x, w = integers((40, 30), dtype), integers((7, 20), dtype, 1)
        for function in BOTH:
            direct, fft = function(x, w, mode, "direct"), function(x, w, mode, "fft")
            assert direct.dtype == fft.dtype == dtype
            error = np.abs(fft.astype(complex) - direct.astype(complex)).max()
            assert error <= tolerance * np.abs(direct.astype(complex)).max()


@pytest.mark.parametrize("dtype", ["uint8", "int32"])
def test_integers_are_exact_and_wrap_around_whatever_is_chosen(dtype: str) -> None:
    rng = np.random.default_rng(0)
    limits = np.iinfo(dtype)
    for shape in ((3000,), (70, 70)):
        x, w = (rng.integers(limits.min, limits.max, shape, dtype, endpoint=True) for _ in range(2))
        y = fc.signal.convolve(x, w)
        np.testing.assert_array_equal(y, fc.signal.convolve(x, w, method="direct"), strict=True)


def test_sums_beyond_32_bits_wrap_around_after_transforms() -> None:
    x = np.full(50_000, 255, np.uint8)
    counts = np.concatenate([np.arange(1, 50_001), np.arange(49_999, 0, -1)])
    y = fc.signal.convolve(x, x, method="fft")
    np.testing.assert_array_equal(y, (counts * 255 * 255).astype(np.uint8), strict=True)


def test_what_is_chosen() -> None:
    choose = fc.signal.choose_conv_method
    small, large, kernel = np.ones((8, 8)), np.ones((400, 400)), np.ones((300, 300))
    assert choose(small, small) == choose(large, np.ones((3, 3))) == "direct"
    assert choose(large, kernel) == choose(kernel, large, "same") == choose(kernel, large, "valid") == "fft"
    assert choose(large.astype(np.uint8), kernel.astype(np.uint8)) == "fft"
    # Sums that float64 does not hold, that it holds but for the error of transforms, and that are safe.
    for factor, method in ((2**39, "direct"), (2**34, "direct"), (2**20, "fft")):
        assert choose(large.astype(np.int64) * factor, kernel.astype(np.int64)) == method
    assert choose(large > 0, kernel > 0) == "direct"
    assert choose(large.astype(np.longdouble), kernel) == "direct"


def test_measured_methods() -> None:
    method, times = fc.signal.choose_conv_method(np.ones(50), np.ones(5), measure=True)
    assert set(times) == {"direct", "fft"}
    assert times[method] == min(times.values()) > 0


def test_a_choice_is_followed() -> None:
    """NaNs tell which method it was: with sums of products, few are NaN."""
    x = np.ones((400, 400))
    x[0, 0] = np.nan
    assert np.isnan(fc.signal.convolve(x, np.ones((3, 3)), "same")).sum() == 4
    with pytest.warns(RuntimeWarning, match="consider method='direct'") as caught:
        y = fc.signal.convolve(x, np.ones((300, 300)), "same")
    assert caught[0].filename == __file__
    assert np.isnan(y).sum() > 150 * 150
    with pytest.warns(RuntimeWarning, match="consider method='direct'") as caught:
        fc.signal.correlate(x, np.ones((300, 300)), "same")
    assert caught[0].filename == __file__


def test_numbers_without_axes() -> None:
    assert fc.signal.convolve(1289, 4567) == 1289 * 4567
    assert fc.signal.correlate(3j, 4j) == 12
    assert fc.signal.convolve(np.float32(2), np.float32(3)).dtype == np.float32


def test_axes_of_one_element() -> None:
    x, w = integers((5, 1, 4), "int64"), integers((1, 3, 4), "int64", 1)
    for mode in ("full", "same"):
        for method in ("fft", "direct"):
            y = fc.signal.convolve(x, w, mode, method)
            np.testing.assert_array_equal(y, reference.convolve(x, w, mode), strict=True)
    y = fc.signal.convolve(x[..., :1], w[..., :1], "same", "fft")
    np.testing.assert_array_equal(y, reference.convolve(x[..., :1], w[..., :1], "same"), strict=True)


@pytest.mark.parametrize("function", BOTH)
@pytest.mark.parametrize("method", ["auto", "direct", "fft"])
def test_inputs_without_elements(function: Any, method: str) -> None:
    y = function(np.zeros((0, 3), np.float32), np.ones((2, 2), np.float32), "same", method)
    np.testing.assert_array_equal(y, np.zeros((0, 3), np.float32), strict=True)
    for mode, first, second in (("full", [], [1.0]), ("full", [1.0], []), ("same", [1.0], []), ("valid", [1.0], [])):
        with pytest.raises(ValueError, match="and so no elements"):
            function(first, second, mode, method)


@pytest.mark.parametrize("function", BOTH)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1], [[2]]), "should have the same dimensionality"),
        (([1], 2), "should have the same dimensionality"),
        (([1, 2], [2], "spam"), "acceptable mode flags are 'valid', 'same', or 'full'"),
        (([1, 2], [2], 0), "acceptable mode flags"),
        (([1, 2], [2], ["full"]), "acceptable mode flags"),
        (([1, 2], [2], "full", "bacon"), "acceptable method flags are 'auto', 'direct', or 'fft'"),
        ((np.ones((2, 3)), np.ones((3, 2)), "valid"), "at least as large as the other in every dimension"),
    ],
)
def test_errors(function: Any, arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        function(*arguments)


@pytest.mark.parametrize("name", ["convolve", "correlate", "convolve2d", "correlate2d", "fftconvolve", "oaconvolve"])
def test_what_is_left_to_scipy(name: str) -> None:
    function, ones = getattr(fc.signal, name), np.ones((2, 2))
    for dtype in (np.longdouble, object, "U1"):
        with pytest.raises(TypeError, match=r"in2 has dtype .*, for which there is scipy.signal alone"):
            function(ones, ones.astype(dtype))
    with pytest.raises(TypeError, match="in1 is a masked array"):
        function(np.ma.ones((2, 2)), ones)


def test_errors_of_choose_conv_method() -> None:
    for arguments, message in (
        (([1, 2], 3), "should have the same dimensionality"),
        (([1, 2], [3], "spam"), "acceptable mode flags"),
        ((np.ones((2, 3)), np.ones((3, 2)), "valid"), "at least as large"),
    ):
        with pytest.raises(ValueError, match=message):
            fc.signal.choose_conv_method(*arguments)
    with pytest.raises(TypeError, match=r"scipy\.signal alone"):
        fc.signal.choose_conv_method(np.ones(2, np.longdouble), np.ones(2), measure=True)
