"""The tile of scaled rows against its meaning, its bounds checks and its instructions."""

import re
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np
import pytest
from numba import config, njit

from assembly import is_spilled
from fastconv.jit import scaled_tile as scaled
from fastconv.jit.machine import machine
from fastconv.jit.scaled_tile import ScaledRun, ScaledShape

pytestmark = [
    pytest.mark.skipif(config.DISABLE_JIT, reason="the meaning itself runs"),
    pytest.mark.skipif(not machine().masked_loads, reason="the tile is for CPUs with masked loads"),
]

SHAPE = ScaledShape(4, 4) if machine().vector_registers >= 32 else ScaledShape(4, 2)
REGISTERS = {"AVX-512": "zmm", "AVX2": "ymm"}


@cache
def compiled(boundscheck: bool = False) -> Callable[..., None]:
    tile = scaled.scaled_tile(SHAPE)

    @njit(boundscheck=boundscheck, fastmath={"contract"})
    def run(given, x, rows, y):
        tile(given, x, rows, y)

    return run


def operands(count: int) -> list[Any]:
    """What a tile takes; it touches the last element of each array."""
    rng, pitch, step = np.random.default_rng(0), count + 5, count + 3
    x_size = 2 + (SHAPE.rows - 1) * 7 + (SHAPE.sums - 1) * 2 + 1
    sizes = (x_size, 3 + (SHAPE.rows - 1) * pitch + count, 1 + (SHAPE.sums - 1) * step + count)
    x, rows, y = (rng.integers(-9, 9, size).astype("float32") for size in sizes)
    return [ScaledRun(2, 7, 2, 3, pitch, 1, step, count), x, rows, y]


@pytest.mark.parametrize("count", [0, 3, 16, 37])
def test_compiled_tile_is_its_meaning(count: int) -> None:
    given = operands(count)
    results = []
    for run in (compiled(), partial(scaled._scaled_tile_meaning, SHAPE)):
        y = given[-1].copy()
        run(*given[:-1], y)
        results.append(y)
    np.testing.assert_array_equal(*results)
    assert (results[0] != given[-1]).any() == (count > 0)


def test_checked_tile_goes_to_the_last_element_and_no_further() -> None:
    run = compiled(boundscheck=True)
    run(*operands(37))
    for short in range(1, 4):
        given = operands(37)
        given[short] = given[short][:-1]
        with pytest.raises(IndexError, match="out of bounds"):
            run(*given)


@pytest.mark.skipif(machine().name not in REGISTERS, reason="counts x86 instructions")
def test_loop_is_whole_vectors_without_a_spill() -> None:
    register, run = REGISTERS[machine().name], compiled()
    run(*operands(37))
    assembly = next(iter(run.inspect_asm().values()))
    assert len(re.findall(rf"vfmadd\w+ps\s.*%{register}", assembly)) >= 2 * (SHAPE.rows - 1) * SHAPE.sums
    assert not is_spilled(assembly, register, "vfmadd"), "a vector was spilled"
