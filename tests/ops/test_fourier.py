"""Convolution by Fourier transforms: any part by any blocks, and the same bits for any number of threads."""

from itertools import islice
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastconv.ops import fourier
from fastconv.plan.fourier import FourierAxis
from fastconv.plan.image_product import image_cuts, image_plan, plan_image_product
from fastconv.plan.strips import contiguous, strip_heads, strip_plan
from fastconv.reference import signal as reference
from properties.strategies import examples, integers, seeds
from sharing import share_out

BOUNDS = {"float32": 1e-6, "complex64": 1e-6, "float64": 1e-14, "complex128": 1e-14}


def error(y: np.ndarray, whole: np.ndarray, begin: Any, count: Any) -> float:
    """Of a part, as a share of the largest result."""
    part = whole[tuple(slice(first, first + n) for first, n in zip(begin, count, strict=True))]
    return float(np.abs(y - part).max() / max(1, np.abs(whole).max()))


@st.composite
def parts(draw: st.DrawFn, sizes: dict[int, int], taps: dict[int, int]) -> tuple[Any, Any, Any, Any]:
    """Shapes of an array and a kernel, and a part of their convolution."""
    rank = draw(st.sampled_from(sorted(sizes)))
    shape = draw(st.tuples(*[st.integers(1, sizes[rank])] * rank))
    kernel = draw(st.tuples(*[st.integers(1, taps[rank])] * rank))
    begin = tuple(draw(st.integers(0, n + k - 2)) for n, k in zip(shape, kernel, strict=True))
    count = tuple(draw(st.integers(1, n + k - 1 - first)) for n, k, first in zip(shape, kernel, begin, strict=True))
    return shape, kernel, begin, count


@examples(60)
@given(
    part=parts({1: 40, 2: 8, 3: 4, 4: 3}, {1: 9, 2: 5, 3: 3, 4: 2}), dtype=st.sampled_from(sorted(BOUNDS)), seed=seeds
)
def test_parts_by_numpy(part: Any, dtype: str, seed: int) -> None:
    shape, kernel, begin, count = part
    x, w = integers(shape, dtype, seed), integers(kernel, dtype, seed + 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fourier, "plan_strips", lambda *_: None)
        patch.setattr(fourier, "plan_image_product", lambda *_: None)
        patch.setattr(fourier, "CHUNK", 64)
        y = fourier.convolve(x, w, range(len(shape)), begin, count)
    assert y.dtype == dtype
    assert error(y, reference.convolve(x, w), begin, count) < BOUNDS[dtype]


@examples(60)
@given(
    part=parts({2: 70}, {2: 70}),
    longer=st.tuples(*[st.integers(0, 4)] * 2),
    dtype=st.sampled_from(["float32", "float64"]),
    seed=seeds,
)
def test_parts_by_whole_images(part: Any, longer: tuple[int, int], dtype: str, seed: int) -> None:
    """Transforms of the shortest length or of one that is longer, which are split by three, five, four and two."""
    shape, kernel, begin, count = part
    first, second = map(FourierAxis, shape, kernel, begin, count)
    axes = first, second
    chosen = [next(islice(image_cuts(axes[i], i, np.dtype(dtype)), longer[i], None)) for i in (0, 1)]
    x, w = integers(shape, dtype, seed), integers(kernel, dtype, seed + 1)
    y = np.full(count, np.nan, dtype)
    image_plan(axes, chosen, np.dtype(dtype)).run(x, w, y)
    full = [n + k - 1 for n, k in zip(shape, kernel, strict=True)]
    whole = np.fft.irfft2(np.fft.rfft2(x, full) * np.fft.rfft2(w, full), full)
    assert error(y, whole, begin, count) < BOUNDS[dtype]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_any_number_of_columns(dtype: str) -> None:
    """Pairs of vectors of which all, some or none of the second are wanted."""
    x, w = integers((4, 70), dtype), integers((2, 3), dtype, 1)
    whole = reference.convolve(x, w)
    for columns in range(1, 66):
        axes = FourierAxis(4, 2, 0, 5), FourierAxis(70, 3, 2, columns)
        plan, y = plan_image_product(axes, np.dtype(dtype)), np.full((5, columns), np.nan, dtype)
        assert plan is not None
        plan.run(x, w, y)
        assert error(y, whole, (0, 2), (5, columns)) < BOUNDS[dtype]


