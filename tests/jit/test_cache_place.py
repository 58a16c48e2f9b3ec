"""Where compiled code is kept on which system, and what is trusted."""

import os
import stat
from pathlib import Path
from types import SimpleNamespace

import pytest

from fastconv.jit import cache_place
from fastconv.jit.cache_place import objection, place


@pytest.fixture(autouse=True)
def nothing_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("numba.config.CACHE_DIR", "")
    monkeypatch.setattr(Path, "home", lambda: Path("/home/somebody"))


@pytest.mark.parametrize(
    ("system", "expected"),
    [
        ("linux", "/home/somebody/.cache/fastconv"),
        ("freebsd14", "/home/somebody/.cache/fastconv"),
        ("darwin", "/home/somebody/Library/Caches/fastconv"),
        ("win32", "/home/somebody/AppData/Local/fastconv"),
    ],
)
def test_default_is_the_users_own(system: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_place.sys, "platform", system)
    found = place()
    assert found.directory == Path(expected)
    assert found.reason == "it is the user's cache directory"


def test_what_is_set_goes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cache_place.sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative, so not to be followed")
    assert place().directory == Path("/home/somebody/.cache/fastconv")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert place() == cache_place.Place(tmp_path / "xdg" / "fastconv", "XDG_CACHE_HOME is set")
    monkeypatch.setattr("numba.config.CACHE_DIR", str(tmp_path / "file"))
    assert place() == cache_place.Place(tmp_path / "file" / "fastconv", "Numba's configuration has CACHE_DIR")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "numba"))
    assert place() == cache_place.Place(tmp_path / "numba" / "fastconv", "NUMBA_CACHE_DIR is set")
    monkeypatch.setenv("NUMBA_CACHE_DIR", "relative")
    assert place().directory == Path.cwd() / "relative" / "fastconv"


def test_numba_without_that_setting_has_said_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("numba.config.CACHE_DIR")
    monkeypatch.setattr(cache_place.sys, "platform", "linux")
    assert place().directory == Path("/home/somebody/.cache/fastconv")


@pytest.mark.parametrize(
    ("owner", "mode", "expected"),
    [
        (1000, 0o700, None),
        (1000, 0o755, None),
        (0, 0o755, None),
        (1001, 0o700, "belongs to another user"),
        (1000, 0o770, "can be written by other users"),
        (1000, 0o707, "can be written by other users"),
        (0, 0o1777, "can be written by other users"),
    ],
)
def test_objection(owner: int, mode: int, expected: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000, raising=False)
    monkeypatch.setattr(cache_place.sys, "platform", "linux")
    status = SimpleNamespace(st_uid=owner, st_mode=stat.S_IFDIR | mode)
    assert objection(status) == expected
    monkeypatch.setattr(cache_place.sys, "platform", "win32")
    assert objection(status) is None
