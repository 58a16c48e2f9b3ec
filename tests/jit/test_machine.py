"""The machine table: its rows, which of them a CPU gets, and other machines for tests."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from fastconv.jit.machine import MACHINES, machine, machine_with


@pytest.mark.parametrize("row", MACHINES.values(), ids=MACHINES)
def test_tiles_fit_the_registers(row) -> None:
    for rows, vectors in ((row.tile_rows, row.tile_vectors), (row.spread_rows, row.spread_vectors)):
        assert rows * vectors + vectors + 1 <= row.vector_registers
        assert rows % 2 == 0  # half of them are a tile too


@pytest.mark.parametrize("row", MACHINES.values(), ids=MACHINES)
def test_tiles_keep_two_units_of_four_cycles_busy(row) -> None:
    assert min(row.tile_rows * row.tile_vectors, row.spread_rows * row.spread_vectors) >= 2 * 4


def test_rows_stand_narrowest_first() -> None:
    widths = [row.vector_bytes for row in MACHINES.values()]
    assert widths == sorted(widths)
    assert set(MACHINES) == {"sse", "neon", "avx2", "avx512"}


def row_under(**settings: str) -> str:
    """The row's name in a process with some of Numba's settings."""
    return value_under("name", **settings)


def value_under(field: str, **settings: str) -> str:
    """A number of the machine in such a process."""
    env = {k: v for k, v in os.environ.items() if k not in ("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES")} | settings
    code = f"from fastconv.jit.machine import machine; print(machine().{field})"
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.skipif(machine().name == "NEON", reason="has one row only")
@pytest.mark.parametrize(
    ("name", "features", "row"),
    [
        ("haswell", "", "AVX2"),
        ("haswell", "-avx2", "SSE"),
        ("haswell", "+avx512f", "AVX2"),
        ("haswell", "+avx512f,+avx512bw", "AVX-512"),
        ("znver5", "", "AVX-512"),
        ("generic", None, "SSE"),
        ("nehalem", None, "SSE"),
    ],
)
def test_row_follows_the_name_and_the_features_that_numba_is_given(name: str, features: str | None, row: str) -> None:
    settings = {"NUMBA_CPU_NAME": name} | ({} if features is None else {"NUMBA_CPU_FEATURES": features})
    assert row_under(**settings) == row


@pytest.mark.skipif(row_under() not in ("AVX2", "AVX-512"), reason="the CPU has no AVX2")
def test_a_name_alone_can_only_narrow_what_the_cpu_has() -> None:
    assert row_under(NUMBA_CPU_NAME="haswell") == "AVX2"
    assert row_under(NUMBA_CPU_NAME="graniterapids") == row_under(NUMBA_CPU_NAME="host") == row_under()


@pytest.mark.parametrize(
    ("name", "features", "products"),
    [
        ("znver4", "", 1),
        ("znver4", "-avx512f", 2),  # vectors of half the width
        ("znver3", "", 2),
        ("znver1", "", 1),
        ("cascadelake", "", 2),
        ("tigerlake", "", 1),
        ("generic", "", 2),
    ],
)
def test_products_per_cycle_are_of_the_vectors_in_use(name: str, features: str, products: int) -> None:
    if machine().name == "NEON":
        pytest.skip("has one row only")
    settings = {"NUMBA_CPU_NAME": name, "NUMBA_CPU_FEATURES": features}
    assert value_under("products_per_cycle", **settings) == str(products)


@pytest.mark.parametrize(
    ("name", "features", "long"),
    [("znver4", "", True), ("znver4", "-avx512f", False), ("znver3", "", False), ("cascadelake", "", False)],
)
def test_long_products_are_of_one_instruction(name: str, features: str, long: bool) -> None:
    if machine().name == "NEON":
        pytest.skip("has no such instruction")
    assert value_under("long_products", NUMBA_CPU_NAME=name, NUMBA_CPU_FEATURES=features) == str(long)


@pytest.mark.parametrize(
    ("name", "products"),
    [
        ("znver4", "llvm.x86.avx512.vpdpbusd.512"),
        ("alderlake", "llvm.x86.avx512.vpdpbusd.256"),
        ("skylake-avx512", ""),
        ("haswell", ""),
    ],
)
def test_quads_are_multiplied_where_the_cpu_can(name: str, products: str) -> None:
    if machine().name == "NEON":
        pytest.skip("has no such instruction")
    assert value_under("quad_products", NUMBA_CPU_NAME=name, NUMBA_CPU_FEATURES="") == products


def test_a_machine_with_other_caches_ends_with_its_block() -> None:
    usual = machine()
    with machine_with(l2_bytes=64 * 1024, cores=3) as small:
        assert machine() is small
        assert small == replace(usual, l2_bytes=64 * 1024, cores=3)
        assert small.slab_bytes == 32 * 1024
        with machine_with(cores=1):
            assert (machine().l2_bytes, machine().cores) == (64 * 1024, 1)
        assert machine() is small
    assert machine() is usual


@pytest.mark.parametrize("number", ["vector_bytes", "tile_rows", "name", "slab_bytes", "l4_bytes"])
def test_what_kernels_hold_as_literals_cannot_be_changed(number: str) -> None:
    with pytest.raises(TypeError, match=f"{number} cannot be changed"), machine_with(**{number: 1}):
        pass
