"""Plans of convolutions by Fourier transforms of pairs of blocks, in strips of vectors (`fastconv.kernels.fourier`)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import log2

import numpy as np

from fastconv.jit.fourier import ROOTS
from fastconv.jit.machine import machine
from fastconv.kernels.fourier import Fourier, fourier_blocks
from fastconv.plan.fourier import Cut, FourierAxis, cut_up, cut_whole

__all__ = ["StripPlan", "plan_strips", "strip_heads", "strip_plan"]

#: Most rows and columns of a block: larger ones leave the last level of the cache.
MOST_ROWS = 1024

#: Nanoseconds of a complex element of a block, in float32 with vectors of 64 bytes: apart from the number of doublings
#: that make the block, and for each of them; for a call, which makes tables and a spectrum.
ELEMENT_COST, LEVEL_COST, CALL_COST = 2.6, 0.3, 50_000.0
#: Bytes of a block, in both of its orders, that the second level of the cache holds; and how much longer each doubling
#: of that takes, up to twice as long.
CACHE_BYTES, CACHE_PENALTY = 1 << 20, 0.35


@dataclass(frozen=True, slots=True, eq=False)
class StripPlan:
    """What the kernels need beside the values.

    Attributes
    ----------
    head : Fourier
        What is transformed.
    table, kernel_table : ndarray of int64
        The head, and that of the convolution's kernel, which is a block too.
    roots : ndarray
        Of unity, in the dtype of all numbers.
    pairs : int
        Of blocks.
    nanoseconds : float
        Rough time on one thread, that to transform the kernel included.
    """

    head: Fourier
    table: np.ndarray
    kernel_table: np.ndarray
    roots: np.ndarray
    pairs: int
    nanoseconds: float

    def run(self, x: np.ndarray, w: np.ndarray, y: np.ndarray) -> None:
        """Write the result into `y`; all arrays are contiguous and of the same dtype."""
        elements, dtype = self.head.rows * self.head.columns, self.roots.dtype
        spectrum = np.empty(2 * elements, dtype)
        # Neither transform divides; `elements` is a power of two.
        scaled = w / dtype.type(elements)
        fourier_blocks.run(1, self.nanoseconds, scaled, spectrum, self.roots, self.roots, self.kernel_table)
        fourier_blocks.run(self.pairs, self.nanoseconds, x, y, spectrum, self.roots, self.table)


@lru_cache(maxsize=1024)
def plan_strips(axes: tuple[FourierAxis, ...], images: int, dtype: np.dtype) -> StripPlan | None:
    """The blocks of one axis or two that promise the least time; None where blocks would have to be too large."""
    found = min(strip_heads(axes, images, dtype), key=lambda head: _nanoseconds(head, dtype), default=None)
    return strip_plan(found, axes, dtype) if found else None


def strip_plan(head: Fourier, axes: tuple[FourierAxis, ...], dtype: np.dtype) -> StripPlan:
    """The plan that takes these blocks."""
    rows, columns = axes[0].taps if len(axes) > 1 else 1, axes[-1].taps
    kernel = head._replace(
        spectral=1, images=1, height=rows, width=columns, row=columns, down=1, across=1, first_row=0, first_column=0
    )
    return StripPlan(
        head,
        np.array(head, np.int64),
        np.array(kernel, np.int64),
        _roots(head.rows, head.columns, bool(head.flat), dtype.char),
        _pairs(head),
        _nanoseconds(head, dtype),
    )


def strip_heads(axes: tuple[FourierAxis, ...], images: int, dtype: np.dtype) -> Iterator[Fourier]:
    """All blocks that could serve."""
    least = max(4, machine().vector_bytes // dtype.itemsize)
    sizes = [1 << power for power in range(least.bit_length() - 1, MOST_ROWS.bit_length())]
    if len(axes) == 1:
        for rows, columns in [*zip(sizes, sizes, strict=True), *zip(sizes[1:], sizes[:-1], strict=True)]:
            for cut in _cuts(axes[0], rows * columns):
                yield _head(rows, columns, None, cut, axes, images)
        return
    for rows in sizes:
        for cut_rows in _cuts(axes[0], rows):
            for columns in sizes:
                for cut_columns in _cuts(axes[1], columns):
                    yield _head(rows, columns, cut_rows, cut_columns, axes, images)


def _cuts(axis: FourierAxis, length: int) -> list[Cut]:
    """The whole axis in one block of that length, or many."""
    cut = cut_whole(axis, length) or cut_up(axis, length)
    return [cut] if cut else []


def _head(
    rows: int, columns: int, down: Cut | None, across: Cut, axes: tuple[FourierAxis, ...], images: int
) -> Fourier:
    height, out_height = (axes[0].size, axes[0].count) if down else (1, 1)
    width, out_width = axes[-1].size, axes[-1].count
    return Fourier(
        spectral=0,
        rows=rows,
        columns=columns,
        flat=int(down is None),
        rows_at=0,
        columns_at=len(_axis_roots(rows)),
        middle_at=len(_axis_roots(rows)) + len(_axis_roots(columns)),
        images=images,
        height=down.end if down else 1,
        width=across.end,
        image=height * width,
        row=width,
        out_height=out_height,
        out_width=out_width,
        out_image=out_height * out_width,
        out_row=out_width,
        down=down.blocks if down else 1,
        across=across.blocks,
        first_row=down.start if down else 0,
        first_column=across.start,
        step_row=down.step if down else 1,
        step_column=across.step,
        lead_row=down.lead if down else 0,
        lead_column=across.lead,
    )


def _pairs(head: Fourier) -> int:
    return -(-head.images * head.down * head.across // 2)


def _nanoseconds(head: Fourier, dtype: np.dtype) -> float:
    """Rough time on one thread."""
    elements = head.rows * head.columns
    over = log2(max(1.0, 4 * elements * dtype.itemsize / CACHE_BYTES))
    wider = dtype.itemsize / 4 * 64 / machine().vector_bytes
    pair = elements * wider * (ELEMENT_COST + LEVEL_COST * log2(elements)) * min(2.0, 1 + CACHE_PENALTY * over)
    return CALL_COST + (_pairs(head) + 0.5) * pair


@lru_cache(maxsize=64)
def _roots(rows: int, columns: int, flat: bool, char: str) -> np.ndarray:
    """The roots of unity of both transforms and, where both axes are one, of those between."""
    lists = [_axis_roots(rows), _axis_roots(columns)]
    if flat:
        lanes = machine().vector_bytes // np.dtype(char).itemsize
        turns = np.outer(_frequencies(rows), np.arange(columns)) / (rows * columns)
        strips = np.exp(-2j * np.pi * turns).reshape(rows, columns // lanes, lanes).transpose(1, 0, 2)
        lists.append(np.stack([strips.real, strips.imag], 2).reshape(-1))
    return np.concatenate(lists).astype(char)


@lru_cache(maxsize=64)
def _axis_roots(length: int) -> np.ndarray:
    """The roots of one transform, step by step, as its butterflies read them."""
    lists = [np.empty(0)]
    while length > 4:
        length //= 4
        roots = np.exp(-0.5j * np.pi / length * np.outer(np.arange(length), [1, 2, 3]))
        lists.append(np.stack([roots.real, roots.imag], -1).reshape(-1))
        assert lists[-1].size == ROOTS * length, "as many as a butterfly reads"
    return np.concatenate(lists)


def _frequencies(length: int) -> np.ndarray:
    """Which frequency ends in each row.

    Examples
    --------
    >>> _frequencies(8).tolist()
    [0, 4, 1, 5, 2, 6, 3, 7]
    """
    if length <= 2:
        return np.arange(length)
    return np.concatenate([4 * _frequencies(length // 4) + first for first in range(4)])
