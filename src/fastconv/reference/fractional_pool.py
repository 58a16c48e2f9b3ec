"""Fractional max pooling: windows of one size that begin where a pseudo-random sequence says.

Source: B. Graham, "Fractional max-pooling" (2014), arXiv:1412.6071, section 2; the sequence is PyTorch's.
"""

import itertools
from collections.abc import Sequence

import numpy as np

from fastconv.reference.padding import Array, PerAxis
from fastconv.reference.pool import position_of_maximum

__all__ = ["fractional_begins", "fractional_max_pool"]


def fractional_begins(size: int, kernel: int, outputs: int, sample: float) -> list[int]:
    """Return where the windows of an axis begin, for a random number from 0 up to 1.

    The last one ends where the axis does; the others begin at ``int((o + u) * a) - int(u * a)`` with
    ``a = (size - kernel) / (outputs - 1)``, rounded as numbers of the sample's type are.

    Examples
    --------
    >>> fractional_begins(10, 2, 4, 0.0), fractional_begins(10, 2, 4, 0.5)
    ([0, 2, 5, 8], [0, 3, 5, 8])
    """
    kind = type(sample)
    step = kind(size - kernel) / kind(max(1, outputs - 1))
    begins = [int((kind(o) + sample) * step) - int(sample * step) for o in range(outputs - 1)]
    return [*begins, size - kernel]


def fractional_max_pool(input: Array, kernel: PerAxis, begins: Sequence[Array]) -> tuple[Array, Array]:
    """Take the maximum of every window, and say where it stands.

    Parameters
    ----------
    input : array, shape (N, C, *spatial)
    kernel : tuple of int
        One size per spatial axis.
    begins : sequence of int array, shape (N, C, outputs)
        Where windows begin, one array per spatial axis.

    Examples
    --------
    >>> values, indices = fractional_max_pool(np.array([[[3, 1, 4, 1, 5]]]), (2,), [np.array([[[0, 1, 3]]])])
    >>> values.tolist(), indices.tolist()
    ([[[3, 4, 5]]], [[[0, 2, 4]]])
    """
    sizes, output = input.shape[2:], [axis.shape[2] for axis in begins]
    values = np.zeros((*input.shape[:2], *output), input.dtype)
    indices = np.zeros(values.shape, np.int64)
    for n, c, *position in np.ndindex(*values.shape):
        firsts = [axis[n, c, o] for axis, o in zip(begins, position, strict=True)]
        window = itertools.product(*(range(first, first + k) for first, k in zip(firsts, kernel, strict=True)))
        best = position_of_maximum(input[n, c], window)
        assert best is not None, "no window is empty"
        values[n, c, *position] = input[n, c, *best]
        indices[n, c, *position] = np.ravel_multi_index(best, sizes)
    return values, indices
