"""SciPy's filters without SciPy: each is the loop that defines it, for every mode, type, layout and number of axes."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastconv import ndimage, threads
from fastconv.ndimage import correlation, sums
from fastconv.ops import taps
from fastconv.ops.calls import recording
from fastconv.reference import ndimage as reference
from fastconv.reference.padding import pad_axis
from properties.strategies import LAYOUTS, examples, integers, seeds

MODES = sorted(reference.MODES)
modes = st.sampled_from(MODES)


@st.composite
def windows(draw: st.DrawFn, most: int = 4) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """An array's size, a window's, and its origin."""
    rank = draw(st.integers(1, 4))
    size, taps = (draw(st.tuples(*[st.integers(1, n)] * rank)) for n in (6, most))
    return size, taps, tuple(draw(st.integers(-(k // 2), (k - 1) // 2)) for k in taps)


def laid_out(data: st.DataObject, x: Any) -> Any:
    return LAYOUTS[data.draw(st.sampled_from(sorted(LAYOUTS)))](x)


#: Of images and weights; float32 by complex numbers, which takes ten seconds to compile, has a test of its own.
DTYPES = [
    ("float32", "float64"), ("float64", "float64"), ("float64", "complex128"), ("complex128", "float64"),
    ("complex128", "complex128"),
]  # fmt: skip


@examples(60)
@given(data=st.data(), case=windows(), mode=modes, seed=seeds)
def test_correlate_and_convolve(data: st.DataObject, case: Any, mode: str, seed: int) -> None:
    size, taps, origin = case
    dtype, weight_dtype = data.draw(st.sampled_from(DTYPES))
    cval = data.draw(st.sampled_from([0, 2.5]))
    x, w = integers(size, dtype, seed), integers(taps, weight_dtype, seed + 1)
    expected = reference.correlate(x, w, origin, mode, cval)
    result = ndimage.correlate(laid_out(data, x), w, None, mode, cval, origin)
    np.testing.assert_array_equal(result, expected)
    is_complex = "complex128" in (dtype, weight_dtype)
    assert result.dtype == (np.promote_types(dtype, np.complex64) if is_complex else dtype)
    # Turned around, an even window's middle is on the other side, and positive origins go the other way.
    turned = [-shift - (k % 2 == 0) for k, shift in zip(taps, origin, strict=True)]
    back = ndimage.convolve(x, np.flip(np.conj(w)), None, mode, cval, turned)
    np.testing.assert_array_equal(back, expected)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("size", "taps"), [((20, 30), (130, 140)), ((30, 19), (137, 130)), ((45, 40), (100, 190))])
def test_windows_that_go_round_their_image_several_times(size: Any, taps: Any, mode: str) -> None:
    """They are multiplied with the transform of the whole image, padding included."""
    rng = np.random.default_rng(7)
    x, w = rng.standard_normal(size).astype(np.float32), rng.standard_normal(taps).astype(np.float32)
    padded = x.astype(np.float64)
    for axis, k in enumerate(taps):
        padded = pad_axis(padded, axis, k // 2, k - 1 - k // 2, reference.MODES[mode])
    expected = np.einsum("yxij,ij->yx", np.lib.stride_tricks.sliding_window_view(padded, taps), w.astype(np.float64))
    with recording() as calls:
        result = ndimage.correlate(x, w, None, mode)
    assert [choice.algorithm for _, choice in calls] == ["fourier"]
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-6 * np.abs(x).max() * np.abs(w).sum())


@examples(40)
@given(data=st.data(), case=windows(), mode=modes, seed=seeds)
def test_along_one_axis(data: st.DataObject, case: Any, mode: str, seed: int) -> None:
    size, taps, origin = case
    axis = data.draw(st.integers(0, len(size) - 1))
    line = tuple(k if i == axis else 1 for i, k in enumerate(taps))
    here = tuple(shift if i == axis else 0 for i, shift in enumerate(origin))
    x, w = integers(size, "float32", seed), integers(line, seed=seed + 1)
    expected = reference.correlate(x, w, here, mode, 3)
    at = data.draw(st.sampled_from([axis, axis - len(size)]))
    result = ndimage.correlate1d(laid_out(data, x), w.ravel(), at, None, mode, 3, origin[axis])
    np.testing.assert_array_equal(result, expected)
    turned = -origin[axis] - (taps[axis] % 2 == 0)
    np.testing.assert_array_equal(ndimage.convolve1d(x, w.ravel()[::-1], at, None, mode, 3, turned), expected)
    for least, function in ((False, ndimage.maximum_filter1d), (True, ndimage.minimum_filter1d)):
        expected = reference.extremes(x, np.ones(line, bool), here, mode, 3, least)
        np.testing.assert_array_equal(function(x, taps[axis], at, None, mode, 3, origin[axis]), expected)
    expected = reference.uniform(x, line, here, mode, 3)
    np.testing.assert_allclose(ndimage.uniform_filter1d(x, taps[axis], at, None, mode, 3, origin[axis]), expected, 1e-6)


@examples(60)
@given(data=st.data(), case=windows(), mode=modes, seed=seeds)
def test_extremes(data: st.DataObject, case: Any, mode: str, seed: int) -> None:
    size, taps, origin = case
    x = integers(size, data.draw(st.sampled_from(["float32", "int8"])), seed)
    where = np.random.default_rng(seed).random(taps) < data.draw(st.sampled_from([0.4, 2]))
    where.flat[0] = True
    for least, function in ((False, ndimage.maximum_filter), (True, ndimage.minimum_filter)):
        expected = reference.extremes(x, where, origin, mode, 1, least)
        result = function(laid_out(data, x), None, where, None, mode, 1, origin)
        np.testing.assert_array_equal(result, expected, strict=True)
        if where.all():
            np.testing.assert_array_equal(function(x, taps, None, None, [mode] * x.ndim, 1, origin), expected)


@examples(30)
@given(case=windows(), mode=modes, seed=seeds)
def test_means(case: Any, mode: str, seed: int) -> None:
    size, taps, origin = case
    x = integers(size, "float32", seed)
    expected = reference.uniform(x, taps, origin, mode, 2)
    np.testing.assert_allclose(ndimage.uniform_filter(x, taps, None, mode, 2, origin), expected, 0, 4e-6)
    both = x + 1j * x[::-1].astype(np.complex64)
    expected = expected + 1j * reference.uniform(x[::-1], taps, origin, mode, 2)
    found = ndimage.uniform_filter(both, taps, None, mode, 2 + 2j, origin)
    np.testing.assert_allclose(found, expected, 0, 6e-6)


@pytest.mark.parametrize("mode", MODES)
def test_windows_larger_than_the_array(mode: str) -> None:
    x, w = integers((3, 2)), integers((9, 8), seed=1)
    np.testing.assert_array_equal(ndimage.correlate(x, w, None, mode), reference.correlate(x, w, (0, 0), mode))
    expected = reference.extremes(x, np.ones((9, 8), bool), (0, 0), mode)
    np.testing.assert_array_equal(ndimage.maximum_filter(x, (9, 8), mode=mode), expected)


@examples(40)
@given(case=windows(3), mode=modes, seed=seeds, symmetric=st.sampled_from([0, 1, -1]), layout=st.sampled_from("CF"))
def test_integers_lose_their_fraction_where_plain_sums_do(
    case: Any, mode: str, seed: int, symmetric: int, layout: Any
) -> None:
    """Weights of tenths: whether a sum is an integer or just below is a matter of the order of its roundings."""
    size, taps, origin = case
    x = np.random.default_rng(seed).integers(0, 256, size).astype(np.uint8, order=layout)
    w = np.random.default_rng(seed + 1).integers(-9, 10, taps) / 10

    def plain(window: Any) -> float:
        total = 0.0
        for value, weight in zip(window.ravel().tolist(), w.ravel().tolist(), strict=True):
            total += value * weight
        return total

    expected = reference._filtered(x, taps, origin, mode, 3, plain, float)
    if max(taps) < w.size:  # along one axis another order holds
        result = ndimage.correlate(x, w, None, mode, 3, origin)
        np.testing.assert_array_equal(result, reference.truncated(expected, np.uint8), strict=True)
    line = w.ravel()[: w.size - 1 + w.size % 2] if w.size > 1 else np.array([0.3])
    if symmetric:
        line = np.concatenate([line, [0.7], symmetric * line[::-1]])

    def along(window: Any) -> float:
        values, middle = window.ravel().tolist(), line.size // 2
        if symmetric or line.size == 1:
            total = values[middle] * line[middle]
            for i in range(middle):
                total += (values[i] + symmetric * values[-1 - i]) * line[i]
            return total
        total = values[-1] * line[-1]
        for value, weight in zip(values[:-1], line.tolist(), strict=False):
            total += value * weight
        return total

    if not symmetric and line.size > 1 and np.allclose(np.abs(line), np.abs(line[::-1])):
        return
    shape = (line.size, *[1] * (x.ndim - 1))
    expected = reference._filtered(x, shape, (0,) * x.ndim, mode, 3, along, float)
    result = ndimage.correlate1d(x, line, 0, np.int32, mode, 3)
    np.testing.assert_array_equal(result, reference.truncated(expected, np.int32), strict=True)


@pytest.mark.parametrize("side", [3, 14])
def test_sums_that_are_nearly_right_tell_which_to_take_anew(side: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """In float32 and in float64; where all are doubtful, few, and none."""
    x = np.zeros((40, 300), np.uint8)
    x[5:20] = np.random.default_rng(1).integers(0, 256, (15, 300))
    x[20:30, :200] = 255
    w = np.full((side, side), 1 / side**2)
    w[0, 0] += 1e-7

    def both() -> tuple[Any, Any]:
        correlation._window.cache_clear()
        correlation._line.cache_clear()
        return ndimage.correlate(x, w, np.int16), ndimage.correlate1d(x, w[0] * side, 0)

    found = both()
    monkeypatch.setattr(taps, "MOST_DOUBT", 0.0)
    for one, other in zip(found, both(), strict=True):
        np.testing.assert_array_equal(one, other, strict=True)


def test_integers_wrap_around() -> None:
    x = integers((7, 9), np.uint8, 3) * 60
    w = integers((3, 3), seed=1)
    expected = reference.truncated(reference.correlate(x.astype(float), w, (0, 0), "mirror"), np.uint8)
    np.testing.assert_array_equal(ndimage.correlate(x, w, mode="mirror"), expected, strict=True)
    y = ndimage.correlate(x.astype(np.float64), w - 0.25, np.int8, "mirror")
    expected = reference.truncated(reference.correlate(x.astype(float), w - 0.25, (0, 0), "mirror"), np.int8)
    np.testing.assert_array_equal(y, expected, strict=True)


def test_integers_beyond_what_floats_hold() -> None:
    high = np.array([2**63 + 2**62, 2**63 - 2**62, 3], np.uint64)
    np.testing.assert_array_equal(ndimage.correlate1d(high, [1.0]), high, strict=True)
    below = ndimage.correlate1d(np.array([3], np.uint64), [-1.0])
    np.testing.assert_array_equal(below, np.array([2**64 - 3], np.uint64), strict=True)
    x = np.full((5, 30), 65535, np.uint16)
    w = np.ones((5, 61))
    np.testing.assert_array_equal(ndimage.correlate(x, w, np.int32), np.full(x.shape, 305 * 65535), strict=False)
    np.testing.assert_array_equal(ndimage.maximum_filter(high, 3), [high[0], high[0], high[1]])


def test_what_stands_beside_integers_may_be_a_fraction() -> None:
    x = np.array([1], np.uint8)
    assert ndimage.uniform_filter(x, 3, mode="constant", cval=2.5) == 2
    assert ndimage.correlate(x, [0.3, 0.3, 0.3], mode="constant", cval=2.5) == 1
    assert ndimage.minimum_filter(x, 3, mode="constant", cval=-2.5) == 254
    assert ndimage.maximum_filter(x, 3, mode="constant", cval=-2.5) == 1
    # A footprint's is made one of the input's numbers, and a sum of derivatives loses its fraction along each axis.
    assert ndimage.maximum_filter(x, None, [1, 0, 1], np.float64, "constant", 2.5) == 2
    assert ndimage.laplace(x.reshape(1, 1).astype(np.int8), None, "constant", 1.25) == 0
    assert ndimage.laplace(x.reshape(1, 1).astype(np.int8), np.float64, "constant", 1.25) == 1


def test_means_of_integers_lose_their_fraction_along_each_axis() -> None:
    x = integers((9, 8), np.int8, 5) * 20
    expected = reference.truncated(reference.uniform(x, (3, 1), (0, 0), "reflect"), np.int8)
    expected = reference.truncated(reference.uniform(expected, (1, 4), (0, 0), "wrap"), np.int8)
    found = ndimage.uniform_filter(x, (3, 4), mode=["reflect", "wrap"])
    np.testing.assert_array_equal(found, expected, strict=True)


def gaussian(sigma: float, radius: int, order: int) -> Any:
    """The weights of a correlation, by the derivatives' Hermite polynomials."""
    mean = [math.exp(-0.5 * (k / sigma) ** 2) for k in range(-radius, radius + 1)]
    hermite = [lambda t: 1.0, lambda t: t, lambda t: t * t - 1, lambda t: t**3 - 3 * t][order]
    return np.array([hermite((k - radius) / sigma) / sigma**order * value / sum(mean) for k, value in enumerate(mean)])


