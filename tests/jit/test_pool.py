"""The pool of helpers: every task is done once, whoever does it, and nobody waits for one who does not come."""

import _thread
import threading
import time

import numpy as np
import pytest

from bodies import kernel_of
from fastconv.jit import atomic, pool
from fastconv.jit.kernel import _slices, launch
from sharing import share_out

TASKS = 5000


def count(begin, end, done, work):
    for task in range(begin, end):
        for _ in range(work[0]):
            done[task] += 1


def fail(begin, end, done):
    done[begin] = 1
    if done[0] < 2:
        np.empty(2**60, np.int8)[0] = 1


def meet(begin, end, met):
    """Two tasks that each wait for the other to have begun, but not for ever."""
    for task in range(begin, end):
        atomic.add(met, 0, 1)
        for _ in range(100_000):
            if atomic.load(met, 0) == 2:
                met[1 + task] = 1
                break
            atomic.pause()


counting, failing, meeting = kernel_of(count), kernel_of(fail), kernel_of(meet)


def run(rounds: int = 1) -> np.ndarray:
    done = np.zeros(TASKS, np.int64)
    counting.run(TASKS, 1e6, done, np.array([rounds]))
    return done


@pytest.fixture
def fresh_pool(monkeypatch: pytest.MonkeyPatch):
    """Makes a pool of its own, which ends with the test."""
    made = []

    def make(**options) -> pool._Pool:
        made.append(pool._Pool(**options))
        monkeypatch.setattr(pool, "_pool", made[-1])
        return made[-1]

    yield make
    for one in made:
        one.stop()
        assert not one._alive, "a helper did not end"


@pytest.mark.parametrize("sleep_in_python", [False, True])
@pytest.mark.parametrize("helpers", [1, 2, 7, pool._MOST_PARTS + 4])
def test_every_task_is_done_once(helpers: int, sleep_in_python: bool, fresh_pool, monkeypatch) -> None:
    mine = fresh_pool(sleep_in_python=sleep_in_python)
    share_out(monkeypatch, helpers)
    for _ in range(50):
        assert (run() == 1).all()
    time.sleep(0.01)  # long enough for all helpers to be asleep
    for _ in range(50):
        assert (run() == 1).all()
    assert mine.started == helpers


@pytest.mark.parametrize("sleep_in_python", [False, True])
def test_helpers_help_also_after_they_slept(sleep_in_python: bool, fresh_pool, monkeypatch) -> None:
    mine = fresh_pool(sleep_in_python=sleep_in_python)
    share_out(monkeypatch, 1)
    run()
    for _ in range(3):
        until = time.monotonic() + 10
        while not mine._asleep if sleep_in_python else mine.words[pool._AWAKE]:
            assert time.monotonic() < until, "the helper never went to sleep"
            time.sleep(0.001)
        met = np.zeros(3, np.int64)
        while met[1:].sum() < 2:  # however busy the machine is, at some time the helper gets a core
            assert time.monotonic() < until, "the helper never came"
            met[:] = 0
            meeting.run(2, 1e6, met)


def test_concurrent_callers_each_get_all_of_theirs(monkeypatch) -> None:
    share_out(monkeypatch, 2)
    wrong = []

    def work() -> None:
        wrong.extend(i for i in range(100) if (run() != 1).any())

    callers = [threading.Thread(target=work) for _ in range(6)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert not wrong


def test_a_busy_pool_is_told_and_left_alone(monkeypatch) -> None:
    share_out(monkeypatch, 1)
    pool._pool.words[pool._OWNER] = 1
    try:
        assert (run() == 1).all()
    finally:
        pool._pool.words[pool._OWNER] = 0


def test_a_body_out_of_memory_is_a_memory_error(monkeypatch) -> None:
    for helpers in (0, 1):
        share_out(monkeypatch, helpers)
        with pytest.raises(MemoryError):
            failing.run(10, 1e6, np.zeros(10))
    assert (run() == 1).all()


def test_threads_that_cannot_be_started_are_done_without(fresh_pool, monkeypatch) -> None:
    mine = fresh_pool()
    share_out(monkeypatch, 3)

    def refuse(*args):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(pool.types, "BuiltinFunctionType", type(refuse))
    monkeypatch.setattr(pool._thread, "start_new_thread", refuse)
    assert (run() == 1).all()
    assert (mine.started, mine._alive) == (0, set())


def test_a_patched_thread_module_is_not_trusted(fresh_pool, monkeypatch) -> None:
    mine = fresh_pool()
    share_out(monkeypatch, 1)
    started = []
    monkeypatch.setattr(_thread, "start_new_thread", lambda *args: started.append(args))
    assert (run() == 1).all()
    assert (mine.started, started) == (0, [])


def test_long_jobs_are_cut_where_python_can_look_for_signals(monkeypatch) -> None:
    monkeypatch.setattr("fastconv.jit.kernel.FIRST_SLICE_NANOSECONDS", 1e4)
    monkeypatch.setattr("fastconv.jit.kernel.SLICE_NANOSECONDS", 1e5)
    run()  # compiles
    calls = []
    monkeypatch.setattr(
        "fastconv.jit.kernel.launch", lambda code, letter, begin, end, arrays: calls.append((begin, end))
    )
    share_out(monkeypatch, 0)
    counting.run(1000, 1e6, np.zeros(1000, np.int64), np.array([1]))
    assert len(calls) > 2, "one run"
    assert [begin for begin, _ in calls] == [0, *(end for _, end in calls[:-1])]
    assert calls[-1][1] == 1000


def test_a_run_has_a_task_for_each_thread_however_long_they_are() -> None:
    assert list(_slices(4, 4e12, 2)) == [(0, 2), (2, 4)]


def test_runs_give_all_threads_the_same_number_of_tasks() -> None:
    lengths = [end - begin for begin, end in _slices(1000, 1e9, 3)]
    assert [length % 3 for length in lengths[:-1]] == [0] * (len(lengths) - 1)


@pytest.mark.parametrize("wrong", [0.01, 1, 100])
def test_a_wrong_estimate_is_corrected_after_one_run(wrong: float, monkeypatch) -> None:
    now, each = [0], 1000  # a task's nanoseconds
    monkeypatch.setattr("fastconv.jit.kernel.perf_counter_ns", lambda: now[0])
    lengths = []
    for begin, end in _slices(10**6, 1e9 / wrong, 1):
        now[0] += each * (end - begin)
        lengths.append(end - begin)
    assert sum(lengths) == 10**6
    assert max(lengths) * each <= 2e8, "the longest run"
    assert max(lengths[1:]) * each <= 2e7, "the longest run but the first"
    assert len(lengths) < 60


def test_drivers_are_compiled_once() -> None:
    def compiled() -> int:
        return sum(sum(counts.values()) for counts in (launch.stats.cache_hits, launch.stats.cache_misses))

    run()
    before = compiled()
    run()
    assert compiled() == before
