"""Choosing: the first candidate that does not decline, remembered for as long as calls of the same kind come."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from fastconv.plan.problem import Problem
from fastconv.plan.registry import candidates_for, planned

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
    """Plan a problem with the named algorithm, or with the first candidate that serves.

    Raises
    ------
    ValueError
        Where no algorithm has that name, or the one that has declines.
    """
    candidates = candidates_for(problem)
    names = [candidate.name for candidate in candidates]
    if name != "auto" and name not in names:
        raise ValueError(
            f"algorithm={name!r} is not known for {problem.op}; choose 'auto' or one of {', '.join(map(repr, names))}."
        )
    walk: list[tuple[str, str]] = []
    for candidate in candidates:
        if name not in ("auto", candidate.name):
            continue
        reason = candidate.refuse(problem) or (candidate.yields(problem) if name == "auto" else None)
        if reason is None:
            walk.append((candidate.name, f"chosen: {candidate.summary}"))
            return Choice(candidate.name, planned(problem, candidate), tuple(walk))
        walk.append((candidate.name, f"declined: {reason}"))
    raise ValueError(f"algorithm={name!r} cannot serve this call: {reason}; use algorithm='auto'.")
