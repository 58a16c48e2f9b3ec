"""Windows laid out as columns, and back: `unfold`, `fold`, and their gradients, which are each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from fastconv.geometry import Axis, Geometry
from fastconv.ops import arguments as arg
from fastconv.ops.axes import conv_axes
from fastconv.ops.calls import remembered
from fastconv.plan.columns import plan_fold, plan_unfold
from fastconv.plan.kernel_plan import KernelPlan
from fastconv.plan.layout import strides_first
from fastconv.plan.span import steps

__all__ = ["fold", "grad_fold", "grad_unfold", "unfold"]

#: In what elements are summed that are not summed as they are.
_SUMS: dict[str, np.dtype] = {"e": np.dtype(np.float32), "?": np.dtype(np.int32)}


def unfold(
    input: Any,
    kernel_size: arg.PerAxis,
    dilation: arg.PerAxis = 1,
    padding: arg.Padding = 0,
    stride: arg.PerAxis = 1,
    *,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Lay out each window as a column, as ``torch.nn.functional.unfold``, for 1 to 3 spatial axes.

    For images with taps (r, s) and windows (y, x), and zeros beyond the input::

        output[n, (c * R + r) * S + s, y * OW + x] = input[n, c, y * stride + r * dilation - before, ...]

    so that a convolution is ``weight.reshape(O, -1) @ unfold(input, ...)``.

    Parameters
    ----------
    input : array_like, shape (N, C, *spatial) or (C, *spatial)
        Of any dtype.
    kernel_size : int or sequence of int
        Size of a window. A sequence has one for each spatial axis, and so says how many there are. With an int there
        are two, as in PyTorch, unless `input` has 2 axes (C, W) or 5 (N, C, D, H, W).
    dilation, padding, stride
        As in `conv2d`; the padding is zeros.
    out : ndarray, optional
        Takes the result; right shape and dtype, any strides.

    Returns
    -------
    ndarray, shape (N, C * taps, windows) or (C * taps, windows)
        Contiguous, with the input's dtype.

    Raises
    ------
    TypeError, ValueError
        Before anything is copied, with what was given and what is allowed.

    See Also
    --------
    fold : its adjoint. ``fastconv.grad.unfold`` is the gradient.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> fc.unfold(np.arange(1, 10).reshape(1, 3, 3), 2)
    array([[1, 2, 4, 5],
           [2, 3, 5, 6],
           [4, 5, 7, 8],
           [5, 6, 8, 9]])
    >>> fc.unfold(np.array([[1, 2, 3]]), [2], padding=[(0, 1)])
    array([[1, 2, 3],
           [2, 3, 0]])
    """
    x = arg.array(input, "input")
    return _prepare_unfold((x,), kernel_size, dilation, padding, stride).run(x, out)


