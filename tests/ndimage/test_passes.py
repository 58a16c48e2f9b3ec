"""Images that are filtered in passes, down rows and along them: whole tiles and tasks, however rows are cut."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastconv import ndimage
from fastconv.ndimage import arguments, calls, correlation, extrema
from fastconv.ndimage import box as boxes
from fastconv.ops import lines, taps
from fastconv.ops.arguments import form
from fastconv.plan import box, extremes, reach, whole_lines
from fastconv.plan import lines as planned_lines
from fastconv.reference import ndimage as reference
from properties.strategies import LAYOUTS, examples, integers, seeds
from sharing import share_out

MODES = sorted(reference.MODES)
MEMORIES: tuple[Any, ...] = (
    planned_lines.plan_lines, box.plan_box, whole_lines.plan_whole_lines, extremes.plan_extremes,
    extrema._box, boxes._box, boxes._line, correlation._line,
)  # fmt: skip
SMALL = (
    (planned_lines, (("LONGEST_ROW", 30), ("BLOCK", 50))),
    (whole_lines, (("LONGEST_ROW", 30), ("BLOCK", 50))),
    (extremes, (("LONGEST_ROW", 120), ("MOST_ROWS", 5))),
    (box, (("LONGEST_ROW", 30), ("TOGETHER", 400), ("ROWS_EACH", 0), ("LEAST_ROWS", 3))),
)


@pytest.fixture(params=["whole", "small tasks"])
def _tasks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Plans afresh, in one of two sizes of tasks."""
    for module, values in SMALL if request.param == "small tasks" else ():
        for name, value in values:
            monkeypatch.setattr(module, name, value)
    for memory in MEMORIES:
        memory.cache_clear()
    yield
    for memory in MEMORIES:
        memory.cache_clear()


@st.composite
def images(draw: st.DrawFn) -> tuple[tuple[int, ...], int]:
    """An array's size, the last axis of few elements, and the longest window."""
    size = draw(st.tuples(st.integers(1, 3), st.integers(1, 20), st.integers(1, 70), st.integers(1, 3)))
    return size[draw(st.integers(0, 2)) : draw(st.integers(3, 4))], draw(st.sampled_from([3, 9, 40]))


