"""Our time over the time of NumPy or SciPy for the same result, both measured in turn in one process.

What slows the whole machine slows both, so a ratio says more than a time where other work runs too. Below 1 we are
faster.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np

from asv_bench import peers
from asv_bench.fixtures import built_matrix, layer_arguments, optional_module, random, warm_call

LAYER_PEERS = {
    "resnet50.2 1x1": peers.numpy_conv,
    "resnet50.3 3x3": peers.numpy_conv,
    "inception.stem 3x3s2": peers.numpy_conv,
    "mobilenet dw 3x3": peers.numpy_depthwise,
    "dcgan 4x4s2": peers.numpy_conv_transpose,
    "unet 2x2s2": peers.numpy_conv_transpose,
    "resnet50 max 3x3s2": peers.numpy_max_pool,
    "vgg16 max 2x2s2": peers.numpy_max_pool,
    "c3d avg 2x2x2": peers.numpy_avg_pool,
    "image 1024 3x3": peers.scipy_filter,
    "image 1024 7x7": peers.scipy_filter,
    "image 1024 15x15": peers.scipy_fft,
    "signal 1M k64": peers.scipy_overlap_add,
}


def paired_ratio(ours: Callable[[], Any], theirs: Callable[[], Any], seconds: float) -> float:
    """Median of ours / theirs over pairs of calls, each pair in the other order than the one before."""
    ratios = []
    end = perf_counter() + seconds
    while len(ratios) < 3 or perf_counter() < end:
        times = {}
        for call in (ours, theirs) if len(ratios) % 2 else (theirs, ours):
            start = perf_counter()
            call()
            times[call] = perf_counter() - start
        ratios.append(times[ours] / times[theirs])
    return statistics.median(ratios)


class RatioFixture:
    """Two calls that give the same result, in ``self.ours`` and ``self.theirs``."""

    version = "1"
    unit = "ours / theirs"
    seconds = 1.0

    def check(self) -> None:
        """Refuse a race between different results."""
        ours, theirs = self.ours(), self.theirs()
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-4 * np.abs(theirs).max())


class Layers(RatioFixture):
    """Layers against the shortest fast expression that NumPy and SciPy users write."""

    params = tuple(LAYER_PEERS)
    param_names = ("layer",)

    def setup(self, layer: str) -> None:
        x, kernel, options = layer_arguments(layer)
        self.theirs = lambda: LAYER_PEERS[layer](x, kernel, **options)
        self.theirs()  # skips for want of a peer before anything is compiled
        self.ours = warm_call(layer)
        self.check()

    def track_ratio(self, layer: str) -> float:
        return paired_ratio(self.ours, self.theirs, self.seconds)


class Products(RatioFixture):
    """Products of K' against those of the same matrix in SciPy."""

    params = (("image 256 3x3", "cifar 3x3"), ("matvec", "rmatvec", "matmat"))
    param_names = ("matrix", "product")

    def setup(self, name: str, product: str) -> None:
        matrix = built_matrix(name)
        arrays = (matrix.data, matrix.indices, matrix.indptr)
        csr = optional_module("scipy.sparse").csr_array(arrays, shape=matrix.shape)
        rows, columns = matrix.shape
        ours = getattr(matrix, product)
        theirs = (csr.T if product == "rmatvec" else csr).__matmul__
        operand = random({"matvec": (columns,), "rmatvec": (rows,), "matmat": (columns, 16)}[product])
        self.ours, self.theirs = lambda: ours(operand), lambda: theirs(operand)
        self.check()

    def track_ratio(self, name: str, product: str) -> float:
        return paired_ratio(self.ours, self.theirs, self.seconds)
