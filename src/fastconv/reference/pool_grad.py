"""Gradients of poolings, and maxima put back, one window a time."""

import math

import numpy as np

from fastconv.reference.adaptive_pool import parts
from fastconv.reference.padding import Array, Pads, PerAxis
from fastconv.reference.pool import taps_within

__all__ = ["adaptive_avg_pool_grad", "avg_pool_grad", "max_pool_grad", "max_unpool"]


def max_pool_grad(grad_output: Array, indices: Array, size: PerAxis) -> Array:
    """Add each number to the element whose place in the flattened spatial axes its index is.

    Parameters
    ----------
    grad_output, indices : array, shape (N, C, *output)
    size : tuple of int
        Of the spatial axes of the result.

    Examples
    --------
    >>> max_pool_grad(np.array([[[1, 2, 4]]]), np.array([[[1, 1, 2]]]), (4,)).tolist()
    [[[0, 3, 4, 0]]]
    """
    result = np.zeros((*grad_output.shape[:2], *size), grad_output.dtype)
    for n, c, *position in np.ndindex(*grad_output.shape):
        result[n, c, *np.unravel_index(indices[n, c, *position], size)] += grad_output[n, c, *position]
    return result


def max_unpool(input: Array, indices: Array, size: PerAxis) -> Array:
    """Put each number where its index says, into zeros; of several for one element the last stays.

    Examples
    --------
    >>> max_unpool(np.array([[[1, 2, 4]]]), np.array([[[1, 1, 2]]]), (4,)).tolist()
    [[[0, 2, 4, 0]]]
    """
    result = np.zeros((*input.shape[:2], *size), input.dtype)
    for n, c, *position in np.ndindex(*input.shape):
        result[n, c, *np.unravel_index(indices[n, c, *position], size)] = input[n, c, *position]
    return result


def avg_pool_grad(
    grad_output: Array,
    size: PerAxis,
    kernel: PerAxis,
    stride: PerAxis,
    padding: Pads,
    count_include_pad: bool,
    divisor_override: int | None,
    dilation: PerAxis,
) -> Array:
    """Give each element its share of every window that it is in: what `avg_pool` divides it by.

    That is the derivative of ``sum(grad_output * avg_pool(input))``, which is linear in the input.

    Examples
    --------
    >>> avg_pool_grad(np.array([[[2.0, 20.0]]]), (3,), (2,), (1,), ((0, 0),), True, None, (1,)).tolist()
    [[[1.0, 11.0, 10.0]]]
    """
    result = np.zeros((*grad_output.shape[:2], *size), grad_output.dtype)
    for position in np.ndindex(*grad_output.shape[2:]):
        starts = [s * y - before for s, y, (before, _) in zip(stride, position, padding, strict=True)]
        taps = list(map(taps_within, starts, kernel, dilation, [0] * len(size), size))
        begins, ends = [-before for before, _ in padding], [i + p[1] for i, p in zip(size, padding, strict=True)]
        padded_taps = map(taps_within, starts, kernel, dilation, begins, ends)
        divisor = divisor_override or math.prod(map(len, padded_taps if count_include_pad else taps))
        for n, c in np.ndindex(*grad_output.shape[:2]):
            result[n, c][np.ix_(*taps)] += grad_output[n, c, *position] / divisor
    return result


def adaptive_avg_pool_grad(grad_output: Array, size: PerAxis) -> Array:
    """Give each element its share of every part that it is in.

    Examples
    --------
    >>> adaptive_avg_pool_grad(np.array([[[2.0, 20.0]]]), (3,)).tolist()
    [[[1.0, 11.0, 10.0]]]
    """
    result = np.zeros((*grad_output.shape[:2], *size), grad_output.dtype)
    for n, c in np.ndindex(*grad_output.shape[:2]):
        for position, part in parts(list(size), grad_output.shape[2:]):
            seen = np.ix_(*part)
            result[n, c][seen] += grad_output[n, c, *position] / result[n, c][seen].size
    return result
