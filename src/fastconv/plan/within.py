"""Plans whose kernels may pack weights themselves, in the task that uses them.

Packed before a kernel runs, weights are written to memory and read back from there, and where many channels meet few
pixels that takes as long as the sums. What a task packs stays in its second-level cache, but each task does it anew.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fastconv.plan.problem import Problem
from fastconv.plan.products import ConvPlan
from fastconv.plan.weights import PACK_COST, PACK_WITHIN_COST

__all__ = ["PackingPlan", "packing_plan"]


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
    packing = replace(plan.packing, cost=_pack_cost(problem, promised_uses))
    return PackingPlan(**vars(replace(plan, packing=packing)), packs=_pack_cost(problem, uses) < PACK_COST)


def _pack_cost(problem: Problem, uses: int) -> float:
    """Nanoseconds to pack a weight, before the kernel runs or at each use.

    Not where phases take turns: each reads all lines of the cache in which some of its weights stand.
    """
    in_turn = any(axis.stretch > 1 for axis in problem.geometry.axes)
    return PACK_COST if problem.narrow or in_turn else min(PACK_COST, uses * PACK_WITHIN_COST)
