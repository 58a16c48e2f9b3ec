"""The fifteen relationships, the guide's figures, and what the guide leaves out."""

from itertools import product

import pytest

from fastconv.geometry import Axis

SIZES, KERNELS, STRIDES, PADS = range(1, 9), range(1, 5), range(1, 4), range(4)

#: The guide's figures: name, input, output, padding, kernel, stride, dilation.
FIGURES = [
    ("no_padding_no_strides", 4, 2, 0, 3, 1, 1),
    ("arbitrary_padding_no_strides", 5, 6, 2, 4, 1, 1),
    ("same_padding_no_strides", 5, 5, 1, 3, 1, 1),
    ("full_padding_no_strides", 5, 7, 2, 3, 1, 1),
    ("no_padding_strides", 5, 2, 0, 3, 2, 1),
    ("padding_strides", 5, 3, 1, 3, 2, 1),
    ("padding_strides_odd", 6, 3, 1, 3, 2, 1),
    ("dilation", 7, 3, 0, 3, 1, 2),
    ("numerical_no_padding_no_strides", 5, 3, 0, 3, 1, 1),
    ("numerical_padding_strides", 5, 3, 1, 3, 2, 1),
    ("numerical_average_pooling", 5, 3, 0, 3, 1, 1),
    ("numerical_max_pooling", 5, 3, 0, 3, 1, 1),
]
TRANSPOSED_FIGURES = FIGURES[:7]


