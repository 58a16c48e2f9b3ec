"""A fork waits until nothing is half done that a child could not finish.

A child has but one thread. What another thread was importing or compiling stays half done in it, with the locks taken,
and the child's first call would wait for ever.
"""

from __future__ import annotations

import os
import sys
from _thread import RLock
from contextlib import suppress
from importlib import import_module
from types import ModuleType
from typing import Any

__all__ = ["import_whole"]

_importing = RLock()
_taken: list[Any] = []  # during a fork: the compiler's lock, or None where there is no compiler yet
_known = False


def import_whole(module: str) -> ModuleType:
    """Import a module, with no fork of another thread before that is done."""
    _make_known()
    with _importing:
        return import_module(module)


def _make_known() -> None:
    """Have forks take the locks, from now on."""
    global _known
    if _known or not hasattr(os, "register_at_fork"):
        return
    # Imports and compilers take the lock of logging, which takes it before forks too. The last to be registered comes
    # first, so with logging registered before us a fork never holds that lock while it waits for ours.
    import logging  # noqa: F401

    # SciPy, which Numba imports where it is installed, imports this. Registered while a fork waits for us, it would be
    # asked to let go of what it never took. Where Python is about to end it cannot be imported any more.
    with suppress(RuntimeError):
        import concurrent.futures.thread  # noqa: F401

    _known = True
    os.register_at_fork(before=_take, after_in_parent=_give_back, after_in_child=_give_back)


def _take() -> None:
    _importing.acquire()  # first, as an import may take the compiler's
    lock = getattr(sys.modules.get("fastconv.jit.decorators"), "compile_lock", None)
    if lock is not None:
        lock.acquire()
    _taken.append(lock)


def _give_back() -> None:
    if not _taken:  # Ctrl-C came while the fork waited
        return
    lock = _taken.pop()
    if lock is not None:
        lock.release()
    _importing.release()
