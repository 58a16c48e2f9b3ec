"""How many pieces a job is cut into."""

from __future__ import annotations

import numba

__all__ = ["PARALLEL_NANOSECONDS", "chunks_for"]

#: Below this much work on one thread a job stays serial. A parallel region costs 2 microseconds with the OpenMP and TBB
#: layers, and two threads save at most half: from five times that cost on, the region pays even with a slow second
#: core.
PARALLEL_NANOSECONDS = 10_000


def chunks_for(tasks: int, nanoseconds: float) -> int:
    """Number of pieces for `tasks` that take `nanoseconds` on one thread; 1 means serial.

    Follows ``numba.set_num_threads`` and NUMBA_NUM_THREADS.
    """
    if tasks < 2 or nanoseconds < PARALLEL_NANOSECONDS:
        return 1
    return min(tasks, numba.get_num_threads())
