"""Transposed convolution: the guide's figures, the reference, the stretched input, and what a caller may hand in."""

import inspect
from typing import Any

import numpy as np
import pytest

import fastconv as fc
from fastconv import reference
from fastconv.plan.registry import ALGORITHMS
from nightly import nightly
from properties.strategies import LAYOUTS, integers
from sharing import share_out

CONVS = {1: fc.conv1d, 2: fc.conv2d, 3: fc.conv3d}
TRANSPOSES = {1: fc.conv_transpose1d, 2: fc.conv_transpose2d, 3: fc.conv_transpose3d}
#: Those that serve any call of these types; those for single channels and for one kernel have tests of their own.
SPECIAL = (
    "channels", "unpacked", "single", "fourier", "depthwise", "turned", "stretched", "winograd", "winograd_rows",
    "inside",
)  # fmt: skip
NAMES = [it.name for it in ALGORITHMS["conv_transpose"] if it.name not in SPECIAL]

# The guide's figures: input and output of the convolution, padding, kernel, stride, dilation, the a of its transpose.
FIGURES = {
    "no_padding_no_strides": (4, 2, 0, 3, 1, 1, 0),
    "arbitrary_padding_no_strides": (5, 6, 2, 4, 1, 1, 0),
    "same_padding_no_strides": (5, 5, 1, 3, 1, 1, 0),
    "full_padding_no_strides": (5, 7, 2, 3, 1, 1, 0),
    "no_padding_strides": (5, 2, 0, 3, 2, 1, 0),
    "padding_strides": (5, 3, 1, 3, 2, 1, 0),
    "padding_strides_odd": (6, 3, 1, 3, 2, 1, 1),
    "dilation": (7, 3, 0, 3, 1, 2, 0),
}

# Shape of the input, shape of the weight, stride, padding, output_padding, groups, dilation.
CALLS = {
    "1d": ((2, 3, 5), (3, 4, 3), (1,), ((0, 0),), (0,), 1, (1,)),
    "1d, strided": ((1, 2, 6), (2, 3, 5), (2,), ((1, 1),), (1,), 1, (1,)),
    "1d, kernel shorter than the stride": ((1, 2, 4), (2, 3, 2), (5,), ((0, 0),), (4,), 1, (1,)),
    "1d, uneven crop": ((1, 1, 7), (1, 1, 4), (3,), ((0, 5),), (0,), 1, (1,)),
    "1d, dilated and strided": ((1, 2, 5), (2, 2, 3), (3,), ((2, 2),), (3,), 1, (4,)),
    "1d, phases without taps": ((1, 2, 5), (2, 2, 3), (4,), ((0, 1),), (0,), 1, (2,)),
    "1d of one element": ((1, 1, 1), (1, 1, 1), (3,), ((0, 0),), (0,), 1, (2,)),
    "1d, long": ((1, 2, 1500), (2, 5, 7), (2,), ((3, 3),), (1,), 1, (1,)),
    "2d": ((2, 3, 4, 5), (3, 4, 3, 2), (1, 1), ((0, 0), (0, 0)), (0, 0), 1, (1, 1)),
    "2d, strided": ((1, 3, 4, 5), (3, 9, 4, 4), (2, 2), ((1, 1), (1, 1)), (0, 0), 1, (1, 1)),
    "2d, as many taps as the stride": ((2, 3, 9, 19), (3, 35, 2, 3), (2, 3), ((0, 0), (0, 0)), (0, 0), 1, (1, 1)),
    "2d, some phases a column short": ((1, 3, 7, 19), (3, 35, 3, 3), (1, 3), ((1, 1), (1, 1)), (0, 0), 1, (1, 1)),
    "2d, fewer columns than the stride": ((1, 3, 7, 1), (3, 35, 3, 3), (1, 9), ((1, 1), (0, 0)), (0, 0), 1, (1, 1)),
    "2d in groups": ((2, 4, 3, 5), (4, 3, 3, 2), (2, 3), ((0, 1), (1, 0)), (1, 2), 2, (2, 1)),
    "2d, depthwise": ((1, 4, 5, 4), (4, 1, 3, 3), (2, 1), ((1, 1), (0, 0)), (1, 0), 4, (1, 1)),
    "2d, many rows": ((1, 3, 33, 40), (3, 13, 4, 4), (2, 2), ((1, 1), (1, 1)), (0, 0), 1, (1, 1)),
    "3d": ((1, 2, 3, 2, 4), (2, 2, 2, 3, 1), (1, 2, 1), ((0, 0), (1, 0), (0, 0)), (0, 1, 0), 1, (1, 1, 1)),
    "3d in groups": ((2, 2, 3, 3, 2), (2, 3, 2, 2, 3), (2, 1, 3), ((0, 1), (1, 0), (1, 1)), (1, 0, 2), 2, (1, 2, 1)),
}

