"""The gradient of a convolution for its weight: dot products of the input with the gradient of the output.

Those of one channel with one have tiles of their own, and those of few results. Others are a convolution of the one
with the other, in which stride and dilation change places, and sums go over the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite, prod
from typing import NamedTuple

import numpy as np

from fastconv.geometry import Axis, Geometry
from fastconv.ops import dtypes
from fastconv.ops.arguments import Form
from fastconv.ops.conv import CONVS
from fastconv.plan.channel_weights import plan_channel_weights, refuse_channel_weights
from fastconv.plan.depthwise_weight import plan_depthwise_weight, refuse_depthwise_weight
from fastconv.plan.kernel_plan import KernelPlan
from fastconv.plan.problem import Problem
from fastconv.plan.weight_dots import pieces_nanoseconds, plan_weight_dots, refuse_weight_dots

__all__ = ["WeightGradient"]

#: Most output channels that are taken one by one, as a convolution by them has few rows for its tiles: 3x3 kernels of
#: 64 channels to 1, 2 and 4 on 128 x 128 pixels take 0.14, 0.17 and 0.21 of its time; 1x1 kernels of 256 channels to 2
#: and 4 on 28 x 28, batch 8, of which each output reads the input again, 0.29 and 0.59 (1 thread, Zen 4).
FEW_OUTPUTS = 4
#: Most positions of a piece of a weight's gradient, if a row has no more. They are the depth of its sums, for which a
#: task keeps input and a tile's weights in the second-level cache: batches of 8 take about 0.4 of the time that they
#: take as one piece (7x7 at stride 2 on 224, 1x1 on 56), and with 2048 positions 0 to 0.3 more than with these.
PIECE_POSITIONS = 4096
#: Least positions of an image that is summed apart from others, and most results of a piece of such images. With 3 to
#: 16 channels on 32 x 32 pixels that takes 0.89 to 0.97 of the time, with 32 to 64 on 28 x 28 1.02 (1 thread, Zen 4).
APART_POSITIONS = 1024
RESULTS_APART = 1 << 19
#: Nanoseconds to add up the parts of a result.
PARTS_COST = 3000.0


@dataclass(frozen=True, slots=True)
class WeightGradient:
    """sum over n and positions p of dy[n, o, p] * x[n, c, p * stride + k * dilation - before], for all (o, c, k).

    Attributes
    ----------
    geometry : Geometry
        Of the convolution.
    dtype, sums : numpy.dtype
        Of the result, and in which it is summed.
    conversions : tuple of (dtype or None)
        For x and dy the dtype that it is copied to first, or None where it is taken as it stands.
    plan : KernelPlan or None
        For tiles that sum the products of one channel with one, or of few with few.
    in_parts : bool
        Whether the plan gives a part of the result for each image and piece of it.
    one_by_one : bool
        Whether the plan is for all input channels with one output channel.
    leaves_out_padding : bool
        Whether the plan multiplies no gradient by zeros of the padding. That tells where one is infinite or no number,
        and then some results are, too.
    """

    geometry: Geometry
    dtype: np.dtype
    sums: np.dtype
    conversions: tuple[np.dtype | None, np.dtype | None]
    plan: KernelPlan | None
    in_parts: bool
    one_by_one: bool
    leaves_out_padding: bool

    @classmethod
    def of(cls, forms: tuple[Form, Form], geometry: Geometry) -> WeightGradient:
        """Decided for operands x and dy of such forms, which may lack the batch axis."""
        dtype = dtypes.result_dtype([form.dtype for form in forms], None)
        sums = dtypes.sum_dtype(dtype)
        (x, x_conversion), (dy, dy_conversion) = (form.taken_as(sums) for form in forms)
        lead = (0,) * (len(geometry.axes) + 2 - len(x.shape))
        each, dy_strides = geometry, (*lead, *dy.strides)
        one_by_one = geometry.groups == 1 < geometry.channels and geometry.out_channels <= FEW_OUTPUTS
        if one_by_one:  # depthwise, by an output channel that all input channels share
            count = geometry.channels
            each = replace(geometry, out_channels=count, groups=count)
            dy_strides = (dy_strides[0], 0, *dy_strides[2:])
        problem = Problem("conv_weight", each, sums, (*lead, *x.strides), sums, y_strides=dy_strides)
        last = refuse_channel_weights(problem) is None
        plan = None
        if last:
            plan = plan_channel_weights(problem)
        elif 0 not in geometry.output_shape and refuse_depthwise_weight(problem) is None:
            plan = plan_depthwise_weight(problem)
        whole = replace(problem, geometry=geometry, y_strides=(*lead, *dy.strides))
        in_parts = not last and refuse_weight_dots(whole) is None
        if in_parts:
            dots, pairs = plan_weight_dots(whole), geometry.out_channels if one_by_one else 1
            others = plan.nanoseconds * pairs if plan else pieces_nanoseconds(whole)
            in_parts = dots.nanoseconds + PARTS_COST < others
            plan = dots if in_parts else plan
        one_by_one = one_by_one and not in_parts
        return cls(geometry, dtype, sums, (x_conversion, dy_conversion), plan, in_parts, one_by_one, last)

    def run(self, x: np.ndarray, dy: np.ndarray) -> np.ndarray:
        """The gradient."""
        g = self.geometry
        if self.plan is None:
            total = _by_pieces(x.reshape(g.input_shape), dy.reshape(g.output_shape), g, self.sums)
        else:
            total = np.empty((g.out_channels, g.channels // g.groups, *g.kernel_size), self.sums)
            operands = zip((x, dy), self.conversions, strict=True)
            x, dy = (a if dtype is None else a.astype(dtype, order="C") for a, dtype in operands)
            if self.in_parts:
                pieces, of_group = self.plan.tasks // (g.batch * g.groups), total.size // g.groups
                parts = np.empty((g.batch, g.groups, pieces, of_group), self.sums)
                self.plan.run(x, dy, parts)
                total = parts.sum(axis=(0, 2)).reshape(total.shape)
            elif self.one_by_one:
                for o, result in enumerate(total):
                    self.plan.run(x, dy.reshape(g.output_shape)[:, o : o + 1], result)
            else:
                self.plan.run(x, dy, total)
                values = total.reshape(-1)
                if self.leaves_out_padding and not isfinite(values.dot(values)):
                    total = _by_pieces(x.reshape(g.input_shape), dy.reshape(g.output_shape), g, self.sums)
        return total.astype(self.dtype, copy=False)


def _by_pieces(x: np.ndarray, dy: np.ndarray, g: Geometry, dtype: np.dtype) -> np.ndarray:
    """Piece by piece of images, or of an image's rows, so that what a task reads again and again stays in its cache.

    Images that each fill a task are groups of one convolution, summed afterwards. Threads take an image each, which a
    convolution by an image has too few outputs for, and calls are fewer: 3 channels to 32 on 224 x 224 at stride 2,
    batch 8, take 0.84 of the time of image after image, 64 to 64 on 56 x 56 1.01; with two threads 0.56 and 0.86 (Zen
    4).
    """
    rank, shape = len(g.axes), (g.out_channels, g.channels // g.groups, *g.kernel_size)
    total, dilation = None, tuple(axis.dilation for axis in g.axes)
    images, rows = _piece_sizes(dy.shape)
    apart = prod(dy.shape[2:]) >= APART_POSITIONS and _images_are_groups(x) and _images_are_groups(dy)
    if apart:
        images = max(1, min(len(dy), RESULTS_APART // prod(shape)))
    for n in range(0, len(dy), images):
        for row in range(0, dy.shape[2], rows):
            part_dy = dy[n : n + images, :, row : row + rows]
            ends = (row + part_dy.shape[2], *dy.shape[3:])
            firsts = (row,) + (0,) * (rank - 1)
            spans = [_Span.of(*span) for span in zip(g.axes, firsts, ends, strict=True)]
            part_x = x[(slice(n, n + images), slice(None), *(span.inside for span in spans))]
            if part_x.size:  # else all of its windows lie in padding
                alone = len(part_dy) if apart else 1
                part_x, part_dy = (a.reshape(-1, alone * a.shape[1], *a.shape[2:]) for a in (part_x, part_dy))
                found = _piece_gradient(rank, part_x, part_dy, spans, dilation, g.groups * alone, dtype)
                if alone > 1:
                    found = found.reshape(alone, *shape).sum(axis=0, dtype=dtype)
                total = found if total is None else np.add(total, found, out=total)
    return np.zeros(shape, dtype) if total is None else total


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
    def of(cls, axis: Axis, first: int, end: int) -> _Span:
        """Of windows `first` to `end`, no position more."""
        step = axis.stride if axis.kernel == 1 else 1  # windows of one position see none between them
        at, last = first * axis.stride - axis.before, (end - 1) * axis.stride + axis.extent - 1 - axis.before
        before, after = max(0, -(at // step)), max(0, (last - axis.size) // step + 1)
        inside = slice(min(axis.size, at + before * step), max(0, min(axis.size, last + 1)), step)
        return cls(inside, before, after, axis.stride // step)


def _images_are_groups(a: np.ndarray) -> bool:
    """Whether images follow each other as their channels do."""
    return a.strides[0] == a.shape[1] * a.strides[1]


def _piece_gradient(
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
    if rank + 1 in CONVS:
        planes = by_group.reshape(groups * batch, channels, *spatial)
        return CONVS[rank + 1](
            planes, kernels[:, :, None], None, (1, *dilation), ((0, 0), *pads), (1, *stride), groups, dtype=dtype
        )  # fmt: skip
    images = np.moveaxis(by_group, 2, 0).reshape(channels, groups * batch, *spatial)
    found = CONVS[rank](images, kernels, None, dilation, pads, stride, groups, dtype=dtype)
    return np.ascontiguousarray(found.swapaxes(0, 1))
