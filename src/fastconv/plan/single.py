"""Plans of convolutions of images that are one window, and of transposed ones of single positions, by single taps.

Where an image is one position, each output of a transposed convolution takes one weight of each input channel, and
stands where the weight does beside those of the same input channel: outputs are channels of a convolution by single
taps. Where an image is one window, its elements are. The images of a batch are the pixels, so each weight is loaded
once for many of them.
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
    """Why neither images nor outputs are channels of single positions, if so."""
    return _refuse_windows(problem) if problem.op == "conv" else _refuse_positions(problem)


def _refuse_windows(problem: Problem) -> str | None:
    g = problem.geometry
    if not all(axis.whole for axis in g.axes):
        return "it is for images that are one window, without padding"
    sides, (weights, x) = (
        g.kernel_size,
        (
            [stride // dtype.itemsize for stride in strides[1:]]
            for strides, dtype in ((problem.weight_strides, problem.dtype), (problem.x_strides, problem.x_dtype))
        ),
    )
    if not is_dense((g.channels // g.groups, *sides), weights) or not is_dense((g.channels, *sides), x):
        return "weights and images do not stand in the same order, without gaps"
    return "weights stand in the other order" if problem.mirrored and prod(g.kernel_size) > 1 else None


def _refuse_positions(problem: Problem) -> str | None:
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
    g, itemsize = problem.geometry, problem.dtype.itemsize
    outputs, inputs = prod(g.output_shape[1:]), prod(g.input_shape[1:])
    batch, channel = problem.x_strides[:2]
    images = replace(
        problem,
        geometry=Geometry(1, inputs, outputs, g.groups, (Axis(max(1, g.batch), 1),)),
        x_strides=(0, channel if inputs == g.channels else problem.x_dtype.itemsize, batch),
        weight_strides=(problem.weight_strides[0], itemsize, itemsize),
        y_strides=(0, itemsize, outputs * itemsize),
    )
    return SinglePlan(plan_spread(images), outputs // g.out_channels)


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
