"""The tile of channels' windows: its meaning, that it touches its elements and no others, and its machine code."""

import re
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import pytest
from numba import config, njit

from assembly import is_spilled
from fastconv.jit.lane_tile import MAXIMUM, MEAN, PLACES, LaneWindow, _lane_tile_meaning, lane_tile
from fastconv.jit.machine import machine

pytestmark = pytest.mark.skipif(config.DISABLE_JIT, reason="the meaning itself runs")

REGISTERS = {"AVX-512": "zmm", "AVX2": "ymm"}
VECTORS = 2
#: Taps and steps along each axis, of which a place is called otherwise than it stands.
TAPS, STEPS, PLACED = (2, 3, 4), (1900, 610, 150), (70, 9, 2)


@cache
def compiled(op: int, vectors: int, whole: bool, boundscheck: bool = False) -> Any:
    tile = lane_tile(op, vectors, whole=whole)

    @njit(boundscheck=boundscheck)
    def run(window, divisor, x, settings, y, places):
        tile(window, divisor, x, settings, y, places)

    return run


def arguments(op: int, left: int, dtypes: tuple[str, str, str], taps: tuple[int, ...] = TAPS) -> list[Any]:
    """A call whose window ends with the input, and whose results end with theirs."""
    given, reduced, result = dtypes
    last = sum(max(0, count - 1) * step for count, step in zip(taps, STEPS, strict=True))
    x = np.random.default_rng(left).integers(1, 90, 5 + last + left).astype(given)
    start = 0 if op == MEAN else np.finfo(reduced).min if reduced[0] == "f" else np.iinfo(reduced).min
    divisor = np.dtype(reduced).type(max(1, np.prod(taps)))
    window = LaneWindow(5, *taps, *STEPS, 11, *PLACED, 3, left)
    return [window, divisor, x, np.array([start], reduced), np.zeros(3 + left, result), np.zeros(3 + left, np.int64)]


#: Types of the input, of what is reduced and of the result.
MAXIMA = [(name, name, name) for name in ("float32", "float64", "int8", "uint16", "int64")]
SUMS = [
    ("float32", "float32", "float32"), ("float32", "float64", "float32"), ("uint8", "float32", "uint8"),
    ("int16", "int64", "int16"), ("uint64", "uint64", "uint64"),
]  # fmt: skip


@pytest.mark.parametrize(("op", "dtypes"), [*product((MAXIMUM, PLACES), MAXIMA), *product([MEAN], SUMS)])
def test_it_does_what_its_meaning_says(op: int, dtypes: tuple[str, str, str]) -> None:
    lanes = machine().vector_bytes // np.dtype(dtypes[1]).itemsize
    for whole, counts in ((True, [VECTORS * lanes]), (False, [1, lanes, lanes + 1, VECTORS * lanes])):
        for left in counts:
            for taps in (TAPS, (1, 1, 5), (1, 0, 3)):
                found, wanted = (arguments(op, left, dtypes, taps) for _ in range(2))
                if dtypes[0][0] == "f" and op != MEAN:
                    for x in (found[2], wanted[2]):
                        x[::71] = np.nan
                compiled(op, VECTORS, whole)(*found)
                _lane_tile_meaning(op, VECTORS, *wanted)
                for there, expected in zip(found[4:], wanted[4:], strict=True):
                    np.testing.assert_allclose(there, expected, rtol=1e-6 if op == MEAN else 0, strict=True)


@pytest.mark.parametrize("value", [5.0, np.nan])
def test_of_equal_maxima_the_first_is_the_place_and_of_nans_the_last(value: float) -> None:
    call = arguments(PLACES, 7, ("float32",) * 3)
    call[2][:] = value
    compiled(PLACES, VECTORS, False)(*call)
    ends = sum((count - 1) * step for count, step in zip(TAPS, PLACED, strict=True))
    np.testing.assert_array_equal(call[-1][3:], 11 if value == value else 11 + ends)


def test_rows_are_summed_by_themselves() -> None:
    """A row that cancels leaves nothing of another to round."""
    call = arguments(MEAN, 1, ("float32",) * 3, (1, 2, 3))
    for tap, value in enumerate((0.25, 0.25, 0.25, 2.0**26, 1, -(2.0**26))):
        call[2][5 + tap // 3 * STEPS[1] + tap % 3 * STEPS[2]] = value
    compiled(MEAN, VECTORS, False)(*call)
    assert call[4][3] == np.float32(0.75) / 6


@pytest.mark.parametrize("left", [5, VECTORS * machine().vector_bytes // 4])
def test_checked_tile_touches_its_elements_and_no_others(left: int) -> None:
    run = compiled(PLACES, VECTORS, False, boundscheck=True)
    run(*arguments(PLACES, left, ("float32",) * 3))
    for short in (2, 3, 4, 5):
        call = arguments(PLACES, left, ("float32",) * 3)
        call[short] = call[short][:-1]
        with pytest.raises(IndexError, match="out of bounds"):
            run(*call)


@pytest.mark.skipif(machine().name not in REGISTERS, reason="counts x86 instructions")
@pytest.mark.parametrize(("op", "combine"), [(MAXIMUM, "vaddps"), (MEAN, "vaddps"), (PLACES, "vcmpunordps")])
def test_totals_stay_in_registers(op: int, combine: str) -> None:
    register, vectors = REGISTERS[machine().name], 4
    run = compiled(op, vectors, True)
    run(*arguments(op, vectors * machine().vector_bytes // 4, ("float32",) * 3))
    assembly = next(iter(run.inspect_asm().values()))
    assert len(re.findall(rf"{combine}\s.*%{register[0]}mm", assembly)) >= vectors
    assert not is_spilled(assembly, register, combine), "a total was spilled"
