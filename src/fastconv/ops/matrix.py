"""Convolution as a sparse matrix: `conv_matrix` builds K', a `ConvMatrix` multiplies by it."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from fastconv.kernels.csr import PIECE, build, multiply, multiply_many
from fastconv.lazy import lazy
from fastconv.ops import arguments as arg
from fastconv.ops import dtypes
from fastconv.ops.heap import keep_at_hand
from fastconv.ops.matrix_map import MatrixMap, matrix_geometry
from fastconv.plan.csr import axis_pattern, csr_table

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["ConvMatrix", "conv_matrix"]

#: Nanoseconds, for estimates only, to build an entry and to multiply by one.
BUILD_COST, MULTIPLY_COST = 4.0, 1.0


def conv_matrix(
    weight: Any,
    input_size: Sequence[int],
    stride: arg.PerAxis = 1,
    padding: arg.Padding = 0,
    dilation: arg.PerAxis = 1,
    groups: int = 1,
    *,
    padding_mode: str = "zeros",
    flip: bool = False,
    index_dtype: Any = None,
) -> ConvMatrix:
    """The matrix K' of a convolution: ``K' @ x.ravel()`` is ``conv2d(x, weight, ...).ravel()``.

    The transpose maps back as the transposed convolution does: ``K'.T @ y.ravel()`` is
    ``conv_transpose2d(y, weight, ...).ravel()``.

    Parameters
    ----------
    weight : array_like, shape (O, C / groups, *kernel) or (*kernel)
        Kernels of 1 to 3 spatial axes, or a single kernel for an input without channels.
    input_size : sequence of int
        (C, *spatial), or (*spatial).
    stride, padding, dilation, groups, padding_mode, flip
        As in `conv2d`.
    index_dtype : {None, numpy.int32, numpy.int64}
        Of the indices; by default int32 until the matrix has 2**31 entries.

    Returns
    -------
    ConvMatrix, shape (O * prod(output), C * prod(spatial))
        In compressed sparse rows with sorted column indices. What padding cuts off is not stored; taps that padding
        folds onto the same input are summed.

    Raises
    ------
    TypeError, ValueError
        Before anything is built, with what was given and what is allowed.

    References
    ----------
    V. Dumoulin, F. Visin, "A guide to convolution arithmetic for deep learning" (2016), arXiv:1603.07285, section 4.1.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> A = fc.conv_matrix(np.arange(1, 10).reshape(3, 3), (4, 4))
    >>> A
    <ConvMatrix 4 x 16, int64, 36 entries: kernel 3 x 3 on (4, 4) to (2, 2)>
    >>> A.toarray()[0]
    array([1, 2, 3, 0, 4, 5, 6, 0, 7, 8, 9, 0, 0, 0, 0, 0])
    >>> A @ np.arange(16)
    array([303, 348, 483, 528])
    """
    w = arg.array(weight, "weight")
    geometry, plain = matrix_geometry(w, input_size, stride, padding, dilation, groups, padding_mode)
    patterns = tuple(axis_pattern(axis, geometry.padding_mode) for axis in geometry.axes)
    return ConvMatrix(MatrixMap(geometry, patterns, bool(flip), plain, w.shape, w.dtype, index_dtype), w)


class ConvMatrix:
    """A sparse matrix that convolves; made by `conv_matrix`.

    It speaks the language of SciPy's linear operators, so `scipy.sparse.linalg` takes it as it is.

    Attributes
    ----------
    shape : (int, int)
        Rows are outputs, columns are inputs, both channel first, then row-major positions.
    dtype : numpy.dtype
        Of the entries: the weights', but integers are kept in the type in which convolutions sum them.
    nnz : int
        Number of stored entries.
    data, indices, indptr : ndarray
        Compressed sparse rows, read-only; `update` changes the entries.
    input_size, output_size : tuple of int
        Shapes that `apply` takes and gives.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> A = fc.conv_matrix(np.array([1.0, 2, 3]), (5,), stride=2)
    >>> A.toarray()
    array([[1., 2., 3., 0., 0.],
           [0., 0., 1., 2., 3.]])
    >>> A.T @ np.ones(2)
    array([1., 2., 4., 2., 3.])
    """

    #: NumPy arrays leave ``array @ matrix`` to `__rmatmul__`.
    __array_ufunc__ = None
    ndim = 2

    def __init__(self, map: MatrixMap, weight: np.ndarray, transpose_of: ConvMatrix | None = None) -> None:
        self._map, self._transpose_of = map, transpose_of
        self.dtype = dtypes.sum_dtype(dtypes.result_dtype([map.weight_dtype], None))
        (rows, columns), (row_size, column_size) = map.channels, map.sizes
        self.output_size = row_size if map.plain else (rows, *row_size)
        self.input_size = column_size if map.plain else (columns, *column_size)
        self.shape = map.shape
        self.nnz = map.entries
        self._table = csr_table(map.geometry, map.patterns, mirrored=map.mirrored, transposed=map.transposed)
        dtype = map.index_type()
        keep_at_hand(self.nnz * (self.dtype.itemsize + dtype.itemsize))
        self._data = np.empty(self.nnz, self.dtype)
        self._indices = np.empty(self.nnz, dtype)
        self._indptr = np.empty(self.shape[0] + 1, dtype)
        self._indptr[-1] = self.nnz
        self._build(weight, self._indptr)

    def _build(self, weight: np.ndarray, indptr: np.ndarray) -> None:
        """Write the entries, and the pattern too unless `indptr` is empty."""
        self._weight = np.array(arg.native(weight, self.dtype), order="C")
        width = self.output_size[-1]
        tasks = self.shape[0] // width * ceil(width / PIECE)
        build.run(tasks, self.nnz * BUILD_COST, self._weight, self._data, self._indices, indptr, self._table)

    @property
    def data(self) -> np.ndarray:
        """The entries, row by row; read-only."""
        return _read_only(self._data)

    @property
    def indices(self) -> np.ndarray:
        """The column of each entry, ascending in a row; read-only."""
        return _read_only(self._indices)

    @property
    def indptr(self) -> np.ndarray:
        """Row r has the entries ``indptr[r]`` to ``indptr[r + 1]``; read-only."""
        return _read_only(self._indptr)

    @property
    def nbytes(self) -> int:
        """Bytes of the three arrays."""
        return self._data.nbytes + self._indices.nbytes + self._indptr.nbytes

    def update(self, weight: Any) -> ConvMatrix:
        """Put new weights on the same pattern, in place; the transpose follows. Returns the matrix itself.

        Raises
        ------
        ValueError, TypeError
            Where the weight has another shape, or a dtype that does not fit the matrix's.
        """
        w = arg.array(weight, "weight")
        if w.shape != self._map.weight_shape:
            raise ValueError(f"weight has shape {w.shape}; this matrix was made for {self._map.weight_shape}.")
        # Whole numbers must fit: a float that does not is infinite, but an integer would be another number.
        if not np.can_cast(w.dtype, self.dtype, "safe" if self.dtype.kind == "i" else "same_kind"):
            raise TypeError(
                f"weight has dtype {w.dtype}, which does not fit this matrix of {self.dtype}; make a new one."
            )
        owner = self if self._transpose_of is None else self._transpose_of
        for matrix in (owner, owner.__dict__.get("T")):
            if matrix is not None:
                matrix._build(w, matrix._indptr[:0])
        return self

    @lazy
    def T(self) -> ConvMatrix:
        """The transpose, K'ᵀ: built once, then kept."""
        if self._transpose_of is not None:
            return self._transpose_of
        return ConvMatrix(self._map.transpose(), self._weight, transpose_of=self)

    @property
    def H(self) -> ConvMatrix:
        """The conjugate transpose; for real matrices the transpose."""
        if self.dtype.kind != "c":
            return self.T
        return self.conj().T

    def conj(self) -> ConvMatrix:
        """The complex conjugate; a real matrix gives itself."""
        if self.dtype.kind != "c":
            return self
        if self._transpose_of is not None:
            return self._transpose_of.conj().T
        return ConvMatrix(self._map, self._weight.conj())

    def transpose(self) -> ConvMatrix:
        """As `T`."""
        return self.T

    def adjoint(self) -> ConvMatrix:
        """As `H`."""
        return self.H

    def __matmul__(self, other: Any) -> np.ndarray:
        """``A @ v`` and ``A @ M``; dtypes promote as in `conv2d`."""
        x = arg.array(other, "the operand")
        if x.ndim not in (1, 2) or x.shape[0] != self.shape[1]:
            raise ValueError(
                f"a matrix of shape {self.shape} cannot multiply an array of shape {x.shape}; give ({self.shape[1]},) "
                f"or ({self.shape[1]}, k), such as image.ravel(), or use apply(image)."
            )
        result = dtypes.result_dtype([self._map.weight_dtype, x.dtype], None)
        sums = dtypes.sum_dtype(result)
        values = np.ascontiguousarray(arg.native(x, sums))
        y = np.empty((self.shape[0], *x.shape[1:]), sums)
        arrays = (self._data, self._indices, self._indptr, values, y)
        if x.ndim == 1:
            multiply.run(self.shape[0], self.nnz * MULTIPLY_COST, *arrays)
        elif y.size:
            work = self.nnz * (1 + x.shape[1] / 8) * MULTIPLY_COST
            count = np.array([x.shape[1]], np.int64)
            multiply_many.run(self.shape[0], work, *arrays, count)
        return y if y.dtype == result else y.astype(result)

    def __rmatmul__(self, other: Any) -> np.ndarray:
        """``v @ A`` and ``M @ A``."""
        x = arg.array(other, "the operand")
        if x.ndim not in (1, 2) or x.shape[-1] != self.shape[0]:
            raise ValueError(
                f"an array of shape {x.shape} cannot multiply a matrix of shape {self.shape}; give ({self.shape[0]},) "
                f"or (k, {self.shape[0]})."
            )
        return (self.T @ x.T).T

    dot = __matmul__

    def matvec(self, v: Any) -> np.ndarray:
        """``A @ v`` for a vector (n,) or a column (n, 1)."""
        return self @ v

    def rmatvec(self, v: Any) -> np.ndarray:
        """``A.H @ v``: for real weights the transposed convolution."""
        return self.rmatmat(v)

    def matmat(self, m: Any) -> np.ndarray:
        """``A @ M`` for a matrix (n, k)."""
        return self @ m

    def rmatmat(self, m: Any) -> np.ndarray:
        """``A.H @ M`` for a matrix (m, k)."""
        if self.dtype.kind != "c":
            return self.T @ m
        return np.conj(self.T @ np.conj(arg.array(m, "the operand")))

    def apply(self, x: Any) -> np.ndarray:
        """Convolve an array shaped as `input_size`, or a batch of them, into `output_size`.

        Examples
        --------
        >>> import numpy as np, fastconv as fc
        >>> fc.conv_matrix(np.ones((2, 2)), (3, 3)).apply(np.eye(3))
        array([[2., 1.],
               [1., 2.]])
        """
        values = arg.array(x, "input")
        if values.shape == self.input_size:
            return (self @ values.reshape(-1)).reshape(self.output_size)
        if values.shape[1:] != self.input_size:
            raise ValueError(
                f"input has shape {values.shape}; this matrix takes {self.input_size} or a batch of those."
            )
        batch = self @ values.reshape(len(values), self.shape[1]).T
        return np.ascontiguousarray(batch.T).reshape(len(values), *self.output_size)

    def toarray(self) -> np.ndarray:
        """The dense matrix."""
        dense = np.zeros(self.shape, self.dtype)
        rows = np.repeat(np.arange(self.shape[0]), np.diff(self._indptr))
        dense[rows, self._indices] = self._data
        return dense

    def to_scipy(self) -> csr_array:
        """A ``scipy.sparse.csr_array`` that shares the memory.

        Raises
        ------
        ImportError
            Where SciPy is not installed.
        """
        try:
            from scipy.sparse import csr_array
        except ImportError:
            raise ImportError("to_scipy() needs SciPy, which is not installed; run: pip install scipy") from None
        matrix = csr_array((self.data, self.indices, self.indptr), shape=self.shape)
        matrix.has_sorted_indices = matrix.has_canonical_format = True
        return matrix

    def __repr__(self) -> str:
        g = self._map.geometry
        kernel = " x ".join(map(str, g.kernel_size))
        what = f"kernel {kernel} on {self.input_size} to {self.output_size}"
        kind = "transposed " if self._map.transposed else ""
        return f"<ConvMatrix {self.shape[0]} x {self.shape[1]}, {self.dtype}, {self.nnz} entries: {kind}{what}>"


def _read_only(array: np.ndarray) -> np.ndarray:
    view = array.view()
    view.flags.writeable = False
    return view
