"""A call of `fastconv.cli.warmup_cases`, and what most of them are made from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

__all__ = ["Case", "case", "channels_last", "numbers"]


@dataclass(frozen=True)
class Case:
    """One call.

    Attributes
    ----------
    call : callable
        Makes it.
    reference : callable
        What it should give, by the NumPy reference.
    """

    call: Callable[[], Any]
    reference: Callable[[], Any]


def numbers(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Small whole numbers, the same at every call, whose sums every dtype holds exactly."""
    found = np.random.default_rng(len(shape)).integers(0 if dtype.kind in "bu" else -2, 3, shape)
    return found.astype(dtype)


def channels_last(x: np.ndarray) -> np.ndarray:
    """The array in memory whose channels stand beside each other."""
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 0, -1)), -1, 0)


def case(op: Callable[..., Any], *args: Any, **options: Any) -> Case:
    """A call of an operation, and the same by its NumPy reference."""
    return Case(partial(op, *args, **options), partial(op, *args, **options, algorithm="reference"))
