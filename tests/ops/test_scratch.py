"""How much memory a call takes beside its operands, by Python's own count: so where kernels are not compiled."""

import tracemalloc
from collections.abc import Callable

import numba
import numpy as np
import pytest

import fastconv as fc
from fastconv.jit.machine import machine_with
from fastconv.plan.winograd_rows import loads_pairs

pytestmark = pytest.mark.skipif(
    not numba.config.DISABLE_JIT, reason="memory of compiled kernels is not counted: NUMBA_DISABLE_JIT=1"
)

X = np.ones((1, 8, 96, 96), np.float32)
LAST = np.ones((1, 96, 96, 8), np.float32).transpose(0, 3, 1, 2)
W = np.ones((12, 8, 3, 3), np.float32)
#: Bytes for tables, lists of places and objects, and for blocks that suit a cache of 32 KiB.
SMALL = 110_000

CALLS: dict[str, tuple[Callable[..., np.ndarray], tuple[int, ...], float]] = {
    # The call with `out`, the shape of its result, and how many times as large as the weights packed ones may be.
    "winograd": (lambda y: fc.conv2d(X, W, algorithm="winograd", out=y), (1, 12, 94, 94), 16 / 9 * 16 / 12),
    "spread": (lambda y: fc.conv2d(X, W, algorithm="spread", out=y), (1, 12, 94, 94), 32 / 12),
    "panel": (lambda y: fc.conv2d(X, W, algorithm="panel", out=y), (1, 12, 94, 94), 16 / 12),
    "tile": (lambda y: fc.conv2d(X, W, algorithm="tile", out=y), (1, 12, 94, 94), 16 / 12),
    "channels last": (lambda y: fc.conv2d(LAST, W, algorithm="spread", out=y), (1, 12, 94, 94), 32 / 12),
    "to channels last": (
        lambda y: fc.conv2d(X, W, algorithm="spread", out=y.reshape(1, 94, 94, 12).transpose(0, 3, 1, 2)),
        (1, 12, 94, 94),
        32 / 12,
    ),
    "transposed": (
        lambda y: fc.conv_transpose2d(X, W.transpose(1, 0, 2, 3), stride=2, algorithm="spread", out=y),
        (1, 12, 193, 193),
        32 / 12,
    ),
    "max pool": (lambda y: fc.max_pool2d(X, 3, 1, out=y), (1, 8, 94, 94), 0),
    "average pool": (lambda y: fc.avg_pool2d(X, 3, 2, algorithm="slab", out=y), (1, 8, 47, 47), 0),
}
if loads_pairs(4):
    CALLS["winograd_rows"] = (lambda y: fc.conv2d(X, W, algorithm="winograd_rows", out=y), (1, 12, 94, 94), 4 / 3 + 1)


@pytest.mark.parametrize("name", CALLS)
def test_scratch_is_that_of_a_block(name: str) -> None:
    """At most 1.2 times input and output beside packed weights is promised; blocks that suit the cache take little."""
    call, shape, packed = CALLS[name]
    y = np.empty(shape, np.float32)
    with machine_with(l2_bytes=2**15):
        call(y)  # plans
        tracemalloc.start()
        try:
            call(y)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak <= packed * W.nbytes + SMALL < 0.5 * X.nbytes


def test_memory_is_counted() -> None:
    tracemalloc.start()
    try:
        fc.conv2d(X, W, algorithm="spread")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak >= 12 * 94 * 94 * 4
