"""Kernels run between fences: every array that they are given ends, and then begins, at a page that nobody may touch.

`guard` takes the place of the drivers, so the public operations plan as ever and only the bodies run otherwise: in this
thread, on copies of their arrays. They run twice, with the copies against the fence behind and with the copies against
the fence in front. An access outside is a segmentation fault in one of the two, and meets garbage in the other, which
must be there afterwards. Both runs must give the same bits. Fresh memory, which scratch is made of, holds other garbage
in each run too, where the C library can do that.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pytest

from fastconv.jit.kernel import Bound
from fastconv.jit.letter import span

#: Bytes that nobody may touch, on both sides.
FENCE = 256 * mmap.PAGESIZE

#: What floats consist of that are huge, far below zero, and not a number.
HUGE, LOW, NOT_A_NUMBER = 0x7F, 0xFE, 0xFF

M_PERTURB = -6  # of glibc's mallopt: what fresh memory is filled with, all bits exchanged; 0 leaves it as it is


@dataclass(frozen=True)
class Arrangement:
    """How a kernel is run: where its arrays lie, and what is around them and in fresh memory.

    All tasks at once, by the serial driver; or in pieces, the last one first, without a driver.
    """

    at_end: bool
    garbage: int
    fresh: int
    by_driver: bool


ARRANGEMENTS = (
    Arrangement(at_end=True, garbage=HUGE, fresh=HUGE, by_driver=True),
    Arrangement(at_end=False, garbage=NOT_A_NUMBER, fresh=LOW, by_driver=False),
)

PIECES = 3

_run_serial = Bound.run_serial


class Yard:
    """Memory between two fences; without fences on Windows, where garbage must do."""

    def __init__(self) -> None:
        self._enlarge(mmap.PAGESIZE)

    def _enlarge(self, room: int) -> None:
        self._room = room
        self._memory = mmap.mmap(-1, room + 2 * FENCE)
        self._bytes = np.frombuffer(self._memory, np.uint8)
        if sys.platform != "win32":
            for start in (0, FENCE + room):
                address = self._bytes.ctypes.data + start
                assert ctypes.CDLL(None).mprotect(ctypes.c_void_p(address), ctypes.c_size_t(FENCE), 0) == 0

    def put(self, array: np.ndarray, how: Arrangement) -> np.ndarray:
        """A copy against one of the fences."""
        if array.nbytes > self._room:
            self._enlarge(-(-2 * array.nbytes // mmap.PAGESIZE) * mmap.PAGESIZE)
        self._start = FENCE + (self._room - array.nbytes if how.at_end else 0)
        self._end, self._garbage = self._start + array.nbytes, how.garbage
        self._bytes[FENCE : FENCE + self._room] = how.garbage
        copy = np.ndarray(array.shape, array.dtype, self._bytes[self._start : self._end])
        copy[...] = array
        return copy

    def intact(self) -> bool:
        """Whether the garbage around the copy is still there."""
        around = (self._bytes[FENCE : self._start], self._bytes[self._end : FENCE + self._room])
        return all((part == self._garbage).all() for part in around)


class Guard:
    """Runs kernels between fences.

    Parameters
    ----------
    tell : callable
        Called with the name of each kernel before it runs: it may be the last that is heard.

    Attributes
    ----------
    seen : set of str
        Names of the kernels that ran.
    """

    def __init__(self, tell: Callable[[str], None] = lambda name: None) -> None:
        self.seen: set[str] = set()
        self._tell = tell
        self._yards: list[Yard] = []

    def run(self, bound: Bound, tasks: int, arrays: tuple[np.ndarray, ...]) -> None:
        """In place of the drivers."""
        name = bound.kernel.name
        self._tell(name)
        self.seen.add(name)
        fits = [_is_taken_for(array, dtype) for array, dtype in zip(arrays, bound.dtypes, strict=True)]
        assert all(fits), f"{name} was bound for other dtypes"
        first, second = (self._run(bound, tasks, arrays, how) for how in ARRANGEMENTS)
        for number, (array, one, other) in enumerate(zip(arrays, first, second, strict=True)):
            if one.tobytes() != other.tobytes():
                raise AssertionError(f"{name}: array {number} depends on the memory around or on the pieces")
            if array.flags.writeable:
                array[...] = _as(one, array)
            if one.tobytes() != span(array).tobytes():
                raise AssertionError(f"{name}: wrote into array {number}, which may not be written, or has gaps there")

    def _run(self, bound: Bound, tasks: int, arrays: tuple[np.ndarray, ...], how: Arrangement) -> list[np.ndarray]:
        """What the arrays' memory holds after the kernel."""
        self._yards += [Yard() for _ in range(len(arrays) - len(self._yards))]
        yards = self._yards[: len(arrays)]
        copies = [yard.put(span(array), how) for yard, array in zip(yards, arrays, strict=True)]
        with _fresh_memory_of(how.fresh):
            if how.by_driver:
                _run_serial(bound, tasks, *map(_as, copies, arrays))
            else:
                for piece in reversed(range(PIECES)):
                    _run_serial(bound, (piece + 1) * tasks // PIECES, *copies, begin=piece * tasks // PIECES)
        for number, yard in enumerate(yards):
            if not yard.intact():
                raise AssertionError(f"{bound.kernel.name}: wrote outside of array {number}")
        return [copy.copy() for copy in copies]


def _is_taken_for(array: np.ndarray, dtype: np.dtype) -> bool:
    """Whether an array is of a dtype, or elements that are only moved may be words of it."""
    return array.dtype == dtype or (dtype.kind in "iu" and array.itemsize == dtype.itemsize)


def _as(copy: np.ndarray, array: np.ndarray) -> np.ndarray:
    """A view of the copied memory of an array with the array's shape and strides."""
    first = -sum(min(0, step) * (size - 1) for step, size in zip(array.strides, array.shape, strict=True) if array.size)
    return np.ndarray(array.shape, array.dtype, copy, offset=first, strides=array.strides)


@contextmanager
def _fresh_memory_of(content: int) -> Iterator[None]:
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is None:
        yield
        return
    mallopt(M_PERTURB, content ^ 0xFF)
    try:
        yield
    finally:
        mallopt(M_PERTURB, 0)


@contextmanager
def guard(tell: Callable[[str], None] = lambda name: None) -> Iterator[Guard]:
    """Run all kernels between fences inside the ``with`` block; plans that are made there are to be forgotten after."""
    found = Guard(tell)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Bound, "run", lambda self, tasks, nanoseconds, *arrays: found.run(self, tasks, arrays))
        patch.setattr(Bound, "run_serial", lambda self, tasks, *arrays: found.run(self, tasks, arrays))
        yield found
