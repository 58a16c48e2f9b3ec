"""Forks, pools of processes and the end of a process: no crash, no hang, no wrong answer."""

import os
from pathlib import Path

import pytest

from processes import LAYERS, run_program

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")

#: A child runs a function; that it ends well is asserted in the parent.
IN_CHILD = """
import os, threading, time

def in_child(function):
    child = os.fork()
    if child == 0:
        try:
            function()
        except BaseException:
            import traceback
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

def check_with_grandchild():
    check()
    in_child(check)
    check()
"""

FIRST_CALLS = """
ready = threading.Barrier(5)

def first_call():
    ready.wait()
    check()

threads = [threading.Thread(target=first_call) for _ in range(4)]
for thread in threads:
    thread.start()
ready.wait()
for pause in 0.05, 0.3, 0.6:  # in an import, in compilers
    time.sleep(pause)
    in_child(check_with_grandchild)
for thread in threads:
    thread.join()
check()
"""

FORKS = """
import user_kernels as user

in_child(check_with_grandchild)  # before the first call
check()
try:
    user.start_layer()
except ValueError as error:
    print(error)
    raise SystemExit(77)
in_child(check_with_grandchild)

def long_call():
    started.set()
    many.append(fc.conv2d(np.broadcast_to(x, (400, *x.shape)), w, algorithm="tile"))

many, started = [], threading.Event()
thread = threading.Thread(target=long_call)
thread.start()
started.wait()
while thread.is_alive():
    in_child(check)
assert len(many) == 1 and (many[0] == expected_conv).all()

if forks_in_threads:
    threads = [threading.Thread(target=in_child, args=[check_with_grandchild]) for _ in range(3)]
    for thread in threads:
        thread.start()
    check()
    for thread in threads:
        thread.join()
check()
"""

HELPED_CHILD = """
from bodies import held_job, meet_helpers

meet_helpers(2)
thread, words = held_job()
in_child(lambda: (check(), meet_helpers(2)))
words[1] = 1
thread.join()
meet_helpers(2)
"""

POOLS = """
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

def work(_):
    return check()

if __name__ == "__main__":
    check()
    for method in multiprocessing.get_all_start_methods():
        with multiprocessing.get_context(method).Pool(2) as pool:
            assert pool.map(work, range(6), 1) == [True] * 6, method
        check()
    with ProcessPoolExecutor(2) as pool:
        assert list(pool.map(work, range(6))) == [True] * 6
    check()
"""

ENDS = {
    "at once": "check()",
    "when helpers sleep": "check(); time.sleep(0.01)",
    "at exit": "atexit.register(check); check(); atexit.register(check)",
    # So late that Python may refuse what a call needs, which must be an exception and nothing worse.
    "in __del__": """
check()
class Last:
    def __del__(self, check=check):
        try:
            check()
        except (ImportError, AttributeError, TypeError):
            pass
last = Last()
""",
    "by sys.exit in a child": "check()\nif os.fork() == 0:\n    check()\n    sys.exit()\nos.wait()",
    "in a daemon that still works": """
def work():
    while True:
        check()
threading.Thread(target=work, daemon=True).start()
time.sleep(0.1)
""",
    "before a thread that still works": """
import concurrent.futures.thread  # which SciPy needs, and Python can no longer import then
def work():
    threading.main_thread().join()
    for _ in range(20):
        check()
threading.Thread(target=work).start()
""",
}


@needs_fork
@pytest.mark.nightly
def test_forks_during_the_first_calls_of_several_threads(tmp_path: Path) -> None:
    run_program(IN_CHILD + FIRST_CALLS, NUMBA_CACHE_DIR=str(tmp_path))


@needs_fork
@pytest.mark.parametrize("layer", LAYERS)
def test_forks(layer: str) -> None:
    # Numba itself complains of forks in threads once its layer tbb is running.
    run_program(f"{IN_CHILD}\nforks_in_threads = {layer != 'tbb'}\n{FORKS}", **LAYERS[layer])


@needs_fork
def test_a_child_has_helpers_of_its_own_though_the_parents_are_in_a_job() -> None:
    run_program(IN_CHILD + HELPED_CHILD)


@pytest.mark.parametrize("layer", [LAYERS["omp"], {}], ids=["omp", "any layer"])
def test_pools_of_processes(layer: dict[str, str], tmp_path: Path) -> None:
    run_program(POOLS, tmp_path / "program.py", **layer)


@pytest.mark.parametrize("end", [pytest.param(end, marks=needs_fork) if "child" in end else end for end in ENDS])
def test_ends(end: str) -> None:
    run_program(f"import atexit, os, sys, threading, time\n{ENDS[end]}")
