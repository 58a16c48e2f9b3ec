"""Winograd's algorithm: exact on small whole numbers, close on others, and never a wrong infinity."""

from collections.abc import Iterator
from typing import Any

import numba
import numpy as np
import pytest

import fastconv as fc
from fastconv import reference
from fastconv.jit.machine import machine
from fastconv.kernels.winograd_kinds import Kind
from fastconv.ops.calls import recording
from fastconv.plan import winograd as plan
from fastconv.plan import winograd_cut
from nightly import nightly
from properties.strategies import LAYOUTS, PADDING_MODES, forget_decisions, integers
from sharing import share_out

# Shape of the input, output channels, padding, groups.
CALLS: dict[str, tuple[tuple[int, ...], int, Any, int]] = {
    "one tile": ((1, 1, 4, 4), 1, ((0, 0), (0, 0)), 1),
    "one output": ((1, 1, 3, 3), 1, ((0, 0), (0, 0)), 1),
    "odd sizes": ((2, 3, 9, 8), 5, ((0, 0), (1, 0)), 1),
    "wide padding": ((1, 2, 5, 4), 9, ((3, 2), (0, 3)), 1),
    "groups": ((2, 6, 7, 11), 10, ((1, 1), (1, 1)), 2),
    "depthwise": ((1, 5, 6, 6), 5, ((1, 1), (1, 1)), 5),
    "many channels": ((1, 70, 10, 13), 37, ((1, 1), (1, 1)), 1),
    "many blocks": ((1, 40, 90, 75), 8, ((1, 1), (1, 1)), 1),
    "long rows": ((1, 2, 5, 2100), 2, ((1, 1), (1, 1)), 1),
}
#: Of these some modes do.
LARGE = ("many channels", "many blocks", "long rows")
TYPE = np.float32
X, W, B = integers((2, 5, 9, 12), TYPE), integers((7, 5, 3, 3), TYPE, seed=1), integers((7,), TYPE, seed=2)


def chosen(kinds: list[Kind], spread: bool) -> list[Kind]:
    """Those of these lanes, or all if there is none."""
    return [kind for kind in kinds if kind.spread == spread] or kinds


@pytest.fixture(scope="module", params=[False, True], ids=["tiles are lanes", "channels are lanes"])
def spread(request: pytest.FixtureRequest) -> Iterator[bool]:
    """Calls of float32 are planned with these lanes alone, whichever are faster."""
    kinds = plan._kinds
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "_kinds", lambda *given: chosen(kinds(*given), request.param))
        forget_decisions()
        yield request.param
    forget_decisions()


pytestmark = pytest.mark.usefixtures("spread")


def options(padding: Any = ((1, 1), (1, 1)), groups: int = 1, mode: str = "zeros") -> dict[str, Any]:
    return {"padding": padding, "groups": groups, "padding_mode": mode}


def winograd(x: Any, w: Any, *more: Any, **settings: Any) -> np.ndarray:
    return fc.conv2d(x, w, *more, **settings, algorithm="winograd")


