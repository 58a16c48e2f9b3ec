"""The demo's report as the contents of its picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastconv.cli.demo import CORNER, Demo
from fastconv.cli.demo_peers import LIBRARIES
from fastconv.cli.demo_report import Report
from fastconv.cli.units import duration, megabytes, multiple, power_of_ten, shape_text
from fastconv.plots import Bars, MatrixPanel, Panel, demo_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["picture"]


def picture(report: Report) -> Figure:
    """Draw the report."""
    rows, columns = report.photograph.size
    heading = "A photograph through fastconv"
    subheading = (
        f"{report.photograph.name}, {rows} × {columns} pixels: convolution, pooling, transposed convolution,"
        " and convolution as a sparse matrix"
    )
    names = {"numba": "Numba", "numpy": "NumPy", "scipy": "SciPy", "torch": "PyTorch"}
    names |= dict.fromkeys(LIBRARIES["OpenCV"][1], "OpenCV")
    stated = [f"{names.get(name, name)} {version}" for name, version in report.versions.items() if name != "python"]
    footnote = f"{report.host.cpu} · {_threads(report)} · {report.host.system} · {' · '.join(stated)}"
    return demo_figure(heading, subheading, _panels(report.demo), _matrix(report), _bars(report), footnote)


def _threads(report: Report) -> str:
    return f"{report.host.threads} thread{'s' if report.host.threads > 1 else ''}"


def _panels(it: Demo) -> list[Panel]:
    def color(name: str) -> np.ndarray:
        return np.clip(it.subjects[name].output.transpose(1, 2, 0), 0, 1)

    strength = np.hypot(*it.subjects["edges"].output)
    most = max(float(np.quantile(strength, 0.995)), 1e-6)
    pooled = shape_text(it.subjects["max_pool"].output_shape[1:])
    return [
        Panel("The photograph", f"x.shape == {it.x.shape}", it.x.transpose(1, 2, 0)),
        Panel("Blur", "conv2d(x, gaussian9, groups=3)", color("blur")),
        Panel("Edges", "hypot(*conv2d(gray, sobel))", 1 - np.clip(strength / most, 0, 1) ** 0.75),
        Panel(f"Max pooling, to {pooled}", "max_pool2d(x, 8)", color("max_pool")),
        Panel(f"Average pooling, to {pooled}", "y = avg_pool2d(x, 8)", color("avg_pool")),
        Panel(f"And back up, {it.psnr:.1f} dB", "conv_transpose2d(y, bilinear, stride=8)", color("upsample")),
    ]


def _matrix(report: Report) -> MatrixPanel:
    it = report.demo
    facts = [
        (f"{CORNER * CORNER} × {CORNER * CORNER}", f"drawn here: K' of {CORNER} × {CORNER} pixels"),
        (f"{it.matrix.shape[0]:,}²", "for the whole photograph"),
        (f"{it.matrix.nnz:,}", "entries that are not zero"),
        (megabytes(it.matrix_bytes), "in memory, as CSR"),
        (duration(report.build_seconds), "to build"),
        (power_of_ten(it.matrix_difference), "largest difference to conv2d"),
    ]
    return MatrixPanel("The blur as a matrix", "K' = conv_matrix(gaussian9, (16, 16))", it.corner, facts)


def _bars(report: Report) -> Bars:
    groups = {
        timing.title: {
            result.library: result.times_as_long for result in timing.results[1:] if result.times_as_long is not None
        }
        for timing in report.timings
    }
    subtitle = "median of rounds in which all take turns; longer is slower"
    return Bars("Time, as a multiple of fastconv's", subtitle, groups, multiple)
