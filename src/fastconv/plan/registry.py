"""The candidates of each family, best first, the reference last: one table for dispatch, tests and benchmarks."""

from __future__ import annotations

from functools import partial

from fastconv.kernels.conv import conv_loops, conv_tiles, conv_tiles_activated
from fastconv.plan.algorithm import Algorithm
from fastconv.plan.conv import plan_conv
from fastconv.plan.pool import plan_rows, plan_slab
from fastconv.plan.problem import Problem
from fastconv.plan.reference import plan_reference
from fastconv.plan.spread import plan_spread

__all__ = ["ALGORITHMS"]

#: Outputs of a row from which on reading rows in place is no slower than gathering images first, at stride 1 (at 28
#: outputs it takes 2.2 times as long, at 112 1.5 times, at 224 0.9 times; at stride 2 never more than 0.75 times).
SHORT_ROW = 192
#: Types that tiles are made for.
_TILE_TYPES = ("float32", "float64", "int32", "int64")


def _refuse_tile(problem: Problem) -> str | None:
    if problem.dtype.name not in _TILE_TYPES:
        return f"its tiles sum {', '.join(_TILE_TYPES)}, not {problem.dtype.name}"
    return None


def _refuse_loops(problem: Problem) -> str | None:
    return "it applies no activation" if problem.activation else None


def _refuse_rows(problem: Problem) -> str | None:
    if problem.indices:
        return "it keeps no indices"
    rows, last = problem.geometry.axes[-2:] if len(problem.geometry.axes) > 1 else (None, problem.geometry.axes[-1])
    overlapping = rows is not None and rows.stride == last.stride == 1
    if overlapping and last.size < 2 * last.output < 2 * SHORT_ROW:
        return f"windows at stride 1 overlap, and rows of {last.output} outputs are too short for its vectors"
    return None


def _serve(problem: Problem) -> None:
    return None


def _plan_tile(problem: Problem) -> object:
    return plan_conv(problem, conv_tiles_activated if problem.activation else conv_tiles)


_REFERENCE = Algorithm("reference", "NumPy loops that spell out the definition, for comparison", _serve, plan_reference)
_CONV = (
    Algorithm(
        "spread",
        "sums register tiles of output channels for pixels that stand anywhere",
        _refuse_tile,
        plan_spread,
        rival=True,
    ),
    Algorithm("tile", "gathers slabs of input and sums register tiles of outputs", _refuse_tile, _plan_tile),
    Algorithm(
        "loops",
        "gathers slabs of input and sums in compiled loops",
        _refuse_loops,
        partial(plan_conv, kernel=conv_loops),
    ),
    _REFERENCE,
)

_POOL = (
    Algorithm("rows", "reduces rows of the input in place, then along the result", _refuse_rows, plan_rows),
    Algorithm("slab", "gathers whole images and reduces them along one axis after the other", _serve, plan_slab),
    _REFERENCE,
)

ALGORITHMS: dict[str, tuple[Algorithm, ...]] = {
    "conv": _CONV,
    "conv_transpose": _CONV,
    "max_pool": _POOL,
    "avg_pool": _POOL,
}
