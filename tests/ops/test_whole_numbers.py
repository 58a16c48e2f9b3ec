"""Whole numbers summed in floats, exactly."""

import numpy as np
import pytest

import fastconv as fc
from fastconv.ops.dtypes import product_sums
from nightly import nightly


@pytest.mark.parametrize(
    ("dtypes", "products", "result", "sums"),
    [
        (("int8", "int8"), 1024, "int32", "float32"),
        (("int8", "int8"), 1025, "int32", "float64"),
        (("int8", "int8"), 2**17 - 1, "int32", "float64"),
        (("int8", "int8"), 2**17, "int32", "int32"),  # may not fit the result, which then wraps around
        (("uint8", "uint8"), 258, "int32", "float32"),
        (("uint8", "uint8"), 259, "int32", "float64"),
        (("uint8", "bool"), 2**16, "int32", "float32"),
        (("int8", "int8", "int8"), 1024, "int32", "float64"),
        (("int8", "int8", "int32"), 9, "int32", "int32"),
        (("int16", "int16"), 2**23, "int64", "float64"),
        (("int16", "int16"), 2**23 + 1, "int64", "int64"),
        (("int32", "int16"), 9, "int64", "float64"),
        (("int32", "int32"), 9, "int64", "int64"),
        (("int8", "int8"), 9, "int16", "int32"),
        (("int8", "float32"), 9, "float32", "float32"),
    ],
)
def test_floats_sum_whole_numbers_that_they_hold(
    dtypes: tuple[str, ...], products: int, result: str, sums: str
) -> None:
    found, exact = product_sums([np.dtype(name) for name in dtypes], products, np.dtype(result))
    assert (found, exact) == (np.dtype(sums), sums != result and sums.startswith("float"))


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize(
    ("dtypes", "channels"),
    [(("int8", "int8"), 113), (("int8", "int8"), 120), (("uint8", "uint8"), 28), (("int16", "uint16"), 50)],
)
def test_sums_of_the_largest_whole_numbers_are_exact(dtypes: tuple[str, str], channels: int, transposed: bool) -> None:
    rng = np.random.default_rng(0)
    ends = [np.array([np.iinfo(name).min, np.iinfo(name).max], name) for name in dtypes]
    x, w = (
        rng.choice(end, shape, p=[0.9, 0.1] if end[0] else [0.1, 0.9])
        for end, shape in zip(ends, [(2, channels, 9, 8), (20, channels, 3, 3)], strict=True)
    )
    op = fc.conv_transpose2d if transposed else fc.conv2d
    w = w.swapaxes(0, 1) if transposed else w
    wide = op(x.astype(np.int64), w.astype(np.int64), padding=1, algorithm="reference")
    for algorithm in ("auto", "panel", "spread", "tile"):
        found = op(x, w, padding=1, algorithm=algorithm)
        assert found.dtype == (np.int64 if dtypes[0] == "int16" else np.int32)
        np.testing.assert_array_equal(found, wide)
    with pytest.raises(ValueError, match="it halves weights: not for whole numbers"):
        op(x, w, padding=1, algorithm="winograd")


@pytest.mark.parametrize(
    "types", [("int32", "int16"), *nightly((("int32", "int32"),), (("int64", "int32"),), (("uint32", "int32"),))]
)
@pytest.mark.parametrize("transposed", [False, True])
def test_products_of_the_largest_whole_numbers_are_exact_in_64_bits(types: tuple[str, str], transposed: bool) -> None:
    """What has 32 bits is multiplied as such, and what may have more is not."""
    rng = np.random.default_rng(0)
    x, w = (
        rng.choice(np.array([np.iinfo(name).min, np.iinfo(name).max, 7], name), shape)
        for name, shape in zip(types, [(2, 5, 9, 8), (20, 5, 3, 3)], strict=True)
    )
    op, packed = (fc.conv_transpose2d, fc.ConvTranspose2d) if transposed else (fc.conv2d, fc.Conv2d)
    w = w.swapaxes(0, 1) if transposed else w
    wanted = op(x, w, padding=1, algorithm="reference")
    layer = packed(w, padding=1)
    for found in (*(op(x, w, padding=1, algorithm=name) for name in ("auto", "panel", "spread", "tile")), layer(x)):
        assert found.dtype == np.int64
        np.testing.assert_array_equal(found, wanted)
    wide = x.astype(np.int64) * 2**20  # the same weights, packed anew for other numbers
    np.testing.assert_array_equal(layer(wide), op(wide, w, padding=1, algorithm="reference"))
