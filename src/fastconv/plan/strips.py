"""Plans of convolutions by Fourier transforms of pairs of blocks, in strips of vectors (`fastconv.kernels.fourier`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import log2, prod
from typing import NamedTuple

import numpy as np

from fastconv.jit.fourier import ROOTS
from fastconv.jit.machine import machine
from fastconv.kernels.fourier import fourier_blocks
from fastconv.kernels.fourier_table import FOURIER_TABLE, Fourier
from fastconv.plan.fourier import Cut, FourierAxis, cut_up, cut_whole
from fastconv.plan.table import Table
from fastconv.plan.windows import plain_axis

__all__ = [
    "MOST_ROWS",
    "Images",
    "Source",
    "StripPlan",
    "axis_roots",
    "best_strips",
    "contiguous",
    "frequencies",
    "plan_strips",
    "strip_heads",
    "strip_plan",
]

#: Most rows and columns of a block: larger ones leave the last level of the cache.
MOST_ROWS = 1024

#: Nanoseconds of a complex element of a block, in float32 with vectors of 64 bytes: apart from the number of doublings
#: that make the block, and for each of them; for a call, which makes tables and a spectrum.
ELEMENT_COST, LEVEL_COST, CALL_COST = 2.6, 0.3, 50_000.0
#: Bytes of a block, in both of its orders, that the second level of the cache holds; and how much longer each doubling
#: of that takes, up to twice as long.
CACHE_BYTES, CACHE_PENALTY = 1 << 20, 0.2


class Source(NamedTuple):
    """One axis of the input.

    Attributes
    ----------
    size, stride : int
        Its elements, and the step between them.
    first : int
        Where on it that stands which a `FourierAxis` calls its first element: before the axis, where that is extended.
    before, behind : tuple of int
        Which elements stand in the positions before it and behind it; beyond them zeros do.
    """

    size: int
    stride: int
    first: int = 0
    before: tuple[int, ...] = ()
    behind: tuple[int, ...] = ()


class Images(NamedTuple):
    """Where images stand in input and result: see `Fourier`, where there is one for each kernel."""

    kernels: int
    images: int
    lines: int
    multiplier: int
    x_base: int
    x_batch: int
    x_line: int
    x_channel: int
    y_batch: int
    y_line: int
    y_channel: int


def contiguous(axes: Sequence[FourierAxis], images: int) -> tuple[Images, list[Source]]:
    """Contiguous images of one axis or two, for one kernel."""
    size, count, columns = prod(axis.size for axis in axes), prod(axis.count for axis in axes), axes[-1].size
    sources = [Source(1, 0)] * (2 - len(axes)) + [Source(axis.size, 1) for axis in axes]
    sources[0] = sources[0]._replace(stride=columns)
    return Images(1, images, 1, 1, 0, size, 0, 0, count, 0, 0), sources


@dataclass(frozen=True, slots=True, eq=False)
class StripPlan:
    """What the kernels need beside the values.

    Attributes
    ----------
    head : Fourier
        What is transformed.
    table, kernel_table : ndarray of int64
        As the kernel reads them; the second for the convolution's kernels, which are blocks too.
    roots : ndarray
        Of unity, in the dtype of all numbers.
    kernels : int
        Their number.
    nanoseconds : float
        Rough time on one thread, that to transform the kernels included.
    """

    head: Fourier
    table: np.ndarray
    kernel_table: np.ndarray
    roots: np.ndarray
    kernels: int
    nanoseconds: float

    @property
    def tasks(self) -> int:
        """Pairs of blocks of all kernels."""
        return self.kernels * self.head.pairs

    @property
    def summary(self) -> str:
        """The choice in words."""
        head = self.head
        return f"{head.down * head.across} blocks of {head.rows} x {head.columns} elements an image, two at a time"

    def run(self, x: np.ndarray, w: np.ndarray, y: np.ndarray) -> bool:
        """Write the result into the contiguous `y`; all arrays are of the same dtype, and `w` is contiguous too.

        Whether all of it is finite; if not, more of it may not be than there should.
        """
        elements, dtype = self.head.rows * self.head.columns, self.roots.dtype
        spectra, strange = np.empty(2 * elements * self.kernels, dtype), np.empty(self.tasks, np.int64)
        # Neither transform divides; `elements` is a power of two.
        scaled, each = w / dtype.type(elements), self.nanoseconds / (self.head.pairs + 1)
        fourier_blocks.run(self.kernels, each, scaled, spectra, self.roots, self.roots, strange, self.kernel_table)
        fourier_blocks.run(self.tasks, self.nanoseconds, x, y, spectra, self.roots, strange, self.table)
        return not strange.any()


@lru_cache(maxsize=1024)
def plan_strips(axes: tuple[FourierAxis, ...], images: int, dtype: np.dtype) -> StripPlan | None:
    """The blocks of one axis or two that promise the least time; None where blocks would have to be too large."""
    return best_strips(axes, *contiguous(axes, images), dtype)


def best_strips(
    axes: tuple[FourierAxis, ...], images: Images, sources: Sequence[Source], dtype: np.dtype
) -> StripPlan | None:
    """As `plan_strips`, for images that stand anywhere."""

    def time(head: Fourier) -> float:
        return _nanoseconds(head, images.kernels, dtype)

    found = min(strip_heads(axes, images, dtype), key=time, default=None)
    return strip_plan(found, axes, images, sources, dtype) if found else None


def strip_plan(
    head: Fourier, axes: tuple[FourierAxis, ...], images: Images, sources: Sequence[Source], dtype: np.dtype
) -> StripPlan:
    """The plan that takes these blocks."""
    rows, columns = axes[0].taps if len(axes) > 1 else 1, axes[-1].taps
    kernel = head._replace(
        spectral=1, pairs=1, images=1, multiplier=1, x_base=0, x_channel=rows * columns, down=1, across=1,
        first_row=0, first_column=0,
    )  # fmt: skip
    head = head._replace(first_row=head.first_row + sources[0].first, first_column=head.first_column + sources[1].first)
    # Elements behind the last that is wanted must not fall on others in the circle of a block.
    ends = [1] * (2 - len(axes)) + [axis.begin + axis.count for axis in axes]
    seen = [
        source._replace(size=min(source.size, source.first + end)) for source, end in zip(sources, ends, strict=True)
    ]
    return StripPlan(
        head,
        _table(head, seen),
        _table(kernel, [Source(rows, columns), Source(columns, 1)]),
        _roots(head.rows, head.columns, bool(head.flat), dtype.char),
        images.kernels,
        _nanoseconds(head, images.kernels, dtype),
    )


def _table(head: Fourier, sources: Sequence[Source]) -> np.ndarray:
    table = Table(FOURIER_TABLE)
    axes = [plain_axis(table, s.size, s.stride, borders=(s.before, s.behind)) for s in sources]
    return table.finish([head, *axes])


def strip_heads(axes: tuple[FourierAxis, ...], images: Images, dtype: np.dtype) -> Iterator[Fourier]:
    """All blocks that could serve."""
    least = max(4, machine().vector_bytes // dtype.itemsize)
    sizes = [1 << power for power in range(least.bit_length() - 1, MOST_ROWS.bit_length())]
    if len(axes) == 1:
        for rows, columns in [*zip(sizes, sizes, strict=True), *zip(sizes[1:], sizes[:-1], strict=True)]:
            for cut in _cuts(axes[0], rows * columns):
                yield _head(rows, columns, None, cut, images)
        return
    for rows in sizes:
        for cut_rows in _cuts(axes[0], rows):
            for columns in sizes:
                for cut_columns in _cuts(axes[1], columns):
                    yield _head(rows, columns, cut_rows, cut_columns, images)


def _cuts(axis: FourierAxis, length: int) -> list[Cut]:
    """The whole axis in one block of that length, or many."""
    cut = cut_whole(axis, length) or cut_up(axis, length)
    return [cut] if cut else []


def _head(rows: int, columns: int, down: Cut | None, across: Cut, images: Images) -> Fourier:
    blocks = (down.blocks if down else 1) * across.blocks
    return Fourier(
        spectral=0,
        rows=rows,
        columns=columns,
        flat=int(down is None),
        rows_at=0,
        columns_at=len(axis_roots(rows)),
        middle_at=len(axis_roots(rows)) + len(axis_roots(columns)),
        pairs=-(-images.images * blocks // 2),
        **{name: value for name, value in images._asdict().items() if name != "kernels"},
        out_height=down.count if down else 1,
        out_width=across.count,
        down=down.blocks if down else 1,
        across=across.blocks,
        first_row=down.start if down else 0,
        first_column=across.start,
        step_row=down.step if down else 1,
        step_column=across.step,
        lead_row=down.lead if down else 0,
        lead_column=across.lead,
    )


def _nanoseconds(head: Fourier, kernels: int, dtype: np.dtype) -> float:
    """Rough time on one thread."""
    elements = head.rows * head.columns
    over = log2(max(1.0, 4 * elements * dtype.itemsize / CACHE_BYTES))
    wider = dtype.itemsize / 4 * 64 / machine().vector_bytes
    pair = elements * wider * (ELEMENT_COST + LEVEL_COST * log2(elements)) * min(2.0, 1 + CACHE_PENALTY * over)
    return CALL_COST + kernels * (head.pairs + 0.5) * pair


@lru_cache(maxsize=64)
def _roots(rows: int, columns: int, flat: bool, char: str) -> np.ndarray:
    """The roots of unity of both transforms and, where both axes are one, of those between."""
    lists = [axis_roots(rows), axis_roots(columns)]
    if flat:
        lanes = machine().vector_bytes // np.dtype(char).itemsize
        turns = np.outer(frequencies(rows), np.arange(columns)) / (rows * columns)
        strips = np.exp(-2j * np.pi * turns).reshape(rows, columns // lanes, lanes).transpose(1, 0, 2)
        lists.append(np.stack([strips.real, strips.imag], 2).reshape(-1))
    return np.concatenate(lists).astype(char)


@lru_cache(maxsize=64)
def axis_roots(length: int) -> np.ndarray:
    """The roots of one transform, step by step, as its butterflies read them."""
    lists = [np.empty(0)]
    while length > 8:
        length //= 4
        roots = np.exp(-0.5j * np.pi / length * np.outer(np.arange(length), [1, 2, 3]))
        lists.append(np.stack([roots.real, roots.imag], -1).reshape(-1))
        assert lists[-1].size == ROOTS * length, "as many as a butterfly reads"
    return np.concatenate(lists)


def frequencies(length: int) -> np.ndarray:
    """Which frequency ends in each row.

    Examples
    --------
    >>> frequencies(8).tolist()
    [0, 4, 1, 5, 2, 6, 3, 7]
    """
    if length <= 2:
        return np.arange(length)
    return np.concatenate([4 * frequencies(length // 4) + first for first in range(4)])
