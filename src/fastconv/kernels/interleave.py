"""Neighbouring planes of small whole numbers as one, for tiles that add the products of all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from fastconv.jit.interleave import interleave_lanes
from fastconv.jit.kernel import kernel
from fastconv.jit.records import reader
from fastconv.jit.tile import lanes

__all__ = ["Planes", "interleave_planes", "sum_rows"]


class Planes(NamedTuple):
    """What stands in the table.

    Attributes
    ----------
    channels, together : int
        Planes of a group, and what they become; the last has fewer where their number is not divisible.
    size : int
        Numbers of a plane.
    flip : int
        Bits of the result that are turned.
    """

    channels: int
    together: int
    size: int
    flip: int


_read = reader(Planes)


def _body(parts: int) -> Callable[..., None]:
    """The body for so many planes that become one."""
    bits = 32 // parts
    mask = (1 << bits) - 1

    def interleave(begin: int, end: int, values: Any, numbers: Any, table: Any) -> None:
        """Put the numbers of neighbouring planes of a group side by side, the first lowest; a task is one plane of it.

        A vector may reach beyond a plane: what it writes there is written again.
        """
        planes = _read(table, 0)
        size, n, stop = planes.size, lanes(numbers), end * planes.size
        group = begin // planes.together
        channel = parts * (begin - group * planes.together)
        for task in range(begin, end):
            count = min(parts, planes.channels - channel)
            first, to, i = (group * planes.channels + channel) * size, task * size, 0
            while i < size:
                if first + (count - 1) * size + i + n <= values.size and to + i + n <= stop:
                    if count == parts:  # a literal: nothing is masked
                        interleave_lanes(parts, values, first + i, size, parts, planes.flip, numbers, to + i)
                    else:
                        interleave_lanes(parts, values, first + i, size, count, planes.flip, numbers, to + i)
                    i += n
                else:
                    found: Any = planes.flip
                    for part in range(count):
                        found ^= (np.int64(values[first + part * size + i]) & mask) << bits * part
                    numbers[to + i] = found
                    i += 1
            channel += parts
            if channel >= planes.channels:
                group, channel = group + 1, 0

    return interleave


#: By how many planes become one.
interleave_planes = {parts: kernel(_body(parts), f"interleave_{parts}_planes") for parts in (2, 4)}


@kernel
def sum_rows(begin: int, end: int, values: Any, sums: Any) -> None:
    """The sums of equally many neighbouring values; a task is one sum."""
    size = values.size // sums.size
    for row in range(begin, end):
        total = np.int64(0)
        for value in values[row * size : (row + 1) * size]:
            total += value
        sums[row] = total