@pytest.mark.parametrize("order", [0, 1, 2, 3])
@pytest.mark.parametrize("mode", ["reflect", "constant", "wrap"])
def test_gaussian(order: int, mode: str) -> None:
    x = np.random.default_rng(0).normal(size=(12, 17))
    rows, columns = gaussian(0.8, 3, order)[:, None], gaussian(1.5, 6, 0)[None]
    expected = reference.correlate(x, rows, (0, 0), mode, 0.5)
    np.testing.assert_allclose(ndimage.gaussian_filter1d(x, 0.8, 0, order, None, mode, 0.5), expected, atol=1e-12)
    expected = reference.correlate(expected, columns, (0, 0), mode, 0.5)
    np.testing.assert_allclose(
        ndimage.gaussian_filter(x, (0.8, 1.5), (order, 0), None, mode, 0.5), expected, atol=1e-12
    )


def test_derivatives() -> None:
    x = integers((6, 7, 5))
    smooth, step = np.array([1.0, 2.0, 1.0]), np.array([-1.0, 0.0, 1.0])
    kernel = np.multiply.outer(np.multiply.outer(smooth, step), smooth)
    expected = reference.correlate(x, kernel, (0, 0, 0), "nearest")
    for dtype in (np.float64, np.int32):
        np.testing.assert_array_equal(ndimage.sobel(x.astype(dtype), 1, mode="nearest"), expected.astype(dtype))
    kernel = np.multiply.outer(np.multiply.outer(np.ones(3), step), np.ones(3))
    expected = reference.correlate(x, kernel, (0, 0, 0), "nearest")
    np.testing.assert_array_equal(ndimage.prewitt(x, 1, mode="nearest"), expected)
    second = np.array([1.0, -2.0, 1.0])
    expected = reference.correlate(x, second[:, None, None], (0, 0, 0), "mirror", 2)
    expected = expected + reference.correlate(x, second, (0,), "mirror", 2) if x.ndim == 1 else expected
    for axis in (1, 2):
        shape = [3 if i == axis else 1 for i in range(3)]
        expected = expected + reference.correlate(x, second.reshape(shape), (0, 0, 0), "mirror", 2)
    np.testing.assert_array_equal(ndimage.laplace(x, mode="mirror", cval=2), expected)
    np.testing.assert_array_equal(ndimage.laplace(x, mode=["mirror"] * 2 + ["grid-wrap"]).shape, x.shape)


