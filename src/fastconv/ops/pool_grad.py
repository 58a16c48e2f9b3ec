"""Gradients of poolings for their inputs, under the poolings' names."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fastconv.geometry import AdaptiveAxis, Axis
from fastconv.kernels.scatter import scatter_sums
from fastconv.ops import arguments as arg
from fastconv.ops import dtypes
from fastconv.ops.axes import pool_axes
from fastconv.ops.lp_pool import lp_pool1d as norms1d
from fastconv.ops.lp_pool import lp_pool2d as norms2d
from fastconv.ops.lp_pool import lp_pool3d as norms3d
from fastconv.ops.lp_pool import norm_of
from fastconv.ops.pool import max_pool1d as maxima1d
from fastconv.ops.pool import max_pool2d as maxima2d
from fastconv.ops.pool import max_pool3d as maxima3d
from fastconv.ops.pooling import check_indices, check_input, pool_geometry, put_back
from fastconv.plan.pool_grad import plan_shares

__all__ = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d",
    "adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d",
    "avg_pool1d", "avg_pool2d", "avg_pool3d", "lp_pool1d", "lp_pool2d", "lp_pool3d",
    "max_pool1d", "max_pool2d", "max_pool3d",
]  # fmt: skip

_MAX_POOLS: tuple[Callable[..., Any], ...] = (maxima1d, maxima2d, maxima3d)
_NORMS: tuple[Callable[..., np.ndarray], ...] = (norms1d, norms2d, norms3d)


def max_pool2d(grad_output: Any, indices: Any, input_size: Sequence[int]) -> np.ndarray:
    """The gradient of a loss for the input of `max_pool2d`, from the gradient for its maxima.

    ``grad_input[n, c].flat[indices[n, c, y, x]] += grad_output[n, c, y, x]`` for every window in row-major order: an
    element gets the sum over all windows whose maximum it is. Those of other maxima, adaptive and fractional ones, are
    the same.

    Parameters
    ----------
    grad_output : array_like, shape (N, C, OH, OW) or (C, OH, OW)
        The gradient for the maxima, of any real dtype.
    indices : array_like of int, same shape
        Their places, which ``max_pool2d(..., return_indices=True)`` returns.
    input_size : sequence of int
        Shape of the input, (N, C, H, W) or (C, H, W).

    Returns
    -------
    ndarray
        Of shape `input_size`, contiguous, with the dtype of `grad_output`; float16 is summed in float32, and whole
        numbers are summed in and returned as int32, or int64 where they have more than 8 bits.

    Raises
    ------
    TypeError, ValueError
        Where shapes do not fit together.
    IndexError
        Where an index is not one of an element of its plane.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> x = np.array([[[1.0, 5, 2, 4]]])
    >>> y, indices = fc.max_pool2d(x, (1, 2), 1, return_indices=True)
    >>> fc.grad.max_pool2d(np.array([[[1.0, 10, 100]]]), indices, x.shape)
    array([[[  0.,  11.,   0., 100.]]])
    """
    return _max_pool("max_pool2d", 2, grad_output, indices, input_size)


def avg_pool2d(
    grad_output: Any,
    input_size: Sequence[int],
    kernel_size: arg.PerAxis,
    stride: arg.PerAxis | None = None,
    padding: arg.Padding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
    *,
    dilation: arg.PerAxis = 1,
) -> np.ndarray:
    """The gradient of a loss for the input of `avg_pool2d`, from the gradient for its averages.

    ``grad_input[n, c, h, w]`` is the sum of ``grad_output[n, c, y, x] / divisor[y, x]`` over all windows that the
    element is in. Averaging is linear, so this is its adjoint.

    Parameters
    ----------
    grad_output : array_like, shape (N, C, OH, OW) or (C, OH, OW)
        The gradient for the averages, of any real dtype.
    input_size : sequence of int
        Shape of the input, (N, C, H, W) or (C, H, W).
    kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, dilation
        Those of `avg_pool2d`.

    Returns
    -------
    ndarray
        Of shape `input_size`, contiguous, with the dtype of `grad_output`; float16 is summed in float32, and whole
        numbers become float64, as in a division.

    Raises
    ------
    TypeError, ValueError
        Where the sizes are not those of such a pooling.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> fc.grad.avg_pool2d(np.array([[[2.0, 20]]]), (1, 1, 3), (1, 2), 1)
    array([[[ 1., 11., 10.]]])
    """
    return _avg_pool(
        2, grad_output, input_size, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override,
        dilation,
    )  # fmt: skip


def adaptive_max_pool2d(grad_output: Any, indices: Any, input_size: Sequence[int]) -> np.ndarray:
    """The gradient for the input of `adaptive_max_pool2d`; see `max_pool2d` of this module."""
    return _max_pool("adaptive_max_pool2d", 2, grad_output, indices, input_size)


def adaptive_avg_pool2d(grad_output: Any, input_size: Sequence[int]) -> np.ndarray:
    """The gradient for the input of `adaptive_avg_pool2d`; the shape of `grad_output` says into how many parts.

    See `avg_pool2d` of this module for dtypes and errors.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> fc.grad.adaptive_avg_pool2d(np.array([[[2.0, 20]]]), (1, 1, 3))
    array([[[ 1., 11., 10.]]])
    """
    return _adaptive_avg_pool(2, grad_output, input_size)


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


def max_pool1d(grad_output: Any, indices: Any, input_size: Sequence[int]) -> np.ndarray:
    """The gradient for the input of `max_pool1d`; everything else is as in `max_pool2d`."""
    return _max_pool("max_pool1d", 1, grad_output, indices, input_size)


def avg_pool1d(
    grad_output: Any,
    input_size: Sequence[int],
    kernel_size: arg.PerAxis,
    stride: arg.PerAxis | None = None,
    padding: arg.Padding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
    *,
    dilation: arg.PerAxis = 1,
) -> np.ndarray:
    """The gradient for the input of `avg_pool1d`; everything else is as in `avg_pool2d`."""
    return _avg_pool(
        1, grad_output, input_size, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override,
        dilation,
    )  # fmt: skip


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
    """The gradient for the input of `lp_pool1d`; everything else is as in `lp_pool2d`."""
    return _lp_pool(1, grad_output, input, norm_type, kernel_size, stride, ceil_mode, padding, dilation)


def adaptive_max_pool1d(grad_output: Any, indices: Any, input_size: Sequence[int]) -> np.ndarray:
    """The gradient for the input of `adaptive_max_pool1d`; everything else is as in `max_pool2d`."""
    return _max_pool("adaptive_max_pool1d", 1, grad_output, indices, input_size)


def adaptive_avg_pool1d(grad_output: Any, input_size: Sequence[int]) -> np.ndarray:
    """The gradient for the input of `adaptive_avg_pool1d`; everything else is as in `adaptive_avg_pool2d`."""
    return _adaptive_avg_pool(1, grad_output, input_size)


def max_pool3d(grad_output: Any, indices: Any, input_size: Sequence[int]) -> np.ndarray:
    """The gradient for the input of `max_pool3d`; everything else is as in `max_pool2d`."""
    return _max_pool("max_pool3d", 3, grad_output, indices, input_size)


def avg_pool3d(
    grad_output: Any,
    input_size: Sequence[int],
    kernel_size: arg.PerAxis,
    stride: arg.PerAxis | None = None,
    padding: arg.Padding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
    *,
    dilation: arg.PerAxis = 1,
) -> np.ndarray:
    """The gradient for the input of `avg_pool3d`; everything else is as in `avg_pool2d`."""
    return _avg_pool(
        3, grad_output, input_size, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override,
        dilation,
    )  # fmt: skip


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
    """The gradient for the input of `lp_pool3d`; everything else is as in `lp_pool2d`."""
    return _lp_pool(3, grad_output, input, norm_type, kernel_size, stride, ceil_mode, padding, dilation)


def adaptive_max_pool3d(grad_output: Any, indices: Any, input_size: Sequence[int]) -> np.ndarray:
    """The gradient for the input of `adaptive_max_pool3d`; everything else is as in `max_pool2d`."""
    return _max_pool("adaptive_max_pool3d", 3, grad_output, indices, input_size)


def adaptive_avg_pool3d(grad_output: Any, input_size: Sequence[int]) -> np.ndarray:
    """The gradient for the input of `adaptive_avg_pool3d`; everything else is as in `adaptive_avg_pool2d`."""
    return _adaptive_avg_pool(3, grad_output, input_size)


def _max_pool(name: str, rank: int, grad_output: Any, indices: Any, input_size: Any) -> np.ndarray:
    dy, at, size = _array(grad_output), arg.array(indices, "indices"), _size(name, rank, input_size)
    if dy.ndim != len(size) or dy.shape[:-rank] != size[:-rank]:
        raise ValueError(
            f"grad_output has shape {dy.shape} and the input {size}; both have the same batch and channels."
        )
    check_indices(at, dy.shape, "grad_output")
    result = dy.dtype.newbyteorder("=") if dy.dtype.kind == "f" else dtypes.result_dtype((dy.dtype,), None)
    dx = np.empty(size, dtypes.sum_dtype(result))
    put_back(scatter_sums, dy, at, dx, rank)
    return dx.astype(result, copy=False)


def _avg_pool(
    rank: int,
    grad_output: Any,
    input_size: Any,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: Any,
    dilation: Any,
) -> np.ndarray:
    dy, size = _array(grad_output), _size(f"avg_pool{rank}d", rank, input_size)
    axes = pool_axes(size[-rank:], kernel_size, stride, padding, dilation, bool(ceil_mode))
    divisor = None if divisor_override is None else arg.whole(divisor_override, "divisor_override", -(2**53))
    if divisor == 0:
        raise ValueError("divisor_override=0 cannot divide; give another int.")
    return _shares(dy, size, axes, bool(count_include_pad), divisor)


def _adaptive_avg_pool(rank: int, grad_output: Any, input_size: Any) -> np.ndarray:
    dy, size = _array(grad_output), _size(f"adaptive_avg_pool{rank}d", rank, input_size)
    arg.check_shape(dy.shape, rank, f"the gradient of adaptive_avg_pool{rank}d", "output size", "grad_output")
    axes = tuple(AdaptiveAxis.of(n, parts) for n, parts in zip(size[-rank:], dy.shape[-rank:], strict=True))
    return _shares(dy, size, axes, False, None)


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
    dy, x, p = _array(grad_output), arg.array(input, "input"), norm_of(norm_type)
    check_input(arg.form(x), rank, f"lp_pool{rank}d")
    axes = pool_axes(x.shape[-rank:], kernel_size, stride, padding, dilation, bool(ceil_mode))
    result = np.result_type(dtypes.floating(dy.dtype), dtypes.floating(x.dtype))
    x = np.ascontiguousarray(arg.native(x, dtypes.sum_dtype(result)))
    windows = {"padding": padding, "dilation": dilation}
    if p == math.inf:
        _, places = _MAX_POOLS[rank - 1](
            np.abs(x), kernel_size, stride, **windows, ceil_mode=ceil_mode, return_indices=True
        )
        _check_output(dy, places.shape)
        found = _max_pool(f"lp_pool{rank}d", rank, dy.astype(x.dtype), places, x.shape) * np.sign(x)
        return found.astype(result, copy=False)
    y = _NORMS[rank - 1](x, p, kernel_size, stride, ceil_mode, **windows)
    _check_output(dy, y.shape)
    with np.errstate(all="ignore"):
        shares = np.where(y == 0, 0, dy * y ** x.dtype.type(1 - p)).astype(x.dtype, copy=False)
        found = _shares(shares, x.shape, axes, False, 1)
        found *= np.where(x == 0, 0, np.sign(x) * np.abs(x) ** x.dtype.type(p - 1))
    return found.astype(result, copy=False)


def _check_output(dy: np.ndarray, expected: tuple[int, ...]) -> None:
    if dy.shape != expected:
        raise ValueError(f"grad_output has shape {dy.shape}; the output of this operation has shape {expected}.")


def _shares(
    dy: np.ndarray, size: tuple[int, ...], axes: tuple[Axis, ...], count_include_pad: bool, divisor: int | None
) -> np.ndarray:
    """Each element's share of the windows that it is in."""
    _check_output(dy, (*size[: -len(axes)], *(axis.output for axis in axes)))
    result = dtypes.floating(dy.dtype)
    dx = np.empty(size, dtypes.sum_dtype(result))
    if dx.size:
        plan = plan_shares(pool_geometry(size, axes), dx.dtype, count_include_pad, divisor)
        plan.run(np.ascontiguousarray(arg.native(dy, dx.dtype)), dx)
    return dx.astype(result, copy=False)


def _array(grad_output: Any) -> np.ndarray:
    dy = arg.array(grad_output, "grad_output")
    if dy.dtype.kind == "c":
        raise TypeError(f"grad_output has dtype {dy.dtype}; poolings take real numbers, and so do their gradients.")
    return dy


def _size(name: str, rank: int, input_size: Any) -> tuple[int, ...]:
    size = arg.shape_of(input_size, "input_size", rank, True)
    arg.check_shape(size, rank, name, ", ".join("DHW"[3 - rank :]))
    return size
