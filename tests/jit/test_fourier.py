"""Butterflies: their meaning, and the machine code."""

from typing import Any

import numpy as np
import pytest
from numba import njit

from fastconv.jit import fourier as module
from fastconv.jit.machine import machine

COUNTS = {"split_fours": 4, "join_fours": 4, "join_twos": 2, "split_fours_turned": 4, "join_fours_turned": 4}
MEANINGS = {
    "split_fours": module._plain_meaning(module._FOURS),
    "join_fours": module._plain_meaning(module._FOURS.conj()),
    "join_twos": module._plain_meaning(module._TWOS),
    "split_fours_turned": module._turned_meaning(back=False),
    "join_fours_turned": module._turned_meaning(back=True),
}
TURNS = {"turn_row": module._turn_meaning(back=False), "turn_row_back": module._turn_meaning(back=True)}


def compiled(name: str, boundscheck: bool = False) -> Any:
    combine = getattr(module, name)
    if name.endswith("fours_turned"):

        @njit(boundscheck=boundscheck)
        def run(work, at, step, roots, root):
            combine(work, at, step, roots, root)

    elif name in TURNS:

        @njit(boundscheck=boundscheck)
        def run(work, at, factors, factor):
            combine(work, at, factors, factor)

    else:

        @njit(boundscheck=boundscheck)
        def run(work, at, step):
            combine(work, at, step)

    return run


def arguments(name: str, dtype: str) -> dict[str, Any]:
    """Arrays of small whole numbers of which the last element is touched, and where to begin."""
    rng, n = np.random.default_rng(0), machine().vector_bytes // np.dtype(dtype).itemsize

    def whole(size: int) -> np.ndarray:
        return rng.integers(-9, 9, size).astype(dtype)

    if name in TURNS:
        return {"work": whole(3 + 2 * n), "at": 3, "factors": whole(1 + 2 * n), "factor": 1}
    step = 2 * n + 5
    found = {"work": whole(3 + (COUNTS[name] - 1) * step + 2 * n), "at": 3, "step": step}
    return found | {"roots": whole(2 + module.ROOTS), "root": 2} if name.endswith("turned") else found


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", [*COUNTS, *TURNS])
def test_compiled_butterfly_is_its_meaning(name: str, dtype: str) -> None:
    given, expected = arguments(name, dtype), arguments(name, dtype)
    (MEANINGS | TURNS)[name](*expected.values())
    compiled(name)(*given.values())
    np.testing.assert_array_equal(given["work"], expected["work"])
    assert (given["work"] != arguments(name, dtype)["work"]).any()


@pytest.mark.parametrize("name", [*COUNTS, *TURNS])
def test_checked_butterfly_goes_to_the_last_element_and_no_further(name: str) -> None:
    run, given = compiled(name, boundscheck=True), arguments(name, "float32")
    run(*given.values())
    for short in given:
        if isinstance(given[short], np.ndarray):
            less = given | {short: given[short][:-1]}
            with pytest.raises(IndexError, match="out of bounds"):
                run(*less.values())


def test_joining_undoes_splitting() -> None:
    given = arguments("split_fours_turned", "float64")
    given["roots"][2:] = [0.6, 0.8, -0.8, 0.6, 0, 1]
    before = given["work"].copy()
    module._turned_meaning(back=False)(*given.values())
    module._turned_meaning(back=True)(*given.values())
    n = machine().vector_bytes // 8
    for i in range(4):
        row = slice(3 + i * given["step"], 3 + i * given["step"] + 2 * n)
        np.testing.assert_allclose(given["work"][row], 4 * before[row], atol=1e-12)
