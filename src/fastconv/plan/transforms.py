"""Plans of convolutions with large kernels: Fourier transforms of blocks, which gather their own padding, or of a whole
image.

The error of a transform grows with what stands in a block, not with what a window sees of it. It stays below a
millionth (in float64 below 1e-14) of ``max(abs(x)) * sum(abs(w))``, the bound of sums of products too, unless nearly
all of a kernel's weight is in one of its elements. Such kernels, whole numbers that could not be told from their
neighbours, and whatever gives a number that is not finite are left to sums of products.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from fastconv.geometry import Axis, source_index
from fastconv.plan.depthwise import plan_depthwise
from fastconv.plan.fourier import FourierAxis
from fastconv.plan.problem import Problem
from fastconv.plan.span import is_dense
from fastconv.plan.strips import MOST_ROWS, Images, Source, StripPlan, best_strips
from fastconv.plan.whole_image import WholeImagePlan, plan_whole_image

__all__ = ["LEAST_TAPS", "TransformPlan", "plan_transforms", "refuse_transforms", "transforms_yield"]

#: Strips were measured on a Cascade Lake, where sums of products take about three times as long as their plans say.
SAME_SCALE = 0.31
#: Nanoseconds, on that machine, to look at the weights and to run two kernels.
CALL_COST = 60_000.0
#: Fewer taps are not worth planning for.
LEAST_TAPS = 64
#: The error, of ``max(abs(x)) * sum(abs(w))``. Measured over kernels of 9 to 127 taps an axis, images that are noise,
#: signs, waves, 1 and a little, 1e6 and a little: at most 7.2e-7 where two weights count, 1.1e-6 where one does.
ERROR = {"f": 1e-6, "d": 1e-14}
#: How many times the norm of a kernel the sum of its weights has to be: 2 where four are equal and others zero.
LEAST_SPREAD = 2.0
#: Most elements of the spectra of all kernels.
MOST_SPECTRA = 1 << 24


@dataclass(frozen=True)
class TransformPlan:
    """All that the kernel needs beside the values.

    Attributes
    ----------
    engine : StripPlan or WholeImagePlan
        What transforms.
    kernels : int
        Their number.
    mirrored : bool
        Whether the weights are those of a convolution, and not of a correlation.
    careful : object
        The plan of sums of products.
    nanoseconds : float
        Rough time on one thread, in the scale of other plans.
    summary : str
        The choice in words.
    """

    engine: StripPlan | WholeImagePlan
    kernels: int
    mirrored: bool
    careful: Any
    nanoseconds: float
    summary: str

    @property
    def tasks(self) -> int:
        """Number of tasks."""
        return self.engine.tasks

    def run(self, x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None, y: np.ndarray) -> None:
        """Write the result into the contiguous `y`."""
        rows, columns = weight.shape[-2:] if weight.ndim > 3 else (1, weight.shape[-1])
        w = weight.reshape(self.kernels, rows, columns)
        w = np.ascontiguousarray(w if self.mirrored else w[:, ::-1, ::-1])
        whole = _is_whole(w) and _is_whole(x)
        if not _is_spread(w) or (whole and not _is_told(x, w)) or not self.engine.run(x, w, y):
            self.careful.run(x, weight, bias, y)
            return
        if whole:
            np.rint(y, out=y)
        if bias is not None:
            y += bias.reshape(-1, *[1] * (weight.ndim - 2))


def _is_whole(array: np.ndarray) -> bool:
    """Whether all are whole numbers; most arrays show in their first row that they are not."""
    first = array[(0,) * (array.ndim - 1)]
    return bool(np.all(first == np.rint(first)) and np.all(array == np.rint(array)))


def _is_spread(w: np.ndarray) -> bool:
    """Whether several weights of each kernel count, and whether all are finite."""
    with np.errstate(all="ignore"):
        sizes = np.abs(w, dtype=np.float64).reshape(len(w), -1)
        return bool(np.all(LEAST_SPREAD * np.linalg.norm(sizes, axis=1) <= sizes.sum(1)) and np.isfinite(sizes).all())


def _is_told(x: np.ndarray, w: np.ndarray) -> bool:
    """Whether rounding finds the sums of whole numbers."""
    sums = float(max(x.max(), -x.min())) * float(np.abs(w, dtype=np.float64).sum((1, 2)).max())
    return ERROR[w.dtype.char] * sums < 0.25


def refuse_transforms(problem: Problem) -> str | None:
    """Why transforms cannot serve a problem of one input channel for each output channel, if so."""
    g = problem.geometry.lift()
    d = g.axes[0]
    if problem.dtype.kind != "f" or problem.exact or problem.x_dtype != problem.dtype:
        return f"it transforms floats, without a conversion: not {problem.x_dtype.name} for {problem.dtype.name}"
    if problem.activation:
        return "it applies no activation"
    if any((axis.stride, axis.dilation, axis.stretch) != (1, 1, 1) for axis in g.axes):
        return "it knows no steps but 1"
    if (d.kernel, d.before, d.after) != (1, 0, 0):
        return "it transforms two axes at most"
    if max(g.kernel_size) > MOST_ROWS:
        return f"its blocks hold kernels of up to {MOST_ROWS} elements along an axis"
    return None


def transforms_yield(problem: Problem) -> str | None:
    """Why they are not worth a try, if so."""
    taps = prod(problem.geometry.kernel_size)
    if taps < LEAST_TAPS:
        return f"it pays for large kernels, not for {taps} taps"
    strips = _strips(problem)
    if 2 * strips.kernels * strips.head.rows * strips.head.columns > MOST_SPECTRA:
        return "the spectra of so many kernels would take too much memory"
    return None


def plan_transforms(problem: Problem) -> TransformPlan:
    """Choose the blocks, or the whole image."""
    strips, whole = _strips(problem), plan_whole_image(problem)
    engine = whole if whole is not None and whole.nanoseconds < strips.nanoseconds else strips
    return TransformPlan(
        engine,
        strips.kernels,
        problem.mirrored,
        plan_depthwise(problem),
        (engine.nanoseconds + CALL_COST) * SAME_SCALE,
        engine.summary,
    )


@lru_cache(maxsize=64)
def _strips(problem: Problem) -> StripPlan:
    """The plan for two axes, or for the last where nothing happens along the other."""
    g, x = problem.geometry.lift(), problem.x_steps()
    d, h, w = g.axes
    plane, row = x.steps[2:4]
    flat = (h.kernel, h.before, h.after) == (1, 0, 0) and is_dense((d.size, h.size), (plane // max(1, row), 1))
    lines, line = (d.size * h.size, row) if flat and row > 0 else (d.size, plane)
    sizes = (w,) if flat and row > 0 else (h, w)
    out = prod(axis.output for axis in sizes)
    images = Images(
        kernels=g.out_channels,
        images=g.batch * lines,
        lines=lines,
        multiplier=g.out_channels // g.groups,
        x_base=x.base,
        x_batch=x.steps[0],
        x_line=line,
        x_channel=x.steps[1],
        y_batch=g.out_channels * lines * out,
        y_line=out,
        y_channel=lines * out,
    )
    axes = tuple(FourierAxis(_extended(axis), axis.kernel, axis.kernel - 1, axis.output) for axis in sizes)
    sources = [_source(axis, step, g.padding_mode) for axis, step in zip(sizes, x.steps[-len(sizes) :], strict=True)]
    found = best_strips(axes, images, [Source(1, 0)] * (2 - len(sizes)) + sources, problem.dtype)
    assert found is not None, "it is asked first whether this is refused"
    return found


def _extended(axis: Axis) -> int:
    return axis.size + axis.before + axis.after


def _source(axis: Axis, stride: int, mode: str) -> Source:
    """An axis, with what stands beside it."""
    if mode == "zeros":
        return Source(axis.size, stride, -axis.before)

    def at(places: Sequence[int]) -> tuple[int, ...]:
        return tuple(source_index(place, axis.size, mode) for place in places)

    return Source(
        axis.size, stride, -axis.before, at(range(-axis.before, 0)), at(range(axis.size, axis.size + axis.after))
    )
