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


@cache
def compiled_many(op: int, boundscheck: bool = False) -> Any:
    tile = span_tile.spans_tile(op)

    @njit(boundscheck=boundscheck)
    def run(at, step, count, x, settings, found):
        tile(at, step, count, x, settings, found)

    return run


def many_operands(op: int, dtype: str, count: int, step: int) -> list[Any]:
    """As `operands`, for as many spans as there are together; only those and what is between them may be read."""
    sums = np.dtype(np.float32 if op == SUM and dtype != "float64" else dtype)
    spans = min(span_tile.SPANS, machine().vector_bytes // sums.itemsize)
    x = np.random.default_rng(count).integers(1, 99, 3 + (spans - 1) * step + count).astype(dtype)
    return [3, step, count, x, np.array([0], sums), np.full(spans + 1, 77, sums)]


@operations
@pytest.mark.parametrize("dtype", ["float32", "float64", "int8" if machine().masks(1) else "int32"])
def test_compiled_tile_of_many_is_its_meaning(op: int, dtype: str) -> None:
    for count in COUNTS:
        for step in (count, count + 5):
            given, wanted = many_operands(op, dtype, count, step), many_operands(op, dtype, count, step)
            compiled_many(op)(*given)
            span_tile._spans_tile_meaning(op, *wanted)
            np.testing.assert_array_equal(given[-1], wanted[-1])
            each = [given[3][3 + i * step :][:count] for i in range(given[-1].size - 1)]
            np.testing.assert_array_equal(
                given[-1], [*(x.max(initial=0) if op == MAXIMUM else x.sum() for x in each), 77]
            )


@operations
def test_no_nan_of_many_is_lost_or_spread(op: int) -> None:
    for place in range(49 * 3):
        given = many_operands(op, "float32", 49, 49)
        given[3][3 + place] = np.nan
        compiled_many(op)(*given)
        np.testing.assert_array_equal(np.flatnonzero(np.isnan(given[-1])), [place // 49])


@operations
def test_checked_tile_of_many_reads_and_writes_no_further(op: int) -> None:
    run, (at, step, count, x, settings, found) = compiled_many(op, boundscheck=True), many_operands(op, "int32", 49, 50)
    found = found[:-1]
    run(at, step, count, x, settings, found)
    for wrong in (
        (at + 1, step, count, x, settings, found),
        (-1, 0, count, x, settings, found),
        (at, step, count, x, settings, found[1:]),
        (at, step, count, x, settings[:0], found),
    ):
        with pytest.raises(IndexError, match="out of bounds"):
            run(*wrong)


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
