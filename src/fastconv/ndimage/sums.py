"""What the linear filters compute: a weighted sum of each window, in the types that SciPy's results call for."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from fastconv.ndimage.arguments import cast, extended
from fastconv.ops import filters, taps

__all__ = ["along", "weighted"]

#: Elements of a kernel for each of its sides from which on filtering along one axis after the other takes less time.
FACTOR_COST = 5
#: How far, of the greatest weight, a product of lines may be off a kernel that is taken for it: a rounding of each.
MOST_OFF = 4 * np.finfo(np.float64).eps


def weighted(
    x: np.ndarray,
    w: np.ndarray,
    widths: filters.Widths,
    mode: str,
    cval: Any,
    dtype: np.dtype,
    by_pairs: bool = False,
) -> np.ndarray:
    """The sum of the elements of each window times those of `w`, in the dtype of the result.

    `by_pairs` is for kernels along one axis, which SciPy's functions of one axis sum in another order than others do.
    """
    if x.size == 0:
        return np.zeros(x.shape, dtype)
    cval = cval if mode == "zeros" else 0.0
    if _loses_fractions(x.dtype, w, cval, dtype):
        return taps.sums(extended(x, widths, mode, cval), w.astype(np.float64), dtype, by_pairs)
    sums = _sum_dtype(x.dtype, w, cval, dtype)
    if cval != 0:
        x, widths = filters.extend(x.astype(sums, copy=False), widths, mode, cval), [(0, 0)] * x.ndim
    for axes, kernel in _steps(w, dtype.kind in "biu"):
        here = [width if axis in axes else (0, 0) for axis, width in enumerate(widths)]
        x = filters.correlate(x, kernel, here, mode, dtype=sums)
    return cast(x, dtype)


def _steps(w: np.ndarray, whole: bool) -> list[tuple[tuple[int, ...], np.ndarray]]:
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


def along(
    x: np.ndarray, w: np.ndarray, axis: int, width: tuple[int, int], mode: str, cval: Any, dtype: np.dtype
) -> np.ndarray:
    """As `weighted`, for a window along one axis."""
    shape, widths = [1] * x.ndim, [(0, 0)] * x.ndim
    shape[axis], widths[axis] = w.size, width
    if _sum_dtype(x.dtype, w, cval, dtype) == np.float32:
        w = _rounded(w.astype(np.float64).tobytes())
    return weighted(x, w.reshape(shape), widths, mode, cval, dtype, by_pairs=True)


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
    largest = 1 if given.kind == "b" else max(-int(np.iinfo(given).min), int(np.iinfo(given).max))
    return max(largest, abs(float(cval))) * float(np.abs(w).sum())


@lru_cache(maxsize=256)
def _rounded(weights: bytes) -> np.ndarray:
    """Weights in float32 whose sum is that of the given ones, of float64: means are of the right height.

    The greatest weight takes what rounding makes of the others' sum, and the least what is left then, in finer steps.
    They are remembered, as they took a third of the time of a small image.
    """
    w = np.frombuffer(weights)
    with np.errstate(over="ignore"):
        found = w.astype(np.float32)
    for at in (np.argmax(np.abs(w)), np.argmin(np.abs(w))) if np.isfinite(found).all() else ():
        found[at] += np.float32(np.sum(w) - np.sum(found, dtype=np.float64))
    found.flags.writeable = False
    return found
