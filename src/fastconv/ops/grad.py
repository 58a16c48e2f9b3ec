"""Gradients of convolutions and transposed convolutions, in the terms of ``torch.nn.grad``.

The gradient for the input of one is the other; the gradient for the weight is a convolution too (`weight_gradient`), so
all run on the same tiles.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fastconv.ops import arguments as arg
from fastconv.ops.axes import conv_geometry, transposed_axes
from fastconv.ops.conv import CONVS
from fastconv.ops.conv_transpose import conv_transpose1d, conv_transpose2d, conv_transpose3d
from fastconv.ops.weight_gradient import weight_gradient

__all__ = [
    "conv1d_input", "conv1d_weight", "conv2d_input", "conv2d_weight", "conv3d_input", "conv3d_weight",
    "conv_transpose1d_input", "conv_transpose1d_weight", "conv_transpose2d_input", "conv_transpose2d_weight",
    "conv_transpose3d_input", "conv_transpose3d_weight",
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


def conv_transpose2d_input(
    input_size: Sequence[int],
    weight: Any,
    grad_output: Any,
    stride: arg.PerAxis = 1,
    padding: arg.Padding = 0,
    output_padding: arg.PerAxis = 0,
    groups: int = 1,
    dilation: arg.PerAxis = 1,
) -> np.ndarray:
    """The gradient for the input of `conv_transpose2d`, whose arguments these are; see `conv2d_input`."""
    return _conv_transpose_input(2, input_size, weight, grad_output, stride, padding, output_padding, groups, dilation)


def conv_transpose2d_weight(
    input: Any,
    weight_size: Sequence[int],
    grad_output: Any,
    stride: arg.PerAxis = 1,
    padding: arg.Padding = 0,
    output_padding: arg.PerAxis = 0,
    groups: int = 1,
    dilation: arg.PerAxis = 1,
) -> np.ndarray:
    """The gradient for the weight of `conv_transpose2d`, whose arguments these are; see `conv2d_weight`."""
    return _conv_transpose_weight(2, input, weight_size, grad_output, stride, padding, output_padding, groups, dilation)


def conv1d_input(
    input_size: Sequence[int],
    weight: Any,
    grad_output: Any,
    stride: arg.PerAxis = 1,
    padding: arg.Padding = 0,
    dilation: arg.PerAxis = 1,
    groups: int = 1,
) -> np.ndarray:
    """The gradient for the input of `conv1d`; everything else is as in `conv2d_input`."""
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
    """The gradient for the weight of `conv1d`; everything else is as in `conv2d_weight`."""
    return _conv_weight(1, input, weight_size, grad_output, stride, padding, dilation, groups)


def conv_transpose1d_input(
    input_size: Sequence[int],
    weight: Any,
    grad_output: Any,
    stride: arg.PerAxis = 1,
    padding: arg.Padding = 0,
    output_padding: arg.PerAxis = 0,
    groups: int = 1,
    dilation: arg.PerAxis = 1,
) -> np.ndarray:
    """The gradient for the input of `conv_transpose1d`, whose arguments these are; see `conv2d_input`."""
    return _conv_transpose_input(1, input_size, weight, grad_output, stride, padding, output_padding, groups, dilation)


def conv_transpose1d_weight(
    input: Any,
    weight_size: Sequence[int],
    grad_output: Any,
    stride: arg.PerAxis = 1,
    padding: arg.Padding = 0,
    output_padding: arg.PerAxis = 0,
    groups: int = 1,
    dilation: arg.PerAxis = 1,
) -> np.ndarray:
    """The gradient for the weight of `conv_transpose1d`, whose arguments these are; see `conv2d_weight`."""
    return _conv_transpose_weight(1, input, weight_size, grad_output, stride, padding, output_padding, groups, dilation)


def conv3d_input(
    input_size: Sequence[int],
    weight: Any,
    grad_output: Any,
    stride: arg.PerAxis = 1,
    padding: arg.Padding = 0,
    dilation: arg.PerAxis = 1,
    groups: int = 1,
) -> np.ndarray:
    """The gradient for the input of `conv3d`; everything else is as in `conv2d_input`."""
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
    """The gradient for the weight of `conv3d`; everything else is as in `conv2d_weight`."""
    return _conv_weight(3, input, weight_size, grad_output, stride, padding, dilation, groups)


def conv_transpose3d_input(
    input_size: Sequence[int],
    weight: Any,
    grad_output: Any,
    stride: arg.PerAxis = 1,
    padding: arg.Padding = 0,
    output_padding: arg.PerAxis = 0,
    groups: int = 1,
    dilation: arg.PerAxis = 1,
) -> np.ndarray:
    """The gradient for the input of `conv_transpose3d`, whose arguments these are; see `conv2d_input`."""
    return _conv_transpose_input(3, input_size, weight, grad_output, stride, padding, output_padding, groups, dilation)


def conv_transpose3d_weight(
    input: Any,
    weight_size: Sequence[int],
    grad_output: Any,
    stride: arg.PerAxis = 1,
    padding: arg.Padding = 0,
    output_padding: arg.PerAxis = 0,
    groups: int = 1,
    dilation: arg.PerAxis = 1,
) -> np.ndarray:
    """The gradient for the weight of `conv_transpose3d`, whose arguments these are; see `conv2d_weight`."""
    return _conv_transpose_weight(3, input, weight_size, grad_output, stride, padding, output_padding, groups, dilation)


def _check_grad_output(found: tuple[int, ...], expected: tuple[int, ...]) -> None:
    if found != expected:
        raise ValueError(f"grad_output has shape {found}; the output of this operation has shape {expected}.")


def _leading(shape: tuple[int, ...], rank: int) -> tuple[int, ...]:
    """The batch axis, if there is one."""
    return shape[: len(shape) - rank - 1]


def _conv_input(
    rank: int, input_size: Any, weight: Any, grad_output: Any, stride: Any, padding: Any, dilation: Any, groups: Any
) -> np.ndarray:
    size, w, dy = arg.shape_of(input_size, "input_size", rank, True), arg.array(weight, "weight"), _array(grad_output)
    arg.check_shape(size, rank, f"conv{rank}d", ", ".join("DHW"[3 - rank :]))
    arg.check_weight(w.shape, rank, f"conv{rank}d", f"(O, C / groups, {rank} kernel sizes)")
    geometry = conv_geometry(1, size[-rank - 1], size[-rank:], w.shape, stride, padding, dilation, groups, "zeros")
    _check_grad_output(dy.shape, (*_leading(size, rank), w.shape[0], *geometry.output_size))
    pads = [(axis.before, axis.after) for axis in geometry.axes]
    return _TRANSPOSES[rank - 1](dy, w, None, stride, pads, 0, groups, dilation, output_size=size[-rank:])


def _conv_weight(
    rank: int, input: Any, weight_size: Any, grad_output: Any, stride: Any, padding: Any, dilation: Any, groups: Any
) -> np.ndarray:
    x, dy, size = arg.array(input, "input"), _array(grad_output), arg.shape_of(weight_size, "weight_size", rank, False)
    arg.check_shape(x.shape, rank, f"conv{rank}d", ", ".join("DHW"[3 - rank :]))
    geometry = conv_geometry(1, x.shape[-rank - 1], x.shape[-rank:], size, stride, padding, dilation, groups, "zeros")
    _check_grad_output(dy.shape, (*_leading(x.shape, rank), size[0], *geometry.output_size))
    pads = tuple((axis.before, axis.after) for axis in geometry.axes)
    strides, dilations = tuple(a.stride for a in geometry.axes), tuple(a.dilation for a in geometry.axes)
    return weight_gradient(rank, x, dy, size, strides, pads, dilations, geometry.groups)


def _conv_transpose_input(
    rank: int,
    input_size: Any,
    weight: Any,
    grad_output: Any,
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: Any,
    dilation: Any,
) -> np.ndarray:
    size, w, dy = arg.shape_of(input_size, "input_size", rank, True), arg.array(weight, "weight"), _array(grad_output)
    pads = _transposed_pads(rank, size, w.shape, dy, stride, padding, output_padding, groups, dilation)
    found = CONVS[rank](dy, w, None, stride, pads, dilation, groups)
    # Where output_padding reaches a whole stride, windows fit that no input had.
    inside: tuple[Any, ...] = (..., *(slice(0, n) for n in size[-rank:]))
    return found if found.shape[-rank:] == size[-rank:] else found[inside].copy(order="K")


def _conv_transpose_weight(
    rank: int,
    input: Any,
    weight_size: Any,
    grad_output: Any,
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: Any,
    dilation: Any,
) -> np.ndarray:
    x, dy, size = arg.array(input, "input"), _array(grad_output), arg.shape_of(weight_size, "weight_size", rank, False)
    pads = _transposed_pads(rank, x.shape, size, dy, stride, padding, output_padding, groups, dilation)
    strides, dilations = arg.per_axis(stride, rank, "stride", 1), arg.per_axis(dilation, rank, "dilation", 1)
    return weight_gradient(rank, dy, x, size, strides, pads, dilations, arg.whole(groups, "groups", 1))


def _transposed_pads(
    rank: int,
    input_shape: tuple[int, ...],
    weight_shape: tuple[int, ...],
    grad_output: np.ndarray,
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: Any,
    dilation: Any,
) -> tuple[tuple[int, int], ...]:
    """The padding of a transposed convolution in numbers, if all sizes are those of one."""
    name, count = f"conv_transpose{rank}d", arg.whole(groups, "groups", 1)
    arg.check_shape(input_shape, rank, name, ", ".join("DHW"[3 - rank :]))
    arg.check_weight(weight_shape, rank, name, f"(C, O / groups, {rank} kernel sizes)")
    channels, out_channels = input_shape[-rank - 1], weight_shape[1] * count
    if weight_shape[0] != channels:
        raise ValueError(f"the weight takes {weight_shape[0]} input channels, but the input has {channels}.")
    arg.check_groups(channels, out_channels, count)
    axes = transposed_axes(input_shape[-rank:], weight_shape[2:], stride, padding, output_padding, dilation, None)
    expected = (*_leading(input_shape, rank), out_channels, *(axis.output for axis in axes))
    _check_grad_output(grad_output.shape, expected)
    extra = arg.per_axis(output_padding, rank, "output_padding", 0)
    return tuple((a.extent - 1 - a.before, a.extent - 1 - a.after + more) for a, more in zip(axes, extra, strict=True))


def _array(grad_output: Any) -> np.ndarray:
    return arg.array(grad_output, "grad_output")
