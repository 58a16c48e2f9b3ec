"""The gradient of a convolution for its weight: a convolution of the input with the gradient of the output.

Stride and dilation change places, and sums go over the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

import numpy as np

from fastconv.ops import dtypes
from fastconv.ops.conv import CONVS

__all__ = ["weight_gradient"]

#: Most positions of a piece of a weight's gradient, if a row has no more. They are the depth of its sums, for which a
#: task keeps input and a tile's weights in the second-level cache: batches of 8 take about 0.4 of the time that they
#: take as one piece (7x7 at stride 2 on 224, 1x1 on 56), and with 2048 positions 0 to 0.3 more than with these.
PIECE_POSITIONS = 4096


def weight_gradient(
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
                total += _piece_gradient(rank, part_x, part_dy, spans, dilation, groups, total.dtype)
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
    return CONVS[rank](images, kernels, None, dilation, pads, stride, groups, dtype=dtype).swapaxes(0, 1)
