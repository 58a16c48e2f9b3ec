"""Convolution: the guide's printed numbers, the reference, and what a caller may hand in and get back."""

import inspect
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import pytest
from numpy.lib.stride_tricks import as_strided, sliding_window_view

import fastconv as fc
from fastconv import reference
from fastconv.jit.machine import machine
from fastconv.kernels.spread_table import HALF_ROWS, ROWS, SHARED_ROWS, VECTORS
from fastconv.plan.registry import ALGORITHMS
from nightly import nightly
from properties.strategies import LAYOUTS, PADDING_MODES, integers
from sharing import share_out

GUIDE_INPUT = np.array([[3, 3, 2, 1, 0], [0, 0, 1, 3, 1], [3, 1, 2, 2, 3], [2, 0, 0, 2, 2], [2, 0, 0, 0, 1]])
GUIDE_KERNEL = np.array([[0, 1, 2], [2, 2, 0], [0, 1, 2]])

CONVS = {1: fc.conv1d, 2: fc.conv2d, 3: fc.conv3d}
#: Those that serve any call of these types; those for single channels and for one kernel have tests of their own.
SPECIAL = (
    "channels", "unpacked", "single", "fourier", "depthwise", "turned", "winograd", "winograd_rows", "inside",
)  # fmt: skip
NAMES = [it.name for it in ALGORITHMS["conv"] if it.name not in SPECIAL]

# Shape of the input, shape of the weight, stride, padding, dilation, groups.
CALLS = {
    "1d": ((2, 3, 9), (4, 3, 3), (1,), ((0, 0),), (1,), 1),
    "1d in groups, strided and dilated": ((1, 4, 30), (6, 2, 4), (3,), ((2, 1),), (2,), 2),
    "1d, wide padding": ((3, 2, 5), (2, 1, 5), (2,), ((9, 7),), (1,), 2),
    "1d of one element": ((1, 1, 1), (1, 1, 1), (3,), ((0, 0),), (2,), 1),
    "1d, long": ((1, 2, 3000), (5, 2, 7), (1,), ((3, 3),), (1,), 1),
    "2d": ((2, 3, 6, 7), (9, 3, 3, 2), (1, 1), ((0, 0), (0, 0)), (1, 1), 1),
    "2d, uneven padding": ((1, 2, 6, 7), (3, 2, 3, 2), (1, 1), ((1, 2), (3, 0)), (1, 1), 1),
    "2d, strided": ((1, 3, 11, 12), (2, 3, 3, 3), (2, 3), ((1, 1), (1, 1)), (1, 1), 1),
    "2d, dilated": ((1, 2, 12, 11), (2, 2, 3, 2), (1, 1), ((2, 2), (0, 0)), (2, 3), 1),
    "2d, strided and dilated": ((2, 4, 13, 9), (6, 2, 2, 4), (2, 3), ((0, 0), (3, 4)), (3, 2), 2),
    "2d, depthwise": ((1, 4, 8, 7), (4, 1, 3, 3), (2, 1), ((0, 3), (2, 2)), (1, 2), 4),
    "2d, one tap": ((1, 17, 5, 4), (20, 17, 1, 1), (1, 1), ((0, 0), (0, 0)), (1, 1), 1),
    "2d, several rows of tiles": ((1, 2, 12, 70), (13, 2, 3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), 1),
    "3d": ((1, 2, 4, 5, 3), (2, 2, 2, 3, 1), (1, 2, 1), ((1, 0), (1, 1), (0, 0)), (1, 1, 1), 1),
    "3d in groups": ((2, 2, 5, 4, 5), (4, 1, 2, 2, 3), (2, 1, 2), ((0, 1), (2, 0), (1, 1)), (2, 2, 1), 2),
}

# A small call for what does not depend on sizes.
X, W, B = integers((2, 3, 6, 7)), integers((4, 3, 3, 2), seed=1), integers((4,), seed=2)


def expected(x: np.ndarray, w: np.ndarray, b: np.ndarray | None = None, **options: Any) -> np.ndarray:
    """The reference's answer; options that are not given are those that change nothing."""
    rank = x.ndim - 2
    neutral = {"stride": (1,) * rank, "padding": ((0, 0),) * rank, "dilation": (1,) * rank, "groups": 1}
    return reference.conv(x, w, b, **neutral | options)


