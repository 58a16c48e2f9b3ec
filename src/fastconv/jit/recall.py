"""Finding what was decided for the last call like this one, in a third of a microsecond.

To ask arrays for shape, strides, dtype and alignment takes NumPy half a microsecond for two of them, and to look that
up, with the settings, as long again. Here compiled code reads all of it where it stands (`fastconv.jit.objects`), and
settings by their addresses: what is remembered is kept alive, so the same address is the same object. Tuples, floats
and bytes are read, as each call may have others that are equal. What this does not find may still be known to whoever
asks: a large int, or one call of very many.
"""

from __future__ import annotations

import sys
from itertools import count
from typing import Any

import numpy as np
from numba import config

from fastconv.jit.decorators import compiled, helper
from fastconv.jit.objects import (
    array_axes,
    array_dtype,
    array_is_aligned,
    array_shape,
    array_strides,
    bytes_data,
    float_bits,
    int64_at,
    put_int64,
    reads_objects,
    tuple_entry,
    tuple_size,
    type_of,
)
from fastconv.jit.undisturbed import undisturbed

__all__ = ["Recall"]

#: Calls that are remembered at once; then they are forgotten together.
MOST_CALLS = 256
#: Words that tell a call from others: five arrays of five axes and thirty settings have about a hundred.
CALL_WORDS = 128
_SLOTS = 2 * MOST_CALLS  # half of them stay empty

# A table is one vector of words: addresses of None and of the types that are read; a slot for each hash, with the
# number of the entry, from 1 on, or 0; and the entries, the last of which is the call that is looked for.
_NONE, _ARRAY, _TUPLE, _FLOAT, _BYTES, _FIRST_SLOT = range(6)
_FIRST_ENTRY = _FIRST_SLOT + _SLOTS
_TABLE_WORDS = _FIRST_ENTRY + (MOST_CALLS + 1) * CALL_WORDS

# What stands before a setting that is read; addresses are positive.
_IS_FLOAT, _IS_BYTES, _IS_TUPLE = -1, -2, -3  # and lower ones for tuples of one entry and more

#: An odd number whose bits look random, from the golden ratio (Knuth, The Art of Computer Programming 3, section 6.4).
_SPREAD = 0x1E3779B97F4A7C15

#: Nothing is compiled, objects look unfamiliar, or others might run while a table is written.
_OFF = bool(config.DISABLE_JIT) or not reads_objects() or not getattr(sys, "_is_gil_enabled", lambda: True)()


class Recall:
    """What was decided for calls, by their arrays' forms, their settings and the number of threads."""

    __slots__ = ("_memory",)

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget all."""
        self._memory: tuple[np.ndarray, int, dict[int, Any], Any] | None = None

    def find(self, threads: int, operands: tuple[np.ndarray | None, ...], settings: tuple[Any, ...]) -> Any:
        """What was kept for such a call, or None."""
        memory = self._memory
        if memory is None:
            return None
        place = recall(memory[1], threads, id(operands), id(settings), 0)
        return memory[2][place][0] if place > 0 else None

    def keep(
        self, threads: int, operands: tuple[np.ndarray | None, ...], settings: tuple[Any, ...], found: Any
    ) -> None:
        """Remember this, which holds as long as settings of these types do not change: numbers, text, tuples of them.

        Threads may come here together: each has a place of its own, in which the table finds it only in the end.
        """
        if _OFF:
            return
        memory = self._memory or _new_memory()
        if recall(memory[1], threads, id(operands), id(settings), 0):  # too long, or another thread was here
            return
        place = next(memory[3])
        if place > MOST_CALLS:
            memory = _new_memory()
            place = next(memory[3])
        memory[2][place] = found, settings, [None if array is None else array.dtype for array in operands]
        recall(memory[1], threads, id(operands), id(settings), place)
        self._memory = memory


def _new_memory() -> tuple[np.ndarray, int, dict[int, Any], Any]:
    """A table, its address, what it finds, and its places in turn."""
    table = np.zeros(_TABLE_WORDS, np.int64)
    table[:_FIRST_SLOT] = id(None), id(np.ndarray), id(tuple), id(float), id(bytes)
    if not recall.signatures:
        undisturbed(lambda: recall(table.ctypes.data, 0, id(()), id(()), 0))  # compiles, and finds nothing
    return table, table.ctypes.data, {}, count(1)


@helper
def _write_operand(at: int, end: int, array: int, table: int) -> int:
    """Write down the form of an array, if there is one; the place behind it, or `end` where there is no room.

    Objects of other types, those that derive from arrays too, are never found.
    """
    if array == int64_at(table + 8 * _NONE):
        put_int64(at, 0)
        return at + 8
    if type_of(array) != int64_at(table + 8 * _ARRAY):
        return end
    axes, shape, strides = array_axes(array), array_shape(array), array_strides(array)
    if at + 16 * axes + 8 >= end:
        return end
    put_int64(at, array_dtype(array))
    put_int64(at + 8, 2 * axes + array_is_aligned(array))
    at += 16
    for axis in range(axes):
        put_int64(at, int64_at(shape + 8 * axis))
        put_int64(at + 8, int64_at(strides + 8 * axis))
        at += 16
    return at


@helper
def _write_entries(at: int, end: int, entries: int) -> int:
    """Write down a tuple's entries by their addresses; the place behind them, or `end` where there is no room."""
    size = tuple_size(entries)
    if at + 8 * size >= end:
        return end
    put_int64(at, _IS_TUPLE - size)
    for i in range(size):
        put_int64(at + 8 * i + 8, tuple_entry(entries, i))
    return at + 8 * size + 8


