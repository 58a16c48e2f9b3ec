"""Whole numbers summed in floats, exactly."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import fastconv as fc
from fastconv.jit.machine import machine
from fastconv.jit.winograd import GROWTH
from fastconv.kernels.interleave import Planes, interleave_planes
from fastconv.ops import arguments as arg
from fastconv.ops import arithmetic, conv, conv_transpose, interleaving
from fastconv.ops.dtypes import held_by, largest_sum, product_sums, sums_parts
from fastconv.plan.weights import weights_in
from nightly import nightly
from properties.strategies import integers


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
    found, exact = product_sums([held_by(np.dtype(name)) for name in dtypes], products, np.dtype(result))
    assert (found, exact) == (np.dtype(sums), sums != result and sums.startswith("float"))


@pytest.fixture(params=[1, 2, 4], ids=["floats", "pairs", "quads"])
def together(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """How many channels at most become one, in calls of any size; none of another test is remembered."""
    here = replace(machine(), quad_products=machine().quad_products if request.param == 4 else "")
    if not {1: "floats", 2: here.pair_products, 4: here.quad_products}[request.param]:
        pytest.skip("no instruction multiplies them")
    monkeypatch.setattr(arithmetic, "machine", lambda: here)
    monkeypatch.setattr(arithmetic, "LEAST_PRODUCTS", 0 if request.param > 1 else float("inf"))
    for module in (conv, conv_transpose):
        module._prepare.cache_clear()
    yield request.param
    for module in (conv, conv_transpose):
        module._prepare.cache_clear()


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize(
    ("dtypes", "channels"),
    [
        (("int8", "int8"), 113),
        (("int8", "int8"), 120),
        (("int8", "uint8"), 33),
        (("uint8", "int8"), 114),
        (("uint8", "uint8"), 28),
        (("int16", "uint16"), 50),
    ],
)
def test_sums_of_the_largest_whole_numbers_are_exact(
    dtypes: tuple[str, str], channels: int, transposed: bool, together: int
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
    if together == 4 and transposed and dtypes[0] == dtypes[1]:  # outputs do not all see as many weights
        together = 2
    word = {1: "exact here", 2: "in pairs", 4: "in quads"}[1 if dtypes[1] == "uint16" else together]
    assert word in fc.explain(op, x, w, padding=1)
    held = [held_by(each.dtype) for each in (x, w)]
    sums, _ = product_sums(held, 9 * channels, found.dtype)
    if sums == np.float64 and GROWTH * largest_sum(held, 9 * channels) <= 2**53:
        np.testing.assert_array_equal(op(x, w, padding=1, algorithm="winograd"), wide)
    else:
        with pytest.raises(ValueError, match="it halves weights: not for "):
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
    ("dtypes", "sums", "may"),
    [
        (("int8", "uint8"), "int32", (2, 4)),
        (("bool", "int8"), "int32", (2, 4)),
        (("bool", "int16"), "int32", (2,)),
        (("int8", "uint16"), "int32", ()),  # which no half of 32 bits holds
        (("int8", "int8"), "int64", ()),
        (("int8", "int8"), "float32", ()),
    ],
)
def test_parts_fill_32_bits_and_are_summed_in_them(dtypes: tuple[str, ...], sums: str, may: tuple[int, ...]) -> None:
    given = [np.dtype(name) for name in dtypes]
    assert tuple(parts for parts in (2, 4) if sums_parts(given, np.dtype(sums), parts)) == may


#: Of input and weights, and further arguments: odd channels, groups, padding, strides, every rank, one output channel.
LAYERS: dict[str, tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = {
    "odd": ((2, 7, 9, 8), (20, 7, 3, 3), {"padding": 1}),
    "groups": ((2, 9, 9, 8), (12, 3, 3, 3), {"groups": 3, "stride": 2}),
    "pointwise": ((1, 34, 20, 20), (5, 34, 1, 1), {}),
    "signals": ((2, 6, 300), (1, 6, 5), {"dilation": 3, "padding": 4}),
    "volumes": ((1, 5, 4, 6, 7), (17, 5, 3, 2, 3), {"padding": 1}),
    "single": ((6, 9, 8), (20, 6, 3, 3), {"padding": 2}),
}


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("dtypes", [("int8", "uint8"), ("bool", "int8"), ("int16", "int16")])
def test_pairs_of_any_layer(dtypes: tuple[str, str], name: str, transposed: bool, together: int) -> None:
    """Sums beyond 32 bits wrap around."""
    shape, weight_shape, options = LAYERS[name]
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


#: Of input and weights, and further arguments: runs of 128 pairs, more taps than these, groups, every rank.
WIDENED: dict[str, tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = {
    "runs": ((1, 258, 8, 9), (17, 258, 1, 1), {}),
    "odd": ((2, 37, 9, 8), (20, 37, 3, 3), {"padding": 1}),
    "taps": ((1, 3, 15, 14), (16, 3, 12, 12), {"padding": 1}),
    "groups": ((2, 10, 9, 8), (72, 5, 3, 3), {"groups": 2, "stride": 2}),
    "signals": ((2, 6, 300), (16, 6, 5), {"dilation": 3, "padding": 4}),
    "volumes": ((1, 5, 4, 6, 7), (17, 5, 3, 2, 3), {"padding": 1, "padding_mode": "reflect"}),
    "single": ((6, 9, 8), (20, 6, 3, 3), {"padding": 2}),
}


@pytest.mark.parametrize("name", WIDENED)
@pytest.mark.parametrize(
    "dtypes", [("int16", "int16"), ("uint8", "int16"), *nightly((("int16", "bool"),), (("int16", "int8"),))]
)
def test_sums_of_16_bits_are_widened_before_they_wrap(dtypes: tuple[str, str], name: str, together: int) -> None:
    """Low bytes of 255 times the least weight are what 32 bits hold fewest of."""
    shape, weight_shape, options = WIDENED[name]
    rank, rng = len(weight_shape) - 2, np.random.default_rng(0)
    x, w = (
        rng.choice(np.array([number, -(2**15), 2**15 - 1, 77]).astype(dtype), size, p=[0.997, 0.001, 0.001, 0.001])
        for number, size, dtype in zip((-1, -(2**15)), (shape, weight_shape), dtypes, strict=True)
    )
    x[..., 0], w[0] = np.array(-1).astype(dtypes[0]), np.array(-(2**15)).astype(dtypes[1])
    given: dict[str, Any] = {**options, "bias": rng.integers(-(2**40), 2**40, weight_shape[0]), "flip": True}
    op, layer = getattr(fc, f"conv{rank}d"), getattr(fc, f"Conv{rank}d")
    wanted = op(x.astype(np.int64), w.astype(np.int64), **given, algorithm="reference")
    last = np.moveaxis(np.ascontiguousarray(np.moveaxis(x, -rank - 1, -1)), -1, -rank - 1)
    packed = layer(w, **given)
    for found in (op(x, w, **given), op(last, w, **given), packed(x), packed(last)):
        assert found.dtype == np.int64
        np.testing.assert_array_equal(found, wanted)
    told = fc.explain(op, x, w, **given)
    assert ("in pairs" in told) == (together == 4)
    assert ("of high and of low bytes" in told) == (together == 4 and dtypes == ("int16", "int16"))


@pytest.mark.parametrize("algorithm", ["panel", "tile", "spread", "auto"])
def test_calls_of_16_bits_may_name_algorithms_that_widen_nothing(algorithm: str) -> None:
    x, w = integers((32, 20, 20), np.int16), integers((32, 32, 3, 3), np.int16, seed=1)
    found = fc.conv2d(x, w, padding=1, algorithm=algorithm)
    np.testing.assert_array_equal(found, fc.conv2d(x, w, padding=1, algorithm="reference"), strict=True)


@pytest.mark.parametrize("parts", [2, 4])
@pytest.mark.parametrize("channels", [4, 5, 7])
def test_tasks_write_their_own_numbers_alone(channels: int, parts: int) -> None:
    numbers = interleaving.numbers_of(channels, parts)
    x = np.arange(-9 * channels, 9 * channels, dtype=np.int8)
    table, found = np.array(Planes(channels, numbers, 9, 0), np.int64), np.full(2 * numbers * 9, 77, np.uint32)
    run = interleave_planes[parts].bind(x.dtype, found.dtype, np.int64).run_serial
    run(1, x, found, table)
    assert (found[9:] == 77).all()
    run(2 * numbers, x, found, table, begin=1)
    planes = np.zeros((2, parts * numbers, 9), f"i{4 // parts}")
    planes[:, :channels] = x.reshape(2, channels, 9)
    wanted = np.moveaxis(planes.reshape(2, numbers, parts, 9), 2, -1)
    np.testing.assert_array_equal(found.view(planes.dtype).reshape(wanted.shape), wanted)


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
@pytest.mark.parametrize("last", [False, True])
def test_sums_of_a_shifted_input_begin_with_what_the_shift_takes(dtype: str, last: bool) -> None:
    rng, ends = np.random.default_rng(0), np.iinfo(dtype)
    w = rng.integers(ends.min, ends.max, (3, 6, 2, 5), dtype, endpoint=True)
    w = np.moveaxis(np.ascontiguousarray(np.moveaxis(w, 1, -1)), -1, 1) if last else w
    how = interleaving.Interleaving.of(arg.form(w), 1, 6, 4, weights_in(w.dtype))
    start, bias = interleaving.Start(w.dtype), np.array([7, -8, 2**31 - 1], np.int32)
    wanted = w.sum((1, 2, 3), dtype=np.int64) * (-128 if dtype == "int8" else 128)
    np.testing.assert_array_equal(start.run(None, how.run(w)), wanted)
    np.testing.assert_array_equal(start.run(bias, how.run(w)), (wanted + bias).astype(np.int32))


@pytest.mark.parametrize("padding_mode", ["zeros", "reflect"])
@pytest.mark.parametrize("algorithm", ["panel", "spread", "tile"])
@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_padding_of_shifted_inputs_is_none_of_their_numbers(
    dtype: str, algorithm: str, padding_mode: str, together: int
) -> None:
    x, w = np.full((1, 5, 7, 9), 1, dtype), np.ones((17, 5, 3, 3), dtype)
    given: dict[str, Any] = {"padding": 2, "stride": 2, "padding_mode": padding_mode}
    wanted = fc.conv2d(x.astype(np.int64), w.astype(np.int64), algorithm="reference", **given)
    last = np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1)
    for found in (fc.conv2d(each, w, algorithm=algorithm, **given) for each in (x, last)):
        np.testing.assert_array_equal(found, wanted)
