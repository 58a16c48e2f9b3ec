"""A call of a filter: its steps are found out once for arrays of the same form and the same settings, and remembered.

Before, Python took 100 to 300 microseconds to check arguments, to make weights and to plan: more than SciPy's whole
call of an image of 64 x 64 elements.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastconv.ndimage import arguments as nd
from fastconv.ndimage.sums import InTurn, Step
from fastconv.ops import arguments as arg

__all__ = ["MOST_BYTES", "filtered", "filtered_by"]

#: Bytes of weights, or of a footprint, up to which calls are remembered by them.
MOST_BYTES = 8192


def filtered(plan: Callable[..., Any], input: Any, output: Any, *settings: Any) -> np.ndarray:
    """What the steps ``plan((input,), dtype, *settings)`` make of the input, as `output` says; `plan` is remembered."""
    x = arg.array(input, "input")
    if list in map(type, settings):  # which calls are not remembered by
        settings = tuple(tuple(value) if type(value) is list else value for value in settings)
    if output is None and x.dtype.isnative and x.dtype.kind != "c":  # most calls, half a microsecond sooner
        return nd.taken(plan((x,), x.dtype, *settings)(x), x.dtype, x)
    place = nd.output_of(output, x, x.dtype.kind == "c")
    return _done(plan((x,), place.dtype, *settings), x, place)


def filtered_by(plan: Callable[..., Any], input: Any, weights: Any, output: Any, *settings: Any) -> np.ndarray:
    """As `filtered`, for ``plan((input, weights), dtype, bytes of the weights, *settings)``."""
    x, w = arg.array(input, "input"), arg.array(weights, "weights")
    place = nd.output_of(output, x, "c" in (x.dtype.kind, w.dtype.kind))
    # Others are planned anew at each call.
    counted = w.tobytes() if w.nbytes <= MOST_BYTES else bytearray(w.tobytes())
    return _done(plan((x, w), place.dtype, counted, *settings), x, place)


def _done(step: Step, x: np.ndarray, place: nd.Output) -> np.ndarray:
    """The result in its place, written there at once where that can be."""
    if place.array is not None and isinstance(step, InTurn):
        return place.take(step(x, place.target))
    return place.take(step(x))
