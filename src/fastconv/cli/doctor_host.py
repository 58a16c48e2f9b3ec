"""What the system allows and has loaded: the cores' time that a container gives, and libraries with threads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Runtime", "core_quota", "runtimes"]

#: Libraries that keep threads of their own, by the beginning of their file's name.
_RUNTIMES = {
    r"libgomp\b": "GNU OpenMP",
    r"libiomp5\b": "Intel OpenMP",
    r"libomp\b": "LLVM OpenMP",
    r"libtbb(12)?\b": "TBB",
    r"lib\w*openblas": "OpenBLAS",
}


@dataclass(frozen=True)
class Runtime:
    """A library with threads of its own that this process has loaded."""

    name: str
    path: str


def runtimes(maps: Path = Path("/proc/self/maps")) -> tuple[Runtime, ...] | None:
    """Libraries with threads of their own in this process; None where the system does not tell (it is not Linux)."""
    try:
        lines = maps.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    paths = sorted({line.split(maxsplit=5)[5] for line in lines if line.count("/")})
    return tuple(
        Runtime(name, path)
        for path in paths
        for pattern, name in _RUNTIMES.items()
        if re.match(pattern, Path(path).name)
    )


def core_quota(membership: Path = Path("/proc/self/cgroup"), groups: Path = Path("/sys/fs/cgroup")) -> float | None:
    """How many cores' time the control groups of this process allow it; None where they set no limit."""
    try:
        lines = membership.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    quotas = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:  # version 2: one hierarchy
            quotas += [_quota(group / "cpu.max") for group in _up(groups, path)]
        elif "cpu" in controllers.split(","):
            for group in _up(groups / controllers, path):
                quotas.append(_quota(group / "cpu.cfs_quota_us", group / "cpu.cfs_period_us"))
    return min((quota for quota in quotas if quota is not None), default=None)


def _up(root: Path, path: str) -> Iterator[Path]:
    """A group and those that it is in, up to the root. In a container the path may mean nothing, but the root does."""
    group = root / path.strip("/")
    while group != root and root in group.parents:
        yield group
        group = group.parent
    yield root


def _quota(*files: Path) -> float | None:
    """Microseconds of a core in each period, by the period."""
    try:
        quota, period = " ".join(file.read_text(encoding="utf-8") for file in files).split()
        cores = int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):  # no such group, or "max"
        return None
    return cores if cores > 0 else None  # -1: no limit
