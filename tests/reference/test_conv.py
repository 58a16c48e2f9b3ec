"""Convolution and its transposed against printed numbers, each other, NumPy, SciPy and PyTorch."""

import numpy as np
import pytest

from fastconv.reference import conv, conv_transpose, pad

Pads = tuple[tuple[int, int], ...]

GUIDE_INPUT = np.array([[3, 3, 2, 1, 0], [0, 0, 1, 3, 1], [3, 1, 2, 2, 3], [2, 0, 0, 2, 2], [2, 0, 0, 0, 1]])
GUIDE_KERNEL = np.array([[0, 1, 2], [2, 2, 0], [0, 1, 2]])

# The figures of the guide: input, output, padding, kernel, stride, dilation, and the a of the transposed figure.
FIGURES = {
    "no_padding_no_strides": (4, 2, 0, 3, 1, 1, 0),
    "arbitrary_padding_no_strides": (5, 6, 2, 4, 1, 1, 0),
    "same_padding_no_strides": (5, 5, 1, 3, 1, 1, 0),
    "full_padding_no_strides": (5, 7, 2, 3, 1, 1, 0),
    "no_padding_strides": (5, 2, 0, 3, 2, 1, 0),
    "padding_strides": (5, 3, 1, 3, 2, 1, 0),
    "padding_strides_odd": (6, 3, 1, 3, 2, 1, 1),
    "dilation": (7, 3, 0, 3, 1, 2, 0),
    "numerical_no_padding_no_strides": (5, 3, 0, 3, 1, 1, 0),
    "numerical_padding_strides": (5, 3, 1, 3, 2, 1, 0),
}

# Shape of the input, shape of the weight, stride, padding, dilation, groups.
CONVS = [
    ((2, 3, 9), (4, 3, 3), (1,), ((0, 0),), (1,), 1),
    ((1, 4, 10), (6, 2, 4), (3,), ((2, 1),), (2,), 2),
    ((3, 2, 5), (2, 1, 5), (1,), ((4, 4),), (1,), 2),
    ((1, 1, 7), (1, 1, 2), (2,), ((-1, -2),), (1,), 1),
    ((2, 3, 6, 7), (2, 3, 3, 2), (1, 1), ((1, 1), (1, 0)), (1, 1), 1),
    ((1, 4, 8, 7), (4, 1, 3, 3), (2, 1), ((0, 3), (2, 2)), (1, 2), 4),
    ((2, 4, 5, 9), (6, 2, 1, 4), (2, 3), ((0, 0), (3, 4)), (3, 2), 2),
    ((1, 2, 4, 5, 3), (2, 2, 2, 3, 1), (1, 2, 1), ((1, 0), (1, 1), (0, 0)), (1, 1, 1), 1),
    ((1, 2, 5, 4, 5), (4, 1, 2, 2, 3), (2, 1, 2), ((0, 1), (2, 0), (1, 1)), (2, 2, 1), 2),
]


