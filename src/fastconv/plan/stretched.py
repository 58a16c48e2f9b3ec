"""Plans of depthwise convolutions of stretched images: where rows of the input stand (`fastconv.kernels.stretched`)."""

from __future__ import annotations

from functools import partial
from math import prod

import numpy as np

from fastconv.geometry import Axis, Geometry
from fastconv.jit.machine import machine
from fastconv.kernels.activation import activation_number
from fastconv.kernels.stretched import PAIRS, STRETCHED_TABLE, StretchedHead, stretched
from fastconv.plan.positions import MOST_COLUMNS, line_positions
from fastconv.plan.problem import Problem
from fastconv.plan.table import Table
from fastconv.plan.unpacked import UnpackedPlan
from fastconv.plan.weights import weights_of

__all__ = ["plan_stretched", "refuse_stretched"]

#: Outputs of a task, about.
MOST_OUTPUTS = 16384
#: Nanoseconds, for estimates only: to multiply a vector, for a tile, and for a call.
PRODUCT_COST, TILE_COST, CALL_COST = 0.3, 10.0, 400.0


def refuse_stretched(problem: Problem) -> str | None:
    """Why its tiles cannot serve, if they cannot."""
    g = problem.geometry.lift()
    if g.channels != g.groups:
        return f"it sums over one channel, not over {g.channels // g.groups}"
    d, h, w = g.axes
    if (d.stretch, h.stretch, w.stretch) != (1, 2, 2) or any(axis.stride > 1 for axis in g.axes):
        return "it stretches rows and columns to two apart"
    if g.kernel_size[1:] != (w.kernel, w.kernel) or (w.kernel, 0) not in stretched or h.dilation * w.dilation > 1:
        return "it knows square kernels of 2 to 5 or 7 neighbouring taps a side"
    if (h.before - w.before) % 2:
        return "its first tap is seen by even rows and even columns, or by odd ones and odd ones"
    if g.padding_mode != "zeros":
        return "it knows no padding but zeros"
    if problem.dtype.kind == "c" or problem.x_dtype != problem.dtype:
        return f"it sums numbers as they are, not {problem.x_dtype} to {problem.dtype}"
    if not machine().masks(problem.dtype.itemsize) or not (problem.x_last or problem.x_steps().steps[-1] == 1):
        return "it loads parts of vectors from rows whose elements follow each other"
    return "its lanes are masked by 32-bit numbers" if 2 * (w.padded + w.extent) >= MOST_COLUMNS else None


def plan_stretched(problem: Problem) -> UnpackedPlan:
    """Write down where the rows stand."""
    g, x, weights = problem.geometry.lift(), problem.x_steps(), weights_of(problem)
    d, h, w = g.axes
    table = Table(STRETCHED_TABLE)
    planes = np.arange(d.output)[:, None] + np.arange(d.kernel) * d.dilation - d.before
    # Tiles go up to a tile beyond the last pair of rows.
    lines = np.arange(h.output // 2 + PAIRS + h.kernel) + _first(h)
    block = max(1, MOST_OUTPUTS // (w.output * 2 * PAIRS)) * 2 * PAIRS
    blocks = -(-h.output // block)
    head = StretchedHead(
        groups=g.groups,
        multiplier=g.out_channels // g.groups,
        x_base=x.base,
        x_batch=x.steps[0],
        x_channel=x.steps[1],
        weight_base=weights.base,
        weight_group=weights.group,
        weight_row=weights.row,
        weight_d=weights.taps[0],
        weight_h=weights.taps[1],
        weight_w=weights.taps[2],
        limit=w.size,
        depth=d.output,
        height=h.output,
        width=w.output,
        block=block,
        blocks=blocks,
        planes=d.kernel,
        planes_at=table.append(line_positions(d, planes.reshape(-1), x.steps[2])),
        lines_at=table.append(line_positions(h, lines, x.steps[3])),
        offsets_at=table.append([_first(w)]),
        activation=activation_number(problem.activation),
    )
    dtype, tasks = problem.dtype, g.batch * g.out_channels * d.output * blocks
    nanoseconds = _nanoseconds(g, dtype)
    kernel = stretched[w.kernel, w.before % 2].bind(dtype, dtype, dtype, dtype, np.int64)
    return UnpackedPlan(
        run_kernel=partial(kernel.run, tasks, nanoseconds),
        table=table.finish([head]),
        no_bias=np.empty(0, dtype),
        tasks=tasks,
        nanoseconds=nanoseconds,
        summary=f"{blocks} blocks of {block} rows a plane, {2 * PAIRS} rows at once, read in place",
    )


def _first(axis: Axis) -> int:
    """The input element that the first tap meets in the first pair of outputs, on the side that sees it."""
    return -(axis.before // 2)


def _nanoseconds(g: Geometry, dtype: np.dtype) -> float:
    """Rough time on one thread."""
    depth, height, width = g.output_size
    columns = -(-width * dtype.itemsize // (2 * machine().vector_bytes))
    tiles = g.batch * g.out_channels * depth * -(-height // (2 * PAIRS)) * columns
    return CALL_COST + tiles * (TILE_COST + PAIRS * prod(g.kernel_size) * PRODUCT_COST)
