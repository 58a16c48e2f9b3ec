"""Activation functions, one line each."""

from collections.abc import Callable

import numpy as np

from fastconv.reference.padding import Array

__all__ = ["activation"]


def activation(values: Array, name: str) -> Array:
    """Apply an activation function by name, in the dtype of the values.

    Parameters
    ----------
    values : array
    name : str
        "relu", "relu6", "leaky_relu" (slope 0.01), "silu", "sigmoid" or "tanh".

    Returns
    -------
    array

    Examples
    --------
    >>> activation(np.array([-1.0, 2.0, 9.0]), "relu6").tolist()
    [0.0, 2.0, 6.0]
    """
    functions: dict[str, Callable[[Array], Array]] = {
        "relu": lambda x: np.maximum(x, 0),
        "relu6": lambda x: np.minimum(np.maximum(x, 0), 6),
        "leaky_relu": lambda x: np.where(x < 0, 0.01 * x, x),
        "silu": lambda x: x / (1 + np.exp(-x)),
        "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
        "tanh": np.tanh,
    }
    with np.errstate(over="ignore"):  # exp(-x) may be infinite: a sigmoid of 0, which is right
        return functions[name](values).astype(values.dtype)
