"""Pooling: printed numbers, the reference, PyTorch's rules for places and NaN, and what a caller may hand in."""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from itertools import product
from typing import Any

import numba
import numpy as np
import pytest

import fastconv as fc
from fastconv import reference
from fastconv.jit.machine import machine
from fastconv.ops.calls import recording
from fastconv.plan.registry import ALGORITHMS
from nightly import nightly
from properties.strategies import LAYOUTS, integers, small_blocks
from sharing import share_out

GUIDE_INPUT = np.array([[3, 3, 2, 1, 0], [0, 0, 1, 3, 1], [3, 1, 2, 2, 3], [2, 0, 0, 2, 2], [2, 0, 0, 0, 1]])

MAX = {1: fc.max_pool1d, 2: fc.max_pool2d, 3: fc.max_pool3d}
AVG = {1: fc.avg_pool1d, 2: fc.avg_pool2d, 3: fc.avg_pool3d}

#: Algorithms that do not serve any contiguous input on this CPU, or only with places.
UNSERVED = {"channels", "flat", "whole", "spans", "places", "windows"}
UNSERVED |= set() if machine().masked_loads else {"tile", "rows"}
MAX_NAMES = [candidate.name for candidate in ALGORITHMS["max_pool"] if candidate.name not in UNSERVED]
#: Those that sum in floats.
IN_FLOATS = ("tile", "rows")
#: Those that note places of any windows.
PLACE_NAMES = ["slab", *(["places"] if machine().masked_loads else [])]
AVG_NAMES = [candidate.name for candidate in ALGORITHMS["avg_pool"] if candidate.name not in UNSERVED]

USUAL = ("float16", "float32", "float64", "int8", "uint8", "int64")
RARE = ("int16", "uint16", "int32", "uint32", "uint64")

# Shape of the input, kernel, stride, padding, dilation.
CALLS = {
    "1d": ((2, 3, 9), (3,), (3,), ((0, 0),), (1,)),
    "1d, padded and dilated": ((1, 2, 11), (4,), (3,), ((2, 5),), (2,)),
    "1d, long and overlapping": ((1, 2, 2000), (3,), (1,), ((1, 1),), (1,)),
    "1d, stride beyond the kernel": ((1, 2, 20), (2,), (5,), ((0, 1),), (1,)),
    "1d, one element": ((1, 1, 1), (1,), (1,), ((0, 0),), (1,)),
    "2d": ((2, 2, 6, 7), (3, 2), (2, 2), ((1, 1), (0, 0)), (1, 1)),
    "2d, stem": ((1, 3, 28, 27), (3, 3), (2, 2), ((1, 1), (1, 1)), (1, 1)),
    "2d, small and overlapping": ((2, 2, 8, 8), (3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1)),
    "2d, blocks": ((1, 2, 9, 40), (2, 2), (2, 2), ((0, 0), (0, 0)), (1, 1)),
    "2d, padding to the brim": ((1, 2, 5, 6), (4, 3), (3, 1), ((3, 0), (2, 2)), (1, 1)),
    "2d, dilated": ((1, 1, 12, 13), (3, 3), (2, 3), ((4, 1), (1, 4)), (3, 2)),
    "2d, one pixel left": ((2, 3, 7, 8), (7, 8), (1, 1), ((0, 0), (0, 0)), (1, 1)),
    "2d, patches": ((2, 2, 12, 75), (4, 4), (4, 4), ((0, 0), (0, 0)), (1, 1)),
    "2d, patches and padding": ((1, 2, 9, 137), (3, 4), (2, 4), ((1, 2), (3, 2)), (1, 1)),
    "3d": ((1, 2, 4, 5, 6), (2, 3, 2), (2, 1, 3), ((1, 0), (1, 1), (0, 0)), (1, 2, 1)),
    "3d, blocks": ((2, 1, 4, 6, 10), (2, 2, 2), (2, 2, 2), ((0, 0), (0, 0), (0, 0)), (1, 1, 1)),
}

X = integers((2, 3, 6, 7))


def test_printed_maxima() -> None:
    values, places = fc.max_pool2d(GUIDE_INPUT[None], 3, 1, return_indices=True)
    assert values[0].tolist() == [[3, 3, 3], [3, 3, 3], [3, 2, 3]]
    assert places[0].tolist() == [[0, 1, 8], [10, 8, 8], [10, 12, 14]]  # the first of several threes in row-major order
    assert places.dtype == np.int64


def test_printed_means() -> None:
    means = fc.avg_pool2d(GUIDE_INPUT[None].astype(float), 3, 1)
    assert np.round(means[0], 1).tolist() == [[1.7, 1.7, 1.7], [1.0, 1.2, 1.8], [1.1, 0.8, 1.3]]


@pytest.mark.parametrize(
    ("functions", "names"),
    [
        (MAX, ["input", "kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices"]),
        (AVG, ["input", "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override"]),
    ],
)
def test_arguments_are_pytorchs(functions: dict[int, Any], names: list[str]) -> None:
    for function in functions.values():
        parameters = inspect.signature(function).parameters.values()
        assert [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD] == names


def test_stride_is_the_kernels_size_by_default() -> None:
    for pool in (fc.max_pool2d, fc.avg_pool2d):
        np.testing.assert_array_equal(pool(X, (3, 2)), pool(X, (3, 2), stride=(3, 2)))


