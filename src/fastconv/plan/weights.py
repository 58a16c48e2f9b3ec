"""Where a problem's weights stand, and how they are packed for tiles."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from fastconv.geometry.geometry import KERNEL_RANK
from fastconv.kernels.weights import pack_weights
from fastconv.lazy import lazy
from fastconv.plan.problem import Problem
from fastconv.plan.span import aligned_empty, steps

__all__ = ["Packing", "Weights", "pack_cost", "takes_turns", "weight_dtype", "weights_in", "weights_of"]

#: Nanoseconds to pack a weight, for estimates only; and where there are phases, whose weights stand between each
#: other's, for each and for those of a depth that are packed side by side.
PACK_COST, PACK_TURN_COST, PACK_RUN_COST = 0.5, 0.25, 2.4


def takes_turns(problem: Problem) -> bool:
    """Whether output phases have weights of their own."""
    return any(axis.stretch > 1 for axis in problem.geometry.axes)


def pack_cost(problem: Problem, rows: int) -> float:
    """Nanoseconds to pack a weight before the kernel runs, those of so many output channels side by side."""
    return PACK_TURN_COST + PACK_RUN_COST / rows if takes_turns(problem) else PACK_COST


@dataclass(frozen=True)
class Packing:
    """How weights are laid out for tiles.

    Attributes
    ----------
    table : ndarray of int64
        The plan's.
    steps : ndarray of int64
        Their `PlainWeights`.
    offsets : ndarray of int64
        For each depth, the step of its weight.
    size : int
        Elements of the packed weights.
    tasks : int
        Number of tasks.
    order : tuple
        Of the row blocks, and where each phase begins.
    dtype : numpy.dtype
        Of the packed weights.
    cost : float
        Nanoseconds for each on one thread, for estimates only.
    """

    table: np.ndarray
    steps: np.ndarray
    offsets: np.ndarray
    size: int
    tasks: int
    order: tuple[object, ...]
    dtype: np.dtype
    cost: float

    @property
    def nanoseconds(self) -> float:
        """Their rough time on one thread."""
        return self.size * self.cost

    @lazy
    def layout(self) -> str:
        """A name: equal ones give equal results for equal weights."""
        return f"{hashlib.sha256(self.offsets.tobytes()).hexdigest()} {self.dtype} {self.order}"

    def run(self, weight: np.ndarray) -> np.ndarray:
        """The packed weights."""
        packed = aligned_empty(self.size, self.dtype)
        given = weight if weight.dtype == self.dtype else weight.astype(self.dtype)  # converted before, so without gaps
        pack_weights.run(self.tasks, self.nanoseconds, given, packed, self.table, self.steps, self.offsets)
        return packed


@dataclass(frozen=True, slots=True)
class Weights:
    """Where the weights stand: the first one, and the steps of group, output channel, input channel and taps."""

    base: int
    group: int
    row: int
    channel: int
    taps: tuple[int, ...]


def weight_dtype(problem: Problem) -> np.dtype:
    """Of packed weights: by it tiles know what a product is (`times`)."""
    if problem.parts:
        return weights_in(problem.parts)
    return np.dtype(np.int32) if problem.narrow else problem.dtype


def weights_in(parts: np.dtype) -> np.dtype:
    """Of weights that hold such parts."""
    return np.dtype(np.int32 if parts == np.int8 else np.uint32)


def weights_of(problem: Problem) -> Weights:
    """Of a convolution (O, C / groups, *kernel) or a transposed one (C, O / groups, *kernel), mirrored or not."""
    g = problem.geometry
    transposed = problem.op == "conv_transpose"
    channels = g.channels // problem.halves
    outer, inner = (channels, g.out_channels) if transposed else (g.out_channels, channels)
    shape = (outer, inner // g.groups, *g.kernel_size)
    itemsize = weights_in(problem.parts).itemsize if problem.parts else problem.dtype.itemsize
    base, (outer_step, inner_step, *taps) = steps(shape, problem.weight_strides, itemsize)
    if problem.mirrored:
        base += sum((k - 1) * step for k, step in zip(g.kernel_size, taps, strict=True))
        taps = [-step for step in taps]
    row, channel = (inner_step, outer_step) if transposed else (outer_step, inner_step)
    lifted = (0,) * (KERNEL_RANK - len(taps)) + tuple(taps)
    return Weights(base, outer // g.groups * outer_step, row, channel, lifted)
