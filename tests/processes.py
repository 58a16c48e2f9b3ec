"""Programs that run in a process of their own, must end well and must have nothing to complain about."""

import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

__all__ = ["LAYERS", "PRELUDE", "run_program"]

#: What programs begin with: operations large enough for several threads, on whole numbers, whose results NumPy knows.
PRELUDE = """
import numpy as np, fastconv as fc
from numpy.lib.stride_tricks import sliding_window_view
_random = np.random.default_rng(0)
x, w = _random.integers(-4, 5, (16, 64, 64)), _random.integers(-4, 5, (16, 16, 3, 3))
expected_conv = np.einsum("chwij,ocij->ohw", sliding_window_view(x, (3, 3), (1, 2)), w)
expected_pool = x.reshape(16, 32, 2, 32, 2).max((2, 4))
x, w = x.astype(np.float32), w.astype(np.float32)

def check():
    assert np.array_equal(fc.conv2d(x, w), expected_conv), "conv2d is wrong"
    assert np.array_equal(fc.max_pool2d(x, 2), expected_pool), "max_pool2d is wrong"
    return True
"""

#: Exit status of a program that says why it cannot be run here.
_SKIPPED = 77

_TBB = "libtbb.so.12"


def _layer(name: str) -> dict[str, str]:
    """Settings under which Numba takes a threading layer; a pip-installed TBB it only finds where it is loaded."""
    settings = {"NUMBA_THREADING_LAYER": name}
    if name == "tbb":
        try:
            files = metadata.files("tbb") or []
        except metadata.PackageNotFoundError:
            files = []
        found = [Path(file.locate()).resolve() for file in files if file.name == _TBB]
        if found:
            settings["LD_PRELOAD"] = str(found[0])
    return settings


#: Environments for each of Numba's threading layers.
LAYERS = {name: _layer(name) for name in ("omp", "workqueue", "tbb")}


def run_program(code: str, file: Path | None = None, timeout: float = 300, **settings: str) -> str:
    """What a program prints that ends with status 0 and leaves stderr empty; skips the test where the program does.

    Parameters
    ----------
    code : str
        What follows the prelude.
    file : Path, optional
        Where to write the program; child processes that import their parent's program need one.
    timeout : float
        Seconds after which it hangs.
    **settings : str
        Environment variables.
    """
    # Python 3.12 warns of every fork of a process with threads.
    command = [sys.executable, "-X", "faulthandler", "-W", "ignore::DeprecationWarning"]
    if file is None:
        command += ["-c", PRELUDE + code]
    else:
        file.write_text(PRELUDE + code)
        command.append(str(file))
    tests = str(Path(__file__).parent)
    path = os.pathsep.join([tests, *filter(None, [os.environ.get("PYTHONPATH")])])
    env = {**os.environ, "NUMBA_NUM_THREADS": "2", "PYTHONPATH": path, **settings}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=timeout)
    if done.returncode == _SKIPPED:
        pytest.skip(done.stdout.strip())
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout
