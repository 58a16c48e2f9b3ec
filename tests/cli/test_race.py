"""Timing in turns: results are compared first, and whoever fails is shown as failing."""

import time

import numpy as np
import pytest

from fastconv.cli.race import Contender, Race, run_race

RESULT = np.linspace(0, 1, 1000, dtype=np.float32).reshape(10, 100)


def timing(*others):
    ours = Contender("fastconv", "ours()", lambda: RESULT)
    return run_race(Race("name", "title", (ours, *others)), budget=0.02)


def test_agreeing_contenders_are_timed():
    outcome = timing(Contender("Peer", "theirs()", lambda: RESULT.T + 1e-7, lambda y: y.T))
    ours, theirs = outcome.results
    assert (outcome.name, outcome.title) == ("name", "title")
    assert outcome.rounds >= 3
    assert (ours.library, ours.times_as_long, ours.difference) == ("fastconv", 1, 0)
    assert theirs.error is None
    assert theirs.times_as_long == theirs.seconds / ours.seconds
    assert 0 < theirs.difference < 1e-6


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (RESULT + 0.01, "differs by 0.01"),
        (RESULT[:5], "shape (5, 100), not (10, 100)"),
        (RESULT * np.nan, "holds NaN"),
    ],
)
def test_disagreement_is_an_error_without_a_time(result, said):
    ours, theirs = timing(Contender("Peer", "theirs()", lambda: result)).results
    assert said in theirs.error
    assert theirs.seconds is None
    assert theirs.times_as_long is None
    assert ours.seconds > 0


def test_a_failing_peer_does_not_end_the_race():
    def fail():
        raise RuntimeError("no such kernel\nand more")

    theirs = timing(Contender("Peer", "theirs()", fail)).results[1]
    assert theirs.error == "RuntimeError: no such kernel"


def test_only_the_fastest_way_of_a_library_takes_part():
    def slow():
        time.sleep(0.005)
        return RESULT

    ways = [Contender("Peer", "slow()", slow), Contender("Peer", "fast()", lambda: RESULT)]
    assert [result.call for result in timing(*ways).results] == ["ours()", "fast()"]
    wrong = Contender("Peer", "wrong()", lambda: RESULT + 1)
    theirs = timing(*ways, wrong).results[1]
    assert theirs.call == "wrong()"
    assert "differs" in theirs.error
