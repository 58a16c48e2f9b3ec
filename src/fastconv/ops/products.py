"""What convolution and transposed convolution share once their geometry is known."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from fastconv.geometry import Geometry
from fastconv.ops import arguments as arg
from fastconv.ops import dtypes
from fastconv.ops.arithmetic import Arithmetic, arithmetic_of
from fastconv.ops.by_values import ByValues, depends_on_values
from fastconv.ops.calls import Call, Conversion, prepare
from fastconv.ops.interleaving import Interleaving, Parts, Start, numbers_of
from fastconv.plan.problem import Problem
from fastconv.plan.weights import weights_in

__all__ = ["Forms", "operands_of", "prepare_products"]

#: Of input, weight, bias, and of the array for the result.
Forms = tuple[arg.Form, arg.Form, arg.Form | None, arg.Form | None]


def operands_of(input: Any, weight: Any, bias: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """The operands as arrays; the dtypes of those that are arrays already are looked at when a call is prepared."""
    return (
        input if type(input) is np.ndarray else arg.array(input, "input"),
        weight if type(weight) is np.ndarray else arg.array(weight, "weight"),
        bias if type(bias) is np.ndarray or bias is None else arg.array(bias, "bias"),
    )


def prepare_products(
    op: str,
    geometry: Geometry,
    forms: Forms,
    mirrored: bool,
    activation: str | None,
    dtype: Any,
    algorithm: str,
    packed: bool,
) -> Call | ByValues:
    """Decide all about ``activation(weight * x + bias)``; the form of x may lack the batch axis."""
    for form, name in zip(forms[:3], ("input", "weight", "bias"), strict=True):
        if form is not None:
            dtypes.check_numbers(form.dtype, name)
    given = [form for form in forms[:3] if form is not None]
    result = dtypes.result_dtype([form.dtype for form in given], dtype)
    arg.check_activation(activation, result)
    if forms[2] is not None:
        arg.check_bias(forms[2].shape, geometry.out_channels)
    plan = partial(_planned, op, geometry, forms, mirrored, activation, result, algorithm, packed)
    decide = partial(arithmetic_of, op, geometry, result=result, algorithm=algorithm)
    if algorithm == "auto" and depends_on_values(given, result, geometry):
        return ByValues.of(given, decide, plan)
    return plan(decide([dtypes.held_by(form.dtype) for form in given]))


def _planned(
    op: str,
    geometry: Geometry,
    forms: Forms,
    mirrored: bool,
    activation: str | None,
    result: np.dtype,
    algorithm: str,
    packed: bool,
    arithmetic: Arithmetic,
) -> Call:
    """The call whose products are summed in that way."""
    sums, parts = arithmetic.sums, arithmetic.parts
    x_conversion: Conversion
    weight_conversion: Conversion
    if parts:
        x_conversion, weight_conversion = _interleaved(op, geometry, forms, parts)
        x, weight = x_conversion.form, weight_conversion.form
        numbers = numbers_of(geometry.channels // geometry.groups, parts.number)
        geometry = replace(geometry, channels=geometry.groups * numbers * parts.halves)
    else:
        x, x_conversion = forms[0].taken_as(sums, len(geometry.axes))
        weight, weight_conversion = forms[1].taken_as(sums)
    bias_conversion = None
    if forms[2] is not None:
        bias, bias_conversion = forms[2].taken_as(sums)
        if bias.strides != (sums.itemsize,):  # kernels take the bias contiguous
            bias_conversion = sums
    batched = len(x.shape) == len(geometry.axes) + 2
    problem = Problem(
        op=op,
        geometry=geometry,
        dtype=sums,
        x_strides=x.strides if batched else (0, *x.strides),
        x_dtype=x.dtype,
        weight_strides=weight.strides,
        mirrored=mirrored,
        activation=activation,
        packed=packed,
        exact=arithmetic.exact,
        spare=arithmetic.spare,
        parts=parts.weight if parts else None,
        halves=parts.halves if parts else 1,
        fill=parts.flip if parts else 0,
        narrow=arithmetic.narrow,
    )
    conversions = x_conversion, weight_conversion, bias_conversion
    call = prepare(problem, algorithm, conversions, result, batched, forms[3])
    return replace(call, start=Start(parts.weight)) if parts and parts.shifted else call


def _interleaved(op: str, geometry: Geometry, forms: Forms, parts: Parts) -> tuple[Interleaving, Interleaving]:
    """How the channels of input and weights are put together."""
    channels, axis = geometry.channels // geometry.groups, len(forms[0].shape) - len(geometry.axes) - 1
    return (
        Interleaving.of(forms[0], axis, channels, parts.number, parts.x_dtype, parts.flip, parts.halves),
        Interleaving.of(forms[1], int(op == "conv"), channels, parts.number, weights_in(parts.weight)),
    )
