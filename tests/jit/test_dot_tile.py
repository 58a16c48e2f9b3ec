"""The tile of dot products against its meaning, its bounds checks and its instructions."""

import re
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np
import pytest
from numba import config, njit

from assembly import is_spilled
from fastconv.jit import dot_tile as dot
from fastconv.jit.dot_tile import DotRun, DotShape
from fastconv.jit.machine import machine

pytestmark = [
    pytest.mark.skipif(config.DISABLE_JIT, reason="the meaning itself runs"),
    pytest.mark.skipif(not machine().masked_loads, reason="the tile is for CPUs with masked loads"),
]

SHAPE = DotShape(4, 4) if machine().vector_registers >= 32 else DotShape(4, 2)
REGISTERS = {"AVX-512": "zmm", "AVX2": "ymm"}


@cache
def compiled(boundscheck: bool = False) -> Callable[..., None]:
    tile = dot.dot_tile(SHAPE)

    @njit(boundscheck=boundscheck, fastmath={"contract"})
    def run(given, a, b, table, y):
        tile(given, a, b, table, y)

    return run


def operands(count: int) -> list[Any]:
    """What a tile takes; it touches the last element of each array."""
    rng, n = np.random.default_rng(0), machine().vector_bytes // 4
    lines, a_line, b_line, step = 2, count + 1, count + 2, 2 * count + 9
    offsets = np.append(-99, np.arange(SHAPE.others)[::-1] * 3 * count)
    a_size = 3 + (SHAPE.rows - 1) * step + a_line + count
    b_size = 2 + int(offsets.max()) + b_line + count
    y_size = (1 + (SHAPE.rows - 1) * 9 + SHAPE.others) * n
    a, b, y = (rng.integers(-9, 9, size).astype("float32") for size in (a_size, b_size, y_size))
    return [DotRun(3, step, 2, 1, lines, a_line, b_line, count, 1, 9), a, b, offsets, y]


@pytest.mark.parametrize("count", [0, 3, 16, 37])
def test_compiled_tile_is_its_meaning(count: int) -> None:
    given = operands(count)
    results = []
    for run in (compiled(), partial(dot._dot_tile_meaning, SHAPE)):
        y = given[-1].copy()
        run(*given[:-1], y)
        results.append(y)
    np.testing.assert_array_equal(*results)
    assert (results[0] != given[-1]).any() == (count > 0)


def test_checked_tile_goes_to_the_last_element_and_no_further() -> None:
    run = compiled(boundscheck=True)
    run(*operands(37))
    for short in range(1, 5):
        given = operands(37)
        given[short] = given[short][:-1]
        with pytest.raises(IndexError, match="out of bounds"):
            run(*given)


@pytest.mark.skipif(machine().name not in REGISTERS, reason="counts x86 instructions")
def test_sums_stay_in_whole_registers() -> None:
    register, run = REGISTERS[machine().name], compiled()
    run(*operands(37))
    assembly = next(iter(run.inspect_asm().values()))
    assert len(re.findall(rf"vfmadd\w+ps\s.*%{register}", assembly)) >= 2 * SHAPE.rows * SHAPE.others
    assert not is_spilled(assembly, register, "vfmadd"), "a sum was spilled"
