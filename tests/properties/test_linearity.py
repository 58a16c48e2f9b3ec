"""Laws that hold for every geometry: linearity, images and groups on their own, channels that add up, shifts."""

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import fastconv as fc
from properties.strategies import (
    Case,
    PoolCase,
    conv_cases,
    conv_transpose_cases,
    examples,
    integers,
    pool_cases,
    seeds,
)


def apply(case: Case, x: Any, w: Any, bias: Any = None) -> np.ndarray:
    """The convolution or the transposed one that the case is."""
    name = "conv_transpose" if "output_padding" in case.options else "conv"
    return getattr(fc, f"{name}{case.rank}d")(x, w, bias, **case.options)


def average(case: PoolCase, x: Any, **options: Any) -> np.ndarray:
    function = getattr(fc, f"avg_pool{case.rank}d")
    return function(x, case.kernel_size, case.stride, case.padding, case.ceil_mode, dilation=case.dilation, **options)


def maxima(case: PoolCase, x: Any) -> np.ndarray:
    function = getattr(fc, f"max_pool{case.rank}d")
    return function(x, case.kernel_size, case.stride, case.padding, case.dilation, case.ceil_mode)


products = conv_cases() | conv_transpose_cases()
factors = st.integers(-5, 5)


@examples(80)
@given(products, factors, factors, seeds)
def test_linear_in_the_input(case: Case, a: int, b: int, seed: int) -> None:
    x, z = (integers(case.input_shape, seed=seed + i) for i in range(2))
    w = integers(case.weight_shape, seed=seed + 2)
    np.testing.assert_array_equal(apply(case, a * x + b * z, w), a * apply(case, x, w) + b * apply(case, z, w))


@examples(80)
@given(products, factors, factors, seeds)
def test_linear_in_the_weight(case: Case, a: int, b: int, seed: int) -> None:
    v, w = (integers(case.weight_shape, seed=seed + i) for i in range(2))
    x = integers(case.input_shape, seed=seed + 2)
    np.testing.assert_array_equal(apply(case, x, a * v + b * w), a * apply(case, x, v) + b * apply(case, x, w))


@examples(80)
@given(products, seeds)
def test_bias_is_added_to_its_channel(case: Case, seed: int) -> None:
    x, w = integers(case.input_shape, seed=seed), integers(case.weight_shape, seed=seed + 1)
    without = apply(case, x, w)
    bias = integers(without.shape[1:2], seed=seed + 2)
    expected = without + bias.reshape(-1, *[1] * case.rank)
    np.testing.assert_array_equal(apply(case, x, w, bias), expected)


@examples(80)
@given(products, seeds)
def test_images_do_not_see_each_other(case: Case, seed: int) -> None:
    x, w = integers((3, *case.input_shape[1:]), seed=seed), integers(case.weight_shape, seed=seed + 1)
    np.testing.assert_array_equal(apply(case, x, w), np.stack([apply(case, image, w) for image in x]))


@examples(80)
@given(products, seeds)
def test_groups_do_not_see_each_other(case: Case, seed: int) -> None:
    x, w = integers(case.input_shape, seed=seed), integers(case.weight_shape, seed=seed + 1)
    groups = case.options["groups"]
    alone = Case(case.input_shape, case.weight_shape, case.options | {"groups": 1})
    parts = [
        apply(alone, channels, weights)
        for channels, weights in zip(np.split(x, groups, axis=1), np.split(w, groups), strict=True)
    ]
    np.testing.assert_array_equal(apply(case, x, w), np.concatenate(parts, axis=1))


@examples(80)
@given(conv_cases(), seeds)
def test_channels_add_up(case: Case, seed: int) -> None:
    case = Case(case.input_shape, case.weight_shape, case.options | {"groups": 1})
    channels = case.weight_shape[1]
    x, w = integers((1, channels, *case.input_shape[2:]), seed=seed), integers(case.weight_shape, seed=seed + 1)
    parts = [apply(case, x[:, c : c + 1], w[:, c : c + 1]) for c in range(channels)]
    np.testing.assert_array_equal(apply(case, x, w), sum(parts))


@examples(80)
@given(conv_cases(padding_modes=("circular",)), st.integers(0, 20), seeds)
def test_circular_convolution_follows_shifts(case: Case, shift: int, seed: int) -> None:
    """Rolling the input by a stride rolls the output by one, where the outputs go round the circle."""
    size = tuple(s * (1 + i // s) for i, s in zip(case.input_shape[2:], case.options["stride"], strict=True))
    x, w = integers((1, case.input_shape[1], *size), seed=seed), integers(case.weight_shape, seed=seed + 1)
    extents = [d * (k - 1) + 1 for d, k in zip(case.options["dilation"], case.weight_shape[2:], strict=True)]
    around = tuple((0, e - 1) for e in extents)
    case = Case(x.shape, w.shape, case.options | {"padding": around})
    axes = tuple(range(2, x.ndim))
    rolled = np.roll(x, [shift * s for s in case.options["stride"]], axes)
    np.testing.assert_array_equal(apply(case, rolled, w), np.roll(apply(case, x, w), [shift] * len(axes), axes))


@examples(80)
@given(pool_cases(), factors, factors, seeds)
def test_sums_of_windows_are_linear(case: PoolCase, a: int, b: int, seed: int) -> None:
    x, z = (integers(case.input_shape, seed=seed + i) for i in range(2))
    combined = average(case, a * x + b * z, divisor_override=1)
    parts = a * average(case, x, divisor_override=1) + b * average(case, z, divisor_override=1)
    np.testing.assert_array_equal(combined, parts)


@examples(80)
@given(pool_cases(), st.integers(-9, 9))
def test_average_of_a_constant(case: PoolCase, value: int) -> None:
    """Padding that does not count changes nothing; so the mean of equal numbers is that number."""
    means = average(case, np.full(case.input_shape, float(value)), count_include_pad=False)
    np.testing.assert_array_equal(means, np.full(means.shape, float(value)))


@examples(80)
@given(pool_cases(), seeds)
def test_average_is_a_depthwise_convolution(case: PoolCase, seed: int) -> None:
    """Where every window is whole, with a divisor that keeps all exact."""
    x = integers(case.input_shape, seed=seed)
    w = np.ones((case.input_shape[1], 1, *case.kernel_size))
    function = getattr(fc, f"conv{case.rank}d")
    expected = function(x, w, None, case.stride, case.padding, case.dilation, groups=case.input_shape[1])
    whole = PoolCase(case.input_shape, case.kernel_size, case.stride, case.padding, case.dilation, ceil_mode=False)
    np.testing.assert_array_equal(average(whole, x, divisor_override=1), expected)


@examples(80)
@given(pool_cases(), seeds)
def test_maxima_follow_increasing_functions(case: PoolCase, seed: int) -> None:
    x = integers(case.input_shape, seed=seed)
    np.testing.assert_array_equal(maxima(case, 2 * x**3 - 1), 2 * maxima(case, x) ** 3 - 1)
