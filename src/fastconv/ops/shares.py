"""Each element's share of the windows that it is in: the adjoint of averaging."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from math import prod

import numpy as np

from fastconv.geometry import Axis
from fastconv.jit.machine import machine
from fastconv.jit.threads import thread_count
from fastconv.ops import arguments as arg
from fastconv.ops import dtypes
from fastconv.ops.calls import Call
from fastconv.ops.pooling import pool_geometry, prepare_means
from fastconv.plan.kernel_plan import KernelPlan
from fastconv.plan.layout import empty_last, is_channels_last
from fastconv.plan.pool_grad import plan_pixel_shares, plan_shares, plan_spaces, spaced_axes

__all__ = ["Sharing", "prepare_shares"]


@dataclass(frozen=True, slots=True)
class Sharing:
    """Everything decided but the values.

    Attributes
    ----------
    share : callable
        What makes the gradient of one without gaps; None where the input has no elements.
    size, work, dtype : tuple of int and numpy.dtype
        Of the input, the dtype in which shares are summed, and the result's.
    last_rank : int
        Spatial axes of gradients that are channels-last, as their results are; 0 for others.
    plain : bool
        Whether gradients are taken as they stand.
    """

    share: Callable[[np.ndarray], np.ndarray] | None
    size: tuple[int, ...]
    work: np.dtype
    dtype: np.dtype
    last_rank: int
    plain: bool

    def run(self, dy: np.ndarray) -> np.ndarray:
        """The gradient for the input."""
        if self.share is None:
            return np.empty(self.size, self.dtype)
        found = self.share(dy if self.plain else self._without_gaps(dy))
        return found if self.work == self.dtype else found.astype(self.dtype)

    def _without_gaps(self, dy: np.ndarray) -> np.ndarray:
        if not self.last_rank:
            return np.ascontiguousarray(arg.native(dy, self.work))
        copy = empty_last(dy.shape, self.work, self.last_rank)
        np.copyto(copy, dy, casting="unsafe")
        return copy


def prepare_shares(
    dy: arg.Form, size: tuple[int, ...], axes: tuple[Axis, ...], count_include_pad: bool, divisor: int | None
) -> Sharing:
    """Get ready to make the gradient for an input of that size, from one of this form for the averages of windows along
    these axes."""
    rank = len(axes)
    arg.check_gradient(dy.shape, (*size[:-rank], *(axis.output for axis in axes)))
    result = dtypes.floating(dy.dtype)
    work, settings = dtypes.sum_dtype(result), (count_include_pad, divisor, thread_count())
    last_rank = rank if is_channels_last(dy.shape, dy.strides, dy.dtype.itemsize, rank) else 0
    share = None if 0 in size else _sharing(size, axes, work, last_rank > 0, *settings)
    return Sharing(share, size, work, result, last_rank, dy.is_contiguous(work, last_rank))


@lru_cache(maxsize=1024)
def _sharing(
    size: tuple[int, ...],
    axes: tuple[Axis, ...],
    dtype: np.dtype,
    last: bool,
    count_include_pad: bool,
    divisor: int | None,
    threads: int,
) -> Callable[[np.ndarray], np.ndarray]:
    """What makes the gradient of one without gaps, channels-last or not: windows that share elements are summed by the
    averages' own kernels, of gradients with zeros between, but for those whose channels stand beside each other."""
    geometry, spaced = pool_geometry(size, axes), spaced_axes(axes)
    if last:
        plan = plan_pixel_shares(geometry, dtype, count_include_pad, divisor)
        return partial(_run, plan, partial(empty_last, size, dtype, len(axes)))
    if spaced is None:
        return partial(_run, plan_shares(geometry, dtype, count_include_pad, divisor), partial(np.empty, size, dtype))
    taps = prod(geometry.kernel_size)
    divisor = divisor or (taps if _all_have(taps, axes, count_include_pad) else None)
    if divisor and spaced == tuple(axis.transpose() for axis in axes):
        given = (*size[: -len(axes)], *(axis.size for axis in spaced))
        call = prepare_means(
            "avg_pool", spaced, arg.form(np.empty(given, dtype)), None, None, "auto", divisor_override=divisor
        )
        return lambda dy: call.run((dy,), None)
    return _spaced_sums(size, axes, spaced, dtype, count_include_pad, divisor)


def _spaced_sums(
    size: tuple[int, ...],
    axes: tuple[Axis, ...],
    spaced: tuple[Axis, ...],
    dtype: np.dtype,
    count_include_pad: bool,
    divisor: int | None,
) -> Callable[[np.ndarray], np.ndarray]:
    """Sums over gradients with zeros between, of so many channels at a time as the second-level cache holds.

    All at once take memory as large as the result, whose pages are new to the process at times: 3 x 3 windows at stride
    2 on 512 channels of 56 x 56 then take up to three times as long (1 thread, Zen 4).
    """
    rank, far = len(axes), tuple(axis.size for axis in spaced)
    channels, spatial = prod(size[:-rank]), size[-rank:]
    step = min(channels, max(1, machine().l2_bytes // (prod(far) * dtype.itemsize)))

    def part(count: int) -> tuple[KernelPlan, Call]:
        spaces = plan_spaces(pool_geometry((count, *spatial), axes), spaced, dtype, count_include_pad, divisor)
        given, result = (arg.form(np.empty((count, *shape), dtype)) for shape in (far, spatial))
        return spaces, prepare_means("avg_pool", spaced, given, result, None, "auto", divisor_override=divisor or 1)

    parts = {count: part(count) for count in {step, channels % step} - {0}}

    def run(dy: np.ndarray) -> np.ndarray:
        y, room = np.empty(size, dtype), np.empty((step, *far), dtype)
        given, result = dy.reshape(channels, *dy.shape[-rank:]), y.reshape(channels, *spatial)
        for first in range(0, channels, step):
            some = slice(first, min(first + step, channels))
            between = room[: some.stop - first]
            spaces, call = parts[len(between)]
            spaces.run(given[some], between)
            call.run((between,), result[some])
        return y

    return run


def _run(plan: KernelPlan, empty: Callable[[], np.ndarray], dy: np.ndarray) -> np.ndarray:
    y = empty()
    plan.run(dy, y)
    return y


def _all_have(taps: int, axes: tuple[Axis, ...], count_include_pad: bool) -> bool:
    """Whether each window is divided by so many."""
    counts = (axis.window_sizes(count_padding=count_include_pad) for axis in axes)
    return prod(map(min, counts)) == taps
