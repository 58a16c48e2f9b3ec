"""One axis of a convolution: the fifteen relationships of the guide, and the three it leaves out.

Source: V. Dumoulin, F. Visin, "A guide to convolution arithmetic for deep learning" (2016), arXiv:1603.07285.
With input size i, kernel k, stride s, padding p on both sides, dilation d, output o, and primes for the transposed
convolution, its relationships are

====  ==========================================  =============================================================
 1    s = 1, p = 0                                o = (i - k) + 1
 2    s = 1                                       o = (i - k) + 2p + 1
 3    "same": k odd, s = 1, p = floor(k / 2)      o = i
 4    "full": s = 1, p = k - 1                    o = i + (k - 1)
 5    p = 0                                       o = floor((i - k) / s) + 1
 6    general                                     o = floor((i + 2p - k) / s) + 1
 7    pooling (p = 0)                             o = floor((i - k) / s) + 1
 8    transposed of 1: p' = k - 1                 o' = i' + (k - 1)
 9    transposed of 2: p' = k - p - 1             o' = i' + (k - 1) - 2p
 10   transposed of 3: p' = p                     o' = i'
 11   transposed of 4: p' = 0                     o' = i' - (k - 1)
 12   transposed of 5, s divides i - k            o' = s (i' - 1) + k
 13   transposed of 6, s divides i + 2p - k       o' = s (i' - 1) + k - 2p
 14   transposed of 6, a = (i + 2p - k) mod s     o' = s (i' - 1) + a + k - 2p
 15   dilated                                     o = floor((i + 2p - k - (k - 1)(d - 1)) / s) + 1
====  ==========================================  =============================================================

They are one formula. Let the input be stretched by t (t - 1 zeros between neighbours), padded by b before and a after,
and let the dilated kernel reach over e = d (k - 1) + 1 positions; then

    o = floor((t (i - 1) + 1 + b + a - e) / s) + 1.

Convolutions have t = 1 (1 to 7 and 15), transposed convolutions s = 1 (8 to 14), and transposition swaps s with t.
`Axis` is that formula; asymmetric padding, ceil mode and dilated transposed convolution need nothing more.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace

__all__ = ["Axis"]


@dataclass(frozen=True, slots=True)
class Axis:
    """One spatial axis of a convolution or a pooling, in integers.

    Output position `o` and kernel tap `k` meet at position ``o * stride + k * dilation - before`` of the stretched
    input, and read input element ``position / stretch`` where that is a whole number inside the input, else padding.

    Attributes
    ----------
    size : int
        Number of input elements i.
    kernel : int
        Number of kernel taps k.
    stride : int
        Step s from one window to the next.
    dilation : int
        Step d from one tap to the next.
    before, after : int
        Padding in front of and behind the input; negative values crop.
    stretch : int
        Step t from one input element to the next (a fractional stride of 1 / t): 1 but for transposed convolutions.
    ceil_mode : bool
        Round the number of windows up: the last window may reach past the padding, but starts inside input or `before`.

    Examples
    --------
    >>> Axis(size=5, kernel=3, stride=2, before=1, after=1).output
    3
    >>> Axis(size=5, kernel=3, stride=2, before=1, after=1).transpose().output
    5
    """

    size: int
    kernel: int
    stride: int = 1
    dilation: int = 1
    before: int = 0
    after: int = 0
    stretch: int = 1
    ceil_mode: bool = False

    @property
    def extent(self) -> int:
        """Positions that a dilated kernel reaches over: e = d (k - 1) + 1."""
        return self.dilation * (self.kernel - 1) + 1

    @property
    def padded(self) -> int:
        """Positions that windows may use: t (i - 1) + 1 + before + after."""
        return self.stretch * (self.size - 1) + 1 + self.before + self.after

    @property
    def output(self) -> int:
        """Number of windows o; relationships 1 to 15 are its special cases. Not positive where no window fits."""
        room = self.padded - self.extent
        if not self.ceil_mode:
            return room // self.stride + 1
        windows = -(-room // self.stride) + 1
        starts_behind_input = (windows - 1) * self.stride >= self.size + self.before
        return windows - 1 if starts_behind_input else windows

    @property
    def remainder(self) -> int:
        """Padded positions behind the last window: the a of relationship 14, negative where ceil mode reaches past."""
        return self.padded - self.extent - (self.output - 1) * self.stride

    @property
    def whole(self) -> bool:
        """Whether a single window holds each element of the axis, and no padding."""
        return self.output == 1 and self.kernel == self.size and self.dilation == 1 and not (self.before or self.after)

    def transpose(self) -> Axis:
        """The axis of the adjoint map: `output` elements in, `size` elements out (relationships 8 to 14).

        Stride and stretch change places, and the padding becomes what the kernel still reaches: p' = e - p - 1, behind
        it also the `remainder` that no window saw. Transposing twice gives the same map.

        Examples
        --------
        >>> Axis(size=6, kernel=3, stride=2, before=1, after=1).transpose()
        Axis(size=3, kernel=3, stride=1, dilation=1, before=1, after=2, stretch=2, ceil_mode=False)
        """
        return replace(
            self,
            size=self.output,
            stride=self.stretch,
            stretch=self.stride,
            before=self.extent - 1 - self.before,
            after=self.extent - 1 - self.after + self.remainder,
            ceil_mode=False,
        )

    def window_sizes(self, *, count_padding: bool) -> tuple[int, ...]:
        """How many taps of each window meet the input, or, with `count_padding`, the padded input.

        Examples
        --------
        >>> Axis(size=4, kernel=3, before=1, after=1).window_sizes(count_padding=False)
        (2, 3, 3, 2)
        """
        low, high = (-self.before, self.size + self.after) if count_padding else (0, self.size)
        starts = range(-self.before, -self.before + self.output * self.stride, self.stride)
        first = bisect_left(starts, low)
        end = max(first, bisect_right(starts, high - self.extent))  # windows from `first` to it are whole
        before, after = (
            [len(taps_inside(start, self.kernel, self.dilation, low, high)) for start in cut]
            for cut in (starts[:first], starts[end:])
        )
        return (*before, *[self.kernel] * (end - first), *after)

    def taps(self) -> tuple[tuple[int, int], ...]:
        """The input position of the first tap of each window that meets the input, and how many do, `dilation` apart.

        Examples
        --------
        >>> Axis(size=4, kernel=3, before=1, after=1).taps()
        ((0, 2), (0, 3), (1, 3), (2, 2))
        """
        starts = range(-self.before, -self.before + self.output * self.stride, self.stride)
        met = ((start, taps_inside(start, self.kernel, self.dilation, 0, self.size)) for start in starts)
        return tuple((start + taps.start * self.dilation, len(taps)) for start, taps in met)


def taps_inside(start: int, kernel: int, dilation: int, low: int, high: int) -> range:
    """Taps k with ``low <= start + k * dilation < high``."""
    first = max(0, -(-(low - start) // dilation))
    last = min(kernel, -(-(high - start) // dilation))
    return range(first, max(first, last))
