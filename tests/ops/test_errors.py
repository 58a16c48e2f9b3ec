"""Wrong calls: an error of one sentence that says what was given, before anything is computed."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import fastconv as fc
from fastconv import reference
from fastconv.jit.kernel import Kernel

X, W = np.ones((1, 2, 4, 4)), np.ones((3, 2, 2, 2))
MASKED = np.ma.masked_array(X, X > 2)

# What right calls would write to.
CONV_OUT, TRANSPOSED_OUT, POOL_OUT = np.empty((1, 3, 3, 3)), np.empty((1, 3, 5, 5)), np.empty((1, 2, 2, 2))

Call = Callable[[], Any]
Row = tuple[Call, type[Exception], str]


def conv(**options: Any) -> Call:
    """A right call of `conv2d` but for these options."""
    return lambda: fc.conv2d(**{"input": X, "weight": W, "out": CONV_OUT} | options)


def transposed(**options: Any) -> Call:
    """A right call of `conv_transpose2d` but for these options."""
    return lambda: fc.conv_transpose2d(**{"input": X, "weight": W.swapaxes(0, 1), "out": TRANSPOSED_OUT} | options)


def max_pool(**options: Any) -> Call:
    """A right call of `max_pool2d` but for these options."""
    return lambda: fc.max_pool2d(**{"input": X, "kernel_size": 2, "out": POOL_OUT} | options)


def avg_pool(**options: Any) -> Call:
    """A right call of `avg_pool2d` but for these options."""
    return lambda: fc.avg_pool2d(**{"input": X, "kernel_size": 2, "out": POOL_OUT} | options)


def adaptive(op: str = "max", **options: Any) -> Call:
    """A right call of `adaptive_max_pool2d`, or of the other one, but for these options."""
    return lambda: getattr(fc, f"adaptive_{op}_pool2d")(**{"input": X, "output_size": 2, "out": POOL_OUT} | options)


def matrix(weight: Any = W, input_size: Any = (2, 4, 4), **options: Any) -> Call:
    """A right call of `conv_matrix` but for these options."""
    return lambda: fc.conv_matrix(weight, input_size, **options)


def read_only(array: np.ndarray) -> np.ndarray:
    """The array, no longer to be written to."""
    array.flags.writeable = False
    return array


# What is no array of numbers, and the words for it.
NO_NUMBERS: list[tuple[Any, str]] = [
    (MASKED, "is a masked array"),
    (np.full(X.shape, None), "has dtype object"),
    (X.astype(str), "has dtype <U32"),
    (X.astype(bytes), "has dtype .S32"),
    (X.astype("M8[s]"), r"has dtype datetime64\[s\]"),
    (X.astype("m8[s]"), r"has dtype timedelta64\[s\]"),
    (np.zeros(X.shape, [("a", float)]), r"has dtype \[\('a', '<f8'\)\]"),
    ([[[1, 2], [3]]], "of type list cannot be made an array .*inhomogeneous"),
    (None, "has dtype object"),
    ("abc", "has dtype <U3"),
    ([2**70], "has dtype object"),
]
if np.dtype(np.longdouble).itemsize > 8:  # not on Windows
    NO_NUMBERS.append((X.astype(np.longdouble), "has dtype (float128|float96)"))
    NO_NUMBERS.append((X.astype(np.clongdouble), "has dtype (complex256|complex192)"))

ARRAYS: list[Row] = [
    *((conv(input=value), TypeError, f"input {words}") for value, words in NO_NUMBERS),
    *((conv(weight=value), TypeError, f"weight {words}") for value, words in NO_NUMBERS),
    *((conv(bias=value), TypeError, f"bias {words}") for value, words in NO_NUMBERS if value is not None),
    *((transposed(input=value), TypeError, f"input {words}") for value, words in NO_NUMBERS),
    *((max_pool(input=value), TypeError, f"input {words}") for value, words in NO_NUMBERS),
    *((avg_pool(input=value), TypeError, f"input {words}") for value, words in NO_NUMBERS),
    *((matrix(weight=value), TypeError, f"weight {words}") for value, words in NO_NUMBERS),
    (max_pool(input=X.astype(complex)), TypeError, "input has dtype complex128; pooling takes real numbers"),
    (avg_pool(input=X.astype(np.complex64)), TypeError, "input has dtype complex64; pooling takes real numbers"),
]

# What is no whole number.
FRACTIONS = [1.5, 2.0, True, "2", b"22", None, 1j, np.float64(1), np.array([1.0, 2.0]), {"a": 1}]

ADAPTIVE: list[Row] = [
    *((adaptive(output_size=v), TypeError, "output_size.* is not a whole") for v in FRACTIONS if v is not None),
    *((adaptive(op, input=value), TypeError, f"input {words}") for op in ("max", "avg") for value, words in NO_NUMBERS),
    (adaptive(input=X * 1j), TypeError, "input has dtype complex128; pooling takes real numbers"),
    (adaptive(input=X[0, 0]), ValueError, r"input has shape \(4, 4\); adaptive_max_pool2d takes"),
    (adaptive("avg", input=X[None]), ValueError, r"input has shape \(1, 1, 2, 4, 4\); adaptive_avg_pool2d takes"),
    (adaptive(input=X[..., :0]), ValueError, r"input has shape \(1, 2, 4, 0\), with an axis of no elements"),
    (adaptive(output_size=0), ValueError, "output_size=0 is too small; give at least 1"),
    (adaptive(output_size=(None, -1)), ValueError, r"output_size\[1\]=-1 is too small"),
    (adaptive(output_size=(None, None, 1)), ValueError, r"output_size=.* has 3 entries"),
    (adaptive(output_size=(None,)), TypeError, r"output_size\[0\]=None is not a whole number"),
    (adaptive("avg", dtype=np.int32), TypeError, "dtype=int32 cannot hold averages of float64 numbers"),
    (adaptive(algorithm="slab"), ValueError, "algorithm='slab' is not known for adaptive_max_pool; choose"),
]

SHAPES: list[Row] = [
    (
        conv(input=X[0, 0]),
        ValueError,
        r"input has shape \(4, 4\); conv2d takes \(N, C, H, W\) or unbatched \(C, H, W\)",
    ),
    (conv(input=X[None]), ValueError, r"input has shape \(1, 1, 2, 4, 4\)"),
    (conv(input=1.0), ValueError, r"input has shape \(\)"),
    (lambda: fc.conv1d(X, W), ValueError, r"input has shape \(1, 2, 4, 4\); conv1d takes \(N, C, W\)"),
    (lambda: fc.conv3d(X[0], W), ValueError, r"input has shape \(2, 4, 4\); conv3d takes \(N, C, D, H, W\)"),
    (transposed(input=X[0, 0]), ValueError, r"input has shape \(4, 4\); conv_transpose2d takes"),
    (max_pool(input=X[0, 0]), ValueError, r"input has shape \(4, 4\); max_pool2d takes"),
    (avg_pool(input=X[None]), ValueError, r"input has shape \(1, 1, 2, 4, 4\); avg_pool2d takes"),
    (conv(input=X[:, :, :0]), ValueError, r"input has shape \(1, 2, 0, 4\), with an axis of no elements"),
    (conv(input=X[:, :0]), ValueError, r"input has shape \(1, 0, 4, 4\), with an axis of no elements"),
    (max_pool(input=X[..., :0]), ValueError, r"input has shape \(1, 2, 4, 0\), with an axis of no elements"),
    (conv(weight=W[0]), ValueError, r"weight has shape \(2, 2, 2\); conv2d takes \(O, C / groups, 2 kernel sizes\)"),
    (conv(weight=W[None]), ValueError, r"weight has shape \(1, 3, 2, 2, 2\)"),
    (conv(weight=W[:0]), ValueError, r"weight has shape \(0, 2, 2, 2\), with an axis of no elements"),
    (conv(weight=W[..., :0]), ValueError, r"weight has shape \(3, 2, 2, 0\), with an axis of no elements"),
    (
        conv(weight=W[:, :1]),
        ValueError,
        r"weight has shape \(3, 1, 2, 2\).* input has 2 channels.* shape \(3, 2, \.\.\.\)",
    ),
    (transposed(weight=W), ValueError, r"weight has shape \(3, 2, 2, 2\).* input has 2.* \(2, O / groups, \.\.\.\)"),
    (transposed(weight=W[0]), ValueError, r"weight has shape \(2, 2, 2\); conv_transpose2d takes \(C, O / groups"),
    (conv(bias=np.ones(2)), ValueError, r"bias has shape \(2,\); .* shape \(3,\)"),
    (conv(bias=np.ones((3, 1))), ValueError, r"bias has shape \(3, 1\)"),
    (conv(bias=1.0), ValueError, r"bias has shape \(\)"),
    (transposed(bias=np.ones(2)), ValueError, r"bias has shape \(2,\); .* shape \(3,\)"),
]

NUMBERS: list[Row] = [
    *((conv(stride=v), TypeError, "stride.* is not a whole number; give an int of at least 1") for v in FRACTIONS),
    *((conv(dilation=v), TypeError, "dilation.* is not a whole number") for v in FRACTIONS),
    *((conv(padding=v), TypeError, "padding.* is not a whole number") for v in FRACTIONS if type(v) is not str),
    *((conv(groups=v), TypeError, "groups=.* is not a whole number") for v in FRACTIONS),
    *((transposed(stride=v), TypeError, "stride.* is not a whole number") for v in FRACTIONS),
    *((transposed(output_padding=v), TypeError, "output_padding.* is not a whole number") for v in FRACTIONS),
    *((transposed(output_size=v), TypeError, "output_size.* is not a whole") for v in FRACTIONS if v is not None),
    *((max_pool(kernel_size=v), TypeError, "kernel_size.* is not a whole number") for v in FRACTIONS),
    *((avg_pool(stride=v), TypeError, "stride.* is not a whole number") for v in FRACTIONS if v is not None),
    (avg_pool(divisor_override=1.5), TypeError, "divisor_override=1.5 is not a whole number"),
    (avg_pool(divisor_override=0), ValueError, "divisor_override=0 cannot divide"),
    (avg_pool(input=X.astype(np.uint8), divisor_override=-1), ValueError, "divisor_override=-1 cannot divide .* uint8"),
    (avg_pool(input=X > 0, divisor_override=-1), ValueError, "divisor_override=-1 cannot divide sums of bool"),
    (conv(stride=0), ValueError, "stride=0 is too small; give at least 1"),
    (conv(stride=(1, -2)), ValueError, r"stride\[1\]=-2 is too small"),
    (conv(dilation=0), ValueError, "dilation=0 is too small"),
    (conv(padding=-1), ValueError, "padding=-1 is too small; give at least 0"),
    (conv(padding=((0, 0), (0, -1))), ValueError, r"padding\[1\]\[1\]=-1 is too small"),
    (transposed(padding=(1, -1)), ValueError, r"padding\[1\]=-1 is too small"),
    (transposed(output_padding=-1), ValueError, "output_padding=-1 is too small"),
    (transposed(output_size=0), ValueError, "output_size=0 is too small"),
    (max_pool(kernel_size=0), ValueError, "kernel_size=0 is too small"),
    (max_pool(kernel_size=(2, -1)), ValueError, r"kernel_size\[1\]=-1 is too small"),
    (
        conv(stride=(1, 2, 3)),
        ValueError,
        r"stride=\(1, 2, 3\) has 3 entries; give one int, or one for each of 2 spatial",
    ),
    (conv(padding=()), ValueError, r"padding=\(\) has 0 entries"),
    (conv(padding=(1, 2, 3, 4)), ValueError, r"padding=\(1, 2, 3, 4\) has 4 entries"),
    (conv(padding=((1, 2), (3, 4, 5))), ValueError, r"padding=.* is not one \(before, after\) pair for each of 2"),
    (conv(padding=((1, 2),) * 3), ValueError, r"padding=.* is not one \(before, after\) pair for each of 2"),
    (conv(padding=((1, 2), 3)), ValueError, r"padding=.* is not one \(before, after\) pair for each of 2"),
    (max_pool(kernel_size=(2, 2, 2)), ValueError, r"kernel_size=\(2, 2, 2\) has 3 entries"),
]

GROUPS: list[Row] = [
    (conv(groups=0), ValueError, "groups=0 is too small"),
    (conv(groups=2), ValueError, "groups=2 does not divide the 3 output channels; give a divisor of both 2 and 3: 1"),
    (conv(groups=5), ValueError, "groups=5 does not divide the 2 input channels"),
    (conv(input=X[:, :1], weight=np.ones((4, 1, 2, 2)), groups=2), ValueError, "groups=2 does not divide the 1 input"),
    (transposed(groups=3), ValueError, "groups=3 does not divide the 2 input channels; .* of both 2 and 9: 1"),
    (matrix(groups=2), ValueError, "groups=2 does not divide"),
]

SIZES: list[Row] = [
    (conv(weight=np.ones((3, 2, 5, 2))), ValueError, "output would be empty: a kernel of 5 .* input has 4 .* pad more"),
    (conv(dilation=4), ValueError, "output would be empty: a kernel of 2 at dilation 4 reaches over 5 positions"),
    (conv(weight=np.ones((3, 2, 7, 7)), padding=1), ValueError, r"output would be empty: .* with padding \(1, 1\)"),
    (max_pool(kernel_size=5), ValueError, "output would be empty: a kernel of 5"),
    (max_pool(kernel_size=9, stride=2, ceil_mode=True), ValueError, "output would be empty: a kernel of 9"),
    (
        transposed(padding=3),
        ValueError,
        r"output would be empty: 4 elements at stride 1 .* padding \(3, 3\) crops them all",
    ),
    (
        max_pool(padding=2),
        ValueError,
        r"padding=\(2, 2\) would give windows of padding alone; .* at most 1 on each side",
    ),
    (avg_pool(padding=((0, 0), (0, 2))), ValueError, r"padding=\(0, 2\) would give windows of padding alone"),
    (max_pool(padding=3, dilation=2), ValueError, r"padding=\(3, 3\) .* reaches over 3 positions takes at most 2"),
    (max_pool(input=X[..., :1, :1], padding=1, dilation=2), ValueError, "would step over the whole input of 1"),
    (avg_pool(input=X[..., :1], padding=(0, 1), dilation=(1, 2)), ValueError, "would step over the whole input of 1"),
    (max_pool(padding="same", ceil_mode=True), ValueError, "padding='same' leaves ceil_mode nothing to round"),
    (
        transposed(stride=2, output_padding=2),
        ValueError,
        "output_padding=2 is too large; .* stride 2 or the dilation 1",
    ),
    (transposed(output_size=7), ValueError, "output_size=7 cannot be reached: .* between 5 and 5"),
    (transposed(stride=3, output_size=(12, 10)), ValueError, "output_size=10 cannot be reached: .* between 11 and 13"),
    (transposed(output_size=(5, 5, 5)), ValueError, r"output_size=\(5, 5, 5\) has 3 entries"),
    (
        transposed(stride=2, output_padding=1, output_size=9),
        ValueError,
        "output_padding=1 and output_size=9 say the same thing; give one of them",
    ),
]

NAMES: list[Row] = [
    (conv(padding="SAME"), ValueError, "padding='SAME' is not known; .* 'valid', 'same', 'same_lower', 'full'"),
    (conv(padding="2"), ValueError, "padding='2' is not known"),
    (transposed(padding="half"), ValueError, "padding='half' is not known"),
    (max_pool(padding="half"), ValueError, "padding='half' is not known"),
    (conv(padding_mode="mirror"), ValueError, "padding_mode='mirror' is not known; choose one of 'zeros', 'reflect'"),
    (conv(padding_mode=None), ValueError, "padding_mode=None is not known"),
    (conv(padding_mode=0), ValueError, "padding_mode=0 is not known"),
    (conv(activation="gelu"), ValueError, "activation='gelu' is not known for float64 results; choose .* 'relu'"),
    (conv(activation=3), ValueError, "activation=3 is not known"),
    (
        conv(input=X.astype(np.int8), weight=W.astype(np.int8), activation="silu", out=None),
        ValueError,
        "activation='silu' is not known for int32 results; choose one of None, 'relu', 'relu6'",
    ),
    (conv(weight=W + 0j, activation="relu", out=None), ValueError, "activation='relu' is not known for complex128"),
    (conv(algorithm="fastest"), ValueError, "algorithm='fastest' is not known for conv; choose 'auto' or one of"),
]

DTYPES: list[Row] = [
    (conv(dtype=np.int64), TypeError, "dtype=int64 cannot hold a result of float64 numbers; give a floating"),
    (conv(dtype=bool), TypeError, "dtype=bool cannot hold a result of float64 numbers"),
    (conv(weight=W + 0j, dtype=float), TypeError, "dtype=float64 cannot hold a result of complex128 numbers"),
    (conv(input=X > 0, weight=W > 0, dtype=np.uint8), TypeError, "dtype=uint8 cannot hold a result of int32 numbers"),
    (conv(dtype="banana"), TypeError, "dtype='banana' is not a dtype"),
    (conv(dtype=object), TypeError, "dtype=object is not supported"),
    (conv(dtype=np.longdouble), TypeError, "dtype=.* is not supported"),
    (conv(dtype="U3"), TypeError, "dtype=<U3 is not supported"),
    (conv(dtype="M8[s]"), TypeError, r"dtype=datetime64\[s\] is not supported"),
    (avg_pool(dtype=np.int32), TypeError, "dtype=int32 cannot hold averages of float64 numbers; give float64"),
    (avg_pool(dtype=np.complex64), TypeError, "dtype=complex64 cannot hold averages"),
    (avg_pool(input=X.astype(np.int64), dtype=np.uint64), TypeError, "dtype=uint64 cannot hold averages of int64"),
    (matrix(index_dtype=np.int16), ValueError, "index_dtype=int16 is not an index type; give np.int32 or np.int64"),
    (matrix(index_dtype=np.uint32), ValueError, "index_dtype=uint32 is not an index type"),
]


def wrong_outs(call: Callable[..., Call], shape: tuple[int, ...]) -> list[Row]:
    """Outs that cannot take a float64 result of this shape."""
    fits = re.escape(str(shape))
    return [
        (
            call(out=np.empty(shape[1:])),
            ValueError,
            rf"out has shape .*; the result needs shape {fits} and dtype float64",
        ),
        (
            call(out=np.empty(shape, np.float32)),
            ValueError,
            rf"out has shape {fits} and dtype float32; the result needs",
        ),
        (call(out=np.empty(shape, ">f8")), ValueError, "out has shape .* and dtype >f8; the result needs"),
        (call(out=read_only(np.empty(shape))), ValueError, "out is read-only; give an array that can be written to"),
        (call(out=np.empty(shape).tolist()), TypeError, f"out is of type list; give a NumPy array of shape {fits}"),
        (call(out=np.ma.empty(shape)), TypeError, "out is of type MaskedArray; give a NumPy array"),
        (call(out=True), TypeError, "out is of type bool; give a NumPy array"),
    ]


OUTS: list[Row] = [
    *wrong_outs(conv, CONV_OUT.shape),
    *wrong_outs(transposed, TRANSPOSED_OUT.shape),
    *wrong_outs(max_pool, POOL_OUT.shape),
    *wrong_outs(avg_pool, POOL_OUT.shape),
    *wrong_outs(adaptive, POOL_OUT.shape),
]

SMALL = fc.conv_matrix(np.ones((2, 2)), (3, 3))
WHOLE = fc.conv_matrix(np.ones((2, 2), np.int8), (3, 3))
assert SMALL.T.shape == (9, 4), "products from the left use the transpose, which is now made"

MATRICES: list[Row] = [
    (matrix(input_size=5), ValueError, r"input_size=5 is not a size; give \(C, \*spatial\) or \(\*spatial\)"),
    (matrix(input_size=()), ValueError, r"input_size=\(\) is not a size"),
    (matrix(input_size=(2, 4, 0)), ValueError, r"input_size\[2\]=0 is too small"),
    (matrix(input_size=(2, 4.0, 4)), TypeError, r"input_size\[1\]=4.0 is not a whole number"),
    (
        matrix(input_size=(4,)),
        ValueError,
        r"weight has shape \(3, 2, 2, 2\) and input_size=\(4,\); give \(O, C / groups",
    ),
    (matrix(input_size=(3, 4, 4)), ValueError, "weight has shape .* input has 3 channels"),
    (matrix(np.ones(()), (4,)), ValueError, r"weight has shape \(\) and input_size=\(4,\)"),
    (matrix(np.ones(0), (4,)), ValueError, r"weight has shape \(0,\), with an axis of no elements"),
    (matrix(np.ones(3), (4,), groups=2), ValueError, "groups=2 needs channels"),
    (matrix(np.ones(5), (4,)), ValueError, "output would be empty: a kernel of 5"),
    (matrix(np.ones(3), (4,), padding="half"), ValueError, "padding='half' is not known"),
    (matrix(np.ones(3), (4,), padding_mode="mirror"), ValueError, "padding_mode='mirror' is not known"),
    (matrix(np.ones(3), (4,), stride=0), ValueError, "stride=0 is too small"),
    (lambda: SMALL @ np.ones(4), ValueError, r"a matrix of shape \(4, 9\) cannot multiply an array of shape \(4,\)"),
    (lambda: SMALL @ np.ones((3, 3)), ValueError, r"cannot multiply an array of shape \(3, 3\); .* apply\(image\)"),
    (lambda: SMALL @ 2.0, ValueError, r"cannot multiply an array of shape \(\)"),
    (lambda: SMALL @ np.ma.ones(9), TypeError, "the operand is a masked array"),
    (lambda: SMALL @ (["a"] * 9), TypeError, "the operand has dtype <U1"),
    (lambda: np.ones(9) @ SMALL, ValueError, r"array of shape \(9,\) cannot multiply a matrix"),
    (lambda: SMALL.apply(np.ones((3, 4))), ValueError, r"input has shape \(3, 4\); this matrix takes \(3, 3\) or a"),
    (lambda: SMALL.apply(np.ones((2, 2, 3, 3))), ValueError, r"input has shape \(2, 2, 3, 3\)"),
    (
        lambda: SMALL.update(np.ones((3, 3))),
        ValueError,
        r"weight has shape \(3, 3\); this matrix was made for \(2, 2\)",
    ),
    (lambda: WHOLE.update(np.full((2, 2), 2**40)), TypeError, "weight has dtype int64, .* matrix of int32"),
    (lambda: SMALL.update(np.ones((2, 2)) * 1j), TypeError, "weight has dtype complex128, .* matrix of float64"),
]

SIZE_FUNCTIONS: list[Row] = [
    (lambda: fc.conv_output_size(0, 3), ValueError, "input_size=0 is too small"),
    (lambda: fc.conv_output_size(5, 0), ValueError, "kernel_size=0 is too small"),
    (lambda: fc.conv_output_size(5.0, 3), TypeError, "input_size=5.0 is not a whole number"),
    (lambda: fc.conv_output_size((5, 5), (3, 3, 3)), ValueError, r"input_size=\(5, 5\) has 2 entries"),
    (lambda: fc.conv_output_size(3, 5), ValueError, "output would be empty"),
    (lambda: fc.conv_output_size(5, 3, padding="half"), ValueError, "padding='half' is not known"),
    (lambda: fc.conv_transpose_output_size(1, 3, padding=2), ValueError, "output would be empty"),
    (lambda: fc.conv_transpose_output_size(3, 3, 2, 0, 2), ValueError, "output_padding=2 is too large"),
    (lambda: fc.pool_output_size(5, 3, padding=3), ValueError, "would give windows of padding alone"),
    (lambda: fc.pool_output_size(1, 2, 1, 1, 2), ValueError, "would step over the whole input of 1"),
]

# What NumPy or the kernels would stumble over, if it came through to them.
STRANGE: list[Row] = [
    (conv(stride=2**70, out=None), ValueError, "stride=1180591620717411303424 is too large"),
    (conv(padding=2**40, out=None), ValueError, "padding=1099511627776 is too large"),
    (conv(dilation=2**31, out=None), ValueError, "dilation=2147483648 is too large"),
    (avg_pool(divisor_override=2**70), ValueError, "divisor_override=1180591620717411303424 is too large"),
    (max_pool(kernel_size=2**70), ValueError, "kernel_size=1180591620717411303424 is too large"),
    (conv(stride=[1, [2]]), TypeError, r"stride\[1\]=\[2\] is not a whole number"),
    (conv(algorithm=["tile"]), TypeError, r"algorithm=\['tile'\] is not a name"),
    (conv(algorithm=None), TypeError, "algorithm=None is not a name; give 'auto' or one that explain"),
    (conv(padding_mode=np.array(["zeros", "reflect"])), ValueError, "padding_mode=array.* is not known"),
    (conv(activation=np.array(["relu", "tanh"])), ValueError, "activation=array.* is not known"),
    (conv(dtype="f4,,"), TypeError, "dtype='f4,,' is not a dtype"),
    (matrix(index_dtype="banana"), TypeError, "index_dtype='banana' is not a dtype"),
    (lambda: np.ma.ones(4) @ SMALL, TypeError, "is a masked array"),
]


@pytest.fixture(autouse=True)
def _nothing_is_computed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def computed(*arguments: Any, **options: Any) -> None:
        pytest.fail("something was computed before the arguments were checked")

    monkeypatch.setattr(Kernel, "run", computed)
    for name in reference.__all__:
        monkeypatch.setattr(reference, name, computed)
    return


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        *ARRAYS,
        *ADAPTIVE,
        *SHAPES,
        *NUMBERS,
        *GROUPS,
        *SIZES,
        *NAMES,
        *DTYPES,
        *OUTS,
        *MATRICES,
        *SIZE_FUNCTIONS,
        *STRANGE,
    ],
)
def test_wrong_calls(call: Call, error: type[Exception], words: str) -> None:
    """One line, one sentence, with what was given, and nothing written."""
    for out in (CONV_OUT, TRANSPOSED_OUT, POOL_OUT):
        out[...] = 77
    with pytest.raises(error) as caught:
        call()
    message = str(caught.value)
    assert re.search(words, message), message
    assert "\n" not in message
    assert message.endswith(".")
    for out in (CONV_OUT, TRANSPOSED_OUT, POOL_OUT):
        assert (out == 77).all()
