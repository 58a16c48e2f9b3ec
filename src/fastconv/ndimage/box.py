"""Means of boxes: `uniform_filter`, `uniform_filter1d`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import prod
from typing import Any

import numpy as np

from fastconv.ndimage import arguments as nd
from fastconv.ndimage.calls import filtered, planned
from fastconv.ndimage.sums import InTurn, Step
from fastconv.ops import boxes
from fastconv.ops.arguments import Form
from fastconv.ops.lines import Line, plan_line_filter
from fastconv.plan.reach import Reach

__all__ = ["uniform_filter", "uniform_filter1d"]

#: Bytes of a window's elements along an axis up to which it takes no longer to add each than sums that run.
LONGEST_LINE = 64


def uniform_filter(
    input: Any,
    size: Any = 3,
    output: Any = None,
    mode: Any = "reflect",
    cval: complex = 0.0,
    origin: Any = 0,
    *,
    axes: nd.Axes = None,
) -> np.ndarray:
    """Mean of the box around each element, as ``scipy.ndimage.uniform_filter``.

    With E the input extended without end as the modes say, and n the sizes::

        result[i] = mean over 0 <= k < n of E[i + k - n // 2 - origin]

    Parameters
    ----------
    input : array_like
        Real or complex numbers, of any number of axes, strides and byte order.
    size, origin, mode : int or str, or a sequence
        The box's size, its origin and what stands beside the array, for all axes or for each; as in `correlate`.
    output, cval, axes
        As in `correlate`.

    Returns
    -------
    ndarray, shape of the input
        `output` if that is an array.

    Raises
    ------
    RuntimeError, ValueError, TypeError
        As `correlate`; and RuntimeError where a size is below 1.

    Notes
    -----
    Integers are summed exactly; each axis is filtered by itself and means lose their fraction each time, as SciPy's.
    Floats are summed over all axes before the one division, and in float64 where windows are long. Then sums down the
    rows of an image run like SciPy's: one row is added and another subtracted, and a large element leaves its rounding
    behind, though for a few dozen rows only. But where SciPy makes NaNs of all that follows a NaN or an infinity, these
    stay in their windows here. No error is larger than a millionth of the largest element where input or result is of
    float32, and than 1e-13 of it in float64.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import ndimage
    >>> ndimage.uniform_filter(np.array([2, 8, 0, 4, 1, 9, 9, 0]), size=3)
    array([4, 3, 4, 1, 4, 6, 6, 3])
    """
    return filtered(_box, input, output, size, mode, cval, origin, axes)


def uniform_filter1d(
    input: Any,
    size: int,
    axis: int = -1,
    output: Any = None,
    mode: str = "reflect",
    cval: complex = 0.0,
    origin: int = 0,
) -> np.ndarray:
    """Mean of a window along one axis, as ``scipy.ndimage.uniform_filter1d``; all else is as in `uniform_filter`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import ndimage
    >>> ndimage.uniform_filter1d(np.array([2.0, 8.0, 0.0, 4.0]), size=2)
    array([2., 5., 4., 2.])
    """
    return filtered(_line, input, output, size, axis, mode, cval, origin)


@planned
def _box(form: Form, dtype: np.dtype, size: Any, mode: Any, cval: Any, origin: Any, axes: nd.Axes) -> Step:
    """Means of boxes over some axes."""
    windows = nd.windows_of(size, origin, mode, axes, len(form.shape))
    nd.check_cval(cval, form)
    return _means(form, windows, cval, dtype)


@planned
def _line(form: Form, dtype: np.dtype, size: Any, axis: Any, mode: Any, cval: Any, origin: Any) -> Step:
    """Means of windows along one axis."""
    window = nd.window_of(size, origin, mode, axis, len(form.shape))
    nd.check_cval(cval, form)
    return _means(form, [window], cval, dtype)


def _means(form: Form, windows: Sequence[nd.Window], cval: Any, dtype: np.dtype) -> Step:
    """Means in the dtype of the result; nothing is done where there are no windows."""
    if 0 in form.shape or not windows:
        return InTurn((), dtype)
    cval = cval if any(window.mode == "zeros" for window in windows) else 0
    work = _summable(form.dtype, cval, dtype)
    short = all(window.taps * dtype.itemsize <= LONGEST_LINE for window in windows)
    if work is not None and work.kind == "f" and short and cval == 0:
        ones = [Line(window.axis, np.ones(window.taps), Reach(*window.width, window.mode)) for window in windows]
        planned = plan_line_filter(form, ones, cval, work, prod(window.taps for window in windows))
        if planned is not None:
            return InTurn((planned,), dtype)
    if work is not None:
        reaches = [(window.axis, Reach(*window.width, window.mode)) for window in windows]
        planned = boxes.plan_means(form, reaches, cval, work)
        if planned is not None:
            return InTurn((planned,), dtype)
    return partial(_pooled, windows=windows, cval=cval, dtype=dtype)


def _summable(given: np.dtype, cval: Any, dtype: np.dtype) -> np.dtype | None:
    """In what means can be taken whose sums run, of numbers of such a type: a float, or the result's type."""
    if given.kind == "c" or dtype.kind not in "iuf":
        return None
    if dtype.kind == "f":
        return np.result_type(given, dtype, np.float32)
    return dtype if np.can_cast(given, dtype) and nd.holds(dtype, cval) else None


def _pooled(x: np.ndarray, windows: Sequence[nd.Window], cval: Any, dtype: np.dtype) -> np.ndarray:
    """Means of boxes of which each is summed by itself, of any numbers."""
    together = dtype.kind in "fc" and len({window.mode for window in windows}) == 1
    for some in [windows] if together else [[window] for window in windows]:
        taps, widths = [1] * x.ndim, [(0, 0)] * x.ndim
        for window in some:
            taps[window.axis], widths[window.axis] = window.taps, window.width
        if some[0].mode != "zeros" or cval != 0:
            x, widths = nd.extended(x, widths, some[0].mode, cval), [(0, 0)] * x.ndim
        x = nd.cast(_of_boxes(x, taps, widths, dtype), dtype)
    return x


def _of_boxes(x: np.ndarray, taps: list[int], widths: list[tuple[int, int]], dtype: np.dtype) -> np.ndarray:
    """Means of boxes in the dtype in which they are taken."""
    if x.dtype.kind == "c":  # real and imaginary parts are one more axis
        pairs = np.ascontiguousarray(x, np.result_type(x, dtype)).reshape(*x.shape, 1)
        found = boxes.means(pairs.view(pairs.real.dtype), [*taps, 1], [*widths, (0, 0)])
        return np.ascontiguousarray(found).view(pairs.dtype)[..., 0]
    if x.dtype.kind in "biu":
        return boxes.means(x, taps, widths, dtype if dtype.kind == "f" else None)
    return boxes.means(x, taps, widths, np.result_type(x, dtype) if dtype.kind == "f" else np.float64)
