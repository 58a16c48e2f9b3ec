"""Time of the first call in a fresh interpreter: what a user waits for before the first result.

The import of Numba is part of it, and so is the driver that shares work between threads.
"""

from __future__ import annotations

import subprocess
import sys
from tempfile import TemporaryDirectory

from asv_bench.fixtures import only_with_threads, operation

FIRST_CALLS = {
    "conv2d": "fc.conv2d(x, w, padding=1)",
    "conv_transpose2d": "fc.conv_transpose2d(x, w, stride=2)",
    "max_pool2d": "fc.max_pool2d(x, 2)",
    "avg_pool2d": "fc.avg_pool2d(x, 2)",
    "conv_matrix": "fc.conv_matrix(w[:8, :8], (8, 56, 56)) @ x[0, :8].ravel()",
}

# {folder} is Python that gives the folder of compiled code.
PREPARE = """
import os, tempfile
temporary = tempfile.TemporaryDirectory()
os.environ["NUMBA_CACHE_DIR"] = {folder}
import numpy as np
import fastconv as fc
x = np.ones((1, 64, 56, 56), np.float32)
w = np.ones((64, 64, 3, 3), np.float32)
"""


class Cold:
    """No compiled code on disk."""

    params = tuple(FIRST_CALLS)
    param_names = ("operation",)
    number = 1
    repeat = 3  # and two rounds: six samples, the least that can tell two commits apart
    warmup_time = 0

    def setup(self, name: str) -> None:
        only_with_threads(2)
        operation(name)

    def timeraw_first_call(self, name: str) -> tuple[str, str]:
        return FIRST_CALLS[name], PREPARE.format(folder="temporary.name")


class Warm(Cold):
    """The compiled code of an earlier process is on disk, where the package keeps it."""

    def setup(self, name: str) -> None:
        super().setup(name)
        self.folder = TemporaryDirectory()
        statement, prepare = self.timeraw_first_call(name)
        subprocess.run([sys.executable, "-c", prepare + statement], check=True)

    def teardown(self, name: str) -> None:
        if hasattr(self, "folder"):
            self.folder.cleanup()

    def timeraw_first_call(self, name: str) -> tuple[str, str]:
        return FIRST_CALLS[name], PREPARE.format(folder=repr(self.folder.name.replace("\\", "/")))
