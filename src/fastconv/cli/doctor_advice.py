"""What would make it faster: sentences with the command to type, from a report and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from fastconv.cli.doctor_facts import Facts, Threads
from fastconv.cli.doctor_report import Advice, Report

__all__ = ["advise"]

#: Two threads that are less than this many times as fast as one hardly help.
_HARDLY = 1.3


def advise(report: Report) -> list[Advice]:
    """All that applies, what matters most first."""
    if report.import_trouble is not None:
        return [_import(report.import_trouble, report.environment)]
    facts = report.facts
    return [] if facts is None else [piece for rule in _RULES for piece in rule(report, facts)]


def _import(trouble: str, environment: dict[str, str]) -> Advice:
    settings = " ".join(name for name in environment if name.startswith("NUMBA_"))
    if settings and "ImportError" not in trouble and "ModuleNotFoundError" not in trouble:
        return Advice(
            "Numba stops at one of its settings, so nothing works until that is put right.", f"unset {settings}"
        )
    return Advice(
        "The operations cannot be imported with these versions, so nothing works until they fit together.",
        "pip install --upgrade numba numpy",
    )


def _settings(report: Report, facts: Facts) -> Iterator[Advice]:
    for setting in facts.settings:
        said = f"{setting.name}={setting.value}: {setting.effect}."
        if setting.in_environment:
            yield Advice(said, _unset(facts, setting.name))
        else:
            yield Advice(f"{said} The program or a .numba_config.yaml in this directory has set it.")


def _emulation(report: Report, facts: Facts) -> Iterator[Advice]:
    if facts.cpu.name.startswith("Apple") and facts.cpu.system.endswith("x86_64"):
        yield Advice("This Python is made for Intel CPUs and is emulated here; one for Apple's runs code as it is.")


def _cores(report: Report, facts: Facts) -> Iterator[Advice]:
    threads = facts.threads
    if threads.usable_cores < threads.cores:
        text = (
            f"This process may run on {threads.usable_cores} of the machine's {threads.cores} cores, as `taskset`, a"
            " batch system or a container has set it. Where it may have more:"
        )
        linux = facts.cpu.system.startswith("Linux")
        yield Advice(text, f"taskset -cp 0-{threads.cores - 1} $$" if linux else None)
    if threads.quota is not None and threads.quota < threads.fastconv:
        yield Advice(
            f"The container gives this process {threads.quota:g} cores' worth of time, and a call uses up to"
            f" {threads.fastconv} threads: they use it up together, and then all of them stand still.",
            _set(facts, "NUMBA_NUM_THREADS", str(max(1, int(threads.quota)))),
        )


def _thread_count(report: Report, facts: Facts) -> Iterator[Advice]:
    threads, given = facts.threads, facts.threads.numba_num_threads
    if given is None:
        return
    if threads.fastconv < _room(threads):
        text = f"NUMBA_NUM_THREADS is {given}, so calls use {_cores_text(threads.fastconv)} of {_room(threads)}."
        yield Advice(text, _unset(facts, "NUMBA_NUM_THREADS"))
    elif threads.fastconv > threads.usable_cores:
        text = f"NUMBA_NUM_THREADS is {given}, so {threads.fastconv} threads share {_cores_text(threads.usable_cores)}."
        yield Advice(text, _unset(facts, "NUMBA_NUM_THREADS"))


def _room(threads: Threads) -> int:
    """Threads that would each have a core."""
    return threads.usable_cores if threads.quota is None else max(1, min(threads.usable_cores, int(threads.quota)))


def _cores_text(count: int) -> str:
    return "1 core" if count == 1 else f"{count} cores"


def _helpers(report: Report, facts: Facts) -> Iterator[Advice]:
    measured, wanted = report.measured, facts.threads.fastconv - 1
    if measured is None:
        return
    if measured.helpers < wanted:
        yield Advice(
            f"Of {wanted} threads beside the calling one only {measured.helpers} could be started: a limit on processes"
            " stands in the way, or a library that replaces Python's threads. The limit:",
            "ulimit -u",
        )
    elif wanted and not _busy(facts) and measured.flops_together < _HARDLY * measured.flops_alone:
        yield Advice(
            f"{wanted + 1} threads are only {measured.flops_together / measured.flops_alone:.1f} times as fast as one:"
            " they may be two halves of one core, or share it with other programs."
        )


def _busy(facts: Facts) -> bool:
    return facts.threads.load is not None and facts.threads.load > facts.threads.usable_cores


def _load(report: Report, facts: Facts) -> Iterator[Advice]:
    threads = facts.threads
    if _busy(facts):
        yield Advice(
            f"The load average is {threads.load:.1f} and this process may use {_cores_text(threads.usable_cores)}:"
            " other programs want them, too. To see which:",
            "top",
        )


def _cache(report: Report, facts: Facts) -> Iterator[Advice]:
    cache = facts.cache
    if cache.damaged and cache.trouble is None:
        yield Advice("Damaged files in the compile cache are compiled again, each at its turn.", "fastconv cache clear")
    if not facts.compiles:
        return
    if cache.trouble is not None:
        text = f"{cache.trouble} Where code is not kept, every process compiles it again. To keep it elsewhere:"
        yield Advice(text, _set(facts, "NUMBA_CACHE_DIR", f'"{cache.elsewhere}"'))
    elif report.compiled:
        functions = "One function" if report.compiled == 1 else f"{report.compiled} functions"
        yield Advice(
            f"{functions} had to be compiled for these checks, which took {report.compile_seconds:.0f} s; each other"
            " operation and type is compiled at its first call. To have all of that done now:",
            "fastconv warmup",
        )


def _set(facts: Facts, name: str, value: str) -> str:
    return f"set {name}={value}".replace('"', "") if _windows(facts) else f"export {name}={value}"


def _unset(facts: Facts, name: str) -> str:
    return f"set {name}=" if _windows(facts) else f"unset {name}"


def _windows(facts: Facts) -> bool:
    return facts.cpu.system.startswith("Windows")


_RULES: tuple[Callable[[Report, Facts], Iterator[Advice]], ...] = (
    _settings,
    _cache,
    _cores,
    _thread_count,
    _helpers,
    _load,
    _emulation,
)
