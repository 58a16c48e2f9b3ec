"""What algorithms promise: plans that are compared with each other, and which of them would be done first."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from fastconv.plan.algorithm import Algorithm
from fastconv.plan.copied import plan_copied
from fastconv.plan.problem import Problem

__all__ = ["planned", "slower"]


@lru_cache(maxsize=16)
def planned(problem: Problem, algorithm: Algorithm) -> Any:
    """A plan, between copies where its kernel does not know the order in which input or result lie.

    Remembered while one algorithm after the other is compared with the same few.
    """
    if algorithm.writes is None:
        if problem.y_strides or problem.x_last:
            return plan_copied(problem, algorithm.plan, takes_last=False)
    elif not algorithm.writes(problem):
        return plan_copied(problem, algorithm.plan, takes_last=True)
    return algorithm.plan(problem)


def _promise(problem: Problem, algorithm: Algorithm) -> float:
    """Microseconds on one thread, with those to pack weights that are not packed yet."""
    plan = planned(problem, algorithm)
    packing = None if problem.packed else getattr(plan, "packing", None)
    return (plan.nanoseconds + (packing.nanoseconds if packing else 0)) / 1000


def slower(problem: Problem, algorithm: Algorithm, others: Iterable[Algorithm]) -> str | None:
    """Which of the others promises to be faster, if one does."""
    here = _promise(problem, algorithm)
    for other in others:
        promised = _promise(problem, other)
        if promised < here:
            return f"{other.name} promises {promised:.3g} microseconds on one thread, against {here:.3g}"
    return None
