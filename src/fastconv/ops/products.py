"""What convolution and transposed convolution share once their geometry is known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from fastconv.geometry import Geometry
from fastconv.ops import arguments as arg
from fastconv.ops import dtypes
from fastconv.ops.calls import Call, Conversion, prepare
from fastconv.ops.pairing import Pairing, pairs_of, pays
from fastconv.plan.conv_algorithms import PAIRED
from fastconv.plan.problem import Problem

__all__ = ["Forms", "operands_of", "prepare_products"]

#: Of input, weight, bias, and of the array for the result.
Forms = tuple[arg.Form, arg.Form, arg.Form | None, arg.Form | None]

#: Names of algorithms that take numbers in pairs.
_PAIRED = ("auto", *(algorithm.name for algorithm in PAIRED))


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
) -> Call:
    """Decide all about ``activation(weight * x + bias)``; the form of x may lack the batch axis."""
    for form, name in zip(forms[:3], ("input", "weight", "bias"), strict=True):
        if form is not None:
            dtypes.check_numbers(form.dtype, name)
    given = [form for form in forms[:3] if form is not None]
    result = dtypes.result_dtype([form.dtype for form in given], dtype)
    arg.check_activation(activation, result)
    operands = [form.dtype for form in given]
    channels, products = geometry.channels // geometry.groups, geometry.products
    paired = algorithm in _PAIRED and dtypes.sums_pairs(operands, result) and pays(channels, products)
    x_conversion: Conversion
    weight_conversion: Conversion
    if paired:
        sums, exact = dtypes.sum_dtype(result), False
        x, x_conversion, weight, weight_conversion = _in_pairs(op, geometry, forms)
        geometry = replace(geometry, channels=geometry.groups * pairs_of(channels))
    else:
        sums, exact = dtypes.product_sums(operands, geometry.depth, result)
        x, x_conversion = forms[0].taken_as(sums, len(geometry.axes))
        weight, weight_conversion = forms[1].taken_as(sums)
    bias_conversion = None
    if forms[2] is not None:
        arg.check_bias(forms[2].shape, geometry.out_channels)
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
        exact=exact,
        paired=paired,
        narrow=sums == np.int64 and all(np.can_cast(form.dtype, np.int32) for form in given[:2]),
    )
    conversions = x_conversion, weight_conversion, bias_conversion
    return prepare(problem, algorithm, conversions, result, batched, forms[3])


def _in_pairs(op: str, geometry: Geometry, forms: Forms) -> tuple[arg.Form, Pairing, arg.Form, Pairing]:
    """How input and weights look in pairs of channels, and how they come to be so."""
    channels, rank = geometry.channels // geometry.groups, len(geometry.axes)
    x = Pairing.of(forms[0], len(forms[0].shape) - rank - 1, channels, np.dtype(np.int32))
    weight = Pairing.of(forms[1], int(op == "conv"), channels, np.dtype(np.uint32))
    return x.form, x, weight.form, weight