@pytest.mark.usefixtures("_tasks")
@examples(60)
@given(data=st.data(), image=images(), mode=st.sampled_from(MODES), cval=st.sampled_from([0, 3]), seed=seeds)
def test_lines(data: st.DataObject, image: Any, mode: str, cval: int, seed: int) -> None:
    """One axis after the other, in any order, as the definition of each."""
    size, most = image
    x = integers(size, data.draw(st.sampled_from(["float32", "float64", "uint8"])), seed)
    axes = data.draw(st.permutations(range(x.ndim)))
    some, expected = [], x.astype(np.float64)
    for axis in axes[: data.draw(st.integers(1, x.ndim))]:
        w = integers((data.draw(st.integers(1, most)),), seed=seed + axis)
        before = data.draw(st.integers(0, w.size - 1))
        some.append(lines.Line(axis, w, reach.Reach(before, w.size - 1 - before, reference.MODES[mode])))
        window = w.reshape([-1 if i == axis else 1 for i in range(x.ndim)])
        origin = [before - w.size // 2 if i == axis else 0 for i in range(x.ndim)]
        expected = reference.correlate(expected, window, origin, mode, cval)
    given = LAYOUTS[data.draw(st.sampled_from(sorted(LAYOUTS)))](x)
    found = lines.plan_line_filter(form(given), some, cval, np.dtype(np.float64))
    if found is not None:
        np.testing.assert_array_equal(found(given), expected)


@pytest.mark.usefixtures("_tasks")
@examples(40)
@given(data=st.data(), image=images(), mode=st.sampled_from(MODES), cval=st.sampled_from([0, 2.5]), seed=seeds)
def test_lines_of_bytes(data: st.DataObject, image: Any, mode: str, cval: float, seed: int) -> None:
    """One axis after the other, as each is summed with every product and sum rounded; many sums are whole numbers."""
    size, most = image
    x = np.random.default_rng(seed).integers(0, 256, size).astype(np.uint8)
    x[..., : size[-1] // 2] = 255
    dtype = np.dtype(data.draw(st.sampled_from(["uint8", "int8"])))
    some, expected = [], x
    for axis in data.draw(st.permutations(range(x.ndim)))[: data.draw(st.integers(1, x.ndim))]:
        w = np.random.default_rng(seed + axis).integers(-9, 10, data.draw(st.integers(1, most))) / 20
        w = data.draw(st.sampled_from([w, w + w[::-1]]))
        before = data.draw(st.integers(0, w.size - 1))
        some.append(lines.Line(axis, w, reach.Reach(before, w.size - 1 - before, reference.MODES[mode])))
        widths = [(before, w.size - 1 - before) if i == axis else (0, 0) for i in range(x.ndim)]
        window = w.reshape([-1 if i == axis else 1 for i in range(x.ndim)])
        extended = arguments.extended(expected, widths, reference.MODES[mode], cval)
        expected = taps.sums(extended, window, dtype, by_pairs=True)
    given = LAYOUTS[data.draw(st.sampled_from(sorted(LAYOUTS)))](x)
    found = lines.plan_whole_line_filter(form(given), some, cval, dtype)
    if found is not None:
        np.testing.assert_array_equal(found(given), expected, strict=True)


@pytest.mark.parametrize("axes", [(0, 1), (1, 0)])
def test_constants_are_not_filtered_by_the_line_before(axes: tuple[int, int]) -> None:
    x, w = integers((20, 30)), np.array([1.0, 2.0, 4.0])
    some = [lines.Line(axis, w, reach.Reach(1, 1, "zeros")) for axis in axes]
    expected = x
    for axis in axes:
        expected = reference.correlate(expected, w.reshape(-1, 1) if axis == 0 else w[None], (0, 0), "constant", 3)
    found = lines.plan_line_filter(form(x), some, 3, np.dtype(np.float64))
    assert found is not None
    np.testing.assert_array_equal(found(x), expected)


@pytest.mark.usefixtures("_tasks")
@pytest.mark.parametrize("mode", ["wrap", "reflect"])
def test_what_stands_behind_a_row_is_in_its_last_part(mode: str) -> None:
    """Or the row is not cut."""
    x, w = integers((20, 50)), integers((28,))
    expected = reference.correlate(x, w[None], (0, -14), mode)
    np.testing.assert_array_equal(ndimage.correlate1d(x, w, 1, mode=mode, origin=-14), expected)
    line = (1, 28)
    expected = reference.uniform(x, line, (0, -14), mode)
    np.testing.assert_allclose(ndimage.uniform_filter(x, line, mode=mode, origin=(0, -14)), expected, 1e-9, 1e-9)


@pytest.mark.usefixtures("_tasks")
@examples(40)
@given(data=st.data(), image=images(), mode=st.sampled_from(MODES), least=st.booleans(), seed=seeds)
def test_extremes(data: st.DataObject, image: Any, mode: str, least: bool, seed: int) -> None:
    """Windows shorter and longer than an axis, NaNs among floats, and a constant that may be no number of the type."""
    size, most = image
    x = np.random.default_rng(seed).integers(0, 256, size)  # few of which are the same
    x = x.astype(data.draw(st.sampled_from(["float32", "uint8", "int64"])))
    if x.dtype.kind == "f":
        x[np.random.default_rng(seed).random(size) < 0.01] = np.nan
    window = tuple(data.draw(st.integers(1, most)) for _ in size)
    origin = tuple(data.draw(st.integers(-(k // 2), (k - 1) // 2)) for k in window)
    cval = data.draw(st.sampled_from([0, 3, 2.5]))
    given = LAYOUTS[data.draw(st.sampled_from(sorted(LAYOUTS)))](x)
    found = (ndimage.minimum_filter if least else ndimage.maximum_filter)(given, window, None, None, mode, cval, origin)
    wide = x if x.dtype.kind == "f" else x.astype(np.float64)
    expected = reference.extremes(wide, np.ones(window, bool), origin, mode, cval, least)
    np.testing.assert_array_equal(found, expected.astype(x.dtype), strict=True)


@pytest.mark.usefixtures("_tasks")
@examples(60)
@given(data=st.data(), image=images(), mode=st.sampled_from(MODES), cval=st.sampled_from([0, 3]), seed=seeds)
def test_boxes(data: st.DataObject, image: Any, mode: str, cval: int, seed: int) -> None:
    size, most = image
    taps = data.draw(st.tuples(*[st.integers(1, most * data.draw(st.sampled_from([1, 3])))] * len(size)))
    origin = [data.draw(st.integers(-(k // 2), (k - 1) // 2)) for k in taps]
    x = integers(size, data.draw(st.sampled_from(["float32", "float64", "uint8", "int16"])), seed)
    given = LAYOUTS[data.draw(st.sampled_from(sorted(LAYOUTS)))](x)
    found = ndimage.uniform_filter(given, taps, None, mode, cval, origin)
    assert found.dtype == x.dtype
    expected = x.astype(np.float64)
    for axis, (k, shift) in enumerate(zip(taps, origin, strict=True)):
        line, here = ([value if i == axis else other for i in range(x.ndim)] for value, other in ((k, 1), (shift, 0)))
        expected = reference.uniform(expected, tuple(line), tuple(here), mode, cval)
        if x.dtype.kind != "f":
            expected = np.trunc(expected + np.copysign(1e-9, expected))
    np.testing.assert_allclose(found, expected, 0, 0 if x.dtype.kind != "f" else 4e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30])
def test_what_sums_keep_of_an_element_that_has_gone(dtype: str, value: float) -> None:
    """Nothing of one that is infinite or none; of a large one its rounding in float64."""
    x = integers((90, 40), dtype).astype(dtype)
    plain = ndimage.uniform_filter(x, 21)
    x[30, 20] = value
    found = ndimage.uniform_filter(x, 21)
    far = np.ones(x.shape, bool)
    far[20:41, 10:31] = False
    assert value == 1e30 or not np.isfinite(found[~far]).any()
    np.testing.assert_allclose(found[far], plain[far], 0, 1e-6 if value != 1e30 else 1e30 * 1e-14)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_means_of_equal_numbers_are_that_number(dtype: str) -> None:
    for value in (0.1, 7.0, 1 / 3):
        x = np.full((70, 80), value, dtype)
        for size in (3, 7, 31, 49):
            exact = value == 7 or (size > 16 and dtype == "float32")
            np.testing.assert_allclose(ndimage.uniform_filter(x, size), x, 0 if exact else 8 * np.finfo(dtype).eps)


def test_any_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(0).standard_normal((300, 200)).astype(np.float32)
    calls_of = (lambda: ndimage.uniform_filter(x, 9), lambda: ndimage.gaussian_filter(x, 2))
    expected = [call() for call in calls_of]
    for helpers in (0, 1, 3):
        with monkeypatch.context() as patch:
            share_out(patch, helpers)
            for call, wanted in zip(calls_of, expected, strict=True):
                np.testing.assert_array_equal(call(), wanted)


def test_weights_are_remembered_by_their_values() -> None:
    """Not by their array; many are not remembered."""
    x, w = integers((30, 40)), integers((5,))
    first = ndimage.correlate1d(x, w)
    w[:] *= 2
    np.testing.assert_array_equal(ndimage.correlate1d(x, w), 2 * first)
    w = integers((calls.MOST_BYTES // 8 + 1,))
    first = ndimage.correlate1d(x, w)
    w[:] *= 2
    np.testing.assert_array_equal(ndimage.correlate1d(x, w), 2 * first)
