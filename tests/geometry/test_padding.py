"""Named paddings, and what stands outside the input."""

import numpy as np
import pytest

from fastconv.geometry import PADDING_MODES, Axis, named_padding, named_transposed_padding, source_index

NUMPY_MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap", "symmetric": "symmetric"}


@pytest.mark.parametrize("mode", sorted(NUMPY_MODES))
@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_source_index_is_numpy_pad(mode: str, size: int) -> None:
    expected = np.pad(np.arange(size), 11, mode=NUMPY_MODES[mode])
    assert [source_index(i, size, mode) for i in range(-11, size + 11)] == expected.tolist()


def test_zeros_have_no_source() -> None:
    assert [source_index(i, 2, "zeros") for i in range(-2, 4)] == [-1, -1, 0, 1, -1, -1]


def test_every_mode_is_covered() -> None:
    assert set(PADDING_MODES) == {"zeros", *NUMPY_MODES}


@pytest.mark.parametrize("name", ["same", "same_lower"])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("kernel", [1, 2, 3, 4])
@pytest.mark.parametrize("dilation", [1, 2])
def test_same_gives_size_over_stride(name: str, stride: int, kernel: int, dilation: int) -> None:
    for size in range(1, 9):
        extent = dilation * (kernel - 1) + 1
        before, after = named_padding(name, size, extent, stride)
        assert Axis(size, kernel, stride, dilation, before, after).output == -(-size // stride)
        assert abs(before - after) <= 1
        assert before <= after if name == "same" else before >= after


def test_full_and_valid() -> None:
    assert named_padding("full", 5, 3, 1) == (2, 2)
    assert named_padding("valid", 5, 3, 2) == (0, 0)
    assert named_transposed_padding("full", 3, 2) == (2, 2)
    assert named_transposed_padding("valid", 3, 2) == (0, 0)


@pytest.mark.parametrize("name", ["same", "same_lower"])
def test_transposed_same_is_the_padding_of_the_convolution_it_transposes(name: str) -> None:
    for size, extent, stride in [(4, 3, 1), (4, 4, 1), (3, 4, 2), (3, 5, 2), (4, 7, 3)]:
        assert named_transposed_padding(name, extent, stride) == named_padding(name, size * stride, extent, stride)
