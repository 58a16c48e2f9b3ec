"""Where the weights of a convolution stand in the caller's array."""

from __future__ import annotations

from dataclasses import dataclass

from fastconv.geometry.geometry import KERNEL_RANK
from fastconv.plan.problem import Problem
from fastconv.plan.span import steps

__all__ = ["Weights", "weights_of"]


@dataclass(frozen=True, slots=True)
class Weights:
    """Where the weights stand: the first one, and the steps of group, output channel, input channel and taps."""

    base: int
    group: int
    row: int
    channel: int
    taps: tuple[int, ...]


def weights_of(problem: Problem) -> Weights:
    """Of a convolution (O, C / groups, *kernel) or a transposed one (C, O / groups, *kernel), mirrored or not."""
    g = problem.geometry
    transposed = problem.op == "conv_transpose"
    outer, inner = (g.channels, g.out_channels) if transposed else (g.out_channels, g.channels)
    shape = (outer, inner // g.groups, *g.kernel_size)
    base, (outer_step, inner_step, *taps) = steps(shape, problem.weight_strides, problem.dtype.itemsize)
    if problem.mirrored:
        base += sum((k - 1) * step for k, step in zip(g.kernel_size, taps, strict=True))
        taps = [-step for step in taps]
    row, channel = (inner_step, outer_step) if transposed else (outer_step, inner_step)
    lifted = (0,) * (KERNEL_RANK - len(taps)) + tuple(taps)
    return Weights(base, outer // g.groups * outer_step, row, channel, lifted)
