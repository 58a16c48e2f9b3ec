"""Power-average pooling: `lp_pool1d`, `lp_pool2d`, `lp_pool3d`."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

import numpy as np

from fastconv.ops import arguments as arg
from fastconv.ops.axes import pool_axes
from fastconv.ops.calls import Call, remembered, target_of
from fastconv.ops.pooling import check_input, prepare_maxima, prepare_norms

__all__ = ["lp_pool1d", "lp_pool2d", "lp_pool3d", "norm_of"]


def lp_pool2d(
    input: Any,
    norm_type: float,
    kernel_size: arg.PerAxis,
    stride: arg.PerAxis | None = None,
    ceil_mode: bool = False,
    *,
    padding: arg.Padding = 0,
    dilation: arg.PerAxis = 1,
    out: np.ndarray | None = None,
    algorithm: str = "auto",
) -> np.ndarray:
    """The p-norm of each window.

    ``output[y, x] = (sum over r, s of |input[y stride + r dilation - before, ...]| ** p) ** (1 / p)``, or with an
    infinite p the greatest ``|input|``. That is ONNX's LpPool. PyTorch raises the numbers themselves, which differs for
    negative ones unless p is even, and scales windows that `ceil_mode` lets reach beyond the input as full ones.

    Parameters
    ----------
    input : array_like, shape (N, C, H, W) or (C, H, W)
        Images of any real dtype, booleans included.
    norm_type : float
        The exponent p, positive. 1 sums, 2 is the Euclidean norm; infinity is allowed.
    kernel_size, stride, padding, dilation, ceil_mode
        As in `max_pool2d`. Padding adds nothing.
    out : ndarray, optional
        Takes the result; right shape and dtype, any strides.
    algorithm : str
        "auto", or a name that `explain` shows.

    Returns
    -------
    ndarray, shape (N, C, OH, OW) or (C, OH, OW)
        Dtype of the input; float16 is summed in float32, and whole numbers become float64. Powers are rounded as
        numbers of that type are, and can overflow. It lies in memory as the input does, channels-last or contiguous.

    Raises
    ------
    TypeError, ValueError
        Before anything is computed, with what was given and what is allowed.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> x = np.array([[[3.0, -4, 0], [0, 0, 2]]])
    >>> fc.lp_pool2d(x, 2, 2, 1)
    array([[[5.        , 4.47213595]]])
    >>> fc.lp_pool2d(x, 1, (2, 1)), fc.lp_pool2d(x, np.inf, 2)
    (array([[[3., 4., 2.]]]), array([[[4.]]]))
    """
    return _norms(2, input, norm_type, kernel_size, stride, ceil_mode, padding, dilation, out, algorithm)


def lp_pool1d(
    input: Any,
    norm_type: float,
    kernel_size: arg.PerAxis,
    stride: arg.PerAxis | None = None,
    ceil_mode: bool = False,
    *,
    padding: arg.Padding = 0,
    dilation: arg.PerAxis = 1,
    out: np.ndarray | None = None,
    algorithm: str = "auto",
) -> np.ndarray:
    """The p-norm of each window of signals.

    ``output[x] = (sum over s of |input[x stride + s dilation - before]| ** p) ** (1 / p)``, ONNX's LpPool. PyTorch's
    differs from it as in two dimensions.

    Parameters
    ----------
    input : array_like, shape (N, C, W) or (C, W)
        Signals of any real dtype, booleans included.
    norm_type, kernel_size, stride, ceil_mode, padding, dilation, out, algorithm
        As in `lp_pool2d`.

    Returns
    -------
    ndarray, shape (N, C, OW) or (C, OW)
        As that of `lp_pool2d`.

    Raises
    ------
    TypeError, ValueError
        As `lp_pool2d`, before anything is computed.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> fc.lp_pool1d(np.array([[3.0, -4, 0, 1]]), 2, 2)
    array([[5., 1.]])
    """
    return _norms(1, input, norm_type, kernel_size, stride, ceil_mode, padding, dilation, out, algorithm)


def lp_pool3d(
    input: Any,
    norm_type: float,
    kernel_size: arg.PerAxis,
    stride: arg.PerAxis | None = None,
    ceil_mode: bool = False,
    *,
    padding: arg.Padding = 0,
    dilation: arg.PerAxis = 1,
    out: np.ndarray | None = None,
    algorithm: str = "auto",
) -> np.ndarray:
    """The p-norm of each window of volumes.

    ``output[z, y, x] = (sum over q, r, s of |input[z stride + q dilation - before, ...]| ** p) ** (1 / p)``, ONNX's
    LpPool. PyTorch's differs from it as in two dimensions.

    Parameters
    ----------
    input : array_like, shape (N, C, D, H, W) or (C, D, H, W)
        Volumes of any real dtype, booleans included.
    norm_type, kernel_size, stride, ceil_mode, padding, dilation, out, algorithm
        As in `lp_pool2d`.

    Returns
    -------
    ndarray, shape (N, C, OD, OH, OW) or (C, OD, OH, OW)
        As that of `lp_pool2d`.

    Raises
    ------
    TypeError, ValueError
        As `lp_pool2d`, before anything is computed.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> fc.lp_pool3d(np.full((1, 2, 2, 2), -1.0), 3, 2)
    array([[[[2.]]]])
    """
    return _norms(3, input, norm_type, kernel_size, stride, ceil_mode, padding, dilation, out, algorithm)


def _norms(
    rank: int,
    input: Any,
    norm_type: Any,
    kernel_size: Any,
    stride: Any,
    ceil_mode: bool,
    padding: Any,
    dilation: Any,
    out: np.ndarray | None,
    algorithm: str,
) -> np.ndarray:
    x, norm = arg.array(input, "input"), norm_of(norm_type)
    if norm == math.inf and x.dtype.kind != "c":
        x = np.abs(x if x.dtype.kind == "f" else x.astype(np.float64))
    call = _prepare(
        (x, target_of(out, (x,))), rank, norm, kernel_size, stride, bool(ceil_mode), padding, dilation, algorithm
    )
    return call.run((x,), out)


@remembered
def _prepare(
    forms: tuple[arg.Form, arg.Form | None],
    rank: int,
    norm: float,
    kernel_size: Any,
    stride: Any,
    ceil_mode: bool,
    padding: Any,
    dilation: Any,
    algorithm: str,
) -> Call:
    x, target = forms
    check_input(x, rank, f"lp_pool{rank}d")
    axes = pool_axes(x.shape[-rank:], kernel_size, stride, padding, dilation, ceil_mode)
    if norm == math.inf:
        return prepare_maxima("max_pool", axes, x, target, False, algorithm)
    return prepare_norms("lp_pool", axes, x, target, norm, algorithm)


def norm_of(norm_type: Any) -> float:
    """The exponent of a norm: a positive number."""
    if isinstance(norm_type, (bool, np.bool_)) or not isinstance(norm_type, Real):
        raise TypeError(f"norm_type={norm_type!r} is not a number; give a positive one, such as 2.")
    p = float(norm_type)
    if not p > 0:
        raise ValueError(f"norm_type={norm_type!r} is no exponent of a norm; give a positive number, such as 2.")
    return p
