"""Plans of depthwise convolutions of images that are turned so that channels are lanes (`fastconv.kernels.turned`)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import product
from math import prod

import numpy as np

from fastconv.geometry import Axis, Geometry, source_index
from fastconv.jit.machine import machine
from fastconv.kernels.activation import activation_number
from fastconv.kernels.turned import PIXELS, TURNED_TABLE, TurnedHead, turned_windows
from fastconv.plan.problem import Problem
from fastconv.plan.span import Steps
from fastconv.plan.table import Table
from fastconv.plan.unpacked import UnpackedPlan
from fastconv.plan.weights import weights_of

__all__ = ["plan_turned", "refuse_turned", "turned_writes"]

#: Nanoseconds, for estimates only: to multiply a vector, to turn one or copy it, to pack a weight, for a tile to begin.
PRODUCT_COST, TURN_COST, COPY_COST, PACK_COST, TILE_COST = 0.12, 2.0, 1.0, 0.1, 10.0
#: What stands for the place of a pixel that no window reads.
_UNREAD = -1


def refuse_turned(problem: Problem) -> str | None:
    """Why channels cannot be the lanes, if they cannot."""
    g = problem.geometry
    if g.channels != g.groups or g.out_channels != g.groups:
        return f"it takes one channel to one, not {g.channels // g.groups} to {g.out_channels // g.groups}"
    if any(axis.stretch > 1 for axis in g.axes):
        return "it stretches no input"
    g, lanes = g.lift(), _lanes(problem)
    last, x = g.axes[-1], problem.x_steps()
    if problem.dtype.kind == "c" or problem.x_dtype != problem.dtype or problem.dtype.itemsize < 4:
        return f"it turns numbers of 4 or 8 bytes that are summed as they are, not {problem.x_dtype} to {problem.dtype}"
    if (last.kernel, last.stride) not in turned_windows or last.dilation > 1:
        return "it knows 3 or 5 neighbouring columns at a step of 1 or 2, and 7 at a step of 1"
    if g.channels < lanes or prod(g.input_size) < lanes:
        return f"it turns {lanes} channels and pixels at once"
    apart = not _beside(problem.x_last, x)
    if apart and any(
        axis.size > 1 and step != pitch for axis, step, pitch in zip(g.axes, x.steps[2:], _pitches(g), strict=True)
    ):
        return "it takes images whose pixels follow each other, or the channels of each pixel"
    if (prod(_extents(g)) + prod(g.output_size)) * machine().vector_bytes > machine().slab_bytes:
        return "the second level of the cache has to hold turned images"
    return None


def turned_writes(problem: Problem) -> bool:
    """Whether it writes a result as it is to lie."""
    return not problem.y_strides or _beside(problem.y_last, problem.y_steps())


def plan_turned(problem: Problem) -> UnpackedPlan:
    """Write down where pixels go, and where from there windows find them."""
    g, weights, n = problem.geometry.lift(), weights_of(problem), _lanes(problem)
    x, y = problem.x_steps(), problem.y_steps()
    sources = _pixels(g.input_size, x) if x.steps[1] == 1 else np.empty(0, np.int64)
    targets = _pixels(g.output_size, y) if y.steps[1] == 1 else np.empty(0, np.int64)
    extents = _extents(g)
    pitches = (extents[1] * extents[2] * n, extents[2] * n, n)
    d, h, _ = g.axes
    taps = _flat_sums([np.arange(size) * step for size, step in zip(g.kernel_size, weights.taps, strict=True)])
    lines = np.add.outer(np.arange(d.kernel) * d.dilation * pitches[0], np.arange(h.kernel) * h.dilation * pitches[1])
    places = _places(g, extents, pitches)
    copies = _copies(g, extents, pitches)
    size = prod(extents) * n
    table = Table(TURNED_TABLE)
    head = TurnedHead(
        channels=g.channels,
        x_base=x.base,
        x_batch=x.steps[0],
        x_channel=x.steps[1],
        y_base=y.base,
        y_batch=y.steps[0],
        y_channel=y.steps[1],
        sources_at=table.append(sources),
        targets_at=table.append(targets),
        weight_base=weights.base,
        weight_channel=weights.group,
        weights_follow=taps.tolist() == list(range(taps.size)) and weights.group == taps.size,
        taps=prod(g.kernel_size),
        taps_at=table.append(taps),
        pixels=prod(g.input_size),
        places_at=table.append(np.where(places < 0, size, places)),
        size=size,
        copies=len(copies),
        copies_at=table.append([place for pair in copies for place in pair]),
        lines=lines.size,
        lines_at=table.append(lines.reshape(-1)),
        depth=g.output_size[0],
        height=g.output_size[1],
        width=g.output_size[2],
        step_d=d.stride * pitches[0],
        step_h=h.stride * pitches[1],
        activation=activation_number(problem.activation),
    )
    dtype, blocks = problem.dtype, -(-g.channels // n)
    tasks = g.batch * blocks
    moved = prod(g.input_size) * (COPY_COST if sources.size else TURN_COST)
    moved += prod(g.output_size) * (COPY_COST if targets.size else TURN_COST)
    nanoseconds = tasks * (_nanoseconds(g, n) + moved)
    kernel = turned_windows[g.axes[-1].kernel, g.axes[-1].stride].bind(dtype, dtype, dtype, dtype, np.int64)
    return UnpackedPlan(
        run_kernel=partial(kernel.run, tasks, nanoseconds),
        table=table.finish([head]),
        no_bias=np.empty(0, dtype),
        tasks=tasks,
        nanoseconds=nanoseconds,
        summary=f"{blocks} times {n} channels as lanes, {PIXELS} pixels at once",
    )


def _lanes(problem: Problem) -> int:
    return machine().vector_bytes // problem.dtype.itemsize


def _beside(last: bool, array: Steps) -> bool:
    """Whether the channels of a pixel are beside each other in an array, channels-last or not."""
    return last and array.steps[1] == 1


def _pixels(size: Sequence[int], array: Steps) -> np.ndarray:
    """Where each pixel of an image stands, counted from the first one on."""
    return _flat_sums([np.arange(count) * step for count, step in zip(size, array.steps[2:], strict=True)])


def _pitches(g: Geometry) -> tuple[int, int, int]:
    """Steps of the axes of an image without gaps."""
    _, height, width = g.input_size
    return height * width, width, 1


def _extents(g: Geometry) -> tuple[int, ...]:
    """Elements of the padded input that windows reach, on each axis."""
    return tuple((axis.output - 1) * axis.stride + axis.extent for axis in g.axes)


def _flat_sums(lists: list[np.ndarray]) -> np.ndarray:
    """Sums of one number of each of three lists, those of the last list next to each other."""
    return np.add.outer(np.add.outer(lists[0], lists[1]), lists[2]).reshape(-1)


def _places(g: Geometry, extents: tuple[int, ...], pitches: tuple[int, ...]) -> np.ndarray:
    """Where each pixel goes in the slab; `_UNREAD` for those that no window reads."""
    found = [
        np.where((at >= 0) & (at < extent), at * pitch, -(2**60))
        for axis, extent, pitch in zip(g.axes, extents, pitches, strict=True)
        for at in [np.arange(axis.size) + axis.before]
    ]
    return np.maximum(_flat_sums(found), _UNREAD)


def _copies(g: Geometry, extents: tuple[int, ...], pitches: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The places of padding in the slab that are copies of pixels, and those of the pixels; none where it is zeros."""
    if g.padding_mode == "zeros":
        return []
    sources = [
        [_source(axis, place, g.padding_mode) for place in range(extent)]
        for axis, extent in zip(g.axes, extents, strict=True)
    ]
    found = []
    for place in product(*map(range, extents)):
        source = [listed[i] for listed, i in zip(sources, place, strict=True)]
        if source != list(place) and min(source) >= 0:
            found.append(tuple(sum(i * pitch for i, pitch in zip(at, pitches, strict=True)) for at in (place, source)))
    return found


def _source(axis: Axis, place: int, mode: str) -> int:
    """Which place of the padded axis the element at one comes from."""
    at = place - axis.before
    return place if 0 <= at < axis.size else source_index(at, axis.size, mode) + axis.before


def _nanoseconds(g: Geometry, lanes: int) -> float:
    """Rough time of a task, without what it moves."""
    tiles = prod(g.output_size[:2]) * -(-g.output_size[2] // PIXELS)
    products = tiles * PIXELS * prod(g.kernel_size)
    return products * PRODUCT_COST + prod(g.kernel_size) * lanes * PACK_COST + tiles * TILE_COST