@pytest.mark.parametrize("ceil_mode", [False, True])
@pytest.mark.parametrize("call", CALLS)
def test_maxima_of_every_geometry(call: str, ceil_mode: bool) -> None:
    x_shape, *arguments = CALLS[call]
    x, pool = integers(x_shape), MAX[len(x_shape) - 2]
    values, places = reference.max_pool(x, *arguments, ceil_mode)
    np.testing.assert_array_equal(pool(x, *arguments, ceil_mode), values, strict=True)
    found, at = pool(x, *arguments, ceil_mode, return_indices=True)
    np.testing.assert_array_equal(found, values, strict=True)
    np.testing.assert_array_equal(at, places, strict=True)


@pytest.mark.parametrize("count_include_pad", [True, False])
@pytest.mark.parametrize("ceil_mode", [False, True])
@pytest.mark.parametrize("call", CALLS)
def test_means_of_every_geometry(call: str, ceil_mode: bool, count_include_pad: bool) -> None:
    x_shape, kernel, stride, padding, dilation = CALLS[call]
    x, pool = integers(x_shape), AVG[len(x_shape) - 2]
    expected = reference.avg_pool(x, kernel, stride, padding, ceil_mode, count_include_pad, None, dilation)
    y = pool(x, kernel, stride, padding, ceil_mode, count_include_pad, dilation=dilation)
    np.testing.assert_array_equal(y, expected, strict=True)


def test_auto_serves_what_an_algorithm_declines() -> None:
    for pool in (fc.max_pool2d, fc.avg_pool2d):
        served = [pool(X, 3, 1, padding=1, algorithm=name) for name in ("auto", "reference")]
        np.testing.assert_array_equal(*served)


@pytest.mark.parametrize(
    ("padding", "pairs"), [("valid", (0, 0)), ("same", (0, 1)), ("same_lower", (1, 0)), (1, (1, 1))]
)
def test_named_paddings(padding: Any, pairs: tuple[int, int]) -> None:
    for pool in (fc.max_pool2d, fc.avg_pool2d):
        np.testing.assert_array_equal(pool(X, 2, 1, padding), pool(X, 2, 1, (pairs, pairs)))
    assert fc.max_pool2d(X, 3, 2, "same").shape == (2, 3, 3, 4)
    assert fc.max_pool2d(X, 3, 1, "full").shape == (2, 3, 8, 9)


def test_unbatched_is_a_batch_of_one() -> None:
    for x_shape, *arguments in CALLS.values():
        x = integers(x_shape[1:])
        rank = x.ndim - 1
        alone, batch = (MAX[rank](image, *arguments, return_indices=True) for image in (x, x[None]))
        for one, of_batch in zip(alone, batch, strict=True):
            np.testing.assert_array_equal(one, of_batch[0], strict=True)
        means = (AVG[rank](image, *arguments[:-1], dilation=arguments[-1]) for image in (x, x[None]))
        np.testing.assert_array_equal(next(means), next(means)[0], strict=True)


@pytest.mark.parametrize("name", sorted({"auto", *MAX_NAMES, *AVG_NAMES}))
def test_empty_batch(name: str) -> None:
    assert fc.max_pool2d(X[:0], 2, algorithm=name).shape == (0, 3, 3, 3)
    assert fc.avg_pool2d(X[:0], 2, algorithm=name).shape == (0, 3, 3, 3)
    for found in fc.max_pool2d(X[:0], 2, return_indices=True):
        assert found.shape == (0, 3, 3, 3)


# ---------------------------------------------------------------------------------------------------------------------
# Maxima


# Maxima alone and maxima with their places are two kernels, each seconds to compile: every dtype takes one of them.
EVERY_DTYPE = pytest.mark.parametrize(
    ("dtype", "return_indices"),
    [
        ("bool", True), ("float16", False), ("float32", True), ("float64", False), ("int8", True), ("uint8", False),
        *nightly(
            ("int16", False), ("uint16", True), ("int32", False), ("uint32", True), ("int64", True), ("uint64", False)
        ),
    ],
)  # fmt: skip


@EVERY_DTYPE
def test_maxima_of_every_dtype(dtype: str, return_indices: bool) -> None:
    x = integers(X.shape, dtype)
    arguments = ((3, 2), (2, 1), ((1, 2), (0, 1)), (1, 1), False)
    expected = reference.max_pool(x, *arguments)
    found = fc.max_pool2d(x, *arguments, return_indices)
    for actual, wanted in zip(found if return_indices else (found,), expected, strict=return_indices):
        np.testing.assert_array_equal(actual, wanted, strict=True)


@EVERY_DTYPE
def test_extreme_values(dtype: str, return_indices: bool) -> None:
    """Padding never wins, not even against the lowest value that there is."""
    lowest, highest = LIMITS[np.dtype(dtype).kind](dtype)
    x = np.full((1, 2, 4), lowest, dtype)
    x[0, 1, 2] = highest
    found = fc.max_pool1d(x, 3, 2, ((2, 2),), return_indices=return_indices)
    values, places = found if return_indices else (found, None)
    assert values.tolist() == [[[lowest] * 3, [lowest, highest, highest]]]
    if return_indices:
        assert places.tolist() == [[[0, 0, 2], [0, 2, 2]]]


