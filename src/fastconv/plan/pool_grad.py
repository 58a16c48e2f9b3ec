"""Plans of the gradients of averages."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import NamedTuple

import numpy as np

from fastconv.geometry import AdaptiveAxis, Axis, Geometry
from fastconv.kernels.pixel_shares import PIXEL_SHARES_TABLE, PixelSharesHead, share_pixels
from fastconv.kernels.pool_grad import SHARES_TABLE, SharedRows, SharesAxis, SharesHead, share_means
from fastconv.kernels.space_out import SPACES_TABLE, SpacesAxis, SpacesHead, space_out
from fastconv.kernels.spread_means import MeansHead, spread_means
from fastconv.plan.kernel_plan import KernelPlan
from fastconv.plan.table import Table
from fastconv.plan.window_pool import SHORTEST_ROWS

__all__ = ["plan_pixel_shares", "plan_shares", "plan_spaces", "spaced_axes"]

#: Nanoseconds, for estimates only: to add an element of a row, to give an element one of its sums, to copy an element,
#: for a row of the input, and for one of windows that is given out.
ADD_COST, SHARE_COST, COPY_COST, ROW_COST, GIVEN_COST = 0.08, 0.36, 0.05, 25.0, 15.0
#: To begin with a pixel's channels.
PIXEL_COST = 4.0
#: A window that all its elements are filled from.
PART_COST = 8.0
#: Elements of a window from which on these are added to, window by window, and what each then takes.
LONG_WINDOW, LONG_COST = 16, 0.1
#: Rows of a task, if they have so many elements together, and of a run, so that tasks are many.
MOST_ROWS, MOST_ELEMENTS = 64, 65536
#: Elements of an image that may be a single row: so many places of them stay in the first-level cache, or nearly.
MOST_FOLDED = 2048
#: Strides up to which windows that overlap are summed over zeros: 7x7 windows at stride 4 would take 2.9 times as long.
MOST_SPACED = 2
#: Windows of an element from which on they are so at any stride.
MANY_WINDOWS = 8
#: Elements of a task that puts zeros between numbers, or fills windows.
MOST_OUTPUTS = 16384


def plan_shares(geometry: Geometry, dtype: np.dtype, count_include_pad: bool, divisor: int | None) -> KernelPlan:
    """The gradient of averages whose windows share few elements, or none."""
    g = geometry.lift().fold(prod(geometry.input_size))
    *outer, w = g.axes
    alone = all(axis.size == axis.output == axis.kernel == 1 and not axis.before for axis in outer)
    parts = tuple((first, w.kernel) for first in range(0, w.size, w.kernel))
    if alone and w.dilation == 1 and w.taps() == parts and (w.whole or w.kernel >= LONG_WINDOW):
        return _plan_parts(g, dtype, divisor or w.kernel)
    plan = _plan_rows(geometry, dtype, count_include_pad, divisor)
    if prod(geometry.input_size) > MOST_FOLDED:
        return plan
    return min(plan, _plan_images(geometry, dtype, count_include_pad, divisor), key=lambda it: it.nanoseconds)


def _plan_parts(g: Geometry, dtype: np.dtype, divisor: int) -> KernelPlan:
    """Windows that all elements are cut into, as they follow each other."""
    w = g.axes[-1]
    windows = g.batch * g.channels * w.output
    block = max(1, MOST_OUTPUTS // w.kernel)
    return KernelPlan(
        kernel=spread_means.bind(dtype, dtype, np.int64),
        table=np.array(MeansHead(windows, w.kernel, block, divisor), np.int64),
        tasks=-(-windows // block),
        nanoseconds=windows * (PART_COST + w.kernel * COPY_COST),
    )


def _plan_rows(geometry: Geometry, dtype: np.dtype, count_include_pad: bool, divisor: int | None) -> KernelPlan:
    """Write down the windows of an average, and for each input position which of them it is in."""
    g = geometry.lift().fold(SHORTEST_ROWS)
    table, covers, w = Table(SHARES_TABLE), [_covers(axis) for axis in g.axes], g.axes[2]
    axes = [_axis(table, axis, found, count_include_pad) for axis, found in zip(g.axes, covers, strict=True)]
    long = w.dilation == 1 and w.kernel >= LONG_WINDOW
    if long:
        head = SharesHead(0, table.append(np.array(w.taps()).ravel()), 0, 0, 0)
        given = sum(taps for _, taps in w.taps()) * LONG_COST
    else:
        head, given = _sets(table, covers[2], w.output)
    spans = [max(windows) - min(windows) for windows in covers[1] if windows]
    head = head._replace(kept=1 << max(spans, default=0).bit_length())
    rows = _cut_rows(table, g, covers, 1, divisor, 0.0, GIVEN_COST + given)
    images = g.batch * g.channels
    return KernelPlan(
        kernel=share_means.bind(dtype, dtype, np.int64),
        table=table.finish([rows.record, *axes, head]),
        tasks=images * rows.tasks,
        nanoseconds=images * rows.nanoseconds,
    )


def plan_pixel_shares(geometry: Geometry, dtype: np.dtype, count_include_pad: bool, divisor: int | None) -> KernelPlan:
    """The gradient of averages of channels-last images, whatever their windows share: a pixel's channels at a time."""
    g, table = geometry.lift(), Table(PIXEL_SHARES_TABLE)
    channels, covers, w = g.channels, [_covers(axis) for axis in g.axes], g.axes[2]
    starts = [[window * channels for window in windows] for windows in covers[2]]
    lists = (*covers[:2], starts)
    axes = [_axis(table, axis, found, count_include_pad) for axis, found in zip(g.axes, lists, strict=True)]
    step = 1 if isinstance(w, AdaptiveAxis) else min(w.stride, w.size)
    series = _series(covers[2], step)
    given = w.size * PIXEL_COST + sum(map(len, starts)) * channels * ADD_COST
    head = PixelSharesHead(channels, table.append(np.array(series).reshape(-1)), len(series), step)
    rows = _cut_rows(table, g, covers, channels, divisor or _common_count(g, count_include_pad), given)
    return KernelPlan(
        kernel=share_pixels.bind(dtype, dtype, np.int64),
        table=table.finish([rows.record, *axes, head]),
        tasks=g.batch * rows.tasks,
        nanoseconds=g.batch * rows.nanoseconds,
    )


