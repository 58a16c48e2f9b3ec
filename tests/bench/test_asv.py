"""The benchmark suite: a configuration that asv understands, and benchmarks that import, are distinct and run."""

from __future__ import annotations

import itertools
import math
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("asv", reason="asv is not installed")

from asv.config import Config
from asv.util import load_json
from asv_runner.discovery import disc_benchmarks

ROOT = Path(__file__).parents[2]
SUITE = ROOT / "asv_bench"
CONFIG = load_json(str(ROOT / "asv.conf.json"), js_comments=True)

# asv would put an importer of its own in front of all others, which the tests of other files would stumble over.
sys.path.insert(0, str(ROOT))
BENCHMARKS = list(disc_benchmarks(str(SUITE)))
NAMES = [benchmark.name for benchmark in BENCHMARKS]

from asv_bench import shapes  # noqa: E402

# They wait for kernels of their own to compile, and differ little from benchmarks that do not.
SLOW = {"conv.Fused.time_bias_relu", "pool.Gradients.time_call", "pool.Indices.time_call", "pool.Windows.time_call"}

# Stands for a commit in which nothing can be imported but NumPy.
BARE_COMMIT = """
import os, sys
sys.modules["scipy"] = sys.modules["fastconv"] = sys.modules["numba"] = None
from asv_runner._aux import update_sys_path
from asv_runner.discovery import disc_benchmarks
update_sys_path(sys.argv[1])
print(len(list(disc_benchmarks(sys.argv[1]))), os.environ["NUMBA_CACHE_DIR"], os.environ["OPENBLAS_NUM_THREADS"])
"""


def test_config_has_only_keys_that_asv_knows() -> None:
    import asv

    template = (Path(asv.__file__).parent / "template" / "asv.conf.json").read_text()
    documented = set(re.findall(r'^\s*(?://\s*)?"(\w+)":', template, re.MULTILINE))
    assert CONFIG.keys() <= documented | vars(Config()).keys()
    assert CONFIG["matrix"].keys() <= {"req", "env", "env_nobuild"}


def test_config_writes_only_where_git_ignores() -> None:
    assert (ROOT / CONFIG["benchmark_dir"]).samefile(SUITE)
    assert ".asv/" in (ROOT / ".gitignore").read_text().split()
    assert all(CONFIG[key].startswith(".asv/") for key in ("env_dir", "results_dir", "html_dir"))


def test_each_benchmark_has_one_threshold() -> None:
    patterns = CONFIG["regressions_thresholds"]
    matches = {name: [pattern for pattern in patterns if re.match(pattern, name)] for name in NAMES}
    assert {name for name, found in matches.items() if len(found) != 1} == set()
    assert {pattern for found in matches.values() for pattern in found} == set(patterns)


def test_names_are_unique_and_each_module_measures() -> None:
    assert len(NAMES) == len(set(NAMES))
    others = {"__init__", "shapes", "fixtures", "peers", "choices", "scipy_page"}
    modules = {path.stem for path in SUITE.glob("*.py")} - others
    assert {name.split(".")[0] for name in NAMES} == modules


def test_layer_names_are_unique() -> None:
    families = [value for value in vars(shapes).values() if isinstance(value, dict) and value is not shapes.LAYERS]
    layers = [name for family in families for name, value in family.items() if isinstance(value, shapes.Layer)]
    assert sorted(layers) == sorted(shapes.LAYERS)


@pytest.mark.parametrize("benchmark", BENCHMARKS, ids=NAMES)
def test_parameters_are_named_and_tracks_have_versions(benchmark: Any) -> None:
    assert benchmark.check(str(SUITE))
    assert len(benchmark.param_names) == len(benchmark.params)
    assert not any(re.fullmatch(r"param\d+", name) for name in benchmark.param_names)  # asv's word for a missing name
    if benchmark.type == "track":
        assert benchmark.version.isdecimal()
        assert benchmark.unit != "unit"


def test_readme_names_each_file() -> None:
    readme = (SUITE / "README.md").read_text()
    assert [path.name for path in SUITE.glob("*.py") if f"`{path.name}`" not in readme] == []


def test_suite_imports_on_any_commit(tmp_path: Path) -> None:
    environment = {**os.environ, "ASV_COMMIT": "0123abcd", "ASV_ENV_DIR": str(tmp_path), "NUMBA_NUM_THREADS": "2"}
    environment.pop("OPENBLAS_NUM_THREADS", None)
    command = [sys.executable, "-c", BARE_COMMIT, str(SUITE)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(len(NAMES)), str(tmp_path / "numba-cache" / "0123abcd"), "2"]


def work(parameters: tuple[str, ...]) -> int:
    """Rough number of products that a set of parameters asks for; 0 if none of them names a shape."""
    found = [shapes.LAYERS.get(name) or shapes.MATRICES.get(name) for name in parameters]
    return sum(math.prod(shape.kernel) * _positions(shape) for shape in found if shape)


def _positions(shape: shapes.Layer | shapes.Matrix) -> int:
    if isinstance(shape, shapes.Matrix):
        return math.prod(shape.input_size)
    batch, channels, *spatial = shape.input
    return batch * math.prod(spatial) * (channels if shape.op.endswith("pool") else 1)


@contextmanager
def ready(name: str, parameters: tuple[str, ...] | None = None) -> Iterator[Any]:
    """A benchmark that is set up, by default with the parameters that ask for the least work."""
    benchmark = BENCHMARKS[NAMES.index(name)]
    sets = list(itertools.product(*benchmark._params))
    benchmark.set_param_idx(sets.index(parameters or min(sets, key=work)))
    try:
        if benchmark.do_setup():
            pytest.skip("the benchmark skips itself here")
        yield benchmark
    finally:
        benchmark.do_teardown()


def test_without_a_peer_benchmarks_skip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.ndimage", None)
    with pytest.raises(pytest.skip.Exception), ready("ratios.Layers.track_ratio", ("image 1024 3x3",)):
        pass


@pytest.mark.parametrize("name", [name for name in NAMES if name not in SLOW])
def test_smallest_parameters_run(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if name.startswith(("memory.", "compile_time.")):  # they compile in a process of their own, which takes long
        monkeypatch.setattr(subprocess, "run", lambda *args, **kwargs: None)
    with ready(name) as benchmark:
        monkeypatch.setattr(benchmark.func.__self__, "seconds", 0, raising=False)  # a ratio of the fewest pairs
        result = benchmark.func(*benchmark._current_params)
    if benchmark.type == "track":
        assert math.isfinite(result)
        assert result > 0
    if "timeraw_" in name:
        for code in (result,) if isinstance(result, str) else result:
            compile(code, name, "exec")
