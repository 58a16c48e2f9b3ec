"""Putting two runs of elements together."""

import numpy as np
import pytest
from numba import config, njit

from fastconv.jit.machine import machine
from fastconv.jit.zip import zip_runs


@njit(boundscheck=True)
def run(target, to, source, even, odd, count):
    zip_runs(target, to, source, even, odd, count)


@pytest.mark.parametrize("dtype", ["uint8", "float32", "complex128"])
def test_runs_of_every_length(dtype: str) -> None:
    for count in range(3 * machine().vector_bytes // np.dtype(dtype).itemsize + 3):
        source = np.arange(9 + 2 * count).astype(dtype)
        target, wanted = np.zeros(7 + 2 * count, dtype), np.zeros(7 + 2 * count, dtype)
        run(target, 3, source, 4, 6 + count, count)
        wanted[3 : 3 + 2 * count] = np.stack([source[4:][:count], source[6 + count :][:count]], axis=1).reshape(-1)
        np.testing.assert_array_equal(target, wanted)


@pytest.mark.skipif(config.DISABLE_JIT, reason="nothing is compiled")
@pytest.mark.parametrize(("target", "even", "odd"), [(11, 0, 6), (12, 0, 7), (12, 7, 0)])
def test_checked_runs_go_no_further(target: int, even: int, odd: int) -> None:
    with pytest.raises(IndexError, match="out of bounds"):
        run(np.zeros(target, np.float32), 2, np.zeros(11, np.float32), even, odd, 5)
