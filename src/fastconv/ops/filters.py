"""Filters of one array with one kernel, for any number of axes: what SciPy's functions have in common.

Convolutions have channels and up to three spatial axes. Here axes along which nothing is filtered become images of a
batch or are made one with their neighbours, and of what is left beyond three axes the outermost are summed tap by tap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fastconv.geometry import source_index
from fastconv.ops.arguments import Form
from fastconv.ops.calls import Call
from fastconv.ops.conv import CONVS, conv_call
from fastconv.ops.folded import LineAxis, folded, sizes
from fastconv.ops.pad import MODES, pad
from fastconv.ops.passes import Dense
from fastconv.plan.layout import memory_order, strides_first

__all__ = ["Correlation", "Widths", "correlate", "extend", "plan_correlation"]

#: Positions added (before, after) each axis.
Widths = Sequence[tuple[int, int]]

#: By their names in `fastconv.geometry`, those of the modes of `pad`, and how far they may not reach.
_PADS = {mode: (name, margin) for name, (mode, margin) in MODES.items()}


def correlate(
    x: np.ndarray,
    w: np.ndarray,
    widths: Widths,
    mode: str = "zeros",
    value: complex = 0,
    dtype: Any = None,
    algorithm: str = "auto",
) -> np.ndarray:
    """The correlation of an array with a kernel of as many axes, wherever the kernel fits the extended array.

    With E the extended array, ``result[i] = sum over k of E[i + k] * w[k]``; the kernel is neither turned around nor
    conjugated.

    Parameters
    ----------
    x, w : ndarray
        Array and kernel, of any number of axes, also of none.
    widths : sequence of (int, int)
        Positions before and behind each axis, as many as one likes.
    mode : str
        What stands there: one of `fastconv.geometry.PADDING_MODES`, repeated as often as it takes.
    value : number
        What stands there in mode "zeros" instead of zeros.
    dtype : dtype, optional
        Of the result and its sums; by default NumPy's promotion. Integers wrap around, booleans are true where a
        product is.
    algorithm : str
        Of the convolutions that it is made of.

    Returns
    -------
    ndarray, shape ``size + before + after - taps + 1`` along each axis, 0 where that is negative
        Its axes lie in memory as those of `x` do.

    Examples
    --------
    >>> correlate(np.array([1, 2, 3]), np.array([1, 10]), [(0, 1)], "replicate")
    array([21, 32, 33])
    """
    dtype = np.dtype(np.result_type(x, w) if dtype is None else dtype).newbyteorder("=")
    shape = tuple(
        max(0, n + before + after - taps + 1) for n, taps, (before, after) in zip(x.shape, w.shape, widths, strict=True)
    )
    if 0 in shape or w.size == 0:
        return np.zeros(shape, dtype)
    if x.size == 0 or (value != 0 and mode == "zeros"):
        x, widths = extend(x, widths, mode, value), [(0, 0)] * x.ndim
    sums = _sums(dtype)
    x, w = (array if array.dtype.kind in "biu" or sums.kind in "fc" else array.astype(sums) for array in (x, w))
    order = memory_order(x.shape, x.strides)
    axes = [LineAxis(x.shape[i], w.shape[i], *widths[i]) for i in order]
    y = _correlate(x.transpose(order), w.transpose(order), axes, mode, sums, algorithm)
    y = y.reshape([shape[i] for i in order]).transpose(np.argsort(order) if order else None)
    return y if y.dtype == dtype else y.astype(dtype)


@dataclass(frozen=True, slots=True)
class Correlation:
    """All that is known of a correlation in floats but the values of the array: a convolution of images.

    Attributes
    ----------
    dense : Dense
        Where the array's axes are in memory, and whether it has no gaps.
    images : tuple of int
        Its shape as images of one channel.
    kernel : ndarray
        As weights of a convolution.
    settings : dict
        What else the convolution takes.
    dtype : numpy.dtype
        Of the result.
    shape : tuple of int
        Of the result, its axes as they lie in memory.
    call : Call or None
        The convolution of an array without gaps, with everything decided: to find it out anew takes as long as a filter
        of a small image. Its result has the shape above, as kernels see memory alone.
    """

    dense: Dense
    images: tuple[int, ...]
    kernel: np.ndarray
    settings: dict[str, Any]
    dtype: np.dtype
    shape: tuple[int, ...]
    call: Call | None

    def __call__(self, x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """The result, as `correlate` says; in `out` where that has no gaps and lies as `x` does."""
        if self.call is None:
            images = self.dense.turn(x).reshape(self.images)
            y = CONVS[len(self.images) - 2](images, self.kernel, **self.settings).reshape(self.shape)
        else:
            place = None if out is None else self.dense.place_in(out, self.dtype)
            y = self.call.run((self.dense.turn(x), self.kernel, None), place)
        return self.dense.give(y)


def plan_correlation(form: Form, w: np.ndarray, widths: Widths, mode: str, dtype: np.dtype) -> Correlation | None:
    """Plan `correlate` for an array of such a form, in float32, float64 or complex numbers; None for what takes more
    than one convolution."""
    dense = Dense.of(form, form.dtype)
    order = memory_order(form.shape, form.strides)
    axes = [LineAxis(form.shape[i], w.shape[i], *widths[i]) for i in order]
    count, inner = folded(axes)
    if len(inner) > 3 or 0 in form.shape or any(axis.windows < 1 for axis in axes):
        return None
    images, windows = (count, 1, *sizes(inner)), tuple(axis.windows for axis in axes)
    kernel = np.ascontiguousarray(w.transpose(order).reshape(1, 1, *[axis.taps for axis in inner]), dtype)
    settings: dict[str, Any] = {
        "padding": tuple((axis.before, axis.after) for axis in inner),
        "padding_mode": mode,
        "dtype": dtype,
    }
    call = None
    if dense.stands:
        standing = Form(images, strides_first(images, form.dtype.itemsize), form.dtype, True)
        shape = (count, 1, *[axis.windows for axis in inner])
        call = conv_call((standing, Form(kernel.shape, kernel.strides, dtype, True)), **settings, shape=shape)
        call = replace(call, shape=windows)
    return Correlation(dense, images, kernel, settings, dtype, windows, call)


def extend(x: np.ndarray, widths: Widths, mode: str, value: complex = 0) -> np.ndarray:
    """The array with so many positions added before and behind each axis, as `correlate` sees it.

    Examples
    --------
    >>> extend(np.array([1, 2, 3]), [(3, 4)], "reflect")
    array([2, 3, 2, 1, 2, 3, 2, 1, 2, 3])
    """
    if mode != "zeros" and any(n == 0 and max(pair) > 0 for n, pair in zip(x.shape, widths, strict=True)):
        raise ValueError(f"an array of shape {x.shape} has no elements for mode {mode!r}; give one that has some.")
    name, margin = _PADS[mode]
    within = [margin is None or max(pair) <= max(0, n - margin) for n, pair in zip(x.shape, widths, strict=True)]
    amounts = [pair if fits else (0, 0) for pair, fits in zip(widths, within, strict=True)]
    fill: Any = np.asarray(value).astype(x.dtype)[()] if mode == "zeros" else 0
    found = pad(x, [amount for pair in reversed(amounts) for amount in pair], name, fill)
    for axis, (pair, fits) in enumerate(zip(widths, within, strict=True)):
        if not fits:
            found = found.take(_sources(x.shape[axis], pair, mode), axis)
    return found


def _sources(size: int, pair: tuple[int, int], mode: str) -> list[int]:
    """The element that stands at each position of an extended axis."""
    return [source_index(position, size, mode) for position in range(-pair[0], size + pair[1])]


def _sums(dtype: np.dtype) -> np.dtype:
    """What `conv2d` sums a result in; integers wrap around in any type that is as wide."""
    if dtype.kind in "biu":
        return np.dtype(np.int32 if dtype.itemsize <= 4 else np.int64)
    return np.dtype(np.float32) if dtype == np.float16 else dtype


def _correlate(
    x: np.ndarray, w: np.ndarray, axes: Sequence[LineAxis], mode: str, dtype: np.dtype, algorithm: str
) -> np.ndarray:
    """The correlation, its axes as they come; neither array nor kernel is empty."""
    count, inner = folded(axes)
    images, kernel = x.reshape(count, 1, *sizes(inner)), w.reshape(1, 1, *[axis.taps for axis in inner])
    if len(inner) <= 3:
        widths = tuple((axis.before, axis.after) for axis in inner)  # a list is planned anew at each call
        conv = CONVS[len(inner)]
        return conv(images, kernel, padding=widths, padding_mode=mode, dtype=dtype, algorithm=algorithm)
    outer, rest = inner[0], inner[1:]
    images = extend(images, [(0, 0), (0, 0), (outer.before, outer.after), *[(0, 0)] * len(rest)], mode)
    windows = images.shape[2] - outer.taps + 1
    total = np.zeros(1, dtype)
    for tap in range(outer.taps):
        part = images[:, :, tap : tap + windows]
        lines = [LineAxis(count, 1), LineAxis(windows, 1), *rest]
        found = _correlate(part, kernel[0, 0, tap], lines, mode, dtype, algorithm)
        total = np.add(total, found.reshape(-1), out=total if tap else None)
    return total
