"""`fftconvolve` and `oaconvolve`: parts, axes, dtypes, and errors."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastconv as fc
from fastconv.reference import signal as reference
from properties.strategies import LAYOUTS, examples, integers, seeds

TOLERANCES = {"float32": 1e-6, "complex64": 1e-6, "float64": 1e-14, "complex128": 1e-14}


def assert_close(y: np.ndarray, expected: np.ndarray, dtype: str, largest: float = 0) -> None:
    """Up to a share of the largest results there are, or might have been."""
    assert y.dtype == dtype
    assert y.shape == expected.shape
    assert y.flags.c_contiguous
    if y.size:
        assert np.abs(y - expected).max() <= TOLERANCES[dtype] * max(largest, np.abs(expected).max())


@examples(60)
@given(data=st.data(), seed=seeds)
def test_any_axes(data: st.DataObject, seed: int) -> None:
    rank = data.draw(st.integers(1, 4))
    sizes = st.tuples(*[st.integers(1, {1: 30, 2: 7, 3: 4, 4: 3}[rank])] * rank)
    a, b = data.draw(sizes), data.draw(sizes)
    dtype = data.draw(st.sampled_from(sorted(TOLERANCES)))
    x, w = integers(a, dtype, seed), integers(b, dtype, seed + 1)
    x = LAYOUTS[data.draw(st.sampled_from(sorted(LAYOUTS)))](x)
    for mode in ("full", "same"):
        expected, norms = reference.convolve(x, w, mode), float(np.linalg.norm(x) * np.linalg.norm(w))
        assert_close(fc.signal.fftconvolve(x, w, mode), expected, dtype, norms)
        assert_close(fc.signal.oaconvolve(x, w, mode, range(rank)), expected, dtype, norms)
    x, w = (integers(pick(a, b), dtype, seed + i) for i, pick in enumerate((np.maximum, np.minimum)))
    norms = float(np.linalg.norm(x) * np.linalg.norm(w))
    for first, second in ((x, w), (w, x)):
        assert_close(fc.signal.fftconvolve(first, second, "valid"), reference.convolve(x, w, "valid"), dtype, norms)


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize(("batch", "kernels"), [((3, 2), (3, 2)), ((3, 1), (1, 2)), ((1, 2), (3, 2)), ((3, 2), (1, 1))])
def test_other_axes_are_broadcast(mode: str, batch: tuple[int, int], kernels: tuple[int, int]) -> None:
    x, w = integers((batch[0], 9, batch[1]), "float64"), integers((kernels[0], 4, kernels[1]), "float64", 1)
    y = fc.signal.fftconvolve(x, w, mode, axes=1)
    shape = np.broadcast_shapes(batch, kernels)
    whole = np.empty((shape[0], {"full": 12, "same": 9, "valid": 6}[mode], shape[1]))
    for i, j in np.ndindex(*shape):
        image, kernel = x[i % batch[0], :, j % batch[1]], w[i % kernels[0], :, j % kernels[1]]
        whole[i, :, j] = reference.convolve(image, kernel, mode)
    if mode == "same":  # of the shape of the first, and the middle where that has one element only
        begins = [(n - size) // 2 for n, size in zip(shape, batch, strict=True)]
        whole = whole[begins[0] : begins[0] + batch[0], :, begins[1] : begins[1] + batch[1]]
    assert_close(y, whole, "float64")
    assert_close(fc.signal.oaconvolve(x, w, mode, [-2]), whole, "float64")


@pytest.mark.parametrize(
    ("first", "second", "result"),
    [
        ("int8", "int8", "float64"),
        ("bool", "bool", "float64"),
        ("float16", "float16", "float32"),
        ("float16", "complex64", "complex64"),
        ("float32", "float32", "float32"),
        ("float32", "int8", "float64"),
        ("float32", "complex128", "complex128"),
        (">f4", "<f4", "float32"),
    ],
)
def test_dtypes(first: str, second: str, result: str) -> None:
    x, w = np.array([1, 0, 1, 1], first), np.array([1, 1], second)
    assert_close(fc.signal.fftconvolve(x, w), np.array([1, 1, 1, 2, 1]), result)


def test_without_axes_it_is_a_product() -> None:
    """Axes of one element are broadcast; what is left is NumPy's."""
    y = fc.signal.fftconvolve(np.array([[2], [3]]), np.array([[5, 7]]))
    np.testing.assert_array_equal(y, [[10, 14], [15, 21]], strict=True)
    np.testing.assert_array_equal(fc.signal.fftconvolve(np.array([[2], [3]]), np.array([[5, 7]]), "same"), [[10], [15]])
    assert fc.signal.fftconvolve(3, 4j) == 12j
    assert fc.signal.oaconvolve(np.float32(3), np.float32(4)).dtype == np.float32


def test_nothing_gives_nothing() -> None:
    for a, b in (([], []), ([5, 6], []), ([], [7]), (np.ones((0, 3)), np.ones((2, 2)))):
        np.testing.assert_array_equal(fc.signal.fftconvolve(a, b), np.array([]), strict=True)


@pytest.mark.parametrize("function", [fc.signal.fftconvolve, fc.signal.oaconvolve])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1], 2), "in1 and in2 should have the same dimensionality"),
        (([1], [2], "chips"), "acceptable mode flags are 'valid', 'same', or 'full'"),
        (([1], [2], "full", []), "when provided, axes cannot be empty"),
        (([1], [2], "full", [0.0]), "axes must be a scalar or iterable of integers"),
        (([1], [2], "full", 1.5), "axes must be a scalar or iterable of integers"),
        (([1], [2], "full", [1]), "axes exceeds dimensionality of input"),
        (([1], [2], "full", [-2]), "axes exceeds dimensionality of input"),
        (([1], [2], "full", [0, -1]), "all axes must be unique"),
        ((np.ones((2, 3)), np.ones((3, 3)), "full", 1), r"incompatible shapes for in1 and in2: \(2, 3\) and \(3, 3\)"),
        ((np.ones((2, 3)), np.ones((3, 2)), "valid"), "at least as large as the other in every dimension"),
    ],
)
def test_errors(function: Any, arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        function(*arguments)


def test_a_nan_stays_in_its_block() -> None:
    x = np.ones(100_000)
    x[0] = np.nan
    y = fc.signal.fftconvolve(x, np.ones(3), "same")
    assert np.isnan(y[0])
    np.testing.assert_allclose(y[-1000:-1], 3)


def test_what_a_call_decides_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    x, w = np.arange(6.0).reshape(2, 3), np.array([[1.0, 10.0]])
    first = fc.signal.fftconvolve(x, w, mode="same")
    monkeypatch.setattr("fastconv.ops.fourier.plan_convolution", None)
    second = fc.signal.fftconvolve(x + 1, w, mode="same")
    np.testing.assert_array_equal((second - first).round(9), [[1, 11, 11]] * 2)
    with pytest.raises(TypeError):  # for other arrays it is decided anew
        fc.signal.fftconvolve(x[:, ::-1], w, mode="same")
