"""The integers of the geometry against windows that are laid out and counted one by one."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastconv as fc
from fastconv.geometry import Axis, Geometry, named_padding, named_transposed_padding, source_index
from properties.strategies import PADDING_MODES, Case, PoolCase, conv_transpose_cases, examples, pool_cases

NUMPY_MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap", "symmetric": "symmetric"}


@st.composite
def axes(draw: st.DrawFn) -> Axis:
    """Any axis that has a window, with padding or crops before the input and behind it."""
    kernel, dilation, stretch = draw(st.integers(1, 6)), draw(st.integers(1, 4)), draw(st.integers(1, 4))
    extent = dilation * (kernel - 1) + 1
    before, after = draw(st.integers(-2, extent + 2)), draw(st.integers(-2, extent + 2))
    fewest = max(1, -(-(extent - before - after - 1) // stretch) + 1)
    size = draw(st.integers(fewest, fewest + 12))
    return Axis(size, kernel, draw(st.integers(1, 5)), dilation, before, after, stretch)


@st.composite
def ceil_axes(draw: st.DrawFn) -> Axis:
    """Axes of poolings in ceil mode."""
    axis = replace(draw(axes()), stretch=1, ceil_mode=True)
    fewest = max(axis.extent, axis.dilation)
    pads = st.integers(0, axis.extent - 1)
    return replace(axis, size=draw(st.integers(fewest, fewest + 12)), before=draw(pads), after=draw(pads))


def tape(axis: Axis) -> list[int | None]:
    """The stretched and padded input, written out: the number of each element, None for a zero."""
    stretched: list[int | None] = []
    for element in range(axis.size):
        stretched += [None] * (axis.stretch - 1) * (element > 0) + [element]
    positions = range(-axis.before, len(stretched) + axis.after)
    return [stretched[position] if 0 <= position < len(stretched) else None for position in positions]


def window_starts(axis: Axis) -> Iterator[int]:
    """Places on the tape where windows begin."""
    length, start = len(tape(axis)), 0
    while start + axis.extent <= length:
        yield start
        start += axis.stride
    something_left = start - axis.stride + axis.extent < length
    if axis.ceil_mode and something_left and start < axis.before + axis.size:
        yield start


@examples(300)
@given(axes() | ceil_axes())
def test_windows_are_counted(axis: Axis) -> None:
    assert axis.padded == len(tape(axis))
    assert axis.output == len(list(window_starts(axis)))


@examples(100)
@given(axes())
def test_remainder_is_what_no_window_reaches(axis: Axis) -> None:
    *_, last = window_starts(axis)
    assert axis.remainder == len(tape(axis)) - (last + axis.extent)


@examples(200)
@given(axes() | ceil_axes())
def test_window_sizes_count_taps(axis: Axis) -> None:
    axis = replace(axis, stretch=1, before=max(0, axis.before), after=max(0, axis.after))
    elements = tape(axis)
    seen = [
        [start + tap * axis.dilation for tap in range(axis.kernel) if start + tap * axis.dilation < len(elements)]
        for start in window_starts(axis)
    ]
    on_input = [sum(elements[position] is not None for position in window) for window in seen]
    assert list(axis.window_sizes(count_padding=True)) == list(map(len, seen))
    assert list(axis.window_sizes(count_padding=False)) == on_input


@examples(200)
@given(axes())
def test_transposed_axis_meets_the_same_pairs(axis: Axis) -> None:
    """Transposing exchanges inputs and outputs, so it keeps the set of (input, output) that meet, and undoes itself."""

    def pairs(axis: Axis) -> set[tuple[int, int]]:
        elements = tape(axis)
        return {
            (element, output)
            for output, start in enumerate(window_starts(axis))
            for element in elements[start : start + axis.extent : axis.dilation]
            if element is not None
        }

    there = axis.transpose()
    assert (there.size, there.output) == (axis.output, axis.size)
    assert pairs(there) == {(output, element) for element, output in pairs(axis)}
    assert pairs(there.transpose()) == pairs(axis)


@examples(100)
@given(st.integers(1, 6), st.integers(1, 6), st.integers(1, 5), st.integers(0, 6), st.integers(0, 5))
def test_relationships_of_the_guide(i: int, k: int, s: int, p: int, a: int) -> None:
    """The fifteen, each by its own formula; i' of a transposed convolution is the output of the convolution."""
    i += k  # each kernel fits
    size, back = fc.conv_output_size, fc.conv_transpose_output_size
    assert size(i, k) == (i - k) + 1  # 1
    assert size(i, k, padding=p) == (i - k) + 2 * p + 1  # 2
    assert size(i, 2 * k + 1, padding="same") == size(i, 2 * k + 1, padding=k) == i  # 3
    assert size(i, k, padding="full") == size(i, k, padding=k - 1) == i + (k - 1)  # 4
    assert size(i, k, s) == (i - k) // s + 1  # 5
    assert size(i, k, s, p) == (i + 2 * p - k) // s + 1  # 6
    assert fc.pool_output_size(i, k, s) == (i - k) // s + 1  # 7
    crop = min(p, k - 1)
    assert back(i, k) == i + (k - 1)  # 8
    assert back(i, k, padding=crop) == i + (k - 1) - 2 * crop  # 9
    assert back(i, 2 * k + 1, padding="same") == back(i, 2 * k + 1, padding=k) == i  # 10
    assert back(i, k, padding="full") == back(i, k, padding=k - 1) == i - (k - 1)  # 11
    fits = s * i + k
    assert back(size(fits, k, s), k, s) == s * (size(fits, k, s) - 1) + k == fits  # 12
    fits -= 2 * crop
    assert back(size(fits, k, s, crop), k, s, crop) == s * (size(fits, k, s, crop) - 1) + k - 2 * crop == fits  # 13
    any_size = fits + a % s
    assert back(size(any_size, k, s, crop), k, s, crop, output_padding=a % s) == any_size  # 14
    d = a + 1
    far = i + (k - 1) * (d - 1)
    assert size(far, k, s, p, d) == (far + 2 * p - k - (k - 1) * (d - 1)) // s + 1  # 15


