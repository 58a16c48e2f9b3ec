"""Where windows stand: what users say of kernels, strides and padding becomes axes, or an error of one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from fastconv.geometry import NAMED_PADDINGS, Axis, Geometry, named_padding, named_transposed_padding
from fastconv.ops.arguments import check_groups, check_padding_mode, pair_per_axis, per_axis

__all__ = ["conv_axes", "conv_geometry", "pool_axes", "transposed_axes"]


def conv_axes(size: Sequence[int], kernel: Sequence[int], stride: Any, padding: Any, dilation: Any) -> tuple[Axis, ...]:
    """The axes of a convolution.

    Raises
    ------
    ValueError
        Where no window fits, or an argument is out of range.
    """
    rank = len(size)
    strides, dilations = per_axis(stride, rank, "stride", 1), per_axis(dilation, rank, "dilation", 1)
    if isinstance(padding, str):
        _check_name(padding)
        extents = [d * (k - 1) + 1 for d, k in zip(dilations, kernel, strict=True)]
        pads = tuple(named_padding(padding, *axis) for axis in zip(size, extents, strides, strict=True))
    else:
        pads = pair_per_axis(padding, rank)
    return tuple(
        _with_output(Axis(i, k, s, d, *pad))
        for i, k, s, d, pad in zip(size, kernel, strides, dilations, pads, strict=True)
    )


def conv_geometry(
    batch: int,
    channels: int,
    size: Sequence[int],
    weight_shape: tuple[int, ...],
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: Any,
    padding_mode: Any,
) -> Geometry:
    """The geometry of a convolution of `channels` channels with a weight (O, C / groups, *kernel).

    Raises
    ------
    ValueError
        Where weight, channels and groups do not fit together, or as `conv_axes`.
    """
    out_channels = weight_shape[0]
    count = check_groups(channels, out_channels, groups)
    if weight_shape[1] * count != channels:
        raise ValueError(
            f"weight has shape {weight_shape}, which takes {weight_shape[1]} channels in each of {count} groups, but "
            f"input has {channels} channels; give a weight of shape ({out_channels}, {channels // count}, ...) "
            "or other groups."
        )
    axes = conv_axes(size, weight_shape[2:], stride, padding, dilation)
    return Geometry(batch, channels, out_channels, count, axes, check_padding_mode(padding_mode))


def pool_axes(
    size: Sequence[int], kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> tuple[Axis, ...]:
    """The axes of a pooling: each window meets the input.

    Raises
    ------
    ValueError
        Where padding would hold whole windows, no window fits, or an argument is out of range.
    """
    rank = len(size)
    kernel = per_axis(kernel_size, rank, "kernel_size", 1)
    strides = kernel if stride is None else per_axis(stride, rank, "stride", 1)
    axes = conv_axes(size, kernel, strides, padding, dilation) if not ceil_mode else ()
    if ceil_mode:
        dilations = per_axis(dilation, rank, "dilation", 1)
        if isinstance(padding, str):
            raise ValueError(f"padding={padding!r} leaves ceil_mode nothing to round; give ints, or ceil_mode=False.")
        pads = pair_per_axis(padding, rank)
        axes = tuple(
            _with_output(Axis(i, k, s, d, *pad, ceil_mode=True))
            for i, k, s, d, pad in zip(size, kernel, strides, dilations, pads, strict=True)
        )
    for axis in axes:
        if max(axis.before, axis.after) >= axis.extent:
            raise ValueError(
                f"padding=({axis.before}, {axis.after}) would give windows of padding alone; a kernel that reaches "
                f"over {axis.extent} positions takes at most {axis.extent - 1} on each side."
            )
        if axis.dilation > 1 and 0 in axis.window_sizes(count_padding=False):
            raise ValueError(
                f"a window of {axis.kernel} taps {axis.dilation} apart would step over the whole input of {axis.size}; "
                "use less dilation or padding."
            )
    return axes


def transposed_axes(
    size: Sequence[int],
    kernel: Sequence[int],
    stride: Any,
    padding: Any,
    output_padding: Any,
    dilation: Any,
    output_size: Any,
) -> tuple[Axis, ...]:
    """The axes of a transposed convolution: those of a convolution over the stretched input.

    Raises
    ------
    ValueError
        Where nothing is left of the output, or an argument is out of range.
    """
    rank = len(size)
    strides, dilations = per_axis(stride, rank, "stride", 1), per_axis(dilation, rank, "dilation", 1)
    extents = [d * (k - 1) + 1 for d, k in zip(dilations, kernel, strict=True)]
    pads: tuple[tuple[int, int], ...]
    if isinstance(padding, str):
        _check_name(padding)
        pads = tuple(named_transposed_padding(padding, e, s) for e, s in zip(extents, strides, strict=True))
    else:
        pads = pair_per_axis(padding, rank)
    axes = tuple(
        Axis(i, k, 1, d, e - 1 - before, e - 1 - after, stretch=s)
        for i, k, d, e, (before, after), s in zip(size, kernel, dilations, extents, pads, strides, strict=True)
    )
    extra = _output_padding(axes, output_padding, output_size)
    axes = tuple(replace(axis, after=axis.after + more) for axis, more in zip(axes, extra, strict=True))
    for axis, (before, after) in zip(axes, pads, strict=True):
        if axis.output < 1:
            raise ValueError(
                f"the output would be empty: {axis.size} elements at stride {axis.stretch} with a kernel that reaches "
                f"over {axis.extent} give {axis.output + before + after} positions, and padding ({before}, {after}) "
                "crops them all; use less padding."
            )
    return axes


def _output_padding(axes: tuple[Axis, ...], output_padding: Any, output_size: Any) -> tuple[int, ...]:
    """Positions to add behind each axis of a transposed convolution: the a of relationship 14."""
    extra = per_axis(output_padding, len(axes), "output_padding", 0)
    if output_size is None:
        for axis, more in zip(axes, extra, strict=True):
            if more >= max(axis.stretch, axis.dilation):
                raise ValueError(
                    f"output_padding={more} is too large; it must be smaller than the stride {axis.stretch} or the "
                    f"dilation {axis.dilation}."
                )
        return extra
    if any(extra):
        raise ValueError(
            f"output_padding={output_padding!r} and output_size={output_size!r} say the same thing; give one of them."
        )
    wanted = per_axis(output_size, len(axes), "output_size", 1)
    for axis, size in zip(axes, wanted, strict=True):
        if not 0 <= size - axis.output < axis.stretch:
            raise ValueError(
                f"output_size={size} cannot be reached: with this input, stride and padding it lies between "
                f"{max(axis.output, 1)} and {axis.output + axis.stretch - 1}."
            )
    return tuple(size - axis.output for axis, size in zip(axes, wanted, strict=True))


def _with_output(axis: Axis) -> Axis:
    if axis.output < 1:
        raise ValueError(
            f"the output would be empty: a kernel of {axis.kernel} at dilation {axis.dilation} reaches over "
            f"{axis.extent} positions, and the input has {axis.size} with padding ({axis.before}, {axis.after}); pad "
            "more or use a smaller kernel."
        )
    return axis


def _check_name(padding: str) -> None:
    if padding not in NAMED_PADDINGS:
        names = ", ".join(map(repr, NAMED_PADDINGS))
        raise ValueError(f"padding={padding!r} is not known; give ints, (before, after) pairs, or one of {names}.")