def test_printed_numbers() -> None:
    x, w = GUIDE_INPUT[None], GUIDE_KERNEL[None, None]
    assert fc.conv2d(x, w)[0].tolist() == [[12, 12, 17], [10, 17, 19], [9, 6, 14]]
    assert fc.conv2d(x, w, stride=2, padding=1)[0].tolist() == [[6, 17, 3], [8, 17, 13], [6, 4, 4]]


@pytest.mark.parametrize("rank", CONVS)
def test_arguments_are_pytorchs_then_ours_by_name(rank: int) -> None:
    parameters = inspect.signature(CONVS[rank]).parameters.values()
    positional = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert positional == ["input", "weight", "bias", "stride", "padding", "dilation", "groups"]
    assert {p.name for p in parameters if p.kind is p.KEYWORD_ONLY} == {
        "padding_mode", "flip", "activation", "dtype", "out", "algorithm",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "mode"),
    [(name, mode) for name, call in CALLS.items() for mode in PADDING_MODES if mode == "zeros" or np.any(call[3])],
)
def test_every_geometry(name: str, mode: str) -> None:
    x_shape, w_shape, stride, padding, dilation, groups = CALLS[name]
    x, w, b = integers(x_shape), integers(w_shape, seed=1), integers(w_shape[:1], seed=2)
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups, "padding_mode": mode}
    y = CONVS[x.ndim - 2](x, w, b, **options)
    np.testing.assert_array_equal(y, expected(x, w, b, **options))
    assert y.flags.c_contiguous


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("call", ["1d in groups, strided and dilated", "2d, strided and dilated", "3d in groups"])
def test_named_algorithms_give_the_same(name: str, call: str) -> None:
    x_shape, w_shape, *arguments = CALLS[call]
    x, w = integers(x_shape), integers(w_shape, seed=1)
    function = CONVS[x.ndim - 2]
    np.testing.assert_array_equal(
        function(x, w, None, *arguments, algorithm=name), function(x, w, None, *arguments), strict=True
    )


@pytest.mark.parametrize("dtype", ["float32", *nightly("float64", "int8", "int32")])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("size", [(1, 3), (7, 7), (4, 16), (3, 113), (40, 31)])
@pytest.mark.parametrize("out_channels", [5, 35])
def test_rows_of_any_length(out_channels: int, size: tuple[int, int], stride: int, dtype: str) -> None:
    """Rows that fill vectors and rows that do not, in one strip of sums and in several."""
    x, b = integers((2, 3, *size), dtype), integers((out_channels,), dtype, 2)
    w = integers((out_channels, 3, 2, 3), dtype, 1)
    options: dict[str, Any] = {"stride": (1, stride), "padding": ((1, 0), (1, 1))}
    wanted = expected(x.astype(np.int64), w, b, **options)
    for activation, result in ((None, wanted), ("relu", np.maximum(wanted, 0))):
        for algorithm in ("spread", "panel") if dtype.startswith("float") else ("spread",):
            y = fc.conv2d(x, w, b, **options, activation=activation, algorithm=algorithm)
            np.testing.assert_array_equal(y, result)


@pytest.mark.parametrize("dtype", ["float32", "int32", *nightly("float64", "int8")])
@pytest.mark.parametrize("size", [(1, 1), (7, 7), (1, 48), (5, 19), (8, 12), (13, 29)])
@pytest.mark.parametrize("out_channels", [1, 7, 13, 16])
def test_one_tap_needs_no_slab(out_channels: int, size: tuple[int, int], dtype: str) -> None:
    """Pixels fewer than a tile has, exactly as many, and some more; channels in whole tiles, half a one, and alone."""
    x, b = integers((2, 6, *size), dtype), integers((2 * out_channels,), dtype, 2)
    w = integers((2 * out_channels, 3, 1, 1), dtype, 1)
    wanted = expected(x.astype(np.int64), w, b, groups=2)
    for activation, result in ((None, wanted), ("relu", np.maximum(wanted, 0))):
        for given in (x, np.asfortranarray(x), np.repeat(x, 2, axis=0)[::2], np.repeat(x, 2, axis=3)[..., ::2]):
            y = fc.conv2d(given, w, b, groups=2, activation=activation, algorithm="tile")
            np.testing.assert_array_equal(y, result)
    np.testing.assert_array_equal(fc.conv2d(x, w, groups=2, algorithm="tile"), expected(x, w, groups=2))


@pytest.mark.parametrize("depth", [768, 769])
def test_one_tap_of_many_channels(depth: int) -> None:
    x, w = integers((1, depth, 7, 11), "float32"), integers((9, depth, 1, 1), "float32", 1)
    np.testing.assert_array_equal(fc.conv2d(x, w, algorithm="tile"), expected(x, w))


