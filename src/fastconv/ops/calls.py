"""A call with everything decided but the values, remembered for the next one like it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache, wraps
from typing import Any, TypeVar

import numpy as np

from fastconv.ops.arguments import Form, check_out, form
from fastconv.plan.plan import Choice, choose
from fastconv.plan.problem import Problem

__all__ = ["Call", "prepare", "recording", "remembered"]

Prepared = TypeVar("Prepared")

#: Types of settings that tell by themselves what they are.
_PLAIN = (int, str, bool, type(None), type, np.dtype)


class _Unusual(Exception):
    """A setting of a type that equals, or may become, another."""


def remembered(function: Callable[..., Prepared]) -> Callable[..., Prepared]:
    """Remember what a function prepares for operands of such forms and for such settings.

    The function takes a tuple of forms, one for each operand, and settings as users gave them; what comes out takes the
    operands themselves. Errors and unusual settings are worked out each time.
    """

    @lru_cache(maxsize=1024, typed=True)
    def known(operands: int, *parts: Any) -> tuple[Prepared, bool]:
        fields = iter(parts)
        forms = [_form(fields) for _ in range(operands)]
        given = tuple(fields)
        tuples = any(type(value) is tuple for value in given)
        if not all(isinstance(value, _PLAIN) or _is_plain_tuple(value) for value in given):
            raise _Unusual
        return function(tuple(forms), *given), tuples

    @wraps(function)
    def prepare(operands: tuple[np.ndarray | None, ...], *given: Any) -> Prepared:
        parts: list[Any] = []
        for array in operands:
            if array is None:
                parts.append(None)
            else:
                parts += (array.shape, array.strides, array.dtype, array.flags.aligned)
        try:
            found, tuples = known(len(operands), *parts, *given)
            # Equal tuples may hold entries of other types: (1,) and (1.0,).
            if not tuples or all(_is_plain_tuple(value) for value in given if type(value) is tuple):
                return found
        except (_Unusual, TypeError):  # TypeError: a list, which cannot be looked up
            pass
        return function(tuple(None if array is None else form(array) for array in operands), *given)

    return prepare


def _form(fields: Iterator[Any]) -> Form | None:
    shape = next(fields)
    return None if shape is None else Form(shape, next(fields), next(fields), next(fields))


def _is_plain_tuple(value: Any) -> bool:
    """Whether it is a tuple of ints and such tuples."""
    return type(value) is tuple and all(type(entry) is int or _is_plain_tuple(entry) for entry in value)


@dataclass(frozen=True, slots=True)
class Call:
    """What `prepare` decided.

    Attributes
    ----------
    problem : Problem
        What is computed.
    choice : Choice
        How.
    run_plan : callable
        The plan's ``run``.
    conversions : tuple of (dtype or None)
        For each operand the dtype that it is copied to first, or None where it is taken as it stands.
    dtype : numpy.dtype
        Of the result.
    shape : tuple of int
        Of the result, without a batch where the input has none.
    plain : bool
        Whether the plan takes the operands as they stand and its result is the call's.
    """

    problem: Problem
    choice: Choice
    run_plan: Callable[..., None]
    conversions: tuple[np.dtype | None, ...]
    dtype: np.dtype
    shape: tuple[int, ...]
    plain: bool

    def run(self, operands: tuple[np.ndarray | None, ...], out: np.ndarray | None, *more: np.ndarray) -> np.ndarray:
        """The result, in `out` if there is one; `more` are further contiguous results."""
        if not self.plain or out is not None or _calls.get() is not None:
            return self._run_with_care(operands, out, *more)
        y = np.empty(self.shape, self.dtype)
        self.run_plan(*operands, y, *more)
        return y

    def _run_with_care(
        self, operands: tuple[np.ndarray | None, ...], out: np.ndarray | None, *more: np.ndarray
    ) -> np.ndarray:
        check_out(out, self.shape, self.dtype)
        calls = _calls.get()
        if calls is not None:
            calls.append((self.problem, self.choice))
        taken = [
            array if array is None or dtype is None else array.astype(dtype, order="C")
            for array, dtype in zip(operands, self.conversions, strict=True)
        ]
        y = out if out is not None and self._may_write(out, operands) else np.empty(self.shape, self.problem.dtype)
        if y.size:
            self.run_plan(*taken, y, *more)
        if out is None:
            return y if y.dtype == self.dtype else _converted(y, self.dtype)
        if y is not out:
            np.copyto(out, y, casting="unsafe")
        return out

    def _may_write(self, out: np.ndarray, operands: tuple[np.ndarray | None, ...]) -> bool:
        """Whether a kernel may write straight into `out`: it overlaps no operand and lies as kernels write."""
        return (
            out.dtype == self.problem.dtype
            and out.flags.c_contiguous
            and out.flags.aligned
            and not any(operand is not None and np.may_share_memory(out, operand) for operand in operands)
        )


def _converted(y: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """A contiguous array in another dtype: in its own memory, which is at hand, where that has the same size."""
    if y.itemsize != dtype.itemsize:
        return y.astype(dtype)
    values = y.reshape(-1)
    np.copyto(values.view(dtype), values, casting="unsafe")
    return values.view(dtype).reshape(y.shape)


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
    plain = dtype == problem.dtype and all(conversion is None for conversion in conversions) and 0 not in shape
    return Call(problem, choice, choice.plan.run, conversions, dtype, shape if batched else shape[1:], plain)


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
