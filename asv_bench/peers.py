"""What NumPy and SciPy users write in place of our operations: the other side of ratios, and of errors in float64.

Each function takes input, kernel and options as ours do, as far as the layers that name it need.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import prod
from typing import Any

import numpy as np

from asv_bench.fixtures import optional_module

__all__ = [
    "numpy_avg_pool", "numpy_conv", "numpy_conv_transpose", "numpy_depthwise", "numpy_max_pool", "scipy_fft",
    "scipy_filter", "scipy_overlap_add",
]  # fmt: skip


def _padded(x: np.ndarray, padding: int, value: float = 0) -> np.ndarray:
    return np.pad(x, [(0, 0)] * 2 + [(padding, padding)] * (x.ndim - 2), constant_values=value) if padding else x


def _taps(x: np.ndarray, kernel: tuple[int, ...], stride: int) -> Iterator[tuple[tuple[int, ...], np.ndarray]]:
    """Each place in the window, and what all windows have there."""
    sizes = [(size - taps) // stride + 1 for size, taps in zip(x.shape[2:], kernel, strict=True)]
    for tap in product(*map(range, kernel)):
        places = tuple(slice(t, t + (size - 1) * stride + 1, stride) for t, size in zip(tap, sizes, strict=True))
        yield tap, x[(..., *places)]


def numpy_conv(x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0) -> np.ndarray:
    """All windows side by side, then one matrix product."""
    rank = x.ndim - 2
    windows = np.lib.stride_tricks.sliding_window_view(_padded(x, padding), w.shape[2:], axis=tuple(range(2, x.ndim)))
    windows = windows[(..., *[slice(None, None, stride)] * rank, *[slice(None)] * rank)]
    axes = (1, *range(2 + rank, 2 + 2 * rank))
    return np.moveaxis(np.tensordot(windows, w, (axes, range(1, w.ndim))), -1, 1)


def numpy_depthwise(x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0, groups: int = 1) -> np.ndarray:
    """A sum of shifted inputs; one kernel for each channel."""
    weights = w.reshape(groups, *w.shape[2:], *[1] * (x.ndim - 2))
    return sum(weights[(slice(None), *tap)] * part for tap, part in _taps(_padded(x, padding), w.shape[2:], stride))


def numpy_conv_transpose(x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0) -> np.ndarray:
    """One matrix product, then sums over the windows that overlap."""
    spread = np.moveaxis(np.tensordot(x, w, (1, 0)), x.ndim - 1, 1)
    sizes = [(size - 1) * stride + taps for size, taps in zip(x.shape[2:], w.shape[2:], strict=True)]
    y = np.zeros((len(x), w.shape[1], *sizes), x.dtype)
    for tap, part in _taps(y, w.shape[2:], stride):
        part += spread[(..., *tap)]
    inner = [slice(padding, size - padding) for size in sizes]
    return np.ascontiguousarray(y[(..., *inner)])


def numpy_max_pool(x: np.ndarray, window: tuple[int, ...], stride: int | None = None, padding: int = 0) -> np.ndarray:
    """The maximum of shifted inputs."""
    parts = [part for _, part in _taps(_padded(x, padding, -np.inf), window, stride or window[0])]
    y = parts[0].copy()
    for part in parts[1:]:
        np.maximum(y, part, out=y)
    return y


def numpy_avg_pool(x: np.ndarray, window: tuple[int, ...]) -> np.ndarray:
    """The mean of shifted inputs, for windows side by side."""
    return sum(part for _, part in _taps(x, window, window[0])) / np.float32(prod(window))


def scipy_filter(x: np.ndarray, w: np.ndarray, **options: Any) -> np.ndarray:
    """One channel, as many outputs as inputs."""
    return optional_module("scipy.ndimage").correlate(x[0, 0], w[0, 0], mode="constant")[np.newaxis, np.newaxis]


def scipy_fft(x: np.ndarray, w: np.ndarray, **options: Any) -> np.ndarray:
    """As `scipy_filter`, through the Fourier transform."""
    signal = optional_module("scipy.signal")
    return signal.fftconvolve(x[0, 0], w[0, 0, ::-1, ::-1], mode="same")[np.newaxis, np.newaxis]


def scipy_overlap_add(x: np.ndarray, w: np.ndarray, **options: Any) -> np.ndarray:
    """A long signal, in pieces and through the Fourier transform; as many outputs as inputs."""
    every = optional_module("scipy.signal").oaconvolve(x[0, 0], w[0, 0, ::-1])
    before = w.shape[-1] // 2
    return every[np.newaxis, np.newaxis, before : before + x.shape[-1]]
