"""Kernels that tell which threads do their tasks, by waiting for each other."""

import hashlib
import threading
import time

import numpy as np

from fastconv.jit import atomic
from fastconv.jit.kernel import Kernel

__all__ = ["held_job", "kernel_of", "meet_helpers", "most_threads"]


def kernel_of(body) -> Kernel:
    """A kernel whose compiled code is kept under its content: test files are no part of the package's digest."""
    code = body.__code__
    digest = hashlib.sha256(repr((code.co_code, code.co_consts, code.co_names)).encode()).hexdigest()
    return Kernel(body, f"{body.__module__}.{body.__name__} {digest[:16]}")


def crowd(begin, end, words, wanted):
    """Each task waits for so many to be at work at once, but not for ever; words: now at work, the most ever."""
    for _ in range(begin, end):
        here = atomic.add(words, 0, 1) + 1
        most = atomic.load(words, 1)
        while here > most and not atomic.exchange_if(words, 1, most, here):
            most = atomic.load(words, 1)
        for _ in range(20_000):
            if atomic.load(words, 1) >= wanted[0]:
                break
            atomic.pause()
        atomic.add(words, 0, -1)


def hold(begin, end, words):
    """Two tasks that wait for each other, then both for words[1]."""
    for _ in range(begin, end):
        atomic.add(words, 0, 1)
        while atomic.load(words, 0) < 2 or not atomic.load(words, 1):
            atomic.pause()


crowding, holding = kernel_of(crowd), kernel_of(hold)


def most_threads(wanted: int, rounds: int = 1) -> int:
    """The most threads that were at work at once, in so many jobs in which each waits for `wanted`."""
    words = np.zeros(2, np.int64)
    for _ in range(rounds):
        crowding.run(4 * wanted, 1e6, words, np.array([wanted]))
    return int(words[1])


def meet_helpers(threads: int) -> None:
    """Return once so many threads were at work at once: however busy the machine is, all get a core at some time."""
    until = time.monotonic() + 60
    while most_threads(threads) < threads:
        assert time.monotonic() < until, f"there were never {threads} threads at work"


def held_job() -> tuple[threading.Thread, np.ndarray]:
    """A thread in a job, with one helper inside; both leave when the second of the words is set."""
    words = np.zeros(2, np.int64)
    thread = threading.Thread(target=holding.run, args=(2, 1e6, words))
    thread.start()
    while words[0] < 2:
        assert thread.is_alive(), "the job ended before it was to"
        time.sleep(0.001)
    return thread, words
