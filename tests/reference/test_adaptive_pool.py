"""The reference of adaptive pooling against counting, and against PyTorch where it is installed."""

import itertools

import numpy as np
import pytest

from fastconv.reference import adaptive_avg_pool, adaptive_max_pool
from fastconv.reference.adaptive_pool import parts

CASES = [((1, 2, 7), (3,)), ((1, 1, 4), (7,)), ((2, 1, 5, 6), (2, 4)), ((1, 2, 3, 4, 5), (2, 4, 3))]


@pytest.mark.parametrize("size", range(1, 8))
@pytest.mark.parametrize("count", range(1, 8))
def test_parts_cover_the_axis_and_overlap_by_one_at_most(size: int, count: int) -> None:
    found = [part for _, [part] in parts([size], (count,))]
    assert found[0].start == 0
    assert found[-1].stop == size
    for one, following in itertools.pairwise(found):
        assert one.stop - following.start in (0, 1)
    assert {len(part) for part in found} <= {-(-size // count), -(-size // count) + 1}


@pytest.mark.parametrize(("shape", "size"), CASES)
def test_pytorchs(shape: tuple[int, ...], size: tuple[int, ...]) -> None:
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).integers(-3, 4, shape).astype(np.float64)
    functions = torch.nn.functional
    means = getattr(functions, f"adaptive_avg_pool{len(size)}d")(torch.from_numpy(x), size)
    np.testing.assert_allclose(adaptive_avg_pool(x, size), means.numpy(), rtol=1e-14)
    x[0, 0, ..., 1:3] = np.nan
    values, places = getattr(functions, f"adaptive_max_pool{len(size)}d")(
        torch.from_numpy(x), size, return_indices=True
    )
    found, at = adaptive_max_pool(x, size)
    np.testing.assert_array_equal(found, values.numpy())
    np.testing.assert_array_equal(at, places.numpy())
