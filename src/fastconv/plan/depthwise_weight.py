"""Plans of weight gradients of one channel with one: where the rows stand that meet each row of outputs."""

from __future__ import annotations

from functools import lru_cache
from math import prod

import numpy as np

from fastconv.geometry import Geometry
from fastconv.jit.machine import machine
from fastconv.jit.weight_tile import WeightShape
from fastconv.kernels.depthwise_weight import WEIGHT_SHAPES, WEIGHT_TABLE, WeightHead, depthwise_weight
from fastconv.plan.kernel_plan import KernelPlan
from fastconv.plan.positions import MOST_COLUMNS, line_positions
from fastconv.plan.problem import Problem
from fastconv.plan.table import Table

__all__ = ["plan_depthwise_weight", "refuse_depthwise_weight"]

#: Most columns of a kernel where there is one row of outputs: of 64 channels in 16000 places 3 take 0.16 of the time of
#: the convolution by the gradient, 31 take 0.83, 45 take 0.81, 64 twice as much (1 thread, Zen 4).
MOST_TAPS = 32
#: Nanoseconds, for estimates only: to load two vectors and to multiply them for a tap, twice as many where every other
#: column is seen; for a plane's sums of a tap, and for a pair of channels.
LOAD_COST, PRODUCT_COST, TAP_COST, PAIR_COST = 1.2, 0.25, 2.0, 40.0


def refuse_depthwise_weight(problem: Problem) -> str | None:
    """Why its tiles cannot serve, if they cannot; `problem` is that of the convolution, the result its gradient."""
    g = problem.geometry.lift()
    if g.channels != g.groups and not _fills_vectors(problem):
        return f"channels fill vectors where {g.out_channels // g.groups} see each of {g.channels // g.groups}"
    if problem.dtype.kind != "f" or not machine().masked_loads:
        return "it sums floats, a part of a vector at a time"
    if prod(g.kernel_size) >= prod(g.output_size):
        # 7x7 kernels on 7 x 7 images take 1.8 times as long as the convolution by them (1 thread, Zen 4).
        return "it adds up many outputs for each tap, row by row"
    shared = problem.y_steps().steps[1] == 0  # by all input channels, which the convolution loads once for a tile
    if g.axes[1].output == 1 and (shared or g.axes[2].kernel > MOST_TAPS):
        return "it loads a single row of outputs again for each few taps"
    if problem.x_steps().steps[-1] != 1 or problem.y_steps().steps[-1] != 1:
        return "it reads rows whose elements follow each other"
    last = g.axes[-1]
    if last.size + last.before + abs(last.after) + last.extent >= MOST_COLUMNS:
        return "its lanes are masked by 32-bit numbers"
    if _shape(g) is None:
        return "it knows no such step of columns"
    return None


def _fills_vectors(problem: Problem) -> bool:
    """Whether rows of outputs fill more of their vectors than output channels do, and taps share what they load.

    Then products of one channel with one take less time, though each pair loads both (32 groups of 8 channels on 28 x
    28 a third less, of 4 on 56 x 56 a sixth; 1 thread, Zen 4).
    """
    g, lanes = problem.geometry.lift(), machine().vector_bytes // problem.dtype.itemsize
    out_channels, width, shape = g.out_channels // g.groups, g.axes[-1].output, _shape(g)
    together = shape is not None and shape.taps > 1
    return together and out_channels * -(-width // lanes) < width * -(-out_channels // lanes)


@lru_cache(maxsize=1024)
def plan_depthwise_weight(problem: Problem) -> KernelPlan:
    """Write down where the rows of the input stand."""
    g, x, dy = problem.geometry.lift(), problem.x_steps(), problem.y_steps()
    shape = _shape(g)
    assert shape is not None, "refused before"
    d, h, w = g.axes
    table = Table(WEIGHT_TABLE)
    planes = np.arange(d.output)[:, None] * d.stride + np.arange(d.kernel) * d.dilation
    if shape.taps > 1:
        lines = np.arange((h.output - 1) * h.stride + h.kernel)
    else:
        lines = np.arange(h.kernel)[:, None] * h.dilation + np.arange(h.output) * h.stride
    head = WeightHead(
        batch=g.batch,
        channels=g.channels // g.groups,
        out_channels=g.out_channels // g.groups,
        x_base=x.base,
        x_batch=x.steps[0],
        x_channel=x.steps[1],
        dy_base=dy.base,
        dy_batch=dy.steps[0],
        dy_channel=dy.steps[1],
        dy_plane=dy.steps[2],
        dy_row=dy.steps[3],
        limit=w.size,
        depth=d.output,
        height=h.output,
        width=w.output,
        planes=d.kernel,
        rows=h.kernel,
        columns=w.kernel,
        planes_at=table.append(line_positions(d, (planes - d.before).reshape(-1), x.steps[2])),
        lines_at=table.append(line_positions(h, (lines - h.before).reshape(-1), x.steps[3])),
        offsets_at=table.append(np.arange(w.kernel) * w.dilation - w.before),
        line_step=1 if shape.taps > 1 else h.output,
    )
    dtype, taps, pairs = problem.dtype, prod(g.kernel_size), g.out_channels * (g.channels // g.groups)
    vectors = -(-w.output * dtype.itemsize // machine().vector_bytes)
    each = g.batch * d.output * h.output * vectors * (LOAD_COST + taps * PRODUCT_COST) * min(2, w.stride)
    return KernelPlan(
        kernel=depthwise_weight[shape].bind(dtype, dtype, dtype, np.int64),
        table=table.finish([head]),
        tasks=pairs,
        nanoseconds=pairs * (PAIR_COST + taps * g.batch * d.output * TAP_COST + each),
    )


def _shape(g: Geometry) -> WeightShape | None:
    """The first shape that serves."""
    _, h, w = g.axes

    def fits(shape: WeightShape) -> bool:
        together = h.dilation == 1 and h.stride == shape.row_step and h.kernel % shape.taps == 0
        columns = w.dilation == 1 or shape.column_step == 1
        return (shape.taps == 1 or together) and columns and w.stride == shape.column_step

    return next(filter(fits, WEIGHT_SHAPES), None)
