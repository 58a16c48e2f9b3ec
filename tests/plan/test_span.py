"""Arrays of any strides as flat memory."""

import numpy as np
import pytest

from fastconv.jit.letter import span
from fastconv.jit.objects import address
from fastconv.plan.span import LARGE, PAGE, empty_apart, steps

BASE = np.arange(120.0).reshape(4, 5, 6)
VIEWS = {
    "contiguous": BASE,
    "reversed": BASE[::-1, ::-1, ::-1],
    "every other": BASE[::2, 1::2, ::-2],
    "transposed": BASE.transpose(2, 0, 1),
    "broadcast": np.broadcast_to(BASE[0, :, :1], (5, 7)),
    "single element": BASE[1:2, 2:3, 3:4],
    "read-only": np.frombuffer(BASE.tobytes()).reshape(BASE.shape)[:, ::-1],
}


@pytest.mark.parametrize("name", VIEWS)
def test_elements_stand_where_steps_say(name: str) -> None:
    view = VIEWS[name]
    flat, (base, along) = span(view), steps(view.shape, view.strides, view.itemsize)
    places = base + sum(
        np.arange(n).reshape([-1] + [1] * (view.ndim - 1 - i)) * along[i] for i, n in enumerate(view.shape)
    )
    assert places.min() >= 0
    assert places.max() < flat.size
    np.testing.assert_array_equal(flat[places], view)


@pytest.mark.parametrize("name", VIEWS)
def test_span_is_flat_and_shares_memory(name: str) -> None:
    flat = span(VIEWS[name])
    assert flat.ndim == 1
    assert flat.flags.c_contiguous
    assert flat.flags.writeable == VIEWS[name].flags.writeable
    assert np.shares_memory(flat, VIEWS[name])


def test_the_array_stays_writeable() -> None:
    x = np.zeros(4)
    span(x)
    x[0] = 1


@pytest.mark.parametrize("dtype", ["uint8", "float64", "complex128"])
@pytest.mark.parametrize("past", [0, 3, 4095])
def test_large_results_stand_half_a_page_from_their_input(past: int, dtype: str) -> None:
    x = np.zeros(2 * PAGE, np.uint8)[past:]
    y = empty_apart((3, LARGE), np.dtype(dtype), x)
    assert (y.shape, y.dtype) == ((3, LARGE), dtype)
    assert y.flags.c_contiguous
    assert y.flags.aligned
    assert PAGE // 2 - y.itemsize < (y.ctypes.data - x.ctypes.data) % PAGE <= PAGE // 2


def test_small_results_stand_anywhere_and_own_their_memory() -> None:
    assert empty_apart((LARGE // 8,), np.dtype(np.float32), np.zeros(3)).flags.owndata


def test_addresses_are_numpys_own() -> None:
    class Sub(np.ndarray):
        pass

    x = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    for array in (x, x[::-1, 1:, ::2], x.view(Sub)[1:], np.empty((0, 3)), np.float32(1)[None], np.asfortranarray(x)):
        assert address(array) == array.ctypes.data
