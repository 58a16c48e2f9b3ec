"""Butterflies that read and write real numbers: the meaning, and the machine code."""

from typing import Any

import numpy as np
import pytest
from numba import njit

from fastconv.jit import fourier_ends as module
from fastconv.jit.fourier import ROOTS
from fastconv.jit.machine import machine

MEANINGS = {"split_fours_from": module._split_fours_from_meaning, "join_fours_to": module._join_fours_to_meaning}


def compiled(name: str, boundscheck: bool = False) -> Any:
    combine = getattr(module, name)
    if name == "split_fours_from":

        @njit(boundscheck=boundscheck)
        def run(x, first, second, reach, work, at, step, roots, root):
            combine(x, first, second, reach, work, at, step, roots, root)

    else:

        @njit(boundscheck=boundscheck)
        def run(work, at, step, roots, root, y, first, second, reach, wanted):
            combine(work, at, step, roots, root, y, first, second, reach, wanted)

    return run


def arguments(name: str, dtype: str, wanted: int = 0b1111) -> dict[str, Any]:
    """Arrays of small whole numbers of which the last element is touched, and where to begin."""
    rng, n = np.random.default_rng(0), machine().vector_bytes // np.dtype(dtype).itemsize

    def whole(size: int) -> np.ndarray:
        return rng.integers(-9, 9, size).astype(dtype)

    step, reach = 2 * n + 5, n + 3
    strip = {"work": whole(3 + 3 * step + 2 * n), "at": 3, "step": step}
    roots = {"roots": whole(2 + ROOTS), "root": 2}
    first, second = 5, 5 + 4 * reach
    runs, places = whole(second + 3 * reach + n), {"first": first, "second": second, "reach": reach}
    if name == "split_fours_from":
        return {"x": runs} | places | strip | roots
    return strip | roots | {"y": runs} | places | {"wanted": wanted}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", MEANINGS)
@pytest.mark.parametrize("wanted", [0b0000, 0b1111, 0b0110, 0b1000, 0b0001])
def test_compiled_butterfly_is_its_meaning(name: str, dtype: str, wanted: int) -> None:
    given, expected = arguments(name, dtype, wanted), arguments(name, dtype, wanted)
    MEANINGS[name](*expected.values())
    compiled(name)(*given.values())
    for key, value in expected.items():
        np.testing.assert_array_equal(given[key], value)


@pytest.mark.parametrize("wanted", range(16))
def test_rows_are_written_to_one_place_or_the_other(wanted: int) -> None:
    given, before = (arguments("join_fours_to", "float64", wanted) for _ in range(2))
    module._join_fours_to_meaning(*given.values())
    n = machine().vector_bytes // 8
    for i in range(4):
        row = slice(3 + i * given["step"], 3 + i * given["step"] + 2 * n)
        there = slice(5 + i * given["reach"], 5 + i * given["reach"] + n)
        assert (given["work"][row] != before["work"][row]).any() == (not wanted >> i & 1)
        assert (given["y"][there] != before["y"][there]).any() == (wanted >> i & 1)


@pytest.mark.parametrize("name", MEANINGS)
def test_checked_butterfly_goes_to_the_last_element_and_no_further(name: str) -> None:
    run, given = compiled(name, boundscheck=True), arguments(name, "float32")
    run(*given.values())
    for short in given:
        if isinstance(given[short], np.ndarray):
            less = given | {short: given[short][:-1]}
            with pytest.raises(IndexError, match="out of bounds"):
                run(*less.values())