@examples(150)
@given(st.integers(1, 30), st.integers(1, 12), st.integers(1, 8))
def test_named_paddings(size: int, extent: int, stride: int) -> None:
    """The least that gives ceil(size / stride) outputs is "same"; every window that meets the input is "full"."""
    wanted = -(-size // stride)
    before, after = named_padding("same", size, extent, stride)
    assert named_padding("same_lower", size, extent, stride) == (after, before)
    assert 0 <= after - before <= 1
    assert Axis(size, extent, stride, before=before, after=after).output == wanted
    if before + after:
        assert Axis(size, extent, stride, before=before, after=after - 1).output < wanted
    assert named_padding("valid", size, extent, stride) == (0, 0)
    before, after = named_padding("full", size, extent, stride)
    meets = [start for start in range(-extent - stride, size + 1) if -extent < start < size]
    assert (-before, size + after) == (meets[0], meets[-1] + extent)


@examples(150)
@given(st.integers(1, 30), st.integers(1, 12), st.integers(1, 8))
def test_named_paddings_of_transposed_convolutions(size: int, kernel: int, stride: int) -> None:
    """They are those of a convolution from size * stride elements, where that one has any use for its padding."""
    for name in ("same", "same_lower"):
        assert fc.conv_transpose_output_size(size, kernel, stride, name) == size * stride
        if kernel >= stride:
            assert named_transposed_padding(name, kernel, stride) == named_padding(name, size * stride, kernel, stride)


@pytest.mark.parametrize("mode", PADDING_MODES)
@examples(60)
@given(size=st.integers(1, 9), before=st.integers(0, 40), after=st.integers(0, 40))
def test_source_index_is_np_pads(mode: str, size: int, before: int, after: int) -> None:
    options = {"constant_values": -1} if mode == "zeros" else {}
    expected = np.pad(np.arange(size), (before, after), NUMPY_MODES.get(mode, "constant"), **options)
    assert [source_index(i, size, mode) for i in range(-before, size + after)] == expected.tolist()


@examples(60)
@given(conv_transpose_cases())
def test_transposed_sizes_count_scattered_taps(case: Case) -> None:
    o = case.options
    sizes = fc.conv_transpose_output_size(
        case.input_shape[2:], case.weight_shape[2:], o["stride"], o["padding"], o["output_padding"], o["dilation"]
    )
    for n, i, k, s, d, pads, a in zip(
        sizes, case.input_shape[2:], case.weight_shape[2:], o["stride"], o["dilation"], o["padding"],
        o["output_padding"], strict=True,
    ):  # fmt: skip
        reached = {s * x + d * tap for x in range(i) for tap in range(k)}
        assert n == len(range(min(reached), max(reached) + 1)) + a - sum(pads)


@examples(60)
@given(pool_cases(), st.booleans())
def test_pool_sizes_count_windows(case: PoolCase, ceil_mode: bool) -> None:
    options: dict[str, Any] = {"ceil_mode": ceil_mode, "dilation": case.dilation}
    sizes = fc.pool_output_size(case.input_shape[2:], case.kernel_size, case.stride, case.padding, **options)
    axes = [
        Axis(*axis, *pads, ceil_mode=ceil_mode)
        for *axis, pads in zip(
            case.input_shape[2:], case.kernel_size, case.stride, case.dilation, case.padding, strict=True
        )
    ]
    assert sizes == tuple(len(list(window_starts(axis))) for axis in axes)


def test_geometry_puts_its_axes_together() -> None:
    geometry = Geometry(2, 6, 8, 2, (Axis(9, 3, 2, 1, 1, 1), Axis(7, 2)))
    assert geometry.input_shape == (2, 6, 9, 7)
    assert geometry.output_shape == (2, 8, 5, 6)
    assert geometry.kernel_size == (3, 2)
    assert geometry.depth == 3 * 6
    assert geometry.products == 2 * 8 * 5 * 6 * 3 * 6
    assert geometry.transpose().input_shape == (2, 8, 5, 6)
    assert geometry.transpose().output_shape == (2, 6, 9, 7)
    assert geometry.lift().input_shape == (2, 6, 1, 9, 7)
    assert geometry.lift().output_shape == (2, 8, 1, 5, 6)
