"""Pooling tiles: their meaning, their machine code, and that they touch their arrays and nothing else."""

import re
from functools import cache, partial
from typing import Any

import numpy as np
import pytest
from numba import njit

from assembly import is_spilled
from fastconv.jit import pool_tile
from fastconv.jit.lines import NO_LINE
from fastconv.jit.machine import machine
from fastconv.jit.pool_tile import PoolShape, PoolWindow
from fastconv.jit.reduction import MAXIMUM, MEAN
from fastconv.jit.rolling_pool_tile import rolling_pool_tile
from fastconv.kernels.pool_rows import DOWN
from fastconv.kernels.pool_tile import SHAPES

pytestmark = pytest.mark.skipif(not machine().masked_loads, reason="nothing is read in place without masked loads")

REGISTERS = {"AVX-512": "zmm", "AVX2": "ymm"}
#: Planes and groups of kernel rows; and rows of outputs of tiles that roll, of one plane and one group.
PLANES, GROUPS, ROLLED = 2, 2, 4

shapes = pytest.mark.parametrize("shape", [*SHAPES, DOWN], ids=lambda shape: "-".join(map(str, map(int, shape))))


@cache
def compiled(shape: PoolShape, boundscheck: bool = False) -> Any:
    tile = rolling_pool_tile(shape) if shape.rolls else pool_tile.pool_tile(shape)

    @njit(boundscheck=boundscheck)
    def run(window, column, numbers, x, nothing, table, settings, y, y_at):
        return tile(window, column, numbers, x, nothing, table, settings, y, y_at)

    return run


def operands(shape: PoolShape, dtype: str, whole: bool) -> list[Any]:
    """What a tile takes; it touches the last element of each array.

    The last vectors end behind the rows, windows begin before them, and a plane and a row are missing.
    """
    rng = np.random.default_rng(sum(shape))
    sums = np.dtype(np.float32 if shape.op == MEAN and dtype != "int64" else dtype)
    columns = shape.vectors * machine().vector_bytes // sums.itemsize
    width, before, base = shape.columns or 3, 2, 4
    planes, groups, rows = (1, 1, ROLLED) if shape.rolls else (PLANES, GROUPS, shape.rows)
    lines = (rows - 1) * shape.column_step + shape.taps if shape.rolls else groups * shape.lines
    limit = (columns - 1) * shape.column_step + width - before - 3
    table = np.array([99, *(7 * np.arange(planes)), *(5 * np.arange(lines)), *(np.arange(width) - before)])
    table[[3] if shape.rolls else [1, 3]] = NO_LINE
    x = rng.integers(0, 9, base + 7 * (planes - 1) + 5 * (lines - 1) + limit).astype(dtype)
    if dtype == "int64":
        x[::11] <<= 55  # some sums that no float holds
    pitch = columns + 2
    settings = np.array(
        [0 if shape.op == MEAN or shape.rolls else 1, 2, *range(1, rows + 1), *(1 + np.arange(columns) % 9)], sums
    )
    window = PoolWindow(
        base=base,
        planes_at=1,
        planes=planes,
        lines_at=1 + planes,
        groups=groups,
        offsets_at=1 + planes + lines,
        width=width,
        limit=limit,
        plane_count=1,
        row_counts=2,
        column_counts=2 + rows,
        counts_step=1,
        pitch=pitch,
        rows_here=rows if whole else rows - 1,
    )
    return [
        PoolWindow(*map(int, window)),
        0,
        columns if whole else columns - 3,
        x,
        np.zeros(limit, dtype),
        table,
        settings,
        np.full(2 + (rows - 1) * pitch + columns, 77, dtype),
        2,
    ]


#: Where arrays stand among them.
X, NOTHING, TABLE, SETTINGS, Y = 3, 4, 5, 6, 7


def types_of(shape: PoolShape) -> list[str]:
    """Floats, and whole numbers: the smallest that can be masked, but for sums in another type."""
    if shape.op == MEAN:
        return ["float32", "uint8" if machine().masks(1) else "int32", "int64"]
    return ["float32", "int8" if machine().masks(1) else "uint32"]


CASES = [(shape, dtype) for shape in (*SHAPES, DOWN) for dtype in types_of(shape)]


@pytest.mark.parametrize(("shape", "dtype"), CASES, ids=str)
def test_compiled_tile_is_its_meaning(shape: PoolShape, dtype: str) -> None:
    for whole in (True, False):
        given = operands(shape, dtype, whole)
        results = []
        for run in (compiled(shape), partial(pool_tile._pool_tile_meaning, shape)):
            given[Y] = np.full_like(given[Y], 77)
            assert not run(*given)
            results.append(given[Y])
        np.testing.assert_array_equal(*results)
        assert (results[0] != 77).any()


@pytest.mark.parametrize("place", ["first", "last"])
@pytest.mark.parametrize("shape", [shape for shape in (*SHAPES, DOWN) if shape.op == MAXIMUM], ids=str)
def test_no_nan_is_lost_unseen(shape: PoolShape, place: str) -> None:
    """A tile that may lose a NaN says that it met one; an exact one loses none."""
    exact = shape._replace(exact=True)
    given = operands(shape, "float32", True)
    given[X][4 + 5 + (0 if shape.rolls else 7) if place == "first" else -1] = np.nan
    assert compiled(shape)(*given) == (not shape.exact)
    results = []
    for run in (compiled(exact), partial(pool_tile._pool_tile_meaning, exact)):
        given[Y] = np.full_like(given[Y], 77)
        assert not run(*given)
        results.append(given[Y])
    assert np.isnan(results[0]).any()
    np.testing.assert_array_equal(*results)


@shapes
def test_checked_tile_reads_and_writes_to_the_last_element_and_no_further(shape: PoolShape) -> None:
    run = compiled(shape, boundscheck=True)
    given = operands(shape, "float32", True)
    run(*given)
    assert given[Y][-1] != 77
    for short in (X, NOTHING, TABLE, Y, *([SETTINGS] if shape.op == MEAN else [])):
        given = operands(shape, "float32", True)
        given[short] = given[short][:-1]
        with pytest.raises(IndexError, match="out of bounds"):
            run(*given)


@pytest.mark.skipif(machine().name not in REGISTERS, reason="counts x86 instructions")
@shapes
def test_every_instruction_has_whole_vectors_and_none_is_spilled(shape: PoolShape) -> None:
    run, register = compiled(shape), REGISTERS[machine().name]
    run(*operands(shape, "float32", True))
    assembly = next(iter(run.inspect_asm().values()))
    combine = "vaddps" if shape.op == MEAN else "vmaxps"
    found = re.findall(rf"{combine}\s.*%(\w)mm", assembly)
    assert len(found) >= shape.rows * shape.vectors * (shape.columns if shape.column_step > 1 else 1)
    one_element = {"x"} if shape.rolls and shape.columns > shape.column_step else set()  # of the last vector of a row
    assert set(found) - one_element == {register[0]}
    if machine().name == "AVX-512":  # half as many registers must hold masks too
        assert not is_spilled(assembly, register, combine), "a total was spilled"
