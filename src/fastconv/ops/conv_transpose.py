"""Transposed convolution, the adjoint of convolution: `conv_transpose1d`, `conv_transpose2d`, `conv_transpose3d`."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastconv.geometry import Geometry
from fastconv.ops import arguments as arg
from fastconv.ops.axes import transposed_axes
from fastconv.ops.by_values import ByValues
from fastconv.ops.calls import Call, remembered, target_of
from fastconv.ops.products import Forms, operands_of, prepare_products

__all__ = ["conv_transpose1d", "conv_transpose2d", "conv_transpose3d"]


def conv_transpose1d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: arg.PerAxis = 1,
    padding: arg.Padding = 0,
    output_padding: arg.PerAxis = 0,
    groups: int = 1,
    dilation: arg.PerAxis = 1,
    *,
    output_size: arg.PerAxis | None = None,
    flip: bool = False,
    activation: str | None = None,
    dtype: Any = None,
    out: np.ndarray | None = None,
    algorithm: str = "auto",
) -> np.ndarray:
    """The adjoint of `conv1d`: signals (N, C, W), kernels (C, O / groups, K); all else is as in `conv_transpose2d`.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> fc.conv_transpose1d(np.array([[1.0, 2, 3]]), np.array([[[1.0, 10]]]), stride=2)
    array([[ 1., 10.,  2., 20.,  3., 30.]])
    """
    return _conv_transpose(
        1, operands_of(input, weight, bias), out, stride, padding, output_padding, groups, dilation, output_size,
        bool(flip), activation, dtype, algorithm,
    )  # fmt: skip


def conv_transpose2d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: arg.PerAxis = 1,
    padding: arg.Padding = 0,
    output_padding: arg.PerAxis = 0,
    groups: int = 1,
    dilation: arg.PerAxis = 1,
    *,
    output_size: arg.PerAxis | None = None,
    flip: bool = False,
    activation: str | None = None,
    dtype: Any = None,
    out: np.ndarray | None = None,
    algorithm: str = "auto",
) -> np.ndarray:
    """Transposed convolution: multiply by the transpose of the matrix K' that `conv2d` multiplies by.

    Each input value adds its multiple of the kernel to the output, which is then cropped by the padding. With F the
    output before cropping, and o over the output channels of the group that c belongs to::

        F[n, o, y stride + r dilation, x stride + s dilation] += input[n, c, y, x] * weight[c, o, r, s]

    Parameters
    ----------
    input : array_like, shape (N, C, H, W) or (C, H, W)
        What the convolution would have given.
    weight : array_like, shape (C, O / groups, R, S)
        The convolution's kernels: its outputs are the inputs here.
    bias : array_like, shape (O,), optional
        Added to each output channel.
    stride, dilation : int or sequence of int
        The convolution's: the step between the kernels' places in the output, and between their taps.
    padding : int, sequence of int, sequence of (before, after) pairs, or str
        The convolution's: what is cropped. "same" and "same_lower" give ``size * stride`` outputs.
    output_padding : int or sequence of int
        Positions added behind the output, for the inputs that a strided convolution did not reach: the a of
        relationship 14. Smaller than stride or dilation.
    groups : int
        As in `conv2d`.
    output_size : int or sequence of int, optional
        The spatial output size wanted, in place of `output_padding`.
    flip, activation, dtype, out, algorithm
        As in `conv2d`; the adjoint of a flipped convolution is flipped too.

    Returns
    -------
    ndarray, shape (N, O, OH, OW) or (O, OH, OW)
        Along each axis ``stride * (size - 1) + dilation * (kernel - 1) + 1 + output_padding - before - after`` outputs:
        relationships 8 to 14 of the guide. In memory it lies as the input does, channels-last or contiguous, as that of
        `conv2d`.

    Raises
    ------
    TypeError, ValueError
        Before anything is computed, with what was given and what is allowed.

    Notes
    -----
    No inserted zero is multiplied: the outputs are computed in stride x stride interleaved phases, each a convolution.
    Those around the input are, but where that is one position: an infinite or NaN weight gives NaN at the border of the
    output.

    References
    ----------
    V. Dumoulin, F. Visin, "A guide to convolution arithmetic for deep learning" (2016), arXiv:1603.07285, chapter 4.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> fc.conv_transpose2d(np.array([[[1.0, 2]]]), np.ones((1, 1, 2, 2)), stride=2)
    array([[[1., 1., 2., 2.],
            [1., 1., 2., 2.]]])
    """
    return _conv_transpose(
        2, operands_of(input, weight, bias), out, stride, padding, output_padding, groups, dilation, output_size,
        bool(flip), activation, dtype, algorithm,
    )  # fmt: skip


def conv_transpose3d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: arg.PerAxis = 1,
    padding: arg.Padding = 0,
    output_padding: arg.PerAxis = 0,
    groups: int = 1,
    dilation: arg.PerAxis = 1,
    *,
    output_size: arg.PerAxis | None = None,
    flip: bool = False,
    activation: str | None = None,
    dtype: Any = None,
    out: np.ndarray | None = None,
    algorithm: str = "auto",
) -> np.ndarray:
    """The adjoint of `conv3d`: volumes (N, C, D, H, W); everything else is as in `conv_transpose2d`.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> fc.conv_transpose3d(np.ones((1, 2, 2, 2)), np.ones((1, 1, 2, 2, 2)), stride=2).shape
    (1, 4, 4, 4)
    """
    return _conv_transpose(
        3, operands_of(input, weight, bias), out, stride, padding, output_padding, groups, dilation, output_size,
        bool(flip), activation, dtype, algorithm,
    )  # fmt: skip


def _conv_transpose(rank: int, operands: Any, out: np.ndarray | None, *options: Any) -> np.ndarray:
    """The call of so many axes; the options are those of `_prepare`."""
    return _prepare((*operands, target_of(out, operands)), rank, *options).run(operands, out)


@remembered
def _prepare(
    forms: Forms,
    rank: int,
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: Any,
    dilation: Any,
    output_size: Any,
    flip: bool,
    activation: str | None,
    dtype: Any,
    algorithm: str,
    packed: bool = False,
) -> Call | ByValues:
    shape, weight_shape = forms[0].shape, forms[1].shape
    name = f"conv_transpose{rank}d"
    arg.check_shape(shape, rank, name, ", ".join("DHW"[3 - rank :]))
    arg.check_weight(weight_shape, rank, name, f"(C, O / groups, {rank} kernel sizes)")
    channels = shape[-rank - 1]
    if weight_shape[0] != channels:
        raise ValueError(
            f"weight has shape {weight_shape}, which takes {weight_shape[0]} input channels, but input has "
            f"{channels}; give one of shape ({channels}, O / groups, ...), that of the convolution to be transposed."
        )
    count = arg.whole(groups, "groups", 1)
    out_channels = weight_shape[1] * count
    arg.check_groups(channels, out_channels, count)
    axes = transposed_axes(shape[-rank:], weight_shape[2:], stride, padding, output_padding, dilation, output_size)
    batch = shape[0] if len(shape) == rank + 2 else 1
    geometry = Geometry(batch, channels, out_channels, count, axes)
    return prepare_products("conv_transpose", geometry, forms, not flip, activation, dtype, algorithm, packed)
