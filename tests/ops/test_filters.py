"""One array and one kernel of any number of axes: the sum over windows of the extended array, in every mode."""

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastconv.geometry import PADDING_MODES
from fastconv.ops import filters
from fastconv.reference.padding import pad_axis
from properties.strategies import LAYOUTS, examples, integers, seeds


def spelled_out(x: Any, w: Any, widths: Any, mode: str, value: Any, dtype: Any) -> Any:
    """The definition; also for integers that wrap around."""
    for axis, (before, after) in enumerate(widths):
        x = pad_axis(x, axis, before, after, mode, value)
    x, w = x.astype(dtype), w.astype(dtype)
    y = np.zeros([max(0, n - k + 1) for n, k in zip(x.shape, w.shape, strict=True)], dtype)
    for taps in product(*map(range, w.shape)):
        y += x[tuple(slice(tap, tap + n) for tap, n in zip(taps, y.shape, strict=True))] * w[taps]
    return y


@examples(120)
@given(data=st.data(), seed=seeds)
def test_random_filters(data: st.DataObject, seed: int) -> None:
    rank = data.draw(st.integers(0, 5))
    taps = data.draw(st.tuples(*[st.sampled_from([1, 1, 2, 3])] * rank))
    widths = [(0, 0) if k == 1 else data.draw(st.tuples(st.integers(0, 7), st.integers(0, 7))) for k in taps]
    size = data.draw(st.tuples(*[st.integers(1, 4)] * rank))
    dtype = data.draw(st.sampled_from(["float32", "float64", "int32", "complex128"]))
    mode, value = data.draw(st.sampled_from(PADDING_MODES)), data.draw(st.sampled_from([0, 3]))
    x, w = integers(size, dtype, seed), integers(taps, dtype, seed + 1)
    x = LAYOUTS[data.draw(st.sampled_from(sorted(LAYOUTS)))](x) if rank else x
    expected = spelled_out(x, w, widths, mode, value, dtype)
    np.testing.assert_array_equal(filters.correlate(x, w, widths, mode, value), expected, strict=True)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "uint16", "uint32", "int64", "uint64"])
def test_integers_wrap_around(dtype: str) -> None:
    high = np.iinfo(dtype).max
    x, w = np.array([[high, high - 1, 3], [high // 2, 5, high]], dtype), np.array([[high, 7]], dtype)
    y = filters.correlate(x, w, [(0, 0), (2, 1)], value=high)
    np.testing.assert_array_equal(y, spelled_out(x, w, [(0, 0), (2, 1)], "zeros", high, dtype), strict=True)


def test_booleans_are_true_where_a_product_is() -> None:
    x = np.array([True] * 300 + [False] * 300)
    y = filters.correlate(x, np.ones(256, bool), [(0, 0)])
    np.testing.assert_array_equal(y, np.arange(345) < 300, strict=True)


def test_sums_are_of_the_dtype_that_is_asked_for() -> None:
    x, w = np.full((2, 40), 255, np.uint8), np.full((1, 40), 255, np.uint8)
    for dtype in ("int64", "uint16", "float64", "complex64"):
        expected = spelled_out(x, w, [(0, 0)] * 2, "zeros", 0, dtype)
        np.testing.assert_array_equal(filters.correlate(x, w, [(0, 0)] * 2, dtype=dtype), expected, strict=True)


def test_what_is_empty() -> None:
    def shape(size: tuple[int, ...], taps: tuple[int, ...], *widths: tuple[int, int]) -> tuple[int, ...]:
        return filters.correlate(np.ones(size), np.ones(taps), widths).shape

    assert shape((3, 0), (2, 1), (0, 0), (0, 0)) == (2, 0)
    assert shape((2,), (4,), (0, 0)) == (0,)
    assert shape((2,), (0,), (1, 0)) == (4,)
    np.testing.assert_array_equal(filters.correlate(np.ones(0), np.ones(2), [(2, 1)], "zeros", 3), [6, 6])
    with pytest.raises(ValueError, match="no elements"):
        filters.correlate(np.ones(0), np.ones(2), [(2, 1)], "circular")


def test_results_lie_as_inputs_do() -> None:
    x = np.asfortranarray(integers((5, 6, 7)))
    assert filters.correlate(x, np.ones((1, 3, 2)), [(0, 0), (1, 1), (1, 0)]).flags.f_contiguous
