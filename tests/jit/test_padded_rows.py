"""Rows with something before and behind them."""

import numpy as np
import pytest
from numba import config, njit

from fastconv.jit.machine import machine
from fastconv.jit.padded_rows import NOTHING, PaddedRows, copy_padded

FILL = 77


def padded(x: np.ndarray, sources: list[int], first: int, edges: tuple[list[int], list[int]], width: int, fills: bool):  # type: ignore[no-untyped-def]
    """The rows, one element after the other."""
    before, behind = edges
    rows = []
    for source in sources:
        middle = [x[first + source + i] for i in range(width)]
        beside = [[FILL if fills else x[first + source + place] for place in places] for places in (before, behind)]
        rows.append(beside[0] + middle + beside[1])
    return np.array(rows, x.dtype).reshape(len(sources), -1)


@njit
def run(y, x, table, fill, rows):
    copy_padded(y, x, table, fill, rows)


@pytest.mark.parametrize("fills", [False, True])
@pytest.mark.parametrize("dtype", ["uint8", "int32", "complex128"])
def test_rows_of_every_length(dtype: str, fills: bool) -> None:
    """Rows in any order, some twice; nothing beside them is written."""
    sources = [300, 0, 700, 0]
    longest = max(36, 9 * machine().vector_bytes // np.dtype(dtype).itemsize + 2)
    for width in [*range(36), longest - 1, longest]:
        x = (np.arange(720 + longest) % 251).astype(dtype)
        before, behind = [2, 1, 0][: width % 4], [-5, 4][: width % 3]
        length = len(before) + width + len(behind)
        y, wanted = np.zeros((4, longest + 9), dtype), np.zeros((4, longest + 9), dtype)
        wanted[:, 3 : 3 + length] = padded(x, sources, 9, (before, behind), width, fills)
        table = np.array([-1, *sources, *([0] * 9 if fills else [*before, *behind])], np.int64)
        sizes = (4, len(before), width, len(behind))
        rows = PaddedRows(3, y.shape[1], 9, 1, *sizes, 5, fills)
        run(y.reshape(-1), x, table, np.array([FILL], dtype), rows)
        np.testing.assert_array_equal(y, wanted)


def test_rows_without_a_source_are_filled() -> None:
    x, y, fill = np.arange(40, dtype=np.int16), np.zeros((3, 30), np.int16), np.array([FILL], np.int16)
    table = np.array([10, NOTHING, 20, 1, 0], np.int64)
    run(y.reshape(-1), x, table, fill, PaddedRows(2, 30, 0, 0, 3, 1, 17, 1, 3, False))
    assert y[0].tolist() == [0, 0, 11, *range(10, 27), 10, *[0] * 9]
    assert y[1].tolist() == [0, 0, *[FILL] * 19, *[0] * 9]
    assert y[2].tolist() == [0, 0, 21, *range(20, 37), 20, *[0] * 9]


@njit(boundscheck=True)
def run_checked(y, x, table, fill):
    copy_padded(y, x, table, fill, PaddedRows(0, 10, 0, 0, 2, 1, 8, 1, 2, False))


@pytest.mark.skipif(config.DISABLE_JIT, reason="nothing is compiled")
def test_checked_rows_go_no_further() -> None:
    fill, table = np.zeros(1), np.array([0, 4, 1, 11], np.int64)
    run_checked(np.zeros(20), np.zeros(16), table, fill)
    for y, x, entries in ((19, 16, 4), (20, 15, 4), (20, 16, 3)):
        with pytest.raises(IndexError):
            run_checked(np.zeros(y), np.zeros(x), table[:entries], fill)
