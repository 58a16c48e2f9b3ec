"""Compiling ahead: nothing is forgotten, what was compiled is found again, and a user is told what was done."""

import gc
import importlib
import json
import os
import pkgutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastconv as fc
import fastconv.kernels
from fastconv.cli.main import main
from fastconv.cli.warmup import works
from fastconv.cli.warmup_cases import FAMILIES, LARGE, SMALL
from fastconv.jit import kernel
from fastconv.ops import by_values, packed, values
from fastconv.ops.calls import recording
from fastconv.plan.registry import ALGORITHMS
from nightly import nightly

#: Public names that compile nothing.
NOTHING_TO_COMPILE = {
    "ConvMatrix",  # made by conv_matrix
    "conv_output_size",
    "conv_transpose_output_size",
    "explain",
    "ndimage.generic_gradient_magnitude",  # of a caller's own derivatives
    "ndimage.generic_laplace",
    "pool_output_size",
    "signal.choose_conv_method",
    "signal.correlation_lags",
    "threads",
}

#: Those dtypes that between them reach all code: what a kernel is called does not depend on widths.
KINDS = ("float32", "int8", "uint8", "int16", "int64", "complex64")

Compiled = set[tuple[Any, ...]]


def array(*shape: int, dtype: Any = np.float32) -> np.ndarray:
    return np.ones(shape, dtype)


