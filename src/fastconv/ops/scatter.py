"""Numbers put back where indices say, into planes that are zero elsewhere: `max_unpool*` and gradients of maxima."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from fastconv.jit.kernel import Kernel
from fastconv.ops import arguments as arg
from fastconv.plan.scatter import ScatterPlan, plan_scatter

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
    takes_values, takes_indices : bool
        Whether the kernel takes these as they stand.
    """

    plan: ScatterPlan | None
    shape: tuple[int, ...]
    work: np.dtype
    dtype: np.dtype
    word: np.dtype
    takes_values: bool
    takes_indices: bool

    def run(self, values: np.ndarray, indices: np.ndarray) -> np.ndarray:
        """The planes.

        Raises
        ------
        IndexError
            Where an index is outside of its plane.
        """
        y = np.empty(self.shape, self.work)
        if self.plan is None:
            return y.astype(self.dtype, copy=False)
        given = values if self.takes_values else _plain(values, self.work)
        places = indices if self.takes_indices else _plain(indices, np.dtype(np.int64))
        found = self.plan.run(given.view(self.word), places, y.view(self.word))
        if found >= 0:
            place = ", ".join(map(str, np.unravel_index(found, indices.shape)))
            size = y.size // self.plan.planes
            raise IndexError(
                f"indices[{place}]={indices.flat[found]} is outside of a plane of {size} elements; give flat positions "
                f"from 0 to {size - 1}."
            )
        return y if self.work == self.dtype else y.astype(self.dtype)


def prepare_scatter(
    kernel: Kernel,
    forms: tuple[arg.Form, arg.Form],
    shape: tuple[int, ...],
    rank: int,
    dtype: np.dtype,
    work: np.dtype,
    word: np.dtype,
) -> Scattering:
    """Get ready to put values at indices of planes of so many axes; `word` is what the kernel takes `work` for."""
    values, indices = forms
    size, planes = prod(shape[-rank:]), prod(shape[:-rank])
    plan = plan_scatter(kernel, word, planes, prod(values.shape[-rank:]), size) if planes and size else None
    takes = values.is_contiguous(work), indices.is_contiguous(np.dtype(np.int64))
    return Scattering(plan, shape, work, dtype, word, *takes)


def _plain(array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    return np.ascontiguousarray(arg.native(array, dtype))
