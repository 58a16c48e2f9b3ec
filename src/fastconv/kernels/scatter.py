"""Planes that are zero but where an index says: gradients of maxima, and maxima put back where they stood."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from fastconv.jit.decorators import helper
from fastconv.jit.kernel import kernel
from fastconv.jit.records import reader
from fastconv.jit.vector import unsigned

__all__ = ["Scatter", "scatter_sums", "scatter_values"]


class Scatter(NamedTuple):
    """What a plane takes and holds: `values` numbers, each with its index, and `size` elements."""

    values: int
    size: int


_read = reader(Scatter)


def _body(put: Any) -> Callable[..., None]:
    """The body around what happens to a number that meets the element at its index."""

    def scatter(begin: int, end: int, values: Any, indices: Any, y: Any, wrong: Any, table: Any) -> None:
        """Tasks are planes; a plane's numbers come in order, so the result does not depend on who does which plane.

        Nothing is written to a plane that lacks an element of an index: where the first such index stands among the
        plane's goes to ``wrong[plane]``, which is -1 where all are right.
        """
        t = _read(table, 0)
        for plane in range(begin, end):
            target = y[plane * t.size : (plane + 1) * t.size]
            given = values[plane * t.values : (plane + 1) * t.values]
            places = indices[plane * t.values : (plane + 1) * t.values]
            wrong[plane] = found = _first_outside(places, t.size)
            if found < 0:
                for i in range(t.size):
                    target[i] = 0
                for i in range(given.size):
                    put(target, unsigned(places[i]), given[i])

    return scatter


@helper
def _first_outside(places: Any, size: int) -> int:
    """Where the first place is that a plane of so many elements lacks, or -1.

    That there is none is found by vectors: to ask for each while it is used takes half as long again as all the rest.
    """
    outside = False
    for i in range(places.size):
        outside |= (places[i] < 0) | (places[i] >= size)
    if not outside:
        return -1
    found = 0
    while 0 <= places[unsigned(found)] < size:
        found += 1
    return found


@helper
def _add(target: Any, place: int, value: Any) -> None:
    target[place] += value


@helper
def _replace(target: Any, place: int, value: Any) -> None:
    target[place] = value


scatter_sums = kernel(_body(_add), "scatter_sums")
scatter_values = kernel(_body(_replace), "scatter_values")