def test_flat_floats_have_no_slope() -> None:
    x = np.full((20, 40), 0.1, np.float32)
    for axis in (0, 1):
        assert not ndimage.sobel(x, axis).any()
    assert not ndimage.laplace(x).any()


def test_float32_is_within_its_bound() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(90, 130)).astype(np.float32)
    w = rng.normal(size=(15, 15))
    for function, arguments in (
        (ndimage.correlate, (w,)),
        (ndimage.gaussian_filter, (3,)),
        (ndimage.uniform_filter, (15,)),
        (ndimage.sobel, ()),
    ):
        exact = function(x.astype(np.float64), *arguments)  # type: ignore[operator]
        found = function(x, *arguments)  # type: ignore[operator]
        assert np.max(np.abs(found - exact)) <= 1e-6 * np.max(np.abs(exact)), function
    high = x + np.float32(1000)
    means = ndimage.gaussian_filter(high, 2).mean(dtype=np.float64)
    assert abs(means - ndimage.gaussian_filter(high.astype(np.float64), 2).mean()) < 1e-5


def test_products_of_lines_are_filtered_line_by_line() -> None:
    rng = np.random.default_rng(2)
    x, lines = rng.normal(size=(30, 40)), rng.normal(size=(2, 13))
    w = np.multiply.outer(*lines)
    for mode in ("reflect", "constant"):
        expected = reference.correlate(x, w, (2, -3), mode, 0.5)
        np.testing.assert_allclose(ndimage.correlate(x, w, None, mode, 0.5, (2, -3)), expected, atol=1e-11)
    assert len(sums._factors(w, whole=False)) == 2
    w[3, 4] += 1e-3  # no such product any more
    expected = reference.correlate(x, w, (0, 0), "reflect")
    np.testing.assert_allclose(ndimage.correlate(x, w), expected, atol=1e-11)
    bytes_, ones = integers((30, 40), np.uint8), np.ones((13, 13))
    expected = reference.truncated(reference.correlate(bytes_.astype(float), ones, (0, 0), "wrap"), np.uint8)
    np.testing.assert_array_equal(ndimage.correlate(bytes_, ones, mode="wrap"), expected)