def _plan_images(geometry: Geometry, dtype: np.dtype, count_include_pad: bool, divisor: int | None) -> KernelPlan:
    """The same of images that are each a single row: what an element is in are windows of all axes."""
    counts, covers = np.ones(1, np.int64), [[0]]
    for axis in geometry.axes:
        counts = np.outer(counts, axis.window_sizes(count_padding=count_include_pad)).ravel()
        inner = _covers(axis)
        covers = [[a * axis.output + b for a in windows for b in more] for windows in covers for more in inner]
    table = Table(SHARES_TABLE)
    images, size = geometry.batch * geometry.channels, len(covers)
    alone = Axis(1, 1)
    outer = [_axis(table, alone, _covers(alone), count_include_pad) for _ in range(2)]
    row = SharesAxis(size, counts.size, table.append(counts), 0)
    head, given = _sets(table, covers, counts.size)
    return KernelPlan(
        kernel=share_means.bind(dtype, dtype, np.int64),
        table=table.finish([SharedRows(table.append([0, 1]), 1, 1, 1, divisor or 0), *outer, row, head]),
        tasks=images,
        nanoseconds=images * (ROW_COST + counts.size * ADD_COST + given + size * COPY_COST),
    )


class _Rows(NamedTuple):
    """How rows of an image's input are shared out, the tasks that makes, and their rough time on one thread."""

    record: SharedRows
    tasks: int
    nanoseconds: float