X, W, B = integers((2, 3, 4, 5)), integers((3, 4, 3, 2), seed=1), integers((4,), seed=2)


def expected(x: np.ndarray, w: np.ndarray, b: np.ndarray | None = None, **options: Any) -> np.ndarray:
    """The reference's answer; options that are not given are those that change nothing."""
    ones, none = (1,) * (x.ndim - 2), (0,) * (x.ndim - 2)
    neutral = {"stride": ones, "padding": ((0, 0),) * len(ones), "output_padding": none, "groups": 1, "dilation": ones}
    return reference.conv_transpose(x, w, b, **neutral | options)


@pytest.mark.parametrize("rank", TRANSPOSES)
def test_arguments_are_pytorchs_then_ours_by_name(rank: int) -> None:
    parameters = inspect.signature(TRANSPOSES[rank]).parameters.values()
    positional = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert positional == ["input", "weight", "bias", "stride", "padding", "output_padding", "groups", "dilation"]
    assert {p.name for p in parameters if p.kind is p.KEYWORD_ONLY} == {
        "output_size", "flip", "activation", "dtype", "out", "algorithm",
    }  # fmt: skip


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize("rank", TRANSPOSES)
def test_figures(figure: str, rank: int) -> None:
    """A transposed convolution leads back to the size that its convolution came from."""
    i, o, p, k, s, d, a = FIGURES[figure]
    w = integers((1, 1, *(k,) * rank))
    y = CONVS[rank](np.ones((1, *(i,) * rank)), w, None, s, p, d)
    assert y.shape == (1, *(o,) * rank)
    back = TRANSPOSES[rank](y, w, None, s, p, a, 1, d)
    assert back.shape == (1, *(i,) * rank)


def test_transposed_figure_by_hand() -> None:
    """The four kernels that a 2x2 input scatters, written down and added."""
    kernel = np.array([[0, 1, 2], [2, 2, 0], [0, 1, 2]])
    scattered = np.zeros((4, 4), dtype=int)
    for (row, column), value in {(0, 0): 2, (0, 1): -1, (1, 0): 3, (1, 1): 5}.items():
        scattered[row : row + 3, column : column + 3] += value * kernel
    small = np.array([[[2, -1], [3, 5]]])
    np.testing.assert_array_equal(fc.conv_transpose2d(small, kernel[None, None])[0], scattered)
    cropped = fc.conv_transpose2d(small, kernel[None, None], padding=((1, 0), (0, 2)))
    np.testing.assert_array_equal(cropped[0], scattered[1:, :-2])


@pytest.mark.parametrize("name", CALLS)
def test_every_geometry(name: str) -> None:
    x_shape, w_shape, *arguments = CALLS[name]
    groups = arguments[3]
    x, w, b = integers(x_shape), integers(w_shape, seed=1), integers((w_shape[1] * groups,), seed=2)
    y = TRANSPOSES[x.ndim - 2](x, w, b, *arguments)
    np.testing.assert_array_equal(y, reference.conv_transpose(x, w, b, *arguments))
    assert y.flags.c_contiguous


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("call", ["1d, dilated and strided", "1d, phases without taps", "2d in groups", "3d in groups"])
def test_named_algorithms_give_the_same(name: str, call: str) -> None:
    x_shape, w_shape, *arguments = CALLS[call]
    x, w = integers(x_shape), integers(w_shape, seed=1)
    function = TRANSPOSES[x.ndim - 2]
    np.testing.assert_array_equal(
        function(x, w, None, *arguments, algorithm=name), function(x, w, None, *arguments), strict=True
    )