def test_nans_and_infinities_stay_in_their_windows() -> None:
    x = np.zeros((9, 11), np.float32)
    x[4, 5], x[0, 0] = np.nan, np.inf
    near = np.zeros(x.shape, bool)
    near[3:6, 4:7] = True
    cross = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], bool)
    for found in (ndimage.maximum_filter(x, 3), ndimage.minimum_filter(x, 3), ndimage.uniform_filter(x, 3)):
        np.testing.assert_array_equal(np.isnan(found), near)
    assert np.isnan(ndimage.minimum_filter(x, footprint=cross)).sum() == 5
    assert ndimage.maximum_filter(x, 3)[1, 1] == np.inf == ndimage.uniform_filter(x, 3)[1, 1]


def test_results_go_where_they_are_wanted() -> None:
    x, w = integers((8, 9)), integers((3, 3), seed=1)
    expected = ndimage.correlate(x, w)
    target = np.zeros((9, 8), np.float32).T
    assert ndimage.correlate(x, w, target) is target
    np.testing.assert_array_equal(target, expected)
    itself = x.copy()
    assert ndimage.correlate(itself, w, itself) is itself
    np.testing.assert_array_equal(itself, expected)
    for function in (ndimage.gaussian_filter, ndimage.uniform_filter, ndimage.maximum_filter):
        same = function(x, 0 if function is ndimage.gaussian_filter else 1)
        np.testing.assert_array_equal(same, x)
        assert not np.may_share_memory(same, x)
    assert ndimage.correlate(x, w, "int16").dtype == np.int16
    with pytest.warns(UserWarning, match="complex"):
        assert ndimage.correlate(x, w * 1j, np.float32).dtype == np.complex64


