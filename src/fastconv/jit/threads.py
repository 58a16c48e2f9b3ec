"""How many pieces a job is cut into, and when threads may run at all.

Numba's OpenMP layer kills a forked child that enters a parallel region, and its workqueue layer aborts the process when
two Python threads are in one at once. So forked children run serially, and so does whoever finds a region busy; results
are the same bits either way.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numba

__all__ = ["PARALLEL_NANOSECONDS", "chunks_for", "region"]

#: Below this much work on one thread a job stays serial. A parallel region costs 2 microseconds with the OpenMP and TBB
#: layers, and two threads save at most half: from five times that on, it pays even with a slow second core.
PARALLEL_NANOSECONDS = 10_000


def chunks_for(tasks: int, nanoseconds: float) -> int:
    """Number of pieces for `tasks` that take `nanoseconds` on one thread; 1 means serial.

    Follows ``numba.set_num_threads`` and NUMBA_NUM_THREADS.
    """
    if tasks < 2 or nanoseconds < PARALLEL_NANOSECONDS or _state.forked:
        return 1
    return min(tasks, numba.get_num_threads())


class _State:
    """What a process knows of its regions."""

    def __init__(self, forked: bool) -> None:
        self.forked = forked
        self.busy = threading.Lock()


_state = _State(forked=False)


def _start_in_child() -> None:
    # The lock may have been held by a thread that the child does not have.
    global _state
    _state = _State(forked=True)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_in_child)


@contextmanager
def region() -> Iterator[bool]:
    """Whether the body of the ``with`` statement may run a parallel region; at most one thread may at a time."""
    busy = _state.busy
    free = busy.acquire(blocking=False)
    try:
        yield free
    finally:
        if free:
            busy.release()