def test_ints_stand_for_all_axes_and_sequences_for_each() -> None:
    y = expected(X, W, stride=(2, 2), padding=((1, 1), (1, 1)), dilation=(2, 2))
    for two, one in [(2, 1), ([2, 2], (1, 1)), (np.array([2, 2]), np.int8(1)), ((2,), [[1, 1], [1, 1]])]:
        np.testing.assert_array_equal(fc.conv2d(X, W, stride=two, padding=one, dilation=two), y)
    y = expected(X, W, stride=(1, 2), padding=((2, 2), (0, 0)), dilation=(2, 1))
    np.testing.assert_array_equal(fc.conv2d(X, W, stride=(1, 2), padding=(2, 0), dilation=[2, 1]), y)


@pytest.mark.parametrize(
    ("name", "shape", "stride", "dilation", "padding"),
    [
        ("valid", (5, 3), 1, 1, ((0, 0), (0, 0))),
        ("full", (5, 3), 1, 1, ((4, 4), (2, 2))),
        ("full", (2, 3), 2, 3, ((3, 3), (6, 6))),
        ("same", (5, 3), 1, 1, ((2, 2), (1, 1))),
        ("same", (4, 2), 1, 1, ((1, 2), (0, 1))),
        ("same_lower", (4, 2), 1, 1, ((2, 1), (1, 0))),
        ("same", (2, 3), 1, 3, ((1, 2), (3, 3))),
        ("same", (4, 3), 2, 1, ((1, 1), (1, 1))),  # 8 and 9 elements, 4 and 5 outputs
        ("same_lower", (4, 2), 3, 1, ((1, 1), (0, 0))),
        ("same", (2, 2), 3, 1, ((0, 0), (0, 0))),
    ],
)
def test_named_paddings(
    name: str, shape: tuple[int, int], stride: int, dilation: int, padding: tuple[tuple[int, int], ...]
) -> None:
    x, w = integers((1, 2, 8, 9)), integers((3, 2, *shape), seed=1)
    y = fc.conv2d(x, w, padding=name, stride=stride, dilation=dilation)
    np.testing.assert_array_equal(
        y, expected(x, w, padding=padding, stride=(stride, stride), dilation=(dilation, dilation))
    )
    if name.startswith("same"):
        assert y.shape[2:] == (-(-8 // stride), -(-9 // stride))


@pytest.mark.parametrize("mode", PADDING_MODES)
def test_padding_modes_are_padding_beforehand(mode: str) -> None:
    """Padding of several times the input's size too, and of single elements."""
    numpy_mode = {"zeros": "constant", "replicate": "edge", "circular": "wrap"}.get(mode, mode)
    for x in (integers((2, 3, 4, 3)), integers((1, 3, 1, 2))):
        padded = np.pad(x, ((0, 0), (0, 0), (9, 3), (2, 11)), mode=numpy_mode)
        y = fc.conv2d(x, W, padding=((9, 3), (2, 11)), padding_mode=mode)
        np.testing.assert_array_equal(y, fc.conv2d(padded, W))


def test_flip_mirrors_the_kernel() -> None:
    np.testing.assert_array_equal(fc.conv2d(X, W, flip=True), fc.conv2d(X, W[:, :, ::-1, ::-1]))
    np.testing.assert_array_equal(
        fc.conv2d(X, W, padding=((2, 0), (1, 1)), stride=2, flip=True),
        expected(X, W, padding=((2, 0), (1, 1)), stride=(2, 2), flip=True),
    )


def test_windows_and_einsum() -> None:
    """The definition in two calls of NumPy."""
    windows = sliding_window_view(X, W.shape[2:], axis=(2, 3))
    np.testing.assert_array_equal(fc.conv2d(X, W), np.einsum("nchwrs,ocrs->nohw", windows, W))


def test_unbatched_is_a_batch_of_one() -> None:
    for x_shape, w_shape, *arguments in CALLS.values():
        x, w = integers(x_shape[1:]), integers(w_shape, seed=1)
        function = CONVS[x.ndim - 1]
        np.testing.assert_array_equal(function(x, w, None, *arguments), function(x[None], w, None, *arguments)[0])


@pytest.mark.parametrize("name", ["auto", *NAMES])
def test_empty_batch(name: str) -> None:
    y = fc.conv2d(X[:0], W, B, stride=2, algorithm=name)
    assert y.shape == (0, 4, 2, 3)
    assert y.dtype == np.float64


def test_inputs_stay_as_they_are() -> None:
    x, w, b = X.copy(), W.copy(), B.copy()
    fc.conv2d(x, w, b, padding=1, activation="relu", flip=True)
    for array, before in ((x, X), (w, W), (b, B)):
        np.testing.assert_array_equal(array, before)


# ---------------------------------------------------------------------------------------------------------------------
# Dtypes


@pytest.mark.parametrize(
    ("x_dtype", "w_dtype", "dtype", "result", "sums"),
    [
        ("float16", "float16", None, "float16", "float32"),
        ("float32", "float32", None, "float32", "float32"),
        ("float64", "float64", None, "float64", "float64"),
        ("complex64", "complex64", None, "complex64", "complex64"),
        ("complex128", "complex128", None, "complex128", "complex128"),
        ("bool", "bool", None, "int32", "int32"),
        ("int8", "int8", None, "int32", "int32"),
        ("uint8", "uint8", None, "int32", "int32"),
        ("uint8", "int8", None, "int32", "int32"),
        ("bool", "int8", None, "int32", "int32"),
        ("int16", "int16", None, "int64", "int64"),
        ("uint16", "uint16", None, "int64", "int64"),
        ("int32", "int32", None, "int64", "int64"),
        ("uint32", "uint32", None, "int64", "int64"),
        ("int64", "int64", None, "int64", "int64"),
        ("uint64", "uint64", None, "int64", "int64"),
        ("uint8", "int16", None, "int64", "int64"),
        ("bool", "int64", None, "int64", "int64"),
        ("float32", "float64", None, "float64", "float64"),
        ("float32", "float16", None, "float32", "float32"),
        ("float16", "int8", None, "float16", "float32"),
        ("int16", "float32", None, "float32", "float32"),
        ("int32", "float32", None, "float64", "float64"),
        ("float64", "complex64", None, "complex128", "complex128"),
        ("uint8", "complex64", None, "complex64", "complex64"),
        ("int8", "int8", "int64", "int64", "int64"),
        ("int64", "int64", "int32", "int32", "int32"),
        ("int8", "int8", "int8", "int8", "int32"),
        ("int8", "int8", "float32", "float32", "float32"),
        ("int64", "int64", "float64", "float64", "float64"),
        ("float64", "float64", "float32", "float32", "float32"),
        ("float32", "float32", "float16", "float16", "float32"),
        ("float32", "float32", float, "float64", "float64"),
        ("float32", "float32", "complex64", "complex64", "complex64"),
        ("float32", "float32", ">f8", "float64", "float64"),
    ],
)
def test_dtypes(x_dtype: str, w_dtype: str, dtype: Any, result: str, sums: str) -> None:
    x, w, b = integers((1, 2, 5, 4), x_dtype), integers((3, 2, 2, 2), w_dtype, 1), integers((3,), w_dtype, 2)
    y = fc.conv2d(x, w, b, dtype=dtype)
    wanted = expected(x.astype(sums), w.astype(sums), b.astype(sums)).astype(result)
    np.testing.assert_array_equal(y, wanted, strict=True)
    assert y.dtype.isnative


@pytest.mark.parametrize(
    ("operands", "bias", "result"),
    [
        ("int8", "int8", "int32"),
        ("uint8", "int32", "int32"),
        ("int8", "int64", "int64"),
        ("int8", "float32", "float32"),
        ("float32", "float64", "float64"),
        ("float64", "float16", "float64"),
        ("float32", "int64", "float64"),
        ("float64", "complex64", "complex128"),
    ],
)
def test_a_bias_promotes_like_any_operand(operands: str, bias: str, result: str) -> None:
    x, w, b = integers((1, 2, 5, 4), operands), integers((3, 2, 2, 2), operands, 1), integers((3,), bias, 2)
    y = fc.conv2d(x, w, b)
    wanted = expected(x.astype(result), w.astype(result), b.astype(result))
    np.testing.assert_array_equal(y, wanted, strict=True)


def test_small_integers_do_not_wrap() -> None:
    x = np.full((1, 1, 300), 255, np.uint8)
    assert fc.conv1d(x, np.full((1, 1, 300), 255, np.uint8)).item() == 300 * 255**2
    x = np.full((1, 1, 300), -128, np.int8)
    assert fc.conv1d(x, np.full((1, 1, 300), 127, np.int8)).item() == -300 * 128 * 127


def test_wide_integers_wrap_as_numpys() -> None:
    big = np.full((1, 1, 4), 2**62, np.int64)
    assert fc.conv1d(big, np.full((1, 1, 4), 3, np.int64)).item() == (4 * 3 * 2**62 + 2**63) % 2**64 - 2**63
    top = np.full((1, 1, 1), 2**64 - 5, np.uint64)
    assert fc.conv1d(top, np.full((1, 1, 1), 7, np.uint64)).item() == -35
    # Asked into a type that is too narrow the sum wraps like a cast of NumPy's, after it was taken.
    x = np.full((1, 1, 2), 100, np.int8)
    assert fc.conv1d(x, np.full((1, 1, 2), 100, np.int8), dtype=np.int8).item() == (20000 + 128) % 256 - 128


def test_float16_is_summed_in_float32() -> None:
    """In float16 adding 1 to 2048 gives 2048."""
    ones = np.ones((1, 1, 5000), np.float16)
    assert fc.conv1d(ones, ones).item() == np.float16(5000)


# ---------------------------------------------------------------------------------------------------------------------
# Values


NAN, INF = np.nan, np.inf


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("special", [NAN, INF, -INF])
@pytest.mark.parametrize("mode", ["zeros", "reflect"])
def test_nan_and_infinity_follow_arithmetic(name: str, special: float, mode: str) -> None:
    x, w = X.copy(), W.copy()
    x[0, 1, 2, 3] = special
    w[2, 0, 1, 0] = 0
    options = {"padding": ((1, 1), (1, 1)), "padding_mode": mode}
    if (name, mode) == ("direct", "reflect"):
        pytest.skip("it knows no padding but zeros")
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(fc.conv2d(x, w, **options, algorithm=name), expected(x, w, **options))
        w[2, 0, 1, 0] = special  # meets the zeros of the padding too, which gives NaN
        np.testing.assert_array_equal(fc.conv2d(X, w, **options, algorithm=name), expected(X, w, **options))


def test_no_nan_leaks_out_of_its_window() -> None:
    x = X.copy()
    x[0, :, 0, 0] = NAN
    y = fc.conv2d(x, W)
    assert np.isnan(y[0, :, 0, 0]).all()
    y[0, :, 0, 0] = expected(X, W)[0, :, 0, 0]
    np.testing.assert_array_equal(y, expected(X, W))


ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "relu": lambda y: np.where(y > 0, y, 0),
    "relu6": lambda y: np.clip(y, 0, 6),
    "leaky_relu": lambda y: np.where(y > 0, y, y / 100),
    "silu": lambda y: y / (1 + np.exp(-y)),
    "sigmoid": lambda y: 1 / (1 + np.exp(-y)),
    "tanh": np.tanh,
}


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations(activation: str, dtype: str) -> None:
    x, w, b = X.astype(dtype), W.astype(dtype), B.astype(dtype)
    y = fc.conv2d(x, w, b, activation=activation)
    wanted = ACTIVATIONS[activation](expected(X, W, B))
    assert y.dtype == dtype
    np.testing.assert_allclose(y, wanted, rtol=2 * np.finfo(dtype).eps, atol=np.finfo(dtype).tiny)
    with np.errstate(over="ignore"):
        again = fc.conv2d(x, w, b, activation=activation, algorithm="reference")
    np.testing.assert_allclose(y, again, rtol=2 * np.finfo(dtype).eps, atol=np.finfo(dtype).tiny)


@pytest.mark.parametrize("activation", ["relu", "relu6"])
@pytest.mark.parametrize("dtype", ["int8", "int64"])
def test_activations_of_integers(activation: str, dtype: str) -> None:
    x, w = X.astype(dtype), W.astype(dtype)
    wanted = ACTIVATIONS[activation](expected(X, W))
    np.testing.assert_array_equal(fc.conv2d(x, w, activation=activation), wanted)
    np.testing.assert_array_equal(fc.conv2d(x, w, activation=activation, algorithm="reference"), wanted)


@pytest.mark.parametrize(
    ("activation", "limits"),
    [("relu", (0, INF)), ("relu6", (0, 6)), ("leaky_relu", (-INF, INF)), ("sigmoid", (0, 1)), ("tanh", (-1, 1))],
)
def test_activations_at_infinity(activation: str, limits: tuple[float, float]) -> None:
    y = fc.conv1d(np.array([[-INF, INF, NAN]]), np.ones((1, 1, 1)), activation=activation)
    np.testing.assert_array_equal(y, [[*limits, NAN]])


def test_silu_of_large_numbers() -> None:
    y = fc.conv1d(np.array([[-2000.0, 2000.0, NAN]]), np.ones((1, 1, 1)), activation="silu")
    np.testing.assert_array_equal(y, [[0, 2000, NAN]])


# ---------------------------------------------------------------------------------------------------------------------
# Memory


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["float64", "int8", "complex64"])
def test_layouts(layout: str, dtype: str) -> None:
    x, w, b = X.astype(dtype), W.astype(dtype), B.astype(dtype)
    wanted = fc.conv2d(x, w, b, stride=(1, 2), padding=1)
    lay = LAYOUTS[layout]
    np.testing.assert_array_equal(fc.conv2d(lay(x), lay(w), lay(b), stride=(1, 2), padding=1), wanted, strict=True)


