"""Gradients of p-norms for their inputs: `lp_pool1d`, `lp_pool2d` and `lp_pool3d` of `fastconv.grad`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from fastconv.kernels.norms import divide_by_powers, multiply_by_powers
from fastconv.ops import arguments as arg
from fastconv.ops import dtypes
from fastconv.ops.axes import pool_axes
from fastconv.ops.lp_pool import lp_pool1d as norms1d
from fastconv.ops.lp_pool import lp_pool2d as norms2d
from fastconv.ops.lp_pool import lp_pool3d as norms3d
from fastconv.ops.lp_pool import norm_of
from fastconv.ops.max_pool import max_pool1d as maxima1d
from fastconv.ops.max_pool import max_pool2d as maxima2d
from fastconv.ops.max_pool import max_pool3d as maxima3d
from fastconv.ops.max_pool_grad import gradient_of_maxima
from fastconv.ops.pooling import check_input, gradient
from fastconv.ops.shares import prepare_shares
from fastconv.plan.norms import run_norms

__all__ = ["lp_pool1d", "lp_pool2d", "lp_pool3d"]

_MAX_POOLS: tuple[Callable[..., Any], ...] = (maxima1d, maxima2d, maxima3d)
_NORMS: tuple[Callable[..., np.ndarray], ...] = (norms1d, norms2d, norms3d)


def lp_pool2d(
    grad_output: Any,
    input: Any,
    norm_type: float,
    kernel_size: arg.PerAxis,
    stride: arg.PerAxis | None = None,
    ceil_mode: bool = False,
    *,
    padding: arg.Padding = 0,
    dilation: arg.PerAxis = 1,
) -> np.ndarray:
    """The gradient of a loss for the input of `lp_pool2d`, from the gradient for its norms.

    An element x of a window whose norm is y gets ``sign(x) (|x| / y) ** (p - 1)`` of the window's gradient, and 0 where
    x is 0, also in windows of zeros and for p up to 1, where there is no derivative. With an infinite p it is that of
    `max_pool2d` of ``|x|``, times the sign of x.

    Parameters
    ----------
    grad_output : array_like, shape (N, C, OH, OW) or (C, OH, OW)
        The gradient for the norms, of any real dtype.
    input : array_like, shape (N, C, H, W) or (C, H, W)
        What was pooled.
    norm_type, kernel_size, stride, ceil_mode, padding, dilation
        Those of `lp_pool2d`.

    Returns
    -------
    ndarray
        Of the input's shape, contiguous, with NumPy's common dtype of both, in which whole numbers count as float64;
        float16 is summed in float32.

    Raises
    ------
    TypeError, ValueError
        Where the sizes are not those of such a pooling.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> fc.grad.lp_pool2d(np.array([[[5.0]]]), np.array([[[3.0, -4.0]]]), 2, (1, 2))
    array([[[ 3., -4.]]])
    """
    return _lp_pool(2, grad_output, input, norm_type, kernel_size, stride, ceil_mode, padding, dilation)


def lp_pool1d(
    grad_output: Any,
    input: Any,
    norm_type: float,
    kernel_size: arg.PerAxis,
    stride: arg.PerAxis | None = None,
    ceil_mode: bool = False,
    *,
    padding: arg.Padding = 0,
    dilation: arg.PerAxis = 1,
) -> np.ndarray:
    """The gradient of a loss for the input of `lp_pool1d`, from the gradient for its norms.

    `input` has shape (N, C, W) or (C, W) and `grad_output` (N, C, OW) or (C, OW); everything else is as in
    `lp_pool2d` of this module.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> fc.grad.lp_pool1d(np.array([[5.0]]), np.array([[3.0, -4.0]]), 2, 2)
    array([[ 3., -4.]])
    """
    return _lp_pool(1, grad_output, input, norm_type, kernel_size, stride, ceil_mode, padding, dilation)


def lp_pool3d(
    grad_output: Any,
    input: Any,
    norm_type: float,
    kernel_size: arg.PerAxis,
    stride: arg.PerAxis | None = None,
    ceil_mode: bool = False,
    *,
    padding: arg.Padding = 0,
    dilation: arg.PerAxis = 1,
) -> np.ndarray:
    """The gradient of a loss for the input of `lp_pool3d`, from the gradient for its norms.

    `input` has shape (N, C, D, H, W) or (C, D, H, W) and `grad_output` (N, C, OD, OH, OW) or (C, OD, OH, OW);
    everything else is as in `lp_pool2d` of this module.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> fc.grad.lp_pool3d(np.array([[[[5.0]]]]), np.array([[[[3.0, -4.0]]]]), 2, (1, 1, 2))
    array([[[[ 3., -4.]]]])
    """
    return _lp_pool(3, grad_output, input, norm_type, kernel_size, stride, ceil_mode, padding, dilation)


def _lp_pool(
    rank: int,
    grad_output: Any,
    input: Any,
    norm_type: Any,
    kernel_size: Any,
    stride: Any,
    ceil_mode: bool,
    padding: Any,
    dilation: Any,
) -> np.ndarray:
    dy, x, p = gradient(grad_output), arg.array(input, "input"), norm_of(norm_type)
    check_input(arg.form(x), rank, f"lp_pool{rank}d")
    axes = pool_axes(x.shape[-rank:], kernel_size, stride, padding, dilation, bool(ceil_mode))
    result = np.result_type(dtypes.floating(dy.dtype), dtypes.floating(x.dtype))
    x = np.ascontiguousarray(arg.native(x, dtypes.sum_dtype(result)))
    windows = {"padding": padding, "dilation": dilation}
    if p == math.inf:
        _, places = _MAX_POOLS[rank - 1](
            np.abs(x), kernel_size, stride, **windows, ceil_mode=ceil_mode, return_indices=True
        )
        arg.check_gradient(dy.shape, places.shape)
        found = gradient_of_maxima(f"lp_pool{rank}d", rank, dy.astype(x.dtype), places, x.shape) * np.sign(x)
        return found.astype(result, copy=False)
    y = _NORMS[rank - 1](x, p, kernel_size, stride, ceil_mode, **windows)
    arg.check_gradient(dy.shape, y.shape)
    shares = np.empty(y.shape, x.dtype)
    run_norms(divide_by_powers, p, np.ascontiguousarray(arg.native(dy, x.dtype)), y, shares)
    found = prepare_shares(arg.form(shares), x.shape, axes, False, 1).run(shares)
    run_norms(multiply_by_powers, p, x, found)
    return found.astype(result, copy=False)
