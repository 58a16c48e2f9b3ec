"""Depthwise convolution of turned images: every shape and type that it takes, against the reference."""

from itertools import product
from typing import Any

import numpy as np
import pytest

import fastconv as fc
from fastconv import reference
from fastconv.jit.machine import machine, machine_with
from fastconv.ops.calls import recording
from nightly import nightly
from properties.strategies import LAYOUTS, PADDING_MODES, forget_decisions, integers
from sharing import share_out

CONVS = (fc.conv1d, fc.conv2d, fc.conv3d)
#: Channels of two float32 vectors and a part of one.
CHANNELS = 2 * machine().vector_bytes // 4 + 3

#: Input size, kernel, options: rows of all lengths of tiles, taps and steps, with and without padding, and crops.
CASES = [
    ((9, 7), (7, 7), {"padding": 3}),
    ((5, 31), (3, 3), {"padding": (0, 1)}),
    ((12, 23), (5, 5), {"padding": ((2, 1), (0, 4)), "stride": 2, "bias": True}),
    ((11, 9), (2, 3), {"padding": 1, "stride": (3, 2), "dilation": (2, 1), "flip": True}),
    ((40,), (5,), {"padding": 2, "bias": True}),
    ((4, 5, 9), (3, 2, 3), {"padding": 1, "stride": (2, 1, 1)}),
]


def both(size: tuple[int, ...], kernel: tuple[int, ...], options: dict[str, Any], dtype: str, **more: Any) -> Any:
    """The result, and the reference's; `more` are options too."""
    options = {"channels": CHANNELS, "layout": "contiguous", "bias": False} | options | more
    channels, layout, has_bias = (options.pop(name) for name in ("channels", "layout", "bias"))
    shapes = ((2, channels, *size), (channels, 1, *kernel), (channels,))
    x, w, bias = (integers(shape, dtype, seed) for seed, shape in enumerate(shapes))
    op, given = CONVS[len(kernel) - 1], (x, LAYOUTS[layout](w), bias if has_bias else None)
    return [op(*given, groups=channels, algorithm=name, **options) for name in ("turned", "reference")]


@pytest.mark.parametrize(
    ("dtype", "case"),
    [
        *(("float32", case) for case in CASES),
        ("int64", CASES[0]),
        *nightly(*product(["float64", "int32", "int64"], CASES)),
    ],
)
def test_is_the_reference(dtype: str, case: tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]) -> None:
    size, kernel, options = case
    np.testing.assert_array_equal(*both(size, kernel, options, dtype))


def lying(x: Any, order: str) -> Any:
    """An equal array whose channels are beside each other, if they are to be, perhaps with a margin that is not its."""
    if order == "first":
        return x.copy()
    pixels = np.moveaxis(x, 1, -1)
    room = np.full([n + (order == "last with gaps") for n in pixels.shape], 77, x.dtype)
    view = room[tuple(map(slice, pixels.shape))]
    view[...] = pixels
    return np.moveaxis(view, -1, 1)


ORDERS = ("first", "last", "last with gaps")


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("out_order", ORDERS)
@pytest.mark.parametrize("case", [CASES[1], CASES[2], *nightly(*((case,) for case in (CASES[0], *CASES[3:])))])
@pytest.mark.parametrize("channels", [CHANNELS, CHANNELS - 3])
def test_channels_beside_each_other(order: str, out_order: str, case: Any, channels: int) -> None:
    size, kernel, options = case
    options = {name: value for name, value in options.items() if name != "bias"}
    x, w = integers((2, channels, *size), "float32"), integers((channels, 1, *kernel), "float32", 1)
    op = CONVS[len(kernel) - 1]
    wanted = op(x, w, groups=channels, algorithm="reference", **options)
    out = lying(np.zeros_like(wanted), out_order)
    room = out if out.base is None else out.base
    found = op(lying(x, order), w, groups=channels, algorithm="turned", out=out, **options)
    np.testing.assert_array_equal(found, wanted)
    out[...] = 0
    assert set(np.unique(room)) <= {0, 77}


@pytest.mark.parametrize("mode", PADDING_MODES)
def test_padding_of_any_mode(mode: str) -> None:
    options = {"padding": ((1, 2), (4, 3)), "padding_mode": mode}
    np.testing.assert_array_equal(*both((6, 8), (3, 7), options, "float32"))


