"""The demo's report: what was computed and measured, and where; table, JSON and picture show this one value."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from fastconv.cli.demo import Demo
from fastconv.cli.image import Photograph
from fastconv.cli.race import Timing

__all__ = ["Host", "Report", "as_json", "disagreements"]

#: How far K' times the image may stray from conv2d: float32 sums of 81 terms below 1, in another order.
_MATRIX_TOLERANCE = 1e-5


@dataclass(frozen=True)
class Host:
    """Where it was measured.

    `load` is the system's load average when the command began, None where the system does not say.
    """

    cpu: str
    cores: int
    threads: int
    system: str
    load: float | None

    @property
    def busy(self) -> bool:
        """Whether other programs took enough of the machine to spoil timings."""
        return self.load is not None and self.load > 0.5


@dataclass(frozen=True)
class Report:
    """One run of the demo."""

    photograph: Photograph
    demo: Demo
    timings: tuple[Timing, ...]
    host: Host
    versions: dict[str, str]
    broken_peers: dict[str, str]

    @property
    def build_seconds(self) -> float:
        """The median time to build K'; the first time, which `Demo` holds, may compile and waits for fresh memory."""
        medians = [timing.results[0].seconds for timing in self.timings if timing.name == "matrix_build"]
        return medians[0] or self.demo.build_seconds


def disagreements(report: Report) -> list[str]:
    """One sentence for each result that is not what fastconv's own or another way gives."""
    found = [
        f"{result.library}, {timing.title}: {result.error}"
        for timing in report.timings
        for result in timing.results
        if result.error is not None
    ]
    if not report.demo.matrix_difference <= _MATRIX_TOLERANCE:
        found.append(f"K' times the image differs from conv2d by {report.demo.matrix_difference:.2g}")
    return found


def as_json(report: Report, picture: str | None) -> dict[str, Any]:
    """The report as one JSON document: figures, shapes and versions, no pixels."""
    demo = report.demo
    subjects = {}
    for name, subject in demo.subjects.items():
        subjects[name] = {
            "call": subject.call,
            "input_shape": list(subject.input_shape),
            "output_shape": list(subject.output_shape),
            "first_call_seconds": subject.first_seconds,
        }
    subjects["upsample"] |= {
        "psnr_db": _finite(demo.psnr),
        "mean_absolute_difference": _finite(demo.mean_difference),
    }
    subjects["matrix"] |= {
        "shape": list(demo.matrix.shape),
        "nnz": int(demo.matrix.nnz),
        "bytes": demo.matrix_bytes,
        "first_build_seconds": demo.build_seconds,
        "build_seconds": report.build_seconds,
        "largest_difference_to_conv2d": _finite(demo.matrix_difference),
    }
    return {
        "image": {
            "name": report.photograph.name,
            "size": list(report.photograph.size),
            "original_size": list(report.photograph.original_size),
            "reduced": report.photograph.reduced,
        },
        "subjects": subjects,
        "timings": [asdict(timing) for timing in report.timings],
        "machine": asdict(report.host),
        "versions": report.versions,
        "broken_peers": report.broken_peers,
        "disagreements": disagreements(report),
        "picture": picture,
    }


def _finite(value: float) -> float | None:
    """JSON knows neither infinity nor NaN."""
    return value if math.isfinite(value) else None
