"""Convolution of images that are one window, by weights where they stand and by packed ones: against the reference."""

from typing import Any

import numba
import numpy as np
import pytest

import fastconv as fc
from fastconv import reference
from fastconv.jit.machine import machine
from fastconv.ops.calls import recording
from nightly import nightly
from properties.strategies import LAYOUTS, integers

OPS = {1: fc.conv1d, 2: fc.conv2d, 3: fc.conv3d}
TRANSPOSED = {1: fc.conv_transpose1d, 2: fc.conv_transpose2d, 3: fc.conv_transpose3d}
#: Images, channels of a group, output channels of a group, groups, kernel: rows and images that fill tiles and do not,
#: vectors that are full and not.
CASES = [
    (1, 20, 17, 1, (4, 4)),
    (6, 7, 5, 2, (3, 2)),
    (9, 33, 8, 1, (1, 1)),
    (5, 3, 1, 1, (5,)),
    (3, 5, 4, 1, (2, 1, 3)),
    (4, 1, 1, 4, (7, 7)),
]
UNPACKED = pytest.mark.skipif(not machine().masked_loads, reason="it is for CPUs with masked loads")
ALGORITHMS = [pytest.param("unpacked", marks=UNPACKED), "single"]


def operands(case: Any, dtype: str = "float32") -> list[np.ndarray]:
    batch, channels, outputs, groups, kernel = case
    x = integers((batch, channels * groups, *kernel), dtype)
    return [x, integers((outputs * groups, channels, *kernel), dtype, 1), integers((outputs * groups,), dtype, 2)]


def expected(x: np.ndarray, w: np.ndarray, b: np.ndarray | None, groups: int) -> np.ndarray:
    ones = (1,) * (x.ndim - 2)
    return reference.conv(x, w, b, ones, ((0, 0),) * (x.ndim - 2), ones, groups)


@pytest.mark.parametrize("dtype", ["float32", *nightly("float64")])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("case", CASES)
def test_is_the_reference(case: Any, algorithm: str, dtype: str) -> None:
    x, w, b = operands(case, dtype)
    op, groups = OPS[x.ndim - 2], case[3]
    for bias, activation in ((b, "relu"), (None, None)):
        y = op(x, w, bias, 3, groups=groups, activation=activation, algorithm=algorithm)
        wanted = expected(x, w, bias, groups)
        np.testing.assert_array_equal(y, np.maximum(wanted, 0) if activation else wanted)
        assert y.flags.c_contiguous
    np.testing.assert_array_equal(op(x[0], w, b, groups=groups, algorithm=algorithm), expected(x, w, b, groups)[0])
    assert op(x[:0], w, b, groups=groups).shape == (0, *y.shape[1:])


@pytest.mark.parametrize("dtype", ["complex64", "int64", *nightly("complex128", "int32")])
def test_packed_weights_may_be_of_any_type(dtype: str) -> None:
    x, w, b = operands(CASES[1], dtype)
    np.testing.assert_array_equal(fc.conv2d(x, w, b, groups=2, algorithm="single"), expected(x, w, b, 2))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_packed_and_where_the_result_lies(algorithm: str) -> None:
    x, w, b = operands(CASES[1])
    packed, wanted = fc.Conv2d(w, b, groups=2, algorithm=algorithm), expected(x, w, b, 2)
    np.testing.assert_array_equal(packed(x), wanted)
    out = np.full((6, 1, 1, 20), np.nan, np.float32).transpose(0, 3, 1, 2)[:, ::2]
    np.testing.assert_array_equal(packed(x, out=out), wanted)


@UNPACKED
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("transposed", [False, True])
def test_images_and_weights_lie_anyhow(layout: str, transposed: bool) -> None:
    """Of a batch, in any order, images that are read where they stand, and others that go elsewhere."""
    x, w, b = operands(CASES[1])
    if transposed:
        x, w, b = integers((5, 14, 1, 1), "float32"), integers((14, 5, 3, 2), "float32", 1), b
        none, ones = (0, 0), (1, 1)
        wanted = reference.conv_transpose(x, w, b, ones, (none, none), none, 2, ones)
    else:
        wanted = expected(x, w, b, 2)
    op = fc.conv_transpose2d if transposed else fc.conv2d
    # Kernels that pack weights do not compile for read-only ones where bounds are checked.
    weights = w if layout == "read-only" else LAYOUTS[layout](w)
    for given in ((LAYOUTS[layout](x), w, b), (x, weights, LAYOUTS[layout](b))):
        np.testing.assert_array_equal(op(*given, groups=2), wanted)
    np.testing.assert_array_equal(op(x[::-1], w, b, groups=2), wanted[::-1])


