"""Compiling, which Ctrl-C must not stop half-way, nor the garbage collector look through."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from fastconv.jit.decorators import compile_lock

__all__ = ["undisturbed"]

Value = TypeVar("Value")


def undisturbed(function: Callable[[], Value]) -> Value:
    """What a function returns that compiles; Ctrl-C ends the waiting, but not the function.

    An exception in the middle of compiling makes Numba forget types that it was learning about, and whatever it
    compiles later fails. Signals only reach Python's main thread, so there another thread does the work.
    """
    if threading.current_thread() is not threading.main_thread() or compile_lock.is_locked():
        return _uncollected(function)  # the lock is this thread's own: another one would wait for it in vain
    outcome: list[Any] = []

    def work() -> None:
        try:
            outcome.append((_uncollected(function), None))
        except BaseException as error:
            outcome.append((None, error))

    worker = threading.Thread(target=work, name="fastconv compiles")
    try:
        worker.start()
    except RuntimeError:  # no more threads in this process, or it ends
        return _uncollected(function)
    worker.join()
    value, error = outcome[0]
    if error is not None:
        raise error
    found: Value = value
    return found


def _uncollected(function: Callable[[], Value]) -> Value:
    """What a function returns, without collecting garbage meanwhile.

    Compiling makes some million objects that stay until its end, and the collector looks through them, and through
    whatever else the process has, again and again: 12 to 20 % of a kernel's compile time. No two threads come here at
    once, and no fork does meanwhile, as both take Numba's lock.
    """
    with compile_lock:
        collects = gc.isenabled()
        gc.disable()
        try:
            return function()
        finally:
            if collects:
                gc.enable()
