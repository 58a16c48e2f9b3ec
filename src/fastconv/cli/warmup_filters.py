"""Representative calls of `fastconv.ndimage`, as `fastconv.cli.warmup_cases` has them of the other operations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

import fastconv as fc
from fastconv.reference import ndimage as reference

__all__ = ["FILTER_KINDS", "filter_calls"]

#: Of a window along an axis, and of one along all.
_LINE = np.array([1.0, 2.0, -1.0])


def _window(x: np.ndarray, taps: int = 3) -> np.ndarray:
    return np.random.default_rng(taps).integers(-2, 3, (taps,) * x.ndim).astype(np.float64)


def _along_last(x: np.ndarray, line: np.ndarray) -> np.ndarray:
    return line.reshape((1,) * (x.ndim - 1) + line.shape)


def _product(x: np.ndarray, line: np.ndarray) -> np.ndarray:
    """The difference along the last axis times a line along each of the others."""
    found = np.array([-1.0, 0.0, 1.0])
    for axis in range(x.ndim - 1):
        found = line.reshape((-1,) + (1,) * (axis + 1)) * found
    return found


def _still(x: np.ndarray) -> tuple[int, ...]:
    return (0,) * x.ndim


def _sum(window: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    return lambda x: reference.correlate(x, window(x), _still(x), "reflect")


def _extreme(taps: Callable[[np.ndarray], np.ndarray], least: bool) -> Callable[[np.ndarray], np.ndarray]:
    return lambda x: reference.extremes(x, np.ones_like(taps(x), bool), _still(x), "reflect", least=least)


def _laplace(x: np.ndarray) -> np.ndarray:
    second = np.array([1.0, -2.0, 1.0])
    kernels = [second.reshape([-1 if i == axis else 1 for i in range(x.ndim)]) for axis in range(x.ndim)]
    return np.sum([reference.correlate(x, kernel, _still(x), "reflect") for kernel in kernels], axis=0)


#: By name the kinds of dtype that a filter takes, its arguments, options, and result in a plain call whose result is
#: exact, and the arguments and options of calls that reach other code.
_LAST = partial(_along_last, line=_LINE)
_PLAIN: dict[str, tuple[str, tuple[Any, ...], dict[str, Any], Callable[[np.ndarray], np.ndarray]]] = {
    "correlate": ("iufc", (_window,), {}, _sum(_window)),
    "convolve": ("iufc", (lambda x: np.flip(_window(x)),), {}, _sum(_window)),
    "correlate1d": ("iufc", (_LINE,), {}, _sum(_LAST)),
    "convolve1d": ("iufc", (_LINE[::-1],), {}, _sum(_LAST)),
    "uniform_filter": ("iufc", (2,), {}, lambda x: reference.uniform(x, (2,) * x.ndim, _still(x), "reflect")),
    "uniform_filter1d": (
        "iufc", (2,), {}, lambda x: reference.uniform(x, _along_last(x, _LINE[:2]).shape, _still(x), "reflect"),
    ),
    "maximum_filter": ("biuf", (3,), {}, _extreme(_window, least=False)),
    "minimum_filter": ("biuf", (3,), {}, _extreme(_window, least=True)),
    "maximum_filter1d": ("biuf", (3,), {}, _extreme(_LAST, least=False)),
    "minimum_filter1d": ("biuf", (3,), {}, _extreme(_LAST, least=True)),
    "gaussian_filter": ("iufc", (1,), {"radius": 0}, lambda x: x),
    "gaussian_filter1d": ("iufc", (1,), {"radius": 0}, lambda x: x),
    "gaussian_laplace": ("iufc", (1,), {"radius": 0}, lambda x: -x.ndim * x),
    "gaussian_gradient_magnitude": ("iufc", (1,), {"radius": 0}, lambda x: 0 * x),
    "sobel": ("iufc", (), {}, _sum(partial(_product, line=np.array([1.0, 2.0, 1.0])))),
    "prewitt": ("iufc", (), {}, _sum(partial(_product, line=np.ones(3)))),
    "laplace": ("iufc", (), {}, _laplace),
}  # fmt: skip
#: Those of windows of which tiles take several rows at once, and one of which they do not.
_LENGTHS = (3, 5, 7, 11)
_CONSTANT = {"mode": "constant", "cval": 1}
_SUMS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((lambda x: _window(x, 5),), {}),
    ((lambda x: _window(x, 7),), {}),
    ((lambda x: _window(x, 4) / 3,), _CONSTANT),
    ((lambda x: np.ones((13,) * x.ndim),), {}),
    ((lambda x: np.ones((15,) * x.ndim),), {}),
]
_LINES: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((np.arange(9.0) / 7,), _CONSTANT),
    *(((np.arange(float(taps)),), {"axis": 0}) for taps in _LENGTHS),
]
_BOXES: list[tuple[tuple[Any, ...], dict[str, Any]]] = [((3,), {}), ((7,), {}), ((17,), _CONSTANT)]
_GAUSSIANS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((2.5,), _CONSTANT),
    *(((1,), {"radius": taps // 2}) for taps in _LENGTHS),
]
_DIFFERENCES: list[tuple[tuple[Any, ...], dict[str, Any]]] = [((), _CONSTANT), ((), {"mode": "constant"})]
_MORE: dict[str, list[tuple[tuple[Any, ...], dict[str, Any]]]] = {
    "correlate": _SUMS,
    "convolve": _SUMS,
    "correlate1d": _LINES,
    "convolve1d": _LINES,
    "sobel": [*_DIFFERENCES, ((0,), {})],
    "prewitt": [*_DIFFERENCES, ((0,), {})],
    "laplace": _DIFFERENCES,
    **{name: [*_BOXES, ((), {"footprint": lambda x: _window(x) > 0})] for name in ("maximum_filter", "minimum_filter")},
    **{name: [*_BOXES, ((7,), {"axis": 0})] for name in _PLAIN if name.endswith("_filter1d")},
    "uniform_filter": _BOXES,
    **{name: _GAUSSIANS for name in _PLAIN if name.startswith("gaussian")},
}

#: By name the kinds of dtype that a filter takes.
FILTER_KINDS = {name: kinds for name, (kinds, *_) in _PLAIN.items()}


def filter_calls(name: str, x: np.ndarray) -> Iterator[tuple[Callable[[], Any], Callable[[], Any]]]:
    """Calls of a filter, the plainest first, each with what gives the same: for it the reference, else float64."""
    function = getattr(fc.ndimage, name)
    _, arguments, options, expected = _PLAIN[name]
    yield partial(function, x, *_of(x, arguments), **options), partial(expected, x)
    wide = x.astype(np.result_type(x, np.float64))
    for arguments, options in _MORE[name]:
        given, named = _of(x, arguments), {key: _of(x, (value,))[0] for key, value in options.items()}
        yield partial(function, x, *given, **named), partial(function, wide, *given, **named)


def _of(x: np.ndarray, values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Values, where they are functions what they make of the array."""
    return tuple(value(x) if callable(value) else value for value in values)
