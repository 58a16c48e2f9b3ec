"""Padding: which input element stands at a position beyond the edge."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Array", "Pads", "PerAxis", "pad", "pad_axis", "source_index"]

Array = NDArray[Any]
PerAxis = tuple[int, ...]
Pads = tuple[tuple[int, int], ...]


def source_index(position: int, size: int, mode: str) -> int | None:
    """Return the index of the input element that stands at `position` of an axis padded without end.

    Position 0 is the first element of the input, so that ``-1`` is the first padded position before it and `size` the
    first one after it.

    Parameters
    ----------
    position : int
        Any integer.
    size : int
        Length of the axis, i >= 1.
    mode : str
        - ``"zeros"``: the input stands alone.
        - ``"replicate"``: each edge element goes on for ever.
        - ``"circular"``: the input repeats, with period i.
        - ``"symmetric"``: the input runs forth and back, the edge elements twice each, with period 2i.
        - ``"reflect"``: the input runs forth and back, the edge elements once each, with period 2(i - 1).

    Returns
    -------
    int or None
        None where no input element stands, which happens in mode ``"zeros"`` alone.

    Examples
    --------
    >>> [source_index(position, 3, "reflect") for position in range(-4, 7)]
    [0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2]
    >>> [source_index(position, 3, "zeros") for position in range(-2, 5)]
    [None, None, 0, 1, 2, None, None]
    """
    if mode == "zeros":
        return position if 0 <= position < size else None
    if mode == "replicate":
        return min(max(position, 0), size - 1)
    if mode == "circular":
        return position % size
    if mode == "symmetric":
        period = 2 * size
        forth = position % period
        back = period - 1 - forth
        return forth if forth < size else back
    if mode == "reflect":
        if size == 1:  # both edges are the same element, and the period would be 0
            return 0
        period = 2 * (size - 1)
        forth = position % period
        back = period - forth
        return forth if forth < size else back
    raise ValueError(f"padding mode {mode!r} is not one of 'zeros', 'replicate', 'circular', 'symmetric', 'reflect'")


def pad(input: Array, padding: Pads, mode: str, value: complex = 0) -> Array:
    """Pad the spatial axes, one after the other.

    Per axis the result has the positions ``-before, ..., i + after - 1`` of the endlessly padded input, which is
    i + before + after of them. A negative pad therefore leaves elements of the input away.

    Parameters
    ----------
    input : array, shape (N, C, *spatial)
    padding : tuple of (int, int)
        One pair (before, after) per spatial axis. Either may be longer than the axis.
    mode : str
        See `source_index`.
    value : number
        What stands where no input element does.

    Returns
    -------
    array, shape (N, C, *padded), dtype of `input`

    Examples
    --------
    >>> pad(np.array([[[1, 2, 3]]]), ((1, 2),), "zeros").tolist()
    [[[0, 1, 2, 3, 0, 0]]]
    >>> pad(np.array([[[1, 2, 3]]]), ((-1, 0),), "zeros").tolist()
    [[[2, 3]]]
    >>> pad(np.array([[[1, 2, 3]]]), ((1, 2),), "symmetric").tolist()
    [[[1, 1, 2, 3, 3, 2]]]
    """
    padded = input
    for axis, (before, after) in enumerate(padding, start=2):
        padded = pad_axis(padded, axis, before, after, mode, value)
    return padded


def pad_axis(input: Array, axis: int, before: int, after: int, mode: str, value: complex = 0) -> Array:
    """Pad one axis: every position of the result copies its source, or keeps `value` where there is none.

    Examples
    --------
    >>> pad_axis(np.array([[1, 2], [3, 4]]), 1, 1, 1, "circular").tolist()
    [[2, 1, 2, 1], [4, 3, 4, 3]]
    """
    size = input.shape[axis]
    positions = range(-before, size + after)
    shape = list(input.shape)
    shape[axis] = len(positions)
    padded = np.full(shape, value, dtype=input.dtype)
    target, origin = np.moveaxis(padded, axis, 0), np.moveaxis(input, axis, 0)
    for index, position in enumerate(positions):
        source = source_index(position, size, mode)
        if source is not None:
            target[index] = origin[source]
    return padded
