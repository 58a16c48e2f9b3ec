"""Transposed depthwise convolution at a stride of 2: every shape and type that has tiles, against the reference."""

from itertools import product
from typing import Any

import numpy as np
import pytest

import fastconv as fc
from fastconv.jit.machine import machine
from fastconv.ops.calls import recording
from nightly import nightly
from properties.strategies import LAYOUTS, forget_decisions, integers
from sharing import share_out

pytestmark = pytest.mark.skipif(not machine().masked_loads, reason="the tile needs masked loads")

#: Input size, kernel, options: either side first on each axis, tiles of all rows and columns and not, and crops.
CASES: list[tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
    ((9, 17), (3, 3), {"padding": 1}),
    ((4, 40), (4, 4), {"padding": 1}),
    ((7, 7), (5, 5), {"padding": 2, "output_padding": 1}),
    ((5, 33), (3, 3), {"padding": ((0, 1), (2, 0))}),
    ((1, 3), (2, 2), {}),
    ((6, 20), (7, 7), {"padding": 3}),
    ((6, 20), (4, 4), {"padding": ((2, 0), (0, 3))}),
    ((4, 18), (5, 5), {"padding": 5}),
    ((3, 5, 9), (2, 3, 3), {"stride": (1, 2, 2), "dilation": (2, 1, 1), "padding": (1, 1, 1)}),
]


def both(case: tuple[Any, ...], dtype: str, multiplier: int = 1, layout: str = "contiguous", **more: Any) -> Any:
    """The result and the reference's; `more` are options too."""
    size, kernel, options = case
    x, w = integers((2, 3, *size), dtype), integers((3, multiplier, *kernel), dtype, 1)
    bias = integers((3 * multiplier,), dtype, 2)
    op = fc.conv_transpose2d if len(kernel) == 2 else fc.conv_transpose3d
    options = {"stride": 2, "groups": 3} | options | more
    x, w = LAYOUTS[layout](x), LAYOUTS[layout](w)
    return [op(x, w, bias, algorithm=name, **options) for name in ("stretched", "reference")]


@pytest.mark.parametrize(
    ("case", "dtype"),
    [*((case, "float32") for case in CASES), *nightly(*product(CASES, ["float64", "int32", "int64"]))],
)
def test_is_the_reference(case: tuple[Any, ...], dtype: str) -> None:
    np.testing.assert_array_equal(*both(case, dtype))


@pytest.mark.parametrize("multiplier", [2, 3])
def test_several_channels_of_one(multiplier: int) -> None:
    np.testing.assert_array_equal(*both(CASES[0], "float32", multiplier))


@pytest.mark.parametrize("layout", ["channels last", "byte-swapped", "misaligned", "read-only"])
def test_operands_lie_anyhow(layout: str) -> None:
    np.testing.assert_array_equal(*both(CASES[0], "float32", layout=layout))


@pytest.mark.parametrize("flip", [True, False])
def test_activation_comes_last(flip: bool) -> None:
    np.testing.assert_array_equal(*both(CASES[1], "float32", flip=flip, activation="relu"))


@pytest.mark.parametrize("case", CASES[:4])
def test_is_the_gradient_of_a_strided_convolution(case: tuple[Any, ...]) -> None:
    _, kernel, _ = case
    x, w = integers((2, 64, 33, 37)), integers((64, 1, *kernel), seed=1)  # in float64, whose sums are exact
    options = {"stride": 2, "padding": 1, "groups": 64}
    dy = integers(fc.conv2d(x, w, **options).shape, seed=2)
    with recording() as calls:
        dx = fc.grad.conv2d_input(x.shape, w, dy, **options)
    assert calls[0][1].algorithm == "stretched"
    assert np.sum(dx * x) == np.sum(dy * fc.conv2d(x, w, **options))


@pytest.mark.parametrize("special", [np.inf, np.nan])
def test_special_numbers_reach_their_windows_only(special: float) -> None:
    x, w = np.ones((1, 3, 6, 9), np.float32), np.ones((3, 1, 3, 3), np.float32)
    x[0, 1, 2, 3] = x[0, 2, -1, -1] = w[0, 0, 0, 0] = special  # and a special weight its padding
    found = fc.conv_transpose2d(x, w, None, 2, 1, groups=3, algorithm="stretched")
    with np.errstate(invalid="ignore"):
        wanted = fc.conv_transpose2d(x, w, None, 2, 1, groups=3, algorithm="reference")
    np.testing.assert_array_equal(found, wanted)


def test_blocks_of_rows_and_any_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    x, w = (rng.standard_normal(shape).astype(np.float32) for shape in ((2, 3, 19, 20), (3, 1, 5, 5)))
    once = fc.conv_transpose2d(x, w, None, 2, 2, groups=3, algorithm="stretched")
    wanted = fc.conv_transpose2d(x.astype(float), w.astype(float), None, 2, 2, groups=3, algorithm="reference")
    np.testing.assert_allclose(once, wanted, atol=1e-6 * np.abs(wanted).max())
    monkeypatch.setattr("fastconv.plan.stretched.MOST_OUTPUTS", 1)
    for helpers in (0, 1, 3):
        forget_decisions()
        with monkeypatch.context() as patch:
            share_out(patch, helpers)
            np.testing.assert_array_equal(fc.conv_transpose2d(x, w, None, 2, 2, groups=3, algorithm="stretched"), once)
    forget_decisions()


@pytest.mark.parametrize(
    ("shape", "kernel", "options", "dtype", "reason"),
    [
        ((3, 9, 9), (3, 3), {"groups": 1}, "float32", "it sums over one channel, not over 3"),
        ((3, 9, 9), (3, 3), {"stride": (1, 2)}, "float32", "it stretches rows and columns to two apart"),
        ((3, 9, 9), (3, 3), {"stride": 3}, "float32", "it stretches rows and columns to two apart"),
        ((3, 9, 9), (3, 4), {}, "float32", "it knows square kernels of 2 to 5 or 7 neighbouring taps a side"),
        ((3, 9, 9), (3, 3), {"dilation": 2}, "float32", "it knows square kernels"),
        ((3, 9, 9), (6, 6), {}, "float32", "it knows square kernels"),
        ((3, 9, 9), (3, 3), {"padding": (0, 1)}, "float32", "its first tap is seen by even rows and even columns"),
        ((3, 9, 9), (3, 3), {}, "complex64", "it sums numbers as they are, not complex64 to complex64"),
    ],
)
def test_says_why_it_declines(
    shape: tuple[int, ...], kernel: tuple[int, ...], options: dict[str, Any], dtype: str, reason: str
) -> None:
    given = {"stride": 2, "groups": 3, "algorithm": "stretched"} | options
    with pytest.raises(ValueError, match=f"cannot serve this call: .*{reason}"):
        fc.conv_transpose2d(np.ones(shape, dtype), np.ones((3, 1, *kernel), dtype), **given)
