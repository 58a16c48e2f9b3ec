"""A kernel: one body, a serial driver and a parallel one.

A kernel is written once, as ``body(begin, end, *arrays)``: it does tasks ``begin`` to ``end``, knows nothing of
threads, raises nothing and sees contiguous vectors only. Tasks own disjoint pieces of the
output, so the result has the same bits however they are shared out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import perf_counter_ns
from typing import Any

from numba import intp, typeof

from fastconv.jit.address import address_of
from fastconv.jit.decorators import compiled
from fastconv.jit.pool import BUSY, share
from fastconv.jit.threads import PARALLEL_NANOSECONDS, helpers_for

__all__ = ["Kernel", "kernel"]

#: Longest time between two looks for Ctrl-C, which Python only sees between two calls of compiled code. Estimates of
#: time may be ten times too low, and then it is still gone in a fifth of a second.
SLICE_NANOSECONDS = 20_000_000
#: Least work that a thread takes at once: a chunk costs a body's call and its scratch, a microsecond or two.
GRAIN_NANOSECONDS = 10_000


class Kernel:
    """A compiled body with its drivers.

    Parameters
    ----------
    function : callable
        ``body(begin, end, *args)``.
    name : str
        Unique in the package: compiled code is kept under it.
    """

    def __init__(self, function: Callable[..., None], name: str) -> None:
        self.__doc__ = function.__doc__
        self.name = name
        self.body = compiled(function, name)
        self._addresses: dict[tuple[Any, ...], int] = {}

    def run(self, tasks: int, nanoseconds: float, *args: Any) -> None:
        """Do all tasks, in parallel where that pays.

        Parameters
        ----------
        tasks : int
            Number of tasks.
        nanoseconds : float
            Rough time of all tasks on one thread.
        *args : ndarray
            What the body takes after ``begin`` and ``end``: contiguous vectors.
        """
        if nanoseconds < PARALLEL_NANOSECONDS:
            self.body(0, tasks, *args)
            return
        helpers = helpers_for(tasks, nanoseconds)
        grain = max(1, int(tasks * GRAIN_NANOSECONDS / nanoseconds))
        for begin, end in _slices(tasks, nanoseconds, helpers + 1):
            failed = share(self._address(args), begin, end, grain, helpers, args) if helpers else BUSY
            if failed == BUSY:
                self.body(begin, end, *args)
            elif failed:
                raise MemoryError(f"There is no memory left for the scratch of {self.name} in {helpers + 1} threads.")

    def _address(self, args: tuple[Any, ...]) -> int:
        key = tuple((array.dtype, array.flags.writeable) for array in args)
        if key not in self._addresses:
            self._addresses[key] = address_of(self.body, (intp, intp, *map(typeof, args)))
        return self._addresses[key]


def _slices(tasks: int, nanoseconds: float, threads: int) -> Iterator[tuple[int, int]]:
    """Cut tasks into runs of about `SLICE_NANOSECONDS`, first by the estimate, then by what the last run took.

    A run has a task for each thread at least, however long tasks are.
    """
    begin, step = 0, tasks * threads * SLICE_NANOSECONDS / nanoseconds
    while begin < tasks:
        end = min(tasks, begin + max(threads, int(step)))
        start = perf_counter_ns()
        yield begin, end
        took = max(1, perf_counter_ns() - start)
        step = (end - begin) * min(2, SLICE_NANOSECONDS / took)
        begin = end


def kernel(function: Callable[..., None], name: str = "") -> Kernel:
    """Make a `Kernel` of a body: as a decorator, or with a name where a factory makes several of one function."""
    return Kernel(function, name or function.__name__)
