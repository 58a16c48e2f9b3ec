"""Calls are prepared once and then looked up, and what is looked up is never taken for something else."""

from typing import Any

import numpy as np
import pytest

import fastconv as fc
from fastconv.ops import calls

X = np.arange(2 * 6 * 7, dtype=np.float32).reshape(1, 2, 6, 7)
W = np.ones((3, 2, 2, 2), np.float32)

CALLS = {
    "conv": lambda **settings: fc.conv2d(X, W, **settings),
    "conv_transpose": lambda **settings: fc.conv_transpose2d(X[:, :, :3, :3], np.ones((2, 3, 2, 2)), **settings),
    "max_pool": lambda **settings: fc.max_pool2d(X, 2, **settings),
    "avg_pool": lambda **settings: fc.avg_pool2d(X, 2, **settings),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(
    "settings",
    [{}, {"stride": 2}, {"stride": (2, 1), "padding": (1, 0)}, {"stride": [2, 1]}, {"padding": [1, 0]}],
)
def test_the_second_call_prepares_nothing(name: str, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    first = CALLS[name](**settings)
    planned = []
    monkeypatch.setattr(calls, "choose", lambda *args: planned.append(args))
    np.testing.assert_array_equal(CALLS[name](**settings), first)
    assert not planned


@pytest.mark.parametrize("name", CALLS)
def test_lists_are_looked_at_each_time(name: str) -> None:
    stride = [2, 1]
    assert CALLS[name](stride=stride).shape == CALLS[name](stride=(2, 1)).shape
    stride.reverse()
    assert CALLS[name](stride=stride).shape == CALLS[name](stride=(1, 2)).shape != CALLS[name](stride=(2, 1)).shape
    stride[1] = 2.0
    with pytest.raises(TypeError, match="is not a whole number"):
        CALLS[name](stride=stride)


def test_lists_in_lists_are_pairs() -> None:
    padding = [[1, 2], [0, 3]]
    np.testing.assert_array_equal(fc.conv2d(X, W, padding=padding), fc.conv2d(X, W, padding=((1, 2), (0, 3))))
    padding[0][0] = 4
    np.testing.assert_array_equal(fc.conv2d(X, W, padding=padding), fc.conv2d(X, W, padding=((4, 2), (0, 3))))


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(
    ("right", "wrong"), [(1, 1.0), (1, True), ((1, 1), (1.0, 1)), ((1, 1), (True, 1)), ((2, 1), (2, np.float32(1)))]
)
def test_equal_settings_of_a_wrong_type_are_refused_after_right_ones(name: str, right: Any, wrong: Any) -> None:
    CALLS[name](stride=right)
    with pytest.raises(TypeError, match="is not a whole number"):
        CALLS[name](stride=wrong)
    CALLS[name](stride=right)


def test_numpys_integers_and_other_indices_are_looked_at_each_time() -> None:
    class Changing:
        value = 1

        def __index__(self) -> int:
            return self.value

    stride = Changing()
    assert fc.conv2d(X, W, stride=stride).shape == (1, 3, 5, 6)
    Changing.value = 2
    assert fc.conv2d(X, W, stride=stride).shape == (1, 3, 3, 3)
    assert fc.conv2d(X, W, stride=np.int64(2)).shape == (1, 3, 3, 3)


def test_arrays_of_equal_shape_that_lie_otherwise() -> None:
    wanted = fc.conv2d(X, W)
    memory = np.zeros(X.nbytes + 1, np.uint8)[1:].view(np.float32).reshape(X.shape)
    memory[...] = X
    swapped, fortran = X.astype(X.dtype.newbyteorder()), np.asfortranarray(X)
    backwards = X[..., ::-1].copy()[..., ::-1]
    read_only = X.copy()
    read_only.flags.writeable = False
    for x in (memory, swapped, fortran, backwards, read_only, X.astype(np.float64), X):
        np.testing.assert_array_equal(fc.conv2d(x, W), wanted)
