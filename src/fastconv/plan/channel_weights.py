"""Plans of depthwise weight gradients of channels-last arrays: which outputs meet the input at each tap."""

from __future__ import annotations

from functools import lru_cache
from math import prod

import numpy as np

from fastconv.geometry import Axis, Geometry
from fastconv.jit.machine import machine
from fastconv.kernels.channel_weights import CHANNEL_WEIGHTS_TABLE, ChannelWeightsHead, channel_weights
from fastconv.plan.kernel_plan import KernelPlan
from fastconv.plan.positions import line_positions
from fastconv.plan.problem import Problem
from fastconv.plan.table import Table

__all__ = ["plan_channel_weights", "refuse_channel_weights"]

#: Nanoseconds, for estimates only: to multiply a vector, and for a row of outputs and a block of taps.
PRODUCT_COST, ROW_COST = 0.3, 10.0
#: Most vectors of channels of a task.
MOST_VECTORS = 4


def refuse_channel_weights(problem: Problem) -> str | None:
    """Why channels cannot be the lanes, if they cannot; `problem` is that of the convolution."""
    g = problem.geometry
    if not (problem.x_last and problem.y_last) or problem.x_steps().steps[1] != 1 or problem.y_steps().steps[1] != 1:
        return "its lanes are channels that stand beside each other, in both images"
    if not g.channels == g.groups == g.out_channels:
        return f"it takes one channel with one, not {g.channels // g.groups} with {g.out_channels // g.groups}"
    if problem.dtype.kind != "f":
        return "it sums floats"
    if 0 in g.output_shape or not all(taps for axis in g.axes for _, taps in axis.taps()):
        return "each of its outputs sees some input"
    last = g.axes[-1]
    if last.dilation > 1 or (last.kernel, last.stride) not in channel_weights:
        return "it knows no such columns of windows"
    return None


@lru_cache(maxsize=1024)
def plan_channel_weights(problem: Problem) -> KernelPlan:
    """Write down where the pixels of the input stand."""
    g, x, dy = problem.geometry.lift(), problem.x_steps(), problem.y_steps()
    d, h, w = g.axes
    table = Table(CHANNEL_WEIGHTS_TABLE)
    planes = np.arange(d.output)[:, None] * d.stride + np.arange(d.kernel) * d.dilation - d.before
    first, last = _meeting(w, 0)[0], _meeting(w, w.kernel - 1)[1]
    lanes = machine().vector_bytes // problem.dtype.itemsize
    vectors = -(-g.channels // lanes)
    block = max(1, min(MOST_VECTORS, vectors // problem.threads))
    head = ChannelWeightsHead(
        batch=g.batch,
        channels=g.channels,
        x_base=x.base,
        x_batch=x.steps[0],
        x_row=x.steps[3],
        x_column=x.steps[4],
        dy_base=dy.base,
        dy_batch=dy.steps[0],
        dy_plane=dy.steps[2],
        dy_row=dy.steps[3],
        dy_column=dy.steps[4],
        row_step=h.stride,
        row_dilation=h.dilation,
        row_before=h.before,
        before=w.before,
        size=w.size,
        first=first,
        last=last,
        depth=d.output,
        height=h.output,
        width=w.output,
        planes=d.kernel,
        rows=h.kernel,
        planes_at=table.append(line_positions(d, planes.reshape(-1), x.steps[2])),
        spans_at=table.append(np.array([_meeting(h, tap) for tap in range(h.kernel)]).reshape(-1)),
        grouped=int(h.dilation == 1 and h.stride == w.stride),
        block=block * lanes,
        strip=_strip(problem, g, min(MOST_VECTORS, vectors)),
    )
    taps = prod(g.kernel_size)
    products = g.batch * prod(g.output_size) * vectors * taps
    rows = g.batch * prod(g.output_size[:-1]) * vectors * prod(g.kernel_size[:-1])
    dtype = problem.dtype
    return KernelPlan(
        kernel=channel_weights[w.kernel, w.stride].bind(dtype, dtype, dtype, np.int64),
        table=table.finish([head]),
        tasks=-(-vectors // block),
        nanoseconds=products * PRODUCT_COST + rows * ROW_COST,
    )


def _meeting(axis: Axis, tap: int) -> tuple[int, int]:
    """The first output that meets the input at a tap, and the one behind the last."""
    start = tap * axis.dilation - axis.before
    first = max(0, -(start // axis.stride))
    end = (axis.size - 1 - start) // axis.stride + 1
    return first, max(first, min(axis.output, end))


def _strip(problem: Problem, g: Geometry, vectors: int) -> int:
    """Rows of outputs whose pixels, with those of the input, a quarter of the second-level cache holds.

    It is the same for any number of threads, as sums of strips are added to each other.
    """
    _, h, w = g.axes
    row = (w.output + h.stride * w.size) * vectors * machine().vector_bytes
    return max(1, min(h.output, problem.machine.l2_bytes // 4 // row))
