"""Representative calls of every operation: between them they reach all code that a first call can need.

`fastconv warmup` makes them to have that code compiled, `fastconv doctor` to compare their results with the reference.
A call is made in two sizes, as a small one may be served in another way than a large one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

import fastconv as fc
from fastconv import reference
from fastconv.cli import warmup_pools as pools
from fastconv.cli.warmup_case import Case, channels_last, numbers
from fastconv.cli.warmup_convs import CONVS, TRANSPOSED_CONVS, convolutions
from fastconv.cli.warmup_filters import FILTER_KINDS, filter_calls
from fastconv.cli.warmup_layers import GRADIENT_LAYERS, PIECED_GRADIENT_LAYERS, Layer, many_channels

__all__ = ["FAMILIES", "LARGE", "SMALL", "Family"]

#: Spatial sizes for 1, 2 and 3 axes: large ones make calls that are shared out to threads.
SMALL = {1: (24,), 2: (9, 8), 3: (5, 6, 7)}
LARGE = {1: (4000,), 2: (60, 56), 3: (14, 15, 16)}


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


def _convolutions(transposed: bool, packed: bool, rank: int, dtype: np.dtype, size: tuple[int, ...]) -> Iterator[Case]:
    return convolutions(transposed, packed, rank, dtype, size, size == LARGE[rank])


def _weight_shape(layer: Layer, rank: int, transposed: bool) -> tuple[int, ...]:
    outer, inner = layer.out_channels, layer.channels
    if transposed:
        outer, inner = inner, outer
    return (outer, inner // layer.groups, *(layer.kernel,) * rank)


def _pad(rank: int, dtype: np.dtype, size: tuple[int, ...]) -> Iterator[Case]:
    x, widths = numbers((2, 3, *size), dtype), [(0, 0), (0, 0), *[(1, 2)] * rank]
    for mode in ("constant", "reflect"):
        yield Case(partial(fc.pad, x, (1, 2) * rank, mode), partial(np.pad, x, widths, mode))


def _columns(folded: bool, gradient: bool, rank: int, dtype: np.dtype, size: tuple[int, ...]) -> Iterator[Case]:
    kernel, ones, padding, stride = (3,) * rank, (1,) * rank, ((1, 1),) * rank, (2,) * rank
    x = numbers((2, 4, *size), dtype)
    columns = reference.unfold(x, kernel, ones, padding, stride)
    if folded:
        fold: Any = partial(fc.grad.unfold, columns, x.shape) if gradient else partial(fc.fold, columns, size)
        yield Case(
            partial(fold, kernel, 1, 1, 2), partial(reference.fold, columns, size, kernel, ones, padding, stride)
        )
    else:
        unfold: Any = partial(fc.grad.fold, x, size) if gradient else partial(fc.unfold, x)
        yield Case(partial(unfold, kernel, 1, 1, 2), lambda: columns)


def _conv_matrix(rank: int, dtype: np.dtype, size: tuple[int, ...]) -> Iterator[Case]:
    for channels, out_channels in ((4, 6), (1, 1)):
        w = numbers((out_channels, channels, *(3,) * rank), dtype)
        for columns in (1, 3, 20):
            x = numbers((columns, channels, *size), dtype)
            y = numbers((columns, out_channels, *size), dtype)
            yield Case(partial(_multiplied, w, x), partial(CONVS[rank - 1], x, w, padding=1, algorithm="reference"))
            yield Case(
                partial(_multiplied, w, y, transposed=True),
                partial(TRANSPOSED_CONVS[rank - 1], y, w, padding=1, algorithm="reference"),
            )


def _multiplied(w: np.ndarray, x: np.ndarray, transposed: bool = False) -> np.ndarray:
    """A batch by K' or its transpose: one vector, or a matrix of several columns."""
    matrix = fc.conv_matrix(w, (w.shape[1], *x.shape[2:]), padding=1)
    matrix = matrix.T if transposed else matrix
    found = matrix @ x.ravel() if len(x) == 1 else (matrix @ x.reshape(len(x), -1).T).T
    return found.reshape(len(x), -1, *x.shape[2:])


