"""Gradients of convolutions, in the terms of ``torch.nn.grad``.

That for the input is a transposed convolution, that for the weight a convolution too (`weight_gradient`), so all run on
the same tiles.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fastconv.ops import arguments as arg
from fastconv.ops.axes import conv_geometry
from fastconv.ops.calls import remembered
from fastconv.ops.conv_transpose import conv_transpose1d, conv_transpose2d, conv_transpose3d
from fastconv.ops.weight_gradient import WeightGradient

__all__ = [
    "conv1d_input", "conv1d_weight", "conv2d_input", "conv2d_weight", "conv3d_input",
    "conv3d_weight", "leading",
]  # fmt: skip

_TRANSPOSES: tuple[Callable[..., np.ndarray], ...] = (conv_transpose1d, conv_transpose2d, conv_transpose3d)


def conv2d_input(
    input_size: Sequence[int],
    weight: Any,
    grad_output: Any,
    stride: arg.PerAxis = 1,
    padding: arg.Padding = 0,
    dilation: arg.PerAxis = 1,
    groups: int = 1,
) -> np.ndarray:
    """The gradient of a loss for the input of `conv2d`, from the gradient for its output.

    Parameters
    ----------
    input_size : sequence of int
        Shape of the input, (N, C, H, W) or (C, H, W).
    weight : array_like, shape (O, C / groups, R, S)
        Kernels of the convolution.
    grad_output : array_like, shape (N, O, OH, OW) or (O, OH, OW)
        The gradient for its output.
    stride, padding, dilation, groups
        The convolution's.

    Returns
    -------
    ndarray
        Of shape `input_size`.

    Raises
    ------
    TypeError, ValueError
        Where the sizes are not those of a convolution.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> fc.grad.conv2d_input((1, 1, 3), np.array([[[[1.0, 10]]]]), np.array([[[1.0, 2]]]))
    array([[[ 1., 12., 20.]]])
    """
    return _conv_input(2, input_size, weight, grad_output, stride, padding, dilation, groups)


def conv2d_weight(
    input: Any,
    weight_size: Sequence[int],
    grad_output: Any,
    stride: arg.PerAxis = 1,
    padding: arg.Padding = 0,
    dilation: arg.PerAxis = 1,
    groups: int = 1,
) -> np.ndarray:
    """The gradient of a loss for the weight of `conv2d`, from the gradient for its output.

    Parameters
    ----------
    input : array_like, shape (N, C, H, W) or (C, H, W)
        What was convolved.
    weight_size : sequence of int
        Shape of the weight, (O, C / groups, R, S).
    grad_output : array_like, shape (N, O, OH, OW) or (O, OH, OW)
        The gradient for the output.
    stride, padding, dilation, groups
        The convolution's.

    Returns
    -------
    ndarray
        Of shape `weight_size`.

    Raises
    ------
    TypeError, ValueError
        Where the sizes are not those of a convolution.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> fc.grad.conv2d_weight(np.array([[[1.0, 2, 3]]]), (1, 1, 1, 2), np.array([[[1.0, 10]]]))
    array([[[[21., 32.]]]])
    """
    return _conv_weight(2, input, weight_size, grad_output, stride, padding, dilation, groups)


def conv1d_input(
    input_size: Sequence[int],
    weight: Any,
    grad_output: Any,
    stride: arg.PerAxis = 1,
    padding: arg.Padding = 0,
    dilation: arg.PerAxis = 1,
    groups: int = 1,
) -> np.ndarray:
    """The gradient of a loss for the input of `conv1d`, from the gradient for its output.

    `input_size` is (N, C, W) or (C, W), `weight` has shape (O, C / groups, K) and `grad_output` (N, O, OW) or
    (O, OW); everything else is as in `conv2d_input`.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> fc.grad.conv1d_input((1, 3), np.array([[[1.0, 10]]]), np.array([[1.0, 2]]))
    array([[ 1., 12., 20.]])
    """
    return _conv_input(1, input_size, weight, grad_output, stride, padding, dilation, groups)


def conv1d_weight(
    input: Any,
    weight_size: Sequence[int],
    grad_output: Any,
    stride: arg.PerAxis = 1,
    padding: arg.Padding = 0,
    dilation: arg.PerAxis = 1,
    groups: int = 1,
) -> np.ndarray:
    """The gradient of a loss for the weight of `conv1d`, from the gradient for its output.

    `input` has shape (N, C, W) or (C, W), `weight_size` is (O, C / groups, K) and `grad_output` has shape
    (N, O, OW) or (O, OW); everything else is as in `conv2d_weight`.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> fc.grad.conv1d_weight(np.array([[1.0, 2, 3]]), (1, 1, 2), np.array([[1.0, 10]]))
    array([[[21., 32.]]])
    """
    return _conv_weight(1, input, weight_size, grad_output, stride, padding, dilation, groups)


def conv3d_input(
    input_size: Sequence[int],
    weight: Any,
    grad_output: Any,
    stride: arg.PerAxis = 1,
    padding: arg.Padding = 0,
    dilation: arg.PerAxis = 1,
    groups: int = 1,
) -> np.ndarray:
    """The gradient of a loss for the input of `conv3d`, from the gradient for its output.

    `input_size` is (N, C, D, H, W) or (C, D, H, W), `weight` has shape (O, C / groups, Q, R, S) and `grad_output`
    (N, O, OD, OH, OW) or (O, OD, OH, OW); everything else is as in `conv2d_input`.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> fc.grad.conv3d_input((1, 1, 1, 3), np.array([[[[[1.0, 10]]]]]), np.array([[[[1.0, 2]]]]))
    array([[[[ 1., 12., 20.]]]])
    """
    return _conv_input(3, input_size, weight, grad_output, stride, padding, dilation, groups)


def conv3d_weight(
    input: Any,
    weight_size: Sequence[int],
    grad_output: Any,
    stride: arg.PerAxis = 1,
    padding: arg.Padding = 0,
    dilation: arg.PerAxis = 1,
    groups: int = 1,
) -> np.ndarray:
    """The gradient of a loss for the weight of `conv3d`, from the gradient for its output.

    `input` has shape (N, C, D, H, W) or (C, D, H, W), `weight_size` is (O, C / groups, Q, R, S) and `grad_output`
    has shape (N, O, OD, OH, OW) or (O, OD, OH, OW); everything else is as in `conv2d_weight`.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> fc.grad.conv3d_weight(np.array([[[[1.0, 2, 3]]]]), (1, 1, 1, 1, 2), np.array([[[[1.0, 10]]]]))
    array([[[[[21., 32.]]]]])
    """
    return _conv_weight(3, input, weight_size, grad_output, stride, padding, dilation, groups)


def leading(shape: tuple[int, ...], rank: int) -> tuple[int, ...]:
    """The batch axis, if there is one."""
    return shape[: len(shape) - rank - 1]


def _conv_input(
    rank: int, input_size: Any, weight: Any, grad_output: Any, stride: Any, padding: Any, dilation: Any, groups: Any
) -> np.ndarray:
    w, dy = arg.array(weight, "weight"), arg.array(grad_output, "grad_output")
    spatial, pads = _input_sizes((w, dy), rank, input_size, stride, padding, dilation, groups)
    return _TRANSPOSES[rank - 1](dy, w, None, stride, pads, 0, groups, dilation, output_size=spatial)


@remembered
def _input_sizes(
    forms: tuple[arg.Form, arg.Form], rank: int, input_size: Any, stride: Any, padding: Any, dilation: Any, groups: Any
) -> tuple[tuple[int, ...], tuple[tuple[int, int], ...]]:
    """The input's spatial size and the padding in numbers, if all sizes are those of a convolution."""
    size = arg.shape_of(input_size, "input_size", rank, True)
    (weight_shape, *_), (found, *_) = forms
    arg.check_shape(size, rank, f"conv{rank}d", ", ".join("DHW"[3 - rank :]))
    arg.check_weight(weight_shape, rank, f"conv{rank}d", f"(O, C / groups, {rank} kernel sizes)")
    geometry = conv_geometry(1, size[-rank - 1], size[-rank:], weight_shape, stride, padding, dilation, groups, "zeros")
    arg.check_gradient(found, (*leading(size, rank), weight_shape[0], *geometry.output_size))
    return size[-rank:], tuple((axis.before, axis.after) for axis in geometry.axes)


def _conv_weight(
    rank: int, input: Any, weight_size: Any, grad_output: Any, stride: Any, padding: Any, dilation: Any, groups: Any
) -> np.ndarray:
    x, dy = arg.array(input, "input"), arg.array(grad_output, "grad_output")
    return _weight_gradient((x, dy), rank, weight_size, stride, padding, dilation, groups).run(x, dy)


@remembered
def _weight_gradient(
    forms: tuple[arg.Form, arg.Form], rank: int, weight_size: Any, stride: Any, padding: Any, dilation: Any, groups: Any
) -> WeightGradient:
    """How the gradient for the weight of a convolution is found, if all sizes are those of one."""
    size = arg.shape_of(weight_size, "weight_size", rank, False)
    (shape, *_), (found, *_) = forms
    arg.check_shape(shape, rank, f"conv{rank}d", ", ".join("DHW"[3 - rank :]))
    batch, channels = (shape[0] if len(shape) == rank + 2 else 1), shape[-rank - 1]
    geometry = conv_geometry(batch, channels, shape[-rank:], size, stride, padding, dilation, groups, "zeros")
    arg.check_gradient(found, (*leading(shape, rank), size[0], *geometry.output_size))
    return WeightGradient.of(forms, geometry)