@pytest.mark.parametrize("channels", [machine().vector_bytes // 4, CHANNELS, CHANNELS - 3])
@pytest.mark.parametrize("kernel", [(3, 3), (5, 5)])  # fewer taps than a vector, and more
def test_weights_are_packed_in_squares_and_one_by_one(channels: int, kernel: tuple[int, int]) -> None:
    for layout in ("contiguous", "backwards", "fortran"):
        np.testing.assert_array_equal(
            *both((8, 9), kernel, {"padding": 1}, "float32", channels=channels, layout=layout)
        )


@pytest.mark.parametrize("activation", ["relu", "silu"])
def test_activation_comes_last(activation: str) -> None:
    found, _ = both((9, 7), (3, 3), {"padding": 1, "activation": activation}, "float32")
    _, sums = both((9, 7), (3, 3), {"padding": 1}, "float32")
    np.testing.assert_allclose(found, reference.activation(sums, activation), rtol=1e-6)


def test_same_bits_for_any_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    x, w = (rng.standard_normal(shape).astype(np.float32) for shape in ((2, CHANNELS, 9, 20), (CHANNELS, 1, 3, 3)))
    once = fc.conv2d(x, w, groups=CHANNELS, algorithm="turned")
    wanted = fc.conv2d(x.astype(float), w.astype(float), groups=CHANNELS, algorithm="reference")
    np.testing.assert_allclose(once, wanted, atol=1e-6 * np.abs(wanted).max())
    for helpers in (1, 3):
        with monkeypatch.context() as patch:
            share_out(patch, helpers)
            np.testing.assert_array_equal(fc.conv2d(x, w, groups=CHANNELS, algorithm="turned"), once)


@pytest.mark.parametrize("special", [np.inf, np.nan])
def test_special_numbers_reach_their_windows_only(special: float) -> None:
    x, w = np.ones((1, CHANNELS, 6, 9), np.float32), np.ones((CHANNELS, 1, 3, 3), np.float32)
    x[0, 1, 2, 3] = x[0, -1, -1, -1] = w[4, 0, 0, 0] = special  # and a special weight its padding
    found = fc.conv2d(x, w, padding=1, groups=CHANNELS, algorithm="turned")
    with np.errstate(invalid="ignore"):
        wanted = fc.conv2d(x, w, padding=1, groups=CHANNELS, algorithm="reference")
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize(
    ("shape", "kernel", "options", "dtype", "reason"),
    [
        ((1, 8, 9, 9), (16, 1, 3, 3), {}, "float32", "it takes one channel to one, not 1 to 2"),
        ((1, 64, 9, 9), (64, 1, 3, 3), {}, "complex64", "it turns numbers of 4 or 8 bytes that are summed as they are"),
        (
            (1, 64, 9, 9),
            (64, 1, 3, 4),
            {},
            "float32",
            "it knows 3 or 5 neighbouring columns at a step of 1 or 2, and 7 at a step of 1",
        ),
        ((1, 64, 9, 9), (64, 1, 3, 3), {"dilation": 2}, "float32", "it knows 3 or 5 neighbouring columns"),
        ((1, 2, 9, 9), (2, 1, 3, 3), {}, "float32", "channels and pixels at once"),
        ((1, 64, 3, 1), (64, 1, 3, 3), {"padding": 1}, "float32", "channels and pixels at once"),
        ((1, 64, 200, 200), (64, 1, 3, 3), {}, "float32", "the second level of the cache has to hold turned images"),
    ],
)
def test_says_why_it_declines(
    shape: tuple[int, ...], kernel: tuple[int, ...], options: dict[str, Any], dtype: str, reason: str
) -> None:
    with pytest.raises(ValueError, match=f"cannot serve this call: .*{reason}"):
        fc.conv2d(np.ones(shape, dtype), np.ones(kernel, dtype), groups=shape[1], algorithm="turned", **options)


def test_declines_images_with_gaps() -> None:
    x = np.ones((1, 64, 9, 18), np.float32)[..., ::2]
    with pytest.raises(ValueError, match="it takes images whose pixels follow each other"):
        fc.conv2d(x, np.ones((64, 1, 3, 3), np.float32), groups=64, algorithm="turned")


def chosen(channels: int, side: int) -> str:
    x, w = np.zeros((1, channels, side, side), np.float32), np.zeros((channels, 1, 5, 5), np.float32)
    forget_decisions()
    with recording() as calls:
        fc.conv2d(x, w, padding=2, groups=channels)
    return calls[0][1].algorithm


def test_takes_channels_that_are_beside_each_other() -> None:
    x, w = np.zeros((1, 30, 30, 96), np.float32).transpose(0, 3, 1, 2), np.zeros((96, 1, 7, 7), np.float32)
    forget_decisions()
    with machine_with(cores=2), recording() as calls:
        fc.conv2d(x, w, padding=3, groups=96)
        fc.conv2d(x[:, :4, :3], w[:4, :, :3, :3], groups=4)
    assert [call[1].algorithm for call in calls] == ["turned", "channels"]
    forget_decisions()


def test_takes_many_channels_of_small_images() -> None:
    with machine_with(cores=2):
        assert chosen(960, 7) == "turned"
        assert chosen(32, 60) == "depthwise"  # rows fill their vectors
    with machine_with(cores=1000):
        assert chosen(960, 7) == "depthwise"  # as many tasks as its channels fill vectors
    forget_decisions()
