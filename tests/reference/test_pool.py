"""Pooling against printed numbers, lists written by hand and PyTorch."""

import numpy as np
import pytest

from fastconv.reference import avg_pool, max_pool
from fastconv.reference.pool import pool_output_size

GUIDE_INPUT = np.array([[3, 3, 2, 1, 0], [0, 0, 1, 3, 1], [3, 1, 2, 2, 3], [2, 0, 0, 2, 2], [2, 0, 0, 0, 1]])
NO_PADS = ((0, 0), (0, 0))

# Shape of the input, kernel, stride, padding, dilation (of maxima alone), ceil mode; all of them legal in PyTorch.
POOLS = [
    ((2, 3, 9), (3,), (3,), (0,), (1,), False),
    ((2, 3, 9), (2,), (2,), (1,), (1,), True),
    ((1, 2, 11), (4,), (3,), (2,), (2,), False),
    ((1, 2, 3), (2,), (3,), (1,), (1,), True),  # the last window reaches beyond the padding
    ((1, 2, 2), (2,), (3,), (1,), (1,), True),  # the last window would start in the padding after
    ((1, 2, 4), (1,), (3,), (0,), (1,), True),
    ((1, 2, 2), (1,), (3,), (0,), (1,), True),  # the last window would start beyond the input
    ((1, 2, 2), (3,), (2,), (0,), (1,), True),  # a window larger than the input
    ((2, 2, 6, 7), (3, 2), (2, 2), (1, 0), (1, 1), False),
    ((1, 3, 7, 8), (3, 3), (2, 3), (1, 1), (2, 1), True),
    ((1, 1, 5, 6), (2, 4), (3, 4), (1, 2), (1, 1), True),
    ((1, 2, 4, 5, 6), (2, 3, 2), (2, 1, 3), (1, 1, 0), (1, 2, 1), True),
    ((1, 2, 4, 4, 3), (3, 2, 1), (1, 2, 2), (1, 1, 0), (1, 1, 1), False),
]


def images(matrix: np.ndarray) -> np.ndarray:
    """A matrix as a batch of one image with one channel."""
    return matrix[np.newaxis, np.newaxis]


def pairs(padding: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    return tuple((amount, amount) for amount in padding)


def test_printed_maxima() -> None:
    values, indices = max_pool(images(GUIDE_INPUT), (3, 3), (1, 1), NO_PADS, (1, 1), False)
    assert values[0, 0].tolist() == [[3, 3, 3], [3, 3, 3], [3, 2, 3]]
    # The first of several threes in row-major order.
    assert indices[0, 0].tolist() == [[0, 1, 8], [10, 8, 8], [10, 12, 14]]
    assert indices.dtype == np.int64


def test_printed_means() -> None:
    means = avg_pool(images(GUIDE_INPUT.astype(np.float64)), (3, 3), (1, 1), NO_PADS, False, True, None, (1, 1))
    assert np.round(means[0, 0], 1).tolist() == [[1.7, 1.7, 1.7], [1.0, 1.2, 1.8], [1.1, 0.8, 1.3]]


def test_two_by_two_blocks() -> None:
    a = np.array([[11, 12, 13, 14], [21, 22, 23, 24], [31, 32, 33, 34], [41, 42, 43, 44]])
    values, indices = max_pool(images(a), (2, 2), (2, 2), NO_PADS, (1, 1), False)
    assert values[0, 0].tolist() == [[22, 24], [42, 44]]
    assert indices[0, 0].tolist() == [[5, 7], [13, 15]]
    means = avg_pool(images(a.astype(np.float32)), (2, 2), (2, 2), NO_PADS, False, True, None, (1, 1))
    assert means[0, 0].tolist() == [[16.5, 18.5], [36.5, 38.5]]


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "before", "after", "dilation", "floor", "ceil"),
    [
        (5, 3, 1, 0, 0, 1, 3, 3),
        (5, 2, 2, 0, 0, 1, 2, 3),
        (6, 2, 2, 0, 0, 1, 3, 3),
        (7, 3, 2, 0, 0, 2, 2, 2),
        (8, 3, 2, 0, 0, 2, 2, 3),
        (2, 2, 3, 1, 1, 1, 1, 1),  # a second window would start at 2, the first zero after the input
        (3, 2, 3, 1, 1, 1, 2, 2),  # a second window starts at 2, the last element
        (2, 2, 3, 0, 1, 1, 1, 1),
        (2, 2, 3, 2, 0, 1, 1, 2),
        (2, 1, 3, 0, 0, 1, 1, 1),
        (2, 3, 2, 0, 0, 1, 0, 1),
        (1, 3, 2, 0, 0, 1, 0, 0),
        (4, 2, 4, 1, 1, 1, 2, 2),
        (5, 3, 4, 0, 1, 1, 1, 2),
    ],
)
def test_number_of_windows(
    size: int, kernel: int, stride: int, before: int, after: int, dilation: int, floor: int, ceil: int
) -> None:
    assert pool_output_size(size, kernel, stride, before, after, dilation, False) == floor
    assert pool_output_size(size, kernel, stride, before, after, dilation, True) == ceil


