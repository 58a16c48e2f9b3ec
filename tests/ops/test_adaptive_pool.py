"""Adaptive pooling: parts of any lengths, which plain pooling serves where they are equal, and what callers ask."""

from typing import Any

import numpy as np
import pytest

import fastconv as fc
from fastconv import reference
from properties.strategies import FEW_REAL, LAYOUTS, integers
from sharing import share_out

MAX = {1: fc.adaptive_max_pool1d, 2: fc.adaptive_max_pool2d, 3: fc.adaptive_max_pool3d}
AVG = {1: fc.adaptive_avg_pool1d, 2: fc.adaptive_avg_pool2d, 3: fc.adaptive_avg_pool3d}

X = integers((2, 3, 7, 9), np.float32)


def test_printed_parts() -> None:
    x = np.arange(7, dtype=np.float32)[None]
    assert fc.adaptive_avg_pool1d(x, 3).tolist() == [[1, 3, 5]]  # 0 1 2, 2 3 4, 4 5 6
    assert fc.adaptive_max_pool1d(x, 3).tolist() == [[2, 4, 6]]
    assert fc.adaptive_max_pool1d(x[:, :2], 4).tolist() == [[0, 0, 1, 1]]


@pytest.mark.parametrize("dtype", FEW_REAL)
def test_every_dtype(dtype: str) -> None:
    x = integers(X.shape, dtype)
    values, places = fc.adaptive_max_pool2d(x, (3, 4), return_indices=True)
    expected, at = reference.adaptive_max_pool(x, (3, 4))
    np.testing.assert_array_equal(values, expected, strict=True)
    np.testing.assert_array_equal(places, at, strict=True)
    if dtype != "int8":
        np.testing.assert_array_equal(fc.adaptive_max_pool2d(x, (3, 4)), expected, strict=True)
    means = fc.adaptive_avg_pool2d(x, (3, 4))
    wanted = reference.adaptive_avg_pool(x.astype(np.float32) if dtype == "float16" else x, (3, 4)).astype(dtype)
    np.testing.assert_array_equal(means, wanted, strict=True)


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("parts", ["equal", "unequal", "more than elements"])
def test_ranks_and_batches(rank: int, parts: str) -> None:
    x = integers((2, 2, 6, 4, 8)[: 2 + rank], np.float32)
    size = {"equal": (3, 2, 8), "unequal": (4, 3, 5), "more than elements": (7, 9, 10)}[parts][:rank]
    expected, at = reference.adaptive_max_pool(x, size)
    means = reference.adaptive_avg_pool(x, size)
    for batched in (True, False):
        given, part = (x, slice(None)) if batched else (x[1], 1)
        for found, wanted in zip(MAX[rank](given, size, True), (expected, at), strict=True):
            np.testing.assert_array_equal(found, wanted[part], strict=True)
        np.testing.assert_allclose(AVG[rank](given, size), means[part], rtol=1e-6)
    assert MAX[rank](x[:0], size).shape == AVG[rank](x[:0], size).shape == (0, 2, *size)


def test_equal_parts_are_windows_of_plain_pooling() -> None:
    x = integers((2, 3, 8, 12), np.float32)
    np.testing.assert_array_equal(fc.adaptive_max_pool2d(x, (4, 3)), fc.max_pool2d(x, (2, 4)))
    np.testing.assert_array_equal(fc.adaptive_avg_pool2d(x, 1), x.mean((2, 3), keepdims=True))
    assert fc.explain(fc.adaptive_avg_pool2d, x, (4, 3)).startswith("avg_pool on")
    assert fc.explain(fc.adaptive_avg_pool2d, x, (4, 5)).startswith("adaptive_avg_pool on")
    np.testing.assert_array_equal(fc.adaptive_max_pool2d(x, 4, algorithm="windows"), fc.adaptive_max_pool2d(x, 4))


@pytest.mark.parametrize("shape", [(2, 3, 7, 7), (2, 3, 2, 3, 4), (2, 3, 9, 9)])
def test_one_part_of_small_images(shape: tuple[int, ...]) -> None:
    """Rows that follow each other count as one, unless they have gaps or lie backwards."""
    rank, x = len(shape) - 2, integers(shape, np.float32)
    values, places = reference.adaptive_max_pool(x, (1,) * rank)
    gradient = integers(values.shape, np.float32, 1)
    spread = getattr(fc.grad, f"adaptive_avg_pool{rank}d")(gradient, shape)
    np.testing.assert_allclose(spread, np.broadcast_to(gradient / np.prod(shape[2:]), shape), rtol=1e-6)
    for layout in LAYOUTS.values():
        found, at = MAX[rank](layout(x), 1, True)
        np.testing.assert_array_equal(found, values)
        np.testing.assert_array_equal(at, places)


def test_none_keeps_an_axis() -> None:
    np.testing.assert_array_equal(fc.adaptive_max_pool2d(X, None), X)
    for size, same in (((None, 4), (7, 4)), ([3, None], (3, 9)), ((None, None), (7, 9))):
        np.testing.assert_array_equal(fc.adaptive_avg_pool2d(X, size), fc.adaptive_avg_pool2d(X, same))