def test_overlapping_and_repeated_elements() -> None:
    row = integers((1, 3, 1, 7))
    repeated = np.broadcast_to(row, (2, 3, 6, 7))
    np.testing.assert_array_equal(fc.conv2d(repeated, W), fc.conv2d(repeated.copy(), W))
    single = np.broadcast_to(W[:1, :1], W.shape)
    np.testing.assert_array_equal(fc.conv2d(X, single), fc.conv2d(X, single.copy()))
    one = np.broadcast_to(np.float64(3), (2, 3, 6, 7))
    np.testing.assert_array_equal(fc.conv2d(one, W), fc.conv2d(one.copy(), W))
    bias = np.broadcast_to(np.float64(3), (4,))
    np.testing.assert_array_equal(fc.conv2d(X, W, bias), fc.conv2d(X, W) + 3)
    overlapping = as_strided(integers((30,)), (2, 3, 6, 7), (8, 16, 8, 16))
    np.testing.assert_array_equal(fc.conv2d(overlapping, W), fc.conv2d(overlapping.copy(), W))


def test_array_likes() -> None:
    class Speaks:
        """An array that only speaks one protocol."""

        def __init__(self, array: np.ndarray) -> None:
            self.array = array

    class Array(Speaks):
        def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
            return self.array

    class Dlpack(Speaks):
        def __dlpack__(self, **options: Any) -> Any:
            return self.array.__dlpack__(**options)

        def __dlpack_device__(self) -> tuple[int, int]:
            return self.array.__dlpack_device__()

    wanted = fc.conv2d(X, W, B)
    for like in (Array, Dlpack, np.ndarray.tolist, lambda array: array.view(np.recarray)):
        y = fc.conv2d(like(X), like(W), like(B))
        assert type(y) is np.ndarray
        np.testing.assert_array_equal(y, wanted)
    assert fc.conv1d([[1, 2, 3]], [[[1, 1]]]).tolist() == [[3, 5]]


