"""Differences of neighbours: `sobel`, `prewitt`, `laplace`, and sums and lengths of a caller's own derivatives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fastconv.ndimage import arguments as nd
from fastconv.ndimage.sums import along, weighted
from fastconv.ops import arguments as arg

__all__ = ["generic_gradient_magnitude", "generic_laplace", "laplace", "prewitt", "sobel"]


def sobel(input: Any, axis: int = -1, output: Any = None, mode: Any = "reflect", cval: complex = 0.0) -> np.ndarray:
    """Difference of neighbours along one axis, smoothed by 1, 2, 1 along the others, as ``scipy.ndimage.sobel``.

    Parameters
    ----------
    input : array_like
        Real or complex numbers, of any number of axes, strides and byte order.
    axis : int
        Along which the difference ``E[i + 1] - E[i - 1]`` is taken.
    output, cval
        As in `correlate`.
    mode : str or sequence of str
        As in `correlate`, along all axes or along each.

    Returns
    -------
    ndarray, shape of the input
        `output` if that is an array. Unsigned integers wrap around, as SciPy's: give a signed dtype. Booleans are true
        where the sum of their products, as numbers, is not zero; SciPy's are the bytes of what it has on the way.

    Raises
    ------
    RuntimeError, ValueError, TypeError
        As `correlate`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import ndimage
    >>> ndimage.sobel(np.array([[0, 0, 5], [0, 0, 5], [0, 0, 5]]))
    array([[ 0, 20, 20],
           [ 0, 20, 20],
           [ 0, 20, 20]])
    """
    return _difference(input, axis, [1.0, 2.0, 1.0], output, mode, cval)


def prewitt(input: Any, axis: int = -1, output: Any = None, mode: Any = "reflect", cval: complex = 0.0) -> np.ndarray:
    """As `sobel`, but smoothed by 1, 1, 1, as ``scipy.ndimage.prewitt``.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import ndimage
    >>> ndimage.prewitt(np.array([[0, 0, 5], [0, 0, 5], [0, 0, 5]]))
    array([[ 0, 15, 15],
           [ 0, 15, 15],
           [ 0, 15, 15]])
    """
    return _difference(input, axis, [1.0, 1.0, 1.0], output, mode, cval)


def laplace(
    input: Any, output: Any = None, mode: Any = "reflect", cval: complex = 0.0, *, axes: nd.Axes = None
) -> np.ndarray:
    """Sum of the second differences ``E[i - 1] - 2 * E[i] + E[i + 1]`` along all axes, as ``scipy.ndimage.laplace``.

    Parameters
    ----------
    input, output, cval, axes
        As in `correlate`.
    mode : str or sequence of str
        As in `correlate`, along all axes or along each.

    Returns
    -------
    ndarray, shape of the input
        `output` if that is an array. Unsigned integers wrap around, as SciPy's; booleans are as in `sobel`.

    Raises
    ------
    RuntimeError, ValueError, TypeError
        As `correlate`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import ndimage
    >>> ndimage.laplace(np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0]]))
    array([[ 0,  1,  0],
           [ 1, -4,  1],
           [ 0,  1,  0]])
    """

    def second(x: Any, axis: int, output: Any, mode: Any, cval: Any) -> np.ndarray:
        place = nd.output_of(output, x, x.dtype.kind == "c")
        return place.take(along(x, np.array([1.0, -2.0, 1.0]), axis, (1, 1), nd.mode_of(mode), cval, place.dtype))

    x = arg.array(input, "input")
    found = nd.axes_of(axes, x.ndim)
    modes = nd.per_axis(mode, len(found), "mode")
    nd.check_cval(cval, x)
    place = nd.output_of(output, x, x.dtype.kind == "c")
    same = len({nd.mode_of(name) for name in modes}) == 1
    rounds = place.dtype.kind in "biu" and cval != np.rint(cval)
    if not 1 < len(found) <= 3 or not same or rounds:  # one axis after the other
        return generic_laplace(x, second, output, modes, cval, axes=axes)
    widths = [(1, 1) if axis in found else (0, 0) for axis in range(x.ndim)]
    w = np.zeros([1 + before + after for before, after in widths])
    centre = tuple(before for before, _ in widths)
    for axis in found:
        for step, factor in ((-1, 1.0), (0, -2.0), (1, 1.0)):
            w[tuple(at + step * (i == axis) for i, at in enumerate(centre))] += factor
    return place.take(weighted(x, w, widths, nd.mode_of(modes[0]), cval, place.dtype))


def generic_laplace(
    input: Any,
    derivative2: Callable[..., Any],
    output: Any = None,
    mode: Any = "reflect",
    cval: complex = 0.0,
    extra_arguments: Sequence[Any] = (),
    extra_keywords: dict[str, Any] | None = None,
    *,
    axes: nd.Axes = None,
) -> np.ndarray:
    """Sum of second derivatives along all axes, as ``scipy.ndimage.generic_laplace``.

    Parameters
    ----------
    input, output, mode, cval, axes
        As in `laplace`.
    derivative2 : callable
        ``derivative2(input, axis, output, mode, cval, *extra_arguments, **extra_keywords)``, which returns the
        derivative; `output` is the dtype of the result, where SciPy at first hands over an array.
    extra_arguments, extra_keywords : sequence and dict, optional
        For `derivative2`.

    Returns
    -------
    ndarray, shape of the input

    Raises
    ------
    RuntimeError, ValueError, TypeError
        As `correlate`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import ndimage
    >>> def second(x, axis, output, mode, cval):
    ...     return ndimage.correlate1d(x, [1, -2, 1], axis, output, mode, cval)
    >>> ndimage.generic_laplace(np.array([0, 0, 1, 0]), second)
    array([ 0,  1, -2,  1])
    """
    return _total(input, derivative2, False, output, mode, cval, extra_arguments, extra_keywords, axes)


def generic_gradient_magnitude(
    input: Any,
    derivative: Callable[..., Any],
    output: Any = None,
    mode: Any = "reflect",
    cval: complex = 0.0,
    extra_arguments: Sequence[Any] = (),
    extra_keywords: dict[str, Any] | None = None,
    *,
    axes: nd.Axes = None,
) -> np.ndarray:
    """Root of the sum of squares of derivatives along all axes, as ``scipy.ndimage.generic_gradient_magnitude``.

    Everything is as in `generic_laplace`. Squares and their sum have the dtype of the result.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import ndimage
    >>> ndimage.generic_gradient_magnitude(np.array([[0.0, 3.0], [4.0, 7.0]]), ndimage.sobel)
    array([[20., 20.],
           [20., 20.]])
    """
    total = _total(input, derivative, True, output, mode, cval, extra_arguments, extra_keywords, axes)
    if nd.axes_of(axes, np.ndim(input)):
        with np.errstate(all="ignore"):
            np.sqrt(total, out=total, casting="unsafe")
    return total


def _total(
    input: Any,
    derivative: Callable[..., Any],
    squares: bool,
    output: Any,
    mode: Any,
    cval: Any,
    extra_arguments: Sequence[Any],
    extra_keywords: dict[str, Any] | None,
    axes: nd.Axes,
) -> np.ndarray:
    """The sum of the derivatives along the axes or of their squares, in the dtype of the result."""
    x, keywords = arg.array(input, "input"), extra_keywords or {}
    found = nd.axes_of(axes, x.ndim)
    modes = nd.per_axis(mode, len(found), "mode")
    place = nd.output_of(output, x, x.dtype.kind == "c")
    if not found:
        return place.take(x)
    total: Any = None
    for axis, name in zip(found, modes, strict=True):
        part = np.asarray(derivative(x, axis, place.dtype, name, cval, *extra_arguments, **keywords))
        part = part.astype(place.dtype, copy=False)
        with np.errstate(all="ignore"):  # compiled filters warn of nothing either
            part = part * part if squares else part
            if total is None:  # the caller's function may have given something of its own
                total = part if squares else part.copy()
            else:
                total += part
    return place.take(total)


def _difference(input: Any, axis: Any, smooth: Sequence[float], output: Any, mode: Any, cval: Any) -> np.ndarray:
    x = arg.array(input, "input")
    number = nd.axis_of(axis, x.ndim)
    modes = [nd.mode_of(name) for name in nd.per_axis(mode, x.ndim, "mode")]
    place = nd.output_of(output, x, x.dtype.kind == "c")
    nd.check_cval(cval, x)
    order = [number, *(i for i in range(x.ndim) if i != number)]
    kernels = {i: np.array([-1.0, 0.0, 1.0] if i == number else smooth) for i in order}
    # Floats go one axis after the other: of equal ones the difference is to be 0.
    whole = x.dtype.kind in "biu" and place.dtype.kind in "iu" and x.dtype.itemsize < 8
    if whole and x.ndim <= 3 and len(set(modes)) == 1 and (modes[0] != "zeros" or cval == 0):
        w = np.ones((1,) * x.ndim)
        for i, kernel in kernels.items():
            w = w * kernel.reshape([-1 if j == i else 1 for j in range(x.ndim)])
        return place.take(weighted(x, w, [(1, 1)] * x.ndim, modes[0], cval, place.dtype))
    for i in order:
        x = along(x, kernels[i], i, (1, 1), modes[i], cval, place.dtype)
    return place.take(x)
