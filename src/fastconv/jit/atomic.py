"""Words of memory that threads share: atomic loads, stores and sums, and waiting for a word to change.

All are sequentially consistent. Beside each stands its meaning for one thread, which runs under NUMBA_DISABLE_JIT=1,
where nothing is parallel.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = [
    "HAS_FUTEX",
    "add",
    "either",
    "exchange_if",
    "load",
    "pause",
    "sleep_while",
    "store",
    "system_call",
    "wake",
    "word",
    "yield_core",
]

_INT32, _INT64 = ir.IntType(32), ir.IntType(64)

#: Linux' number of the system call futex, by architecture.
_FUTEX_CALLS = {"x86_64": 202, "aarch64": 98}
#: Whether a thread can sleep until a word changes without going through Python. Linux only: others have no such call
#: that is public on all their versions.
HAS_FUTEX = sys.platform == "linux" and platform.machine() in _FUTEX_CALLS

_WAIT_PRIVATE, _WAKE_PRIVATE = 128, 129  # FUTEX_WAIT and FUTEX_WAKE with FUTEX_PRIVATE_FLAG
_PAUSES = {"x86_64": "llvm.x86.sse2.pause", "AMD64": "llvm.x86.sse2.pause"}


def either(meaning: Callable[..., Any], compiled: Any) -> Any:
    """The compiled operation, or its meaning where nothing is compiled."""
    return meaning if config.DISABLE_JIT else compiled


def word(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    """Pointer to ``args[0][args[1]]``."""
    array = context.make_array(signature.args[0])(context, builder, args[0])
    return builder.gep(array.data, [args[1]])


def _load_meaning(words: np.ndarray, at: int) -> int:
    """words[at]."""
    return int(words[at])


@intrinsic
def _load(typingctx: Any, words: Any, at: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load_atomic(word(context, builder, signature, args), "seq_cst", 8)

    return types.int64(words, types.intp), codegen


def _store_meaning(words: np.ndarray, at: int, value: int) -> None:
    """words[at] = value."""
    words[at] = value


@intrinsic
def _store(typingctx: Any, words: Any, at: Any, value: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store_atomic(args[2], word(context, builder, signature, args), "seq_cst", 8)
        return context.get_dummy_value()

    return types.void(words, types.intp, types.int64), codegen


def _add_meaning(words: np.ndarray, at: int, value: int) -> int:
    """words[at] += value; what it was before."""
    before = int(words[at])
    words[at] = before + value
    return before


@intrinsic
def _add(typingctx: Any, words: Any, at: Any, value: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.atomic_rmw("add", word(context, builder, signature, args), args[2], "seq_cst")

    return types.int64(words, types.intp, types.int64), codegen


def _exchange_if_meaning(words: np.ndarray, at: int, expected: int, value: int) -> bool:
    """words[at] = value if it was `expected`; whether it was."""
    if words[at] != expected:
        return False
    words[at] = value
    return True


@intrinsic
def _exchange_if(typingctx: Any, words: Any, at: Any, expected: Any, value: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        address = word(context, builder, signature, args)
        return builder.extract_value(builder.cmpxchg(address, args[2], args[3], "seq_cst", "seq_cst"), 1)

    return types.boolean(words, types.intp, types.int64, types.int64), codegen


def _nothing() -> None:
    """Nothing."""


@intrinsic
def _pause(typingctx: Any) -> Any:
    """Tell the core that this is a loop that waits."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if platform.machine() in _PAUSES:
            kind = ir.FunctionType(ir.VoidType(), [])
            builder.call(cgutils.get_or_insert_function(builder.module, kind, _PAUSES[platform.machine()]), [])
        return context.get_dummy_value()

    return types.void(), codegen


@intrinsic
def _yield_core(typingctx: Any) -> Any:
    """Let another thread have the core, if one wants it."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if sys.platform != "win32":
            builder.call(cgutils.get_or_insert_function(builder.module, ir.FunctionType(_INT32, []), "sched_yield"), [])
        return context.get_dummy_value()

    return types.void(), codegen


def system_call(builder: Any, numbers: dict[str, int], args: list[Any]) -> Any:
    """Call Linux, whose numbers of calls go by architecture; -1 where it declines. `args` are 64-bit values."""
    call = cgutils.get_or_insert_function(builder.module, ir.FunctionType(_INT64, [_INT64], var_arg=True), "syscall")
    return builder.call(call, [_INT64(numbers[platform.machine()]), *args])


def _futex(builder: Any, address: Any, operation: int, value: Any) -> None:
    zero = _INT64(0)
    args = [builder.ptrtoint(address, _INT64), _INT64(operation), value, zero, zero, zero]
    system_call(builder, _FUTEX_CALLS, args)


def _sleep_while_meaning(words: np.ndarray, at: int, value: int) -> None:
    """Return when words[at] is no longer `value`; also for no reason at times."""


@intrinsic
def _sleep_while(typingctx: Any, words: Any, at: Any, value: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if HAS_FUTEX:  # the kernel compares the word's lower half, which stands first
            _futex(builder, word(context, builder, signature, args), _WAIT_PRIVATE, args[2])
        return context.get_dummy_value()

    return types.void(words, types.intp, types.int64), codegen


def _wake_meaning(words: np.ndarray, at: int, count: int) -> None:
    """Wake at most `count` of those who sleep while words[at] has some value."""


@intrinsic
def _wake(typingctx: Any, words: Any, at: Any, count: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if HAS_FUTEX:
            _futex(builder, word(context, builder, signature, args), _WAKE_PRIVATE, args[2])
        return context.get_dummy_value()

    return types.void(words, types.intp, types.int64), codegen


load = either(_load_meaning, _load)
store = either(_store_meaning, _store)
add = either(_add_meaning, _add)
exchange_if = either(_exchange_if_meaning, _exchange_if)
pause = either(_nothing, _pause)
yield_core = either(_nothing, _yield_core)
sleep_while = either(_sleep_while_meaning, _sleep_while)
wake = either(_wake_meaning, _wake)
