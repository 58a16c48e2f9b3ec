"""Plans of weight gradients by dot products: how images are cut, and where each tap begins."""

from __future__ import annotations

from itertools import product
from math import prod

import numpy as np

from fastconv.geometry import Axis
from fastconv.jit.machine import machine
from fastconv.kernels.weight_dots import FEW_TAPS, WEIGHT_DOTS_TABLE, WeightDotsHead, WeightPhase, weight_dots
from fastconv.plan.kernel_plan import KernelPlan
from fastconv.plan.positions import MOST_COLUMNS
from fastconv.plan.problem import Problem
from fastconv.plan.table import Table

__all__ = ["pieces_nanoseconds", "plan_weight_dots", "refuse_weight_dots"]

#: Outputs of a piece and of a strip, if a row has no more: a piece is a task's, of a strip a tile's rows stay in the
#: first-level cache.
PIECE, STRIP = 4096, 1024
#: Most results: their sums, a vector each, are to stay in the second-level cache.
MOST_RESULTS = 1 << 13
#: Nanoseconds, for estimates only: to multiply a vector, to copy an element, more where columns apart are sorted, and
#: for a result of a task.
PRODUCT_COST, COPY_COST, APART_COST, RESULT_COST = 0.36, 0.4, 1.2, 4.0
#: The same of convolutions by pieces of the gradient: to multiply a vector, to pack a gradient, and for a call. They
#: come near the times of 1x1, 3x3 and 7x7 kernels of 3 to 64 channels on 28 x 28 and 112 x 112 pixels.
PIECES_PRODUCT_COST, PACK_COST, PIECES_COST = 0.33, 0.25, 25_000.0


def refuse_weight_dots(problem: Problem) -> str | None:
    """Why it cannot serve, if so; `problem` is that of the convolution, the result its gradient."""
    g = problem.geometry.lift()
    if problem.dtype.kind != "f" or not machine().masked_loads:
        return "it sums floats, a part of a vector at a time"
    if 0 in g.output_shape or 0 in g.input_shape or not g.axes[0].whole or g.axes[0].size > 1:
        return "it is for images and signals"
    if problem.x_steps().steps[-1] != 1 or problem.y_steps().steps[-1] != 1:
        return "it reads rows whose elements follow each other"
    if any(axis.before < 0 or axis.after < 0 for axis in g.axes) or g.axes[2].padded >= MOST_COLUMNS:
        return "its lanes are masked by 32-bit numbers, and it crops nothing"
    if g.channels == g.groups == g.out_channels and g.groups > 1:
        return "one channel with one has few products for each vector that is loaded"
    if g.depth * (g.out_channels // g.groups) > MOST_RESULTS:
        return "its sums are to stay in the cache"
    return None


def plan_weight_dots(problem: Problem) -> KernelPlan:
    """Cut images and write down where taps begin; the result has a part for each image, group and piece."""
    g, x, dy = problem.geometry.lift(), problem.x_steps(), problem.y_steps()
    _, h, w = g.axes
    channels, outputs = g.channels // g.groups, g.out_channels // g.groups
    lanes = machine().vector_bytes // problem.dtype.itemsize
    piece = -(-h.output // (2 * -(-h.output * w.output // (2 * PIECE))))
    strip = -(-piece // -(-piece * w.output // STRIP))
    in_place = w.stride == 1 and not any((h.before, h.after, w.before, w.after))
    phases = 1 if in_place else min(w.stride, w.extent)
    pitch = -(-(w.output + (w.extent - 1) // w.stride) // lanes) * lanes
    slab_rows = 0 if in_place else (strip - 1) * h.stride + h.extent
    slab_size = channels * slab_rows * phases * pitch
    table = Table(WEIGHT_DOTS_TABLE)
    if in_place:
        steps = x.steps[1], x.steps[3]
        columns = [s * w.dilation for s in range(w.kernel)]
    else:
        steps = slab_rows * phases * pitch, phases * pitch
        columns = [s * w.dilation % w.stride * pitch + s * w.dilation // w.stride for s in range(w.kernel)]
    taps = [
        c * steps[0] + r * h.dilation * steps[1] + s for c, r, s in product(range(channels), range(h.kernel), columns)
    ]
    filled = -(-len(taps) // FEW_TAPS) * FEW_TAPS
    head = WeightDotsHead(
        groups=g.groups,
        channels=channels,
        out_channels=outputs,
        pieces=-(-h.output // piece),
        piece=piece,
        strip=strip,
        x_base=x.base,
        x_batch=x.steps[0],
        x_channel=x.steps[1],
        x_row=x.steps[3],
        dy_base=dy.base,
        dy_batch=dy.steps[0],
        dy_channel=dy.steps[1],
        dy_row=dy.steps[3],
        size=h.size,
        step=h.stride,
        before=h.before,
        reach=h.extent,
        height=h.output,
        width=w.output,
        taps=len(taps),
        filled=filled,
        offsets_at=table.append(taps + taps[-1:] * (filled - len(taps))),
        phases=phases,
        phases_at=table.append_records([_phase(w, number, pitch) for number in range(phases)]),
        column_step=w.stride,
        pitch=pitch,
        slab_rows=slab_rows,
        together=int(in_place and h.stride * x.steps[3] == w.output == dy.steps[3]),
    )
    dtype, results = problem.dtype, outputs * len(taps)
    tasks = g.batch * g.groups * head.pieces
    strips = tasks * -(-piece // strip)
    copy_cost = COPY_COST if w.stride <= 2 else APART_COST
    vectors = g.batch * g.groups * outputs * filled * h.output * -(-w.output // lanes)
    return KernelPlan(
        kernel=weight_dots.bind(dtype, dtype, dtype, np.int64),
        table=table.finish([head]),
        tasks=tasks,
        nanoseconds=vectors * PRODUCT_COST + strips * slab_size * copy_cost + tasks * results * RESULT_COST,
    )


def pieces_nanoseconds(problem: Problem) -> float:
    """Rough time on one thread where piece after piece of the gradient is packed and convolved with."""
    g, lanes = problem.geometry, machine().vector_bytes // problem.dtype.itemsize
    lanes_used = -(-g.out_channels // g.groups // lanes) * lanes
    vectors = g.batch * g.groups * prod(g.output_size) / lanes
    return PIECES_COST + vectors * lanes_used * (g.depth * PIECES_PRODUCT_COST + lanes * PACK_COST)


def _phase(axis: Axis, number: int, pitch: int) -> WeightPhase:
    """The columns at this place and every stride-th after it, those of the padding counted."""
    place = max(0, -(-(axis.before - number) // axis.stride))
    source = place * axis.stride + number - axis.before
    return WeightPhase(source, place, max(0, min(pitch - place, -(-(axis.size - source) // axis.stride))))
