"""Plans of kernels that add and subtract inputs before they multiply, or leave out products with zeros: they look out
for infinities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from fastconv.jit.kernel import Kernel
from fastconv.lazy import lazy
from fastconv.plan.problem import Problem
from fastconv.plan.spread import plan_spread
from fastconv.plan.weights import Packing
from fastconv.plan.within import PackingPlan

__all__ = ["CarefulPacking", "CarefulPackingPlan", "CarefulPlan", "Transformed", "WithPlain"]


class Transformed(NamedTuple):
    """Weights as the kernel reads them, and as they came, for what the kernel leaves to another."""

    weights: np.ndarray
    plain: np.ndarray


class CarefulPacking(Protocol):
    """How weights are laid out, so that they are there as they came, too."""

    @property
    def layout(self) -> str:
        """Equal layouts give equal results for equal weights."""

    @property
    def nanoseconds(self) -> float:
        """The rough time on one thread."""

    def run(self, weight: np.ndarray) -> Transformed:
        """The weights."""


@dataclass(frozen=True)
class WithPlain:
    """Another packing, whose weights are there as they came, too."""

    packing: Packing

    @property
    def layout(self) -> str:
        """Equal layouts give equal results for equal weights."""
        return self.packing.layout

    @property
    def nanoseconds(self) -> float:
        """Their rough time on one thread."""
        return self.packing.nanoseconds

    def run(self, weight: np.ndarray) -> Transformed:
        """The packed weights, and those that were given."""
        return Transformed(self.packing.run(weight), weight)


@dataclass(frozen=True)
class CarefulPlan:
    """All that such a kernel needs beside the values.

    Attributes
    ----------
    kernel : Kernel
        What sums.
    packing : CarefulPacking
        How it wants the weights.
    table : ndarray of int64
        Its records and their lists.
    offsets : ndarray of int64
        For each depth, the place of its numbers.
    tasks : int
        Number of tasks.
    nanoseconds : float
        Their rough time on one thread.
    problem : Problem
        What is computed.
    summary : str
        The choice in words.
    """

    kernel: Kernel
    packing: CarefulPacking
    table: np.ndarray
    offsets: np.ndarray
    tasks: int
    nanoseconds: float
    problem: Problem
    summary: str

    def run(self, x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None, y: np.ndarray) -> None:
        """Write the result into the contiguous `y`."""
        self.run_packed(x, self.packing.run(weight), bias, y)

    def run_packed(self, x: np.ndarray, packed: Transformed, bias: np.ndarray | None, y: np.ndarray) -> None:
        """As `run`, with weights that `packing` has transformed."""
        self._run(x, packed, bias, y)

    def _run(
        self, x: np.ndarray, packed: Transformed, bias: np.ndarray | None, y: np.ndarray, *more: np.ndarray
    ) -> None:
        """Run the kernel, which takes `more` at the end, and what is careful where its results are strange."""
        strange = np.empty(self.tasks, np.int64)
        start = np.empty(0, y.dtype) if bias is None else bias
        self.kernel.run(
            self.tasks, self.nanoseconds, x, packed.weights, start, y, self.table, self.offsets, strange, *more
        )  # fmt: skip
        if strange.any():
            self.careful.run(x, packed.plain, bias, y)

    @lazy
    def careful(self) -> PackingPlan:
        """What does all over again where an output is infinite or not a number.

        Differences of infinities would spread over the outputs beside it, and an infinite weight times a zero that is
        left out is not a number.
        """
        return plan_spread(self.problem)


@dataclass(frozen=True)
class CarefulPackingPlan(CarefulPlan):
    """One whose kernel takes weights packed or not: what `fastconv.plan.within.PackingPlan` is to others.

    Attributes
    ----------
    packs : bool
        Whether it packs them itself.
    steps : ndarray of int64
        Where plain weights stand; the kernel takes none of it for packed ones.
    more : tuple of ndarray
        What it takes behind that.
    """

    packs: bool
    steps: np.ndarray
    more: tuple[np.ndarray, ...] = ()

    def run(self, x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None, y: np.ndarray) -> None:
        """Write the result into the contiguous `y`."""
        if self.packs:
            self._run(x, Transformed(weight, weight), bias, y, self.steps, *self.more)
        else:
            super().run(x, weight, bias, y)

    def run_packed(self, x: np.ndarray, packed: Transformed, bias: np.ndarray | None, y: np.ndarray) -> None:
        """As `run`, with weights that `packing` has packed."""
        self._run(x, packed, bias, y, self.steps[:0], *self.more)
