"""The report of `fastconv doctor`: one value, which is shown as text or as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from fastconv.cli.doctor_facts import Facts
from fastconv.cli.doctor_kernels import Kernel

if TYPE_CHECKING:
    from fastconv.cli.doctor_checks import Check
    from fastconv.cli.doctor_measure import Measured

__all__ = ["Advice", "Report", "as_json"]


@dataclass(frozen=True)
class Advice:
    """What would make it faster.

    Attributes
    ----------
    text : str
        What is the matter, in a sentence or two.
    command : str or None
        What to type.
    """

    text: str
    command: str | None = None


@dataclass(frozen=True)
class Report:
    """What was found.

    Attributes
    ----------
    versions : dict of str to str
        Of Python and of what is installed.
    environment : dict of str to str
        Variables that Numba or OpenMP read.
    import_trouble : str or None
        Why the operations cannot be imported; all that follows is empty then.
    facts : Facts or None
        What could be found out without computing.
    checks : tuple of Check
        The self-test.
    measured : Measured or None
        None where nothing was compiled.
    kernels : tuple of Kernel
        What this process has compiled or loaded.
    compile_seconds : float
        How long the self-test took where it had to compile, else 0.
    """

    versions: dict[str, str]
    environment: dict[str, str]
    import_trouble: str | None = None
    facts: Facts | None = None
    checks: tuple[Check, ...] = ()
    measured: Measured | None = None
    kernels: tuple[Kernel, ...] = ()
    compile_seconds: float = 0.0

    @property
    def healthy(self) -> bool:
        """Whether nothing is wrong; what is merely slow is not."""
        return self.import_trouble is None and all(check.ok for check in self.checks)

    @property
    def compiled(self) -> int:
        """How many functions this process had to compile."""
        return sum(kernel.compiled for kernel in self.kernels)

    @property
    def loaded(self) -> int:
        """How many functions this process got from the cache."""
        return sum(kernel.loaded for kernel in self.kernels)


def as_json(report: Report, advice: list[Advice]) -> dict[str, Any]:
    """The report as one JSON document, whose keys `fastconv.cli.doctor_command` describes."""
    facts = report.facts
    on_disk: Mapping[str, tuple[str, ...]] = facts.cache.variants if facts else {}
    here = {kernel.name: kernel for kernel in report.kernels}
    kernels = [
        asdict(here.get(name) or Kernel(name)) | {"on_disk": list(on_disk.get(name, ()))}
        for name in sorted({*here, *on_disk})
    ]
    document = {
        "healthy": report.healthy,
        "checks": [asdict(check) for check in report.checks],
        "advice": [asdict(piece) for piece in advice],
        "versions": report.versions,
        "environment": report.environment,
        "import_trouble": report.import_trouble,
    }
    for name in ("cpu", "threads", "layers", "cache", "runtimes", "settings"):
        value = getattr(facts, name, None)
        document[name] = [asdict(item) for item in value] if isinstance(value, tuple) else value and asdict(value)
    return document | {
        "kernels": kernels,
        "compile_seconds": report.compile_seconds,
        "measured": report.measured and asdict(report.measured),
    }
