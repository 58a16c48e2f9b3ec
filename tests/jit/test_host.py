"""What is found out about the CPU: instruction sets by LLVM's names, caches as systems list them."""

import os
import sys
from pathlib import Path

import pytest
from llvmlite import binding

from fastconv.jit import host
from fastconv.jit.host import UNKNOWN_CACHES, Caches, available_cores, cache_sizes, compiled_for, multiplies_quads

#: What the vendors say of CPUs that LLVM knows by these names.
ROWS = {
    "avx512": (
        "skylake-avx512 cascadelake cooperlake cannonlake icelake-client icelake-server tigerlake rocketlake "
        "sapphirerapids emeraldrapids graniterapids graniterapids-d diamondrapids znver4 znver5 x86-64-v4"
    ),
    "avx2": (
        "haswell core-avx2 broadwell skylake alderlake raptorlake meteorlake arrowlake arrowlake-s lunarlake "
        "pantherlake gracemont sierraforest grandridge clearwaterforest knl bdver4 znver1 znver2 znver3 x86-64-v3"
    ),
    "sse": (
        "generic x86-64 x86-64-v2 nehalem westmere sandybridge ivybridge bonnell silvermont goldmont tremont "
        "barcelona btver1 btver2 bdver1 bdver2 bdver3"
    ),
}
X86 = "x86_64-unknown-linux-gnu"


def available(triple: str) -> bool:
    """Whether this LLVM can write code for another kind of CPU, as that of the wheels can."""
    try:
        binding.initialize_all_targets()
        binding.initialize_all_asmprinters()
        binding.Target.from_triple(triple)
    except RuntimeError:
        return False
    return True


needs_x86 = pytest.mark.skipif(not available(X86), reason="LLVM was built without x86")


def names_known_to_llvm(capfd: pytest.CaptureFixture[str]) -> set[str]:
    target = binding.Target.from_triple(X86)
    target.create_target_machine(cpu="help")
    return {line.split()[0] for line in capfd.readouterr().err.splitlines() if " - Select the " in line}


@needs_x86
def test_cpus_get_their_row(capfd: pytest.CaptureFixture[str]) -> None:
    known = names_known_to_llvm(capfd)
    assert len(known) > 50
    expected = {name: row for row, names in ROWS.items() for name in names.split() if name in known}
    assert {name: compiled_for(name, "", X86) for name in expected} == expected
    assert len(expected) > 40
    assert {compiled_for(name, "", X86) for name in known} == set(ROWS)


@needs_x86
@pytest.mark.parametrize("name", ["a-cpu-of-the-future", "i486", ""])
def test_names_that_llvm_does_not_know_and_32_bit_ones_get_the_narrowest_row(name: str) -> None:
    assert compiled_for(name, "", X86) == "sse"


@pytest.mark.parametrize("triple", ["aarch64-unknown-linux-gnu", "arm64-apple-darwin"])
@pytest.mark.parametrize("cpu", ["generic", "neoverse-n1", "neoverse-v2", "apple-m1"])
def test_64_bit_arm_has_neon(triple: str, cpu: str) -> None:
    if not available(triple):
        pytest.skip("LLVM was built without ARM")
    assert compiled_for(cpu, "", triple) == "neon"


@needs_x86
@pytest.mark.parametrize(
    ("name", "features", "has"),
    [
        ("cascadelake", "", True),
        ("znver4", "", True),
        ("znver4", "-avx512vnni", False),
        ("skylake-avx512", "", False),
        ("skylake-avx512", "+avx512vnni", True),
        ("alderlake", "", True),  # for vectors of 32 bytes
        ("alderlake", "-avxvnni", False),
        ("haswell", "", False),
        ("generic", "", False),
    ],
)
def test_cpus_with_vnni_multiply_quads(monkeypatch: pytest.MonkeyPatch, name: str, features: str, has: bool) -> None:
    if not binding.get_process_triple().startswith("x86_64"):
        pytest.skip("Numba compiles for another kind of CPU")
    monkeypatch.setattr(host.config, "CPU_NAME", name)
    monkeypatch.setattr(host.config, "CPU_FEATURES", features)
    assert multiplies_quads() == has


