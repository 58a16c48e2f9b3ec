"""Conventions that differ between libraries, one by one against the libraries themselves."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.ndimage
import scipy.signal

import fastconv as fc
from properties.strategies import integers

SIGNAL, KERNEL = integers((9,)), integers((4,), seed=1)
IMAGE, EVEN = integers((9, 8)), integers((4, 4), seed=1)


@pytest.fixture
def torch() -> Any:
    """PyTorch, where it is installed."""
    return pytest.importorskip("torch")


def conv(x: np.ndarray, w: np.ndarray, **options: Any) -> np.ndarray:
    """The convolution of one channel."""
    return {1: fc.conv1d, 2: fc.conv2d}[x.ndim](x[None], w[None, None], **options)[0]


# ---------------------------------------------------------------------------------------------------------------------
# "same" with an even kernel: of the three zeros that four taps need, how many stand before

ONE_BEFORE, TWO_BEFORE = "same", "same_lower"

SAME: dict[str, tuple[np.ndarray, bool, str]] = {
    "numpy.correlate": (np.correlate(SIGNAL, KERNEL, "same"), False, TWO_BEFORE),
    "numpy.convolve": (np.convolve(SIGNAL, KERNEL, "same"), True, TWO_BEFORE),
    "scipy.signal.correlate": (scipy.signal.correlate(IMAGE, EVEN, "same", "direct"), False, TWO_BEFORE),
    "scipy.signal.convolve": (scipy.signal.convolve(IMAGE, EVEN, "same", "direct"), True, TWO_BEFORE),
    "scipy.signal.convolve2d": (scipy.signal.convolve2d(IMAGE, EVEN, "same"), True, TWO_BEFORE),
    "scipy.ndimage.correlate": (scipy.ndimage.correlate(IMAGE, EVEN, mode="constant"), False, TWO_BEFORE),
    "scipy.ndimage.convolve": (scipy.ndimage.convolve(IMAGE, EVEN, mode="constant"), True, ONE_BEFORE),
    "scipy.signal.correlate2d": (scipy.signal.correlate2d(IMAGE, EVEN, "same"), False, ONE_BEFORE),
}


@pytest.mark.parametrize("library", SAME)
def test_same_with_an_even_kernel(library: str) -> None:
    theirs, flip, padding = SAME[library]
    x, w = (SIGNAL, KERNEL) if theirs.ndim == 1 else (IMAGE, EVEN)
    np.testing.assert_array_equal(conv(x, w, padding=padding, flip=flip), theirs)
    other = TWO_BEFORE if padding == ONE_BEFORE else ONE_BEFORE
    assert not np.array_equal(conv(x, w, padding=other, flip=flip), theirs)


def test_same_is_pytorchs(torch: Any) -> None:
    tensors = torch.from_numpy(IMAGE)[None], torch.from_numpy(EVEN)[None, None]
    with pytest.warns(UserWarning, match="even kernel lengths"):
        theirs = torch.nn.functional.conv2d(*tensors, padding="same")[0].numpy()
    np.testing.assert_array_equal(conv(IMAGE, EVEN, padding="same"), theirs)


def test_same_lower_is_opencvs() -> None:
    cv2 = pytest.importorskip("cv2")
    theirs = cv2.filter2D(IMAGE, cv2.CV_64F, EVEN, borderType=cv2.BORDER_CONSTANT)
    np.testing.assert_array_equal(conv(IMAGE, EVEN, padding="same_lower"), theirs)


@pytest.mark.parametrize(("padding", "before"), [("same", 1), ("same_lower", 2)])
def test_zeros_before_an_even_kernel(padding: str, before: int) -> None:
    np.testing.assert_array_equal(
        conv(SIGNAL, KERNEL, padding=padding), conv(SIGNAL, KERNEL, padding=[(before, 3 - before)])
    )


# ---------------------------------------------------------------------------------------------------------------------
# Convolution or correlation

ODD = integers((3, 5), seed=2)


def test_conv_is_what_others_call_correlation() -> None:
    np.testing.assert_array_equal(conv(SIGNAL, KERNEL), np.correlate(SIGNAL, KERNEL, "valid"))
    np.testing.assert_array_equal(conv(IMAGE, ODD), scipy.signal.correlate2d(IMAGE, ODD, "valid"))
    np.testing.assert_array_equal(conv(IMAGE, ODD, padding="full"), scipy.signal.correlate2d(IMAGE, ODD, "full"))


def test_conv_is_what_pytorch_calls_convolution(torch: Any) -> None:
    theirs = torch.nn.functional.conv2d(torch.from_numpy(IMAGE)[None], torch.from_numpy(ODD)[None, None])
    np.testing.assert_array_equal(conv(IMAGE, ODD), theirs[0].numpy())


def test_flipped_it_is_what_textbooks_call_convolution() -> None:
    np.testing.assert_array_equal(conv(SIGNAL, KERNEL, flip=True), np.convolve(SIGNAL, KERNEL, "valid"))
    np.testing.assert_array_equal(conv(SIGNAL, KERNEL, padding="full", flip=True), np.convolve(SIGNAL, KERNEL))
    np.testing.assert_array_equal(conv(IMAGE, ODD, flip=True), scipy.signal.convolve2d(IMAGE, ODD, "valid"))


def test_the_worked_example() -> None:
    """y22 = x22 k11 + x23 k12 + ... + x44 k33: the kernel is not flipped."""
    x, k = IMAGE[:4, :4], integers((3, 3), seed=3)
    y22 = (
        x[1, 1] * k[0, 0] + x[1, 2] * k[0, 1] + x[1, 3] * k[0, 2]
        + x[2, 1] * k[1, 0] + x[2, 2] * k[1, 1] + x[2, 3] * k[1, 2]
        + x[3, 1] * k[2, 0] + x[3, 2] * k[2, 1] + x[3, 3] * k[2, 2]
    )  # fmt: skip
    assert conv(x, k)[1, 1] == y22


# ---------------------------------------------------------------------------------------------------------------------
# Names of paddings: here and in PyTorch, in NumPy, in scipy.ndimage, in scipy.signal

MODES = [
    ("zeros", "constant", "constant", "fill"),
    ("replicate", "edge", "nearest", None),
    ("reflect", "reflect", "mirror", None),
    ("symmetric", "symmetric", "reflect", "symm"),
    ("circular", "wrap", "wrap", "wrap"),
]


@pytest.mark.parametrize(("ours", "numpys", "ndimages", "signals"), MODES)
def test_names_of_paddings(ours: str, numpys: str, ndimages: str, signals: str | None) -> None:
    one = np.ones(1)
    padded = np.pad(SIGNAL, (7, 5), numpys)
    np.testing.assert_array_equal(conv(SIGNAL, one, padding=[(7, 5)], padding_mode=ours), padded)
    same = conv(IMAGE, ODD, padding="same", padding_mode=ours)
    np.testing.assert_array_equal(scipy.ndimage.correlate(IMAGE, ODD, mode=ndimages), same)
    if signals:
        np.testing.assert_array_equal(scipy.signal.correlate2d(IMAGE, ODD, "same", signals), same)


@pytest.mark.parametrize("mode", ["zeros", "replicate", "reflect", "circular"])
def test_paddings_have_pytorchs_names(mode: str, torch: Any) -> None:
    theirs = torch.nn.functional.pad(torch.from_numpy(SIGNAL)[None], (7, 5), "constant" if mode == "zeros" else mode)
    padded = conv(SIGNAL, np.ones(1), padding=[(7, 5)], padding_mode=mode)
    np.testing.assert_array_equal(theirs[0].numpy(), padded)


# ---------------------------------------------------------------------------------------------------------------------
# Pooling

POOLS = [fc.max_pool1d, fc.avg_pool1d]


@pytest.mark.parametrize("pool", POOLS)
def test_stride_defaults_to_the_kernels_size(pool: Callable[..., np.ndarray]) -> None:
    """As in PyTorch and Keras; in ONNX it is 1."""
    np.testing.assert_array_equal(pool(SIGNAL[None], 3), pool(SIGNAL[None], 3, 3))
    assert pool(SIGNAL[None], 3).shape == (1, 3)


@pytest.mark.parametrize("pool", POOLS)
def test_stride_defaults_to_pytorchs(pool: Callable[..., np.ndarray], torch: Any) -> None:
    theirs = getattr(torch.nn.functional, pool.__name__)(torch.from_numpy(SIGNAL)[None], 3)
    np.testing.assert_array_equal(pool(SIGNAL[None], 3), theirs.numpy())


def test_padding_counts_by_default() -> None:
    """As in PyTorch; in ONNX it does not."""
    ones = np.ones((1, 4))
    assert fc.avg_pool1d(ones, 2, 2, 1).tolist() == [[0.5, 1, 0.5]]
    assert fc.avg_pool1d(ones, 2, 2, 1, count_include_pad=False).tolist() == [[1, 1, 1]]


def test_padding_counts_in_pytorch(torch: Any) -> None:
    assert torch.nn.functional.avg_pool1d(torch.ones(1, 4), 2, 2, 1).tolist() == [[0.5, 1, 0.5]]


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize(("count", "windows"), [(5, 2), (6, 3)])
def test_ceil_mode_drops_a_window_that_starts_behind_the_input(
    count: int, windows: int, pool: Callable[..., np.ndarray]
) -> None:
    """Windows of 2 at -1, 2, 5: the last one of five elements starts in the padding, and of six on the last element."""
    assert pool(SIGNAL[None, :count], 2, 3, 1, ceil_mode=True).shape == (1, windows)


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("count", [5, 6])
def test_ceil_mode_drops_what_pytorchs_drops(count: int, pool: Callable[..., np.ndarray], torch: Any) -> None:
    x = SIGNAL[None, :count]
    theirs = getattr(torch.nn.functional, pool.__name__)(torch.from_numpy(x), 2, 3, 1, ceil_mode=True)
    np.testing.assert_array_equal(pool(x, 2, 3, 1, ceil_mode=True), theirs.numpy())


BEYOND = pytest.mark.parametrize(("count_include_pad", "means"), [(True, [3 / 4, 1 / 2]), (False, [1, 1])])


@BEYOND
def test_nothing_beyond_the_padding_counts(count_include_pad: bool, means: list[float]) -> None:
    """Windows of 4 at -1 and 3 of four ones: the second has a one, a zero of the padding, and two taps beyond it."""
    assert fc.avg_pool1d(np.ones((1, 4)), 4, 4, 1, True, count_include_pad).tolist() == [means]


@BEYOND
def test_nothing_beyond_the_padding_counts_in_pytorch(count_include_pad: bool, means: list[float], torch: Any) -> None:
    theirs = torch.nn.functional.avg_pool1d(torch.ones(1, 4, dtype=torch.float64), 4, 4, 1, True, count_include_pad)
    assert theirs.tolist() == [means]


WITH_NAN = np.where(np.arange(9) == 4, np.nan, SIGNAL)


def test_maxima_propagate_nan() -> None:
    expected = WITH_NAN.reshape(3, 3).max(axis=1)
    assert np.isnan(expected).tolist() == [False, True, False]
    np.testing.assert_array_equal(fc.max_pool1d(WITH_NAN[None], 3)[0], expected)


def test_maxima_propagate_nan_in_pytorch(torch: Any) -> None:
    theirs = torch.nn.functional.max_pool1d(torch.from_numpy(WITH_NAN)[None], 3)
    np.testing.assert_array_equal(fc.max_pool1d(WITH_NAN[None], 3), theirs.numpy())
