"""Gradients of poolings, and maxima put back: against the reference, by duality, and with indices that are wrong."""

from typing import Any

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastconv as fc
from fastconv import reference
from fastconv.jit.machine import machine_with
from fastconv.ops.shares import _sharing
from properties.strategies import FEW_REAL, LAYOUTS, PoolCase, examples, integers, pool_cases, seeds
from sharing import share_out

SIZE = (2, 3, 6, 7)


def pooled(dtype: Any = np.float32) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Maxima of an input of that size, their places, and a gradient for them."""
    maxima, places = fc.max_pool2d(integers(SIZE, np.float32), 3, 2, 1, return_indices=True)
    return maxima.astype(dtype), places, integers(maxima.shape, dtype, 1)


@examples(60)
@given(case=pool_cases(), seed=seeds, count_include_pad=st.booleans(), divisor=st.sampled_from([None, 3, -2]))
def test_means_of_every_geometry(case: PoolCase, seed: int, count_include_pad: bool, divisor: int | None) -> None:
    """An average is linear: its gradient against any input is the dot product of the gradient and the average."""
    more = (count_include_pad, divisor)
    windows = (case.kernel_size, case.stride, case.padding)
    size = fc.pool_output_size(case.input_shape[2:], *windows, case.dilation, case.ceil_mode)
    dy = integers((*case.input_shape[:2], *size), np.float32, seed)
    found = getattr(fc.grad, f"avg_pool{case.rank}d")(
        dy, case.input_shape, *windows, case.ceil_mode, *more, dilation=case.dilation
    )
    wanted = reference.avg_pool_grad(dy.astype(float), case.input_shape[2:], *windows, *more, case.dilation)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-5)
    x = integers(case.input_shape, np.float64, seed + 1)
    y = reference.avg_pool(x, *windows, case.ceil_mode, *more, case.dilation)
    np.testing.assert_allclose(np.sum(wanted * x), np.sum(dy * y), atol=1e-9)


@examples(40)
@given(case=pool_cases(), seed=seeds)
def test_maxima_of_every_geometry(case: PoolCase, seed: int) -> None:
    x = integers(case.input_shape, np.float64, seed)
    arguments = (case.kernel_size, case.stride, case.padding, case.dilation, case.ceil_mode)
    values, places = reference.max_pool(x, *arguments)
    dy = integers(values.shape, np.float32, seed + 1)
    found = getattr(fc.grad, f"max_pool{case.rank}d")(dy, places, x.shape)
    np.testing.assert_array_equal(found, reference.max_pool_grad(dy, places, x.shape[2:]), strict=True)
    pads = tuple((n - 1, 0) for n in values.shape[2:])
    back = getattr(fc, f"max_unpool{case.rank}d")(values, places, x.shape[2:], 1, pads)
    np.testing.assert_array_equal(back, reference.max_unpool(values, places, x.shape[2:]), strict=True)


@pytest.mark.parametrize(
    ("size", "parts"), [((9,), (4,)), ((9,), (12,)), ((6, 7), (3, 7)), ((6, 7), (4, 3)), ((3, 4, 5), (2, 4, 3))]
)
def test_adaptive(size: tuple[int, ...], parts: tuple[int, ...]) -> None:
    rank, dy = len(size), integers((2, 3, *parts), np.float32, 1)
    found = getattr(fc.grad, f"adaptive_avg_pool{rank}d")(dy, (2, 3, *size))
    np.testing.assert_allclose(found, reference.adaptive_avg_pool_grad(dy.astype(float), size), atol=1e-6)
    x = integers((2, 3, *size), np.float32)
    _, places = getattr(fc, f"adaptive_max_pool{rank}d")(x, parts, return_indices=True)
    found = getattr(fc.grad, f"adaptive_max_pool{rank}d")(dy, places, x.shape)
    np.testing.assert_array_equal(found, reference.max_pool_grad(dy, places, size), strict=True)


@pytest.mark.parametrize(
    ("size", "kernel"),
    [((7, 7), (7, 7)), ((1, 96), (1, 32)), ((1, 90), (1, 30)), ((3, 5, 2), (3, 5, 2)), ((60,), (20,))],
)
@pytest.mark.parametrize("divisor", [None, -3])
def test_windows_that_all_elements_are_cut_into(size: Any, kernel: Any, divisor: int | None) -> None:
    """Whole channels, and parts of their rows, in one task and in several."""
    rank, parts = len(size), tuple(n // k for n, k in zip(size, kernel, strict=True))
    for channels in (3, 700):
        dy = integers((2, channels, *parts), np.float32, 1)
        windows = (kernel, kernel, ((0, 0),) * rank, True)
        wanted = reference.avg_pool_grad(dy.astype(float), size, *windows, divisor, (1,) * rank)
        found = getattr(fc.grad, f"avg_pool{rank}d")(dy, (2, channels, *size), kernel, divisor_override=divisor)
        np.testing.assert_allclose(found, wanted, rtol=1e-6)
        if divisor is None:
            found = getattr(fc.grad, f"adaptive_avg_pool{rank}d")(dy, (2, channels, *size))
            np.testing.assert_allclose(found, wanted, rtol=1e-6)


channels_last = LAYOUTS["channels last"]


@examples(60)
@given(
    case=pool_cases(), seed=seeds, count_include_pad=st.booleans(), divisor=st.sampled_from([None, -2]),
    channels=st.sampled_from([2, 3, 17, 40]),
)  # fmt: skip
def test_channels_last_means_of_every_geometry(
    case: PoolCase, seed: int, count_include_pad: bool, divisor: int | None, channels: int
) -> None:
    windows, more = (case.kernel_size, case.stride, case.padding), (count_include_pad, divisor)
    batch, _, *spatial = case.input_shape
    size = fc.pool_output_size(spatial, *windows, case.dilation, case.ceil_mode)
    dy = integers((batch, channels, *size), np.float32, seed)
    found = getattr(fc.grad, f"avg_pool{case.rank}d")(
        channels_last(dy), (batch, channels, *spatial), *windows, case.ceil_mode, *more, dilation=case.dilation
    )
    wanted = reference.avg_pool_grad(dy.astype(float), spatial, *windows, *more, case.dilation)
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("dtype", ["float16", "float32", ">f4", "float64", "int16"])
@pytest.mark.parametrize("lying", [lambda a: a, lambda a: a[:, 1:], lambda a: a[..., ::-1], lambda a: a[0]])
def test_channels_last_gradients_give_such(dtype: str, lying: Any) -> None:
    """Of whole images, parts and single ones, in any type: exact, as windows of four elements divide by powers of 2."""
    dy = lying(channels_last(integers((2, 19, 5, 6), dtype, 1)))
    dy.flags.writeable = False
    found = fc.grad.avg_pool2d(dy, (*dy.shape[:-2], 10, 12), 2)
    assert found.dtype == ("float64" if dtype == "int16" else np.dtype(dtype).newbyteorder("="))
    assert np.moveaxis(found, -3, -1).flags.c_contiguous
    np.testing.assert_array_equal(found, np.kron(dy.astype(float), np.ones((2, 2))) / 4)


@pytest.mark.parametrize(("size", "parts"), [((9,), (4,)), ((9,), (12,)), ((6, 7), (3, 7)), ((3, 4, 5), (2, 4, 3))])
def test_channels_last_adaptive(size: tuple[int, ...], parts: tuple[int, ...]) -> None:
    dy = integers((2, 21, *parts), np.float32, 1)
    found = getattr(fc.grad, f"adaptive_avg_pool{len(size)}d")(channels_last(dy), (2, 21, *size))
    np.testing.assert_allclose(found, reference.adaptive_avg_pool_grad(dy.astype(float), size), atol=1e-6)


def test_no_channels_last_images() -> None:
    dy = channels_last(np.ones((0, 3, 2, 2), np.float32))
    assert fc.grad.avg_pool2d(dy, (0, 3, 4, 4), 2).shape == (0, 3, 4, 4)


def test_gradients_of_means_are_remembered_by_form() -> None:
    """Of other strides, another dtype and another order of bytes: each as a contiguous copy gives."""
    dy = integers((2, 3, 3, 4), np.float64, 1)
    for gradient in (
        dy,
        dy.astype(np.float32),
        dy.astype(">f8"),
        dy[:, ::-1],
        dy.transpose(0, 1, 3, 2),
        dy.astype(int),
    ):
        size = (2, 3, *(2 * n for n in gradient.shape[2:]))
        for _ in range(2):
            found = fc.grad.avg_pool2d(gradient, size, 2)
            assert found.dtype == (np.float32 if gradient.dtype == np.float32 else np.float64)
            np.testing.assert_array_equal(found, np.kron(gradient, np.ones((2, 2))) / 4)


@pytest.mark.parametrize("stride", [1, 2, 7, 20, 25])
@pytest.mark.parametrize("kernel", [15, 20])
def test_long_windows(kernel: int, stride: int) -> None:
    """Apart and overlapping, summed over zeros, looked up or spread out."""
    size, padding = (3, 90), ((0, 0), (4, 3))
    windows = ((1, kernel), (1, stride), padding, False, None, (1, 1))
    dy = integers((1, 2, 3, (90 + 7 - kernel) // stride + 1), np.float32)
    found = fc.grad.avg_pool2d(dy, (1, 2, *size), *windows[:3], count_include_pad=False)
    np.testing.assert_allclose(found, reference.avg_pool_grad(dy.astype(float), size, *windows), rtol=1e-6, atol=1e-6)


def test_many_rows_in_the_same_windows() -> None:
    """Rows of a window are copies of its first, also across tasks."""
    dy = integers((1, 2, 3, 5), np.float32)
    found = fc.grad.avg_pool2d(dy, (1, 2, 300, 20), (100, 4))
    np.testing.assert_allclose(found, np.repeat(np.repeat(dy, 100, 2), 4, 3) / 400, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["bool", *FEW_REAL, "int64"])
def test_dtypes(dtype: str) -> None:
    _, places, dy = pooled(dtype)
    result = {"bool": "int32", "int8": "int32", "uint8": "int32"}.get(dtype, dtype if dtype[0] == "f" else "int64")
    found = fc.grad.max_pool2d(dy, places, SIZE)
    np.testing.assert_array_equal(found, reference.max_pool_grad(dy.astype(result), places, SIZE[2:]), strict=True)
    result = dtype if dtype[0] == "f" else "float64"
    found = fc.grad.avg_pool2d(dy, SIZE, 3, 2, 1, divisor_override=4)
    assert found.dtype == result
    wanted = fc.grad.avg_pool2d(dy.astype(float), SIZE, 3, 2, 1, divisor_override=4)
    np.testing.assert_array_equal(found, wanted.astype(result))
    back = fc.max_unpool2d(dy, places, 3, 2, 1, output_size=SIZE)
    np.testing.assert_array_equal(back, reference.max_unpool(dy, places, SIZE[2:]), strict=True)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_and_unbatched(layout: str) -> None:
    _, places, dy = pooled()
    laid, at = LAYOUTS[layout](dy), LAYOUTS[layout](places)
    for call in (
        lambda dy, at, size: fc.grad.max_pool2d(dy, at, size),
        lambda dy, at, size: fc.grad.avg_pool2d(dy, size, 3, 2, 1, divisor_override=8),  # exact in any order
        lambda dy, at, size: fc.max_unpool2d(dy, at, 3, 2, 1, size[-2:]),
    ):
        wanted = call(dy, places, SIZE)
        np.testing.assert_array_equal(call(laid, at, SIZE), wanted, strict=True)
        np.testing.assert_array_equal(call(laid[1], at[1], SIZE[1:]), wanted[1], strict=True)
        assert call(laid[:0], at[:0], (0, *SIZE[1:])).shape == (0, *SIZE[1:])


def test_nan_and_infinity_go_where_their_windows_are() -> None:
    _, places, dy = pooled()
    dy[0, 0, 0, 1], dy[1, 2, 2, 3] = np.nan, np.inf
    found = fc.grad.max_pool2d(dy, places, SIZE)
    np.testing.assert_array_equal(found, reference.max_pool_grad(dy, places, SIZE[2:]))
    means = fc.grad.avg_pool2d(dy, SIZE, 3, 2, 1)
    assert np.isnan(means[0, 0]).sum() == 2 * 3  # of a window at the border
    assert np.isinf(means[1, 2]).sum() == 3 * 2
    back = fc.max_unpool2d(dy, places, 3, 2, 1, SIZE)
    np.testing.assert_array_equal(back, reference.max_unpool(dy, places, SIZE[2:]))


def test_unpooled_sizes() -> None:
    x = np.array([[5.0, 4.0]])
    at = np.array([[0, 1]])
    assert fc.max_unpool1d(x, at, 3).shape == (1, 6)
    assert fc.max_unpool1d(x, at, 3, 2).shape == (1, 5)
    assert fc.max_unpool1d(x, at, 3, 2, 1).shape == (1, 3)
    assert fc.max_unpool1d(x, at, 3, 2, ((1, 0),)).shape == (1, 4)
    assert fc.max_unpool1d(x, at, 3, 2, output_size=(6,)).shape == (1, 6)
    assert fc.max_unpool1d(x, at, 3, 2, output_size=[1, 4]).shape == (1, 4)


@pytest.mark.parametrize("wrong", [-1, 42, 2**40, -(2**63)])
@pytest.mark.parametrize("planes", [6, 1])
def test_wrong_indices(wrong: int, planes: int) -> None:
    _, places, dy = pooled()
    places, dy = places.reshape(1, 6, 3, 4)[:, :planes], dy.reshape(1, 6, 3, 4)[:, :planes]
    places[0, planes - 1, 1, 2:] = wrong  # the first is named
    words = rf"indices\[0, {planes - 1}, 1, 2\]={wrong} is outside of a plane of 42 elements; give .* from 0 to 41\.$"
    with pytest.raises(IndexError, match=words):
        fc.grad.max_pool2d(dy, places, (1, planes, 6, 7))
    with pytest.raises(IndexError, match=words):
        fc.max_unpool2d(dy, places, 2, output_size=(6, 7))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("channels", [1, 3, 40, 67])
@pytest.mark.parametrize(
    ("given", "size"), [((1, 1), (3, 5)), ((5, 7), (9, 11)), ((23, 40), (40, 31)), ((9, 9), (2, 2))]
)
def test_planes_in_groups_and_in_parts(given: Any, size: Any, channels: int, threads: int) -> None:
    """Any indices, of planes that are one task, several or a part, channels first and last, on several threads."""
    if threads > numba.config.NUMBA_NUM_THREADS:
        pytest.skip("there is a single thread")
    rng = np.random.default_rng(channels)
    places = rng.integers(0, size[0] * size[1], (2, channels, *given))
    places[1] //= 3  # the rest of these planes has none
    for dtype in (np.float32, np.int64):
        dy = integers((2, channels, *given), dtype)
        sums, values = np.zeros((2, 2, channels, size[0] * size[1]), dtype)
        for n, c in np.ndindex(2, channels):
            np.add.at(sums[n, c], places[n, c].ravel(), dy[n, c].ravel())
            for place, value in zip(places[n, c].flat, dy[n, c].flat, strict=True):
                values[n, c, place] = value
        for lay in (np.ascontiguousarray, lambda x: x.transpose(0, 2, 3, 1).copy().transpose(0, 3, 1, 2)):
            laid, at = lay(dy), lay(places)
            laid.flags.writeable = at.flags.writeable = False
            np.full((2, channels, *size), 77, dtype)  # the memory that results take next
            with fc.threads(threads):
                found = fc.grad.adaptive_max_pool2d(laid, at, (2, channels, *size))
                pads = [(n - 1, 0) for n in given]
                back = fc.max_unpool2d(laid, at, size, 1, pads)
            np.testing.assert_array_equal(found, sums.reshape(found.shape), strict=True)
            np.testing.assert_array_equal(back, values.reshape(found.shape), strict=True)
            if channels > 1 and given != (1, 1):  # else a layout cannot be told from another
                assert found.strides == back.strides == lay(found).strides


@pytest.mark.parametrize("wrong", [-1, 42])
def test_wrong_indices_of_pixels(wrong: int) -> None:
    places = np.zeros((2, 3, 4, 40), int)
    places[1, 1, 2, 33], places[1, 1, 3, 32] = wrong, wrong + 1000
    with pytest.raises(
        IndexError, match=rf"indices\[1, 32, 1, 3\]={wrong + 1000} is outside of a plane of 42 elements"
    ):
        fc.grad.max_pool2d(np.ones((2, 3, 4, 40)).transpose(0, 3, 1, 2), places.transpose(0, 3, 1, 2), (2, 40, 6, 7))


ONES, PLACES = np.ones((1, 2, 3, 4)), np.zeros((1, 2, 3, 4), int)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda g: g.max_pool2d(ONES, PLACES, (2, 6, 8)), ValueError, r"grad_output has shape \(1, 2, 3, 4\) and the"),
        (lambda g: g.max_pool2d(ONES, PLACES, (1, 3, 6, 8)), ValueError, "have the same batch and channels"),
        (lambda g: g.max_pool2d(ONES, PLACES[..., 1:], (1, 2, 6, 8)), ValueError, r"indices have shape \(1, 2, 3, 3\)"),
        (lambda g: g.max_pool2d(ONES, ONES, (1, 2, 6, 8)), TypeError, "indices have dtype float64; give whole numbers"),
        (lambda g: g.max_pool2d(ONES * 1j, PLACES, (1, 2, 6, 8)), TypeError, "grad_output has dtype complex128"),
        (lambda g: g.max_pool2d(ONES, PLACES, (2, 6)), ValueError, r"input_size=\(2, 6\) is not a shape of 3 or 4"),
        (lambda g: g.avg_pool2d(ONES, (1, 2, 6, 8), 3), ValueError, r"of this operation has shape \(1, 2, 2, 2\)"),
        (lambda g: g.avg_pool2d(ONES, (1, 2, 6, 8), 2, divisor_override=0), ValueError, "divisor_override=0 cannot"),
        (lambda g: g.avg_pool2d(ONES, (1, 2, 6, 8), 9), ValueError, "the output would be empty"),
        (lambda g: g.adaptive_avg_pool2d(ONES, (1, 3, 6, 8)), ValueError, "grad_output has shape"),
        (lambda g: g.adaptive_avg_pool2d(ONES[0, 0], (1, 2, 6, 8)), ValueError, r"grad_output has shape \(3, 4\)"),
        (lambda _: fc.max_unpool2d(ONES * 1j, PLACES, 2), TypeError, "input has dtype complex128"),
        (lambda _: fc.max_unpool2d(ONES, PLACES[0], 2), ValueError, "indices have shape"),
        (lambda _: fc.max_unpool2d(ONES, ONES, 2), TypeError, "indices have dtype float64"),
        (lambda _: fc.max_unpool2d(ONES[0, 0], PLACES[0, 0], 2), ValueError, "max_unpool2d takes"),
        (lambda _: fc.max_unpool2d(ONES, PLACES, 2.0), TypeError, "kernel_size=2.0 is not a whole number"),
        (lambda _: fc.max_unpool2d(ONES, PLACES, 2, 2, 9), ValueError, "the output would have size"),
        (lambda _: fc.max_unpool2d(ONES, PLACES, 2, output_size=(8, 8)), ValueError, "between 5 and 7"),
        (lambda _: fc.max_unpool2d(ONES, PLACES, 2, output_size=(4, 8)), ValueError, "between 5 and 7"),
        (lambda _: fc.max_unpool2d(ONES, PLACES, 2, output_size=(1, 3, 6, 8)), ValueError, "another batch or other"),
    ],
)
def test_wrong_calls(call: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words) as caught:
        call(fc.grad)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize("cache", [2**8, 2**12, 2**14])
def test_channels_of_means_that_share_elements_are_summed_some_at_a_time(cache: int) -> None:
    size = (3, 5, 19, 12)
    dy = integers((3, 5, 10, 6), "float32") * 9
    _sharing.cache_clear()
    with machine_with(l2_bytes=cache):
        found = fc.grad.avg_pool2d(dy, size, 3, 2, 1)
    _sharing.cache_clear()
    wanted = reference.avg_pool_grad(dy.astype(float), size[2:], (3, 3), (2, 2), ((1, 1), (1, 1)), True, None, (1, 1))
    np.testing.assert_array_equal(found, wanted)


def test_same_bits_for_any_number_of_helpers(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(0).normal(size=(2, 16, 60, 61)).astype(np.float32)
    maxima, places = fc.max_pool2d(x, 3, 1, 1, return_indices=True)
    found = set()
    for helpers in (0, 1, 6):
        share_out(monkeypatch, helpers)
        results = [
            fc.grad.max_pool2d(maxima, places, x.shape),
            fc.grad.avg_pool2d(x, x.shape, 3, 1, 1),
            fc.max_unpool2d(maxima, places, 3, 1, 1),
        ]
        found.add(b"".join(result.tobytes() for result in results))
    assert len(found) == 1


def test_same_bits_of_channels_last_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    dy = channels_last(np.random.default_rng(0).normal(size=(2, 20, 30, 31)).astype(np.float32))
    found = set()
    for helpers in (0, 1, 6):
        share_out(monkeypatch, helpers)
        found.add(fc.grad.avg_pool2d(dy, (2, 20, 60, 61), 3, 2, 1).tobytes())
    assert len(found) == 1
