"""Adaptive pooling: the maximum or the mean of each part of an input that is cut into a given number of parts."""

import itertools
from collections.abc import Iterator

import numpy as np

from fastconv.reference.padding import Array, PerAxis
from fastconv.reference.pool import mean, position_of_maximum

__all__ = ["adaptive_avg_pool", "adaptive_max_pool"]


def adaptive_max_pool(input: Array, output_size: PerAxis) -> tuple[Array, Array]:
    """Take the maximum of every part, and say where it stands.

    Parameters
    ----------
    input : array, shape (N, C, *spatial)
    output_size : tuple of int
        Number of parts along each axis; see `parts`.

    Returns
    -------
    values : array, shape (N, C, *output_size), dtype of `input`
    indices : int64 array of that shape
        Where the maximum stands in the flattened spatial axes of `input`, as `max_pool` has it.

    Examples
    --------
    >>> values, indices = adaptive_max_pool(np.array([[[3, 1, 4, 1, 5]]]), (2,))
    >>> values.tolist(), indices.tolist()
    ([[[4, 5]]], [[[2, 4]]])
    """
    batch, channels, *sizes = input.shape
    values = np.zeros((batch, channels, *output_size), input.dtype)
    indices = np.zeros((batch, channels, *output_size), np.int64)
    for n, c in np.ndindex(batch, channels):
        for position, part in parts(sizes, output_size):
            best = position_of_maximum(input[n, c], itertools.product(*part))
            assert best is not None, "no part is empty"
            values[n, c, *position] = input[n, c, *best]
            indices[n, c, *position] = np.ravel_multi_index(best, sizes)
    return values, indices


def adaptive_avg_pool(input: Array, output_size: PerAxis) -> Array:
    """Take the mean of every part: of integers the exact sum, divided with truncation toward zero.

    Examples
    --------
    >>> adaptive_avg_pool(np.array([[[3.0, 1.0, 5.0]]]), (2,)).tolist()
    [[[2.0, 3.0]]]
    """
    batch, channels, *sizes = input.shape
    result = np.zeros((batch, channels, *output_size), input.dtype)
    for n, c in np.ndindex(batch, channels):
        for position, part in parts(sizes, output_size):
            seen = input[n, c][np.ix_(*part)]
            result[n, c, *position] = mean(seen, seen.size)
    return result


def parts(sizes: list[int], output_size: PerAxis) -> Iterator[tuple[PerAxis, list[range]]]:
    """Pair every output position with the elements, along each axis, of the part it stands for.

    Of n parts of i elements, part o reaches from ``floor(o i / n)`` up to ``ceil((o + 1) i / n)``: from the element in
    which its share of the axis begins to the one in which it ends.

    Examples
    --------
    >>> list(parts([5], (2,)))
    [((0,), [range(0, 3)]), ((1,), [range(2, 5)])]
    """
    for position in np.ndindex(*output_size):
        along = zip(position, sizes, output_size, strict=True)
        yield position, [range(o * i // n, -(-(o + 1) * i // n)) for o, i, n in along]
