"""Convolutions of one channel by Fourier transforms of blocks: what they compute, how exactly, and when."""

from dataclasses import replace
from typing import Any

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastconv as fc
from fastconv.geometry import PADDING_MODES
from fastconv.ops.arguments import native
from fastconv.ops.calls import recording
from fastconv.plan.whole_image import plan_whole_image
from fastconv.reference import ndimage as reference
from nightly import nightly
from properties.strategies import LAYOUTS, examples, integers, seeds
from sharing import share_out


def conv(x: np.ndarray, w: np.ndarray, bias: Any = None, *, algorithm: str = "fourier", **options: Any) -> np.ndarray:
    return getattr(fc, f"conv{w.ndim - 2}d")(x, w, bias, **options, algorithm=algorithm)


def normal(shape: tuple[int, ...], seed: int = 0, dtype: str = "float32") -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


@examples(40)
@given(data=st.data(), seed=seeds)
def test_whole_numbers_are_exact(data: st.DataObject, seed: int) -> None:
    rank = data.draw(st.integers(1, 2))
    taps = data.draw(st.tuples(*[st.integers(1, {1: 60, 2: 9}[rank])] * rank))
    size = tuple(k + data.draw(st.integers(0, {1: 90, 2: 40}[rank])) for k in taps)
    mode = data.draw(st.sampled_from(PADDING_MODES))
    most = [min(5, n - (mode == "reflect")) for n in size]
    padding = tuple((data.draw(st.integers(0, n)), data.draw(st.integers(0, n))) for n in most)
    groups, more = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 2))
    dtype, layout = data.draw(st.sampled_from(["float32", "float64"])), data.draw(st.sampled_from(sorted(LAYOUTS)))
    x = LAYOUTS[layout](integers((data.draw(st.integers(1, 2)), groups, *size), dtype, seed))
    w = LAYOUTS[layout](integers((more * groups, 1, *taps), dtype, seed + 1))
    options = {"padding": padding, "padding_mode": mode, "groups": groups, "flip": data.draw(st.booleans())}
    bias = integers((more * groups,), dtype, seed + 2)
    wanted = conv(x, w, bias, algorithm="reference", **options)
    np.testing.assert_array_equal(conv(x, w, bias, **options), wanted, strict=True)


def of_whole_image(x: np.ndarray, w: np.ndarray, **options: Any) -> np.ndarray:
    """The convolution by transforms of the whole image, whether or not that is the fastest."""
    with recording() as calls:
        y = np.full_like(conv(x, w, **options), np.nan)
    problem, choice = calls[-1]
    engine = plan_whole_image(problem)
    assert engine is not None
    replace(choice.plan, engine=engine).run(native(x, y.dtype), w, None, y)
    return y


@examples(40)
@given(data=st.data(), seed=seeds)
def test_whole_images_are_exact_too(data: st.DataObject, seed: int) -> None:
    """In all paddings, those that windows are all in too, and of images that do not lie row by row."""
    taps = (data.draw(st.integers(2, 12)), data.draw(st.integers(1, 12)))
    size = tuple(k + data.draw(st.integers(0, min(60, 15 * k))) for k in taps)
    mode = data.draw(st.sampled_from(PADDING_MODES))
    most = [min(14, n - (mode == "reflect")) for n in size]
    padding = tuple((data.draw(st.integers(0, n)), data.draw(st.integers(0, n))) for n in most)
    dtype, layout = data.draw(st.sampled_from(["float32", "float64"])), data.draw(st.sampled_from(sorted(LAYOUTS)))
    x, w = LAYOUTS[layout](integers((1, 1, *size), dtype, seed)), integers((1, 1, *taps), dtype, seed + 1)
    options = {"padding": padding, "padding_mode": mode, "flip": data.draw(st.booleans())}
    wanted = conv(x, w, algorithm="reference", **options)
    np.testing.assert_array_equal(of_whole_image(x, w, **options), wanted, strict=True)


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="Python takes too long")
@pytest.mark.parametrize("mode", ["zeros", "symmetric"])
def test_large_kernels_see_the_whole_image(mode: str) -> None:
    x, w = normal((1, 1, 256, 250)), normal((1, 1, 127, 120), 1)
    with recording() as calls:
        found = fc.conv2d(x, w, padding=60, padding_mode=mode)
    assert "whole image" in calls[-1][1].plan.summary
    x64, w64 = x.astype(float), w.astype(float)
    wanted = fc.conv2d(x64, w64, padding=60, padding_mode=mode, algorithm="depthwise")
    assert np.abs(found - wanted).max() <= 1e-6 * np.abs(x).max() * np.abs(w).sum()
    with recording() as calls:
        fc.conv2d(np.concatenate([x, x]), w, padding=60, padding_mode=mode)
    assert "two at a time" in calls[-1][1].plan.summary, "of several images blocks are taken in pairs"
    with recording() as calls:
        fc.conv2d(x, w[..., :17, :17], padding=8, padding_mode=mode)
    assert "two at a time" in calls[-1][1].plan.summary, "small kernels waste little of a block"


