"""The candidates that more than one family of operations has."""

from __future__ import annotations

from fastconv.plan.algorithm import Algorithm
from fastconv.plan.channels import plan_channels, refuse_channels
from fastconv.plan.problem import Problem
from fastconv.plan.reference import plan_reference

__all__ = ["CHANNELS", "REFERENCE", "serve", "writes_anything"]


def serve(problem: Problem) -> None:
    """No reason to decline."""
    return


def writes_anything(problem: Problem) -> bool:
    """For kernels that know the steps of the result."""
    return True


CHANNELS = Algorithm(
    "channels",
    "reduces windows in place, channels-last ones with channels as lanes",
    refuse_channels,
    plan_channels,
    writes=writes_anything,
)
REFERENCE = Algorithm(
    "reference",
    "NumPy loops that spell out the definition, for comparison",
    serve,
    plan_reference,
    writes=writes_anything,
)
