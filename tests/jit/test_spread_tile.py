"""The tile with channels as lanes, and what brings its sums into the order of the result."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numba import njit

from fastconv.jit import copy, tile, transpose
from fastconv.jit.machine import MACHINES, machine
from fastconv.kernels.spread import HALF_ROWS, ONE_VECTOR, ROWS, VECTORS

TILES = [(ROWS, VECTORS), (HALF_ROWS, VECTORS), (ROWS, ONE_VECTOR)]
TYPES = ["float32", "float64", "int32", "int64"]
REGISTERS = {"AVX-512": "zmm", "AVX2": "ymm"}


def compiled(rows: int, vectors: int):
    @njit(boundscheck=False)
    def run(values, places, offsets, begin, end, weights, start, step, sums):
        tile.spread_tile(rows, vectors, values, places, 1, offsets, begin, end, weights, 2, start, 3, step, sums, 5)

    return run


@pytest.mark.parametrize("step", [0, 1])
@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize(("rows", "vectors"), TILES)
def test_compiled_tile_is_its_meaning(rows: int, vectors: int, dtype: str, step: int) -> None:
    rng = np.random.default_rng(rows * 100 + vectors)
    width = vectors * machine().vector_bytes // np.dtype(dtype).itemsize
    begin, end = 2, 9
    values = rng.integers(-9, 9, 200).astype(dtype)
    places, offsets = rng.integers(0, 100, 1 + rows), rng.integers(0, 100, end)
    weights = rng.integers(-9, 9, 2 + (end - begin) * width).astype(dtype)
    start = rng.integers(-9, 9, 3 + rows * width).astype(dtype)
    found, expected = np.full((2, 5 + rows * width + 4), 77, dtype)
    given = (values, places, offsets, begin, end, weights, start, step * width)
    compiled(rows, vectors)(*given, found)
    tile._spread_tile_meaning(
        rows, vectors, values, places, 1, offsets, begin, end, weights, 2, start, 3, step * width, expected, 5
    )
    np.testing.assert_array_equal(found, expected)


@pytest.mark.skipif(machine().name not in REGISTERS, reason="counts x86 instructions")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("rows", "vectors"), TILES)
def test_depth_loop_is_all_fused_multiply_adds_without_a_spill(rows: int, vectors: int, dtype: str) -> None:
    run, register = compiled(rows, vectors), REGISTERS[machine().name]
    flat, whole = np.zeros(4096, dtype), np.zeros(64, np.int64)
    run(flat, whole, whole, 0, 4, flat, flat, 0, flat)
    assembly = next(iter(run.inspect_asm().values()))
    blocks = re.findall(r"^(\.LBB\S+):\n(.*?)(?=^\S|\Z)", assembly, re.S | re.M)
    loops = [block for label, block in blocks if "vfmadd" in block and re.search(rf"\sj\w+\s+{label}\b", block)]
    counts = [len(re.findall(rf"vfmadd\S+\s.*%{register}", loop)) for loop in loops]
    assert max(counts, default=0) >= rows * vectors
    assert all(count % (rows * vectors) == 0 for count in counts)
    for loop in loops:
        assert not re.search(rf"%{register}\d+, -?\d*\(%rsp\)", loop), "a sum was spilled"


@pytest.mark.skipif(machine().name != "AVX-512", reason="the tests of the host's own tiles are enough elsewhere")
def test_tiles_of_narrower_machines() -> None:
    env = os.environ | {"NUMBA_CPU_NAME": "haswell"}
    env.pop("NUMBA_CPU_FEATURES", None)
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", __file__]
    chosen = ["-k", "meaning or spill or square"]
    done = subprocess.run(
        command + chosen, env=env, capture_output=True, text=True, cwd=Path(__file__).resolve().parents[2]
    )
    assert done.returncode == 0, done.stdout


def test_tiles_fit_the_registers() -> None:
    registers = {"AVX-512": 32, "AVX2": 16, "SSE": 16, "NEON": 32}
    for row in MACHINES.values():
        assert row.spread_rows * row.spread_vectors + row.spread_vectors + 1 <= registers[row.name]
        assert row.spread_rows % 2 == 0


@pytest.mark.parametrize("dtype", [*TYPES, "complex64", "complex128"])
def test_square_is_transposed(dtype: str) -> None:
    @njit(boundscheck=False)
    def run(source, target, step, pitch):
        transpose.transpose(source, 1, step, target, 2, pitch)

    n = machine().vector_bytes // np.dtype(dtype).itemsize
    source = np.arange(1 + n * (n + 3)).astype(dtype)
    found, expected = np.full((2, 2 + n * (n + 1)), 77, dtype)
    run(source, found, n + 3, n + 1)
    transpose._transpose_meaning(source, 1, n + 3, expected, 2, n + 1)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("dtype", ["float64", "int8"])
@pytest.mark.parametrize("count", [0, 1, 5, 100])
def test_copied_run_is_its_meaning(count: int, dtype: str) -> None:
    @njit(boundscheck=False)
    def run(target, source, count):
        copy.copy_run(target, 3, source, 2, count)

    source = np.arange(-60, 60).astype(dtype)
    found, expected = np.full((2, 300), 77.0)
    run(found, source, count)
    copy._copy_run_meaning(expected, 3, source, 2, count)
    np.testing.assert_array_equal(found, expected)
