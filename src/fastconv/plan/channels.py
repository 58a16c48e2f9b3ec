"""Plans of depthwise convolutions whose lanes are the channels of channels-last arrays."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import prod

import numpy as np

from fastconv.geometry import Axis, source_index
from fastconv.jit.machine import machine
from fastconv.kernels.activation import activation_number
from fastconv.kernels.channels import (
    CHANNELS_TABLE,
    ROW_WINDOWS,
    ChannelsAxis,
    ChannelsHead,
    channels_products,
)
from fastconv.kernels.turned import FEW_PIXELS, PIXELS
from fastconv.plan.problem import Problem
from fastconv.plan.table import Table
from fastconv.plan.unpacked import UnpackedPlan

__all__ = ["ChannelsPlan", "plan_channels", "refuse_channels"]

#: Nanoseconds, for estimates only: to reduce a vector of channels by one tap, in a row of pixels that share what they
#: load or alone at its ends, and to begin with a row of outputs.
TAP_COST, SHARED_COST, ALONE_COST, ROW_COST = 0.4, 0.17, 0.8, 100.0
#: Most numbers of a task, windows counted with their taps: some milliseconds, since Python sees no Ctrl-C until then.
MOST_NUMBERS = 4_000_000


@dataclass(frozen=True)
class TapsPacking:
    """How weights (C, 1, *kernel) are laid out: [tap, channel].

    Attributes
    ----------
    mirrored : bool
        The first tap of a window takes the last weight.
    nanoseconds : float
        Their rough time.
    """

    mirrored: bool
    nanoseconds: float

    @property
    def layout(self) -> str:
        """Equal layouts give equal results for equal weights."""
        return f"[tap, channel] mirrored={self.mirrored}"

    def run(self, weight: np.ndarray) -> np.ndarray:
        """The packed weights."""
        taps = weight.reshape(len(weight), -1).T
        return np.ascontiguousarray(taps[::-1] if self.mirrored else taps)


@dataclass(frozen=True, slots=True)
class ChannelsPlan(UnpackedPlan):
    """As its base, for weights that are packed.

    Attributes
    ----------
    packing : TapsPacking
        How it wants the weights.
    """

    packing: TapsPacking

    def run(self, x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None, y: np.ndarray) -> None:
        """Pack the weight and run."""
        self.run_packed(x, self.packing.run(weight), bias, y)

    def run_packed(self, x: np.ndarray, packed: np.ndarray, bias: np.ndarray | None, y: np.ndarray) -> None:
        """As `run`, with weights that `packing` has packed."""
        self.run_kernel(x, packed, self.no_bias if bias is None else bias, y, self.table)


def refuse_channels(problem: Problem) -> str | None:
    """Why channels cannot be the lanes, if they cannot."""
    g, x_step, y_step = problem.geometry, problem.x_steps().steps[1], problem.y_steps().steps[1]
    if not problem.x_last or x_step != 1 or (y_step != 1 and g.out_channels > 1):
        return "its lanes are channels that stand beside each other, in input and result"
    if g.out_channels != g.groups or g.channels != g.groups:
        return f"it takes one channel to one, not {g.channels // g.groups} to {g.out_channels // g.groups}"
    if any(axis.stretch > 1 for axis in g.axes):
        return "it stretches no input"
    allowed = ("float32", "float64", "int32", "int64")
    if problem.dtype.name not in allowed or problem.x_dtype != problem.dtype:
        return f"it sums {', '.join(allowed)}, not {problem.x_dtype} to {problem.dtype}"
    return None


def plan_channels(problem: Problem) -> ChannelsPlan:
    """Write down where the taps of each window stand."""
    g, x, y = problem.geometry.lift(), problem.x_steps(), problem.y_steps()
    table = Table(CHANNELS_TABLE)
    axes, sources = [], []
    for axis, x_step, y_step in zip(g.axes, x.steps[2:], y.steps[2:], strict=True):
        found = _sources(axis, g.padding_mode)
        sources.append(found)
        sources_at = table.append(found.reshape(-1))
        axes.append(ChannelsAxis(axis.output, axis.kernel, x_step, y_step, axis.stride * x_step, sources_at))
    last = g.axes[-1]
    first, end = _inside(last)
    taps = prod(g.kernel_size)
    start, window = np.zeros(1, problem.dtype), _row_window(problem)
    kernel = channels_products[window, problem.activation is not None]
    vectors = -(-g.channels * start.itemsize // machine().vector_bytes)
    block = max(1, min(last.output, MOST_NUMBERS // (taps * vectors)))
    blocks = -(-last.output // block)
    head = ChannelsHead(
        g.channels, x.base, x.steps[0], y.base, y.steps[0], block, blocks, first, end,
        activation_number(problem.activation),
    )  # fmt: skip
    tasks = g.batch * prod(g.output_size[:-1]) * blocks
    tap_costs = block * TAP_COST if window is None else _row_costs(last.output, end - first) / blocks
    nanoseconds = tasks * (ROW_COST + vectors * taps * tap_costs)
    return ChannelsPlan(
        run_kernel=partial(
            kernel.bind(problem.x_dtype, start.dtype, start.dtype, problem.dtype, np.int64).run, tasks, nanoseconds
        ),
        packing=TapsPacking(problem.mirrored, 2000.0 + g.channels * taps),
        no_bias=start,
        table=table.finish([head, *axes]),
        tasks=tasks,
        nanoseconds=nanoseconds,
        summary=f"rows of {block} pixels, {vectors} vectors of channels, {taps} taps each",
    )


def _row_window(problem: Problem) -> tuple[int, int] | None:
    """The columns of a window and their step, if tiles of a row of pixels know them."""
    last = problem.geometry.axes[-1]
    window = last.kernel, last.stride
    return window if last.dilation == 1 and window in ROW_WINDOWS else None


def _row_costs(outputs: int, inside: int) -> float:
    """Nanoseconds for a tap of all outputs of a row, those inside by tiles of a row where they fill one."""
    shared = -(-inside // PIXELS) * PIXELS * SHARED_COST if inside >= FEW_PIXELS else inside * TAP_COST
    return shared + (outputs - inside) * ALONE_COST


def _sources(axis: Axis, mode: str) -> np.ndarray:
    """The input element of each output and tap, -1 where there is none."""
    starts = np.arange(axis.output)[:, None] * axis.stride - axis.before
    positions = starts + np.arange(axis.kernel) * axis.dilation
    inside = (positions >= 0) & (positions < axis.size)
    if mode == "zeros":
        return np.where(inside, positions, -1)
    outside = [source_index(int(p), axis.size, mode) for p in positions[~inside]]
    found = positions.copy()
    found[~inside] = outside
    return found


def _inside(axis: Axis) -> tuple[int, int]:
    """The first output whose window lies in the input, and the one behind the last."""
    first = -(-axis.before // axis.stride) if axis.before > 0 else 0
    end = (axis.size + axis.before - axis.extent) // axis.stride + 1
    return min(first, axis.output), max(0, min(end, axis.output))
