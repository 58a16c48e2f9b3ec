"""Convolution as a matrix: the K' that multiplies a flattened input."""

import numpy as np

from fastconv.reference.conv import mirror, output_size
from fastconv.reference.padding import Array, Pads, PerAxis, source_index

__all__ = ["conv_matrix"]


def conv_matrix(
    weight: Array,
    input_size: PerAxis,
    stride: PerAxis,
    padding: Pads,
    dilation: PerAxis,
    groups: int,
    padding_mode: str = "zeros",
    flip: bool = False,
) -> Array:
    """Write down the matrix of a convolution entry by entry.

    Output element (o, y) has a row, input element (c, x) has a column, and every tap k of the kernel adds
    ``weight[o, c, k]`` at the input element x that stands at position ``stride * y - before + dilation * k``. Taps
    that fall on zeros have no column; taps that padding folds onto the same element meet in one entry, as a sum.

    Parameters
    ----------
    weight : array, shape (O, C / groups, *kernel)
    input_size : tuple of int, (C, *spatial)
    stride, padding, dilation, groups, padding_mode, flip
        As in `fastconv.reference.conv.conv`.

    Returns
    -------
    array, shape (O * prod(output), C * prod(spatial)), dtype of `weight`
        K', such that ``K' @ x.ravel()`` is ``conv(x[None], weight, None, ...).ravel()`` and ``K'.T @ y.ravel()`` is
        the transposed convolution of y. Section 4.1 of the guide has the matrix of a 3x3 kernel on a 4x4 input.

    Examples
    --------
    >>> kernel = np.array([[[1, 2, 3]]])
    >>> conv_matrix(kernel, (1, 4), (1,), ((0, 0),), (1,), 1).tolist()
    [[1, 2, 3, 0], [0, 1, 2, 3]]
    >>> conv_matrix(kernel, (1, 3), (1,), ((1, 1),), (1,), 1).tolist()
    [[2, 3, 0], [1, 2, 3], [0, 1, 2]]
    >>> conv_matrix(kernel, (1, 3), (1,), ((1, 1),), (1,), 1, padding_mode="replicate").tolist()
    [[3, 3, 0], [1, 2, 3], [0, 1, 5]]
    """
    if flip:
        weight = mirror(weight)
    channels, *sizes = input_size
    outputs, channels_per_group, *kernel = weight.shape
    padded = [before + size + after for size, (before, after) in zip(sizes, padding, strict=True)]
    output = tuple(map(output_size, padded, kernel, stride, dilation))
    entries = np.zeros((outputs, *output, channels, *sizes), dtype=weight.dtype)
    for o, *position in np.ndindex(outputs, *output):
        group = o // (outputs // groups)
        for c, *tap in np.ndindex(channels_per_group, *kernel):
            source = [
                source_index(s * y - before + d * k, size, padding_mode)
                for s, y, (before, _), d, k, size in zip(stride, position, padding, dilation, tap, sizes, strict=True)
            ]
            if None not in source:
                entries[o, *position, group * channels_per_group + c, *source] += weight[o, c, *tap]
    rows = outputs * int(np.prod(output))
    columns = channels * int(np.prod(sizes))
    return entries.reshape(rows, columns)