#: First calls that somebody may make, beside those of the table: layers of networks, images, signals, tiny arrays.
FIRST_CALLS: dict[str, dict[str, Callable[[], Any]]] = {
    "conv": {
        "tiny": lambda: fc.conv2d(array(1, 1, 8, 8), array(1, 1, 3, 3)),
        "resnet first": lambda: fc.conv2d(array(1, 3, 224, 224), array(64, 3, 7, 7), stride=2, padding=3),
        "resnet 3x3": lambda: fc.conv2d(array(1, 256, 14, 14), array(256, 256, 3, 3), padding=1),
        "resnet 1x1": lambda: fc.conv2d(array(1, 1024, 14, 14), array(256, 1024, 1, 1), array(256)),
        "depthwise": lambda: fc.conv2d(array(1, 32, 112, 112), array(32, 1, 3, 3), padding=1, groups=32),
        "depthwise halved": lambda: fc.conv2d(array(1, 96, 112, 112), array(96, 1, 3, 3), stride=2, groups=96),
        "depthwise 5x5": lambda: fc.conv2d(array(1, 72, 56, 56), array(72, 1, 5, 5), padding=2, groups=72),
        "depthwise 7x7": lambda: fc.conv2d(array(1, 96, 56, 56), array(96, 1, 7, 7), padding=3, groups=96),
        "depthwise dilated": lambda: fc.conv2d(array(1, 64, 40, 40), array(64, 1, 3, 3), dilation=2, groups=64),
        "depthwise signals": lambda: fc.conv1d(array(1, 64, 4000), array(64, 1, 31), padding=15, groups=64),
        "depthwise volumes": lambda: fc.conv3d(array(1, 8, 9, 20, 20), array(8, 1, 3, 3, 3), groups=8),
        "dilated": lambda: fc.conv2d(array(1, 64, 32, 32), array(64, 64, 3, 3), padding=2, dilation=2),
        "video": lambda: fc.conv3d(array(1, 16, 16, 64, 64), array(32, 16, 3, 3, 3)),
        "audio": lambda: fc.conv1d(array(4, 64, 16000), array(64, 64, 9)),
        "signal": lambda: fc.conv1d(array(1, 100000), array(1, 1, 64), padding="full", flip=True),
        "image": lambda: fc.conv2d(array(1, 512, 512), array(1, 1, 15, 15), padding="same", padding_mode="reflect"),
        "activated": lambda: fc.conv2d(array(1, 8, 20, 20), array(8, 8, 3, 3), activation="silu"),
    },
    "conv_transpose": {
        "tiny": lambda: fc.conv_transpose2d(array(1, 1, 4, 4), array(1, 1, 3, 3)),
        "dcgan": lambda: fc.conv_transpose2d(array(1, 256, 16, 16), array(256, 128, 4, 4), stride=2, padding=1),
        "depthwise": lambda: fc.conv_transpose2d(array(21, 16, 16), array(21, 1, 4, 4), None, 2, 1, groups=21),
        "unet": lambda: fc.conv_transpose2d(array(2, 128, 28, 28), array(128, 64, 2, 2), array(64), stride=2),
        "gaps": lambda: fc.conv_transpose1d(array(1, 2, 9), array(2, 2, 1), stride=3),
    },
    "Conv": {
        "tiny": lambda: fc.Conv2d(array(1, 1, 3, 3))(array(1, 8, 8)),
        "resnet first": lambda: fc.Conv2d(array(64, 3, 7, 7), stride=2, padding=3)(array(1, 3, 224, 224)),
        "resnet 1x1": lambda: fc.Conv2d(array(256, 1024, 1, 1), array(256))(array(1, 1024, 14, 14)),
        "audio": lambda: fc.Conv1d(array(64, 64, 9), activation="relu")(array(4, 64, 16000)),
        "video": lambda: fc.Conv3d(array(32, 16, 3, 3, 3))(array(1, 16, 16, 64, 64)),
    },
    "ConvTranspose": {
        "tiny": lambda: fc.ConvTranspose2d(array(1, 1, 3, 3))(array(1, 1, 4, 4)),
        "dcgan": lambda: fc.ConvTranspose2d(array(256, 128, 4, 4), stride=2, padding=1)(array(1, 256, 16, 16)),
        "signal": lambda: fc.ConvTranspose1d(array(16, 16, 9), stride=4)(array(1, 16, 9000)),
    },
    "grad.conv_input": {
        "tiny": lambda: fc.grad.conv2d_input((1, 5, 5), array(1, 1, 3, 3), array(1, 3, 3)),
        "resnet": lambda: fc.grad.conv2d_input((8, 64, 28, 28), array(64, 64, 3, 3), array(8, 64, 28, 28), 1, 1),
        "depthwise": lambda: fc.grad.conv2d_input((96, 56, 56), array(96, 1, 3, 3), array(96, 28, 28), 2, 1, groups=96),
        "halved": lambda: fc.grad.conv1d_input((2, 32, 1000), array(64, 32, 5), array(2, 64, 500), 2, 2),
    },
    "grad.conv_weight": {
        "tiny": lambda: fc.grad.conv2d_weight(array(1, 5, 5), (1, 1, 3, 3), array(1, 3, 3)),
        "resnet": lambda: fc.grad.conv2d_weight(array(8, 64, 28, 28), (64, 64, 3, 3), array(8, 64, 28, 28), 1, 1),
        "halved": lambda: fc.grad.conv1d_weight(array(2, 32, 1000), (64, 32, 5), array(2, 64, 500), 2, 2),
        "video": lambda: fc.grad.conv3d_weight(array(2, 8, 9, 9, 9), (8, 8, 3, 3, 3), array(2, 8, 7, 7, 7)),
        "depthwise": lambda: fc.grad.conv2d_weight(
            array(2, 32, 56, 56), (32, 1, 7, 7), array(2, 32, 56, 56), 1, 3, groups=32
        ),
        "depthwise signals": lambda: fc.grad.conv1d_weight(array(64, 900), (64, 1, 3), array(64, 900), 1, 1, groups=64),
        "depthwise rows": lambda: fc.grad.conv2d_weight(
            array(2, 32, 56, 56), (32, 1, 2, 3), array(2, 32, 28, 27), 2, groups=32
        ),
        "depthwise channels-last": lambda: fc.grad.conv2d_weight(
            array(56, 56, 32).transpose(2, 0, 1), (32, 1, 3, 3), array(28, 28, 32).transpose(2, 0, 1), 2, 1, groups=32
        ),
    },
    "grad.conv_transpose_input": {
        "dcgan": lambda: fc.grad.conv_transpose2d_input(
            (1, 256, 16, 16), array(256, 128, 4, 4), array(1, 128, 32, 32), 2, 1
        ),
    },
    "grad.conv_transpose_weight": {
        "dcgan": lambda: fc.grad.conv_transpose2d_weight(
            array(1, 256, 16, 16), (256, 128, 4, 4), array(1, 128, 32, 32), 2, 1
        ),
    },
    "max_pool": {
        "tiny": lambda: fc.max_pool2d(array(1, 4, 4), 2),
        "resnet": lambda: fc.max_pool2d(array(1, 64, 112, 112), 3, 2, 1),
        "stride 1": lambda: fc.max_pool2d(array(1, 64, 28, 28), 3, 1, 1),
        "indices": lambda: fc.max_pool3d(array(2, 9, 9, 9), 3, return_indices=True),
        "wide": lambda: fc.max_pool1d(array(3, 50000), 5, 1),
    },
    "avg_pool": {
        "tiny": lambda: fc.avg_pool2d(array(1, 4, 4), 2),
        "halved": lambda: fc.avg_pool2d(array(8, 64, 56, 56), 2),
        "stride 1": lambda: fc.avg_pool3d(array(4, 12, 12, 12), 3, 1, 1, count_include_pad=False),
    },
    "adaptive_max_pool": {
        "uneven": lambda: fc.adaptive_max_pool2d(array(8, 31, 50), (6, 7)),
        "places": lambda: fc.adaptive_max_pool3d(array(2, 9, 9, 9), 2, return_indices=True),
        "global": lambda: fc.adaptive_max_pool2d(array(1, 512, 7, 7), 1),
        "signal": lambda: fc.adaptive_max_pool1d(array(64, 1001), 10),
    },
    "adaptive_avg_pool": {
        "global": lambda: fc.adaptive_avg_pool2d(array(1, 512, 7, 7), 1),
        "pyramid": lambda: fc.adaptive_avg_pool2d(array(256, 60, 60), (None, 7)),
        "signal": lambda: fc.adaptive_avg_pool1d(array(64, 1001), 10),
    },
    "grad.max_pool": {
        "resnet": lambda: fc.grad.max_pool2d(array(1, 64, 28, 28), array(1, 64, 28, 28, dtype=int), (1, 64, 56, 56)),
    },
    "grad.adaptive_max_pool": {
        "tiny": lambda: fc.grad.adaptive_max_pool1d(array(1, 2), array(1, 2, dtype=int), (1, 9)),
    },
    "grad.avg_pool": {
        "halved": lambda: fc.grad.avg_pool2d(array(8, 64, 28, 28), (8, 64, 56, 56), 2),
        "channels-last": lambda: fc.grad.avg_pool2d(array(28, 28, 64).transpose(2, 0, 1), (64, 56, 56), 3, 2, 1),
    },
    "grad.adaptive_avg_pool": {
        "global": lambda: fc.grad.adaptive_avg_pool2d(array(8, 64, 1, 1), (8, 64, 7, 7)),
    },
    "max_unpool": {
        "segnet": lambda: fc.max_unpool2d(array(1, 64, 56, 56), array(1, 64, 56, 56, dtype=int), 2),
    },
    "lp_pool": {
        "halved": lambda: fc.lp_pool2d(array(1, 64, 56, 56), 2, 2),
        "signal": lambda: fc.lp_pool1d(array(1, 2, 5000), 1.5, 9, 1),
        "greatest": lambda: fc.lp_pool2d(array(1, 4, 9, 9), np.inf, 3),
    },
    "grad.lp_pool": {
        "halved": lambda: fc.grad.lp_pool2d(array(1, 64, 28, 28), array(1, 64, 56, 56), 2, 2),
    },
    "fractional_max_pool": {
        "paper": lambda: fc.fractional_max_pool2d(array(1, 64, 50, 50), 2, output_ratio=0.7),
        "places": lambda: fc.fractional_max_pool3d(array(4, 9, 9, 9), 2, 5, return_indices=True),
    },
    "pad": {
        "tiny": lambda: fc.pad(array(1, 1, 4, 4), (1, 1, 1, 1)),
        "images": lambda: fc.pad(array(8, 64, 56, 56), (1, 1, 1, 1), "symmetric"),
        "crop": lambda: fc.pad(array(3, 64, 56).T, (-1, -1)),
    },
    "unfold": {
        "tiny": lambda: fc.unfold(array(1, 1, 4, 4), 2),
        "signals": lambda: fc.unfold(array(2, 16, 9000), (9,)),
        "images": lambda: fc.unfold(array(1, 64, 56, 56), 3, padding=1),
    },
    "fold": {
        "tiny": lambda: fc.fold(array(1, 4, 9), 4, 2),
        "images": lambda: fc.fold(array(1, 576, 3136), 56, 3, padding=1),
    },
    "grad.unfold": {"images": lambda: fc.grad.unfold(array(1, 576, 3136), (1, 64, 56, 56), 3, 1, 1)},
    "grad.fold": {"images": lambda: fc.grad.fold(array(1, 64, 56, 56), (56, 56), 3, 1, 1)},
    **{
        f"ndimage.{name}": {
            "image": lambda name=name: getattr(fc.ndimage, name)(array(200, 300), array(3, 3)),  # type: ignore[misc]
            "large": lambda name=name: getattr(fc.ndimage, name)(array(200, 300), array(15, 15)),  # type: ignore[misc]
        }
        for name in ("correlate", "convolve")
    },
    **{
        f"ndimage.{name}": {
            "rows": lambda name=name: getattr(fc.ndimage, name)(array(200, 300), array(9)),  # type: ignore[misc]
            "columns": lambda name=name: getattr(fc.ndimage, name)(array(200, 300), array(5), 0),  # type: ignore[misc]
        }
        for name in ("correlate1d", "convolve1d")
    },
    **{
        f"ndimage.{name}": {
            "small": lambda name=name: getattr(fc.ndimage, name)(array(200, 300), 3),  # type: ignore[misc]
            "large": lambda name=name: getattr(fc.ndimage, name)(array(200, 300), 9),  # type: ignore[misc]
        }
        for name in fc.ndimage.__all__
        if "_filter" in name or name in ("gaussian_laplace", "gaussian_gradient_magnitude")
    },
    **{
        f"ndimage.{name}": {"image": lambda name=name: getattr(fc.ndimage, name)(array(200, 300))}  # type: ignore[misc]
        for name in ("sobel", "prewitt", "laplace")
    },
    "signal.convolve": {
        "signal": lambda: fc.signal.convolve(array(10), array(3)),
        "image": lambda: fc.signal.convolve(array(4, 5), array(3, 3), "same"),
    },
    "signal.correlate": {"volume": lambda: fc.signal.correlate(array(4, 3, 5), array(2, 2, 2), "same")},
    "signal.convolve2d": {"wrapped": lambda: fc.signal.convolve2d(array(100, 120), array(5, 5), "same", "wrap")},
    "signal.correlate2d": {"mirrored": lambda: fc.signal.correlate2d(array(100, 120), array(3, 3), "same", "symm")},
    "signal.fftconvolve": {
        "signal": lambda: fc.signal.fftconvolve(array(100_000), array(100)),
        "image": lambda: fc.signal.fftconvolve(array(200, 300), array(31, 31)),
    },
    "signal.oaconvolve": {"rows": lambda: fc.signal.oaconvolve(array(20, 5000), array(1, 50), axes=1)},
    "conv_matrix": {
        "image": lambda: fc.conv_matrix(array(9, 9), (100, 120)) @ array(12000),
        "transposed": lambda: fc.conv_matrix(array(5, 3, 3, 3), (3, 40, 40)).T @ array(5 * 38 * 38, 2),
        "tiny": lambda: fc.conv_matrix(array(2), (4,)).apply(array(4)),
        "update": lambda: fc.conv_matrix(array(2), (4,)).update(array(2)).T @ array(3, 30),
    },
}


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> Compiled:
    """What calls would compile if nothing had been; they compute nothing."""
    if kernel._IN_PYTHON:
        pytest.skip("nothing is compiled")
    # Plans keep kernels for good, so what is replaced are names that are looked up at every run.
    bound = {it._code: it for it in gc.get_objects() if type(it) is kernel.Bound and it._code}
    found: Compiled = set()

    def address(it: kernel.Bound) -> int:
        bound[id(it)] = it
        return id(it)

    def launch(code: int, letter: int, begin: int, end: int, arrays: int) -> int:
        found.update({(bound[code].kernel.name, *bound[code].dtypes), ("launch",)})
        return 0

    def ends_of(array: np.ndarray) -> values.Ends:
        values.ends_of(array)  # by a kernel, that writes nothing
        return values.Ends(int(array.min()), int(array.max()))

    monkeypatch.setattr(by_values, "ends_of", ends_of)
    monkeypatch.setattr(packed, "ends_of", ends_of)
    monkeypatch.setattr(kernel.Bound, "_compile", address)
    monkeypatch.setattr(kernel, "launch", launch)
    monkeypatch.setattr(kernel, "helpers_for", lambda tasks, nanoseconds: 0)
    return found


