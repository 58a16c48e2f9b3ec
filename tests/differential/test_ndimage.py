"""`fastconv.ndimage` against `scipy.ndimage`: dtypes and shapes, and values with what SciPy makes of them in C."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastconv import ndimage
from nightly import nightly
from properties.strategies import examples, seeds

scipy_ndimage = pytest.importorskip("scipy.ndimage")

MODES = ["reflect", "constant", "nearest", "mirror", "wrap", "grid-constant", "grid-mirror", "grid-wrap"]


def compare(name: str, x: Any, *arguments: Any, **options: Any) -> None:
    """Floats agree within rounding and integers in every bit."""
    expected, result = (getattr(module, name)(x, *arguments, **options) for module in (scipy_ndimage, ndimage))
    tolerance = {"f": 1e-12, "c": 1e-12}.get(result.dtype.kind, 0)
    if tolerance and x.dtype.itemsize // (1 + (x.dtype.kind == "c")) <= 4 and result.dtype.char in "fF":
        tolerance = 2e-6
    assert result.dtype == expected.dtype, name
    largest = max(1.0, *(np.abs(v).max(initial=0) for v in (x.astype(complex), expected.astype(complex))))
    np.testing.assert_allclose(result, expected, 0, tolerance * largest, err_msg=f"{name} {arguments} {options}")


@st.composite
def images(draw: st.DrawFn, dtype: str) -> Any:
    size = draw(st.lists(st.integers(1, 9), min_size=1, max_size=3))
    rng = np.random.default_rng(draw(seeds))
    values = rng.integers(0, 120 if dtype == "int8" else 200, size) / (1 if draw(st.booleans()) else 7)
    return (values + (1j * rng.random(size) if dtype == "complex64" else 0)).astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", *nightly("complex64")])
@examples(15)
@given(data=st.data(), mode=st.sampled_from(MODES), cval=st.sampled_from([0, 3, 2.5]))
def test_sums(data: st.DataObject, dtype: str, mode: str, cval: float) -> None:
    x = data.draw(images(dtype))
    options: dict[str, Any] = {"mode": mode, "cval": cval}
    if data.draw(st.booleans()):
        options["output"] = {"c": np.complex128, "f": np.float64}.get(x.dtype.kind, np.int32)
    rng = np.random.default_rng(0)
    taps = data.draw(st.tuples(*[st.integers(1, 5)] * x.ndim))
    w = rng.integers(-9, 10, taps) / data.draw(st.sampled_from([1, 7]))
    origin = [data.draw(st.integers(-(k // 2), (k - 1) // 2)) for k in taps]
    for name in ("correlate", "convolve"):
        compare(name, x, w, origin=origin, **options)
        compare(f"{name}1d", x, w.ravel()[: taps[0]], axis=0, origin=origin[0], **options)
    compare("uniform_filter", x, taps, origin=origin, **options)
    for name in ("sobel", "prewitt", "laplace"):
        compare(name, x, **options)
    compare("gaussian_filter", x, data.draw(st.sampled_from([0.4, 1, 1.7])), data.draw(st.integers(0, 2)), **options)
    if x.dtype.kind in "fc":
        compare("gaussian_laplace", x, 0.9, **options)
        if x.dtype.kind == "f":
            compare("gaussian_gradient_magnitude", x, 0.9, **options)


@pytest.mark.parametrize("dtype", ["float32", *nightly("float64", "int8", "uint8")])
@examples(15)
@given(data=st.data(), mode=st.sampled_from(MODES), cval=st.sampled_from([0, 3, 2.5]))
def test_extremes(data: st.DataObject, dtype: str, mode: str, cval: float) -> None:
    x = data.draw(images(dtype))
    taps = data.draw(st.tuples(*[st.integers(1, 5)] * x.ndim))
    origin = [data.draw(st.integers(-(k // 2), (k - 1) // 2)) for k in taps]
    where = np.random.default_rng(0).random(taps) < 0.5
    where.flat[-1] = True
    axes = data.draw(st.permutations(range(x.ndim)))[: data.draw(st.integers(1, x.ndim))]
    for name in ("maximum_filter", "minimum_filter"):
        compare(name, x, taps, origin=origin, mode=mode, cval=cval)
        compare(name, x, None, where, origin=origin, mode=mode, cval=cval)
        compare(name, x, [taps[axis] for axis in axes], axes=axes, mode=mode, cval=cval)


def test_sums_along_one_axis_have_an_order_of_their_own() -> None:
    """Sevenths that are whole but for rounding: which whole number they give depends on the order of the sum."""
    x = np.array([[24, 18, 14]], np.uint8)
    w = np.array([7, 3, 0, -4, -4]) / 7
    for name in ("correlate", "convolve"):
        compare(name, x, w[None], mode="nearest")
        compare(f"{name}1d", x, w, mode="nearest")
    assert np.any(ndimage.convolve(x, w[None], mode="nearest") != ndimage.convolve1d(x, w, mode="nearest"))


def test_bytes_of_flat_areas() -> None:
    """A mean of equal bytes is that byte or just below, by the roundings of its sum."""
    x = np.repeat(np.arange(256, dtype=np.uint8), 24).reshape(-1, 32)
    for sigma in (0.5, 1, 1.7, 3):
        compare("gaussian_filter", x, sigma)
    for size in (3, 5, 7):
        compare("correlate", x, np.full((size, size), 1 / size**2))
        compare("uniform_filter", x, size)


@pytest.mark.parametrize("axes", [None, 0, (1,), (0, -1), (2, 0), (1, 2, 0)])
def test_axes(axes: Any) -> None:
    x = np.random.default_rng(0).normal(size=(5, 6, 7))
    count = 3 if axes is None else np.size(axes)
    w, where = np.arange(3.0**count).reshape((3,) * count), np.eye(3, dtype=bool) if count == 2 else None
    for name in ("correlate", "convolve"):
        compare(name, x, w, axes=axes, origin=[-1, 0, 1][:count])
    for name in ("gaussian_filter", "gaussian_laplace"):
        compare(name, x, [0.5, 1, 2][:count], axes=axes)
    compare("uniform_filter", x, [2, 3, 4][:count], axes=axes, mode=["wrap", "mirror", "constant"][:count])
    compare("laplace", x, axes=axes)
    compare("gaussian_gradient_magnitude", x, 1.0, axes=axes)
    if where is not None:
        compare("maximum_filter", x, footprint=where, axes=axes)