LIMITS = {
    "b": lambda dtype: (False, True),
    "f": lambda dtype: (-np.inf, float(np.finfo(dtype).max)),
    "i": lambda dtype: (np.iinfo(dtype).min, np.iinfo(dtype).max),
    "u": lambda dtype: (0, np.iinfo(dtype).max),
}


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("name", MAX_NAMES)
def test_nan_wins_every_window_that_it_is_in(dtype: str, name: str) -> None:
    x = X.astype(dtype)
    x[0, 0, 2, 3] = x[1, 2, 5, 0] = np.nan
    x[1, 1] = -np.inf
    values, _ = reference.max_pool(x, (2, 3), (2, 2), ((0, 0), (1, 1)), (1, 1), False)
    assert np.isnan(values).sum() > 2
    np.testing.assert_array_equal(fc.max_pool2d(x, (2, 3), (2, 2), (0, 1), algorithm=name), values)


def test_the_last_nan_is_the_place() -> None:
    """PyTorch's rule, as the reference has it."""
    nan, inf = np.nan, np.inf
    values, places = fc.max_pool1d(np.array([[1, nan, 2, nan, inf, 0, 9]]), 3, 1, return_indices=True)
    np.testing.assert_array_equal(values, [[nan, nan, nan, nan, inf]])
    assert places.tolist() == [[1, 3, 3, 3, 4]]
    square = np.array([[[nan, nan], [nan, 1]]])
    assert fc.max_pool2d(square, 2, return_indices=True)[1].item() == 2


def test_the_first_of_equal_maxima_is_the_place() -> None:
    places = fc.max_pool3d(np.zeros((1, 2, 4, 4)), 2, return_indices=True)[1]
    assert places.tolist() == [[[[0, 2], [8, 10]]]]


@pytest.mark.parametrize("mode", ["floor", "ceil"])
def test_places_pick_the_values(mode: str) -> None:
    for x_shape, *arguments in CALLS.values():
        x = np.random.default_rng(0).normal(size=x_shape)
        pool = MAX[len(x_shape) - 2]
        values, places = pool(x, *arguments, mode == "ceil", return_indices=True)
        flat, at = x.reshape(*x_shape[:2], -1), places.reshape(*x_shape[:2], -1)
        np.testing.assert_array_equal(np.take_along_axis(flat, at, 2).reshape(values.shape), values)


@pytest.mark.parametrize("ceil_mode", [False, True])
@pytest.mark.parametrize("name", PLACE_NAMES)
def test_places_in_every_geometry(name: str, ceil_mode: bool) -> None:
    """Many elements are equal, some are less than nothing and some are NaNs; so are whole windows."""
    rng = np.random.default_rng(0)
    for x_shape, *arguments in CALLS.values():
        x = rng.choice(np.array([-np.inf, 0, 1, np.nan], np.float32), x_shape, p=[0.6, 0.2, 0.17, 0.03])
        x[0, 0] = -np.inf
        expected = reference.max_pool(x, *arguments, ceil_mode)
        found = MAX[len(x_shape) - 2](x, *arguments, ceil_mode, True, algorithm=name)
        for actual, wanted in zip(found, expected, strict=True):
            np.testing.assert_array_equal(actual, wanted, strict=True)


@pytest.mark.skipif(not machine().masked_loads, reason="nothing is read in place without masked loads")
@pytest.mark.parametrize("dtype", ["float32", *nightly("int32")])
@pytest.mark.parametrize("shape", [(2, 3, 7, 7), (1, 2, 23, 31)])
def test_place_in_a_whole_channel(shape: tuple[int, ...], dtype: str) -> None:
    """The first maximum, however far behind, or the last NaN."""
    rng, size = np.random.default_rng(0), shape[2:]
    for place in (0, 5, size[0] * size[1] - 1):
        x = rng.integers(-3, 4, shape).astype(dtype)
        flat = x.reshape(*shape[:2], -1)
        flat[..., place:] = 4
        variants = [x, -np.abs(x) - 5]
        if dtype == "float32":
            broken = x.copy()
            broken.reshape(*shape[:2], -1)[..., [0, place]] = np.nan
            variants += [broken, np.full_like(x, -np.inf)]
        for given in variants:
            found = fc.max_pool2d(given, size, return_indices=True, algorithm="whole")
            for actual, wanted in zip(
                found, reference.max_pool(given, size, size, ((0, 0),) * 2, (1, 1), False), strict=True
            ):
                np.testing.assert_array_equal(actual, wanted, strict=True)


def test_ceil_mode_drops_a_window_behind_the_input() -> None:
    assert fc.max_pool1d([[1, 2]], 2, 3, 1, ceil_mode=True).tolist() == [[1]]
    assert fc.max_pool1d([[1, 2, 3]], 2, 3, 1, ceil_mode=True).tolist() == [[1, 3]]
    assert fc.max_pool1d([[1, 2]], 3, 2, ceil_mode=True).tolist() == [[2]]


# ---------------------------------------------------------------------------------------------------------------------
# Means


