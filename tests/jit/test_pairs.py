"""Pairs of 16-bit numbers: how they are put together, and the products of tiles that take them."""

import re
from typing import Any

import numpy as np
import pytest
from numba import config, njit

from fastconv.jit import panel_tile, spread_tile, tile
from fastconv.jit.machine import machine
from fastconv.jit.pairs import _pair_lanes_meaning, pair_lanes
from fastconv.jit.tile import times
from fastconv.kernels import conv, panel_table, spread_table

LANES = machine().vector_bytes // 4
MULTIPLIES = pytest.mark.skipif(not machine().pair_products, reason="no instruction multiplies pairs")


@njit
def compiled(values, lower, upper, mask, pairs, to):  # type: ignore[no-untyped-def]
    pair_lanes(values, lower, upper, mask, pairs, to)


@njit(boundscheck=True)
def checked(values, lower, upper, mask, pairs, to):  # type: ignore[no-untyped-def]
    pair_lanes(values, lower, upper, mask, pairs, to)


def numbers(size: int, dtype: str) -> Any:
    """Numbers of a dtype, the least and the greatest among them."""
    ends = np.iinfo(dtype)
    found = np.random.default_rng(size).integers(ends.min, ends.max, size, dtype, endpoint=True)
    found[:2] = ends.min, ends.max
    return found


@pytest.mark.parametrize("target", ["int32", "uint32"])
@pytest.mark.parametrize("mask", [-1, 0])
@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16"])
def test_pairs_have_one_number_in_each_half(dtype: str, mask: int, target: str) -> None:
    values = numbers(3 * LANES, dtype)
    found, wanted = np.full((2, LANES + 2), 77, target)
    compiled(values, 0, LANES + 1, mask, found, 1)
    _pair_lanes_meaning(values, 0, LANES + 1, mask, wanted, 1)
    np.testing.assert_array_equal(found, wanted)
    halves = found[1:-1].view(np.int16).reshape(LANES, 2)
    np.testing.assert_array_equal(halves[:, 0], values[:LANES])
    np.testing.assert_array_equal(halves[:, 1], values[LANES + 1 :][:LANES] if mask else 0 * values[:LANES])
    assert (found[[0, -1]] == 77).all()


def test_checked_code_stays_inside_its_arrays() -> None:
    values, pairs = numbers(2 * LANES, "int8"), np.zeros(LANES, np.int32)
    checked(values, 0, LANES, -1, pairs, 0)
    for lower, upper, to in ((LANES + 1, 0, 0), (0, LANES + 1, 0), (0, LANES, 1)):
        with pytest.raises(IndexError, match="out of bounds"):
            checked(values, lower, upper, -1, pairs, to)


def test_products_of_pairs_are_added_and_wrap_around() -> None:
    x, w = numbers(40, "int16").view(np.int32), numbers(40, "int16")[::-1].copy().view(np.uint32)
    wide = [np.ascontiguousarray(each).view(np.int16).astype(np.int64) for each in (x, w)]
    sums = (wide[0] * wide[1]).reshape(-1, 2).sum(1)
    np.testing.assert_array_equal(times(x, w), sums.astype(np.int32))
    assert (times(x[:, None], w) == np.array([times(each, w) for each in x])).all()
    assert times(np.array([2], np.int32), np.array([3], np.int32)) == 6


def _run(kind: str, weights: Any, values: Any, sums: Any, meaning: bool) -> Any:
    """Seven depths by the largest tile of a kind; its compiled code, if it was that."""
    places = np.random.default_rng(1).integers(0, 40, 30)
    if kind == "tile":
        shape, pitch = (conv.ROWS, conv.VECTORS), sums.size // conv.ROWS

        def run(weights, values, places, sums):  # type: ignore[no-untyped-def]
            tile.tile(shape[0], shape[1], weights, 0, values, 0, places, 0, 7, sums, 0, pitch)

        if meaning:
            return tile._tile_meaning(*shape, weights, 0, values, 0, places, 0, 7, sums, 0, pitch)
        arguments: Any = (weights, values, places, sums)
    elif kind == "spread":
        rows, vectors = spread_table.ROWS, spread_table.VECTORS
        numbers = spread_tile.SpreadRun(0, 7, 14, 0, rows * vectors * LANES, 0, 0, vectors * LANES)
        if meaning:
            return spread_tile._spread_tile_meaning(rows, vectors, numbers, values, places, places, weights, sums)

        def run(numbers, weights, values, places, sums):  # type: ignore[no-untyped-def]
            spread_tile.spread_tile(rows, vectors, numbers, values, places, places, weights, sums)

        arguments = (numbers, weights, values, places, sums)
    else:
        rows, vectors = panel_table.ROWS, panel_table.VECTORS
        panel = panel_tile.PanelRun(0, 0, 7, 0, rows * vectors * LANES, 0, 0, vectors * LANES)
        if meaning:
            return panel_tile._panel_tile_meaning(rows, 1, vectors, panel, values, places, weights, sums)

        def run(numbers, weights, values, places, sums):  # type: ignore[no-untyped-def]
            panel_tile.panel_tile(rows, 1, vectors, numbers, values, places, weights, sums)

        arguments = (panel, weights, values, places, sums)
    made = njit(run)
    made(*arguments)
    return made


@MULTIPLIES
@pytest.mark.parametrize("kind", ["tile", "spread", "panel"])
def test_tiles_add_both_products_of_pairs(kind: str) -> None:
    weights, values = numbers(8000, "int16").view(np.uint32), numbers(800, "int16").view(np.int32)
    found, wanted = np.full((2, 2400), 9, np.int32)
    made = _run(kind, weights, values, found, meaning=False)
    _run(kind, weights, values, wanted, meaning=True)
    np.testing.assert_array_equal(found, wanted)
    if not config.DISABLE_JIT:
        assert re.search(r"v?pmaddwd|vpdpwssd", next(iter(made.inspect_asm().values())))
