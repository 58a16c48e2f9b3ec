"""Cost of sharing a job out to helpers, and from how much work on it pays."""

from __future__ import annotations

import time
from functools import lru_cache
from typing import Any

import numpy as np

from asv_bench.fixtures import Sampling, only_with_threads

#: Tasks of a job.
TASKS = 100


def work(begin: int, end: int, amount: Any, results: Any) -> None:
    """A body whose time is known: each task adds up as often as `amount` says, one sum after the other."""
    for task in range(begin, end):
        total = results[task]
        for _ in range(amount[0]):
            total = total * 0.999 + 1.0
        results[task] = total


@lru_cache(maxsize=1)
def working() -> Any:
    """The body as a kernel; skipped where a commit has no such drivers."""
    try:
        from fastconv.jit.kernel import Kernel
    except ImportError:
        raise NotImplementedError("this commit has no helpers of its own") from None
    if not hasattr(Kernel, "bind"):
        raise NotImplementedError("this commit has no helpers of its own")
    return Kernel(work, "asv_bench.region.work").bind(np.int64, np.float64)


@lru_cache(maxsize=1)
def amount_of(microseconds: float) -> np.ndarray:
    """How often a task adds up so that all tasks take so long on one thread."""
    bound, results = working(), np.zeros(TASKS)

    def seconds(count: int) -> float:
        amount = np.array([count])
        bound.run_serial(TASKS, amount, results)
        start = time.perf_counter()
        for _ in range(20):
            bound.run_serial(TASKS, amount, results)
        return (time.perf_counter() - start) / 20

    one = min(seconds(1000) - seconds(0) for _ in range(20)) / 1000
    return np.array([max(0, round(microseconds * 1e-6 / one))])


class Jobs(Sampling):
    """A job of some microseconds on one thread, by the serial driver or shared out to a helper."""

    params = ((0, 3, 5, 7, 10, 20, 50, 100, 200, 500), ("serial", "shared"))
    param_names = ("microseconds", "driver")

    def setup(self, microseconds: float, driver: str) -> None:
        only_with_threads(2)
        bound, amount, results = working(), amount_of(microseconds), np.zeros(TASKS)
        estimate = max(microseconds, self.least_estimate) * 1e3

        def call() -> None:
            if driver == "serial":
                bound.run_serial(TASKS, amount, results)
            else:
                bound.run(TASKS, estimate, amount, results)

        self.call = call
        call()


class AfterAnother(Jobs):
    """One after the other, so that the helper is awake."""

    least_estimate = 6.0  # enough to be shared out

    def time_100_jobs(self, microseconds: float, driver: str) -> None:
        for _ in range(100):
            self.call()


class AfterPause(Jobs):
    """After a pause, so that the helper sleeps and has to be woken."""

    least_estimate = 100.0  # enough to be woken for

    def setup(self, microseconds: float, driver: str) -> None:
        super().setup(microseconds, driver)
        time.sleep(0.002)

    def time_job(self, microseconds: float, driver: str) -> None:
        self.call()
