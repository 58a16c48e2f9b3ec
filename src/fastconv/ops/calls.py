"""A call with everything decided but the values, remembered for the next one like it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import lru_cache, wraps
from typing import Any, TypeVar

import numpy as np

from fastconv.jit.recall import Recall
from fastconv.jit.threads import thread_count
from fastconv.ops.arguments import Form, check_out, form
from fastconv.ops.casts import cast
from fastconv.ops.heap import keep_for_calls
from fastconv.ops.interleaving import Interleaving, Start
from fastconv.plan.layout import empty_last, overlaps_itself, settled, strides_last
from fastconv.plan.layout import is_channels_last as is_last
from fastconv.plan.plan import Choice, choose
from fastconv.plan.problem import Problem
from fastconv.plan.span import empty_apart, is_large

__all__ = [
    "Call",
    "Conversion",
    "converted",
    "prepare",
    "recording",
    "remembered",
    "target_of",
]

Prepared = TypeVar("Prepared")

#: How an operand becomes what a plan takes; None where it is that.
Conversion = np.dtype | Interleaving | None

#: Types of settings that tell by themselves what they are.
_PLAIN = (int, float, str, bytes, bool, type(None), type, np.dtype)


#: Those of a `Form`, which itself takes twice as long to make.
_Fields = tuple[tuple[int, ...], tuple[int, ...], np.dtype, bool]


class _Unusual(Exception):
    """A setting of a type that equals, or may become, another."""


def remembered(function: Callable[..., Prepared], most: int = 1024) -> Callable[..., Prepared]:
    """Remember what a function prepares for operands of such forms, for such settings and so many threads.

    The function takes a tuple of forms, one for each operand, and settings as users gave them, but lists as tuples;
    what comes out takes the operands themselves. Errors and unusual settings are worked out each time. At most so many
    calls are remembered; `cache_clear` forgets all.
    """

    def plan(forms: tuple[Form | None, ...], *given: Any) -> Prepared:
        keep_for_calls(forms)
        return function(forms, *given)

    @lru_cache(maxsize=most, typed=True)
    def known(threads: int, fields: tuple[_Fields | None, ...], *given: Any) -> tuple[Prepared, bool]:
        _check_plain(given)
        return plan(tuple(None if each is None else Form(*each) for each in fields), *given), _holds_tuples(given)

    recent = Recall()

    def forget() -> None:
        recent.clear()
        known.cache_clear()

    @wraps(function)
    def prepare(operands: tuple[np.ndarray | None, ...], *given: Any) -> Prepared:
        threads = thread_count()
        last: Prepared | None = recent.find(threads, operands, given)
        if last is not None:
            return last
        if list in map(type, given):
            with suppress(TypeError, ValueError):  # which are to show what was given
                return prepare(operands, *map(_without_lists, given))
        fields = tuple(
            [
                None if array is None else (array.shape, array.strides, array.dtype, array.flags.aligned)
                for array in operands
            ]
        )
        try:
            found, tuples = known(threads, fields, *given)
            if tuples:
                _check_plain(given)
            recent.keep(threads, operands, given, found)
            return found
        except (_Unusual, TypeError):  # TypeError: what cannot be looked up
            pass
        return plan(tuple(None if array is None else form(array) for array in operands), *given)

    prepare.cache_clear = forget  # type: ignore[attr-defined]
    return prepare


def _without_lists(value: Any) -> Any:
    """Lists as tuples, which can be looked up."""
    return tuple(map(_without_lists, value)) if type(value) in (list, tuple) else value


def _check_plain(settings: tuple[Any, ...]) -> None:
    """Refuse by `_Unusual` those that something may be remembered by under the name of others.

    Equal tuples may hold entries of other types, as (1,) and (1.0,): tuples are to be checked at each call.
    """
    if not all(isinstance(value, _PLAIN) or _is_plain_tuple(value) for value in settings):
        raise _Unusual


def _holds_tuples(settings: tuple[Any, ...]) -> bool:
    """Whether a tuple is among them."""
    return any(type(value) is tuple for value in settings)


def _is_plain_tuple(value: Any) -> bool:
    """Whether it is a tuple of ints, names and such tuples."""
    return type(value) is tuple and all(type(entry) in (int, str) or _is_plain_tuple(entry) for entry in value)


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
    conversions : tuple of (dtype, Interleaving or None)
        For each operand the dtype that it is copied to first, or how its channels are interleaved, or None where it is
        taken as it stands.
    dtype : numpy.dtype
        Of the result.
    shape : tuple of int
        Of the result, without a batch where the input has none.
    plain : bool
        Whether the plan takes the operands as they stand and its result is the call's.
    writes_out : bool
        Whether the plan writes into the array that the user gave.
    x_last, y_last : bool
        Whether input and result are channels-last.
    small : bool
        Whether the result may begin anywhere, and lies channels first.
    start : Start or None
        What takes the place of the bias, if it is not that alone.
    """

    problem: Problem
    choice: Choice
    run_plan: Callable[..., None]
    conversions: tuple[Conversion, ...]
    dtype: np.dtype
    shape: tuple[int, ...]
    plain: bool
    writes_out: bool
    x_last: bool
    y_last: bool
    small: bool
    start: Start | None = None

    def run(self, operands: tuple[np.ndarray | None, ...], out: np.ndarray | None, *more: np.ndarray) -> np.ndarray:
        """The result, in `out` if there is one; `more` are further results, that lie as `empty` makes them."""
        if not self.plain or not (out is None or self.writes_out) or _calls.get() is not None:
            return self._run_with_care(operands, out, *more)
        if out is None:
            # To ask where a small result is to begin would take as long as to make it.
            y = np.empty(self.shape, self.dtype) if self.small else self.empty(self.dtype, operands[0])
        else:
            check_out(out, self.shape, self.dtype)
            y = out
        self.run_plan(*operands, y, *more)
        return y

    def empty(self, dtype: np.dtype, x: Any) -> np.ndarray:
        """An array for a result of the plan for this input."""
        rank = len(self.problem.geometry.axes)
        return empty_last(self.shape, dtype, rank) if self.y_last else empty_apart(self.shape, dtype, x)

    def _run_with_care(
        self, operands: tuple[np.ndarray | None, ...], out: np.ndarray | None, *more: np.ndarray
    ) -> np.ndarray:
        check_out(out, self.shape, self.dtype)
        calls = _calls.get()
        if calls is not None:
            calls.append((self.problem, self.choice))
        taken = [
            array if array is None else converted(array, conversion)
            for array, conversion in zip(operands, (None, *self.conversions[1:]), strict=True)
        ]
        taken[0] = self._input(taken[0])
        if self.start:
            taken[2] = self.start.run(taken[2], taken[1])
        y = out if out is not None and self.writes_out else self.empty(self.problem.dtype, taken[0])
        if y.size:
            self.run_plan(*taken, y, *more)
        if out is None:
            return y if y.dtype == self.dtype else _converted(y, self.dtype)
        if y is not out:
            cast(y, out)
        return out

    def _input(self, x: Any) -> np.ndarray:
        """The input as the plan takes it; in what order it lies does not change."""
        dtype = self.conversions[0]
        if not isinstance(dtype, np.dtype) or not self.x_last:
            return converted(x, dtype)
        copy = empty_last(x.shape, dtype, len(self.problem.geometry.axes))
        cast(x, copy)
        return copy


