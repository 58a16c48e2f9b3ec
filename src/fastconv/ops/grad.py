"""Gradients of convolutions and transposed convolutions, in the terms of ``torch.nn.grad``.

The gradient for the input of one is the other. The gradient for the weight is a convolution as well: of the input, with
the gradient of the output as the kernel, stride and dilation changed places, and sums over the batch. So all run on the
same tiles.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from fastconv.ops import arguments as arg
from fastconv.ops import dtypes
from fastconv.ops.conv import conv1d, conv2d, conv3d
from fastconv.ops.conv_transpose import conv_transpose1d, conv_transpose2d, conv_transpose3d

__all__ = [
    "conv1d_input", "conv1d_weight", "conv2d_input", "conv2d_weight", "conv3d_input", "conv3d_weight",
    "conv_transpose1d_input", "conv_transpose1d_weight", "conv_transpose2d_input", "conv_transpose2d_weight",
    "conv_transpose3d_input", "conv_transpose3d_weight",
]  # fmt: skip

#: Most positions of a piece of a weight's gradient, if a row has no more. They are the depth of its sums, for which a
#: task keeps input and a tile's weights in the second-level cache: batches of 8 take about 0.4 of the time that they
#: take as one piece (7x7 at stride 2 on 224, 1x1 on 56), and with 2048 positions 0 to 0.3 more than with these.
PIECE_POSITIONS = 4096

_CONVS: tuple[Callable[..., np.ndarray], ...] = (conv1d, conv2d, conv3d)
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
    geometry = arg.conv_geometry(1, size[-rank - 1], size[-rank:], w.shape, stride, padding, dilation, groups, "zeros")
    _check_grad_output(dy.shape, (*_leading(size, rank), w.shape[0], *geometry.output_size))
    pads = [(axis.before, axis.after) for axis in geometry.axes]
    return _TRANSPOSES[rank - 1](dy, w, None, stride, pads, 0, groups, dilation, output_size=size[-rank:])


def _conv_weight(
    rank: int, input: Any, weight_size: Any, grad_output: Any, stride: Any, padding: Any, dilation: Any, groups: Any
) -> np.ndarray:
    x, dy, size = arg.array(input, "input"), _array(grad_output), arg.shape_of(weight_size, "weight_size", rank, False)
    arg.check_shape(x.shape, rank, f"conv{rank}d", ", ".join("DHW"[3 - rank :]))
    geometry = arg.conv_geometry(
        1, x.shape[-rank - 1], x.shape[-rank:], size, stride, padding, dilation, groups, "zeros"
    )
    _check_grad_output(dy.shape, (*_leading(x.shape, rank), size[0], *geometry.output_size))
    pads = tuple((axis.before, axis.after) for axis in geometry.axes)
    strides, dilations = tuple(a.stride for a in geometry.axes), tuple(a.dilation for a in geometry.axes)
    return _correlate(rank, x, dy, size, strides, pads, dilations, geometry.groups)


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
    found = _CONVS[rank - 1](dy, w, None, stride, pads, dilation, groups)
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
    return _correlate(rank, dy, x, size, strides, pads, dilations, arg.whole(groups, "groups", 1))


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
    axes = arg.transposed_axes(input_shape[-rank:], weight_shape[2:], stride, padding, output_padding, dilation, None)
    expected = (*_leading(input_shape, rank), out_channels, *(axis.output for axis in axes))
    _check_grad_output(grad_output.shape, expected)
    extra = arg.per_axis(output_padding, rank, "output_padding", 0)
    return tuple((a.extent - 1 - a.before, a.extent - 1 - a.after + more) for a, more in zip(axes, extra, strict=True))


def _correlate(
    rank: int,
    x: np.ndarray,
    dy: np.ndarray,
    size: tuple[int, ...],
    stride: tuple[int, ...],
    pads: tuple[tuple[int, int], ...],
    dilation: tuple[int, ...],
    groups: int,
) -> np.ndarray:
    """sum over n and positions p of dy[n, o, p] * x[n, c, p * stride + k * dilation - before], for all (o, c, k).

    Piece by piece of images, or of an image's rows, so that what a task reads again and again stays in its cache.
    """
    x, dy = x.reshape(-1, *x.shape[-rank - 1 :]), dy.reshape(-1, *dy.shape[-rank - 1 :])
    dtype = dtypes.result_dtype((x.dtype, dy.dtype), None)
    total = np.zeros(size, dtypes.sum_dtype(dtype))
    images, rows = _piece_sizes(dy.shape)
    for n in range(0, len(dy), images):
        for row in range(0, dy.shape[2], rows):
            part_dy = dy[n : n + images, :, row : row + rows]
            ends = (row + part_dy.shape[2], *dy.shape[3:])
            firsts = (row,) + (0,) * (rank - 1)
            axes = zip(x.shape[2:], firsts, ends, size[2:], stride, pads, dilation, strict=True)
            spans = [_Span.of(*axis) for axis in axes]
            part_x = x[(slice(n, n + images), slice(None), *(span.inside for span in spans))]
            if part_x.size:  # else all of its windows lie in padding
                total += _correlate_piece(rank, part_x, part_dy, spans, dilation, groups, total.dtype)
    return total.astype(dtype, copy=False)


def _piece_sizes(shape: tuple[int, ...]) -> tuple[int, int]:
    """Images of a piece of a batch, and the rows of each."""
    positions = prod(shape[2:])
    if positions < PIECE_POSITIONS:
        return PIECE_POSITIONS // positions, shape[2]
    most = max(1, PIECE_POSITIONS * shape[2] // positions)
    return 1, -(-shape[2] // -(-shape[2] // most))


class _Span(NamedTuple):
    """What some windows see of an axis: the input `inside`, `before` and `after` it padding; and a window's step."""

    inside: slice
    before: int
    after: int
    stride: int

    @classmethod
    def of(
        cls, size: int, first: int, end: int, kernel: int, stride: int, pads: tuple[int, int], dilation: int
    ) -> _Span:
        """Of windows `first` to `end`, no position more."""
        step = stride if kernel == 1 else 1  # windows of one position see none between them
        at, last = first * stride - pads[0], (end - 1) * stride + (kernel - 1) * dilation - pads[0]
        before, after = max(0, -(at // step)), max(0, (last - size) // step + 1)
        inside = slice(min(size, at + before * step), max(0, min(size, last + 1)), step)
        return cls(inside, before, after, stride // step)


def _correlate_piece(
    rank: int,
    x: np.ndarray,
    dy: np.ndarray,
    spans: Sequence[_Span],
    dilation: tuple[int, ...],
    groups: int,
    dtype: np.dtype,
) -> np.ndarray:
    """The sum over a piece, a convolution.

    Input channels become a spatial axis in front of the others, where a rank is left for it: then the taps of many
    channels fill tiles. The batch becomes the channels.
    """
    batch, channels, spatial = x.shape[0], x.shape[1] // groups, x.shape[2:]
    by_group = x.reshape(batch, groups, channels, *spatial).swapaxes(0, 1)
    kernels = dy.swapaxes(0, 1)
    pads, stride = tuple((span.before, span.after) for span in spans), tuple(span.stride for span in spans)
    if rank < len(_CONVS):
        planes = by_group.reshape(groups * batch, channels, *spatial)
        return _CONVS[rank](
            planes, kernels[:, :, None], None, (1, *dilation), ((0, 0), *pads), (1, *stride), groups, dtype=dtype
        )  # fmt: skip
    images = np.moveaxis(by_group, 2, 0).reshape(channels, groups * batch, *spatial)
    return _CONVS[rank - 1](images, kernels, None, dilation, pads, stride, groups, dtype=dtype).swapaxes(0, 1)


def _array(grad_output: Any) -> np.ndarray:
    return arg.array(grad_output, "grad_output")