@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf, 3e38])
@pytest.mark.parametrize("mode", ["zeros", "circular"])
def test_what_is_not_finite_stays_in_its_window_of_a_whole_image(special: float, mode: str) -> None:
    x, w = normal((1, 1, 40, 30)), np.abs(normal((1, 1, 9, 8), 1))
    w /= w.sum()
    x[0, 0, 7, 5] = special
    if special == 3e38:
        x[:] = special
    with np.errstate(invalid="ignore", over="ignore"):
        wanted = conv(x, w, padding=3, padding_mode=mode, algorithm="depthwise")
        found = of_whole_image(x, w, padding=3, padding_mode=mode)
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("padding", [0, 2, 4, (3, 7)])
def test_transposed_whose_ends_may_be_cut_off(padding: Any) -> None:
    x, w = integers((1, 2, 20, 25), "float32"), integers((2, 2, 4, 6), "float32", 1)
    found, wanted = (
        fc.conv_transpose2d(x, w, padding=padding, groups=2, algorithm=name) for name in ("fourier", "reference")
    )
    np.testing.assert_array_equal(found, wanted)


def test_signals_of_volumes_and_rows_apart() -> None:
    """Images of one axis are the rows of all planes, unless planes are apart."""
    x, w = integers((2, 3, 4, 5, 90), "float32")[:, :, ::2], integers((3, 1, 1, 1, 20), "float32", 1)
    for view in (x, np.ascontiguousarray(x), x[..., ::2], x[:, :, :, ::2]):
        options: dict[str, Any] = {"groups": 3, "padding": ((0, 0), (0, 0), (7, 3)), "padding_mode": "reflect"}
        np.testing.assert_array_equal(conv(view, w, **options), conv(view, w, algorithm="reference", **options))


IMAGES = {
    "noise": lambda x: x,
    "signs": np.sign,
    "a large mean": lambda x: x + 1e6,
    "one and a little": lambda x: 1 + x / 1000,
    "a wave": lambda x: np.cos(np.add.outer(np.arange(len(x)) * 0.77, np.arange(x.shape[1]) * 1.93)),
}
KERNELS = {
    "noise": lambda w: w,
    "a mean": lambda w: np.abs(w),
    "differences": lambda w: w - w.mean(),
    "four weights": lambda w: np.where(np.indices(w.shape).sum(0) % (len(w) - 1) == 0, 1, 0) * (w * 0 + 1),
    "one weight": lambda w: np.where(np.indices(w.shape).sum(0) == 0, 1.5, 0),
}


