"""Plans of convolutions of two real images by Fourier transforms of the whole of both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import log2

import numpy as np

from fastconv.jit.machine import machine
from fastconv.kernels.image_product import FORWARD, IMAGE_PRODUCT_TABLE, ImageAxis, ImageProduct, image_product
from fastconv.plan.fourier import Cut, FourierAxis, cut_whole
from fastconv.plan.strips import axis_roots, frequencies
from fastconv.plan.table import Table

__all__ = ["ImagePlan", "image_cuts", "image_plan", "plan_image_product"]

#: By what lengths are split first.
LEADS = (1, 3, 5)
#: Longest transform: two strips of the longest are a few MiB.
MOST_LENGTH = 16384
#: Nanoseconds of an element of each of three real transforms in float32, with vectors of 64 bytes, and how many more
#: for each doubling of the bytes of an image from `CACHE_BYTES` on; for a call. In the scale of `fastconv.plan.strips`.
ELEMENT_COST, CACHE_COST, CALL_COST = 3.6, 1.1, 30_000.0
CACHE_BYTES = 1 << 22


@dataclass(frozen=True, slots=True, eq=False)
class ImagePlan:
    """What the kernel needs beside the values.

    Attributes
    ----------
    tables : tuple of (int, ndarray of int64)
        For each stage how many tasks it has, and its table.
    roots : ndarray
        Of unity, in the dtype of all numbers.
    spectra : int
        Numbers of both spectra together.
    scale : float
        What results are to be multiplied by.
    nanoseconds : float
        Rough time on one thread.
    """

    tables: tuple[tuple[int, np.ndarray], ...]
    roots: np.ndarray
    spectra: int
    scale: float
    nanoseconds: float

    def run(self, x: np.ndarray, w: np.ndarray, y: np.ndarray) -> None:
        """Write the result into the contiguous `y`; all arrays are contiguous, of the same dtype."""
        dtype = self.roots.dtype
        spectra, scaled = np.empty(self.spectra, dtype), w * dtype.type(self.scale)
        bound = image_product.bind(*[dtype] * 5, np.int64)
        for tasks, table in self.tables:
            bound.run(tasks, self.nanoseconds / len(self.tables), x, scaled, y, spectra, self.roots, table)


@lru_cache(maxsize=1024)
def plan_image_product(axes: tuple[FourierAxis, FourierAxis], dtype: np.dtype) -> ImagePlan | None:
    """The plan of the shortest transforms of two axes, in float32 or float64; None where they would be too long."""
    found = [next(image_cuts(axis, number, dtype), None) for number, axis in enumerate(axes)]
    cuts = [cut for cut in found if cut]
    return image_plan(axes, cuts, dtype) if len(cuts) == 2 else None


def image_cuts(axis: FourierAxis, number: int, dtype: np.dtype) -> Iterator[Cut]:
    """The first or second axis as one block of each length that there is a transform for, the shortest first."""
    least = max(4, _lanes(dtype)) if number else 4
    powers = range(least.bit_length() - 1, MOST_LENGTH.bit_length())
    for length in sorted(lead << power for lead in LEADS for power in powers):
        cut = cut_whole(axis, length) if length <= MOST_LENGTH else None
        if cut:
            yield cut


def image_plan(axes: tuple[FourierAxis, FourierAxis], cuts: Sequence[Cut], dtype: np.dtype) -> ImagePlan:
    """The plan of transforms of these lengths."""
    n = _lanes(dtype)
    down, along = (_axis(axis, cut) for axis, cut in zip(axes, cuts, strict=True))
    along = along._replace(roots_at=len(_roots(down)))
    blocks = along.length // 2 // n + 1
    pairs, kernel_pairs, result_pairs = (-(-count // (2 * n)) for count in (down.size, down.taps, down.results))
    pitch = 2 * n * max(pairs + kernel_pairs, result_pairs) + n  # strips begin in other sets of the caches
    tables = []
    for stage, tasks in enumerate((pairs + kernel_pairs, blocks, result_pairs), FORWARD):
        table = Table(IMAGE_PRODUCT_TABLE)
        places = table.append(np.argsort(_order(along)))
        head = ImageProduct(stage, axes[1].size, pairs, result_pairs, blocks, pitch, places)
        tables.append((tasks, table.finish([head, down, along])))
    elements = down.length * along.length
    doublings = max(0.0, log2(elements * dtype.itemsize / CACHE_BYTES))
    wider = dtype.itemsize / 4 * 64 / machine().vector_bytes
    return ImagePlan(
        tables=tuple(tables),
        roots=np.concatenate([_roots(down), _roots(along)]).astype(dtype),
        spectra=2 * n * blocks * pitch,
        scale=0.25 / elements,
        nanoseconds=CALL_COST + 1.5 * wider * elements * (ELEMENT_COST + CACHE_COST * doublings),
    )


def _lanes(dtype: np.dtype) -> int:
    return machine().vector_bytes // dtype.itemsize


def _lead(length: int) -> int:
    return max(lead for lead in LEADS if length % lead == 0)


def _axis(axis: FourierAxis, cut: Cut) -> ImageAxis:
    return ImageAxis(
        length=cut.length,
        lead=_lead(cut.length),
        roots_at=0,
        first=cut.start,
        size=cut.end - cut.start,
        taps=axis.taps,
        skip=cut.lead,
        results=cut.count,
    )


def _order(axis: ImageAxis) -> np.ndarray:
    """Which frequency ends in each row."""
    part = frequencies(axis.length // axis.lead)
    return np.concatenate([axis.lead * part + first for first in range(axis.lead)])


def _roots(axis: ImageAxis) -> np.ndarray:
    """The roots of unity of a transform, as it reads them."""
    part = axis.length // axis.lead
    turns = np.exp(-2j * np.pi / axis.length * np.outer(np.arange(part), np.arange(1, axis.lead)))
    return np.concatenate([np.stack([turns.real, turns.imag], -1).reshape(-1), axis_roots(part)])
