"""Rows of numbers with zeros between them: what makes windows that are strides apart follow each other."""

from __future__ import annotations

from typing import Any, NamedTuple

from fastconv.jit.decorators import helper
from fastconv.jit.kernel import kernel
from fastconv.jit.records import reader
from fastconv.jit.scratch import empty, free
from fastconv.jit.vector import unsigned

__all__ = ["SPACES_TABLE", "SpacesAxis", "SpacesHead", "space_out"]


class SpacesHead(NamedTuple):
    """The head of the table: rows of a task, and tasks of a plane of rows."""

    block: int
    blocks: int


class SpacesAxis(NamedTuple):
    """One axis.

    Attributes
    ----------
    size, step, spaced : int
        Numbers, how far apart they come to stand, and elements then, the zeros behind the last included.
    counts_at : int
        Where it stands in the table by what each number is divided.
    """

    size: int
    step: int
    spaced: int
    counts_at: int


#: What stands in a table, in this order, before the lists that its records point to.
SPACES_TABLE = (SpacesHead, SpacesAxis, SpacesAxis, SpacesAxis)

_AXIS_AT = len(SpacesHead._fields)
_AXIS_FIELDS = len(SpacesAxis._fields)

_head = reader(SpacesHead)
_axis = reader(SpacesAxis)


@helper
def _clear(y: Any) -> None:
    for i in range(y.size):
        y[i] = 0


@helper
def _place(y: Any, x: Any, shares: Any, share: Any, step: int) -> None:
    """y[i step] = x[i], times its share and that of its row, and zeros elsewhere."""
    if step == 1:
        for i in range(x.size):
            y[i] = x[i] * (share * shares[i])
        _clear(y[x.size :])
    elif step == 2:  # a step that is known makes vectors of it: 0.1 ns an element, not 0.3
        for i in range(x.size - 1):
            y[unsigned(2 * i)] = x[unsigned(i)] * (share * shares[unsigned(i)])
            y[unsigned(2 * i + 1)] = 0
        _clear(y[2 * x.size - 2 :])
        y[2 * x.size - 2] = x[x.size - 1] * (share * shares[x.size - 1])
    else:
        _clear(y)
        for i in range(x.size):
            y[i * step] = x[i] * (share * shares[i])


@helper
def _number_at(place: int, axis: SpacesAxis) -> int:
    """Which of the numbers comes to stand at a place, or -1 if none."""
    number = place // axis.step
    return number if number * axis.step == place and number < axis.size else -1


@kernel
def space_out(begin: int, end: int, x: Any, y: Any, table: Any) -> None:
    """Tasks are blocks of rows of the result [image and channel, d, block]."""
    head = _head(table, 0)
    d = _axis(table, _AXIS_AT)
    h = _axis(table, _AXIS_AT + _AXIS_FIELDS)
    w = _axis(table, _AXIS_AT + 2 * _AXIS_FIELDS)
    one, shares = y.dtype.type(1), empty(w.size, y.dtype)
    for i in range(w.size):
        shares[i] = one / y.dtype.type(table[w.counts_at + i])
    for task in range(begin, end):
        slab = task // head.blocks
        plane = slab // d.spaced
        i_d = _number_at(slab - plane * d.spaced, d)
        first = (task - slab * head.blocks) * head.block
        for place in range(first, min(first + head.block, h.spaced)):
            i_h, to = _number_at(place, h), (slab * h.spaced + place) * w.spaced
            row = y[to : to + w.spaced]
            if i_d < 0 or i_h < 0:
                _clear(row)
            else:
                share = one / y.dtype.type(table[d.counts_at + i_d] * table[h.counts_at + i_h])
                at = ((plane * d.size + i_d) * h.size + i_h) * w.size
                _place(row, x[at : at + w.size], shares, share, w.step)
    free((shares,))
