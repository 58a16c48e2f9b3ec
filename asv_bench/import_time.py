"""Time of an import in a fresh interpreter. The package imports neither NumPy nor Numba until an operation is used."""

from __future__ import annotations

from asv_bench.fixtures import only_with_threads


class Import:
    """Our import, and NumPy's as the reference that every user of ours pays anyway."""

    number = 1
    repeat = 10
    warmup_time = 0.1

    def setup(self) -> None:
        only_with_threads(1)

    def timeraw_fastconv(self) -> str:
        return "import fastconv"

    def timeraw_numpy(self) -> str:
        return "import numpy"

    def timeraw_numpy_and_fastconv(self) -> str:
        return "import numpy, fastconv"
