"""What a matrix of a convolution is, apart from its entries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from fastconv.geometry import Geometry
from fastconv.ops import arguments as arg
from fastconv.ops import dtypes
from fastconv.ops.axes import conv_axes, conv_geometry
from fastconv.plan.csr import Pattern

__all__ = ["MatrixMap", "matrix_geometry"]


@dataclass(frozen=True)
class MatrixMap:
    """What a matrix is, apart from its entries.

    Attributes
    ----------
    geometry : Geometry
        Of the convolution, also where the matrix is transposed.
    patterns : tuple of Pattern
        Which columns the rows meet, along each axis.
    mirrored, plain : bool
        The kernel is flipped; inputs and outputs have no channel axis.
    weight_shape, weight_dtype : tuple of int, numpy.dtype
        Of the weight as it was given.
    index_dtype : dtype or None
        As it was given.
    transposed : bool
        Rows are the convolution's inputs.
    """

    geometry: Geometry
    patterns: tuple[Pattern, ...]
    mirrored: bool
    plain: bool
    weight_shape: tuple[int, ...]
    weight_dtype: np.dtype
    index_dtype: Any
    transposed: bool = False

    def transpose(self) -> MatrixMap:
        patterns = tuple(pattern.transpose() for pattern in self.patterns)
        return replace(self, patterns=patterns, transposed=not self.transposed)

    @property
    def channels(self) -> tuple[int, int]:
        """Of the rows and the columns."""
        found = (self.geometry.out_channels, self.geometry.channels)
        return found[::-1] if self.transposed else found

    @property
    def sizes(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Spatial sizes of the rows and the columns."""
        found = (self.geometry.output_size, self.geometry.input_size)
        return found[::-1] if self.transposed else found

    @property
    def entries(self) -> int:
        """Number of stored entries."""
        rows, columns = self.channels
        return rows * (columns // self.geometry.groups) * prod(pattern.count for pattern in self.patterns)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        (rows, columns), (row_size, column_size) = self.channels, self.sizes
        return rows * prod(row_size), columns * prod(column_size)

    def index_type(self) -> np.dtype:
        """Of the indices.

        Raises
        ------
        ValueError
            Where the wanted one is none, or cannot count the entries.
        """
        largest = max(self.entries, *self.shape)
        if self.index_dtype is None:
            return np.dtype(np.int32 if largest < 2**31 else np.int64)
        dtype = dtypes.dtype_of(self.index_dtype, "index_dtype")
        if dtype not in (np.int32, np.int64):
            raise ValueError(f"index_dtype={dtype} is not an index type; give np.int32 or np.int64.")
        if largest > np.iinfo(dtype).max:
            raise ValueError(f"index_dtype={dtype} cannot count {largest} entries; give np.int64.")
        return dtype


def matrix_geometry(
    w: np.ndarray, input_size: Any, stride: Any, padding: Any, dilation: Any, groups: Any, padding_mode: Any
) -> tuple[Geometry, bool]:
    """The geometry, and whether the input has no channel axis."""
    if not isinstance(input_size, (Sequence, np.ndarray)) or not 1 <= len(input_size) <= 4:
        raise ValueError(
            f"input_size={input_size!r} is not a size; give (C, *spatial) or (*spatial), such as (3, 32, 32)."
        )
    size = tuple(arg.whole(value, f"input_size[{i}]", 1) for i, value in enumerate(input_size))
    if len(size) == w.ndim and w.ndim <= 3:
        if 0 in w.shape:
            raise ValueError(f"weight has shape {w.shape}, with an axis of no elements; each axis needs at least one.")
        if groups != 1:
            raise ValueError(f"groups={groups!r} needs channels; give a weight (O, C / groups, *kernel).")
        axes = conv_axes(size, w.shape, stride, padding, dilation)
        return Geometry(1, 1, 1, 1, axes, arg.check_padding_mode(padding_mode)), True
    rank = w.ndim - 2
    if rank not in (1, 2, 3) or len(size) not in (rank, rank + 1):
        raise ValueError(
            f"weight has shape {w.shape} and input_size={size}; give (O, C / groups, *kernel) with (C, *spatial), or a "
            "single kernel with as many axes as the input."
        )
    arg.check_weight(w.shape, rank, "conv_matrix", f"(O, C / groups, {rank} kernel sizes)")
    count = arg.whole(groups, "groups", 1)
    channels = size[0] if len(size) == rank + 1 else w.shape[1] * count
    geometry = conv_geometry(1, channels, size[-rank:], w.shape, stride, padding, dilation, count, padding_mode)
    return geometry, False
