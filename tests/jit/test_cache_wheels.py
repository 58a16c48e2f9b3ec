"""An upgraded package never runs the old one's code, also where only a helper differs that kernels call."""

import base64
import hashlib
import json
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import numba
import numpy as np
import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "src" / "fastconv"
HELPERS = PACKAGE / "kernels" / "activation.py"


def build_wheel(folder: Path, helpers: str) -> Path:
    """A wheel of this package with another text of one file; written here, so that nothing has to be downloaded."""
    files = {
        f"fastconv/{path.relative_to(PACKAGE).as_posix()}": path.read_bytes()
        for path in sorted(PACKAGE.rglob("*"))
        if path.is_file() and path.suffix != ".pyc"
    }
    assert "fastconv/kernels/activation.py" in files
    files["fastconv/kernels/activation.py"] = helpers.encode()
    about = "fastconv-0.1.0.dist-info"
    files[f"{about}/METADATA"] = b"Metadata-Version: 2.1\nName: fastconv\nVersion: 0.1.0\n"
    files[f"{about}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    record = [
        f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(text).digest()).rstrip(b'=').decode()},{len(text)}"
        for name, text in files.items()
    ]
    files[f"{about}/RECORD"] = "\n".join([*record, f"{about}/RECORD,,", ""]).encode()
    folder.mkdir()
    wheel = folder / "fastconv-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return wheel


class Environment:
    """A fresh environment with Numba and NumPy of this one, and one cache directory."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder / "venv", symlinks=os.name != "nt")
        self.python = folder / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        self.settings = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
        self.settings["NUMBA_CACHE_DIR"] = str(folder / "cache")
        site = Path(self.run("-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])").strip())
        homes = {Path(module.__file__).resolve().parents[1] for module in (numba, np)}
        (site / "dependencies.pth").write_text("\n".join(map(str, sorted(homes))))

    def run(self, *arguments: str) -> str:
        """What Python prints in this environment."""
        command = [str(self.python), *arguments]
        ran = subprocess.run(command, env=self.settings, capture_output=True, text=True, cwd=self.python.parent)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    def install(self, wheel: Path) -> None:
        """Install a wheel in place of what there is."""
        pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--python", str(self.python)]
        install = ["install", "--no-deps", "--no-index", "--force-reinstall", str(wheel)]
        subprocess.run([*pip, *install], check=True, env=self.settings)

    def answer(self) -> float:
        """One number that the helper decides, from a compiled or a loaded kernel."""
        code = """
import numpy as np, fastconv as fc
print(fc.__file__)
print(fc.conv1d(np.full((1, 1, 4), 100.0, np.float32), np.ones((1, 1, 1), np.float32), activation="relu6")[0, 0, 0])
"""
        where, number = self.run("-c", code).split()
        assert Path(where).is_relative_to(self.python.parents[1]), "the environment runs another fastconv"
        return float(number)

    def kept(self) -> dict[str, int]:
        """How many files of the cache this fastconv has a use for, and how many it has not."""
        info = json.loads(self.run("-m", "fastconv", "cache", "info", "--json"))
        return {kind: info[kind]["files"] for kind in ("current", "stale")}


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return Environment(tmp_path)


@pytest.mark.nightly
def test_upgraded_package_gives_the_new_answer(environment: Environment, tmp_path: Path) -> None:
    text = HELPERS.read_text()
    old, new = "(6 if value > 6 else value)", "(5 if value > 5 else value)"
    assert text.count(old) == 1
    first = build_wheel(tmp_path / "first", text)
    second = build_wheel(tmp_path / "second", text.replace(old, new))

    environment.install(first)
    assert environment.answer() == 6
    count = environment.kept()["current"]
    assert environment.kept() == {"current": count, "stale": 0}
    assert count > 0

    environment.install(second)
    assert environment.kept() == {"current": 0, "stale": count}
    assert environment.answer() == 5
    assert environment.kept() == {"current": count, "stale": count}

    environment.install(first)
    assert environment.kept() == {"current": count, "stale": count}
    assert environment.answer() == 6
    assert environment.kept() == {"current": count, "stale": count}, "the first one's code was there already"
