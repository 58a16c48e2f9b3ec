"""Calls on whole numbers that are decided by their values: the same result, bit by bit, in whatever numbers."""

from collections.abc import Iterator
from math import isqrt, prod
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastconv as fc
from fastconv.jit import winograd
from fastconv.jit.machine import machine
from fastconv.kernels.convert import RUN as CONVERTED
from fastconv.kernels.ends import RUN
from fastconv.ops import arithmetic, by_values, conv, conv_transpose, values
from fastconv.ops.arguments import form
from fastconv.ops.casts import cast
from fastconv.ops.dtypes import Held
from fastconv.ops.values import Ends, ends_of, held_as, some_of
from fastconv.plan.winograd_rows import loads_pairs
from nightly import nightly
from properties.strategies import examples, integers

#: Ends of values that fit so many bits and no fewer, and the largest that products of weights of 8 bits may have.
EDGES = (0, 1, -1, 127, -128, 128, -129, 255, 256, 2**15 - 1, -(2**15), 2**15, 2**16 - 1, 2**16, 2**31 - 1, -(2**31))
WIDE = (*EDGES, 2**31, 2**32, 2**45, -(2**45), 2**63 - 1, -(2**63))


@pytest.fixture(autouse=True, scope="module")
def of_any_size() -> Iterator[None]:
    """Calls of any size are decided by values, and interleave channels; none is remembered before or after."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(by_values, "LEAST_PRODUCTS", 0)
        patch.setattr(by_values, "LEAST_USES", 0)
        patch.setattr(arithmetic, "LEAST_PRODUCTS", 0)
        for module in (conv, conv_transpose):
            module._prepare.cache_clear()
        yield
    for module in (conv, conv_transpose):
        module._prepare.cache_clear()


@st.composite
def operands(draw: st.DrawFn) -> tuple[bool, np.ndarray, np.ndarray, dict[str, Any]]:
    """A convolution, or a transposed one, of whole numbers up to some limits, which are there."""
    transposed, rank, groups = draw(st.booleans()), draw(st.integers(1, 3)), draw(st.integers(1, 2))
    channels, outputs = draw(st.integers(1, 9)), draw(st.integers(1, 20))
    kernel = draw(st.tuples(*[st.integers(1, 3)] * rank))
    size = tuple(k + draw(st.integers(2, 5)) for k in kernel)
    x_shape = (draw(st.integers(1, 2)), groups * channels, *size)
    w_shape = (groups * channels, outputs, *kernel) if transposed else (groups * outputs, channels, *kernel)
    seed, found = draw(st.integers(0, 2**16)), []
    for shape in (x_shape, w_shape, (groups * outputs,)):
        dtype = np.dtype(
            draw(st.sampled_from(["int64", "int64", "int32", "int16", "uint16", "uint32", "uint64", "int8"]))
        )
        limits = np.iinfo(dtype)
        most = draw(st.sampled_from([n for n in WIDE if 0 <= n <= limits.max]))
        least = draw(st.sampled_from([n for n in WIDE if limits.min <= n <= min(0, most)]))
        numbers = np.random.default_rng(seed).integers(least, most, shape, dtype, endpoint=True)
        numbers.flat[draw(st.integers(0, numbers.size - 1))] = most
        numbers.flat[draw(st.integers(0, numbers.size - 1))] = least
        found.append(numbers)
    options: dict[str, Any] = {"groups": groups, "stride": draw(st.integers(1, 2)), "padding": draw(st.integers(0, 1))}
    if draw(st.booleans()):
        options["bias"] = found[2]
    if draw(st.booleans()):
        options["activation"] = "relu"
    options["dtype"] = draw(st.sampled_from([None, np.int64, np.int32, np.int16]))
    return transposed, found[0], found[1], options


@pytest.mark.parametrize("count", [2, *nightly(400)])
def test_values_change_no_bit(count: int) -> None:
    examples(count)(given(operands())(_is_the_reference))()


def _is_the_reference(given: tuple[bool, np.ndarray, np.ndarray, dict[str, Any]]) -> None:
    transposed, x, w, options = given
    rank = x.ndim - 2
    if np.result_type(x, w, *[options[name] for name in ("bias",) if name in options]).kind == "f":
        return  # int64 and uint64 become floats
    op = getattr(fc, f"conv{'_transpose' * transposed}{rank}d")
    layer = getattr(fc, f"Conv{'Transpose' * transposed}{rank}d")(w, **options)
    wanted = op(x, w, algorithm="reference", **options)
    last = np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1)
    out = np.empty(wanted.shape, wanted.dtype)
    for found in (op(x, w, **options), op(last, w, out=out, **options), layer(x), layer(last)):
        np.testing.assert_array_equal(found, wanted, strict=True)


_FLOATS = "have sums of products that fit float64"


@pytest.mark.parametrize(
    ("x", "w", "told"),
    [
        (255, -128, "fit 8 bits"),
        (-128, 127, "fit 8 bits"),
        (256, -128, "fit 16 bits"),
        (-129, 127, "fit 16 bits"),
        (2**15 - 1, -(2**15), "fit 16 bits"),
        (2**15, 2**15 - 1, _FLOATS),
        (2**30, 2**14 - 1, _FLOATS),
        (2**40, 2**14 - 1, "may be any of int64"),
        (2**31 - 1, 2**31 - 1, "fit 32 bits"),
        (2**31, 2**31 - 1, "may be any of int64"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_one_value_decides(x: int, w: int, told: str, packed: bool) -> None:
    """Numbers of 64 bits that are small ones but for one, that is in the way."""
    if not machine().quad_products and "bits" in told:
        pytest.skip("no instruction multiplies them")
    if machine().long_products and told == "fit 32 bits":
        told = "may be any of int64"
    rng = np.random.default_rng(0)
    images, weights = rng.integers(0, 2, (2, 16, 9, 8)), rng.integers(0, 2, (32, 16, 3, 3))
    images[1, 7, 3, 4], weights[30, 11, 2, 1] = x, w
    call: Any = fc.Conv2d(weights, padding=1) if packed else lambda x: fc.conv2d(x, weights, padding=1)
    assert f"- values {told}\n" in fc.explain(call, images)
    wanted = fc.conv2d(images, weights, padding=1, algorithm="reference")
    np.testing.assert_array_equal(call(images), wanted, strict=True)
    images[1, 7, 3, 4] = 1  # the same object, and the same call but for its values
    then = "fit 8 bits" if abs(w) < 2**8 else "fit 16 bits" if abs(w) < 2**16 else _FLOATS
    assert f"- values {then}\n" in fc.explain(call, images)


@pytest.mark.parametrize("depth", [2**31 // (255 * 128 * 9), 2**31 // (255 * 128 * 9) + 1])
def test_sums_of_products_of_8_bits_are_summed_in_32_as_long_as_these_hold_them(depth: int) -> None:
    if not machine().quad_products:
        pytest.skip("no instruction multiplies them")
    x, w = np.full((1, depth, 3, 3), 255), np.full((16, depth, 3, 3), -128)
    found = fc.conv2d(x, w)
    assert found.dtype == np.int64
    assert (found == -255 * 128 * 9 * depth).all()
    assert ("in quads" in fc.explain(fc.conv2d, x, w)) == (255 * 128 * 9 * depth < 2**31)


@pytest.mark.parametrize(("bias", "fit"), [(2**31 - 1 - 9 * 255 * 128 * 4, True), (2**31 - 9 * 255 * 128 * 4, False)])
def test_biases_are_part_of_sums(bias: int, fit: bool) -> None:
    x, w = np.full((1, 4, 5, 5), 255), np.full((16, 4, 3, 3), 127)
    w[0] = -128
    biases = np.where(np.arange(16) == 0, -bias, bias)
    found = fc.conv2d(x, w, biases)
    np.testing.assert_array_equal(found, fc.conv2d(x, w, biases, algorithm="reference"))
    if machine().quad_products:
        assert ("in quads" in fc.explain(fc.conv2d, x, w, biases)) == fit


@pytest.mark.parametrize("spare", [0, 1])
def test_sums_at_the_bound_of_float64(spare: int) -> None:
    """Nine products of a number of 32 bits and one of 17, and twice as many: 2**53 are as many as it holds."""
    most, weight = 2**32 - 1, 2**17 - 1
    depth = 2**53 // (9 * most * weight) + spare
    x, w = np.full((1, depth, 4, 4), most), np.full((2, depth, 3, 3), weight)
    w[1] = -weight
    x[0, 0, 0, 0] -= 1  # an odd sum, that a float beyond 2**53 rounds
    np.testing.assert_array_equal(fc.conv2d(x, w), fc.conv2d(x, w, algorithm="reference"))
    assert ("exact here" in fc.explain(fc.conv2d, x, w)) == (spare == 0)


@pytest.mark.parametrize("taps", [1, 2, 3])
def test_what_winograds_algorithm_makes_of_numbers_is_no_larger_than_is_said(taps: int) -> None:
    g, b = winograd._G[taps], winograd._B[taps]
    a = winograd._A[list(winograd._TAP_POINTS[taps])]
    products = np.abs(g).sum(1) * np.abs(b).sum(0)
    halves = 2 if (g % 1).any() else 1
    assert (halves * (np.abs(a).T @ products).max() / taps) ** 2 <= winograd.GROWTH


@pytest.mark.parametrize("algorithm", ["winograd", "winograd_rows"])
@pytest.mark.parametrize("taps", [(3, 3), (5, 5), (3, 1)])
def test_winograds_algorithm_is_exact_at_its_bound(algorithm: str, taps: tuple[int, int]) -> None:
    """With the largest odd numbers, and signs that make its sums and differences large."""
    if algorithm == "winograd_rows" and (taps != (3, 3) or not loads_pairs(8)):
        pytest.skip("it has kernels of three rows, on CPUs with AVX-512")
    channels = 4
    size = (isqrt(2**53 // (winograd.GROWTH * channels * prod(taps))) - 1) | 1
    h, w = np.indices((12, 14))
    signs = np.stack([(-1) ** (h // 2 + w // 2), (-1) ** (h + w), h**0, -((-1) ** (h // 2))])
    x, weights = size * signs[None], size * np.random.default_rng(0).choice([-1, 1], (20, channels, *taps))
    weights[:3] = size * np.array([1, -1, 1])[:, None, None, None] * (-1) ** np.arange(taps[1])
    found = fc.conv2d(x.astype(float), weights.astype(float), padding=1, algorithm=algorithm)
    np.testing.assert_array_equal(found, fc.conv2d(x, weights, padding=1, algorithm="reference"))


@pytest.mark.parametrize(("bits", "spare"), [(29, True), (30, False)])
def test_whole_numbers_have_winograds_algorithm_where_floats_hold_what_it_makes_of_them(bits: int, spare: bool) -> None:
    """144 products of numbers of 29 bits and 11, 29 times as large, are less than 2**53; of 30 and 11 they are not."""
    x, w = integers((1, 16, 30, 30), np.int64), integers((64, 16, 3, 3), np.int64, seed=1)
    x[0, 3, 4, 5], w[5, 4, 1, 1] = 2**bits - 1, 2**11 - 1
    np.testing.assert_array_equal(fc.conv2d(x, w), fc.conv2d(x, w, algorithm="reference"))
    told = fc.explain(fc.conv2d, x, w)
    assert "in float64, exact here" in told
    assert ("it halves weights: not for sums of whole numbers that take all bits of float64" in told) != spare


def test_calls_that_name_an_algorithm_have_the_numbers_of_their_types() -> None:
    x, w = np.ones((1, 8, 9, 9), np.int64), np.ones((16, 8, 3, 3), np.int64)
    told = fc.explain(fc.conv2d, x, w, algorithm="spread")
    assert "values" not in told
    assert "in int64" in told


def test_few_products_are_not_worth_a_look(monkeypatch: pytest.MonkeyPatch) -> None:
    x, w = np.ones((1, 8, 10, 9), np.int64), np.ones((16, 8, 3, 3), np.int64)
    monkeypatch.setattr(by_values, "LEAST_PRODUCTS", 10 * 9 * 16 * 8 * 9 + 1)
    assert "values" not in fc.explain(fc.conv2d, x, w, padding=1)
    monkeypatch.setattr(by_values, "LEAST_PRODUCTS", 0)
    monkeypatch.setattr(by_values, "LEAST_USES", 100)
    assert "values" not in fc.explain(fc.conv2d, x, w, padding=(1, 1))


def test_values_that_are_looked_at_are_few_where_these_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def counted(array: np.ndarray) -> Ends:
        seen.append(array.size)
        return ends_of(array)

    monkeypatch.setattr(by_values, "ends_of", counted)
    x, w = np.full((1, 9, 60, 50), -(2**63)), np.full((16, 9, 3, 3), 2**63 - 1)
    fc.conv2d(x, w)
    assert max(seen) <= 81
    fc.conv2d(x // 2**60, w // 2**60)
    assert max(seen) == x.size


def test_few_decisions_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_values, "MOST_DECIDED", 4)
    whole = np.dtype(np.int64)
    forms = [form(np.ones(shape, whole)) for shape in ((1, 2, 8, 8), (2, 2, 1, 1), (2,))]
    call = by_values.ByValues.of(forms, lambda held: arithmetic.Arithmetic(whole), lambda arithmetic: None)
    for bias in range(9):
        call._arithmetic([Ends(0, 1), Ends(0, 1), Ends(0, bias)])
    assert 0 < len(call.decided) <= 4


@pytest.mark.parametrize("shape", [(1,), (2, 3), (1, 64, 56, 56), (7, 5, 4, 3, 9)])
def test_some_of_an_array_are_some(shape: tuple[int, ...]) -> None:
    found = np.zeros(shape)[some_of(shape)]
    assert 1 <= found.size <= 3 ** len(shape)
    assert all(found.shape[i] >= min(2, size) for i, size in enumerate(shape))


@pytest.mark.parametrize(
    ("x", "w", "held"),
    [
        ((0, 255), (-128, 127), (("uint8", 255), ("int8", 128))),
        ((-1, 3), (-4, 5), (("int8", 3), ("int8", 7))),  # no more is there to choose
        ((-1, 127), (0, 127), (("int8", 127), ("uint8", 127))),
        ((0, 127), (0, 200), (("int8", 127), ("uint8", 255))),
        ((0, 127), (0, 127), (("uint8", 127), ("int8", 127))),
        ((0, 200), (0, 200), (("uint8", 255), ("uint8", 255))),
        ((-129, 0), (0, 256), (("int16", 255), ("int16", 511))),
        ((0, 2**16 - 1), (-(2**15), 0), (("uint16", 2**16 - 1), ("int16", 2**15))),
        ((0, 2**64 - 1), (-(2**63), 0), (("uint64", 2**64 - 1), ("int64", 2**63))),
    ],
)
def test_what_holds_values(x: tuple[int, int], w: tuple[int, int], held: tuple[tuple[str, int], ...]) -> None:
    assert held_as(Ends(*x), Ends(*w)) == tuple(Held(np.dtype(name), size) for name, size in held)


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", "int16", ">i4", "int32", "uint32", "int64", "uint64"])
@pytest.mark.parametrize("size", [1, RUN, values.LEAST, 5 * RUN + 1])
def test_ends(dtype: str, size: int) -> None:
    x = np.zeros((size, 2), dtype)
    x[:, 1] = 2**6  # not of the array below
    if x.dtype.kind == "b":
        assert ends_of(x) == Ends(0, 1)
        return
    limits = np.iinfo(dtype)
    for place in (0, size // 2, size - 1):
        for value in (limits.min, limits.max):
            x[:, 0] = 1
            x[place, 0] = value
            others = [1] if size > 1 else []
            for array in (x[:, 0], x[::-1, 0], np.ascontiguousarray(x[:, 0])):
                assert ends_of(array) == Ends(min([value, *others]), max([value, *others]))


@pytest.mark.parametrize(
    ("given", "to"),
    [("int32", "int64"), ("int64", "int16"), ("int64", "float32"), ("float64", "int64"), ("float32", "float64")],
)
def test_casts_are_numpys(given: str, to: str) -> None:
    shape = (3, 5, CONVERTED // 3 + 1, 2)
    x = np.random.default_rng(0).integers(-(2**20), 2**20, shape).astype(given)
    last = np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1)
    for array in (x, last, x[:, ::-1], x[..., ::2], np.asfortranarray(x)):
        for result in (np.empty_like(array, to), np.empty(array.shape, to)):
            cast(array, result)
            np.testing.assert_array_equal(result, array.astype(to))
    if given == "float64":
        cast(x, x.view(to))  # in its own memory
        np.testing.assert_array_equal(x.view(to), last.astype(to))
