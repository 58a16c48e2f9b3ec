"""Weighted sums of windows: `correlate`, `convolve`, `correlate1d`, `convolve1d`."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastconv.ndimage import arguments as nd
from fastconv.ndimage.calls import filtered_by, planned
from fastconv.ndimage.sums import Step, lines, weighted
from fastconv.ops.arguments import Form
from fastconv.ops.lines import Line
from fastconv.plan.reach import Reach

__all__ = ["convolve", "convolve1d", "correlate", "correlate1d"]


def correlate(
    input: Any,
    weights: Any,
    output: Any = None,
    mode: str = "reflect",
    cval: complex = 0.0,
    origin: Any = 0,
    *,
    axes: nd.Axes = None,
) -> np.ndarray:
    """Weighted sum of the window around each element, as ``scipy.ndimage.correlate``.

    With E the input extended without end as `mode` says, and n the size of `weights` along each axis::

        result[i] = sum over k of E[i + k - n // 2 - origin] * conj(weights[k])

    Parameters
    ----------
    input : array_like
        Real or complex numbers, of any number of axes, strides and byte order.
    weights : array_like
        As many axes as are filtered.
    output : ndarray or dtype, optional
        An array for the result, which may be the input, or its dtype; by default the input's, or if the weights are
        complex the complex one of the same precision.
    mode : str
        What stands beside the array::

            "reflect", "grid-mirror"     d c b a | a b c d | d c b a
            "mirror"                       d c b | a b c d | c b a
            "nearest"                    a a a a | a b c d | d d d d
            "wrap", "grid-wrap"          a b c d | a b c d | a b c d
            "constant", "grid-constant"  k k k k | a b c d | k k k k

    cval : number
        The k of mode "constant"; real where the input is.
    origin : int or sequence of int
        By how many elements the window is moved towards the beginning of each axis: ``-(n // 2)`` to ``(n - 1) // 2``.
    axes : int or sequence of int, optional
        Those that are filtered; by default all.

    Returns
    -------
    ndarray, shape of the input
        `output` if that is an array. A new array lies in memory as the input does.

    Raises
    ------
    RuntimeError
        Where `weights` or `output` has another shape than it needs, or `mode` is not known.
    ValueError
        Where `origin` moves the window off its element, an axis is none of the input's, or `cval` is complex and the
        input is real.
    TypeError
        Where an array is not of numbers.

    Notes
    -----
    Sums are taken in float64, as SciPy's, and differ from those by rounding alone. If input and result are of float32
    or float16, they are taken in float32: no error is larger than a millionth of ``max(abs(input)) *
    sum(abs(weights))``. Large kernels that are no product of lines, from about 13 x 13 on, are multiplied by Fourier
    transforms of blocks, with the same bound in float32 and 1e-14 in place of a millionth in float64; floats that are
    whole numbers, in both arrays, have exact sums then too.

    Where the result is of integers, sums lose their fraction and wrap around, as SciPy's do. If the input is of
    integers too, they have SciPy's bits, which decide whether a mean of equal numbers is that number or one less; of
    floats, and in uint64, a sum within rounding of an integer may be taken for the next.

    Weights that are the product of lines, within rounding of the greatest, are applied line by line where that takes
    less time, from about 11 x 11 on.

    SciPy takes no float16, and loses what float64 does not hold of integers of 64 bits; masked arrays are refused, as
    their mask would be ignored.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import ndimage
    >>> ndimage.correlate(np.array([[1, 2, 3], [4, 5, 6]]), np.array([[0, 1, 10]]))
    array([[21, 32, 33],
           [54, 65, 66]])
    """
    return filtered_by(_window, input, weights, output, mode, cval, origin, axes, False)


def convolve(
    input: Any,
    weights: Any,
    output: Any = None,
    mode: str = "reflect",
    cval: complex = 0.0,
    origin: Any = 0,
    *,
    axes: nd.Axes = None,
) -> np.ndarray:
    """Weighted sum of the window around each element, the weights turned around, as ``scipy.ndimage.convolve``.

    With E the input extended without end, and n the size of `weights` along each axis::

        result[i] = sum over k of E[i - k + n // 2 + origin] * weights[k]

    Everything else is as in `correlate`, but a positive `origin` moves the window towards the end of an axis.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import ndimage
    >>> ndimage.convolve(np.array([0, 0, 1, 0, 0]), np.array([1, 2, 3]))
    array([0, 1, 2, 3, 0])
    """
    return filtered_by(_window, input, weights, output, mode, cval, origin, axes, True)


def correlate1d(
    input: Any,
    weights: Any,
    axis: int = -1,
    output: Any = None,
    mode: str = "reflect",
    cval: complex = 0.0,
    origin: int = 0,
) -> np.ndarray:
    """Weighted sum of a window along one axis, as ``scipy.ndimage.correlate1d``; everything else is as in `correlate`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import ndimage
    >>> ndimage.correlate1d(np.array([2, 8, 0, 4, 1, 9, 9, 0]), [1, 3])
    array([ 8, 26,  8, 12,  7, 28, 36,  9])
    """
    return filtered_by(_line, input, weights, output, axis, mode, cval, origin, False)


def convolve1d(
    input: Any,
    weights: Any,
    axis: int = -1,
    output: Any = None,
    mode: str = "reflect",
    cval: complex = 0.0,
    origin: int = 0,
) -> np.ndarray:
    """Weighted sum of a window along one axis, the weights turned around, as ``scipy.ndimage.convolve1d``.

    Everything else is as in `convolve`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import ndimage
    >>> ndimage.convolve1d(np.array([2, 8, 0, 4, 1, 9, 9, 0]), [1, 3])
    array([14, 24,  4, 13, 12, 36, 27,  0])
    """
    return filtered_by(_line, input, weights, output, axis, mode, cval, origin, True)


@planned
def _window(
    form: Form,
    dtype: np.dtype,
    w: np.ndarray,
    mode: Any,
    cval: Any,
    origin: Any,
    axes: nd.Axes,
    turned: bool,
) -> Step:
    """A window over some axes."""
    rank = len(form.shape)
    nd.check_cval(cval, form)
    found = nd.axes_of(axes, rank)
    w = nd.spread(w, found, rank, "weights")
    widths, name = nd.spread_widths(w.shape, origin, found), nd.mode_of(mode)
    if turned:
        w, widths = np.flip(w), [pair[::-1] for pair in widths]
    elif w.dtype.kind == "c":
        w = w.conj()
    return weighted(form, w, widths, name, cval, dtype)


@planned
def _line(
    form: Form,
    dtype: np.dtype,
    w: np.ndarray,
    axis: Any,
    mode: Any,
    cval: Any,
    origin: Any,
    turned: bool,
) -> Step:
    """A window along one axis."""
    nd.check_cval(cval, form)
    if w.ndim != 1 or w.size == 0:
        raise RuntimeError(f"weights have shape {w.shape}; give one axis with at least one element.")
    number, width = nd.axis_of(axis, len(form.shape)), nd.widths_of(w.size, origin)
    if turned:
        w, width = w[::-1], width[::-1]
    elif w.dtype.kind == "c":
        w = w.conj()
    return lines(form, [Line(number, w, Reach(*width, nd.mode_of(mode)))], cval, dtype)
