"""What the CPU at hand is like: the instructions that Numba compiles for, its caches, and the cores we may use.

Whatever cannot be found out has a default, so nothing here fails; all of it takes some milliseconds, once.
"""

from __future__ import annotations

import ctypes
import os
import re
import sys
from pathlib import Path
from typing import NamedTuple

from llvmlite import binding
from numba import config

__all__ = [
    "Caches",
    "available_cores",
    "cache_sizes",
    "compiled_for",
    "instruction_sets",
    "multiplies_long",
    "multiplies_quads",
    "products_per_cycle",
]


class Caches(NamedTuple):
    """Bytes of data cache: of the first level, a core's share of the second level, and all of the third."""

    l1: int
    l2: int
    l3: int


#: Where the system does not tell: what a plain CPU of the last ten years has (32 KiB: Skylake and Zen 1 to 4; 512 KiB:
#: Zen 1 to 3 and Neoverse N1; 8 MiB: four cores of any of these). Blocks made for too small a cache lose little.
UNKNOWN_CACHES = Caches(32 * 1024, 512 * 1024, 8 * 1024 * 1024)

#: A fused multiply-add of floats, products of integers, and sums of those of pairs of 16-bit numbers, in 64-byte
#: vectors. LLVM writes them with what a CPU has.
_PROBE = """
define <16 x float> @floats(<16 x float> %a, <16 x float> %b) {
  %c = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %a, <16 x float> %b, <16 x float> %b)
  ret <16 x float> %c
}
define <16 x i32> @integers(<16 x i32> %a, <16 x i32> %b) {
  %c = mul <16 x i32> %a, %b
  ret <16 x i32> %c
}
define <32 x i16> @shorts(<32 x i16> %a, <32 x i16> %b) {
  %c = mul <32 x i16> %a, %b
  ret <32 x i16> %c
}
define <16 x i32> @pairs(<16 x i32> %sums, <32 x i16> %a, <32 x i16> %b) {
  %c = sext <32 x i16> %a to <32 x i32>
  %d = sext <32 x i16> %b to <32 x i32>
  %products = mul <32 x i32> %c, %d
  %even = shufflevector <32 x i32> %products, <32 x i32> undef, <16 x i32> <EVEN>
  %odd = shufflevector <32 x i32> %products, <32 x i32> undef, <16 x i32> <ODD>
  %both = add <16 x i32> %even, %odd
  %e = add <16 x i32> %sums, %both
  ret <16 x i32> %e
}
declare <16 x float> @llvm.fmuladd.v16f32(<16 x float>, <16 x float>, <16 x float>)
""".replace("EVEN", ", ".join(f"i32 {i}" for i in range(0, 32, 2))).replace(
    "ODD", ", ".join(f"i32 {i}" for i in range(1, 32, 2))
)

#: What the probe's text holds if a CPU has an instruction set, widest first; with neither, it has 16-byte vectors. One
#: that multiplies no 16-bit numbers in 64-byte vectors does without these.
_EVIDENCE = {
    "avx512": (r"\bvfmadd\w+\s.*%zmm", r"\bvpmulld\s.*%zmm", r"\bvpmullw\s.*%zmm"),
    "avx2": (r"\bvfmadd\w+\s.*%[yz]mm", r"\bvpmulld\s.*%[yz]mm"),
    "neon": (r"\bfmla[.\s]",),
}
#: And what if it has VNNI: products of pairs and of quads that it adds to sums.
_QUAD_EVIDENCE = r"\bvpdpwssd\s"


def compiled_for(cpu: str, features: str, triple: str = "") -> str:
    """The instruction set of a CPU, by LLVM's name for it, with features such as ``"+avx2,-fma"`` added or taken away.

    A probe rather than a list of names: LLVM offers none, and knows more of them with each version. It takes 2 ms.
    """
    text = _probed(cpu, features, triple)
    found = (name for name, patterns in _EVIDENCE.items() if all(re.search(pattern, text) for pattern in patterns))
    return next(found, "sse")


def _probed(cpu: str, features: str, triple: str = "") -> str:
    """What LLVM writes for the probe."""
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    triple = triple or binding.get_process_triple()
    if triple.startswith("x86_64"):
        features = f"+64bit,{features}"  # LLVM ends the process where a CPU lacks it, as those do that it does not know
    target = binding.Target.from_triple(triple).create_target_machine(cpu=cpu, features=features)
    return target.emit_assembly(binding.parse_assembly(_PROBE))


def instruction_sets() -> set[str]:
    """The instruction sets of the CPU that Numba compiles for: one, or two of which the narrower is meant.

    NUMBA_CPU_NAME alone makes Numba plan for that CPU with the features of the one at hand, so both are looked at.
    """
    return {compiled_for(*target) for target in _targets()}


def multiplies_quads() -> bool:
    """Whether the CPU that Numba compiles for has VNNI."""
    return all(re.search(_QUAD_EVIDENCE, _probed(*target)) for target in _targets())


