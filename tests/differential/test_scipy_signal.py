"""fastconv.signal against scipy.signal: random shapes, dtypes, modes, boundaries and axes, and the same errors."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastconv as fc
from properties.strategies import examples, integers, seeds

theirs = pytest.importorskip("scipy.signal")

DTYPES = ("float32", "float64", "int32", "uint8")
SIDES = {1: 30, 2: 8, 3: 4}


def outcome(function: Any, *arguments: Any, **options: Any) -> Any:
    """The result, or the type of the error."""
    try:
        return function(*arguments, **options)
    except (ValueError, TypeError) as error:
        return type(error)


def assert_same(ours: Any, expected: Any, norms: float) -> None:
    if isinstance(expected, type):
        assert ours == expected
        return
    assert (ours.dtype, ours.shape) == (expected.dtype, expected.shape)
    if ours.dtype.kind in "iu":
        np.testing.assert_array_equal(ours, expected)
    elif ours.size:
        # SciPy's is the larger error where one input is in float32 and the other is not.
        assert np.abs(ours - expected).max() <= 3e-6 * norms


@examples(80)
@given(data=st.data(), seed=seeds)
def test_any_number_of_axes(data: st.DataObject, seed: int) -> None:
    rank = data.draw(st.integers(1, 3))
    sizes = st.tuples(*[st.integers(1, SIDES[rank])] * rank)
    operands = [integers(data.draw(sizes), data.draw(st.sampled_from(DTYPES)), seed + i) for i in range(2)]
    norms = float(np.prod([np.linalg.norm(operand) for operand in operands]))
    name = data.draw(st.sampled_from(["convolve", "correlate", "fftconvolve", "oaconvolve"]))
    options: dict[str, Any] = {"mode": data.draw(st.sampled_from(["full", "same", "valid"]))}
    if name in ("convolve", "correlate"):
        options["method"] = data.draw(st.sampled_from(["auto", "direct"]))
    else:
        axes = st.lists(st.integers(-rank, rank), min_size=1, max_size=rank)
        options["axes"] = data.draw(st.none() | axes | st.integers(0, rank - 1))
    ours = outcome(getattr(fc.signal, name), *operands, **options)
    assert_same(ours, outcome(getattr(theirs, name), *operands, **options), norms)


@examples(80)
@given(data=st.data(), seed=seeds)
def test_images(data: st.DataObject, seed: int) -> None:
    sizes = st.tuples(st.integers(1, 8), st.integers(1, 8))
    x, w = (integers(data.draw(sizes), data.draw(st.sampled_from(DTYPES)), seed + i) for i in range(2))
    norms = float(np.linalg.norm(x) * np.linalg.norm(w))
    name, mode = data.draw(st.sampled_from(["convolve2d", "correlate2d"])), st.sampled_from(["full", "same", "valid"])
    boundary, value = st.sampled_from(["fill", "wrap", "symm"]), st.sampled_from([0, 2])
    settings = (data.draw(mode), data.draw(boundary), data.draw(value))
    ours = outcome(getattr(fc.signal, name), x, w, *settings)
    assert_same(ours, outcome(getattr(theirs, name), x, w, *settings), norms + 2 * float(np.abs(w).sum()) + 1)


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_lags(mode: str) -> None:
    for n in range(1, 9):
        for k in range(1, 9):
            found = fc.signal.correlation_lags(n, k, mode)
            np.testing.assert_array_equal(found, theirs.correlation_lags(n, k, mode), strict=True)
