"""Timing one piece of work in several libraries: results compared first, then turns taken, medians kept."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Contender", "Race", "Result", "Timing", "run_race"]

_SLOT = (
    0.004  # seconds of calls in a turn: short ones are repeated, so that the clock's grain and cold caches weigh little
)
_MOST_CALLS = 20  # in a turn
_LONG = 0.3  # seconds of a call that is not repeated just to see how long it takes
_LEAST_ROUNDS, _MOST_ROUNDS = 3, 25
_TOLERANCE = 2e-5  # of the largest result: float32 sums of some hundred terms, in any order


@dataclass(frozen=True)
class Contender:
    """One library's way of doing the work.

    Attributes
    ----------
    library : str
        Whose it is; the first contender of a race is fastconv, with which the others are compared.
    call : str
        The call, as one would write it.
    run : callable
        Does the work, without arguments.
    view : callable
        Brings a result of `run` into the form of fastconv's, outside the timing.
    """

    library: str
    call: str
    run: Callable[[], Any]
    view: Callable[[Any], Any] = np.asarray


@dataclass(frozen=True)
class Race:
    """One piece of work and everyone who does it."""

    name: str
    title: str
    contenders: tuple[Contender, ...]


@dataclass(frozen=True)
class Result:
    """How one contender did.

    Attributes
    ----------
    library, call : str
        Whose way, and which.
    seconds : float or None
        The median over the rounds; None where there was nothing to time, for the reason in `error`.
    times_as_long : float or None
        `seconds` by fastconv's.
    difference : float or None
        Largest absolute difference to fastconv's result.
    error : str or None
        What went wrong: an exception, or a result that differs.
    """

    library: str
    call: str
    seconds: float | None = None
    times_as_long: float | None = None
    difference: float | None = None
    error: str | None = None


@dataclass(frozen=True)
class Timing:
    """The outcome of a race: one result a library, fastconv's first."""

    name: str
    title: str
    rounds: int
    results: tuple[Result, ...]


def run_race(race: Race, budget: float = 1.5) -> Timing:
    """Compare the results of all contenders, then time those that agree, in turn.

    A drift of the machine's speed hits all alike, since each round gives everyone a turn. Where a library has several
    ways, only the faster one by the first calls takes part.

    Parameters
    ----------
    race : Race
        The work; its first contender is what the others are compared with.
    budget : float
        Seconds that the timing may take, unless three rounds take longer.

    Returns
    -------
    Timing
    """
    ours = race.contenders[0]
    expected = ours.view(ours.run())
    checked = [_check(contender, expected) for contender in race.contenders]
    entrants = _best_of_each_library(list(zip(race.contenders, checked, strict=True)))
    runners = {contender.library: (contender.run, result.seconds) for contender, result in entrants if result.seconds}
    medians, rounds = _take_turns(list(runners.values()), budget)
    seconds = dict(zip(runners, medians, strict=True))
    own = seconds[ours.library]
    results = tuple(
        Result(
            contender.library,
            contender.call,
            seconds.get(contender.library),
            seconds[contender.library] / own if contender.library in seconds else None,
            result.difference,
            result.error,
        )
        for contender, result in entrants
    )
    return Timing(race.name, race.title, rounds, results)


def _check(contender: Contender, expected: Any) -> Result:
    """The contender's result against the expected one, and about how long it takes."""
    library, call = contender.library, contender.call
    try:
        start = time.perf_counter()
        output = contender.run()
        seconds = time.perf_counter() - start
        if seconds < _LONG:  # the first call may have set something up
            seconds = _one_call(contender.run)
        output = np.asarray(contender.view(output))
    except Exception as error:  # a peer may fail in ways of its own, which is no reason to stop
        return Result(library, call, error=f"{type(error).__name__}: {error}".splitlines()[0])
    if output.shape != expected.shape:
        return Result(library, call, error=f"its result has shape {output.shape}, not {expected.shape}")
    difference = float(np.abs(output - expected).max())
    if math.isnan(difference):
        return Result(library, call, error="its result holds NaN")
    if difference > _TOLERANCE * float(np.abs(expected).max()):
        return Result(library, call, difference=difference, error=f"its result differs by {difference:.2g}")
    return Result(library, call, seconds, difference=difference)


def _best_of_each_library(entrants: list[tuple[Contender, Result]]) -> list[tuple[Contender, Result]]:
    """The fastest way of each library; one that went wrong comes first, so that it is seen."""
    best: dict[str, tuple[Contender, Result]] = {}
    for entrant in entrants:
        rival = best.setdefault(entrant[0].library, entrant)
        if (entrant[1].seconds or 0) < (rival[1].seconds or 0):
            best[entrant[0].library] = entrant
    return list(best.values())


def _take_turns(runners: list[tuple[Callable[[], Any], float]], budget: float) -> tuple[list[float], int]:
    """Medians over rounds in which each function has one turn, and the number of rounds.

    With each function comes about how long it takes.
    """
    functions = [function for function, _ in runners]
    calls = [max(1, min(_MOST_CALLS, int(_SLOT / seconds))) for _, seconds in runners]
    figures: list[list[float]] = [[] for _ in functions]
    end = time.perf_counter() + budget
    rounds = 0
    while rounds < _LEAST_ROUNDS or (rounds < _MOST_ROUNDS and time.perf_counter() < end):
        for function, count, figure in zip(functions, calls, figures, strict=True):
            if count > 1:
                function()  # a short call would otherwise time the caches that the previous library left behind
            figure.append(statistics.median(_one_call(function) for _ in range(count)))
        rounds += 1
    return [statistics.median(figure) for figure in figures], rounds


def _one_call(function: Callable[[], Any]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start
