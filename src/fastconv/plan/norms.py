"""Plans of p-norms as sums of powers, and of what their gradients do to each number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from fastconv.jit.kernel import Kernel
from fastconv.kernels.norms import NORM_BLOCK, raise_to_power, take_roots
from fastconv.kernels.window_rows import MOST_PRODUCTS
from fastconv.plan.layout import memory_order, settled, strides_in
from fastconv.plan.problem import Problem

__all__ = ["PowerSums", "plan_power_sums", "refuse_power_sums", "run_norms"]

#: Nanoseconds, for estimates only: a number's products, or its power, a root of second or third degree, and a kernel.
PRODUCT_COST, POWER_COST, ROOT_COST, KERNEL_COST = 0.4, 20.0, 2.0, 3000.0


@dataclass(frozen=True)
class PowerSums:
    """Powers of all numbers, sums of windows of these, and roots of the sums.

    Attributes
    ----------
    sums : object
        The plan of the sums.
    p : float
        The exponent.
    nanoseconds : float
        Rough time on one thread.
    summary : str
        The choice in words.
    """

    sums: Any
    p: float
    nanoseconds: float
    summary: str

    @property
    def tasks(self) -> int:
        """Number of tasks of the sums; powers and roots are taken in tasks of their own."""
        return int(self.sums.tasks)

    def run(self, x: np.ndarray, y: np.ndarray) -> None:
        """Write the norms."""
        powers = np.empty_like(x)
        run_norms(raise_to_power, self.p, x, powers)
        self.sums.run(powers, y)
        run_norms(take_roots, self.p, y)


def refuse_power_sums(problem: Problem) -> str | None:
    """Why numbers cannot be taken as they follow each other in memory, if they cannot."""
    g, itemsize = problem.geometry, problem.dtype.itemsize
    arrays = (("input", g.input_shape, problem.x_strides), ("result", g.output_shape, problem.y_strides))
    for what, shape, strides in arrays:
        dense = strides_in(memory_order(shape, strides), shape, itemsize) if strides else ()
        if strides and settled(shape, strides, itemsize) != settled(shape, dense, itemsize):
            return f"there are gaps between elements of the {what}"
    return None


def plan_power_sums(problem: Problem, plan_sums: Callable[[Problem], Any]) -> PowerSums:
    """Plan the sums as those of averages are."""
    g = problem.geometry
    sums = plan_sums(replace(problem, op="avg_pool", norm=1.0, divisor=1))
    outputs = prod(g.output_shape)
    nanoseconds = prod(g.input_shape) * _cost(problem.norm) + outputs * ROOT_COST + 2 * KERNEL_COST
    if problem.norm not in (1, 2, 3):
        nanoseconds += outputs * POWER_COST
    return PowerSums(sums, problem.norm, nanoseconds + sums.nanoseconds, f"sums of powers: {sums.summary}")


def run_norms(kernel: Kernel, p: float, *arrays: np.ndarray) -> None:
    """Run a kernel on arrays without gaps that lie alike and have one dtype; the last of them takes the result."""
    size, dtype = arrays[0].size, arrays[0].dtype
    kernel.run(-(-size // NORM_BLOCK), size * _cost(p), *arrays, np.array([p], dtype))


def _cost(p: float) -> float:
    return PRODUCT_COST if 2 * p == int(2 * p) and 1 <= p <= MOST_PRODUCTS else POWER_COST
