"""A second of measurements: what a call costs at least, what threads cost and bring, how fast memory is."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

import fastconv as fc
from fastconv.jit.pool import start_helpers
from fastconv.jit.threads import thread_count, threads
from fastconv.kernels.csr import multiply

__all__ = ["Measured", "measure"]

_BUDGET = 0.15  # seconds of each measurement
_BATCH = 0.005  # seconds of calls between two looks at the clock
_COPY_BYTES = 64 * 2**20  # beyond a core's own caches


@dataclass(frozen=True)
class Measured:
    """Medians.

    Attributes
    ----------
    call_seconds : float
        Of a whole call on a tiny image: almost all of it is what any call costs.
    region_seconds : float or None
        What a tiny kernel takes longer when it is shared out to threads; None with one thread.
    copy_bytes_per_second : float
        Read and written, by one thread that copies much memory.
    flops_alone, flops_together : float
        Operations of a 3 x 3 convolution of 64 channels a second, in one thread and in all.
    helpers : int
        Threads beside the calling one that were started.
    """

    call_seconds: float
    region_seconds: float | None
    copy_bytes_per_second: float
    flops_alone: float
    flops_together: float
    helpers: int


def measure() -> Measured:
    """Measure; what it runs has been compiled by the self-test."""
    helpers = start_helpers(thread_count() - 1) if thread_count() > 1 else 0
    return Measured(
        _call_seconds(), _region_seconds() if helpers else None, _copy_rate(), *_convolution_rates(), helpers
    )


def _median_seconds(function: Callable[[], object]) -> float:
    """Of one call."""
    function()
    calls, batches = 1, list[float]()
    end = time.perf_counter() + _BUDGET
    while not batches or time.perf_counter() < end:
        start = time.perf_counter()
        for _ in range(calls):
            function()
        seconds = time.perf_counter() - start
        if seconds < _BATCH:
            calls *= 2  # and the batch does not count: it was too short for the clock
        else:
            batches.append(seconds / calls)
    return statistics.median(batches)


def _call_seconds() -> float:
    x, w = np.ones((1, 1, 8, 8), np.float32), np.ones((1, 1, 3, 3), np.float32)
    return _median_seconds(lambda: fc.conv2d(x, w))


def _region_seconds() -> float:
    """The product of K' with a vector, for a matrix of two rows, serial and as if it were a long job."""
    matrix = fc.conv_matrix(np.ones(2, np.float32), (3,))
    arrays = (matrix.data, matrix.indices, matrix.indptr, np.ones(3, np.float32), np.empty(2, np.float32))
    run = multiply.bind(*(array.dtype for array in arrays)).run
    serial = _median_seconds(lambda: run(2, 0.0, *arrays))
    shared = _median_seconds(lambda: run(2, 1e6, *arrays))
    return max(0.0, shared - serial)


def _copy_rate() -> float:
    source = np.ones(_COPY_BYTES // 8)
    target = np.empty_like(source)
    return 2 * source.nbytes / _median_seconds(lambda: np.copyto(target, source))


def _convolution_rates() -> tuple[float, float]:
    x, w = np.ones((1, 64, 56, 56), np.float32), np.ones((64, 64, 3, 3), np.float32)
    out = np.empty((1, 64, 54, 54), np.float32)
    operations = 2 * out.size * w[0].size

    def rate() -> float:
        return operations / _median_seconds(lambda: fc.conv2d(x, w, out=out))

    with threads(1):
        alone = rate()
    return alone, rate() if thread_count() > 1 else alone
