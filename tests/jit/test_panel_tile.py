"""The tile that reads panels."""

import re
from functools import cache

import numpy as np
import pytest
from numba import config, njit

from fastconv.jit import panel_tile
from fastconv.jit.machine import machine
from fastconv.kernels.panel_table import HALF_ROWS, HALF_VECTORS, ROWS, VECTORS
from nightly import nightly

TILES = [(ROWS, VECTORS), (HALF_ROWS, VECTORS), (ROWS, HALF_VECTORS), (HALF_ROWS, HALF_VECTORS)]
REGISTERS = {"AVX-512": "zmm", "AVX2": "ymm"}


def whole(rng: np.random.Generator, size: int, dtype: str) -> np.ndarray:
    """Small whole numbers, or complex ones of whole parts."""
    found = rng.integers(-9, 9, (2, size))
    return (found[0] + 1j * found[1] if np.dtype(dtype).kind == "c" else found[0]).astype(dtype)


@cache
def compiled(rows: int, apart: int, vectors: int, boundscheck: bool = False):
    @njit(boundscheck=boundscheck)
    def run(numbers, panel, offsets, weights, sums):
        panel_tile.panel_tile(rows, apart, vectors, numbers, panel, offsets, weights, sums)

    return run


@pytest.mark.parametrize("step", [0, 1])
@pytest.mark.parametrize("dtype", ["float32", "complex64", *nightly("float64", "int32")])
@pytest.mark.parametrize("apart", [1, 2])
@pytest.mark.parametrize(("rows", "vectors"), TILES)
def test_compiled_tile_is_its_meaning(rows: int, vectors: int, apart: int, dtype: str, step: int) -> None:
    rng = np.random.default_rng(rows * 100 + vectors)
    width = vectors * machine().vector_bytes // np.dtype(dtype).itemsize
    panel, offsets, weights = whole(rng, 200, dtype), rng.integers(0, 100, 9), whole(rng, 2 + 7 * width, dtype)
    behind = 5 + rows * width * 3 + 4
    numbers = panel_tile.PanelRun(3, 2, 7, 2, behind, step * width, 5, 3 * width)
    found = np.append(np.full(behind, 77, dtype), whole(rng, rows * width, dtype))
    expected = found.copy()
    compiled(rows, apart, vectors)(numbers, panel, offsets, weights, found)
    panel_tile._panel_tile_meaning(rows, apart, vectors, numbers, panel, offsets, weights, expected)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.skipif(config.DISABLE_JIT or machine().name not in REGISTERS, reason="counts x86 instructions")
@pytest.mark.parametrize("dtype", ["float32", *nightly("float64", "complex64")])
@pytest.mark.parametrize("apart", [1, 2])
@pytest.mark.parametrize(("rows", "vectors"), TILES)
def test_depth_loop_is_all_fused_multiply_adds_without_a_spill(rows: int, vectors: int, apart: int, dtype: str) -> None:
    run, register = compiled.__wrapped__(rows, apart, vectors), REGISTERS[machine().name]
    flat, places = np.zeros(4096, dtype), np.zeros(64, np.int64)
    run(panel_tile.PanelRun(1, 0, 4, 2, 3, 0, 5, 64), flat, places, flat, flat)
    assembly = next(iter(run.inspect_asm().values()))
    loops = [loop for _, loop in re.findall(r"^(\.LBB\S+):\n((?:\s.*\n)*?\s+j\w+\s+\1$)", assembly, re.M)]
    loops = [loop for loop in loops if "vfmadd" in loop]
    counts = [len(re.findall(rf"vfmadd\S+\s.*%{register}", loop)) for loop in loops]
    assert max(counts, default=0) >= rows * vectors
    for loop in loops:
        assert not re.search(rf"%{register}\d+, -?\d*\(%rsp\)", loop), "a sum was spilled"
        assert not re.search(r"\(%rsp\), %r", loop), "an address was spilled"
        assert "prefetch" in loop


def just_enough(rows: int, apart: int, vectors: int) -> dict[str, np.ndarray]:
    """Arrays of which the tile of depths 2 to 5 touches the last element, for each in its turn."""
    width = vectors * machine().vector_bytes // 4
    return {
        "panel": np.ones(3 + 29 + (rows - 1) * apart + 1, np.float32),
        "offsets": np.array([0, 0, 3, 29, 4]),
        "weights": np.ones(2 + 3 * width, np.float32),
        "sums": np.zeros(5 + rows * width, np.float32),
    }


@pytest.mark.parametrize("short", [None, "panel", "offsets", "weights", "sums"])
@pytest.mark.parametrize("apart", [1, 2])
def test_checked_tile_touches_the_last_elements_and_no_further(apart: int, short: str | None) -> None:
    a, width = just_enough(ROWS, apart, VECTORS), VECTORS * machine().vector_bytes // 4
    run, numbers = compiled(ROWS, apart, VECTORS, True), panel_tile.PanelRun(3, 2, 3, 2, 5, width, 5, width)
    if short is None:
        run(numbers, *a.values())
        assert a["sums"][-1] == 3
    elif not config.DISABLE_JIT:
        a[short] = a[short][:-1]
        with pytest.raises(IndexError, match="out of bounds"):
            run(numbers, *a.values())
