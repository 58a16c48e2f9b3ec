"""`correlation_lags` against the lags at which a moved signal is found again."""

from typing import Any

import numpy as np
import pytest

import fastconv as fc


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize(("n", "k"), [(40, 40), (40, 31), (41, 31), (30, 41), (30, 40)])
def test_a_moved_signal_is_found(mode: str, n: int, k: int) -> None:
    noise = np.random.default_rng(0).standard_normal(80)
    for moved in range(0, abs(n - k) + 1, 3):
        shift = moved if n >= k else -moved
        in1, in2 = noise[20 : 20 + n], noise[20 + shift : 20 + shift + k]
        found = fc.signal.correlate(in1, in2, mode)
        lags = fc.signal.correlation_lags(n, k, mode)
        assert lags.shape == found.shape
        assert lags.dtype == np.int64
        assert lags[np.argmax(found)] == shift


def test_nothing_has_no_middle() -> None:
    np.testing.assert_array_equal(fc.signal.correlation_lags(0, 3), [-2, -1])
    assert fc.signal.correlation_lags(0, 3, "same").size == 0


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((3, 3, "asdfgh"), ValueError, "Mode asdfgh is invalid"),
        ((3, 3, None), ValueError, "Mode None is invalid"),
        ((3.5, 3), TypeError, "in1_len=3.5 is not a whole number"),
        ((3, -1), ValueError, "in2_len=-1 is too small"),
    ],
)
def test_errors(arguments: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        fc.signal.correlation_lags(*arguments)
