"""Representative calls of every operation: between them they reach all code that a first call can need.

`fastconv warmup` makes them to have that code compiled, `fastconv doctor` to compare their results with the reference.
A call is made in two sizes, as a small one may be served in another way than a large one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np

import fastconv as fc

__all__ = ["FAMILIES", "LARGE", "SMALL", "Case", "Family", "numbers"]

#: Spatial sizes for 1, 2 and 3 axes: large ones make calls that are shared out to threads.
SMALL = {1: (24,), 2: (9, 8), 3: (5, 6, 7)}
LARGE = {1: (4000,), 2: (60, 56), 3: (14, 15, 16)}


class _Layer(NamedTuple):
    """A convolution: channels in and out, taps along an axis, groups, and further arguments."""

    channels: int
    out_channels: int
    kernel: int
    groups: int
    options: dict[str, Any]


_CONV_LAYERS = (
    _Layer(8, 12, 3, 1, {"padding": 1}),
    _Layer(64, 64, 3, 1, {"padding": 1}),  # enough weights to be packed by several threads
    _Layer(32, 16, 1, 1, {}),
    _Layer(3, 16, 3, 1, {"stride": 2, "padding": 1}),
    _Layer(1, 1, 5, 1, {"padding": "same", "padding_mode": "reflect"}),
    _Layer(8, 8, 3, 8, {"padding": 1}),
    _Layer(8, 8, 3, 1, {"dilation": 2}),
)
_TRANSPOSED_LAYERS = (
    _Layer(8, 4, 4, 1, {"stride": 2, "padding": 1}),
    _Layer(64, 64, 3, 1, {"stride": 2}),
    _Layer(16, 8, 2, 1, {"stride": 2}),
    _Layer(8, 16, 3, 1, {"padding": 1}),
    _Layer(8, 8, 3, 8, {"stride": 2}),
)

_CONVS = (fc.conv1d, fc.conv2d, fc.conv3d)
_TRANSPOSED_CONVS = (fc.conv_transpose1d, fc.conv_transpose2d, fc.conv_transpose3d)


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


@dataclass(frozen=True)
class Family:
    """One operation for any number of spatial axes.

    Attributes
    ----------
    cases : callable
        ``cases(rank, dtype, size)`` gives its calls on inputs of that spatial size, the plainest first.
    kinds : str
        NumPy's letters for the kinds of dtype that it takes.
    names : tuple of str
        Its public names, for 1, 2 and 3 spatial axes.
    """

    cases: Callable[[int, np.dtype, tuple[int, ...]], Iterator[Case]]
    kinds: str
    names: tuple[str, str, str]


def numbers(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Small whole numbers, the same at every call, whose sums every dtype holds exactly."""
    found = np.random.default_rng(len(shape)).integers(0 if dtype.kind in "bu" else -2, 3, shape)
    return found.astype(dtype)


def _conv(rank: int, dtype: np.dtype, size: tuple[int, ...]) -> Iterator[Case]:
    for layer in (*_CONV_LAYERS, *_activated(dtype)):
        shape = (layer.out_channels, layer.channels // layer.groups, *(layer.kernel,) * rank)
        yield from _layer(_CONVS[rank - 1], layer, size, shape, dtype)


def _conv_transpose(rank: int, dtype: np.dtype, size: tuple[int, ...]) -> Iterator[Case]:
    for layer in (*_TRANSPOSED_LAYERS, *_activated(dtype)):
        shape = (layer.channels, layer.out_channels // layer.groups, *(layer.kernel,) * rank)
        yield from _layer(_TRANSPOSED_CONVS[rank - 1], layer, size, shape, dtype)


def _layer(
    op: Callable[..., Any], layer: _Layer, size: tuple[int, ...], weight_shape: tuple[int, ...], dtype: np.dtype
) -> Iterator[Case]:
    x, w = numbers((layer.channels, *size), dtype), numbers(weight_shape, dtype)
    yield _case(op, x, w, groups=layer.groups, **layer.options)
    yield _case(op, x, w, numbers((layer.out_channels,), dtype), groups=layer.groups, **layer.options)


def _activated(dtype: np.dtype) -> list[_Layer]:
    activated = {"activation": "relu"}
    return (
        [] if dtype.kind == "c" else [_Layer(16, 24, 3, 1, activated | {"padding": 1}), _Layer(32, 16, 1, 1, activated)]
    )


def _max_pool(rank: int, dtype: np.dtype, size: tuple[int, ...]) -> Iterator[Case]:
    op = (fc.max_pool1d, fc.max_pool2d, fc.max_pool3d)[rank - 1]
    for indices in (False, True):
        for channels in (16, 1):
            x = numbers((channels, *size), dtype)
            yield _case(op, x, 2, return_indices=indices)
            yield _case(op, x, 3, 1, 1, return_indices=indices)
            yield _case(op, x, 3, 2, 1, return_indices=indices)


def _avg_pool(rank: int, dtype: np.dtype, size: tuple[int, ...]) -> Iterator[Case]:
    op = (fc.avg_pool1d, fc.avg_pool2d, fc.avg_pool3d)[rank - 1]
    for result in [None] if dtype.kind == "f" else [None, np.float32]:
        for channels in (16, 1):
            x = numbers((channels, *size), dtype)
            yield _case(op, x, 2, dtype=result)
            yield _case(op, x, 3, 1, 1, dtype=result)
            yield _case(op, x, 3, 2, 1, dtype=result)


def _conv_matrix(rank: int, dtype: np.dtype, size: tuple[int, ...]) -> Iterator[Case]:
    for channels, out_channels in ((4, 6), (1, 1)):
        w = numbers((out_channels, channels, *(3,) * rank), dtype)
        for columns in (1, 3, 20):
            x = numbers((columns, channels, *size), dtype)
            y = numbers((columns, out_channels, *size), dtype)
            yield Case(partial(_multiplied, w, x), partial(_CONVS[rank - 1], x, w, padding=1, algorithm="reference"))
            yield Case(
                partial(_multiplied, w, y, transposed=True),
                partial(_TRANSPOSED_CONVS[rank - 1], y, w, padding=1, algorithm="reference"),
            )


def _multiplied(w: np.ndarray, x: np.ndarray, transposed: bool = False) -> np.ndarray:
    """A batch by K' or its transpose: one vector, or a matrix of several columns."""
    matrix = fc.conv_matrix(w, (w.shape[1], *x.shape[2:]), padding=1)
    matrix = matrix.T if transposed else matrix
    found = matrix @ x.ravel() if len(x) == 1 else (matrix @ x.reshape(len(x), -1).T).T
    return found.reshape(len(x), -1, *x.shape[2:])


def _case(op: Callable[..., Any], *args: Any, **options: Any) -> Case:
    return Case(partial(op, *args, **options), partial(op, *args, **options, algorithm="reference"))


def _family(name: str, cases: Callable[..., Iterator[Case]], kinds: str) -> Family:
    return Family(cases, kinds, (f"{name}1d", f"{name}2d", f"{name}3d"))


#: Every operation that compiles something, by its name without the number of axes.
FAMILIES = {
    "conv": _family("conv", _conv, "biufc"),
    "conv_transpose": _family("conv_transpose", _conv_transpose, "biufc"),
    "max_pool": _family("max_pool", _max_pool, "biuf"),
    "avg_pool": _family("avg_pool", _avg_pool, "iuf"),
    "conv_matrix": Family(_conv_matrix, "biufc", ("conv_matrix",) * 3),
}
