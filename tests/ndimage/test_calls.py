"""Calls of filters that are remembered for the next one like them: what they may and may not lend to it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fastconv import ndimage
from fastconv.ndimage import calls, correlation
from properties.strategies import integers

X, W = integers((20, 30), "float32"), integers((3, 5), "float32", 1)
CALLS: dict[str, Callable[..., np.ndarray]] = {
    "correlate": lambda x, **options: ndimage.correlate(x, W, **options),
    "convolve": lambda x, **options: ndimage.convolve(x, W, **options),
    "correlate1d": lambda x, **options: ndimage.correlate1d(x, W[0], **options),
    "uniform_filter": lambda x, **options: ndimage.uniform_filter(x, 3, **options),
    "maximum_filter": lambda x, **options: ndimage.maximum_filter(x, 3, **options),
    "footprint": lambda x, **options: ndimage.maximum_filter(x, footprint=W > 0, **options),
    "gaussian_filter": lambda x, **options: ndimage.gaussian_filter(x, 1.5, **options),
    "sobel": ndimage.sobel,
    "laplace": ndimage.laplace,
}


@pytest.fixture
def _forgotten() -> None:
    """Nothing is remembered of `correlate`."""
    correlation._window.cache_clear()


@pytest.mark.parametrize(
    ("right", "wrong", "error"),
    [
        ({"origin": 1}, {"origin": 1.0}, TypeError),
        ({"origin": (0, 1)}, {"origin": (0, 1.0)}, TypeError),
        ({"origin": [0, 1]}, {"origin": [0, 1.0]}, TypeError),
        ({"axes": (0, 1)}, {"axes": (0, 1.0)}, TypeError),
        ({"axes": (0, 1)}, {"axes": (0, 2)}, ValueError),
        ({"cval": 0.0}, {"cval": 0j}, ValueError),
        ({"mode": "wrap"}, {"mode": "wraps"}, RuntimeError),
        ({"mode": "wrap"}, {"mode": ("wrap", "wrap")}, RuntimeError),
    ],
)
def test_a_right_call_lends_its_answer_to_no_wrong_one(
    right: dict[str, Any], wrong: dict[str, Any], error: type[Exception]
) -> None:
    """Although some settings compare equal; and what is wrong is so each time, with the same words."""
    words = set()
    for _ in range(2):
        ndimage.correlate(X, W, **right)
        with pytest.raises(error) as found:
            ndimage.correlate(X, W, **wrong)
        words.add(str(found.value))
    assert len(words) == 1


@pytest.mark.parametrize("name", CALLS)
def test_arrays_of_no_numbers_are_refused_each_time(name: str) -> None:
    CALLS[name](X)
    for _ in range(2):
        with pytest.raises(TypeError, match="input has dtype object"):
            CALLS[name](X.astype(object))
    with pytest.raises(TypeError, match="input is a masked array"):
        CALLS[name](np.ma.masked_array(X))
    with pytest.raises(TypeError, match="weights has dtype object"):
        ndimage.correlate(X, W.astype(object))


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("lie", [lambda x: x, lambda x: x.T, lambda x: x[::2, ::-1]])
def test_results_have_memory_of_their_own(name: str, lie: Callable[[np.ndarray], np.ndarray]) -> None:
    x, before = lie(X.copy()), lie(X.copy())
    first, second = CALLS[name](x), CALLS[name](x)
    assert not any(np.may_share_memory(*pair) for pair in ((first, second), (first, x), (second, x)))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("name", CALLS)
def test_any_output_takes_the_result(name: str) -> None:
    """Given once more as what it is, as its dtype, in another, with gaps, turned around, and as the input itself."""
    wanted = CALLS[name](X)
    room = np.full((40, 60), np.nan, np.float32)
    for out in (np.empty_like(X), np.empty(X.shape, ">f4"), room[::2, ::2], room[19::-1, :30], np.empty_like(X.T).T):
        for _ in range(2):
            assert CALLS[name](X, output=out) is out
            np.testing.assert_array_equal(out, wanted)
    np.testing.assert_allclose(CALLS[name](X, output=np.empty(X.shape)), wanted, 1e-5, 1e-5)
    np.testing.assert_array_equal(CALLS[name](X, output="float32"), wanted, strict=True)
    x = X.copy()
    assert CALLS[name](x, output=x) is x
    np.testing.assert_array_equal(x, wanted)


@pytest.mark.parametrize("size", [(3, 5), (40, 60), (130, 140)])  # remembered, with few others, and too large for that
def test_weights_count_by_their_values(size: tuple[int, int]) -> None:
    """Not by who they are, nor by how they lie."""
    w = integers(size, "float64", 2)
    assert [w.nbytes > most for most in (calls.MOST_BYTES, calls.MOST_LARGE_BYTES)] == [size[0] > 3, size[0] > 40]
    first = ndimage.correlate(X, w)
    np.testing.assert_array_equal(ndimage.correlate(X, np.asfortranarray(w)), first)
    np.testing.assert_array_equal(ndimage.correlate(X, w.byteswap().view(w.dtype.newbyteorder())), first)
    w *= 2
    np.testing.assert_array_equal(ndimage.correlate(X, w), 2 * first)
    where = integers((3, 5), "float32", 3) > 0
    ndimage.maximum_filter(X, footprint=where)
    where[:] = False
    where[1, 2] = True
    np.testing.assert_array_equal(ndimage.maximum_filter(X, footprint=where), X)


@pytest.mark.usefixtures("_forgotten")
def test_what_a_call_decides_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """For lists as for tuples, and for names of modes."""
    first = ndimage.correlate(X, W, origin=(0, 1))
    means = ndimage.uniform_filter(X, [3, 5], mode=["wrap", "nearest"])
    monkeypatch.setattr("fastconv.ndimage.calls._whole", None)
    for origin in ((0, 1), [0, 1]):
        np.testing.assert_array_equal(ndimage.correlate(X, W.copy(), origin=origin), first)
    np.testing.assert_array_equal(ndimage.uniform_filter(X, (3, 5), mode=("wrap", "nearest")), means)
    with pytest.raises(TypeError):  # for other arrays it is decided anew
        ndimage.correlate(X.T, W, origin=(0, 1))
