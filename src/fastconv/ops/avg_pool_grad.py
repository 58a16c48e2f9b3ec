"""Gradients of averages for their inputs: `avg_pool1d` and so on, and the adaptive ones, of `fastconv.grad`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastconv.geometry import AdaptiveAxis
from fastconv.ops import arguments as arg
from fastconv.ops.axes import pool_axes
from fastconv.ops.calls import remembered
from fastconv.ops.pooling import check_real_gradient, size_of_input
from fastconv.ops.shares import Sharing, prepare_shares

__all__ = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "avg_pool1d", "avg_pool2d", "avg_pool3d",
]  # fmt: skip


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
        Of shape `input_size`, channels-last where `grad_output` is and else contiguous, with its dtype; float16 is
        summed in float32, and whole numbers become float64, as in a division.

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
    """The gradient of a loss for the input of `avg_pool1d`, from the gradient for its averages.

    `input_size` is (N, C, W) or (C, W) and `grad_output` has shape (N, C, OW) or (C, OW); everything else is as in
    `avg_pool2d` of this module.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> fc.grad.avg_pool1d(np.array([[2.0, 20]]), (1, 3), 2, 1)
    array([[ 1., 11., 10.]])
    """
    return _avg_pool(
        1, grad_output, input_size, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override,
        dilation,
    )  # fmt: skip


def adaptive_avg_pool1d(grad_output: Any, input_size: Sequence[int]) -> np.ndarray:
    """The gradient of a loss for the input of `adaptive_avg_pool1d`, from the gradient for its averages.

    `input_size` is (N, C, W) or (C, W) and `grad_output` has shape (N, C, OW) or (C, OW); everything else is as in
    `adaptive_avg_pool2d` of this module.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> fc.grad.adaptive_avg_pool1d(np.array([[2.0, 20]]), (1, 3))
    array([[ 1., 11., 10.]])
    """
    return _adaptive_avg_pool(1, grad_output, input_size)


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
    """The gradient of a loss for the input of `avg_pool3d`, from the gradient for its averages.

    `input_size` is (N, C, D, H, W) or (C, D, H, W) and `grad_output` has shape (N, C, OD, OH, OW) or
    (C, OD, OH, OW); everything else is as in `avg_pool2d` of this module.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> fc.grad.avg_pool3d(np.array([[[[2.0, 20]]]]), (1, 1, 1, 3), (1, 1, 2), 1)
    array([[[[ 1., 11., 10.]]]])
    """
    return _avg_pool(
        3, grad_output, input_size, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override,
        dilation,
    )  # fmt: skip


def adaptive_avg_pool3d(grad_output: Any, input_size: Sequence[int]) -> np.ndarray:
    """The gradient of a loss for the input of `adaptive_avg_pool3d`, from the gradient for its averages.

    `input_size` is (N, C, D, H, W) or (C, D, H, W) and `grad_output` has shape (N, C, OD, OH, OW) or
    (C, OD, OH, OW); everything else is as in `adaptive_avg_pool2d` of this module.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> fc.grad.adaptive_avg_pool3d(np.array([[[[2.0, 20]]]]), (1, 1, 1, 3))
    array([[[[ 1., 11., 10.]]]])
    """
    return _adaptive_avg_pool(3, grad_output, input_size)


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
    dy = arg.array(grad_output, "grad_output")
    return _prepare(
        (dy,), rank, input_size, kernel_size, stride, padding, bool(ceil_mode), bool(count_include_pad),
        divisor_override, dilation,
    ).run(dy)  # fmt: skip


@remembered
def _prepare(
    forms: tuple[arg.Form],
    rank: int,
    input_size: Any,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: Any,
    dilation: Any,
) -> Sharing:
    (dy,) = forms
    check_real_gradient(dy.dtype)
    size = size_of_input(f"avg_pool{rank}d", rank, input_size)
    axes = pool_axes(size[-rank:], kernel_size, stride, padding, dilation, ceil_mode)
    divisor = None if divisor_override is None else arg.whole(divisor_override, "divisor_override", -(2**53))
    if divisor == 0:
        raise ValueError("divisor_override=0 cannot divide; give another int.")
    return prepare_shares(dy, size, axes, count_include_pad, divisor)


def _adaptive_avg_pool(rank: int, grad_output: Any, input_size: Any) -> np.ndarray:
    dy = arg.array(grad_output, "grad_output")
    return _prepare_adaptive((dy,), rank, input_size).run(dy)


@remembered
def _prepare_adaptive(forms: tuple[arg.Form], rank: int, input_size: Any) -> Sharing:
    (dy,) = forms
    check_real_gradient(dy.dtype)
    size = size_of_input(f"adaptive_avg_pool{rank}d", rank, input_size)
    arg.check_shape(dy.shape, rank, f"the gradient of adaptive_avg_pool{rank}d", "output size", "grad_output")
    axes = tuple(AdaptiveAxis.of(n, parts) for n, parts in zip(size[-rank:], dy.shape[-rank:], strict=True))
    return prepare_shares(dy, size, axes, False, None)