@pytest.mark.parametrize("dtype", ["float32", *nightly("float64", "int8", "int32")])
@pytest.mark.parametrize("stride", [1, 2, 3, 5])
@pytest.mark.parametrize("kernel", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [(1, 1), (3, 7), (2, 47), (5, 130)])
def test_phases_of_a_row_meet_in_it(size: tuple[int, int], kernel: int, stride: int, dtype: str) -> None:
    """Sizes with whole vectors, with ends that fill none, and rows that follow each other without a gap or with one."""
    x, w, b = integers((2, 3, *size), dtype), integers((3, 37, 2, kernel), dtype, 1), integers((37,), dtype, 2)
    crop = (kernel - 1) // 2
    options: dict[str, Any] = {"stride": (2, stride), "output_padding": (1, stride - 1)}
    wanted = expected(x.astype(np.int64), w, b, **options, padding=((0, 0), (crop, crop)))
    for activation, result in ((None, wanted), ("relu", np.maximum(wanted, 0))):
        for algorithm in ("spread", "panel") if dtype.startswith("float") else ("spread",):
            y = fc.conv_transpose2d(x, w, b, **options, padding=(0, crop), activation=activation, algorithm=algorithm)
            np.testing.assert_array_equal(y, result)


def test_long_strides_go_to_another_algorithm() -> None:
    x, w = integers((1, 3, 5), "float32"), integers((3, 20, 130), "float32", 1)
    with pytest.raises(ValueError, match="at stride 65 there are too many"):
        fc.conv_transpose1d(x, w, stride=65, algorithm="spread")
    for stride in (64, 65):
        np.testing.assert_array_equal(fc.conv_transpose1d(x, w, stride=stride), expected(x, w, stride=(stride,)))


def test_it_is_a_convolution_of_the_stretched_input() -> None:
    """Relationship 14: s - 1 zeros between the inputs, a behind them, padding k - p - 1, and the mirrored kernel."""
    k, s, p, a = 4, 3, 1, 2
    x, w = integers((1, 2, 5)), integers((2, 3, k), seed=1)
    stretched = np.zeros((1, 2, s * (5 - 1) + 1 + a))
    stretched[..., : s * (5 - 1) + 1 : s] = x
    y = fc.conv1d(stretched, w.swapaxes(0, 1), padding=k - p - 1, flip=True)
    np.testing.assert_array_equal(fc.conv_transpose1d(x, w, stride=s, padding=p, output_padding=a), y)


def test_outputs_that_no_tap_reaches_are_the_bias() -> None:
    y = fc.conv_transpose1d(np.array([[5.0, 6]]), np.array([[[1.0]]]), np.array([7.0]), stride=3, output_padding=2)
    assert y.tolist() == [[12, 7, 7, 13, 7, 7]]


def test_flip_mirrors_the_kernel() -> None:
    options = {"stride": 2, "padding": ((1, 0), (0, 1))}
    mirrored = fc.conv_transpose2d(X, W[:, :, ::-1, ::-1], **options)
    np.testing.assert_array_equal(fc.conv_transpose2d(X, W, flip=True, **options), mirrored)


@pytest.mark.parametrize("stride", [1, 2, 3, 5])
@pytest.mark.parametrize("kernel", [1, 2, 3, 4])
@pytest.mark.parametrize("name", ["same", "same_lower"])
def test_same_padding_multiplies_the_size_by_the_stride(name: str, kernel: int, stride: int) -> None:
    """It is the adjoint of the convolution of that name from there, whose padding is none for kernels too short."""
    y, w = integers((1, 2, 4)), integers((2, 3, kernel), seed=1)
    back = fc.conv_transpose1d(y, w, stride=stride, padding=name)
    assert back.shape == (1, 3, 4 * stride)
    x = integers(back.shape, seed=2)
    assert np.sum(fc.conv1d(x, w, stride=stride, padding=name) * y) == np.sum(x * back)


