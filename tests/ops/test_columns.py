"""Windows as columns and back: the reference over random geometries, dtypes and layouts, the adjoint, wrong calls."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastconv as fc
from fastconv import reference
from properties.strategies import LAYOUTS, conv_cases, examples, forget_decisions, integers, seeds
from sharing import share_out

#: Sums of each kind, and moves of each size.
DTYPES = ["bool", "uint8", "int32", "float16", "float32", "complex64"]


@dataclass(frozen=True)
class Windows:
    """Windows of an input: shape of the latter, and what stands behind it in calls of the reference."""

    shape: tuple[int, ...]
    kernel: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    stride: tuple[int, ...]

    @property
    def arguments(self) -> tuple[Any, ...]:
        return self.kernel, self.dilation, self.padding, self.stride


@st.composite
def windows(draw: st.DrawFn) -> Windows:
    case = draw(conv_cases(padding_modes=("zeros",)))
    options = case.options
    return Windows(case.input_shape, case.weight_shape[2:], options["dilation"], options["padding"], options["stride"])


# The last axis is as long as several vectors, or shorter than one; windows are as many as elements, or fewer.
CALLS = {
    "signals": Windows((2, 3, 90), (4,), (2,), ((3, 0),), (3,)),
    "images": Windows((2, 3, 9, 40), (3, 2), (1, 1), ((1, 1), (0, 0)), (1, 1)),
    "as many windows as elements": Windows((1, 3, 6, 7), (3, 5), (1, 1), ((1, 1), (2, 2)), (1, 1)),
    "every other row": Windows((1, 2, 8, 7), (3, 3), (1, 1), ((1, 1), (1, 1)), (2, 1)),
    "patches": Windows((1, 2, 12, 16), (4, 4), (1, 1), ((0, 0), (0, 0)), (4, 4)),
    "gaps between windows": Windows((1, 2, 9, 9), (2, 2), (1, 1), ((0, 0), (0, 0)), (3, 5)),
    "windows of padding alone": Windows((1, 2, 3, 3), (2, 2), (1, 1), ((4, 0), (0, 5)), (1, 2)),
    "volumes": Windows((2, 2, 4, 5, 6), (2, 3, 2), (1, 1, 2), ((1, 0), (1, 2), (0, 1)), (2, 1, 1)),
}


def columns_of(call: Windows, dtype: str, seed: int = 1) -> np.ndarray:
    shape = reference.unfold(np.zeros(call.shape, np.int8), *call.arguments).shape
    return integers(shape, dtype, seed)


def zeros(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.float32)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CALLS)
def test_every_dtype(name: str, dtype: str) -> None:
    call = CALLS[name]
    x, columns, size = integers(call.shape, dtype), columns_of(call, dtype), call.shape[2:]
    expected = reference.unfold(x, *call.arguments)
    np.testing.assert_array_equal(fc.unfold(x, *call.arguments), expected, strict=True)
    np.testing.assert_array_equal(fc.unfold(x[0], *call.arguments), expected[0], strict=True)
    expected = reference.fold(columns, size, *call.arguments)
    np.testing.assert_array_equal(fc.fold(columns, size, *call.arguments), expected, strict=True)
    np.testing.assert_array_equal(fc.fold(columns[0], size, *call.arguments), expected[0], strict=True)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["uint8", "float32", "complex64"])
def test_every_layout(dtype: str, layout: str) -> None:
    for call in CALLS.values():
        x, columns, size = integers(call.shape, dtype), columns_of(call, dtype), call.shape[2:]
        found = fc.unfold(LAYOUTS[layout](x), *call.arguments)
        np.testing.assert_array_equal(found, reference.unfold(x, *call.arguments), strict=True)
        found = fc.fold(LAYOUTS[layout](columns), size, *call.arguments)
        np.testing.assert_array_equal(found, reference.fold(columns, size, *call.arguments), strict=True)


@examples(80)
@given(call=windows(), seed=seeds)
def test_random_windows(call: Windows, seed: int) -> None:
    """The reference's numbers, and <unfold(x), y> = <x, fold(y)>."""
    x, columns = integers(call.shape, np.int32, seed), columns_of(call, "int32", seed)
    unfolded, folded = fc.unfold(x, *call.arguments), fc.fold(columns, call.shape[2:], *call.arguments)
    np.testing.assert_array_equal(unfolded, reference.unfold(x, *call.arguments))
    np.testing.assert_array_equal(folded, reference.fold(columns, call.shape[2:], *call.arguments))
    assert np.vdot(unfolded, columns) == np.vdot(x, folded)


