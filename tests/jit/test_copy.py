"""Copying up to a vector of elements."""

import numpy as np
import pytest
from numba import config, njit

from fastconv.jit.copy import copy_lanes
from fastconv.jit.machine import machine

LANES = machine().vector_bytes // 4


@njit(boundscheck=True)
def run(target, to, source, at, count):
    copy_lanes(target, to, source, at, count)


@pytest.mark.parametrize("count", [0, 1, LANES - 1, LANES])
def test_as_many_as_are_asked_for_are_copied(count: int) -> None:
    source, target = np.arange(3.0 + LANES, dtype=np.float32), np.full(2 + LANES, 99, np.float32)
    run(target, 2, source, 3, count)
    wanted = np.full(2 + LANES, 99, np.float32)
    wanted[2 : 2 + count] = source[3 : 3 + count]
    np.testing.assert_array_equal(target, wanted)


@pytest.mark.skipif(config.DISABLE_JIT, reason="nothing is compiled")
@pytest.mark.parametrize(("target", "source"), [(4, LANES), (5, LANES - 1)])
def test_checked_copy_goes_no_further(target: int, source: int) -> None:
    with pytest.raises(IndexError, match="out of bounds"):
        run(np.zeros(target, np.float32), 0, np.zeros(source, np.float32), 0, 5)
