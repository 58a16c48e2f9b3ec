"""What poolings share: the numbers they take, the types they compare and sum in, and a call made ready."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from fastconv.geometry import Axis, Geometry
from fastconv.ops import arguments as arg
from fastconv.ops import dtypes
from fastconv.ops.calls import Call, prepare
from fastconv.plan.problem import Problem

__all__ = [
    "check_indices", "check_input", "check_real_gradient", "gradient", "pool_geometry", "prepare_maxima",
    "prepare_means", "prepare_norms", "run_maxima", "size_of_input",
]  # fmt: skip


def check_input(x: arg.Form, rank: int, name: str) -> None:
    """Refuse complex numbers and shapes that are not (N, C, *spatial) or (C, *spatial)."""
    if x.dtype.kind == "c":
        raise TypeError(f"input has dtype {x.dtype}; pooling takes real numbers, such as input.real or abs(input).")
    arg.check_shape(x.shape, rank, name, ", ".join("DHW"[3 - rank :]))


def pool_geometry(shape: tuple[int, ...], axes: tuple[Axis, ...]) -> Geometry:
    """The geometry of a pooling of so large an input, batched or not."""
    channels = shape[-len(axes) - 1]
    return Geometry(shape[0] if len(shape) == len(axes) + 2 else 1, channels, channels, channels, axes)


def prepare_maxima(
    op: str,
    axes: tuple[Axis, ...],
    x: arg.Form,
    target: arg.Form | None,
    return_indices: bool,
    algorithm: str,
    operands: int = 1,
) -> Call:
    """A call that takes maxima, of the input's dtype; operands behind the input are taken as they stand."""
    result, rank = x.dtype.newbyteorder("="), len(axes)
    # Booleans and float16 are compared as types that kernels have: exactly, since both fit.
    work = {"b": np.dtype(np.uint8), "f": dtypes.sum_dtype(result)}.get(result.kind, result)
    geometry = pool_geometry(x.shape, axes)
    x, conversion = x.taken_as(work, rank)
    batched = len(x.shape) == rank + 2
    problem = Problem(op, geometry, work, _strides(x, batched), x.dtype, indices=return_indices)
    return prepare(problem, algorithm, (conversion, *[None] * (operands - 1)), result, batched, target)


def run_maxima(
    call: Call, operands: tuple[np.ndarray | None, ...], out: np.ndarray | None
) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
    """The maxima, and their places where the call asks for them."""
    if not call.problem.indices:
        return call.run(operands, out)
    places = call.empty(np.dtype(np.int64), operands[0])
    return call.run(operands, out, places), places


def prepare_means(
    op: str,
    axes: tuple[Axis, ...],
    x: arg.Form,
    target: arg.Form | None,
    dtype: Any,
    algorithm: str,
    count_include_pad: bool = True,
    divisor_override: Any = None,
) -> Call:
    """A call that takes means, summed in float32 at least, or exactly where the input is of whole numbers."""
    result, rank = _mean_dtype(x.dtype, dtype), len(axes)
    divisor = None if divisor_override is None else arg.whole(divisor_override, "divisor_override", -(2**53))
    if divisor == 0 or (divisor is not None and divisor < 0 and result.kind in "bu"):
        raise ValueError(f"divisor_override={divisor} cannot divide sums of {result}; give a positive int.")
    work = dtypes.sum_dtype(result) if result.kind == "f" else result
    geometry = pool_geometry(x.shape, axes)
    given = work if x.dtype.kind == "f" else x.dtype.newbyteorder("=")
    # Booleans are summed as bytes, which vectors have, unless averages may be more than bytes hold.
    if given.kind == "b" and (result.kind != "b" or divisor is None or divisor >= prod(geometry.kernel_size)):
        given = np.dtype(np.uint8)
        work = given if result.kind == "b" else work
    x, conversion = x.taken_as(given, rank)
    batched = len(x.shape) == rank + 2
    problem = Problem(
        op, geometry, work, _strides(x, batched), x.dtype, count_include_pad=count_include_pad, divisor=divisor
    )
    return prepare(problem, algorithm, (conversion,), result, batched, target)


def prepare_norms(
    op: str, axes: tuple[Axis, ...], x: arg.Form, target: arg.Form | None, norm: float, algorithm: str
) -> Call:
    """A call that takes p-norms, summed in float32 at least; whole numbers become float64."""
    result, rank = dtypes.floating(x.dtype), len(axes)
    geometry, work = pool_geometry(x.shape, axes), dtypes.sum_dtype(result)
    x, conversion = x.taken_as(work, rank)
    batched = len(x.shape) == rank + 2
    problem = Problem(op, geometry, work, _strides(x, batched), x.dtype, norm=norm)
    return prepare(problem, algorithm, (conversion,), result, batched, target)


def check_real_gradient(dtype: np.dtype) -> None:
    """Refuse a gradient for a pooling's result of complex numbers."""
    if dtype.kind == "c":
        raise TypeError(f"grad_output has dtype {dtype}; poolings take real numbers, and so do their gradients.")


def gradient(grad_output: Any) -> np.ndarray:
    """The gradient for a pooling's result, of real numbers."""
    dy = arg.array(grad_output, "grad_output")
    check_real_gradient(dy.dtype)
    return dy


def size_of_input(name: str, rank: int, input_size: Any) -> tuple[int, ...]:
    """The shape of the input of a pooling of that name."""
    size = arg.shape_of(input_size, "input_size", rank, True)
    arg.check_shape(size, rank, name, ", ".join("DHW"[3 - rank :]))
    return size


def check_indices(indices: arg.Form, shape: tuple[int, ...], what: str) -> None:
    """Refuse indices that are not whole numbers, one for each element of what has that shape."""
    if indices.dtype.kind not in "iu":
        raise TypeError(f"indices have dtype {indices.dtype}; give whole numbers, as return_indices=True returns them.")
    if indices.shape != shape:
        raise ValueError(f"indices have shape {indices.shape} and {what} {shape}; each element needs one index.")


def _strides(x: arg.Form, batched: bool) -> tuple[int, ...]:
    return x.strides if batched else (0, *x.strides)


def _mean_dtype(given: np.dtype, dtype: Any) -> np.dtype:
    """The dtype of averages: the input's unless another is asked for."""
    result = given.newbyteorder("=") if dtype is None else dtypes.dtype_of(dtype)
    if result.kind not in "biuf" or not np.can_cast(given, result, "same_kind"):
        raise TypeError(f"dtype={result} cannot hold averages of {given} numbers; give {given} or a floating dtype.")
    return result