def test_torch_tensors() -> None:
    torch = pytest.importorskip("torch")
    y = fc.conv2d(torch.from_numpy(X), torch.from_numpy(W), torch.from_numpy(B))
    assert type(y) is np.ndarray
    np.testing.assert_array_equal(y, fc.conv2d(X, W, B))


@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name not in ("read-only", "byte-swapped")])
@pytest.mark.parametrize("dtype", ["float64", "float16", "int8"])
def test_out_of_any_strides(layout: str, dtype: str) -> None:
    x, w = X.astype(dtype), W.astype(dtype)
    wanted = fc.conv2d(x, w, padding=1)
    out = LAYOUTS[layout](np.full_like(wanted, 77))
    assert fc.conv2d(x, w, padding=1, out=out) is out
    np.testing.assert_array_equal(out, wanted)


def test_out_leaves_what_lies_between_its_elements() -> None:
    memory = np.full((2, 4, 8, 12), 77.0)
    out = memory[:, :, ::2, ::2]
    fc.conv2d(X, W, out=out)
    np.testing.assert_array_equal(out, expected(X, W))
    memory[:, :, ::2, ::2] = 77
    assert (memory == 77).all()


def test_out_of_an_unbatched_call_and_of_an_empty_batch() -> None:
    out = np.empty((4, 4, 6))
    assert fc.conv2d(X[0], W, out=out) is out
    np.testing.assert_array_equal(out, expected(X, W)[0])
    out = np.empty((0, 4, 4, 6))
    assert fc.conv2d(X[:0], W, out=out) is out