def warm(family: str, dtypes: tuple[str, ...] = ("float32",), ranks: tuple[int, ...] = (1, 2, 3)) -> None:
    """As the command does, with all results wrong where nothing is computed."""
    for dtype in dtypes:
        for rank in ranks:
            if np.dtype(dtype).kind in FAMILIES[family].kinds:
                for size in (SMALL[rank], LARGE[rank]):
                    for case in FAMILIES[family].cases(rank, np.dtype(dtype), size):
                        with np.errstate(all="ignore"):
                            case.call()


def test_every_public_operation_is_in_the_table() -> None:
    table = {name for family in FAMILIES.values() for name in family.names}
    public = {*fc.__all__, *(f"{module}.{name}" for module in fc._SUBMODULES for name in getattr(fc, module).__all__)}
    assert table | NOTHING_TO_COMPILE == public
    assert not table & NOTHING_TO_COMPILE
    assert set(ALGORITHMS) <= set(FAMILIES)


@pytest.mark.parametrize("rank", [2, *nightly(1, 3)])
@pytest.mark.parametrize("family", FAMILIES)
def test_one_operation_alone_compiles_what_its_first_calls_need(family: str, rank: int, compiled: Compiled) -> None:
    warm(family, ranks=(rank,))
    ahead = set(compiled)
    assert ahead
    name = FAMILIES[family].names[rank - 1].rpartition(".")[2]
    for what, call in FIRST_CALLS[family].items():
        if family == "conv_matrix" or family.startswith("ndimage.") or name in call.__code__.co_names:
            compiled.clear()
            with np.errstate(all="ignore"):  # nothing is computed, and what memory holds may be any number
                call()
            assert compiled <= ahead, what


