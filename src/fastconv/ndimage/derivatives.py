"""Differences of neighbours: `sobel`, `prewitt`, `laplace`, and sums and lengths of a caller's own derivatives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from fastconv.ndimage import arguments as nd
from fastconv.ndimage.calls import filtered, planned
from fastconv.ndimage.sums import Step, lines, weighted
from fastconv.ops import arguments as arg
from fastconv.ops.arguments import Form
from fastconv.ops.lines import Line
from fastconv.plan.reach import Reach

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
    return filtered(_difference, input, output, axis, 2.0, mode, cval)


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
    return filtered(_difference, input, output, axis, 1.0, mode, cval)


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

    return filtered(_seconds, input, output, mode, cval, axes)


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


def _second(x: Any, axis: int, output: Any, mode: Any, cval: Any) -> np.ndarray:
    """The second difference along an axis."""
    return filtered(_second_line, x, output, axis, mode, cval)


@planned
def _second_line(form: Form, dtype: np.dtype, axis: int, mode: Any, cval: Any) -> Step:
    return lines(form, [Line(axis, np.array([1.0, -2.0, 1.0]), Reach(1, 1, nd.mode_of(mode)))], cval, dtype)


@planned
def _seconds(form: Form, dtype: np.dtype, mode: Any, cval: Any, axes: nd.Axes) -> Step:
    """The sum of second differences along axes: in one window where that comes to the same."""
    rank = len(form.shape)
    found = nd.axes_of(axes, rank)
    modes = nd.per_axis(mode, len(found), "mode")
    nd.check_cval(cval, form)
    same = len({nd.mode_of(name) for name in modes}) == 1
    rounds = dtype.kind in "biu" and cval != np.rint(cval)
    if not 1 < len(found) <= 3 or not same or rounds:
        return partial(generic_laplace, derivative2=_second, output=dtype, mode=modes, cval=cval, axes=found)
    widths = [(1, 1) if axis in found else (0, 0) for axis in range(rank)]
    w = np.zeros([1 + before + after for before, after in widths])
    centre = tuple(before for before, _ in widths)
    for axis in found:
        for step, factor in ((-1, 1.0), (0, -2.0), (1, 1.0)):
            w[tuple(at + step * (i == axis) for i, at in enumerate(centre))] += factor
    return weighted(form, w, widths, nd.mode_of(modes[0]), cval, dtype)


@planned
def _difference(form: Form, dtype: np.dtype, axis: Any, middle: float, mode: Any, cval: Any) -> Step:
    """The difference along an axis, then the weights 1, `middle`, 1 along the others: of equal ones it is 0."""
    rank = len(form.shape)
    number = nd.axis_of(axis, rank)
    modes = [nd.mode_of(name) for name in nd.per_axis(mode, rank, "mode")]
    nd.check_cval(cval, form)
    some = [Line(number, np.array([-1.0, 0.0, 1.0]), Reach(1, 1, modes[number]))]
    some += [Line(i, np.array([1.0, middle, 1.0]), Reach(1, 1, modes[i])) for i in range(rank) if i != number]
    return lines(form, some, cval, dtype)
