"""Convolutions and poolings against SciPy's filters, which go by other names and other defaults."""

from typing import Any

import numpy as np
import pytest
import scipy.ndimage
import scipy.signal

import fastconv as fc
from properties.strategies import integers

CONVS = {1: fc.conv1d, 2: fc.conv2d, 3: fc.conv3d}
TRANSPOSES = {1: fc.conv_transpose1d, 2: fc.conv_transpose2d, 3: fc.conv_transpose3d}
MAX_POOLS = {1: fc.max_pool1d, 2: fc.max_pool2d, 3: fc.max_pool3d}
AVG_POOLS = {1: fc.avg_pool1d, 2: fc.avg_pool2d, 3: fc.avg_pool3d}

# Shape of the input, shape of the kernel.
SHAPES = [
    ((9,), (3,)),
    ((40,), (8,)),
    ((7, 8), (3, 3)),
    ((9, 7), (2, 5)),
    ((6, 11), (4, 1)),
    ((30, 33), (7, 6)),
    ((5, 6, 4), (3, 2, 3)),
    ((4, 4, 9), (2, 1, 4)),
]
ODD = [(size, kernel) for size, kernel in SHAPES if all(k % 2 for k in kernel)] + [
    ((8, 9), (5, 3)),
    ((7, 6, 5), (3, 5, 1)),
]

#: Names of the padding modes in scipy.ndimage.
NDIMAGE_MODES = {
    "zeros": "constant",
    "reflect": "mirror",
    "replicate": "nearest",
    "circular": "wrap",
    "symmetric": "reflect",
}


def single(functions: dict[int, Any], x: np.ndarray, *arguments: Any, **options: Any) -> np.ndarray:
    """An operation on an array of one channel."""
    return functions[x.ndim](x[None], *arguments, **options)[0]


def kernel_of(w: np.ndarray) -> np.ndarray:
    """A kernel between two single channels."""
    return w[None, None]


@pytest.mark.parametrize(("size", "kernel"), SHAPES)
@pytest.mark.parametrize("mode", ["full", "valid", "same"])
@pytest.mark.parametrize("dtype", ["float64", "int64", "complex128"])
def test_correlate_and_convolve(size: tuple[int, ...], kernel: tuple[int, ...], mode: str, dtype: str) -> None:
    x, w = integers(size, dtype), integers(kernel, dtype, 1)
    padding = {"same": "same_lower"}.get(mode, mode)
    ours = single(CONVS, x, kernel_of(w.conj()), padding=padding)
    np.testing.assert_array_equal(ours, scipy.signal.correlate(x, w, mode, "direct"))
    ours = single(CONVS, x, kernel_of(w), padding=padding, flip=True)
    np.testing.assert_array_equal(ours, scipy.signal.convolve(x, w, mode, "direct"))


@pytest.mark.parametrize(("size", "kernel"), [shapes for shapes in SHAPES if len(shapes[0]) == 2])
@pytest.mark.parametrize("mode", ["full", "valid"])
@pytest.mark.parametrize(("ours", "theirs"), [("zeros", "fill"), ("circular", "wrap"), ("symmetric", "symm")])
def test_convolve2d(size: tuple[int, ...], kernel: tuple[int, ...], mode: str, ours: str, theirs: str) -> None:
    x, w = integers(size), integers(kernel, seed=1)
    expected = scipy.signal.convolve2d(x, w, mode, theirs)
    y = single(CONVS, x, kernel_of(w), padding=mode, padding_mode=ours, flip=True)
    np.testing.assert_array_equal(y, expected)
    expected = scipy.signal.correlate2d(x, w, mode, theirs)
    y = single(CONVS, x, kernel_of(w), padding=mode, padding_mode=ours)
    np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize(("size", "kernel"), SHAPES)
@pytest.mark.parametrize("mode", NDIMAGE_MODES)
def test_ndimage(size: tuple[int, ...], kernel: tuple[int, ...], mode: str) -> None:
    x, w = integers(size), integers(kernel, seed=1)
    y = single(CONVS, x, kernel_of(w), padding="same_lower", padding_mode=mode)
    np.testing.assert_array_equal(y, scipy.ndimage.correlate(x, w, mode=NDIMAGE_MODES[mode]))
    y = single(CONVS, x, kernel_of(w), padding="same", padding_mode=mode, flip=True)
    np.testing.assert_array_equal(y, scipy.ndimage.convolve(x, w, mode=NDIMAGE_MODES[mode]))


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("taps", [1, 2, 5])
def test_upfirdn(taps: int, stride: int) -> None:
    """Stretching, filtering and thinning out: a transposed convolution, and a strided one."""
    x, w = integers((11,)), integers((taps,), seed=1)
    stretched = scipy.signal.upfirdn(w, x, up=stride)
    np.testing.assert_array_equal(single(TRANSPOSES, x, kernel_of(w), stride=stride)[: stretched.size], stretched)
    thinned = scipy.signal.upfirdn(w, x, down=stride)
    np.testing.assert_array_equal(single(CONVS, x, kernel_of(w), stride=stride, padding="full", flip=True), thinned)