@pytest.mark.parametrize("shift", [0, 1, 37, 500])
@pytest.mark.parametrize("name", ["auto", *NAMES])
def test_out_may_overlap_the_input(shift: int, name: str) -> None:
    """An `out` in the memory of an operand gives what a copy of the operand would have given."""
    x, w = integers((1, 3, 20, 20)), integers((3, 3, 3, 3), seed=1)
    wanted = expected(x, w, padding=((1, 1), (1, 1)))
    memory = np.zeros(x.size + shift)
    source, out = memory[: x.size].reshape(x.shape), memory[shift:].reshape(x.shape)
    source[...] = x
    assert fc.conv2d(source, w, padding=1, out=out, algorithm=name) is out
    np.testing.assert_array_equal(out, wanted)


def test_out_may_overlap_weight_and_bias() -> None:
    w = integers((3, 1, 4), seed=1)
    memory = np.concatenate([w.ravel(), np.zeros(20)])
    out = memory[2:20].reshape(1, 3, 6)
    x = integers((1, 1, 9))
    wanted = expected(x, w)
    fc.conv1d(x, memory[:12].reshape(3, 1, 4), out=out)
    np.testing.assert_array_equal(out, wanted)
    memory = np.concatenate([[5.0, 6, 7], np.zeros(20)])
    out = memory[1:19].reshape(1, 3, 6)
    fc.conv1d(x, w, memory[:3], out=out)
    np.testing.assert_array_equal(out, expected(x, w, np.array([5.0, 6, 7])))


