"""A kernel: one body, a serial driver and a parallel one.

A kernel is written once, as ``body(begin, end, *arrays)``: it does tasks ``begin`` to ``end``, knows nothing of
threads, raises nothing and sees contiguous vectors only. Tasks own disjoint pieces of the
output, so the result has the same bits however they are shared out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import perf_counter_ns
from typing import Any

import numpy as np
from numba import config

from fastconv.jit.decorators import compiled
from fastconv.jit.letter import (
    LETTER_WORDS,
    blank_letter,
    call_trampoline,
    code_block,
    span,
    trampoline,
    write_letter,
)
from fastconv.jit.objects import array_data, reads_objects, tuple_size
from fastconv.jit.pool import BUSY, share
from fastconv.jit.threads import GRAIN_NANOSECONDS, PARALLEL_NANOSECONDS, helpers_for
from fastconv.jit.undisturbed import undisturbed

__all__ = ["Bound", "Kernel", "kernel"]

#: Whether bodies are called by Python, with the vectors themselves: nothing is compiled, or bounds are checked and an
#: IndexError is to reach the caller, or arrays look unfamiliar.
_IN_PYTHON = config.DISABLE_JIT or config.BOUNDSCHECK or not reads_objects()

#: Time between two looks for Ctrl-C, which Python only sees between two calls of compiled code.
SLICE_NANOSECONDS = 20_000_000
#: Estimated time of the first of several slices, whose true time tells the size of the others: estimates may be a
#: hundred times too low, and then it is still over in a fifth of a second.
FIRST_SLICE_NANOSECONDS = 2_000_000
#: How many times as many tasks as the last slice the next may have, in case that its tasks were uncommonly short.
MOST_GROWTH = 10


class Kernel:
    """A compiled body with its drivers.

    Parameters
    ----------
    function : callable
        ``body(begin, end, *vectors)``.
    name : str
        Unique in the package: compiled code is kept under it.
    """

    def __init__(self, function: Callable[..., None], name: str) -> None:
        self.__doc__ = function.__doc__
        self.name = name
        self.body = compiled(function, name, by_python=_IN_PYTHON)
        self._bound: dict[tuple[np.dtype, ...], Bound] = {}

    def bind(self, *dtypes: Any) -> Bound:
        """The kernel for arrays of these dtypes, compiled at the first run."""
        key = tuple(map(np.dtype, dtypes))
        if key not in self._bound:
            self._bound[key] = Bound(self, key)
        return self._bound[key]

    def run(self, tasks: int, nanoseconds: float, *arrays: np.ndarray) -> None:
        """As `Bound.run`, for arrays of any dtypes."""
        self.bind(*[array.dtype for array in arrays]).run(tasks, nanoseconds, *arrays)


class Bound:
    """A kernel whose dtypes are known, so that a call need not look at them.

    Parameters
    ----------
    kernel : Kernel
        What to run.
    dtypes : tuple of numpy.dtype
        Of the arrays.
    """

    __slots__ = ("_blocks", "_code", "dtypes", "kernel")

    def __init__(self, kernel: Kernel, dtypes: tuple[np.dtype, ...]) -> None:
        self.kernel, self.dtypes = kernel, dtypes
        self._blocks: list[np.ndarray] = []  # of each thread that compiled: none may go while another reads it
        self._code = 0  # address of a block

    def run(self, tasks: int, nanoseconds: float, *arrays: np.ndarray) -> None:
        """Do all tasks, in parallel where that pays.

        Parameters
        ----------
        tasks : int
            Number of tasks.
        nanoseconds : float
            Rough time of all tasks on one thread.
        *arrays : ndarray
            What the body takes after ``begin`` and ``end``, of the bound dtypes, or of others of their sizes, which it
            takes for these. It sees each as one vector, the memory from the lowest element to the highest, and writes
            elements alone, nothing between them.
        """
        if _IN_PYTHON:
            self.run_serial(tasks, *arrays)
        elif nanoseconds >= PARALLEL_NANOSECONDS:
            self._run_long(tasks, nanoseconds, arrays)
        elif launch(self._code or self._compile(), 0, 0, tasks, id(arrays)):  # a fifth of a microsecond sooner
            raise self._no_memory(1)

    def run_serial(self, tasks: int, *arrays: np.ndarray, begin: int = 0) -> None:
        """As `run`, from task `begin` on, for work that is known to be too little for several threads."""
        if _IN_PYTHON:
            self.kernel.body(begin, tasks, *map(_vector, arrays, self.dtypes))
        elif launch(self._code or self._compile(), 0, begin, tasks, id(arrays)):
            raise self._no_memory(1)

    def _compile(self) -> int:
        block = undisturbed(self._compiled)
        self._blocks.append(block)
        self._code = block.ctypes.data
        return self._code

    def _compiled(self) -> np.ndarray:
        """The block; the driver is compiled too, by writing a letter that nobody reads."""
        block, letter = code_block(self.kernel.body, self.dtypes), np.empty(LETTER_WORDS, np.int64)
        launch(block.ctypes.data, id(letter), 0, 0, id(()))
        return block

    def _run_long(self, tasks: int, nanoseconds: float, arrays: tuple[np.ndarray, ...]) -> None:
        """Slice by slice, each shared out to helpers."""
        code = self._code or self._compile()
        helpers = helpers_for(tasks, nanoseconds)
        short = nanoseconds <= FIRST_SLICE_NANOSECONDS
        if short and not helpers:  # a microsecond sooner
            if launch(code, 0, 0, tasks, id(arrays)):
                raise self._no_memory(1)
            return
        grain = max(1, int(tasks * GRAIN_NANOSECONDS / nanoseconds))
        letter = np.empty(LETTER_WORDS, np.int64)
        trampoline = launch(code, id(letter), 0, 0, id(arrays)) if helpers else 0
        for begin, end in ((0, tasks),) if short else _slices(tasks, nanoseconds, helpers + 1):
            work = nanoseconds * (end - begin) / tasks
            failed = share(trampoline, letter, begin, end, grain, helpers, work) if helpers else BUSY
            if failed == BUSY:
                failed = launch(code, 0, begin, end, id(arrays))
            if failed:
                raise self._no_memory(helpers + 1)

    def _no_memory(self, threads: int) -> MemoryError:
        return MemoryError(f"There is no memory left for the scratch of {self.kernel.name} in {threads} threads.")


def _vector(array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """An array as bodies see it; one that may be written is."""
    flat = array.reshape(-1) if array.flags.c_contiguous else span(array)
    return flat if flat.dtype == dtype else flat.view(dtype)


def _launch(code, letter, begin, end, arrays):  # type: ignore[no-untyped-def]
    """The serial driver: all tasks in the calling thread; 1 if there is no memory for the scratch, else 0.

    `arrays` is the address of a tuple. With the address of an array object as `letter`, the letter is written there,
    for others to do the tasks; the trampoline's address is returned. The two are one function, compiled once.
    """
    here = array_data(letter) if letter else blank_letter()
    write_letter(here, code, arrays)
    caller = trampoline(tuple_size(arrays))
    return caller if letter else call_trampoline(caller, here, begin, end)


launch = compiled(_launch, "launch")


def _slices(tasks: int, nanoseconds: float, threads: int) -> Iterator[tuple[int, int]]:
    """Cut tasks into runs of about `SLICE_NANOSECONDS`: a short one by the estimate, then by what the last one took.

    Each thread has as many tasks in a run as the others, one at least, however long tasks are.
    """
    begin, step = 0, tasks * threads * FIRST_SLICE_NANOSECONDS / nanoseconds
    while begin < tasks:
        end = min(tasks, begin + max(1, round(step / threads)) * threads)
        start = perf_counter_ns()
        yield begin, end
        took = max(1, perf_counter_ns() - start)
        step = (end - begin) * min(MOST_GROWTH, SLICE_NANOSECONDS / took)
        begin = end


def kernel(function: Callable[..., None], name: str = "") -> Kernel:
    """Make a `Kernel` of a body: as a decorator, or with a name where a factory makes several of one function."""
    return Kernel(function, name or function.__name__)
