"""What convolution and transposed convolution share once their geometry is known."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastconv.geometry import Geometry
from fastconv.ops import arguments as arg
from fastconv.ops.results import deliver, scratch_for
from fastconv.plan.plan import choose
from fastconv.plan.problem import Problem

__all__ = ["sum_of_products"]


def sum_of_products(
    op: str,
    geometry: Geometry,
    x: np.ndarray,
    weight: np.ndarray,
    bias: Any,
    mirrored: bool,
    activation: str | None,
    dtype: Any,
    out: np.ndarray | None,
    algorithm: str,
) -> np.ndarray:
    """Plan and run ``activation(weight * x + bias)``; `x` may lack the batch axis."""
    bias = arg.bias_array(bias, geometry.out_channels)
    operands = [x, weight] if bias is None else [x, weight, bias]
    result = arg.result_dtype([operand.dtype for operand in operands], dtype)
    arg.check_activation(activation, result)
    shape = geometry.output_shape if x.ndim == len(geometry.axes) + 2 else geometry.output_shape[1:]
    arg.check_out(out, shape, result)
    sums = arg.sum_dtype(result)
    x, weight = arg.native(x, sums).reshape(geometry.input_shape), arg.native(weight, sums)
    if bias is not None:
        bias = np.ascontiguousarray(arg.native(bias, sums))
    problem = Problem(
        op=op,
        geometry=geometry,
        dtype=sums,
        x_strides=x.strides,
        x_dtype=x.dtype,
        weight_strides=weight.strides,
        mirrored=mirrored,
        activation=activation,
    )
    choice = choose(problem, algorithm)
    y = scratch_for(out, geometry.output_shape, sums, operands)
    if y.size:
        choice.plan.run(x, weight, bias, y)
    return deliver(y, out, shape, result)
