"""Gradients of transposed convolutions, in the terms of ``torch.nn.grad``.

That for the input is a convolution, and in that for the weight input and output change places.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastconv.geometry import Axis, Geometry
from fastconv.ops import arguments as arg
from fastconv.ops.axes import transposed_axes
from fastconv.ops.calls import remembered
from fastconv.ops.conv import CONVS
from fastconv.ops.conv_grad import leading
from fastconv.ops.weight_gradient import WeightGradient

__all__ = [
    "conv_transpose1d_input", "conv_transpose1d_weight", "conv_transpose2d_input", "conv_transpose2d_weight",
    "conv_transpose3d_input", "conv_transpose3d_weight",
]  # fmt: skip


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
    """The gradient of a loss for the input of `conv_transpose2d`, from the gradient for its output.

    `input_size` is (N, C, H, W) or (C, H, W), `weight` has shape (C, O / groups, R, S) and `grad_output`
    (N, O, OH, OW) or (O, OH, OW); the other arguments are those of `conv_transpose2d`, the result and errors as of
    `conv2d_input`.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> fc.grad.conv_transpose2d_input((1, 1, 2), np.array([[[[1.0, 10]]]]), np.array([[[1.0, 2, 3]]]))
    array([[[21., 32.]]])
    """
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
    """The gradient of a loss for the weight of `conv_transpose2d`, from the gradient for its output.

    `input` has shape (N, C, H, W) or (C, H, W), `weight_size` is (C, O / groups, R, S) and `grad_output` has shape
    (N, O, OH, OW) or (O, OH, OW); the other arguments are those of `conv_transpose2d`, the result and errors as of
    `conv2d_weight`.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> fc.grad.conv_transpose2d_weight(np.array([[[1.0, 10]]]), (1, 1, 1, 2), np.array([[[1.0, 2, 3]]]))
    array([[[[21., 32.]]]])
    """
    return _conv_transpose_weight(2, input, weight_size, grad_output, stride, padding, output_padding, groups, dilation)


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
    """The gradient of a loss for the input of `conv_transpose1d`, from the gradient for its output.

    `input_size` is (N, C, W) or (C, W), `weight` has shape (C, O / groups, K) and `grad_output` (N, O, OW) or
    (O, OW); the other arguments are those of `conv_transpose1d`, the result and errors as of `conv2d_input`.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> fc.grad.conv_transpose1d_input((1, 2), np.array([[[1.0, 10]]]), np.array([[1.0, 2, 3]]))
    array([[21., 32.]])
    """
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
    """The gradient of a loss for the weight of `conv_transpose1d`, from the gradient for its output.

    `input` has shape (N, C, W) or (C, W), `weight_size` is (C, O / groups, K) and `grad_output` has shape
    (N, O, OW) or (O, OW); the other arguments are those of `conv_transpose1d`, the result and errors as of
    `conv2d_weight`.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> fc.grad.conv_transpose1d_weight(np.array([[1.0, 10]]), (1, 1, 2), np.array([[1.0, 2, 3]]))
    array([[[21., 32.]]])
    """
    return _conv_transpose_weight(1, input, weight_size, grad_output, stride, padding, output_padding, groups, dilation)


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
    """The gradient of a loss for the input of `conv_transpose3d`, from the gradient for its output.

    `input_size` is (N, C, D, H, W) or (C, D, H, W), `weight` has shape (C, O / groups, Q, R, S) and `grad_output`
    (N, O, OD, OH, OW) or (O, OD, OH, OW); the other arguments are those of `conv_transpose3d`, the result and
    errors as of `conv2d_input`.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> fc.grad.conv_transpose3d_input((1, 1, 1, 2), np.array([[[[[1.0, 10]]]]]), np.array([[[[1.0, 2, 3]]]]))
    array([[[[21., 32.]]]])
    """
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
    """The gradient of a loss for the weight of `conv_transpose3d`, from the gradient for its output.

    `input` has shape (N, C, D, H, W) or (C, D, H, W), `weight_size` is (C, O / groups, Q, R, S) and `grad_output`
    has shape (N, O, OD, OH, OW) or (O, OD, OH, OW); the other arguments are those of `conv_transpose3d`, the result
    and errors as of `conv2d_weight`.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> fc.grad.conv_transpose3d_weight(np.array([[[[1.0, 10]]]]), (1, 1, 1, 1, 2), np.array([[[[1.0, 2, 3]]]]))
    array([[[[[21., 32.]]]]])
    """
    return _conv_transpose_weight(3, input, weight_size, grad_output, stride, padding, output_padding, groups, dilation)


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
    w, dy = arg.array(weight, "weight"), arg.array(grad_output, "grad_output")
    spatial, pads = _transposed_input_sizes(
        (w, dy), rank, input_size, stride, padding, output_padding, groups, dilation
    )
    found = CONVS[rank](dy, w, None, stride, pads, dilation, groups)
    # Where output_padding reaches a whole stride, windows fit that no input had.
    inside: tuple[Any, ...] = (..., *(slice(0, n) for n in spatial))
    return found if found.shape[-rank:] == spatial else found[inside].copy(order="K")


@remembered
def _transposed_input_sizes(
    forms: tuple[arg.Form, arg.Form], rank: int, input_size: Any, stride: Any, padding: Any, output_padding: Any,
    groups: Any, dilation: Any,
) -> tuple[tuple[int, ...], tuple[tuple[int, int], ...]]:  # fmt: skip
    """As `_input_sizes`."""
    size = arg.shape_of(input_size, "input_size", rank, True)
    (weight_shape, *_), (found, *_) = forms
    pads = _transposed_pads(rank, size, weight_shape, found, stride, padding, output_padding, groups, dilation)
    return size[-rank:], pads


def _conv_transpose_weight(rank: int, input: Any, weight_size: Any, grad_output: Any, *options: Any) -> np.ndarray:
    """The options are those of `_transposed_pads`."""
    x, dy = arg.array(input, "input"), arg.array(grad_output, "grad_output")
    return _transposed_weight_gradient((x, dy), rank, weight_size, *options).run(dy, x)


@remembered
def _transposed_weight_gradient(
    forms: tuple[arg.Form, arg.Form], rank: int, weight_size: Any, stride: Any, padding: Any, output_padding: Any,
    groups: Any, dilation: Any,
) -> WeightGradient:  # fmt: skip
    """As `_weight_gradient`: input and gradient of the output change places."""
    size = arg.shape_of(weight_size, "weight_size", rank, False)
    x, dy = forms
    pads = _transposed_pads(rank, x.shape, size, dy.shape, stride, padding, output_padding, groups, dilation)
    strides, dilations = arg.per_axis(stride, rank, "stride", 1), arg.per_axis(dilation, rank, "dilation", 1)
    axes = [
        Axis(n, kernel, step, reach, before, (outputs - 1) * step + reach * (kernel - 1) + 1 - n - before)
        for n, outputs, kernel, step, reach, (before, _) in zip(
            dy.shape[-rank:], x.shape[-rank:], size[2:], strides, dilations, pads, strict=True
        )
    ]
    batch, count = x.shape[0] if len(x.shape) == rank + 2 else 1, arg.whole(groups, "groups", 1)
    return WeightGradient.of((dy, x), Geometry(batch, dy.shape[-rank - 1], size[0], count, tuple(axes)))


def _transposed_pads(
    rank: int,
    input_shape: tuple[int, ...],
    weight_shape: tuple[int, ...],
    output_shape: tuple[int, ...],
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
    expected = (*leading(input_shape, rank), out_channels, *(axis.output for axis in axes))
    arg.check_gradient(output_shape, expected)
    extra = arg.per_axis(output_padding, rank, "output_padding", 0)
    return tuple((a.extent - 1 - a.before, a.extent - 1 - a.after + more) for a, more in zip(axes, extra, strict=True))
