"""The cores that a thread may run on, and how a sleeper keeps off one of them.

A sleeper is woken on the core where it fell asleep, or on that of the thread that wakes it, if the system sees no idle
one. Virtual machines hide idle cores: there a helper was woken on the caller's own core 98 times in 100, with the other
core idle, and both shared it for the next millisecond. So helpers forbid themselves the caller's core for the time
that they sleep.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from fastconv.jit.atomic import HAS_FUTEX, either, system_call, word
from fastconv.jit.decorators import helper

__all__ = ["CORE_WORDS", "keep_off", "return_to_all", "this_core"]

_INT32, _INT64 = ir.IntType(32), ir.IntType(64)

#: 64-bit words of a set of cores: room for 1024 of them, as in the C library.
_SET = 16
#: Words that `keep_off` and `return_to_all` work with: all cores that the thread may use, these without one, and
#: those found after the sleep.
CORE_WORDS = 3 * _SET

#: Linux' numbers of the system calls sched_setaffinity and sched_getaffinity, by architecture.
_SET_CALLS = {"x86_64": 203, "aarch64": 122}
_GET_CALLS = {"x86_64": 204, "aarch64": 123}


def _no_core() -> int:
    """-1: unknown."""
    return -1


@intrinsic
def _this_core(typingctx: Any) -> Any:
    """Number of the core that the calling thread runs on, or -1 where the system does not tell."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if not HAS_FUTEX:
            return _INT64(-1)
        call = cgutils.get_or_insert_function(builder.module, ir.FunctionType(_INT32, []), "sched_getcpu")
        return builder.sext(builder.call(call, []), _INT64)

    return types.int64(), codegen


this_core = either(_no_core, _this_core)


def _affinity(calls: dict[str, int]) -> Any:
    """Read or set the calling thread's cores, at ``cores[at]`` and after; returns bytes, 0 or a negative number."""

    @intrinsic
    def call(typingctx: Any, cores: Any, at: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            if not HAS_FUTEX:
                return _INT64(-1)
            where = builder.ptrtoint(word(context, builder, signature, args), _INT64)
            return system_call(builder, calls, [_INT64(0), _INT64(8 * _SET), where])

        return types.int64(cores, types.intp), codegen

    return call


_read_cores, _set_cores = _affinity(_GET_CALLS), _affinity(_SET_CALLS)


@helper
def keep_off(cores: Any, core: int) -> bool:
    """Forbid the calling thread a core, if it may use others too; whether that was done."""
    words = _read_cores(cores, 0) // 8
    if core < 0 or core >= 64 * words:
        return False
    others = 0
    for i in range(words):
        cores[_SET + i] = cores[i]
        if i == core // 64:
            cores[_SET + i] &= ~(1 << (core % 64))
        others |= cores[_SET + i]
    return others != 0 and _set_cores(cores, _SET) == 0


@helper
def return_to_all(cores: Any) -> None:
    """Undo `keep_off`, unless somebody has moved the thread since."""
    for i in range(_read_cores(cores, 2 * _SET) // 8):
        if cores[2 * _SET + i] != cores[_SET + i]:
            return
    _set_cores(cores, 0)
