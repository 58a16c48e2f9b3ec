"""Freed memory stays with the process for its next calls, where the C library is glibc.

It hands the end of its heap back to the system as soon as twice the largest block that was ever mapped by itself and
freed is unused there, and results and scratch of one call together may be that much. Each call then waits for its pages
again, a microsecond or two for one: 3x3 kernels of 64 channels on 56 x 56 pixels took 1.7 times as long for 418 pages,
`fftconvolve` of two images of 256 x 256 three times (Zen 4, virtual). Other C libraries, and a glibc that was given
thresholds by its user (MALLOC_TRIM_THRESHOLD_), learn nothing from a block and lose nothing by it.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

import numpy as np

from fastconv.ops.arguments import Form

__all__ = ["keep_at_hand", "keep_for_calls"]

#: glibc learns from blocks of up to 32 MiB, with what it writes in front of them.
MOST = 2**25 - 2**16

#: How many times the bytes of its operands a call may free, or calls that follow one another: results have up to about
#: four times those of the input, and scratch 1.2 times those of both.
FREED = 8

_largest = 0


def keep_at_hand(size: int) -> None:
    """Let up to twice so many freed bytes be kept, or 64 MiB.

    A block of that size is taken and freed, once; nothing is written to it, so it has no page of memory.
    """
    global _largest
    size = min(size, MOST)
    if size > _largest:
        _largest = size
        np.empty(size, np.uint8)


def keep_for_calls(operands: Iterable[Form | None]) -> None:
    """Let what calls on operands of such forms free be kept."""
    keep_at_hand(FREED * sum(prod(form.shape) * form.dtype.itemsize for form in operands if form is not None))
