"""What the linear filters compute: a weighted sum of each window, in the types that SciPy's results call for.

Everything that does not depend on the array's values is found out beforehand, so that it can be remembered: what is
left is a step, or several, from one array to the next.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from fastconv.ndimage.arguments import cast, extended
from fastconv.ops import filters, taps
from fastconv.ops.arguments import Form
from fastconv.ops.lines import Line, plan_line_filter, plan_whole_line_filter
from fastconv.ops.passes import PassFilter
from fastconv.plan.layout import memory_order, strides_in
from fastconv.plan.reach import Reach

__all__ = ["InTurn", "Step", "dense_form", "lines", "weighted"]

Step = Callable[[np.ndarray], np.ndarray]

#: Elements of a kernel for each of its sides from which on filtering along one axis after the other takes less time.
FACTOR_COST = 5
#: How far, of the greatest weight, a product of lines may be off a kernel that is taken for it: a rounding of each.
MOST_OFF = 4 * np.finfo(np.float64).eps


@dataclass(frozen=True, slots=True)
class InTurn:
    """Steps that are done one after the other, and the dtype that is made of the last one's result, if any."""

    steps: tuple[Step, ...]
    dtype: np.dtype | None = None

    def __call__(self, x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """The result, which may be the array itself; or in `out`, an array for it, if the last step can write there."""
        for number, step in enumerate(self.steps, 1):
            is_last = out is not None and number == len(self.steps)
            x = step(x, out) if is_last and isinstance(step, (PassFilter, filters.Correlation)) else step(x)
        return x if self.dtype is None else cast(x, self.dtype)


def weighted(
    form: Form,
    w: np.ndarray,
    widths: filters.Widths,
    mode: str,
    cval: Any,
    dtype: np.dtype,
    by_pairs: bool = False,
) -> Step:
    """How the elements of each window are multiplied by `w` and summed, in the dtype of the result.

    `by_pairs` is for kernels along one axis, which SciPy's functions of one axis sum in another order than others do.
    """
    cval = cval if mode == "zeros" else 0.0
    if 0 in form.shape:
        return InTurn((), dtype)
    if _loses_fractions(form.dtype, w, cval, dtype):
        weights = w.astype(np.float64)
        near = _near_sums(form, weights, widths, mode, cval, by_pairs)
        return _Prescribed(weights, widths, mode, cval, dtype, by_pairs, *near)
    sums = _sum_dtype(form.dtype, w, cval, dtype)
    steps: list[Step] = []
    if cval != 0:
        steps.append(partial(_extended_in, widths=widths, mode=mode, cval=cval, dtype=sums))
        widths = [(0, 0)] * w.ndim
    for axes, kernel in _factors(w, dtype.kind in "biu"):
        here = [width if axis in axes else (0, 0) for axis, width in enumerate(widths)]
        planned = None if steps else filters.plan_correlation(form, kernel, here, mode, sums)
        steps.append(planned or partial(filters.correlate, w=kernel, widths=here, mode=mode, dtype=sums))
    return InTurn(tuple(steps), dtype)


@dataclass(frozen=True, slots=True)
class _Prescribed:
    """Sums with SciPy's bits, from sums that are off by less than `off` if there are any."""

    w: np.ndarray
    widths: filters.Widths
    mode: str
    cval: Any
    dtype: np.dtype
    by_pairs: bool
    near: Step | None
    off: float

    def __call__(self, x: np.ndarray) -> np.ndarray:
        near = None if self.near is None else taps.Near(self.near(x), self.off)
        return taps.sums(extended(x, self.widths, self.mode, self.cval), self.w, self.dtype, self.by_pairs, near)


def _near_sums(
    form: Form, w: np.ndarray, widths: filters.Widths, mode: str, cval: Any, by_pairs: bool
) -> tuple[Step | None, float]:
    """How sums are found that are nearly right, and by how much they are off at most; None where that is too much."""
    largest = max(_largest(form.dtype), abs(float(cval)))
    most = largest * float(np.abs(w).sum())
    # In float64 transforms are off by far less than this.
    for kind, off in ((np.float32, taps.off_in_float32(largest, w)), (np.float64, most * 1e-11)):
        dtype = np.dtype(kind)
        if np.can_cast(form.dtype, dtype) and kind(cval) == cval and most < 2**31 and off <= taps.MOST_DOUBT:
            if not by_pairs:
                return weighted(form, w, widths, mode, cval, dtype), off
            axis = max(range(w.ndim), key=lambda i: w.shape[i])
            return lines(form, [Line(axis, w.ravel(), Reach(*widths[axis], mode))], cval, dtype), off
    return None, 0.0


def _extended_in(x: np.ndarray, widths: filters.Widths, mode: str, cval: Any, dtype: np.dtype) -> np.ndarray:
    return filters.extend(x.astype(dtype, copy=False), widths, mode, cval)


def lines(form: Form, given: Sequence[Line], cval: Any, dtype: np.dtype) -> Step:
    """How one line of weights after the other is applied, each to what the one before leaves in the result's dtype."""
    if 0 in form.shape or not given:
        return InTurn((), dtype)
    cval = cval if any(line.reach.mode == "zeros" for line in given) else 0.0
    whole = np.ones(1)
    for line in given:
        whole = np.multiply.outer(whole, line.weights).ravel()
    sums = _sum_dtype(form.dtype, whole, cval, dtype)
    if _in_one(form, whole, cval, dtype):
        found = plan_line_filter(form, [_in(line, sums) for line in given], cval, sums)
        if found is not None:
            return InTurn((found,), dtype)
    if all(_loses_fractions(held, line.weights, cval, dtype) for line in given for held in {form.dtype, dtype}):
        planned = plan_whole_line_filter(form, given, float(cval), dtype)
        if planned is not None:
            return planned
    steps: list[Step] = []
    for line in given:
        steps.append(_along(form, line, cval, dtype))
        form = dense_form(form, dtype)
    return InTurn(tuple(steps), dtype)


def _along(form: Form, line: Line, cval: Any, dtype: np.dtype) -> Step:
    """As `weighted`, for a line."""
    shape, widths = [1] * len(form.shape), [(0, 0)] * len(form.shape)
    shape[line.axis], widths[line.axis] = line.weights.size, (line.reach.before, line.reach.after)
    w = _in(line, _sum_dtype(form.dtype, line.weights, cval, dtype)).weights
    return weighted(form, w.reshape(shape), widths, line.reach.mode, cval, dtype, by_pairs=True)


def _in(line: Line, dtype: np.dtype) -> Line:
    """The line with weights for sums in a dtype."""
    return line._replace(weights=_rounded(line.weights.astype(np.float64))) if dtype == np.float32 else line


def _in_one(form: Form, products: np.ndarray, cval: Any, dtype: np.dtype) -> bool:
    """Whether sums of lines need no rounding to the result's dtype before the next, given the products of weights."""
    if "c" in (form.dtype.kind, dtype.kind, products.dtype.kind) or not np.isfinite(products).all():
        return False
    if dtype.kind == "f":
        return True
    # Sums of whole numbers wrap around in the end as well as each time, as long as they are exact.
    return (
        form.dtype.kind in "biu"
        and dtype.kind in "iu"
        and form.dtype.itemsize < 8
        and dtype.itemsize < 8
        and _largest_sum(form.dtype, products, cval) <= 2**53
    )


def _factors(w: np.ndarray, whole: bool) -> list[tuple[tuple[int, ...], np.ndarray]]:
    """The kernel, or kernels along one axis each whose product it is, if they take less time, with their axes."""
    every = tuple(range(w.ndim))
    long = [axis for axis in every if w.shape[axis] > 1]
    if len(long) < 2 or w.size <= FACTOR_COST * sum(w.shape[axis] for axis in long):
        return [(every, w)]
    middle = np.unravel_index(np.argmax(np.abs(w)), w.shape)
    if not np.isfinite(w).all() or w[middle] == 0:
        return [(every, w)]
    lines = [w[tuple(slice(None) if i == axis else slice(at, at + 1) for i, at in enumerate(middle))] for axis in long]
    factors = [lines[0], *(line / w[middle] for line in lines[1:])]
    product = factors[0]
    for factor in factors[1:]:
        product = product * factor
    if whole and any(np.any(factor != np.rint(factor)) for factor in factors):
        return [(every, w)]
    if np.max(np.abs(product - w)) > (0 if whole else MOST_OFF * np.abs(w[middle])):
        return [(every, w)]
    return [((axis,), factor) for axis, factor in zip(long, factors, strict=True)]


def _loses_fractions(given: np.dtype, w: np.ndarray, cval: Any, dtype: np.dtype) -> bool:
    """Whether the last bit of a sum tells which integer the result is: that of integers with weights that are none."""
    if given.kind not in "biu" or dtype.kind not in "iu" or dtype == np.uint64 or w.dtype.kind == "c":
        return False
    finite = np.all(np.isfinite(w)) and np.isfinite(cval)
    return bool(finite) and _largest_sum(given, w, cval) == np.inf


def _sum_dtype(given: np.dtype, w: np.ndarray, cval: Any, dtype: np.dtype) -> np.dtype:
    """What products are summed in.

    That is float64 as in SciPy, but float32 where numbers come and go in it or in less, and for integers where it holds
    all their sums.
    """
    if dtype.kind == "c":
        single = dtype == np.complex64 and np.can_cast(given, np.complex64)
        return np.dtype(np.complex64 if single else np.complex128)
    single = np.can_cast(given, np.float32) and dtype.itemsize <= 4
    if dtype.kind != "f":
        single = given.kind in "biu" and _largest_sum(given, w, cval) <= 2**24
    return np.dtype(np.float32 if single else np.float64)


def _largest_sum(given: np.dtype, w: np.ndarray, cval: Any) -> float:
    """A bound of sums of whole numbers; infinite where there are others."""
    if not (np.all(w == np.rint(w)) and float(cval).is_integer()):
        return np.inf
    return max(_largest(given), abs(float(cval))) * float(np.abs(w).sum())


def _largest(given: np.dtype) -> float:
    """How far from zero integers or booleans can be."""
    return 1.0 if given.kind == "b" else float(max(-int(np.iinfo(given).min), int(np.iinfo(given).max)))


def _rounded(w: np.ndarray) -> np.ndarray:
    """Weights in float32 whose sum is that of the given ones, of float64: means are of the right height.

    The greatest weight takes what rounding makes of the others' sum, and the least what is left then, in finer steps.
    """
    with np.errstate(over="ignore"):
        found = w.astype(np.float32)
    for at in (np.argmax(np.abs(w)), np.argmin(np.abs(w))) if np.isfinite(found).all() else ():
        found[at] += np.float32(np.sum(w) - np.sum(found, dtype=np.float64))
    return found


def dense_form(form: Form, dtype: np.dtype) -> Form:
    """The form of an array of some dtype that lies as the other does, without gaps."""
    order = memory_order(form.shape, form.strides)
    return Form(form.shape, strides_in(order, form.shape, dtype.itemsize), dtype, True)
