"""The candidates that more than one family of operations has."""

from __future__ import annotations

from fastconv.plan.algorithm import Algorithm
from fastconv.plan.problem import Problem
from fastconv.plan.reference import plan_reference

__all__ = ["REFERENCE", "serve", "writes_anything"]


def serve(problem: Problem) -> None:
    """No reason to decline."""
    return


def writes_anything(problem: Problem) -> bool:
    """For kernels that know the steps of the result."""
    return True


REFERENCE = Algorithm(
    "reference",
    "NumPy loops that spell out the definition, for comparison",
    serve,
    plan_reference,
    writes=writes_anything,
)