def _gradient(transposed: bool, of_weight: bool, rank: int, dtype: np.dtype, size: tuple[int, ...]) -> Iterator[Case]:
    op = _gradient_of(transposed, of_weight, rank)
    for layer in (*GRADIENT_LAYERS, many_channels(rank), *(PIECED_GRADIENT_LAYERS if rank == 2 else ())):
        stride, padding = layer.options.get("stride", 1), layer.options.get("padding", 0)
        output_size = fc.conv_transpose_output_size if transposed else fc.conv_output_size
        x = numbers((2, layer.channels, *size), dtype)
        dy = numbers((2, layer.out_channels, *output_size(size, (layer.kernel,) * rank, stride, padding)), dtype)
        shape = _weight_shape(layer, rank, transposed)
        w = numbers(shape, dtype)
        in_groups = {"groups": layer.groups}
        if of_weight:
            fine, coarse = (dy, x) if transposed else (x, dy)
            reference = partial(_correlation, fine, coarse, shape, stride, padding, layer.groups)
            yield Case(partial(op, x, shape, dy, stride, padding, **in_groups), reference)
            if layer.groups > 1:
                last = (channels_last(x[0]), shape, channels_last(dy[0]))
                reference = partial(_correlation, fine[:1], coarse[:1], shape, stride, padding, layer.groups)
                yield Case(partial(op, *last, stride, padding, **in_groups), reference)
            continue
        if transposed:
            reference = partial(CONVS[rank - 1], dy, w, None, stride, padding, algorithm="reference", **in_groups)
        else:
            back = partial(TRANSPOSED_CONVS[rank - 1], output_size=size, algorithm="reference", **in_groups)
            reference = partial(back, dy, w, None, stride, padding)
        yield Case(partial(op, x.shape, w, dy, stride, padding, **in_groups), reference)


def _gradient_of(transposed: bool, of_weight: bool, rank: int) -> Callable[..., np.ndarray]:
    name = f"conv{'_transpose' if transposed else ''}{rank}d_{'weight' if of_weight else 'input'}"
    found: Callable[..., np.ndarray] = getattr(fc.grad, name)
    return found


def _correlation(
    x: np.ndarray, dy: np.ndarray, weight_shape: tuple[int, ...], stride: int, padding: int, groups: int
) -> np.ndarray:
    """What each weight meets: a convolution over the positions of dy, in which batch and channels change places."""
    conv = partial(CONVS[x.ndim - 3], padding=padding, dilation=stride, algorithm="reference")
    pairs = zip(*(np.split(operand.swapaxes(0, 1), groups) for operand in (x, dy)), strict=True)
    found = np.concatenate([conv(*pair).swapaxes(0, 1) for pair in pairs])
    return found[tuple(slice(n) for n in weight_shape)]


def _filter(name: str, rank: int, dtype: np.dtype, size: tuple[int, ...]) -> Iterator[Case]:
    return (Case(call, expected) for call, expected in filter_calls(name, numbers(size, dtype)))


def _by_transforms(op: Callable[..., Any], rank: int, dtype: np.dtype, size: tuple[int, ...]) -> Iterator[Case]:
    """Fourier transforms along one axis or two, whose results are whole numbers but for rounding."""
    x, w = numbers(size, dtype), numbers((1, 3, 3)[-rank:] if rank > 1 else (3,), dtype)
    wanted = partial(CONVS[rank - 1], x[None], w[None, None], padding="full", flip=True, algorithm="reference")
    yield Case(lambda: np.rint(op(x, w)), lambda: wanted()[0])
    if rank == 2:  # one image may be taken whole, and several are not
        two = np.stack([x, x])
        yield Case(lambda: np.rint(op(two, w[None], axes=(1, 2))), lambda: np.concatenate([wanted()] * 2))


def _of_signals(flip: bool, images: bool, rank: int, dtype: np.dtype, size: tuple[int, ...]) -> Iterator[Case]:
    """Sums of products, and what takes their place for larger kernels."""
    name = ("convolve" if flip else "correlate") + ("2d" if images else "")
    op = getattr(fc.signal, name) if images else partial(getattr(fc.signal, name), method="direct")
    if images:
        size, rank = (SMALL if size == SMALL[rank] else LARGE)[2], 2
    x = numbers(size, dtype)
    plain = partial(CONVS[rank - 1], x[None], padding="full", flip=flip, algorithm="reference")
    wrapped = partial(plain, padding_mode="circular")
    beside = partial(wrapped, padding=1)
    for taps in (2, 3, 4, 5, 6):
        w = numbers((taps,) * rank, dtype)
        yield Case(partial(op, x, w), lambda w=w: plain(w[None, None])[0])  # type: ignore[misc]
    for taps in (3, 4, 5) if images else ():
        w = numbers((taps,) * rank, dtype)
        yield Case(partial(op, x, w, boundary="wrap"), lambda w=w: wrapped(w[None, None])[0])  # type: ignore[misc]
    if images:
        w = numbers((3, 3), dtype)
        yield Case(partial(op, x, w, "same", "wrap"), lambda: beside(w[None, None])[0])
    if not images and dtype.kind != "c":
        yield from _by_transforms(fc.signal.fftconvolve, rank, dtype, size)


