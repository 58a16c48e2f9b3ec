"""Transposed convolution is the adjoint of convolution: <conv(x), y> = <x, conv_transpose(y)> for all x and y."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given

import fastconv as fc
from properties.strategies import Case, conv_cases, conv_transpose_cases, examples, integers, seeds

zero_padded = conv_cases(padding_modes=("zeros",))


def conv(case: Case, x: Any, w: Any) -> np.ndarray:
    return getattr(fc, f"conv{case.rank}d")(x, w, **case.options)


def back(case: Case, y: Any, w: Any) -> np.ndarray:
    """The transposed convolution, to the size that the convolution came from."""
    options = {name: value for name, value in case.options.items() if name != "padding_mode"}
    return getattr(fc, f"conv_transpose{case.rank}d")(y, w, output_size=case.input_shape[2:], **options)


@pytest.mark.parametrize("dtype", ["float64", "int32", "complex64"])
@examples(60)
@given(zero_padded, seeds)
def test_conv_transpose_is_the_adjoint_of_conv(dtype: str, case: Case, seed: int) -> None:
    x, w = integers(case.input_shape, dtype, seed), integers(case.weight_shape, dtype, seed + 1)
    there = conv(case, x, w)
    y = integers(there.shape, dtype, seed + 2)
    assert np.sum(there * y) == np.sum(x * back(case, y, w))


@examples(60)
@given(zero_padded, seeds)
def test_conjugated_weights_give_the_adjoint_of_complex_maps(case: Case, seed: int) -> None:
    x, w = (integers(shape, "complex64", seed) for shape in (case.input_shape, case.weight_shape))
    there = conv(case, x, w)
    y = integers(there.shape, "complex64", seed + 1)
    assert np.vdot(there, y) == np.vdot(x, back(case, y, w.conj()))


@examples(60)
@given(zero_padded, seeds)
def test_the_weight_is_an_operand_like_the_input(case: Case, seed: int) -> None:
    """<conv(x), y> is linear in the weight too: its derivative by a weight is the same sum over a single tap."""
    x, w = integers(case.input_shape, seed=seed), integers(case.weight_shape, seed=seed + 1)
    there = conv(case, x, w)
    y = integers(there.shape, seed=seed + 2)
    index = np.unravel_index(seed % w.size, w.shape)
    tap = np.zeros_like(w)
    tap[index] = 1
    raised = conv(case, x, w + 2 * tap)
    assert np.sum((raised - there) * y) == 2 * np.sum(x * back(case, y, tap))


@examples(60)
@given(conv_transpose_cases(), seeds)
def test_conv_is_the_adjoint_of_conv_transpose(case: Case, seed: int) -> None:
    """The other way round: what was cropped counts as zeros, and what output_padding added meets no input."""
    x, w = integers(case.input_shape, seed=seed), integers(case.weight_shape, seed=seed + 1)
    there = getattr(fc, f"conv_transpose{case.rank}d")(x, w, **case.options)
    y = integers(there.shape, seed=seed + 2)
    again = getattr(fc, f"conv{case.rank}d")(uncropped(case, y), w, **plain(case))
    assert np.sum(there * y) == np.sum(x * again)


def plain(case: Case) -> dict[str, Any]:
    """The options of a case but for its padding."""
    return {name: value for name, value in case.options.items() if name not in ("padding", "output_padding")}


def uncropped(case: Case, y: np.ndarray) -> np.ndarray:
    """The output of a transposed convolution among the zeros that stand for what was cropped from it."""
    extras, crops = case.options["output_padding"], case.options["padding"]
    sizes = fc.conv_transpose_output_size(
        case.input_shape[2:], case.weight_shape[2:], case.options["stride"], dilation=case.options["dilation"]
    )
    whole = np.zeros((*y.shape[:2], *(size + extra for size, extra in zip(sizes, extras, strict=True))))
    whole[(..., *(slice(before, before + n) for (before, _), n in zip(crops, y.shape[2:], strict=True)))] = y
    return whole[(..., *map(slice, sizes))]
