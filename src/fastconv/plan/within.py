"""Plans whose kernels may pack weights themselves, in the task that uses them.

Packed before a kernel runs, weights are written to memory and read back from there, and where many channels meet few
pixels that takes as long as the sums. What a task packs stays in its second-level cache, but each task does it anew.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf

import numpy as np

from fastconv.jit.machine import machine
from fastconv.plan.problem import Problem
from fastconv.plan.products import ConvPlan
from fastconv.plan.weights import takes_turns

__all__ = ["PackingPlan", "pack_within_cost", "packing_plan"]

#: Nanoseconds, for estimates only, to pack a weight in a task that uses it right away and whose cache holds it, by how
#: many vectors a CPU can multiply in a cycle (as `VECTOR_COST`). On a Zen 4 a call of 1024 channels to 256 on 14 x 14
#: pixels, which would pack each weight four times, takes 0.93 of the time (2 threads 0.95) if it packs them before.
PACK_WITHIN_COST = {2: 0.06, 1: 0.2}


@dataclass(frozen=True)
class PackingPlan(ConvPlan):
    """A plan whose kernel takes weights packed or not.

    Attributes
    ----------
    packs : bool
        Whether it packs them itself.
    """

    packs: bool

    def run(self, x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None, y: np.ndarray) -> None:
        """Write the result into the contiguous `y`."""
        if self.packs:
            self._run(x, weight, bias, y, self.packing.steps)
        else:
            super().run(x, weight, bias, y)

    def run_packed(self, x: np.ndarray, packed: np.ndarray, bias: np.ndarray | None, y: np.ndarray) -> None:
        """As `run`, with weights that `packing` has packed."""
        self._run(x, packed, bias, y, self.packing.steps[:0])

    def _run(
        self, x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None, y: np.ndarray, steps: np.ndarray
    ) -> None:
        start = np.empty(0, y.dtype) if bias is None else bias
        self.kernel.run(
            self.tasks, self.nanoseconds, x, weight, start, y, self.table, self.offsets, steps, self.packing.offsets
        )  # fmt: skip


def packing_plan(plan: ConvPlan, problem: Problem, uses: int, promised_uses: int) -> PackingPlan:
    """The plan of a kernel that would pack each weight `uses` times, and `promised_uses` on one thread."""
    before = plan.packing.cost
    packing = replace(plan.packing, cost=min(before, pack_within_cost(problem, promised_uses)))
    return PackingPlan(**vars(replace(plan, packing=packing)), packs=pack_within_cost(problem, uses) < before)


def pack_within_cost(problem: Problem, uses: int) -> float:
    """Nanoseconds to pack a weight in each of so many tasks; where there are phases, theirs are packed together."""
    if problem.narrow or takes_turns(problem):
        return inf
    return uses * PACK_WITHIN_COST[machine().products_per_cycle]
