"""Pooling: the maximum or the mean of what each window sees of the input."""

import itertools
import math
from collections.abc import Iterable

import numpy as np

from fastconv.reference.padding import Array, Pads, PerAxis

__all__ = ["avg_pool", "max_pool", "pool_output_size"]


def max_pool(
    input: Array, kernel: PerAxis, stride: PerAxis, padding: Pads, dilation: PerAxis, ceil_mode: bool
) -> tuple[Array, Array]:
    """Take the maximum of every window, and say where it stands.

    ::

        values[n, c, y] = max over k of input[n, c, stride * y - before + dilation * k]

    where k runs over the taps that fall on the input: padding never takes part in a maximum.

    Parameters
    ----------
    input : array, shape (N, C, *spatial)
    kernel, stride, dilation : tuple of int
        One per spatial axis.
    padding : tuple of (int, int)
        One pair (before, after) per spatial axis.
    ceil_mode : bool
        See `pool_output_size`.

    Returns
    -------
    values : array, shape (N, C, *output), dtype of `input`
        Per axis o = floor((i + before + after - (d(k - 1) + 1)) / s) + 1: relationships 7 and 15 of the guide.
    indices : int64 array, shape (N, C, *output)
        Where the maximum stands in the flattened spatial axes of `input`. See `position_of_maximum`.

    Notes
    -----
    Dilated taps can step over the whole input. Such a window has the lowest value of the dtype and index -1.

    Examples
    --------
    >>> signal = np.array([[[3, 1, 4, 4, 5]]])
    >>> values, indices = max_pool(signal, (2,), (2,), ((0, 0),), (1,), False)
    >>> values.tolist(), indices.tolist()
    ([[[3, 4]]], [[[0, 2]]])
    >>> values, indices = max_pool(signal, (2,), (2,), ((0, 0),), (1,), True)
    >>> values.tolist(), indices.tolist()
    ([[[3, 4, 5]]], [[[0, 2, 4]]])
    """
    batch, channels, *sizes = input.shape
    before, after = zip(*padding, strict=True)
    output = tuple(map(pool_output_size, sizes, kernel, stride, before, after, dilation, [ceil_mode] * len(sizes)))
    values = np.full((batch, channels, *output), lowest(input.dtype), dtype=input.dtype)
    indices = np.full((batch, channels, *output), -1, dtype=np.int64)
    for n, c in np.ndindex(batch, channels):
        for position in np.ndindex(*output):
            starts = [s * y - b for s, y, b in zip(stride, position, before, strict=True)]
            taps = map(taps_within, starts, kernel, dilation, [0] * len(sizes), sizes)
            best = position_of_maximum(input[n, c], itertools.product(*taps))
            if best is not None:
                values[n, c, *position] = input[n, c, *best]
                indices[n, c, *position] = np.ravel_multi_index(best, sizes)
    return values, indices


def avg_pool(
    input: Array,
    kernel: PerAxis,
    stride: PerAxis,
    padding: Pads,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
    dilation: PerAxis,
) -> Array:
    """Take the mean of every window.

    ::

        output[n, c, y] = (sum over k of input[n, c, stride * y - before + dilation * k]) / divisor[y]

    where k runs over the taps that fall on the input.

    Parameters
    ----------
    input : array, shape (N, C, *spatial)
    kernel, stride, dilation : tuple of int
        One per spatial axis.
    padding : tuple of (int, int)
        One pair (before, after) per spatial axis.
    ceil_mode : bool
        See `pool_output_size`.
    count_include_pad : bool
        If True the divisor counts the taps that fall on the padded input, else those that fall on the input. Taps
        beyond the padded input, which a window of ceil mode has, count in neither.
    divisor_override : int or None
        A divisor for every window, in place of the count. Not 0.

    Returns
    -------
    array, shape (N, C, *output), dtype of `input`
        Sizes as in `max_pool`: relationship 7 of the guide. Of integers it is the exact sum, divided with truncation
        toward zero.

    Notes
    -----
    Dilated taps can step over the whole input. The mean of such a window is 0.

    Examples
    --------
    >>> signal = np.array([[[1.0, 2.0, 6.0]]])
    >>> avg_pool(signal, (2,), (2,), ((1, 0),), False, True, None, (1,)).tolist()
    [[[0.5, 4.0]]]
    >>> avg_pool(signal, (2,), (2,), ((1, 0),), False, False, None, (1,)).tolist()
    [[[1.0, 4.0]]]
    >>> avg_pool(signal, (2,), (2,), ((0, 0),), True, True, None, (1,)).tolist()
    [[[1.5, 6.0]]]
    >>> avg_pool(np.array([[[-2, -5, 4]]]), (2,), (1,), ((0, 0),), False, True, None, (1,)).tolist()
    [[[-3, 0]]]
    """
    batch, channels, *sizes = input.shape
    before, after = zip(*padding, strict=True)
    output = tuple(map(pool_output_size, sizes, kernel, stride, before, after, dilation, [ceil_mode] * len(sizes)))
    result = np.zeros((batch, channels, *output), dtype=input.dtype)
    padded_begin = [-b for b in before]
    padded_end = [i + a for i, a in zip(sizes, after, strict=True)]
    for position in np.ndindex(*output):
        starts = [s * y - b for s, y, b in zip(stride, position, before, strict=True)]
        taps = list(map(taps_within, starts, kernel, dilation, [0] * len(sizes), sizes))
        padded_taps = list(map(taps_within, starts, kernel, dilation, padded_begin, padded_end))
        divisor = divisor_override
        if divisor is None:
            divisor = math.prod(map(len, padded_taps if count_include_pad else taps))
        if all(taps):
            for n, c in np.ndindex(batch, channels):
                result[n, c, *position] = mean(input[n, c][np.ix_(*taps)], divisor)
    return result