def cpu_directory(root: Path, *entries: tuple[int, str, str, str]) -> Path:
    """A directory as Linux has one for each CPU: (level, type, size, CPUs that share it)."""
    for number, entry in enumerate(entries):
        (root / f"index{number}").mkdir()
        for name, value in zip(("level", "type", "size", "shared_cpu_list"), entry, strict=True):
            (root / f"index{number}" / name).write_text(f"{value}\n")
    return root


KIB, MIB = 1024, 1024 * 1024
LINUX = {
    "two threads a core": (
        [
            (1, "Data", "48K", "0,64"),
            (1, "Instruction", "32K", "0,64"),
            (2, "Unified", "2048K", "0,64"),
            (3, "Unified", "107520K", "0-31,64-95"),
        ],
        Caches(48 * KIB, 2 * MIB, 105 * MIB),
    ),
    "four cores share the second level": (
        [(1, "Data", "32K", "4"), (2, "Unified", "4096K", "4-7"), (3, "Unified", "30M", "0-15")],
        Caches(32 * KIB, 1 * MIB, 30 * MIB),
    ),
    "no third level": ([(1, "Data", "64K", "0"), (2, "Unified", "1M", "0")], Caches(64 * KIB, MIB, MIB)),
    "nothing listed": ([], Caches(32 * KIB, 512 * KIB, 512 * KIB)),
}


@pytest.mark.parametrize("case", LINUX)
def test_caches_as_linux_lists_them(case: str, tmp_path: Path) -> None:
    entries, expected = LINUX[case]
    assert host._linux_caches(cpu_directory(tmp_path, *entries)) == expected


def test_caches_as_macos_tells_them(monkeypatch: pytest.MonkeyPatch) -> None:
    apple = {
        "hw.perflevel0.l1dcachesize": 128 * KIB,
        "hw.perflevel0.l2cachesize": 12 * MIB,
        "hw.perflevel0.cpusperl2": 4,
        "hw.l1dcachesize": 64 * KIB,
        "hw.l2cachesize": 4 * MIB,
    }
    intel = {"hw.l1dcachesize": 32 * KIB, "hw.l2cachesize": 256 * KIB, "hw.l3cachesize": 12 * MIB}
    monkeypatch.setattr(sys, "platform", "darwin")
    for told, expected in ((apple, Caches(128 * KIB, 3 * MIB, 3 * MIB)), (intel, Caches(*intel.values()))):
        monkeypatch.setattr(host, "_sysctl", lambda name, told=told: told.get(name, 0))
        assert cache_sizes() == expected


def raising(error: Exception):
    def fail(*args):
        raise error

    return fail


@pytest.mark.parametrize("error", [PermissionError("no"), ValueError("48 KiB"), AttributeError("sysctlbyname")])
@pytest.mark.parametrize(("platform", "reader"), [("linux", "_linux_caches"), ("darwin", "_mac_caches")])
def test_unreadable_caches_are_the_usual_ones(platform, reader, error, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(host.os, "sched_getaffinity", lambda pid: {3}, raising=False)
    monkeypatch.setattr(host, reader, raising(error))
    assert cache_sizes() == UNKNOWN_CACHES


def test_other_systems_have_the_usual_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert cache_sizes() == UNKNOWN_CACHES


def test_caches_of_this_machine_grow_by_level() -> None:
    sizes = cache_sizes()
    assert 4 * KIB <= sizes.l1 <= sizes.l2 <= sizes.l3


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system has no affinity")
def test_cores_are_those_that_the_process_may_use() -> None:
    allowed = os.sched_getaffinity(0)
    assert available_cores() == len(allowed)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert available_cores() == 1
    finally:
        os.sched_setaffinity(0, allowed)