@pytest.mark.parametrize(("size", "kernel"), SHAPES)
@pytest.mark.parametrize("stride", [1, 3])
@pytest.mark.parametrize("dilation", [1, 2])
def test_transposed_is_the_full_convolution_of_a_stretched_input(
    size: tuple[int, ...], kernel: tuple[int, ...], stride: int, dilation: int
) -> None:
    x, w = integers(size), integers(kernel, seed=1)

    def stretched(values: np.ndarray, step: int) -> np.ndarray:
        wide = np.zeros([step * (n - 1) + 1 for n in values.shape])
        wide[(slice(None, None, step),) * values.ndim] = values
        return wide

    expected = scipy.signal.convolve(stretched(x, stride), stretched(w, dilation), "full", "direct")
    y = single(TRANSPOSES, x, kernel_of(w), stride=stride, dilation=dilation)
    np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize(("size", "kernel"), SHAPES)
@pytest.mark.parametrize("dtype", ["float64", "int16"])
def test_maximum_filter(size: tuple[int, ...], kernel: tuple[int, ...], dtype: str) -> None:
    """Of even windows SciPy's reach one further to the left, so ours are padded there."""
    x = integers(size, dtype)
    lowest = np.iinfo(dtype).min if dtype == "int16" else -np.inf
    expected = scipy.ndimage.maximum_filter(x, kernel, mode="constant", cval=lowest)
    np.testing.assert_array_equal(single(MAX_POOLS, x, kernel, 1, "same_lower"), expected)
    inside = expected[tuple(slice(k // 2, n - (k - 1) // 2, 2) for n, k in zip(size, kernel, strict=True))]
    np.testing.assert_array_equal(single(MAX_POOLS, x, kernel, 2), inside)


@pytest.mark.parametrize(("size", "kernel"), ODD)
def test_maximum_filter_of_dilated_windows(size: tuple[int, ...], kernel: tuple[int, ...]) -> None:
    x = integers(size)
    footprint = np.zeros([2 * k - 1 for k in kernel], bool)
    footprint[(slice(None, None, 2),) * x.ndim] = True
    expected = scipy.ndimage.maximum_filter(x, footprint=footprint, mode="constant", cval=-np.inf)
    np.testing.assert_array_equal(single(MAX_POOLS, x, kernel, 1, "same", 2), expected)


@pytest.mark.parametrize(("size", "kernel"), ODD)
def test_uniform_filter(size: tuple[int, ...], kernel: tuple[int, ...]) -> None:
    x = integers(size)
    expected = scipy.ndimage.uniform_filter(x, kernel, mode="constant")
    np.testing.assert_allclose(single(AVG_POOLS, x, kernel, 1, "same"), expected, atol=1e-13)
    ones = scipy.ndimage.uniform_filter(np.ones(size), kernel, mode="constant")
    y = single(AVG_POOLS, x, kernel, 1, "same", count_include_pad=False)
    np.testing.assert_allclose(y, expected / ones, atol=1e-13)


def test_gaussian_and_sobel() -> None:
    """Two filters that people know, as the convolutions that they are."""
    x = np.random.default_rng(0).normal(size=(20, 24))
    sobel = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    ours = single(CONVS, x, kernel_of(sobel), padding="same", padding_mode="symmetric")
    np.testing.assert_allclose(ours, scipy.ndimage.sobel(x, axis=1), atol=1e-13)
    taps = np.exp(-0.5 * (np.arange(-6, 7) / 1.5) ** 2)
    gauss = np.multiply.outer(taps / taps.sum(), taps / taps.sum())
    ours = single(CONVS, x, kernel_of(gauss), padding="same", padding_mode="symmetric")
    np.testing.assert_allclose(ours, scipy.ndimage.gaussian_filter(x, 1.5, radius=6), atol=1e-13)
