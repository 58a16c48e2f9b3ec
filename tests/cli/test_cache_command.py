"""`fastconv cache`: what it shows, finds and removes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fastconv.cli.main import main
from fastconv.jit import cache_care, cache_files, cache_place


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache" / "fastconv"


def add(directory: Path, kernel: str, code: bytes = b"code", **differences: str) -> Path:
    """A file of the cache, made for this process but for some differences."""
    made_for = cache_care._here() | differences
    header = json.dumps({"kernel": kernel, "signature": str(len(code)), "options": "", "made_for": made_for})
    path = directory / cache_files.file_name(header)
    cache_files.write(path, cache_files.pack(header, code))
    return path


def report(capsys, *arguments: str) -> tuple[int, dict]:
    code = main(["cache", *arguments, "--json"])
    printed = capsys.readouterr()
    assert printed.err == ""
    return code, json.loads(printed.out)


def test_info_of_no_cache_yet(directory, capsys):
    assert report(capsys, "info") == (
        0,
        {
            "directory": str(directory),
            "reason": "NUMBA_CACHE_DIR is set",
            "current": {"files": 0, "bytes": 0, "kernels": {}},
            "stale": {"files": 0, "bytes": 0},
            "unfinished": 0,
            "trouble": None,
        },
    )
    assert not directory.exists()


def test_info_tells_current_from_stale(directory, capsys):
    current = [add(directory, "conv"), add(directory, "conv", b"longer"), add(directory, "pool")]
    stale = [add(directory, "conv", **{name: "another"}) for name in cache_care._here()]
    (directory / ("0" * 64 + ".kernel")).write_bytes(b"fastconv kernel 1\nas it used to be")
    (directory / ("1" * 64 + ".kernel")).write_bytes(cache_files.pack('{"kernel": "of a future"}', b""))
    (directory / ("2" * 64 + ".x.part")).write_bytes(b"half of")
    (directory / "notes.txt").write_bytes(b"of somebody")
    code, found = report(capsys, "info")
    assert code == 0
    assert found["current"] == {
        "files": 3,
        "bytes": sum(path.stat().st_size for path in current),
        "kernels": {"conv": 2, "pool": 1},
    }
    assert found["stale"]["files"] == len(stale) + 2
    assert found["unfinished"] == 1
    assert main(["cache", "info"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(
        f"Compiled code is kept in {directory}, because NUMBA_CACHE_DIR is set.\n  3 files (0.0 MB)"
    )
    assert "\n      2 of conv\n      1 of pool\n" in printed
    assert "1 unfinished" in printed
    assert printed.endswith("It can be loaded and added to.\n")


def test_info_finds_what_a_kernel_kept(capsys):
    # What the command takes for current is what compiled code is really kept under.
    code = "import numpy as np, fastconv as fc; fc.conv_matrix(np.ones((1, 1, 2)), (1, 3))"
    subprocess.run([sys.executable, "-c", code], check=True)
    _, found = report(capsys, "info")
    assert found["current"]["kernels"]
    assert found["stale"]["files"] == 0


def trouble(capsys) -> str:
    code, found = report(capsys, "info")
    assert code == 0
    main(["cache", "info"])
    assert capsys.readouterr().out.endswith(found["trouble"] + "\n")
    return found["trouble"]


def test_info_says_what_is_wrong_with_the_place(directory, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("os.access", lambda path, mode: False)  # root may write everywhere
    assert trouble(capsys) == f"Nothing more is kept: {tmp_path} cannot be written."
    monkeypatch.undo()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file"))
    (tmp_path / "file").write_text("")
    assert trouble(capsys) == f"Compiled code is not kept: {tmp_path / 'file'} is not a directory."
    monkeypatch.setattr("fastconv.jit.cache_care.place", lambda: cache_place.Place(None, "there is no home"))
    assert trouble(capsys) == "Compiled code is not kept: there is no home."


def test_info_says_what_is_wrong_with_the_process(capsys, monkeypatch):
    monkeypatch.setattr("fastconv.jit.cache.package_digest", lambda: None)
    assert trouble(capsys) == "Compiled code is not kept: fastconv's own source files cannot be read."
    monkeypatch.delattr("numba.core.registry.cpu_target")
    assert trouble(capsys) == "Compiled code is not kept: this Numba does not say what it was compiled for."


def test_info_says_that_the_disk_is_full(directory, capsys, monkeypatch):
    add(directory, "conv")
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 9_999_999}))
    assert trouble(capsys) == f"Nothing more is kept: the disk of {directory} is full."


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other rights")
def test_info_says_whom_it_does_not_trust(directory, capsys):
    add(directory, "conv")
    directory.chmod(0o777)
    assert trouble(capsys) == (f"Compiled code is neither loaded nor kept: {directory} can be written by other users.")


def test_verify_finds_every_damage(directory, capsys):
    assert report(capsys, "verify") == (0, {"directory": str(directory), "checked": 0, "damaged": []})
    good = add(directory, "good")
    old_format = directory / ("0" * 64 + ".kernel")
    old_format.write_bytes(b"fastconv kernel 1\nas it used to be")
    assert report(capsys, "verify")[0] == 0
    truncated, flipped, empty, renamed = (add(directory, kernel) for kernel in ("a", "b", "c", "d"))
    truncated.write_bytes(truncated.read_bytes()[:-1])
    flipped.write_bytes(flipped.read_bytes()[:-1] + b"x")
    empty.write_bytes(b"")
    renamed = renamed.rename(directory / ("1" * 64 + ".kernel"))
    folder = directory / ("2" * 64 + ".kernel")
    folder.mkdir()
    code, found = report(capsys, "verify")
    assert code == 1
    assert found["checked"] == 7
    checksum = "has another checksum than it was written with"
    assert {(bad["file"], bad["kernel"], bad["damage"]) for bad in found["damaged"]} == {
        (truncated.name, "a", checksum),
        (flipped.name, "b", checksum),
        (empty.name, "", "is not a file of this cache"),
        (renamed.name, "d", "has the name of another file"),
        (folder.name, "", "cannot be read (Is a directory)"),
    }
    assert main(["cache", "verify"]) == 1
    printed = capsys.readouterr().out
    assert f"{flipped} {checksum}.\n" in printed
    assert printed.endswith(f"2 of 7 files in {directory} hold what was written.\n")
    assert str(good) not in printed


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other rights")
def test_verify_finds_files_that_others_can_write(directory, capsys):
    path = add(directory, "conv")
    path.chmod(0o666)
    code, found = report(capsys, "verify")
    assert code == 1
    assert found["damaged"][0]["damage"] == f"cannot be read ({path} can be written by other users)"


def test_clear_removes_our_files_only(directory, capsys):
    paths = [add(directory, "conv"), add(directory, "conv", cpu="another"), directory / ("0" * 64 + ".x.part")]
    paths[-1].write_bytes(b"half of")
    foreign = [directory / "notes.txt", directory / "short.kernel", directory / "mine.part"]
    for path in foreign:
        path.write_bytes(b"of somebody")
    size = sum(path.stat().st_size for path in paths)
    assert report(capsys, "clear") == (0, {"directory": str(directory), "removed": 3, "bytes": size, "failures": []})
    assert sorted(directory.iterdir()) == sorted(foreign)
    assert main(["cache", "clear"]) == 0
    assert capsys.readouterr().out == f"Removed 0 files (0.0 MB) from {directory}.\n"


def test_clear_stale_leaves_what_this_process_uses(directory, capsys):
    keep = add(directory, "conv")
    for name in ("package", "cpu", "numba", "settings"):
        add(directory, "conv", **{name: "another"})
    (directory / ("0" * 64 + ".kernel")).write_bytes(b"fastconv kernel 1\nas it used to be")
    unfinished = directory / ("0" * 64 + ".x.part")
    unfinished.write_bytes(b"half of")
    code, found = report(capsys, "clear", "--stale")
    assert (code, found["removed"]) == (0, 5)
    assert sorted(directory.iterdir()) == sorted([keep, unfinished])


def test_clear_says_what_it_could_not_remove(directory, capsys):
    add(directory, "conv")
    folder = directory / ("0" * 64 + ".kernel")
    folder.mkdir()
    assert main(["cache", "clear"]) == 1
    failure, done = capsys.readouterr().out.splitlines()
    assert failure.startswith(f"{folder} could not be removed: ")
    assert done == f"Removed 1 file (0.0 MB) from {directory}."


@pytest.mark.parametrize("action", ["verify", "clear"])
def test_no_place_at_all(action, capsys, monkeypatch):
    monkeypatch.setattr("fastconv.jit.cache_place.place", lambda: cache_place.Place(None, "there is no home"))
    assert main(["cache", action]) == 2
    assert capsys.readouterr().err == "fastconv cache: there is no cache: there is no home\n"


def test_an_action_is_needed(capsys):
    assert main(["cache"]) == 2
    assert "required: ACTION" in capsys.readouterr().err


def test_verify_and_clear_need_no_numba(tmp_path):
    for action in ("verify", "clear"):
        code = (
            "import sys; from fastconv.cli.main import main; "
            f"assert main(['cache', '{action}']) == 0; assert 'numba' not in sys.modules"
        )
        subprocess.run([sys.executable, "-c", code], check=True)
