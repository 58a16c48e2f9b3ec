"""The candidates for poolings, best first, and when each yields."""

from __future__ import annotations

from typing import Any

from fastconv.plan.algorithm import Algorithm
from fastconv.plan.any_algorithms import REFERENCE, serve, writes_anything
from fastconv.plan.flat_pool import plan_flat_pool, refuse_flat_pool
from fastconv.plan.lane_pool import plan_lane_pool, refuse_lane_pool
from fastconv.plan.norms import PowerSums, plan_power_sums, refuse_power_sums
from fastconv.plan.place_pool import plan_place_pool, refuse_place_pool
from fastconv.plan.pool import plan_slab
from fastconv.plan.pool_rows import plan_pool_rows
from fastconv.plan.pool_tile import plan_pool_tile, refuse_pool_rows, refuse_pool_tile
from fastconv.plan.problem import Problem
from fastconv.plan.promises import planned, slower
from fastconv.plan.whole_pool import plan_spans, plan_whole_pool, refuse_spans, refuse_whole_pool
from fastconv.plan.window_pool import has_lanes, plan_windows

__all__ = ["ADAPTIVE_POOL", "AVG_POOL", "LP_POOL", "MAX_POOL", "WINDOWS"]


def _writes_windows(problem: Problem) -> bool:
    return not problem.y_strides or has_lanes(problem)


def _plan_powers(problem: Problem) -> PowerSums:
    return plan_power_sums(problem, _plan_sums)


def _plan_sums(problem: Problem) -> Any:
    """The plan of an average that "auto" takes."""
    served = (it for it in AVG_POOL if not it.refuse(problem) and not it.yields(problem))
    return planned(problem, next(served))


def _flat_pool_yields(problem: Problem) -> str | None:
    """It loads a vector again for each tap of an axis; tiles share rows, and two passes put windows together."""
    return slower(problem, _FLAT, (_ROWS,) if refuse_pool_tile(problem) else (_ROWS, _TILE))


def _pool_tile_yields(problem: Problem) -> str | None:
    """Its work grows with the product of a window's rows and columns, that of two passes with their sum."""
    return slower(problem, _TILE, (_ROWS,))


def _spans_yield(problem: Problem) -> str | None:
    """Short windows fill no vectors, and overlapping ones share more of two passes."""
    return slower(problem, _SPANS, (_ROWS,))


def _places_yield(problem: Problem) -> str | None:
    """Its work grows with the product of a window's sides, that of passes over slabs with their sum."""
    return slower(problem, _PLACES, (_SLAB,))


def _powers_yield(problem: Problem) -> str | None:
    """Several passes take longer to begin than one."""
    return slower(problem, _POWERS, (_WINDOWS,))


_WHOLE = Algorithm(
    "whole",
    "reduces each channel as it stands in memory",
    refuse_whole_pool,
    plan_whole_pool,
)
_FLAT = Algorithm(
    "flat",
    "reduces all images as one long row, one axis of windows after the other",
    refuse_flat_pool,
    plan_flat_pool,
    _flat_pool_yields,
)
_TILE = Algorithm(
    "tile",
    "reduces register tiles of windows, read in place",
    refuse_pool_tile,
    plan_pool_tile,
    _pool_tile_yields,
)
_PLACES = Algorithm(
    "places",
    "compares register tiles of windows, read in place, and notes where maxima stand",
    refuse_place_pool,
    plan_place_pool,
    _places_yield,
)
_SPANS = Algorithm(
    "spans",
    "reduces each window as it stands in memory, a part of a row",
    refuse_spans,
    plan_spans,
    _spans_yield,
)
_ROWS = Algorithm(
    "rows",
    "reduces rows of the input in place, then along the result",
    refuse_pool_rows,
    plan_pool_rows,
)
_SLAB = Algorithm(
    "slab",
    "gathers whole images and reduces them along one axis after the other",
    serve,
    plan_slab,
)
_WINDOWS = Algorithm(
    "windows",
    "reduces rows of the input in place, then windows of any lengths",
    serve,
    plan_windows,
    writes=_writes_windows,
)
_CHANNELS = Algorithm(
    "channels",
    "reduces windows in place, channels-last ones with channels as lanes",
    refuse_lane_pool,
    plan_lane_pool,
    writes=writes_anything,
)
_POWERS = Algorithm(
    "powers",
    "raises all numbers to powers, and takes roots of the sums of windows of these",
    refuse_power_sums,
    _plan_powers,
    _powers_yield,
    writes=writes_anything,
)

AVG_POOL = (_CHANNELS, _WHOLE, _FLAT, _TILE, _SPANS, _ROWS, _SLAB, REFERENCE)
MAX_POOL = (_CHANNELS, _WHOLE, _FLAT, _TILE, _SPANS, _ROWS, _PLACES, _SLAB, REFERENCE)
ADAPTIVE_POOL = (_CHANNELS, _WINDOWS, REFERENCE)
WINDOWS = (_WINDOWS, REFERENCE)
LP_POOL = (_POWERS, *WINDOWS)
