"""Writes docs/scipy.md: which of SciPy's functions are here, and how long they take beside SciPy's.

``python asv_bench/scipy_page.py`` prints the page, ``--write`` writes it; ours is timed with one thread and with two.
asv finds nothing to measure here. Calls of both libraries take turns, so that a change of the machine's speed hits
both; figures are medians over the rounds, of their ratio and of each. SciPy has a process of its own: beside fastconv
freed memory stays at hand for both (`fastconv.ops.heap`), and its transforms take a third of the time that its users
know.
"""

from __future__ import annotations

import argparse
import platform
import statistics
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from textwrap import fill
from time import perf_counter
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

PAGE = Path(__file__).resolve().parents[1] / "docs" / "scipy.md"
SIDE = 1024
#: Images of other sizes than that.
SIZES = ((64, 64), (3000, 4000))
THREADS = (1, 2)


class Row(NamedTuple):
    """A call of a function that both libraries have."""

    module: str
    name: str
    what: str
    arguments: tuple[Any, ...]
    options: Mapping[str, Any] = MappingProxyType({})


def rows() -> Iterator[Row]:
    """What is compared."""
    rng = np.random.default_rng(0)
    image = rng.standard_normal((SIDE, SIDE)).astype(np.float32)
    grey = rng.integers(0, 256, (SIDE, SIDE)).astype(np.uint8)
    signal = rng.standard_normal(1_000_000).astype(np.float32)
    kernels = {n: rng.standard_normal((n, n)).astype(np.float32) for n in (3, 7, 15, 31, 63)}
    taps = rng.standard_normal(64).astype(np.float32)
    ring = np.hypot(*np.mgrid[-3:4, -3:4]) <= 3
    for name in ("correlate", "convolve"):
        for n in (3, 15, 31):
            yield Row("ndimage", name, f"{n} x {n}", (image, kernels[n]))
    yield Row("ndimage", "correlate", "7 x 7, uint8", (grey, np.abs(kernels[7]) / np.abs(kernels[7]).sum()))
    for name in ("correlate1d", "convolve1d"):
        yield Row("ndimage", name, "31 taps, last axis", (image, taps[:31]))
    for name in ("uniform_filter", "maximum_filter", "minimum_filter"):
        yield Row("ndimage", name, "3 x 3", (image, 3))
        yield Row("ndimage", name, "15 x 15", (image, 15))
        yield Row("ndimage", name, "15 x 15, uint8", (grey, 15))
        yield Row("ndimage", f"{name}1d", "15 taps, first axis", (image, 15, 0))
    for name in ("maximum_filter", "minimum_filter"):
        yield Row("ndimage", name, "disc of 7 x 7", (image,), {"footprint": ring})
    yield Row("ndimage", "gaussian_filter", "sigma 2", (image, 2.0))
    yield Row("ndimage", "gaussian_filter", "sigma 2, uint8", (grey, 2.0))
    yield Row("ndimage", "gaussian_filter1d", "sigma 2, last axis", (image, 2.0))
    for name in ("sobel", "prewitt", "laplace"):
        yield Row("ndimage", name, "", (image,))
    for name in ("gaussian_laplace", "gaussian_gradient_magnitude"):
        yield Row("ndimage", name, "sigma 2", (image, 2.0))
    for name in ("convolve2d", "correlate2d"):
        yield Row("signal", name, "15 x 15, same, symm", (image, kernels[15], "same", "symm"))
    for name in ("convolve", "correlate"):
        yield Row("signal", name, "image, 7 x 7, same", (image, kernels[7], "same"))
        yield Row("signal", name, "image, 63 x 63, same", (image, kernels[63], "same"))
        yield Row("signal", name, "10⁶ and 64, full", (signal, taps))
    yield Row("signal", "fftconvolve", "two images, full", (image, image))
    yield Row("signal", "fftconvolve", "10⁶ and 64, same", (signal, taps, "same"))
    yield Row("signal", "oaconvolve", "10⁶ and 64, same", (signal, taps, "same"))
    yield Row("signal", "oaconvolve", "image, 63 x 63, same", (image, kernels[63], "same"))


def rows_of_sizes() -> Iterator[Row]:
    """The commonest filters of small and large images."""
    rng = np.random.default_rng(0)
    w = rng.standard_normal((5, 5)).astype(np.float32)
    for size in SIZES:
        image, what = rng.standard_normal(size).astype(np.float32), " x ".join(map(str, size))
        yield Row("ndimage", "correlate", f"{what}, 5 x 5", (image, w))
        for name in ("uniform_filter", "maximum_filter"):
            yield Row("ndimage", name, f"{what}, 5 x 5", (image, 5))
            yield Row("ndimage", f"{name}1d", f"{what}, 3 elements", (image, 3))
        yield Row("ndimage", "gaussian_filter", f"{what}, sigma 2", (image, 2.0))
        yield Row("ndimage", "sobel", what, (image,))
        yield Row("signal", "convolve", f"{what}, 5 x 5, same", (image, w, "same"))