def test_sums_are_those_of_the_reference_to_the_last_bit() -> None:
    """Each output adds its columns in the order of the taps, in any pieces and on any number of threads."""
    x = np.random.default_rng(0).standard_normal((2, 3 * 15, 20 * 19)).astype(np.float32)
    arguments = ((40, 19), (3, 5), (1, 1), ((1, 0), (2, 2)), (2, 1))
    expected = reference.fold(x, *arguments)
    np.testing.assert_array_equal(fc.fold(x, *arguments), expected)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fastconv.plan.columns.BLOCK_BYTES", 200)
        share_out(patch, helpers=3)
        forget_decisions()
        np.testing.assert_array_equal(fc.fold(x, *arguments), expected)
    forget_decisions()


def test_what_sums_become() -> None:
    ones = np.ones((4, 4), np.float32)
    assert fc.fold((100 * ones).astype(np.uint8), 3, 2)[0, 1].tolist() == [200, 400 % 256, 200]
    assert fc.fold(ones > 0, 3, 2).dtype == bool
    assert fc.fold(ones > 0, 3, 2).all()
    # 2048 + 1 is 2048 in float16, but 2048 + 1 + 1 + 1 = 2051 rounds to 2052
    column = np.array([2048.0, 1, 1, 1], np.float16)
    assert fc.fold(np.repeat(column, 4).reshape(4, 4), 3, 2)[0, 1, 1] == 2052


def test_infinities_and_nans_stay_where_they_are() -> None:
    x = np.zeros((1, 3, 3), np.float32)
    x[0, 1, 1], x[0, 0, 0] = np.nan, np.inf
    np.testing.assert_array_equal(
        fc.unfold(x, 3, padding=1), reference.unfold(x[None], (3, 3), (1, 1), ((1, 1),) * 2, (1, 1))[0]
    )
    assert np.isfinite(fc.fold(fc.unfold(x, 2), 3, 2)).sum() == 7


def test_how_many_axes_are_spatial() -> None:
    assert fc.unfold(zeros(3, 9), 2).shape == (6, 8)
    assert fc.unfold(zeros(3, 9, 9), 2).shape == (12, 64)
    assert fc.unfold(zeros(3, 9, 9), (2,)).shape == (3, 18, 8)
    assert fc.unfold(zeros(2, 3, 9, 9), [2, 1]).shape == (2, 6, 72)
    assert fc.unfold(zeros(2, 3, 9, 9), (2, 1, 1)).shape == (4, 162)
    assert fc.unfold(zeros(2, 3, 4, 4, 4), 2).shape == (2, 24, 27)
    assert fc.fold(zeros(2, 8, 9), 4, 2).shape == (2, 2, 4, 4)
    assert fc.fold(zeros(2, 8, 9), (10,), 2).shape == (2, 4, 10)
    assert fc.fold(zeros(8, 9), 10, [2]).shape == (4, 10)
    assert fc.fold(zeros(8, 27), (4, 4, 4), 2).shape == (1, 4, 4, 4)


def test_paddings_as_in_convolutions() -> None:
    x, w = integers((2, 3, 8, 7), np.float32), integers((5, 3, 3, 3), np.float32, 1)
    for padding in ("same", "full", 2, (1, 0), [(0, 2), (1, 1)]):
        y = fc.conv2d(x, w, padding=padding, algorithm="reference")
        np.testing.assert_array_equal((w.reshape(5, -1) @ fc.unfold(x, 3, padding=padding)).reshape(y.shape), y)
        back = fc.fold(w.reshape(5, -1).T @ y.reshape(2, 5, -1), (8, 7), 3, padding=padding)
        np.testing.assert_array_equal(back, fc.conv_transpose2d(y, w, padding=padding, algorithm="reference"))


def test_gradients() -> None:
    x, y = integers((2, 3, 8, 7), np.float32), integers((2, 27, 4 * 4), np.float32, 1)
    arguments = (3, 1, 1, 2)
    np.testing.assert_array_equal(fc.grad.unfold(y, x.shape, *arguments), fc.fold(y, (8, 7), *arguments))
    np.testing.assert_array_equal(fc.grad.unfold(y[0], x.shape[1:], *arguments), fc.fold(y[0], (8, 7), *arguments))
    np.testing.assert_array_equal(fc.grad.fold(x, (8, 7), *arguments), fc.unfold(x, *arguments))
    np.testing.assert_array_equal(fc.grad.fold(x[0, :, 0], (7,), 3), fc.unfold(x[0, :, 0], (3,)))


