"""The tile with channels as lanes, and what brings its sums into the order of the result."""

import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numba import njit

from fastconv.jit import copy, scratch, spread_tile, tile, transpose
from fastconv.jit.machine import machine
from fastconv.kernels.spread_table import (
    HALF_ROWS,
    HALF_VECTORS,
    NARROW_ROWS,
    ONE_VECTOR,
    ROWS,
    SHARED_ROWS,
    VECTORS,
)

WIDE = {(ROWS, VECTORS), (SHARED_ROWS, VECTORS), (HALF_ROWS, VECTORS)}
TILES = sorted(WIDE | {(NARROW_ROWS, HALF_VECTORS), (NARROW_ROWS, ONE_VECTOR)}, reverse=True)
TYPES = ["float32", "float64", "int32", "int64", "complex64", "complex128"]
REGISTERS = {"AVX-512": "zmm", "AVX2": "ymm"}


def whole(rng: np.random.Generator, size: int, dtype: str) -> np.ndarray:
    """Small whole numbers, or complex ones of whole parts."""
    found = rng.integers(-9, 9, (2, size))
    return (found[0] + 1j * found[1] if np.dtype(dtype).kind == "c" else found[0]).astype(dtype)


@cache
def compiled(rows: int, vectors: int, boundscheck: bool = False):
    @njit(boundscheck=boundscheck)
    def run(numbers, values, places, offsets, weights, sums):
        spread_tile.spread_tile(rows, vectors, numbers, values, places, offsets, weights, sums, sums)

    return run


@cache
def compiled_listed(rows: int, vectors: int, boundscheck: bool = False):
    @njit(boundscheck=boundscheck)
    def run(numbers, values, places, offsets, weights, goals, sums):
        spread_tile.listed_tile(rows, vectors, numbers, values, places, offsets, weights, goals, sums)

    return run


@pytest.mark.parametrize("sums_step", [1, 3])
@pytest.mark.parametrize("step", [0, 1])
@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize(("rows", "vectors"), TILES)
def test_compiled_tile_is_its_meaning(rows: int, vectors: int, dtype: str, step: int, sums_step: int) -> None:
    rng = np.random.default_rng(rows * 100 + vectors)
    width = vectors * machine().vector_bytes // np.dtype(dtype).itemsize
    values = whole(rng, 200, dtype)
    places, offsets, weights = rng.integers(0, 100, 1 + rows), rng.integers(0, 100, 9), whole(rng, 2 + 7 * width, dtype)
    behind = 5 + rows * width * sums_step + 4
    numbers = spread_tile.SpreadRun(1, 2, 9, 2, behind, step * width, 5, sums_step * width, 0)
    found = np.append(np.full(behind, 77, dtype), whole(rng, rows * width, dtype))
    expected = found.copy()
    compiled(rows, vectors)(numbers, values, places, offsets, weights, found)
    spread_tile._spread_tile_meaning(rows, vectors, numbers, values, places, offsets, weights, expected, expected)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize(("rows", "vectors"), TILES)
def test_compiled_tile_adds_to_listed_sums(rows: int, vectors: int, dtype: str) -> None:
    rng = np.random.default_rng(rows * 100 + vectors)
    width = vectors * machine().vector_bytes // np.dtype(dtype).itemsize
    values, goals = whole(rng, 200, dtype), 5 + width * np.append(0, rng.permutation(2 * rows)[:rows])
    places, offsets, weights = rng.integers(0, 100, 1 + rows), rng.integers(0, 100, 9), whole(rng, 2 + 7 * width, dtype)
    numbers = spread_tile.SpreadRun(1, 2, 9, 2, 0, 0, 0, 0, 0)
    found = whole(rng, 5 + 2 * rows * width, dtype)
    expected = found.copy()
    compiled_listed(rows, vectors)(numbers, values, places, offsets, weights, goals, found)
    spread_tile._listed_tile_meaning(rows, vectors, numbers, values, places, offsets, weights, goals, expected)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("short", [None, "values", "places", "offsets", "weights", "goals", "sums"])
