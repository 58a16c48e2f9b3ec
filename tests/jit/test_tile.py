"""The tile: its meaning and its machine code."""

import os
import re
import subprocess
import sys
from functools import cache

import numpy as np
import pytest
from numba import njit

from fastconv.jit import tile as module
from fastconv.jit.machine import machine
from fastconv.kernels.conv import HALF_ROWS, ONE_ROW, ROWS, TWICE_VECTORS, VECTORS

TILES = [(ROWS, VECTORS), (HALF_ROWS, VECTORS), (ONE_ROW, VECTORS), (ONE_ROW, TWICE_VECTORS)]
TYPES = ["float32", "float64", "int32", "int64", "complex64", "complex128"]


def whole(rng: np.random.Generator, size: int, dtype: str) -> np.ndarray:
    """Small whole numbers, or complex ones of whole parts."""
    found = rng.integers(-9, 9, (2, size))
    return (found[0] + 1j * found[1] if np.dtype(dtype).kind == "c" else found[0]).astype(dtype)


@cache
def compiled(rows: int, vectors: int, boundscheck: bool = False):
    @njit(boundscheck=boundscheck)
    def run(weights, slab, offsets, begin, end, sums, pitch):
        module.tile(rows, vectors, weights, 2, slab, 1, offsets, begin, end, sums, 3, pitch)

    return run


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize(("rows", "vectors"), TILES)
def test_compiled_tile_is_its_meaning(rows: int, vectors: int, dtype: str) -> None:
    rng = np.random.default_rng(rows * 100 + vectors)
    lanes = machine().vector_bytes // np.dtype(dtype).itemsize
    begin, end, pitch = 2, 9, vectors * lanes + 5
    weights = whole(rng, 2 + (end - begin) * rows, dtype)
    slab = whole(rng, 60 + vectors * lanes, dtype)
    offsets = rng.integers(0, 50, end)
    found, expected = np.full((2, 3 + rows * pitch), 77, dtype)
    compiled(rows, vectors)(weights, slab, offsets, begin, end, found, pitch)
    module._tile_meaning(rows, vectors, weights, 2, slab, 1, offsets, begin, end, expected, 3, pitch)
    np.testing.assert_array_equal(found, expected)


def test_factors_of_32_bits_are_multiplied_by_one_instruction() -> None:
    rng, lanes = np.random.default_rng(0), machine().vector_bytes // 8
    weights = rng.integers(-(2**31), 2**31, 2 + 5 * ROWS, dtype=np.int32)
    slab = rng.integers(-(2**31), 2**31, 60 + VECTORS * lanes)
    offsets, pitch, run = rng.integers(0, 50, 7), VECTORS * lanes, compiled.__wrapped__(ROWS, VECTORS)
    found, expected = np.zeros((2, 3 + ROWS * pitch), np.int64)
    run(weights, slab, offsets, 2, 7, found, pitch)
    module._tile_meaning(ROWS, VECTORS, weights, 2, slab, 1, offsets, 2, 7, expected, 3, pitch)
    np.testing.assert_array_equal(found, expected)
    if machine().name in ("AVX-512", "AVX2"):
        assembly = next(iter(run.inspect_asm().values()))
        assert len(re.findall("vpmuldq", assembly)) >= ROWS * VECTORS
        assert not re.search("vpmullq|vpmuludq", assembly)


def just_enough(rows: int, vectors: int) -> dict[str, np.ndarray]:
    """Arrays of which the tile of depths 2 to 5 touches the last element, for each in its turn."""
    lanes = machine().vector_bytes // 4
    return {
        "weights": np.ones(2 + 3 * rows, np.float32),
        "slab": np.ones(1 + 7 + vectors * lanes, np.float32),
        "offsets": np.array([0, 0, 1, 7, 4]),
        "sums": np.zeros(3 + (rows - 1) * 100 + vectors * lanes, np.float32),
    }


