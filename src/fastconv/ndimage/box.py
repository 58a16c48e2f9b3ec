"""Means of boxes: `uniform_filter`, `uniform_filter1d`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastconv.ndimage import arguments as nd
from fastconv.ops import arguments as arg
from fastconv.ops import boxes

__all__ = ["uniform_filter", "uniform_filter1d"]


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
    Floats are filtered along all axes at once. Each window is summed by itself, where SciPy keeps a sum that it adds to
    and subtracts from along a row: there one large element leaves its rounding behind, and a NaN or an infinity makes
    NaNs of all that follow; here these stay in their windows. In float32, where input and result are, no error is
    larger than a millionth of the largest element.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import ndimage
    >>> ndimage.uniform_filter(np.array([2, 8, 0, 4, 1, 9, 9, 0]), size=3)
    array([4, 3, 4, 1, 4, 6, 6, 3])
    """
    x = arg.array(input, "input")
    place = nd.output_of(output, x, x.dtype.kind == "c")
    windows = nd.windows_of(size, origin, mode, axes, x.ndim)
    nd.check_cval(cval, x)
    return place.take(_means(x, windows, cval, place.dtype))


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
    x = arg.array(input, "input")
    window = nd.window_of(size, origin, mode, axis, x.ndim)
    place = nd.output_of(output, x, x.dtype.kind == "c")
    nd.check_cval(cval, x)
    return place.take(_means(x, [window], cval, place.dtype))


def _means(x: np.ndarray, windows: Sequence[nd.Window], cval: Any, dtype: np.dtype) -> np.ndarray:
    """Means in the dtype of the result, or one that holds it; nothing is done where there are no windows."""
    if x.size == 0:
        return x
    together = dtype.kind in "fc" and len({window.mode for window in windows}) == 1
    for some in [windows] if together else [[window] for window in windows]:
        taps, widths = [1] * x.ndim, [(0, 0)] * x.ndim
        for window in some:
            taps[window.axis], widths[window.axis] = window.taps, window.width
        if some[0].mode != "zeros" or cval != 0:
            x, widths = nd.extended(x, widths, some[0].mode, cval), [(0, 0)] * x.ndim
        x = nd.cast(_box(x, taps, widths, dtype), dtype)
    return x


def _box(x: np.ndarray, taps: list[int], widths: list[tuple[int, int]], dtype: np.dtype) -> np.ndarray:
    """Means of boxes in the dtype in which they are taken."""
    if x.dtype.kind == "c":  # real and imaginary parts are one more axis
        pairs = np.ascontiguousarray(x, np.result_type(x, dtype)).reshape(*x.shape, 1)
        found = boxes.means(pairs.view(pairs.real.dtype), [*taps, 1], [*widths, (0, 0)])
        return np.ascontiguousarray(found).view(pairs.dtype)[..., 0]
    if x.dtype.kind in "biu":
        return boxes.means(x, taps, widths, dtype if dtype.kind == "f" else None)
    return boxes.means(x, taps, widths, np.result_type(x, dtype) if dtype.kind == "f" else np.float64)