def relationships(i: int, k: int, s: int, p: int, d: int) -> dict[int, int]:
    """Output sizes by the guide's relationships on convolutions, as far as they apply to the arguments."""
    found = {15: (i + 2 * p - k - (k - 1) * (d - 1)) // s + 1}
    if d == 1:
        found[6] = (i + 2 * p - k) // s + 1
        if p == 0:
            found |= {5: (i - k) // s + 1, 7: (i - k) // s + 1}
        if s == 1:
            found[2] = (i - k) + 2 * p + 1
            if p == 0:
                found[1] = (i - k) + 1
            if k % 2 == 1 and p == k // 2:
                found[3] = i
            if p == k - 1:
                found[4] = i + (k - 1)
    return found


def transposed_relationships(i: int, k: int, s: int, p: int) -> dict[int, int]:
    """Sizes of the transposed convolution of one that gives i' from i, as functions of i' alone (and a)."""
    o = (i + 2 * p - k) // s + 1
    a = (i + 2 * p - k) % s
    found = {14: s * (o - 1) + a + k - 2 * p}
    if a == 0:
        found[13] = s * (o - 1) + k - 2 * p
        if p == 0:
            found[12] = s * (o - 1) + k
    if s == 1:
        found[9] = o + (k - 1) - 2 * p
        if p == 0:
            found[8] = o + (k - 1)
        if k % 2 == 1 and p == k // 2:
            found[10] = o
        if p == k - 1:
            found[11] = o - (k - 1)
    return found


def fitting() -> list[tuple[int, int, int, int]]:
    return [c for c in product(SIZES, KERNELS, STRIDES, PADS) if c[0] + 2 * c[3] >= c[1]]


def test_relationships_of_convolutions() -> None:
    seen = set()
    for (i, k, s, p), d in product(fitting(), (1, 2, 3)):
        axis = Axis(i, k, s, d, p, p)
        if axis.padded < axis.extent:
            continue
        for number, size in relationships(i, k, s, p, d).items():
            assert axis.output == size, (number, axis)
            seen.add(number)
    assert seen == {1, 2, 3, 4, 5, 6, 7, 15}


def test_relationships_of_transposed_convolutions() -> None:
    seen = set()
    for i, k, s, p in fitting():
        axis = Axis(i, k, s, 1, p, p).transpose()
        for number, size in transposed_relationships(i, k, s, p).items():
            assert axis.output == size == i, (number, axis)
            seen.add(number)
    assert seen == {8, 9, 10, 11, 12, 13, 14}


@pytest.mark.parametrize(("name", "i", "o", "p", "k", "s", "d"), FIGURES)
def test_figures(name: str, i: int, o: int, p: int, k: int, s: int, d: int) -> None:
    assert Axis(i, k, s, d, p, p).output == o


@pytest.mark.parametrize(("name", "i", "o", "p", "k", "s", "d"), TRANSPOSED_FIGURES)
def test_transposed_figures(name: str, i: int, o: int, p: int, k: int, s: int, d: int) -> None:
    axis = Axis(i, k, s, d, p, p).transpose()
    assert (axis.size, axis.output) == (o, i)
    assert axis.remainder == 0


def test_the_odd_figure_has_one_position_left_over() -> None:
    assert Axis(6, 3, 2, 1, 1, 1).remainder == 1


def windows(axis: Axis) -> list[list[int]]:
    """Stretched input positions of every window that fits, found by walking."""
    found, start = [], -axis.before
    while start + axis.dilation * (axis.kernel - 1) < axis.stretch * (axis.size - 1) + 1 + axis.after:
        found.append([start + k * axis.dilation for k in range(axis.kernel)])
        start += axis.stride
    return found


def test_output_counts_windows() -> None:
    for i, k, s, d, before, after, t in product((1, 2, 5), (1, 2, 3), (1, 2, 3), (1, 2), (0, 1, 2), (0, 3), (1, 2)):
        axis = Axis(i, k, s, d, before, after, t)
        assert max(axis.output, 0) == len(windows(axis)), axis


def test_transposing_twice_gives_the_same_map() -> None:
    for i, k, s, d, before, after in product(range(1, 7), (1, 2, 3), (1, 2, 3), (1, 2), (0, 1, 2), (0, 1)):
        axis = Axis(i, k, s, d, before, after)
        if axis.output < 1:
            continue
        back = axis.transpose().transpose()
        assert (back.size, back.output, back.stride, back.stretch) == (i, axis.output, s, 1)
        assert windows(back) == windows(axis)


def test_transposed_window_meets_exactly_the_outputs_that_read_it() -> None:
    axis = Axis(7, 3, 2, 2, 1, 2)
    reads = {(o, position, k) for o, window in enumerate(windows(axis)) for k, position in enumerate(window)}
    back = axis.transpose()
    written = {
        (position // back.stretch, i, axis.kernel - 1 - k)
        for i, window in enumerate(windows(back))
        for k, position in enumerate(window)
        if position % back.stretch == 0 and 0 <= position // back.stretch < back.size
    }
    assert written == {(o, position, k) for o, position, k in reads if 0 <= position < axis.size}


@pytest.mark.parametrize(
    ("axis", "output"),
    [
        (Axis(5, 2, 2, ceil_mode=True), 3),
        (Axis(6, 2, 2, ceil_mode=True), 3),
        (Axis(2, 1, 3, ceil_mode=True), 1),  # the second window would begin behind the input
        (Axis(5, 3, 3, before=1, after=1, ceil_mode=True), 2),
        (Axis(6, 3, 3, before=0, after=2, ceil_mode=True), 2),  # it would begin in the padding after
        (Axis(2, 3, 2, ceil_mode=True), 1),
    ],
)
def test_ceil_mode(axis: Axis, output: int) -> None:
    assert axis.output == output


@pytest.mark.parametrize("count_padding", [False, True])
def test_window_sizes_count_taps(count_padding: bool) -> None:
    for i, k, s, d, before, after, ceil in product((3, 6), (1, 2, 3), (1, 2), (1, 2), (0, 1), (0, 2), (False, True)):
        axis = Axis(i, k, s, d, before, after, ceil_mode=ceil)
        low, high = (-before, i + after) if count_padding else (0, i)
        taps = [[o * s - before + t * d for t in range(k)] for o in range(axis.output)]
        expected = tuple(sum(low <= position < high for position in window) for window in taps)
        assert axis.window_sizes(count_padding=count_padding) == expected, axis
