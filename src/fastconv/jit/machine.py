"""The machine as a table: every number that depends on the CPU, each with its reason.

Nothing else in the package knows one instruction set from another.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

__all__ = ["MACHINES", "Machine", "machine"]


@dataclass(frozen=True, slots=True)
class Machine:
    """One instruction set, as kernels see it.

    Attributes
    ----------
    name : str
        What people call it.
    vector_bytes : int
        Width of a vector register in bytes.
    tile_rows, tile_vectors : int
        Output channels and vectors of pixels that a tile sums at once. Their product is the number of sums in flight:
        at least twice the fused multiply-add's latency of 4 cycles to fill two units, and with `tile_vectors` loaded
        pixels and one broadcast weight it must fit the registers.
    spread_rows, spread_vectors : int
        Pixels and vectors of output channels that a tile sums at once where channels are its lanes. Many rows make up
        for the weights that it reads afresh for each tile.
    address_rows : int
        Most rows whose addresses a tile keeps in general registers.
    slab_bytes : int
        Most bytes of gathered input that one task works on: half of a 1 MiB second-level cache, the smallest
        among today's servers with the wide vectors; a quarter of a megabyte for the others.
    """

    name: str
    vector_bytes: int
    tile_rows: int
    tile_vectors: int
    spread_rows: int
    spread_vectors: int
    address_rows: int
    slab_bytes: int


MACHINES = {
    "avx512": Machine("AVX-512", 64, 8, 3, 14, 2, 8, 512 * 1024),  # 24 sums + 3 pixels + 1 weight of 32 registers
    "avx2": Machine("AVX2", 32, 4, 3, 6, 2, 8, 256 * 1024),  # 12 sums + 3 pixels + 1 weight of 16 registers
    "sse": Machine("SSE", 16, 4, 3, 6, 2, 8, 256 * 1024),  # as AVX2
    "neon": Machine("NEON", 16, 8, 3, 14, 2, 14, 256 * 1024),  # as AVX-512
}

#: CPU names that may be given in NUMBA_CPU_NAME without NUMBA_CPU_FEATURES, and the table row each of them can run.
_ROWS_BY_CPU_NAME = {
    "avx512": ("skylake-avx512", "cascadelake", "icelake", "sapphirerapids", "emeraldrapids", "znver4", "x86-64-v4"),
    "avx2": ("haswell", "broadwell", "skylake", "znver1", "znver2", "znver3", "alderlake", "x86-64-v3"),
}


@cache
def machine() -> Machine:
    """The row of `MACHINES` for the CPU that Numba compiles for.

    That is the host unless NUMBA_CPU_NAME or NUMBA_CPU_FEATURES say otherwise.
    """
    import platform

    import numba
    from llvmlite import binding

    if platform.machine().lower() in ("arm64", "aarch64"):
        return MACHINES["neon"]
    name, features = numba.config.CPU_NAME, numba.config.CPU_FEATURES
    if features is not None:
        return MACHINES[_row_with_features(set(features.split(",")))]
    if name in (None, "host"):
        return MACHINES[_row_with_features({f"+{k}" for k, has in binding.get_host_cpu_features().items() if has})]
    for row, prefixes in _ROWS_BY_CPU_NAME.items():
        if name.startswith(prefixes):
            return MACHINES[row]
    return MACHINES["sse"]


def _row_with_features(features: set[str]) -> str:
    if {"+avx512f", "+avx512dq", "+avx512bw", "+avx512vl"} <= features:
        return "avx512"
    return "avx2" if {"+avx2", "+fma"} <= features else "sse"
