"""Plans of what the gradient of p-norms does to each number."""

from __future__ import annotations

import numpy as np

from fastconv.jit.kernel import Kernel
from fastconv.kernels.norm_grad import NORM_BLOCK
from fastconv.kernels.window_rows import MOST_PRODUCTS

__all__ = ["run_norms"]

#: Nanoseconds, for estimates only: a number's products, or its power.
PRODUCT_COST, POWER_COST = 0.4, 20.0


def run_norms(kernel: Kernel, p: float, *arrays: np.ndarray) -> None:
    """Run a kernel on contiguous arrays of one shape and dtype, the last of which takes the result."""
    cost = PRODUCT_COST if p == int(p) and 1 <= p <= MOST_PRODUCTS else POWER_COST
    size, dtype = arrays[0].size, arrays[0].dtype
    kernel.run(-(-size // NORM_BLOCK), size * cost, *arrays, np.array([p], dtype))
