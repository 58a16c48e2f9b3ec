"""Tasks for Python threads: each is done once, and failures reach the caller."""

import threading

import pytest

import fastconv as fc
from fastconv.jit import crew


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_each_task_is_done_once(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "threads_for", lambda tasks, _: threads)
    done: list[int] = []
    names = set()

    def work(task: int) -> None:
        if len(names) < threads:  # wait until all threads have come
            names.add(threading.current_thread().name)
            waiting.wait(10)
        done.append(task)

    waiting = threading.Barrier(threads)
    crew.share_tasks(work, range(100), 1e9)
    assert sorted(done) == list(range(100))
    assert len(names) == threads


def test_little_work_has_no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "threads_for", lambda tasks, _: 4)
    names = set()
    crew.share_tasks(lambda _: names.add(threading.current_thread().name), range(50), 1.9 * crew.TASK_NANOSECONDS)
    assert names == {threading.current_thread().name}


def test_the_limit_of_threads_holds() -> None:
    names = set()
    with fc.threads(1):
        crew.share_tasks(lambda _: names.add(threading.current_thread().name), range(50), 1e12)
    assert names == {threading.current_thread().name}


@pytest.mark.parametrize("threads", [1, 3])
def test_a_failure_ends_all_and_reaches_the_caller(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "threads_for", lambda tasks, _: threads)
    begun: list[int] = []

    def work(task: int) -> None:
        begun.append(task)
        if task == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        crew.share_tasks(work, range(10_000), 1e12)
    assert len(begun) < 10_000
