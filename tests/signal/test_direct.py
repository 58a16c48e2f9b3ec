"""Sums of products: `convolve2d` and `correlate2d`, and `convolve` and `correlate` by method "direct"."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastconv as fc
from fastconv.reference import signal as reference
from properties.strategies import LAYOUTS, examples, integers, seeds

BOUNDARIES = {"fill": "zeros", "pad": "zeros", "wrap": "circular", "symm": "symmetric"}


def fits(in1: np.ndarray, in2: np.ndarray) -> bool:
    return all(n >= k for n, k in zip(in1.shape, in2.shape, strict=True))


@examples(60)
@given(data=st.data(), seed=seeds)
def test_convolve_and_correlate(data: st.DataObject, seed: int) -> None:
    """Any number of axes, and in mode "valid" the larger first or last."""
    rank = data.draw(st.integers(1, 4))
    sizes = st.tuples(*[st.integers(1, {1: 12, 2: 6, 3: 4, 4: 3}[rank])] * rank)
    dtype = data.draw(st.sampled_from(["float32", "float64", "int32", "complex128"]))
    a, b = integers(data.draw(sizes), dtype, seed), integers(data.draw(sizes), dtype, seed + 1)
    a = LAYOUTS[data.draw(st.sampled_from(sorted(LAYOUTS)))](a)
    for mode in ("full", "same"):
        y = fc.signal.convolve(a, b, mode, "direct")
        np.testing.assert_array_equal(y, reference.convolve(a, b, mode), strict=True)
        y = fc.signal.correlate(a, b, mode, "direct")
        np.testing.assert_array_equal(y, reference.correlate(a, b, mode), strict=True)
    large, small = np.maximum(a.shape, b.shape), np.minimum(a.shape, b.shape)
    a, b = integers(large, dtype, seed), integers(small, dtype, seed + 1)
    for first, second in ((a, b), (b, a)):
        y = fc.signal.convolve(first, second, "valid", "direct")
        np.testing.assert_array_equal(y, reference.convolve(a, b, "valid"), strict=True)
    y = fc.signal.correlate(a, b, "valid", "direct")
    np.testing.assert_array_equal(y, reference.correlate(a, b, "valid"), strict=True)
    turned = np.flip(reference.correlate(a, b, "valid")).conj()
    np.testing.assert_array_equal(fc.signal.correlate(b, a, "valid", "direct"), turned, strict=True)


@examples(60)
@given(data=st.data(), seed=seeds)
def test_images_with_boundaries(data: st.DataObject, seed: int) -> None:
    """Kernels up to many times as large as the image."""
    sizes = st.tuples(*[st.integers(1, 6)] * 2)
    dtype = data.draw(st.sampled_from(["float32", "int32"]))
    x, w = integers(data.draw(sizes), dtype, seed), integers(data.draw(sizes), dtype, seed + 1)
    boundary, value = data.draw(st.sampled_from(sorted(BOUNDARIES))), data.draw(st.sampled_from([0, 3]))
    mode = data.draw(st.sampled_from(["full", "same", "valid"] if fits(x, w) else ["full", "same"]))
    used = value if BOUNDARIES[boundary] == "zeros" else 0
    y = fc.signal.convolve2d(x, w, mode, boundary, used)
    np.testing.assert_array_equal(y, reference.convolve(x, w, mode, BOUNDARIES[boundary], used), strict=True)
    y = fc.signal.correlate2d(x, w, mode, boundary, used)
    whole = reference.convolve(x, np.flip(w).conj(), "full", BOUNDARIES[boundary], used)
    begin = {"full": (0, 0), "same": (w.shape[0] // 2, w.shape[1] // 2), "valid": (w.shape[0] - 1, w.shape[1] - 1)}[
        mode
    ]
    part = whole[begin[0] : begin[0] + y.shape[0], begin[1] : begin[1] + y.shape[1]]
    np.testing.assert_array_equal(y, part, strict=True)


@pytest.mark.parametrize("dtype", ["int8", "uint32", "uint64"])
def test_integers_wrap_around(dtype: str) -> None:
    high = np.iinfo(dtype).max
    x, w = np.array([[high, high - 1, 3], [high // 2, 5, high]], dtype), np.array([[high, 7, high]], dtype)
    y = fc.signal.convolve(x, w, method="direct")
    np.testing.assert_array_equal(y, reference.convolve(x, w), strict=True)
    y = fc.signal.convolve2d(x, w, fillvalue=high)
    np.testing.assert_array_equal(y, reference.convolve(x, w, value=high), strict=True)


def test_booleans_are_true_where_a_product_is() -> None:
    x, w = np.array([[True, False, False, False]]), np.array([[True, True]])
    y = fc.signal.convolve2d(x, w)
    np.testing.assert_array_equal(y, [[True, True, False, False, False]], strict=True)
    np.testing.assert_array_equal(fc.signal.convolve(x, w, method="fft"), y, strict=True)


def test_mixed_dtypes_promote() -> None:
    ints, floats = np.array([1, 2**24 + 1], np.int32), np.array([1, 0.5], np.float32)
    y = fc.signal.convolve(ints, floats, method="direct")
    np.testing.assert_array_equal(y, [1.0, 2.0**24 + 1.5, 2.0**23 + 0.5], strict=True)
    assert fc.signal.convolve(np.ones(3, np.int16), np.ones(2, np.float32), method="direct").dtype == np.float32
    assert fc.signal.convolve(np.ones(3, np.float16), np.ones(2, np.float16), method="direct").dtype == np.float16
    assert fc.signal.convolve(np.ones(3, ">f4"), np.ones(2, ">f4"), method="direct").dtype == np.dtype("=f4")


def test_the_first_is_conjugated_where_valid_swaps_images() -> None:
    """A convention of SciPy's, which `correlate` has not."""
    y = fc.signal.correlate2d([[2j]], [[3j, 1]], mode="valid")
    np.testing.assert_array_equal(y, [[-2j, 6]])
    np.testing.assert_array_equal(fc.signal.correlate([[2j]], [[3j, 1]], mode="valid"), [[2j, 6]])


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_results_are_contiguous_arrays_of_their_own(mode: str) -> None:
    x, w = np.ones((4, 5)).T, np.ones((2, 1)).T
    for y in (fc.signal.convolve2d(x, w, mode), fc.signal.correlate2d(w, x, mode), fc.signal.convolve(x, w, mode)):
        assert y.flags.c_contiguous
        assert not np.may_share_memory(y, x)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.ones(3), np.ones((2, 2))), "two arrays of two axes"),
        ((np.ones((2, 2)), np.ones((2, 2)), "spam"), "acceptable mode flags"),
        ((np.ones((2, 2)), np.ones((2, 2)), "full", "spam"), "acceptable boundary flags"),
        ((np.ones((2, 2)), np.ones((2, 2)), "full", "reflect"), "acceptable boundary flags"),
        ((np.ones((2, 3)), np.ones((3, 2)), "valid"), "at least as large as the other in every dimension"),
        ((np.ones((0, 3)), np.ones((3, 2)), "full", "wrap"), "nothing stands beside it"),
        ((np.ones((2, 2), int), np.ones((2, 2), int), "full", "fill", 1j), "could not cast `fillvalue` directly"),
        ((np.ones((2, 2), np.uint8), np.ones((2, 2), np.uint8), "full", "fill", -1), "could not cast `fillvalue`"),
        ((np.ones((2, 2), int), np.ones((2, 2), int), "full", "fill", np.nan), "could not cast `fillvalue`"),
        ((np.ones((2, 2)), np.ones((2, 2)), "full", "fill", "a"), "could not cast `fillvalue`"),
        ((np.ones((2, 2)), np.ones((2, 2)), "full", "fill", [1, 2]), "`fillvalue` must be scalar or an array with"),
    ],
)
def test_errors(arguments: Any, message: str) -> None:
    for function in (fc.signal.convolve2d, fc.signal.correlate2d):
        with pytest.raises(ValueError, match=message):
            function(*arguments)