@pytest.mark.parametrize(("channels", "size", "taps"), [(3, 64, 7), (64, 28, 3), (256, 7, 3), (64, 56, 1)])
@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", *nightly("int64")])
def test_what_pairs_of_channels_need_is_compiled(
    dtype: str, channels: int, size: int, taps: int, compiled: Compiled
) -> None:
    warm("conv", (dtype,), (2,))
    ahead = set(compiled)
    compiled.clear()
    x, w = array(1, channels, size, size, dtype=dtype), array(64, channels, taps, taps, dtype=dtype)
    fc.conv2d(x, w, padding=taps // 2)
    assert compiled <= ahead


def test_no_kernel_and_no_algorithm_is_forgotten(compiled: Compiled) -> None:
    for module in pkgutil.iter_modules(fastconv.kernels.__path__):
        importlib.import_module(f"fastconv.kernels.{module.name}")
    kernels = [it for it in gc.get_objects() if type(it) is kernel.Kernel]
    names = {it.name for it in kernels if it.body.py_func.__module__.startswith("fastconv.kernels.")}
    with recording() as calls:
        for family in FAMILIES:
            warm(family, KINDS)
    assert len(names) > 10
    assert names == {name for name, *_ in compiled} - {"launch"}
    reached = {(problem.op, choice.algorithm) for problem, choice in calls}
    assert reached == {(op, it.name) for op, its in ALGORITHMS.items() for it in its if it.name != "reference"}


#: What a process's first calls compile, and load from the cache: one small call and one for several threads.
FIRST_USE = """
import json
import numpy as np
import fastconv as fc
from numba.core import event
with event.install_recorder("numba:compile") as recorder:
    fc.avg_pool2d(np.ones((1, 4, 4), np.float32), 2)
    fc.avg_pool2d(np.ones((8, 64, 64), np.float32), 3, 1, 1)
from fastconv.cli.doctor_kernels import compiled_functions
functions = compiled_functions().values()
print(json.dumps([len(recorder.buffer), sum(it.compiled for it in functions), sum(it.loaded for it in functions)]))
"""


def python(*arguments: str, cache: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    env = os.environ | {"NUMBA_CACHE_DIR": str(cache), "NUMBA_NUM_THREADS": "2"} | settings
    return subprocess.run([sys.executable, *arguments], env=env, capture_output=True, text=True, timeout=300)


def first_use(cache: Path) -> list[int]:
    done = python("-c", FIRST_USE, cache=cache)
    assert done.returncode == 0, done.stderr
    found: list[int] = json.loads(done.stdout)
    return found


def test_after_warmup_a_first_call_compiles_nothing(tmp_path: Path) -> None:
    done = python("-m", "fastconv", "warmup", "avg_pool2d", "--dtype", "float32", "--json", cache=tmp_path)
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    [operation] = outcome["operations"]
    assert operation["op"] == "avg_pool2d"
    assert {"avg_pool_tile_2x2_step_2_rolling", "avg_pool_rows", "launch", "share"} <= set(operation["compiled"])
    assert operation["loaded"] == []
    files = list((tmp_path / "fastconv").iterdir())
    assert outcome["files_written"] == len(files) == len(operation["compiled"])
    assert outcome["bytes_written"] == sum(file.stat().st_size for file in files)
    assert outcome["directory"] == str(tmp_path / "fastconv")
    assert outcome["kept"]
    events, compiled, loaded = first_use(tmp_path)
    assert (events, compiled) == (0, 0)
    assert loaded >= 4

    again = python("-m", "fastconv", "warmup", "avg_pool2d", "--dtype", "float32", cache=tmp_path)
    assert again.returncode == 0, again.stderr
    assert "loaded avg_pool_flat, avg_pool_flat_3, avg_pool_rows, avg_pool_tile" in " ".join(again.stdout.split())
    assert "Compiled 0 and loaded" in again.stdout
    assert "Wrote" not in again.stdout
    assert "[1/1]" in again.stderr


def test_without_warmup_a_first_call_compiles(tmp_path: Path) -> None:
    events, compiled, loaded = first_use(tmp_path)
    assert events > 0
    assert compiled >= 4
    assert loaded == 0


@pytest.mark.nightly
def test_what_cannot_be_kept_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = python("-m", "fastconv", "warmup", "avg_pool1d", "--dtype", "float32", cache=tmp_path / "file")
    assert done.returncode == 1
    said = " ".join(done.stdout.split())
    assert f"Compiled code is not kept: {tmp_path / 'file'} is not a directory." in said
    assert "Nothing could be kept" in said


@pytest.mark.nightly
def test_one_thread_is_said_to_leave_something_out(tmp_path: Path) -> None:
    words = ("-m", "fastconv", "warmup", "avg_pool1d", "--dtype", "float32", "--json")
    done = python(*words, cache=tmp_path, NUMBA_NUM_THREADS="1")
    outcome = json.loads(done.stdout)
    assert "share" not in outcome["operations"][0]["compiled"]
    assert outcome["notes"] == [
        "A call may use one thread here; what more threads need is compiled when they are first used."
    ]


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["conv4d"], "there is no operation 'conv4d'; choose from conv, conv_transpose, "),
        (["conv", "pool"], "there is no operation 'pool'; choose from "),
        (["--dtype", "float32,float8"], "there is no dtype 'float8'; choose from float32, float64, "),
        (["--rank", "0"], "there is no rank '0'; choose from 1, 2, 3\n"),
        (["--rank", "two"], "there is no rank 'two'; choose from 1, 2, 3\n"),
        (["max_pool", "--dtype", "complex64"], "there is nothing to compile for max_pool with dtype complex64"),
        (["conv2d", "--rank", "3"], "there is nothing to compile for conv2d with dtype float32, float64 and rank 3"),
    ],
)
def test_bad_usage(argv: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["warmup", *argv]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"fastconv warmup: {sentence}")
    assert printed.err.count("\n") == 1


