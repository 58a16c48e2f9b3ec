"""Greatest and least elements of windows: `maximum_filter`, `minimum_filter`, and both along one axis."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from fastconv.ndimage import arguments as nd
from fastconv.ndimage.calls import filtered, filtered_by, planned
from fastconv.ndimage.sums import InTurn, Step
from fastconv.ops import arguments as arg
from fastconv.ops import boxes, taps
from fastconv.ops.arguments import Form
from fastconv.plan.reach import Reach

__all__ = ["maximum_filter", "maximum_filter1d", "minimum_filter", "minimum_filter1d"]


def maximum_filter(
    input: Any,
    size: Any = None,
    footprint: Any = None,
    output: Any = None,
    mode: Any = "reflect",
    cval: float = 0.0,
    origin: Any = 0,
    *,
    axes: nd.Axes = None,
) -> np.ndarray:
    """Greatest element of the window around each element, as ``scipy.ndimage.maximum_filter``.

    With E the input extended without end as the modes say, and n the sizes or the shape of the footprint::

        result[i] = max of E[i + k - n // 2 - origin] over all 0 <= k < n, or where footprint[k]

    Parameters
    ----------
    input : array_like
        Real numbers, of any number of axes, strides and byte order.
    size : int or sequence of int
        Elements of a box along all axes, or along each.
    footprint : array_like
        In place of `size`, an array whose elements say which of a box count; as many axes as are filtered.
    output, cval, axes
        As in `correlate`.
    mode : str or sequence of str
        As in `correlate`; for boxes also one for each axis.
    origin : int or sequence of int
        As in `correlate`.

    Returns
    -------
    ndarray, shape of the input
        `output` if that is an array.

    Raises
    ------
    TypeError
        For complex numbers.
    RuntimeError, ValueError
        As `correlate`; RuntimeError too where there is neither size nor footprint, and ValueError where nothing counts.

    Notes
    -----
    The greatest element is exact in every type; SciPy compares in float64. A NaN is the greatest and the least element
    of all windows that it is in, where in SciPy that depends on what stands around it.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import ndimage
    >>> ndimage.maximum_filter(np.array([2, 8, 0, 4, 1, 9, 9, 0]), size=3)
    array([8, 8, 8, 4, 9, 9, 9, 9])
    """
    return _filter(input, size, footprint, output, mode, cval, origin, axes, least=False)


def minimum_filter(
    input: Any,
    size: Any = None,
    footprint: Any = None,
    output: Any = None,
    mode: Any = "reflect",
    cval: float = 0.0,
    origin: Any = 0,
    *,
    axes: nd.Axes = None,
) -> np.ndarray:
    """Least element of the window around each element, as ``scipy.ndimage.minimum_filter``; see `maximum_filter`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import ndimage
    >>> ndimage.minimum_filter(np.array([2, 8, 0, 4, 1, 9, 9, 0]), size=3)
    array([2, 0, 0, 0, 1, 1, 0, 0])
    """
    return _filter(input, size, footprint, output, mode, cval, origin, axes, least=True)


def maximum_filter1d(
    input: Any,
    size: int,
    axis: int = -1,
    output: Any = None,
    mode: str = "reflect",
    cval: float = 0.0,
    origin: int = 0,
) -> np.ndarray:
    """Greatest element of a window along one axis, as ``scipy.ndimage.maximum_filter1d``; see `maximum_filter`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import ndimage
    >>> ndimage.maximum_filter1d(np.array([[3, 1], [0, 2]]), size=2, axis=0)
    array([[3, 1],
           [3, 2]])
    """
    return _filter_line(input, size, axis, output, mode, cval, origin, least=False)


def minimum_filter1d(
    input: Any,
    size: int,
    axis: int = -1,
    output: Any = None,
    mode: str = "reflect",
    cval: float = 0.0,
    origin: int = 0,
) -> np.ndarray:
    """Least element of a window along one axis, as ``scipy.ndimage.minimum_filter1d``; see `maximum_filter`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import ndimage
    >>> ndimage.minimum_filter1d(np.array([[3, 1], [0, 2]]), size=2, axis=0)
    array([[3, 1],
           [0, 1]])
    """
    return _filter_line(input, size, axis, output, mode, cval, origin, least=True)


def _filter(
    input: Any,
    size: Any,
    footprint: Any,
    output: Any,
    mode: Any,
    cval: Any,
    origin: Any,
    axes: nd.Axes,
    least: bool,
) -> np.ndarray:
    if size is not None and footprint is not None:
        warnings.warn("size is ignored, as there is a footprint.", UserWarning, stacklevel=3)
    where = None if footprint is None else np.asarray(footprint, bool)
    if where is not None and not where.any():
        raise ValueError("footprint has no true element; give one that has.")
    x = _real(input)
    if where is None or where.all():
        if where is None and size is None:
            raise RuntimeError("there is neither a size nor a footprint; give one of them.")
        return filtered(_box, x, output, size if where is None else where.shape, origin, mode, cval, axes, least)
    return filtered_by(_footprint, x, where, output, origin, mode, cval, axes, least)


def _filter_line(
    input: Any, size: Any, axis: Any, output: Any, mode: Any, cval: Any, origin: Any, least: bool
) -> np.ndarray:
    return filtered(_line, _real(input), output, size, axis, origin, mode, cval, least)


def _real(input: Any) -> np.ndarray:
    """The array, if its numbers have an order."""
    x = arg.array_of_any(input, "input")
    if x.dtype.kind == "c":
        raise TypeError(f"input has dtype {x.dtype}; complex numbers have no order, so give real ones.")
    return x if x.dtype.isnative else x.astype(x.dtype.newbyteorder("="))


@planned
def _box(form: Form, dtype: np.dtype, size: Any, origin: Any, mode: Any, cval: Any, axes: nd.Axes, least: bool) -> Step:
    """Extremes of boxes over some axes."""
    windows = nd.windows_of(size, origin, mode, axes, len(form.shape))
    nd.check_cval(cval, form)
    return _extremes(form, windows, cval, least)


@planned
def _line(form: Form, dtype: np.dtype, size: Any, axis: Any, origin: Any, mode: Any, cval: Any, least: bool) -> Step:
    """Extremes of windows along one axis."""
    window = nd.window_of(size, origin, mode, axis, len(form.shape))
    nd.check_cval(cval, form)
    return _extremes(form, [window], cval, least)


@planned
def _footprint(
    form: Form,
    dtype: np.dtype,
    where: np.ndarray,
    origin: Any,
    mode: Any,
    cval: Any,
    axes: nd.Axes,
    least: bool,
) -> Step:
    """Extremes of what counts of a box, in the input's type, which `cval` is made one of."""
    rank = len(form.shape)
    found = nd.axes_of(axes, rank)
    where = nd.spread(where, found, rank, "footprint")
    widths, name = nd.spread_widths(where.shape, origin, found), nd.mode_of(mode)
    nd.check_cval(cval, form)
    if 0 in form.shape:
        return InTurn(())
    beside = nd.cast(np.array(float(cval)), form.dtype)[()]
    extend = partial(nd.extended, widths=widths, mode=name, cval=beside)
    return InTurn((extend, partial(taps.extremes, where=where, least=least)))


def _extremes(form: Form, windows: Sequence[nd.Window], cval: Any, least: bool) -> Step:
    """The extremes of boxes, in the input's type unless `cval` is none of that."""
    if 0 in form.shape or not windows:
        return InTurn(())
    dtype = {"b": np.dtype(np.uint8), "f": np.result_type(form.dtype, np.float32)}.get(form.dtype.kind, form.dtype)
    cval = cval if any(window.mode == "zeros" for window in windows) else 0
    if form.dtype.kind in "biu" and not nd.holds(form.dtype, cval):
        dtype = np.dtype(np.float64)
    reaches = [(window.axis, Reach(*window.width, window.mode)) for window in windows]
    return InTurn((boxes.plan_extremes(form, reaches, cval, dtype, least),), form.dtype if dtype.kind != "f" else None)
