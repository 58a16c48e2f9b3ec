"""What is to be planned: everything about a call but its values, hashable."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from fastconv.geometry import Geometry
from fastconv.geometry.geometry import KERNEL_RANK
from fastconv.jit.machine import Machine, machine
from fastconv.jit.threads import thread_count
from fastconv.plan.layout import is_channels_last, strides_first
from fastconv.plan.span import Steps, steps

__all__ = ["Problem"]


@dataclass(frozen=True, slots=True)
class Problem:
    """A call without its values.

    Attributes
    ----------
    op : str
        Family of the operation; the registry's key.
    geometry : Geometry
        Of the map that is computed: for a transposed convolution that with the stretched input.
    dtype : numpy.dtype
        Of the sums and of the result.
    x_strides, weight_strides : tuple of int
        Of the callers' arrays, in bytes.
    x_dtype : numpy.dtype
        Of the input.
    y_strides : tuple of int
        Of the result, in bytes; () where it is contiguous.
    mirrored : bool
        The first tap of a window takes the last weight: flipped convolutions, and transposed ones that are not.
    activation : str or None
        Function applied to the result.
    indices : bool
        A maximum's place is wanted too.
    count_include_pad, divisor : bool, int or None
        Of an average: whether padding counts, and the divisor that overrides the count.
    norm : float
        Exponent p of a p-norm.
    packed : bool
        Weights are packed once for many calls, so that it does not matter how long that takes.
    exact : bool
        Whole numbers are summed as floats, which hold any sum of their products, but maybe no parts of them.
    spare : bool
        They hold what Winograd's algorithm makes of them, too.
    narrow : bool
        Whole numbers are summed in 64 bits, and multiplied as numbers of 32.
    parts : numpy.dtype or None
        Each element of the input, and each weight, holds the numbers of neighbouring channels: two of 16 bits or four
        of 8, those of a weight of this dtype. The geometry counts elements. Sums of products have 32 bits.
    halves : int
        Channels of a group are their high bytes and then their low ones if it is 2, and each weight is used for both.
    fill : int
        What stands in padding of zeros, where interleaved channels are shifted.
    machine : Machine
        What it is planned for.
    threads : int
        How many threads may share the work.
    """

    op: str
    geometry: Geometry
    dtype: np.dtype
    x_strides: tuple[int, ...]
    x_dtype: np.dtype
    weight_strides: tuple[int, ...] = ()
    y_strides: tuple[int, ...] = ()
    mirrored: bool = False
    activation: str | None = None
    indices: bool = False
    count_include_pad: bool = True
    divisor: int | None = None
    norm: float = 1.0
    packed: bool = False
    exact: bool = False
    spare: bool = False
    narrow: bool = False
    parts: np.dtype | None = None
    halves: int = 1
    fill: int = 0
    machine: Machine = field(default_factory=machine)
    threads: int = field(default_factory=thread_count)

    def x_steps(self) -> Steps:
        """Where the input's elements stand: steps of batch, channel and all of the kernels' axes, leading ones 0."""
        return self._lifted(steps(self.geometry.input_shape, self.x_strides, self.x_dtype.itemsize))

    def y_steps(self) -> Steps:
        """The same of the result's."""
        shape, itemsize = self.geometry.output_shape, self.dtype.itemsize
        return self._lifted(steps(shape, self.y_strides or strides_first(shape, itemsize), itemsize))

    def _lifted(self, found: Steps) -> Steps:
        lead = (0,) * (KERNEL_RANK - len(self.geometry.axes))
        return Steps(found.base, (*found.steps[:2], *lead, *found.steps[2:]))

    @property
    def widened(self) -> bool:
        """Whether sums of products have half as many bits as those that they are added to."""
        return self.parts is not None and self.dtype == np.int64

    @property
    def x_last(self) -> bool:
        """Whether the input is channels-last (`fastconv.plan.layout`)."""
        g = self.geometry
        return is_channels_last(g.input_shape, self.x_strides, self.x_dtype.itemsize, len(g.axes))

    @property
    def y_last(self) -> bool:
        """Whether the result is to be channels-last."""
        g = self.geometry
        return bool(self.y_strides) and is_channels_last(
            g.output_shape, self.y_strides, self.dtype.itemsize, len(g.axes)
        )
