"""Convolutions from panels, against loops that spell out the definition, exactly, in small whole numbers."""

from typing import Any

import numpy as np
import pytest

import fastconv as fc
from fastconv.jit.machine import machine_with
from fastconv.kernels.panel_table import ROWS
from fastconv.ops.calls import recording
from fastconv.plan.products import writes_far
from properties.strategies import integers


def same(x: np.ndarray, w: np.ndarray, transposed: bool = False, **options: Any) -> None:
    op = getattr(fc, f"conv{'_transpose' if transposed else ''}{x.ndim - 2}d")
    found = op(x, w, **{"algorithm": "panel", **options})
    np.testing.assert_array_equal(found, op(x, w, **{**options, "algorithm": "reference"}), strict=True)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("width", [ROWS // 2 - 1, ROWS, ROWS + 1, 2 * ROWS + 5])
@pytest.mark.parametrize("channels", [3, 90])
def test_rows_in_one_run_of_depths_and_in_two(channels: int, width: int, stride: int) -> None:
    """Rows that tiles fill and rows that they do not: between the runs no sum may get what belongs to another row."""
    x, w = integers((1, channels, 5, stride * width), "float32"), integers((35, channels, 3, 4), "float32", 1)
    same(x, w, stride=(1, stride), padding=((1, 1), (2, 1)), dilation=(2, 1))


@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular", "symmetric"])
def test_borders(mode: str) -> None:
    x, w = integers((2, 4, 6, 33), "float32"), integers((20, 2, 3, 5), "float32", 1)
    same(x, w, padding=((2, 1), (3, 4)), padding_mode=mode, groups=2, stride=(2, 1))


@pytest.mark.parametrize(("kernel", "stride"), [(2, 2), (4, 2), (3, 2), (1, 2), (5, 3)])
def test_phases_that_sum_the_same_numbers_and_others(kernel: int, stride: int) -> None:
    """Those of 2 by 2 kernels at stride 2 do, and share their panels; phases of 1 by 1 kernels may have no tap."""
    x, w = integers((2, 40, 9, 31), "float32"), integers((40, 17, kernel, kernel), "float32", 1)
    same(x, w, transposed=True, stride=stride)
    same(x, w, transposed=True, stride=stride, output_padding=stride - 1)


@pytest.mark.parametrize(("size", "kernel"), [((300,), (9,)), ((5, 6, 20), (3, 3, 3))])
def test_other_numbers_of_axes(size: tuple[int, ...], kernel: tuple[int, ...]) -> None:
    same(integers((2, 5, *size), "float32"), integers((33, 5, *kernel), "float32", 1), padding=1)


def test_result_does_not_depend_on_how_it_is_shared_out() -> None:
    """Few pixels and many channels are shared out in parts, and each thread copies its panels anew."""
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((1, 64, 14, 14), np.float32), rng.standard_normal((256, 64, 3, 3), np.float32)
    found = []
    for threads in (1, 2):
        with fc.threads(threads):
            found.append(fc.conv2d(x, w, stride=2, padding=1, algorithm="panel"))
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("algorithm", ["panel", "spread"])
@pytest.mark.parametrize("batch", [1, 10])
@pytest.mark.parametrize("order", ["as made", "mirrored", "taps last", "every second"])
def test_weights_packed_where_they_are_used_and_before(order: str, batch: int, algorithm: str) -> None:
    """Where few tasks use each weight, plain calls leave it to the kernel: with 40 channels of a group 2 row blocks."""
    x = integers((batch, 400, 4, 5), "float32")
    w = integers((80, 200, 3, 2), "float32", 1)
    w = {
        "as made": w,
        "mirrored": np.ascontiguousarray(w[::-1, :, ::-1])[::-1, :, ::-1],
        "taps last": np.ascontiguousarray(w.transpose(2, 3, 1, 0)).transpose(3, 2, 0, 1),
        "every second": np.repeat(w, 2, axis=1)[:, ::2],
    }[order]
    with recording() as calls:
        found = fc.conv2d(x, w, groups=2, algorithm=algorithm)
    assert calls[0][1].plan.packs == (batch == 1)
    np.testing.assert_array_equal(found, fc.Conv2d(w, groups=2, algorithm=algorithm)(x))
    np.testing.assert_array_equal(found, fc.conv2d(x, w, groups=2, algorithm="reference"))


@pytest.mark.parametrize("algorithm", ["panel", "spread", "tile"])
@pytest.mark.parametrize("order", ["as made", "mirrored", "rows backwards", "taps last", "every second"])
@pytest.mark.parametrize(("kernel", "stride"), [(4, 2), (3, 2), (5, 3), (2, 2), (8, 4)])
def test_weights_of_all_phases_packed(kernel: int, stride: int, order: str, algorithm: str) -> None:
    """With those of 64 output channels of a group, which fill row blocks, and with 30, the last of which do not."""
    x = integers((1, 38, 3, 4), "float32")
    for out_channels in (64, 30):
        w = integers((38, out_channels, kernel, kernel), "float32", 1)
        w = {
            "as made": w,
            "mirrored": np.ascontiguousarray(w[:, :, ::-1, ::-1])[:, :, ::-1, ::-1],
            "rows backwards": np.ascontiguousarray(w[:, ::-1])[:, ::-1],
            "taps last": np.ascontiguousarray(w.transpose(2, 3, 0, 1)).transpose(2, 3, 0, 1),
            "every second": np.repeat(w, 2, axis=1)[:, ::2],
        }[order]
        same(x, w, transposed=True, stride=stride, groups=2, algorithm=algorithm)


def test_kernels_of_too_many_taps_are_refused() -> None:
    x, w = integers((1, 2, 30, 30), "float32"), integers((3, 2, 28, 28), "float32", 1)
    with pytest.raises(ValueError, match="it adds up to 768 depths at once, which must hold all taps of a channel"):
        fc.conv2d(x, w, algorithm="panel")


@pytest.mark.parametrize("algorithm", ["panel", "spread"])
@pytest.mark.parametrize("stretch", [1, 2])
def test_results_whose_lines_are_fetched_before(stretch: int, algorithm: str) -> None:
    """As those larger than the second-level cache are, here than a very small one."""
    x, w = integers((2, 24, 9, 31), "float32"), integers((24, 40, 3, 3), "float32", 1)
    op: Any = fc.conv_transpose2d if stretch > 1 else fc.conv2d
    weight = w if stretch > 1 else w.swapaxes(0, 1)
    with machine_with(l2_bytes=2**12), recording() as calls:
        found = op(x, weight, stride=stretch, padding=1, algorithm=algorithm)
        assert writes_far(calls[0][0])
    np.testing.assert_array_equal(found, op(x, weight, stride=stretch, padding=1, algorithm="reference"))


def test_which_results_are_fetched_before() -> None:
    """Large ones, unless few products stand between one line and the next."""
    fetched = []
    for size, kernel in ((224, 7), (224, 3), (28, 7)):
        x, w = np.zeros((1, 3, size, size), np.float32), np.zeros((64, 3, kernel, kernel), np.float32)
        with machine_with(l2_bytes=2**20), recording() as calls:
            fc.conv2d(x, w, stride=2, padding=1, algorithm="panel")
            fetched.append(writes_far(calls[0][0]))
    assert fetched == [True, False, False]
