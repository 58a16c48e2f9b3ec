"""Filters of arrays of any number of axes, with the names, arguments and results of ``scipy.ndimage``.

Change the import, ``from fastconv import ndimage``, and what stands below it stays. SciPy is not needed, and as with
`fastconv` itself nothing is compiled or imported before a filter is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastconv.forks import import_whole

if TYPE_CHECKING:
    from fastconv.ndimage.box import uniform_filter, uniform_filter1d
    from fastconv.ndimage.correlation import convolve, convolve1d, correlate, correlate1d
    from fastconv.ndimage.derivatives import generic_gradient_magnitude, generic_laplace, laplace, prewitt, sobel
    from fastconv.ndimage.extrema import maximum_filter, maximum_filter1d, minimum_filter, minimum_filter1d
    from fastconv.ndimage.gaussian import (
        gaussian_filter,
        gaussian_filter1d,
        gaussian_gradient_magnitude,
        gaussian_laplace,
    )

__all__ = [
    "convolve",
    "convolve1d",
    "correlate",
    "correlate1d",
    "gaussian_filter",
    "gaussian_filter1d",
    "gaussian_gradient_magnitude",
    "gaussian_laplace",
    "generic_gradient_magnitude",
    "generic_laplace",
    "laplace",
    "maximum_filter",
    "maximum_filter1d",
    "minimum_filter",
    "minimum_filter1d",
    "prewitt",
    "sobel",
    "uniform_filter",
    "uniform_filter1d",
]

_MODULES = {
    "box": ("uniform_filter", "uniform_filter1d"),
    "correlation": ("convolve", "convolve1d", "correlate", "correlate1d"),
    "derivatives": ("generic_gradient_magnitude", "generic_laplace", "laplace", "prewitt", "sobel"),
    "extrema": ("maximum_filter", "maximum_filter1d", "minimum_filter", "minimum_filter1d"),
    "gaussian": ("gaussian_filter", "gaussian_filter1d", "gaussian_gradient_magnitude", "gaussian_laplace"),
}
_HOMES = {name: f"fastconv.ndimage.{module}" for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'fastconv.ndimage' has no attribute {name!r}")
    value = getattr(import_whole(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
