"""Convolution as a sum over windows, transposed convolution as a sum of scattered kernels."""

import numpy as np

from fastconv.reference.padding import Array, Pads, PerAxis, pad

__all__ = ["conv", "conv_transpose", "mirror", "output_size", "scattered_size"]


def conv(
    input: Array,
    weight: Array,
    bias: Array | None,
    stride: PerAxis,
    padding: Pads,
    dilation: PerAxis,
    groups: int,
    padding_mode: str = "zeros",
    flip: bool = False,
) -> Array:
    """Slide the kernel over the padded input; every output is the sum of a window times the kernel.

    With P the padded input, and c running over the input channels of the group that output channel o belongs to::

        output[n, o, y] = bias[o] + sum over c and k of P[n, c, stride * y + dilation * k] * weight[o, c, k]

    This is a cross-correlation, as in the figures of the guide; ``flip=True`` is the convolution of the textbooks.

    Parameters
    ----------
    input : array, shape (N, C, *spatial)
    weight : array, shape (O, C / groups, *kernel)
    bias : array, shape (O,), or None
    stride, dilation : tuple of int
        One per spatial axis.
    padding : tuple of (int, int)
        One pair (before, after) per spatial axis. A negative pad crops.
    groups : int
        Input and output channels are cut into that many equal runs; the g-th run of outputs sees the g-th of inputs.
    padding_mode : str
        See `fastconv.reference.padding.source_index`.
    flip : bool
        Mirror the kernel on every spatial axis first.

    Returns
    -------
    array, shape (N, O, *output)
        Per axis o = floor((i + before + after - (d(k - 1) + 1)) / s) + 1: relationships 1 to 6 and 15 of the guide.

    Notes
    -----
    Padded zeros are numbers like any other: an infinite or NaN weight that meets one gives NaN.

    Examples
    --------
    >>> signal = np.array([[[1, 2, 3, 4]]])
    >>> kernel = np.array([[[1, 10]]])
    >>> conv(signal, kernel, None, (1,), ((0, 0),), (1,), 1).tolist()
    [[[21, 32, 43]]]
    >>> conv(signal, kernel, None, (2,), ((1, 1),), (1,), 1).tolist()
    [[[10, 32, 4]]]
    >>> conv(signal, kernel, None, (1,), ((0, 0),), (1,), 1, flip=True).tolist()
    [[[12, 23, 34]]]
    """
    if flip:
        weight = mirror(weight)
    padded = pad(input, padding, padding_mode)
    outputs, channels_per_group, *kernel = weight.shape
    size = tuple(map(output_size, padded.shape[2:], kernel, stride, dilation))
    output = np.zeros((len(input), outputs, *size), dtype=np.result_type(input, weight))
    for o in range(outputs):
        channels = group_channels(o, outputs // groups, channels_per_group)
        for position in np.ndindex(*size):
            windows = padded[:, channels, *window_slices(position, kernel, stride, dilation)]
            every_axis_but_batch = tuple(range(1, windows.ndim))
            output[:, o, *position] = np.sum(windows * weight[o], axis=every_axis_but_batch, dtype=output.dtype)
    return add_bias(output, bias)


def conv_transpose(
    input: Array,
    weight: Array,
    bias: Array | None,
    stride: PerAxis,
    padding: Pads,
    output_padding: PerAxis,
    groups: int,
    dilation: PerAxis,
    flip: bool = False,
) -> Array:
    """Let every input value add its multiple of the kernel into the output, then crop by the padding.

    With F the output before it is cropped, and o running over the output channels of the group that c belongs to::

        F[n, o, stride * x + dilation * k] += input[n, c, x] * weight[c, o, k]    for all n, c, x, o, k
        output[n, o, y] = bias[o] + F[n, o, y + before]

    It is the adjoint of `conv` with the same weight, stride, padding, dilation and groups: what `conv` reads with a
    weight, this writes with the same weight. Hence the weight's first axis counts the channels of the *input* here.

    Parameters
    ----------
    input : array, shape (N, C, *spatial)
    weight : array, shape (C, O / groups, *kernel)
    bias : array, shape (O,), or None
    stride, dilation : tuple of int
        One per spatial axis: the step of the scattered kernels, and of the taps in a kernel.
    padding : tuple of (int, int)
        One pair (before, after) per spatial axis: how much to crop. A negative one adds zeros.
    output_padding : tuple of int
        Positions added after the end of every axis, before cropping: the a of relationship 14.
    groups : int
        As in `conv`.
    flip : bool
        Mirror the kernel on every spatial axis first.

    Returns
    -------
    array, shape (N, O, *output)
        Per axis o' = s(i' - 1) + d(k - 1) + 1 + output_padding - before - after: relationships 8 to 14 of the guide
        where d = 1, in which k, s and p are those of the convolution that is transposed.

    Examples
    --------
    >>> signal = np.array([[[1, 2, 3]]])
    >>> kernel = np.array([[[1, 10]]])
    >>> conv_transpose(signal, kernel, None, (1,), ((0, 0),), (0,), 1, (1,)).tolist()
    [[[1, 12, 23, 30]]]
    >>> conv_transpose(signal, kernel, None, (2,), ((0, 0),), (1,), 1, (1,)).tolist()
    [[[1, 10, 2, 20, 3, 30, 0]]]
    >>> conv_transpose(signal, kernel, None, (2,), ((1, 2),), (0,), 1, (1,)).tolist()
    [[[10, 2, 20]]]
    """
    if flip:
        weight = mirror(weight)
    channels, outputs_per_group, *kernel = weight.shape
    size = tuple(map(scattered_size, input.shape[2:], kernel, stride, dilation))
    shape = (len(input), outputs_per_group * groups, *size)
    scattered = np.zeros(shape, dtype=np.result_type(input, weight))
    for c in range(channels):
        outputs = group_channels(c, channels // groups, outputs_per_group)
        for position in np.ndindex(*input.shape[2:]):
            windows = scattered[:, outputs, *window_slices(position, kernel, stride, dilation)]
            windows += np.multiply.outer(input[:, c, *position], weight[c])
    crop = tuple((-before, extra - after) for (before, after), extra in zip(padding, output_padding, strict=True))
    return add_bias(pad(scattered, crop, "zeros"), bias)


def output_size(size: int, kernel: int, stride: int, dilation: int) -> int:
    """Return how many windows fit an axis that is padded already: relationships 5 and 15 of the guide.

    The kernel spans d(k - 1) + 1 positions, and takes a step of s as often as the rest of the axis allows.

    Examples
    --------
    >>> output_size(5, 3, 1, 1), output_size(5, 3, 2, 1), output_size(6, 3, 2, 1), output_size(7, 3, 1, 2)
    (3, 2, 2, 3)
    """
    span = dilation * (kernel - 1) + 1
    return max((size - span) // stride + 1, 0)


def scattered_size(size: int, kernel: int, stride: int, dilation: int) -> int:
    """Return how long an axis must be to hold the kernels of `size` inputs: relationship 12 of the guide.

    The last kernel begins at s(i' - 1) and spans d(k - 1) + 1 positions.

    Examples
    --------
    >>> scattered_size(2, 3, 1, 1), scattered_size(2, 3, 2, 1), scattered_size(3, 3, 1, 2)
    (4, 5, 7)
    """
    span = dilation * (kernel - 1) + 1
    return max(stride * (size - 1) + span, 0)


def window_slices(position: PerAxis, kernel: list[int], stride: PerAxis, dilation: PerAxis) -> tuple[slice, ...]:
    """Return what the kernel covers at `position`: k elements per axis from s * position on, d apart.

    Examples
    --------
    >>> window_slices((2,), [3], (10,), (4,))
    (slice(20, 29, 4),)
    """
    starts = [s * y for s, y in zip(stride, position, strict=True)]
    spans = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    return tuple(slice(start, start + span, d) for start, span, d in zip(starts, spans, dilation, strict=True))


def group_channels(channel: int, channels_per_group: int, others_per_group: int) -> slice:
    """Return the channels on the other side of the weight that the group of `channel` is joined to.

    Examples
    --------
    >>> [group_channels(o, channels_per_group=2, others_per_group=3) for o in range(4)]
    [slice(0, 3, None), slice(0, 3, None), slice(3, 6, None), slice(3, 6, None)]
    """
    group = channel // channels_per_group
    return slice(group * others_per_group, (group + 1) * others_per_group)


def mirror(weight: Array) -> Array:
    """Reverse every spatial axis of a weight.

    Examples
    --------
    >>> mirror(np.array([[[[1, 2], [3, 4]]]])).tolist()
    [[[[4, 3], [2, 1]]]]
    """
    return np.flip(weight, axis=tuple(range(2, weight.ndim)))


def add_bias(output: Array, bias: Array | None) -> Array:
    """Add one number per channel.

    Examples
    --------
    >>> add_bias(np.zeros((1, 2, 3), dtype=int), np.array([5, 7])).tolist()
    [[[5, 5, 5], [7, 7, 7]]]
    """
    if bias is None:
        return output
    spatial_axes = output.ndim - 2
    return output + bias.reshape(1, -1, *(1,) * spatial_axes)
