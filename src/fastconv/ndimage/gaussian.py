"""Gaussians and what derives from them: `gaussian_filter`, `gaussian_laplace`, `gaussian_gradient_magnitude`."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np

from fastconv.ndimage import arguments as nd
from fastconv.ndimage.calls import filtered, planned
from fastconv.ndimage.derivatives import generic_gradient_magnitude, generic_laplace
from fastconv.ndimage.sums import Step, lines
from fastconv.ops import arguments as arg
from fastconv.ops.arguments import Form
from fastconv.ops.lines import Line
from fastconv.plan.reach import Reach

__all__ = ["gaussian_filter", "gaussian_filter1d", "gaussian_gradient_magnitude", "gaussian_laplace"]

#: Standard deviations up to which an axis is left as it is.
_NONE = 1e-15


def gaussian_filter(
    input: Any,
    sigma: Any,
    order: Any = 0,
    output: Any = None,
    mode: Any = "reflect",
    cval: complex = 0.0,
    truncate: float = 4.0,
    *,
    radius: Any = None,
    axes: nd.Axes = None,
) -> np.ndarray:
    """Weighted mean with the weights of a Gaussian, or with its derivatives, as ``scipy.ndimage.gaussian_filter``.

    One axis after the other is convolved with the weights ``g[k] = exp(-k**2 / (2 * sigma**2))`` for whole numbers
    ``-radius <= k <= radius``, over their sum; for a derivative of order n with those times the polynomial that the
    n-th derivative of the Gaussian has before it.

    Parameters
    ----------
    input : array_like
        Real or complex numbers, of any number of axes, strides and byte order.
    sigma : float or sequence of float
        Standard deviation, in elements, along all axes or along each; an axis with 0 stays as it is.
    order : int or sequence of int
        Of the derivative along all axes or along each; 0 smooths.
    output, cval, axes
        As in `correlate`.
    mode : str or sequence of str
        As in `correlate`, along all axes or along each.
    truncate : float
        The radius in standard deviations.
    radius : int or sequence of int, optional
        The radius in elements, along all axes or along each, in place of `truncate`.

    Returns
    -------
    ndarray, shape of the input
        `output` if that is an array. What one axis leaves to the next has this dtype too, as in SciPy.

    Raises
    ------
    RuntimeError, ValueError, TypeError
        As `correlate`; ValueError too where an order or a radius is negative or a radius is no whole number.

    Notes
    -----
    Rounding is as in `correlate`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import ndimage
    >>> ndimage.gaussian_filter(np.array([0.0, 0.0, 1.0, 0.0, 0.0]), sigma=0.5).round(3)
    array([0.   , 0.106, 0.787, 0.106, 0.   ])
    """
    if isinstance(sigma, (tuple, list)):  # calls are remembered by bytes, not by sequences of floats
        sigma = np.array(sigma, np.float64).tobytes()
    return filtered(_smooth, input, output, sigma, order, mode, cval, truncate, radius, axes)


def gaussian_filter1d(
    input: Any,
    sigma: float,
    axis: int = -1,
    order: int = 0,
    output: Any = None,
    mode: str = "reflect",
    cval: complex = 0.0,
    truncate: float = 4.0,
    *,
    radius: int | None = None,
) -> np.ndarray:
    """As `gaussian_filter`, along one axis, as ``scipy.ndimage.gaussian_filter1d``.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import ndimage
    >>> ndimage.gaussian_filter1d(np.arange(5.0), sigma=1, order=1, mode="nearest").round(3)
    array([0.5  , 0.863, 0.971, 0.863, 0.5  ])
    """
    return filtered(_smooth_line, input, output, sigma, axis, order, mode, cval, truncate, radius)


def gaussian_laplace(
    input: Any,
    sigma: Any,
    output: Any = None,
    mode: Any = "reflect",
    cval: complex = 0.0,
    *,
    axes: nd.Axes = None,
    **kwargs: Any,
) -> np.ndarray:
    """Sum of the second derivatives of a Gaussian, as ``scipy.ndimage.gaussian_laplace``.

    Parameters
    ----------
    input, sigma, output, cval, axes
        As in `gaussian_filter`.
    mode : str or sequence of str
        As in `gaussian_filter`; one for each axis is that of the derivative along it.
    **kwargs
        `truncate` and `radius`, for `gaussian_filter`.

    Returns
    -------
    ndarray, shape of the input

    Raises
    ------
    RuntimeError, ValueError, TypeError
        As `gaussian_filter`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import ndimage
    >>> ndimage.gaussian_laplace(np.array([0.0, 0.0, 1.0, 0.0, 0.0]), sigma=1, radius=2).round(3)
    array([ 0.163,  0.   , -0.403,  0.   ,  0.163])
    """
    x = arg.array(input, "input")
    found = nd.axes_of(axes, x.ndim)
    sigmas = [0.0] * x.ndim
    order = found if len(found) < x.ndim else range(x.ndim)  # those of all axes are in their own order, as in SciPy
    for axis, value in zip(order, nd.per_axis(sigma, len(found), "sigma"), strict=True):
        sigmas[axis] = value
    return generic_laplace(x, _derivative(2, x.ndim), output, mode, cval, (tuple(sigmas),), kwargs, axes=axes)


def gaussian_gradient_magnitude(
    input: Any,
    sigma: Any,
    output: Any = None,
    mode: Any = "reflect",
    cval: complex = 0.0,
    *,
    axes: nd.Axes = None,
    **kwargs: Any,
) -> np.ndarray:
    """Length of the gradient of a Gaussian, as ``scipy.ndimage.gaussian_gradient_magnitude``.

    Everything is as in `gaussian_laplace`, but `sigma` has one value for all axes or one for each of the input's.
    Squares and their sum have the dtype of the result, also where that is of integers.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import ndimage
    >>> ndimage.gaussian_gradient_magnitude(np.array([[0.0, 3.0], [4.0, 7.0]]), sigma=0.5).round(3)
    array([[2.129, 2.129],
           [2.129, 2.129]])
    """
    x = arg.array(input, "input")
    return generic_gradient_magnitude(x, _derivative(1, x.ndim), output, mode, cval, (sigma,), kwargs, axes=axes)


def _derivative(degree: int, rank: int) -> Any:
    """A function that derives along an axis and smooths along the others."""

    def derive(x: Any, axis: int, output: Any, mode: Any, cval: Any, sigma: Any, **kwargs: Any) -> np.ndarray:
        orders = tuple(degree if i == axis else 0 for i in range(rank))
        return gaussian_filter(x, sigma, orders, output, mode, cval, **kwargs)

    return derive


@planned
def _smooth(
    form: Form,
    dtype: np.dtype,
    sigma: Any,
    order: Any,
    mode: Any,
    cval: Any,
    truncate: float,
    radius: Any,
    axes: nd.Axes,
) -> Step:
    """Gaussians along some axes, one after the other."""
    found = nd.axes_of(axes, len(form.shape))
    sigma = np.frombuffer(sigma).tolist() if isinstance(sigma, bytes) else sigma
    given = [
        nd.per_axis(value, len(found), name)
        for value, name in ((sigma, "sigma"), (order, "order"), (mode, "mode"), (radius, "radius"))
    ]
    nd.check_cval(cval, form)
    some = [
        _line(axis, _weights(sigma, order, truncate, radius), mode)
        for axis, sigma, order, mode, radius in zip(found, *given, strict=True)
        if sigma > _NONE
    ]
    return lines(form, some, cval, dtype)


@planned
def _smooth_line(
    form: Form,
    dtype: np.dtype,
    sigma: float,
    axis: int,
    order: int,
    mode: str,
    cval: complex,
    truncate: float,
    radius: int | None,
) -> Step:
    """A Gaussian along one axis."""
    w = _weights(float(sigma), order, truncate, radius)
    line = _line(nd.axis_of(axis, len(form.shape)), w, mode)
    nd.check_cval(cval, form)
    return lines(form, [line], cval, dtype)


def _line(axis: int, w: np.ndarray, mode: Any) -> Line:
    return Line(axis, w, Reach(*nd.widths_of(w.size, 0), nd.mode_of(mode)))


def _weights(sigma: float, order: int, truncate: float, radius: Any) -> np.ndarray:
    """The weights of a correlation.

    A derivative of the Gaussian is q(k) times it; the next has ``q'(k) - k / sigma**2 * q(k)`` in place of q.
    """
    reach = int(truncate * float(sigma) + 0.5) if radius is None else radius
    if not isinstance(reach, numbers.Integral) or reach < 0:
        raise ValueError(f"radius={reach!r} is no whole number of at least 0; give one.")
    if order < 0:
        raise ValueError(f"order={order!r} is negative; give at least 0.")
    variance = float(sigma) * float(sigma)
    k = np.arange(-int(reach), int(reach) + 1)
    gaussian = np.exp(-0.5 / variance * k**2)
    gaussian /= gaussian.sum()
    factor = np.polynomial.Polynomial([1.0])
    for _ in range(order):
        factor = factor.deriv() - factor * np.polynomial.Polynomial([0.0, 1 / variance])
    if order:
        powers = k[:, None] ** np.arange(order + 1.0)
        gaussian = np.dot(powers, np.asarray(factor.coef, np.float64)) * gaussian
    return gaussian[::-1]  # of a convolution