def test_padding_never_is_the_maximum() -> None:
    signal = np.array([[[-5, -7, -6]]], dtype=np.int8)
    values, indices = max_pool(signal, (3,), (2,), ((2, 1),), (1,), False)
    assert values.tolist() == [[[-5, -5]]]
    assert indices.tolist() == [[[0, 0]]]
    values, indices = max_pool(np.full((1, 1, 3), -np.inf), (2,), (1,), ((1, 1),), (1,), False)
    assert values.tolist() == [[[-np.inf] * 4]]
    assert indices.tolist() == [[[0, 0, 1, 2]]]


def test_maximum_of_a_window_that_steps_over_the_input() -> None:
    values, indices = max_pool(np.array([[[5.0]]]), (2,), (1,), ((1, 1),), (2,), False)
    assert values.tolist() == [[[-np.inf]]]
    assert indices.tolist() == [[[-1]]]
    values, _ = max_pool(np.array([[[5]]], dtype=np.int16), (2,), (1,), ((1, 1),), (2,), False)
    assert values.tolist() == [[[-(2**15)]]]
    means = avg_pool(np.array([[[5.0]]]), (2,), (1,), ((1, 1),), False, False, None, (2,))
    assert means.tolist() == [[[0.0]]]


def test_nan_is_the_maximum_and_the_last_one_is_its_place() -> None:
    nan = np.nan
    signal = np.array([[[1, nan, 2, nan, np.inf, 0, 9]]])
    values, indices = max_pool(signal, (3,), (1,), ((0, 0),), (1,), False)
    np.testing.assert_array_equal(values, [[[nan, nan, nan, nan, np.inf]]])
    assert indices.tolist() == [[[1, 3, 3, 3, 4]]]


def test_divisors_at_the_edges() -> None:
    """Of ones, a sum counts the taps on the input, so that the mean shows what it was divided by."""
    ones = np.ones((1, 1, 4))

    def means(ceil_mode: bool, count_include_pad: bool, divisor_override: int | None = None) -> list[float]:
        result = avg_pool(ones, (3,), (3,), ((2, 1),), ceil_mode, count_include_pad, divisor_override, (1,))
        return result.ravel().tolist()

    # Windows begin at -2, 1 and 4; the last would see the padding alone.
    assert means(False, True) == [1 / 3, 3 / 3]
    assert means(True, True) == [1 / 3, 3 / 3]
    assert means(True, False) == [1, 1]
    assert means(True, True, 4) == [1 / 4, 3 / 4]


def test_divisor_of_a_window_beyond_the_padding() -> None:
    """Windows begin at -1 and 3 of 4 elements; the second covers one element, one zero, and two positions beyond."""
    ones = np.ones((1, 1, 4))
    for count_include_pad, expected in [(True, [3 / 4, 1 / 2]), (False, [1.0, 1.0])]:
        result = avg_pool(ones, (4,), (4,), ((1, 1),), True, count_include_pad, None, (1,))
        assert result.ravel().tolist() == expected


def test_divisor_counts_dilated_taps() -> None:
    """Taps at -1, 1, 3, then 2, 4, 6 of 4 elements with one zero before and one after."""
    ones = np.ones((1, 1, 4))
    for count_include_pad, expected in [(True, [2 / 3, 1 / 2]), (False, [1.0, 1.0])]:
        result = avg_pool(ones, (3,), (3,), ((1, 1),), True, count_include_pad, None, (2,))
        assert result.ravel().tolist() == expected


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32, np.int64])
def test_integer_means_truncate_toward_zero(dtype: type) -> None:
    signal = np.array([[[-3, -4, 5, 6, -100, -127]]], dtype=dtype)
    means = avg_pool(signal, (2,), (1,), ((0, 0),), False, True, None, (1,))
    assert means.dtype == dtype
    assert means.tolist() == [[[-3, 0, 5, -47, -113]]]
    means = avg_pool(signal[..., :4], (2,), (1,), ((0, 0),), False, True, -2, (1,))
    assert means.tolist() == [[[3, 0, -5]]]


def test_integer_sums_are_exact() -> None:
    huge = np.array([[[2**63 - 1, 2**63 - 1, 2**63 - 2]]])
    assert avg_pool(huge, (2,), (1,), ((0, 0),), False, True, None, (1,)).tolist() == [[[2**63 - 1, 2**63 - 2]]]
    unsigned = np.array([[[2**64 - 1, 2**64 - 3]]], dtype=np.uint64)
    assert avg_pool(unsigned, (2,), (1,), ((0, 0),), False, True, None, (1,)).tolist() == [[[2**64 - 2]]]
    small = np.array([[[100, 101]]], dtype=np.uint8)
    assert avg_pool(small, (2,), (1,), ((0, 0),), False, True, None, (1,)).tolist() == [[[100]]]
    # A quotient that does not fit wraps around.
    assert avg_pool(small, (2,), (1,), ((0, 0),), False, True, -1, (1,)).tolist() == [[[256 - 201]]]


