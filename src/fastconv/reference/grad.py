"""Gradients for the weights, one product of slices a time; those for the inputs are the other kind of convolution."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastconv.reference.conv import group_channels, window_slices

__all__ = ["conv_weight"]

Array = NDArray[Any]


def conv_weight(
    x: Array,
    weight_shape: tuple[int, ...],
    grad_output: Array,
    stride: tuple[int, ...],
    padding: tuple[tuple[int, int], ...],
    dilation: tuple[int, ...],
    groups: int = 1,
) -> Array:
    """The gradient for the weight: each entry is the sum of all products that the convolution made with it.

    That is the derivative of ``sum(grad_output * conv(x, weight))``, which is linear in the weight.
    """
    padded = np.pad(x, ((0, 0), (0, 0), *padding))
    outputs, channels, *kernel = weight_shape
    gradient = np.zeros(weight_shape, np.result_type(x, grad_output))
    for o, c in product(range(outputs), range(channels)):
        seen = group_channels(o, outputs // groups, channels)
        plane = padded[:, seen][:, c]
        for tap in product(*map(range, kernel)):
            read = window_slices(tap, list(grad_output.shape[2:]), dilation, stride)
            gradient[(o, c, *tap)] = np.sum(plane[(slice(None), *read)] * grad_output[:, o])
    return gradient
