"""What the operations are tried on: exact values, memory layouts, and geometries that always give an output."""

import functools
import gc
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from numba import config
from numpy.typing import DTypeLike, NDArray

from fastconv.jit.recall import Recall
from sharing import share_out

PADDING_MODES = ("zeros", "reflect", "replicate", "circular", "symmetric")

# Per spatial rank: most taps of a kernel along an axis, and most elements beyond the fewest that give an output.
MOST_TAPS = {1: 6, 2: 3, 3: 2}
MOST_MORE = {1: 14, 2: 6, 3: 3}

REAL = ("float16", "float32", "float64", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)))

#: Real types for operations whose kernels do the same in any: seconds to compile for each, so compiled for few.
FEW_REAL = ("float16", "float32", "int8") if not config.DISABLE_JIT else ("bool", *REAL)

seeds = st.integers(0, 2**32 - 1)


def examples(count: int) -> settings:
    """Settings for `count` examples: the same ones each time under CI, and no deadline since first calls compile."""
    return settings(max_examples=count, deadline=None, derandomize="CI" in os.environ)


def forget_decisions() -> None:
    """Let calls that were made before be planned anew."""
    for clear in _memories(len(sys.modules)):
        clear()


@functools.lru_cache(maxsize=1)
def _memories(modules: int) -> list[Callable[[], None]]:
    """What clears a memory, of each that so many modules made; to look for them takes 0.2 s."""
    floors = ("fastconv.plan.", "fastconv.ops.")
    found: list[Callable[[], None]] = []
    for memory in gc.get_objects():
        if type(memory) is functools._lru_cache_wrapper and memory.__module__.startswith(floors):
            found.append(memory.cache_clear)
        elif type(memory) is Recall:
            found.append(memory.clear)
    return found