WRITERS: dict[str, Any] = {
    "correlate": lambda x, y: ndimage.correlate(x, [[1, 2, 3], [4, 5, 6], [7, 8, 9]], y),
    "lines": lambda x, y: ndimage.gaussian_filter(x, 1.0, output=y),
    "sums": lambda x, y: ndimage.uniform_filter(x, 30, y),
    "extremes": lambda x, y: ndimage.maximum_filter(x, (3, 2), output=y),
    "laplace": lambda x, y: ndimage.laplace(x, y),
    "nothing": lambda x, y: ndimage.uniform_filter(x, 1, y),
}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("layout", ["as the input", "Fortran", "both Fortran", "gaps", "swapped", "float64", "part"])
def test_outputs_of_any_kind(layout: str, name: str) -> None:
    x = np.random.default_rng(0).standard_normal((40, 50)).astype(np.float32, order="F" if "both" in layout else "C")
    memory = np.full((5, 44, 104), 77, np.float32)
    y = {
        "Fortran": np.full((50, 40), 77, np.float32).T,
        "both Fortran": np.full((50, 40), 77, np.float32).T,
        "gaps": memory[2, :40, 1:101:2],
        "swapped": np.full((40, 50), 77, ">f4"),
        "float64": np.full((40, 50), 77, np.float64),
        "part": memory.reshape(-1)[4401:6401].reshape(40, 50),
    }.get(layout, np.full((40, 50), 77, np.float32))
    wanted = WRITERS[name](x, None)
    assert WRITERS[name](x, y) is y
    np.testing.assert_allclose(y, wanted, rtol=0, atol=1e-5 if layout == "float64" else 0)
    y[:] = 77
    assert (memory == 77).all()


