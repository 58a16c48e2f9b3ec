"""The parallel driver: threads of our own that help whoever has a long job.

Numba's layers are not for a library: OpenMP's kills a forked child that enters a region, the workqueue aborts the
process when two Python threads are in one at once, or when a region is entered inside another, and a region costs 2 to
115 microseconds. Here a job is a range of tasks. The caller publishes it and works through it; helpers that are awake
take tasks too. Nobody waits for a helper that has not come, and a helper that takes no task can do no harm. A region
costs a microsecond or two (asv_bench/region.py).

- Each thread has a part of the tasks to begin with, and takes from those of others when it has done its own. So calls
  that follow one another find in a core's own caches what the last one left there.
- One job at a time: who finds the pool busy does the job alone. So concurrent and nested calls are no special case.
- A forked child has no helpers and starts its own.
- Helpers are Python threads that stay in compiled code without the interpreter's lock: spinning for a while after a
  job, then asleep in the system until the next. Signals are for other threads.
- They end when the interpreter does.

The words that they share stand in one array of integers.
"""

from __future__ import annotations

import _thread
import atexit
import os
import signal
import threading
import time
import types
from typing import Any

import numpy as np

from fastconv.jit import atomic
from fastconv.jit.cores import CORE_WORDS, keep_off, return_to_all, this_core
from fastconv.jit.decorators import compiled, helper
from fastconv.jit.host import available_cores
from fastconv.jit.letter import call_trampoline
from fastconv.jit.undisturbed import undisturbed

__all__ = ["BUSY", "share", "start_helpers"]

#: What `share` returns where another job is being done.
BUSY = -1

#: Microseconds that a helper spins before it sleeps: waking takes 25 microseconds or more, and calls often come in a
#: row with little between them. With a call every millisecond a loop of another process kept 0.97 of its speed on two
#: cores, as it did beside helpers that spin for 20 microseconds; with 1000 it kept 0.82.
SPIN_MICROSECONDS = 200
#: Work done without a helper, in one job or in several, before it is woken. Waking costs the caller 2 to 30
#: microseconds, and the helper comes 30 to 100 microseconds later.
WAKE_NANOSECONDS = 100_000
#: Looks at a helper's last chunk before the caller lets others have its core.
PATIENCE = 2000

# Places of the shared words. Those that many threads write, and those that helpers look at all the time, have cache
# lines of their own (128 bytes: cores fetch two neighbouring lines of 64 at once).
_LINE = 16
_SEQUENCE, _INSIDE, _OWNER, _AWAKE, _STOP = range(0, 5 * _LINE, _LINE)
_PARTS, _GRAIN, _ALLOWED, _TRAMPOLINE, _LETTER, _FAILED, _CORE, _ALONE = range(5 * _LINE, 5 * _LINE + 8)
#: Most parts of the tasks of a job, which more threads than that share. Each has two words: its next task, and its end.
_MOST_PARTS = 16
_NEXT, _END = 6 * _LINE, 6 * _LINE + 1
_WORDS = (6 + _MOST_PARTS) * _LINE
_EVERYBODY = 2**31 - 1


