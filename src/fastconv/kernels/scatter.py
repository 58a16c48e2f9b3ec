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

        An index outside of the plane writes nothing: where it stands among the plane's goes to ``wrong[plane]``, which
        is -1 where all are right.
        """
        t = _read(table, 0)
        for plane in range(begin, end):
            target = y[plane * t.size : (plane + 1) * t.size]
            for i in range(t.size):
                target[i] = 0
            first = plane * t.values
            found = -1
            for i in range(t.values):
                place = indices[first + i]
                if 0 <= place < t.size:
                    put(target, unsigned(place), values[first + i])
                elif found < 0:
                    found = i
            wrong[plane] = found

    return scatter


@helper
def _add(target: Any, place: int, value: Any) -> None:
    target[place] += value


@helper
def _replace(target: Any, place: int, value: Any) -> None:
    target[place] = value


scatter_sums = kernel(_body(_add), "scatter_sums")
scatter_values = kernel(_body(_replace), "scatter_values")
