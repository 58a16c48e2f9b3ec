"""Whether numbers are finite and may be summed: the meaning, and the machine code."""

import numpy as np
import pytest
from numba import njit

from fastconv.jit.finite import MARGIN, _all_moderate_meaning, all_moderate
from fastconv.jit.machine import machine


@njit
def compiled(array, count):  # type: ignore[no-untyped-def]
    return all_moderate(array, count)


@njit(boundscheck=True)
def checked(array, count):  # type: ignore[no-untyped-def]
    return all_moderate(array, count)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("groups", [1, 3])
def test_one_that_is_not_finite_or_too_large_is_found_anywhere(dtype: str, groups: int) -> None:
    count = groups * 4 * machine().vector_bytes // np.dtype(dtype).itemsize
    most = np.finfo(dtype).max / np.array(MARGIN, dtype)
    array = np.resize(np.array([-0.0, 1, most, -most], dtype), count + 1)
    array[count] = np.nan  # is not looked at
    assert compiled(array, count)
    assert _all_moderate_meaning(array, count)
    for i in range(count):
        for strange in (np.nan, np.inf, -np.inf, 1.001 * most):
            other = array.copy()
            other[i] = strange
            assert not compiled(other, count)
            assert not _all_moderate_meaning(other, count)


def test_checked_code_reads_no_further_than_the_last_element() -> None:
    array = np.zeros(4 * machine().vector_bytes // 4, np.float32)
    assert checked(array, array.size)
    with pytest.raises(IndexError, match="out of bounds"):
        checked(array[:-1], array.size)
