"""A call with everything decided but the values, remembered for the next one like it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache, wraps
from typing import Any, TypeVar

import numpy as np

from fastconv.ops.arguments import check_out
from fastconv.plan.plan import Choice, choose
from fastconv.plan.problem import Problem

__all__ = ["Call", "prepare", "recording", "remembered"]

Prepared = TypeVar("Prepared")

#: Types of arguments that tell by themselves what they are; tuples are looked into, as (1,) and (1.0,) compare equal.
_PLAIN = (int, str, bool, type(None))


def remembered(function: Callable[..., Prepared]) -> Callable[..., Prepared]:
    """Remember what a function of forms and settings prepares; errors and unusual arguments are worked out each time.

    The first argument is a tuple of forms, which are hashable; the others are what users gave.
    """
    known = lru_cache(maxsize=1024, typed=True)(function)

    @wraps(function)
    def prepare(forms: tuple[Any, ...], *given: Any) -> Prepared:
        for value in given:
            kind = type(value)
            if kind is tuple:
                if any(type(entry) is not int for entry in value):
                    return function(forms, *given)
            elif kind not in _PLAIN and not isinstance(value, (type, np.dtype)):
                return function(forms, *given)
        return known(forms, *given)

    return prepare


@dataclass(frozen=True, slots=True)
class Call:
    """What `prepare` decided.

    Attributes
    ----------
    problem : Problem
        What is computed.
    choice : Choice
        How.
    conversions : tuple of (dtype or None)
        For each operand the dtype that it is copied to first, or None where it is taken as it stands.
    dtype : numpy.dtype
        Of the result.
    batched : bool
        Whether input and result have a batch axis.
    full_shape, shape : tuple of int
        Of the result, with its batch and as the user gets it.
    """

    problem: Problem
    choice: Choice
    conversions: tuple[np.dtype | None, ...]
    dtype: np.dtype
    batched: bool
    full_shape: tuple[int, ...]
    shape: tuple[int, ...]

    def run(self, operands: tuple[np.ndarray | None, ...], out: np.ndarray | None, *more: np.ndarray) -> np.ndarray:
        """The result, in `out` if there is one; `more` are further contiguous results, with a batch axis."""
        check_out(out, self.shape, self.dtype)
        calls = _calls.get()
        if calls is not None:
            calls.append((self.problem, self.choice))
        taken = [
            array if array is None or dtype is None else array.astype(dtype, order="C")
            for array, dtype in zip(operands, self.conversions, strict=True)
        ]
        if not self.batched:
            taken[0] = np.asarray(taken[0])[None]
        if out is not None and self._may_write(out, operands):
            self._run(taken, out.reshape(self.full_shape), more)
            return out
        y = np.empty(self.full_shape, self.problem.dtype)
        self._run(taken, y, more)
        y = y if self.batched else y[0]
        if out is None:
            return y if y.dtype == self.dtype else y.astype(self.dtype)
        np.copyto(out, y, casting="unsafe")
        return out

    def _run(self, operands: list[np.ndarray | None], y: np.ndarray, more: tuple[np.ndarray, ...]) -> None:
        if y.size:
            self.choice.plan.run(*operands, y, *more)

    def _may_write(self, out: np.ndarray, operands: tuple[np.ndarray | None, ...]) -> bool:
        """Whether a kernel may write straight into `out`: it overlaps no operand and lies as kernels write."""
        return (
            out.dtype == self.problem.dtype
            and out.flags.c_contiguous
            and out.flags.aligned
            and not any(operand is not None and np.may_share_memory(out, operand) for operand in operands)
        )


def prepare(
    problem: Problem,
    algorithm: str,
    conversions: tuple[np.dtype | None, ...],
    dtype: np.dtype,
    batched: bool,
) -> Call:
    """Plan a problem; `dtype` is the result's."""
    if not isinstance(algorithm, str):
        raise TypeError(f"algorithm={algorithm!r} is not a name; give 'auto' or one that explain() shows.")
    shape = problem.geometry.output_shape
    choice = choose(problem, algorithm)
    return Call(problem, choice, conversions, dtype, batched, shape, shape if batched else shape[1:])


@contextmanager
def recording() -> Iterator[list[tuple[Problem, Choice]]]:
    """Collect what is run inside the ``with`` block, in this thread or task."""
    calls: list[tuple[Problem, Choice]] = []
    token = _calls.set(calls)
    try:
        yield calls
    finally:
        _calls.reset(token)


_calls: ContextVar[list[tuple[Problem, Choice]] | None] = ContextVar("fastconv_calls", default=None)
