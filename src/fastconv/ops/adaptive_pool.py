"""Adaptive pooling: `adaptive_max_pool1d`, `...2d`, `...3d` and `adaptive_avg_pool1d`, `...2d`, `...3d`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastconv.geometry import AdaptiveAxis, Axis
from fastconv.ops import arguments as arg
from fastconv.ops.calls import Call, remembered, target_of
from fastconv.ops.pooling import check_input, prepare_maxima, prepare_means, run_maxima

__all__ = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d",
    "adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d",
]  # fmt: skip

#: Elements of a row of a part up to which its maximum and place are plain pooling's, which compares as many vectors for
#: each element of the input: parts of 8 x 8 take 0.8 of the time that a list of windows takes, those of 16 x 16 3.3.
LONGEST_COMPARED = 8

OutputSize = int | Sequence[int | None] | None


def adaptive_max_pool1d(
    input: Any,
    output_size: OutputSize,
    return_indices: bool = False,
    *,
    out: np.ndarray | None = None,
    algorithm: str = "auto",
) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
    """Maximum of each part of signals that are cut into a given number of parts.

    Part o of n along an axis of i elements is ``input[floor(o i / n) : ceil((o + 1) i / n)]``, as in PyTorch. One
    part is the whole: ONNX's GlobalMaxPool, which knows no others.

    Parameters
    ----------
    input : array_like, shape (N, C, W) or (C, W)
        Signals of any real dtype, booleans included.
    output_size, return_indices, out, algorithm
        As in `adaptive_max_pool2d`.

    Returns
    -------
    values : ndarray, shape (N, C, OW) or (C, OW)
        As those of `adaptive_max_pool2d`.
    indices : ndarray of int64, same shape
        Only with `return_indices`: ``w`` of each maximum, as in PyTorch.

    Raises
    ------
    TypeError, ValueError
        As `adaptive_max_pool2d`, before anything is computed.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> fc.adaptive_max_pool1d(np.array([[3, 1, 4, 1, 5]]), 2)
    array([[4, 5]])
    """
    return _maxima(1, input, output_size, return_indices, out, algorithm)


def adaptive_max_pool2d(
    input: Any,
    output_size: OutputSize,
    return_indices: bool = False,
    *,
    out: np.ndarray | None = None,
    algorithm: str = "auto",
) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
    """Maximum of each part of images that are cut into a given number of parts.

    Along an axis of i elements, part o of n is ``input[floor(o i / n) : ceil((o + 1) i / n)]``, as in PyTorch. Where n
    divides i these are the windows of `max_pool2d` with kernel and stride i / n; otherwise neighbours may share an
    element, and lengths differ by one. One part is the whole: ONNX's GlobalMaxPool. More parts than elements repeat
    them.

    Parameters
    ----------
    input : array_like, shape (N, C, H, W) or (C, H, W)
        Images of any real dtype, booleans included.
    output_size : int or sequence of (int or None)
        Number of parts; one for all axes, or one for each. None keeps an axis as it is.
    return_indices : bool
        Return the places of the maxima too.
    out : ndarray, optional
        Takes the maxima; right shape and dtype, any strides.
    algorithm : str
        "auto", or a name that `explain` shows.

    Returns
    -------
    values : ndarray, shape (N, C, OH, OW) or (C, OH, OW)
        Dtype of the input. Values and indices lie in memory as the input does, channels-last or contiguous.
    indices : ndarray of int64, same shape
        Only with `return_indices`: ``h * W + w`` of each maximum, as those of `max_pool2d`.

    Raises
    ------
    TypeError, ValueError
        Before anything is computed, with what was given and what is allowed.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> x = np.array([[[1.0, 2, 0], [4, 0, 1], [1, 1, 3]]])
    >>> fc.adaptive_max_pool2d(x, 2, return_indices=True)
    (array([[[4., 2.],
            [4., 3.]]]), array([[[3, 1],
            [3, 8]]]))
    >>> fc.adaptive_max_pool2d(x, (None, 1))
    array([[[2.],
            [4.],
            [3.]]])
    """
    return _maxima(2, input, output_size, return_indices, out, algorithm)


def adaptive_max_pool3d(
    input: Any,
    output_size: OutputSize,
    return_indices: bool = False,
    *,
    out: np.ndarray | None = None,
    algorithm: str = "auto",
) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
    """Maximum of each part of volumes that are cut into a given number of parts.

    Part o of n along an axis of i elements is ``input[floor(o i / n) : ceil((o + 1) i / n)]``, as in PyTorch. One
    part is the whole: ONNX's GlobalMaxPool, which knows no others.

    Parameters
    ----------
    input : array_like, shape (N, C, D, H, W) or (C, D, H, W)
        Volumes of any real dtype, booleans included.
    output_size, return_indices, out, algorithm
        As in `adaptive_max_pool2d`.

    Returns
    -------
    values : ndarray, shape (N, C, OD, OH, OW) or (C, OD, OH, OW)
        As those of `adaptive_max_pool2d`.
    indices : ndarray of int64, same shape
        Only with `return_indices`: ``(d * H + h) * W + w`` of each maximum, as in PyTorch.

    Raises
    ------
    TypeError, ValueError
        As `adaptive_max_pool2d`, before anything is computed.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> fc.adaptive_max_pool3d(np.arange(12).reshape(1, 3, 2, 2), (2, 1, 1)).ravel()
    array([ 7, 11])
    """
    return _maxima(3, input, output_size, return_indices, out, algorithm)


def adaptive_avg_pool1d(
    input: Any,
    output_size: OutputSize,
    *,
    dtype: Any = None,
    out: np.ndarray | None = None,
    algorithm: str = "auto",
) -> np.ndarray:
    """Average of each part of signals that are cut into a given number of parts.

    Part o of n along an axis of i elements is ``input[floor(o i / n) : ceil((o + 1) i / n)]``, as in PyTorch. One
    part is the whole: ONNX's GlobalAveragePool, which knows no others.

    Parameters
    ----------
    input : array_like, shape (N, C, W) or (C, W)
        Signals of any real dtype, booleans included.
    output_size, dtype, out, algorithm
        As in `adaptive_avg_pool2d`.

    Returns
    -------
    ndarray, shape (N, C, OW) or (C, OW)
        As that of `adaptive_avg_pool2d`.

    Raises
    ------
    TypeError, ValueError
        As `adaptive_avg_pool2d`, before anything is computed.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> fc.adaptive_avg_pool1d(np.array([[3.0, 1, 5]]), 2)
    array([[2., 3.]])
    """
    return _means(1, input, output_size, dtype, out, algorithm)


def adaptive_avg_pool2d(
    input: Any,
    output_size: OutputSize,
    *,
    dtype: Any = None,
    out: np.ndarray | None = None,
    algorithm: str = "auto",
) -> np.ndarray:
    """Average of each part of images that are cut into a given number of parts.

    Part o of n along an axis of i elements is ``input[floor(o i / n) : ceil((o + 1) i / n)]``, as in PyTorch, and its
    average is its sum over the number of its elements. One part is the whole: ONNX's GlobalAveragePool.

    Parameters
    ----------
    input : array_like, shape (N, C, H, W) or (C, H, W)
        Images of any real dtype, booleans included.
    output_size : int or sequence of (int or None)
        Number of parts; one for all axes, or one for each. None keeps an axis as it is.
    dtype : dtype, optional
        Of the result; by default the input's. Averages of integers are exact sums (in 64 bits) divided with the
        fraction dropped, as those of `avg_pool2d`; a floating `dtype` gives the true mean.
    out : ndarray, optional
        Takes the result; right shape and dtype, any strides.
    algorithm : str
        "auto", or a name that `explain` shows.

    Returns
    -------
    ndarray, shape (N, C, OH, OW) or (C, OH, OW)
        It lies in memory as the input does, channels-last or contiguous.

    Raises
    ------
    TypeError, ValueError
        Before anything is computed, with what was given and what is allowed.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> x = np.array([[[1.0, 2, 0], [4, 0, 1], [1, 1, 3]]])
    >>> fc.adaptive_avg_pool2d(x, 2)
    array([[[1.75, 0.75],
            [1.5 , 1.25]]])
    >>> np.allclose(fc.adaptive_avg_pool2d(x, 1), x.mean())
    True
    """
    return _means(2, input, output_size, dtype, out, algorithm)


def adaptive_avg_pool3d(
    input: Any,
    output_size: OutputSize,
    *,
    dtype: Any = None,
    out: np.ndarray | None = None,
    algorithm: str = "auto",
) -> np.ndarray:
    """Average of each part of volumes that are cut into a given number of parts.

    Part o of n along an axis of i elements is ``input[floor(o i / n) : ceil((o + 1) i / n)]``, as in PyTorch. One
    part is the whole: ONNX's GlobalAveragePool, which knows no others.

    Parameters
    ----------
    input : array_like, shape (N, C, D, H, W) or (C, D, H, W)
        Volumes of any real dtype, booleans included.
    output_size, dtype, out, algorithm
        As in `adaptive_avg_pool2d`.

    Returns
    -------
    ndarray, shape (N, C, OD, OH, OW) or (C, OD, OH, OW)
        As that of `adaptive_avg_pool2d`.

    Raises
    ------
    TypeError, ValueError
        As `adaptive_avg_pool2d`, before anything is computed.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> fc.adaptive_avg_pool3d(np.arange(12.0).reshape(1, 3, 2, 2), (2, 1, 1)).ravel()
    array([3.5, 7.5])
    """
    return _means(3, input, output_size, dtype, out, algorithm)


def _maxima(
    rank: int, input: Any, output_size: Any, return_indices: bool, out: np.ndarray | None, algorithm: str
) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
    x = arg.array(input, "input")
    call = _prepare_maxima((x, target_of(out, (x,))), rank, output_size, bool(return_indices), algorithm)
    return run_maxima(call, (x,), out)


@remembered
def _prepare_maxima(
    forms: tuple[arg.Form, arg.Form | None], rank: int, output_size: Any, return_indices: bool, algorithm: str
) -> Call:
    x, target = forms
    check_input(x, rank, f"adaptive_max_pool{rank}d")
    longest = LONGEST_COMPARED if return_indices else max(x.shape)
    op, axes = _axes("max_pool", x.shape[-rank:], output_size, algorithm, longest)
    return prepare_maxima(op, axes, x, target, return_indices, algorithm)


def _means(rank: int, input: Any, output_size: Any, dtype: Any, out: np.ndarray | None, algorithm: str) -> np.ndarray:
    x = arg.array(input, "input")
    return _prepare_means((x, target_of(out, (x,))), rank, output_size, dtype, algorithm).run((x,), out)


@remembered
def _prepare_means(
    forms: tuple[arg.Form, arg.Form | None], rank: int, output_size: Any, dtype: Any, algorithm: str
) -> Call:
    x, target = forms
    check_input(x, rank, f"adaptive_avg_pool{rank}d")
    op, axes = _axes("avg_pool", x.shape[-rank:], output_size, algorithm, max(x.shape))
    return prepare_means(op, axes, x, target, dtype, algorithm)


def _axes(
    op: str, size: tuple[int, ...], output_size: Any, algorithm: str, longest: int
) -> tuple[str, tuple[Axis, ...]]:
    """The operation that serves, and its axes: parts of equal length are the windows of a plain pooling.

    That takes at most `longest` of them in a row, but for those that are all there is.
    """
    parts = arg.output_sizes(output_size, size)
    even = not any(n % p for n, p in zip(size, parts, strict=True))
    if algorithm == "auto" and even and (max(parts) == 1 or size[-1] <= longest * parts[-1]):
        return op, tuple(Axis(n, n // p, n // p) for n, p in zip(size, parts, strict=True))
    return f"adaptive_{op}", tuple(AdaptiveAxis.of(n, p) for n, p in zip(size, parts, strict=True))
