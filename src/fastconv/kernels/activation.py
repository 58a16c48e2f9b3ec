"""Activation functions, applied while the sums are still in the cache."""

from __future__ import annotations

import math
from typing import Any

from fastconv.jit.decorators import helper
from fastconv.jit.vector import exp

__all__ = ["ACTIVATIONS", "INTEGER_ACTIVATIONS", "activate", "keep"]

#: The functions by name, in the order of their numbers in a table; 0 is none.
ACTIVATIONS = ("relu", "relu6", "leaky_relu", "silu", "sigmoid", "tanh")
#: Those that map integers to integers.
INTEGER_ACTIVATIONS = ("relu", "relu6")

_RELU, _RELU6, _LEAKY_RELU, _SILU, _SIGMOID, _TANH = range(1, len(ACTIVATIONS) + 1)


@helper
def activate(values: Any, function: int) -> None:
    """Replace values by the function's; a NaN stays one."""
    if function == _RELU:
        for i in range(values.size):
            values[i] = 0 if values[i] < 0 else values[i]
    elif function == _RELU6:
        for i in range(values.size):
            value = values[i]
            values[i] = 0 if value < 0 else (6 if value > 6 else value)
    elif function == _LEAKY_RELU:
        for i in range(values.size):
            values[i] = values[i] * 0.01 if values[i] < 0 else values[i]
    elif function == _SILU:
        for i in range(values.size):
            values[i] = values[i] / (1 + exp(-values[i]))
    elif function == _SIGMOID:
        for i in range(values.size):
            values[i] = 1 / (1 + exp(-values[i]))
    elif function == _TANH:
        for i in range(values.size):
            values[i] = math.tanh(values[i])


@helper
def keep(values: Any, function: int) -> None:
    """No activation: what calls without one compile, and types that have no order."""
