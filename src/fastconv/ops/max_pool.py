"""Maxima of windows: `max_pool1d`, `max_pool2d`, `max_pool3d`."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastconv.ops import arguments as arg
from fastconv.ops.axes import pool_axes
from fastconv.ops.calls import Call, remembered, target_of
from fastconv.ops.pooling import check_input, prepare_maxima, run_maxima

__all__ = ["max_pool1d", "max_pool2d", "max_pool3d"]


def max_pool1d(
    input: Any,
    kernel_size: arg.PerAxis,
    stride: arg.PerAxis | None = None,
    padding: arg.Padding = 0,
    dilation: arg.PerAxis = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
    *,
    out: np.ndarray | None = None,
    algorithm: str = "auto",
) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
    """Maximum of each window of signals, ``output[x] = max over s of input[x stride + s dilation - before]``.

    PyTorch's `max_pool1d`, and ONNX's MaxPool but for its stride, 1 by default; here it is the kernel's size.

    Parameters
    ----------
    input : array_like, shape (N, C, W) or (C, W)
        Signals of any real dtype, booleans included.
    kernel_size, stride, padding, dilation, ceil_mode, return_indices, out, algorithm
        As in `max_pool2d`.

    Returns
    -------
    values : ndarray, shape (N, C, OW) or (C, OW)
        As those of `max_pool2d`.
    indices : ndarray of int64, same shape
        Only with `return_indices`: ``w`` of each maximum, as in PyTorch.

    Raises
    ------
    TypeError, ValueError
        As `max_pool2d`, before anything is computed.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> fc.max_pool1d(np.array([[1, 5, 2, 4]]), 2)
    array([[5, 4]])
    """
    return _max_pool(1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices, out, algorithm)


def max_pool2d(
    input: Any,
    kernel_size: arg.PerAxis,
    stride: arg.PerAxis | None = None,
    padding: arg.Padding = 0,
    dilation: arg.PerAxis = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
    *,
    out: np.ndarray | None = None,
    algorithm: str = "auto",
) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
    """Maximum of each window, ``output[y, x] = max over r, s of input[y stride + r dilation - before, ...]``.

    That is PyTorch's `max_pool2d`, and ONNX's MaxPool, whose stride is 1 by default and whose indices count through
    batch and channels too. Padding never wins a window. NaN does, whatever else is in it.

    Parameters
    ----------
    input : array_like, shape (N, C, H, W) or (C, H, W)
        Images of any real dtype, booleans included.
    kernel_size : int or sequence of int
        Size of a window; one for all axes, or one for each.
    stride : int or sequence of int, optional
        Step from window to window; by default the window's size, as in PyTorch (ONNX: 1).
    padding : int, sequence of int, sequence of (before, after) pairs, or str
        As in `conv2d`, less than the (dilated) window on each side so that each window meets the input.
    dilation : int or sequence of int
        Step from tap to tap inside a window.
    ceil_mode : bool
        Round the number of outputs up; a last window that would begin behind the input is dropped.
    return_indices : bool
        Return the places of the maxima too.
    out : ndarray, optional
        Takes the maxima; right shape and dtype, any strides.
    algorithm : str
        "auto", or a name that `explain` shows.

    Returns
    -------
    values : ndarray, shape (N, C, OH, OW) or (C, OH, OW)
        Along each axis ``floor((size + before + after - dilation * (kernel - 1) - 1) / stride) + 1`` outputs,
        relationship 7 of the guide where nothing is padded or dilated. Dtype of the input. In memory values lie as
        the input does, channels-last or contiguous, as those of `conv2d`; so do indices.
    indices : ndarray of int64, same shape
        Only with `return_indices`: ``h * W + w`` of each maximum in the input without its padding, as PyTorch's. Of
        equal maxima the first in row-major order, of several NaNs the last.

    Raises
    ------
    TypeError, ValueError
        Before anything is computed, with what was given and what is allowed.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> x = np.array([[[1.0, 2, 0, 3], [4, 0, 1, 1]]])
    >>> fc.max_pool2d(x, 2, return_indices=True)
    (array([[[4., 3.]]]), array([[[4, 3]]]))
    """
    return _max_pool(2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices, out, algorithm)


def max_pool3d(
    input: Any,
    kernel_size: arg.PerAxis,
    stride: arg.PerAxis | None = None,
    padding: arg.Padding = 0,
    dilation: arg.PerAxis = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
    *,
    out: np.ndarray | None = None,
    algorithm: str = "auto",
) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
    """Maximum of each window of volumes.

    ``output[z, y, x] = max over q, r, s of input[z stride + q dilation - before, ...]``.

    PyTorch's `max_pool3d`, and ONNX's MaxPool but for its stride, 1 by default; here it is the kernel's size.

    Parameters
    ----------
    input : array_like, shape (N, C, D, H, W) or (C, D, H, W)
        Volumes of any real dtype, booleans included.
    kernel_size, stride, padding, dilation, ceil_mode, return_indices, out, algorithm
        As in `max_pool2d`.

    Returns
    -------
    values : ndarray, shape (N, C, OD, OH, OW) or (C, OD, OH, OW)
        As those of `max_pool2d`.
    indices : ndarray of int64, same shape
        Only with `return_indices`: ``(d * H + h) * W + w`` of each maximum, as in PyTorch.

    Raises
    ------
    TypeError, ValueError
        As `max_pool2d`, before anything is computed.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> fc.max_pool3d(np.arange(8).reshape(1, 2, 2, 2), 2)
    array([[[[7]]]])
    """
    return _max_pool(3, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices, out, algorithm)


def _max_pool(
    rank: int,
    input: Any,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    ceil_mode: bool,
    return_indices: bool,
    out: np.ndarray | None,
    algorithm: str,
) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
    x = arg.array(input, "input")
    call = _prepare_max(
        (x, target_of(out, (x,))), rank, kernel_size, stride, padding, dilation, bool(ceil_mode), bool(return_indices),
        algorithm,
    )  # fmt: skip
    return run_maxima(call, (x,), out)


@remembered
def _prepare_max(
    forms: tuple[arg.Form, arg.Form | None],
    rank: int,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    ceil_mode: bool,
    return_indices: bool,
    algorithm: str,
) -> Call:
    x, target = forms
    check_input(x, rank, f"max_pool{rank}d")
    axes = pool_axes(x.shape[-rank:], kernel_size, stride, padding, dilation, ceil_mode)
    return prepare_maxima("max_pool", axes, x, target, return_indices, algorithm)