def test_images_that_are_too_large_are_left_to_others() -> None:
    axes = FourierAxis(10**5, 10**5, 0, 10), FourierAxis(10, 10, 0, 10)
    assert plan_image_product(axes, np.dtype(np.float32)) is None


@examples(60)
@given(
    part=parts({1: 400, 2: 30}, {1: 60, 2: 8}),
    images=st.integers(1, 3),
    dtype=st.sampled_from(["float32", "float64"]),
    seed=seeds,
    data=st.data(),
)
def test_parts_by_strips(part: Any, images: int, dtype: str, seed: int, data: st.DataObject) -> None:
    """Blocks of any size in which the part can be found."""
    shape, kernel, begin, count = part
    axes = tuple(map(FourierAxis, shape, kernel, begin, count))
    stand, sources = contiguous(axes, images)
    heads = [head for head in strip_heads(axes, stand, np.dtype(dtype)) if head.rows * head.columns <= 4096]
    head = data.draw(st.sampled_from(heads))
    plan = strip_plan(head, axes, stand, sources, np.dtype(dtype))
    x, w = integers((images, *shape), dtype, seed), integers(kernel, dtype, seed + 1)
    y = np.full((images, *count), np.nan, dtype)
    assert plan.run(x, w, y)
    full, along = [n + k - 1 for n, k in zip(shape, kernel, strict=True)], range(len(shape))
    for image, found in zip(x, y, strict=True):
        whole = np.fft.irfftn(np.fft.rfftn(image, full, along) * np.fft.rfftn(w, full, along), full, along)
        assert error(found, whole, begin, count) < BOUNDS[dtype]


@pytest.mark.parametrize(("dtype", "other"), [("float32", "image_product"), ("float32", "strips"), ("complex64", "")])
def test_the_same_bits_for_any_number_of_threads(dtype: str, other: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    if other:
        monkeypatch.setattr(fourier, f"plan_{other}", lambda *_: None)
    x, w = rng.standard_normal((90, 80)).astype(dtype), rng.standard_normal((9, 4)).astype(dtype)
    found = []
    for helpers in (0, 1, 3):
        share_out(monkeypatch, helpers)
        monkeypatch.setattr("fastconv.jit.crew.threads_for", lambda tasks, _, helpers=helpers: helpers + 1)
        monkeypatch.setattr("fastconv.jit.crew.TASK_NANOSECONDS", 1)
        monkeypatch.setattr(fourier, "CHUNK", 64)
        found.append(fourier.convolve(x, w, (0, 1), (0, 0), (98, 83)))
    assert found[0].tobytes() == found[1].tobytes() == found[2].tobytes()


@pytest.mark.parametrize("axes", [(0,), (1,), (2,), (0, 2), (1, 0), (0, 1, 2)])
def test_axes_in_any_order_of_a_view_that_cannot_be_written_to(axes: tuple[int, ...]) -> None:
    x = integers((5, 9, 7), "float64")[::-1, :, ::2].swapaxes(0, 1)
    x.flags.writeable = False
    w = integers(tuple(2 if axis in axes else 1 for axis in range(3)), "float64", 1)
    counts = [x.shape[axis] + 1 for axis in axes]
    y = fourier.convolve(x, w, axes, [0] * len(axes), counts)
    whole = reference.convolve(x, w)
    assert error(y, whole, (0, 0, 0), whole.shape) < 1e-14


def test_costs_grow_with_work() -> None:
    def cost(size: int, taps: int, dtype: Any = np.float32) -> float:
        return fourier.fourier_nanoseconds((size, size), (taps, taps), (0, 0), (size, size), np.dtype(dtype))

    assert cost(100, 9) < cost(1000, 9) < cost(1000, 300) < cost(3000, 300)
    assert cost(1000, 9) < cost(1000, 9, np.float64) < cost(1000, 9, np.complex128)
