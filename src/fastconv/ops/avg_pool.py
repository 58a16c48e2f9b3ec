"""Averages of windows: `avg_pool1d`, `avg_pool2d`, `avg_pool3d`."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastconv.ops import arguments as arg
from fastconv.ops.axes import pool_axes
from fastconv.ops.calls import Call, remembered, target_of
from fastconv.ops.pooling import check_input, prepare_means

__all__ = ["avg_pool1d", "avg_pool2d", "avg_pool3d"]


def avg_pool1d(
    input: Any,
    kernel_size: arg.PerAxis,
    stride: arg.PerAxis | None = None,
    padding: arg.Padding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
    *,
    dilation: arg.PerAxis = 1,
    dtype: Any = None,
    out: np.ndarray | None = None,
    algorithm: str = "auto",
) -> np.ndarray:
    """Average of each window of signals, ``output[x] = sum over s of input[x stride + s dilation - before] / count``.

    PyTorch's `avg_pool1d`, and ONNX's AveragePool but for its stride, 1 by default, and for padding, which it does not
    count by default.

    Parameters
    ----------
    input : array_like, shape (N, C, W) or (C, W)
        Signals of any real dtype, booleans included.
    kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, dilation, dtype, out, algorithm
        As in `avg_pool2d`.

    Returns
    -------
    ndarray, shape (N, C, OW) or (C, OW)
        As that of `avg_pool2d`.

    Raises
    ------
    TypeError, ValueError
        As `avg_pool2d`, before anything is computed.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> fc.avg_pool1d(np.array([[1.0, 5, 2, 4]]), 2)
    array([[3., 3.]])
    """
    return _avg_pool(
        1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, dilation, dtype, out,
        algorithm,
    )  # fmt: skip


def avg_pool2d(
    input: Any,
    kernel_size: arg.PerAxis,
    stride: arg.PerAxis | None = None,
    padding: arg.Padding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
    *,
    dilation: arg.PerAxis = 1,
    dtype: Any = None,
    out: np.ndarray | None = None,
    algorithm: str = "auto",
) -> np.ndarray:
    """Average of each window: its sum over the number of its elements.

    ``output[y, x] = sum over r, s of input[y stride + r dilation - before, ...] / count``, where the count is that of
    the window's elements, or of those that are not padding. That is PyTorch's `avg_pool2d`, and ONNX's AveragePool but
    for its defaults.

    Parameters
    ----------
    input : array_like, shape (N, C, H, W) or (C, H, W)
        Images of any real dtype, booleans included.
    kernel_size, stride, padding, ceil_mode
        As in `max_pool2d`.
    count_include_pad : bool
        Whether the zeros of the padding count as elements (PyTorch's default; ONNX: not). What a window covers beyond
        the padding, in ceil mode, never counts.
    divisor_override : int, optional
        Divides every sum, in place of the number of elements. Not 0; positive for unsigned integers.
    dilation : int or sequence of int
        Step from tap to tap inside a window.
    dtype : dtype, optional
        Of the result; by default the input's. Averages of integers are exact sums (in 64 bits) divided with the
        fraction dropped, toward zero, as PyTorch's int64; a floating `dtype` gives the true mean. Booleans count as
        0 and 1, so by default an average is True where all that it counts is, padding included.
    out : ndarray, optional
        Takes the result; right shape and dtype, any strides.
    algorithm : str
        "auto", or a name that `explain` shows.

    Returns
    -------
    ndarray, shape (N, C, OH, OW) or (C, OH, OW)
        As many outputs as `max_pool2d` gives, and lying as they do.

    Raises
    ------
    TypeError, ValueError
        Before anything is computed, with what was given and what is allowed.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> fc.avg_pool2d(np.array([[[1.0, 3], [5, 7]]]), 2)
    array([[[4.]]])
    >>> fc.avg_pool2d(np.array([[[1, 2], [2, 2]]]), 2), fc.avg_pool2d(np.array([[[1, 2], [2, 2]]]), 2, dtype=float)
    (array([[[1]]]), array([[[1.75]]]))
    """
    return _avg_pool(
        2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, dilation, dtype, out,
        algorithm,
    )  # fmt: skip


def avg_pool3d(
    input: Any,
    kernel_size: arg.PerAxis,
    stride: arg.PerAxis | None = None,
    padding: arg.Padding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
    *,
    dilation: arg.PerAxis = 1,
    dtype: Any = None,
    out: np.ndarray | None = None,
    algorithm: str = "auto",
) -> np.ndarray:
    """Average of each window of volumes.

    ``output[z, y, x] = sum over q, r, s of input[z stride + q dilation - before, ...] / count``. That is PyTorch's
    `avg_pool3d`, and ONNX's AveragePool but for its stride, 1 by default, and for padding, which it does not count by
    default.

    Parameters
    ----------
    input : array_like, shape (N, C, D, H, W) or (C, D, H, W)
        Volumes of any real dtype, booleans included.
    kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, dilation, dtype, out, algorithm
        As in `avg_pool2d`.

    Returns
    -------
    ndarray, shape (N, C, OD, OH, OW) or (C, OD, OH, OW)
        As that of `avg_pool2d`.

    Raises
    ------
    TypeError, ValueError
        As `avg_pool2d`, before anything is computed.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> fc.avg_pool3d(np.arange(8.0).reshape(1, 2, 2, 2), 2)
    array([[[[3.5]]]])
    """
    return _avg_pool(
        3, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, dilation, dtype, out,
        algorithm,
    )  # fmt: skip


def _avg_pool(
    rank: int,
    input: Any,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: Any,
    dilation: Any,
    dtype: Any,
    out: np.ndarray | None,
    algorithm: str,
) -> np.ndarray:
    x = arg.array(input, "input")
    call = _prepare_avg(
        (x, target_of(out, (x,))), rank, kernel_size, stride, padding, bool(ceil_mode), bool(count_include_pad),
        divisor_override, dilation, dtype, algorithm,
    )  # fmt: skip
    return call.run((x,), out)


@remembered
def _prepare_avg(
    forms: tuple[arg.Form, arg.Form | None],
    rank: int,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: Any,
    dilation: Any,
    dtype: Any,
    algorithm: str,
) -> Call:
    x, target = forms
    check_input(x, rank, f"avg_pool{rank}d")
    axes = pool_axes(x.shape[-rank:], kernel_size, stride, padding, dilation, ceil_mode)
    return prepare_means("avg_pool", axes, x, target, dtype, algorithm, count_include_pad, divisor_override)
