"""Plans of poolings: how the output is cut, where each tap stands, and what each average is divided by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from fastconv.jit.kernel import Bound, Kernel
from fastconv.jit.machine import machine
from fastconv.kernels.pool_rows import (
    ROW_POOL_TABLE,
    RowPoolAxis,
    RowPoolHead,
    avg_pool_rows,
    avg_pool_rows_truncated,
    max_pool_rows,
)
from fastconv.kernels.pool_slab import (
    SLAB_POOL_TABLE,
    SlabPoolAxis,
    SlabPoolHead,
    avg_pool_slab,
    avg_pool_slab_truncated,
    max_pool_indices,
    max_pool_slab,
)
from fastconv.plan.blocks import Blocks, candidates
from fastconv.plan.problem import Problem
from fastconv.plan.table import Table
from fastconv.plan.windows import Windows, slab_axes

__all__ = ["PoolPlan", "least_value", "plan_rows", "plan_slab"]

#: Nanoseconds, for estimates only: combining one element with another, and a piece of a row read in place.
COMBINE_COST, ROW_COST = 0.12, 120
#: Nanoseconds, for estimates only: gathering an element into a slab, a line of the slab, and a slab.
GATHER_COST, LINE_COST, TASK_COST = 0.8, 20, 300
#: Nanoseconds that a task should not take: until it is over Python sees no Ctrl-C.
LONGEST_TASK = 100_000_000
#: Outputs of a piece of a row: its input, in the widest type and at stride 2, still fits a first-level cache of 32 KiB.
LONGEST_ROW = 1024


@dataclass(frozen=True)
class PoolPlan:
    """All that a pooling kernel needs beside the values.

    Attributes
    ----------
    kernel : Bound
        What reduces.
    table : ndarray of int64
        Its records and their lists.
    fill : ndarray
        One element: what padding counts as, in the type in which windows are reduced.
    tasks : int
        Number of tasks.
    nanoseconds : float
        Their rough time on one thread.
    summary : str
        The choice in words.
    """

    kernel: Bound
    table: np.ndarray
    fill: np.ndarray
    tasks: int
    nanoseconds: float
    summary: str

    def run(self, x: np.ndarray, *results: np.ndarray) -> None:
        """Write the values, and the indices where they are wanted, into contiguous arrays."""
        self.kernel.run(self.tasks, self.nanoseconds, x, *results, self.fill, self.table)


def plan_rows(problem: Problem) -> PoolPlan:
    """Plan a pooling that reads the rows of the input in place."""
    return _plan_rows(problem, *_reduction(problem, max_pool_rows, avg_pool_rows, avg_pool_rows_truncated))


def plan_slab(problem: Problem) -> PoolPlan:
    """Plan a pooling of gathered images."""
    maximum = max_pool_indices if problem.indices else max_pool_slab
    return _plan_slab(problem, *_reduction(problem, maximum, avg_pool_slab, avg_pool_slab_truncated))


def least_value(dtype: np.dtype) -> np.ndarray:
    """What maxima begin with: one element, that no other is below."""
    return np.array([-np.inf if dtype.kind == "f" else np.iinfo(dtype).min], dtype)


def _reduction(problem: Problem, maximum: Kernel, mean: Kernel, truncated: Kernel) -> tuple[Kernel, np.ndarray]:
    """The kernel that a problem needs, and what padding counts as: one element of the type that is reduced.

    Floats are summed in the result's type, whole numbers exactly in 64 bits.
    """
    given, result = problem.x_dtype, problem.dtype
    if problem.op == "max_pool":
        return maximum, least_value(result)
    if given.kind == "f":
        return mean, np.zeros(1, result)
    sums = np.zeros(1, np.uint64 if given == np.uint64 else np.int64)
    return (mean if result.kind == "f" else truncated), sums


def _bind(problem: Problem, kernel: Kernel, fill: np.ndarray) -> Bound:
    results = (problem.dtype, np.int64) if problem.indices else (problem.dtype,)
    return kernel.bind(problem.x_dtype, *results, fill.dtype, np.int64)


def _plan_rows(problem: Problem, kernel: Kernel, fill: np.ndarray) -> PoolPlan:
    g = problem.geometry.lift()
    x = problem.x_steps()
    outputs = g.output_size
    blocks = -(-outputs[-1] // LONGEST_ROW)
    table = Table(ROW_POOL_TABLE)
    axes = [
        RowPoolAxis(
            size=a.size,
            step=step,
            outputs=a.output,
            kernel=a.kernel,
            stride=a.stride,
            dilation=a.dilation,
            before=a.before,
            counts_at=table.append(a.window_sizes(count_padding=problem.count_include_pad)),
        )
        for a, step in zip(g.axes, x.steps[2:], strict=True)
    ]
    head = RowPoolHead(
        channels=g.channels,
        x_base=x.base,
        x_batch=x.steps[0],
        x_channel=x.steps[1],
        block=-(-outputs[-1] // blocks),
        blocks=blocks,
        divisor=problem.divisor or 0,
    )
    lines = g.batch * g.channels * prod(outputs[:-1])
    k_d, k_h, k_w = g.kernel_size
    reach = (head.block - 1) * g.axes[-1].stride + g.axes[-1].extent
    combined = k_d * k_h * min(g.input_size[-1], reach) + k_w * head.block
    return PoolPlan(
        kernel=_bind(problem, kernel, fill),
        table=table.finish([head, *axes]),
        fill=fill,
        tasks=lines * blocks,
        nanoseconds=lines * blocks * (ROW_COST + combined * COMBINE_COST),
        summary=f"{lines} rows of outputs in {blocks} pieces, {k_d * k_h} input rows and {k_w} shifts each",
    )


def _plan_slab(problem: Problem, kernel: Kernel, fill: np.ndarray) -> PoolPlan:
    g = problem.geometry.lift()
    windows = [Windows(axis) for axis in g.axes]
    images = g.batch * g.channels
    blocks = _blocks(windows, fill.itemsize + 4 * problem.indices, images)  # with each value the number of its tap
    x = problem.x_steps()
    table = Table(SLAB_POOL_TABLE)
    slabs = slab_axes(table, windows, blocks.sizes, x.steps[2:], g.padding_mode)
    axes = [
        SlabPoolAxis(
            size=w.axis.output,
            block=block,
            blocks=count,
            kernel=w.axis.kernel,
            stride=w.axis.stride,
            dilation=w.axis.dilation,
            before=w.axis.before,
            places_at=table.append_records((place.phase, place.place) for place in w.places[0]),
            counts_at=table.append(w.axis.window_sizes(count_padding=problem.count_include_pad)),
        )
        for w, block, count in zip(windows, blocks.sizes, blocks.counts, strict=True)
    ]
    tasks = images * prod(blocks.counts)
    return PoolPlan(
        kernel=_bind(problem, kernel, fill),
        table=table.finish(
            [SlabPoolHead(g.channels, x.base, x.steps[0], x.steps[1], problem.divisor or 0), *slabs, *axes]
        ),
        fill=fill,
        tasks=tasks,
        nanoseconds=tasks * blocks.nanoseconds,
        summary=f"{blocks}, {sum(g.kernel_size)} shifts of each",
    )


def _blocks(windows: Sequence[Windows], element_bytes: int, images: int) -> Blocks:
    """The blocks of least cost, by what the three passes combine; their `slab` is all that these work on."""
    kernel_d, kernel_h, kernel_w = (w.axis.kernel for w in windows)
    phases_d, phases_h, phases_w = (len(w.phases) for w in windows)

    def measure(sizes: tuple[int, ...]) -> Blocks:
        d, h, w = (size + axis.reach for size, axis in zip(sizes, windows, strict=True))
        second = d * h * w * phases_d
        first = second * phases_h
        slab = first * phases_w
        combined = first * kernel_w + second // h * sizes[1] * kernel_h + sizes[0] * sizes[1] * w * kernel_d
        nanoseconds = slab * GATHER_COST + slab // w * LINE_COST + combined * COMBINE_COST + TASK_COST
        return Blocks.of(windows, sizes, prod(sizes), slab + first + second, nanoseconds)

    def cost(blocks: Blocks) -> float:
        count = prod(blocks.counts)
        total = blocks.nanoseconds * count * (1 + blocks.nanoseconds / LONGEST_TASK)
        if blocks.slab * element_bytes > machine().slab_bytes:
            total *= 2  # elements come from behind the cache, again in each pass
        # Threads end together only if there are many tasks: n tasks on several threads cost about 1/n more.
        return total * (1 + 1 / max(1, count * images))

    return min(map(measure, candidates([w.numbers for w in windows])), key=cost)