def test_divisors_at_the_edges() -> None:
    """Of ones, a sum counts the taps on the input, so that the mean shows what it was divided by."""

    def means(ceil_mode: bool, count_include_pad: bool, divisor_override: int | None = None) -> list[float]:
        pads = ((2, 1),)
        return fc.avg_pool1d(np.ones((1, 4)), 3, 3, pads, ceil_mode, count_include_pad, divisor_override)[0].tolist()

    assert means(False, True) == [1 / 3, 3 / 3]
    assert means(True, True) == [1 / 3, 3 / 3]
    assert means(True, False) == [1, 1]
    assert means(True, True, 4) == [1 / 4, 3 / 4]
    assert means(False, False, -2) == [-1 / 2, -3 / 2]


@pytest.mark.parametrize(("count_include_pad", "expected"), [(True, [3 / 4, 1 / 2]), (False, [1.0, 1.0])])
def test_nothing_beyond_the_padding_counts(count_include_pad: bool, expected: list[float]) -> None:
    """Windows begin at -1 and 3 of 4 elements; the second covers one element, one zero, and two positions beyond."""
    assert fc.avg_pool1d(np.ones((1, 4)), 4, 4, 1, True, count_include_pad)[0].tolist() == expected


@pytest.mark.parametrize(
    ("dtype", "name"),
    [
        *product(["int8"], AVG_NAMES), ("int64", "slab"), ("int64", "auto"),
        *nightly(*product(["int16", "int32"], AVG_NAMES)),
    ],
)  # fmt: skip
def test_means_of_integers_drop_the_fraction(dtype: str, name: str) -> None:
    if name in IN_FLOATS and not machine().masks(np.dtype(dtype).itemsize):
        pytest.skip(f"vectors of {dtype} cannot be loaded in part on this CPU")
    x = np.array([[-3, -4, 5, 6, -100, -127]], dtype)
    means = fc.avg_pool1d(x, 2, 1, algorithm=name)
    assert means.dtype == dtype
    assert means.tolist() == [[-3, 0, 5, -47, -113]]
    assert fc.avg_pool1d(x[:, :4], 2, 1, divisor_override=-2, algorithm=name).tolist() == [[3, 0, -5]]


def test_sums_of_integers_are_exact() -> None:
    assert fc.avg_pool1d(np.full((1, 600), 255, np.uint8), 600).item() == 255
    assert fc.avg_pool1d(np.full((1, 600), -128, np.int8), 600).item() == -128
    assert fc.avg_pool1d(np.full((1, 600), -(2**31), np.int32), 600).item() == -(2**31)
    assert fc.avg_pool1d(np.array([[2**61 + 1, 2**61 - 1, 3]]), 2, 1).tolist() == [[2**61, 2**60 + 1]]
    assert fc.avg_pool1d(np.array([[2**53 + 1, 2**53 + 1]]), 2).item() == 2**53 + 1


@pytest.mark.parametrize("dtype", ["int64", "uint64", "int8"])
@pytest.mark.parametrize(
    ("name", "shape", "kernel", "stride", "padding"),
    [
        ("tile", (2, 9, 19), 3, 1, 1), ("tile", (2, 9, 40), 2, 2, 0), ("rows", (2, 9, 19), 5, 1, 2),
        ("flat", (3, 5, 7), 3, 1, 1), ("whole", (19, 5, 7), (5, 7), 1, 0), ("spans", (2, 3, 37), (1, 6), (1, 4), 0),
        ("channels", (9, 6, 7), 3, 2, 1), ("slab", (2, 9, 19), 3, 2, 1),
    ],
)  # fmt: skip
def test_means_of_any_sums_are_exact(
    dtype: str, name: str, shape: tuple[int, ...], kernel: Any, stride: Any, padding: int
) -> None:
    """Sums of fewer than 53 bits are divided in other ways than longer ones."""
    if name not in ("slab", "channels") and not machine().masks(np.dtype(dtype).itemsize):
        pytest.skip(f"vectors of {dtype} cannot be loaded in part on this CPU")
    rng = np.random.default_rng(0)
    # Sums over 6 wrap around in 8 bits, which NumPy refuses where nothing is compiled.
    small = 64 if numba.config.DISABLE_JIT and dtype == "int8" else 6
    for divisor, top in product((None, small, 2**31 - 1), (100, 2**49 + 5, 2**58)):
        top = min(top, np.iinfo(dtype).max)
        x = rng.integers(0 if dtype == "uint64" else -top, top, shape).astype(dtype)
        x[0, 0, :2] = top - 1
        if name == "channels":
            x = np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 0, -1)), -1, 0)
        found = fc.avg_pool2d(x, kernel, stride, padding, divisor_override=divisor, algorithm=name)
        assert found.tolist() == np.array(exact_means(x, kernel, stride, padding, divisor)).astype(dtype).tolist()


