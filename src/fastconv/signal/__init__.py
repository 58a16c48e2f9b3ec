"""Convolution and correlation of signals and images under the names of ``scipy.signal``.

Change the import, and nothing else: ``from fastconv.signal import fftconvolve``. Arguments, defaults, dtypes,
boundaries and errors are SciPy's; each function says what differs. Inputs have any number of axes. Nothing here needs
SciPy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastconv.signal.choice import choose_conv_method, convolve, correlate
    from fastconv.signal.direct import convolve2d, correlate2d
    from fastconv.signal.fourier import fftconvolve, oaconvolve
    from fastconv.signal.lags import correlation_lags

__all__ = [
    "choose_conv_method",
    "convolve",
    "convolve2d",
    "correlate",
    "correlate2d",
    "correlation_lags",
    "fftconvolve",
    "oaconvolve",
]

_HOMES = {
    "choose_conv_method": "choice",
    "convolve": "choice",
    "convolve2d": "direct",
    "correlate": "choice",
    "correlate2d": "direct",
    "correlation_lags": "lags",
    "fftconvolve": "fourier",
    "oaconvolve": "fourier",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'fastconv.signal' has no attribute {name!r}")
    from fastconv.forks import import_whole

    value = getattr(import_whole(f"fastconv.signal.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
