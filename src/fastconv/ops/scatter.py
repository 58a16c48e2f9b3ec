"""Numbers put back where indices say, into planes that are zero elsewhere: `max_unpool*` and gradients of maxima."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from fastconv.ops import arguments as arg
from fastconv.plan.layout import empty_last, is_channels_last
from fastconv.plan.scatter import ScatterPlan, plan_pixel_scatter, plan_scatter

__all__ = ["Scattering", "prepare_scatter"]


@dataclass(frozen=True, slots=True)
class Scattering:
    """Everything decided but the values.

    Attributes
    ----------
    plan : ScatterPlan or None
        How; None where there are no planes.
    shape, work, dtype : tuple of int and numpy.dtype
        Of the result, the dtype in which it is put together, and its own.
    word : numpy.dtype
        What the kernel takes that for.
    rank : int
        Spatial axes.
    last : bool
        Whether values are channels-last, as their results are.
    takes_values, takes_indices : bool
        Whether the kernel takes these as they stand.
    """

    plan: ScatterPlan | None
    shape: tuple[int, ...]
    work: np.dtype
    dtype: np.dtype
    word: np.dtype
    rank: int
    last: bool
    takes_values: bool
    takes_indices: bool

    def run(self, values: np.ndarray, indices: np.ndarray) -> np.ndarray:
        """The planes.

        Raises
        ------
        IndexError
            Where an index is outside of its plane.
        """
        y = self._empty(self.shape, self.work)
        if self.plan is None:
            return y.astype(self.dtype, copy=False)
        given = values if self.takes_values else self._without_gaps(values, self.work)
        places = indices if self.takes_indices else self._without_gaps(indices, np.dtype(np.int64))
        if not self.plan.run(given.view(self.word), places, y.view(self.word)):
            raise self._stray(indices)
        return y if self.work == self.dtype else y.astype(self.dtype)

    def _empty(self, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        return empty_last(shape, dtype, self.rank) if self.last else np.empty(shape, dtype)

    def _without_gaps(self, array: np.ndarray, dtype: np.dtype) -> np.ndarray:
        copy = self._empty(array.shape, dtype)
        np.copyto(copy, array, casting="unsafe")
        return copy

    def _stray(self, indices: np.ndarray) -> IndexError:
        """The error for the first index that its plane has no element of."""
        size = prod(self.shape[-self.rank :])
        found = int(np.argmax((indices < 0) | (indices >= size)))
        place = ", ".join(map(str, np.unravel_index(found, indices.shape)))
        return IndexError(
            f"indices[{place}]={indices.flat[found]} is outside of a plane of {size} elements; give flat positions "
            f"from 0 to {size - 1}."
        )


def prepare_scatter(
    sums: bool,
    forms: tuple[arg.Form, arg.Form],
    shape: tuple[int, ...],
    rank: int,
    dtype: np.dtype,
    work: np.dtype,
    word: np.dtype,
) -> Scattering:
    """Get ready to put values at indices of planes of so many axes, where they are summed or the last stays; `word` is
    what the kernel takes `work` for."""
    values, indices = forms
    last = is_channels_last(values.shape, values.strides, values.dtype.itemsize, rank)
    size, count, planes = prod(shape[-rank:]), prod(values.shape[-rank:]), prod(shape[:-rank])
    if not planes or not size:
        plan = None
    elif last:
        channels = shape[-rank - 1]
        plan = plan_pixel_scatter(sums, word, planes // channels, channels, count, size)
    else:
        plan = plan_scatter(sums, word, planes, count, size)
    last_rank = rank if last else 0
    takes = (values.is_contiguous(work, last_rank), indices.is_contiguous(np.dtype(np.int64), last_rank))
    return Scattering(plan, shape, work, dtype, word, rank, last, *takes)
