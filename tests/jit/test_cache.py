"""Compiled code on disk: found again, never stale, never fatal."""

import os
from pathlib import Path

import numpy as np
import pytest

from fastconv.jit import cache, pool
from fastconv.jit.kernel import Kernel


def body(begin, end, x, y):
    for i in range(begin, end):
        y[i] = 2 * x[i]


def run(name: str = "double") -> tuple[list[float], int]:
    """Results of a new kernel, and how many of its compiled functions came from disk."""
    kernel = Kernel(body, name)
    y = np.zeros(3)
    kernel.run(3, 0.0, np.array([1.0, 2, 3]), y)
    return y.tolist(), sum(kernel.body.stats.cache_hits.values())


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    return tmp_path / "fastconv"


def files(directory: Path) -> list[Path]:
    return sorted(directory.iterdir())


def test_second_kernel_loads_what_the_first_compiled(directory: Path) -> None:
    assert run() == ([2, 4, 6], 0)
    assert len(files(directory)) == 1
    assert run() == ([2, 4, 6], 1)


def test_loaded_kernels_run_in_parallel() -> None:
    run()
    kernel = Kernel(body, "double")
    x, y = np.arange(1000.0), np.zeros(1000)
    kernel.run(1000, 1e9, x, y)
    assert y.tolist() == (2 * x).tolist()


def test_another_name_package_setting_or_cpu_is_another_file(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run()
    assert run("other")[1] == 0
    monkeypatch.setattr(cache, "_surroundings", lambda: "another package")
    assert run()[1] == 0
    assert len(files(directory)) == 3


def test_surroundings_tell_a_changed_package_and_setting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = cache._surroundings.__wrapped__()
    monkeypatch.setenv("NUMBA_OPT", "1")
    assert cache._surroundings.__wrapped__() != before
    monkeypatch.delenv("NUMBA_OPT")
    monkeypatch.setenv("NUMBA_NUM_THREADS", "7")
    assert cache._surroundings.__wrapped__() == before
    package = tmp_path / "package"
    (package / "jit").mkdir(parents=True)
    (package / "jit" / "cache.py").write_text("")
    monkeypatch.setattr(cache, "__file__", str(package / "jit" / "cache.py"))
    empty = cache._surroundings.__wrapped__()
    (package / "helper.py").write_text("x = 1")
    one = cache._surroundings.__wrapped__()
    (package / "helper.py").write_text("x = 2")
    assert len({before, empty, one, cache._surroundings.__wrapped__()}) == 4


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: b"",
        lambda text: text[:20],
        lambda text: text[:-1],
        lambda text: text[:-9] + bytes([text[-9] ^ 1]) + text[-8:],
        lambda text: b"something else",
    ],
    ids=["empty", "head only", "truncated", "a bit flipped", "foreign"],
)
def test_damaged_files_are_compiled_again(directory: Path, damage) -> None:
    run()
    [file] = files(directory)
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    assert run() == ([2, 4, 6], 0)
    assert run() == ([2, 4, 6], 1), "the file was not mended"


def test_directory_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file"))
    assert run() == ([2, 4, 6], 0)
    assert run() == ([2, 4, 6], 0)


def test_full_disk_leaves_nothing_behind(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache.os, "replace", full)
    assert run() == ([2, 4, 6], 0)
    assert files(directory) == []


def test_another_numba_works_uncached_with_one_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    from numba.core.compiler import CompileResult

    def changed(self):
        raise AttributeError("no such thing any more")

    cache._warn_once.cache_clear()
    monkeypatch.setattr(CompileResult, "_reduce", changed)
    with pytest.warns(RuntimeWarning, match="cannot keep code compiled by numba"):
        assert run() == ([2, 4, 6], 0)
    assert run() == ([2, 4, 6], 0)  # a second warning would be an error here


def test_default_directory_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    monkeypatch.setattr(cache.sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.cache_directory() == tmp_path / "fastconv"


def test_kernels_of_the_package_have_names_of_their_own() -> None:
    from fastconv.kernels import conv, csr, pool_rows, pool_slab

    kernels = [
        k for module in (conv, csr, pool_rows, pool_slab) for k in vars(module).values() if isinstance(k, Kernel)
    ]
    names = [kernel.name for kernel in kernels]
    assert len(names) >= 12
    assert len(set(names)) == len(names)
    assert pool._share_compiled._cache._function[0] not in names
    assert os.path.isabs(pool._share_compiled._cache.cache_path)
