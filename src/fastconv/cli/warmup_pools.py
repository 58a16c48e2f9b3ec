"""The poolings among `fastconv.cli.warmup_cases`, and their gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

import fastconv as fc
from fastconv import reference
from fastconv.cli.warmup_case import Case, case, channels_last, numbers

__all__ = [
    "adaptive_avg_gradient",
    "adaptive_avg_pool",
    "adaptive_max_pool",
    "avg_gradient",
    "avg_pool",
    "fractional_max_pool",
    "lp_gradient",
    "lp_pool",
    "max_gradient",
    "max_pool",
    "max_unpool",
]

#: Parts that do not divide some of the sizes, for any number of axes.
_UNEVEN = 7


def max_pool(rank: int, dtype: np.dtype, size: tuple[int, ...]) -> Iterator[Case]:
    """Windows of the usual sizes, with indices and without, and of whole numbers with gaps between them."""
    op = (fc.max_pool1d, fc.max_pool2d, fc.max_pool3d)[rank - 1]
    for indices in (False, True):
        yield from _usual_windows(partial(op, return_indices=indices), dtype, size)
        if dtype.kind != "f":
            yield case(partial(op, return_indices=indices), numbers((16, *size), dtype)[..., ::2], 2)


def avg_pool(rank: int, dtype: np.dtype, size: tuple[int, ...]) -> Iterator[Case]:
    """Windows of the usual sizes, means of whole numbers as floats, and of those with gaps between them."""
    op = (fc.avg_pool1d, fc.avg_pool2d, fc.avg_pool3d)[rank - 1]
    for result in [None] if dtype.kind == "f" else [None, np.float32]:
        yield from _usual_windows(partial(op, dtype=result), dtype, size)
    if dtype.kind != "f":
        yield case(op, numbers((16, *size), dtype)[..., ::2], 2)


def _usual_windows(op: Callable[..., Any], dtype: np.dtype, size: tuple[int, ...]) -> Iterator[Case]:
    for channels in (16, 1):
        x = numbers((channels, *size), dtype)
        for window in ((2,), (3, 1, 1), (3, 1, 2), (3, 2, 1), (5, 1, 2), (4,), (5,), (size,)):
            yield case(op, x, *window)
        yield case(op, channels_last(x), 3, 1, 1)


def adaptive_max_pool(rank: int, dtype: np.dtype, size: tuple[int, ...]) -> Iterator[Case]:
    """One part, and parts of unequal sizes."""
    op = (fc.adaptive_max_pool1d, fc.adaptive_max_pool2d, fc.adaptive_max_pool3d)[rank - 1]
    for indices in (False, True):
        for parts in (1, _UNEVEN):
            yield case(op, numbers((16, *size), dtype), parts, indices)
        yield case(op, channels_last(numbers((16, *size), dtype)), _UNEVEN, indices)


def adaptive_avg_pool(rank: int, dtype: np.dtype, size: tuple[int, ...]) -> Iterator[Case]:
    """One part, and parts of unequal sizes."""
    op = (fc.adaptive_avg_pool1d, fc.adaptive_avg_pool2d, fc.adaptive_avg_pool3d)[rank - 1]
    for result in [None] if dtype.kind == "f" else [None, np.float32]:
        for parts in (1, _UNEVEN):
            yield case(op, numbers((16, *size), dtype), parts, dtype=result)
        yield case(op, channels_last(numbers((16, *size), dtype)), _UNEVEN, dtype=result)


def lp_pool(rank: int, dtype: np.dtype, size: tuple[int, ...]) -> Iterator[Case]:
    """Norms that are summed each in its own way, and the largest number."""
    op = (fc.lp_pool1d, fc.lp_pool2d, fc.lp_pool3d)[rank - 1]
    for norm in (1, 2, np.inf):
        for arguments in ((2,), (3, 1), *([(3,)] if norm == np.inf else [])):
            yield case(op, numbers((16, *size), dtype), norm, *arguments)


def lp_gradient(rank: int, dtype: np.dtype, size: tuple[int, ...]) -> Iterator[Case]:
    """Of sums, where windows overlap and where not, and of maxima."""
    op = (fc.grad.lp_pool1d, fc.grad.lp_pool2d, fc.grad.lp_pool3d)[rank - 1]
    x = numbers((16, *size), dtype)
    wide = x[None] * (1.0 if dtype.kind != "f" else dtype.type(1))
    for kernel, stride in ((2, 2), (2, 1), (3, 1)):
        dy = numbers((16, *((n - kernel) // stride + 1 for n in size)), dtype)
        windows = ((kernel,) * rank, (stride,) * rank, ((0, 0),) * rank, False, (1,) * rank)
        wanted = partial(reference.lp_pool_grad, dy[None].astype(wide.dtype), wide, 1, *windows)
        yield Case(partial(op, dy, x, 1, kernel, stride), partial(_only, wanted))
    yield Case(partial(op, np.zeros_like(dy), x, np.inf, kernel, stride), partial(np.zeros, x.shape, wide.dtype))


def _only(batch: Callable[[], np.ndarray]) -> np.ndarray:
    """The one entry of a batch that is still to be computed."""
    entry: np.ndarray = batch()[0]
    return entry


def fractional_max_pool(rank: int, dtype: np.dtype, size: tuple[int, ...]) -> Iterator[Case]:
    """Images; of one axis, rows of them."""
    op = fc.fractional_max_pool3d if rank == 3 else fc.fractional_max_pool2d
    x = numbers((16, *((3, *size) if rank == 1 else size)), dtype)  # signals are images of some rows
    for indices in (False, True):
        yield case(op, x, 2, 2, None, indices, rng=0)


def max_gradient(name: str, rank: int, dtype: np.dtype, size: tuple[int, ...]) -> Iterator[Case]:
    """Of `max_pool` or `adaptive_max_pool`, by indices, channels first and last."""
    op = getattr(fc.grad, f"{name}{rank}d")
    wide = dtype if dtype.kind == "f" else np.dtype(np.int32 if dtype.itemsize == 1 else np.int64)
    dy, places = _every_other((16, *size), rank, dtype)
    wanted = partial(reference.max_pool_grad, dy[None].astype(wide), places[None], size)
    for given, at in ((dy, places), (channels_last(dy), channels_last(places))):
        yield Case(partial(op, given, at, (16, *size)), partial(_only, wanted))


def max_unpool(rank: int, dtype: np.dtype, size: tuple[int, ...]) -> Iterator[Case]:
    """Numbers back to where their indices say, channels first and last."""
    op = (fc.max_unpool1d, fc.max_unpool2d, fc.max_unpool3d)[rank - 1]
    x, places = _every_other((16, *size), rank, dtype)
    pads = tuple((n - 1, 0) for n in x.shape[1:])
    wanted = partial(reference.max_unpool, x[None], places[None], size)
    for given, at in ((x, places), (channels_last(x), channels_last(places))):
        yield Case(partial(op, given, at, size, 1, pads), partial(_only, wanted))


def _every_other(shape: tuple[int, ...], rank: int, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    """Numbers for every other element of a row, and where these stand."""
    places = np.arange(np.prod(shape[1:])).reshape(shape[1:])[..., ::2]
    return numbers((shape[0], *places.shape), dtype), np.repeat(places[None], shape[0], 0)


def avg_gradient(rank: int, dtype: np.dtype, size: tuple[int, ...]) -> Iterator[Case]:
    """Windows apart, overlapping ones that follow each other or not, and a single one."""
    op = (fc.grad.avg_pool1d, fc.grad.avg_pool2d, fc.grad.avg_pool3d)[rank - 1]
    usual = [((kernel,) * rank, (stride,) * rank) for kernel, stride in ((2, 2), (2, 1), (3, 2), (3, 1))]
    for kernel, stride in (*usual, (size, size)):
        dy = numbers((16, *((n - k) // s + 1 for n, k, s in zip(size, kernel, stride, strict=True))), dtype)
        windows = (kernel, stride, ((0, 0),) * rank, True, None, (1,) * rank)
        wide = dy[None] * (1.0 if dtype.kind != "f" else dtype.type(1))
        wanted = partial(reference.avg_pool_grad, wide, size, *windows)
        for given in (dy, channels_last(dy)):
            yield Case(partial(op, given, (16, *size), kernel, stride), partial(_only, wanted))


def adaptive_avg_gradient(rank: int, dtype: np.dtype, size: tuple[int, ...]) -> Iterator[Case]:
    """One part, and two along each axis."""
    op = (fc.grad.adaptive_avg_pool1d, fc.grad.adaptive_avg_pool2d, fc.grad.adaptive_avg_pool3d)[rank - 1]
    for parts in (1, 2):
        dy = numbers((16, *(parts,) * rank), dtype)
        values = dy[None] * (1.0 if dtype.kind != "f" else dtype.type(1))
        wanted = partial(reference.adaptive_avg_pool_grad, values, size)
        for given in (dy, channels_last(dy)):
            yield Case(partial(op, given, (16, *size)), partial(_only, wanted))
