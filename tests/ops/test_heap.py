"""Calls that are made again find their memory at hand."""

import platform
import sys

import numba
import pytest

from processes import run_program

CALLS = {
    "conv2d_input": "fc.grad.conv2d_input((1, 64, 56, 56), ones(64, 64, 3, 3), ones(1, 64, 56, 56), 1, 1)",
    "conv2d_input, a list": "fc.grad.conv2d_input((1, 64, 56, 56), ones(64, 64, 3, 3), ones(1, 64, 56, 56), [1, 1], 1)",
    "fftconvolve": "signal.fftconvolve(ones(256, 256), ones(256, 256))",
    "gaussian_laplace": "ndimage.gaussian_laplace(ones(512, 512), 2)",
    "conv_matrix": "fc.conv_matrix(ones(8, 8, 3, 3), (8, 32, 32))",
}


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc" or sys.platform != "linux" or numba.config.DISABLE_JIT,
    reason="other C libraries keep what they like, and NumPy's loops free what they like",
)
@pytest.mark.parametrize("name", CALLS)
def test_pages_are_not_asked_for_again(name: str) -> None:
    """One call touches some hundred pages."""
    code = f"""
from functools import cache
from resource import RUSAGE_SELF, getrusage
from fastconv import ndimage, signal
ones = cache(lambda *shape: np.ones(shape, np.float32))
for count in (5, 20):
    before = getrusage(RUSAGE_SELF).ru_minflt
    for _ in range(count):
        {CALLS[name]}
print((getrusage(RUSAGE_SELF).ru_minflt - before) // count)
"""
    assert int(run_program(code, NUMBA_NUM_THREADS="1")) < 50
