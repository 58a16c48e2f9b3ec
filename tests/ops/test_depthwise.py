"""Depthwise convolution by its own algorithm: every way to read, every edge, every type, against the reference."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastconv as fc
from fastconv import reference
from fastconv.jit.machine import machine
from fastconv.kernels.depthwise import SHAPES, VECTORS
from fastconv.kernels.tile_rows import MANY_TILES
from fastconv.ops.calls import recording
from fastconv.plan.registry import ALGORITHMS
from nightly import nightly
from properties.strategies import LAYOUTS, PADDING_MODES, depthwise_cases, examples, forget_decisions, integers, seeds
from sharing import share_out

TYPES = ("float32", "float64", "int32", "int64", "int8", "float16")
CONVS = (fc.conv1d, fc.conv2d, fc.conv3d)
TRANSPOSED = (fc.conv_transpose1d, fc.conv_transpose2d, fc.conv_transpose3d)

Call = tuple[np.ndarray, np.ndarray, np.ndarray | None, dict[str, Any]]


def depthwise(x: np.ndarray, w: np.ndarray, bias: np.ndarray | None = None, **options: Any) -> np.ndarray:
    op = CONVS[w.ndim - 3]
    return op(x, w, bias, groups=x.shape[x.ndim + 1 - w.ndim], algorithm="depthwise", **options)


def expected(x: np.ndarray, w: np.ndarray, bias: np.ndarray | None = None, **options: Any) -> np.ndarray:
    op = CONVS[w.ndim - 3]
    with np.errstate(all="ignore"):
        return op(x, w, bias, groups=x.shape[x.ndim + 1 - w.ndim], algorithm="reference", **options)


@st.composite
def calls(draw: st.DrawFn, dtypes: tuple[str, ...] = TYPES) -> Call:
    case, dtype = draw(depthwise_cases()), draw(st.sampled_from(dtypes))
    layout = LAYOUTS[draw(st.sampled_from(sorted(LAYOUTS)))]
    shapes = (case.input_shape, case.weight_shape, case.weight_shape[:1])
    x, w, bias = (integers(shape, dtype, draw(seeds)) for shape in shapes)
    options = {name: value for name, value in case.options.items() if name != "groups"}
    return layout(x), layout(w), bias if draw(st.booleans()) else None, options


@given(calls())
@examples(150)
def test_is_the_reference(call: Call) -> None:
    x, w, bias, options = call
    found = depthwise(x, w, bias, **options)
    np.testing.assert_array_equal(found, expected(x, w, bias, **options))


@pytest.mark.parametrize("taps", [17, 31, 32, 33, 50])
@pytest.mark.parametrize(
    ("dtype", "mode"),
    [("float32", "zeros"), ("float32", "reflect"), *nightly(("float64", "zeros"), ("int64", "zeros"))],
)
def test_taps_of_a_row_in_pairs(taps: int, dtype: str, mode: str) -> None:
    x, w = integers((2, 3, 333), dtype), integers((3, 1, taps), dtype, 1)
    for options in ({"padding": taps // 2}, {"dilation": 2}, {"dilation": (machine().vector_bytes // x.itemsize,)}):
        if x.shape[-1] > (taps - 1) * np.max(options.get("dilation", 1)):
            found = depthwise(x, w, padding_mode=mode, **options)
            np.testing.assert_array_equal(found, expected(x, w, padding_mode=mode, **options))


@given(calls(("float32",)), st.sampled_from(["relu", "relu6", "leaky_relu", "silu", "sigmoid", "tanh"]))
@examples(60)
def test_activation_comes_last(call: Call, activation: str) -> None:
    x, w, bias, options = call
    found = depthwise(x, w, bias, **options, activation=activation)
    sums = expected(x, w, bias, **options)
    with np.errstate(all="ignore"):
        wanted = reference.activation(sums, activation)
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-30)


@given(calls(("float32", "int64")))
@examples(60)
def test_input_without_a_batch(call: Call) -> None:
    x, w, bias, options = call
    np.testing.assert_array_equal(depthwise(x[0], w, bias, **options), expected(x, w, bias, **options)[0])


@given(calls(("float32",)), st.integers(0, 3))
@examples(60)
def test_transposed_with_a_step_of_one(call: Call, seed: int) -> None:
    x, w, _, options = call
    dilation, rank = options["dilation"], w.ndim - 2
    w = integers((x.shape[1], 2, *w.shape[2:]), "float32", seed)
    found, wanted = (
        TRANSPOSED[rank - 1](x, w, groups=x.shape[1], dilation=dilation, algorithm=name)
        for name in ("depthwise", "reference")
    )
    np.testing.assert_array_equal(found, wanted)


def normal(shape: tuple[int, ...], dtype: str, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


#: Input shape, kernel, options: each way to read, with rows shorter and longer than a tile.
BITS = [
    ((2, 3, 23, 150), (3, 3), {"padding": 1}),
    ((1, 2, 40, 50), (7, 7), {"padding": 3, "stride": 2}),
    ((1, 2, 40, 7), (5, 5), {"padding": 2, "padding_mode": "circular"}),
    ((1, 2, 40, 50), (5, 5), {"padding": 2, "stride": 2, "padding_mode": "reflect"}),
    ((2, 3, 20, 33), (4, 6), {"dilation": 2}),
    ((1, 2, 9, 9, 20), (3, 3, 3), {"padding": 1}),
    ((1, 3, 5000), (31,), {"padding": 15}),
]


@pytest.mark.parametrize(("shape", "kernel", "options"), BITS)
@pytest.mark.parametrize("dtype", ["float32", *nightly("float64")])
def test_same_bits_for_any_number_of_threads_and_any_blocks(
    shape: tuple[int, ...],
    kernel: tuple[int, ...],
    options: dict[str, Any],
    dtype: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    x, w = normal(shape, dtype, 0), normal((2 * shape[1], 1, *kernel), dtype, 1)
    once = depthwise(x, w, **options)
    for helpers in (0, 1, 3):
        with monkeypatch.context() as patch:
            share_out(patch, helpers)
            for outputs in (1, 100, 1500):
                patch.setattr("fastconv.plan.depthwise.MOST_OUTPUTS", outputs)
                forget_decisions()
                np.testing.assert_array_equal(depthwise(x, w, **options), once)
    forget_decisions()


@pytest.mark.parametrize("special", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("kernel", [3, 4])
def test_padding_times_a_special_weight_is_nan(kernel: int, stride: int, special: float) -> None:
    x, w = normal((1, 2, 9, 30), "float32", 0), np.ones((2, 1, kernel, kernel), np.float32)
    w[0, 0, 0, 0] = special
    found = depthwise(x, w, padding=2, stride=stride)
    wanted = expected(x, w, padding=2, stride=stride)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(wanted))
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("special", [np.inf, np.nan])
@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2), (5, 2), (7, 1), (2, 1)])
def test_special_input_reaches_its_windows_only(kernel: int, stride: int, special: float) -> None:
    x, w = np.ones((1, 1, 20, 90), np.float32), np.ones((1, 1, kernel, kernel), np.float32)
    x[0, 0, 7, 31] = x[0, 0, 19, 89] = x[0, 0, 0, 0] = special
    options = {"padding": kernel // 2, "stride": stride}
    np.testing.assert_array_equal(depthwise(x, w, **options), expected(x, w, **options))


def kernel_of(*shape: int, stride: int = 1, kernel: tuple[int, ...] = (3, 3), **options: Any) -> str:
    with recording() as chosen:
        depthwise(np.zeros(shape, np.float32), np.zeros((shape[1], 1, *kernel), np.float32), stride=stride, **options)
    kernel_name: str = chosen[0][1].plan.run_kernel.func.__self__.kernel.name
    return kernel_name


@pytest.mark.parametrize("past", [0, 1, 4, 15])
@pytest.mark.parametrize("beyond", [-1, 0, 7])
@pytest.mark.parametrize(
    ("kernel", "mode"), [((3, 3), "zeros"), ((3, 3), "reflect"), ((7, 7), "zeros"), ((1, 3), "reflect")]
)
def test_wide_rows_that_begin_anywhere_in_a_cache_line(
    kernel: tuple[int, int], mode: str, past: int, beyond: int
) -> None:
    line = 64 // 4
    width = (MANY_TILES * VECTORS + 2) * machine().vector_bytes // 4 + beyond
    rng = np.random.default_rng(past)
    x = rng.integers(-9, 9, (1, 1, 6, width)).astype(np.float32)
    weight = rng.integers(-9, 9, (1, 1, *kernel)).astype(np.float32)
    settings: dict[str, Any] = {"padding": tuple(k // 2 for k in kernel), "padding_mode": mode}
    memory = np.full(x.size + 3 * line, 77, np.float32)
    first = line + (-memory.ctypes.data // 4) % line + past
    y = memory[first : first + x.size].reshape(x.shape)
    fc.conv2d(x, weight, out=y, algorithm="depthwise", **settings)
    np.testing.assert_array_equal(y, fc.conv2d(x, weight, algorithm="reference", **settings))
    np.testing.assert_array_equal(np.r_[memory[:first], memory[first + x.size :]], 77)


def test_usual_windows_have_kernels_of_their_own() -> None:
    assert kernel_of(1, 2, 9, 9) == kernel_of(1, 2, 9, 9, padding=((5, 5), (4, 1))) == "depthwise_3x3_step_1_rolling"
    assert kernel_of(1, 2, 9, 9, padding=((0, 0), (0, 2))) == kernel_of(1, 2, 9, 9, padding=5) == "depthwise_3_rows"
    assert kernel_of(1, 2, 9, 9, kernel=(9, 2), padding=4) == "depthwise_3_rows"
    assert kernel_of(1, 2, 19, 9, kernel=(5, 5)) == kernel_of(1, 2, 19, 9, kernel=(15, 1)) == "depthwise_5_rows"
    assert kernel_of(1, 2, 9, 9, kernel=(4, 3)) == kernel_of(1, 2, 9, 9, kernel=(3, 9)) == "depthwise_3_rows"
    assert kernel_of(1, 2, 19, 9, kernel=(11, 5)) == kernel_of(1, 2, 40, 9, kernel=(31, 1)) == "depthwise_5_rows"
    assert kernel_of(1, 2, 19, 9, kernel=(8, 5)) == "depthwise_7_rows"
    assert kernel_of(1, 2, 9, 9, kernel=(2, 3)) == kernel_of(1, 2, 9, 9, dilation=2) == "depthwise"
    assert kernel_of(1, 2, 9, kernel=(3,)) == "depthwise_line"
    assert kernel_of(1, 2, 9, 9, stride=2) == "depthwise_3x3_step_2_rolling"
    assert kernel_of(1, 2, 9, 9, stride=2, kernel=(5, 5)) == "depthwise_5x5_step_2_rolling"
    assert kernel_of(1, 2, 9, 9, 9, stride=2, kernel=(3, 3, 3)) == "depthwise_3x3_step_2"
    assert kernel_of(1, 2, 9, 9, stride=3) == "depthwise"


def test_borders_have_kernels_of_their_own() -> None:
    borders = "_borders" if machine().masked_loads else ""
    assert kernel_of(1, 2, 9, 9, padding=1, padding_mode="reflect") == "depthwise_3_rows" + borders
    assert kernel_of(1, 2, 9, 9, stride=2, padding=1, padding_mode="reflect") == "depthwise_3x3_step_2" + borders
    assert kernel_of(1, 2, 9, kernel=(3,), padding=1, padding_mode="reflect") == "depthwise_line" + borders
    assert kernel_of(1, 2, 9, 9, kernel=(7, 7), padding=3, padding_mode="reflect") == "depthwise_7_rows"
    rows_only = {"padding": ((1, 1), (0, 0)), "padding_mode": "reflect"}
    assert kernel_of(1, 2, 9, 9, stride=2, **rows_only) == "depthwise_3x3_step_2_rolling"


@pytest.mark.parametrize("dtype", ["float32", *nightly("float64", "int32")])
@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2), (5, 2), (7, 2)])
@pytest.mark.parametrize("width", [1, 63, 64, 65, 127, 128, 129, 200])
def test_strips_of_any_width_beside_any_padding(kernel: int, stride: int, width: int, dtype: str) -> None:
    w = integers((2, 1, kernel, kernel), dtype, 1)
    for before, after in ((0, kernel), (1, 1), (4, 0), (5, 2), (70, 90)):
        x = integers((1, 2, 9, width), dtype)
        options = {"padding": ((1, 2), (before, after)), "stride": stride}
        if width + before + after >= kernel:
            np.testing.assert_array_equal(depthwise(x, w, **options), expected(x, w, **options))


BORDERS = [((3, 3), 1, 1), ((3, 3), 2, 1), ((5, 5), 2, 1), ((7, 7), 1, 3), ((4, 5), 1, 2), ((2, 3), (3, 2), 1)]


@pytest.mark.parametrize("mode", PADDING_MODES)
@pytest.mark.parametrize(("kernel", "stride", "dilation"), BORDERS)
@pytest.mark.parametrize("width", [20, 70])
def test_columns_padded_by_any_mode(mode: str, kernel: tuple[int, ...], stride: int, dilation: int, width: int) -> None:
    x, w = integers((2, 3, 22, width), "float32"), integers((3, 1, *kernel), "float32", 1)
    options = {"padding": ((0, 3), (11, 9)), "padding_mode": mode, "stride": stride, "dilation": dilation}
    np.testing.assert_array_equal(depthwise(x, w, **options), expected(x, w, **options))


@pytest.mark.parametrize("special", [np.inf, np.nan])
def test_special_weights_meet_elements_in_borders(special: float) -> None:
    x, w = np.ones((1, 1, 9, 30), np.float32), np.ones((1, 1, 3, 3), np.float32)
    w[0, 0, 0, 0] = special
    options: dict[str, Any] = {"padding": 1, "padding_mode": "circular"}
    np.testing.assert_array_equal(depthwise(x, w, **options), expected(x, w, **options))


@pytest.mark.parametrize("mode", PADDING_MODES)
@pytest.mark.parametrize(("kernel", "stride"), [((3, 3), 1), ((3, 3), 2), ((4, 5), 1), ((2, 3), 3)])
def test_rows_padded_in_place_by_any_mode(mode: str, kernel: tuple[int, ...], stride: int) -> None:
    x, w = integers((2, 3, 11, 70), "float32"), integers((3, 1, *kernel), "float32", 1)
    options = {"padding": ((2, 3), (0, 0)), "padding_mode": mode, "stride": stride}
    np.testing.assert_array_equal(depthwise(x, w, **options), expected(x, w, **options))


@pytest.mark.parametrize("rows", [4, 8, 10, 11])
@pytest.mark.parametrize("mode", ["zeros", "circular"])  # read in place, and gathered
def test_rows_that_are_in_no_group(rows: int, mode: str) -> None:
    x, w = integers((1, 2, 19, 40), "float32"), integers((2, 1, rows, 3), "float32", 1)
    options = {"padding": 2, "padding_mode": mode}
    np.testing.assert_array_equal(depthwise(x, w, **options), expected(x, w, **options))


@pytest.mark.parametrize(
    ("shape", "weight_shape", "dtype", "reason"),
    [
        ((1, 4, 9, 9), (4, 2, 3, 3), "float32", "it sums over one channel, not over 2"),
        ((1, 4, 9, 9), (4, 1, 3, 3), "complex64", "its windows hold no complex64"),
    ],
)
def test_says_why_it_declines(shape: tuple[int, ...], weight_shape: tuple[int, ...], dtype: str, reason: str) -> None:
    groups = shape[1] // weight_shape[1]
    with pytest.raises(ValueError, match=f"cannot serve this call: {reason}"):
        fc.conv2d(np.ones(shape, dtype), np.ones(weight_shape, dtype), groups=groups, algorithm="depthwise")


def test_declines_stretched_inputs() -> None:
    x, w = np.ones((1, 4, 9, 9), np.float32), np.ones((4, 1, 3, 3), np.float32)
    with pytest.raises(ValueError, match="cannot serve this call: it stretches no input"):
        fc.conv_transpose2d(x, w, groups=4, stride=2, algorithm="depthwise")


def test_every_shape_has_a_kernel_with_a_name_of_its_own() -> None:
    from fastconv.kernels.depthwise import depthwise as kernels

    assert set(kernels) == set(SHAPES)
    assert len({it.name for it in kernels.values()}) == len(SHAPES)
    assert "depthwise" in {it.name for it in ALGORITHMS["conv"]}


@pytest.mark.skipif(
    machine().name != "AVX-512" or numba.config.DISABLE_JIT,
    reason="the tests of the host's own tiles are enough elsewhere",
)
@pytest.mark.nightly
@pytest.mark.parametrize("cpu", ["haswell", "nocona"])
def test_on_narrower_machines(cpu: str) -> None:
    env = os.environ | {"NUMBA_CPU_NAME": cpu, "NUMBA_CPU_FEATURES": ""}
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", __file__, "-k"]
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [*command, "special or reference or usual"], env=env, capture_output=True, text=True, cwd=root
    )
    assert done.returncode == 0, done.stdout
