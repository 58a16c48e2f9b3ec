"""Cuts of axes: every element that is wanted is in one block, and no element of a circle falls on it."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fastconv.plan.fourier import Cut, FourierAxis, cut_up, cut_whole, fast_length, plan_fourier
from fastconv.plan.strips import frequencies, plan_strips
from properties.strategies import examples


def is_fast(n: int) -> bool:
    for prime in (2, 3, 5):
        while n % prime == 0:
            n //= prime
    return n == 1


def test_fast_lengths() -> None:
    fast = [n for n in range(1, 4000) if is_fast(n)]
    for least in range(1, 3000):
        assert fast_length(least) == fast[np.searchsorted(fast, least)]


@st.composite
def axes(draw: st.DrawFn) -> FourierAxis:
    size, taps = draw(st.integers(1, 30)), draw(st.integers(1, 30))
    begin = draw(st.integers(0, size + taps - 2))
    return FourierAxis(size, taps, begin, draw(st.integers(1, size + taps - 1 - begin)))


def spelled_out(axis: FourierAxis, cut: Cut, x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """The result by circular convolutions of blocks, element by element."""
    found = []
    for block in range(cut.blocks):
        first = cut.start + block * cut.step
        places = range(first, first + cut.length)
        held = [x[i] if 0 <= i < cut.end else 0 for i in places]
        for n in range(cut.lead, cut.lead + cut.step):
            found.append(sum(held[(n - k) % cut.length] * w[k] for k in range(axis.taps)))
    return np.array(found[: axis.count])


@examples(200)
@given(axis=axes(), length=st.integers(1, 64))
def test_blocks_give_the_part_that_is_wanted(axis: FourierAxis, length: int) -> None:
    rng = np.random.default_rng(0)
    x, w = rng.integers(1, 9, axis.size), rng.integers(1, 9, axis.taps)
    expected = np.convolve(x, w)[axis.begin : axis.begin + axis.count]
    cuts = [cut_whole(axis), cut_whole(axis, length), cut_up(axis, length)]
    assert cuts[0]
    for cut in cuts:
        if cut:
            assert cut.lead + cut.step <= cut.length
            np.testing.assert_array_equal(spelled_out(axis, cut, x, w), expected)


def test_plans_take_blocks_where_that_is_less_work() -> None:
    long, square = FourierAxis(10**6, 64, 0, 10**6), FourierAxis(10**5, 10**5, 0, 2 * 10**5 - 1)
    (cut,) = plan_fourier((long,), 1, 1, True, True).cuts
    assert cut.blocks > 10
    assert plan_fourier((square,), 1, 1, True, True).cuts[0].blocks == 1
    single, double = (plan_strips((long,), 1, np.dtype(dtype)) for dtype in ("float32", "float64"))
    assert single
    assert double
    assert single.head.across > 10
    assert single.nanoseconds < double.nanoseconds
    assert plan_strips((FourierAxis(10**7, 10**7, 0, 10**7),), 1, np.dtype("float32")) is None


def test_frequencies_stand_where_splitting_by_four_leaves_them() -> None:
    def split(x: np.ndarray) -> np.ndarray:
        n = len(x)
        if n == 2:
            return np.array([x[0] + x[1], x[0] - x[1]])
        quarters = np.fft.fft(x.reshape(4, -1), axis=0)
        turned = quarters * np.exp(-2j * np.pi * np.outer(np.arange(4), np.arange(n // 4)) / n)
        return turned[:, 0] if n == 4 else np.concatenate([split(row) for row in turned])

    for length in (4, 8, 16, 32, 128):
        x = np.random.default_rng(0).standard_normal(length)
        np.testing.assert_allclose(split(x), np.fft.fft(x)[frequencies(length)], atol=1e-12)
