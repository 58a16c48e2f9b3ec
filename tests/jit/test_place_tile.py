"""The tile of maxima and places: its meaning, its machine code, and that it touches its arrays and nothing else."""

import re
from functools import cache, partial
from typing import Any

import numpy as np
import pytest
from numba import njit

from assembly import is_spilled
from fastconv.jit import place_tile
from fastconv.jit.lines import NO_LINE
from fastconv.jit.machine import machine
from fastconv.jit.place_tile import NO_PLACE, PlaceShape, PlaceWindow
from fastconv.kernels.pool_tile import ROWS, VECTORS

pytestmark = pytest.mark.skipif(not machine().masked_loads, reason="nothing is read in place without masked loads")

REGISTERS = {"AVX-512": "zmm", "AVX2": "ymm"}
SHAPE = PlaceShape(ROWS, VECTORS)
PLANES, GROUPS, WIDTH = 2, 2, 3


@cache
def compiled(boundscheck: bool = False) -> Any:
    tile = place_tile.place_tile(SHAPE)

    @njit(boundscheck=boundscheck)
    def run(window, column, numbers, x, nothing, table, settings, y, places, y_at):
        return tile(window, column, numbers, x, nothing, table, settings, y, places, y_at)

    return run


def operands(dtype: str, whole: bool) -> list[Any]:
    """What a tile takes; it touches the last element of each array.

    The last vectors end behind the rows, windows begin before them, and a plane and a row are missing. Many elements
    are equal, and some are what windows are reduced from; of floats some are NaNs.
    """
    rng = np.random.default_rng(0)
    columns, before, base = SHAPE.vectors * machine().vector_bytes // np.dtype(dtype).itemsize, 2, 4
    lines = GROUPS * SHAPE.rows
    limit = columns - 1 + WIDTH - before - 3
    table = np.array([99, *(7 * np.arange(PLANES)), *(5 * np.arange(lines)), *(np.arange(WIDTH) - before)])
    table[[1, 4]] = NO_LINE
    x = rng.choice([1, 1, 1, 1, 1, 1, 1, 2, 3], base + 7 * (PLANES - 1) + 5 * (lines - 1) + limit).astype(dtype)
    x[-2] = 4  # in the last row of the last window
    if np.dtype(dtype).kind == "f":
        x[::19] = np.nan
    pitch = columns + 2
    window = PlaceWindow(
        base=base,
        planes_at=1,
        planes=PLANES,
        lines_at=1 + PLANES,
        groups=GROUPS,
        offsets_at=1 + PLANES + lines,
        width=WIDTH,
        limit=limit,
        plane_step=1000,
        group_step=100,
        tap_step=10,
        pitch=pitch,
        rows_here=SHAPE.rows if whole else SHAPE.rows - 1,
    )
    size = 2 + (SHAPE.rows - 1) * pitch + columns
    return [
        PlaceWindow(*map(int, window)),
        0,
        columns if whole else columns - 3,
        x,
        np.ones(limit, dtype),
        table,
        np.ones(1, dtype),
        np.full(size, 77, dtype),
        np.full(size, 77, np.int32),
        2,
    ]


#: Where arrays stand among them.
X, NOTHING, TABLE, Y, PLACES = 3, 4, 5, 7, 8


@pytest.mark.parametrize("dtype", ["float32", "int8" if machine().masks(1) else "uint32"])
def test_compiled_tile_is_its_meaning(dtype: str) -> None:
    for whole in (True, False):
        results = []
        for run in (compiled(), partial(place_tile._place_tile_meaning, SHAPE)):
            given = operands(dtype, whole)
            run(*given)
            results.append((given[Y], given[PLACES]))
        for of_compiled, of_meaning in zip(*results, strict=True):
            np.testing.assert_array_equal(of_compiled, of_meaning)
        written = results[0][1][results[0][1] != 77]
        assert {NO_PLACE, 1000, 1010, 1020} <= set(written.tolist())
        assert not whole or 1100 <= written.max() <= 1120
        if dtype == "float32":
            assert 0 < np.isnan(results[0][0]).sum() < written.size


def test_checked_tile_reads_and_writes_to_the_last_element_and_no_further() -> None:
    run = compiled(boundscheck=True)
    given = operands("float32", True)
    run(*given)
    assert given[Y][-1] != 77
    assert given[PLACES][-1] != 77
    for short in (X, NOTHING, TABLE, Y, PLACES):
        given = operands("float32", True)
        given[short] = given[short][:-1]
        with pytest.raises(IndexError, match="out of bounds"):
            run(*given)


@pytest.mark.skipif(machine().name not in REGISTERS, reason="counts x86 instructions")
def test_every_comparison_is_of_whole_vectors_and_nothing_is_spilled() -> None:
    run, register = compiled(), REGISTERS[machine().name]
    run(*operands("float32", True))
    assembly = next(code for signature, code in run.inspect_asm().items() if "float32" in str(signature))
    found = re.findall(r"vcmp\w*ps\s.*%(\w)mm", assembly)
    assert len(found) >= 2 * SHAPE.rows * SHAPE.vectors
    assert set(found) == {register[0]}
    if machine().name == "AVX-512":  # half as many registers must hold masks too
        assert not is_spilled(assembly, register, r"vcmp\w*ps"), "a maximum was spilled"
