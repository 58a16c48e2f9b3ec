"""K': the notes' matrix, the arrays that hold it, products and transposes, and SciPy's view of it."""

import itertools
import re
from typing import Any

import numpy as np
import pytest
import scipy.linalg
import scipy.sparse
import scipy.sparse.linalg

import fastconv as fc
from fastconv import reference
from fastconv.kernels import csr
from fastconv.kernels.csr import PIECE
from properties.strategies import LAYOUTS, PADDING_MODES, integers
from sharing import share_out

# Weight, input size, and options; reference matrices are written for (C, *spatial).
CALLS: dict[str, tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = {
    "1d": ((3, 2, 3), (2, 7), {}),
    "1d, strided and dilated": ((3, 2, 3), (2, 11), {"stride": 2, "padding": 2, "dilation": 3}),
    "2d": ((4, 3, 3, 2), (3, 5, 6), {}),
    "2d, padded": ((2, 1, 3, 3), (1, 5, 4), {"padding": ((2, 0), (1, 3))}),
    "2d in groups": ((4, 2, 2, 3), (4, 5, 6), {"groups": 2, "stride": (2, 1), "padding": 1}),
    "2d, depthwise": ((3, 1, 3, 3), (3, 6, 6), {"groups": 3, "padding": "same"}),
    "2d, wide": ((2, 1, 3, 3), (1, 9, 40), {"padding": 1}),
    "3d": ((2, 2, 2, 2, 3), (2, 4, 3, 5), {"stride": (1, 2, 1), "padding": (0, 1, 2)}),
}


def pairs(padding: Any, kernel: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """A padding of `CALLS` in the words of the reference."""
    if padding == "same":
        return tuple(((k - 1) // 2, k // 2) for k in kernel)
    each = (padding,) * len(kernel) if isinstance(padding, int) else padding
    return tuple((p, p) if isinstance(p, int) else p for p in each)


def spelled(call: str) -> tuple[np.ndarray, tuple[int, ...], dict[str, Any]]:
    """Weights, input size and options of a call, all of them as the reference wants them."""
    w_shape, size, options = CALLS[call]
    rank = len(w_shape) - 2

    def each(value: Any) -> tuple[int, ...]:
        return (value,) * rank if isinstance(value, int) else value

    return (
        integers(w_shape, seed=1),
        size,
        {
            "stride": each(options.get("stride", 1)),
            "padding": pairs(options.get("padding", 0), w_shape[2:]),
            "dilation": each(options.get("dilation", 1)),
            "groups": options.get("groups", 1),
        },
    )


# A small matrix for what does not depend on sizes, with complex and real weights.
W = integers((4, 2, 2, 3), seed=1)
W_COMPLEX = integers((4, 2, 2, 3), np.complex128, seed=1)
SIZE, OPTIONS = (4, 5, 6), {"groups": 2, "stride": (2, 1), "padding": ((1, 1), (1, 1)), "dilation": (1, 1)}


def matrix(weight: np.ndarray = W) -> fc.ConvMatrix:
    return fc.conv_matrix(weight, SIZE, **OPTIONS)


def dense(weight: np.ndarray = W) -> np.ndarray:
    return reference.conv_matrix(weight, SIZE, **OPTIONS)


def test_the_matrix_of_the_notes() -> None:
    """A 3x3 kernel on a 4x4 input: 4 x 16, one row for each place of the kernel."""
    k = np.arange(1, 10).reshape(3, 3)
    first = [1, 2, 3, 0, 4, 5, 6, 0, 7, 8, 9, 0]
    rows = [first + [0] * 4, [0] + first + [0] * 3, [0] * 4 + first, [0] * 5 + first[:-1]]
    a = fc.conv_matrix(k, (4, 4))
    assert a.shape == (4, 16)
    assert a.toarray().tolist() == rows
    x, y = integers((4, 4), int), integers((2, 2), int, 1)
    np.testing.assert_array_equal(a @ x.ravel(), fc.conv2d(x[None], k[None, None]).ravel())
    np.testing.assert_array_equal(a.T @ y.ravel(), fc.conv_transpose2d(y[None], k[None, None]).ravel())


@pytest.mark.parametrize("mode", PADDING_MODES)
@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("call", CALLS)
def test_entries(call: str, flip: bool, mode: str) -> None:
    w, size, options = spelled(call)
    expected = reference.conv_matrix(w, size, **options, padding_mode=mode, flip=flip)
    a = fc.conv_matrix(w, size, **CALLS[call][2], padding_mode=mode, flip=flip)
    assert a.shape == expected.shape
    np.testing.assert_array_equal(a.toarray(), expected, strict=True)
    np.testing.assert_array_equal(a.T.toarray(), expected.T)


@pytest.mark.parametrize("mode", PADDING_MODES)
@pytest.mark.parametrize("call", CALLS)
def test_arrays_hold_each_entry_once_in_order(call: str, mode: str) -> None:
    w, size, options = spelled(call)
    pattern = reference.conv_matrix(np.ones(w.shape), size, **options, padding_mode=mode) != 0
    a = fc.conv_matrix(w, size, **options, padding_mode=mode)
    for side, expected in ((a, pattern), (a.T, pattern.T)):
        rows, columns = np.nonzero(expected)
        assert side.nnz == side.data.size == side.indices.size == len(columns)
        assert side.indptr.tolist() == np.searchsorted(rows, np.arange(expected.shape[0] + 1)).tolist()
        np.testing.assert_array_equal(side.indices, columns)
        assert side.nbytes == side.data.nbytes + side.indices.nbytes + side.indptr.nbytes
        for array in (side.data, side.indices, side.indptr):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 0


def test_a_matrix_without_entries() -> None:
    """Padding so wide that the only window misses the input."""
    for _ in range(20):
        np.full(2, -7, np.int32)  # leaves its memory to whoever allocates next
        a = fc.conv_matrix(np.ones(1), (1,), stride=2, padding=((1, 0),))
        assert a.nnz == 0
        assert a.indptr.tolist() == a.T.indptr.tolist() == [0, 0]
        a.update(np.ones(1))
        assert (a @ np.ones(1)).tolist() == (a.T @ np.ones(1)).tolist() == [0]
        assert a.toarray().tolist() == a.to_scipy().toarray().tolist() == [[0]]


def test_kernels_without_channels() -> None:
    for rank in (1, 2, 3):
        size, kernel = (5, 4, 6)[:rank], integers((2, 3, 2)[:rank], seed=1)
        a = fc.conv_matrix(kernel, size, padding=1)
        assert a.input_size == size
        np.testing.assert_array_equal(
            a.toarray(), fc.conv_matrix(kernel[None, None], (1, *size), padding=1).toarray(), strict=True
        )
        assert a.apply(np.ones(size)).shape == a.output_size


def test_channels_may_be_left_to_the_weight() -> None:
    for weight, size in (((4, 3, 3), (9,)), ((4, 3, 3, 2), (5, 6))):
        w = integers(weight)
        np.testing.assert_array_equal(fc.conv_matrix(w, size).toarray(), fc.conv_matrix(w, (3, *size)).toarray())
    a = fc.conv_matrix(integers((4, 2, 3)), (9,), groups=2)
    assert a.input_size == (4, 9)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_of_the_weight(layout: str) -> None:
    np.testing.assert_array_equal(matrix(LAYOUTS[layout](W)).toarray(), dense())


@pytest.mark.parametrize(
    ("dtype", "kept"),
    [
        ("bool", "int32"),
        ("int8", "int32"),
        ("uint8", "int32"),
        ("int16", "int64"),
        ("uint64", "int64"),
        ("float16", "float32"),
        ("float32", "float32"),
        ("float64", "float64"),
        ("complex64", "complex64"),
        ("complex128", "complex128"),
    ],
)
def test_dtypes(dtype: str, kept: str) -> None:
    """Entries are kept as they are summed, and results have the dtype that convolutions give."""
    w, x = integers(W.shape, dtype, 1), integers(SIZE, dtype, 2)
    a = matrix(w)
    assert a.dtype == a.data.dtype == a.T.dtype == kept
    np.testing.assert_array_equal(a.toarray(), dense(w.astype(kept)), strict=True)
    expected = fc.conv2d(x, w, **OPTIONS).ravel()
    np.testing.assert_array_equal(a @ x.ravel(), expected, strict=True)


@pytest.mark.parametrize(
    ("w_dtype", "x_dtype", "result"),
    [
        ("int8", "uint8", "int32"),
        ("int8", "int16", "int64"),
        ("int8", "float32", "float32"),
        ("float32", "float64", "float64"),
        ("float64", "float32", "float64"),
        ("float32", "complex64", "complex64"),
        ("complex64", "float64", "complex128"),
    ],
)
def test_products_promote(w_dtype: str, x_dtype: str, result: str) -> None:
    w, x = integers(W.shape, w_dtype, 1), integers(SIZE, x_dtype, 2)
    expected = dense(w).astype(result) @ x.ravel().astype(result)
    np.testing.assert_array_equal(matrix(w) @ x.ravel(), expected, strict=True)


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_index_dtype(dtype: type) -> None:
    assert matrix().indices.dtype == matrix().indptr.dtype == np.int32
    a = fc.conv_matrix(W, SIZE, **OPTIONS, index_dtype=dtype)
    assert a.indices.dtype == a.indptr.dtype == a.T.indices.dtype == dtype
    np.testing.assert_array_equal(a.toarray(), dense())
    np.testing.assert_array_equal(a.T @ np.ones(a.shape[0]), dense().T @ np.ones(a.shape[0]))


@pytest.mark.parametrize("weight", [W, W_COMPLEX], ids=["real", "complex"])
def test_products_and_transposes(weight: np.ndarray) -> None:
    a, expected = matrix(weight), dense(weight)
    rows, columns = a.shape
    v, m = integers((columns,)), integers((columns, 5), seed=1)
    u, n = integers((rows,), seed=2), integers((rows, 5), seed=3)
    for actual, wanted in [
        (a @ v, expected @ v),
        (a @ m, expected @ m),
        (a @ m[:, :1], expected @ m[:, :1]),
        (a @ m[:, :0], expected @ m[:, :0]),
        (a.dot(v), expected @ v),
        (a.matvec(v), expected @ v),
        (a.matvec(v[:, None]), expected @ v[:, None]),
        (a.matmat(m), expected @ m),
        (a.T @ u, expected.T @ u),
        (a.T @ n, expected.T @ n),
        (a.H @ u, expected.conj().T @ u),
        (a.rmatvec(u), expected.conj().T @ u),
        (a.rmatmat(n), expected.conj().T @ n),
        (u @ a, u @ expected),
        (n.T @ a, n.T @ expected),
        (v @ a.T, v @ expected.T),
        (a.conj() @ v, expected.conj() @ v),
        (a.T.conj() @ u, expected.conj().T @ u),
        (a.transpose() @ u, expected.T @ u),
        (a.adjoint() @ u, expected.conj().T @ u),
        (a @ v.tolist(), expected @ v),
        (a @ LAYOUTS["strided"](m), expected @ m),
        (a @ LAYOUTS["fortran"](m), expected @ m),
        (a @ LAYOUTS["byte-swapped"](v), expected @ v),
        (a @ LAYOUTS["misaligned"](v), expected @ v),
        (a @ LAYOUTS["read-only"](v), expected @ v),
    ]:
        np.testing.assert_array_equal(actual, wanted, strict=True)


def test_transposes_lead_back() -> None:
    a, c = matrix(), matrix(W_COMPLEX)
    assert a.T.T is a
    assert a.T is a.T
    assert a.H is a.T
    assert a.conj() is a
    assert a.ndim == a.T.ndim == 2
    np.testing.assert_array_equal(c.H.toarray(), dense(W_COMPLEX).conj().T)
    np.testing.assert_array_equal(c.H.H.toarray(), dense(W_COMPLEX))
    np.testing.assert_array_equal(c.T.H.toarray(), dense(W_COMPLEX).conj())


def test_apply() -> None:
    a = matrix()
    x, y = integers((3, *SIZE)), integers((3, *a.output_size), seed=1)
    expected = fc.conv2d(x, W, **OPTIONS)
    assert a.input_size == SIZE
    assert a.output_size == expected.shape[1:]
    np.testing.assert_array_equal(a.apply(x), expected, strict=True)
    np.testing.assert_array_equal(a.apply(x[0]), expected[0], strict=True)
    back = fc.conv_transpose2d(y, W, output_size=SIZE[1:], **OPTIONS)
    assert (a.T.input_size, a.T.output_size) == (a.output_size, a.input_size)
    np.testing.assert_array_equal(a.T.apply(y), back, strict=True)
    np.testing.assert_array_equal(a.apply(LAYOUTS["strided"](x)), expected, strict=True)
    np.testing.assert_array_equal(a.apply(x.tolist()), expected, strict=True)


def test_apply_to_an_empty_batch() -> None:
    a = matrix()
    assert a.apply(np.zeros((0, *SIZE))).shape == (0, *a.output_size)


def test_update() -> None:
    a = matrix()
    transpose = a.T
    indices = a.indices
    other = integers(W.shape, seed=5)
    assert a.update(other) is a
    np.testing.assert_array_equal(a.toarray(), dense(other))
    np.testing.assert_array_equal(transpose.toarray(), dense(other).T)
    assert a.T is transpose
    assert np.shares_memory(a.indices, indices)
    transpose.update(W)
    np.testing.assert_array_equal(a.toarray(), dense())
    np.testing.assert_array_equal(transpose.toarray(), dense().T)
    other[...] = 77  # the matrix has taken a copy
    np.testing.assert_array_equal(a.T.toarray(), dense().T)
    a.update(W.astype(np.int8))
    assert a.dtype == np.float64


def test_update_before_the_transpose_is_made() -> None:
    a = matrix()
    other = integers(W.shape, seed=5)
    a.update(other)
    np.testing.assert_array_equal(a.T.toarray(), dense(other).T)


@pytest.mark.parametrize(("dtype", "index_dtype"), [(np.float64, None), (np.float32, np.int32), (np.complex128, None)])
def test_to_scipy_shares_memory(dtype: type, index_dtype: Any) -> None:
    a = fc.conv_matrix(W.astype(dtype), SIZE, **OPTIONS, index_dtype=index_dtype)
    s = a.to_scipy()
    assert isinstance(s, scipy.sparse.csr_array)
    assert (s.shape, s.dtype, s.nnz) == (a.shape, a.dtype, a.nnz)
    assert s.has_canonical_format
    for ours, theirs in ((a.data, s.data), (a.indices, s.indices), (a.indptr, s.indptr)):
        assert np.shares_memory(ours, theirs)
    np.testing.assert_array_equal(s.toarray(), a.toarray())
    v = integers((a.shape[1],))
    np.testing.assert_array_equal(s @ v, a @ v)
    np.testing.assert_array_equal((s.T @ s).toarray(), a.toarray().T @ a.toarray())


def test_to_scipy_with_wide_indices() -> None:
    a = fc.conv_matrix(W, SIZE, **OPTIONS, index_dtype=np.int64)
    np.testing.assert_array_equal(a.to_scipy().toarray(), dense())
    assert np.shares_memory(a.to_scipy().data, a.data)


def test_scipy_takes_it_as_an_operator() -> None:
    for weight in (W, W_COMPLEX):
        a, expected = matrix(weight), dense(weight)
        operator = scipy.sparse.linalg.aslinearoperator(a)
        assert (operator.shape, operator.dtype) == (a.shape, a.dtype)
        v, u = integers((a.shape[1],)), integers((a.shape[0],), seed=1)
        np.testing.assert_array_equal(operator @ v, expected @ v)
        np.testing.assert_array_equal(operator.H @ u, expected.conj().T @ u)
        np.testing.assert_array_equal(operator.T @ u, expected.T @ u)
        m = integers((a.shape[1], 3))
        np.testing.assert_array_equal(operator @ m, expected @ m)


def test_least_squares_and_conjugate_gradients() -> None:
    """Undo a blur: more equations than unknowns, and well conditioned by a heavy centre."""
    kernel = np.array([[1.0, 2, 1], [2, 20, 2], [1, 2, 1]])
    a = fc.conv_matrix(kernel, (8, 9), padding="full")
    x = integers((72,))
    b = a @ x
    np.testing.assert_allclose(scipy.sparse.linalg.lsqr(a, b, atol=1e-13, btol=1e-13)[0], x, atol=1e-9)

    normal = scipy.sparse.linalg.LinearOperator((72, 72), matvec=lambda v: a.T @ (a @ v), dtype=a.dtype)
    solution, failed = scipy.sparse.linalg.cg(normal, a.T @ b, rtol=1e-13)
    assert not failed
    np.testing.assert_allclose(solution, x, atol=1e-9)

    largest = scipy.sparse.linalg.svds(a, k=1, return_singular_vectors=False, random_state=0)[0]
    np.testing.assert_allclose(largest, np.linalg.norm(a.toarray(), 2), rtol=1e-9)


@pytest.mark.parametrize("mode", ["full", "valid", "same"])
def test_scipys_convolution_matrix(mode: str) -> None:
    """The textbook's, which flips; its "same" puts the odd zero before the input."""
    kernel = integers((4,))
    padding = {"same": "same_lower"}.get(mode, mode)
    a = fc.conv_matrix(kernel, (9,), padding=padding, flip=True)
    np.testing.assert_array_equal(a.toarray(), scipy.linalg.convolution_matrix(kernel, 9, mode))


def test_circular_padding_is_a_circulant_matrix() -> None:
    kernel = integers((4,))
    a = fc.conv_matrix(kernel, (7,), padding=((3, 0),), padding_mode="circular", flip=True)
    np.testing.assert_array_equal(a.toarray(), scipy.linalg.circulant(np.pad(kernel, (0, 3))))


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (
            fc.conv_matrix(np.ones((3, 3)), (4, 4)),
            "<ConvMatrix 4 x 16, float64, 36 entries: kernel 3 x 3 on (4, 4) to (2, 2)>",
        ),
        (
            fc.conv_matrix(np.ones((3, 3)), (4, 4)).T,
            "<ConvMatrix 16 x 4, float64, 36 entries: transposed kernel 3 x 3 on (2, 2) to (4, 4)>",
        ),
        (
            fc.conv_matrix(np.ones((2, 1, 3), np.int8), (1, 5), padding=1),
            "<ConvMatrix 10 x 5, int32, 26 entries: kernel 3 on (1, 5) to (2, 5)>",
        ),
    ],
)
def test_repr_says_what_it_is(made: fc.ConvMatrix, words: str) -> None:
    assert repr(made) == words


def test_same_arrays_for_any_number_of_helpers(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    w, v, m = rng.normal(size=(5, 3, 3, 3)), rng.normal(size=3 * 20 * 30), rng.normal(size=(3 * 20 * 30, 3))
    found = set()
    for i, helpers in enumerate((0, 1, 2, 6)):
        share_out(monkeypatch, helpers)
        # Powers of two scale all bits alike, and what one of them left in memory is wrong for the next.
        a = fc.conv_matrix(w * 2**i, (3, 20, 30), padding=2, padding_mode="reflect")
        values = (array / 2**i for array in (a.data, a.T.data, a @ v, a @ m))
        arrays = (a.indices, a.indptr, a.T.indices, a.T.indptr, *values)
        found.add(b"".join(array.tobytes() for array in arrays))
    assert len(found) == 1


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_long_lines_are_built_in_pieces(stride: int) -> None:
    length = 3 * PIECE + 5
    w = np.arange(1, 13, dtype=np.float64).reshape(2, 2, 3)
    matrix = fc.conv_matrix(w, (2, length), stride, padding=2, dilation=2)
    x = np.random.default_rng(0).integers(-9, 9, (2, length)).astype(np.float64)
    y = fc.conv1d(x, w, stride=stride, padding=2, dilation=2, algorithm="reference")
    assert np.array_equal(matrix @ x.ravel(), y.ravel())
    assert np.vdot(matrix @ x.ravel(), y.ravel()) == np.vdot(x.ravel(), matrix.T @ y.ravel())
    assert all((np.diff(matrix.T.indices[a:b]) > 0).all() for a, b in itertools.pairwise(matrix.T.indptr[:99]))


def test_pieces_do_not_wait_for_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    w, size = np.arange(1, 7, dtype=np.float64).reshape(2, 1, 3), (1, 2 * PIECE + 9)
    usual = fc.conv_matrix(w, size)

    def last_first(tasks: int, nanoseconds: float, *arrays: np.ndarray) -> None:
        for task in reversed(range(tasks)):
            csr.build.bind(*[array.dtype for array in arrays]).run_serial(task + 1, *arrays, begin=task)

    monkeypatch.setattr(csr.build, "run", last_first)
    turned = fc.conv_matrix(w, size)
    for name in ("data", "indices", "indptr"):
        assert np.array_equal(getattr(turned, name), getattr(usual, name)), name


def test_what_it_names_is_what_it_holds() -> None:
    assert not re.search("object at", repr(matrix()))
    assert matrix().shape == dense().shape


@pytest.mark.parametrize("columns", [1, 3, 4, 5, 15, 16, 17, 40])
def test_products_with_few_and_many_columns(columns: int) -> None:
    a = fc.conv_matrix(integers((2, 3, 3, 2), seed=1), (3, 5, 6), padding=1)
    m = integers((a.shape[1], columns), seed=2)
    np.testing.assert_array_equal(a @ m, a.toarray() @ m)
