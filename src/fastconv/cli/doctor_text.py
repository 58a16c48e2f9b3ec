"""The report of `fastconv doctor` for people: sections of rows, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastconv.cli.doctor_cache import Cache
from fastconv.cli.doctor_facts import NEEDED, OPTIONAL, Cpu, Facts, Setting, Threads
from fastconv.cli.doctor_kernels import types_in
from fastconv.cli.doctor_layers import Layers
from fastconv.cli.doctor_report import Report
from fastconv.cli.units import duration, megabytes

if TYPE_CHECKING:
    from fastconv.cli.doctor_measure import Measured

__all__ = ["Row", "Section", "fact_sections", "result_sections", "verdict"]


@dataclass(frozen=True)
class Row:
    """A line of a section: what it is about, what there is to say, and how that is to be taken.

    `mood` is "good", "bad" or "slow" for what was judged, else empty.
    """

    label: str
    text: str
    mood: str = ""


@dataclass(frozen=True)
class Section:
    """Rows under a title."""

    title: str
    rows: tuple[Row, ...]


def fact_sections(report: Report) -> list[Section]:
    """What was found out before anything was computed."""
    sections = [Section("Versions", tuple(_versions(report.versions)))]
    if report.environment:
        rows = tuple(Row(name, value) for name, value in report.environment.items())
        sections.append(Section("Environment", rows))
    if (facts := report.facts) is not None:
        sections += [
            Section("CPU", (*_cpu(facts.cpu), *_settings(facts.settings))),
            Section("Threads", tuple(_threads(facts.threads))),
            Section("Numba's threading layers", tuple(_layers(facts.layers))),
            Section("Libraries with threads of their own in this process", tuple(_runtimes(facts))),
            Section("Compile cache", tuple(_cache(facts.cache))),
        ]
    return sections


def result_sections(report: Report) -> list[Section]:
    """What was checked and measured."""
    if report.import_trouble is not None:
        return [Section("Checks", (Row("import", report.import_trouble, "bad"),))]
    checks = tuple(Row(check.name, check.detail, "good" if check.ok else "bad") for check in report.checks)
    sections = [Section("Checks", checks), Section("Compiled functions", tuple(_kernels(report)))]
    if report.facts is not None and report.measured is not None:
        sections.append(Section("Measured", tuple(_measured(report.measured, report.facts.threads))))
    return [section for section in sections if section.rows]


def verdict(report: Report) -> Row:
    """The last line."""
    failed = [check.name for check in report.checks if not check.ok]
    if report.import_trouble is not None:
        return Row("", "Not healthy: the operations cannot be imported.", "bad")
    if failed:
        return Row("", f"Not healthy: {', '.join(failed)} failed.", "bad")
    return Row("", f"Healthy: all {len(report.checks)} checks passed.", "good")


def _versions(versions: dict[str, str]) -> list[Row]:
    def listed(names: tuple[str, ...]) -> str:
        return ", ".join(f"{name} {versions[name]}" for name in names if name in versions)

    rows = [Row("needed", listed(("python", *NEEDED)))]
    if extras := listed(OPTIONAL):
        rows.append(Row("optional", extras))
    if missing := [name for name in OPTIONAL if name not in versions]:
        rows.append(Row("not installed", ", ".join(missing)))
    return rows


def _cpu(cpu: Cpu) -> list[Row]:
    table = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in cpu.table.items() if key != "name")
    return [
        Row("name", f"{cpu.name}, {cpu.system}"),
        Row("compiled for", f"{cpu.target} ({cpu.target_from}), vectors of {cpu.vector_bits} bits"),
        Row("machine table", f"{cpu.table['name']}: {table}"),
    ]


def _settings(settings: tuple[Setting, ...]) -> list[Row]:
    return [Row(setting.name, f"{setting.value}: {setting.effect}", "slow") for setting in settings]


def _threads(threads: Threads) -> list[Row]:
    given = threads.numba_num_threads
    why = "NUMBA_NUM_THREADS is not set" if given is None else f"NUMBA_NUM_THREADS is {given}"
    cores = f"{threads.cores}, of which this process may use {threads.usable_cores}"
    if threads.quota is not None:
        cores += f", and {threads.quota:g} cores' worth of time"
    rows = [Row("of a call", f"up to {threads.fastconv}; {why}"), Row("cores", cores)]
    if threads.load is not None:
        rows.append(Row("load", f"{threads.load:.1f} programs wanted a core during the last minute"))
    omp = "is not set" if threads.omp_num_threads is None else f"is {threads.omp_num_threads}"
    return [*rows, Row("OpenMP", f"OMP_NUM_THREADS {omp}; fastconv does not use it")]


def _layers(layers: Layers) -> list[Row]:
    needed = "by fastconv" if layers.used_by_fastconv else "not by fastconv, which has threads of its own"
    rows = [Row("used", f"{needed}; by parallel Numba functions of yours")]
    if layers.running is not None:
        rows.append(Row("running", layers.running))
    rows.append(Row("choice", f"{layers.choice or 'none'}: {layers.reason}"))
    for name, trouble in layers.troubles.items():
        rows.append(Row(name, "can be loaded" if trouble is None else f"cannot be loaded: {trouble}"))
    return rows


def _runtimes(facts: Facts) -> list[Row]:
    if facts.runtimes is None:
        return [Row("", "unknown: this system does not list what a process has loaded")]
    return [Row(runtime.name, runtime.path) for runtime in facts.runtimes] or [Row("", "none")]


def _cache(cache: Cache) -> list[Row]:
    rows = [] if cache.directory is None else [Row("place", f"{cache.directory}, as {cache.reason}")]
    if cache.directory is not None:
        rows.append(Row("holds", f"{_files(cache.files, cache.bytes)} for this fastconv, Numba, CPU and settings"))
    if cache.stale_files:
        stale = _files(cache.stale_files, cache.stale_bytes)
        rows.append(Row("stale", f"{stale} for others; `fastconv cache clear --stale` removes them"))
    if cache.damaged:
        count = "1 file" if len(cache.damaged) == 1 else f"{len(cache.damaged)} files, such as this one"
        rows.append(Row("damaged", f"{count}: {cache.damaged[0]}", "bad"))
    return [*rows, Row("health", cache.trouble or "it can be read and written", "bad" if cache.trouble else "good")]


def _files(count: int, size: int) -> str:
    return f"{count} file{'' if count == 1 else 's'} ({megabytes(size)})"


def _kernels(report: Report) -> list[Row]:
    """Only those that this process or the cache has."""
    on_disk = report.facts.cache.variants if report.facts is not None else {}
    here = {kernel.name: kernel.variants for kernel in report.kernels if kernel.variants}
    if not here and not on_disk:
        return []
    variants = sum(map(len, here.values()))
    summary = f"{variants} here ({report.loaded} loaded, {report.compiled} compiled)"
    if report.compiled:
        summary += f", in {duration(report.compile_seconds)}"
    if on_disk:
        summary += f"; {sum(map(len, on_disk.values()))} on disk when the checks began"
    rows = [Row("all", summary)]
    for name in sorted({*here, *on_disk}):
        ours, kept = here.get(name, ()), on_disk.get(name, ())
        counts = f"{len(ours)} here" + (f", {len(kept)} on disk" if on_disk else "")
        rows.append(Row(name, f"{counts}: {', '.join(types_in((*ours, *kept)))}"))
    return rows


def _measured(measured: Measured, threads: Threads) -> list[Row]:
    rows = [Row("tiny call", f"{duration(measured.call_seconds)}, which is what any call takes at least")]
    if measured.region_seconds is not None:
        rows.append(Row("sharing out", f"{duration(measured.region_seconds)} more than doing the same in one thread"))
    rate = f"{measured.flops_alone / 1e9:.0f} GFLOP/s in one thread"
    if threads.fastconv > 1:
        times = measured.flops_together / measured.flops_alone
        rate += f", {measured.flops_together / 1e9:.0f} in {threads.fastconv} ({times:.1f} times as fast)"
    return [
        *rows,
        Row("convolution", f"{rate}: 3 x 3, 64 channels, float32"),
        Row("memory", f"{measured.copy_bytes_per_second / 1e9:.1f} GB/s read and written, in one thread"),
    ]
