"""Convolution by Fourier transforms of blocks, in float32 or float64, real or complex, for any number of axes.

Real numbers along one axis or two have kernels of ours, for blocks (`fastconv.plan.strips`) and for two whole images
(`fastconv.plan.image_product`); else, and where a kernel is too large for either, the transforms are NumPy's, of blocks
that `fastconv.plan.fourier` plans. Work is shared out to threads each way, and as tasks write parts of the result of
their own the bits are the same for any number of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from fastconv.jit.crew import share_tasks
from fastconv.plan.fourier import CHUNK, Cut, FourierAxis, FourierPlan, plan_fourier
from fastconv.plan.image_product import ImagePlan, plan_image_product
from fastconv.plan.strips import StripPlan, plan_strips

__all__ = ["Convolution", "convolve", "fourier_dtype", "fourier_nanoseconds", "plan_convolution"]

#: Which blocks a task has: one of the outer axes, and a run of the next.
Task = tuple[int | slice, ...]


def convolve(
    x: np.ndarray, w: np.ndarray, axes: Sequence[int], begin: Sequence[int], count: Sequence[int]
) -> np.ndarray:
    """A part of the whole convolution of two arrays along some axes; along others they are broadcast.

    With F the whole convolution, ``F[n] = sum over k of x[n - k] * w[k]``, which has ``size + taps - 1`` elements, the
    result is ``F[begin : begin + count]`` along each of the axes. Which of the arrays comes first is the same for the
    result, but not for the time: the first is cut into blocks.

    Parameters
    ----------
    x, w : ndarray
        Of as many axes, without an axis of no elements.
    axes, begin, count : sequence of int
        At least one axis, and what is wanted along each.

    Returns
    -------
    ndarray
        In `fourier_dtype`. Where a number is NaN or infinite, all of its block and of one more are NaN.

    Examples
    --------
    >>> convolve(np.array([1.0, 2, 3]), np.array([1.0, 10]), [0], [1], [3]).round(9)
    array([12., 23., 30.])
    """
    return plan_convolution(x.shape, w.shape, fourier_dtype(x.dtype, w.dtype), axes, begin, count)(x, w)


@dataclass(frozen=True, slots=True)
class Convolution:
    """All that is known of a `convolve` but the values of the arrays.

    Attributes
    ----------
    order, back : tuple of int
        The arrays' axes as they are taken, those that are convolved last, and where each of them is then; () where they
        stand so.
    x_shape, shape : tuple of int
        Of the first array, broadcast, and of the result, in that order.
    dtype : numpy.dtype
        Of all numbers.
    plan : StripPlan, ImagePlan or FourierPlan
        What transforms.
    """

    order: tuple[int, ...]
    back: tuple[int, ...]
    x_shape: tuple[int, ...]
    shape: tuple[int, ...]
    dtype: np.dtype
    plan: StripPlan | ImagePlan | FourierPlan

    def __call__(self, x: np.ndarray, w: np.ndarray) -> np.ndarray:
        """The result."""
        if self.order:
            x, w = x.transpose(self.order), w.transpose(self.order)
        if isinstance(self.plan, FourierPlan):
            found = _by_numpy(x, w, self.shape[: x.ndim - len(self.plan.cuts)], self.plan, self.dtype)
        else:
            if x.shape != self.x_shape:
                x = np.broadcast_to(x, self.x_shape)
            found = np.empty(self.shape, self.dtype)
            self.plan.run(np.ascontiguousarray(x, self.dtype), np.ascontiguousarray(w, self.dtype), found)
        return np.ascontiguousarray(found.transpose(self.back) if self.back else found)


def plan_convolution(
    x: tuple[int, ...],
    w: tuple[int, ...],
    dtype: np.dtype,
    axes: Sequence[int],
    begin: Sequence[int],
    count: Sequence[int],
) -> Convolution:
    """How `convolve` does arrays of such shapes, in such numbers."""
    others = [axis for axis in range(len(x)) if axis not in axes]
    order = (*others, *axes)
    x, w = (tuple(shape[axis] for axis in order) for shape in (x, w))
    batch = np.broadcast_shapes(x[: len(others)], w[: len(others)])
    inner, taps = x[len(others) :], w[len(others) :]
    plan = _choose(_axes(inner, taps, begin, count), prod(batch), prod(w[: len(others)]), dtype)
    moved = order != tuple(range(len(order)))
    back = tuple(order.index(axis) for axis in range(len(order)))
    return Convolution(order if moved else (), back if moved else (), (*batch, *inner), (*batch, *count), dtype, plan)


def _choose(
    wanted: tuple[FourierAxis, ...], images: int, kernels: int, dtype: np.dtype
) -> FourierPlan | StripPlan | ImagePlan:
    """The plan that promises the least time."""
    plan = plan_fourier(wanted, images, kernels, dtype.char in "fF", dtype.kind == "f")
    if dtype.kind == "c" or len(wanted) > 2 or kernels > 1:
        return plan
    others: list[StripPlan | ImagePlan | None] = [plan_strips(wanted, images, dtype)]
    if images == 1 and len(wanted) == 2:
        others.append(plan_image_product((wanted[0], wanted[1]), dtype))
    plans: list[FourierPlan | StripPlan | ImagePlan] = [plan, *(other for other in others if other)]
    return min(plans, key=lambda one: one.nanoseconds)


def _by_numpy(x: np.ndarray, w: np.ndarray, batch: tuple[int, ...], plan: FourierPlan, dtype: np.dtype) -> np.ndarray:
    """The part along the last axes, by NumPy's transforms."""
    cuts = plan.cuts
    lead = (*batch, *(cut.blocks for cut in cuts))
    blocks = _blocks(x, cuts, lead, dtype)
    spectrum = _spectrum(w, cuts, lead, dtype)
    whole = np.empty((*batch, *(cut.blocks * cut.step for cut in cuts)), dtype)
    parts = _parts(whole, len(batch), cuts)

    def run(task: Task) -> None:
        with np.errstate(all="ignore"):
            found = _forward(blocks[task], [cut.length for cut in cuts])
            found *= spectrum[task]
            parts[task] = _backward(found, cuts, dtype.kind == "f")

    share_tasks(run, list(_tasks(lead, max(1, CHUNK // prod(cut.length for cut in cuts)))), plan.nanoseconds)
    return whole[_last(slice(cut.count) for cut in cuts)]


def fourier_dtype(*operands: np.dtype) -> np.dtype:
    """In what a convolution by transforms is computed: integers and booleans in float64, float16 in float32."""
    return np.result_type(*(_floating(dtype) for dtype in operands))


def _floating(dtype: np.dtype) -> np.dtype:
    if dtype.kind in "biu":
        return np.dtype(np.float64)
    return np.dtype(np.float32) if dtype == np.float16 else dtype.newbyteorder("=")


def fourier_nanoseconds(
    x: tuple[int, ...], w: tuple[int, ...], begin: Sequence[int], count: Sequence[int], dtype: np.dtype
) -> float:
    """Rough time of `convolve` along all axes on one thread."""
    return _choose(_axes(x, w, begin, count), 1, 1, dtype).nanoseconds


def _axes(x: Sequence[int], w: Sequence[int], begin: Sequence[int], count: Sequence[int]) -> tuple[FourierAxis, ...]:
    return tuple(map(FourierAxis, x, w, begin, count))


def _blocks(x: np.ndarray, cuts: Sequence[Cut], lead: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """The blocks [batch, block of each axis, element of each axis] of the array, zeros beside it; no copies of each
    other."""
    others = x.ndim - len(cuts)
    sizes = x.shape[others:]
    padded = np.zeros((*x.shape[:others], *(cut.extent for cut in cuts)), dtype)
    source = tuple(slice(max(0, cut.start), max(0, min(cut.end, cut.start + cut.extent))) for cut in cuts)
    target = tuple(
        slice(max(0, -cut.start), max(0, -cut.start) + len(range(size)[part]))
        for cut, size, part in zip(cuts, sizes, source, strict=True)
    )
    padded[_last(target)] = x[_last(source)]
    inner = padded.strides[others:]
    steps = [cut.step * stride for cut, stride in zip(cuts, inner, strict=True)]
    shape = (*x.shape[:others], *(cut.blocks for cut in cuts), *(cut.length for cut in cuts))
    found = as_strided(padded, shape, (*padded.strides[:others], *steps, *inner), writeable=False)
    return np.broadcast_to(found, (*lead, *(cut.length for cut in cuts)))


def _spectrum(w: np.ndarray, cuts: Sequence[Cut], lead: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """The transform of the kernel for each block, times what `_forward` has divided by too often."""
    others = w.ndim - len(cuts)
    found = _forward(w.astype(dtype), [cut.length for cut in cuts])
    found *= prod(cut.length for cut in cuts) ** 2
    found = found.reshape(*w.shape[:others], *(1 for _ in cuts), *found.shape[others:])
    return np.broadcast_to(found, (*lead, *found.shape[others + len(cuts) :]))


def _parts(whole: np.ndarray, others: int, cuts: Sequence[Cut]) -> np.ndarray:
    """The parts [batch, block of each axis, element of each axis] of the result, in its own memory."""
    split = whole.reshape(*whole.shape[:others], *(n for cut in cuts for n in (cut.blocks, cut.step)))
    inner = range(others, split.ndim)
    return split.transpose(*range(others), *inner[::2], *inner[1::2])


def _tasks(lead: tuple[int, ...], most: int) -> Iterator[Task]:
    """Indices of up to `most` blocks each: of the last axes all, of the one before them a run, of the others one."""
    inner = len(lead)
    while inner > 1 and lead[inner - 1] <= most:
        most //= lead[inner - 1]
        inner -= 1
    for index in np.ndindex(*lead[: inner - 1]):
        for first in range(0, lead[inner - 1], max(1, most)):
            yield (*index, slice(first, first + max(1, most)))


def _forward(x: np.ndarray, lengths: Sequence[int]) -> np.ndarray:
    """The transform along the last axes, divided by its number of elements, with zeros behind `x`.

    Divided, as NumPy takes the factor 1 for a float64 and computes in float64 then: twice the time for float32.
    """
    transform = np.fft.rfft if x.dtype.kind == "f" else np.fft.fft
    found = transform(x, lengths[-1], norm="forward")
    for axis in range(-2, -len(lengths) - 1, -1):
        same = found.shape[axis] == lengths[axis]
        found = np.fft.fft(found, lengths[axis], axis, "forward", out=found if same else None)
    return found


def _backward(found: np.ndarray, cuts: Sequence[Cut], real: bool) -> Any:
    """The wanted part of the inverse transform along the last axes; `found` is overwritten."""
    for axis in range(-len(cuts), -1):
        found = np.fft.ifft(found, axis=axis, out=found)
        found = found[_last([_wanted(cuts[axis]), *[slice(None)] * (-1 - axis)])]
    last = cuts[-1]
    found = np.fft.irfft(found, last.length) if real else np.fft.ifft(found, out=found)
    return found[..., _wanted(last)]


def _last(index: Iterable[slice]) -> Any:
    """An index of the last axes."""
    return (..., *index)


def _wanted(cut: Cut) -> slice:
    return slice(cut.lead, cut.lead + cut.step)
