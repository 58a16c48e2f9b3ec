"""The convolutions among `fastconv.cli.warmup_cases`: layers, and the algorithms that none of them are served by."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from typing import Any

import numpy as np

import fastconv as fc
from fastconv.cli.warmup_case import Case, case, channels_last, numbers
from fastconv.cli.warmup_layers import (
    ACTIVATED_LAST_LAYERS,
    ACTIVATED_LAYERS,
    CHANNEL_WINDOWS,
    CONV_BETWEEN,
    CONV_LAYERS,
    LAST_LAYERS,
    PIECED_CHANNELS,
    PIECED_KERNELS,
    TRANSPOSED_BETWEEN,
    TRANSPOSED_LAYERS,
    TRANSPOSED_TURNED_WINDOWS,
    TURNED_WINDOWS,
    WHOLE_ENDS,
    many_channels,
)
from fastconv.jit.machine import machine
from fastconv.plan.winograd_rows import loads_pairs

__all__ = ["CONVS", "TRANSPOSED_CONVS", "convolutions"]

CONVS = (fc.conv1d, fc.conv2d, fc.conv3d)
TRANSPOSED_CONVS = (fc.conv_transpose1d, fc.conv_transpose2d, fc.conv_transpose3d)
_PACKED = (fc.Conv1d, fc.Conv2d, fc.Conv3d)
_TRANSPOSED_PACKED = (fc.ConvTranspose1d, fc.ConvTranspose2d, fc.ConvTranspose3d)


@dataclass(frozen=True)
class _Convolutions:
    """Those of one operation, a function or objects with packed weights, on inputs of one dtype and size."""

    transposed: bool
    packed: bool
    rank: int
    dtype: np.dtype
    size: tuple[int, ...]

    @property
    def op(self) -> Callable[..., Any]:
        if self.packed:
            return partial(_call_packed, (_TRANSPOSED_PACKED if self.transposed else _PACKED)[self.rank - 1])
        return (TRANSPOSED_CONVS if self.transposed else CONVS)[self.rank - 1]

    @property
    def activations(self) -> tuple[str | None, ...]:
        return (None,) if self.dtype.kind == "c" else (None, "relu")

    def input(self, channels: int, size: tuple[int, ...] | None = None, *, last: bool = False) -> np.ndarray:
        x = numbers((channels, *(size or self.size)), self.dtype)
        return channels_last(x) if last else x

    def weight(self, channels: int, outputs: int, kernel: tuple[int, ...], groups: int = 1) -> np.ndarray:
        outer, inner = (channels, outputs) if self.transposed else (outputs, channels)
        return numbers((outer, inner // groups, *kernel), self.dtype)

    def by(self, algorithm: str, x: np.ndarray, w: np.ndarray, **options: Any) -> Case:
        """A call by an algorithm that is asked for by its name."""
        call = partial(self.op, x, w, **options)
        return Case(partial(call, algorithm=algorithm), partial(call, algorithm="reference"))


def _call_packed(make: Callable[..., Any], x: np.ndarray, *weights: np.ndarray, **options: Any) -> Any:
    return make(*weights, **options)(x)


def _layers(of: _Convolutions) -> Iterator[Case]:
    activated, activated_last = (ACTIVATED_LAYERS, ACTIVATED_LAST_LAYERS) if "relu" in of.activations else ((), ())
    first = (*(TRANSPOSED_LAYERS if of.transposed else CONV_LAYERS), many_channels(of.rank), *activated)
    for layer, last in (*product(first, (False,)), *product((*LAST_LAYERS, *activated_last), (True,))):
        x = of.input(layer.channels, last=last)
        w = of.weight(layer.channels, layer.out_channels, (layer.kernel,) * of.rank, layer.groups)
        for bias in ((), (numbers((layer.out_channels,), of.dtype),)):
            yield case(of.op, x, w, *bias, groups=layer.groups, **layer.options)


def _pieces(of: _Convolutions) -> Iterator[Case]:
    """Kernels that Winograd's algorithm cuts."""
    if of.dtype.kind != "f":
        return
    for (kernel, stride), outputs, activation in product(PIECED_KERNELS[of.rank], PIECED_CHANNELS, of.activations):
        w = of.weight(16, outputs, kernel)
        yield of.by("winograd", of.input(16), w, stride=stride, activation=activation)