def _family(name: str, cases: Callable[..., Iterator[Case]], kinds: str) -> Family:
    return Family(cases, kinds, (name.format("1d"), name.format("2d"), name.format("3d")))


#: Every operation that compiles something, by its name without the number of axes.
FAMILIES = {
    "conv": _family("conv{}", partial(_convolutions, False, False), "biufc"),
    "conv_transpose": _family("conv_transpose{}", partial(_convolutions, True, False), "biufc"),
    "Conv": _family("Conv{}", partial(_convolutions, False, True), "biufc"),
    "ConvTranspose": _family("ConvTranspose{}", partial(_convolutions, True, True), "biufc"),
    "grad.conv_input": _family("grad.conv{}_input", partial(_gradient, False, False), "biufc"),
    "grad.conv_weight": _family("grad.conv{}_weight", partial(_gradient, False, True), "biufc"),
    "grad.conv_transpose_input": _family("grad.conv_transpose{}_input", partial(_gradient, True, False), "biufc"),
    "grad.conv_transpose_weight": _family("grad.conv_transpose{}_weight", partial(_gradient, True, True), "biufc"),
    "max_pool": _family("max_pool{}", pools.max_pool, "biuf"),
    "avg_pool": _family("avg_pool{}", pools.avg_pool, "biuf"),
    "adaptive_max_pool": _family("adaptive_max_pool{}", pools.adaptive_max_pool, "biuf"),
    "adaptive_avg_pool": _family("adaptive_avg_pool{}", pools.adaptive_avg_pool, "biuf"),
    "grad.max_pool": _family("grad.max_pool{}", partial(pools.max_gradient, "max_pool"), "biuf"),
    "grad.adaptive_max_pool": _family(
        "grad.adaptive_max_pool{}", partial(pools.max_gradient, "adaptive_max_pool"), "biuf"
    ),
    "grad.avg_pool": _family("grad.avg_pool{}", pools.avg_gradient, "biuf"),
    "grad.adaptive_avg_pool": _family("grad.adaptive_avg_pool{}", pools.adaptive_avg_gradient, "biuf"),
    "max_unpool": _family("max_unpool{}", pools.max_unpool, "biuf"),
    "lp_pool": _family("lp_pool{}", pools.lp_pool, "biuf"),
    "grad.lp_pool": _family("grad.lp_pool{}", pools.lp_gradient, "biuf"),
    "fractional_max_pool": Family(
        pools.fractional_max_pool, "biuf", ("fractional_max_pool2d", "fractional_max_pool2d", "fractional_max_pool3d")
    ),
    "pad": Family(_pad, "biufc", ("pad",) * 3),
    "unfold": Family(partial(_columns, False, False), "biufc", ("unfold",) * 3),
    "fold": Family(partial(_columns, True, False), "biufc", ("fold",) * 3),
    "grad.unfold": Family(partial(_columns, True, True), "biufc", ("grad.unfold",) * 3),
    "grad.fold": Family(partial(_columns, False, True), "biufc", ("grad.fold",) * 3),
    "signal.convolve": Family(partial(_of_signals, True, False), "biufc", ("signal.convolve",) * 3),
    "signal.correlate": Family(partial(_of_signals, False, False), "biufc", ("signal.correlate",) * 3),
    "signal.convolve2d": Family(partial(_of_signals, True, True), "biufc", ("signal.convolve2d",) * 3),
    "signal.correlate2d": Family(partial(_of_signals, False, True), "biufc", ("signal.correlate2d",) * 3),
    "signal.fftconvolve": Family(partial(_by_transforms, fc.signal.fftconvolve), "biuf", ("signal.fftconvolve",) * 3),
    "signal.oaconvolve": Family(partial(_by_transforms, fc.signal.oaconvolve), "biuf", ("signal.oaconvolve",) * 3),
    "conv_matrix": Family(_conv_matrix, "biufc", ("conv_matrix",) * 3),
    **{
        f"ndimage.{name}": Family(partial(_filter, name), kinds, (f"ndimage.{name}",) * 3)
        for name, kinds in FILTER_KINDS.items()
    },
}