@helper
def _write_tuple(at: int, end: int, entries: int, table: int) -> int:
    """As `_write_entries`, but entries that are tuples are read too: sizes before and behind each axis."""
    put_int64(at, _IS_TUPLE - tuple_size(entries))
    at += 8
    for i in range(tuple_size(entries)):
        if at < end:
            entry = tuple_entry(entries, i)
            if type_of(entry) == int64_at(table + 8 * _TUPLE):
                at = _write_entries(at, end, entry)
            else:
                put_int64(at, entry)
                at += 8
    return at


@helper
def _write_bytes(at: int, end: int, text: int) -> int:
    """Write down the number of bytes, and these; the place behind them, or `end` where there is no room."""
    size = tuple_size(text)
    words = (size + 7) // 8
    if at + 8 * words + 8 >= end:
        return end
    put_int64(at, _IS_BYTES)
    put_int64(at + 8, size)
    for i in range(words):
        word = int64_at(bytes_data(text) + 8 * i)  # objects end at multiples of eight bytes
        left = size - 8 * i
        put_int64(at + 8 * i + 16, word & ((1 << 8 * left) - 1) if left < 8 else word)
    return at + 8 * words + 16


@helper
def _write_setting(at: int, end: int, setting: int, table: int) -> int:
    """Write down a setting; the place behind it, or `end` where there is no room."""
    kind = type_of(setting)
    if kind == int64_at(table + 8 * _TUPLE):
        return _write_tuple(at, end, setting, table)
    if kind == int64_at(table + 8 * _BYTES):
        return _write_bytes(at, end, setting)
    if kind != int64_at(table + 8 * _FLOAT):
        put_int64(at, setting)
        return at + 8
    if at + 8 >= end:
        return end
    put_int64(at, _IS_FLOAT)
    put_int64(at + 8, float_bits(setting))
    return at + 16


@helper
def _write_call(at: int, end: int, table: int, threads: int, operands: int, settings: int) -> int:
    """Write down a call; the place behind it, or `end` where there is no room."""
    put_int64(at, threads)
    at += 8
    for i in range(tuple_size(operands)):
        if at < end:
            at = _write_operand(at, end, tuple_entry(operands, i), table)
    for i in range(tuple_size(settings)):
        if at < end:
            at = _write_setting(at, end, tuple_entry(settings, i), table)
    return at


@helper
def _equal_words(a: int, b: int, words: int) -> int:
    """How many words at two addresses are equal before one is not."""
    i = 0
    while i < words and int64_at(a + 8 * i) == int64_at(b + 8 * i):
        i += 1
    return i


def _recall(table, threads, operands, settings, place):  # type: ignore[no-untyped-def]
    """The place of a call in a table, or 0, or -1 if it is too long; with a `place` it gets that, if it has none.

    All is given by addresses.
    """
    entries = table + 8 * _FIRST_ENTRY
    here = entries + 8 * CALL_WORDS * MOST_CALLS
    words = (_write_call(here + 8, here + 8 * CALL_WORDS, table, threads, operands, settings) - here) // 8
    if words == CALL_WORDS:
        return -1
    put_int64(here, words)
    mixed = words
    for i in range(1, words):
        mixed = (mixed ^ int64_at(here + 8 * i)) * _SPREAD
        mixed ^= mixed >> 29
    slot = mixed & (_SLOTS - 1)
    while True:
        known = int64_at(table + 8 * (_FIRST_SLOT + slot))
        if known == 0:
            break
        if _equal_words(entries + 8 * CALL_WORDS * (known - 1), here, words) == words:
            return known
        slot = (slot + 1) & (_SLOTS - 1)
    if place:
        for i in range(words):
            put_int64(entries + 8 * (CALL_WORDS * (place - 1) + i), int64_at(here + 8 * i))
        put_int64(table + 8 * (_FIRST_SLOT + slot), place)
    return place


recall = compiled(_recall, "recall", locked=True)