def converted(array: np.ndarray, conversion: Conversion) -> np.ndarray:
    """An operand as the plan takes it."""
    if isinstance(conversion, Interleaving):
        return conversion.run(array)
    if conversion is None:
        return array
    copy = np.empty(array.shape, conversion)
    cast(array, copy)
    return copy


def target_of(out: Any, operands: tuple[np.ndarray | None, ...]) -> np.ndarray | None:
    """What the user gave for the result, if it is an array that shares no memory with an operand."""
    if not isinstance(out, np.ndarray):
        return None
    for operand in operands:
        if operand is not None and np.may_share_memory(out, operand):
            return None
    return out


def _converted(y: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """An array without gaps in another dtype: in its own memory, which is at hand, where that has the same size."""
    result = y.view(dtype) if y.itemsize == dtype.itemsize else np.empty_like(y, dtype)
    cast(y, result)
    return result


def prepare(
    problem: Problem,
    algorithm: str,
    conversions: tuple[Conversion, ...],
    dtype: np.dtype,
    batched: bool,
    target: Form | None,
) -> Call:
    """Plan a problem whose `y_strides` are still to be found; `dtype` is the result's.

    The result lies as the `target` does, or without one that fits as the input does, channels first or last. Kernels
    write into the target itself unless it is of another type or overlaps itself.
    """
    if not isinstance(algorithm, str):
        raise TypeError(f"algorithm={algorithm!r} is not a name; give 'auto' or one that explain() shows.")
    whole, rank, itemsize = problem.geometry.output_shape, len(problem.geometry.axes), problem.dtype.itemsize
    shape = whole if batched else whole[1:]
    given = target if target is not None and (target.shape, target.dtype) == (shape, dtype) else None
    last = is_last(shape, given.strides, dtype.itemsize, rank) if given else problem.x_last
    strides = settled(whole, strides_last(whole, itemsize, rank), itemsize) if last else ()
    writes_out = given is not None and given.taken_as(problem.dtype)[1] is None
    if given is not None and writes_out:
        found = settled(whole, given.strides if batched else (0, *given.strides), itemsize)
        # Indices lie as the values do, and both without gaps.
        writes_out = not overlaps_itself(shape, given.strides, itemsize) and (found == strides or not problem.indices)
        strides = found if writes_out else strides
    problem = replace(problem, y_strides=strides)
    choice = choose(problem, algorithm)
    plain = dtype == problem.dtype and all(conversion is None for conversion in conversions) and 0 not in shape
    small = not problem.y_last and not is_large(shape, dtype)
    return Call(
        problem, choice, choice.plan.run, conversions, dtype, shape, plain, writes_out, problem.x_last, problem.y_last,
        small,
    )  # fmt: skip


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
