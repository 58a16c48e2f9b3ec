"""What `fastconv doctor` finds out before it computes anything: versions, CPU, threads, layers, cache, settings."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from typing import Any

from fastconv.cli import host
from fastconv.cli.doctor_cache import Cache, cache
from fastconv.cli.doctor_host import Runtime, core_quota, runtimes
from fastconv.cli.doctor_layers import Layers, layers

__all__ = ["NEEDED", "OPTIONAL", "Cpu", "Facts", "Setting", "Threads", "environment", "find_facts", "import_trouble"]

#: Distributions whose versions matter, and those that matter where they are installed.
NEEDED = ("fastconv", "numba", "llvmlite", "numpy")
OPTIONAL = ("scipy", "torch", "tbb", "intel-openmp", "rich")


@dataclass(frozen=True)
class Cpu:
    """The CPU and what code is compiled for.

    Attributes
    ----------
    name, system : str
        As people know them.
    target, target_from : str
        LLVM's name of the CPU that code is compiled for, and who named it.
    vector_bits : int
        Width of the vectors that kernels use.
    table : dict
        The machine table's row.
    """

    name: str
    system: str
    target: str
    target_from: str
    vector_bits: int
    table: dict[str, Any]


@dataclass(frozen=True)
class Threads:
    """How many threads a call may use, and what they can run on.

    Attributes
    ----------
    fastconv : int
        Most threads of a call.
    numba_num_threads, omp_num_threads : str or None
        NUMBA_NUM_THREADS and OMP_NUM_THREADS in the environment.
    cores, usable_cores : int
        That the machine has, and that this process may run on.
    quota : float or None
        Cores' worth of time that its control groups allow; None without a limit.
    load : float or None
        Load average of the last minute; None where the system does not say.
    """

    fastconv: int
    numba_num_threads: str | None
    omp_num_threads: str | None
    cores: int
    usable_cores: int
    quota: float | None
    load: float | None


@dataclass(frozen=True)
class Setting:
    """One of Numba's settings that makes code slower or stops it from being compiled.

    Attributes
    ----------
    name, value : str
        Such as NUMBA_OPT and "0".
    effect : str
        What it does, as the end of a sentence about it.
    in_environment : bool
        An environment variable; else a file or the program has set it.
    """

    name: str
    value: str
    effect: str
    in_environment: bool


@dataclass(frozen=True)
class Facts:
    """All of it."""

    cpu: Cpu
    threads: Threads
    layers: Layers
    cache: Cache
    runtimes: tuple[Runtime, ...] | None
    settings: tuple[Setting, ...]

    @property
    def compiles(self) -> bool:
        """Whether functions are compiled at all."""
        return all(setting.name != "NUMBA_DISABLE_JIT" for setting in self.settings)


def environment() -> dict[str, str]:
    """Variables that Numba or an OpenMP library read."""
    return {name: value for name, value in sorted(os.environ.items()) if name.startswith(("NUMBA_", "OMP_", "KMP_"))}


def import_trouble() -> str | None:
    """Why the operations cannot be imported, in a sentence; None if they can."""
    try:
        import fastconv.ops.conv  # noqa: F401
    except Exception as error:  # Numba refuses a NumPy that it does not know, and what is half installed fails anyhow
        return f"{type(error).__name__}: {error}"
    return None


def find_facts() -> Facts:
    """Find out. The libraries in the process come first, as looking at Numba's layers loads some."""
    loaded, threads = runtimes(), _threads()
    return Facts(_cpu(), threads, layers(), cache(), loaded, _settings())


def _threads() -> Threads:
    from fastconv.jit.threads import thread_count

    return Threads(
        thread_count(),
        os.environ.get("NUMBA_NUM_THREADS"),
        os.environ.get("OMP_NUM_THREADS"),
        os.cpu_count() or 1,
        host.available_cores(),
        core_quota(),
        host.load_average(),
    )


def _cpu() -> Cpu:
    from llvmlite import binding
    from numba import config

    row = _machine_row()
    target, target_from = binding.get_host_cpu_name(), "the CPU at hand"
    if config.CPU_NAME not in (None, "host"):
        target, target_from = str(config.CPU_NAME), "NUMBA_CPU_NAME"
    elif config.CPU_FEATURES is not None:
        target_from = "the CPU at hand, with the features of NUMBA_CPU_FEATURES"
    return Cpu(host.cpu_name(), host.system_name(), target, target_from, 8 * row["vector_bytes"], row)


def _machine_row() -> dict[str, Any]:
    from fastconv.jit.machine import machine

    return asdict(machine())


#: For each setting of Numba that costs speed: its name in `numba.config`, the value that costs nothing, and its effect.
_SLOW_SETTINGS = {
    "NUMBA_DISABLE_JIT": ("DISABLE_JIT", (0,), "nothing is compiled, and kernels run as plain Python"),
    "NUMBA_OPT": ("OPT", (3,), "compiled code is optimised less"),
    "NUMBA_BOUNDSCHECK": ("BOUNDSCHECK", (None, 0), "every access to an array is checked"),
    "NUMBA_DEBUGINFO": ("DEBUGINFO_DEFAULT", (0,), "code is compiled for a debugger"),
    "NUMBA_DEBUG": ("DEBUG", (0,), "Numba prints all it does"),
    "NUMBA_LOOP_VECTORIZE": ("LOOP_VECTORIZE", (1,), "loops are not vectorized"),
    "NUMBA_ENABLE_AVX": ("ENABLE_AVX", (1,), "AVX instructions are not used"),
    "NUMBA_CPU_NAME": ("CPU_NAME", (None, "host"), "code is compiled for another CPU than the one at hand"),
    "NUMBA_CPU_FEATURES": ("CPU_FEATURES", (None,), "code uses these instructions, not all that the CPU has"),
}


def _settings() -> tuple[Setting, ...]:
    """Those that cost speed; a program or a file may have made them as well as the environment."""
    from numba import config

    found = []
    for name, (attribute, harmless, effect) in _SLOW_SETTINGS.items():
        value = getattr(config, attribute, harmless[0])
        # NUMBA_CPU_NAME=generic empties the features; an old CPU has no AVX to enable.
        implied = name in ("NUMBA_CPU_FEATURES", "NUMBA_ENABLE_AVX") and name not in os.environ
        if value not in harmless and not implied:
            found.append(Setting(name, str(os.environ.get(name, value)), effect, name in os.environ))
    return tuple(found)
