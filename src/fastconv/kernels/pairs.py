"""Neighbouring planes of 16-bit numbers as one of pairs, for tiles that add the products of both."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from fastconv.jit.kernel import kernel
from fastconv.jit.pairs import pair_lanes
from fastconv.jit.records import reader
from fastconv.jit.tile import lanes

__all__ = ["Planes", "pair_planes"]


class Planes(NamedTuple):
    """What stands in the table.

    Attributes
    ----------
    channels, pairs : int
        Planes of a group, and pairs of them; the last has a single one where their number is odd.
    size : int
        Numbers of a plane.
    """

    channels: int
    pairs: int
    size: int


_read = reader(Planes)


@kernel
def pair_planes(begin: int, end: int, values: Any, pairs: Any, table: Any) -> None:
    """Pair the numbers of neighbouring planes of a group, the first in the lower half; a task is a pair of planes.

    A vector may reach beyond a plane: what it writes there is written again.
    """
    planes = _read(table, 0)
    size, n, stop = planes.size, lanes(pairs), end * planes.size
    for task in range(begin, end):
        group = task // planes.pairs
        pair = task - group * planes.pairs
        lower, to = (group * planes.channels + 2 * pair) * size, task * size
        both = 2 * pair + 1 < planes.channels
        upper, mask = (lower + size, -1) if both else (lower, 0)
        i = 0
        while i < size:
            if upper + i + n <= values.size and to + i + n <= stop:
                pair_lanes(values, lower + i, upper + i, mask, pairs, to + i)
                i += n
            else:
                high = np.int32(values[upper + i]) & mask
                pairs[to + i] = high << 16 | np.int32(values[lower + i]) & 0xFFFF
                i += 1
