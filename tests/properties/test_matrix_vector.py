"""K' times a vector is the convolution, and its transpose times a vector the transposed one, for every geometry."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import fastconv as fc
from fastconv import reference
from properties.strategies import Case, conv_cases, examples, integers, seeds

dtypes = st.sampled_from(["float64", "int8", "complex64"])


@st.composite
def matrices(draw: st.DrawFn, **options: tuple[str, ...]) -> tuple[Case, np.ndarray, fc.ConvMatrix]:
    """A geometry of one image, weights, and the matrix of both."""
    case = draw(conv_cases(**options))
    w = integers(case.weight_shape, draw(dtypes), draw(seeds))
    return case, w, fc.conv_matrix(w, case.input_shape[1:], **case.options)


@examples(100)
@given(matrices())
def test_entries_are_the_references(made: tuple[Case, np.ndarray, fc.ConvMatrix]) -> None:
    case, w, matrix = made
    expected = reference.conv_matrix(w.astype(matrix.dtype), case.input_shape[1:], **case.options)
    np.testing.assert_array_equal(matrix.toarray(), expected)
    np.testing.assert_array_equal(matrix.T.toarray(), expected.T)


@examples(100)
@given(matrices())
def test_rows_are_sorted_without_duplicates_and_full(made: tuple[Case, np.ndarray, fc.ConvMatrix]) -> None:
    case, w, matrix = made
    # Of positive weights no entry is zero by chance, so that the entries are those that a dense matrix shows.
    pattern = reference.conv_matrix(np.ones(w.shape), case.input_shape[1:], **case.options) > 0
    for side, dense in ((matrix, pattern), (matrix.T, pattern.T)):
        assert side.nnz == side.data.size == side.indices.size == dense.sum()
        np.testing.assert_array_equal(np.diff(side.indptr), dense.sum(axis=1))
        np.testing.assert_array_equal(side.indices, np.nonzero(dense)[1])


@examples(100)
@given(matrices(), seeds)
def test_product_is_the_convolution(made: tuple[Case, np.ndarray, fc.ConvMatrix], seed: int) -> None:
    case, w, matrix = made
    x = integers(case.input_shape, w.dtype, seed)
    y = getattr(fc, f"conv{case.rank}d")(x, w, **case.options)
    for image, expected in zip(x, y, strict=True):
        product = matrix @ image.ravel()
        assert product.dtype == expected.dtype
        np.testing.assert_array_equal(product, expected.ravel())
    np.testing.assert_array_equal(matrix.apply(x), y)


@examples(100)
@given(matrices(padding_modes=("zeros",)), seeds)
def test_transpose_is_the_transposed_convolution(made: tuple[Case, np.ndarray, fc.ConvMatrix], seed: int) -> None:
    case, w, matrix = made
    y = integers((1, *matrix.output_size), w.dtype, seed)
    options = {name: value for name, value in case.options.items() if name != "padding_mode"}
    expected = getattr(fc, f"conv_transpose{case.rank}d")(y, w, output_size=case.input_shape[2:], **options)
    np.testing.assert_array_equal(matrix.T @ y.ravel(), expected.ravel())
    np.testing.assert_array_equal(y.ravel() @ matrix, expected.ravel())
    np.testing.assert_array_equal(matrix.T.apply(y[0]), expected[0])


@examples(60)
@given(matrices(), seeds)
def test_products_with_matrices_are_products_with_their_columns(
    made: tuple[Case, np.ndarray, fc.ConvMatrix], seed: int
) -> None:
    _, w, matrix = made
    columns = integers((matrix.shape[1], 3), w.dtype, seed)
    np.testing.assert_array_equal(matrix @ columns, np.stack([matrix @ column for column in columns.T], axis=1))


@examples(60)
@given(matrices(), seeds)
def test_update_is_building_anew(made: tuple[Case, np.ndarray, fc.ConvMatrix], seed: int) -> None:
    case, w, matrix = made
    transpose = matrix.T
    other = integers(w.shape, w.dtype, seed)
    assert matrix.update(other) is matrix
    expected = fc.conv_matrix(other, case.input_shape[1:], **case.options)
    np.testing.assert_array_equal(matrix.toarray(), expected.toarray())
    np.testing.assert_array_equal(transpose.toarray(), expected.toarray().T)
