"""The candidates of each family, best first, the reference last: one table for dispatch, tests and benchmarks."""

from __future__ import annotations

from fastconv.plan.algorithm import Algorithm
from fastconv.plan.conv_algorithms import CONV, CONV_TRANSPOSE, INTERLEAVED, WIDENED
from fastconv.plan.pool_algorithms import ADAPTIVE_POOL, AVG_POOL, LP_POOL, MAX_POOL, WINDOWS
from fastconv.plan.problem import Problem
from fastconv.plan.promises import planned

__all__ = ["ALGORITHMS", "candidates_for", "planned"]

ALGORITHMS: dict[str, tuple[Algorithm, ...]] = {
    "conv": CONV,
    "conv_transpose": CONV_TRANSPOSE,
    "max_pool": MAX_POOL,
    "avg_pool": AVG_POOL,
    "adaptive_max_pool": ADAPTIVE_POOL,
    "adaptive_avg_pool": ADAPTIVE_POOL,
    "lp_pool": LP_POOL,
    "fractional_max_pool": WINDOWS,
}


def candidates_for(problem: Problem) -> tuple[Algorithm, ...]:
    """Those that may serve a problem."""
    if problem.widened:
        return WIDENED
    return INTERLEAVED if problem.parts else ALGORITHMS[problem.op]
