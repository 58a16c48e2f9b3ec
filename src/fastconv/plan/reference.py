"""The reference as a candidate: a problem spelled out for the NumPy loops."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

import numpy as np

from fastconv import reference
from fastconv.plan.problem import Problem

__all__ = ["ReferencePlan", "plan_reference"]


@dataclass(frozen=True)
class ReferencePlan:
    """Runs the reference on the arrays themselves.

    Attributes
    ----------
    problem : Problem
        What to compute.
    summary : str
        The choice in words.
    tasks : int
        It never shares its work.
    """

    problem: Problem
    summary: str = "one window at a time"
    tasks: int = 1

    @property
    def nanoseconds(self) -> float:
        """Rough time: NumPy takes some microseconds for each window."""
        return 5000.0 * prod(self.problem.geometry.output_shape)

    def run(self, x: np.ndarray, *arrays: np.ndarray | None) -> None:
        """As the plans of the compiled algorithms: operands first, contiguous results last."""
        _RUN[self.problem.op](self.problem, x.reshape(self.problem.geometry.input_shape), *arrays)


def plan_reference(problem: Problem) -> ReferencePlan:
    """A plan that runs the reference."""
    return ReferencePlan(problem)


def _conv(problem: Problem, x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None, y: np.ndarray) -> None:
    g = problem.geometry
    stride, dilation = tuple(a.stride for a in g.axes), tuple(a.dilation for a in g.axes)
    padding = tuple((a.before, a.after) for a in g.axes)
    result = reference.conv(x, weight, bias, stride, padding, dilation, g.groups, g.padding_mode, flip=problem.mirrored)
    y[...] = (reference.activation(result, problem.activation) if problem.activation else result).reshape(y.shape)


def _conv_transpose(
    problem: Problem, x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None, y: np.ndarray
) -> None:
    g = problem.geometry
    stride, dilation = tuple(a.stretch for a in g.axes), tuple(a.dilation for a in g.axes)
    crop = tuple((a.extent - 1 - a.before, a.extent - 1 - a.after) for a in g.axes)
    none = (0,) * len(g.axes)
    result = reference.conv_transpose(
        x, weight, bias, stride, crop, none, g.groups, dilation, flip=not problem.mirrored
    )
    y[...] = (reference.activation(result, problem.activation) if problem.activation else result).reshape(y.shape)


def _max_pool(problem: Problem, x: np.ndarray, y: np.ndarray, indices: np.ndarray | None = None) -> None:
    axes = problem.geometry.axes
    values, found = reference.max_pool(
        x,
        tuple(a.kernel for a in axes),
        tuple(a.stride for a in axes),
        tuple((a.before, a.after) for a in axes),
        tuple(a.dilation for a in axes),
        any(a.ceil_mode for a in axes),
    )
    y[...] = values.reshape(y.shape)
    if indices is not None:
        indices[...] = found.reshape(indices.shape)


def _avg_pool(problem: Problem, x: np.ndarray, y: np.ndarray) -> None:
    axes = problem.geometry.axes
    if problem.dtype.kind == "f":
        x = x.astype(np.promote_types(x.dtype, problem.dtype))
    means = reference.avg_pool(
        x,
        tuple(a.kernel for a in axes),
        tuple(a.stride for a in axes),
        tuple((a.before, a.after) for a in axes),
        any(a.ceil_mode for a in axes),
        problem.count_include_pad,
        problem.divisor,
        tuple(a.dilation for a in axes),
    )
    y[...] = means.reshape(y.shape)


def _adaptive_max_pool(problem: Problem, x: np.ndarray, y: np.ndarray, indices: np.ndarray | None = None) -> None:
    values, found = reference.adaptive_max_pool(x, problem.geometry.output_size)
    y[...] = values.reshape(y.shape)
    if indices is not None:
        indices[...] = found.reshape(indices.shape)


def _adaptive_avg_pool(problem: Problem, x: np.ndarray, y: np.ndarray) -> None:
    if problem.dtype.kind == "f":
        x = x.astype(np.promote_types(x.dtype, problem.dtype))
    y[...] = reference.adaptive_avg_pool(x, problem.geometry.output_size).reshape(y.shape)


def _lp_pool(problem: Problem, x: np.ndarray, y: np.ndarray) -> None:
    axes = problem.geometry.axes
    norms = reference.lp_pool(
        x,
        problem.norm,
        tuple(a.kernel for a in axes),
        tuple(a.stride for a in axes),
        tuple((a.before, a.after) for a in axes),
        any(a.ceil_mode for a in axes),
        tuple(a.dilation for a in axes),
    )
    y[...] = norms.reshape(y.shape)


def _fractional_max_pool(
    problem: Problem, x: np.ndarray, spans: np.ndarray, y: np.ndarray, indices: np.ndarray | None = None
) -> None:
    g = problem.geometry
    ends = np.cumsum(g.lift().output_size)[-len(g.axes) :]
    begins = spans.reshape(g.batch, g.channels, -1, 2)[..., 0]
    along = [begins[..., end - axis.output : end] for axis, end in zip(g.axes, ends, strict=True)]
    values, found = reference.fractional_max_pool(x, g.kernel_size, along)
    y[...] = values.reshape(y.shape)
    if indices is not None:
        indices[...] = found.reshape(indices.shape)


_RUN: dict[str, Callable[..., None]] = {
    "conv": _conv,
    "conv_transpose": _conv_transpose,
    "max_pool": _max_pool,
    "avg_pool": _avg_pool,
    "adaptive_max_pool": _adaptive_max_pool,
    "adaptive_avg_pool": _adaptive_avg_pool,
    "lp_pool": _lp_pool,
    "fractional_max_pool": _fractional_max_pool,
}
