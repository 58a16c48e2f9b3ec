"""The machine as a table: every number that depends on the CPU, each with its reason.

Nothing else in the package knows one instruction set from another.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass, fields, replace
from functools import cache
from typing import Any

from fastconv.jit.host import (
    available_cores,
    cache_sizes,
    instruction_sets,
    multiplies_long,
    multiplies_quads,
    products_per_cycle,
)

__all__ = ["LINE", "MACHINES", "InstructionSet", "Machine", "machine", "machine_with"]

#: Bytes of a cache line, on all of them. Vectors that straddle two cost a tile 3 to 5 % of its speed.
LINE = 64


@dataclass(frozen=True, slots=True)
class InstructionSet:
    """A row of the table. Kernels take its numbers as literals when they are imported.

    Attributes
    ----------
    name : str
        What people call it.
    vector_bytes, vector_registers : int
        Width of a vector register in bytes, and how many there are.
    tile_rows, tile_vectors : int
        Output channels and vectors of pixels that a tile sums at once. Their product is the number of sums in flight:
        at least twice the fused multiply-add's latency of 4 cycles to fill two units, and with `tile_vectors` loaded
        pixels and one broadcast weight it must fit the registers.
    spread_rows, spread_vectors : int
        Pixels and vectors of output channels that a tile sums at once where channels are its lanes. Many rows make up
        for the weights that it reads afresh for each tile, but each has an address of its own.
    narrow_rows : int
        Pixels where there are fewer vectors of output channels: one, or half as many.
    panel_rows, panel_vectors : int
        Pixels and vectors of output channels that a tile sums at once where pixels are copied together before: rows
        have one address, so there may be more of them, and fewer weights are read for each product.
    address_rows : int
        Most rows whose addresses a tile keeps in general registers.
    window_rows, window_vectors : int
        Rows and vectors of outputs that a tile sums at once where each is a window of one channel. With as many loaded
        vectors and a weight for each row of the kernel they must fit the registers.
    pair_rows : int
        Output channels of a tile of two rows of pixels that sums at four points. With as many sums for each, four rows
        of input and four of their sums and differences must fit the registers.
    masked_loads : bool
        Whether some lanes of a vector can be loaded, the others being zero, in one instruction.
    masked_bytes : int
        Size of the smallest elements that can.
    register : str
        Letter of a vector register in LLVM's inline assembly.
    pair_products : str
        LLVM's name of the instruction that multiplies vectors of 16-bit numbers and adds the products of two neighbours
        as 32-bit ones; none if it is empty. Where it can, LLVM makes one instruction of it and the addition that
        follows (VNNI), as fast as a multiply-add of floats.
    quad_products : str
        The same of what adds the products of four unsigned 8-bit numbers and four signed ones to a 32-bit one, where
        the CPU at hand has it (VNNI too).
    """

    name: str
    vector_bytes: int
    vector_registers: int
    tile_rows: int
    tile_vectors: int
    spread_rows: int
    spread_vectors: int
    narrow_rows: int
    panel_rows: int
    panel_vectors: int
    address_rows: int
    window_rows: int
    window_vectors: int
    pair_rows: int
    masked_loads: bool
    masked_bytes: int
    register: str
    pair_products: str
    quad_products: str


@dataclass(frozen=True, slots=True)
class Machine(InstructionSet):
    """A row of the table with the sizes of the CPU at hand, which plans go by.

    Attributes
    ----------
    l1_bytes, l2_bytes, l3_bytes : int
        Data cache: a core's first level, its share of the second, and all of the last.
    cores : int
        That this process may use.
    products_per_cycle : int
        Vectors that it multiplies and adds in a cycle: 2, or 1. With 2, a tile that loads many numbers for its products
        waits for them; with 1, all tiles are as fast as the CPU can multiply.
    long_products : bool
        Whether products of 64-bit numbers take no longer than those of 32-bit ones in as many lanes.
    """

    l1_bytes: int
    l2_bytes: int
    l3_bytes: int
    cores: int
    products_per_cycle: int
    long_products: bool

    @property
    def slab_bytes(self) -> int:
        """Most bytes of gathered input that one task works on: half of the second level, as weights and sums follow."""
        return self.l2_bytes // 2

    def masks(self, itemsize: int) -> bool:
        """Whether some lanes of vectors of such elements can be loaded."""
        return self.masked_loads and itemsize >= self.masked_bytes


#: Narrowest first; a CPU of an unknown kind takes the first row, whose vectors and registers they all have.
MACHINES = {
    "sse": InstructionSet(
        name="SSE",
        vector_bytes=16,  # xmm
        vector_registers=16,  # in 64-bit mode
        tile_rows=4,  # as AVX2: the registers are as many
        tile_vectors=3,
        spread_rows=6,
        spread_vectors=2,
        narrow_rows=6,
        panel_rows=6,
        panel_vectors=2,
        address_rows=8,
        window_rows=4,
        window_vectors=2,
        pair_rows=2,
        masked_loads=False,
        masked_bytes=0,
        register="v",
        pair_products="llvm.x86.sse2.pmadd.wd",
        quad_products="",  # CPUs that have it have wider vectors
    ),
    "neon": InstructionSet(
        name="NEON",
        vector_bytes=16,  # v
        vector_registers=32,
        tile_rows=8,  # as AVX-512: the registers are as many
        tile_vectors=3,
        spread_rows=14,
        spread_vectors=2,
        narrow_rows=14,
        panel_rows=14,
        panel_vectors=2,
        address_rows=14,  # twice the general registers of x86
        window_rows=4,
        window_vectors=4,
        pair_rows=4,
        masked_loads=False,
        masked_bytes=0,
        register="w",
        pair_products="",  # smlal multiplies halves of vectors, no pairs
        quad_products="",
    ),
    "avx2": InstructionSet(
        name="AVX2",
        vector_bytes=32,  # ymm
        vector_registers=16,
        tile_rows=4,  # 12 sums + 3 pixels + 1 weight are all of the registers
        tile_vectors=3,
        spread_rows=6,  # 12 sums + 2 weights + 1 pixel of 16 registers
        spread_vectors=2,
        narrow_rows=6,
        panel_rows=6,  # 12 sums + 2 weights + 1 pixel of 16 registers
        panel_vectors=2,
        address_rows=8,  # of 16 general registers
        window_rows=4,  # a sum or two is spilled, but 3 or 2 rows, or one vector, took 1 to 28 % longer
        window_vectors=2,
        pair_rows=2,
        masked_loads=True,
        masked_bytes=4,
        register="v",
        pair_products="llvm.x86.avx2.pmadd.wd",
        quad_products="llvm.x86.avx512.vpdpbusd.256",  # the name of that for vectors of 32 bytes, with AVX-512 or not
    ),
    "avx512": InstructionSet(
        name="AVX-512",
        vector_bytes=64,  # zmm
        vector_registers=32,
        tile_rows=8,  # 24 sums + 3 pixels + 1 weight of 32 registers
        tile_vectors=3,
        # 24 sums + 4 weights + 1 pixel of 32 registers. 14 rows of 2 vectors need more addresses than there are
        # registers for: two loads a row, as many as a Cascade Lake can do (88 of its 150 GFLOP/s; 137 for 6 rows).
        spread_rows=6,
        spread_vectors=4,
        narrow_rows=8,
        # 28 sums + 2 weights + 1 pixel of 32 registers. 9 rows of 3 vectors are 5 % faster, but channels are seldom
        # multiples of 48.
        panel_rows=14,
        panel_vectors=2,
        address_rows=8,  # of 16 general registers
        window_rows=4,  # 16 sums + 4 pixels + up to 7 weights of 32 registers
        window_vectors=4,
        pair_rows=4,  # 16 sums + 4 rows + 4 of their sums and differences of 32 registers
        masked_loads=True,
        masked_bytes=1,
        register="v",
        pair_products="llvm.x86.avx512.pmaddw.d.512",
        quad_products="llvm.x86.avx512.vpdpbusd.512",
    ),
}


def machine() -> Machine:
    """The machine that Numba compiles for, which is the one at hand unless NUMBA_CPU_NAME or _FEATURES narrow it."""
    return _other.get() or _at_hand()


@cache
def _at_hand() -> Machine:
    name = min(instruction_sets(), key=list(MACHINES).index)
    row = MACHINES[name] if multiplies_quads() else replace(MACHINES[name], quad_products="")
    l1, l2, l3 = cache_sizes()
    return Machine(
        **asdict(row),
        l1_bytes=l1,
        l2_bytes=l2,
        l3_bytes=l3,
        cores=available_cores(),
        products_per_cycle=products_per_cycle(name),
        long_products=multiplies_long(name),
    )


_other: ContextVar[Machine | None] = ContextVar("fastconv_machine", default=None)


@contextmanager
def machine_with(**sizes: Any) -> Iterator[Machine]:
    """Plan for a machine with other caches or cores inside the ``with`` block, in this thread: for tests.

    The numbers of its `InstructionSet` are in the kernels by now; for those start a process with NUMBA_CPU_NAME.

    Examples
    --------
    >>> with machine_with(l2_bytes=2**18) as m:
    ...     m.slab_bytes
    131072
    """
    unknown = set(sizes) - {field.name for field in fields(Machine)}.difference(f.name for f in fields(InstructionSet))
    if unknown:
        raise TypeError(f"{', '.join(sorted(unknown))} cannot be changed in a running process.")
    token = _other.set(replace(machine(), **sizes))
    try:
        yield machine()
    finally:
        _other.reset(token)
