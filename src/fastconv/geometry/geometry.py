"""The one value that flows from a call down to its kernel: every size of a convolution, pooling or transposed one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

from fastconv.geometry.axis import Axis

__all__ = ["KERNEL_RANK", "Geometry"]

#: Kernels are written once, for this many spatial axes; shorter shapes get leading axes of size 1.
KERNEL_RANK = 3


@dataclass(frozen=True, slots=True)
class Geometry:
    """All sizes of one operation. Hashable, so decisions that follow from it can be remembered.

    A pooling is the geometry of a depthwise convolution: as many groups and outputs as channels.

    Attributes
    ----------
    batch : int
        Number of images N.
    channels, out_channels : int
        Input channels C and output channels O.
    groups : int
        Number of independent channel groups; divides C and O.
    axes : tuple of Axis
        The spatial axes, outermost first.
    padding_mode : str
        What stands outside the input, one of `PADDING_MODES`.

    Examples
    --------
    >>> g = Geometry(1, 3, 8, 1, (Axis(224, 7, stride=2, before=3, after=3),) * 2)
    >>> g.output_shape, g.transpose().output_shape
    ((1, 8, 112, 112), (1, 3, 224, 224))
    """

    batch: int
    channels: int
    out_channels: int
    groups: int
    axes: tuple[Axis, ...]
    padding_mode: str = "zeros"

    @property
    def input_size(self) -> tuple[int, ...]:
        """Spatial input size."""
        return tuple(axis.size for axis in self.axes)

    @property
    def output_size(self) -> tuple[int, ...]:
        """Spatial output size."""
        return tuple(axis.output for axis in self.axes)

    @property
    def kernel_size(self) -> tuple[int, ...]:
        """Spatial kernel size."""
        return tuple(axis.kernel for axis in self.axes)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """(N, C, *input size)."""
        return (self.batch, self.channels, *self.input_size)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """(N, O, *output size)."""
        return (self.batch, self.out_channels, *self.output_size)

    @property
    def depth(self) -> int:
        """Products that are summed into one output: C / groups times the kernel's taps."""
        return self.channels // self.groups * prod(self.kernel_size)

    @property
    def products(self) -> int:
        """Multiplications of the whole operation that meet no zero put in by a stretch: N O C / groups windows taps."""
        stretch = prod(axis.stretch for axis in self.axes)
        return self.batch * self.out_channels * prod(self.output_size) * self.depth // stretch

    def transpose(self) -> Geometry:
        """The geometry of the adjoint map; the channels change places too.

        Modes other than zeros have an adjoint that no convolution computes: the caller must refuse them.
        """
        axes = tuple(axis.transpose() for axis in self.axes)
        return replace(self, channels=self.out_channels, out_channels=self.channels, axes=axes)

    def lift(self) -> Geometry:
        """The same operation with `KERNEL_RANK` axes, leading ones of size 1 with a single tap."""
        unit = (Axis(1, 1),) * (KERNEL_RANK - len(self.axes))
        return replace(self, axes=unit + self.axes)

    def fold(self, most: int) -> Geometry:
        """The same pooling with inner axes that one window covers as one axis, if that has up to so many elements.

        Of memory whose elements lie in row-major order; the number of axes stays.

        Examples
        --------
        >>> Geometry(1, 8, 8, 8, (Axis(2, 1), Axis(7, 7), Axis(7, 7))).fold(64).input_size
        (2, 1, 49)
        """
        *outer, last = self.axes
        for i in reversed(range(len(outer))):
            size = outer[i].size * last.size
            if not (outer[i].whole and last.whole) or size > most:
                break
            outer[i], last = Axis(1, 1), Axis(size, size)
        return replace(self, axes=(*outer, last))
