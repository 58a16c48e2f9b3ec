"""Time of SciPy's filters by `fastconv.ndimage`, on an image of a million pixels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from asv_bench.fixtures import Sampling, operation, random

#: Function and arguments.
FILTERS: dict[str, tuple[str, tuple[Any, ...]]] = {
    "correlate 3x3": ("correlate", (random((3, 3)),)),
    "correlate 15x15": ("correlate", (random((15, 15)),)),
    "correlate 13x13 ones": ("correlate", (np.ones((13, 13)),)),
    "gaussian": ("gaussian_filter", (2,)),
    "uniform 5x5": ("uniform_filter", (5,)),
    "maximum 15x15": ("maximum_filter", (15,)),
    "minimum 15x15": ("minimum_filter", (15,)),
    "minimum disk": ("minimum_filter", (None, np.hypot(*np.mgrid[-5:6, -5:6]) < 5.5)),
    "sobel": ("sobel", ()),
    "laplace": ("laplace", ()),
}


class Filters(Sampling):
    """An image by each filter."""

    params = (tuple(FILTERS), ("float32", "uint8"))
    param_names = ("filter", "dtype")

    def setup(self, filter: str, dtype: str) -> None:
        name, self.arguments = FILTERS[filter]
        module: Any = operation("ndimage")
        self.function: Callable[..., Any] = getattr(module, name)
        self.x = (random((1024, 1024)) * 60).astype(np.int64).astype(dtype)
        self.time_call(filter, dtype)

    def time_call(self, filter: str, dtype: str) -> None:
        self.function(self.x, *self.arguments)
