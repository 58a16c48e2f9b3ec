"""Means of boxes of small whole numbers: exact, toward zero, however rows are cut."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba import njit

from fastconv.kernels import box as kernels
from fastconv.ops import boxes
from fastconv.ops.arguments import form
from fastconv.plan import box
from fastconv.plan.reach import Reach
from nightly import nightly
from properties.strategies import LAYOUTS, examples, seeds
from sharing import share_out

TYPES = ["uint8", "int16", *nightly("int8", "uint16")]


def anything(shape: tuple[int, ...], dtype: str, seed: int) -> np.ndarray:
    limits = np.iinfo(dtype)
    return np.random.default_rng(seed).integers(limits.min, limits.max, shape, dtype, endpoint=True)


def expected(x: np.ndarray, taps: int, axis: int, width: tuple[int, int]) -> np.ndarray:
    padded = np.pad(x.astype(np.int64), [width if i == axis else (0, 0) for i in range(x.ndim)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, taps, axis)
    total = windows.sum(-1)
    return (np.sign(total) * (np.abs(total) // taps)).astype(x.dtype.newbyteorder("="))


def means(x: np.ndarray, axis: int, width: tuple[int, int]) -> np.ndarray:
    planned = boxes.plan_means(form(x), [(axis, Reach(*width, "zeros"))], 0, x.dtype.newbyteorder("="))
    assert planned is not None
    return planned(x)


@pytest.fixture(params=["whole", "small tasks"], autouse=True)
def _tasks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    box.plan_box.cache_clear()
    if request.param == "small tasks":
        for name, value in (("LONGEST_ROW", 40), ("TOGETHER", 400), ("ROWS_EACH", 0), ("LEAST_ROWS", 3)):
            monkeypatch.setattr(box, name, value)
    yield
    box.plan_box.cache_clear()


@pytest.mark.parametrize("dtype", TYPES)
@examples(30)
@given(data=st.data(), layout=st.sampled_from(sorted(LAYOUTS)), seed=seeds)
def test_means_are_exact(data: st.DataObject, dtype: str, layout: str, seed: int) -> None:
    shape = (*data.draw(st.lists(st.integers(1, 9), max_size=2)), data.draw(st.integers(1, 150)))
    axis = data.draw(st.integers(0, len(shape) - 1))
    most = st.integers(0, min(30, shape[axis]))
    width = data.draw(most), data.draw(most)
    x = LAYOUTS[layout](anything(shape, dtype, seed))
    np.testing.assert_array_equal(means(x, axis, width), expected(x, sum(width) + 1, axis, width), strict=True)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("taps", [3, 7, 15, 17, 49, 63])
def test_sums_that_are_a_multiple_or_next_to_one(dtype: str, axis: int, taps: int) -> None:
    """Where a quotient that is rounded otherwise would show."""
    high = np.iinfo(dtype).max
    x = np.full((taps, 70), high, dtype) if axis == 0 else np.full((70, taps), high, dtype)
    for less in (0, 1):
        x[0, 0] = high - less
        width = taps // 2, taps // 2
        np.testing.assert_array_equal(means(x, axis, width), expected(x, taps, axis, width))


@njit
def byte_shares(sums, taps, shares, found):  # type: ignore[no-untyped-def]
    by = kernels._byte_shares(taps, shares)
    for i in range(sums.size):
        found[i] = kernels._byte_share(sums[i], by, i)


@pytest.mark.parametrize("taps", range(1, kernels.MOST_BYTES + 1))
def test_every_sum_of_so_many_bytes(taps: int) -> None:
    sums = np.arange(255 * taps + 1, dtype=np.uint16)
    shares, found = np.zeros_like(sums), np.zeros_like(sums)
    byte_shares(sums, taps, shares, found)
    np.testing.assert_array_equal(found, sums // taps)


def test_sums_that_are_too_large_are_left_to_others() -> None:
    for dtype, most in (("uint8", 16448), ("int16", 128)):
        assert box.holds_sums(np.dtype(dtype), most)
        assert not box.holds_sums(np.dtype(dtype), most + 1)
    x = np.full(20000, 255, np.uint8)
    x[-1] = 254
    assert boxes.plan_means(form(x), [(0, Reach(18999, 0, "zeros"))], 0, x.dtype) is None
    np.testing.assert_array_equal(boxes.means(x, [19000], [(0, 0)])[[0, -1]], [255, 254])
    assert not box.holds_sums(np.dtype("float32"), 3)
    assert not box.holds_sums(np.dtype("int32"), 3)


def test_any_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    x = anything((200, 130), "uint8", 0)
    for helpers in (0, 1, 3):
        with monkeypatch.context() as patch:
            share_out(patch, helpers)
            for axis in (0, 1):
                np.testing.assert_array_equal(means(x, axis, (4, 4)), expected(x, 9, axis, (4, 4)))