def _cut_rows(
    table: Table,
    g: Geometry,
    covers: list[list[list[int]]],
    pixel: int,
    divisor: int | None,
    given: float,
    spread: float = 0.0,
) -> _Rows:
    """Share out rows whose pixels have so many elements, where a run of rows takes `given` nanoseconds to get its
    windows, or a row of windows `spread` to be given out."""
    (depth, height, width), runs = g.input_size, _runs(covers[1])
    count, elements = len(runs) - 1, width * pixel
    block = max(1, min(MOST_ROWS, MOST_ELEMENTS // elements) * count // height)
    blocks = -(-count // block)
    added = prod(sum(map(len, found)) for found in covers[:2]) * count / height
    return _Rows(
        SharedRows(table.append(runs), count, block, blocks, divisor or 0),
        depth * blocks,
        added * g.output_size[2] * pixel * ADD_COST
        + depth * (count * (ROW_COST + given) + g.output_size[1] * spread + height * elements * COPY_COST),
    )


def _series(covers: list[list[int]], step: int) -> list[tuple[int, int]]:
    """The first of positions that are a step apart and in windows next to each other's, and how many there are."""
    found = []
    for first in range(step):
        begin = first
        for i in range(first, len(covers), step):
            following = covers[i + step] if i + step < len(covers) else None
            if following != [window + 1 for window in covers[i]]:
                found.append((begin, (i - begin) // step + 1))
                begin = i + step
    return found


def _common_count(g: Geometry, count_include_pad: bool) -> int | None:
    """By what all windows are divided, if that is one number."""
    counts = [axis.window_sizes(count_padding=count_include_pad) for axis in g.axes]
    return prod(map(min, counts)) if all(min(found) == max(found) for found in counts) else None


def _sets(table: Table, covers: list[list[int]], windows: int) -> tuple[SharesHead, float]:
    """Write down the sets of windows that elements of a row are in; and how long it takes to give out a row of them."""
    most, found = max(map(len, covers)), dict[tuple[int, ...], int]()
    cell_of = [found.setdefault(tuple(owners), len(found)) for owners in covers]
    if most <= 1:
        cell_of = [some[0] if some else windows for some in covers]
        return SharesHead(0, 0, 1, table.append(cell_of), 1), len(covers) * SHARE_COST
    owners = np.full((most, len(found)), windows)  # what stands for one too many
    for some, cell in found.items():
        owners[: len(some), cell] = some
    head = SharesHead(len(found), table.append(owners.ravel()), most, table.append(cell_of), 1)
    return head, (most * len(found) + len(covers)) * SHARE_COST


def _covers(axis: Axis) -> list[list[int]]:
    """The windows that each position is in."""
    covers: list[list[int]] = [[] for _ in range(axis.size)]
    for window, (first, number) in enumerate(axis.taps()):
        for tap in range(number):
            covers[first + tap * axis.dilation].append(window)
    return covers


def _runs(covers: list[list[int]]) -> list[int]:
    """The first of each run of up to `MOST_ROWS` positions in the same windows, and what is behind the last."""
    runs = [0]
    for i in range(1, len(covers)):
        if covers[i] != covers[i - 1] or i - runs[-1] == MOST_ROWS:
            runs.append(i)
    return [*runs, len(covers)]


def _axis(table: Table, axis: Axis, covers: list[list[int]], count_include_pad: bool) -> SharesAxis:
    counts = axis.window_sizes(count_padding=count_include_pad)
    lists_at = table.append([window for windows in covers for window in windows])
    starts = np.cumsum([0, *map(len, covers)])
    return SharesAxis(axis.size, axis.output, table.append(counts), table.append(lists_at + starts))


def spaced_axes(axes: tuple[Axis, ...]) -> tuple[Axis, ...] | None:
    """The axes of the windows, each a step from the next, whose sums are the gradient: over gradients with zeros
    between, and what no window reaches behind the last. None where each element has its share sooner than that.
    """
    if any(isinstance(axis, AdaptiveAxis) for axis in axes) or not any(map(_is_crowded, axes)):
        return None
    found = []
    for axis in axes:
        adjoint = axis.transpose()
        size = adjoint.stretch * (adjoint.size - 1) + 1 + max(0, axis.remainder)
        found.append(replace(adjoint, size=size, stretch=1, after=adjoint.after - max(0, axis.remainder)))
    return tuple(found) if all(min(axis.before, axis.after) >= 0 for axis in found) else None


def _is_crowded(axis: Axis) -> bool:
    """Whether elements are in so many windows, or rows in so unlike ones, that windows are summed sooner."""
    return axis.extent > axis.stride and (axis.stride <= MOST_SPACED or axis.extent > MANY_WINDOWS * axis.stride)


def plan_spaces(
    geometry: Geometry, spaced: tuple[Axis, ...], dtype: np.dtype, count_include_pad: bool, divisor: int | None
) -> KernelPlan:
    """Write down how far apart gradients of averages come to stand, and by what they are divided."""
    g, table = geometry.lift(), Table(SPACES_TABLE)
    sizes = (1,) * (len(g.axes) - len(spaced)) + tuple(axis.size for axis in spaced)
    axes = []
    for axis, size in zip(g.axes, sizes, strict=True):
        counts = axis.window_sizes(count_padding=count_include_pad) if divisor is None else (1,) * axis.output
        axes.append(SpacesAxis(axis.output, axis.stride, size, table.append(counts)))
    depth, height, width = sizes
    block = max(1, min(height, MOST_OUTPUTS // width))
    blocks, images = -(-height // block), g.batch * g.channels
    return KernelPlan(
        kernel=space_out.bind(dtype, dtype, np.int64),
        table=table.finish([SpacesHead(block, blocks), *axes]),
        tasks=images * depth * blocks,
        nanoseconds=images * prod(sizes) * COPY_COST,
    )
