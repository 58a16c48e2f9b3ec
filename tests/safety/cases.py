"""The calls under which kernels are watched: each family of operations over random geometries, types and layouts.

They need no expected result; other tests see to that. A kernel that no call here reaches makes a test fail, with its
name: draw calls that reach it, in a family below or in a new one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numba import config

import fastconv as fc
from fastconv.jit.machine import machine
from fastconv.kernels.channel_weights import channel_weights
from fastconv.kernels.channels import ROW_WINDOWS
from fastconv.kernels.depthwise_weight import WEIGHT_SHAPES
from fastconv.kernels.stretched import stretched
from fastconv.kernels.turned import turned_windows
from fastconv.plan.fourier import FourierAxis
from fastconv.plan.image_product import image_cuts, image_plan
from fastconv.plan.registry import ALGORITHMS
from fastconv.plan.strips import contiguous, strip_heads, strip_plan
from fastconv.plan.winograd_rows import loads_pairs
from properties.strategies import (
    LAYOUTS,
    Case,
    PoolCase,
    conv_cases,
    conv_transpose_cases,
    depthwise_cases,
    integers,
    pool_cases,
    seeds,
)

#: Elements that the last axis may have beyond what a case has: with them, rows are longer than a tile is wide.
MOST_WIDER = 150

#: Whether calls are drawn in all types that kernels are compiled for differently, each of which takes its time.
ALL_TYPES = os.environ.get("SAFETY_TYPES") == "all"
#: Sums of 4 and 8 bytes, the latter of converted numbers or in two parts. For whole numbers checks of bounds see the
#: same indices as for floats.
WHOLE = ("float32", "int32") if ALL_TYPES and not config.BOUNDSCHECK else ("float32",)
COMPLEX = ("float32", "complex64") if ALL_TYPES else ("float32",)
REAL_TYPES = ("float32", "int8")
PAD_TYPES = ("uint8", "float32", "complex64")
#: Of inputs and weights, and of sums. Of four channels that are one, either may have the signed numbers; 16-bit numbers
#: with sums of 64 bits are widened, or floats.
INTERLEAVED_TYPES = [(("int8", "int8"), "int32"), (("int16", "int16"), "int32")]
if ALL_TYPES:
    INTERLEAVED_TYPES += [
        (("uint8", "int8"), "int32"),
        (("int8", "uint8"), "int32"),
        (("int16", "int16"), "int64"),
    ]
MATRIX_TYPES = (("float32", np.int32), ("int8", np.int64))

layouts = st.sampled_from(sorted(LAYOUTS))


@dataclass(frozen=True)
class Call:
    """One call of a public operation; its text says which."""

    text: str
    run: Callable[[], object]


def _wider(draw: st.DrawFn, case: Any) -> Any:
    """The case with a longer last axis, which none of its settings forbids."""
    *shape, last = case.input_shape
    return replace(case, input_shape=(*shape, last + draw(st.integers(0, MOST_WIDER) | st.just(0))))


def _values(draw: st.DrawFn, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    return LAYOUTS[draw(layouts)](integers(shape, dtype, draw(seeds)))


def _text(operand: Any) -> str:
    return (
        repr(operand)
        if not isinstance(operand, np.ndarray)
        else f"{operand.dtype}{list(operand.shape)} strides {list(operand.strides)}"
    )


#: The classes of layers by the names of operations.
LAYERS = {"conv": "Conv", "conv_transpose": "ConvTranspose"}


def _call(
    op: str, rank: int, operands: list[Any], options: dict[str, Any], algorithm: str, packed: bool = False
) -> Call:
    """The call, by the algorithm, or by the one that is chosen where it declines; with weights packed before, if so."""
    name = f"{LAYERS[op] if packed else op}{rank}d"

    def call(**more: str) -> None:
        if packed:
            getattr(fc, name)(*operands[1:], **options, **more)(operands[0])
        else:
            getattr(fc, name)(*operands, **options, **more)

    def run() -> None:
        try:
            call(algorithm=algorithm)
        except ValueError as error:
            if "cannot serve this call" not in str(error):
                raise
            call()

    given = ", ".join(map(_text, operands))
    said = {name: _text(value) if isinstance(value, np.ndarray) else value for name, value in options.items()}
    return Call(f"{name}({given}, **{said}, algorithm={algorithm!r})", run)


def _in_turn(calls: list[Call]) -> Call:
    return Call(" and ".join(call.text for call in calls), lambda: [call.run() for call in calls])


def _pools(rank: int, x: Any, options: dict[str, Any], algorithm: str) -> Call:
    """Both poolings, by the algorithm where it serves."""
    return _in_turn([_call(op, rank, [x], options, algorithm) for op in ("max_pool", "avg_pool")])


def _activated_and_not(op: str, rank: int, operands: list[Any], options: dict[str, Any], algorithm: str) -> Call:
    return _in_turn([_call(op, rank, operands, options | {"activation": name}, algorithm) for name in (None, "relu")])


def _algorithms(op: str) -> st.SearchStrategy[str]:
    return st.sampled_from([algorithm.name for algorithm in ALGORITHMS[op] if algorithm.name != "reference"])


@st.composite
def _products(
    draw: st.DrawFn, op: str, cases: st.SearchStrategy[Case], dtypes: Sequence[str], algorithm: str | None = None
) -> Call:
    case, dtype = _wider(draw, draw(cases)), draw(st.sampled_from(dtypes))
    outputs = case.weight_shape[1] * case.options["groups"] if op == "conv_transpose" else case.weight_shape[0]
    operands = [_values(draw, shape, dtype) for shape in (case.input_shape, case.weight_shape, (outputs,))]
    if draw(st.booleans()):
        operands[2] = None
    options = dict(case.options)
    if dtype == "float32":
        options["activation"] = draw(st.sampled_from([None, "relu", "silu"]))
    return _call(op, case.rank, operands, options, algorithm or draw(_algorithms(op)))


@st.composite
def _one_tap(draw: st.DrawFn) -> Call:
    """Kernels of one element, which read the input in place."""
    groups, channels, outputs = draw(st.integers(1, 2)), draw(st.integers(1, 5)), draw(st.integers(1, 40))
    size, dtype = (draw(st.integers(1, 9)), draw(st.integers(1, MOST_WIDER))), draw(st.sampled_from(WHOLE))
    shapes = ((draw(st.integers(1, 2)), groups * channels, *size), (groups * outputs, channels, 1, 1))
    operands = [_values(draw, shape, dtype) for shape in (*shapes, (groups * outputs,))]
    if draw(st.booleans()):
        operands[2] = None
    call = _activated_and_not if dtype == "float32" else _call
    return call("conv", 2, operands, {"groups": groups}, draw(_algorithms("conv")))


def _pool_options(case: PoolCase) -> dict[str, Any]:
    names = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")
    return {name: getattr(case, name) for name in names}


@st.composite
def _max_pool(draw: st.DrawFn) -> Call:
    case = _wider(draw, draw(pool_cases()))
    x = _values(draw, case.input_shape, draw(st.sampled_from(REAL_TYPES)))
    options = _pool_options(case) | {"return_indices": draw(st.booleans())}
    return _call("max_pool", case.rank, [x], options, draw(_algorithms("max_pool")))


@st.composite
def _avg_pool(draw: st.DrawFn) -> Call:
    case = _wider(draw, draw(pool_cases()))
    x = _values(draw, case.input_shape, draw(st.sampled_from(REAL_TYPES)))
    options = _pool_options(case) | {
        "count_include_pad": draw(st.booleans()),
        "divisor_override": draw(st.sampled_from([None, 3])),
    }
    return _call("avg_pool", case.rank, [x], options, draw(_algorithms("avg_pool")))


@st.composite
def _small_windows(draw: st.DrawFn) -> Call:
    """Poolings that have tiles of their own, and any at a step of 1, in every rank; rows are whole."""
    kernel, stride = draw(st.sampled_from([(3, 1), (3, 2), (2, 2), (4, 4), (5, 1)]))
    rank, sides = draw(st.integers(1, 3)), st.integers(kernel, 9)
    size = (*(draw(sides) for _ in range(rank - 1)), draw(st.integers(kernel, MOST_WIDER)))
    x = integers((draw(st.integers(1, 2)), draw(st.integers(1, 2)), *size), "float32", draw(seeds))
    padding = tuple((draw(st.integers(0, kernel - 1)), draw(st.integers(0, kernel - 1))) for _ in size)
    options = {"kernel_size": kernel, "stride": stride, "padding": padding, "ceil_mode": draw(st.booleans())}
    return _pools(rank, x, options, "tile")


@st.composite
def _strips(draw: st.DrawFn) -> Call:
    """Poolings whose tiles roll down strips: the usual windows of planes, with as much padding as they have."""
    kernel, stride = draw(st.sampled_from([(3, 1), (3, 2), (2, 2)]))
    size = (draw(st.integers(kernel, 9)), draw(st.integers(kernel, MOST_WIDER)))
    x = integers((draw(st.integers(1, 2)), draw(st.integers(1, 2)), *size), "float32", draw(seeds))
    padding = tuple((draw(st.integers(0, 1)), draw(st.integers(0, 1))) for _ in size)
    options = {"kernel_size": kernel, "stride": stride, "padding": padding, "ceil_mode": draw(st.booleans())}
    return _pools(2, x, options, "tile")


@st.composite
def _windows_around(draw: st.DrawFn) -> Call:
    """Poolings that give a result of the input's size."""
    kernel, dilation = draw(st.sampled_from([3, 5])), draw(st.integers(1, 2))
    rank = draw(st.integers(2, 3))
    size = (*(draw(st.integers(1, 9)) for _ in range(rank - 1)), draw(st.integers(1, MOST_WIDER)))
    dtype = draw(st.sampled_from(["float32", "uint8"]))
    x = integers((draw(st.integers(1, 3)), draw(st.integers(1, 3)), *size), dtype, draw(seeds))
    options = {"kernel_size": kernel, "stride": 1, "padding": dilation * (kernel // 2), "dilation": dilation}
    return _pools(rank, x, options, "flat")


@st.composite
def _whole_channels(draw: st.DrawFn) -> Call:
    """Poolings of each channel to one number, of maxima with their places or without."""
    op, rank = draw(st.sampled_from(["max_pool", "avg_pool"])), draw(st.integers(1, 3))
    size = (*(draw(st.integers(1, 5)) for _ in range(rank - 1)), draw(st.integers(1, MOST_WIDER)))
    shape = (draw(st.integers(1, 3)), draw(st.integers(1, 3)), *size)
    options: dict[str, Any] = {"kernel_size": size}
    if op == "max_pool":
        options["return_indices"] = draw(st.booleans())
    x = integers(shape, draw(st.sampled_from(["float32", "uint8"])), draw(seeds))
    return _call(op, rank, [x], options, "whole")


@st.composite
def _adaptive_pool(draw: st.DrawFn) -> Call:
    op, rank = draw(st.sampled_from(["adaptive_max_pool", "adaptive_avg_pool"])), draw(st.integers(1, 3))
    size = [*(draw(st.integers(1, 7)) for _ in range(rank - 1)), draw(st.integers(1, MOST_WIDER))]
    parts = tuple(draw(st.integers(1, n + 2)) for n in size)
    dtype = draw(st.sampled_from(REAL_TYPES)) if op == "adaptive_avg_pool" else "float32"
    x = _values(draw, (draw(st.integers(1, 2)), draw(st.integers(1, 2)), *size), dtype)
    options = {"return_indices": draw(st.booleans())} if op == "adaptive_max_pool" else {}
    return _call(op, rank, [x, parts], options, "windows")


@st.composite
def _lane_pool(draw: st.DrawFn) -> Call:
    """Poolings whose lanes are channels, of some vectors and of parts of one."""
    kind, places, rank = draw(st.sampled_from(["max", "avg"])), draw(st.booleans()), draw(st.integers(1, 3))
    shape = (draw(st.integers(1, 2)), *(draw(st.integers(2, 6)) for _ in range(rank)), draw(st.integers(2, 170)))
    x = np.moveaxis(integers(shape, draw(st.sampled_from(REAL_TYPES)), draw(seeds)), -1, 1)
    options = {"return_indices": places} if kind == "max" else {}
    if draw(st.booleans()):
        return _call(f"adaptive_{kind}_pool", rank, [x, draw(st.integers(1, 7))], options, "channels")
    windows = {"kernel_size": 2, "stride": draw(st.integers(1, 2)), "padding": draw(st.integers(0, 1))}
    return _call(f"{kind}_pool", rank, [x], windows | options, "channels")


@st.composite
def _lp_pool(draw: st.DrawFn) -> Call:
    case = _wider(draw, draw(pool_cases()))
    x, norm = _values(draw, case.input_shape, "float32"), draw(st.sampled_from([1, 2, 3, 2.5]))
    return _call("lp_pool", case.rank, [x, norm], _pool_options(case), draw(st.sampled_from(["powers", "windows"])))


@st.composite
def _fractional_pool(draw: st.DrawFn) -> Call:
    rank = draw(st.integers(2, 3))
    kernel, outputs = (draw(st.tuples(*[st.integers(1, most)] * rank)) for most in (3, 9 - 2 * rank))
    size = [n + k - 1 + draw(st.integers(0, 40)) for n, k in zip(outputs, kernel, strict=True)]
    x = _values(draw, (draw(st.integers(1, 2)), draw(st.integers(1, 2)), *size), "float32")
    options = {"return_indices": draw(st.booleans()), "rng": draw(seeds)}
    return _call("fractional_max_pool", rank, [x, kernel, outputs], options, "windows")


@st.composite
def _pool_gradients(draw: st.DrawFn) -> Call:
    """Gradients of averages, norms and maxima, and maxima put back; indices may be wrong, and some are far off."""
    case = _wider(draw, draw(pool_cases()))
    rank, windows = case.rank, (case.kernel_size, case.stride, case.padding)
    sizes = fc.pool_output_size(case.input_shape[2:], *windows, case.dilation, case.ceil_mode)
    dy = _values(draw, (*case.input_shape[:2], *sizes), "float32")
    far = draw(st.sampled_from([1, 2, 2**40]))
    places = np.random.default_rng(draw(seeds)).integers(0, far * np.prod(case.input_shape[2:]), dy.shape)
    pads = tuple((n - 1, 0) for n in sizes)
    x, norm = _values(draw, case.input_shape, "float32"), draw(st.sampled_from([2, 2.5]))
    more = {"padding": case.padding, "dilation": case.dilation}

    def run() -> None:
        for given in (dy, LAYOUTS["channels last"](dy)):
            getattr(fc.grad, f"avg_pool{rank}d")(
                given, case.input_shape, *windows, case.ceil_mode, dilation=case.dilation
            )
        getattr(fc.grad, f"adaptive_avg_pool{rank}d")(dy[(..., *[slice(1)] * rank)], case.input_shape)
        getattr(fc.grad, f"lp_pool{rank}d")(dy, x, norm, *windows[:2], case.ceil_mode, **more)
        for put in (
            lambda: getattr(fc.grad, f"max_pool{rank}d")(dy, places, case.input_shape),
            lambda: getattr(fc, f"max_unpool{rank}d")(dy, places, case.input_shape[2:], 1, pads),
        ):
            with suppress(IndexError):
                put()

    return Call(f"gradients of pools on {case}, {_text(dy)}, indices up to {far} planes", run)


@st.composite
def _matrix(draw: st.DrawFn) -> Call:
    """K' and its transpose: built, multiplied by a vector and by a matrix, and given other weights."""
    case, (dtype, index_dtype) = draw(conv_cases()), draw(st.sampled_from(MATRIX_TYPES))
    weight, columns = _values(draw, case.weight_shape, dtype), draw(st.integers(1, 20))
    size = case.input_shape[1:]

    def run() -> None:
        built = fc.conv_matrix(weight, size, **case.options, index_dtype=index_dtype)
        for matrix in (built, built.T):
            matrix @ integers(matrix.shape[1:], dtype)
            matrix @ integers((matrix.shape[1], columns), dtype)
        built.update(weight)

    return Call(
        f"conv_matrix({_text(weight)}, {size}, **{case.options}, {index_dtype.__name__}), {columns} columns", run
    )


@st.composite
def _gradients(draw: st.DrawFn, cases: st.SearchStrategy[Case]) -> Call:
    """Both gradients of a convolution; that for the weight has the input's outputs as taps."""
    case = draw(cases)
    names = ("stride", "padding", "dilation")
    per_axis = [case.options[name] for name in names]
    size = fc.conv_output_size(case.input_shape[2:], case.weight_shape[2:], *per_axis)
    shape = (case.input_shape[0], case.weight_shape[0], *size)
    x, weight, grad = (_values(draw, shape, "float32") for shape in (case.input_shape, case.weight_shape, shape))
    settings = (*per_axis, case.options["groups"])

    def run() -> None:
        getattr(fc.grad, f"conv{case.rank}d_input")(x.shape, weight, grad, *settings)
        getattr(fc.grad, f"conv{case.rank}d_weight")(x, weight.shape, grad, *settings)

    return Call(f"gradients of conv{case.rank}d({_text(x)}, {_text(weight)}, {settings}), {_text(grad)}", run)


@st.composite
def _last_depthwise_gradients(draw: st.DrawFn) -> Call:
    """The same of channels-last arrays, by tiles of each window in turn, and of rows that share none with others."""
    calls = []
    for columns, step in channel_weights:
        channels, kernel = draw(st.integers(2, 40)), (draw(st.integers(1, columns + 1)), columns)
        stride = (draw(st.sampled_from([step, 3])), step)
        padding = tuple(draw(st.tuples(*[st.integers(0, 3)] * 2)) for _ in kernel)
        size = (draw(st.integers(kernel[0], 12)), draw(st.integers(columns, 20)))
        weight_shape, batch = (channels, 1, *kernel), draw(st.integers(1, 2))
        outputs = (batch, channels, *fc.conv_output_size(size, kernel, stride, padding))
        x, dy = (
            LAYOUTS["channels last"](integers(shape, "float32", draw(seeds)))
            for shape in ((batch, channels, *size), outputs)
        )
        run = partial(fc.grad.conv2d_weight, x, weight_shape, dy, stride, padding, groups=channels)
        calls.append(Call(f"grad.conv2d_weight({_text(x)}, {weight_shape}, {_text(dy)}, {stride}, {padding})", run))
    return _in_turn(calls)


@st.composite
def _depthwise_gradients(draw: st.DrawFn) -> Call:
    """Gradients of depthwise convolutions for their weight, by tiles of each shape in turn."""
    calls = []
    for shape in WEIGHT_SHAPES:
        channels, multiplier = draw(st.integers(1, 3)), draw(st.integers(1, 2))
        rows = shape.taps * draw(st.integers(1, 2)) if shape.taps > 1 else 2
        kernel, stride = (rows, draw(st.integers(1, 6))), (shape.row_step, shape.column_step)
        padding = tuple(draw(st.tuples(*[st.integers(0, 3)] * 2)) for _ in kernel)
        size = (draw(st.integers(4, 20)) * stride[0] + rows, draw(st.integers(20, 60)) * stride[1])
        x = _values(draw, (draw(st.integers(1, 2)), channels, *size), "float32")
        weight_shape = (channels * multiplier, 1, *kernel)
        outputs = (x.shape[0], weight_shape[0], *fc.conv_output_size(size, kernel, stride, padding))
        dy = integers(outputs, "float32", draw(seeds))  # as it stands, lest most calls are none of tiles
        run = partial(fc.grad.conv2d_weight, x, weight_shape, dy, stride, padding, groups=channels)
        calls.append(Call(f"grad.conv2d_weight({_text(x)}, {weight_shape}, {_text(dy)}, {stride}, {padding})", run))
    return _in_turn(calls)


@st.composite
def _stretched(draw: st.DrawFn) -> Call:
    """Transposed depthwise convolutions at a stride of 2, by each kernel in turn."""
    calls = []
    for taps, lead in stretched:
        channels, multiplier, dtype = draw(st.integers(1, 3)), draw(st.integers(1, 2)), draw(st.sampled_from(WHOLE))
        shape = (draw(st.integers(1, 2)), channels, draw(st.integers(4, 12)), draw(st.integers(4, 60)))
        operands = [_values(draw, shape, dtype), _values(draw, (channels, multiplier, taps, taps), dtype)]
        padding = tuple(((taps - 1 - lead) % 2, draw(st.integers(0, taps - 1))) for _ in range(2))
        options = {"stride": 2, "padding": padding, "groups": channels}
        calls.append(_call("conv_transpose", 2, operands, options, "stretched"))
    return _in_turn(calls)


@st.composite
def _single(draw: st.DrawFn) -> Call:
    """Transposed convolutions of images of one position, and convolutions of images that are one window."""
    batch, groups, dtype = draw(st.integers(1, 20)), draw(st.integers(1, 2)), draw(st.sampled_from(WHOLE))
    channels, outputs = draw(st.integers(2, 40)), draw(st.integers(1, 20))
    kernel = tuple(draw(st.integers(1, 5)) for _ in range(2))
    algorithms = ["single", "unpacked"] if np.dtype(dtype).kind == "f" and machine().masked_loads else ["single"]
    algorithm = draw(st.sampled_from(algorithms))
    op = draw(st.sampled_from(["conv", "conv_transpose"]))
    if op == "conv":
        shapes = (batch, groups * channels, *kernel), (groups * outputs, channels, *kernel)
    else:
        shapes = (batch, groups * channels, 1, 1), (groups * channels, outputs, *kernel)
    operands: list[Any] = [_values(draw, shape, dtype) for shape in (*shapes, (groups * outputs,))]
    if draw(st.booleans()):
        operands[2] = None
    return _call(op, 2, operands, {"groups": groups}, algorithm)


#: Output channels that are lanes seldom, and as a rule.
FEW, WHOLE_VECTORS = st.integers(1, 20), st.sampled_from((32, 37, 64))


@st.composite
def _three_by_three(draw: st.DrawFn) -> Call:
    """Convolutions with the kernels that Winograd's algorithm is for."""
    groups, batch = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    channels, out_channels = groups * draw(st.integers(1, 20)), groups * draw(st.one_of(FEW, WHOLE_VECTORS))
    size = [draw(st.integers(3, 40)) for _ in range(2)]
    shapes = (batch, channels, *size), (out_channels, channels // groups, 3, 3), (out_channels,)
    operands: list[Any] = [_values(draw, shape, "float32") for shape in shapes]
    if draw(st.booleans()):
        operands[2] = None
    padding = tuple((draw(st.integers(0, 2)), draw(st.integers(0, 2))) for _ in range(2))
    options = {
        "padding": padding,
        "groups": groups,
        "dilation": tuple(
            draw(st.integers(1, 1 + (n + pads[0] + pads[1] - 3) // 2)) for n, pads in zip(size, padding, strict=True)
        ),
        "padding_mode": draw(st.sampled_from(["zeros", "reflect", "circular"])),
        "activation": draw(st.sampled_from([None, "relu"])),
    }
    return _call("conv", 2, operands, options, "winograd", draw(st.booleans()))


@st.composite
def _pairs_of_rows(draw: st.DrawFn) -> Call:
    """What Winograd's algorithm sums in pairs of rows."""
    groups, channels, outputs = draw(st.integers(1, 3)), draw(st.integers(1, 9)), draw(st.integers(1, 13))
    size = draw(st.integers(3, 30)), draw(st.integers(3, 80))
    shapes = (
        (draw(st.integers(1, 2)), groups * channels, *size),
        (groups * outputs, channels, 3, 3),
        (groups * outputs,),
    )
    operands: list[Any] = [_values(draw, shape, "float32") for shape in shapes]
    if draw(st.booleans()):
        operands[2] = None
    padding = tuple((draw(st.integers(0, 5)), draw(st.integers(0, 5))) for _ in range(2))
    options = {"padding": padding, "groups": groups, "activation": draw(st.sampled_from([None, "relu"]))}
    return _call("conv", 2, operands, options, "winograd_rows" if loads_pairs(4) else "tile")


@st.composite
def _pieces(draw: st.DrawFn, out_channels: st.SearchStrategy[int]) -> Call:
    """Longer kernels, strided and transposed ones, which Winograd's algorithm cuts into pieces of one to three taps."""
    points = draw(st.sampled_from([(4, 4), (3, 3), (1, 4), (4, 1)]))
    transposed = 1 not in points and draw(st.booleans())
    axes = [draw(st.sampled_from(PIECED_AXES[transposed][count])) for count in points]
    groups, channels, outputs = draw(st.integers(1, 2)), draw(st.integers(1, 9)), draw(out_channels)
    depth = draw(st.lists(st.integers(1, 2), max_size=1))
    kernel, size = (*depth, *(axis[0] for axis in axes)), (*depth, *(draw(st.integers(11, 40)) for _ in axes))
    weight = (groups * channels, outputs) if transposed else (groups * outputs, channels)
    shapes = ((draw(st.integers(1, 2)), groups * channels, *size), (*weight, *kernel), (groups * outputs,))
    operands: list[Any] = [_values(draw, shape, "float32") for shape in shapes]
    if draw(st.booleans()):
        operands[2] = None
    options = {
        "padding": tuple(draw(st.integers(0, taps // 2)) for taps in kernel),
        "stride": (*[1] * len(depth), *(axis[1] for axis in axes)),
        "groups": groups,
        "activation": draw(st.sampled_from([None, "relu"])),
    }
    op = "conv_transpose" if transposed else "conv"
    return _call(op, len(kernel), operands, options, "winograd", draw(st.booleans()))


#: By whether it is transposed and by its points, lengths of a kernel and strides.
PIECED_AXES = {
    False: {1: [(1, 1), (1, 2)], 3: [(2, 1), (4, 1), (3, 2), (4, 2)], 4: [(5, 1), (7, 2), (5, 2), (11, 4), (7, 3)]},
    True: {3: [(3, 2), (4, 2), (2, 1)], 4: [(5, 2), (6, 2), (5, 1)]},
}


@st.composite
def _channels_last(draw: st.DrawFn) -> Call:
    """Calls whose channels stand beside each other, up to some vectors of them."""
    channels = draw(st.integers(2, 70))
    if draw(st.booleans()):
        case = draw(depthwise_cases())
        shapes = (case.input_shape[0], channels, *case.input_shape[2:]), (channels, 1, *case.weight_shape[2:])
        dtype = draw(st.sampled_from(("float32", "int16")))
        x, w = (LAYOUTS["channels last"](integers(shape, dtype, draw(seeds))) for shape in shapes)
        options = case.options | {"groups": channels}
        if dtype == "float32":
            options["activation"] = draw(st.sampled_from([None, "relu"]))
        call = _call("conv", case.rank, [x, w, None], options, "channels")
    else:
        pool = draw(pool_cases())
        x = integers((pool.input_shape[0], channels, *pool.input_shape[2:]), draw(st.sampled_from(REAL_TYPES)))
        x = LAYOUTS["channels last"](x)
        call = _pools(pool.rank, x, _pool_options(pool), "channels")
    return call


@st.composite
def _rows_of_channels(draw: st.DrawFn) -> Call:
    """Depthwise convolutions of channels-last images, by tiles of a row of pixels."""
    rank, channels, (columns, step) = (
        draw(st.integers(1, 3)),
        draw(st.integers(2, 40)),
        draw(st.sampled_from(ROW_WINDOWS)),
    )
    kernel = (*(draw(st.integers(1, 3)) for _ in range(rank - 1)), columns)
    size = (*(draw(st.integers(3, 5)) for _ in range(rank - 1)), columns + draw(st.integers(0, 40)))
    shapes = (draw(st.integers(1, 2)), channels, *size), (channels, 1, *kernel), (channels,)
    operands: list[Any] = [LAYOUTS["channels last"](integers(shapes[0], "float32", draw(seeds)))]
    operands += [_values(draw, shape, "float32") for shape in shapes[1:]]
    if draw(st.booleans()):
        operands[2] = None
    options = {
        "padding": draw(st.integers(0, 2)),
        "stride": (*(draw(st.integers(1, 2)) for _ in range(rank - 1)), step),
        "groups": channels,
        "padding_mode": draw(st.sampled_from(["zeros", "reflect"])),
        "activation": draw(st.sampled_from([None, "relu"])),
    }
    return _call("conv", rank, operands, options, "channels")


@st.composite
def _interleaved(draw: st.DrawFn) -> Call:
    """Convolutions of whole numbers, of enough products for their channels to be interleaved."""
    transposed, groups = draw(st.booleans()), draw(st.integers(1, 2))
    channels, outputs, size = (draw(st.integers(least, least + 9)) for least in (31, 16, 14))
    dtypes, sums = draw(st.sampled_from(INTERLEAVED_TYPES))
    weight = (groups * channels, outputs, 3, 3) if transposed else (groups * outputs, channels, 3, 3)
    shapes = (1, groups * channels, size, size), weight
    operands: list[Any] = [_values(draw, shape, dtype) for shape, dtype in zip(shapes, dtypes, strict=True)]
    options = {"padding": draw(st.integers(0, 2)), "groups": groups, "dtype": sums}
    algorithm = draw(st.sampled_from(["panel", "spread", "tile"]))
    return _call("conv_transpose" if transposed else "conv", 2, operands, options, algorithm)


@st.composite
def _by_values(draw: st.DrawFn) -> Call:
    """Convolutions of small whole numbers of many bits, which are looked at, and sums that are converted."""
    channels, outputs, side = draw(st.integers(31, 36)), draw(st.integers(58, 64)), draw(st.integers(24, 26))
    shapes = (1, channels, side, side), (outputs, channels, 3, 3)
    operands: list[Any] = [_values(draw, shape, "int64") for shape in shapes]
    return _call("conv", 2, operands, {"padding": 1}, "auto")


@st.composite
def _widened(draw: st.DrawFn) -> Call:
    """Convolutions of 16-bit numbers, of enough products for their sums to be widened."""
    taps, channels, outputs = draw(st.sampled_from([1, 3])), draw(st.integers(33, 40)), draw(st.integers(32, 40))
    side = {1: 34, 3: 15}[taps] + draw(st.integers(0, 3))
    x = integers((1, channels, side, side), "int16", draw(seeds))
    if draw(st.booleans()):
        x = LAYOUTS["channels last"](x)
    operands: list[Any] = [x, _values(draw, (outputs, channels, taps, taps), "int16")]
    return _activated_and_not("conv", 2, operands, {"padding": draw(st.integers(0, taps // 2))}, "spread")


@st.composite
def _turned_images(draw: st.DrawFn) -> Call:
    """Depthwise convolutions of more channels than a vector has, on images of more pixels, or as many."""
    most, (side, step) = 64 // 4, draw(st.sampled_from(list(turned_windows)))
    rank = draw(st.integers(1, 3))
    channels = draw(st.integers(most, 2 * most + 3))
    size = (*(draw(st.integers(2, 3)) for _ in range(rank - 1)), draw(st.integers(most, 24)))
    pads = tuple((draw(st.integers(0, 1)), draw(st.integers(0, 1))) for _ in range(rank))
    kernel = (*(draw(st.integers(1, 2)) for _ in range(rank - 1)), side)
    shapes = (draw(st.integers(1, 2)), channels, *size), (channels, 1, *kernel), (channels,)
    x = integers(shapes[0], "float32", draw(seeds))  # it takes pixels that follow each other, or their channels
    if draw(st.booleans()):
        x = np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1)
    operands: list[Any] = [x]
    operands += [_values(draw, shape, "float32") for shape in shapes[1:]]
    if draw(st.booleans()):
        operands[2] = None
    options = {
        "padding": pads,
        "stride": step,
        "groups": channels,
        "padding_mode": draw(st.sampled_from(["zeros", "replicate"])),
        "activation": draw(st.sampled_from([None, "relu"])),
    }
    return _call("conv", rank, operands, options, "turned")


@st.composite
def _inside(draw: st.DrawFn) -> Call:
    """Dense convolutions of small images, tap by tap, in either order of memory."""
    rank, groups = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    channels, outputs = draw(st.integers(1, 9)), draw(st.integers(1, 70))
    size = tuple(draw(st.integers(5, 8)) for _ in range(rank))
    x = integers((draw(st.integers(1, 3)), groups * channels, *size), "float32", draw(seeds))
    if draw(st.booleans()):
        x = LAYOUTS["channels last"](x)
    w = _values(draw, (groups * outputs, channels, *(3,) * rank), "float32")
    options = {
        "padding": tuple((draw(st.integers(1, 2)), draw(st.integers(1, 2))) for _ in range(rank)),
        "dilation": draw(st.integers(1, 2)),
        "groups": groups,
    }
    return _activated_and_not("conv", rank, [x, w, None], options, "inside")


@st.composite
def _turned(draw: st.DrawFn) -> Call:
    """Dense convolutions whose input, result or both have channels beside each other, or neither."""
    rank, groups = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    channels, outputs, pad = draw(st.integers(2, 9)), draw(st.integers(2, 40)), draw(st.integers(0, 1))
    size, kernel = [draw(st.integers(3, 30)) for _ in range(rank)], [draw(st.integers(1, 3)) for _ in range(rank)]
    batch = draw(st.integers(1, 2))
    lay_x, lay_y = (LAYOUTS[draw(st.sampled_from(("contiguous", "channels last")))] for _ in range(2))
    x = lay_x(integers((batch, groups * channels, *size), "float32", draw(seeds)))
    w = integers((groups * outputs, channels, *kernel), "float32", draw(seeds))
    sizes = fc.conv_output_size(tuple(size), tuple(kernel), padding=pad)
    options = {
        "padding": pad,
        "groups": groups,
        "activation": draw(st.sampled_from([None, "relu"])),
        "out": lay_y(np.zeros((batch, groups * outputs, *sizes), np.float32)),
    }
    return _call("conv", rank, [x, w, None], options, "spread")


@st.composite
def _panel(draw: st.DrawFn) -> Call:
    """Convolutions from panels: rows longer than a tile and shorter, pieces shared by taps and not, any border."""
    rank, groups = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    channels, outputs, stride = draw(st.integers(1, 9)), draw(st.integers(1, 70)), draw(st.sampled_from([1, 2, 2, 3]))
    size = *(draw(st.integers(4, 9)) for _ in range(rank - 1)), draw(st.integers(4, MOST_WIDER))
    kernel = [draw(st.integers(1, 4)) for _ in range(rank)]
    dtype = draw(st.sampled_from(["float32", "float64", "int32"] if ALL_TYPES else ["float32"]))
    x = _values(draw, (draw(st.integers(1, 2)), groups * channels, *size), dtype)
    w = integers((groups * outputs, channels, *kernel), dtype, draw(seeds))
    options: dict[str, Any] = {"stride": stride, "groups": groups}
    if draw(st.booleans()):
        mode = draw(st.sampled_from(["zeros", "reflect", "replicate", "circular"]))
        return _activated_and_not("conv", rank, [x, w, None], options | {"padding": 1, "padding_mode": mode}, "panel")
    w = integers((groups * channels, outputs, *[k + stride - 1 for k in kernel]), dtype, draw(seeds))
    return _activated_and_not("conv_transpose", rank, [x, w, None], options, "panel")


@st.composite
def _pad(draw: st.DrawFn) -> Call:
    """Pads and crops of up to five axes, in words of every size that is moved."""
    shape = (*draw(st.lists(st.integers(1, 4), max_size=4)), draw(st.integers(1, MOST_WIDER)))
    x = _values(draw, shape, draw(st.sampled_from(PAD_TYPES)))
    mode = draw(st.sampled_from(["constant", "reflect", "replicate", "circular", "symmetric"]))
    pad: list[int] = []
    for size in reversed(shape):
        most = {"constant": 9, "replicate": 9, "reflect": size - 1}.get(mode, size)
        before = draw(st.integers(0, most) | st.integers(-size, -1) if mode != "circular" else st.integers(0, most))
        pad += [before, draw(st.integers(0 if mode == "circular" else max(-size, -size - before), most))]
    given = tuple(pad[: 2 * draw(st.integers(0, len(shape)))])
    return Call(f"pad({_text(x)}, {given}, {mode!r})", lambda: fc.pad(x, given, mode))


@st.composite
def _columns(draw: st.DrawFn) -> Call:
    """Windows as columns and back."""
    case = _wider(draw, draw(conv_cases(padding_modes=("zeros",))))
    x = _values(draw, case.input_shape, draw(st.sampled_from(REAL_TYPES)))
    arguments = (case.weight_shape[2:], *(case.options[name] for name in ("dilation", "padding", "stride")))
    layout = LAYOUTS[draw(layouts)]

    def run() -> None:
        fc.fold(layout(fc.unfold(x, *arguments)), case.input_shape[2:], *arguments)

    return Call(f"unfold and fold({_text(x)}, {arguments})", run)


@st.composite
def _footprints(draw: st.DrawFn) -> Call:
    """Extremes of windows of any shape, and sums of whole numbers that lose their fraction, with pairs and without."""
    shape = (*draw(st.lists(st.integers(1, 5), max_size=2)), draw(st.integers(1, 9 * MOST_WIDER)))
    taps = draw(st.tuples(*[st.integers(1, 5)] * len(shape)))
    values, whole = (_values(draw, shape, dtype) for dtype in ("float32", "int8"))
    window = np.random.default_rng(draw(seeds)).random(taps)
    line = draw(st.sampled_from([window.ravel(), np.concatenate([window.ravel(), window.ravel()[-2::-1]])]))
    mode = draw(st.sampled_from(["reflect", "constant", "wrap"]))

    def run() -> None:
        for extreme in (fc.ndimage.maximum_filter, fc.ndimage.minimum_filter):
            extreme(values, footprint=window >= window.flat[0], mode=mode)
        fc.ndimage.correlate(whole, window, mode=mode)
        fc.ndimage.correlate1d(whole, line, 0, mode=mode)
        fc.ndimage.correlate(whole.astype(np.int32), window, mode=mode)

    return Call(f"footprints of {taps} on {_text(values)}, {_text(whole)}, {line.size} in a line, {mode!r}", run)


@st.composite
def _boxes(draw: st.DrawFn) -> Call:
    """Means, extremes, and sums of lines of weights, down rows and along them."""
    shape = (*draw(st.lists(st.integers(1, 40), max_size=2)), draw(st.integers(1, MOST_WIDER)))
    taps = draw(st.tuples(*[st.integers(1, 60)] * len(shape)))
    x = _values(draw, shape, draw(st.sampled_from(["uint8", "int16", "float32", "float64"])))
    mode = draw(st.sampled_from(["reflect", "constant", "wrap"]))

    def run() -> None:
        fc.ndimage.uniform_filter(x, taps, mode=mode)
        fc.ndimage.maximum_filter(x, taps, mode=mode)
        fc.ndimage.minimum_filter(x, taps, mode=mode)
        for axis, count in enumerate(taps):
            fc.ndimage.uniform_filter1d(x, count, axis, mode=mode)
            fc.ndimage.correlate1d(x, np.arange(float(count)), axis, mode=mode)
        fc.ndimage.sobel(x, mode=mode)
        if x.dtype == np.uint8:
            fc.ndimage.gaussian_filter(x, 1, mode=mode)

    return Call(f"boxes and lines of {taps} on {_text(x)}, {mode!r}", run)


@st.composite
def _fourier(draw: st.DrawFn) -> Call:
    """Any part of convolutions along one axis or two, by blocks of any size, or of whole images."""
    rank, images = draw(st.integers(1, 2)), draw(st.integers(1, 3))
    sizes, taps = st.integers(1, {1: 3000, 2: 60}[rank]), st.integers(1, {1: 300, 2: 20}[rank])
    shape, kernel = draw(st.tuples(*[sizes] * rank)), draw(st.tuples(*[taps] * rank))
    begin = tuple(draw(st.integers(0, n + k - 2)) for n, k in zip(shape, kernel, strict=True))
    count = tuple(draw(st.integers(1, n + k - 1 - first)) for n, k, first in zip(shape, kernel, begin, strict=True))
    x, w = integers((images, *shape), "float32", draw(seeds)), integers(kernel, "float32", draw(seeds))
    y, dtype = np.empty((images, *count), np.float32), np.dtype(np.float32)
    axes = tuple(map(FourierAxis, shape, kernel, begin, count))
    if rank == 2 and draw(st.booleans()):
        pair, longer = (axes[0], axes[1]), draw(st.tuples(*[st.integers(0, 4)] * 2))
        cuts = [next(islice(image_cuts(pair[i], i, dtype), longer[i], None)) for i in (0, 1)]
        product = image_plan(pair, cuts, dtype)
        return Call(f"{cuts} of {_text(x[0])}, {_text(w)}", lambda: product.run(x[0], w, y[0]))
    stand, sources = contiguous(axes, images)
    heads = list(strip_heads(axes, stand, dtype))
    head = draw(st.sampled_from([head for head in heads if head.rows * head.columns <= 4096] or heads[:1]))
    plan = strip_plan(head, axes, stand, sources, dtype)
    return Call(f"{head} on {_text(x)}, {_text(w)}", lambda: plan.run(x, w, y))


FAMILIES: dict[str, st.SearchStrategy[Call]] = {
    "conv": _products("conv", conv_cases(), COMPLEX),
    "one_tap": _one_tap(),
    "conv_transpose": _products("conv_transpose", conv_transpose_cases(), WHOLE),
    "three by three": _three_by_three(),
    "pairs of rows": _pairs_of_rows(),
    "pieces": _pieces(FEW),
    "pieces, channels as lanes": _pieces(WHOLE_VECTORS),
    "square windows": _products("conv", depthwise_cases(square=1), ["float32"], algorithm="depthwise"),
    "square windows apart": _products("conv", depthwise_cases(square=2), ["float32"], algorithm="depthwise"),
    "beside borders": _products(
        "conv",
        depthwise_cases(square=1, modes=("reflect", "circular"))
        | depthwise_cases(square=2, modes=("symmetric",))
        | depthwise_cases(modes=("replicate",)),
        ["float32"],
        algorithm="depthwise",
    ),
    "depthwise": _products("conv", depthwise_cases(), WHOLE, algorithm="depthwise"),
    "max_pool": _max_pool(),
    "avg_pool": _avg_pool(),
    "small windows": _small_windows(),
    "strips": _strips(),
    "windows around": _windows_around(),
    "whole channels": _whole_channels(),
    "adaptive_pool": _adaptive_pool(),
    "lane_pool": _lane_pool(),
    "channels last": _channels_last(),
    "rows of channels": _rows_of_channels(),
    "interleaved": _interleaved(),
    "by values": _by_values(),
    "inside": _inside(),
    "widened": _widened(),
    "turned": _turned(),
    "turned images": _turned_images(),
    "panel": _panel(),
    "gradients": _gradients(conv_cases(padding_modes=("zeros",))),
    "depthwise gradients": _depthwise_gradients(),
    "channels-last depthwise gradients": _last_depthwise_gradients(),
    "stretched": _stretched(),
    "single": _single(),
    "lp_pool": _lp_pool(),
    "fractional_max_pool": _fractional_pool(),
    "pool gradients": _pool_gradients(),
    "pad": _pad(),
    "footprints": _footprints(),
    "boxes": _boxes(),
    "columns": _columns(),
    "matrix": _matrix(),
    "fourier": _fourier(),
}

#: Families that share a process, whose start takes longer than the calls of one.
GROUPS = tuple(tuple(FAMILIES)[first::7] for first in range(7))