# ---------------------------------------------------------------------------------------------------------------------
# Algorithms and threads


@pytest.mark.parametrize(
    ("name", "options", "reason"),
    [
        ("fastest", {}, "algorithm='fastest' is not known for conv; choose 'auto' or one of 'channels', 'direct', "),
        ("", {}, "algorithm='' is not known"),
        ("winograd", {"dtype": np.complex64}, "algorithm='winograd' cannot serve this call: .* not for complex64"),
        ("direct", {"activation": "relu"}, "algorithm='direct' cannot serve this call: it applies no activation"),
    ],
)
def test_unknown_and_unfit_algorithms(name: Any, options: dict[str, Any], reason: str) -> None:
    out = np.full((2, 4, 4, 6), 77, options.get("dtype", np.float64))
    with pytest.raises(ValueError, match=reason):
        fc.conv2d(X, W, out=out, algorithm=name, **options)
    assert (out == 77).all()


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ({"stride": 1}, {"stride": True}),
        ({"stride": 1}, {"stride": 1.0}),
        ({"stride": (1, 2)}, {"stride": (1, 2.0)}),
        ({"stride": (1, 2)}, {"stride": (True, 2)}),
        ({"padding": ((1, 0), (0, 1))}, {"padding": ((1, 0), (0, True))}),
        ({"padding": 0}, {"padding": False}),
        ({"dilation": (1, 1)}, {"dilation": (1.0, 1.0)}),
        ({"groups": 1}, {"groups": 1.0}),
    ],
)
def test_a_right_call_lends_its_answer_to_no_wrong_one(right: dict[str, Any], wrong: dict[str, Any]) -> None:
    """Although the arguments compare equal, and what a call needs is remembered for the next one like it."""
    for _ in range(2):
        fc.conv2d(X, W, **right)
        with pytest.raises(TypeError, match="is not a whole number"):
            fc.conv2d(X, W, **wrong)


def test_calls_of_one_shape_do_not_mix() -> None:
    """Nor do calls that differ in anything but the shapes of their operands."""
    calls: list[tuple[np.ndarray, dict[str, Any]]] = [
        (X, {}),
        (np.asfortranarray(X), {}),
        (X[..., ::-1], {}),
        (X.astype(np.float32), {}),
        (X.astype(np.int8), {}),
        (X, {"flip": True}),
        (X, {"bias": B}),
        (X, {"activation": "relu"}),
        (X, {"dtype": np.float32}),
        (X, {"dtype": "float16"}),
        (X, {"padding": 1}),
        (X, {"padding": 1, "padding_mode": "reflect"}),
        (X, {"stride": (1, 2)}),
        (X, {"stride": (2, 1)}),
        (X, {"algorithm": "tile"}),
    ]
    first = [fc.conv2d(x, W, **options) for x, options in calls]
    for (x, options), y in zip(calls, first, strict=True):
        np.testing.assert_array_equal(fc.conv2d(x, W, **options), y, strict=True)
        neutral = {"padding": ((options.get("padding", 0),) * 2,) * 2, "stride": options.get("stride", (1, 1))}
        wanted = expected(
            X if x.dtype != np.float64 else x,
            W,
            options.get("bias"),
            **neutral,
            padding_mode=options.get("padding_mode", "zeros"),
            flip=options.get("flip", False),
        )
        np.testing.assert_array_equal(y, np.maximum(wanted, 0) if "activation" in options else wanted)


