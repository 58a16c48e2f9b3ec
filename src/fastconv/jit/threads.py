"""How many threads a call may use."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from numba import config
from numba.np.ufunc import parallel

from fastconv.jit.pool import start_helpers

__all__ = ["GRAIN_NANOSECONDS", "PARALLEL_NANOSECONDS", "helpers_for", "thread_count", "threads", "threads_for"]

#: Least work that a thread takes at once: a chunk costs a body's call and its scratch, a microsecond or two.
GRAIN_NANOSECONDS = 3_000
#: Below this much work on one thread a job stays serial. A parallel region costs 1.2 microseconds more than a serial
#: call, and 1.7 where it finds all helpers asleep: 5 microseconds of work take 1.07 times as long in two threads, 7
#: take 0.78, 20 take 0.6 times (2 cores, helpers awake; asv_bench/region.py).
PARALLEL_NANOSECONDS = 2 * GRAIN_NANOSECONDS

_limit: ContextVar[int | None] = ContextVar("fastconv_threads", default=None)


def thread_count() -> int:
    """Most threads that a call here and now may use: `threads`, else ``numba.set_num_threads``, NUMBA_NUM_THREADS."""
    limit = _limit.get()
    if limit is not None:
        return limit
    # numba.get_num_threads() would start Numba's own threads, which nothing here needs, and takes a lock, which a child
    # that is forked could find taken; what it reads in the end does neither.
    if not getattr(parallel, "_is_initialized", True):
        return int(config.NUMBA_NUM_THREADS)
    return int(getattr(parallel, "_get_num_threads", parallel.get_num_threads)())


def threads_for(tasks: int, nanoseconds: float) -> int:
    """How many threads are wanted for tasks that take so long on one."""
    if tasks < 2 or nanoseconds < PARALLEL_NANOSECONDS or config.DISABLE_JIT:
        return 1
    return min(tasks, thread_count(), int(nanoseconds / GRAIN_NANOSECONDS))


def helpers_for(tasks: int, nanoseconds: float) -> int:
    """How many threads beside the calling one can join in a job; starts them where they are not there yet."""
    wanted = threads_for(tasks, nanoseconds) - 1
    return start_helpers(wanted) if wanted else 0


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Use at most `count` threads for calls inside the ``with`` block.

    It holds for the thread, or asyncio task, that enters the block, and goes before ``numba.set_num_threads`` and
    NUMBA_NUM_THREADS, which are left as they are. Results are the same bits for any number.

    Parameters
    ----------
    count : int
        From 1, which means serial, to NUMBA_NUM_THREADS, by default the number of cores.

    Raises
    ------
    TypeError, ValueError
        Where `count` is not such a number.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> with fc.threads(1):
    ...     y = fc.max_pool2d(np.eye(4)[None], 2)
    """
    token = _limit.set(_checked(count))
    try:
        yield
    finally:
        _limit.reset(token)


def _checked(count: Any) -> int:
    most = int(config.NUMBA_NUM_THREADS)
    try:
        if isinstance(count, bool):
            raise TypeError
        number = operator.index(count)
    except TypeError:
        raise TypeError(f"threads({count!r}) is not a whole number; give an int from 1 to {most}.") from None
    if not 1 <= number <= most:
        raise ValueError(
            f"threads({number}) is out of range; give 1 to {most}, the number of threads that NUMBA_NUM_THREADS or "
            "else the number of cores allows."
        )
    return number