def pool_output_size(
    size: int, kernel: int, stride: int, before: int, after: int, dilation: int, ceil_mode: bool
) -> int:
    """Return how many windows an axis has: relationships 7 and 15 of the guide, and ceil mode, which it lacks.

    Ceil mode lets a last window reach beyond the padded input where steps of s leave a rest of it uncovered, unless
    that window would begin in the padding after the input, or beyond it, and so see nothing.

    Examples
    --------
    >>> pool_output_size(5, 2, 2, 0, 0, 1, False), pool_output_size(5, 2, 2, 0, 0, 1, True)
    (2, 3)
    >>> pool_output_size(3, 2, 3, 1, 1, 1, True), pool_output_size(2, 2, 3, 1, 1, 1, True)
    (2, 1)
    """
    span = dilation * (kernel - 1) + 1
    room = size + before + after - span
    steps = math.ceil(room / stride) if ceil_mode else room // stride
    if ceil_mode and steps * stride >= before + size:
        steps -= 1
    return max(steps + 1, 0)


def taps_within(start: int, kernel: int, dilation: int, begin: int, end: int) -> list[int]:
    """Return the positions of the k taps of a window, d apart from `start` on, that lie in ``begin <= tap < end``.

    Examples
    --------
    >>> taps_within(-2, 4, 2, 0, 3)
    [0, 2]
    """
    taps = [start + dilation * tap for tap in range(kernel)]
    return [tap for tap in taps if begin <= tap < end]


def position_of_maximum(image: Array, positions: Iterable[PerAxis]) -> PerAxis | None:
    """Return the first of `positions` whose element is the largest, or the last whose element is NaN.

    That a NaN takes the place of anything before it, another NaN included, is PyTorch's rule; ``np.argmax`` would
    return the first.

    Returns
    -------
    tuple of int or None
        None where there are no positions.

    Examples
    --------
    >>> position_of_maximum(np.array([1.0, 2.0, 2.0]), [(0,), (1,), (2,)])
    (1,)
    >>> position_of_maximum(np.array([np.nan, np.nan, 2.0]), [(0,), (1,), (2,)])
    (1,)
    """
    best = None
    for position in positions:
        if best is None or image[position] > image[best] or np.isnan(image[position]):
            best = position
    return best


def mean(window: Array, divisor: int) -> Array:
    """Return the sum of a window over a divisor, rounded toward zero where the window has integers.

    Examples
    --------
    >>> mean(np.array([1.0, 2.0]), 2).item(), mean(np.array([-1, -2]), 2).item()
    (1.5, -1)
    """
    if window.dtype.kind not in "iub":
        return np.asarray(np.sum(window, dtype=window.dtype) / divisor, dtype=window.dtype)
    total = sum(map(int, window.flat))  # of Python's integers, which do not wrap around
    quotient = abs(total) // abs(divisor)
    if (total < 0) != (divisor < 0):
        quotient = -quotient
    # A mean fits the dtype; what an overriding divisor makes of the sum may not, and then wraps as NumPy's casts do.
    return np.asarray(quotient % 2**64, dtype=np.uint64).astype(window.dtype)


def lowest(dtype: np.dtype) -> complex:
    """Return the value that no other of its dtype is below.

    Examples
    --------
    >>> lowest(np.dtype(np.int8)), lowest(np.dtype(np.uint8)), lowest(np.dtype(np.float32))
    (-128, 0, -inf)
    """
    if dtype.kind == "b":
        return False
    return int(np.iinfo(dtype).min) if dtype.kind in "iu" else -math.inf