# Batch, channels, outputs, size, kernel, groups, each cut into tasks in another way.
LARGE = {
    "images": (5, 3, 4, (20, 20), (3, 3), 1),
    "one large image": (1, 3, 4, (150, 160), (3, 3), 1),
    "many channels": (1, 64, 130, (9, 9), (3, 3), 1),
    "groups": (1, 32, 32, (30, 30), (3, 3), 32),
    "a long signal": (1, 2, 3, (20000,), (9,), 1),
}


def large(name: str) -> tuple[np.ndarray, np.ndarray, int]:
    """Operands whose sums depend on the order in which they are taken, and groups."""
    batch, channels, outputs, size, kernel, groups = LARGE[name]
    rng = np.random.default_rng(0)
    x = rng.normal(size=(batch, channels, *size)).astype(np.float32)
    return x, rng.normal(size=(outputs, channels // groups, *kernel)).astype(np.float32), groups


def bits(name: str) -> bytes:
    """The result of a large call, written over NaN so that no element can be left out unseen."""
    x, w, groups = large(name)
    out = np.full((*x.shape[:1], *w.shape[:1], *x.shape[2:]), NAN, np.float32)
    return CONVS[x.ndim - 2](x, w, padding="same", groups=groups, out=out).tobytes()


@pytest.mark.parametrize("name", LARGE)
def test_same_bits_for_any_number_of_helpers(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = set()
    for helpers in (0, 1, 2, 6):
        share_out(monkeypatch, helpers)
        found.add(bits(name))
    assert len(found) == 1


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="there is a single thread")
@pytest.mark.parametrize("name", LARGE)
def test_same_bits_for_one_and_two_threads(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fastconv.jit.kernel.PARALLEL_NANOSECONDS", 1.0)
    threads = numba.get_num_threads()
    found = set()
    try:
        for count in (1, 2):
            numba.set_num_threads(count)
            found.add(bits(name))
    finally:
        numba.set_num_threads(threads)
    assert len(found) == 1


def test_float32_stays_close_to_float64() -> None:
    for name in LARGE:
        x, w, groups = large(name)
        function = CONVS[x.ndim - 2]
        exact = function(x.astype(np.float64), w.astype(np.float64), groups=groups)
        bound = function(np.abs(x.astype(np.float64)), np.abs(w.astype(np.float64)), groups=groups)
        depth = w[0].size
        assert np.all(np.abs(function(x, w, groups=groups) - exact) <= depth * np.finfo(np.float32).eps * bound)


@pytest.mark.parametrize("shape", [(1, 512, 7, 7), (1, 4608, 3, 5)])
def test_long_float32_sums_stay_accurate(shape: tuple[int, ...]) -> None:
    """1e-6 of the largest result up to 4608 products: added one after the other they miss it by 1.8e-6."""
    rng, taps = np.random.default_rng(0), 3 if shape[1] == 512 else 1
    x, w = rng.standard_normal(shape), rng.standard_normal((64, shape[1], taps, taps))
    x, w = x.astype(np.float32), w.astype(np.float32)
    exact = fc.conv2d(x.astype(np.float64), w.astype(np.float64), padding=taps // 2)
    error = np.abs(fc.conv2d(x, w, padding=taps // 2) - exact).max() / np.abs(exact).max()
    assert error < 1e-6


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("pixels", sorted({HALF_ROWS, SHARED_ROWS, ROWS, ROWS + 1, 2 * SHARED_ROWS, 3 * ROWS + 2}))
def test_last_pixels_of_a_strip_have_tiles_of_any_height(pixels: int, stride: int) -> None:
    channels = VECTORS * machine().vector_bytes // 4
    x, w = integers((1, 5, 3, stride * pixels + 1), np.float32), integers((channels, 5, 3, 3), np.float32, seed=1)
    given = x, w, None, (1, stride), ((0, 0), (1, 0))
    with fc.threads(1):  # several would share so few outputs out by channels, in narrower tiles
        found = fc.conv2d(*given, algorithm="spread")
    assert found.shape[-1] == pixels
    np.testing.assert_array_equal(found, fc.conv2d(*given, algorithm="reference"))