def exact_means(x: np.ndarray, kernel: Any, stride: Any, padding: int, divisor: int | None) -> list[Any]:
    """Averages of images by Python's integers, toward zero."""
    (k_h, k_w), (s_h, s_w) = np.broadcast_to(kernel, 2).tolist(), np.broadcast_to(stride, 2).tolist()
    padded = np.pad(x.astype(object), ((0, 0), (padding, padding), (padding, padding)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (k_h, k_w), (1, 2))[:, ::s_h, ::s_w]
    sums = windows.reshape(*windows.shape[:3], -1).sum(-1)
    by = divisor or k_h * k_w
    return np.vectorize(lambda total: abs(total) // by * (1 if total >= 0 else -1), otypes=[object])(sums).tolist()


@pytest.mark.parametrize("number", [2**53 + 1, 2**63 - 1])
def test_sums_of_uint64_are_exact(number: int) -> None:
    assert fc.avg_pool1d(np.array([[number, number]], np.uint64), 2).item() == number


@pytest.mark.parametrize(
    ("dtype", "result"),
    [
        *((dtype, None) for dtype in USUAL),
        ("float16", "float32"), ("float32", "float64"), ("float64", "float32"),
        *nightly(*((dtype, None) for dtype in RARE)),
    ],
)  # fmt: skip
def test_means_of_every_dtype(dtype: str, result: str | None) -> None:
    x = integers(X.shape, dtype)
    means = fc.avg_pool2d(x, (2, 4), 1, dtype=result)
    wanted = reference.avg_pool(x.astype(result or dtype), (2, 4), (1, 1), ((0, 0),) * 2, False, True, None, (1, 1))
    np.testing.assert_array_equal(means, wanted, strict=True)  # eighths of small whole numbers are exact


@pytest.mark.parametrize(
    "name", [name for name in AVG_NAMES if name not in ("flat", "tile", "rows")]
)  # these sum in floats
@pytest.mark.parametrize("divisor", [None, 1, 3])
def test_means_of_booleans_drop_the_fraction(divisor: int | None, name: str) -> None:
    x = np.random.default_rng(0).random((2, 3, 6, 300)) < 0.8
    arguments = ((2, 2), (2, 1), ((0, 0), (1, 0)), False, True, divisor)
    expected = reference.avg_pool(x, *arguments, (1, 1))
    assert 0 < expected.mean() < 1
    np.testing.assert_array_equal(fc.avg_pool2d(x, *arguments, algorithm=name), expected, strict=True)
    if divisor is None:
        np.testing.assert_array_equal(expected[..., 1:], fc.avg_pool2d(x, 2, (2, 1), dtype=float) == 1)
        assert not expected[..., 0].any(), "padding counts"
    assert fc.avg_pool1d(np.ones((1, 256), bool), 256, divisor_override=divisor, algorithm=name).item() is True


@pytest.mark.parametrize("result", [None, np.float32])
def test_averages_of_booleans_are_taken_as_those_of_bytes(result: Any) -> None:
    x = np.random.default_rng(0).random((2, 3, 20, 30)) < 0.9
    with recording() as calls:
        found = fc.avg_pool2d(x, 3, 2, 1, count_include_pad=False, dtype=result)
    (problem, choice), *_ = calls
    assert problem.x_dtype == np.uint8
    assert choice.algorithm != "slab" or not machine().masks(1)
    wanted = reference.avg_pool(x.astype(np.float32), (3, 3), (2, 2), ((1, 1),) * 2, False, False, None, (1, 1))
    np.testing.assert_allclose(found, wanted == 1 if result is None else wanted, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64"])
def test_true_means_of_integers(dtype: str) -> None:
    x = integers(X.shape, dtype)
    means = fc.avg_pool2d(x, 3, dtype=np.float64)
    assert means.dtype == np.float64
    np.testing.assert_allclose(means, fc.avg_pool2d(x.astype(np.float64), 3), rtol=1e-15)


def test_float16_is_summed_in_float32() -> None:
    assert fc.avg_pool1d(np.full((1, 5000), 30, np.float16), 5000).item() == 30  # the sum is beyond float16


@pytest.mark.parametrize("name", AVG_NAMES)
def test_nan_and_infinity_stay_in_their_windows(name: str) -> None:
    x = X.copy()
    x[0, 0, 2, 3], x[1, 1, 0, 0], x[1, 1, 0, 1] = np.nan, np.inf, -np.inf
    with np.errstate(invalid="ignore"):
        expected = reference.avg_pool(x, (2, 3), (2, 2), ((0, 0), (1, 1)), False, True, None, (1, 1))
        means = fc.avg_pool2d(x, (2, 3), (2, 2), (0, 1), algorithm=name)
    assert 0 < np.isnan(means).sum() < means.size / 4
    np.testing.assert_array_equal(means, expected)


# ---------------------------------------------------------------------------------------------------------------------
# Memory, algorithms and threads


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["float32", "int8", "bool"])
def test_layouts(layout: str, dtype: str) -> None:
    x = integers(X.shape, dtype)
    laid = LAYOUTS[layout](x)
    for arguments in (((3, 2), (2, 1), (1, 0)), (2, 2)):
        np.testing.assert_array_equal(fc.max_pool2d(laid, *arguments), fc.max_pool2d(x, *arguments), strict=True)
        for of_laid, of_x in zip(*(fc.max_pool2d(a, *arguments, return_indices=True) for a in (laid, x)), strict=True):
            np.testing.assert_array_equal(of_laid, of_x, strict=True)
        np.testing.assert_array_equal(
            fc.avg_pool2d(laid, *arguments, dtype=np.float32), fc.avg_pool2d(x, *arguments, dtype=np.float32)
        )


def test_repeated_elements_and_lists() -> None:
    x = np.broadcast_to(X[:, :1, :, :1], X.shape)
    np.testing.assert_array_equal(fc.max_pool2d(x, 2), fc.max_pool2d(x.copy(), 2))
    np.testing.assert_array_equal(fc.avg_pool2d(x, 2), fc.avg_pool2d(x.copy(), 2))
    assert fc.max_pool1d([[3, 1, 4, 1]], 2).tolist() == [[3, 4]]
    assert fc.avg_pool1d([[3.0, 1, 4, 1]], 2).tolist() == [[2, 2.5]]


@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name not in ("read-only", "byte-swapped")])
@pytest.mark.parametrize("dtype", ["float32", "float16", "bool"])
def test_out_of_any_strides(layout: str, dtype: str) -> None:
    x = integers(X.shape, dtype)
    wanted = fc.max_pool2d(x, 2, 1)
    out = LAYOUTS[layout](np.zeros_like(wanted))
    assert fc.max_pool2d(x, 2, 1, out=out) is out
    np.testing.assert_array_equal(out, wanted)
    out[...] = 0
    values, places = fc.max_pool2d(x, 2, 1, return_indices=True, out=out)
    assert values is out
    np.testing.assert_array_equal(out, wanted)
    np.testing.assert_array_equal(places, fc.max_pool2d(x, 2, 1, return_indices=True)[1])
    assert fc.avg_pool2d(x, 2, 1, out=out) is out
    np.testing.assert_array_equal(out, fc.avg_pool2d(x, 2, 1))


