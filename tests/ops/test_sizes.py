"""Output sizes without arrays: the guide's figures, and the shapes that the operations give."""

from typing import Any

import numpy as np
import pytest

import fastconv as fc

# The guide's figures: input, output, padding, kernel, stride, dilation, and the a of the transposed figure, if any.
FIGURES = {
    "no_padding_no_strides": (4, 2, 0, 3, 1, 1, 0),
    "arbitrary_padding_no_strides": (5, 6, 2, 4, 1, 1, 0),
    "same_padding_no_strides": (5, 5, 1, 3, 1, 1, 0),
    "full_padding_no_strides": (5, 7, 2, 3, 1, 1, 0),
    "no_padding_strides": (5, 2, 0, 3, 2, 1, 0),
    "padding_strides": (5, 3, 1, 3, 2, 1, 0),
    "padding_strides_odd": (6, 3, 1, 3, 2, 1, 1),
    "dilation": (7, 3, 0, 3, 1, 2, None),
    "numerical_no_padding_no_strides": (5, 3, 0, 3, 1, 1, None),
    "numerical_padding_strides": (5, 3, 1, 3, 2, 1, None),
    "numerical_average_pooling": (5, 3, 0, 3, 1, 1, None),
    "numerical_max_pooling": (5, 3, 0, 3, 1, 1, None),
}


@pytest.mark.parametrize("figure", FIGURES)
def test_figures(figure: str) -> None:
    i, o, p, k, s, d, a = FIGURES[figure]
    assert fc.conv_output_size(i, k, s, p, d) == o
    assert fc.conv_output_size((i, i), (k, k), (s, s), ((p, p), (p, p)), (d, d)) == (o, o)
    assert fc.pool_output_size(i, k, s, p, d) == o
    if a is not None:
        assert fc.conv_transpose_output_size(o, k, s, p, a, d) == i


def test_nineteen_figures() -> None:
    assert len(FIGURES) + sum(a is not None for *_, a in FIGURES.values()) == 19


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (fc.conv_output_size(5, 3), 3),
        (fc.conv_output_size((5,), 3), (3,)),
        (fc.conv_output_size(5, (3,)), (3,)),
        (fc.conv_output_size((5, 6), 3), (3, 4)),
        (fc.conv_output_size([5, 6], [3, 1]), (3, 6)),
        (fc.conv_output_size(5, (3, 2, 1)), (3, 4, 5)),
        (fc.conv_output_size(np.int64(5), np.int8(3)), 3),
        (fc.conv_output_size((5, 6), 3, (1, 2)), (3, 2)),
        (fc.conv_output_size((5, 6), 3, padding=((1, 0), (2, 2))), (4, 8)),
        (fc.conv_output_size((5, 6), 3, dilation=(2, 1)), (1, 4)),
        (fc.conv_output_size((224, 320), 7, stride=2, padding=3), (112, 160)),
        (fc.conv_output_size((7, 8), 4, 3, "same"), (3, 3)),
        (fc.conv_output_size((7, 8), 4, 1, "full", 2), (13, 14)),
        (fc.conv_output_size((7, 8), 4, 1, "valid"), (4, 5)),
        (fc.conv_transpose_output_size(2, 3), 4),
        (fc.conv_transpose_output_size((2, 3), 3, 2, 1, (1, 0)), (4, 5)),
        (fc.conv_transpose_output_size(3, 3, stride=2, padding="same"), 6),
        (fc.conv_transpose_output_size(3, 2, stride=5, padding="same_lower"), 15),
        (fc.conv_transpose_output_size(3, 3, dilation=4, output_padding=3), 14),
        (fc.pool_output_size(5, 2), 2),
        (fc.pool_output_size(5, 2, ceil_mode=True), 3),
        (fc.pool_output_size((5, 6), (2, 3), None, (1, 0)), (3, 2)),
        (fc.pool_output_size(2, 2, 3, 1, ceil_mode=True), 1),
        (fc.pool_output_size(3, 2, 3, 1, ceil_mode=True), 2),
        (fc.pool_output_size((8, 9), 3, 2, "same"), (4, 5)),
    ],
)
def test_sizes(size: Any, expected: Any) -> None:
    assert size == expected
    assert type(size) is type(expected)


@pytest.mark.parametrize("padding", [0, 1, ((0, 1), (1, 0)), "same", "same_lower", "full", "valid"])
@pytest.mark.parametrize("stride", [1, 2, (3, 1)])
@pytest.mark.parametrize("dilation", [1, 2])
def test_sizes_are_shapes(padding: Any, stride: Any, dilation: int) -> None:
    size, kernel = (7, 8), (2, 3)
    x, w = np.ones((1, *size)), np.ones((1, 1, *kernel))
    assert fc.conv2d(x, w, None, stride, padding, dilation).shape[1:] == fc.conv_output_size(
        size, kernel, stride, padding, dilation
    )
    assert fc.conv_transpose2d(x, w, None, stride, padding, 0, 1, dilation).shape[1:] == fc.conv_transpose_output_size(
        size, kernel, stride, padding, 0, dilation
    )
    assert fc.max_pool2d(x, kernel, stride, padding, dilation).shape[1:] == fc.pool_output_size(
        size, kernel, stride, padding, dilation
    )


def test_arrays_of_sizes_are_sizes() -> None:
    assert fc.conv_output_size(np.array([5, 7]), 3) == (3, 5)
    assert fc.conv_matrix(np.ones(3), np.array([5])).shape == (3, 5)
