"""What benchmarks share: data, calls that are ready to be timed, and reasons to skip."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from typing import Any

import numpy as np

from asv_bench.shapes import LAYERS, MATRICES

__all__ = [
    "LayerFixture", "Sampling", "TimedLayers", "built_matrix", "channels_last", "layer_arguments", "matrix_arguments",
    "only_with_threads", "operation", "optional_module", "random", "warm_call",
]  # fmt: skip


def operation(name: str) -> Callable[..., Any]:
    """A public function of the installed commit; the benchmark is skipped where that commit has none of this name."""
    module, _, function = f"fastconv.{name}".rpartition(".")
    try:
        return getattr(import_module(module), function)
    except (AttributeError, ImportError):
        raise NotImplementedError(f"this commit has no fastconv.{name}") from None


def optional_module(name: str) -> Any:
    """A module of a peer; the benchmark is skipped where it is not installed."""
    try:
        return import_module(name)
    except ImportError:
        raise NotImplementedError(f"{name} is not installed") from None


def only_with_threads(count: int) -> None:
    """Skip a benchmark whose figure needs no second measurement, at other numbers of threads than `count`."""
    threads = os.environ.get("NUMBA_NUM_THREADS", str(count))
    if threads != str(count):
        raise NotImplementedError(f"measured with NUMBA_NUM_THREADS={count} alone")


def random(shape: tuple[int, ...], dtype: str = "float32") -> np.ndarray:
    """The same numbers in every run: normal ones, or integers from -8 to 7."""
    rng = np.random.default_rng(0)
    numbers = rng.integers(-8, 8, shape) if np.dtype(dtype).kind == "i" else rng.standard_normal(shape)
    return numbers.astype(dtype)


def channels_last(x: np.ndarray) -> np.ndarray:
    """The same numbers with the channels of an element beside each other in memory."""
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1)


@lru_cache(maxsize=1)
def layer_arguments(name: str) -> tuple[Any, Any, dict[str, Any]]:
    """Input, kernel (a weight, or the window of a pool) and options of a layer."""
    layer = LAYERS[name]
    pool = layer.op.endswith("pool")
    return random(layer.input, layer.dtype), layer.kernel if pool else random(layer.kernel, layer.dtype), layer.options


@lru_cache(maxsize=1)
def matrix_arguments(name: str) -> tuple[np.ndarray, tuple[int, ...], dict[str, Any]]:
    """Weight, size of the input and options of a matrix."""
    matrix = MATRICES[name]
    return random(matrix.kernel), matrix.input_size, matrix.options


@lru_cache(maxsize=1)
def built_matrix(name: str) -> Any:
    """A matrix K', whose products are not compiled yet."""
    weight, size, options = matrix_arguments(name)
    return operation("conv_matrix")(weight, size, **options)


@lru_cache(maxsize=1)
def warm_call(name: str) -> Callable[[], Any]:
    """The call of a layer, compiled and planned."""
    function, (x, kernel, options) = operation(LAYERS[name].function), layer_arguments(name)

    def call() -> Any:
        return function(x, kernel, **options)

    call()
    return call


class Sampling:
    """How asv takes samples of a time.

    It runs ``setup`` again before every call that it times, so a sample is one call whatever we say here. Many samples
    make up for their shortness, and what is dear in ``setup`` is kept: asv starts a process for each benchmark and
    parameter, so that happens once for each of them.
    """

    number = 1
    repeat = (5, 50, 1.0)


class LayerFixture(Sampling):
    """The call of a layer in ``self.call``."""

    param_names = ("layer",)

    def setup(self, layer: str) -> None:
        self.call = warm_call(layer)


class TimedLayers(LayerFixture, ABC):
    """Time of the layers in `params`. Abstract, since asv takes the methods of every concrete class for benchmarks."""

    @property
    @abstractmethod
    def params(self) -> tuple[str, ...]:
        """Names of layers."""

    def time_call(self, layer: str) -> None:
        self.call()
