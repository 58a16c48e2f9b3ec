"""Plans of convolutions of one image by Fourier transforms of the whole of it, padding included.

Blocks overlap by a kernel less one element, so that large ones waste less; the whole image is the largest, and has
lengths that blocks do not. 63 taps on 400 x 400 elements take half of the time that they take in blocks.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from fastconv.geometry import Axis
from fastconv.plan.fourier import FourierAxis
from fastconv.plan.image_product import ImagePlan, plan_image_product
from fastconv.plan.kernel_plan import KernelPlan
from fastconv.plan.pad import PaddedAxis, plan_pad
from fastconv.plan.problem import Problem
from fastconv.plan.span import is_dense

__all__ = ["WholeImagePlan", "plan_whole_image"]

#: Nanoseconds to extend an image, and for each byte of what comes of it, in the scale of `fastconv.plan.strips`.
PAD_COST, PAD_BYTE_COST = 20_000.0, 0.35
#: How many times the elements of a kernel an image may have along each axis: with more, blocks were always faster.
MOST_TIMES = 16


@dataclass(frozen=True, slots=True, eq=False)
class WholeImagePlan:
    """What transforms an image beside the values.

    Attributes
    ----------
    product : ImagePlan
        Of the image and the kernel.
    pad : KernelPlan or None
        What extends the image first, if anything.
    extended : tuple of int
        Its shape then.
    tasks : int
        Of the largest stage.
    nanoseconds : float
        Rough time on one thread, that to transform the kernel included.
    summary : str
        The choice in words.
    """

    product: ImagePlan
    pad: KernelPlan | None
    extended: tuple[int, int]
    tasks: int
    nanoseconds: float
    summary: str

    def run(self, x: np.ndarray, w: np.ndarray, y: np.ndarray) -> bool:
        """Write the result into the contiguous `y`; all arrays are of the same dtype, and `w` is contiguous too.

        Whether all of it is finite; if not, more of it may not be than there should.
        """
        if self.pad is not None:
            given, x = x, np.empty(self.extended, x.dtype)
            self.pad.run(given, x, np.zeros(1, x.dtype))
        self.product.run(x, w, y)
        with np.errstate(all="ignore"):
            return bool(np.isfinite(y.sum()))


@lru_cache(maxsize=64)
def plan_whole_image(problem: Problem) -> WholeImagePlan | None:
    """The plan of a problem that `refuse_transforms` does not refuse; None for what is not one image of two axes, or
    much larger than its kernel."""
    g, x = problem.geometry.lift(), problem.x_steps()
    d, h, w = g.axes
    one_image = (g.batch, g.out_channels, d.output) == (1, 1, 1)
    if not one_image or h.kernel == 1 or any(axis.size > MOST_TIMES * axis.kernel for axis in (h, w)):
        return None
    rows, columns = h.size + h.before + h.after, w.size + w.before + w.after
    in_place = is_dense((h.size, w.size), x.steps[-2:]) and all(_reads_zeros(axis, g.padding_mode) for axis in (h, w))
    pad = None
    axes = _axis(h, in_place), _axis(w, in_place)
    if not in_place:
        steps = zip((h, w), x.steps[-2:], (columns, 1), strict=True)
        padded = [PaddedAxis(axis.size, axis.before, axis.after, step, to) for axis, step, to in steps]
        pad = plan_pad(padded, x.base, 0, g.padding_mode, problem.dtype)
    product = plan_image_product(axes, problem.dtype)
    if product is None:
        return None
    copied = 0 if in_place else PAD_COST + PAD_BYTE_COST * rows * columns * problem.dtype.itemsize
    return WholeImagePlan(
        product,
        pad,
        (rows, columns),
        max(tasks for tasks, _ in product.tables),
        product.nanoseconds + copied,
        f"the whole image at once, of {rows} x {columns} elements with its padding",
    )


def _reads_zeros(axis: Axis, mode: str) -> bool:
    """Whether nothing but zeros stands beside an axis, and no window is all beside it."""
    beside = max(axis.before, axis.after)
    return beside == 0 or (mode == "zeros" and beside < axis.kernel)


def _axis(axis: Axis, in_place: bool) -> FourierAxis:
    """An axis as it stands, with zeros beside it, or extended."""
    if in_place:
        return FourierAxis(axis.size, axis.kernel, axis.kernel - 1 - axis.before, axis.output)
    return FourierAxis(axis.size + axis.before + axis.after, axis.kernel, axis.kernel - 1, axis.output)
