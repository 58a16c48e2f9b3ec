"""Windows of any shape over arrays of any number of axes: their extremes, and sums of prescribed rounding."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from fastconv.plan.kernel_plan import KernelPlan
from fastconv.plan.layout import memory_order
from fastconv.plan.taps import plan_extremes, plan_sums

__all__ = ["MOST_DOUBT", "Chosen", "Near", "along_line", "extremes", "off_in_float32", "sums"]

#: By how much sums may be off for it to be worth while to sum anew what is doubtful: one in two hundred at most.
MOST_DOUBT = 0.0025


class Near(NamedTuple):
    """Sums of the same windows in a float, and by how much they may be off: less than half of what makes an integer."""

    sums: np.ndarray
    off: float


def extremes(x: np.ndarray, where: np.ndarray, least: bool) -> np.ndarray:
    """The greatest or least of the elements that are true in `where`, wherever it fits the array; NaN if there is one.

    Parameters
    ----------
    x : ndarray
        Real numbers; at least one window fits.
    where : ndarray of bool
        As many axes, and something true.
    least : bool
        Take the least.

    Examples
    --------
    >>> extremes(np.array([1, 7, 2, 3]), np.array([True, False, True]), least=False)
    array([2, 7])
    """
    order = memory_order(x.shape, x.strides)
    found, turned = x.transpose(order), np.ascontiguousarray(where.transpose(order))
    # Booleans and float16 are compared as types that kernels have: exactly, since both fit.
    work = {"b": np.dtype(np.uint8), "f": np.result_type(x.dtype, np.float32)}.get(x.dtype.kind, x.dtype)
    found = np.ascontiguousarray(found, work)
    y = np.empty([n - k + 1 for n, k in zip(found.shape, turned.shape, strict=True)], work)
    planned = _planned_extremes if where.nbytes <= MOST_BYTES else _planned_extremes.__wrapped__
    planned(found.shape, turned.tobytes(), turned.shape, work, least).run(found, y)
    return y.astype(x.dtype, copy=False).transpose(np.argsort(order) if order else None)


@lru_cache(maxsize=256)
def _planned_extremes(
    shape: tuple[int, ...], where: bytes, taps: tuple[int, ...], dtype: np.dtype, least: bool
) -> KernelPlan:
    return plan_extremes(shape, np.frombuffer(where, bool).reshape(taps), dtype, least)


def off_in_float32(largest: float, weights: np.ndarray) -> float:
    """By how much a sum of products with numbers that float32 holds may be off in it.

    Each product and sum is rounded, weights are once or twice, and a few roundings are for what float64 is off itself.
    """
    return largest * float(np.abs(weights).sum()) * (weights.size + 8) * 2.0**-24


def sums(x: np.ndarray, w: np.ndarray, dtype: np.dtype, by_pairs: bool = False, near: Near | None = None) -> np.ndarray:
    """The correlation of an array with a kernel wherever it fits, without the fraction, summed as plain C would.

    Products and sums are rounded to float64 one by one, in row-major order, and weights that are as good as zero passed
    over. By pairs none is, and the last comes first; but a kernel that is symmetric, or antisymmetric, begins with its
    middle, and then come sums, or differences, of the elements that share a weight, from the ends inwards.

    Parameters
    ----------
    x : ndarray
        Real numbers; at least one window fits.
    w : ndarray of float64
        As many axes.
    dtype : dtype
        Of the result: integers of at most 64 bits, into which sums wrap around.
    by_pairs : bool
        Of a kernel along one axis.
    near : Near, optional
        What is known already; only what is doubtful then is summed. No sum is beyond 2**31.

    Examples
    --------
    >>> sums(np.array([7, 8, 9]), np.array([0.5, 0.25]), np.dtype(np.int8))
    array([5, 6], dtype=int8)
    """
    order = memory_order(x.shape, x.strides)
    # Three types do for all, so that there are few kernels for each type of a result.
    work = np.dtype(np.int32 if np.can_cast(x.dtype, np.int32) else np.float64)
    work = x.dtype if near is not None and x.dtype == np.uint8 else work
    found = np.ascontiguousarray(x.transpose(order), work)
    planned = _planned if w.nbytes <= MOST_BYTES else _planned.__wrapped__
    kind = None if near is None else near.sums.dtype
    plan, given = planned(found.shape, order, w.tobytes(), w.shape, work, dtype, by_pairs, kind)
    shape = [n - w.shape[axis] + 1 for n, axis in zip(found.shape, order, strict=True)]
    if plan is None:
        y = np.zeros(shape, dtype)
    else:
        y = np.empty(shape, dtype)
        beside = () if near is None else (np.ascontiguousarray(near.sums.transpose(order)),)
        off = () if near is None else (np.array([near.off], near.sums.dtype),)
        plan.run(*beside, found, given, *off, y)
    return y.transpose([order.index(axis) for axis in range(len(order))])


#: Bytes of weights up to which sums are remembered by them: to plan them takes longer than those of a small image.
MOST_BYTES = 8192


@lru_cache(maxsize=256)
def _planned(
    shape: tuple[int, ...],
    order: tuple[int, ...],
    weights: bytes,
    taps: tuple[int, ...],
    x_dtype: np.dtype,
    dtype: np.dtype,
    by_pairs: bool,
    near: np.dtype | None,
) -> tuple[KernelPlan | None, np.ndarray]:
    """The plan of `sums`, if there are any, and the weights that its kernel takes; axes are as they lie in memory."""
    w, window = np.frombuffer(weights), [taps[axis] for axis in order]
    chosen = along_line(w) if by_pairs else Chosen(np.flatnonzero(np.abs(w) > _EPSILON))
    if not chosen.taps.size:
        return None, w
    given = np.concatenate([w[chosen.taps], w[chosen.pairs[:, 0]], [chosen.sign]])
    numbers = np.arange(w.size).reshape(window).transpose(np.argsort(order)).reshape(-1)  # of elements in memory
    return plan_sums(shape, window, numbers[chosen.taps], numbers[chosen.pairs], x_dtype, dtype, near), given


#: Differences of weights that make none.
_EPSILON = float(np.finfo(np.float64).eps)


class Chosen(NamedTuple):
    """The elements of a window that are summed, in their order: some by themselves, then pairs, with a sign."""

    taps: np.ndarray
    pairs: np.ndarray = np.zeros((0, 2), np.int64)
    sign: float = 1.0


def along_line(w: np.ndarray) -> Chosen:
    """The elements of a window along a single axis."""
    middle, last = w.size // 2, w.size - 1
    for sign in (1.0, -1.0) if w.size % 2 else ():
        if np.all(np.abs(w[:middle] - sign * w[:middle:-1]) <= _EPSILON):
            firsts = np.arange(middle)
            return Chosen(np.array([middle]), np.stack([firsts, last - firsts], axis=1), sign)
    return Chosen(np.array([last, *range(last)]))
