"""The tile of pairs of output rows, against its meaning, its bounds checks, and its assembly."""

import re
from functools import cache, partial
from typing import Any

import numpy as np
import pytest
from numba import config, njit

from assembly import is_spilled
from fastconv.jit import pair_tile as pair
from fastconv.jit.machine import machine
from fastconv.jit.pair_tile import PairRun
from fastconv.kernels.winograd_rows import COLUMNS, ROWS

pytestmark = pytest.mark.skipif(config.DISABLE_JIT, reason="the meaning itself runs")

#: Elements of a row of input.
SIZE = 21


@cache
def compiled(boundscheck: bool = False):
    @njit(boundscheck=boundscheck)
    def run(numbers, x, nothing, weights, starts, y):
        return pair.pair_tile(ROWS, COLUMNS, numbers, x, nothing, weights, starts, y)

    return run


def operands(dtype: str, **changed: int) -> list[Any]:
    """What a tile of three channels takes; the last elements of all arrays are in use."""
    lanes, rng = machine().vector_bytes // np.dtype(dtype).itemsize, np.random.default_rng(0)
    numbers = PairRun(
        x_at=5, pitch=SIZE + 2, first=0, last=4, size=SIZE, channels=3, channel=4 * SIZE + 9, column=-1, weight_at=2,
        start_at=1, y_at=3, y_row=lanes + 1, y_channel=2 * lanes + 5, rows=2, out_channels=ROWS, columns=lanes,
    )  # fmt: skip
    sizes = (
        5 + 2 * numbers.channel + 3 * numbers.pitch + SIZE, SIZE, 2 + 3 * COLUMNS * pair.POINTS * ROWS, 1 + ROWS,
        3 + (ROWS - 1) * numbers.y_channel + numbers.y_row + lanes,
    )  # fmt: skip
    x, _, weights, starts, y = (rng.integers(-9, 9, size).astype(dtype) for size in sizes)
    numbers = numbers._replace(**changed)
    return [numbers._replace(columns=min(numbers.columns, lanes)), x, np.zeros(SIZE, dtype), weights, starts, y]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "changed",
    [
        {}, {"column": 0}, {"column": SIZE - 3}, {"column": SIZE + 9}, {"column": -30}, {"first": 1}, {"last": 3},
        {"first": 2, "last": 2}, {"x_at": -99, "first": 4, "last": 4}, {"rows": 1}, {"columns": 3}, {"columns": 1},
        {"out_channels": 1}, {"out_channels": ROWS + 7}, {"channels": 1},
    ],
    ids=str,
)  # fmt: skip
def test_compiled_tile_is_its_meaning(changed: dict[str, int], dtype: str) -> None:
    given, results = operands(dtype, **changed), []
    for run in (compiled(), partial(pair._pair_tile_meaning, ROWS, COLUMNS)):
        given[-1] = np.full_like(given[-1], 77)
        assert run(*given) == 0
        results.append(given[-1])
    np.testing.assert_array_equal(*results)
    assert (results[0][:3] == 77).all()
    assert (results[0] != 77).any()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_seen(value: float) -> None:
    given = operands("float32")
    given[1][5 + SIZE + 2] = value  # the first element of the second row
    with np.errstate(invalid="ignore"):
        assert compiled()(*given)
        assert pair._pair_tile_meaning(ROWS, COLUMNS, *given)


def test_checked_tile_goes_to_the_last_element_and_no_further() -> None:
    run = compiled(boundscheck=True)
    run(*operands("float32"))
    for short in range(1, 6):
        given = operands("float32")
        given[short] = given[short][:-1]
        with pytest.raises(IndexError):
            run(*given)


@pytest.mark.skipif(machine().name != "AVX-512", reason="counts x86 instructions")
@pytest.mark.parametrize(("dtype", "letter"), [("float32", "s"), ("float64", "d")])
def test_loop_is_fused_multiply_adds_without_a_spill(dtype: str, letter: str) -> None:
    run = compiled.__wrapped__()
    run(*operands(dtype))
    assembly = next(iter(run.inspect_asm().values()))
    assert len(re.findall(rf"vfmadd\d+p{letter}\b.*zmm", assembly)) == COLUMNS * pair.POINTS * ROWS
    assert not is_spilled(assembly, "zmm", "vfmadd")
