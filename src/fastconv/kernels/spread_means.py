"""The adjoint of averages of elements that follow each other: each window is filled with its share."""

from __future__ import annotations

from typing import Any, NamedTuple

from fastconv.jit.decorators import helper
from fastconv.jit.kernel import kernel
from fastconv.jit.records import reader

__all__ = ["MeansHead", "spread_means"]


class MeansHead(NamedTuple):
    """The table.

    Attributes
    ----------
    windows, elements, block : int
        Windows of all images, elements of each, and windows of a task.
    divisor : int
        Of every window.
    """

    windows: int
    elements: int
    block: int
    divisor: int


_head = reader(MeansHead)

#: Elements that are written at once: a loop of so many is a vector or a few, whose number is known to the compiler.
_PIECE = 16


@helper
def _fill(part: Any, share: Any) -> None:
    """Whole pieces, of which the last ends where the part does, so that no element is written by itself."""
    last = part.size - _PIECE
    if last < 0:
        for i in range(part.size):
            part[i] = share
        return
    for first in range(0, last, _PIECE):
        piece = part[first : first + _PIECE]
        for i in range(_PIECE):
            piece[i] = share
    piece = part[last:]
    for i in range(_PIECE):
        piece[i] = share


@kernel
def spread_means(begin: int, end: int, dy: Any, y: Any, table: Any) -> None:
    """Tasks are blocks of windows, which follow each other without a gap."""
    t = _head(table, 0)
    divisor = y.dtype.type(t.divisor)
    for window in range(begin * t.block, min(end * t.block, t.windows)):
        _fill(y[window * t.elements : (window + 1) * t.elements], dy[window] / divisor)