@pytest.mark.parametrize("size", [(3, 4), (7, 3), (1, 1)])
def test_nan_and_infinity_stay_in_their_parts(size: tuple[int, int]) -> None:
    x = X.copy()
    x[0, 0, 2, 3] = x[0, 0, 1, 4] = x[1, 2, 6, 0] = np.nan
    x[1, 1] = -np.inf
    x[0, 2, 0, 0] = np.inf
    expected, at = reference.adaptive_max_pool(x, size)
    values, places = fc.adaptive_max_pool2d(x, size, return_indices=True)
    np.testing.assert_array_equal(values, expected)
    np.testing.assert_array_equal(places, at)
    np.testing.assert_array_equal(fc.adaptive_max_pool2d(x, size), expected)
    np.testing.assert_allclose(fc.adaptive_avg_pool2d(x, size), reference.adaptive_avg_pool(x, size), rtol=1e-6)


@pytest.mark.parametrize("algorithm", ["windows", "reference"])
def test_integers_drop_the_fraction_and_sum_exactly(algorithm: str) -> None:
    x = np.array([[-3, -4, 5, 6, 2**62]], np.int64)
    assert fc.adaptive_avg_pool1d(x, 2, algorithm=algorithm).tolist() == [[0, (2**62 + 11) // 3]]
    assert fc.adaptive_avg_pool1d(x[:, :3], 2, algorithm=algorithm).tolist() == [[-3, 0]]
    true = fc.adaptive_avg_pool1d(x[:, :3].astype(np.int8), 2, dtype=np.float32, algorithm=algorithm)
    assert true.dtype == np.float32
    assert true.tolist() == [[-3.5, 0.5]]


def test_large_parts_are_summed_accurately() -> None:
    x = np.random.default_rng(0).random((1, 400, 1001), np.float32)
    left = np.arange(501)  # of two halves that share a column
    means = fc.adaptive_avg_pool2d(x, (1, 2))
    np.testing.assert_allclose(means[0, 0, 0], x[0][:, left].mean(dtype=float), rtol=1e-7)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(layout: str) -> None:
    laid = LAYOUTS[layout](X)
    for found, wanted in zip(*(fc.adaptive_max_pool2d(a, (3, 4), True) for a in (laid, X)), strict=True):
        np.testing.assert_array_equal(found, wanted, strict=True)
    means = fc.adaptive_avg_pool2d(laid, (3, 4))
    np.testing.assert_array_equal(means, fc.adaptive_avg_pool2d(X, (3, 4)), strict=True)
    if layout == "channels last":
        assert means.strides == fc.avg_pool2d(laid, (5, 6), 1).strides


@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name not in ("read-only", "byte-swapped")])
def test_out_of_any_strides(layout: str) -> None:
    wanted, places = fc.adaptive_max_pool2d(X, (3, 4), True)
    out = LAYOUTS[layout](np.zeros_like(wanted))
    values, at = fc.adaptive_max_pool2d(X, (3, 4), True, out=out)
    assert values is out
    np.testing.assert_array_equal(out, wanted)
    np.testing.assert_array_equal(at, places)
    assert fc.adaptive_avg_pool2d(X, (3, 4), out=out) is out
    np.testing.assert_array_equal(out, fc.adaptive_avg_pool2d(X, (3, 4)))


@pytest.mark.parametrize("shape", [(2, 3, 60, 200), (1, 1, 3, 20000)])
def test_same_bits_for_any_number_of_helpers(shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    size = (2, shape[3] - 7)  # windows of a row stand in several pieces
    empty = np.full((*shape[:2], *size), np.nan, np.float32)
    found = set()
    for helpers in (0, 1, 6):
        share_out(monkeypatch, helpers)
        values, places = fc.adaptive_max_pool2d(x, size, True, out=empty.copy())
        results: list[Any] = [values, places, fc.adaptive_avg_pool2d(x, size, out=empty.copy())]
        found.add(b"".join(result.tobytes() for result in results))
    assert len(found) == 1


@pytest.mark.parametrize("shape", [(2, 90, 75, 40), (1, 1, 5300, 50), (1, 5300, 1, 50)])
def test_large_channels_last_images_are_cut_alike_for_any_number_of_helpers(
    shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    x = np.random.default_rng(0).integers(-9, 10, shape).astype(np.float32)[:, ::-1, ::-1].transpose(0, 3, 1, 2)
    out, found = np.full((*x.shape[:2], 1, 2), np.nan, np.float32), set()
    for helpers in (0, 1, 6):
        share_out(monkeypatch, helpers)
        fc.adaptive_avg_pool2d(x, 1, out=out[..., :1])
        found.add(out[..., :1].tobytes())
    assert len(found) == 1
    assert np.isnan(out[..., 1:]).all()
    np.testing.assert_allclose(out[..., :1], x.mean((2, 3), keepdims=True, dtype=float), rtol=1e-6, atol=1e-9)
    np.testing.assert_array_equal(fc.adaptive_avg_pool2d(x, 1), out[..., :1])
    np.testing.assert_array_equal(
        fc.avg_pool2d(x, shape[1:3], divisor_override=2), np.sum(x, (2, 3), keepdims=True) / 2
    )
