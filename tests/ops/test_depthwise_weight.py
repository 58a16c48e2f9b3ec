"""Weight gradients of depthwise convolutions: every shape and type that has tiles, against the reference."""

from typing import Any

import numpy as np
import pytest

import fastconv as fc
from fastconv import reference
from fastconv.jit.machine import machine
from fastconv.ops import weight_gradient as module
from nightly import nightly
from properties.strategies import LAYOUTS, forget_decisions, integers
from sharing import share_out

GRADIENTS = (fc.grad.conv1d_weight, fc.grad.conv2d_weight, fc.grad.conv3d_weight)

CONVS = (fc.conv1d, fc.conv2d, fc.conv3d)

#: Input size, kernel, options: rows and strips of all lengths, blocks of columns whole and not, padding, and crops.
CASES: list[tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
    ((16, 35), (3, 3), {"padding": 1}),
    ((9, 40), (3, 4), {"padding": ((0, 3), (4, 0)), "stride": 2}),
    ((8, 9), (7, 7), {"padding": 3}),
    ((23, 18), (10, 5), {"padding": 2}),
    ((30, 37), (5, 5), {"padding": 2, "stride": 2}),
    ((23, 20), (7, 6), {"stride": 2}),
    ((9, 70), (2, 5), {"padding": (0, 20), "dilation": (3, 5)}),
    ((12, 21), (4, 2), {"stride": (3, 1), "padding": 1}),
    ((12, 21), (4, 7), {"stride": (1, 2)}),
    ((5, 9, 20), (3, 3, 3), {"padding": 1, "stride": (2, 1, 1)}),
    ((90,), (3,), {"padding": 1}),
    ((200,), (32,), {"padding": 7, "dilation": 3}),
    ((90,), (4,), {"stride": 2}),
]


def given(case: tuple[Any, ...], dtype: str, batch: int = 2, channels: int = 3, multiplier: int = 1) -> tuple[Any, ...]:
    """Input, weight shape and gradient of the output."""
    size, kernel, options = case
    x, shape = integers((batch, channels, *size), dtype), (channels * multiplier, 1, *kernel)
    y = CONVS[len(kernel) - 1](x, np.ones(shape, dtype), groups=channels, algorithm="reference", **options)
    return x, shape, integers(y.shape, dtype, seed=1)


