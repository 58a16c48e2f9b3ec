"""Numba functions of a user's own, with parallel regions of Numba's."""

import numba
import numpy as np
from numba import njit, objmode, prange

import fastconv as fc

__all__ = ["convolve_all", "row_sums", "start_layer"]


@njit(parallel=True, cache=True)
def row_sums(x):
    """Sum of each row."""
    sums = np.zeros(len(x))
    for i in prange(len(x)):
        for j in range(x.shape[1]):
            sums[i] += x[i, j]
    return sums


def _convolve_one(images, weight, results, i):
    results[i] = fc.conv2d(images[i], weight)


@njit(parallel=True)
def convolve_all(images, weight, results):
    """Our convolution inside a region of Numba's."""
    for i in prange(len(images)):
        with objmode():
            _convolve_one(images, weight, results, i)


def start_layer() -> str:
    """Enter a region of Numba's; which threading layer runs it."""
    x = np.arange(4000.0).reshape(40, 100)
    assert np.array_equal(row_sums(x), x.sum(1))
    return numba.threading_layer()
