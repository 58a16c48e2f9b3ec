"""The tile of spans: its meaning, its machine code, and that it reads what it is given and nothing else."""

import re
from functools import cache
from typing import Any

import numpy as np
import pytest
from numba import njit

from assembly import is_spilled
from fastconv.jit import span_tile
from fastconv.jit.machine import machine
from fastconv.jit.reduction import MAXIMUM, SUM

pytestmark = pytest.mark.skipif(not machine().masked_loads, reason="nothing is read in place without masked loads")

REGISTERS = {"AVX-512": "zmm", "AVX2": "ymm"}
COUNTS = (0, 1, 5, 16, 49, 64, 130, 515)

operations = pytest.mark.parametrize("op", [MAXIMUM, SUM])


@cache
def compiled(op: int, boundscheck: bool = False) -> Any:
    tile = span_tile.span_tile(op)

    @njit(boundscheck=boundscheck)
    def run(at, count, x, settings):
        return tile(at, count, x, settings)

    return run


def operands(op: int, dtype: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    """An array whose last element is reduced, with three before those that are, and what it is reduced from."""
    x = np.random.default_rng(count).integers(1, 9, 3 + count).astype(dtype)
    x[:3] = 99
    return x, np.array([0], np.float32 if op == SUM else dtype)


@operations
@pytest.mark.parametrize("dtype", ["float32", "int8" if machine().masks(1) else "int32"])
def test_compiled_tile_is_its_meaning(op: int, dtype: str) -> None:
    for count in COUNTS:
        x, settings = operands(op, dtype, count)
        found = compiled(op)(3, count, x, settings)
        assert (
            found
            == span_tile._span_tile_meaning(op, 3, count, x, settings)
            == (x[3:].max(initial=0) if op == MAXIMUM else x[3:].sum())
        )


@operations
@pytest.mark.parametrize("place", [0, 20, 63, 64, 129])
def test_no_nan_is_lost(op: int, place: int) -> None:
    x, settings = operands(op, "float32", 130)
    x[3 + place] = np.nan
    assert np.isnan(compiled(op)(3, 130, x, settings))
    assert np.isnan(span_tile._span_tile_meaning(op, 3, 130, x, settings))
    assert not np.isnan(compiled(op)(4 + place, 129 - place, x, settings))


@operations
def test_checked_tile_reads_the_last_element_and_no_further(op: int) -> None:
    run, (x, settings) = compiled(op, boundscheck=True), operands(op, "float32", 130)
    run(3, 130, x, settings)
    for arguments in ((4, 130, x, settings), (-1, 9, x, settings), (3, 130, x, settings[:0])):
        with pytest.raises(IndexError, match="out of bounds"):
            run(*arguments)


@pytest.mark.skipif(machine().name not in REGISTERS, reason="counts x86 instructions")
@operations
def test_totals_stay_in_whole_registers(op: int) -> None:
    run, register = compiled(op), REGISTERS[machine().name]
    run(3, 130, *operands(op, "float32", 130))
    assembly = next(iter(run.inspect_asm().values()))
    combine = "vmaxps" if op == MAXIMUM else "vaddps"
    found = re.findall(rf"{combine}\s.*%(\w)mm", assembly)
    assert found.count(register[0]) > 2 * span_tile.BESIDE
    if machine().name == "AVX-512":  # half as many registers must hold masks too
        assert not is_spilled(assembly, register, combine), "a total was spilled"
