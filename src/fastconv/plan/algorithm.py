"""An algorithm: a name, a reason to decline, and a way to plan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastconv.plan.problem import Problem

__all__ = ["Algorithm"]


def _never(problem: Problem) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Algorithm:
    """A candidate for one family of operations.

    Attributes
    ----------
    name : str
        What ``algorithm=`` takes.
    summary : str
        How it works, in one sentence.
    refuse : callable
        ``refuse(problem)`` gives the reason why this algorithm cannot serve, or None.
    plan : callable
        ``plan(problem)`` gives an object with ``run(...)``, ``nanoseconds`` and ``summary``.
    yields : callable
        ``yields(problem)`` gives the reason why another is faster, or None. Who asks for this one by name gets it.
    writes : callable or None
        For kernels that read inputs in any order: whether the result is one that they write as it is to lie. None for
        those to which memory must be channels-first.
    """

    name: str
    summary: str
    refuse: Callable[[Problem], str | None]
    plan: Callable[[Problem], Any]
    yields: Callable[[Problem], str | None] = _never
    writes: Callable[[Problem], bool] | None = None
