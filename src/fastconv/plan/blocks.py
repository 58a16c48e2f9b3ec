"""How an output is cut into blocks: small enough for the cache, large enough for vectors, enough for the threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

from fastconv.jit.machine import machine
from fastconv.plan.windows import Windows

__all__ = [
    "MOST_NUMBERS",
    "MOST_ROWS",
    "Blocks",
    "best_blocks",
    "candidates",
    "choose_blocks",
    "even_sizes",
    "least_blocks",
    "measured",
]

#: Outputs of a block's row. Beyond the first number a longer row gains nothing; the others are for so many channels
#: that a slab of full rows would leave the cache.
ROW_LIMITS = (1024, 256, 64)
#: Most rows of a block: the overlap of neighbouring blocks is then at most a few per cent for the usual kernels.
MOST_ROWS = 64
#: Most outputs of a block: eight rows of float32 sums take 128 KiB, an eighth of a second-level cache.
MOST_NUMBERS = 4096


@dataclass(frozen=True, slots=True)
class Blocks:
    """A block of outputs, and what it takes.

    Attributes
    ----------
    sizes, counts : tuple of int
        Outputs of a block, and number of blocks, along each axis.
    numbers : int
        Outputs of a block, counted with those that are computed along and dropped.
    slab : int
        Elements of its slab for one channel.
    nanoseconds : float
        Rough time of a block on one thread.
    gather : float
        The part of it that goes by before the first product.
    """

    sizes: tuple[int, ...]
    counts: tuple[int, ...]
    numbers: int
    slab: int
    nanoseconds: float
    gather: float = 0.0

    @classmethod
    def of(
        cls,
        windows: Sequence[Windows],
        sizes: tuple[int, ...],
        numbers: int,
        slab: int,
        nanoseconds: float,
        gather: float = 0.0,
    ) -> Blocks:
        """Blocks of the given sizes over the outputs of the largest phase."""
        counts = tuple(-(-w.numbers // size) for size, w in zip(sizes, windows, strict=True))
        return cls(sizes, counts, numbers, slab, nanoseconds, gather)

    def __str__(self) -> str:
        return f"{prod(self.counts)} blocks of {' x '.join(map(str, self.sizes))} outputs"


def choose_blocks(
    windows: Sequence[Windows], channels: int, itemsize: int, images: int, step_cost: float, element_cost: float
) -> Blocks:
    """The blocks of least cost where a slab's numbers are summed with the gaps between its rows.

    Parameters
    ----------
    windows : sequence of Windows
        The three axes.
    channels, itemsize : int
        Channels of a slab, and bytes of its elements.
    images : int
        Number of slabs that there are for each block: batch times groups.
    step_cost, element_cost : float
        Nanoseconds for one tile's width of outputs, and for gathering one element.
    """
    m = machine()
    step = m.tile_vectors * m.vector_bytes // itemsize

    def measure(sizes: tuple[int, ...]) -> Blocks:
        pitches = [size + w.reach for size, w in zip(sizes, windows, strict=True)]
        numbers = (sizes[0] - 1) * pitches[1] * pitches[2] + (sizes[1] - 1) * pitches[2] + sizes[2]
        slab = prod(pitches) * prod(len(w.phases) for w in windows)
        gather = slab * channels * element_cost
        return Blocks.of(windows, sizes, numbers, slab, -(-numbers // step) * step_cost + gather, gather)

    return least_blocks(measured(windows, measure), channels * itemsize, images)


def measured(windows: Sequence[Windows], measure: Callable[[tuple[int, ...]], Blocks]) -> list[Blocks]:
    """What the blocks take that are worth a look."""
    return [measure(sizes) for sizes in candidates([w.numbers for w in windows])]


def least_blocks(measured: Sequence[Blocks], slab_bytes: int, pieces: int) -> Blocks:
    """The blocks of least work on one thread, as `best_blocks`; there are `pieces` tasks for each."""

    def cost(blocks: Blocks) -> float:
        count = prod(blocks.counts)
        # Threads end together only if there are many tasks: n tasks on several threads cost about 1/n more.
        return blocks.nanoseconds * count * (1 + 1 / max(1, count * pieces))

    return best_blocks(measured, slab_bytes, cost)


def best_blocks(measured: Sequence[Blocks], slab_bytes: int, cost: Callable[[Blocks], float]) -> Blocks:
    """The blocks of least cost among those that fit the cache, or those that come nearest to it.

    Parameters
    ----------
    measured : sequence of Blocks
        Those to choose from.
    slab_bytes : int
        Bytes of one element of a slab, all channels together.
    cost : callable
        What blocks cost.
    """
    room = machine().slab_bytes

    def too_large(blocks: Blocks) -> int:
        return max(0, blocks.slab * slab_bytes - room, blocks.numbers - MOST_NUMBERS)

    least = min(map(too_large, measured))
    return min((blocks for blocks in measured if too_large(blocks) == least), key=cost)


def candidates(numbers: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Sizes of blocks that are worth a look where so many outputs are to be cut along each axis."""
    depth, height, width = numbers
    widths = {even_sizes(width, limit)[0] for limit in ROW_LIMITS}
    for row, rows in product(widths, even_sizes(height, MOST_ROWS)):
        for planes in even_sizes(depth, MOST_ROWS) if rows == height else (1,):
            yield planes, rows, row


def even_sizes(total: int, most: int) -> list[int]:
    """Sizes of at most `most` that cut `total` into nearly equal blocks, largest first; single ones last."""
    fewest = -(-total // most)
    return sorted({-(-total // parts) for parts in range(fewest, min(total, fewest + 64) + 1)} | {1}, reverse=True)