def integers(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Small integers, so that every sum is exact and comparisons need no tolerance."""
    return np.random.default_rng(seed).integers(-9, 10, shape)


def images(matrix: np.ndarray) -> np.ndarray:
    """A matrix as a batch of one image with one channel, or as a weight between two single channels."""
    return matrix[np.newaxis, np.newaxis]


def test_printed_numbers_without_padding() -> None:
    output = conv(images(GUIDE_INPUT), images(GUIDE_KERNEL), None, (1, 1), ((0, 0), (0, 0)), (1, 1), 1)
    assert output[0, 0].tolist() == [[12, 12, 17], [10, 17, 19], [9, 6, 14]]


def test_printed_numbers_with_padding_and_strides() -> None:
    output = conv(images(GUIDE_INPUT), images(GUIDE_KERNEL), None, (2, 2), ((1, 1), (1, 1)), (1, 1), 1)
    assert output[0, 0].tolist() == [[6, 17, 3], [8, 17, 13], [6, 4, 4]]


def test_worked_example() -> None:
    """y22 = x22 k11 + x23 k12 + ... + x44 k33 of a 4x4 input and a 3x3 kernel: the kernel is not flipped."""
    x = integers((4, 4))
    k = integers((3, 3), seed=1)
    y22 = (
        x[1, 1] * k[0, 0] + x[1, 2] * k[0, 1] + x[1, 3] * k[0, 2]
        + x[2, 1] * k[1, 0] + x[2, 2] * k[1, 1] + x[2, 3] * k[1, 2]
        + x[3, 1] * k[2, 0] + x[3, 2] * k[2, 1] + x[3, 3] * k[2, 2]
    )  # fmt: skip
    output = conv(images(x), images(k), None, (1, 1), ((0, 0), (0, 0)), (1, 1), 1)
    assert output.shape == (1, 1, 2, 2)
    assert output[0, 0, 1, 1] == y22


@pytest.mark.parametrize("figure", FIGURES)
def test_sizes_of_the_figures(figure: str) -> None:
    i, o, p, k, s, d, a = FIGURES[figure]
    weight = np.ones((1, 1, k, k))
    output = conv(np.ones((1, 1, i, i)), weight, None, (s, s), ((p, p), (p, p)), (d, d), 1)
    assert output.shape == (1, 1, o, o)
    back = conv_transpose(output, weight, None, (s, s), ((p, p), (p, p)), (a, a), 1, (d, d))
    assert back.shape == (1, 1, i, i)


def test_transposed_figure_by_hand() -> None:
    """The 2x2 output of a 3x3 kernel, scattered back to 4x4 by writing the four kernels down and adding them."""
    scattered = np.zeros((4, 4), dtype=int)
    for (row, column), value in {(0, 0): 2, (0, 1): -1, (1, 0): 3, (1, 1): 5}.items():
        scattered[row : row + 3, column : column + 3] += value * GUIDE_KERNEL
    small = images(np.array([[2, -1], [3, 5]]))
    kernel = images(GUIDE_KERNEL)
    whole = conv_transpose(small, kernel, None, (1, 1), ((0, 0), (0, 0)), (0, 0), 1, (1, 1))
    np.testing.assert_array_equal(whole[0, 0], scattered)
    cropped = conv_transpose(small, kernel, None, (1, 1), ((1, 0), (0, 2)), (0, 0), 1, (1, 1))
    np.testing.assert_array_equal(cropped[0, 0], scattered[1:, :-2])


def test_transposed_is_a_convolution_of_the_stretched_input() -> None:
    """Relationship 14: s - 1 zeros between inputs, a after them, padding k - p - 1, and the mirrored kernel."""
    k, s, p, a = 4, 3, 1, 2
    signal = integers((1, 1, 5))
    weight = integers((1, 1, k), seed=1)
    stretched = np.zeros((1, 1, s * (5 - 1) + 1 + a), dtype=int)
    stretched[..., : s * (5 - 1) + 1 : s] = signal
    q = k - p - 1
    expected = conv(stretched, weight, None, (1,), ((q, q),), (1,), 1, flip=True)
    actual = conv_transpose(signal, weight, None, (s,), ((p, p),), (a,), 1, (1,))
    assert actual.shape[2] == s * (5 - 1) + a + k - 2 * p
    np.testing.assert_array_equal(actual, expected)


def test_transposed_crops_all_or_adds_zeros() -> None:
    signal = np.array([[[1, 2]]])
    weight = np.array([[[1, 10]]])
    assert conv_transpose(signal, weight, None, (1,), ((2, 1),), (0,), 1, (1,)).tolist() == [[[]]]
    assert conv_transpose(signal, weight, None, (1,), ((-1, -2),), (0,), 1, (1,)).tolist() == [[[0, 1, 12, 20, 0, 0]]]
    # Extra positions come before cropping: all three scattered values are cropped, two extra zeros stay.
    assert conv_transpose(signal, weight, np.array([7]), (1,), ((3, 0),), (2,), 1, (1,)).tolist() == [[[7, 7]]]


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize(("input_shape", "weight_shape", "stride", "padding", "dilation", "groups"), CONVS)
def test_transposed_is_the_adjoint(
    input_shape: tuple[int, ...],
    weight_shape: tuple[int, ...],
    stride: tuple[int, ...],
    padding: Pads,
    dilation: tuple[int, ...],
    groups: int,
    flip: bool,
) -> None:
    """<conv(x), y> = <x, conv_transpose(y)>, with the output padding that brings back the size of x."""
    x = integers(input_shape)
    weight = integers(weight_shape, seed=1)
    forward = conv(x, weight, None, stride, padding, dilation, groups, flip=flip)
    y = integers(forward.shape, seed=2)
    rest = tuple(
        (i + before + after - d * (k - 1) - 1) % s
        for i, (before, after), d, k, s in zip(
            input_shape[2:], padding, dilation, weight_shape[2:], stride, strict=True
        )
    )
    backward = conv_transpose(y, weight, None, stride, padding, rest, groups, dilation, flip=flip)
    assert backward.shape == x.shape
    assert np.any(forward)
    assert np.sum(forward * y) == np.sum(x * backward)


def test_groups_are_separate_convolutions() -> None:
    x = integers((2, 4, 6))
    weight = integers((6, 2, 3), seed=1)
    whole = conv(x, weight, None, (1,), ((1, 1),), (1,), 2)
    first = conv(x[:, :2], weight[:3], None, (1,), ((1, 1),), (1,), 1)
    second = conv(x[:, 2:], weight[3:], None, (1,), ((1, 1),), (1,), 1)
    np.testing.assert_array_equal(whole, np.concatenate([first, second], axis=1))


def test_bias_is_one_number_per_output_channel() -> None:
    x = integers((2, 1, 4, 4))
    weight = integers((2, 1, 3, 3), seed=1)
    pads = ((0, 0), (0, 0))
    bias = np.array([100, -1000])
    for operate in (
        lambda bias: conv(x, weight, bias, (1, 1), pads, (1, 1), 1),
        lambda bias: conv_transpose(x, weight[:1].repeat(2, axis=1), bias, (1, 1), pads, (0, 0), 1, (1, 1)),
    ):
        difference = operate(bias) - operate(None)
        assert np.all(difference[:, 0] == 100)
        assert np.all(difference[:, 1] == -1000)


def test_padding_modes_are_paddings_beforehand() -> None:
    x = integers((1, 2, 4, 3))
    weight = integers((2, 2, 3, 3), seed=1)
    for mode, name in [("reflect", "reflect"), ("replicate", "edge"), ("circular", "wrap"), ("symmetric", "symmetric")]:
        padded = np.pad(x, ((0, 0), (0, 0), (2, 1), (5, 0)), mode=name)
        expected = conv(padded, weight, None, (1, 2), ((0, 0), (0, 0)), (1, 1), 1)
        actual = conv(x, weight, None, (1, 2), ((2, 1), (5, 0)), (1, 1), 1, padding_mode=mode)
        np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.float16, np.float32, np.float64, np.complex64, np.complex128])
def test_results_keep_the_dtype(dtype: type) -> None:
    x = integers((1, 2, 5)).astype(dtype)
    weight = integers((2, 2, 3), seed=1).astype(dtype)
    bias = np.array([1, 2], dtype=dtype)
    assert conv(x, weight, bias, (1,), ((0, 0),), (1,), 1).dtype == dtype
    assert conv_transpose(x, weight, bias, (1,), ((0, 0),), (0,), 1, (1,)).dtype == dtype


def test_complex_numbers_are_not_conjugated() -> None:
    x = np.array([[[1 + 2j, 3 - 1j]]])
    weight = np.array([[[2 - 1j, 1j]]])
    assert conv(x, weight, None, (1,), ((0, 0),), (1,), 1).tolist() == [[[5 + 6j]]]
    assert conv_transpose(x, weight, None, (2,), ((0, 0),), (0,), 1, (1,)).tolist() == [
        [[4 + 3j, -2 + 1j, 5 - 5j, 1 + 3j]]
    ]


def test_empty_batches_give_empty_results() -> None:
    weight = np.ones((4, 2, 3, 3))
    pads = ((0, 0), (0, 0))
    assert conv(np.ones((0, 2, 5, 5)), weight, None, (1, 1), pads, (1, 1), 1).shape == (0, 4, 3, 3)
    assert conv_transpose(np.ones((0, 4, 5, 5)), weight, None, (1, 1), pads, (0, 0), 1, (1, 1)).shape == (0, 2, 7, 7)


@pytest.mark.parametrize(("size", "taps"), [(9, 3), (8, 4), (5, 5)])
def test_numpy_correlate_and_convolve(size: int, taps: int) -> None:
    x = integers((size,))
    k = integers((taps,), seed=1)
    paddings = {
        "valid": (0, 0),
        "full": (taps - 1, taps - 1),
        "same": (taps // 2, (taps - 1) // 2),  # an even kernel has its extra zero before
    }
    for mode, pads in paddings.items():
        correlated = conv(images(x), images(k), None, (1,), (pads,), (1,), 1)
        np.testing.assert_array_equal(correlated[0, 0], np.correlate(x, k, mode))
        convolved = conv(images(x), images(k), None, (1,), (pads,), (1,), 1, flip=True)
        np.testing.assert_array_equal(convolved[0, 0], np.convolve(x, k, mode))
    scattered = conv_transpose(images(x), images(k), None, (1,), ((0, 0),), (0,), 1, (1,))
    np.testing.assert_array_equal(scattered[0, 0], np.convolve(x, k, "full"))


@pytest.mark.parametrize("kernel", [(3, 3), (4, 2), (1, 5)])
def test_scipy_correlate2d_and_convolve2d(kernel: tuple[int, int]) -> None:
    signal = pytest.importorskip("scipy.signal")
    x = integers((6, 7))
    k = integers(kernel, seed=1)
    paddings = {
        "valid": ((0, 0), (0, 0)),
        "full": tuple((taps - 1, taps - 1) for taps in kernel),
        "same": tuple(((taps - 1) // 2, taps // 2) for taps in kernel),  # correlate2d has its extra zero after
    }
    for mode, padding in paddings.items():
        for name, padding_mode in [("fill", "zeros"), ("wrap", "circular"), ("symm", "symmetric")]:
            expected = signal.correlate2d(x, k, mode, boundary=name)
            actual = conv(images(x), images(k), None, (1, 1), padding, (1, 1), 1, padding_mode)
            np.testing.assert_array_equal(actual[0, 0], expected)
    expected = signal.convolve2d(x, k, "full")
    actual = conv(images(x), images(k), None, (1, 1), paddings["full"], (1, 1), 1, flip=True)
    np.testing.assert_array_equal(actual[0, 0], expected)


@pytest.mark.parametrize(("input_shape", "weight_shape", "stride", "padding", "dilation", "groups"), CONVS)
def test_conv_is_pytorchs(
    input_shape: tuple[int, ...],
    weight_shape: tuple[int, ...],
    stride: tuple[int, ...],
    padding: Pads,
    dilation: tuple[int, ...],
    groups: int,
) -> None:
    torch = pytest.importorskip("torch")
    operate = getattr(torch.nn.functional, f"conv{len(stride)}d")
    x = integers(input_shape).astype(np.float64)
    weight = integers(weight_shape, seed=1).astype(np.float64)
    bias = integers(weight_shape[:1], seed=2).astype(np.float64)
    last_axis_first = [amount for pair in reversed(padding) for amount in pair]
    padded = torch.nn.functional.pad(torch.from_numpy(x), last_axis_first)
    expected = operate(
        padded, torch.from_numpy(weight), torch.from_numpy(bias), stride=stride, dilation=dilation, groups=groups
    )
    np.testing.assert_array_equal(conv(x, weight, bias, stride, padding, dilation, groups), expected.numpy())


@pytest.mark.parametrize(
    ("input_shape", "weight_shape", "stride", "padding", "output_padding", "groups", "dilation"),
    [
        ((2, 3, 5), (3, 2, 4), (1,), (0,), (0,), 1, (1,)),
        ((1, 4, 5), (4, 3, 3), (3,), (2,), (2,), 2, (2,)),
        ((2, 2, 4, 3), (2, 3, 3, 2), (2, 1), (1, 0), (1, 0), 1, (1, 1)),
        ((1, 4, 3, 4), (4, 1, 3, 3), (3, 2), (3, 4), (2, 1), 4, (2, 3)),
        ((1, 2, 3, 2, 4), (2, 1, 2, 3, 2), (1, 2, 3), (0, 2, 1), (0, 1, 2), 2, (1, 1, 2)),
    ],
)
def test_conv_transpose_is_pytorchs(
    input_shape: tuple[int, ...],
    weight_shape: tuple[int, ...],
    stride: tuple[int, ...],
    padding: tuple[int, ...],
    output_padding: tuple[int, ...],
    groups: int,
    dilation: tuple[int, ...],
) -> None:
    torch = pytest.importorskip("torch")
    operate = getattr(torch.nn.functional, f"conv_transpose{len(stride)}d")
    x = integers(input_shape).astype(np.float64)
    weight = integers(weight_shape, seed=1).astype(np.float64)
    bias = integers((weight_shape[1] * groups,), seed=2).astype(np.float64)
    tensors = (torch.from_numpy(array) for array in (x, weight, bias))
    expected = operate(*tensors, stride, padding, output_padding, groups, dilation)
    pads = tuple((amount, amount) for amount in padding)
    actual = conv_transpose(x, weight, bias, stride, pads, output_padding, groups, dilation)
    np.testing.assert_array_equal(actual, expected.numpy())


@pytest.mark.parametrize(("mode", "torch_mode"), [("reflect", "reflect"), ("replicate", "replicate")])
def test_padding_modes_are_pytorchs(mode: str, torch_mode: str) -> None:
    torch = pytest.importorskip("torch")
    layer = torch.nn.Conv2d(2, 3, (3, 2), stride=2, padding=(2, 1), padding_mode=torch_mode, dtype=torch.float64)
    x = integers((1, 2, 5, 4)).astype(np.float64)
    with torch.no_grad():
        expected = layer(torch.from_numpy(x)).numpy()
        weight, bias = layer.weight.numpy(), layer.bias.numpy()
    actual = conv(x, weight, bias, (2, 2), ((2, 2), (1, 1)), (1, 1), 1, padding_mode=mode)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-12)


def test_negative_padding_is_cropping() -> None:
    x = integers((1, 1, 8))
    weight = integers((1, 1, 3), seed=1)
    cropped = conv(x[..., 2:-1], weight, None, (1,), ((0, 0),), (1,), 1)
    np.testing.assert_array_equal(conv(x, weight, None, (1,), ((-2, -1),), (1,), 1), cropped)
    assert conv(pad(x, ((-7, 0),), "zeros"), weight, None, (1,), ((0, 0),), (1,), 1).shape == (1, 1, 0)
