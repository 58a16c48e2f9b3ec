"""Activation functions, applied while the sums are still in the cache."""

from __future__ import annotations

import math
from typing import Any

from fastconv.jit.decorators import inlined
from fastconv.jit.vector import exp, unsigned

__all__ = ["ACTIVATIONS", "INTEGER_ACTIVATIONS", "activate", "activation_number", "keep"]

#: The functions by name, in the order of their numbers in a table; 0 is none.
ACTIVATIONS = ("relu", "relu6", "leaky_relu", "silu", "sigmoid", "tanh")
#: Those that map integers to integers.
INTEGER_ACTIVATIONS = ("relu", "relu6")

_RELU, _RELU6, _LEAKY_RELU, _SILU, _SIGMOID, _TANH = range(1, len(ACTIVATIONS) + 1)


def activation_number(name: str | None) -> int:
    """The number in a table of the function of that name."""
    return 0 if name is None else 1 + ACTIVATIONS.index(name)


@inlined
def activate(values: Any, begin: int, end: int, function: int) -> None:
    """Replace values from `begin` to `end` by the function's; a NaN stays one."""
    if function == _RELU:
        for i in range(unsigned(begin), unsigned(end)):
            values[i] = 0 if values[i] < 0 else values[i]
    elif function == _RELU6:
        for i in range(unsigned(begin), unsigned(end)):
            value = values[i]
            values[i] = 0 if value < 0 else (6 if value > 6 else value)
    elif function == _LEAKY_RELU:
        for i in range(unsigned(begin), unsigned(end)):
            values[i] = values[i] * 0.01 if values[i] < 0 else values[i]
    elif function == _SILU:
        for i in range(unsigned(begin), unsigned(end)):
            values[i] = values[i] / (1 + exp(-values[i]))
    elif function == _SIGMOID:
        for i in range(unsigned(begin), unsigned(end)):
            values[i] = 1 / (1 + exp(-values[i]))
    elif function == _TANH:
        for i in range(unsigned(begin), unsigned(end)):
            values[i] = math.tanh(values[i])


@inlined
def keep(values: Any, begin: int, end: int, function: int) -> None:
    """No activation: what calls without one compile, and types that have no order."""
