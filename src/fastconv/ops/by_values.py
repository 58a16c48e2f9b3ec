"""Calls on whole numbers, which are decided once their values are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import prod

import numpy as np

from fastconv.geometry import Geometry
from fastconv.ops.arguments import Form
from fastconv.ops.arithmetic import Arithmetic
from fastconv.ops.calls import Call
from fastconv.ops.dtypes import Held, are_whole, held_by
from fastconv.ops.values import Ends, ends_of, ends_of_dtype, held_as, some_of

__all__ = ["ByValues", "depends_on_values"]

Decide = Callable[[Sequence[Held]], Arithmetic]

#: Products of a call from which on it pays to look at its values, as to decide takes some 20 microseconds more; and
#: products for each value: those of 64-bit numbers take 0.043 ns each, to look at a value takes 0.13 (Zen 4).
LEAST_PRODUCTS, LEAST_USES = 2_000_000, 32
#: Most decisions that calls of one kind remember.
MOST_DECIDED = 256


def depends_on_values(operands: Sequence[Form], result: np.dtype, geometry: Geometry) -> bool:
    """Whether factors may hold less than their dtypes do, and it pays to look."""
    dtypes = [operand.dtype for operand in operands]
    return (
        are_whole([held_by(dtype) for dtype in dtypes], result)
        and any(dtype.itemsize > 1 for dtype in dtypes[:2])
        and geometry.products >= max(LEAST_PRODUCTS, LEAST_USES * sum(prod(factor.shape) for factor in operands[:2]))
    )


@dataclass(frozen=True, slots=True)
class ByValues:
    """Calls of one kind, of which values choose.

    Attributes
    ----------
    dtypes : tuple of numpy.dtype
        Of the operands.
    some : tuple
        Places of a few values of each: where these alone take the widest numbers, no others are looked at.
    decide : callable
        How products are summed, by what their factors hold, and what is added to them.
    plan : callable
        The call for that.
    widest : Arithmetic
        For any values of these dtypes.
    decided : dict
        What was decided for what operands hold.
    calls : dict
        What was planned.
    """

    dtypes: tuple[np.dtype, ...]
    some: tuple[tuple[slice, ...], ...]
    decide: Decide
    plan: Callable[[Arithmetic], Call]
    widest: Arithmetic
    decided: dict[tuple[Held, ...], Arithmetic] = field(default_factory=dict)
    calls: dict[Arithmetic, Call] = field(default_factory=dict)

    @classmethod
    def of(cls, operands: Sequence[Form], decide: Decide, plan: Callable[[Arithmetic], Call]) -> ByValues:
        """For operands of such forms."""
        dtypes = tuple(operand.dtype for operand in operands)
        widest = decide(_held(dtypes, list(map(ends_of_dtype, dtypes))))
        return cls(dtypes, tuple(some_of(operand.shape) for operand in operands), decide, plan, widest)

    def run(self, operands: tuple[np.ndarray | None, ...], out: np.ndarray | None) -> np.ndarray:
        """The result, in `out` if there is one."""
        found = [operand for operand in operands if operand is not None]
        some = [ends_of(operand[at]) for operand, at in zip(found, self.some, strict=True)]
        wide = self._arithmetic(some) is self.widest
        call = self._call(self.widest if wide else self._arithmetic(list(map(ends_of, found))))
        return call.run(operands, out)

    def call_for(self, x: np.ndarray, others: Sequence[Ends]) -> Call:
        """The call for an input, and for weights, and perhaps biases, of such ends."""
        wide = self._arithmetic([ends_of(x[self.some[0]]), *others]) is self.widest
        return self._call(self.widest if wide else self._arithmetic([ends_of(x), *others]))

    def _call(self, arithmetic: Arithmetic) -> Call:
        found = self.calls.get(arithmetic)
        if found is None:
            call = self.plan(arithmetic)
            walk = ("values", arithmetic.summary), *call.choice.walk
            found = self.calls[arithmetic] = replace(call, choice=replace(call.choice, walk=walk))
        return found

    def _arithmetic(self, ends: Sequence[Ends]) -> Arithmetic:
        held = _held(self.dtypes, ends)
        found = self.decided.get(held)
        if found is None:
            if len(self.decided) >= MOST_DECIDED:  # biases may be of any size
                self.decided.clear()
            found = self.decide(held)
            self.decided[held] = found = self.widest if found == self.widest else found
        return found


def _held(dtypes: Sequence[np.dtype], ends: Sequence[Ends]) -> tuple[Held, ...]:
    """What operands of such ends hold."""
    added = (Held(dtype, max(-each.least, each.most)) for dtype, each in zip(dtypes[2:], ends[2:], strict=True))
    return *held_as(ends[0], ends[1]), *added
