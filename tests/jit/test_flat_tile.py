"""The flat tile: its meaning, its machine code, and that it touches its arrays and nothing else."""

import re
from functools import cache, partial
from typing import Any

import numpy as np
import pytest
from numba import njit

from assembly import is_spilled
from fastconv.jit import flat_tile
from fastconv.jit.flat_tile import FlatPass, FlatShape
from fastconv.jit.machine import machine
from fastconv.jit.reduction import MAXIMUM, MEAN, SUM
from fastconv.kernels.flat_pool import USUAL_TAPS

pytestmark = pytest.mark.skipif(not machine().masked_loads, reason="nothing is read in place without masked loads")

SHAPES = [FlatShape(op, taps) for op in (MAXIMUM, SUM, MEAN) for taps in (USUAL_TAPS, 0)]
REGISTERS = {"AVX-512": "zmm", "AVX2": "ymm"}
#: Vectors after which masks come again, and what is behind the last whole one.
PERIOD, REST = 3, 2

shapes = pytest.mark.parametrize("shape", SHAPES, ids=str)


@cache
def compiled(shape: FlatShape, boundscheck: bool = False) -> Any:
    tile = flat_tile.flat_tile(shape)

    @njit(boundscheck=boundscheck)
    def run(where, x, table, settings, y):
        return tile(where, x, table, settings, y)

    return run


def operands(shape: FlatShape, dtype: str) -> list[Any]:
    """What a tile takes: vectors 2 to 5, the last of them in part; it touches the last element of each array."""
    rng = np.random.default_rng(sum(shape))
    sums = np.dtype(np.float32 if shape.op != MAXIMUM and dtype != "int64" else dtype)
    lanes, taps = machine().vector_bytes // sums.itemsize, shape.taps or 3
    steps = np.array([-4, 5, 7][:taps])
    limit = 5 * lanes + REST
    # A lane has a tap where a random bit says so and the element is there.
    seen = (np.arange(2 * PERIOD * lanes) + steps[:, None]).reshape(taps, 2, PERIOD, lanes)
    there = ((seen >= 0) & (seen < limit)).all(1) & (rng.random((taps, PERIOD, lanes)) < 0.7)
    masks = [sum(int(bit) << lane for lane, bit in enumerate(there[t, v])) for v in range(PERIOD) for t in range(taps)]
    table = np.array([99, *steps, *np.array(masks, np.uint64).view(np.int64)])
    settings = np.array([7, *(1 + np.arange(PERIOD * lanes) % 9)], sums)
    where = FlatPass(
        source=3,
        target=1,
        begin=2,
        end=6,
        limit=limit,
        taps_at=1,
        taps=taps,
        masks_at=1 + taps,
        period=PERIOD,
        counts_at=1,
        counts_step=lanes,
    )
    x = rng.integers(0, 9, 3 + limit).astype(dtype)
    if dtype == "int64":
        x[::11] <<= 55  # some sums that no float holds
    y = np.full(1 + limit, 77, sums if shape.op == SUM else dtype)
    return [FlatPass(*map(int, where)), x, table, settings, y]


#: Where arrays stand among them.
X, TABLE, SETTINGS, Y = 1, 2, 3, 4


def types_of(shape: FlatShape) -> list[str]:
    """Floats, and whole numbers: the smallest that can be masked."""
    least = ("uint8" if shape.op == MEAN else "int8") if machine().masks(1) else "int32"
    return ["float32", least, *(["int64"] if shape.op == MEAN else [])]


@pytest.mark.parametrize(("shape", "dtype"), [(shape, dtype) for shape in SHAPES for dtype in types_of(shape)], ids=str)
def test_compiled_tile_is_its_meaning(shape: FlatShape, dtype: str) -> None:
    given = operands(shape, dtype)
    results = []
    for run in (compiled(shape), partial(flat_tile._flat_tile_meaning, shape)):
        given[Y] = np.full_like(given[Y], 77)
        assert not run(*given)
        results.append(given[Y])
    np.testing.assert_array_equal(*results)
    before = 1 + 2 * machine().vector_bytes // given[SETTINGS].itemsize
    assert (results[0][:before] == 77).all()
    assert (results[0][before:] != 77).any()


@pytest.mark.parametrize("place", [2, 5])
@pytest.mark.parametrize("taps", [USUAL_TAPS, 0])
def test_no_nan_is_lost_unseen(taps: int, place: int) -> None:
    """A tile that may lose a NaN says that it met one; an exact one loses none."""
    shape = FlatShape(MAXIMUM, taps)
    given = operands(shape, "float32")
    given[X][3 + place * machine().vector_bytes // 4 + 1] = np.nan
    assert compiled(shape)(*given)
    results = []
    for run in (compiled(shape._replace(exact=True)), partial(flat_tile._flat_tile_meaning, shape)):
        given[Y] = np.full_like(given[Y], 77)
        assert not run(*given)
        results.append(given[Y])
    assert np.isnan(results[0]).any()
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize("shape", [FlatShape(MAXIMUM, USUAL_TAPS), FlatShape(MEAN, 0)], ids=str)
def test_checked_tile_reads_and_writes_to_the_last_element_and_no_further(shape: FlatShape) -> None:
    run = compiled(shape, boundscheck=True)
    given = operands(shape, "float32")
    run(*given)
    assert given[Y][-1] != 77
    for short in (X, TABLE, Y, *([SETTINGS] if shape.op == MEAN else [])):
        given = operands(shape, "float32")
        given[short] = given[short][:-1]
        with pytest.raises(IndexError, match="out of bounds"):
            run(*given)


@pytest.mark.skipif(machine().name not in REGISTERS, reason="counts x86 instructions")
@shapes
def test_every_instruction_has_whole_vectors_and_none_is_spilled(shape: FlatShape) -> None:
    run, register = compiled(shape), REGISTERS[machine().name]
    run(*operands(shape, "float32"))
    assembly = next(iter(run.inspect_asm().values()))
    combine = "vmaxps" if shape.op == MAXIMUM else "vaddps"
    found = re.findall(rf"{combine}\s.*%(\w)mm", assembly)
    assert len(found) >= 2 * max(1, shape.taps)  # of a whole vector, and of a part
    assert set(found) == {register[0]}
    if machine().name == "AVX-512":  # half as many registers must hold masks too
        assert not is_spilled(assembly, register, combine), "a total was spilled"
