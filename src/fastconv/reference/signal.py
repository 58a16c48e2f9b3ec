"""Convolution of two arrays of any number of axes, with the names of signal processing."""

from typing import Any

import numpy as np

from fastconv.reference.padding import Array, pad_axis

__all__ = ["convolve", "correlate"]


def convolve(in1: Array, in2: Array, mode: str = "full", boundary: str = "zeros", value: Any = 0) -> Array:
    """Slide the second array, turned around on every axis, over the first, which is extended beyond its ends.

    With E the extended first array::

        F[n] = sum over k of E[n - k] * in2[k]    for 0 <= n < size + taps - 1 on every axis

    Parameters
    ----------
    in1, in2 : array
        Of as many axes.
    mode : str
        - ``"full"``: all of F.
        - ``"same"``: as many elements as `in1` has, from (taps - 1) // 2 on.
        - ``"valid"``: where the second lies inside the first, from taps - 1 on.
    boundary : str
        See `fastconv.reference.padding.source_index`.
    value : number
        What stands beside the first array in boundary ``"zeros"``.

    Returns
    -------
    array
        In the dtype that NumPy gives to both, in which is summed.

    Examples
    --------
    >>> convolve(np.array([1, 2, 3]), np.array([1, 10])).tolist()
    [1, 12, 23, 30]
    >>> convolve(np.array([1, 2, 3]), np.array([1, 10]), "same", "circular").tolist()
    [31, 12, 23]
    """
    dtype = np.result_type(in1, in2)
    extended = in1.astype(dtype)
    for axis, taps in enumerate(in2.shape):
        extended = pad_axis(extended, axis, taps - 1, taps - 1, boundary, value)
    turned = np.flip(in2).astype(dtype)
    whole = np.zeros([size + taps - 1 for size, taps in zip(in1.shape, in2.shape, strict=True)], dtype)
    for place in np.ndindex(*whole.shape):
        window = extended[tuple(slice(n, n + taps) for n, taps in zip(place, in2.shape, strict=True))]
        whole[place] = np.sum(window * turned, dtype=dtype)
    begins = {
        "full": [0 for _ in in2.shape],
        "same": [(taps - 1) // 2 for taps in in2.shape],
        "valid": [taps - 1 for taps in in2.shape],
    }
    counts = {
        "full": list(whole.shape),
        "same": list(in1.shape),
        "valid": [size - taps + 1 for size, taps in zip(in1.shape, in2.shape, strict=True)],
    }
    return whole[tuple(slice(begin, begin + n) for begin, n in zip(begins[mode], counts[mode], strict=True))]


def correlate(in1: Array, in2: Array, mode: str = "full") -> Array:
    """Slide the second array, conjugated, over the first: the convolution with it turned around and conjugated.

    Examples
    --------
    >>> correlate(np.array([1, 2, 3]), np.array([1, 10])).tolist()
    [10, 21, 32, 3]
    """
    return convolve(in1, np.flip(in2).conj(), mode)
