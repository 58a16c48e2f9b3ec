"""Window tiles: their meaning, their machine code, and that they touch their arrays and nothing else."""

import re
from functools import cache, partial
from typing import Any

import numpy as np
import pytest
from numba import njit

from fastconv.jit import window
from fastconv.jit.lines import NO_LINE
from fastconv.jit.machine import machine
from fastconv.jit.rolling_tile import rolling_tile
from fastconv.jit.row_tile import row_tile
from fastconv.jit.window_shape import Shape, Window
from fastconv.kernels.depthwise import SHAPES
from nightly import nightly

TYPES = ["float32", "float64", "int32", "int64"]
REGISTERS = {"AVX-512": "zmm", "AVX2": "ymm"}
#: Planes and groups of kernel rows; and rows of outputs of tiles that roll, of one plane and one group.
PLANES, GROUPS, ROLLED = 2, 2, 4

shapes = pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "-".join(map(str, shape)))
#: For code with bounds checks, which takes longest to compile.
some_shapes = pytest.mark.parametrize(
    "shape",
    [SHAPES[0], SHAPES[4], SHAPES[11], SHAPES[-1], *nightly(*SHAPES[1:4], *SHAPES[5:11], *SHAPES[12:-1])],
    ids=lambda shape: "-".join(map(str, shape)),
)


@cache
def compiled(shape: Shape, boundscheck: bool = False) -> Any:
    write = rolling_tile if shape.rolls else row_tile if shape.is_row else window.window_tile
    tile = write(shape)

    @njit(boundscheck=boundscheck)
    def run(window, column, numbers, x, slab, nothing, table, weights, start, y, y_at):
        tile(window, column, numbers, x, slab, nothing, table, weights, start, y, y_at)

    return run


def operands(shape: Shape, dtype: str, in_place: bool, whole: bool) -> list[Any]:
    """What a tile takes; it touches the last element of each array.

    In place vectors begin and end beside the rows, and rows are missing; from a slab whole vectors are read.
    """
    rng = np.random.default_rng(sum(shape))
    lanes = machine().vector_bytes // np.dtype(dtype).itemsize
    width = shape.columns or (lanes + 3 if shape.is_row else 3)  # some taps of a line in pairs, and some not
    columns = shape.vectors * lanes
    reach = (columns - 1) * shape.column_step + width
    rest = shape.any_rows * 2
    planes, groups, rows = (1, 1, ROLLED) if shape.rolls else (PLANES, GROUPS, shape.rows)
    lines = groups * shape._replace(rows=rows).lines + rest * rows
    limit = reach - 3 if in_place else 2**31 - 1
    row = limit if in_place else -(-reach // lanes) * lanes if shape.column_step > 1 else reach
    base, before = 4, 2 if in_place else 0
    table = np.array([99, *(7 * np.arange(planes)), *(5 * np.arange(lines)), *(np.arange(width) - before)])
    if in_place:
        row -= before
        limit -= before
        table[[3] if shape.rolls else [1, 3]] = NO_LINE
    borders = [1, 0, limit - 1, limit - 3, limit - 2] if in_place and shape.borders else []
    borders_at = len(table) + len(borders[:before])
    table = np.array([*table, *borders])
    x = rng.integers(-9, 9, base + 7 * (planes - 1) + 5 * (lines - 1) + row).astype(dtype)
    pitch = columns + 2
    weights = (groups * shape.taps + rest) * width
    where = Window(
        in_place=in_place,
        base=base,
        planes_at=1,
        planes=planes,
        lines_at=1 + planes,
        groups=groups,
        rest=rest,
        offsets_at=1 + planes + lines,
        width=width,
        limit=limit,
        borders_at=borders_at,
        before=len(borders[:before]),
        after=len(borders[before:]),
        weight_at=1,
        weight_d=weights,
        weight_h=width,
        weight_w=1,
        pitch=pitch,
        rows_here=rows if whole else rows - 1,
    )
    return [
        Window(*map(int, where)),
        0,
        columns if whole else max(1, columns - 3),
        x if in_place else x[:1],
        x[:1] if in_place else x,
        np.zeros(limit if in_place else 1, dtype),
        table,
        rng.integers(-9, 9, 1 + planes * weights).astype(dtype),
        x.dtype.type(5),
        np.full(2 + (rows - 1) * pitch + columns, 77, dtype),
        2,
    ]


#: Where arrays stand among them.
X, SLAB, NOTHING, TABLE, WEIGHTS, Y = 3, 4, 5, 6, 7, 9


def ways() -> list[tuple[bool, bool]]:
    return [
        (in_place, whole) for in_place in ([True, False] if machine().masked_loads else [False]) for whole in (1, 0)
    ]


@pytest.mark.parametrize(("in_place", "whole"), ways())
@pytest.mark.parametrize("dtype", [TYPES[0], TYPES[2], *nightly(TYPES[1], TYPES[3])])
@shapes
def test_compiled_tile_is_its_meaning(shape: Shape, dtype: str, in_place: bool, whole: bool) -> None:
    given = operands(shape, dtype, in_place, whole)
    results = []
    for run in (compiled(shape), partial(window._window_tile_meaning, shape)):
        given[Y] = np.full_like(given[Y], 77)
        run(*given)
        results.append(given[Y])
    np.testing.assert_array_equal(*results)
    assert (results[0] != 77).any() == (shape.rows > 1 or shape.rolls or whole)


@pytest.mark.parametrize(("in_place", "whole"), ways())
@some_shapes
def test_checked_tile_reads_and_writes_to_the_last_element(shape: Shape, in_place: bool, whole: bool) -> None:
    given = operands(shape, "float32", in_place, whole)
    compiled(shape, boundscheck=True)(*given)
    assert (given[Y][-1] != 77) == whole


@pytest.mark.parametrize("in_place", sorted({in_place for in_place, _ in ways()}))
@some_shapes
def test_checked_tile_goes_no_further(shape: Shape, in_place: bool) -> None:
    run = compiled(shape, boundscheck=True)
    for short in (X if in_place else SLAB, TABLE, WEIGHTS, Y, *([NOTHING] if in_place else [])):
        given = operands(shape, "float32", in_place, True)
        given[short] = given[short][:-1]
        with pytest.raises(IndexError, match="out of bounds"):
            run(*given)


@pytest.mark.skipif(machine().name not in REGISTERS, reason="counts x86 instructions")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "shape",
    [s for s in SHAPES if not s.borders and (s.taps <= 3 if s.rolls else not s.columns)],
    ids=lambda shape: "-".join(map(str, shape)),
)
def test_loop_is_all_fused_multiply_adds(shape: Shape, dtype: str) -> None:
    run, register = compiled(shape), REGISTERS[machine().name]
    run(*operands(shape, dtype, True, True))
    assembly = next(iter(run.inspect_asm().values()))
    blocks = re.findall(r"^(\.LBB\S+):\n(.*?)(?=^\S|\Z)", assembly, re.S | re.M)
    loops = [block for label, block in blocks if "vfmadd" in block and re.search(rf"\sj\w+\s+{label}\b", block)]
    products = shape.rows * shape.vectors * shape.taps
    assert max((len(re.findall(rf"vfmadd\S+\s.*%{register}", loop)) for loop in loops), default=0) >= products
    if machine().name == "AVX-512":  # on AVX2 the fastest tile is one of which LLVM spills a sum or two
        for loop in loops:
            assert not re.search(rf"%{register}\d+, -?\d*\(%rsp\)", loop), "a sum was spilled"
