"""Plans of convolutions by Fourier transforms: into which blocks an axis is cut, and how long their transforms are.

A block of N elements that is transformed, multiplied by the transform of the kernel, and transformed back is convolved
in a circle: all but its first ``taps - 1`` elements are as if the axis went on. Blocks overlap by so much ("overlap,
save"), and each gives N - taps + 1 elements of the result. Small blocks stay in the cache, large ones waste less.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import count as counted
from math import ceil, log2, prod

__all__ = ["CHUNK", "Cut", "FourierAxis", "FourierPlan", "cut_up", "cut_whole", "fast_length", "plan_fourier"]

#: Elements that are transformed by one call of NumPy, where blocks are smaller: half a MiB of complex64.
CHUNK = 65536


@dataclass(frozen=True, slots=True)
class FourierAxis:
    """What is wanted along one axis: `count` elements of the whole convolution, which has size + taps - 1, from `begin`
    on."""

    size: int
    taps: int
    begin: int
    count: int


@dataclass(frozen=True, slots=True)
class Cut:
    """How an axis is cut.

    Attributes
    ----------
    length : int
        Of a block, and of its transform.
    step : int
        From one block to the next: the elements that each adds to the result.
    blocks : int
        Their number.
    start, end : int
        The elements of the input that blocks hold, from the first of the first block on; zeros stand where there are
        none.
    lead : int
        Place in a block of the first element that it adds to the result.
    count : int
        Elements of the result; the last block may give more.
    """

    length: int
    step: int
    blocks: int
    start: int
    end: int
    lead: int
    count: int

    @property
    def extent(self) -> int:
        """How far all blocks reach."""
        return (self.blocks - 1) * self.step + self.length


@dataclass(frozen=True, slots=True)
class FourierPlan:
    """The cuts of all axes, and a rough time on one thread, that to transform the kernel included."""

    cuts: tuple[Cut, ...]
    nanoseconds: float


@lru_cache(maxsize=1024)
def fast_length(least: int) -> int:
    """The next number from `least` on with no prime factor above 5, which transforms take quickest.

    Examples
    --------
    >>> fast_length(7), fast_length(64), fast_length(1021)
    (8, 64, 1024)
    """
    best = 1 << max(0, least - 1).bit_length()
    five = 1
    while five < best:
        three = five
        while three < best:
            best = min(best, three << max(0, -(-least // three) - 1).bit_length())
            three *= 3
        five *= 5
    return best


@lru_cache(maxsize=1024)
def plan_fourier(axes: tuple[FourierAxis, ...], batch: int, kernels: int, single: bool, real: bool) -> FourierPlan:
    """Choose the cuts with the least time: one axis after the other, until no other cut of an axis is better.

    Parameters
    ----------
    axes : tuple of FourierAxis
        What is wanted.
    batch, kernels : int
        Convolutions of that shape, and kernels that are transformed for them.
    single, real : bool
        Whether they are float32 and not float64, and real and not complex.
    """
    candidates = [list(_cuts(axis)) for axis in axes]
    chosen = [found[0] for found in candidates]

    def time(cuts: Sequence[Cut]) -> float:
        return _nanoseconds(cuts, batch, kernels, single, real)

    least = time(chosen)
    for _ in range(8):
        before = list(chosen)
        for i, found in enumerate(candidates):
            for cut in found:
                nanoseconds = time([*chosen[:i], cut, *chosen[i + 1 :]])
                if nanoseconds < least:
                    least, chosen[i] = nanoseconds, cut
        if chosen == before:
            break
    return FourierPlan(tuple(chosen), least)


def cut_whole(axis: FourierAxis, length: int = 0) -> Cut | None:
    """One block of that length, or of the least; None where it is less."""
    start, end = max(0, axis.begin - axis.taps + 1), min(axis.size, axis.begin + axis.count)
    # Elements of a circle must not fall on those that are wanted.
    least = max(end + axis.taps - 1 - axis.begin, axis.begin + axis.count - start, axis.taps)
    if 0 < length < least:
        return None
    return Cut(length or fast_length(least), axis.count, 1, start, end, axis.begin - start, axis.count)


def cut_up(axis: FourierAxis, length: int) -> Cut | None:
    """Blocks of that length; None where they give nothing."""
    step = length - axis.taps + 1
    if step < 1:
        return None
    blocks = -(-axis.count // step)
    first = axis.begin - axis.taps + 1
    return Cut(length, -(-axis.count // blocks), blocks, first, axis.size, axis.taps - 1, axis.count)


def _cuts(axis: FourierAxis) -> Iterator[Cut]:
    """The whole axis as one block, then blocks as large as the result's half, third, quarter, sixth, eighth, ..."""
    whole = cut_whole(axis)
    if whole:
        yield whole
    for power in counted(1):
        for parts in (1 << power, 3 << (power - 1)):
            step = -(-axis.count // parts)
            if parts > 2 and step < max(8, axis.taps // 4):
                return
            cut = cut_up(axis, fast_length(step + axis.taps - 1))
            if cut and cut.blocks > 1:
                yield cut


def _nanoseconds(cuts: Sequence[Cut], batch: int, kernels: int, single: bool, real: bool) -> float:
    """Rough time on one thread."""
    elements, blocks = prod(cut.length for cut in cuts), batch * prod(cut.blocks for cut in cuts)
    calls = ceil(blocks / max(1, CHUNK // elements))
    # Elements of a complex transform take twice as long as those of a real one.
    size = elements * (1 if real else 2)
    scale = (1 if single else 2) * size
    each = size * (ELEMENT_COST[single] + LEVEL_COST[single] * log2(elements + 1))
    if scale > CACHE_ELEMENTS:
        each *= 1 + CACHE_PENALTY * min(1.0, log2(scale / CACHE_ELEMENTS) / 3)
    roots = ROOT_COST * sum(cut.length for cut in cuts)
    return PLAN_COST + (blocks + kernels / 2) * each + (calls + 1) * (CALL_COST * len(cuts) + roots)


#: Nanoseconds: of an element apart from its transforms (two copies and a product), of an element for each doubling of
#: the block, of each root of unity, which NumPy computes anew in each call, of a call for each axis, and to prepare all
#: that. By whether it is in float32.
ELEMENT_COST = {True: 2.5, False: 3.5}
LEVEL_COST = {True: 0.72, False: 0.85}
ROOT_COST, CALL_COST, PLAN_COST = 12.0, 20_000.0, 80_000.0
#: Float32 numbers of a block that the second level of the cache holds, and how much longer larger ones take.
CACHE_ELEMENTS, CACHE_PENALTY = 1 << 18, 0.8