@UNPACKED
def test_weights_of_some_channels() -> None:
    """Those of an output channel follow each other, the channels do not."""
    x, w, b = operands(CASES[0])
    y = fc.conv2d(x, w[::-2], b[::-2], algorithm="unpacked")
    np.testing.assert_array_equal(y, expected(x, w[::-2], b[::-2], 1))
    x, w = integers((5, 20, 1, 1), "float32"), integers((20, 9, 4, 4), "float32", 1)
    y = fc.conv_transpose2d(x[::-1, ::-2], w[1::2], algorithm="unpacked")
    none, ones = (0, 0), (1, 1)
    wanted = reference.conv_transpose(x[::-1, ::-2], w[1::2], None, ones, (none, none), none, 1, ones)
    np.testing.assert_array_equal(y, wanted)


@pytest.mark.parametrize(
    ("options", "reason"),
    [({"padding": 1}, "one window"), ({"flip": True}, "other order"), ({"padding": ((1, 0), (0, 0))}, "one window")],
)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_others_go_elsewhere(options: dict[str, Any], reason: str, algorithm: str) -> None:
    x, w, b = operands(CASES[0])
    with pytest.raises(ValueError, match=reason):
        fc.conv2d(x, w, b, **options, algorithm=algorithm)
    with pytest.raises(ValueError, match="same order"):
        fc.conv2d(x, np.asfortranarray(w), b, algorithm=algorithm)
    with pytest.raises(ValueError, match="same order"):
        fc.conv2d(x[:, :, ::-1], w, b, algorithm=algorithm)


@UNPACKED
def test_infinities_and_nans_stay_in_their_images_and_channels() -> None:
    x, w, _ = operands(CASES[2])
    x[4, 7], w[3, 9] = np.inf, np.nan
    y = fc.conv2d(x, w, algorithm="unpacked")
    wanted = np.array([[np.isfinite(x[n]).all() and np.isfinite(w[o]).all() for o in range(len(w))] for n in range(9)])
    np.testing.assert_array_equal(np.isfinite(y[..., 0, 0]), wanted)


@UNPACKED
@pytest.mark.parametrize("transposed", [False, True])
def test_long_sums_are_exact_enough_and_the_same_for_any_number_of_threads(transposed: bool) -> None:
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((5, 25088, 1, 1), np.float32), rng.standard_normal((67, 25088, 1, 1), np.float32)
    op = fc.conv_transpose2d if transposed else fc.conv2d
    if transposed:
        w = np.ascontiguousarray(w.swapaxes(0, 1)).reshape(25088, 67, 1, 1)
    y = op(x, w, algorithm="unpacked")
    exact = np.einsum("nc...,co...->no..." if transposed else "nc...,oc...->no...", x.astype(float), w.astype(float))
    assert np.abs(y - exact).max() < 1e-6 * np.abs(exact).max()
    for count in range(1, min(3, numba.config.NUMBA_NUM_THREADS + 1)):
        with fc.threads(count):
            np.testing.assert_array_equal(op(x, w, algorithm="unpacked"), y)


@UNPACKED
@pytest.mark.parametrize(
    ("shapes", "algorithms"),
    [
        (((1, 256, 6, 6), (128, 256, 6, 6)), ("unpacked", "single")),
        (((128, 512, 1, 1), (64, 512, 1, 1)), ("single", "single")),
    ],
)
def test_they_are_chosen_for_layers_that_see_all_of_an_image(shapes: Any, algorithms: tuple[str, str]) -> None:
    if machine().vector_bytes < 64:
        pytest.skip("the costs are those of vectors of 64 bytes")
    x, w = (integers(shape, "float32", seed) for seed, shape in enumerate(shapes))
    with recording() as calls:
        y = fc.conv2d(x, w)
        fc.Conv2d(w)(np.repeat(x, 8, axis=0))
    assert tuple(choice.algorithm for _, choice, *_ in calls) == algorithms
    np.testing.assert_array_equal(y, expected(x, w, None, 1))