def _between(of: _Convolutions) -> Iterator[Case]:
    """Algorithms that are chosen for many channels at other sizes."""
    for taps, stride, algorithm in TRANSPOSED_BETWEEN if of.transposed else CONV_BETWEEN:
        x, w = of.input(64), of.weight(64, 64, (taps,) * of.rank)
        for activation in (None,) if algorithm == "spread" else of.activations:
            yield of.by(algorithm, x, w, stride=stride, activation=activation)


def _small_images(of: _Convolutions) -> Iterator[Case]:
    w = of.weight(16, 16, (3,) * of.rank)
    for last, activation in product((False, True), of.activations):
        yield of.by("inside", of.input(16, (4,) * of.rank, last=last), w, padding=1, activation=activation)


def _single_positions(of: _Convolutions) -> Iterator[Case]:
    """Of transposed convolutions, and images of others that are one window."""
    x, w = of.input(16, (1 if of.transposed else 4,) * of.rank), of.weight(16, 4, (4,) * of.rank)
    yield of.by("single", x, w)
    if of.dtype.kind == "f" and of.dtype.itemsize > 2 and machine().masked_loads:
        yield of.by("unpacked", x, w)


def _many_depthwise_channels(of: _Convolutions) -> Iterator[Case]:
    if of.dtype.kind != "f" or of.dtype.itemsize < 4 or of.rank != 2:
        return

    def square(algorithm: str, side: int, stride: int, activation: str | None = None, *, last: bool = False) -> Case:
        x, w = of.input(16, (8, 8), last=last), of.weight(16, 16, (side, side), 16)
        options = {"stride": stride, "padding": side // 2, "groups": 16, "activation": activation}
        return of.by(algorithm, x, w, **options)

    for side, stride in TRANSPOSED_TURNED_WINDOWS if of.transposed else TURNED_WINDOWS:
        yield square("turned", side, stride)
    for (side, stride), activation in product(() if of.transposed else CHANNEL_WINDOWS, of.activations):
        yield square("channels", side, stride, activation, last=True)


def _few_channels(of: _Convolutions) -> Iterator[Case]:
    if of.dtype.kind == "f" and of.rank > 1 and loads_pairs(of.dtype.itemsize):
        w = of.weight(3, 4, (1, 3, 3)[-of.rank :])
        for activation in of.activations:
            yield of.by("winograd_rows", of.input(3), w, activation=activation)


def _by_values(of: _Convolutions) -> Iterator[Case]:
    """As many products as are looked at for what values are among them."""
    if of.dtype.kind not in "iu" or of.dtype.itemsize == 1:
        return
    held = [ends for ends in WHOLE_ENDS if max(ends) <= np.iinfo(of.dtype).max]
    for ends, taps, last, activation in product(held, (1, 3), (False, True), of.activations):
        x, w = of.input(32), of.weight(32, 32, (taps,) * of.rank)
        x.flat[0], w.flat[0] = ends
        yield case(of.op, channels_last(x) if last else x, w, padding=taps // 2, activation=activation)


def _large_kernels(of: _Convolutions) -> Iterator[Case]:
    if of.dtype.kind == "f":
        yield of.by("fourier", of.input(1), of.weight(1, 1, (1, 3, 3)[-of.rank :]))


_KINDS = (
    _layers,
    _pieces,
    _between,
    _small_images,
    _single_positions,
    _many_depthwise_channels,
    _few_channels,
    _by_values,
    _large_kernels,
)


def convolutions(
    transposed: bool, packed: bool, rank: int, dtype: np.dtype, size: tuple[int, ...], large: bool
) -> Iterator[Case]:
    """Calls of a convolution, which is a function or an object with packed weights.

    Parameters
    ----------
    large : bool
        Whether inputs of that size are shared out to threads.
    """
    of = _Convolutions(transposed, packed, rank, dtype, size)
    for kind in _KINDS:
        yield from kind(of)
    if large and dtype.kind in "iu" and dtype.itemsize > 1:  # whose values may be multiplied as bytes
        bytes_ = replace(of, dtype=np.dtype(np.int8))
        for kind in _KINDS:
            yield from kind(bytes_)