@pytest.mark.parametrize("shift", [0, 1, 50])
@pytest.mark.parametrize("name", WRITERS)
def test_outputs_that_are_the_input_or_a_part_of_it(name: str, shift: int) -> None:
    memory = np.random.default_rng(0).standard_normal(2100).astype(np.float32)
    x, y = memory[:2000].reshape(40, 50), memory[shift : shift + 2000].reshape(40, 50)
    wanted = WRITERS[name](x.copy(), None)
    assert WRITERS[name](x, y) is y
    np.testing.assert_array_equal(y, wanted)


@pytest.mark.parametrize("name", ["correlate", "lines", "sums", "extremes"])
def test_outputs_that_lie_as_the_input_are_written_to_at_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = np.random.default_rng(0).standard_normal((2, 40, 50)).astype(np.float32)
    wanted = WRITERS[name](x, None)
    monkeypatch.setattr(np, "copyto", None)
    np.testing.assert_array_equal(WRITERS[name](x, y), wanted)


def test_empty_arrays_and_no_axes() -> None:
    empty = np.zeros((0, 4), np.float32)
    for found in (ndimage.correlate(empty, np.ones((3, 3))), ndimage.uniform_filter(empty), ndimage.sobel(empty)):
        assert (found.shape, found.dtype) == (empty.shape, empty.dtype)
    assert ndimage.maximum_filter(empty, footprint=np.eye(3)).shape == empty.shape
    x = integers((3, 4))
    np.testing.assert_array_equal(ndimage.gaussian_filter(x, 1, axes=()), x)
    np.testing.assert_array_equal(ndimage.laplace(x, axes=()), x)
    np.testing.assert_array_equal(ndimage.correlate(np.array(3.0), np.array(2.0)), 6.0)