def test_other_named_paddings() -> None:
    np.testing.assert_array_equal(fc.conv_transpose2d(X, W, padding="valid"), fc.conv_transpose2d(X, W))
    full = fc.conv_transpose2d(X, W, padding="full", dilation=(1, 2))
    np.testing.assert_array_equal(full, fc.conv_transpose2d(X, W, padding=(2, 2), dilation=(1, 2)))


@pytest.mark.parametrize(("stride", "dilation"), [(3, 1), (2, 1), (1, 1), (2, 4)])
def test_output_size_stands_for_output_padding(stride: int, dilation: int) -> None:
    least = fc.conv_transpose2d(X, W, stride=stride, padding=1, dilation=dilation).shape[2:]
    for extra in range(stride):
        wanted = tuple(size + extra for size in least)
        y = fc.conv_transpose2d(X, W, stride=stride, padding=1, dilation=dilation, output_size=wanted)
        assert y.shape[2:] == wanted
        padded = fc.conv_transpose2d(X, W, stride=stride, padding=1, output_padding=extra, dilation=dilation)
        np.testing.assert_array_equal(y, padded)


def test_output_size_may_be_one_int() -> None:
    x = integers((1, 3, 4, 4))
    y = fc.conv_transpose2d(x, W[..., :2, :], stride=2, output_size=9, output_padding=0)
    np.testing.assert_array_equal(y, fc.conv_transpose2d(x, W[..., :2, :], stride=2, output_padding=1))


def test_unbatched_is_a_batch_of_one() -> None:
    for x_shape, w_shape, *arguments in CALLS.values():
        x, w = integers(x_shape[1:]), integers(w_shape, seed=1)
        function = TRANSPOSES[x.ndim - 1]
        np.testing.assert_array_equal(function(x, w, None, *arguments), function(x[None], w, None, *arguments)[0])


@pytest.mark.parametrize("name", ["auto", *NAMES])
def test_empty_batch(name: str) -> None:
    assert fc.conv_transpose2d(X[:0], W, B, stride=2, algorithm=name).shape == (0, 4, 9, 10)


@pytest.mark.parametrize(
    ("x_dtype", "w_dtype", "dtype", "result", "sums"),
    [
        ("float16", "float16", None, "float16", "float32"),
        ("float32", "float32", None, "float32", "float32"),
        ("float32", "float64", None, "float64", "float64"),
        ("complex64", "float32", None, "complex64", "complex64"),
        ("bool", "int8", None, "int32", "int32"),
        ("uint16", "int8", None, "int64", "int64"),
        ("uint64", "uint64", None, "int64", "int64"),
        ("int8", "int8", "float32", "float32", "float32"),
        ("int8", "int8", "int16", "int16", "int32"),
    ],
)
def test_dtypes(x_dtype: str, w_dtype: str, dtype: Any, result: str, sums: str) -> None:
    x, w, b = integers((1, 2, 3, 4), x_dtype), integers((2, 3, 2, 2), w_dtype, 1), integers((3,), w_dtype, 2)
    y = fc.conv_transpose2d(x, w, b, stride=2, dtype=dtype)
    wanted = expected(x.astype(sums), w.astype(sums), b.astype(sums), stride=(2, 2)).astype(result)
    np.testing.assert_array_equal(y, wanted, strict=True)


def test_wide_integers_wrap_as_numpys() -> None:
    y = fc.conv_transpose1d(np.full((1, 2), 2**62), np.full((1, 1, 2), 3))
    assert y.tolist() == [[-(2**62), -(2**63), -(2**62)]]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("special", [np.nan, np.inf])
def test_nan_and_infinity_follow_arithmetic(name: str, special: float) -> None:
    """In the input; in the weight too, where every output meets the weight with elements of the input alone."""
    x, w = X.copy(), W.copy()
    x[0, 1, 2, 3] = special
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(
            fc.conv_transpose2d(x, w, stride=2, algorithm=name), expected(x, w, stride=(2, 2))
        )
        w[1, 2] = special
        x, w = x[..., :1, :1], w[..., :1, :1]
        np.testing.assert_array_equal(fc.conv_transpose2d(x, w, algorithm=name), expected(x, w))