def has_tiles(x: Any, shape: tuple[int, ...], dy: Any, options: dict[str, Any]) -> bool:
    """Whether a call is not cut into pieces."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_by_pieces", lambda *_: np.full((), np.nan))
        return not np.isnan(GRADIENTS[len(shape) - 3](x, shape, dy, groups=x.shape[1], **options)).any()


@pytest.mark.parametrize("multiplier", [1, 2])
@pytest.mark.parametrize(
    ("case", "dtype"),
    [*((case, "float32") for case in CASES), *nightly(*((case, "float64") for case in CASES))],
)
def test_is_the_reference(case: tuple[Any, ...], dtype: str, multiplier: int) -> None:
    x, shape, dy = given(case, dtype, multiplier=multiplier)
    rank, options = len(shape) - 2, case[2]
    found = GRADIENTS[rank - 1](x, shape, dy, groups=3, **options)
    wanted = reference.conv_weight(x, shape, dy, **each(options, rank), groups=3)
    np.testing.assert_array_equal(found, wanted)
    assert found.dtype == dtype
    assert has_tiles(x, shape, dy, options) == machine().masked_loads


@pytest.mark.parametrize(("groups", "channels", "out_channels"), [(3, 2, 1), (1, 3, 5), (2, 4, 2)])
@pytest.mark.parametrize("case", [CASES[0], CASES[4], CASES[9]], ids=lambda case: str(case[1]))
def test_pairs_of_channels_are_the_reference(
    case: tuple[Any, ...], groups: int, channels: int, out_channels: int
) -> None:
    size, kernel, options = case
    rank, shape = len(kernel), (groups * out_channels, channels, *kernel)
    x = integers((2, groups * channels, *size), "float32")
    y = CONVS[rank - 1](x, np.ones(shape, "float32"), groups=groups, algorithm="reference", **options)
    dy = integers(y.shape, "float32", seed=1)
    found = GRADIENTS[rank - 1](x, shape, dy, groups=groups, **options)
    np.testing.assert_array_equal(found, reference.conv_weight(x, shape, dy, **each(options, rank), groups=groups))


@pytest.mark.parametrize(("channels", "out_channels", "width", "tiled"), [(8, 8, 28, True), (8, 16, 28, False)])
def test_channels_are_paired_where_rows_fill_vectors(channels: int, out_channels: int, width: int, tiled: bool) -> None:
    if machine().vector_bytes != 64 or not machine().masked_loads:
        pytest.skip("for vectors of 16 floats")
    x, shape = integers((1, 2 * channels, 28, width), "float32"), (2 * out_channels, channels, 3, 3)
    dy = integers((1, 2 * out_channels, 28, width), "float32", seed=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_by_pieces", lambda *_: np.full((), np.nan))
        assert np.isnan(fc.grad.conv2d_weight(x, shape, dy, 1, 1, 1, 2)).any() != tiled


def each(options: dict[str, Any], rank: int) -> dict[str, Any]:
    """Options for each axis, as the reference takes them."""
    found = {"stride": 1, "padding": 0, "dilation": 1} | options
    found = {name: value if isinstance(value, tuple) else (value,) * rank for name, value in found.items()}
    found["padding"] = tuple(pad if isinstance(pad, tuple) else (pad, pad) for pad in found["padding"])
    return found


@pytest.mark.parametrize("layout", LAYOUTS)
def test_operands_lie_anyhow(layout: str) -> None:
    x, shape, dy = given(CASES[0], "float32")
    wanted = reference.conv_weight(x, shape, dy, **each(CASES[0][2], 2), groups=3)
    lying = LAYOUTS[layout]
    for operands in ((lying(x), dy), (x, lying(dy)), (lying(x), lying(dy))):
        np.testing.assert_array_equal(fc.grad.conv2d_weight(operands[0], shape, operands[1], 1, 1, 1, 3), wanted)


def test_parts_of_images_are_read_in_place() -> None:
    x, shape, dy = given(CASES[0], "float32")
    wanted = fc.grad.conv2d_weight(x[:, ::-1, 2:, 4:].copy(), shape, dy[:, :, 2:, 4:].copy(), 1, 1, 1, 3)
    np.testing.assert_array_equal(
        fc.grad.conv2d_weight(x[:, ::-1, 2:, 4:], shape, dy[:, :, 2:, 4:], 1, 1, 1, 3), wanted
    )


@pytest.mark.parametrize(
    ("shape", "kernel", "dtype"),
    [((2, 3, 9, 9), (6, 5), "int64"), ((2, 3, 7, 7), (7, 7), "float32"), ((2, 3, 1, 80), (1, 33), "float32")],
)
def test_others_are_cut_into_pieces(shape: tuple[int, ...], kernel: tuple[int, ...], dtype: str) -> None:
    options = {"padding": tuple(n // 2 for n in kernel)}
    x, weight_shape, dy = given((shape[2:], kernel, options), dtype)
    found = fc.grad.conv2d_weight(x, weight_shape, dy, groups=3, **options)
    np.testing.assert_array_equal(found, reference.conv_weight(x, weight_shape, dy, **each(options, 2), groups=3))
    assert dtype == "int64" or not has_tiles(x, weight_shape, dy, options)


def test_unbatched_and_transposed() -> None:
    x, shape, dy = given(CASES[4], "float32", batch=1)
    options = {"padding": 2, "stride": 2, "groups": 3}
    wanted = fc.grad.conv2d_weight(x, shape, dy, **options)
    np.testing.assert_array_equal(fc.grad.conv2d_weight(x[0], shape, dy[0], **options), wanted)
    turned = fc.grad.conv_transpose2d_weight(dy, shape, x, output_padding=(1, 0), **options)
    np.testing.assert_array_equal(turned, wanted)


def test_half_floats_and_many_images() -> None:
    ones = np.ones((9, 2, 29, 29), np.float16)  # 7569 products of ones, which no half float holds
    found = fc.grad.conv2d_weight(ones, (2, 1, 3, 3), ones, 1, 1, groups=2)
    assert (found.dtype, found[0, 0, 1, 1]) == (np.float16, np.float16(9 * 29 * 29))


@pytest.mark.parametrize("special", [np.inf, np.nan])
@pytest.mark.parametrize("stride", [1, 2])
def test_special_numbers_reach_their_taps_only(special: float, stride: int) -> None:
    x = np.ones((1, 2, 9, 20), np.float32)
    x[0, 0, 0, 0] = x[0, 0, -1, -1] = special
    options = {"stride": stride, "groups": 2}
    dy = np.ones(fc.conv2d(x, np.ones((2, 1, 3, 3), np.float32), **options).shape, np.float32)
    found = fc.grad.conv2d_weight(x, (2, 1, 3, 3), dy, **options)
    with np.errstate(invalid="ignore"):
        wanted = reference.conv_weight(x, (2, 1, 3, 3), dy, **each({"stride": stride}, 2), groups=2)
    np.testing.assert_array_equal(found, wanted)
    assert np.isfinite(found[0]).any()
    assert np.isfinite(found[1]).all()


def test_same_bits_for_any_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    x, dy = (rng.standard_normal((2, 5, 20, 33)).astype(np.float32) for _ in range(2))
    once = fc.grad.conv2d_weight(x, (5, 1, 3, 3), dy, 1, 1, groups=5)
    wanted = reference.conv_weight(x.astype(float), (5, 1, 3, 3), dy.astype(float), **each({"padding": 1}, 2), groups=5)
    np.testing.assert_allclose(once, wanted, atol=1e-6 * np.abs(wanted).max())
    for helpers in (1, 3):
        with monkeypatch.context() as patch:
            share_out(patch, helpers)
            np.testing.assert_array_equal(fc.grad.conv2d_weight(x, (5, 1, 3, 3), dy, 1, 1, groups=5), once)
    forget_decisions()


@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize(("outputs", "stride", "dilation"), [(1, 1, 1), (2, 2, 1), (4, 1, 2), (5, 1, 1)])
def test_few_outputs_of_many_channels(outputs: int, stride: int, dilation: int, batched: bool) -> None:
    """Taken one by one, up to four; small whole numbers, summed by NumPy."""
    x = integers((3, 6, 17, 21), np.float32, 1)
    padded = np.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1)])
    height, width = ((n + 2 - 2 * dilation - 1) // stride + 1 for n in x.shape[2:])
    dy = integers((3, outputs, height, width), np.float32, 2)
    x, padded, dy = (x, padded, dy) if batched else (x[:1], padded[:1], dy[:1])
    wanted = np.zeros((outputs, 6, 3, 3))
    for i, j in np.ndindex(3, 3):
        rows, columns = slice(i * dilation, None, stride), slice(j * dilation, None, stride)
        wanted[:, :, i, j] = np.einsum("nohw,nchw->oc", dy, padded[:, :, rows, columns][:, :, :height, :width])
    for given in (dy, np.asfortranarray(dy)):
        operands = (x, given) if batched else (x[0], given[0])
        found = fc.grad.conv2d_weight(operands[0], wanted.shape, operands[1], stride, 1, dilation)
        np.testing.assert_array_equal(found, wanted)
