"""Plans of convolutions of images that are one window each, and of transposed ones of single positions, by weights
where they stand."""

from __future__ import annotations

from functools import partial
from math import prod

import numpy as np

from fastconv.jit.kernel import Kernel
from fastconv.jit.machine import machine
from fastconv.kernels.activation import activation_number
from fastconv.kernels.unpacked import (
    POSITION_TABLE,
    ROWS,
    WINDOW_TABLE,
    PositionHead,
    WindowHead,
    unpacked_positions,
    unpacked_windows,
)
from fastconv.plan.problem import Problem
from fastconv.plan.single import refuse_single
from fastconv.plan.table import Table
from fastconv.plan.unpacked import UnpackedPlan
from fastconv.plan.weights import weights_of

__all__ = ["plan_one_window", "refuse_one_window"]

#: Nanoseconds, for estimates only: to load a vector of weights; to multiply one by an image, in dot products and where
#: sums are loaded and stored for it; for a result; and for a group.
LOAD_COST, PRODUCT_COST, ADD_COST, RESULT_COST, GROUP_COST = 1.2, 0.37, 0.55, 1.5, 80.0
#: Most bytes of the sums of a task. Of 1024 channels to 512 with 4x4 taps 4 KiB take 1.25 times as long, 64 KiB with 4
#: images 1.5 times (1 thread, Zen 4).
SUMS_BYTES = 1 << 14
#: Most weights of a row of which one sum is made: of 25088 in float32 the error is 5e-7 of the largest result then, in
#: one sum 8e-7.
CHUNK = 8192


def refuse_one_window(problem: Problem) -> str | None:
    """Why it cannot serve, if so."""
    if problem.dtype.kind != "f" or problem.x_dtype != problem.dtype or not machine().masked_loads:
        return "it multiplies floats, a part of a vector at a time"
    return refuse_single(problem)


def plan_one_window(problem: Problem) -> UnpackedPlan:
    """Cut the weights into runs."""
    return _plan_positions(problem) if problem.op == "conv_transpose" else _plan_windows(problem)


def _plan_windows(problem: Problem) -> UnpackedPlan:
    g, itemsize = problem.geometry, problem.dtype.itemsize
    x, weights = problem.x_steps(), weights_of(problem)
    depth, outputs = g.channels // g.groups * prod(g.kernel_size), g.out_channels // g.groups
    lanes = machine().vector_bytes // itemsize
    chunk = min(depth, CHUNK, max(16 * lanes, machine().slab_bytes // (itemsize * max(1, g.batch)) // lanes * lanes))
    block = _block(problem, outputs, ROWS, max(ROWS, SUMS_BYTES // (machine().vector_bytes * max(1, g.batch))))
    table = Table(WINDOW_TABLE)
    head = WindowHead(
        batch=g.batch,
        groups=g.groups,
        out_channels=outputs,
        block=block,
        depth=depth,
        chunk=chunk,
        x_base=x.base,
        x_group=g.channels // g.groups * x.steps[1],
        images_at=table.append(np.arange(g.batch) * x.steps[0]),
        weight_base=weights.base,
        weight_row=weights.row,
        activation=activation_number(problem.activation),
    )
    tasks = g.groups * -(-outputs // block)
    return _plan(problem, unpacked_windows, table.finish([head]), tasks, f"{block} output channels")


def _plan_positions(problem: Problem) -> UnpackedPlan:
    g, itemsize = problem.geometry, problem.dtype.itemsize
    x, weights = problem.x_steps(), weights_of(problem)
    taps = prod(g.kernel_size)
    columns = g.out_channels // g.groups * taps
    lanes = machine().vector_bytes // itemsize
    block = _block(problem, columns, lanes, max(16 * lanes, SUMS_BYTES // (itemsize * max(1, g.batch))))
    table = Table(POSITION_TABLE)
    head = PositionHead(
        batch=g.batch,
        groups=g.groups,
        channels=g.channels // g.groups,
        columns=columns,
        taps=taps,
        block=block,
        x_base=x.base,
        x_batch=x.steps[0],
        x_channel=x.steps[1],
        weight_base=weights.base
        + sum((k - 1) * step for k, step in zip(g.lift().kernel_size, weights.taps, strict=True)),
        weight_row=weights.channel,
        activation=activation_number(problem.activation),
    )
    tasks = g.groups * -(-columns // block)
    return _plan(problem, unpacked_positions, table.finish([head]), tasks, f"{block} results of an image")


def _block(problem: Problem, count: int, step: int, most: int) -> int:
    """How many of `count` a task takes, of at most so many: a multiple of `step`, and as many for each thread."""
    shares = -(-problem.threads // problem.geometry.groups)
    tasks = -(-count // (most * shares)) * shares
    return max(step, -(-count // (tasks * step)) * step)


def _plan(problem: Problem, kernel: Kernel, table: np.ndarray, tasks: int, words: str) -> UnpackedPlan:
    nanoseconds, dtype = _nanoseconds(problem), problem.dtype
    bound = kernel.bind(dtype, dtype, dtype, dtype, np.int64)
    return UnpackedPlan(
        run_kernel=partial(bound.run, tasks, nanoseconds),
        table=table,
        no_bias=np.empty(0, dtype),
        tasks=tasks,
        nanoseconds=nanoseconds,
        summary=f"{tasks} tasks of {words}, weights where they stand",
    )


def _nanoseconds(problem: Problem) -> float:
    """Rough time of all products on one thread."""
    g, lanes = problem.geometry, machine().vector_bytes // problem.dtype.itemsize
    results, depth = prod(g.output_shape[1:]), prod(g.input_shape[1:]) // g.groups
    if problem.op == "conv_transpose":
        vectors, cost = -(-results // lanes) * depth, ADD_COST
    else:
        vectors, cost = results * -(-depth // lanes), PRODUCT_COST
    products = vectors * (LOAD_COST + g.batch * cost)
    return g.groups * GROUP_COST + products + g.batch * results * RESULT_COST
