"""No combination of threads and forks crashes, hangs or gives a wrong answer; each in a process of its own."""

import os
import subprocess
import sys
import textwrap

import pytest

PRELUDE = """
import numpy as np, fastconv as fc
x = np.random.default_rng(0).integers(-4, 5, (1, 16, 64, 64)).astype(np.float32)
w = np.random.default_rng(1).integers(-4, 5, (16, 16, 3, 3)).astype(np.float32)
"""
RUN = "fc.conv2d(x, w).sum(dtype=np.float64)"

FORKS = f"""
import os
{PRELUDE}
expected = {RUN}
def child():
    assert {RUN} == expected
    grandchild = os.fork()
    if grandchild == 0:
        os._exit(0 if {RUN} == expected else 3)
    assert os.waitstatus_to_exitcode(os.waitpid(grandchild, 0)[1]) == 0
pid = os.fork()
if pid == 0:
    child()
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
assert {RUN} == expected
"""

POOL = f"""
import multiprocessing
{PRELUDE}
def work(_):
    return float({RUN})
if __name__ == "__main__":
    expected = work(0)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map(work, range(6)) == [expected] * 6
"""

THREADS = f"""
from concurrent.futures import ThreadPoolExecutor
{PRELUDE}
with ThreadPoolExecutor(4) as pool:
    found = list(pool.map(lambda _: float({RUN}), range(24)))
assert len(set(found)) == 1 and found[0] == float(fc.conv2d(x, w, algorithm="loops").sum(dtype=np.float64))
"""

CASES = {"forks": FORKS, "multiprocessing pool": POOL, "thread pool, first call included": THREADS}
LAYERS = ["default", "workqueue"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("case", CASES)
def test_process_survives_with_the_right_numbers(case: str, layer: str) -> None:
    env = os.environ | {"NUMBA_NUM_THREADS": "2"}
    if layer != "default":
        env["NUMBA_THREADING_LAYER"] = layer
    code = textwrap.dedent(CASES[case])
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
