"""Putting maxima back where they stood: `max_unpool1d`, `max_unpool2d`, `max_unpool3d`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastconv.ops import arguments as arg
from fastconv.ops.calls import remembered
from fastconv.ops.pooling import check_indices, check_input
from fastconv.ops.scatter import Scattering, prepare_scatter

__all__ = ["max_unpool1d", "max_unpool2d", "max_unpool3d"]


def max_unpool2d(
    input: Any,
    indices: Any,
    kernel_size: arg.PerAxis,
    stride: arg.PerAxis | None = None,
    padding: arg.PerAxis | Sequence[Sequence[int]] = 0,
    output_size: Sequence[int] | None = None,
) -> np.ndarray:
    """Images that are zero but where `max_pool2d` found its maxima: there they stand again.

    ``output[n, c].flat[indices[n, c, y, x]] = input[n, c, y, x]``, in row-major order: of several values for one
    element the last stays, as in PyTorch on a CPU. Indices of ONNX's MaxUnpool count through batch and channels too.

    Parameters
    ----------
    input : array_like, shape (N, C, H, W) or (C, H, W)
        Values of any real dtype, booleans included: maxima, or what became of them.
    indices : array_like of int, same shape
        Their places, which ``max_pool2d(..., return_indices=True)`` returns.
    kernel_size, stride, padding
        Those of the pooling. They only say how large the output is: ``(size - 1) * stride - before - after + kernel``
        along each axis.
    output_size : sequence of int, optional
        Size of the output, or its whole shape, where that is another: it may differ by less than the stride, as inputs
        of several sizes have as many windows.

    Returns
    -------
    ndarray, shape (N, C, OH, OW) or (C, OH, OW)
        Channels-last where the input is and else contiguous, with its dtype.

    Raises
    ------
    TypeError, ValueError
        Where shapes do not fit together.
    IndexError
        Where an index is not one of an element of its plane.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> x = np.array([[[1.0, 2, 0, 3], [4, 0, 1, 1]]])
    >>> fc.max_unpool2d(*fc.max_pool2d(x, 2, return_indices=True), 2)
    array([[[0., 0., 0., 3.],
            [4., 0., 0., 0.]]])
    """
    return _unpool(2, input, indices, kernel_size, stride, padding, output_size)


def max_unpool1d(
    input: Any,
    indices: Any,
    kernel_size: arg.PerAxis,
    stride: arg.PerAxis | None = None,
    padding: arg.PerAxis | Sequence[Sequence[int]] = 0,
    output_size: Sequence[int] | None = None,
) -> np.ndarray:
    """Signals that are zero but where `max_pool1d` found its maxima: there they stand again.

    ``output[n, c].flat[indices[n, c, x]] = input[n, c, x]``, as in PyTorch. Indices of ONNX's MaxUnpool count
    through batch and channels too.

    Parameters
    ----------
    input : array_like, shape (N, C, W) or (C, W)
        Values of any real dtype, booleans included.
    indices : array_like of int, same shape
        Their places, which ``max_pool1d(..., return_indices=True)`` returns.
    kernel_size, stride, padding, output_size
        As in `max_unpool2d`.

    Returns
    -------
    ndarray, shape (N, C, OW) or (C, OW)
        Contiguous, with the dtype of the input.

    Raises
    ------
    TypeError, ValueError, IndexError
        As `max_unpool2d`.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> fc.max_unpool1d(np.array([[5, 4]]), np.array([[1, 3]]), 2)
    array([[0, 5, 0, 4]])
    """
    return _unpool(1, input, indices, kernel_size, stride, padding, output_size)


def max_unpool3d(
    input: Any,
    indices: Any,
    kernel_size: arg.PerAxis,
    stride: arg.PerAxis | None = None,
    padding: arg.PerAxis | Sequence[Sequence[int]] = 0,
    output_size: Sequence[int] | None = None,
) -> np.ndarray:
    """Volumes that are zero but where `max_pool3d` found its maxima: there they stand again.

    ``output[n, c].flat[indices[n, c, z, y, x]] = input[n, c, z, y, x]``, as in PyTorch. Indices of ONNX's MaxUnpool
    count through batch and channels too.

    Parameters
    ----------
    input : array_like, shape (N, C, D, H, W) or (C, D, H, W)
        Values of any real dtype, booleans included.
    indices : array_like of int, same shape
        Their places, which ``max_pool3d(..., return_indices=True)`` returns.
    kernel_size, stride, padding, output_size
        As in `max_unpool2d`.

    Returns
    -------
    ndarray, shape (N, C, OD, OH, OW) or (C, OD, OH, OW)
        Contiguous, with the dtype of the input.

    Raises
    ------
    TypeError, ValueError, IndexError
        As `max_unpool2d`.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> fc.max_unpool3d(np.array([[[[7]]]]), np.array([[[[2]]]]), (1, 2, 2))
    array([[[[0, 0],
             [7, 0]]]])
    """
    return _unpool(3, input, indices, kernel_size, stride, padding, output_size)


def _unpool(
    rank: int, input: Any, indices: Any, kernel_size: Any, stride: Any, padding: Any, output_size: Any
) -> np.ndarray:
    x, at = arg.array(input, "input"), arg.array(indices, "indices")
    return _prepare((x, at), rank, kernel_size, stride, padding, output_size).run(x, at)


@remembered
def _prepare(
    forms: tuple[arg.Form, arg.Form], rank: int, kernel_size: Any, stride: Any, padding: Any, output_size: Any
) -> Scattering:
    x, indices = forms
    check_input(x, rank, f"max_unpool{rank}d")
    check_indices(indices, x.shape, "input")
    size = _output_size(x.shape, rank, kernel_size, stride, padding, output_size)
    dtype = x.dtype.newbyteorder("=")
    word = np.dtype(f"u{dtype.itemsize}")  # values are moved, not computed with
    return prepare_scatter(False, forms, (*x.shape[:-rank], *size), rank, dtype, dtype, word)


def _output_size(
    shape: tuple[int, ...], rank: int, kernel_size: Any, stride: Any, padding: Any, output_size: Any
) -> tuple[int, ...]:
    """The size that was asked for, or the one that such a pooling leaves no rest of."""
    kernel = arg.per_axis(kernel_size, rank, "kernel_size", 1)
    strides = kernel if stride is None else arg.per_axis(stride, rank, "stride", 1)
    pads = arg.pair_per_axis(padding, rank)
    size = tuple((n - 1) * s - sum(pad) + k for n, k, s, pad in zip(shape[-rank:], kernel, strides, pads, strict=True))
    if output_size is None:
        if min(size) < 1:
            raise ValueError(f"the output would have size {size}; use less padding, or give output_size.")
        return size
    given = output_size
    if isinstance(given, (tuple, list)) and len(given) == len(shape):
        if tuple(given[:-rank]) != shape[:-rank]:
            raise ValueError(f"output_size={given!r} has another batch or other channels than input of shape {shape}.")
        given = given[-rank:]
    wanted = arg.per_axis(given, rank, "output_size", 1)
    for n, plain, s in zip(wanted, size, strides, strict=True):
        if not plain - s < n < plain + s:
            raise ValueError(
                f"output_size={n} cannot be reached: with this input, kernel, stride and padding it lies between "
                f"{max(1, plain - s + 1)} and {plain + s - 1}."
            )
    return wanted
