"""A product that is rounded before it is added, in code that is otherwise free to fuse the two."""

from typing import Any

import numpy as np

from fastconv.jit.kernel import kernel
from fastconv.jit.rounding import add_product


@kernel
def rounded_then_added(begin: int, end: int, a: Any, b: Any, y: Any) -> None:
    for i in range(begin, end):
        y[i] = add_product(y[i], a[i], b[i])


def test_products_are_rounded_first() -> None:
    """(1 + e)(1 - e) - 1 is 0 if its product is rounded to 1, and -e * e if it is not."""
    e = 2.0**-30
    a, b, y = np.full(40, 1 + e), np.full(40, 1 - e), np.full(40, -1.0)
    rounded_then_added.run(40, 100.0, a, b, y)
    assert not y.any()
