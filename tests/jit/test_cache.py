"""Compiled code on disk: found again, never stale, never fatal."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from numba import njit

from fastconv.jit import cache, cache_files, pool
from fastconv.jit.cache import CompileCache
from fastconv.jit.kernel import Kernel


def body(begin, end, x, y):
    for i in range(begin, end):
        y[i] = 2 * x[i]


def run(name: str = "double", options: str = "", dtype: type = np.float64) -> tuple[list[float], int]:
    """Results of a new function, and how many of its compiled forms came from disk."""
    function = njit(nogil=True)(body)
    function._cache = CompileCache(name, options)
    y = np.zeros(3, dtype)
    function(0, 3, np.array([1, 2, 3], dtype), y)
    return y.tolist(), sum(function.stats.cache_hits.values())


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "_warned", set())
    return tmp_path / "cache" / "fastconv"


def files(directory: Path) -> list[Path]:
    return sorted(directory.iterdir())


def test_second_function_loads_what_the_first_compiled(directory: Path) -> None:
    assert run() == ([2, 4, 6], 0)
    assert len(files(directory)) == 1
    assert run() == ([2, 4, 6], 1)


def test_loaded_kernels_run_in_parallel() -> None:
    for _ in range(2):
        kernel = Kernel(body, "double")
        x, y = np.arange(1000.0), np.zeros(1000)
        kernel.run(1000, 1e9, x, y)
        assert y.tolist() == (2 * x).tolist()
    assert sum(kernel.body.stats.cache_hits.values()) == 1


def test_another_name_option_or_type_is_another_file(directory: Path) -> None:
    for count, asked in enumerate([{}, {"name": "other"}, {"options": "fastmath"}, {"dtype": np.float32}], start=1):
        assert run(**asked)[1] == 0
        assert len(files(directory)) == count


@pytest.mark.parametrize(
    ("module", "name", "value"),
    [
        ("fastconv.jit.cache", "_digest_of_files", lambda: "another package"),
        ("fastconv.jit.cache", "machine", lambda: "another machine"),
        ("numba", "__version__", "0.67.9"),
        ("llvmlite", "__version__", "0.1"),
        ("numpy", "__version__", "2.0.1"),
        ("platform", "python_version", lambda: "3.11.99"),
        ("sys", "abiflags", "t"),
        ("numba.config", "SLP_VECTORIZE", 1),
        ("numba.config", "BOUNDSCHECK", 1),
        ("numba.config", "A_SETTING_OF_A_FUTURE_NUMBA", 1),
        ("numba.config", "CPU_NAME", "another"),
        ("numba.core.codegen.JITCPUCodegen", "magic_tuple", lambda self: ("system", "cpu", "+features")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_circumstance_is_part_of_the_name(
    directory: Path, monkeypatch: pytest.MonkeyPatch, module, name, value
) -> None:
    run()
    with monkeypatch.context() as patch:
        patch.setattr(f"{module}.{name}", value, raising=False)
        cache.package_digest.cache_clear()
        assert run() == ([2, 4, 6], 0)
        assert run() == ([2, 4, 6], 1)
    cache.package_digest.cache_clear()
    assert run() == ([2, 4, 6], 1)
    assert len(files(directory)) == 2


@pytest.mark.parametrize("name", ["NUMBA_NUM_THREADS", "THREADING_LAYER", "CACHE_DIR"])
def test_settings_that_change_no_code_share_files(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run()
    monkeypatch.setattr(f"numba.config.{name}", "another")
    assert run() == ([2, 4, 6], 1)


def test_digest_of_the_package_sees_every_source_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    package = tmp_path / "package"
    (package / "jit").mkdir(parents=True)
    monkeypatch.setattr(cache, "__file__", str(package / "jit" / "cache.py"))
    assert cache._digest_of_files() is None, "no source, so nobody knows which code this is"
    digests = []
    for path, text in [
        ("jit/cache.py", ""),
        ("helper.py", "x = 1"),
        ("helper.py", "x = 2"),
        ("other.py", "x = 2"),
        ("jit/deep.py", "x = 2"),
    ]:
        (package / path).write_text(text)
        digests.append(cache._digest_of_files())
    (package / "helper.py").rename(package / "renamed.py")
    digests.append(cache._digest_of_files())
    assert None not in digests
    assert len(set(digests)) == 6
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "helper.pyc").write_text("")
    assert cache._digest_of_files() == digests[-1]
    monkeypatch.setattr(cache, "__file__", str(tmp_path / "archive.zip" / "jit" / "cache.py"))
    assert cache._digest_of_files() is None


def test_package_without_sources_runs_uncached(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "package_digest", lambda: None)
    assert run() == ([2, 4, 6], 0)
    assert run() == ([2, 4, 6], 0)
    assert not directory.exists()


def test_process_whose_package_was_replaced_runs_uncached(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run()
    monkeypatch.setattr(cache, "_digest_of_files", lambda: "another version's")
    assert run() == ([2, 4, 6], 0), "its caller may be of the other version"
    assert run("other") == ([2, 4, 6], 0)
    assert len(files(directory)) == 1


def flip(text: bytes, at: int) -> bytes:
    return text[:at] + bytes([text[at] ^ 1]) + text[at + 1 :]


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: b"",
        lambda text: text[:20],
        lambda text: text[:100],
        lambda text: text[:-1],
        lambda text: text + b"\0",
        lambda text: flip(text, len(text) - 9),
        lambda text: flip(text, 100),
        lambda text: flip(text, 30),
        lambda text: b"something else",
        lambda text: text.replace(b"kernel 2", b"kernel 3", 1),
        lambda text: cache_files.pack(text.split(b"\n")[1].decode() + " ", text.split(b"\n", 2)[2]),
    ],
    ids=[
        "empty",
        "within the head",
        "head only",
        "truncated",
        "too long",
        "a bit of the code",
        "a bit of the JSON",
        "a bit of the checksum",
        "foreign",
        "another format",
        "another file's text",
    ],
)
def test_damaged_files_are_compiled_again(directory: Path, damage) -> None:
    run()
    [file] = files(directory)
    file.write_bytes(damage(file.read_bytes()))
    assert run() == ([2, 4, 6], 0)
    assert run() == ([2, 4, 6], 1), "the file was not mended"


@pytest.mark.parametrize(
    "code", [b"", b"rubbish", b"\x80\x04N.", b"\x80\x04K*\x85."], ids=["0", "text", "None", "(42,)"]
)
def test_rubbish_with_a_right_checksum_is_compiled_again(directory: Path, code: bytes) -> None:
    run()
    [file] = files(directory)
    header, _ = cache_files.unpack(file.read_bytes())
    file.write_bytes(cache_files.pack(header, code))
    with pytest.warns(RuntimeWarning, match="cannot keep code compiled by numba"):
        assert run() == ([2, 4, 6], 0)
    assert run() == ([2, 4, 6], 1), "the file was not mended"


def test_directory_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file"))
    assert run() == ([2, 4, 6], 0)
    assert run() == ([2, 4, 6], 0)


def test_directory_that_vanishes(directory: Path) -> None:
    run()
    files(directory)[0].unlink()
    directory.rmdir()
    assert run() == ([2, 4, 6], 0)
    assert run() == ([2, 4, 6], 1)


def test_read_only_directory_is_still_read(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run()
    directory.chmod(0o500)

    def refuse(**where):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(cache_files.tempfile, "mkstemp", refuse)  # root is refused nothing
    assert run() == ([2, 4, 6], 1)
    assert run("other") == ([2, 4, 6], 0)
    assert run("other") == ([2, 4, 6], 0)
    directory.chmod(0o700)


def test_no_home_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("NUMBA_CACHE_DIR")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr("numba.config.CACHE_DIR", "")
    monkeypatch.setattr(Path, "home", unknown)
    assert run() == ([2, 4, 6], 0)
    assert run() == ([2, 4, 6], 0)
    assert CompileCache("a", "").cache_path == ""


def test_full_disk_at_the_rename_leaves_nothing_behind(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache_files.os, "replace", full)
    assert run() == ([2, 4, 6], 0)
    assert files(directory) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows limits no file's size")
def test_full_disk_while_writing_leaves_nothing_behind(directory: Path) -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, before[1]))
    try:
        assert run() == ([2, 4, 6], 0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert files(directory) == []
    assert run() == ([2, 4, 6], 0)
    assert run() == ([2, 4, 6], 1)


def test_interrupt_while_writing_leaves_nothing_behind(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(cache_files.os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run()
    assert files(directory) == []


posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has other rights")


@posix
def test_directory_is_made_for_its_user_alone(directory: Path) -> None:
    before = os.umask(0)
    try:
        run()
    finally:
        os.umask(before)
    assert directory.stat().st_mode & 0o777 == 0o700
    assert files(directory)[0].stat().st_mode & 0o777 == 0o600


@posix
@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o770])
def test_directory_that_others_can_write_is_not_trusted(directory: Path, mode: int) -> None:
    run()
    directory.chmod(mode)
    with pytest.warns(RuntimeWarning, match=r"neither loads nor keeps .* which can be written by other users"):
        assert run() == ([2, 4, 6], 0)
    assert run("other") == ([2, 4, 6], 0)  # a second warning would be an error here
    assert len(files(directory)) == 1
    directory.chmod(0o755)
    assert run() == ([2, 4, 6], 1)


@posix
def test_directory_of_another_user_is_not_trusted(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run()
    somebody = os.geteuid() + 1
    if os.geteuid() == 0:  # root's files are everybody's to trust
        os.chown(directory, somebody, -1)
    else:
        monkeypatch.setattr(cache.os, "geteuid", lambda: somebody)
    with pytest.warns(RuntimeWarning, match="which belongs to another user"):
        assert run() == ([2, 4, 6], 0)
    assert run("other") == ([2, 4, 6], 0)
    assert len(files(directory)) == 1


@posix
def test_file_that_others_could_have_written_is_not_loaded(directory: Path) -> None:
    run()
    files(directory)[0].chmod(0o666)
    assert run() == ([2, 4, 6], 0)
    assert run() == ([2, 4, 6], 1), "the file was not exchanged"


def test_question_of_another_numba_is_answered_with_one_warning() -> None:
    kept = CompileCache("double", "")
    with pytest.warns(RuntimeWarning, match="cannot keep code compiled by numba"):
        assert kept.load_overload("a signature", "a context", "something new") is None
    kept.save_overload("a signature", result="something")  # a second warning would be an error here
    kept.flush()


def test_unknown_numba_loads_with_all_preparations(monkeypatch: pytest.MonkeyPatch) -> None:
    from numba.core.registry import cpu_target

    run()
    prepared = []
    monkeypatch.setattr(cpu_target.target_context, "refresh", lambda: prepared.append("refreshed"))
    assert run() == ([2, 4, 6], 1)
    assert prepared == []
    monkeypatch.setattr(cache, "_KNOWN", ((0, 50), (0, 60)))
    assert run() == ([2, 4, 6], 1)
    assert prepared == ["refreshed"]


def test_leftovers_of_killed_processes_are_removed_after_an_hour(directory: Path) -> None:
    directory.mkdir(mode=0o700, parents=True)
    old, young, foreign = (directory / name for name in ("0" * 64 + ".x.part", "1" * 64 + ".y.part", "mine.part"))
    for path in (old, young, foreign):
        path.write_text("half of")
    for path in (old, foreign):
        os.utime(path, (0, 0))
    cache_files._sweep.cache_clear()
    run()
    assert not old.exists()
    assert young.exists()
    assert foreign.exists()


def test_kernels_of_the_package_have_names_of_their_own() -> None:
    from fastconv.kernels import conv, csr, pool_rows, pool_slab
    from fastconv.kernels.pool_tile import pool_tiles

    found = [value for module in (conv, csr, pool_rows, pool_slab) for value in vars(module).values()]
    kernels = [k for k in (*found, *pool_tiles.values()) if isinstance(k, Kernel)]
    names = [kernel.name for kernel in kernels]
    assert len(names) >= 12
    assert len(set(names)) == len(names)
    assert pool._share_compiled._cache._function["kernel"] not in names
    assert os.path.isabs(pool._share_compiled._cache.cache_path)