@pytest.mark.parametrize("layout", ["contiguous", "fortran", "strided", "misaligned"])
def test_out(layout: str) -> None:
    call = CALLS["images"]
    x, columns = integers(call.shape, np.float16), columns_of(call, "int32")
    for run, expected in (
        (lambda out: fc.unfold(x, *call.arguments, out=out), fc.unfold(x, *call.arguments)),
        (lambda out: fc.fold(columns, (9, 40), *call.arguments, out=out), fc.fold(columns, (9, 40), *call.arguments)),
    ):
        out = LAYOUTS[layout](np.ones_like(expected))
        assert run(out) is out
        np.testing.assert_array_equal(out, expected)


def test_an_out_that_overlaps_the_input_gets_what_a_copy_would() -> None:
    memory = np.arange(50, dtype=np.int32)
    expected = fc.unfold(memory[2:18].reshape(1, 4, 4).copy(), 2)
    out = memory[:36].reshape(4, 9)
    np.testing.assert_array_equal(fc.unfold(memory[2:18].reshape(1, 4, 4), 2, out=out), expected)


def test_empty_batches() -> None:
    assert fc.unfold(zeros(0, 3, 4, 4), 2).shape == (0, 12, 9)
    assert fc.fold(zeros(0, 12, 9), 4, 2).shape == (0, 3, 4, 4)


def test_arguments_are_pytorchs() -> None:
    for function, names in (
        (fc.unfold, ["input", "kernel_size", "dilation", "padding", "stride"]),
        (fc.fold, ["input", "output_size", "kernel_size", "dilation", "padding", "stride"]),
    ):
        parameters = inspect.signature(function).parameters.values()
        assert [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD] == names


X, Y = np.zeros((2, 3, 4, 4)), np.zeros((2, 12, 9))
ERRORS: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: fc.unfold(X[0, 0, 0], 2), ValueError, r"input has shape \(4,\); unfold takes \(N, C, H, W\)"),
    (lambda: fc.unfold(X, (2,)), ValueError, r"unfold takes \(N, C, W\) or unbatched \(C, W\), so 3 or 2 axes"),
    (lambda: fc.unfold(X[:, :0], 2), ValueError, "with an axis of no elements"),
    (lambda: fc.unfold(X, (2,) * 4), ValueError, "has 4 entries; give one for each of 1 to 3 spatial axes"),
    (lambda: fc.unfold(X, ()), ValueError, "has 0 entries"),
    (lambda: fc.unfold(X, 5), ValueError, "the output would be empty: a kernel of 5"),
    (lambda: fc.unfold(X, 2.0), TypeError, "kernel_size=2.0 is not a whole number"),
    (lambda: fc.unfold(X, "2"), TypeError, "kernel_size='2' is not a whole number"),
    (lambda: fc.unfold(X, 2, 0), ValueError, "dilation=0 is too small"),
    (lambda: fc.unfold(X, 2, padding=-1), ValueError, "padding=-1 is too small"),
    (lambda: fc.unfold(X, 2, stride=(1, 1, 1)), ValueError, "stride=.* has 3 entries"),
    (lambda: fc.unfold(X, 2, out=Y[0]), ValueError, r"the result needs shape \(2, 12, 9\)"),
    (lambda: fc.unfold(X.astype(str), 2), TypeError, "input has dtype <U32"),
    (lambda: fc.fold(X, 4, 2), ValueError, r"input has shape .*; fold takes \(N, C \* 4, 9\) or unbatched"),
    (lambda: fc.fold(Y[:, :11], 4, 2), ValueError, "with 11 rows, which is no multiple of the 4 taps"),
    (lambda: fc.fold(Y[:, :0], 4, 2), ValueError, "with 0 rows"),
    (lambda: fc.fold(Y[..., :8], 4, 2), ValueError, "with 8 columns, but .* give 3 x 3 = 9 windows"),
    (lambda: fc.fold(Y, 0, 2), ValueError, "output_size=0 is too small"),
    (lambda: fc.fold(Y, (4, 4), (2, 2, 2)), ValueError, "kernel_size=.* has 3 entries"),
    (lambda: fc.fold(Y, 1, 2), ValueError, "the output would be empty"),
    (lambda: fc.fold(Y, 4, 2, out=X.astype(int)), ValueError, "dtype int64; the result needs shape"),
    (
        lambda: fc.grad.unfold(Y, (2, 4, 4, 4), 2),
        ValueError,
        r"for input_size=\(2, 4, 4, 4\) and 4 taps it is \(2, 16, windows\)",
    ),
    (lambda: fc.grad.unfold(Y, (4,), 2), ValueError, r"input has shape \(4,\)"),
    (lambda: fc.grad.fold(X, (5, 4), 2), ValueError, r"that of a fold to \(5, 4\) ends with these sizes"),
]


@pytest.mark.parametrize(("call", "error", "words"), ERRORS, ids=[words for _, _, words in ERRORS])
def test_wrong_calls(call: Callable[[], Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)
