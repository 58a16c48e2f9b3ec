"""The doctor: what it finds, what it says of it, and what it advises."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fastconv.cli import doctor_checks, doctor_host
from fastconv.cli.doctor_advice import advise
from fastconv.cli.doctor_cache import Cache
from fastconv.cli.doctor_checks import Check, check_cache, self_test
from fastconv.cli.doctor_facts import Cpu, Facts, Setting, Threads
from fastconv.cli.doctor_kernels import Kernel
from fastconv.cli.doctor_layers import Layers, choice
from fastconv.cli.doctor_measure import Measured
from fastconv.cli.doctor_report import Report, as_json
from fastconv.cli.doctor_text import fact_sections, result_sections, verdict
from fastconv.cli.main import COMMANDS, main
from fastconv.cli.warmup_cases import FAMILIES
from nightly import nightly

CPU = Cpu("A CPU", "Linux x86_64", "haswell", "the CPU at hand", 256, {"name": "AVX2", "vector_bytes": 32})
THREADS = Threads(4, None, None, cores=4, usable_cores=4, quota=None, load=0.5)
LAYERS = Layers(False, None, "omp", "why not", {"omp": None, "tbb": "it is missing"})
CACHE = Cache("/home/me/.cache/fastconv", "it is the user's", 3, 3000, elsewhere="/home/me/numba-cache")
FACTS = Facts(CPU, THREADS, LAYERS, CACHE, (), ())
MEASURED = Measured(3e-6, 1e-6, 2e10, 1e11, 3.6e11, helpers=3)
CHECK, KERNEL = Check("conv", True, "fine"), Kernel("conv", ("()",), loaded=1)
REPORT = Report({"python": "3.12.1"}, {}, None, FACTS, (CHECK,), MEASURED, (KERNEL,))


def doctor(*arguments: str, code: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, after some code."""
    env = os.environ | settings
    command = f"import sys\n{code}\nfrom fastconv.cli.main import main\nsys.exit(main(['doctor', *sys.argv[1:]]))"
    return subprocess.run(
        [sys.executable, "-c", command, *arguments], env=env, capture_output=True, text=True, timeout=300
    )


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    done = doctor("--json", NUMBA_NUM_THREADS="2", OMP_NUM_THREADS="3", NUMBA_THREADING_LAYER="workqueue")
    assert done.returncode == 0, done.stdout + done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def test_json_has_the_keys_that_the_help_lists(found: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--help"]) == 0
    listed = capsys.readouterr().out.partition("keys")[2].partition("options:")[0]
    words = set(listed.replace(",", " ").replace(":", " ").replace(";", " ").split())
    assert set(found) <= words
    for value in found.values():
        [first] = value[:1] if isinstance(value, list) and value else [value]
        if isinstance(first, dict) and value not in (found["versions"], found["environment"]):
            assert set(first) <= words


def test_json_says_that_all_is_well(found: dict[str, Any]) -> None:
    assert found["healthy"] is True
    assert found["import_trouble"] is None
    assert [check["name"] for check in found["checks"]] == [*FAMILIES, "cache"]
    assert all(check["ok"] for check in found["checks"])
    assert "the same bits in 2 threads" in found["checks"][0]["detail"]


def test_json_has_versions_and_cpu(found: dict[str, Any]) -> None:
    from llvmlite import binding

    from fastconv.jit.machine import machine

    assert {"python", "fastconv", "numba", "llvmlite", "numpy"} <= set(found["versions"])
    assert found["cpu"]["name"]
    assert found["cpu"]["table"]["name"] == machine().name
    assert found["cpu"]["vector_bits"] == 8 * machine().vector_bytes == 8 * found["cpu"]["table"]["vector_bytes"]
    if "NUMBA_CPU_NAME" not in os.environ:
        assert (found["cpu"]["target"], found["cpu"]["target_from"]) == (binding.get_host_cpu_name(), "the CPU at hand")


def test_json_has_threads_and_layers(found: dict[str, Any]) -> None:
    threads, layers = found["threads"], found["layers"]
    assert (threads["fastconv"], threads["numba_num_threads"], threads["omp_num_threads"]) == (2, "2", "3")
    assert 1 <= threads["usable_cores"] <= threads["cores"]
    assert layers["used_by_fastconv"] is False
    assert layers["running"] is None  # although calls were shared out
    assert (layers["choice"], layers["reason"]) == ("workqueue", "NUMBA_THREADING_LAYER asks for workqueue")
    assert set(layers["troubles"]) == {"tbb", "omp", "workqueue"}
    assert layers["troubles"]["workqueue"] is None


def test_json_has_kernels_and_measurements(found: dict[str, Any]) -> None:
    kernels = {kernel["name"]: kernel for kernel in found["kernels"]}
    assert {"launch", "share", "build", "multiply"} <= set(kernels)
    assert kernels["multiply"]["loaded"] + kernels["multiply"]["compiled"] == len(kernels["multiply"]["variants"]) == 1
    assert "float32" in kernels["multiply"]["variants"][0]
    measured = found["measured"]
    assert measured["helpers"] == 1
    assert 0 < measured["call_seconds"] < 1
    assert 0 <= measured["region_seconds"] < 1
    assert min(measured["copy_bytes_per_second"], measured["flops_alone"], measured["flops_together"]) > 1e6


def test_json_has_cache_and_libraries(found: dict[str, Any]) -> None:
    assert found["cache"]["trouble"] is None
    assert found["cache"]["directory"].startswith(os.environ.get("NUMBA_CACHE_DIR", ""))
    if sys.platform == "linux":
        assert all(Path(runtime["path"]).is_absolute() for runtime in found["runtimes"])
    else:
        assert found["runtimes"] is None


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not list what is loaded")
def test_loaded_libraries_are_those_of_this_process() -> None:
    pytest.importorskip("numba.np.ufunc.omppool")
    found = doctor_host.runtimes()
    assert found is not None
    assert any("OpenMP" in runtime.name for runtime in found)


WITHOUT_RICH = "sys.modules['rich'] = None"


@pytest.mark.parametrize("code", ["import rich", WITHOUT_RICH], ids=["rich", "plain"])
def test_text_fits_a_terminal(code: str) -> None:
    done = doctor(code=code, COLUMNS="80", NUMBA_DISABLE_JIT="1", NUMBA_THREADING_LAYER="nonsense")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    paths = [word for line in lines for word in line.split() if word.startswith("/")]
    assert all(len(line) <= 80 for line in lines if not any(path in line for path in paths))
    said = " ".join(done.stdout.split())
    assert "NUMBA_DISABLE_JIT 1: nothing is compiled" in said
    assert (
        "1. NUMBA_DISABLE_JIT=1: nothing is compiled, and kernels run as plain Python. unset NUMBA_DISABLE_JIT" in said
    )
    assert "none: NUMBA_THREADING_LAYER is 'nonsense', which Numba does not know" in said
    assert "conv_matrix ok, as the reference" in said
    assert lines[-1].strip() == f"Healthy: all {len(FAMILIES) + 1} checks passed."
    assert "\x1b" not in done.stdout


def test_settings_that_stop_numba() -> None:
    done = doctor("--json", NUMBA_NUM_THREADS="0")
    assert done.returncode == 1
    document = json.loads(done.stdout)
    assert document["environment"]["NUMBA_NUM_THREADS"] == "0"
    assert "NUMBA_NUM_THREADS" in document["advice"][0]["command"].split()


@pytest.mark.parametrize("json_too", [False, True])
def test_operations_that_cannot_be_imported(json_too: bool) -> None:
    done = doctor(*["--json"] * json_too, code="sys.modules['numba'] = None")
    assert done.returncode == 1
    if json_too:
        document = json.loads(done.stdout)
        assert document["healthy"] is False
        assert document["cpu"] is None
        assert document["advice"][0]["command"] == "pip install --upgrade numba numpy"
    else:
        assert "import of numba halted" in " ".join(done.stdout.split())
        assert "pip install --upgrade numba numpy" in done.stdout
        assert done.stdout.rstrip().endswith("Not healthy: the operations cannot be imported.")


FIND_CPU = """
import json
from dataclasses import asdict
from fastconv.cli.doctor_facts import find_facts
facts = find_facts()
print(json.dumps([asdict(facts.cpu), [asdict(setting) for setting in facts.settings]]))
"""


@pytest.mark.parametrize(("name", "bits"), [("generic", 128), ("haswell", 256)])
@pytest.mark.skipif("NUMBA_CPU_FEATURES" in os.environ, reason="features are given")
def test_other_cpus_are_named(name: str, bits: int) -> None:
    env = os.environ | {"NUMBA_CPU_NAME": name, "NUMBA_OPT": "max"}
    done = subprocess.run([sys.executable, "-c", FIND_CPU], env=env, capture_output=True, text=True, timeout=100)
    cpu, settings = json.loads(done.stdout)
    assert (cpu["target"], cpu["target_from"]) == (name, "NUMBA_CPU_NAME")
    assert cpu["vector_bits"] <= bits
    assert [(setting["name"], setting["value"], setting["in_environment"]) for setting in settings] == [
        ("NUMBA_CPU_NAME", name, True)
    ]


def test_settings_of_the_program_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    from numba import config

    from fastconv.cli.doctor_facts import _settings

    before = {setting.name for setting in _settings()}
    monkeypatch.setattr(config, "LOOP_VECTORIZE", 0)
    [new] = [setting for setting in _settings() if setting.name not in before]
    assert (new.name, new.value, new.in_environment) == ("NUMBA_LOOP_VECTORIZE", "0", False)


def steps(text: str) -> None:
    """Nobody looks."""


def wrong(array: np.ndarray) -> np.ndarray:
    other = np.array(array)
    other.flat[-1] += 1
    return other


@pytest.mark.parametrize(
    ("call", "detail"),
    [
        (lambda case: lambda: wrong(case.call()), "differs from the reference by 1"),
        (lambda case: lambda: case.call()[..., :1], "differs from the reference by inf"),
        (lambda case: lambda: case.call() * np.nan, "differs from the reference by nan"),
        (lambda case: lambda: 1 / 0, "ZeroDivisionError: division by zero"),
    ],
    ids=["wrong", "shape", "nan", "error"],
)
def test_wrong_results_fail(call: Callable[..., Any], detail: str, monkeypatch: pytest.MonkeyPatch) -> None:
    right = FAMILIES["avg_pool"]
    broken = replace(right, cases=lambda *of: (replace(case, call=call(case)) for case in right.cases(*of)))
    monkeypatch.setattr(doctor_checks, "FAMILIES", {"avg_pool": broken, "max_pool": FAMILIES["max_pool"]})
    checks = list(self_test(steps, shared=False))
    assert checks == [Check("avg_pool", False, detail), Check("max_pool", True, "as the reference")]
    report = replace(REPORT, checks=tuple(checks))
    assert not report.healthy
    assert verdict(report).text == "Not healthy: avg_pool failed."


def test_results_that_depend_on_threads_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    from fastconv.jit.threads import thread_count

    right = FAMILIES["max_pool"]

    def call(case: Any) -> Callable[[], Any]:
        return lambda: wrong(case.call()) if thread_count() == 1 and case.call().size > 1000 else case.call()

    broken = replace(right, cases=lambda *of: (replace(case, call=call(case)) for case in right.cases(*of)))
    monkeypatch.setattr(doctor_checks, "FAMILIES", {"max_pool": broken})
    monkeypatch.setattr(doctor_checks, "thread_count", lambda: 2)
    assert list(self_test(steps, shared=True)) == [Check("max_pool", False, "2 threads give another result than one")]


@pytest.mark.parametrize(
    ("cache", "files", "compiled", "ok", "detail"),
    [
        (CACHE, 0, 0, True, "nothing had to be compiled"),
        (CACHE, 5, 5, True, "what was compiled is kept for the next process"),
        (CACHE, 0, 5, False, "what was compiled was not kept"),
        (replace(CACHE, trouble="It is full."), 0, 5, False, "It is full."),
        (replace(CACHE, trouble="It cannot be written."), 0, 0, True, "nothing had to be compiled"),
        (replace(CACHE, damaged=("a", "b")), 0, 0, False, "2 files do not hold what was written"),
    ],
)
def test_cache_is_judged_by_what_it_did(cache: Cache, files: int, compiled: int, ok: bool, detail: str) -> None:
    assert check_cache(cache, files, compiled) == Check("cache", ok, detail)


def with_facts(**parts: Any) -> Report:
    return replace(REPORT, facts=replace(FACTS, **parts))


def with_threads(**parts: Any) -> Report:
    return with_facts(threads=replace(THREADS, **parts))


def with_setting(name: str, in_environment: bool = True) -> Report:
    return with_facts(settings=(Setting(name, "1", "it is slow", in_environment),))


def with_measured(**parts: Any) -> Report:
    return replace(REPORT, measured=replace(MEASURED, **parts))


COMPILED = replace(REPORT, kernels=(Kernel("conv", ("()",), compiled=1),), compile_seconds=4.6)
WINDOWS = replace(CPU, system="Windows AMD64")

ADVICE: dict[str, tuple[Report, str, str | None]] = {
    "import": (
        Report({}, {"NUMBA_OPT": "1"}, "ImportError: no"),
        "cannot be imported",
        "pip install --upgrade numba numpy",
    ),
    "refused setting": (
        Report({}, {"NUMBA_A": "0", "NUMBA_B": "1", "OMP_C": "2"}, "ValueError: 0 is no number"),
        "Numba stops at one of its settings",
        "unset NUMBA_A NUMBA_B",
    ),
    "no compiler": (with_setting("NUMBA_DISABLE_JIT"), "NUMBA_DISABLE_JIT=1: it is slow.", "unset NUMBA_DISABLE_JIT"),
    "setting of the program": (with_setting("NUMBA_OPT", False), "a .numba_config.yaml", None),
    "not kept": (
        with_facts(cache=replace(CACHE, trouble="It is full.")),
        "It is full. Where code is not kept, every process compiles it again.",
        'export NUMBA_CACHE_DIR="/home/me/numba-cache"',
    ),
    "not kept, Windows": (
        with_facts(cache=replace(CACHE, trouble="It is full."), cpu=WINDOWS),
        "It is full.",
        "set NUMBA_CACHE_DIR=/home/me/numba-cache",
    ),
    "damaged": (with_facts(cache=replace(CACHE, damaged=("a",))), "Damaged files", "fastconv cache clear"),
    "cold": (COMPILED, "One function had to be compiled for these checks, which took 5 s", "fastconv warmup"),
    "few cores": (with_threads(usable_cores=1, fastconv=1), "may run on 1 of the machine's 4", "taskset -cp 0-3 $$"),
    "quota": (
        with_threads(quota=1.5),
        "1.5 cores' worth of time, and a call uses up to 4",
        "export NUMBA_NUM_THREADS=1",
    ),
    "few threads": (
        with_threads(fastconv=1, numba_num_threads="1"),
        "NUMBA_NUM_THREADS is 1, so calls use 1 core of 4.",
        "unset NUMBA_NUM_THREADS",
    ),
    "many threads": (
        with_threads(fastconv=9, numba_num_threads="9"),
        "9 threads share 4 cores",
        "unset NUMBA_NUM_THREADS",
    ),
    "no helpers": (with_measured(helpers=1), "Of 3 threads beside the calling one only 1 could", "ulimit -u"),
    "no gain": (with_measured(flops_together=1.1e11), "4 threads are only 1.1 times as fast as one", None),
    "busy": (with_threads(load=7.25), "The load average is 7.2 and this process may use 4 cores", "top"),
    "emulated": (with_facts(cpu=replace(CPU, name="Apple M2", system="Darwin x86_64")), "is emulated here", None),
}


@pytest.mark.parametrize(("report", "text", "command"), ADVICE.values(), ids=ADVICE)
def test_advice(report: Report, text: str, command: str | None) -> None:
    advice = {piece.command: piece.text for piece in advise(report)}
    assert text in advice[command]


def test_every_advised_command_of_ours_exists() -> None:
    advised = [piece.command or "" for report, _, _ in ADVICE.values() for piece in advise(report)]
    ours = [command.split()[1] for command in advised if command.startswith("fastconv ")]
    assert len(ours) > 1
    assert set(ours) <= set(COMMANDS)


def test_no_advice_where_all_is_well() -> None:
    assert advise(REPORT) == []
    assert advise(with_threads(load=None)) == []
    assert advise(with_threads(quota=4.0)) == []
    assert advise(with_threads(fastconv=1, cores=1, usable_cores=1)) == []
    assert advise(with_threads(fastconv=2, usable_cores=4, quota=2.5, numba_num_threads="2")) == []


def test_files_are_not_to_be_removed_where_they_cannot_be() -> None:
    cache = replace(CACHE, damaged=("a",), trouble="It cannot be written.")
    assert [piece.command for piece in advise(with_facts(cache=cache))] == [
        f'export NUMBA_CACHE_DIR="{cache.elsewhere}"'
    ]


def test_a_busy_machine_is_not_blamed_on_threads() -> None:
    report = with_threads(load=9.0)
    [piece] = advise(replace(report, measured=replace(MEASURED, flops_together=1e11)))
    assert piece.command == "top"


def test_text_of_other_findings() -> None:
    facts = replace(
        FACTS,
        threads=replace(THREADS, quota=1.5, load=None),
        layers=replace(LAYERS, running="tbb"),
        cache=replace(
            CACHE, stale_files=1, stale_bytes=2_000_000, damaged=("It is bad.",) * 300, variants={"pool": ("()",)}
        ),
        runtimes=None,
    )
    report = replace(COMPILED, facts=facts, environment={"NUMBA_OPT": "3"})
    sections = [*fact_sections(report), *result_sections(report)]
    rows = {(section.title, row.label): row for section in sections for row in section.rows}
    text = {key: row.text for key, row in rows.items()}
    assert text["Threads", "cores"] == "4, of which this process may use 4, and 1.5 cores' worth of time"
    assert ("Threads", "load") not in text
    assert text["Numba's threading layers", "running"] == "tbb"
    assert text["Numba's threading layers", "tbb"] == "cannot be loaded: it is missing"
    assert text["Compile cache", "stale"] == "1 file (2.00 MB) for others; `fastconv cache clear --stale` removes them"
    damaged = [row for section in sections for row in section.rows if row.label == "damaged"]
    assert [(row.text, row.mood) for row in damaged] == [("300 files, such as this one: It is bad.", "bad")]
    assert text["Libraries with threads of their own in this process", ""].startswith("unknown")
    assert text["Compiled functions", "conv"] == "1 here, 0 on disk: int64"
    assert text["Compiled functions", "pool"] == "0 here, 1 on disk: int64"
    assert text["Environment", "NUMBA_OPT"] == "3"
    kernels = as_json(report, [])["kernels"]
    assert {kernel["name"]: (len(kernel["variants"]), len(kernel["on_disk"])) for kernel in kernels} == {
        "conv": (1, 0),
        "pool": (0, 1),
    }


MISSING = {"tbb": "it is missing", "omp": None, "workqueue": None}
PRIORITY = ["tbb", "omp", "workqueue"]


@pytest.mark.parametrize(
    ("wanted", "priority", "troubles", "layer", "reason"),
    [
        ("default", PRIORITY, MISSING, "omp", "it is the first of tbb, omp, workqueue that can be loaded"),
        ("default", PRIORITY[::-1], MISSING, "workqueue", "it is the first of workqueue, omp, tbb that can be loaded"),
        ("omp", PRIORITY, MISSING, "omp", "NUMBA_THREADING_LAYER asks for omp"),
        ("tbb", PRIORITY, MISSING, None, "NUMBA_THREADING_LAYER asks for tbb, which cannot be loaded"),
        ("safe", PRIORITY, MISSING, None, "none of tbb can be loaded, as NUMBA_THREADING_LAYER asks for a safe one"),
        ("threadsafe", PRIORITY, MISSING, "omp", "it is the first of tbb, omp that can be loaded, as NUMBA_THREADING_"),
        ("omp", ["omp", "tbb"], MISSING, None, "NUMBA_THREADING_LAYER_PRIORITY has to name tbb, omp, workqueue"),
        ("fast", PRIORITY, MISSING, None, "NUMBA_THREADING_LAYER is 'fast', which Numba does not know"),
    ],
)
def test_choice_of_a_layer(
    wanted: str, priority: list[str], troubles: dict[str, str | None], layer: str | None, reason: str
) -> None:
    found, why = choice(wanted, priority, troubles)
    assert found == layer
    assert why.startswith(reason)


NUMBAS_CHOICE = """
import numba, numpy, sys
from fastconv.cli.doctor_layers import layers
@numba.njit(parallel=True)
def double(x):
    for i in numba.prange(x.size):
        x[i] *= 2
before = layers()
assert before.running is None
try:
    double(numpy.ones(9))
    started = numba.threading_layer()
except ValueError:
    started = None
assert before.choice == started, (before, started)
assert layers().running == started
"""


@pytest.mark.parametrize("wanted", ["default", "tbb", "safe", *nightly("omp", "workqueue", "threadsafe", "forksafe")])
def test_choice_is_the_one_that_numba_makes(wanted: str) -> None:
    env = os.environ | {"NUMBA_THREADING_LAYER": wanted}
    done = subprocess.run([sys.executable, "-c", NUMBAS_CHOICE], env=env, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr


MAPS = """\
7f8e1c000000-7f8e1c021000 rw-p 00000000 00:00 0
7f8e20000000-7f8e20001000 r-xp 00000000 fd:01 123 /usr/lib/libgomp.so.1.0.0
7f8e20001000-7f8e20002000 rw-p 00001000 fd:01 123 /usr/lib/libgomp.so.1.0.0
7f8e21000000-7f8e21001000 r-xp 00000000 fd:01 124 /a folder/torch/lib/libgomp-a34b3233.so.1
7f8e22000000-7f8e22001000 r-xp 00000000 fd:01 125 /opt/libiomp5.so
7f8e23000000-7f8e23001000 r-xp 00000000 fd:01 126 /opt/libomp.so (deleted)
7f8e24000000-7f8e24001000 r-xp 00000000 fd:01 127 /opt/libtbb.so.12.11
7f8e25000000-7f8e25001000 r-xp 00000000 fd:01 128 /opt/numpy.libs/libscipy_openblas64_-99b71e71.so
7f8e26000000-7f8e26001000 r-xp 00000000 fd:01 129 /opt/libtbbmalloc.so.2
7f8e27000000-7f8e27001000 r-xp 00000000 fd:01 130 /usr/lib/libc.so.6
7ffd5b5f0000-7ffd5b611000 rw-p 00000000 00:00 0 [stack]
"""


def test_libraries_with_threads(tmp_path: Path) -> None:
    maps = tmp_path / "maps"
    assert doctor_host.runtimes(maps) is None
    maps.write_text(MAPS)
    found = doctor_host.runtimes(maps)
    assert found is not None
    assert {(runtime.name, Path(runtime.path).name) for runtime in found} == {
        ("GNU OpenMP", "libgomp.so.1.0.0"),
        ("GNU OpenMP", "libgomp-a34b3233.so.1"),
        ("Intel OpenMP", "libiomp5.so"),
        ("LLVM OpenMP", "libomp.so (deleted)"),
        ("TBB", "libtbb.so.12.11"),
        ("OpenBLAS", "libscipy_openblas64_-99b71e71.so"),
    }
    assert any(runtime.path.startswith("/a folder/") for runtime in found)


@pytest.mark.parametrize(
    ("membership", "files", "cores"),
    [
        ("0::/", {"cpu.max": "150000 100000\n"}, 1.5),
        ("0::/", {"cpu.max": "max 100000\n"}, None),
        ("0::/a/b", {"a/cpu.max": "200000 100000\n", "a/b/cpu.max": "max 100000\n"}, 2),
        ("0::/a/b", {"a/cpu.max": "200000 100000\n", "a/b/cpu.max": "50000 100000\n"}, 0.5),
        ("0::/not/here", {"cpu.max": "400000 100000\n"}, 4),
        ("0::/../..", {"cpu.max": "400000 100000\n"}, 4),
        (
            "4:cpu,cpuacct:/docker/1\n0::/",
            {"cpu,cpuacct/docker/1/cpu.cfs_quota_us": "300000", "cpu,cpuacct/docker/1/cpu.cfs_period_us": "100000"},
            3,
        ),
        ("1:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ("1:cpuset:/\n", {"cpuset/cpu.cfs_quota_us": "1\n", "cpuset/cpu.cfs_period_us": "100000\n"}, None),
    ],
)
def test_core_quota(membership: str, files: dict[str, str], cores: float | None, tmp_path: Path) -> None:
    groups = tmp_path / "cgroup"
    groups.mkdir()
    for name, text in files.items():
        (groups / name).parent.mkdir(parents=True, exist_ok=True)
        (groups / name).write_text(text)
    (tmp_path / "membership").write_text(membership)
    assert doctor_host.core_quota(tmp_path / "membership", groups) == cores
    assert doctor_host.core_quota(tmp_path / "nothing", groups) is None