@helper
def _do_tasks(words: Any, number: int) -> None:
    """Take chunks of the open job until none is left, first those of the thread's own part, then those of others.

    What the last call left in the thread's own caches is there for the same part of this one: 3x3 kernels on 1024x1024
    pixels take 0.8 of the time that they took where chunks went to whoever came first, global averages of 256 channels
    on 28x28 too (2 threads, Zen 4). Chunks are large at first, so that there are few, and small at the end, so that all
    threads end together.
    """
    parts = words[_PARTS]
    shares = 2 * ((words[_ALLOWED] + parts) // parts)
    for i in range(parts):
        part = (number + i) % parts * _LINE
        end = words[_END + part]
        begin = atomic.load(words, _NEXT + part)
        while begin < end:
            until = min(end, begin + max(words[_GRAIN], (end - begin) // shares))
            if atomic.exchange_if(words, _NEXT + part, begin, until):
                failed = call_trampoline(words[_TRAMPOLINE], words[_LETTER], begin, until)
                if failed:
                    atomic.add(words, _FAILED, failed)
            begin = atomic.load(words, _NEXT + part)


def _share(words, trampoline, letter, begin, end, grain, helpers, nanoseconds):  # type: ignore[no-untyped-def]
    if not atomic.exchange_if(words, _OWNER, 0, 1):
        return BUSY
    words[_TRAMPOLINE], words[_LETTER] = trampoline, letter.ctypes.data
    words[_GRAIN], words[_ALLOWED], words[_FAILED] = grain, helpers, 0
    words[_CORE] = this_core()
    parts = min(helpers + 1, _MOST_PARTS)
    words[_PARTS] = parts
    for part in range(parts):
        words[_NEXT + part * _LINE] = begin + (end - begin) * part // parts
        words[_END + part * _LINE] = begin + (end - begin) * (part + 1) // parts
    atomic.add(words, _SEQUENCE, 1)  # odd: open
    missing = helpers - atomic.load(words, _AWAKE)
    if missing > 0:
        words[_ALONE] += nanoseconds
        woken = min(missing, words[_ALONE] // WAKE_NANOSECONDS)
        if woken > 0:
            words[_ALONE] = 0
            atomic.wake(words, _SEQUENCE, woken)
    _do_tasks(words, 0)
    # Closed before looking who is inside; helpers enter before they look whether it is still open. So either it is seen
    # that they are inside, or they see that it is closed.
    atomic.add(words, _SEQUENCE, 1)
    looks = 0
    while atomic.load(words, _INSIDE):
        looks += 1
        if looks < PATIENCE:
            atomic.pause()
        else:
            atomic.yield_core()
    failed = words[_FAILED]
    atomic.store(words, _OWNER, 0)
    return failed


def _help(words, cores, number, seen, looks, sleeps):  # type: ignore[no-untyped-def]
    """Help with every job until told to stop, or, if it may not sleep, until none has come for a number of looks."""
    atomic.add(words, _AWAKE, 1)
    left = looks
    while True:
        # Who stops the helpers changes the sequence after that: so either it is seen here, or nobody sleeps below.
        sequence = atomic.load(words, _SEQUENCE)
        if atomic.load(words, _STOP):
            break
        if sequence & 1 and sequence != seen:
            seen = sequence
            before = atomic.add(words, _INSIDE, 1)
            if before < atomic.load(words, _ALLOWED) and atomic.load(words, _SEQUENCE) == sequence:
                _do_tasks(words, number)
                left = looks
            atomic.add(words, _INSIDE, -1)
        elif left > 0:
            left -= 1
            atomic.pause()
        elif sleeps:
            kept_off = keep_off(cores, words[_CORE])
            atomic.add(words, _AWAKE, -1)
            atomic.sleep_while(words, _SEQUENCE, sequence)
            atomic.add(words, _AWAKE, 1)
            if kept_off:
                return_to_all(cores)
            left = looks
        else:
            break
    atomic.add(words, _AWAKE, -1)
    return seen


def _wake(words):  # type: ignore[no-untyped-def]
    atomic.add(words, _SEQUENCE, 2)
    atomic.wake(words, _SEQUENCE, _EVERYBODY)


_share_compiled = compiled(_share, "share")
_help_compiled = compiled(_help, "help")
_wake_compiled = compiled(_wake, "wake")


class _Pool:
    """The helpers of one process.

    Parameters
    ----------
    sleep_in_python : bool
        Helpers leave compiled code to sleep, as they must where the system has no futex.
    """

    def __init__(self, sleep_in_python: bool = not atomic.HAS_FUTEX) -> None:
        self.words = np.zeros(_WORDS, np.int64)
        self.started = 0
        self._alive: set[int] = set()
        self._looks = 0
        self._starting = threading.Lock()
        self._sleep_in_python = sleep_in_python
        self._asleep: list[Any] = []  # locks of helpers that sleep in Python
        self._alone = 0.0  # nanoseconds of work for which they were missed

    def start(self, wanted: int) -> int:
        """Have up to `wanted` helpers; how many of those there are."""
        if self.started < wanted and self._starting.acquire(blocking=False):
            try:
                self._start(wanted)
            finally:
                self._starting.release()
        return min(self.started, wanted)

    def _start(self, wanted: int) -> None:
        # A patched _thread (gevent's) makes no thread, and its substitute would never come back from compiled code.
        if self.words[_STOP] or not isinstance(_thread.start_new_thread, types.BuiltinFunctionType):
            return
        self._looks = self._looks or undisturbed(lambda: _looks_in(SPIN_MICROSECONDS))
        while self.started < wanted:
            self._alive.add(self.started)
            try:
                _thread.start_new_thread(self._run, (self.started,))
            except RuntimeError:  # no more threads in this process, or it ends: do with what there is
                self._alive.discard(self.started)
                return
            self.started += 1

    def _run(self, number: int) -> None:
        """A helper's life."""
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS_OF_OTHERS)
        looks = self._looks if number + 1 < available_cores() else 1  # more threads than cores: do not hold one
        seen, cores, asleep = 0, np.zeros(CORE_WORDS, np.int64), _thread.allocate_lock()
        asleep.acquire()
        while not self.words[_STOP]:
            seen = _help_compiled(self.words, cores, number + 1, seen, looks, not self._sleep_in_python)
            if self._sleep_in_python:
                self._asleep.append(asleep)
                asleep.acquire()
        self._alive.discard(number)

    def wake(self, count: int) -> None:
        """Wake at most so many helpers that sleep in Python; a job itself wakes the others."""
        for _ in range(count):
            try:
                self._asleep.pop().release()
            except IndexError:  # another thread has woken the last one
                return

    def stop(self) -> None:
        """End all helpers; waits a second for them at most."""
        self.words[_STOP] = 1
        if self.started:
            _wake_compiled(self.words)
        until = time.monotonic() + 1
        while self._alive and time.monotonic() < until:
            self.wake(len(self._alive))
            time.sleep(0.0002)


def _looks_in(microseconds: float) -> int:
    """How many looks a helper takes in a time. On the way all is compiled that the pool runs."""
    words, cores, looks = np.zeros(_WORDS, np.int64), np.zeros(CORE_WORDS, np.int64), 500
    _wake_compiled(words)
    words[_OWNER] = 1
    _share_compiled(words, 0, words, 0, 0, 1, 0, 0)  # finds it busy

    def time_looks() -> float:
        start = time.perf_counter()
        _help_compiled(words, cores, 1, 0, looks, False)
        return time.perf_counter() - start

    shortest = min(time_looks() for _ in range(10))  # the first compiles; in any other the thread may lose its core
    return max(1, int(looks * microseconds * 1e-6 / shortest))


def start_helpers(wanted: int) -> int:
    """Have up to `wanted` helpers in this process; how many of those there are."""
    return _pool.start(wanted)


def share(
    trampoline: int, letter: np.ndarray, begin: int, end: int, grain: int, helpers: int, nanoseconds: float
) -> int:
    """Do tasks `begin` to `end` together with at most `helpers` helpers, at least `grain` tasks at once.

    Parameters
    ----------
    trampoline : int
        What calls the body.
    letter : ndarray of int64
        What the trampoline reads.
    begin, end, grain, helpers : int
        What is done.
    nanoseconds : float
        Rough time of these tasks on one thread.

    Returns
    -------
    int
        How many chunks failed for want of memory, or `BUSY` where nothing was done as another job is running.
    """
    pool = _pool
    if pool._asleep:
        missing = helpers - pool.started + len(pool._asleep)
        pool._alone += nanoseconds
        woken = min(missing, int(pool._alone // WAKE_NANOSECONDS))
        if woken > 0:
            pool._alone = 0.0
            pool.wake(woken)
    failed: int = _share_compiled(pool.words, trampoline, letter, begin, end, grain, helpers, int(nanoseconds))
    return failed


def _start_in_child() -> None:
    global _pool
    _pool = _Pool()


# Faults of a thread's own code stay with it, so that Python's faulthandler can tell of them.
_FAULTS = {getattr(signal, name, None) for name in ("SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL", "SIGABRT", "SIGTRAP")}
_SIGNALS_OF_OTHERS = signal.valid_signals() - _FAULTS

_pool = _Pool()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_in_child)
atexit.register(lambda: _pool.stop())