def test_a_fill_of_one_element_and_of_fractions() -> None:
    x, w = np.ones((1, 2), np.uint8), np.ones((1, 2), np.uint8)
    np.testing.assert_array_equal(fc.signal.convolve2d(x, w, fillvalue=[2.9]), [[3, 2, 3]])


def test_what_a_call_decides_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """But not the kernel's values, nor whether a call is right."""
    x, w = integers((9, 8), "float32"), integers((2, 3), "float32", 1)
    functions = (fc.signal.convolve2d, fc.signal.correlate2d, fc.signal.convolve, fc.signal.correlate)
    first = [function(x, w, "same") for function in functions]
    monkeypatch.setattr("fastconv.signal.direct.conv_call", None)
    w *= 2
    for function, found in zip(functions, first, strict=True):
        np.testing.assert_array_equal(function(x, w, "same"), 2 * found)
        with pytest.raises(TypeError):  # for other arrays it is decided anew
            function(x[:, ::-1], w, "same")
        for _ in range(2):
            with pytest.raises(ValueError, match="mode='other' is not known"):
                function(x, w, "other")


def test_the_values_of_whole_numbers_choose_each_time() -> None:
    """Transforms where they are exact, sums where not, for arrays of one form."""
    small = integers((200, 200), "int64"), integers((90, 90), "int64", 1)
    for factor in (1, 2**40, 1):
        found = fc.signal.convolve(small[0] * factor, small[1], "valid")
        np.testing.assert_array_equal(found, factor * fc.signal.convolve(*small, "valid", "direct"))