@pytest.mark.parametrize(("rows", "vectors"), TILES)
def test_checked_tile_of_listed_sums_stays_inside(rows: int, vectors: int, short: str | None) -> None:
    a, width = just_enough(rows, vectors), vectors * machine().vector_bytes // 4
    del a["start"]
    a["goals"] = np.append(0, 5 + width * np.arange(rows)[::-1])
    if short:
        a[short] = a[short][:-1]
    arrays = [a[name] for name in ("values", "places", "offsets", "weights", "goals", "sums")]
    run = compiled_listed(rows, vectors, boundscheck=True)
    if short:
        with pytest.raises(IndexError, match="out of bounds"):
            run(spread_tile.SpreadRun(1, 2, 5, 2, 0, 0, 0, 0, 0), *arrays)
    else:
        run(spread_tile.SpreadRun(1, 2, 5, 2, 0, 0, 0, 0, 0), *arrays)
        np.testing.assert_array_equal(a["sums"], np.append(np.zeros(5), np.full(rows * width, 3)))


@pytest.mark.parametrize("apart", [True, False])
def test_sums_begin_with_numbers_of_another_vector(apart: bool) -> None:
    (rows, vectors), rng = TILES[0], np.random.default_rng(0)
    width = vectors * machine().vector_bytes // 4
    behind = 5 + rows * (width + 1)

    @njit(boundscheck=True)
    def run(apart, numbers, values, places, weights, starts, sums):
        target = scratch.either(apart, sums, starts)
        spread_tile.spread_tile(rows, vectors, numbers, values, places, places, weights, starts, target)

    values, weights = whole(rng, 200, "float32"), whole(rng, 9 * width, "float32")
    places, numbers = rng.integers(0, 100, rows + 9), spread_tile.SpreadRun(0, 2, 9, 2, behind, width, 5, width + 1, 0)
    starts, sums = whole(rng, behind + rows * width, "float32"), np.full(behind, 77, np.float32)
    written, other = (sums, starts) if apart else (starts, sums)
    wanted, kept = written.copy(), other.copy()
    spread_tile._spread_tile_meaning(
        rows, vectors, numbers, values, places, places, weights, starts if apart else wanted, wanted
    )
    run(apart, numbers, values, places, weights, starts, sums)
    np.testing.assert_array_equal(written, wanted)
    np.testing.assert_array_equal(other, kept)


def test_factors_of_32_bits_are_multiplied_by_one_instruction() -> None:
    (rows, vectors), rng = TILES[0], np.random.default_rng(0)
    width = vectors * machine().vector_bytes // 8
    values, weights = (rng.integers(-(2**31), 2**31, 200), rng.integers(-(2**31), 2**31, 2 + 7 * width, np.int32))
    places, offsets = rng.integers(0, 100, 1 + rows), rng.integers(0, 100, 9)
    found, expected = np.zeros((2, 5 + (rows + 1) * width), np.int64)
    run, numbers = (
        compiled.__wrapped__(rows, vectors),
        spread_tile.SpreadRun(1, 2, 9, 2, 5 + rows * width, 0, 5, width, 0),
    )
    run(numbers, values, places, offsets, weights, found)
    spread_tile._spread_tile_meaning(rows, vectors, numbers, values, places, offsets, weights, expected, expected)
    np.testing.assert_array_equal(found, expected)
    if machine().name in REGISTERS:
        assembly = next(iter(run.inspect_asm().values()))
        assert len(re.findall("vpmuldq", assembly)) >= rows * vectors
        assert not re.search("vpmullq|vpmuludq", assembly)


