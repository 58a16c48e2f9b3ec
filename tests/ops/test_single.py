"""Transposed convolution of images of one position, whose outputs are channels: against the reference, and refusals."""

from typing import Any

import numpy as np
import pytest

import fastconv as fc
from fastconv import reference
from fastconv.ops.calls import recording
from nightly import nightly
from properties.strategies import LAYOUTS, integers

OPS = {1: fc.conv_transpose1d, 2: fc.conv_transpose2d, 3: fc.conv_transpose3d}
PACKED = {1: fc.ConvTranspose1d, 2: fc.ConvTranspose2d, 3: fc.ConvTranspose3d}
#: Images, channels, output channels of a group, groups, kernel: vectors that are full and not, few images and many.
CASES = [
    (1, 20, 16, 1, (4, 4)),
    (3, 7, 5, 1, (3, 2)),
    (40, 6, 9, 2, (2, 2)),
    (2, 8, 3, 4, (5,)),
    (9, 5, 4, 1, (2, 1, 3)),
    (0, 4, 3, 1, (2, 2)),
]


def operands(case: Any, dtype: str = "float32") -> list[np.ndarray]:
    batch, channels, outputs, groups, kernel = case
    x = integers((batch, channels, *(1 for _ in kernel)), dtype)
    return [x, integers((channels, outputs, *kernel), dtype, 1), integers((outputs * groups,), dtype, 2)]


def expected(x: np.ndarray, w: np.ndarray, b: np.ndarray | None, groups: int, stride: int = 1) -> np.ndarray:
    rank = x.ndim - 2
    none, ones = (0,) * rank, (1,) * rank
    return reference.conv_transpose(x, w, b, (stride,) * rank, ((0, 0),) * rank, none, groups, ones)


@pytest.mark.parametrize("dtype", ["float32", "complex64", "int64", *nightly("float64", "complex128", "int32")])
@pytest.mark.parametrize("case", CASES)
def test_is_the_reference(case: Any, dtype: str) -> None:
    x, w, b = operands(case, dtype)
    op, groups = OPS[x.ndim - 2], case[3]
    for bias, stride in ((b, 1), (None, 3)):
        y = op(x, w, bias, stride, groups=groups, algorithm="single")
        np.testing.assert_array_equal(y, expected(x, w, bias, groups, stride))
        assert y.flags.c_contiguous


@pytest.mark.parametrize("case", CASES)
def test_packed_activated_and_where_the_result_lies(case: Any) -> None:
    x, w, b = operands(case)
    groups, rank = case[3], x.ndim - 2
    packed = PACKED[rank](w, b, groups=groups, activation="relu", algorithm="single")
    wanted = np.maximum(expected(x, w, b, groups), 0)
    np.testing.assert_array_equal(packed(x), wanted)
    last = np.moveaxis(np.full((*np.moveaxis(wanted, 1, -1).shape,), np.nan, np.float32), -1, 1)
    np.testing.assert_array_equal(packed(x, out=last), wanted)
    if len(x):
        np.testing.assert_array_equal(packed(x[0]), wanted[0])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_images_lie_anyhow(layout: str) -> None:
    x, w, b = operands(CASES[2])
    y = fc.conv_transpose2d(LAYOUTS[layout](x), w, b, groups=2, algorithm="single")
    np.testing.assert_array_equal(y, expected(x, w, b, 2))


def test_weights_of_some_channels() -> None:
    """Those of a channel follow each other, the channels do not."""
    x, w, b = operands(CASES[0])
    np.testing.assert_array_equal(
        fc.conv_transpose2d(x[:, ::-2], w[1::2], b, algorithm="single"), expected(x[:, ::-2], w[1::2], b, 1)
    )


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"padding": 1}, "not cropped"),
        ({"padding": ((1, 0), (0, 0))}, "not cropped"),
        ({"stride": 2, "output_padding": 1}, "not cropped"),
        ({"flip": True}, "order of its results"),
        ({"dilation": 2}, "order of its results"),
    ],
)
def test_others_go_elsewhere(options: dict[str, Any], reason: str) -> None:
    x, w, b = operands(CASES[0])
    with pytest.raises(ValueError, match=reason):
        fc.conv_transpose2d(x, w, b, **options, algorithm="single")


def test_larger_images_and_turned_weights_go_elsewhere() -> None:
    x, w, b = operands(CASES[0])
    with pytest.raises(ValueError, match="of one position"):
        fc.conv_transpose2d(x.repeat(2, axis=3), w, b, algorithm="single")
    with pytest.raises(ValueError, match="over channels"):
        fc.conv_transpose2d(x, w[:, :1], None, groups=20, algorithm="single")
    turned = np.asfortranarray(w)
    with pytest.raises(ValueError, match="order of its results"):
        fc.conv_transpose2d(x, turned, b, algorithm="single")
    np.testing.assert_array_equal(fc.conv_transpose2d(x, turned, b), expected(x, w, b, 1))


@pytest.mark.parametrize("batch", [1, 16])
def test_it_is_chosen_for_generators_and_the_gradients_of_discriminators(batch: int) -> None:
    x, w = integers((batch, 100, 1, 1), "float32"), integers((100, 64, 4, 4), "float32", 1)
    with recording() as calls:
        y = fc.conv_transpose2d(x, w)
        dx = fc.grad.conv2d_input(y.shape, w, x)
    assert {choice.algorithm for _, choice, *_ in calls} <= {"single", "unpacked"}
    np.testing.assert_array_equal(y, expected(x, w, None, 1))
    np.testing.assert_array_equal(dx, y)
