"""Convolution: `conv1d`, `conv2d`, `conv3d`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastconv.ops import arguments as arg
from fastconv.ops.axes import conv_geometry
from fastconv.ops.by_values import ByValues
from fastconv.ops.calls import Call, remembered, target_of
from fastconv.ops.products import Forms, operands_of, prepare_products
from fastconv.plan.layout import strides_first

__all__ = ["CONVS", "conv1d", "conv2d", "conv3d", "conv_call"]


def conv1d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: arg.PerAxis = 1,
    padding: arg.Padding = 0,
    dilation: arg.PerAxis = 1,
    groups: int = 1,
    *,
    padding_mode: str = "zeros",
    flip: bool = False,
    activation: str | None = None,
    dtype: Any = None,
    out: np.ndarray | None = None,
    algorithm: str = "auto",
) -> np.ndarray:
    """Convolve signals (N, C, W) with kernels (O, C / groups, K); everything else is as in `conv2d`.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> fc.conv1d(np.array([[1.0, 2, 3, 4]]), np.array([[[1.0, 10]]]))
    array([[21., 32., 43.]])
    """
    return _conv(
        1, input, weight, bias, stride, padding, dilation, groups, padding_mode, flip, activation, dtype, out, algorithm
    )


def conv2d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: arg.PerAxis = 1,
    padding: arg.Padding = 0,
    dilation: arg.PerAxis = 1,
    groups: int = 1,
    *,
    padding_mode: str = "zeros",
    flip: bool = False,
    activation: str | None = None,
    dtype: Any = None,
    out: np.ndarray | None = None,
    algorithm: str = "auto",
) -> np.ndarray:
    """Convolve images with kernels, as PyTorch's and ONNX's convolution: the kernel is not flipped.

    With P the padded input, and c over the C / groups input channels of the group that o belongs to::

        output[n, o, y, x] = activation(bias[o] + sum over c, r, s of
                                        P[n, c, y stride + r dilation, x stride + s dilation] * weight[o, c, r, s])

    Parameters
    ----------
    input : array_like, shape (N, C, H, W) or (C, H, W)
        Images, of any strides and byte order: an image (H, W, C) is ``image.transpose(2, 0, 1)``, and is not copied.
    weight : array_like, shape (O, C / groups, R, S)
        Kernels.
    bias : array_like, shape (O,), optional
        Added to each output channel.
    stride, dilation : int or sequence of int
        Step from window to window, and from tap to tap inside a window; one for all axes, or one for each.
    padding : int, sequence of int, sequence of (before, after) pairs, or str
        Positions added on both sides of each axis. "valid" adds none; "same" and "same_lower" give
        ``ceil(size / stride)`` outputs, an odd position going after or before the input; "full" gives every window that
        meets the input.
    groups : int
        Input and output channels are cut into that many runs; each run of outputs sees one run of inputs.
    padding_mode : {"zeros", "reflect", "replicate", "circular", "symmetric"}
        What stands in the padding.
    flip : bool
        Mirror the kernel on its spatial axes: the convolution of textbooks and of ``scipy.signal.convolve``.
    activation : {None, "relu", "relu6", "leaky_relu", "silu", "sigmoid", "tanh"}
        Applied to the result; the slope of "leaky_relu" is 0.01.
    dtype : dtype, optional
        Of the result. By default that of NumPy's promotion; integers of 8 bits and booleans sum into int32, wider
        integers into int64. float16 is summed in float32.
    out : ndarray, optional
        Takes the result; right shape and dtype, any strides. It may overlap the input. With channels or columns that
        stand beside each other it is written to directly, by what serves it best.
    algorithm : str
        "auto", or a name that `explain` shows.

    Returns
    -------
    ndarray, shape (N, O, OH, OW) or (O, OH, OW)
        Along each axis ``floor((size + before + after - dilation * (kernel - 1) - 1) / stride) + 1`` outputs:
        relationships 1 to 6 and 15 of the guide. In memory it lies as the input does: channels-last, without gaps,
        where the input's channels stand beside each other and its pixels follow in their order, with gaps or
        backwards; else contiguous, also where there is a single channel or pixel.

    Raises
    ------
    TypeError, ValueError
        Before anything is computed, with what was given and what is allowed.

    Notes
    -----
    The result has the same bits for any number of threads. In float32 the largest error is below 1e-6 of the largest
    result for up to 4608 products a sum.

    Whole numbers are multiplied in the fewest bits that hold them. From two million products on, those of more than 8
    bits are looked at, as few images of 64-bit integers hold more than 0 to 255. Two or four channels are multiplied
    at a time then, or sums are taken in floats where these hold any sum of so many products: exact, with the same
    result and dtype, and up to seven times as fast as 64-bit integers. An `algorithm` that is named has the numbers of
    the dtypes.

    Floats with kernels of several taps are computed by Winograd's algorithm where that is faster: whole numbers stay
    exact as long as they are small, but the error of an output depends on the inputs of its neighbour's window too, not
    on those in its own alone. ``algorithm="spread"`` keeps to sums of products.

    Large kernels of one channel, from about 13 x 13 on, are multiplied by Fourier transforms of blocks, or of a whole
    image, where that is faster. Whole numbers stay exact; the error of other floats is below 1e-6, in float64 below
    1e-14, of ``max(abs(input)) * sum(abs(weight))``. ``algorithm="depthwise"`` keeps to sums of products, which are
    closer where a few inputs are far larger than what stands near them.

    References
    ----------
    V. Dumoulin, F. Visin, "A guide to convolution arithmetic for deep learning" (2016), arXiv:1603.07285.

    S. Winograd, "Arithmetic complexity of computations" (1980), SIAM, chapter 4.

    A. Lavin, S. Gray, "Fast algorithms for convolutional neural networks" (2015), arXiv:1509.09308.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> x = np.arange(16.0).reshape(1, 4, 4)
    >>> edge = np.array([[[[-1.0, 0, 1]]]])
    >>> fc.conv2d(x, edge, stride=(2, 1))
    array([[[2., 2.],
            [2., 2.]]])
    """
    return _conv(
        2, input, weight, bias, stride, padding, dilation, groups, padding_mode, flip, activation, dtype, out, algorithm
    )


def conv3d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: arg.PerAxis = 1,
    padding: arg.Padding = 0,
    dilation: arg.PerAxis = 1,
    groups: int = 1,
    *,
    padding_mode: str = "zeros",
    flip: bool = False,
    activation: str | None = None,
    dtype: Any = None,
    out: np.ndarray | None = None,
    algorithm: str = "auto",
) -> np.ndarray:
    """Convolve volumes (N, C, D, H, W) with kernels (O, C / groups, Q, R, S); everything else is as in `conv2d`.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> fc.conv3d(np.ones((1, 3, 3, 3)), np.ones((1, 1, 2, 2, 2))).shape
    (1, 2, 2, 2)
    """
    return _conv(
        3, input, weight, bias, stride, padding, dilation, groups, padding_mode, flip, activation, dtype, out, algorithm
    )


#: By the number of spatial axes.
CONVS: dict[int, Callable[..., np.ndarray]] = {1: conv1d, 2: conv2d, 3: conv3d}


def _conv(
    rank: int,
    input: Any,
    weight: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: Any,
    padding_mode: Any,
    flip: bool,
    activation: str | None,
    dtype: Any,
    out: np.ndarray | None,
    algorithm: str,
) -> np.ndarray:
    operands = operands_of(input, weight, bias)
    call = _prepare(
        (*operands, target_of(out, operands)),
        rank,
        stride,
        padding,
        dilation,
        groups,
        padding_mode,
        bool(flip),
        activation,
        dtype,
        algorithm,
    )
    return call.run(operands, out)


def conv_call(
    forms: tuple[arg.Form, arg.Form],
    padding: arg.Padding,
    padding_mode: str,
    dtype: np.dtype,
    shape: tuple[int, ...],
    flip: bool = False,
    algorithm: str = "auto",
) -> Call:
    """What `conv1d`, `conv2d` or `conv3d` decide for an input and weights of such forms, and for a result of floats of
    that shape that may go into an array without gaps."""
    rank, target = len(forms[1].shape) - 2, arg.Form(shape, strides_first(shape, dtype.itemsize), dtype, True)
    call = _decided((*forms, None, target), rank, 1, padding, 1, 1, padding_mode, flip, None, dtype, algorithm)
    assert isinstance(call, Call), "what becomes of floats depends on no values"
    return call


def _decided(
    forms: Forms,
    rank: int,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: Any,
    padding_mode: Any,
    flip: bool,
    activation: str | None,
    dtype: Any,
    algorithm: str,
    packed: bool = False,
) -> Call | ByValues:
    shape, weight_shape = forms[0].shape, forms[1].shape
    arg.check_shape(shape, rank, f"conv{rank}d", ", ".join("DHW"[3 - rank :]))
    arg.check_weight(weight_shape, rank, f"conv{rank}d", f"(O, C / groups, {rank} kernel sizes)")
    geometry = conv_geometry(
        shape[0] if len(shape) == rank + 2 else 1,
        shape[-rank - 1],
        shape[-rank:],
        weight_shape,
        stride,
        padding,
        dilation,
        groups,
        padding_mode,
    )
    return prepare_products("conv", geometry, forms, flip, activation, dtype, algorithm, packed)


_prepare = remembered(_decided)