@pytest.mark.parametrize("name", ["auto", *MAX_NAMES])
@pytest.mark.parametrize("shift", [0, 1, 37])
def test_out_may_overlap_the_input(shift: int, name: str) -> None:
    x = integers((1, 2, 40, 90))
    for pool in (fc.max_pool2d, fc.avg_pool2d):
        memory = np.zeros(x.size + shift)
        source, out = memory[: x.size].reshape(x.shape), memory[shift:].reshape(x.shape)
        source[...] = x
        wanted = pool(x, 3, 1, 1)
        assert pool(source, 3, 1, 1, out=out, algorithm=name) is out
        np.testing.assert_array_equal(out, wanted)
        out = memory[: 2 * 20 * 45].reshape(1, 2, 20, 45)
        source[...] = x
        wanted = pool(x, 2)
        assert pool(source, 2, out=out, algorithm=name) is out
        np.testing.assert_array_equal(out, wanted)


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (lambda: fc.max_pool2d(X, 2, algorithm="fastest"), "algorithm='fastest' is not known for max_pool; choose"),
        (lambda: fc.avg_pool2d(X, 2, algorithm="winograd"), "algorithm='winograd' is not known for avg_pool; choose"),
        (
            lambda: fc.max_pool2d(X, 2, return_indices=True, algorithm="rows"),
            "algorithm='rows' cannot serve this call: it keeps no indices",
        ),
    ],
)
def test_unknown_and_unfit_algorithms(call: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        call()


@pytest.mark.parametrize("shape", [(2, 3, 60, 200), (1, 64, 9, 9), (1, 1, 3, 20000)])
@pytest.mark.parametrize("arguments", [(3, 2, 1), (2, 2, 0), (3, 1, 1)])
def test_same_bits_for_any_number_of_helpers(
    shape: tuple[int, ...], arguments: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    empty = np.full((*shape[:2], *fc.pool_output_size(shape[2:], *arguments)), np.nan, np.float32)
    found = set()
    for helpers in (0, 1, 2, 6):
        share_out(monkeypatch, helpers)
        # Written over NaN, so that no element can be left out unseen.
        values, places = fc.max_pool2d(x, *arguments, return_indices=True, out=empty.copy())
        maxima, means = (pool(x, *arguments, out=empty.copy()) for pool in (fc.max_pool2d, fc.avg_pool2d))
        found.add(b"".join(result.tobytes() for result in (values, places, maxima, means)))
    assert len(found) == 1


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("side", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_one_window_as_large_as_the_input(rank: int, side: int, stride: int) -> None:
    """Rows of such a window are one long row, whichever kernel serves windows of so many columns."""
    size, ones = (side,) * rank, (1,) * rank
    x = integers((2, 3, *size), "float32")
    none, strides = ((0, 0),) * rank, (stride,) * rank
    greatest, _ = reference.max_pool(x, size, strides, none, ones, False)
    means = reference.avg_pool(x, size, strides, none, False, True, None, ones)
    for name in ("auto", *(it.name for it in ALGORITHMS["max_pool"])):
        with suppress_refusal():
            np.testing.assert_array_equal(getattr(fc, f"max_pool{rank}d")(x, size, strides, algorithm=name), greatest)
    for name in ("auto", *(it.name for it in ALGORITHMS["avg_pool"])):
        with suppress_refusal():
            found = getattr(fc, f"avg_pool{rank}d")(x, size, strides, algorithm=name)
            np.testing.assert_allclose(found, means, rtol=1e-6, atol=1e-6)


@contextmanager
def suppress_refusal() -> Iterator[None]:
    """Let an algorithm say that it cannot serve, and nothing else."""
    try:
        yield
    except ValueError as error:
        if "cannot serve this call" not in str(error):
            raise


AROUND = [
    ((2, 3, 7, 7), 3, 1),
    ((1, 5, 13, 11), 5, 1),
    ((3, 4, 2, 2), 5, 2),
    ((1, 1, 1, 40), 3, 2),
    ((1, 2, 28, 28), 7, 1),
    ((2, 2, 5, 6, 7), 3, 1),
    ((1, 2, 3, 4, 9), 5, 1),
]


@pytest.mark.skipif(not machine().masked_loads, reason="nothing is read in place without masked loads")
@pytest.mark.parametrize(("shape", "kernel", "dilation"), AROUND)
@pytest.mark.parametrize("dtype", ["float32", *nightly("float64", "int32")])
def test_windows_around_their_outputs(shape: tuple[int, ...], kernel: int, dilation: int, dtype: str) -> None:
    """Rows and images that fill no vectors, taps beyond all of an image, blocks that begin anywhere."""
    x, rank = integers(shape, dtype), len(shape) - 2
    windows = ((kernel,) * rank, (1,) * rank, ((dilation * (kernel // 2),) * 2,) * rank)
    options: dict[str, Any] = {"dilation": dilation, "algorithm": "flat"}
    arguments = (kernel, 1, dilation * (kernel // 2))
    largest = reference.max_pool(x, *windows, (dilation,) * rank, False)[0]
    for blocks in (nullcontext, small_blocks):
        with blocks():
            np.testing.assert_array_equal(MAX[rank](x, *arguments, **options), largest, strict=True)
            for counted in (True, False):
                means = reference.avg_pool(x, *windows, False, counted, None, (dilation,) * rank)
                found = AVG[rank](x, *arguments, count_include_pad=counted, **options)
                np.testing.assert_array_equal(found, means, strict=True)


@pytest.mark.skipif(not machine().masked_loads, reason="nothing is read in place without masked loads")
def test_nan_stays_in_windows_around_their_outputs() -> None:
    x = integers((2, 3, 9, 9), "float32")
    x[0, 0, 0, 0] = x[0, 2, 4, 5] = x[1, 2, 8, 8] = np.nan
    x[1, 1] = -np.inf
    wanted = reference.max_pool(x, (3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), False)[0]
    with small_blocks():
        np.testing.assert_array_equal(fc.max_pool2d(x, 3, 1, 1, algorithm="flat"), wanted)
    assert np.isnan(wanted).sum() == 4 + 9 + 4


WHOLE = [
    ((2, 3, 7, 7), (7, 7), 0),
    ((3, 4, 2, 2), (4, 4), ((1, 1), (0, 2))),
    ((1, 1, 1, 1), (1, 1), 0),
    ((2, 300, 8), (8,), 0),
    ((1, 2, 700), (700,), 0),
    ((2, 3, 4, 5, 6), (4, 5, 6), 0),
]


@pytest.mark.skipif(not machine().masked_loads, reason="nothing is read in place without masked loads")
@pytest.mark.parametrize(("shape", "kernel", "padding"), WHOLE)
@pytest.mark.parametrize("dtype", ["float32", "int8", *nightly("float64", "int32")])
def test_whole_channels(shape: tuple[int, ...], kernel: tuple[int, ...], padding: Any, dtype: str) -> None:
    """Channels that fill vectors and such that do not, in one task and in several; channels that are apart; padding."""
    if not machine().masks(np.dtype(dtype).itemsize):
        pytest.skip("vectors of these elements cannot be loaded in part")
    rank = len(kernel)
    x = np.repeat(integers(shape, dtype), 2, 1)[:, ::2]
    pads = padding or ((0, 0),) * rank
    windows = (kernel, (1,) * rank, pads)
    largest = reference.max_pool(x, *windows, (1,) * rank, False)[0]
    for blocks in (nullcontext, small_blocks):
        with blocks():
            found = MAX[rank](x, kernel, 1, padding, algorithm="whole")
            np.testing.assert_array_equal(found, largest, strict=True)
            for counted, divisor in ((True, None), (False, None), (True, 3)):
                if divisor and dtype[0] == "i":
                    continue
                means = reference.avg_pool(x, *windows, False, counted, divisor, (1,) * rank)
                found = AVG[rank](x, kernel, 1, padding, False, counted, divisor, algorithm="whole")
                np.testing.assert_allclose(found, means, rtol=0 if dtype[0] == "i" else 1e-6, strict=True)


#: Shape of the input, kernel and stride along its rows.
SPANS = [((2, 3, 40), 10, 10), ((1, 2, 701), 64, 50), ((2, 3, 2, 33), 8, 9), ((2, 2, 2, 3, 7), 7, 1), ((3, 1, 9), 2, 2)]


@pytest.mark.skipif(not machine().masked_loads, reason="nothing is read in place without masked loads")
@pytest.mark.parametrize(("shape", "kernel", "stride"), SPANS)
@pytest.mark.parametrize("dtype", ["float32", "int8", *nightly("float64", "int32")])
def test_parts_of_rows(shape: tuple[int, ...], kernel: int, stride: int, dtype: str) -> None:
    """Windows that touch, overlap and have something between them, of rows without and with a gap between them."""
    rank = len(shape) - 2
    windows = ((*(1,) * (rank - 1), kernel), (*(1,) * (rank - 1), stride))
    pads = ((0, 0),) * rank
    for x in (integers(shape, dtype), np.repeat(integers(shape, dtype), 2, -2)[..., ::2, :]):
        largest = reference.max_pool(x, *windows, pads, (1,) * rank, False)[0]
        means = reference.avg_pool(x, *windows, pads, False, True, None, (1,) * rank)
        for blocks in (nullcontext, small_blocks):
            with blocks():
                np.testing.assert_array_equal(MAX[rank](x, *windows, algorithm="spans"), largest, strict=True)
                found = AVG[rank](x, *windows, algorithm="spans")
                np.testing.assert_allclose(found, means, rtol=0 if dtype[0] == "i" else 1e-6, strict=True)


@pytest.mark.skipif(not machine().masked_loads, reason="nothing is read in place without masked loads")
@pytest.mark.parametrize(
    ("x", "kernel", "options", "reason"),
    [
        (np.ones((2, 4, 8)), 2, {"padding": 1}, "elements of a window do not follow each other"),
        (np.ones((2, 4, 8)), 2, {"dilation": 2}, "elements of a window do not follow each other"),
        (np.ones((2, 4, 8)), 3, {"ceil_mode": True}, "elements of a window do not follow each other"),
        (np.ones((2, 4, 8)), 2, {"return_indices": True}, "it keeps no indices"),
        (np.ones((2, 4, 8))[:, ::3], 2, {}, "rows are not all one step apart"),
        (np.ones((2, 4, 3, 8)), 2, {}, "windows have more than one row"),
    ],
)
def test_parts_of_rows_are_refused(x: np.ndarray, kernel: int, options: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        MAX[x.ndim - 2](x, kernel, algorithm="spans", **options)


@pytest.mark.skipif(not machine().masked_loads, reason="nothing is read in place without masked loads")
@pytest.mark.skipif(not machine().masked_loads, reason="nothing is read in place without masked loads")
@pytest.mark.parametrize(("batch", "channels", "size"), [(1, 700, 7), (5, 37, 7), (3, 16, 22), (2, 40, 23), (1, 15, 1)])
def test_short_whole_channels_many_at_once(batch: int, channels: int, size: int) -> None:
    """Together, the rest one by one, with gaps, and the same bits on any number of threads."""
    x = np.random.default_rng(size).standard_normal((batch, channels + 3, size, size)).astype(np.float32)[:, 1:-2]
    found = []
    for threads in {1, min(2, numba.config.NUMBA_NUM_THREADS)}:
        with fc.threads(threads):
            means = fc.avg_pool2d(x, size, algorithm="whole")
            np.testing.assert_allclose(means[..., 0, 0], x.mean((2, 3), dtype=float), atol=1e-6)
            np.testing.assert_array_equal(fc.max_pool2d(x, size, algorithm="whole")[..., 0, 0], x.max((2, 3)))
            found.append(means)
    np.testing.assert_array_equal(found[0], found[-1])


def test_nan_stays_in_its_whole_channel() -> None:
    x = integers((4, 9, 9), "float32")
    x[0, 0, 0] = x[2, 8, 8] = np.nan
    assert np.isnan(fc.max_pool2d(x, 9, algorithm="whole")).ravel().tolist() == [True, False, True, False]
    assert np.isnan(fc.avg_pool2d(x, 9, algorithm="whole")).ravel().tolist() == [True, False, True, False]


@pytest.mark.parametrize("dtype", ["float32", "uint8", *nightly("float64", "int8", "float16")])
@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2), (2, 2)])
@pytest.mark.parametrize("width", [4, 63, 64, 65, 127, 128, 129, 270])
def test_strips_of_any_width_beside_any_padding(kernel: int, stride: int, width: int, dtype: str) -> None:
    if not machine().masks(np.dtype(dtype).itemsize):
        pytest.skip("some lanes of vectors of such elements cannot be loaded")
    most = kernel - 1
    for before, after in ((0, 0), (1, 1), (0, most), (most, 0)):
        x, padding = integers((1, 2, 9, width), dtype), ((1, 0), (before, after))
        found = [op[2](x, kernel, stride, padding, ceil_mode=True, algorithm="tile") for op in (MAX, AVG)]
        wanted = [op[2](x, kernel, stride, padding, ceil_mode=True, algorithm="reference") for op in (MAX, AVG)]
        np.testing.assert_array_equal(found[0], wanted[0])
        np.testing.assert_allclose(found[1], wanted[1], rtol=1e-3 if dtype == "float16" else 1e-6)


@pytest.mark.skipif(not machine().masked_loads, reason="nothing is read in place without masked loads")
@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2), (2, 2)])
def test_nan_stays_in_windows_of_strips(kernel: int, stride: int) -> None:
    x = integers((2, 2, 20, 150), "float32")
    for column in (0, 1, 15, 16, 31, 64, 127, 128, 149):
        x[0, 1, 7, column] = x[1, 1, 19, column] = np.nan
        found, wanted = (MAX[2](x, kernel, stride, 1, algorithm=name) for name in ("tile", "reference"))
        np.testing.assert_array_equal(found, wanted)
