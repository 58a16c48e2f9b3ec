"""p-norms of windows and their gradients: against the reference, by differences, and what callers may ask."""

from typing import Any

import numpy as np
import pytest
from numba import config

import fastconv as fc
from fastconv import reference
from properties.strategies import FEW_REAL, LAYOUTS, integers
from sharing import share_out

X = integers((2, 3, 6, 7), np.float32)
WINDOWS = ((3, 2), (2, 1), ((1, 1), (0, 1)))
NORMS = [1, 2, 3, 20, 0.5, 2.5, np.inf]


def wide(x: np.ndarray, norm: float) -> np.ndarray:
    """What the reference says in float64."""
    if norm == np.inf:
        return reference.max_pool(np.abs(x.astype(float)), *WINDOWS, (1, 1), False)[0]
    return reference.lp_pool(x.astype(float), norm, *WINDOWS, False, (1, 1))


def test_printed_norms() -> None:
    x = np.array([[3, -4, 0, 12]], np.float32)
    assert fc.lp_pool1d(x, 2, 2).tolist() == [[5, 12]]
    assert fc.lp_pool1d(x, 1, 2).tolist() == [[7, 12]]
    assert fc.lp_pool1d(x, np.inf, 3, 1).tolist() == [[4, 12]]
    assert fc.lp_pool1d(x, 1, 3, 3, True).tolist() == [[7, 12]], "what ceil mode adds is summed, not scaled"


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("dtype", FEW_REAL if config.DISABLE_JIT else ["float16", "float32"])
def test_every_dtype(dtype: str, norm: float) -> None:
    x = integers(X.shape, dtype)
    found = fc.lp_pool2d(x, norm, *WINDOWS[:2], padding=WINDOWS[2])
    assert found.dtype == (dtype if dtype[0] == "f" else np.float64)
    np.testing.assert_allclose(found, wide(x, norm), rtol=2e-3 if dtype == "float16" else 1e-6)


@pytest.mark.parametrize("norm", NORMS[:-1])
@pytest.mark.parametrize("name", ["powers", "windows"])
def test_every_algorithm(name: str, norm: float) -> None:
    """Of numbers in either order of memory, among them NaN and an infinity, more than a block of them."""
    x = integers((2, 3, 20, 19), np.float32)
    x[0, 0, 2, 3], x[1, 1, 0, 0] = np.nan, -np.inf
    for laid in (x, np.asfortranarray(x)):
        found = fc.lp_pool2d(laid, norm, *WINDOWS[:2], padding=WINDOWS[2], algorithm=name)
        np.testing.assert_allclose(found, wide(x, norm), rtol=1e-6)


@pytest.mark.parametrize(("dtype", "most"), [("float32", 12), ("float64", 102)])
def test_cube_roots_are_right_to_the_last_bits(dtype: str, most: int) -> None:
    """Norms of windows of one element, whose cubes take up nearly all of the type's range."""
    x = np.array([[0, *np.logspace(-most, most, 4000), np.inf]], dtype)
    found = fc.lp_pool1d(x, 3, 1, algorithm="powers")
    np.testing.assert_allclose(found, x, rtol=2 * np.finfo(dtype).eps)


def test_numbers_with_gaps_between_them_are_left_to_windows() -> None:
    with pytest.raises(ValueError, match="there are gaps between elements of the input"):
        fc.lp_pool2d(X[..., ::2], 2, 2, algorithm="powers")
    with pytest.raises(ValueError, match="there are gaps between elements of the result"):
        fc.lp_pool2d(X, 2, 2, out=np.empty((2, 3, 3, 6), np.float32)[..., ::2], algorithm="powers")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_batches_and_out(layout: str) -> None:
    laid, wanted = LAYOUTS[layout](X), fc.lp_pool2d(X, 2, 3, 2)
    np.testing.assert_array_equal(fc.lp_pool2d(laid, 2, 3, 2), wanted, strict=True)
    np.testing.assert_array_equal(fc.lp_pool2d(laid[1], 2, 3, 2), wanted[1], strict=True)
    np.testing.assert_array_equal(fc.lp_pool2d(laid, np.inf, 3, 2), fc.max_pool2d(np.abs(X), 3, 2), strict=True)
    assert fc.lp_pool2d(laid[:0], 2, 3, 2).shape == (0, 3, 2, 3)
    dy = integers(wanted.shape, np.float32, 1)
    gradient = fc.grad.lp_pool2d(LAYOUTS[layout](dy), laid, 2, 3, 2)
    np.testing.assert_array_equal(gradient, fc.grad.lp_pool2d(dy, X, 2, 3, 2), strict=True)
    if layout not in ("read-only", "byte-swapped"):
        out = LAYOUTS[layout](np.zeros_like(wanted))
        assert fc.lp_pool2d(X, 2, 3, 2, out=out) is out
        np.testing.assert_array_equal(out, wanted)


