"""The demo: what it computes, what it prints, what it draws, and how it refuses."""

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout

import numba
import numpy as np
import pytest

from fastconv.cli import demo, demo_peers, race
from fastconv.cli.demo import CORNER, REACH, WINDOW
from fastconv.cli.main import main

Image = pytest.importorskip("PIL.Image")

HEIGHT, WIDTH = 52, 75  # neither is a multiple of the pooling window


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    noise = np.random.default_rng(0).integers(0, 60, (HEIGHT, WIDTH))
    planes = [rows * 3 + noise, columns * 2 + noise, np.where((rows // 13 + columns // 15) % 2, 200, 20) + noise // 2]
    path = tmp_path_factory.mktemp("demo") / "small.png"
    Image.fromarray(np.stack([*planes, rows], axis=-1).clip(0, 255).astype(np.uint8)).save(path)
    return str(path)


def command(*argv):
    """Exit code, stdout, stderr."""
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
        code = main(["demo", *argv])
    return code, out.getvalue(), err.getvalue()


@pytest.fixture(scope="module")
def document(image):
    code, out, err = command(image, "--json", "--threads", "1")
    assert code == 0, err
    return json.loads(out)


@pytest.fixture
def quick(monkeypatch):
    """Races without timing, for tests that are about something else."""

    def outcome(race_, budget=0):
        ours = race.Result("fastconv", "ours()", 0.001, 1.0, 0.0)
        return race.Timing(race_.name, race_.title, 3, (ours, race.Result("NumPy", "theirs()", 0.0123, 12.3, 0.0)))

    monkeypatch.setattr(race, "run_race", outcome)


def test_json_states_the_image_and_the_machine(document):
    assert document["image"] == {
        "name": "small.png",
        "size": [HEIGHT, WIDTH],
        "original_size": [HEIGHT, WIDTH],
        "reduced": False,
    }
    assert document["machine"]["threads"] == 1
    assert document["machine"]["cores"] >= 1
    assert {"python", "fastconv", "numba", "numpy"} <= set(document["versions"])
    assert document["disagreements"] == []
    assert document["picture"] is None
    assert numba.get_num_threads() == numba.config.NUMBA_NUM_THREADS  # --threads 1 ended with the command


def test_json_shapes(document):
    subjects, small = document["subjects"], [3, HEIGHT // WINDOW, WIDTH // WINDOW]
    back = [3, small[1] * WINDOW, small[2] * WINDOW]
    shapes = {name: (subject["input_shape"], subject["output_shape"]) for name, subject in subjects.items()}
    assert shapes == {
        "blur": ([3, HEIGHT, WIDTH], [3, HEIGHT, WIDTH]),
        "edges": ([1, HEIGHT, WIDTH], [2, HEIGHT, WIDTH]),
        "max_pool": ([3, HEIGHT, WIDTH], small),
        "avg_pool": ([3, HEIGHT, WIDTH], small),
        "upsample": (small, back),
        "matrix": ([HEIGHT * WIDTH], [HEIGHT * WIDTH]),
    }
    assert all(subject["first_call_seconds"] > 0 for subject in subjects.values())


def test_json_matrix(document):
    matrix = document["subjects"]["matrix"]

    def distinct(n):  # mirrored taps that meet are one entry
        mirrored = np.pad(np.arange(n), REACH, mode="reflect")
        return sum(len(set(mirrored[i : i + 2 * REACH + 1])) for i in range(n))

    assert matrix["shape"] == [HEIGHT * WIDTH] * 2
    assert matrix["nnz"] == distinct(HEIGHT) * distinct(WIDTH)
    assert matrix["build_seconds"] > 0
    assert matrix["bytes"] >= 8 * matrix["nnz"]
    assert 0 <= matrix["largest_difference_to_conv2d"] < 1e-5
    assert 0 < document["subjects"]["upsample"]["mean_absolute_difference"] < 0.2
    assert 10 < document["subjects"]["upsample"]["psnr_db"] < 40


def test_json_timings(document):
    assert [timing["name"] for timing in document["timings"]] == list(demo_peers.TITLES)
    for timing in document["timings"]:
        ours, *others = timing["results"]
        assert ours["library"] == "fastconv"
        assert ours["times_as_long"] == 1
        assert timing["rounds"] >= 3
        for other in others:
            assert other["error"] is None
            assert other["times_as_long"] == pytest.approx(other["seconds"] / ours["seconds"])
    peers = {result["library"] for timing in document["timings"] for result in timing["results"]}
    assert {"NumPy", "SciPy"} <= peers


def test_compute_agrees_with_scipy_and_numpy():
    ndimage = pytest.importorskip("scipy.ndimage")
    x = np.random.default_rng(1).random((3, 40, 33), dtype=np.float32)
    told = []
    it = demo.compute(x, told.append)
    assert len(told) == demo.STEPS
    gray = 0.299 * x[0] + 0.587 * x[1] + 0.114 * x[2]
    outputs = {name: subject.output for name, subject in it.subjects.items()}
    np.testing.assert_allclose(it.gray[0], gray, rtol=1e-5)
    weights = demo.GAUSSIAN.astype(np.float64)
    np.testing.assert_allclose(outputs["blur"], ndimage.correlate(x, weights[None], mode="mirror"), atol=1e-5)
    sobel = [ndimage.sobel(gray, axis=axis, mode="mirror") for axis in (1, 0)]
    np.testing.assert_allclose(outputs["edges"], sobel, atol=1e-5)
    blocks = x[:, :, :32].reshape(3, 5, WINDOW, 4, WINDOW)
    np.testing.assert_array_equal(outputs["max_pool"], blocks.max((2, 4)))
    np.testing.assert_allclose(outputs["avg_pool"], blocks.mean((2, 4)), atol=1e-6)
    zoom = ndimage.zoom(blocks.mean((2, 4)), (1, WINDOW, WINDOW), order=1, mode="nearest", grid_mode=True)
    np.testing.assert_allclose(outputs["upsample"], zoom, atol=1e-5)
    np.testing.assert_allclose(outputs["matrix"], ndimage.correlate(gray, weights, mode="mirror").ravel(), atol=1e-5)
    assert it.corner.shape == (CORNER**2, CORNER**2)
    np.testing.assert_allclose(it.corner.sum(axis=1), 1, rtol=1e-5)  # mirrored, so that no weight is lost


def test_a_flat_image_stays_flat():
    it = demo.compute(np.full((3, 24, 40), 0.25, np.float32))
    for name in ("blur", "max_pool", "avg_pool", "upsample", "matrix"):
        np.testing.assert_allclose(it.subjects[name].output, 0.25, rtol=1e-5)
    np.testing.assert_allclose(it.subjects["edges"].output, 0, atol=1e-6)
    assert it.psnr > 100


def test_table_and_picture(image, tmp_path, quick, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    out = tmp_path / "picture.png"
    code, printed, progress = command(image, "--out", str(out))
    assert code == 0
    assert max(map(len, printed.replace(str(out), "").splitlines())) <= 80
    for words in ("small.png", f"{HEIGHT} × {WIDTH} pixels", "conv_transpose2d(", "build K'", "12×", "numba", str(out)):
        assert words in printed
    assert "\x1b" not in printed
    assert "timing blur" in progress
    assert "timing blur" not in printed
    with Image.open(out) as picture:
        assert picture.format == "PNG"
        assert 1500 < picture.width < 4000
        assert 900 < picture.height < 2500
        assert len(picture.convert("RGB").resize((200, 120)).getcolors(24000)) > 500  # not a blank page


def test_default_picture_goes_to_the_current_folder(image, tmp_path, quick, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert command(image)[0] == 0
    assert [path.name for path in tmp_path.iterdir()] == ["fastconv-demo.png"]


def test_json_with_out_draws_too(image, tmp_path, quick):
    out = tmp_path / "picture.png"
    code, printed, _ = command(image, "--json", "--out", str(out))
    assert code == 0
    assert json.loads(printed)["picture"] == str(out)
    assert out.stat().st_size > 50_000


def test_disagreement_is_said_and_counts(image, monkeypatch):
    def outcome(race_, budget=0):
        bad = race.Result("NumPy", "theirs()", error="its result differs by 0.5", difference=0.5)
        return race.Timing(race_.name, race_.title, 3, (race.Result("fastconv", "ours()", 0.001, 1.0, 0.0), bad))

    monkeypatch.setattr(race, "run_race", outcome)
    code, printed, _ = command(image, "--no-plot")
    assert code == 1
    assert "Disagreement: NumPy, blur 9×9: its result differs by 0.5" in printed


def test_broken_peer_is_named(tmp_path, monkeypatch):
    (tmp_path / "broken_peer.py").write_text("raise OSError('no such library')\n")
    monkeypatch.syspath_prepend(tmp_path)
    table = {"NumPy": ("numpy", ()), "Broken": ("broken_peer", ()), "Absent": ("no_such_module_anywhere", ())}
    monkeypatch.setattr(demo_peers, "LIBRARIES", table)
    found, broken = demo_peers.installed_peers()
    assert list(found) == ["NumPy"]
    assert broken == {"Broken": "OSError: no such library"}


REFUSALS = {
    "missing": (["missing.png"], "there is no file missing.png"),
    "folder": (["."], ". is a folder, not an image"),
    "broken": (["broken.png"], "broken.png is not an image that Pillow can read"),
    "tiny": (["tiny.png"], "tiny.png makes 4 x 5 pixels, and the demo needs 16 on each side at least"),
    "out is a folder": (["--out", "."], ". is a folder; --out takes the name of a PNG file"),
    "out in no folder": (["--out", "no/a.png"], "cannot write the picture to no/a.png: No such file or directory"),
    "out is no png": (["--out", "a.jpg"], "--out writes a PNG, so its name has to end in .png, unlike a.jpg"),
    "no threads": (["--no-plot", "--threads", "0"], "--threads 0 is not between 1 and "),
    "many threads": (["--no-plot", "--threads", "100000"], "--threads 100000 is not between 1 and "),
}


@pytest.mark.parametrize(("argv", "sentence"), REFUSALS.values(), ids=REFUSALS)
def test_refusals(argv, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.png").write_text("no picture")
    Image.new("RGB", (5, 4)).save(tmp_path / "tiny.png")
    before = sorted(tmp_path.iterdir())
    code, out, err = command(*argv)
    assert code == 2
    assert out == ""
    assert err.startswith(f"fastconv demo: {sentence}")
    assert err.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before


def without(monkeypatch, package):
    """As if the package were not installed."""

    class Absent:
        @staticmethod
        def find_spec(name, path=None, target=None):
            if name.partition(".")[0] == package:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Absent, *sys.meta_path])


@pytest.mark.parametrize(
    ("package", "argv", "need"),
    [
        ("PIL", ["--no-plot"], "The demo needs Pillow to read images"),
        ("rich", ["--no-plot"], "The demo's table needs rich"),
        ("matplotlib", [], "The demo's picture needs Matplotlib"),
        ("matplotlib", ["--no-plot"], "The demo's own photograph comes with Matplotlib"),
    ],
)
def test_missing_extra(package, argv, need, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    without(monkeypatch, package)
    code, out, err = command(*argv)
    assert (code, out) == (2, "")
    assert err == f"fastconv demo: {need}, which is not installed: pip install 'fastconv[demo]'\n"


def test_json_needs_neither_rich_nor_matplotlib(image, quick, monkeypatch):
    without(monkeypatch, "rich")
    without(monkeypatch, "matplotlib")
    code, out, _ = command(image, "--json")
    assert code == 0
    assert json.loads(out)["image"]["name"] == "small.png"