@pytest.mark.parametrize("name", NAMES)
def test_infinite_weights_meet_no_inserted_zero(name: str) -> None:
    """The zeros that a stride puts between inputs are never multiplied; those around the input may be."""
    y = fc.conv_transpose1d(np.array([[1.0, 2, 3]]), np.array([[[1, np.inf, 1]]]), stride=2, algorithm=name)
    assert y[0, 1:-1].tolist() == [np.inf, 3, np.inf, 5, np.inf]
    y = fc.conv_transpose1d(np.array([[1.0, 2]]), np.array([[[np.inf, 1]]]), algorithm=name)
    assert y[0, :-1].tolist() == [np.inf, np.inf]
    assert y[0, -1] == 2 or np.isnan(y[0, -1])


@pytest.mark.parametrize("activation", ["relu", "silu"])
def test_activation_comes_after_the_bias(activation: str) -> None:
    y = fc.conv_transpose2d(X, W, B, stride=2, activation=activation)
    wanted = reference.activation(expected(X, W, B, stride=(2, 2)), activation)
    np.testing.assert_allclose(y, wanted, rtol=1e-15, atol=1e-300)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["float64", "int8"])
def test_layouts(layout: str, dtype: str) -> None:
    x, w, b = X.astype(dtype), W.astype(dtype), B.astype(dtype)
    wanted = fc.conv_transpose2d(x, w, b, stride=(1, 2), padding=1)
    lay = LAYOUTS[layout]
    y = fc.conv_transpose2d(lay(x), lay(w), lay(b), stride=(1, 2), padding=1)
    np.testing.assert_array_equal(y, wanted, strict=True)


def test_repeated_elements() -> None:
    x, w = np.broadcast_to(X[:1, :1, :1], X.shape), np.broadcast_to(W[:1, :, :1], W.shape)
    np.testing.assert_array_equal(fc.conv_transpose2d(x, w), fc.conv_transpose2d(x.copy(), w.copy()))


@pytest.mark.parametrize("shift", [0, 1, 37])
def test_out_may_overlap_the_input(shift: int) -> None:
    x, w = integers((1, 3, 20, 20)), integers((3, 3, 3, 3), seed=1)
    memory = np.zeros(x.size + shift)
    source, out = memory[: x.size].reshape(x.shape), memory[shift:].reshape(x.shape)
    source[...] = x
    assert fc.conv_transpose2d(source, w, padding=1, out=out) is out
    np.testing.assert_array_equal(out, expected(x, w, padding=((1, 1), (1, 1))))


def test_out_may_be_strided() -> None:
    out = np.full((2, 4, 12, 12), 77.0)[:, :, ::2, ::-2]
    assert fc.conv_transpose2d(X, W, out=out) is out
    np.testing.assert_array_equal(out, expected(X, W))


def test_lists_do() -> None:
    assert fc.conv_transpose1d([[1, 2, 3]], [[[1, 10]]], stride=2).tolist() == [[1, 10, 2, 20, 3, 30]]


@pytest.mark.parametrize(
    ("name", "options", "reason"),
    [
        (
            "fastest",
            {},
            "algorithm='fastest' is not known for conv_transpose; choose 'auto' or one of 'channels', 'direct', ",
        ),
        ("winograd", {"dtype": np.complex64}, "algorithm='winograd' cannot serve this call: .* not for complex64"),
    ],
)
def test_unknown_and_unfit_algorithms(name: Any, options: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        fc.conv_transpose2d(X, W, algorithm=name, **options)


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_same_bits_for_any_number_of_helpers(stride: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(2, 16, 24, 40)), rng.normal(size=(16, 18, 4, 4))
    size = fc.conv_transpose_output_size((24, 40), 4, stride, 1)
    found = set()
    for helpers in (0, 1, 2, 6):
        share_out(monkeypatch, helpers)
        out = np.full((2, 18, *size), np.nan)  # so that no element can be left out unseen
        found.add(fc.conv_transpose2d(x, w, stride=stride, padding=1, out=out).tobytes())
    assert len(found) == 1