@pytest.mark.skipif(machine().name not in REGISTERS, reason="counts x86 instructions")
@pytest.mark.parametrize("listed", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64"])
@pytest.mark.parametrize(("rows", "vectors"), TILES)
def test_depth_loop_is_all_fused_multiply_adds_without_a_spill(
    rows: int, vectors: int, dtype: str, listed: bool
) -> None:
    run, register = (compiled_listed if listed else compiled).__wrapped__(rows, vectors), REGISTERS[machine().name]
    flat, whole = np.zeros(4096, dtype), np.zeros(64, np.int64)
    goals = (whole,) if listed else ()
    run(spread_tile.SpreadRun(1, 0, 4, 2, 3, 0, 5, 64, 0), flat, whole, whole, flat, *goals, flat)
    assembly = next(iter(run.inspect_asm().values()))
    loops = [loop for _, loop in re.findall(r"^(\.LBB\S+):\n((?:\s.*\n)*?\s+j\w+\s+\1$)", assembly, re.M)]
    loops = [loop for loop in loops if "vfmadd" in loop]
    counts = [len(re.findall(rf"vfmadd\S+\s.*%{register}", loop)) for loop in loops]
    assert max(counts, default=0) >= rows * vectors
    assert all(count % (rows * vectors) == 0 for count in counts)
    for loop in loops:
        assert not re.search(rf"%{register}\d+, -?\d*\(%rsp\)", loop), "a sum was spilled"
        assert "prefetch" in loop


@pytest.mark.skipif(machine().name != "AVX-512", reason="the tests of the host's own tiles are enough elsewhere")
@pytest.mark.nightly
def test_tiles_of_narrower_machines() -> None:
    env = os.environ | {"NUMBA_CPU_NAME": "haswell"}
    env.pop("NUMBA_CPU_FEATURES", None)
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", __file__]
    chosen = ["-k", "meaning or spill or square"]
    done = subprocess.run(
        command + chosen, env=env, capture_output=True, text=True, cwd=Path(__file__).resolve().parents[2]
    )
    assert done.returncode == 0, done.stdout


def just_enough(rows: int, vectors: int) -> dict[str, np.ndarray]:
    """Arrays of which the tile of depths 2 to 5 touches the last element, for each in its turn."""
    width = vectors * machine().vector_bytes // 4
    return {
        "values": np.ones(30 + rows, np.float32),
        "places": np.arange(rows + 1),
        "offsets": np.array([0, 0, 3, 29, 4]),
        "weights": np.ones(2 + 3 * width, np.float32),
        "start": np.zeros(3 + rows * width, np.float32),
        "sums": np.zeros(5 + rows * width, np.float32),
    }


def run_checked(rows: int, vectors: int, a: dict[str, np.ndarray], last: str) -> np.ndarray:
    """What the sums become; they and what they begin with are one array, whose end belongs to `last`."""
    width = vectors * machine().vector_bytes // 4
    first = {"sums": "start", "start": "sums"}[last]
    at = {first: 0, last: len(a[first])}
    sums = np.append(a[first], a[last])
    numbers = spread_tile.SpreadRun(1, 2, 5, 2, at["start"] + 3, width, at["sums"] + 5, width, 0)
    compiled(rows, vectors, boundscheck=True)(numbers, a["values"], a["places"], a["offsets"], a["weights"], sums)
    return sums[at["sums"] :][: len(a["sums"])]


@pytest.mark.parametrize("last", ["start", "sums"])
@pytest.mark.parametrize(("rows", "vectors"), TILES)
def test_checked_tile_reads_and_writes_to_the_last_element(rows: int, vectors: int, last: str) -> None:
    assert run_checked(rows, vectors, just_enough(rows, vectors), last)[-1] == 3


@pytest.mark.parametrize("short", ["values", "places", "offsets", "weights", "start", "sums"])
@pytest.mark.parametrize(("rows", "vectors"), TILES)
def test_checked_tile_goes_no_further(rows: int, vectors: int, short: str) -> None:
    a = just_enough(rows, vectors)
    a[short] = a[short][:-1]
    with pytest.raises(IndexError, match="out of bounds"):
        run_checked(rows, vectors, a, "start" if short == "start" else "sums")


@pytest.mark.parametrize("short", [None, "source", "target"])
def test_checked_transposition_stays_inside(short: str | None) -> None:
    @njit(boundscheck=True)
    def run(source, target, step, pitch):
        transpose.transpose(source, 1, step, target, 2, pitch)

    n = machine().vector_bytes // 4
    arrays = {"source": np.ones(1 + n * n, np.float32), "target": np.zeros(2 + n * n, np.float32)}
    if short is None:
        run(*arrays.values(), n, n)
        assert arrays["target"][-1] == 1
    else:
        arrays[short] = arrays[short][:-1]
        with pytest.raises(IndexError, match="out of bounds"):
            run(*arrays.values(), n, n)


@pytest.mark.parametrize("short", [None, "source", "target"])
@pytest.mark.parametrize("whole", [True, False])
def test_checked_part_of_a_transposition_stays_inside(whole: bool, short: str | None) -> None:
    @njit(boundscheck=True)
    def run(source, target, step, pitch, rows, count):
        transpose.transpose_part(source, 1, step, target, 2, pitch, rows, count)

    n = machine().vector_bytes // 4
    rows, count = (n, n) if whole else (n - 1, 2)
    arrays = {
        "source": np.ones(1 + n * n, np.float32),
        "target": np.zeros(2 + (rows - 1) * n + count, np.float32),
    }
    if short is None:
        run(*arrays.values(), n, n, rows, count)
        assert arrays["target"][-1] == 1
    else:
        arrays[short] = arrays[short][:-1]
        with pytest.raises(IndexError, match="out of bounds"):
            run(*arrays.values(), n, n, rows, count)


@njit(boundscheck=True)
def copy_checked(target, to, source, at, count):
    copy.copy_run(target, to, source, at, count)


@pytest.mark.parametrize("dtype", ["float64", "int8"])
@pytest.mark.parametrize(("to", "at", "count"), [(3, 2, 5), (8, 7, 0), (9, 30, 0)])
def test_checked_run_reaches_the_last_element(to: int, at: int, count: int, dtype: str) -> None:
    target = np.zeros(8)
    copy_checked(target, to, np.ones(7, dtype), at, count)
    assert target.sum() == count


@pytest.mark.parametrize("dtype", ["float64", "int8"])
@pytest.mark.parametrize(("to", "at", "count"), [(3, 2, 6), (4, 2, 5), (3, 3, 5)])
def test_checked_run_goes_no_further(to: int, at: int, count: int, dtype: str) -> None:
    with pytest.raises(IndexError, match="out of bounds"):
        copy_checked(np.zeros(8), to, np.ones(7, dtype), at, count)


@pytest.mark.parametrize(("to", "at", "count"), [(-1, 2, 3), (3, -1, 3), (3, 2, -1)])
def test_checked_run_begins_no_earlier_and_has_no_negative_length(to: int, at: int, count: int) -> None:
    with pytest.raises(IndexError, match="out of bounds"):
        copy_checked(np.zeros(8), to, np.ones(7), at, count)


@pytest.mark.parametrize("dtype", TYPES)
def test_square_is_transposed(dtype: str) -> None:
    @njit(boundscheck=False)
    def run(source, target, step, pitch):
        transpose.transpose(source, 1, step, target, 2, pitch)

    n = machine().vector_bytes // np.dtype(dtype).itemsize
    source = whole(np.random.default_rng(0), 1 + n * (n + 3), dtype)
    found, expected = np.full((2, 2 + n * (n + 1)), 77, dtype)
    run(source, found, n + 3, n + 1)
    transpose._transpose_meaning(source, 1, n + 3, expected, 2, n + 1)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("dtype", TYPES)
def test_part_of_a_square_is_transposed_and_nothing_else_touched(dtype: str) -> None:
    @njit(boundscheck=False)
    def run(source, target, step, pitch, rows, count):
        transpose.transpose_part(source, 1, step, target, 2, pitch, rows, count)

    n = machine().vector_bytes // np.dtype(dtype).itemsize
    source = whole(np.random.default_rng(0), 1 + n * (n + 3), dtype)
    for rows in range(n + 1):
        for count in range(n + 1):
            found, expected = np.full((2, 2 + n * (n + 1)), 77, dtype)
            run(source, found, n + 3, n + 1, rows, count)
            for j in range(rows):
                for i in range(count):
                    expected[2 + j * (n + 1) + i] = source[1 + i * (n + 3) + j]
            np.testing.assert_array_equal(found, expected)
            meaning = np.full_like(found, 77)
            transpose._transpose_part_meaning(source, 1, n + 3, meaning, 2, n + 1, rows, count)
            np.testing.assert_array_equal(meaning, expected)


@pytest.mark.parametrize("dtype", TYPES)
def test_columns_of_a_square_go_to_their_places(dtype: str) -> None:
    @njit(boundscheck=False)
    def run(source, target, step, places, count):
        transpose.transpose_to(source, 1, step, target, places, 2, 3, count)

    n = machine().vector_bytes // np.dtype(dtype).itemsize
    source, rng = whole(np.random.default_rng(0), 1 + n * (n + 3), dtype), np.random.default_rng(1)
    for count in range(n + 1):
        places = np.concatenate([[0, 0], (n + 1) * rng.permutation(n)])
        places[2 + count % n] = -1
        found, expected = np.full((2, 3 + n * (n + 1)), 77, dtype)
        run(source, found, n + 3, places, count)
        for j in range(n):
            if places[2 + j] >= 0:
                expected[3 + places[2 + j] :][:count] = source[1 + j :: n + 3][:count]
        np.testing.assert_array_equal(found, expected)
        meaning = np.full_like(found, 77)
        transpose._transpose_to_meaning(source, 1, n + 3, meaning, places, 2, 3, count)
        np.testing.assert_array_equal(meaning, expected)


@pytest.mark.parametrize("short", [None, "source", "target", "places"])
@pytest.mark.parametrize("whole", [True, False])
def test_checked_columns_stay_inside(whole: bool, short: str | None) -> None:
    @njit(boundscheck=True)
    def run(source, target, places, step, count):
        transpose.transpose_to(source, 1, step, target, places, 0, 2, count)

    n = machine().vector_bytes // 4
    count = n if whole else 2
    arrays = {
        "source": np.ones(1 + n * n, np.float32),
        "target": np.zeros(2 + (n - 1) * n + count, np.float32),
        "places": n * np.arange(n)[::-1].copy(),
    }
    if short is None:
        run(*arrays.values(), n, count)
        assert arrays["target"][-1] == 1
    else:
        arrays[short] = arrays[short][:-1]
        with pytest.raises(IndexError, match="out of bounds"):
            run(*arrays.values(), n, count)


@pytest.mark.parametrize("short", [None, "source", "target"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rows", [4, 8])
def test_rows_are_turned_and_checked(rows: int, dtype: str, short: str | None) -> None:
    @njit(boundscheck=True)
    def run(source, step, target):
        transpose.turn_rows(rows, source, 1, step, target, 2)

    n = machine().vector_bytes // np.dtype(dtype).itemsize
    arrays = {
        "source": whole(np.random.default_rng(0), 1 + (rows - 1) * (n + 3) + n, dtype),
        "target": np.full(2 + n * rows + max(0, n - rows), 77, dtype),
    }
    if short is None:
        run(arrays["source"], n + 3, arrays["target"])
        turned = [arrays["source"][1 + i * (n + 3) + j] for j in range(n) for i in range(rows)]
        np.testing.assert_array_equal(arrays["target"][: 2 + n * rows], [77, 77, *turned])
        meaning = np.zeros(2 + n * rows, dtype)
        transpose._turn_rows_meaning(rows, arrays["source"], 1, n + 3, meaning, 2)
        np.testing.assert_array_equal(meaning[2:], turned)
    else:
        arrays[short] = arrays[short][:-1]
        with pytest.raises(IndexError, match="out of bounds"):
            run(arrays["source"], n + 3, arrays["target"])


@pytest.mark.parametrize("dtype", TYPES)
def test_lead_counts_from_whole_vectors_in_memory(dtype: str) -> None:
    @njit
    def run(array, at):
        return tile.lead(array, at)

    size, n = np.dtype(dtype).itemsize, machine().vector_bytes // np.dtype(dtype).itemsize
    array = np.zeros(4 * n, dtype)
    for at in range(2 * n):
        expected = (array.ctypes.data + at * size) % machine().vector_bytes // size
        assert run(array, at) == tile._lead_meaning(array, at) == expected


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
