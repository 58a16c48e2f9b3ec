"""Output sizes without arrays: `conv_output_size`, `conv_transpose_output_size`, `pool_output_size`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastconv.ops import arguments as arg
from fastconv.ops.axes import conv_axes, pool_axes, transposed_axes

__all__ = ["conv_output_size", "conv_transpose_output_size", "pool_output_size"]


def conv_output_size(
    input_size: arg.PerAxis,
    kernel_size: arg.PerAxis,
    stride: arg.PerAxis = 1,
    padding: arg.Padding = 0,
    dilation: arg.PerAxis = 1,
) -> Any:
    """Spatial output size of a convolution.

    With input size i, kernel k, stride s, padding p on both sides and dilation d, the relationships of the guide are

    1. s = 1, p = 0: o = (i - k) + 1
    2. s = 1: o = (i - k) + 2p + 1
    3. ``padding="same"``, k odd, s = 1 (p = floor(k / 2)): o = i
    4. ``padding="full"``, s = 1 (p = k - 1): o = i + (k - 1)
    5. p = 0: o = floor((i - k) / s) + 1
    6. o = floor((i + 2p - k) / s) + 1
    15. dilated: o = floor((i + 2p - k - (k - 1)(d - 1)) / s) + 1

    and with padding of different amounts before and after, 2p is their sum.

    Parameters
    ----------
    input_size, kernel_size : int or sequence of int
        One for each axis; an int stands for all axes of the other.
    stride, padding, dilation
        As in `conv2d`.

    Returns
    -------
    int or tuple of int
        An int where `input_size` and `kernel_size` are ints.

    Raises
    ------
    TypeError, ValueError
        Where an argument is out of range or no window fits.

    References
    ----------
    V. Dumoulin, F. Visin, "A guide to convolution arithmetic for deep learning" (2016), arXiv:1603.07285.

    Examples
    --------
    >>> conv_output_size(5, 3), conv_output_size(5, 3, stride=2, padding=1), conv_output_size(7, 3, dilation=2)
    (3, 3, 3)
    >>> conv_output_size((224, 320), 7, stride=2, padding=3)
    (112, 160)
    """
    size, kernel = _sizes(input_size, kernel_size)
    return _as_given(conv_axes(size, kernel, stride, padding, dilation), input_size, kernel_size)


def conv_transpose_output_size(
    input_size: arg.PerAxis,
    kernel_size: arg.PerAxis,
    stride: arg.PerAxis = 1,
    padding: arg.Padding = 0,
    output_padding: arg.PerAxis = 0,
    dilation: arg.PerAxis = 1,
) -> Any:
    """Spatial output size of a transposed convolution.

    For the convolution with kernel k, stride s and padding p that is transposed, and its output size i', the
    relationships of the guide are

    8. of 1 (s = 1, p = 0): o' = i' + (k - 1)
    9. of 2 (s = 1): o' = i' + (k - 1) - 2p
    10. of 3 ("same"): o' = i'
    11. of 4 ("full"): o' = i' - (k - 1)
    12. of 5 (p = 0), s divides i - k: o' = s (i' - 1) + k
    13. of 6, s divides i + 2p - k: o' = s (i' - 1) + k - 2p
    14. of 6, `output_padding` a = (i + 2p - k) mod s: o' = s (i' - 1) + a + k - 2p

    and with dilation d, k becomes (k - 1) d + 1.

    Parameters
    ----------
    input_size, kernel_size : int or sequence of int
        One for each axis; an int stands for all axes of the other.
    stride, padding, output_padding, dilation
        As in `conv_transpose2d`.

    Returns
    -------
    int or tuple of int
        An int where `input_size` and `kernel_size` are ints.

    Raises
    ------
    TypeError, ValueError
        Where an argument is out of range or nothing is left of the output.

    References
    ----------
    V. Dumoulin, F. Visin, "A guide to convolution arithmetic for deep learning" (2016), arXiv:1603.07285, chapter 4.

    Examples
    --------
    >>> conv_transpose_output_size(2, 3), conv_transpose_output_size(3, 3, stride=2, padding=1, output_padding=1)
    (4, 6)
    """
    size, kernel = _sizes(input_size, kernel_size)
    axes = transposed_axes(size, kernel, stride, padding, output_padding, dilation, None)
    return _as_given(axes, input_size, kernel_size)


def pool_output_size(
    input_size: arg.PerAxis,
    kernel_size: arg.PerAxis,
    stride: arg.PerAxis | None = None,
    padding: arg.Padding = 0,
    dilation: arg.PerAxis = 1,
    ceil_mode: bool = False,
) -> Any:
    """Spatial output size of a pooling.

    Relationship 7 of the guide, o = floor((i - k) / s) + 1, and with padding, dilation and `ceil_mode` what
    `max_pool2d` says.

    Parameters
    ----------
    input_size, kernel_size : int or sequence of int
        One for each axis; an int stands for all axes of the other.
    stride, padding, dilation, ceil_mode
        As in `max_pool2d`; the stride is the window's size by default.

    Returns
    -------
    int or tuple of int
        An int where `input_size` and `kernel_size` are ints.

    Raises
    ------
    TypeError, ValueError
        Where an argument is out of range or a window would see no input.

    Examples
    --------
    >>> pool_output_size(5, 3, stride=1), pool_output_size(5, 2), pool_output_size(5, 2, ceil_mode=True)
    (3, 2, 3)
    """
    size, kernel = _sizes(input_size, kernel_size)
    return _as_given(pool_axes(size, kernel, stride, padding, dilation, bool(ceil_mode)), input_size, kernel_size)


_SEVERAL = (Sequence, np.ndarray)


def _sizes(input_size: Any, kernel_size: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    ranks = [len(value) for value in (input_size, kernel_size) if isinstance(value, _SEVERAL)]
    rank = max(ranks, default=1)
    return arg.per_axis(input_size, rank, "input_size", 1), arg.per_axis(kernel_size, rank, "kernel_size", 1)


def _as_given(axes: Sequence[Any], *sizes: Any) -> int | tuple[int, ...]:
    outputs = tuple(axis.output for axis in axes)
    return outputs if any(isinstance(size, _SEVERAL) for size in sizes) else outputs[0]