def fold(
    input: Any,
    output_size: arg.PerAxis,
    kernel_size: arg.PerAxis,
    dilation: arg.PerAxis = 1,
    padding: arg.Padding = 0,
    stride: arg.PerAxis = 1,
    *,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Add up columns where their windows lay, as ``torch.nn.functional.fold``: the adjoint of `unfold`.

    Each output is the sum of all elements of the columns that `unfold` would have read there, in the order of the taps,
    whatever the number of threads. What lay on the padding is dropped.

    Parameters
    ----------
    input : array_like, shape (N, C * taps, windows) or (C * taps, windows)
        Of any dtype.
    output_size : int or sequence of int
        Spatial size of the result. A sequence here or for `kernel_size` says how many spatial axes there are; with two
        ints there are two, as in PyTorch.
    kernel_size, dilation, padding, stride
        As in `unfold`.
    out : ndarray, optional
        Takes the result; right shape and dtype, any strides.

    Returns
    -------
    ndarray, shape (N, C, *output_size) or (C, *output_size)
        Contiguous, with the input's dtype. float16 is summed in float32; whole numbers wrap around as NumPy's do, and a
        sum of booleans is whether any is true.

    Raises
    ------
    TypeError, ValueError
        Before anything is computed, with what was given and what is allowed.

    See Also
    --------
    unfold : its adjoint. ``fastconv.grad.fold`` is the gradient.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> fc.fold(fc.unfold(np.ones((1, 3, 3)), 2), 3, 2)  # in how many windows each element is
    array([[[1., 2., 1.],
            [2., 4., 2.],
            [1., 2., 1.]]])
    >>> fc.fold(np.array([[1, 2, 3], [10, 20, 30]]), [4], 2)
    array([[ 1, 12, 23, 30]])
    """
    x = arg.array(input, "input")
    return _prepare_fold((x,), output_size, kernel_size, dilation, padding, stride).run(x, out)


def grad_unfold(
    grad_output: Any,
    input_size: Sequence[int],
    kernel_size: arg.PerAxis,
    dilation: arg.PerAxis = 1,
    padding: arg.Padding = 0,
    stride: arg.PerAxis = 1,
) -> np.ndarray:
    """The gradient of a loss for the input of `unfold`, of shape `input_size`, from that for its output: a `fold`.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> fc.grad.unfold(np.ones((2, 2)), (1, 3), 2)
    array([[1., 2., 1.]])
    """
    shape = tuple(arg.whole(n, f"input_size[{i}]", 0) for i, n in enumerate(input_size))
    rank = _rank_of_unfold(kernel_size, len(shape))
    arg.check_shape(shape, rank, "unfold", ", ".join("DHW"[3 - rank :]))
    y, taps = arg.array(grad_output, "grad_output"), prod(arg.per_axis(kernel_size, rank, "kernel_size", 1))
    rows = (*shape[: -rank - 1], shape[-rank - 1] * taps)
    if y.shape[:-1] != rows:
        wanted = ", ".join(map(str, rows))
        raise ValueError(
            f"grad_output has shape {y.shape}; for input_size={shape} and {taps} taps it is ({wanted}, windows)."
        )
    return fold(y, shape[-rank:], kernel_size, dilation, padding, stride)


def grad_fold(
    grad_output: Any,
    output_size: arg.PerAxis,
    kernel_size: arg.PerAxis,
    dilation: arg.PerAxis = 1,
    padding: arg.Padding = 0,
    stride: arg.PerAxis = 1,
) -> np.ndarray:
    """The gradient of a loss for the input of `fold`, from that for its output: an `unfold`.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> fc.grad.fold(np.array([[1.0, 2, 3]]), [3], 2)
    array([[1., 2.],
           [2., 3.]])
    """
    rank = _rank_of_fold(output_size, kernel_size)
    size = arg.per_axis(output_size, rank, "output_size", 1)
    y = arg.array(grad_output, "grad_output")
    if y.shape[-rank:] != size:
        raise ValueError(f"grad_output has shape {y.shape}; that of a fold to {size} ends with these sizes.")
    return unfold(y, arg.per_axis(kernel_size, rank, "kernel_size", 1), dilation, padding, stride)


@dataclass(frozen=True, slots=True)
class _Columns:
    """A call with everything decided but the values.

    Attributes
    ----------
    dtype, shape : numpy.dtype, tuple of int
        Of the result.
    work : numpy.dtype
        In which it is computed.
    copied : bool
        Whether the input is copied first: to that dtype, or as kernels cannot read it where it stands.
    plan : KernelPlan
        How.
    """

    dtype: np.dtype
    shape: tuple[int, ...]
    work: np.dtype
    copied: bool
    plan: KernelPlan

    def run(self, x: np.ndarray, out: np.ndarray | None) -> np.ndarray:
        """The result, in `out` if there is one."""
        arg.check_out(out, self.shape, self.dtype)
        source = x.astype(self.work, order="C") if self.copied else x
        direct = out is not None and out.flags.c_contiguous and out.flags.aligned and self.work == self.dtype
        y = out if out is not None and direct and not np.may_share_memory(out, x) else np.empty(self.shape, self.work)
        if y.size:
            self.plan.run(source, y)
        if out is None:
            return y if self.work == self.dtype else y.astype(self.dtype)
        if y is not out:
            np.copyto(out, y, casting="unsafe")
        return out


@remembered
def _prepare_unfold(forms: tuple[arg.Form], kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> _Columns:
    (x,) = forms
    rank = _rank_of_unfold(kernel_size, len(x.shape))
    arg.check_shape(x.shape, rank, "unfold", ", ".join("DHW"[3 - rank :]))
    kernel = arg.per_axis(kernel_size, rank, "kernel_size", 1)
    axes = conv_axes(x.shape[-rank:], kernel, stride, padding, dilation)
    batch, channels = x.shape[:-rank] if len(x.shape) == rank + 2 else (1, *x.shape[:-rank])
    geometry = Geometry(batch, channels, channels, channels, axes)
    x, copied = _readable(x, x.dtype.newbyteorder("="))
    strides = x.strides if len(x.shape) == rank + 2 else (0, *x.strides)
    plan = plan_unfold(geometry, steps((batch, channels, *x.shape[-rank:]), strides, x.dtype.itemsize), x.dtype)
    shape = (*x.shape[: -rank - 1], channels * prod(kernel), prod(geometry.output_size))
    return _Columns(x.dtype, shape, x.dtype, copied, plan)


@remembered
def _prepare_fold(
    forms: tuple[arg.Form], output_size: Any, kernel_size: Any, dilation: Any, padding: Any, stride: Any
) -> _Columns:
    (x,) = forms
    rank = _rank_of_fold(output_size, kernel_size)
    size = arg.per_axis(output_size, rank, "output_size", 1)
    kernel = arg.per_axis(kernel_size, rank, "kernel_size", 1)
    axes = conv_axes(size, kernel, stride, padding, dilation)
    _check_columns(x.shape, axes)
    batch, rows, windows = x.shape if len(x.shape) == 3 else (1, *x.shape)
    channels = rows // prod(kernel)
    geometry = Geometry(batch, channels, channels, channels, axes)
    dtype = x.dtype.newbyteorder("=")
    work = _SUMS.get(dtype.char, dtype)
    x, copied = _readable(x, work)
    strides = x.strides if len(x.shape) == 3 else (0, *x.strides)
    plan = plan_fold(geometry, steps((batch, rows, windows), strides, work.itemsize), work)
    return _Columns(dtype, (*x.shape[:-2], channels, *size), work, copied, plan)


def _check_columns(shape: tuple[int, ...], axes: tuple[Axis, ...]) -> None:
    """Refuse columns that are not those of windows of these axes."""
    taps, windows = prod(axis.kernel for axis in axes), prod(axis.output for axis in axes)
    if len(shape) not in (2, 3):
        raise ValueError(
            f"input has shape {shape}; fold takes (N, C * {taps}, {windows}) or unbatched (C * {taps}, {windows}), so "
            "3 or 2 axes."
        )
    if shape[-2] == 0 or shape[-2] % taps:
        raise ValueError(
            f"input has shape {shape}, with {shape[-2]} rows, which is no multiple of the {taps} taps of a window; "
            f"give as many rows as channels times {taps}."
        )
    if shape[-1] != windows:
        found = " x ".join(str(axis.output) for axis in axes)
        raise ValueError(
            f"input has shape {shape}, with {shape[-1]} columns, but output_size, kernel_size, dilation, padding and "
            f"stride give {found} = {windows} windows; give as many columns."
        )


def _readable(x: arg.Form, dtype: np.dtype) -> tuple[arg.Form, bool]:
    """The form in which kernels get an array, in which elements of a row are neighbours, and whether it is a copy's."""
    taken, conversion = x.taken_as(dtype)
    if conversion is None and x.shape[-1] > 1 and x.strides[-1] != x.dtype.itemsize:
        # A copy is as large as the columns of one tap.
        taken, conversion = x._replace(strides=strides_first(x.shape, dtype.itemsize)), dtype
    return taken, conversion is not None


def _is_several(value: Any) -> bool:
    several = isinstance(value, (Sequence, np.ndarray)) and not isinstance(value, (str, bytes))
    return several and getattr(value, "ndim", 1) != 0


def _rank_of_unfold(kernel_size: Any, ndim: int) -> int:
    if _is_several(kernel_size):
        return _known_rank(len(kernel_size), "kernel_size", kernel_size)
    return {2: 1, 5: 3}.get(ndim, 2)


def _rank_of_fold(output_size: Any, kernel_size: Any) -> int:
    for value, name in ((output_size, "output_size"), (kernel_size, "kernel_size")):
        if _is_several(value):
            return _known_rank(len(value), name, value)
    return 2


def _known_rank(rank: int, name: str, value: Any) -> int:
    if not 1 <= rank <= 3:
        raise ValueError(f"{name}={value!r} has {rank} entries; give one for each of 1 to 3 spatial axes.")
    return rank
