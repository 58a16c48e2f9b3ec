"""Whole numbers summed in floats, exactly."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import fastconv as fc
from fastconv.jit.machine import machine
from fastconv.kernels.pairs import Planes, pair_planes
from fastconv.ops import conv, conv_transpose, pairing
from fastconv.ops.dtypes import product_sums, sums_pairs
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


@pytest.fixture(params=[False, True], ids=["floats", "pairs"])
def paired(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[bool]:
    """Whether calls of any size sum pairs; a call of another test that is remembered tells nothing."""
    if request.param and not machine().pair_products:
        pytest.skip("no instruction multiplies pairs")
    monkeypatch.setattr(pairing, "LEAST_PRODUCTS", 0 if request.param else float("inf"))
    for module in (conv, conv_transpose):
        module._prepare.cache_clear()
    yield request.param
    for module in (conv, conv_transpose):
        module._prepare.cache_clear()


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize(
    ("dtypes", "channels"),
    [(("int8", "int8"), 113), (("int8", "int8"), 120), (("uint8", "uint8"), 28), (("int16", "uint16"), 50)],
)
def test_sums_of_the_largest_whole_numbers_are_exact(
    dtypes: tuple[str, str], channels: int, transposed: bool, paired: bool
) -> None:
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
    assert ("in pairs" in fc.explain(op, x, w, padding=1)) == (paired and dtypes[0] != "int16")
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


@pytest.mark.parametrize(
    ("dtypes", "result", "may"),
    [
        (("int8", "uint8", "int32"), "int32", True),
        (("bool", "int16"), "int32", True),
        (("int16", "int16"), "uint16", True),
        (("int8", "uint16"), "int32", False),  # which no half of 32 bits holds
        (("int8", "int8"), "int64", False),
        (("int8", "int8"), "float32", False),
        (("int8", "float32"), "int32", False),
    ],
)
def test_pairs_are_of_16_bits_in_sums_of_32(dtypes: tuple[str, ...], result: str, may: bool) -> None:
    assert sums_pairs([np.dtype(name) for name in dtypes], np.dtype(result)) == may


#: Of input and weights, and further arguments: odd channels, groups, padding, strides, every rank, one output channel.
PAIRED: dict[str, tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = {
    "odd": ((2, 7, 9, 8), (20, 7, 3, 3), {"padding": 1}),
    "groups": ((2, 9, 9, 8), (12, 3, 3, 3), {"groups": 3, "stride": 2}),
    "pointwise": ((1, 34, 20, 20), (5, 34, 1, 1), {}),
    "signals": ((2, 6, 300), (1, 6, 5), {"dilation": 3, "padding": 4}),
    "volumes": ((1, 5, 4, 6, 7), (17, 5, 3, 2, 3), {"padding": 1}),
    "single": ((6, 9, 8), (20, 6, 3, 3), {"padding": 2}),
}


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("name", PAIRED)
@pytest.mark.parametrize("dtypes", [("int8", "uint8"), ("bool", "int8"), ("int16", "int16")])
def test_pairs_of_any_layer(dtypes: tuple[str, str], name: str, transposed: bool, paired: bool) -> None:
    """Sums beyond 32 bits wrap around."""
    shape, weight_shape, options = PAIRED[name]
    rank, rng = len(weight_shape) - 2, np.random.default_rng(0)
    if transposed:
        per_group = weight_shape[0] // options.get("groups", 1)
        weight_shape = (shape[-rank - 1], per_group, *weight_shape[2:])
    x, w = (
        rng.integers(-(2**15), 2**15, size).astype(dtype)
        for size, dtype in zip([shape, weight_shape], dtypes, strict=True)
    )
    bias = rng.integers(-(2**31), 2**31, weight_shape[0] if not transposed else per_group * options.get("groups", 1))
    kind = "_transpose" if transposed else ""
    op, layer = getattr(fc, f"conv{kind}{rank}d"), getattr(fc, f"Conv{kind.replace('_t', 'T')}{rank}d")
    given: dict[str, Any] = {**options, "bias": bias.astype(np.int32), "dtype": np.int32, "flip": True}
    wide = {**given, "bias": bias, "dtype": np.int64, "algorithm": "reference"}
    wanted = op(x.astype(np.int64), w.astype(np.int64), **wide).astype(np.int32)
    last = np.moveaxis(np.ascontiguousarray(np.moveaxis(x, -rank - 1, -1)), -1, -rank - 1)
    turned = np.ascontiguousarray(w.T).T
    for found in (op(x, w, **given), op(last, w, **given), op(x[..., ::-1][..., ::-1], turned, **given)):
        np.testing.assert_array_equal(found, wanted)
    packed = layer(w, **given)
    for given_x in (x, last, x):
        np.testing.assert_array_equal(packed(given_x), wanted)


@pytest.mark.parametrize("channels", [4, 5])
def test_tasks_write_their_own_pairs_alone(channels: int) -> None:
    pairs = pairing.pairs_of(channels)
    x, table = np.arange(-9 * channels, 9 * channels, dtype=np.int8), np.array(Planes(channels, pairs, 9), np.int64)
    found = np.full(2 * pairs * 9, 77, np.int32)
    run = pair_planes.bind(x.dtype, found.dtype, np.int64).run_serial
    run(2, x, found, table)
    assert (found[18:] == 77).all()
    run(2 * pairs, x, found, table, begin=2)
    planes = np.zeros((2, 2 * pairs, 9), np.int16)
    planes[:, :channels] = x.reshape(2, channels, 9)
    np.testing.assert_array_equal(
        found.view(np.int16).reshape(2, pairs, 9, 2), np.stack([planes[:, ::2], planes[:, 1::2]], -1)
    )
