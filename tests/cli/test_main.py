"""The command line as a whole: commands, exit codes, and what an import costs."""

import subprocess
import sys
from importlib.metadata import version

import pytest

from fastconv.cli import demo_command, extras
from fastconv.cli.main import COMMANDS, main


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"fastconv {version('fastconv')}\n"


def test_module_runs_and_starts_light():
    ran = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "fastconv", "--version"], capture_output=True, text=True, check=True
    )
    assert ran.stdout == f"fastconv {version('fastconv')}\n"
    imported = {line.rpartition("|")[2].strip() for line in ran.stderr.splitlines()}
    assert "fastconv.cli.main" in imported
    assert not imported & {"numpy", "numba", "matplotlib", "rich", "scipy", "PIL"}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name, capsys):
    assert main([name, "--help"]) == 0
    assert f"fastconv {name}" in capsys.readouterr().out
    assert main(["--help"]) == 0
    assert name in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ([], "commands:"),
        (["nonsense"], "invalid choice"),
        (["demo", "--nonsense"], "unrecognized arguments"),
        (["demo", "--threads", "two"], "invalid int"),
        (["demo", "--no-plot", "--out", "x.png"], "not allowed with"),
    ],
)
def test_bad_usage(argv, said, capsys):
    assert main(argv) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert said in printed.err


def test_interrupt_ends_without_a_traceback(monkeypatch, capsys):
    def interrupted(arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(demo_command, "run", interrupted)
    assert main(["demo"]) == 130
    assert capsys.readouterr().err == "fastconv demo: interrupted\n"


def test_stop_is_one_sentence(monkeypatch, capsys):
    def stopped(arguments):
        raise extras.Stop("this cannot be")

    monkeypatch.setattr(demo_command, "run", stopped)
    assert main(["demo"]) == 2
    assert capsys.readouterr().err == "fastconv demo: this cannot be\n"


def test_errors_of_the_program_itself_stay_visible(monkeypatch):
    def broken(arguments):
        raise ZeroDivisionError

    monkeypatch.setattr(demo_command, "run", broken)
    with pytest.raises(ZeroDivisionError):
        main(["demo"])


def test_require_names_the_extra():
    with pytest.raises(extras.Stop, match=r"^It needs X, which is not installed: pip install 'fastconv\[demo\]'$"):
        extras.require("no_such_module_anywhere", "demo", "It needs X")


def test_require_names_what_is_missing_inside(tmp_path, monkeypatch):
    (tmp_path / "half_installed_module.py").write_text("import no_such_module_anywhere\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(extras.Stop, match="there is no no_such_module_anywhere"):
        extras.require("half_installed_module", "demo", "It needs X")


def test_require_reports_a_broken_module(tmp_path, monkeypatch):
    (tmp_path / "broken_module.py").write_text("from os import no_such_name\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(extras.Stop, match="installed but does not import: cannot import name"):
        extras.require("broken_module", "demo", "It needs X")
