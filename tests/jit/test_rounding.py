"""A product that is rounded before it is added, in code that is otherwise free to fuse the two; half of a product."""

from typing import Any

import numpy as np

from fastconv.jit.kernel import kernel
from fastconv.jit.rounding import add_product, upper_half


@kernel
def rounded_then_added(begin: int, end: int, a: Any, b: Any, y: Any) -> None:
    for i in range(begin, end):
        y[i] = add_product(y[i], a[i], b[i])


@kernel
def halved(begin: int, end: int, a: Any, b: Any, y: Any) -> None:
    for i in range(begin, end):
        y[i] = upper_half(a[i], b[i])


def test_upper_half_has_all_bits() -> None:
    edges = np.array([0, 1, 2, 255, 256, 257, 32767, 32768, 65534, 65535], np.uint16)
    a, b = (np.resize(grid, 100 * 7).astype(np.uint16) for grid in np.meshgrid(edges, edges))
    y = np.zeros_like(a)
    halved.run(a.size, 100.0, a, b, y)
    np.testing.assert_array_equal(y, a.astype(np.int64) * b >> 16)


def test_products_are_rounded_first() -> None:
    """(1 + e)(1 - e) - 1 is 0 if its product is rounded to 1, and -e * e if it is not."""
    e = 2.0**-30
    a, b, y = np.full(40, 1 + e), np.full(40, 1 - e), np.full(40, -1.0)
    rounded_then_added.run(40, 100.0, a, b, y)
    assert not y.any()
