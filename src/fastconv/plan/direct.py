"""Plans of small convolutions: which outputs each tap reaches, and what it reads for them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from functools import partial

import numpy as np

from fastconv.geometry import Axis
from fastconv.jit.threads import PARALLEL_NANOSECONDS
from fastconv.kernels.direct import DIRECT_TABLE, DirectAxis, DirectHead, DirectTap, conv_direct
from fastconv.plan.problem import Problem
from fastconv.plan.table import Table
from fastconv.plan.unpacked import UnpackedPlan
from fastconv.plan.weights import weights_of

__all__ = ["direct_nanoseconds", "plan_direct"]

#: Nanoseconds: adding a scaled row to another, and each of its products, where their elements follow each other or are
#: apart. At 5 microseconds in all, gathering, packing and tiles take as long.
ROW_COST, PRODUCT_COST, APART_COST = 4.2, 0.03, 0.6


def direct_nanoseconds(problem: Problem) -> float:
    """Rough time on one thread."""
    g = problem.geometry.lift()
    rows = g.products * g.axes[-1].stretch / g.output_size[-1]
    together = g.axes[-1].stride == g.axes[-1].stretch == problem.x_steps().steps[-1] == 1
    return rows * ROW_COST + g.products * (PRODUCT_COST if together else APART_COST)


def plan_direct(problem: Problem) -> UnpackedPlan:
    """Write down what each tap does."""
    g = problem.geometry.lift()
    x, weights = problem.x_steps(), weights_of(problem)
    table = Table(DIRECT_TABLE)
    axes, y_step = [], 1
    for axis, x_step, weight_step in reversed(list(zip(g.axes, x.steps[2:], weights.taps, strict=True))):
        taps = [_tap(axis, k, y_step, x_step) for k in range(axis.kernel)]
        axes.append(
            DirectAxis(
                kernel=axis.kernel,
                taps_at=table.append_records(taps),
                y_step=axis.stretch * y_step,
                x_step=axis.stride * x_step,
                weight_step=weight_step,
            )
        )
        y_step *= axis.output
    head = DirectHead(
        channels=g.channels // g.groups,
        out_channels=g.out_channels // g.groups,
        groups=g.groups,
        outputs=y_step,
        x_base=x.base,
        x_batch=x.steps[0],
        x_channel=x.steps[1],
        weight_base=weights.base,
        weight_group=weights.group,
        weight_row=weights.row,
        weight_channel=weights.channel,
    )
    dtype, tasks, nanoseconds = problem.dtype, g.batch * g.out_channels, direct_nanoseconds(problem)
    kernel = conv_direct.bind(problem.x_dtype, dtype, dtype, dtype, np.int64)
    small = nanoseconds < PARALLEL_NANOSECONDS
    run = partial(kernel.run_serial, tasks) if small else partial(kernel.run, tasks, nanoseconds)
    return UnpackedPlan(
        run_kernel=run,
        table=table.finish([head, *reversed(axes)]),
        no_bias=np.empty(0, dtype),
        tasks=tasks,
        nanoseconds=nanoseconds,
        summary=f"{tasks} images of {y_step} outputs, tap by tap",
    )


def _tap(axis: Axis, k: int, y_step: int, x_step: int) -> DirectTap:
    """Output o and tap k meet at position o stride + k dilation - before, which is `stretch` times an input element."""
    shift, last = k * axis.dilation - axis.before, (axis.size - 1) * axis.stretch
    outputs = range(-shift % axis.stretch, axis.output, axis.stretch)  # stride or stretch is 1
    positions = [o * axis.stride + shift for o in outputs]
    first, end = bisect_left(positions, 0), bisect_right(positions, last)
    everywhere = DirectTap(0, 0, 0, len(outputs), outputs[0] * y_step if outputs else 0, 0)
    if end <= first:
        return everywhere
    return everywhere._replace(
        outputs=end - first,
        y_at=outputs[first] * y_step,
        x_at=positions[first] // axis.stretch * x_step,
        skipped=first,
    )
