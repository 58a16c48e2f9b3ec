"""Plans of poolings: how the output is cut, where each tap stands, and what each average is divided by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from fastconv.jit.kernel import Bound, Kernel
from fastconv.jit.machine import machine
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

__all__ = ["PoolPlan", "least_value", "plan_slab"]

#: Nanoseconds, for estimates only: combining one element with another, and noting where the greater one stands too.
COMBINE_COST, PLACE_COST = 0.12, 2.5
#: Nanoseconds, for estimates only: gathering an element into a slab, a line of the slab, and a slab.
GATHER_COST, LINE_COST, TASK_COST = 0.8, 20, 300
#: Nanoseconds that a task should not take: until it is over Python sees no Ctrl-C.
LONGEST_TASK = 100_000_000


@dataclass(frozen=True)
class PoolPlan:
    """All that a pooling kernel needs beside the values.

    Attributes
    ----------
    kernel : Bound
        What reduces.
    table : ndarray of int64
        Its records and their lists.
    settings : ndarray
        What padding counts as, in the type in which windows are reduced, and what else the kernel needs of that type.
    tasks : int
        Number of tasks.
    nanoseconds : float
        Their rough time on one thread.
    summary : str
        The choice in words.
    """

    kernel: Bound
    table: np.ndarray
    settings: np.ndarray
    tasks: int
    nanoseconds: float
    summary: str

    def run(self, x: np.ndarray, *results: np.ndarray) -> None:
        """Write the values, and the indices where they are wanted, into contiguous arrays."""
        self.kernel.run(self.tasks, self.nanoseconds, x, *results, self.settings, self.table)


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


def _plan_slab(problem: Problem, kernel: Kernel, fill: np.ndarray) -> PoolPlan:
    g = problem.geometry.lift()
    windows = [Windows(axis) for axis in g.axes]
    images = g.batch * g.channels
    blocks = _blocks(windows, problem.indices, fill.itemsize, images)
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
        settings=fill,
        tasks=tasks,
        nanoseconds=tasks * blocks.nanoseconds,
        summary=f"{blocks}, {sum(g.kernel_size)} shifts of each",
    )


def _blocks(windows: Sequence[Windows], places: bool, element_bytes: int, images: int) -> Blocks:
    """The blocks of least cost, by what the three passes combine; their `slab` is all that these work on."""
    combine_cost = PLACE_COST if places else COMBINE_COST
    element_bytes += 4 * places  # with each value the number of its tap
    kernel_d, kernel_h, kernel_w = (w.axis.kernel for w in windows)
    phases_d, phases_h, phases_w = (len(w.phases) for w in windows)

    def measure(sizes: tuple[int, ...]) -> Blocks:
        d, h, w = (size + axis.reach for size, axis in zip(sizes, windows, strict=True))
        second = d * h * w * phases_d
        first = second * phases_h
        slab = first * phases_w
        combined = first * kernel_w + second // h * sizes[1] * kernel_h + sizes[0] * sizes[1] * w * kernel_d
        nanoseconds = slab * GATHER_COST + slab // w * LINE_COST + combined * combine_cost + TASK_COST
        return Blocks.of(windows, sizes, prod(sizes), slab + first + second, nanoseconds)

    def cost(blocks: Blocks) -> float:
        count = prod(blocks.counts)
        total = blocks.nanoseconds * count * (1 + blocks.nanoseconds / LONGEST_TASK)
        if blocks.slab * element_bytes > machine().slab_bytes:
            total *= 2  # elements come from behind the cache, again in each pass
        # Threads end together only if there are many tasks: n tasks on several threads cost about 1/n more.
        return total * (1 + 1 / max(1, count * images))

    return min(map(measure, candidates([w.numbers for w in windows])), key=cost)