@pytest.mark.parametrize("dilation", [1, 2])
def test_windows_of_many_taps(dilation: int) -> None:
    """Those that are combined four by four, whatever is left over, for each way to combine."""
    for taps in range(6, 15):
        x = integers((1, 2, dilation * (taps - 1) + 4), np.float32)
        for norm in (1, 2, 3):
            expected = reference.lp_pool(x.astype(float), norm, (taps,), (1,), ((0, 0),), False, (dilation,))
            np.testing.assert_allclose(fc.lp_pool1d(x, norm, taps, 1, dilation=dilation), expected, rtol=1e-6)
        if dilation == 1:
            values, _ = reference.adaptive_max_pool(x[..., :taps], (1,))
            np.testing.assert_array_equal(fc.adaptive_max_pool1d(x[..., :taps], 1, algorithm="windows"), values)


def test_nan_and_infinity_stay_in_their_windows() -> None:
    x = X.copy()
    x[0, 0, 2, 3], x[1, 1, 0, 0] = np.nan, -np.inf
    for norm in NORMS:
        np.testing.assert_allclose(fc.lp_pool2d(x, norm, *WINDOWS[:2], padding=WINDOWS[2]), wide(x, norm), rtol=1e-6)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_gradients(rank: int, norm: float) -> None:
    x = np.random.default_rng(0).normal(size=(2, 2, 5, 6, 4)[: 2 + rank]).astype(np.float32)
    x[x < -1.5] = 0
    windows = ((2,) * rank, (1,) * rank, ((1, 0),) * rank, True, (1,) * rank)
    options: dict[str, Any] = {"stride": 1, "ceil_mode": True, "padding": windows[2]}
    y = getattr(fc, f"lp_pool{rank}d")(x, norm, 2, **options)
    dy = integers(y.shape, np.float32, 1)
    found = getattr(fc.grad, f"lp_pool{rank}d")(dy, x, norm, 2, **options)
    if norm == np.inf:
        _, places = reference.max_pool(np.abs(x), *windows[:3], windows[4], True)
        wanted = reference.max_pool_grad(dy, places, x.shape[2:]) * np.sign(x)
    else:
        wanted = reference.lp_pool_grad(dy.astype(float), x.astype(float), norm, *windows)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("norm", [1, 2, 2.5])
def test_gradients_are_derivatives(norm: float) -> None:
    """Of the reference, by central differences."""
    x = np.random.default_rng(0).normal(size=(1, 1, 6))
    windows = ((3,), (2,), ((0, 1),), False, (1,))
    dy = np.array([[[1.0, -2.0, 3.0]]])
    for i in range(6):
        step = np.zeros(x.shape)
        step[..., i] = 1e-6
        up, down = (reference.lp_pool(x + s, norm, *windows) for s in (step, -step))
        slope = np.sum(dy * (up - down)) / 2e-6
        np.testing.assert_allclose(reference.lp_pool_grad(dy, x, norm, *windows)[0, 0, i], slope, rtol=1e-6)


def test_a_window_of_zeros_has_no_gradient() -> None:
    for norm in NORMS:
        assert not fc.grad.lp_pool1d(np.ones((1, 2), np.float32), np.zeros((1, 4), np.float32), norm, 2).any()


def test_same_bits_for_any_number_of_helpers(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(0).normal(size=(2, 8, 60, 61)).astype(np.float32)
    found = set()
    for helpers in (0, 1, 6):
        share_out(monkeypatch, helpers)
        found.add(b"".join(fc.lp_pool2d(x, norm, 3, 2).tobytes() for norm in (2, 2.5)))
    assert len(found) == 1


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        *(
            (lambda v=v: fc.lp_pool2d(X, v, 2), TypeError, "norm_type=.* is not a number")
            for v in ("2", None, True, 1j)
        ),
        *((lambda v=v: fc.lp_pool2d(X, v, 2), ValueError, "norm_type=.* is no exponent") for v in (0, -1, np.nan)),
        (lambda: fc.lp_pool2d(X * 1j, 2, 2), TypeError, "input has dtype complex64"),
        (lambda: fc.lp_pool2d(X * 1j, np.inf, 2), TypeError, "input has dtype complex64"),
        (lambda: fc.lp_pool2d(X[0, 0], 2, 2), ValueError, "lp_pool2d takes"),
        (lambda: fc.lp_pool2d(X, 2, 9), ValueError, "the output would be empty"),
        (lambda: fc.lp_pool2d(X, 2, 2, padding=2), ValueError, "windows of padding alone"),
        (lambda: fc.lp_pool2d(X, 2, 2, out=np.empty(3)), ValueError, "out has shape"),
        (lambda: fc.lp_pool2d(X, 2, 2, algorithm="slab"), ValueError, "algorithm='slab' is not known for lp_pool"),
        (lambda: fc.grad.lp_pool2d(X, X, 2, 2), ValueError, "grad_output has shape"),
        (lambda: fc.grad.lp_pool2d(X, X, np.inf, 2), ValueError, "grad_output has shape"),
        (lambda: fc.grad.lp_pool2d(X * 1j, X, 2, 1), TypeError, "grad_output has dtype complex64"),
        (lambda: fc.grad.lp_pool2d(X, X * 1j, 2, 1), TypeError, "input has dtype complex64"),
    ],
)
def test_wrong_calls(call: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")
