"""Tasks for Python threads: work that NumPy does without the interpreter's lock, such as Fourier transforms.

Helpers of `fastconv.jit.pool` stay in compiled code and cannot take it. Threads are started for each call and end with
it, so that nothing is left for a fork to find: 60 microseconds each, little for tasks of a millisecond.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from fastconv.jit.threads import threads_for

__all__ = ["TASK_NANOSECONDS", "share_tasks"]

#: Least work of a thread.
TASK_NANOSECONDS = 500_000

Task = TypeVar("Task")


def share_tasks(work: Callable[[Task], None], tasks: Sequence[Task], nanoseconds: float) -> None:
    """Call ``work(task)`` for each task, in as many threads as a call may use here.

    Parameters
    ----------
    work : callable
        Tasks must not touch what others write.
    tasks : sequence
        Taken in their order, each by whoever is free.
    nanoseconds : float
        Rough time of all on one thread.

    Raises
    ------
    BaseException
        The first that a task raised; no task is begun after it.
    """
    threads = min(threads_for(len(tasks), nanoseconds), max(1, int(nanoseconds / TASK_NANOSECONDS)))
    left, failures = iter(tasks), list[BaseException]()
    taking = threading.Lock()

    def take() -> Iterator[Task]:
        while not failures:
            with taking:
                task = next(left, None)
            if task is None:
                return
            yield task

    def run() -> None:
        try:
            for task in take():
                work(task)
        except BaseException as failure:
            failures.append(failure)

    helpers = []
    try:
        for _ in range(threads - 1):
            helper = threading.Thread(target=run, daemon=True)
            helper.start()
            helpers.append(helper)
    except RuntimeError:  # no more threads in this process, or it ends: do with what there is
        pass
    run()
    for helper in helpers:
        helper.join()
    if failures:
        raise failures[0]
