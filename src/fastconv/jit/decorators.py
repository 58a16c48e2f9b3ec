"""The only place that calls ``njit``: one decorator for helpers, one for kernels, and the two drivers of every kernel.

A kernel is written once, as ``body(begin, end, *arrays)``: it does tasks ``begin`` to ``end``, knows nothing of
threads, raises nothing and sees contiguous vectors only. Tasks own disjoint pieces of the
output, so the result has the same bits however they are shared out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import config, intp, njit, prange, typeof

from fastconv.jit.address import address_of, call_address
from fastconv.jit.cache import CompileCache
from fastconv.jit.threads import chunks_for, region

__all__ = ["Kernel", "helper", "kernel"]

# error_model: a division by zero gives infinity as in NumPy, without a branch. fastmath "contract" lets a product and a
# sum fuse; nothing that could lose a NaN, an infinity or a sign is allowed.
_OPTIONS: dict[str, Any] = {"nogil": True, "boundscheck": False, "error_model": "numpy", "fastmath": {"contract"}}


def _keep_compiled(dispatcher: Any, name: str, options: dict[str, Any]) -> None:
    """Let a dispatcher keep what it compiles in our cache; helpers need none, as kernels hold their code."""
    if not config.DISABLE_JIT:
        dispatcher._cache = CompileCache(name, repr(options))


def helper(function: Callable[..., Any]) -> Any:
    """Compile a function that kernels call."""
    return njit(**_OPTIONS)(function)


@njit(parallel=True, **_OPTIONS)
def _share(address, tasks, chunks, *args):  # type: ignore[no-untyped-def]
    """The parallel driver of every kernel: `chunks` calls that do all `tasks`; how many ran out of memory."""
    failed = 0
    for chunk in prange(chunks):
        failed += call_address(address, chunk * tasks // chunks, (chunk + 1) * tasks // chunks, args)
    return failed


_keep_compiled(_share, "share", _OPTIONS)


class Kernel:
    """A compiled body with its serial and its parallel driver.

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
        self.body = njit(**_OPTIONS)(function)
        _keep_compiled(self.body, name, _OPTIONS)
        self._addresses: dict[tuple[Any, ...], int] = {}

    def _address(self, args: tuple[Any, ...]) -> int:
        key = tuple((array.dtype, array.flags.writeable) for array in args)
        if key not in self._addresses:
            self._addresses[key] = address_of(self.body, (intp, intp, *map(typeof, args)))
        return self._addresses[key]

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
        chunks = chunks_for(tasks, nanoseconds)
        if chunks == 1:
            self.body(0, tasks, *args)
            return
        with region() as free:
            if not free or config.DISABLE_JIT:
                self.body(0, tasks, *args)
            elif _share(self._address(args), tasks, chunks, *args):
                raise MemoryError(f"There is no memory left for the scratch of {self.name} in {chunks} threads.")


def kernel(function: Callable[..., None], name: str = "") -> Kernel:
    """Make a `Kernel` of a body: as a decorator, or with a name where a factory makes several of one function."""
    return Kernel(function, name or function.__name__)