def expected(x: np.ndarray, w: np.ndarray, b: np.ndarray | None = None, **settings: Any) -> np.ndarray:
    return reference.conv(x, w, b, stride=(1, 1), dilation=(1, 1), **settings)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("name", "mode"),
    [(name, mode) for name in CALLS for mode in PADDING_MODES if name not in LARGE or mode in ("zeros", "reflect")],
)
def test_whole_numbers_are_exact(name: str, mode: str, dtype: str, spread: bool) -> None:
    if spread and dtype != "float32":
        pytest.skip("of float32 alone")
    shape, out_channels, padding, groups = CALLS[name]
    x, w = integers(shape, dtype), integers((out_channels, shape[1] // groups, 3, 3), dtype, seed=1)
    b = integers((out_channels,), dtype, seed=2)
    try:
        wanted = expected(x, w, b, **options(padding, groups, mode))
    except ValueError:
        pytest.skip("this mode cannot pad so far")
    np.testing.assert_array_equal(winograd(x, w, b, **options(padding, groups, mode)), wanted, strict=True)


@pytest.mark.parametrize("mode", PADDING_MODES)
@pytest.mark.parametrize("dilation", [(2, 2), (1, 3), (4, 1), (5, 7), (30, 2)])
@pytest.mark.parametrize("size", [(11, 15), (1, 2), (40, 37)])
def test_dilation(size: tuple[int, int], dilation: tuple[int, int], mode: str) -> None:
    x, w = integers((2, 3, *size), TYPE), integers((9, 3, 3, 3), TYPE, seed=1)
    padding = tuple((d, d + 1) for d in dilation)
    if mode != "zeros" and max(max(pair) / n for pair, n in zip(padding, size, strict=True)) > 1:
        pytest.skip("this mode cannot pad so far")
    try:
        wanted = reference.conv(
            x, w, B[:1].repeat(9), stride=(1, 1), padding=padding, dilation=dilation, groups=1, padding_mode=mode
        )
    except ValueError:
        pytest.skip("this mode cannot pad so far")
    given = {"padding": padding, "dilation": dilation, "padding_mode": mode}
    np.testing.assert_array_equal(winograd(x, w, B[:1].repeat(9), **given), wanted)


@pytest.mark.parametrize("mode", ["zeros", *nightly("reflect")])
@pytest.mark.parametrize(
    ("kernel", "stride", "dilation"),
    [
        ((2, 2), 1, 1), ((4, 4), 1, 1), ((5, 5), 1, 2), ((7, 7), 1, 1), ((9,), 1, 1), ((8,), 1, 3),
        ((1, 7), 1, 1), ((7, 1), (2, 1), 1), ((3, 3), 2, 1), ((4, 3), 2, 1),
        ((11, 11), 4, 1), ((5, 7), (1, 2), 1), ((3, 3, 3), 1, 1), ((1, 3, 3), 2, 1),
        *nightly(
            ((10, 8), 1, 1), ((7, 1), (1, 3), 1), ((7, 7), 2, 1), ((9, 9), 3, 1), ((7, 8), 3, 1),
            ((2, 5, 5), (3, 2, 1), (2, 1, 1)),
        ),
    ],
)  # fmt: skip
def test_kernels_cut_into_pieces(kernel: tuple[int, ...], stride: Any, dilation: Any, mode: str) -> None:
    size, rank = (5, 37, 45)[3 - len(kernel) :], len(kernel)
    x, w = integers((2, 6, *size), TYPE), integers((10, 3, *kernel), TYPE, seed=1)
    b = integers((10,), TYPE, seed=2)
    given = {"stride": stride, "dilation": dilation, "groups": 2, "padding_mode": mode, "activation": "relu"}
    padding = tuple((k // 2, k // 3) for k in kernel)
    conv = getattr(fc, f"conv{rank}d")
    wanted = conv(x, w, b, padding=padding, **given, algorithm="reference")
    np.testing.assert_array_equal(conv(x, w, b, padding=padding, **given, algorithm="winograd"), wanted)


@pytest.mark.parametrize(
    ("shape", "kernel", "given"),
    [
        ((1, 22, 9, 11), (41, 22, 3, 3), {"padding": 1}),
        ((1, 22, 9, 11), (41, 22, 3, 3), {"padding": 2, "dilation": 2}),
        ((1, 42, 19, 16), (14, 21, 5, 5), {"padding": 2, "groups": 2, "activation": "relu"}),
        ((3, 20, 14, 15), (13, 20, 3, 3), {"padding": 1, "stride": 2}),
        ((1, 20, 6, 7), (20, 13, 4, 4), {"padding": 1, "stride": 2}),
        ((1, 20, 6, 7), (20, 13, 4, 3), {"padding": 1, "stride": 2, "flip": True}),
    ],
    ids=["3x3", "dilated", "pieces in groups", "strided", "transposed", "transposed and mirrored"],
)
def test_weights_transformed_in_the_task_or_before(
    shape: tuple[int, ...], kernel: tuple[int, ...], given: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both give the bits that an object gives, which transforms weights once, and the sums of the definition."""
    transposed = kernel[0] == shape[1] and given.get("stride") == 2 and kernel[2] == 4
    x, w = integers(shape, TYPE), integers(kernel, TYPE, seed=1)
    op, layer = (fc.conv_transpose2d, fc.ConvTranspose2d) if transposed else (fc.conv2d, fc.Conv2d)
    wanted, rough = op(x, w, **given, algorithm="reference"), x + np.float32(0.1)
    bits = {layer(w, **given, algorithm="winograd")(rough).tobytes()}
    for packs, before in ((False, -1e9), (True, 1e9)):
        monkeypatch.setattr(winograd_cut._Costs, "before", lambda costs, threads, before=before: before)
        forget_decisions()
        with recording() as calls, fc.threads(2):
            found = op(x, w, **given, algorithm="winograd")
            bits.add(op(rough, w, **given, algorithm="winograd").tobytes())
        np.testing.assert_array_equal(found, wanted)
        assert calls[0][1].plan.packs == packs
    forget_decisions()
    assert len(bits) == 1


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize(
    ("kernel", "stride", "more"),
    [((3, 3), 2, 1), ((4, 4), 2, 0), ((5, 6), 2, 1), ((7, 8), 3, 2), ((6, 6), (3, 3), 0), ((2, 4, 4), (1, 2, 2), 0)],
)
def test_transposed_kernels_cut_into_pieces(kernel: tuple[int, ...], stride: Any, more: int, flip: bool) -> None:
    x, w = integers((2, 6, *(3, 11, 14)[3 - len(kernel) :]), TYPE), integers((6, 5, *kernel), TYPE, seed=1)
    given = {"stride": stride, "padding": (0, 1, 1)[3 - len(kernel) :], "groups": 2, "flip": flip}
    given["output_padding"] = (0, more, more)[3 - len(kernel) :]
    conv = getattr(fc, f"conv_transpose{len(kernel)}d")
    wanted = conv(x, w, B[:1].repeat(10), **given, algorithm="reference")
    np.testing.assert_array_equal(conv(x, w, B[:1].repeat(10), **given, algorithm="winograd"), wanted)


@pytest.mark.parametrize(
    ("shape", "kernel", "given"),
    [
        ((64, 5, 7, 7), (9, 5, 3, 3), {"padding": 1}),
        ((7, 5, 4, 3), (9, 5, 3, 3), {"padding": 1, "padding_mode": "circular"}),
        ((9, 6, 8, 7), (10, 3, 3, 3), {"padding": 1, "groups": 2, "stride": 2}),
        ((33, 8, 23), (9, 8, 9), {"padding": 4}),
        *nightly(
            ((6, 20, 5, 6), (9, 20, 5, 5), {"padding": 2}),
            ((9, 6, 8, 7), (10, 3, 3, 3), {"padding": 1, "groups": 2, "dilation": 2}),
            ((33, 8, 3, 5, 5), (9, 8, 3, 3, 3), {"padding": 1}),
        ),
    ],
)
def test_small_images_share_blocks(shape: tuple[int, ...], kernel: tuple[int, ...], given: dict[str, Any]) -> None:
    x, w = integers(shape, np.float32), integers(kernel, np.float32, seed=1)
    conv = getattr(fc, f"conv{len(shape) - 2}d")
    with recording() as calls, fc.threads(2):  # many threads have an image each
        found = conv(x, w, **given, algorithm="winograd")
    np.testing.assert_array_equal(found, conv(x, w, **given, algorithm="reference"))
    if machine().vector_bytes == 64:  # narrower vectors are filled by a single image of some of these sizes
        assert "images of" in calls[0][1].plan.summary


def test_pieces_add_up_a_long_way() -> None:
    """Sums of more products than are added one after the other."""
    x, w = integers((1, 450, 6, 7), TYPE), integers((3, 450, 5, 5), TYPE, seed=1)
    np.testing.assert_array_equal(winograd(x, w, padding=2), expected(x, w, **options(((2, 2), (2, 2)))))


def test_kernels_shorter_than_the_stretch_are_left_to_others() -> None:
    with pytest.raises(ValueError, match="it knows one step other than 1 an axis"):
        fc.conv_transpose2d(X, W.transpose(1, 0, 2, 3), stride=4, algorithm="winograd")


def test_many_pieces_and_residues_are_left_to_others() -> None:
    with pytest.raises(ValueError, match="more than 200 pieces"):
        fc.conv2d(np.ones((1, 1, 60, 60)), np.ones((1, 1, 31, 31)), algorithm="winograd")
    with pytest.raises(ValueError, match="more than 1024 residues"):
        fc.conv2d(np.ones((1, 1, 120, 120)), np.ones((1, 1, 3, 3)), dilation=40, algorithm="winograd")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(layout: str) -> None:
    x, w = LAYOUTS[layout](X), LAYOUTS[layout](W)
    np.testing.assert_array_equal(winograd(x, w, **options()), expected(X, W, **options()))
    np.testing.assert_array_equal(winograd(x[0], w, **options()), expected(X[:1], W, **options())[0])


@pytest.mark.parametrize("activation", ["relu", "relu6", "leaky_relu"])
def test_activations(activation: str) -> None:
    wanted = fc.conv2d(X, W, B, 1, 1, activation=activation, algorithm="reference")
    np.testing.assert_allclose(winograd(X, W, B, 1, 1, activation=activation), wanted, rtol=2e-7)


def test_kernels_may_be_mirrored_and_transposed() -> None:
    np.testing.assert_array_equal(winograd(X, W, flip=True), fc.conv2d(X, W, flip=True, algorithm="reference"))
    turned = W.transpose(1, 0, 2, 3)
    for flip in (False, True):
        y = fc.conv_transpose2d(X, turned, padding=1, flip=flip, algorithm="winograd")
        wanted = fc.conv_transpose2d(X, turned, padding=1, flip=flip, algorithm="reference")
        np.testing.assert_array_equal(y, wanted)


def test_an_empty_batch() -> None:
    assert winograd(X[:0], W).shape == (0, 7, 7, 10)


@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf, 3e38])
@pytest.mark.parametrize("place", [(0, 0, 0, 0), (1, 2, 4, 5), (0, 4, 8, 11)])
def test_what_is_not_finite_stays_in_its_window(special: float, place: tuple[int, ...]) -> None:
    x, w = X.astype(np.float32), W.astype(np.float32)
    x[place] = special
    if special == 3e38:  # differences of such numbers are infinite, sums of their products here are not
        x[place[:2]], w = special, np.abs(w) / np.abs(w).sum()
    with np.errstate(invalid="ignore", over="ignore"):
        wanted = fc.conv2d(x, w, padding=1, algorithm="reference")
        assert special != 3e38 or np.isfinite(wanted).all()
        for found in (winograd(x, w, padding=1), fc.Conv2d(w, padding=1, algorithm="winograd")(x)):
            np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


def test_an_infinite_weight_makes_zeros_not_a_number() -> None:
    w = W.copy()
    w[3, 1, 0, 2] = np.inf
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(winograd(X, w, **options()), expected(X, w, **options()))


def test_weights_of_another_type_are_kept_for_what_is_not_finite() -> None:
    conv = fc.Conv2d(W.astype(np.int16)[:, :, ::-1], padding=1, dtype=np.float32, algorithm="winograd")
    x = X.astype(np.float32)
    x[1, 1, 1, 1] = np.inf
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(conv(x), expected(x, W.astype(np.float32)[:, :, ::-1], **options()))


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="NumPy rounds in another order")
@pytest.mark.parametrize(
    ("channels", "taps", "stride"), [(64, 3, 1), (512, 3, 1), (512, 3, 2), (184, 5, 1), (94, 7, 2), (64, 9, 1)]
)
def test_rounds_no_worse_than_plain_sums(channels: int, taps: int, stride: int) -> None:
    """Up to a depth of 4608 products, which is promised."""
    rng = np.random.default_rng(channels)
    x, w = rng.standard_normal((1, channels, 20, 20)), rng.standard_normal((24, channels, taps, taps))
    x, w = x.astype(np.float32), w.astype(np.float32)
    wanted = fc.conv2d(x.astype(float), w.astype(float), stride=stride, padding=1, algorithm="spread")
    found = winograd(x, w, stride=stride, padding=1)
    assert np.abs(found - wanted).max() <= 1e-6 * np.abs(wanted).max()


def test_same_bits_for_any_number_of_helpers(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((2, 24, 45, 38), TYPE), rng.standard_normal((40, 24, 3, 3), TYPE)
    found = set()
    for helpers in (0, 1, 2, 6):
        share_out(monkeypatch, helpers)
        found.add(winograd(x, w, padding=1).tobytes())
    assert len(found) == 1


@pytest.mark.parametrize(
    ("weight", "settings", "reason"),
    [
        (W[..., :1, :1], {}, "it has no tiles for the pieces that this kernel is cut into"),
        (W[..., :2], {}, "it has no tiles for the pieces"),
        (W, {"stride": (1, 2)}, "it has no tiles for the pieces"),
        (W, {"stride": 2, "dilation": 2}, "it knows one step other than 1 an axis"),
        (W, {"dtype": np.int64}, "it halves weights: not for int64"),
        (W, {"dtype": np.complex128}, "it halves weights: not for complex128"),
    ],
)
def test_what_it_declines(weight: np.ndarray, settings: dict[str, Any], reason: str) -> None:
    x = X.astype(np.int64) if settings.get("dtype") == np.int64 else X
    weight = weight.astype(x.dtype)
    with pytest.raises(ValueError, match=reason):
        winograd(x, weight, **settings)