def row_by_row(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Sums of one row of a kernel after the other: those of all 127 x 127 products are further off than transforms."""
    height = len(x) - len(w) + 1
    rows = (conv(x[None, r : r + height], w[None, None, r : r + 1], algorithm="depthwise") for r in range(len(w)))
    return sum(row.astype(np.longdouble) for row in rows)  # type: ignore[return-value]


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="Python takes too long")
@pytest.mark.parametrize("taps", [9, 31, *nightly(15, 63, 127)])
@pytest.mark.parametrize("image", sorted(IMAGES))
def test_errors_are_bounded(taps: int, image: str) -> None:
    x, w = IMAGES[image](normal((300, 280), 0, "float64")), normal((taps, taps), 1, "float64")
    for kernel, make in KERNELS.items():
        for dtype, bound in (("float32", 1e-6), ("float64", 1e-14)):
            given, weights = x.astype(dtype), make(w).astype(dtype)
            found = conv(given[None], weights[None, None])
            wanted = row_by_row(given.astype(float), weights.astype(float))
            most = np.abs(given).max() * np.abs(weights, dtype=float).sum()
            assert np.abs(found - wanted).max() <= bound * most, f"{kernel}, {dtype}"
            if taps < 31:  # no whole image is so much larger than its kernel
                continue
            found = of_whole_image(given[None, None], weights[None, None])[0]
            assert np.abs(found - wanted).max() <= bound * most, f"{kernel}, {dtype}, of the whole image"


@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf, 3e38])
def test_what_is_not_finite_stays_in_its_window(special: float) -> None:
    x, w = normal((1, 2, 50, 60)), np.abs(normal((2, 1, 5, 7), 1))
    w /= w.sum()
    for place in ((0, 0, 0, 0), (0, 1, 20, 59)):
        x[place] = special
        if special == 3e38:  # whose sums in blocks are infinite
            x[place[:2]] = special
        with np.errstate(invalid="ignore", over="ignore"):
            wanted, found = (conv(x, w, padding=2, groups=2, algorithm=name) for name in ("depthwise", "fourier"))
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf, 3e38, 1e38])
def test_what_is_not_finite_stays_in_its_window_of_a_signal(special: float) -> None:
    """Blocks of signals go from the input to the result without a copy that could be looked at."""
    x, w = normal((1, 1, 20000)), np.abs(normal((1, 1, 300), 1))
    w /= w.sum()
    if abs(special) < np.inf:  # sums of blocks are infinite, if not in the end
        x[:] = special
    else:
        x[..., 9000] = special
    with np.errstate(invalid="ignore", over="ignore"):
        wanted, found = (conv(x, w, algorithm=name) for name in ("depthwise", "fourier"))
    np.testing.assert_array_equal(found, wanted)


def test_what_is_left_to_sums_of_products() -> None:
    """Kernels with a single weight, infinite ones, and whole numbers that rounding could miss: the bits tell."""
    x, w = normal((1, 40, 50)), normal((1, 1, 9, 9), 1)
    assert (conv(x, w) != conv(x, w, algorithm="depthwise")).any()
    single, infinite = np.zeros_like(w), w.copy()
    single[0, 0, 3, 4], infinite[0, 0, 0, 0] = 1.1, np.inf
    for image, weights in ((x, single), (x, infinite), (np.rint(1e5 * x), np.rint(9 * w))):
        with np.errstate(invalid="ignore"):
            np.testing.assert_array_equal(conv(image, weights), conv(image, weights, algorithm="depthwise"))


def test_the_same_bits_for_any_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    x, w, found = normal((2, 2, 70, 90)), normal((4, 1, 9, 8), 1), set()
    for helpers in (0, 1, 3):
        with monkeypatch.context() as patch:
            share_out(patch, helpers)
            found.add(conv(x, w, padding=4, padding_mode="circular", groups=2).tobytes())
    assert len(found) == 1


@pytest.mark.parametrize(
    ("shape", "weight", "options", "reason"),
    [
        ((1, 2, 40, 40), (2, 2, 9, 9), {}, "it sums over one channel, not over 2"),
        ((1, 1, 40, 40), (1, 1, 9, 9), {"stride": 2}, "it knows no steps but 1"),
        ((1, 1, 40, 40), (1, 1, 9, 9), {"dilation": 2}, "it knows no steps but 1"),
        ((1, 1, 40, 40), (1, 1, 9, 9), {"activation": "relu"}, "it applies no activation"),
        ((1, 1, 9, 40, 40), (1, 1, 2, 9, 9), {}, "it transforms two axes at most"),
        ((1, 1, 2000), (1, 1, 1025), {}, "kernels of up to 1024 elements"),
        ((1, 1, 40, 40), (1, 1, 9, 9), {"dtype": "int32"}, "it transforms floats"),
    ],
)
def test_it_says_why_it_declines(shape: Any, weight: Any, options: dict[str, Any], reason: str) -> None:
    kind = options.pop("dtype", "float32")
    with pytest.raises(ValueError, match=reason):
        conv(np.ones(shape, kind), np.ones(weight, kind), **options)


def chosen(function: Any, *arguments: Any, **options: Any) -> str:
    with recording() as calls:
        function(*arguments, **options)
    return calls[-1][1].algorithm


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="Python takes too long")
def test_large_kernels_are_transformed() -> None:
    x = normal((300, 300))
    for taps, name in ((3, "depthwise"), (7, "depthwise"), (31, "fourier"), (63, "fourier")):
        w = normal((taps, taps), 1)
        assert chosen(fc.conv2d, x[None], w[None, None], padding="same") == name
        assert chosen(fc.ndimage.correlate, x, w, mode="nearest") == name
        assert chosen(fc.signal.convolve2d, x, w, "same", "symm") == name
        assert chosen(fc.signal.convolve, x, w, "same", "direct") == "depthwise"
    assert chosen(fc.conv2d, normal((1, 20, 20)), normal((1, 1, 9, 9))) != "fourier"


def test_the_number_of_threads_changes_no_choice() -> None:
    x, w = normal((1, 200, 200)), normal((1, 1, 15, 15), 1)
    names = set()
    for threads in (1, 2):
        with fc.threads(threads):
            names.add(chosen(fc.conv2d, x, w))
    assert len(names) == 1


def test_filters_keep_their_bound_for_large_kernels() -> None:
    """As `ndimage.correlate` says; whole numbers are exact."""
    x, w = normal((120, 130)) + 1000, normal((31, 31), 1)
    wanted = reference.correlate(x.astype(float), w.astype(float), (0, 0), "reflect")
    found = fc.ndimage.correlate(x, w)
    assert np.abs(found - wanted).max() <= 1e-6 * np.abs(x).max() * np.abs(w).sum()
