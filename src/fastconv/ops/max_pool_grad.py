"""Gradients of maxima for their inputs: `max_pool1d` and so on, and the adaptive ones, of `fastconv.grad`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastconv.ops import arguments as arg
from fastconv.ops import dtypes
from fastconv.ops.calls import remembered
from fastconv.ops.pooling import check_indices, check_real_gradient, size_of_input
from fastconv.ops.scatter import Scattering, prepare_scatter

__all__ = [
    "adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d", "gradient_of_maxima", "max_pool1d",
    "max_pool2d", "max_pool3d",
]  # fmt: skip


def max_pool2d(grad_output: Any, indices: Any, input_size: Sequence[int]) -> np.ndarray:
    """The gradient of a loss for the input of `max_pool2d`, from the gradient for its maxima.

    ``grad_input[n, c].flat[indices[n, c, y, x]] += grad_output[n, c, y, x]`` for every window in row-major order: an
    element gets the sum over all windows whose maximum it is. Those of other maxima, adaptive and fractional ones, are
    the same.

    Parameters
    ----------
    grad_output : array_like, shape (N, C, OH, OW) or (C, OH, OW)
        The gradient for the maxima, of any real dtype.
    indices : array_like of int, same shape
        Their places, which ``max_pool2d(..., return_indices=True)`` returns.
    input_size : sequence of int
        Shape of the input, (N, C, H, W) or (C, H, W).

    Returns
    -------
    ndarray
        Of shape `input_size`, channels-last where `grad_output` is and else contiguous, with its dtype; float16 is
        summed in float32, and whole numbers are summed in and returned as int32, or int64 where they have more than 8
        bits.

    Raises
    ------
    TypeError, ValueError
        Where shapes do not fit together.
    IndexError
        Where an index is not one of an element of its plane.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> x = np.array([[[1.0, 5, 2, 4]]])
    >>> y, indices = fc.max_pool2d(x, (1, 2), 1, return_indices=True)
    >>> fc.grad.max_pool2d(np.array([[[1.0, 10, 100]]]), indices, x.shape)
    array([[[  0.,  11.,   0., 100.]]])
    """
    return gradient_of_maxima("max_pool2d", 2, grad_output, indices, input_size)


def adaptive_max_pool2d(grad_output: Any, indices: Any, input_size: Sequence[int]) -> np.ndarray:
    """The gradient of a loss for the input of `adaptive_max_pool2d`, from the gradient for its maxima.

    `input_size` is (N, C, H, W) or (C, H, W) and `grad_output` and `indices` have shape (N, C, OH, OW) or
    (C, OH, OW); everything else is as in `max_pool2d` of this module.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> fc.grad.adaptive_max_pool2d(np.array([[[1.0, 10]]]), np.array([[[1, 1]]]), (1, 1, 3))
    array([[[ 0., 11.,  0.]]])
    """
    return gradient_of_maxima("adaptive_max_pool2d", 2, grad_output, indices, input_size)


def max_pool1d(grad_output: Any, indices: Any, input_size: Sequence[int]) -> np.ndarray:
    """The gradient of a loss for the input of `max_pool1d`, from the gradient for its maxima.

    `input_size` is (N, C, W) or (C, W) and `grad_output` and `indices` have shape (N, C, OW) or (C, OW); everything
    else is as in `max_pool2d` of this module.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> fc.grad.max_pool1d(np.array([[1.0, 10, 100]]), np.array([[1, 1, 3]]), (1, 4))
    array([[  0.,  11.,   0., 100.]])
    """
    return gradient_of_maxima("max_pool1d", 1, grad_output, indices, input_size)


def adaptive_max_pool1d(grad_output: Any, indices: Any, input_size: Sequence[int]) -> np.ndarray:
    """The gradient of a loss for the input of `adaptive_max_pool1d`, from the gradient for its maxima.

    `input_size` is (N, C, W) or (C, W) and `grad_output` and `indices` have shape (N, C, OW) or (C, OW); everything
    else is as in `max_pool2d` of this module.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> fc.grad.adaptive_max_pool1d(np.array([[1.0, 10]]), np.array([[1, 1]]), (1, 3))
    array([[ 0., 11.,  0.]])
    """
    return gradient_of_maxima("adaptive_max_pool1d", 1, grad_output, indices, input_size)


def max_pool3d(grad_output: Any, indices: Any, input_size: Sequence[int]) -> np.ndarray:
    """The gradient of a loss for the input of `max_pool3d`, from the gradient for its maxima.

    `input_size` is (N, C, D, H, W) or (C, D, H, W) and `grad_output` and `indices` have shape (N, C, OD, OH, OW) or
    (C, OD, OH, OW); everything else is as in `max_pool2d` of this module.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> fc.grad.max_pool3d(np.array([[[[1.0, 10, 100]]]]), np.array([[[[1, 1, 3]]]]), (1, 1, 1, 4))
    array([[[[  0.,  11.,   0., 100.]]]])
    """
    return gradient_of_maxima("max_pool3d", 3, grad_output, indices, input_size)


def adaptive_max_pool3d(grad_output: Any, indices: Any, input_size: Sequence[int]) -> np.ndarray:
    """The gradient of a loss for the input of `adaptive_max_pool3d`, from the gradient for its maxima.

    `input_size` is (N, C, D, H, W) or (C, D, H, W) and `grad_output` and `indices` have shape (N, C, OD, OH, OW) or
    (C, OD, OH, OW); everything else is as in `max_pool2d` of this module.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> fc.grad.adaptive_max_pool3d(np.array([[[[1.0, 10]]]]), np.array([[[[1, 1]]]]), (1, 1, 1, 3))
    array([[[[ 0., 11.,  0.]]]])
    """
    return gradient_of_maxima("adaptive_max_pool3d", 3, grad_output, indices, input_size)


def gradient_of_maxima(name: str, rank: int, grad_output: Any, indices: Any, input_size: Any) -> np.ndarray:
    """The gradient for the input of an operation of that name, from that for its maxima."""
    dy, at = arg.array(grad_output, "grad_output"), arg.array(indices, "indices")
    return _prepare((dy, at), name, rank, input_size).run(dy, at)


@remembered
def _prepare(forms: tuple[arg.Form, arg.Form], name: str, rank: int, input_size: Any) -> Scattering:
    dy, indices = forms
    check_real_gradient(dy.dtype)
    size = size_of_input(name, rank, input_size)
    if len(dy.shape) != len(size) or dy.shape[:-rank] != size[:-rank]:
        raise ValueError(
            f"grad_output has shape {dy.shape} and the input {size}; both have the same batch and channels."
        )
    check_indices(indices, dy.shape, "grad_output")
    result = dy.dtype.newbyteorder("=") if dy.dtype.kind == "f" else dtypes.result_dtype((dy.dtype,), None)
    work = dtypes.sum_dtype(result)
    return prepare_scatter(True, forms, size, rank, result, work, work)
