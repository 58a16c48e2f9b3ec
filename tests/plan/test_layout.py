"""When an array is channels-last, and arrays that are."""

import numpy as np
import pytest
from numpy.typing import NDArray

from fastconv.plan.layout import (
    empty_last,
    is_channels_last,
    overlaps_itself,
    settled,
    strides_first,
    strides_last,
)

IMAGE = np.zeros((5, 7, 4), np.float32)  # (H, W, C)
VOLUMES = np.zeros((2, 3, 5, 7, 4), np.int8)

LAST = {
    "image": IMAGE.transpose(2, 0, 1),
    "image in a batch": IMAGE.transpose(2, 0, 1)[None],
    "first three of four channels": IMAGE[..., :3].transpose(2, 0, 1),
    "part of an image": IMAGE[1:4, 2:6].transpose(2, 0, 1),
    "every second pixel": IMAGE[::2, ::2].transpose(2, 0, 1),
    "upside down, blue first": IMAGE[::-1, :, ::-1].transpose(2, 0, 1),
    "one row": IMAGE[:1].transpose(2, 0, 1),
    "one column": IMAGE[:, :1].transpose(2, 0, 1),
    "images broadcast": np.broadcast_to(IMAGE.transpose(2, 0, 1), (3, 4, 5, 7)),
    "batch inside": np.zeros((5, 7, 2, 4)).transpose(2, 3, 0, 1),
}
FIRST = {
    "contiguous": np.zeros((2, 4, 5, 7)),
    "one channel": IMAGE[..., :1].transpose(2, 0, 1),
    "one pixel": IMAGE[:1, :1].transpose(2, 0, 1),
    "every second channel": IMAGE[..., ::2].transpose(2, 0, 1),
    "columns of rows": IMAGE.transpose(2, 1, 0),
    "channels between rows and columns": IMAGE.transpose(1, 0, 2),
    "rows broadcast": np.broadcast_to(IMAGE[:1], IMAGE.shape).transpose(2, 0, 1),
    "channels broadcast": np.broadcast_to(np.zeros((5, 7, 1)), (5, 7, 4)).transpose(2, 0, 1),
    "fortran": np.zeros((2, 4, 5, 7), order="F"),
}


def found(x: NDArray, rank: int = 2) -> bool:
    return is_channels_last(x.shape, x.strides, x.itemsize, rank)


@pytest.mark.parametrize("name", LAST)
def test_channels_last(name: str) -> None:
    assert found(LAST[name])


@pytest.mark.parametrize("name", FIRST)
def test_channels_first(name: str) -> None:
    assert not found(FIRST[name])


def test_any_rank() -> None:
    assert found(np.zeros((2, 9, 4)).transpose(0, 2, 1), 1)
    assert not found(np.zeros((2, 9, 4)), 1)
    assert found(np.moveaxis(VOLUMES, -1, 1), 3)
    assert not found(np.moveaxis(VOLUMES, -1, 1)[..., ::-1, :].swapaxes(-1, -2), 3)


@pytest.mark.parametrize("shape", [(2, 3, 5, 7), (3, 5, 7), (1, 3, 1, 2)])
def test_made_channels_last(shape: tuple[int, ...]) -> None:
    x = empty_last(shape, np.dtype(np.float32), 2)
    assert x.shape == shape
    assert found(x)
    assert x.strides == strides_last(shape, 4, 2)


def test_one_spelling_for_strides_that_mean_the_same() -> None:
    assert strides_first((2, 3, 5), 8) == np.zeros((2, 3, 5)).strides
    assert settled((1, 3, 5), (999, 40, 8), 8) == ()
    assert settled((1, 3, 5), (999, 48, 8), 8) == (0, 48, 8)


def test_overlap() -> None:
    for x in (*LAST.values(), *FIRST.values()):
        broadcast = any(stride == 0 and n > 1 for n, stride in zip(x.shape, x.strides, strict=True))
        assert overlaps_itself(x.shape, x.strides, x.itemsize) == broadcast
    windows = np.lib.stride_tricks.sliding_window_view(np.zeros(9), 3)
    assert overlaps_itself(windows.shape, windows.strides, 8)