@contextmanager
def small_blocks() -> Iterator[None]:
    """Cut calls into so small blocks and chunks that even small ones have several."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fastconv.plan.blocks.ROW_LIMITS", (3,))
        patch.setattr("fastconv.plan.blocks.MOST_ROWS", 2)
        patch.setattr("fastconv.plan.depthwise.MOST_OUTPUTS", 40)
        patch.setattr("fastconv.plan.flat_pool.BLOCK_BYTES", 1)
        patch.setattr("fastconv.plan.whole_pool.TASK_ELEMENTS", 1)
        patch.setattr("fastconv.plan.pool_tile.MOST_OUTPUTS", 40)
        patch.setattr("fastconv.plan.pool_tile.COLUMNS", 9)
        patch.setattr("fastconv.plan.window_pool.LONGEST_PIECE", 5)
        share_out(patch, helpers=3)
        forget_decisions()
        yield
    forget_decisions()


def integers(shape: tuple[int, ...], dtype: DTypeLike = np.float64, seed: int = 0) -> NDArray[Any]:
    """Small whole numbers of any dtype, whose sums of products are exact: comparisons need no tolerance."""
    dtype, rng = np.dtype(dtype), np.random.default_rng(seed)
    values = rng.integers(0 if dtype.kind in "ub" else -4, 2 if dtype.kind == "b" else 5, shape)
    return (values + 1j * rng.integers(-4, 5, shape) if dtype.kind == "c" else values).astype(dtype)


def _strided(values: NDArray[Any]) -> NDArray[Any]:
    view = np.zeros([2 * size + 1 for size in values.shape], values.dtype)[(slice(1, None, 2),) * values.ndim]
    view[...] = values
    return view


def _backwards(values: NDArray[Any]) -> NDArray[Any]:
    back = (slice(None, None, -1),) * values.ndim
    return np.ascontiguousarray(values[back])[back]


def _misaligned(values: NDArray[Any]) -> NDArray[Any]:
    view = np.zeros(values.nbytes + 1, np.uint8)[1:].view(values.dtype).reshape(values.shape)
    view[...] = values
    return view


def _field(values: NDArray[Any], *others: tuple[str, DTypeLike]) -> NDArray[Any]:
    records = np.zeros(values.shape, [*others, ("values", values.dtype)])
    records["values"] = values
    return records["values"]


def _read_only(values: NDArray[Any]) -> NDArray[Any]:
    copy = values.copy()
    copy.flags.writeable = False
    return copy


#: Each turns an array into an equal one that lies differently in memory.
LAYOUTS: dict[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
    "contiguous": np.ascontiguousarray,
    "read-only": _read_only,
    "fortran": np.asfortranarray,
    "strided": _strided,
    "backwards": _backwards,
    "last axis first": lambda values: np.moveaxis(np.ascontiguousarray(np.moveaxis(values, -1, 0)), 0, -1),
    "channels last": lambda values: (
        np.moveaxis(np.ascontiguousarray(np.moveaxis(values, 1, -1)), -1, 1) if values.ndim > 1 else values
    ),
    "byte-swapped": lambda values: values.astype(values.dtype.newbyteorder()),
    "misaligned": _misaligned,
    "field": lambda values: _field(values, ("other", values.dtype)),
    "packed field": lambda values: _field(values, ("other", np.int8)),
}


@dataclass(frozen=True)
class Case:
    """A convolution or a transposed one without its values; the reference takes `options` by the same names."""

    input_shape: tuple[int, ...]
    weight_shape: tuple[int, ...]
    options: dict[str, Any]

    @property
    def rank(self) -> int:
        """Number of spatial axes."""
        return len(self.input_shape) - 2


@dataclass(frozen=True)
class PoolCase:
    """A pooling without its values."""

    input_shape: tuple[int, ...]
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    ceil_mode: bool

    @property
    def rank(self) -> int:
        """Number of spatial axes."""
        return len(self.input_shape) - 2


@dataclass(frozen=True)
class _Windows:
    """The spatial part of a case."""

    kernel: tuple[int, ...]
    dilation: tuple[int, ...]
    stride: tuple[int, ...]

    @property
    def extents(self) -> tuple[int, ...]:
        """Positions that a window reaches over."""
        return tuple(d * (k - 1) + 1 for d, k in zip(self.dilation, self.kernel, strict=True))


@st.composite
def _windows(draw: st.DrawFn) -> _Windows:
    rank = draw(st.integers(1, 3))

    def per_axis(most: int) -> tuple[int, ...]:
        return draw(st.tuples(*[st.integers(1, most)] * rank))

    return _Windows(kernel=per_axis(MOST_TAPS[rank]), dilation=per_axis(3), stride=per_axis(4))


def _size(draw: st.DrawFn, fewest: int, rank: int) -> int:
    fewest = max(1, fewest)
    return draw(st.integers(fewest, fewest + MOST_MORE[rank]))


@st.composite
def conv_cases(draw: st.DrawFn, *, padding_modes: tuple[str, ...] = PADDING_MODES) -> Case:
    """Convolutions of any rank, with padding from none to beyond the kernel."""
    windows = draw(_windows())
    padding = tuple(draw(st.tuples(*[st.integers(0, extent + 1)] * 2)) for extent in windows.extents)
    rank = len(padding)
    size = [_size(draw, e - sum(pads), rank) for e, pads in zip(windows.extents, padding, strict=True)]
    groups, channels, outputs = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.sampled_from([1, 2, 3, 5, 9]))
    return Case(
        input_shape=(draw(st.integers(1, 2)), groups * channels, *size),
        weight_shape=(groups * outputs, channels, *windows.kernel),
        options={
            "stride": windows.stride,
            "padding": padding,
            "dilation": windows.dilation,
            "groups": groups,
            "padding_mode": draw(st.sampled_from(padding_modes)),
            "flip": draw(st.booleans()),
        },
    )


@st.composite
def depthwise_cases(draw: st.DrawFn, *, square: int = 0, modes: tuple[str, ...] = (*PADDING_MODES, "zeros")) -> Case:
    """Convolutions of single channels, in rows shorter and longer than tiles are wide.

    Square windows of the usual sizes, which have kernels of their own, come as often as any others, or alone and at the
    stride `square`. Padding is of one of the `modes`.
    """
    rank = 2 if square else draw(st.integers(1, 3))
    most_taps = 9 if rank < 3 else 4
    if square or draw(st.booleans()):
        side, step = draw(st.sampled_from([3, 5, 7])), square or draw(st.integers(1, 2))
        kernel, dilation, stride = (side,) * rank, (1,) * rank, (step,) * rank
    else:
        kernel, dilation, stride = (
            draw(st.tuples(*[st.integers(1, most)] * rank)) for most in (most_taps, 3, 3)
        )  # fmt: skip
    extents = _Windows(kernel, dilation, stride).extents
    # Tiles put in no more than one element on each side.
    padding = tuple(draw(st.tuples(*[st.integers(0, 1) | st.integers(0, extent + 1)] * 2)) for extent in extents)
    size = [_size(draw, e - sum(pads), rank) for e, pads in zip(extents, padding, strict=True)]
    size[-1] += draw(st.integers(0, 150) | st.just(0))
    channels, multiplier = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    return Case(
        input_shape=(draw(st.integers(1, 2)), channels, *size),
        weight_shape=(channels * multiplier, 1, *kernel),
        options={
            "stride": stride,
            "padding": padding,
            "dilation": dilation,
            "groups": channels,
            "padding_mode": draw(st.sampled_from(modes)),
            "flip": draw(st.booleans()),
        },
    )


@st.composite
def conv_transpose_cases(draw: st.DrawFn) -> Case:
    """Transposed convolutions of any rank that crop anything but the whole output."""
    windows = draw(_windows())
    rank = len(windows.kernel)
    size = tuple(_size(draw, 1, rank) for _ in range(rank))
    extra = tuple(draw(st.integers(0, max(s, d) - 1)) for s, d in zip(windows.stride, windows.dilation, strict=True))
    padding = []
    for i, e, s, a in zip(size, windows.extents, windows.stride, extra, strict=True):
        crop = draw(st.integers(0, min(s * (i - 1) + e + a - 1, 2 * e)))
        before = draw(st.integers(0, crop))
        padding.append((before, crop - before))
    groups, channels, outputs = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.sampled_from([1, 2, 3, 5, 9]))
    return Case(
        input_shape=(draw(st.integers(1, 2)), groups * channels, *size),
        weight_shape=(groups * channels, outputs, *windows.kernel),
        options={
            "stride": windows.stride,
            "padding": tuple(padding),
            "output_padding": extra,
            "groups": groups,
            "dilation": windows.dilation,
            "flip": draw(st.booleans()),
        },
    )


@st.composite
def pool_cases(draw: st.DrawFn) -> PoolCase:
    """Poolings of any rank whose windows all meet the input."""
    windows = draw(_windows())
    rank = len(windows.kernel)
    padding, size = [], []
    for d, e in zip(windows.dilation, windows.extents, strict=True):
        before, after = draw(st.tuples(*[st.integers(0, e - 1)] * 2))
        padding.append((before, after))
        # An input of at least d elements is never stepped over by taps d apart.
        size.append(_size(draw, max(e - before - after, d), rank))
    return PoolCase(
        input_shape=(draw(st.integers(1, 2)), draw(st.integers(1, 2)), *size),
        kernel_size=windows.kernel,
        stride=windows.stride,
        padding=tuple(padding),
        dilation=windows.dilation,
        ceil_mode=draw(st.booleans()),
    )