def test_results_are_the_same_bits_on_any_number_of_threads() -> None:
    x = np.random.default_rng(3).integers(0, 256, (300, 400)).astype(np.uint8)
    disk = np.hypot(*np.mgrid[-4:5, -4:5]) < 4.5

    def all_of_them() -> list[Any]:
        return [ndimage.gaussian_filter(x, 2), ndimage.maximum_filter(x, footprint=disk), ndimage.sobel(x, 0, np.int32)]

    with threads(1):
        serial = all_of_them()
    with threads(2):
        for one, two in zip(serial, all_of_them(), strict=True):
            np.testing.assert_array_equal(one, two)


IMAGE = np.zeros((4, 5))
ERRORS: list[tuple[type[Exception], str, Any]] = [
    (RuntimeError, "mode='mirrored' is not known", lambda: ndimage.correlate(IMAGE, np.ones((3, 3)), None, "mirrored")),
    (RuntimeError, "is no name", lambda: ndimage.correlate(IMAGE, np.ones((3, 3)), None, ["wrap", "wrap"])),
    (RuntimeError, "weights.ndim", lambda: ndimage.convolve(IMAGE, np.ones(3))),
    (RuntimeError, "at least one element", lambda: ndimage.convolve(IMAGE, np.ones((3, 0)))),
    (RuntimeError, "give one axis", lambda: ndimage.correlate1d(IMAGE, np.ones((3, 3)))),
    (ValueError, "give -1 to 1", lambda: ndimage.correlate(IMAGE, np.ones((3, 3)), origin=2)),
    (ValueError, "is complex", lambda: ndimage.correlate(IMAGE, np.ones((3, 3)), cval=1j)),
    (TypeError, "is not a number", lambda: ndimage.correlate(IMAGE, np.ones((3, 3)), cval="zero")),
    (TypeError, "masked", lambda: ndimage.sobel(np.ma.array(IMAGE))),
    (ValueError, "out of range", lambda: ndimage.gaussian_filter(IMAGE, 1, axes=2)),
    (ValueError, "unique", lambda: ndimage.gaussian_filter(IMAGE, 1, axes=(0, -2))),
    (ValueError, "neither an int", lambda: ndimage.gaussian_filter(IMAGE, 1, axes=object())),
    (np.exceptions.AxisError, "out of range", lambda: ndimage.sobel(IMAGE, 2)),
    (RuntimeError, "length equal", lambda: ndimage.gaussian_filter(IMAGE, (1, 2, 3))),
    (ValueError, "no whole number", lambda: ndimage.gaussian_filter1d(IMAGE, 1, radius=1.5)),
    (ValueError, "negative", lambda: ndimage.gaussian_filter1d(IMAGE, 1, order=-1)),
    (RuntimeError, "at least 1", lambda: ndimage.uniform_filter1d(IMAGE, 0)),
    (RuntimeError, "neither a size", lambda: ndimage.maximum_filter(IMAGE)),
    (ValueError, "no true element", lambda: ndimage.maximum_filter(IMAGE, footprint=np.zeros((3, 3)))),
    (RuntimeError, "footprint.ndim", lambda: ndimage.minimum_filter(IMAGE, footprint=[1, 0, 1])),
    (TypeError, "no order", lambda: ndimage.minimum_filter(IMAGE * 1j, 3)),
    (RuntimeError, "has shape", lambda: ndimage.laplace(IMAGE, np.zeros((5, 4)))),
    (RuntimeError, "complex dtype", lambda: ndimage.laplace(IMAGE * 1j, np.zeros((4, 5)))),
    (ValueError, "read-only", lambda: ndimage.laplace(IMAGE, LAYOUTS["read-only"](IMAGE))),
]  # fmt: skip


@pytest.mark.parametrize("case", ERRORS, ids=[text for _, text, _ in ERRORS])
def test_errors_are_scipys_and_one_sentence(case: Any) -> None:
    kind, text, call = case
    with pytest.raises(kind, match=text) as found:
        call()
    assert str(found.value).endswith(".")


def test_size_is_ignored_beside_a_footprint() -> None:
    with pytest.warns(UserWarning, match="ignored"):
        ndimage.maximum_filter(IMAGE, 3, np.ones((3, 3)))