@pytest.mark.parametrize(("rows", "vectors"), TILES)
def test_checked_tile_reads_and_writes_to_the_last_element(rows: int, vectors: int) -> None:
    a = just_enough(rows, vectors)
    compiled(rows, vectors, boundscheck=True)(a["weights"], a["slab"], a["offsets"], 2, 5, a["sums"], 100)
    assert a["sums"][-1] == 3


@pytest.mark.parametrize("short", ["weights", "slab", "offsets", "sums"])
@pytest.mark.parametrize(("rows", "vectors"), TILES)
def test_checked_tile_goes_no_further(rows: int, vectors: int, short: str) -> None:
    a = just_enough(rows, vectors)
    a[short] = a[short][:-1]
    with pytest.raises(IndexError, match="out of bounds"):
        compiled(rows, vectors, boundscheck=True)(a["weights"], a["slab"], a["offsets"], 2, 5, a["sums"], 100)


@pytest.mark.parametrize("step", [-3, -9])
def test_checked_tile_begins_no_earlier(step: int) -> None:
    a = just_enough(ROWS, VECTORS)
    a["offsets"] += step
    with pytest.raises(IndexError, match="out of bounds"):
        compiled(ROWS, VECTORS, boundscheck=True)(a["weights"], a["slab"], a["offsets"], 2, 5, a["sums"], 100)


@pytest.mark.skipif(machine().name not in ("AVX-512", "AVX2"), reason="counts x86 instructions")
@pytest.mark.parametrize("dtype", ["float32", "complex64"])
@pytest.mark.parametrize(("rows", "vectors"), TILES)
def test_depth_loop_is_all_fused_multiply_adds_without_a_spill(rows: int, vectors: int, dtype: str) -> None:
    run = compiled.__wrapped__(rows, vectors)
    flat = np.zeros(4096, dtype)
    run(flat, flat, np.zeros(4, np.int64), 0, 4, flat, 64)
    assembly = next(iter(run.inspect_asm().values()))
    register = {"AVX-512": "zmm", "AVX2": "ymm"}[machine().name]
    loops = [loop for loop in re.findall(r"(\.LBB\S+:.*?\n\s+j\w+\s+\.LBB\S+)", assembly, re.S) if "vfmadd" in loop]
    fma = [len(re.findall(rf"vfmadd\S+\s.*%{register}", loop)) for loop in loops]
    assert max(fma, default=0) % (rows * vectors) == 0
    assert max(fma, default=0) >= rows * vectors
    hottest = loops[fma.index(max(fma))]
    # Twelve sums, six vectors and a number are more than the sixteen registers of AVX2 hold.
    crowded = (rows, vectors, dtype, machine().name) == (ONE_ROW, TWICE_VECTORS, "complex64", "AVX2")
    assert crowded or not re.search(rf"%{register}\d+, -?\d*\(%rsp\)", hottest), "a sum was spilled"
    assert "prefetch" in hottest


def test_kernels_run_without_compiling() -> None:
    code = (
        "import numpy as np, fastconv as fc; rng = np.random.default_rng(0);"
        "x = rng.integers(-4, 5, (1, 2, 6, 7)).astype(np.float32);"
        "w = rng.integers(-4, 5, (3, 2, 3, 2)).astype(np.float32);"
        "v = x[:, :, ::-1, ::-1];"
        "same = np.testing.assert_array_equal;"
        "same(fc.conv2d(v, w, padding=1), fc.conv2d(v, w, padding=1, algorithm='reference'));"
        "same(fc.max_pool2d(v, 2, 1), fc.max_pool2d(v, 2, 1, algorithm='reference'));"
        "same(fc.max_pool2d(v, 2, algorithm='slab'), fc.max_pool2d(v, 2, algorithm='reference'));"
        "A = fc.conv_matrix(w, (2, 6, 7)); same(A @ v.ravel(), fc.conv2d(v, w).ravel())"
    )
    env = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
