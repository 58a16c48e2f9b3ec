"""Windows as columns, and columns added up where their windows lay."""

from itertools import product
from math import prod
from typing import Any

import numpy as np

from fastconv.reference.conv import output_size, window_slices
from fastconv.reference.padding import Array, Pads, PerAxis, pad

__all__ = ["fold", "unfold"]


def unfold(input: Array, kernel_size: PerAxis, dilation: PerAxis, padding: Pads, stride: PerAxis) -> Array:
    """Lay out each window of the padded input as a column.

    With P the padded input, k running over the taps and y over the windows, both in row-major order::

        output[n, c * taps + k, y] = P[n, c, stride * y + dilation * k]

    Parameters
    ----------
    input : array, shape (N, C, *spatial)
    kernel_size, dilation, stride : tuple of int
        One per spatial axis.
    padding : tuple of (int, int)
        One pair (before, after) per spatial axis, filled with zeros.

    Returns
    -------
    array, shape (N, C * taps, windows)

    Examples
    --------
    >>> unfold(np.array([[[1, 2, 3]]]), (2,), (1,), ((0, 1),), (1,)).tolist()
    [[[1, 2, 3], [2, 3, 0]]]
    """
    padded = pad(input, padding, "zeros")
    batch, channels, *size = padded.shape
    windows = [output_size(*axis) for axis in zip(size, kernel_size, stride, dilation, strict=True)]
    columns = np.empty((batch, channels, *kernel_size, *windows), input.dtype)
    for tap in product(*(range(k) for k in kernel_size)):
        write: Any = (slice(None), slice(None), *tap)
        read: Any = (..., *window_slices(tap, windows, dilation, stride))
        columns[write] = padded[read]
    return columns.reshape(batch, channels * prod(kernel_size), prod(windows))


def fold(input: Array, size: PerAxis, kernel_size: PerAxis, dilation: PerAxis, padding: Pads, stride: PerAxis) -> Array:
    """Add up columns where `unfold` would have taken them from: its adjoint.

    Parameters
    ----------
    input : array, shape (N, C * taps, windows)
    size : tuple of int
        Of the output.
    kernel_size, dilation, padding, stride
        As in `unfold`. What falls on the padding is dropped.

    Returns
    -------
    array, shape (N, C, *size)
        Whole numbers wrap around; True and True is True.

    Examples
    --------
    >>> fold(np.array([[[1, 2, 3], [10, 20, 30]]]), (3,), (2,), (1,), ((0, 1),), (1,)).tolist()
    [[[1, 12, 23]]]
    """
    batch, rows, _ = input.shape
    channels = rows // prod(kernel_size)
    padded_size = tuple(i + before + after for i, (before, after) in zip(size, padding, strict=True))
    windows = [output_size(*axis) for axis in zip(padded_size, kernel_size, stride, dilation, strict=True)]
    columns = input.reshape(batch, channels, *kernel_size, *windows)
    padded = np.zeros((batch, channels, *padded_size), input.dtype)
    for tap in product(*(range(k) for k in kernel_size)):
        write: Any = (..., *window_slices(tap, windows, dilation, stride))
        read: Any = (slice(None), slice(None), *tap)
        padded[write] += columns[read]
    return pad(padded, tuple((-before, -after) for before, after in padding), "zeros")
