"""K' against the printed matrix, and against the convolution it stands for."""

import numpy as np
import pytest

from fastconv.reference import conv, conv_matrix, conv_transpose

Pads = tuple[tuple[int, int], ...]

# Input size with channels, shape of the weight, stride, padding, dilation, groups.
MATRICES = [
    ((1, 6), (1, 1, 3), (1,), ((0, 0),), (1,), 1),
    ((4, 7), (6, 2, 4), (2,), ((3, 1),), (2,), 2),
    ((2, 8), (1, 2, 3), (1,), ((-2, 3),), (1,), 1),
    ((2, 5, 4), (3, 2, 3, 2), (2, 1), ((1, 1), (0, 1)), (1, 1), 1),
    ((4, 4, 5), (4, 1, 2, 3), (1, 3), ((5, 0), (4, 4)), (2, 2), 4),
    ((2, 3, 2, 4), (2, 1, 2, 2, 3), (1, 1, 2), ((1, 0), (1, 1), (0, 2)), (1, 1, 1), 2),
]


def integers(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Small integers, so that every sum is exact and comparisons need no tolerance."""
    return np.random.default_rng(seed).integers(-9, 10, shape)


def test_printed_matrix() -> None:
    """The 4x16 matrix of a 3x3 kernel on a 4x4 input, with k11 written 11."""
    weight = np.array([[[[11, 12, 13], [21, 22, 23], [31, 32, 33]]]])
    printed = [
        [11, 12, 13, 0, 21, 22, 23, 0, 31, 32, 33, 0, 0, 0, 0, 0],
        [0, 11, 12, 13, 0, 21, 22, 23, 0, 31, 32, 33, 0, 0, 0, 0],
        [0, 0, 0, 0, 11, 12, 13, 0, 21, 22, 23, 0, 31, 32, 33, 0],
        [0, 0, 0, 0, 0, 11, 12, 13, 0, 21, 22, 23, 0, 31, 32, 33],
    ]
    assert conv_matrix(weight, (1, 4, 4), (1, 1), ((0, 0), (0, 0)), (1, 1), 1).tolist() == printed


def test_reflected_taps_meet_in_one_entry() -> None:
    weight = np.array([[[1, 10, 100]]])
    reflected = conv_matrix(weight, (1, 2), (1,), ((1, 1),), (1,), 1, padding_mode="reflect")
    assert reflected.tolist() == [[10, 101], [101, 10]]
    circular = conv_matrix(weight, (1, 1), (1,), ((1, 1),), (1,), 1, padding_mode="circular")
    assert circular.tolist() == [[111]]


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular", "symmetric"])
@pytest.mark.parametrize(("input_size", "weight_shape", "stride", "padding", "dilation", "groups"), MATRICES)
def test_product_is_the_convolution(
    input_size: tuple[int, ...],
    weight_shape: tuple[int, ...],
    stride: tuple[int, ...],
    padding: Pads,
    dilation: tuple[int, ...],
    groups: int,
    mode: str,
    flip: bool,
) -> None:
    weight = integers(weight_shape)
    x = integers(input_size, seed=1)
    matrix = conv_matrix(weight, input_size, stride, padding, dilation, groups, mode, flip)
    output = conv(x[np.newaxis], weight, None, stride, padding, dilation, groups, mode, flip)
    assert matrix.shape == (output.size, x.size)
    np.testing.assert_array_equal(matrix @ x.ravel(), output.ravel())


@pytest.mark.parametrize(("input_size", "weight_shape", "stride", "padding", "dilation", "groups"), MATRICES)
def test_transposed_product_is_the_transposed_convolution(
    input_size: tuple[int, ...],
    weight_shape: tuple[int, ...],
    stride: tuple[int, ...],
    padding: Pads,
    dilation: tuple[int, ...],
    groups: int,
) -> None:
    weight = integers(weight_shape)
    matrix = conv_matrix(weight, input_size, stride, padding, dilation, groups)
    rest = tuple(
        (i + before + after - d * (k - 1) - 1) % s
        for i, (before, after), d, k, s in zip(input_size[1:], padding, dilation, weight_shape[2:], stride, strict=True)
    )
    output = conv(np.zeros((1, *input_size)), weight, None, stride, padding, dilation, groups)
    y = integers(output.shape, seed=2)
    back = conv_transpose(y, weight, None, stride, padding, rest, groups, dilation)
    assert back.shape == (1, *input_size)
    np.testing.assert_array_equal(matrix.T @ y.ravel(), back.ravel())


def test_matrix_keeps_the_dtype() -> None:
    weight = np.array([[[1 + 2j, 3]]], dtype=np.complex64)
    matrix = conv_matrix(weight, (1, 3), (1,), ((0, 0),), (1,), 1)
    assert matrix.dtype == np.complex64
    assert matrix[1, 1] == 1 + 2j
