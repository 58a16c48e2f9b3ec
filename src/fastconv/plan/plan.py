"""Choosing: the first candidate that does not decline, or the faster of rivals, remembered for calls of the same kind."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from fastconv.plan.algorithm import Algorithm
from fastconv.plan.problem import Problem
from fastconv.plan.registry import ALGORITHMS

__all__ = ["Choice", "choose"]


@dataclass(frozen=True)
class Choice:
    """A plan, and the walk that led to it.

    Attributes
    ----------
    algorithm : str
        Name of the algorithm that serves.
    plan : object
        Its plan, with ``run``.
    walk : tuple of (str, str)
        Each candidate looked at, with the reason why it declined or what it does.
    """

    algorithm: str
    plan: Any
    walk: tuple[tuple[str, str], ...]


@lru_cache(maxsize=1024)
def choose(problem: Problem, name: str = "auto") -> Choice:
    """Plan a problem with the named algorithm, or with the first candidate that serves; rivals go by their estimates.

    Raises
    ------
    ValueError
        Where no algorithm has that name, or the one that has declines.
    """
    candidates = ALGORITHMS[problem.op]
    names = [candidate.name for candidate in candidates]
    if name != "auto" and name not in names:
        raise ValueError(
            f"algorithm={name!r} is not known for {problem.op}; choose 'auto' or one of {', '.join(map(repr, names))}."
        )
    walk: list[tuple[str, str]] = []
    best: tuple[Algorithm, Any] | None = None
    for candidate in candidates:
        if name not in ("auto", candidate.name):
            continue
        reason = candidate.refuse(problem)
        if reason is not None:
            walk.append((candidate.name, f"declined: {reason}"))
            continue
        plan = candidate.plan(problem)
        if best is None or plan.nanoseconds < best[1].nanoseconds:
            best, slower = (candidate, plan), best
        else:
            slower = candidate, plan
        if slower is not None:
            walk.append((slower[0].name, f"passed over: {_estimates(slower[1], best[1])}"))
        if not candidate.rival or name != "auto":
            break
    if best is None:
        raise ValueError(f"algorithm={name!r} cannot serve this call: {reason}; use algorithm='auto'.")
    return Choice(best[0].name, best[1], (*walk, (best[0].name, f"chosen: {best[0].summary}")))


def _estimates(slower: Any, faster: Any) -> str:
    return f"about {slower.nanoseconds / 1000:.3g} microseconds against {faster.nanoseconds / 1000:.3g}"
