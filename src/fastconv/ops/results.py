"""Where results go: straight into `out` where that is right, else into an array of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["deliver", "scratch_for"]


def scratch_for(out: np.ndarray | None, shape: tuple[int, ...], dtype: np.dtype, operands: Sequence[Any]) -> np.ndarray:
    """A contiguous array of the given shape for a kernel to write: `out` itself where that gives the right result."""
    if (
        out is not None
        and out.dtype == dtype
        and out.dtype.isnative
        and out.flags.c_contiguous
        and out.flags.aligned
        and not any(operand is not None and np.may_share_memory(out, operand) for operand in operands)
    ):
        return out.reshape(shape)
    return np.empty(shape, dtype)


def deliver(y: np.ndarray, out: np.ndarray | None, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """The result as the user wants it: in `out` if there is one, in its shape and dtype."""
    y = y.reshape(shape)
    if out is None:
        return y if y.dtype == dtype else y.astype(dtype)
    if not np.may_share_memory(y, out):
        np.copyto(out, y, casting="unsafe")
    return out
