"""Fractional max pooling: `fractional_max_pool2d`, `fractional_max_pool3d`."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np

from fastconv.geometry import Axis, FractionalAxis
from fastconv.geometry.geometry import KERNEL_RANK
from fastconv.ops import arguments as arg
from fastconv.ops.calls import Call, remembered, target_of
from fastconv.ops.pooling import check_input, prepare_maxima, run_maxima

__all__ = ["fractional_max_pool2d", "fractional_max_pool3d"]

Ratio = float | Sequence[float]


def fractional_max_pool2d(
    input: Any,
    kernel_size: arg.PerAxis,
    output_size: arg.PerAxis | None = None,
    output_ratio: Ratio | None = None,
    return_indices: bool = False,
    *,
    random_samples: Any = None,
    rng: Any = None,
    out: np.ndarray | None = None,
    algorithm: str = "auto",
) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
    """Maximum of windows of one size that begin where a pseudo-random sequence says: a reduction by any fraction.

    Along an axis of i elements, with kernel k and n outputs, window o of an image begins at
    ``int((o + u) a) - int(u a)`` with ``a = (i - k) / (n - 1)`` and one random u from 0 up to 1 for each image, channel
    and axis; the last window ends where the axis does. These are the windows of PyTorch for the same u; ONNX has none.

    Parameters
    ----------
    input : array_like, shape (N, C, H, W) or (C, H, W)
        Images of any real dtype, booleans included.
    kernel_size : int or sequence of int
        Size of a window; one for all axes, or one for each.
    output_size : int or sequence of int
        Number of windows; one for all axes, or one for each. At most the input's size less kernel and 1 more.
    output_ratio : float or sequence of float
        In place of `output_size`: between 0 and 1, times the input's size, rounded down.
    return_indices : bool
        Return the places of the maxima too.
    random_samples : array_like of float, shape (N, C, 2), or (C, 2) without a batch
        The random numbers u: for the width, then for the height, as PyTorch has them. The sequence is rounded as
        numbers of their type are, so for PyTorch's windows give those of its input's type.
    rng : None, int or numpy.random.Generator
        Where they come from otherwise: ``np.random.default_rng(rng)``.
    out : ndarray, optional
        Takes the maxima; right shape and dtype, any strides.
    algorithm : str
        "auto", or a name that `explain` shows.

    Returns
    -------
    values : ndarray, shape (N, C, OH, OW) or (C, OH, OW)
        Dtype of the input. Values and indices lie in memory as the input does, channels-last or contiguous.
    indices : ndarray of int64, same shape
        Only with `return_indices`: ``h * W + w`` of each maximum, as those of `max_pool2d`; `fastconv.grad.max_pool2d`
        and `max_unpool2d` take them.

    Raises
    ------
    TypeError, ValueError
        Before anything is computed, with what was given and what is allowed.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> x = np.arange(25).reshape(1, 5, 5)
    >>> fc.fractional_max_pool2d(x, 2, 3, random_samples=np.array([[0.0, 0.5]]))
    array([[[ 6,  7,  9],
            [16, 17, 19],
            [21, 22, 24]]])
    >>> fc.fractional_max_pool2d(x, 2, output_ratio=0.7, rng=0).shape
    (1, 3, 3)
    """
    return _maxima(
        2, input, kernel_size, output_size, output_ratio, return_indices, random_samples, rng, out, algorithm
    )


def fractional_max_pool3d(
    input: Any,
    kernel_size: arg.PerAxis,
    output_size: arg.PerAxis | None = None,
    output_ratio: Ratio | None = None,
    return_indices: bool = False,
    *,
    random_samples: Any = None,
    rng: Any = None,
    out: np.ndarray | None = None,
    algorithm: str = "auto",
) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
    """Maximum of windows of volumes of one size that begin where a pseudo-random sequence says.

    Along an axis of i elements, with kernel k and n outputs, window o of a volume begins at
    ``int((o + u) a) - int(u a)`` with ``a = (i - k) / (n - 1)``, as in PyTorch for the same random u; ONNX has none.

    Parameters
    ----------
    input : array_like, shape (N, C, D, H, W) or (C, D, H, W)
        Volumes of any real dtype, booleans included.
    random_samples : array_like of float, shape (N, C, 3), or (C, 3) without a batch
        The random numbers u for depth, height and width: PyTorch's order, which in two dimensions begins with the
        width.
    kernel_size, output_size, output_ratio, return_indices, rng, out, algorithm
        As in `fractional_max_pool2d`.

    Returns
    -------
    values : ndarray, shape (N, C, OD, OH, OW) or (C, OD, OH, OW)
        As those of `fractional_max_pool2d`.
    indices : ndarray of int64, same shape
        Only with `return_indices`: ``(d * H + h) * W + w`` of each maximum, as in PyTorch.

    Raises
    ------
    TypeError, ValueError
        As `fractional_max_pool2d`, before anything is computed.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> fc.fractional_max_pool3d(np.arange(27).reshape(1, 3, 3, 3), 2, (2, 1, 1), rng=0).ravel()
    array([17, 26])
    """
    return _maxima(
        3, input, kernel_size, output_size, output_ratio, return_indices, random_samples, rng, out, algorithm
    )


def _maxima(
    rank: int,
    input: Any,
    kernel_size: Any,
    output_size: Any,
    output_ratio: Any,
    return_indices: bool,
    random_samples: Any,
    rng: Any,
    out: np.ndarray | None,
    algorithm: str,
) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
    x = arg.array(input, "input")
    call = _prepare(
        (x, target_of(out, (x,))), rank, kernel_size, output_size, output_ratio, bool(return_indices), algorithm
    )
    samples = _samples(x.shape, rank, random_samples, rng)
    return run_maxima(call, (x, _spans(call.problem.geometry.axes, samples)), out)


@remembered
def _prepare(
    forms: tuple[arg.Form, arg.Form | None],
    rank: int,
    kernel_size: Any,
    output_size: Any,
    output_ratio: Any,
    return_indices: bool,
    algorithm: str,
) -> Call:
    x, target = forms
    check_input(x, rank, f"fractional_max_pool{rank}d")
    size = x.shape[-rank:]
    kernel = arg.per_axis(kernel_size, rank, "kernel_size", 1)
    if (output_size is None) == (output_ratio is None):
        raise ValueError(
            f"output_size={output_size!r} and output_ratio={output_ratio!r} both say how many windows there are; give "
            "one of them."
        )
    outputs = _scaled(size, output_ratio) if output_size is None else output_size
    axes = tuple(
        FractionalAxis(n, k, windows=o)
        for n, k, o in zip(size, kernel, arg.per_axis(outputs, rank, "output_size", 1), strict=True)
    )
    for axis in axes:
        if axis.output + axis.kernel - 1 > axis.size:
            raise ValueError(
                f"{axis.output} different windows of {axis.kernel} elements do not fit into {axis.size}; give an "
                f"output_size of at most {max(0, axis.size - axis.kernel + 1)}, or a smaller kernel_size."
            )
    return prepare_maxima("fractional_max_pool", axes, x, target, return_indices, algorithm, operands=2)


def _scaled(size: tuple[int, ...], ratio: Any) -> tuple[int, ...]:
    """So large a part of each size, rounded down."""
    ratios = tuple(ratio) if isinstance(ratio, (tuple, list)) else (ratio,) * len(size)
    if len(ratios) != len(size):
        raise ValueError(f"output_ratio={ratio!r} has {len(ratios)} entries; give one number, or {len(size)}.")
    for entry in ratios:
        if not isinstance(entry, Real) or not 0 < float(entry) < 1:
            raise ValueError(f"output_ratio={ratio!r} is no part of the input; give numbers between 0 and 1.")
    found = tuple(int(n * float(entry)) for n, entry in zip(size, ratios, strict=True))
    if 0 in found:
        raise ValueError(f"output_ratio={ratio!r} of an input of size {size} is no whole window; give more.")
    return found


def _samples(shape: tuple[int, ...], rank: int, random_samples: Any, rng: Any) -> np.ndarray:
    """Random numbers for each image and channel, (images and channels, rank)."""
    lead = shape[:-rank]
    if random_samples is None:
        return np.random.default_rng(rng).random((*lead, rank)).reshape(-1, rank)
    samples = arg.array(random_samples, "random_samples")
    if samples.dtype.kind != "f":
        raise TypeError(f"random_samples have dtype {samples.dtype}; give floats from 0 up to 1.")
    one_image = len(lead) == 1 and samples.shape == (1, *lead, rank)  # which PyTorch asks for
    if samples.shape != (*lead, rank) and not one_image:
        raise ValueError(f"random_samples have shape {samples.shape}; the input needs shape {(*lead, rank)}.")
    if not ((samples >= 0) & (samples < 1)).all():
        raise ValueError("random_samples are not all numbers from 0 up to, but without, 1; give such as rng.random().")
    return samples.reshape(-1, rank).astype(np.result_type(samples.dtype.newbyteorder("="), np.float32), copy=False)


def _spans(axes: tuple[Axis, ...], samples: np.ndarray) -> np.ndarray:
    """(first element, number of elements) of each window of each of the kernels' axes, for each image and channel."""
    along = [np.zeros((len(samples), 1), np.int64)] * (KERNEL_RANK - len(axes))
    lengths = [1] * len(along)
    for axis, u in zip(axes, samples.T[::-1] if len(axes) == 2 else samples.T, strict=True):
        room, last = axis.size - axis.kernel, axis.output - 1
        step = u.dtype.type(room) / u.dtype.type(max(1, last))
        begins = np.full((len(samples), axis.output), room)
        steps = ((np.arange(last, dtype=u.dtype) + u[:, None]) * step).astype(np.int64)
        # Whatever rounding does, no window may leave the input.
        begins[:, :last] = np.clip(steps - (u * step).astype(np.int64)[:, None], 0, room)
        along.append(begins)
        lengths += [axis.kernel] * axis.output
    firsts = np.concatenate(along, 1)
    return np.stack([firsts, np.broadcast_to(np.array(lengths), firsts.shape)], 2)
