"""The candidates of each family, best first, the reference last: one table for dispatch, tests and benchmarks."""

from __future__ import annotations

from functools import partial

from fastconv.kernels.conv import conv_loops, conv_tiles, conv_tiles_activated
from fastconv.plan.algorithm import Algorithm
from fastconv.plan.conv import plan_conv
from fastconv.plan.pool import plan_avg_pool, plan_max_pool
from fastconv.plan.problem import Problem
from fastconv.plan.reference import plan_reference

__all__ = ["ALGORITHMS"]

#: Beyond this many (channel, tap) pairs the table of their places would outgrow the weights it describes.
_TILE_TYPES = ("float32", "float64", "int32", "int64")


def _refuse_tile(problem: Problem) -> str | None:
    if problem.dtype.name not in _TILE_TYPES:
        return f"its tiles sum {', '.join(_TILE_TYPES)}, not {problem.dtype.name}"
    return None


def _refuse_loops(problem: Problem) -> str | None:
    return "it applies no activation" if problem.activation else None


def _serve(problem: Problem) -> None:
    return None


def _plan_tile(problem: Problem) -> object:
    return plan_conv(problem, conv_tiles_activated if problem.activation else conv_tiles)


_REFERENCE = Algorithm("reference", "NumPy loops that spell out the definition, for comparison", _serve, plan_reference)
_CONV = (
    Algorithm("tile", "gathers slabs of input and sums register tiles of outputs", _refuse_tile, _plan_tile),
    Algorithm(
        "loops",
        "gathers slabs of input and sums in compiled loops",
        _refuse_loops,
        partial(plan_conv, kernel=conv_loops),
    ),
    _REFERENCE,
)

ALGORITHMS: dict[str, tuple[Algorithm, ...]] = {
    "conv": _CONV,
    "conv_transpose": _CONV,
    "max_pool": (
        Algorithm("passes", "takes maxima along one axis after the other", _serve, plan_max_pool),
        _REFERENCE,
    ),
    "avg_pool": (
        Algorithm("passes", "sums along one axis after the other", _serve, plan_avg_pool),
        _REFERENCE,
    ),
}
