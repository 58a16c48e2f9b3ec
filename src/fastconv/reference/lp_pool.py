"""Power-average pooling: the p-norm of what each window sees of the input; and its gradient."""

import numpy as np

from fastconv.reference.padding import Array, Pads, PerAxis
from fastconv.reference.pool import pool_output_size, taps_within

__all__ = ["lp_pool", "lp_pool_grad"]


def lp_pool(
    input: Array, norm: float, kernel: PerAxis, stride: PerAxis, padding: Pads, ceil_mode: bool, dilation: PerAxis
) -> Array:
    """Take ``(sum over k of |input[n, c, stride * y - before + dilation * k]| ** norm) ** (1 / norm)``.

    where k runs over the taps that fall on the input.

    Examples
    --------
    >>> lp_pool(np.array([[[3.0, -4.0, 0.0]]]), 2.0, (2,), (1,), ((0, 0),), False, (1,)).tolist()
    [[[5.0, 4.0]]]
    """
    sizes = input.shape[2:]
    before, after = zip(*padding, strict=True)
    output = map(pool_output_size, sizes, kernel, stride, before, after, dilation, [ceil_mode] * len(sizes))
    result = np.zeros((*input.shape[:2], *output), input.dtype)
    for position in np.ndindex(*result.shape[2:]):
        starts = [s * y - b for s, y, b in zip(stride, position, before, strict=True)]
        taps = list(map(taps_within, starts, kernel, dilation, [0] * len(sizes), sizes))
        for n, c in np.ndindex(*input.shape[:2]):
            powers = np.abs(input[n, c][np.ix_(*taps)]) ** norm
            result[n, c, *position] = np.sum(powers, dtype=input.dtype) ** (1 / norm)
    return result


def lp_pool_grad(
    grad_output: Array,
    input: Array,
    norm: float,
    kernel: PerAxis,
    stride: PerAxis,
    padding: Pads,
    ceil_mode: bool,
    dilation: PerAxis,
) -> Array:
    """Give each element x of a window whose norm is y ``sign(x) * (|x| / y) ** (norm - 1)`` of its gradient.

    That is the derivative; an element that is 0 gets 0, as does a window of zeros, where there is none.

    Examples
    --------
    >>> x = np.array([[[3.0, -4.0, 0.0]]])
    >>> lp_pool_grad(np.array([[[5.0, 1.0]]]), x, 2.0, (2,), (1,), ((0, 0),), False, (1,)).tolist()
    [[[3.0, -5.0, 0.0]]]
    """
    sizes = input.shape[2:]
    norms = lp_pool(input, norm, kernel, stride, padding, ceil_mode, dilation)
    result = np.zeros(input.shape, grad_output.dtype)
    for position in np.ndindex(*norms.shape[2:]):
        starts = [s * y - before for s, y, (before, _) in zip(stride, position, padding, strict=True)]
        seen = np.ix_(*map(taps_within, starts, kernel, dilation, [0] * len(sizes), sizes))
        for n, c in np.ndindex(*input.shape[:2]):
            x, y = input[n, c][seen], norms[n, c, *position]
            nonzero = x != 0
            shares = np.zeros(x.shape, result.dtype)
            shares[nonzero] = np.sign(x[nonzero]) * (np.abs(x[nonzero]) / y) ** (norm - 1)
            result[n, c][seen] += shares * grad_output[n, c, *position]
    return result
