"""Pairs of 16-bit numbers and quads of 8-bit ones: how they are put together, and products of tiles that take them."""

import re
from typing import Any

import numpy as np
import pytest
from numba import config, njit

from fastconv.jit import panel_tile, spread_tile, tile
from fastconv.jit.interleave import _interleave_lanes_meaning, interleave_lanes
from fastconv.jit.machine import machine
from fastconv.jit.tile import times
from fastconv.kernels import conv, panel_table, spread_table

LANES = machine().vector_bytes // 4
#: How both factors are held where parts of these dtypes are multiplied.
HELD = {("int16", "int16"): (np.int32, np.uint32), ("uint8", "int8"): (np.uint32, np.int32),
        ("int8", "uint8"): (np.uint32, np.uint32)}  # fmt: skip


def compiled_for(parts: int, boundscheck: bool = False) -> Any:
    def run(values, first, step, count, flip, numbers, to):  # type: ignore[no-untyped-def]
        interleave_lanes(parts, values, first, step, count, flip, numbers, to)

    return njit(run, boundscheck=boundscheck)


def numbers(size: int, dtype: str) -> Any:
    """Numbers of a dtype, the least and the greatest among them."""
    ends = np.iinfo(dtype)
    found = np.random.default_rng(size).integers(ends.min, ends.max, size, dtype, endpoint=True)
    found[:2] = ends.min, ends.max
    return found


@pytest.mark.parametrize("flip", [0, 0x80808080])
@pytest.mark.parametrize(
    ("parts", "count", "dtype"),
    [
        (2, 2, "int16"),
        (2, 1, "int16"),
        (2, 2, "int8"),
        (2, 2, "uint8"),
        (4, 4, "int8"),
        (4, 3, "uint8"),
        (4, 1, "int8"),
        (4, 4, "int64"),  # whose other bits say nothing
        (4, 3, "uint16"),
        (2, 2, "uint32"),
        (2, 1, "int64"),
    ],
)
def test_numbers_of_channels_stand_side_by_side(parts: int, count: int, dtype: str, flip: int) -> None:
    values = numbers(6 * LANES, dtype)
    found, wanted = np.full((2, LANES + 2), 77, np.uint32)
    compiled_for(parts)(values, 2, LANES + 1, count, flip, found, 1)
    _interleave_lanes_meaning(parts, values, 2, LANES + 1, count, flip, wanted, 1)
    np.testing.assert_array_equal(found, wanted)
    held = (found[1:-1] ^ np.uint32(flip)).view(f"i{4 // parts}").reshape(LANES, parts).T
    for part in range(parts):
        there = values[2 + part * (LANES + 1) :][:LANES] if part < count else np.zeros(LANES)
        np.testing.assert_array_equal(held[part], there.astype(held.dtype))
    assert (found[[0, -1]] == 77).all()


def test_checked_code_stays_inside_its_arrays() -> None:
    values, found, checked = numbers(4 * LANES, "int8"), np.zeros(LANES, np.uint32), compiled_for(4, boundscheck=True)
    checked(values, 0, LANES, 4, 0, found, 0)
    checked(values, LANES, LANES, 3, 0, found, 0)
    for first, count, to in ((1, 4, 0), (LANES, 4, 0), (-1, 4, 0), (0, 4, 1)):
        if not config.DISABLE_JIT:
            with pytest.raises(IndexError, match="out of bounds"):
                checked(values, first, LANES, count, 0, found, to)


@pytest.mark.parametrize("parts", HELD)
def test_products_of_parts_are_added_and_wrap_around(parts: tuple[str, str]) -> None:
    x, w = (numbers(80, part).view(held) for part, held in zip(parts, HELD[parts], strict=True))
    w = w[::-1].copy()
    wide = [each.view(part).astype(np.int64).reshape(len(each), -1) for each, part in zip((x, w), parts, strict=True)]
    np.testing.assert_array_equal(times(x, w), (wide[0] * wide[1]).sum(1).astype(np.int32))
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
        numbers = spread_tile.SpreadRun(0, 7, 14, 0, rows * vectors * LANES, 0, 0, vectors * LANES, 0)
        if meaning:
            return spread_tile._spread_tile_meaning(rows, vectors, numbers, values, places, places, weights, sums, sums)

        def run(numbers, weights, values, places, sums):  # type: ignore[no-untyped-def]
            spread_tile.spread_tile(rows, vectors, numbers, values, places, places, weights, sums, sums)

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


@pytest.mark.parametrize("parts", HELD)
@pytest.mark.parametrize("kind", ["tile", "spread", "panel"])
def test_tiles_add_the_products_of_parts(kind: str, parts: tuple[str, str]) -> None:
    if not (machine().pair_products if "int16" in parts else machine().quad_products):
        pytest.skip("no instruction multiplies them")
    values, weights = (
        numbers(size, part).view(held) for size, part, held in zip((1600, 16000), parts, HELD[parts], strict=True)
    )
    found, wanted = np.full((2, 2400), 9, np.int32)
    made = _run(kind, weights, values, found, meaning=False)
    _run(kind, weights, values, wanted, meaning=True)
    np.testing.assert_array_equal(found, wanted)
    if not config.DISABLE_JIT:
        assert re.search(
            r"v?pmaddwd|vpdpwssd" if "int16" in parts else "vpdpbusd", next(iter(made.inspect_asm().values()))
        )


@pytest.mark.skipif(not machine().pair_products, reason="no instruction multiplies pairs")
@pytest.mark.parametrize("vectors", sorted({spread_table.ONE_VECTOR, spread_table.HALF_VECTORS, spread_table.VECTORS}))
def test_sums_of_pairs_are_widened_and_shifted(vectors: int) -> None:
    """Of vectors of sums, an even number or a single one, which is half of one of products."""
    rows, width = spread_table.NARROW_ROWS, vectors * machine().vector_bytes // 8
    values, weights = numbers(800, "int8").astype(np.int16).view(np.int32), numbers(8000, "int16").view(np.uint32)
    places = np.random.default_rng(1).integers(0, 40, 30)
    start = np.random.default_rng(2).integers(-(2**62), 2**62, 3000)
    run = spread_tile.SpreadRun(0, 7, 14, 3, 5, width, rows * width + 9, width + 1, 8)

    def tile_of(run, values, places, weights, sums):  # type: ignore[no-untyped-def]
        spread_tile.spread_tile(rows, vectors, run, values, places, places, weights, sums, sums)

    found, wanted = start.copy(), start.copy()
    njit(tile_of)(run, values, places, weights, found)
    spread_tile._spread_tile_meaning(rows, vectors, run, values, places, places, weights, wanted, wanted)
    np.testing.assert_array_equal(found, wanted)
    assert (found != start).sum() > 0.9 * rows * width
