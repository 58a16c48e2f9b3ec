"""Filters in SciPy's words: what each element's window holds, and what is made of it."""

from collections.abc import Callable

import numpy as np

from fastconv.reference.padding import Array, PerAxis, pad_axis

__all__ = ["correlate", "extremes", "truncated", "uniform"]

#: By SciPy's names the modes of `fastconv.reference.padding`.
MODES = {
    "reflect": "symmetric",
    "grid-mirror": "symmetric",
    "constant": "zeros",
    "grid-constant": "zeros",
    "nearest": "replicate",
    "mirror": "reflect",
    "wrap": "circular",
    "grid-wrap": "circular",
}


def _filtered(
    x: Array, size: PerAxis, origin: PerAxis, mode: str, cval: complex, reduce: Callable[[Array], complex], dtype: type
) -> Array:
    """Reduce the window of each element: n elements along each axis, the first n // 2 + origin before its own."""
    extended = x
    for axis, (n, shift) in enumerate(zip(size, origin, strict=True)):
        before = n // 2 + shift
        extended = pad_axis(extended, axis, before, n - 1 - before, MODES[mode], cval)
    y: Array = np.zeros(x.shape, dtype)
    for position in np.ndindex(*x.shape):
        window = tuple(slice(start, start + n) for start, n in zip(position, size, strict=True))
        y[position] = reduce(extended[window])
    return y


def correlate(x: Array, w: Array, origin: PerAxis, mode: str, cval: complex = 0) -> Array:
    """Sum of each window times the weights, which are conjugated where they are complex.

    Parameters
    ----------
    x : array, floating or complex
        Of any number of axes.
    w : array
        Weights of a window, as many axes.
    origin : tuple of int
        By how much the window is moved towards the beginning of each axis.
    mode : str
        What stands beside the array, one of SciPy's names.
    cval : number
        What stands there in mode "constant".

    Returns
    -------
    array, shape of `x`, float64 or complex128

    Examples
    --------
    >>> correlate(np.array([1.0, 2.0, 3.0]), np.array([0.0, 1.0, 10.0]), (0,), "reflect").tolist()
    [21.0, 32.0, 33.0]
    """
    w = np.conj(w)
    dtype = complex if "c" in (x.dtype.kind, w.dtype.kind) else float
    return _filtered(x, w.shape, origin, mode, cval, lambda window: np.sum(window.astype(dtype) * w), dtype)


def uniform(x: Array, size: PerAxis, origin: PerAxis, mode: str, cval: float = 0) -> Array:
    """Mean of each window, in float64; arguments as of `correlate`.

    Examples
    --------
    >>> uniform(np.array([1.0, 2.0, 6.0]), (2,), (0,), "nearest").tolist()
    [1.0, 1.5, 4.0]
    """
    return _filtered(x, size, origin, mode, cval, lambda window: np.mean(window.astype(float)), float)


def extremes(x: Array, where: Array, origin: PerAxis, mode: str, cval: float = 0, least: bool = False) -> Array:
    """Greatest or least element of each window among those that `where` is true for; NaN if there is one.

    Examples
    --------
    >>> extremes(np.array([1, 5, 2, 4]), np.array([True, False, True]), (0,), "nearest").tolist()
    [5, 2, 5, 4]
    """
    pick = np.min if least else np.max
    return _filtered(x, where.shape, origin, mode, cval, lambda window: pick(window[where]), x.dtype.type)


def truncated(y: Array, dtype: type) -> Array:
    """Floats as integers: without their fraction, and modulo the number of values of the type.

    Examples
    --------
    >>> truncated(np.array([2.9, -2.9, 259.5]), np.uint8).tolist()
    [2, 254, 3]
    """
    info = np.iinfo(dtype)
    values = [(int(value) - info.min) % 2**info.bits + info.min for value in y.ravel().tolist()]
    return np.array(values, dtype).reshape(y.shape)
