"""Compiled code on disk between processes that know nothing of each other."""

import os
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from fastconv.jit.cache_files import damage, entries
from nightly import nightly

PRELUDE = """
import numpy as np
import fastconv as fc

random = np.random.default_rng(0)
small, large = (random.integers(-9, 9, (1, 3, size, size)).astype(np.float32) for size in (32, 320))

def check(name):
    for x in small, large:  # one is done serially, the other in parallel
        windows = x.reshape(1, 3, x.shape[2] // 2, 2, -1, 2)
        expected = {"max": windows.max((3, 5)), "avg": windows.mean((3, 5))}[name]
        found = {"max": fc.max_pool2d, "avg": fc.avg_pool2d}[name](x, 2)
        assert np.array_equal(found, expected), (name, found, expected)

def forbid_compiling():
    import numba.core.dispatcher as d
    def compile(self, args, return_type):
        raise AssertionError(f"{self.py_func.__qualname__} is compiled")
    d._FunctionCompiler.compile = compile
"""


def environment(directory: Path, **settings: str) -> dict[str, str]:
    return {**os.environ, "NUMBA_CACHE_DIR": str(directory), "NUMBA_NUM_THREADS": "2", **settings}


def process(code: str, directory: Path, **settings: str) -> str:
    """What a new process prints that runs the prelude and some code, and succeeds."""
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", PRELUDE + code],
        env=environment(directory, **settings),
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.mark.nightly
def test_eight_processes_on_one_empty_cache(tmp_path: Path) -> None:
    code = PRELUDE + "import fastconv.ops.max_pool\nprint('ready', flush=True); input(); check('max'); print('right')"
    command = [sys.executable, "-W", "error", "-c", code]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with ExitStack() as stack:
        eight = [stack.enter_context(subprocess.Popen(command, env=environment(tmp_path), **pipes)) for _ in range(8)]
        assert [one.stdout.readline() for one in eight] == ["ready\n"] * 8
        for one in eight:
            one.stdin.write("go\n")
            one.stdin.flush()
        for one in eight:
            out, err = one.communicate(timeout=300)
            assert (one.returncode, out) == (0, "right\n"), err
    found = entries(tmp_path / "fastconv")
    assert len({(entry.kernel, entry.signature) for entry in found}) == len(found) > 0
    assert len(list((tmp_path / "fastconv").iterdir())) == len(found), "something else was left behind"
    assert [damage(entry.path) for entry in found] == [None] * len(found)
    process("forbid_compiling(); check('max')", tmp_path)
    process("forbid_compiling(); check('max')", tmp_path, NUMBA_THREADING_LAYER="workqueue")


@pytest.mark.nightly
def test_functions_of_one_factory_compiled_in_two_processes_stay_apart(tmp_path: Path) -> None:
    # Numba gives both the same name in machine code, so that a process that loads them would run one in place of both.
    process("check('max')", tmp_path)
    process("check('avg')", tmp_path)
    process("forbid_compiling(); check('max'); check('avg')", tmp_path)
    process("forbid_compiling(); check('avg'); check('max')", tmp_path)


def test_numbers_of_other_functions_go_on_as_if_ours_were_not_there(tmp_path: Path) -> None:
    count = "FunctionIdentity._unique_ids"
    lines = ["from numba.core.bytecode import FunctionIdentity", f"count = {count}", "check('max')"]
    process("; ".join([*lines, f"assert {count} is count"]), tmp_path)
    process("; ".join([*lines, f"assert {count} is count"]), tmp_path)


#: What a future Numba may do, as the lines that make this one do it.
FUTURE = {
    "takes compiled functions apart in another way": """
from numba.core.compiler import CompileResult
del CompileResult._reduce
""",
    "puts them together in another way": """
from numba.core.compiler import CompileResult
CompileResult._rebuild = classmethod(lambda cls, target_context, state: None)
""",
    "pickles no such thing": """
import numba.core.serialize as serialize
dumps = serialize.dumps
def refuse_results(state):
    if type(state) is tuple and len(state) == 9:
        raise TypeError("what is this?")
    return dumps(state)
serialize.dumps = refuse_results
""",
    "describes the CPU in another way": """
from numba.core.codegen import CPUCodegen
del CPUCodegen.magic_tuple
""",
    "numbers functions in another way": """
from numba.core.bytecode import FunctionIdentity
FunctionIdentity._unique_ids = iter(range(1, 10**9))
""",
    "gives functions no numbers": """
from numba.core.funcdesc import FunctionDescriptor
FunctionDescriptor.uid = property(lambda self: None, lambda self, uid: None)
""",
    "says its version in another way": """
import numba
del numba.version_info
""",
    "asks its caches for more": """
import inspect, textwrap
import numba.core.dispatcher as module
from numba.core.caching import NullCache
from numba.core.dispatcher import Dispatcher
NullCache.load_overload = NullCache.save_overload = lambda self, first, second, third: None
source = textwrap.dedent(inspect.getsource(Dispatcher.compile))
for asked in ("load_overload(sig, self.targetctx", "save_overload(sig, cres"):
    assert asked in source
    source = source.replace(asked, asked + ", self.targetoptions")
exec(source, vars(module))
Dispatcher.compile = module.compile
""",
}


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("warm")
    process("check('max')", directory)
    return directory


@pytest.mark.parametrize("change", [*list(FUTURE)[::2], *nightly(*list(FUTURE)[1::2])])
def test_operations_work_with_a_numba_that_does_it_differently(change: str, warm: Path, tmp_path: Path) -> None:
    shutil.copytree(warm, tmp_path, dirs_exist_ok=True)
    code = """
import warnings
with warnings.catch_warnings(record=True) as warned:
    warnings.simplefilter("always")
    check("max")
    check("avg")
print(*(warning.message for warning in warned), sep="\\n")
"""
    # What the maximum needs is there to be loaded, what the average needs has to be compiled and kept: each could warn.
    said = process(FUTURE[change] + code, tmp_path)
    assert said.count("\n") == 1
    assert said.startswith("fastconv cannot keep code compiled by numba ")


def test_numba_without_a_class_for_no_cache(warm: Path) -> None:
    change = "import numba.core.caching, numba.core.dispatcher; del numba.core.caching.NullCache\n"
    process(change + "forbid_compiling(); check('max')", warm)
