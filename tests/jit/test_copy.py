"""Copying up to a vector of elements, and blocks of rows."""

from collections.abc import Callable

import numpy as np
import pytest
from numba import config, njit

from fastconv.jit.copy import copy_block, copy_every_other, copy_lanes
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


@njit(boundscheck=True)
def run_block(target, to, pitch, source, at, step, count, rows):
    copy_block(target, to, pitch, source, at, step, count, rows)


@njit(boundscheck=True)
def run_every_other(target, to, pitch, source, at, step, count, rows):
    copy_every_other(target, to, pitch, source, at, step, count, rows)


@pytest.mark.parametrize(("run", "every"), [(run_block, 1), (run_every_other, 2)])
@pytest.mark.parametrize("dtype", ["uint8", "complex128"])
def test_rows_of_every_length(dtype: str, run: Callable[..., None], every: int) -> None:
    for count in range(2 * machine().vector_bytes + 3):
        reach = max(0, every * (count - 1) + 1)
        source = np.arange(14 + reach).astype(dtype)
        target, wanted = np.zeros((3, 200), dtype), np.zeros((3, 200), dtype)
        run(target.reshape(-1), 5, 200, source, 14, -7, count, 3)
        for row in range(3):
            wanted[row, 5 : 5 + count] = source[14 - 7 * row :: every][:count]
        np.testing.assert_array_equal(target, wanted)


@pytest.mark.parametrize(("run", "every"), [(run_block, 1), (run_every_other, 2)])
@pytest.mark.parametrize("dtype", ["int16", "float64"])
def test_rows_become_those_of_another_type(dtype: str, run: Callable[..., None], every: int) -> None:
    source, target, wanted = np.arange(99, dtype=np.int16), np.zeros((3, 50), dtype), np.zeros((3, 50), dtype)
    run(target.reshape(-1), 5, 50, source, 14, -7, 40, 3)
    for row in range(3):
        wanted[row, 5:45] = source[14 - 7 * row :: every][:40]
    np.testing.assert_array_equal(target, wanted)


@pytest.mark.skipif(config.DISABLE_JIT, reason="nothing is compiled")
@pytest.mark.parametrize(("run", "every"), [(run_block, 1), (run_every_other, 2)])
def test_a_checked_block_goes_no_further(run: Callable[..., None], every: int) -> None:
    reach = 10 + 4 * every + 1

    def copy(target: int, source: int) -> None:
        run(np.zeros(target, np.uint8), 0, 10, np.zeros(source, np.uint8), 0, 5, 5, 3)

    copy(25, reach)
    for target, source in ((24, reach), (25, reach - 1)):
        with pytest.raises(IndexError, match="out of bounds"):
            copy(target, source)
