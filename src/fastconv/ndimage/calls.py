"""A call of a filter: its steps are found out once for arrays of the same form and the same settings, and remembered.

Before, Python took 100 to 300 microseconds to check arguments, to make weights and to plan: more than SciPy's whole
call of an image of 64 x 64 elements. What is left takes about as long as that image's 3x3 windows do, so a call asks
for nothing that it could know already: not even for the dtype of its result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

import numpy as np

from fastconv.ndimage import arguments as nd
from fastconv.ndimage.sums import InTurn, Step
from fastconv.ops import arguments as arg
from fastconv.ops import dtypes
from fastconv.ops.arguments import Form
from fastconv.ops.calls import remembered
from fastconv.ops.filters import Correlation
from fastconv.ops.passes import PassFilter

__all__ = ["MOST_BYTES", "Find", "filtered", "filtered_by", "planned"]

#: Bytes of weights, or of a footprint, up to which calls are remembered by them.
MOST_BYTES = 8192
#: Those up to which a few calls are: 127 x 127 taps in float64. To look them up takes a tenth of planning anew.
MOST_LARGE_BYTES, LARGE_CALLS = 131072, 16

#: From an array, the weights of its windows if it takes any, a dtype for the result or None, and settings the steps.
Find = Callable[..., "Step | Filter"]


@dataclass(frozen=True, slots=True)
class Filter:
    """Steps whose result may still have another dtype, or be the array itself."""

    step: Step
    dtype: np.dtype

    def __call__(self, x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """The result in memory of its own; in `out`, an array for it, if the last step can write there."""
        found = self.step(x, out) if out is not None and isinstance(self.step, InTurn) else self.step(x)
        return nd.taken(found, self.dtype, x)


def planned(function: Callable[..., Step]) -> Find:
    """Remember the steps that a function finds for arrays of such forms, for such settings and so many threads.

    The function is called as ``function(form, dtype, *settings)``, or where windows have weights as ``function(form,
    dtype, weights, *settings)``, with weights that nobody writes to.
    """

    def decide(
        forms: tuple[Form, Form | None], elements: bytes | bytearray, dtype: np.dtype | None, *settings: Any
    ) -> Step | Filter:
        form, taps = forms
        given = settings
        dtypes.check_numbers(form.dtype, "input")
        if taps is not None:
            dtypes.check_numbers(taps.dtype, "weights")
            given = np.frombuffer(elements, taps.dtype).reshape(taps.shape), *settings
        if dtype is None:
            is_complex = form.dtype.kind == "c" or (taps is not None and taps.dtype.kind == "c")
            dtype = nd.dtype_of(form.dtype, is_complex)
        return _whole(function(form, dtype, *given), dtype)

    usual, large = remembered(decide), remembered(decide, LARGE_CALLS)

    def forget() -> None:
        usual.cache_clear()  # type: ignore[attr-defined]
        large.cache_clear()  # type: ignore[attr-defined]

    @wraps(function)
    def find(x: np.ndarray, weights: np.ndarray | None, dtype: np.dtype | None, *settings: Any) -> Step | Filter:
        if weights is None:
            return usual((x, None), b"", dtype, *settings)
        elements: bytes | bytearray = weights.tobytes()
        if weights.nbytes > MOST_LARGE_BYTES:
            elements = bytearray(elements)  # cannot be looked up: planned anew at each call
        known = usual if weights.nbytes <= MOST_BYTES else large
        return known((x, weights), elements, dtype, *settings)

    find.cache_clear = forget  # type: ignore[attr-defined]
    return find


def _whole(step: Step, dtype: np.dtype) -> Step | Filter:
    """The steps as one; a single one that makes an array of its own of this dtype is all there is to do."""
    if isinstance(step, InTurn) and len(step.steps) == 1:
        only = step.steps[0]
        if isinstance(only, (Correlation, PassFilter)) and only.dtype == dtype and step.dtype in (None, dtype):
            return only
    return Filter(step, dtype)


def filtered(find: Find, input: Any, output: Any, *settings: Any) -> np.ndarray:
    """What the steps of ``find(input, None, dtype, *settings)`` make of the input, as `output` says."""
    x = input if type(input) is np.ndarray else arg.array(input, "input")
    if output is None:
        return find(x, None, None, *settings)(x)
    place = nd.output_of(output, x, x.dtype.kind == "c")
    return place.fill(find(x, None, place.dtype, *settings))


def filtered_by(find: Find, input: Any, weights: Any, output: Any, *settings: Any) -> np.ndarray:
    """As `filtered`, for windows that have weights."""
    x = input if type(input) is np.ndarray else arg.array(input, "input")
    w = weights if type(weights) is np.ndarray else arg.array(weights, "weights")
    if output is None:
        return find(x, w, None, *settings)(x)
    place = nd.output_of(output, x, "c" in (x.dtype.kind, w.dtype.kind))
    return place.fill(find(x, w, place.dtype, *settings))