def test_complex_means() -> None:
    signal = np.array([[[1 + 2j, 3 - 4j]]], dtype=np.complex64)
    means = avg_pool(signal, (2,), (1,), ((0, 0),), False, True, None, (1,))
    assert means.dtype == np.complex64
    assert means.tolist() == [[[2 - 1j]]]


def test_empty_batches_give_empty_results() -> None:
    values, indices = max_pool(np.ones((0, 2, 5, 5)), (2, 2), (2, 2), NO_PADS, (1, 1), True)
    assert values.shape == indices.shape == (0, 2, 3, 3)
    assert avg_pool(np.ones((0, 2, 5, 5)), (2, 2), (2, 2), NO_PADS, False, True, None, (1, 1)).shape == (0, 2, 2, 2)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.uint8])
@pytest.mark.parametrize(("shape", "kernel", "stride", "padding", "dilation", "ceil_mode"), POOLS)
def test_max_pool_is_pytorchs(
    shape: tuple[int, ...],
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    padding: tuple[int, ...],
    dilation: tuple[int, ...],
    ceil_mode: bool,
    dtype: type,
) -> None:
    torch = pytest.importorskip("torch")
    operate = getattr(torch.nn.functional, f"max_pool{len(kernel)}d")
    rng = np.random.default_rng(0)
    x = rng.integers(0, 5, shape).astype(dtype)  # few values, hence many ties
    if np.issubdtype(dtype, np.floating):
        x[rng.random(shape) < 0.1] = np.nan
        x[rng.random(shape) < 0.1] = -np.inf
    expected = operate(torch.from_numpy(x), kernel, stride, padding, dilation, ceil_mode, return_indices=True)
    values, indices = max_pool(x, kernel, stride, pairs(padding), dilation, ceil_mode)
    assert values.dtype == dtype
    np.testing.assert_array_equal(values, expected[0].numpy())
    np.testing.assert_array_equal(indices, expected[1].numpy())


@pytest.mark.parametrize("count_include_pad", [True, False])
@pytest.mark.parametrize("divisor_override", [None, 3, -2])
@pytest.mark.parametrize("dtype", [np.float64, np.int64])
@pytest.mark.parametrize(("shape", "kernel", "stride", "padding", "dilation", "ceil_mode"), POOLS)
def test_avg_pool_is_pytorchs(
    shape: tuple[int, ...],
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    padding: tuple[int, ...],
    dilation: tuple[int, ...],
    ceil_mode: bool,
    dtype: type,
    divisor_override: int | None,
    count_include_pad: bool,
) -> None:
    torch = pytest.importorskip("torch")
    if any(2 * amount > taps for amount, taps in zip(padding, kernel, strict=True)):
        padding = tuple(taps // 2 for taps in kernel)  # legal for a dilated kernel, not for this one
    rank = len(kernel)
    x = np.random.default_rng(0).integers(-50, 51, shape).astype(dtype)
    tensor = torch.from_numpy(x)
    options = {"ceil_mode": ceil_mode, "count_include_pad": count_include_pad}
    if rank > 1:
        operate = getattr(torch.nn.functional, f"avg_pool{rank}d")
        expected = operate(tensor, kernel, stride, padding, divisor_override=divisor_override, **options)
    else:  # avg_pool1d has no divisor_override, avg_pool2d of one row is the same
        row = (1, *kernel), (1, *stride), (0, *padding)
        expected = torch.nn.functional.avg_pool2d(
            tensor[:, :, None], *row, divisor_override=divisor_override, **options
        )[:, :, 0]
    actual = avg_pool(x, kernel, stride, pairs(padding), ceil_mode, count_include_pad, divisor_override, (1,) * rank)
    assert actual.dtype == dtype
    np.testing.assert_allclose(actual, expected.numpy(), rtol=1e-14, atol=0)


def test_padding_beyond_half_the_kernel_is_padding_beforehand() -> None:
    x = np.random.default_rng(0).normal(size=(1, 2, 4, 5))
    lowest = np.pad(x, ((0, 0), (0, 0), (3, 1), (0, 2)), constant_values=-np.inf)
    zeros = np.pad(x, ((0, 0), (0, 0), (3, 1), (0, 2)))
    kernel, stride, padding = (4, 3), (2, 1), ((3, 1), (0, 2))
    values, _ = max_pool(x, kernel, stride, padding, (1, 1), False)
    np.testing.assert_array_equal(values, max_pool(lowest, kernel, stride, NO_PADS, (1, 1), False)[0])
    means = avg_pool(x, kernel, stride, padding, False, True, None, (1, 1))
    padded_first = avg_pool(zeros, kernel, stride, NO_PADS, False, True, None, (1, 1))
    np.testing.assert_allclose(means, padded_first, rtol=0, atol=1e-15)
