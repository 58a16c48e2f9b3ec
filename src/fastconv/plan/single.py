"""Plans of transposed convolutions of single positions: a matrix of images by one of all taps of all channels.

Where an image is one position, each output takes one weight of each input channel, and stands where the weight does
beside those of the same input channel: outputs are channels of a convolution by single taps. The images of a batch are
its pixels, so each weight is loaded once for many of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from fastconv.geometry import Axis, Geometry
from fastconv.plan.problem import Problem
from fastconv.plan.span import is_dense
from fastconv.plan.spread import plan_spread
from fastconv.plan.within import PackingPlan

__all__ = ["SinglePlan", "plan_single", "refuse_single"]


def refuse_single(problem: Problem) -> str | None:
    """Why outputs are not channels of single positions, if so."""
    g = problem.geometry
    if not all(axis.size == 1 and axis.before == axis.after == axis.extent - 1 for axis in g.axes):
        return "it is for images of one position, and results that are not cropped"
    if g.channels == g.groups:
        return "it sums over channels, not over one"
    row = (g.out_channels // g.groups, *g.kernel_size)
    steps = [stride // problem.dtype.itemsize for stride in problem.weight_strides[1:]]
    if not problem.mirrored or any(axis.output != axis.kernel for axis in g.axes) or not is_dense(row, steps):
        return "the weights of a channel do not stand in the order of its results"
    return None


def plan_single(problem: Problem) -> SinglePlan:
    """The plan of the convolution by single taps, whose pixels are images."""
    g = problem.geometry
    taps, itemsize = prod(g.kernel_size), problem.dtype.itemsize
    outputs = g.out_channels * taps
    batch, channel = problem.x_strides[:2]
    images = replace(
        problem,
        geometry=Geometry(1, g.channels, outputs, g.groups, (Axis(max(1, g.batch), 1),)),
        x_strides=(0, channel, batch),
        weight_strides=(problem.weight_strides[0], itemsize, itemsize),
        y_strides=(0, itemsize, outputs * itemsize),
    )
    return SinglePlan(plan_spread(images), taps)


@dataclass(frozen=True, slots=True)
class SinglePlan:
    """The plan of another convolution on the same memory.

    Attributes
    ----------
    plan : PackingPlan
        The other convolution's.
    taps : int
        How many of its output channels are one here, with one bias.
    """

    plan: PackingPlan
    taps: int

    @property
    def packing(self) -> Any:
        """How the weights are packed."""
        return self.plan.packing

    @property
    def tasks(self) -> int:
        """Number of tasks."""
        return self.plan.tasks

    @property
    def nanoseconds(self) -> float:
        """Rough time on one thread."""
        return self.plan.nanoseconds

    @property
    def summary(self) -> str:
        """The choice in words."""
        return f"{self.plan.summary}, {self.taps} outputs of an image as channels"

    def run(self, x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None, y: np.ndarray) -> None:
        """Write the result into the contiguous `y`."""
        self.plan.run(x, weight, self._biases(bias), y)

    def run_packed(self, x: np.ndarray, packed: np.ndarray, bias: np.ndarray | None, y: np.ndarray) -> None:
        """As `run`, with weights that `packing` has packed."""
        self.plan.run_packed(x, packed, self._biases(bias), y)

    def _biases(self, bias: np.ndarray | None) -> np.ndarray | None:
        return bias if bias is None else np.repeat(bias, self.taps)