#: What SciPy has beside these in its two modules for filtering and convolution, and what there is in its place.
NOT_COVERED = (
    ("ndimage.median_filter, rank_filter, percentile_filter, vectorized_filter", "nothing"),
    ("ndimage.generic_filter, generic_filter1d", "a loop of one's own under Numba"),
    ("ndimage's morphology, interpolation, measurements and Fourier filters", "nothing"),
    ("signal.sepfir2d, medfilt, wiener, lfilter and filter design", "nothing"),
)


def seconds(call: Callable[[], Any]) -> float:
    """Of the fastest of three calls."""
    found = []
    for _ in range(3):
        start = perf_counter()
        call()
        found.append(perf_counter() - start)
    return min(found)


def call_of(package: str, row: Row) -> Callable[[], Any]:
    """The call of a package's function."""
    function = getattr(import_module(f"{package}.{row.module}"), row.name)
    return lambda: function(*row.arguments, **row.options)


def scipy_seconds(module: str, name: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> float:
    """Of SciPy's, in a process of its own."""
    return seconds(call_of("scipy", Row(module, name, "", arguments, options)))


def compared(row: Row, rounds: int, scipy: Any) -> tuple[float, list[float], list[float]]:
    """Milliseconds of SciPy's; for each number of threads ours, and how many times as fast that is: medians.

    `scipy` is a pool of one process.
    """
    import fastconv as fc

    ours, theirs = call_of("fastconv", row), (row.module, row.name, row.arguments, dict(row.options))
    found, wanted = ours(), call_of("scipy", row)()
    off = np.max(np.abs(found.astype(float) - wanted)) / max(1.0, float(np.max(np.abs(wanted))))
    assert off < (1.1 / 255 if found.dtype == np.uint8 else 1e-5), f"{row.name}, {row.what}: off by {off}"
    scipy.apply(scipy_seconds, theirs)
    times = []
    for _ in range(rounds):
        fast = []
        for threads in THREADS:
            with fc.threads(threads):
                fast.append(seconds(ours) * 1e3)
        times.append((scipy.apply(scipy_seconds, theirs) * 1e3, *fast))
    slow, *fast = (statistics.median(one) for one in zip(*times, strict=True))
    return slow, fast, [statistics.median(one[0] / one[i + 1] for one in times) for i in range(len(THREADS))]


def table(rows: Iterator[Row], rounds: int) -> Iterator[str]:
    """Lines of a table."""
    names = ["function", "call", "SciPy", *(f"{count} thread{'s' * (count > 1)}" for count in THREADS)]
    yield f"| {' | '.join(names)} |{' times as fast |' * len(THREADS)}"
    yield f"|---|---|{'---:|' * (1 + 2 * len(THREADS))}"
    with get_context("spawn").Pool(1) as scipy:
        for row in rows:
            slow, fast, ratios = compared(row, rounds, scipy)
            figures = [*(f"{one:.3g}" for one in (slow, *fast)), *(f"{ratio:.1f}" for ratio in ratios)]
            yield f"| `{row.module}.{row.name}` | {row.what} | {' | '.join(figures)} |"


def page(rounds: int) -> str:
    """All of it, in Markdown."""
    import numba
    import scipy
    from llvmlite.binding import get_host_cpu_name

    from fastconv.jit.machine import machine

    about = (
        "Written by `asv_bench/scipy_page.py`. `fastconv.signal` and `fastconv.ndimage` take SciPy's arguments and "
        "give its results; the docstring of each function says what differs. Change `from scipy import ndimage` to "
        "`from fastconv import ndimage`."
    )
    how = (
        f"An image has {SIDE} x {SIDE} elements of float32 unless it says otherwise. Milliseconds, medians of {rounds} "
        "rounds in which both take turns, each in a process of its own, three calls at a time, of which the fastest "
        f"counts, on {get_host_cpu_name()} with {machine().name}, with one thread and two of fastconv's, Python "
        f"{platform.python_version()}, NumPy {np.__version__}, Numba {numba.__version__}, SciPy {scipy.__version__}. "
        "What is compiled was compiled before."
    )
    lines = [
        "# SciPy's functions in fastconv",
        "",
        fill(about, 118),
        "",
        fill(how, 118),
        "",
        *table(rows(), rounds),
        "",
        "## Small and large images",
        "",
        *table(rows_of_sizes(), rounds),
    ]
    lines += ["", "## Not covered", "", "| in SciPy | here |", "|---|---|"]
    lines += [f"| {names} | {instead} |" for names, instead in NOT_COVERED]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Print the page, or write it."""
    parser = argparse.ArgumentParser(description="Compare with SciPy, function by function.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name} in place of printing it")
    given = parser.parse_args()
    text = page(given.rounds)
    if given.write:
        PAGE.write_text(text, encoding="utf-8")
    else:
        print(text, end="")


if __name__ == "__main__":
    main()