def _targets() -> list[tuple[str, str]]:
    """The CPU and features that Numba compiles for; or two, that have what both have."""
    name, features = config.CPU_NAME, config.CPU_FEATURES
    if features is not None:
        return [(name or binding.get_host_cpu_name(), features)]
    found = [(binding.get_host_cpu_name(), _host_features())]
    return found if name in (None, "host") else [*found, (name, "")]


#: CPUs that multiply and add one of their widest vectors in a cycle, by LLVM's names, with the instruction set whose
#: vectors those are: Zen 1 and 4 take them in halves, clients with AVX-512 have one unit for them.
_ONE_PRODUCT = {
    "znver1": "avx2",
    "znver4": "avx512",
    "cannonlake": "avx512",
    "icelake-client": "avx512",
    "rocketlake": "avx512",
    "tigerlake": "avx512",
}


#: CPUs whose instruction for products of 64-bit numbers, which AVX-512 alone has, takes as long as that for products of
#: 32-bit ones; to others it is three.
_LONG_PRODUCTS = ("znver4", "znver5")


def products_per_cycle(instruction_set: str) -> int:
    """Vectors of an instruction set that the CPU Numba compiles for multiplies and adds in a cycle: 2, or 1."""
    return 1 if _ONE_PRODUCT.get(_name()) == instruction_set else 2


def multiplies_long(instruction_set: str) -> bool:
    """Whether products of 64-bit numbers take that CPU no longer than those of 32-bit ones."""
    return instruction_set == "avx512" and _name() in _LONG_PRODUCTS


def _name() -> str:
    """LLVM's name of the CPU that Numba compiles for."""
    return str(binding.get_host_cpu_name() if config.CPU_NAME in (None, "host") else config.CPU_NAME)


def _host_features() -> str:
    try:
        features = binding.get_host_cpu_features()
    except RuntimeError:  # LLVM does not know this system
        return ""
    return ",".join(
        f"{'+' if has and (config.ENABLE_AVX or not name.startswith('avx')) else '-'}{name}"
        for name, has in features.items()
    )


def available_cores() -> int:
    """Cores that this process may use: a container or `taskset` can make them fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cache_sizes() -> Caches:
    """Of the first core that this process may use."""
    try:
        if sys.platform == "linux":
            return _linux_caches(Path(f"/sys/devices/system/cpu/cpu{min(os.sched_getaffinity(0))}/cache"))
        if sys.platform == "darwin":
            return _mac_caches()
    except (OSError, ValueError, AttributeError):
        pass
    return UNKNOWN_CACHES


def _linux_caches(directory: Path) -> Caches:
    """What the kernel lists in a CPU's directory: ``index*/level, type, size, shared_cpu_list``."""
    size, sharers = {}, {}
    for entry in directory.glob("index*"):
        if (entry / "type").read_text().strip() in ("Data", "Unified"):
            level = int((entry / "level").read_text())
            size[level] = _bytes((entry / "size").read_text().strip())
            sharers[level] = _count((entry / "shared_cpu_list").read_text().strip())
    # The threads of one core share its first level.
    cores = max(1, sharers.get(2, 1) // sharers.get(1, 1))
    return _checked(size.get(1, 0), size.get(2, 0) // cores, size.get(3, 0))


def _bytes(text: str) -> int:
    """The number that ``48K`` or ``32M`` means."""
    units = {"K": 1024, "M": 1024**2, "G": 1024**3}
    return int(text[:-1]) * units[text[-1]] if text[-1:] in units else int(text)


def _count(text: str) -> int:
    """How many CPUs a list such as ``0-3,64`` names."""
    ends = [part.split("-") for part in text.split(",")]
    return sum(int(end[-1]) - int(end[0]) + 1 for end in ends)


def _mac_caches() -> Caches:
    """Of a fast core where there are two kinds; Apple's CPUs share the second level between some cores."""
    first = _sysctl("hw.perflevel0.l1dcachesize") or _sysctl("hw.l1dcachesize")
    second = _sysctl("hw.perflevel0.l2cachesize") or _sysctl("hw.l2cachesize")
    return _checked(first, second // max(1, _sysctl("hw.perflevel0.cpusperl2")), _sysctl("hw.l3cachesize"))


def _sysctl(name: str) -> int:
    """A number that the system keeps under a name, or 0."""
    value, size = ctypes.c_int64(0), ctypes.c_size_t(8)
    failed = ctypes.CDLL(None).sysctlbyname(name.encode(), ctypes.byref(value), ctypes.byref(size), None, 0)
    return 0 if failed else value.value


def _checked(l1: int, l2: int, l3: int) -> Caches:
    """The sizes, with a default for those that are not known; without a third level, the second is the last."""
    l1, l2 = l1 or UNKNOWN_CACHES.l1, l2 or UNKNOWN_CACHES.l2
    return Caches(l1, l2, max(l2, l3))