def test_switched_off_compiler_is_bad_usage(tmp_path: Path) -> None:
    done = python("-m", "fastconv", "warmup", "conv2d", cache=tmp_path, NUMBA_DISABLE_JIT="1")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "fastconv warmup: NUMBA_DISABLE_JIT is set, so there is nothing to compile; unset it first\n"


def asked(*ops: str, dtypes: str = "float32", ranks: str = "123") -> list[tuple[str, str, tuple[int, ...]]]:
    return [(work.op, work.dtype, work.ranks) for work in works(ops, dtypes.split(), list(ranks))]


def test_names_and_families() -> None:
    assert asked("conv2d") == [("conv2d", "float32", (2,))]
    assert asked("conv", ranks="31") == [("conv1d", "float32", (1,)), ("conv3d", "float32", (3,))]
    assert asked("conv_matrix", "conv_matrix") == [("conv_matrix", "float32", (1, 2, 3))]
    assert asked("avg_pool", dtypes="complex64 int8", ranks="2") == [("avg_pool2d", "int8", (2,))]
    assert asked("conv1d", dtypes="bool int8 bool") == [("conv1d", "bool", (1,)), ("conv1d", "int8", (1,))]
    assert asked("grad.conv_weight", "Conv3d", ranks="3") == [
        ("Conv3d", "float32", (3,)),
        ("grad.conv3d_weight", "float32", (3,)),
    ]
    assert {op for op, _, _ in asked()} == {name for family in FAMILIES.values() for name in family.names}
