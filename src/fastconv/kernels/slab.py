"""The slab: the piece of padded input that one block of output needs, gathered once into contiguous memory.

Everything awkward about a convolution's input ends here. Strides of the caller's array, padding of any mode, stride and
borders are paid for once per element, and every kernel that follows reads contiguous vectors at fixed offsets.

Along an axis, output q of a block that starts at q0 and tap k read input position ``step * (q0 + q) + shift_k - low``.
With ``shift_k = step * place_k + phase_k`` (0 <= phase_k < step) that is element ``q + place_k`` of phase ``phase_k``:
the slab keeps one plane for each phase that a tap uses, so a strided convolution reads neighbours too. The planes are
laid out [channel, phase d, phase h, phase w, d, h, w], and an output's number inside the block is its number in a
plane, ``(d * positions_h + h) * positions_w + w``. The numbers between the rows' ends belong to no output; they are
computed along and dropped, which costs less than stopping at every row.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from fastconv.jit.copy import copy_block, copy_every_other
from fastconv.jit.decorators import helper, inlined
from fastconv.jit.records import reader
from fastconv.jit.scratch import empty, free

__all__ = [
    "Images",
    "SlabAxis",
    "Space",
    "gather",
    "gather_plane",
    "plane_lists",
    "slab_axes",
    "slab_channel_size",
    "source_of",
]


class SlabAxis(NamedTuple):
    """One axis of a slab, as the kernels read it from an integer table.

    Attributes
    ----------
    size, stride : int
        Input elements and the step between them in the flat input.
    step, low : int
        Input position = ``step * (q0 + place) + phase - low``.
    positions : int
        Elements of a plane along this axis.
    phases_at, phases : int
        Where the list of phases begins in the table, and its length.
    border_at, before, after : int
        Where the list of border sources begins in the table: for each of the `before` positions -before ... -1 and
        the `after` positions size ... size + after - 1 the input element that stands there, or -1 for the fill value.
    """

    size: int
    stride: int
    step: int
    low: int
    positions: int
    phases_at: int
    phases: int
    border_at: int
    before: int
    after: int


class Space(NamedTuple):
    """One thing for each of the three axes."""

    d: Any
    h: Any
    w: Any


class Images(NamedTuple):
    """Where a slab's channels stand: the flat position of the first element, and the step from channel to channel."""

    base: int
    channels: int
    step: int


_slab_axis = reader(SlabAxis)
_SLAB_AXIS_FIELDS = len(SlabAxis._fields)


@helper
def slab_axes(table: Any, at: int) -> Space:
    """Read the three axes that stand from `at` on in the table."""
    return Space(
        _slab_axis(table, at), _slab_axis(table, at + _SLAB_AXIS_FIELDS), _slab_axis(table, at + 2 * _SLAB_AXIS_FIELDS)
    )


@helper
def slab_channel_size(axes: Space) -> int:
    """Elements of a slab for one channel."""
    phases = axes.d.phases * axes.h.phases * axes.w.phases
    return phases * axes.d.positions * axes.h.positions * axes.w.positions


@helper
def source_of(table: Any, axis: SlabAxis, position: int) -> int:
    """The input element at a position, or -1 where the fill value stands."""
    if position >= 0:
        if position < axis.size:
            return position
        behind = position - axis.size
        return table[axis.border_at + axis.before + behind] if behind < axis.after else -1
    return table[axis.border_at + axis.before + position] if position >= -axis.before else -1


#: What stands for the position of a row outside the input; input positions may be negative, but not so far.
_NO_ROW = np.iinfo(np.int64).min


@helper
def _list_rows(rows: Any, table: Any, d: SlabAxis, h: SlabAxis, first: Space) -> None:
    """Where each row of a plane begins in an image, or `_NO_ROW`; its first element is at input position `first`."""
    for place_d in range(d.positions):
        source_d = source_of(table, d, first.d + place_d * d.step)
        for place_h in range(h.positions):
            source_h = source_of(table, h, first.h + place_h * h.step)
            inside = source_d >= 0 and source_h >= 0
            at = source_d * d.stride + source_h * h.stride if inside else _NO_ROW
            rows[place_d * h.positions + place_h] = at


@helper
def _list_runs(runs: Any, rows: Any) -> None:
    """From each row that begins a run, how many there are: equally far apart in the image, or all outside of it."""
    row = 0
    while row < rows.size:
        begin, row = row, row + 1
        outside = rows[begin] == _NO_ROW
        if row < rows.size and (rows[row] == _NO_ROW) == outside:
            pitch = rows[row] - rows[begin]
            while row < rows.size and rows[row] - rows[row - 1] == pitch:
                row += 1
        runs[begin] = row - begin


class PlaneLists(NamedTuple):
    """What is known of a plane for all channels: where rows begin, how long runs of them are, and a row's sources."""

    rows: Any
    runs: Any
    sources: Any


class _Line(NamedTuple):
    """The elements of a slab's row: those from `inner` to `outer` stand in the input, `step` apart from `start` on."""

    positions: int
    inner: int
    outer: int
    start: int
    step: int


@inlined
def _gather_run(
    slab: Any, to: int, x: Any, at: int, pitch: int, count: int, sources: Any, line: _Line, fill: Any
) -> None:
    """Fill rows of the slab from rows of the input so far apart; `sources` are those of a row's elements."""
    inside = line.outer - line.inner
    if line.step == 1:
        copy_block(slab, to + line.inner, line.positions, x, at + line.start, pitch, inside, count)
    elif line.step == 2:
        copy_every_other(slab, to + line.inner, line.positions, x, at + line.start, pitch, inside, count)
    else:
        for row in range(count):
            there, found = to + row * line.positions, at + row * pitch + line.start
            for p in range(inside):
                slab[there + line.inner + p] = x[found + p * line.step]
    for p in range(line.positions - inside):  # a column of the borders at once
        column = p if p < line.inner else p - line.inner + line.outer
        source = sources[column]
        for row in range(count):
            there = to + column + row * line.positions
            slab[there] = fill if source == _NO_ROW else x[at + source + row * pitch]


@inlined
def gather_plane(
    slab: Any, to: int, pitch: int, x: Any, images: Images, table: Any, axes: Space, first: Space, lists: PlaneLists,
    fill: Any,
) -> None:  # fmt: skip
    """Fill a plane of each channel, `pitch` apart, whose first element is the one at input position `first`."""
    w, rows, runs, sources = axes.w, lists.rows, lists.runs, lists.sources
    _list_rows(rows, table, axes.d, axes.h, first)
    _list_runs(runs, rows)
    inner = min(w.positions, max(0, -(first.w // w.step)))
    outer = max(inner, min(w.positions, (w.size - first.w + w.step - 1) // w.step))
    for p in range(w.positions):
        source = source_of(table, w, first.w + p * w.step) if p < inner or p >= outer else 0
        sources[p] = source * w.stride if source >= 0 else _NO_ROW
    line = _Line(w.positions, inner, outer, (first.w + inner * w.step) * w.stride, w.step * w.stride)
    for c in range(images.channels):
        place, image = to + c * pitch, images.base + c * images.step
        row = 0
        while row < rows.size:
            count = runs[row]
            if rows[row] == _NO_ROW:
                for p in range(count * w.positions):
                    slab[place + p] = fill
            else:
                step = rows[row + 1] - rows[row] if count > 1 else 0
                _gather_run(slab, place, x, image + rows[row], step, count, sources, line, fill)
            place, row = place + count * w.positions, row + count


@helper
def plane_lists(axes: Space) -> PlaneLists:
    """Room for the lists of a plane."""
    rows = max(1, axes.d.positions * axes.h.positions)
    return PlaneLists(empty(rows, np.int64), empty(rows, np.int64), empty(max(1, axes.w.positions), np.int64))


@helper
def gather(slab: Any, x: Any, images: Images, table: Any, axes: Space, first: Space, fill: Any) -> None:
    """Fill the slab for the block whose first outputs are numbers `first`."""
    d, h, w = axes.d, axes.h, axes.w
    lists = plane_lists(axes)
    plane = d.positions * h.positions * w.positions
    pitch = plane * d.phases * h.phases * w.phases
    to = np.int64(0)
    for phase_d in range(d.phases):
        for phase_h in range(h.phases):
            for phase_w in range(w.phases):
                at = Space(
                    d.step * first.d + table[d.phases_at + phase_d] - d.low,
                    h.step * first.h + table[h.phases_at + phase_h] - h.low,
                    w.step * first.w + table[w.phases_at + phase_w] - w.low,
                )
                gather_plane(slab, to, pitch, x, images, table, axes, at, lists, fill)
                to += plane
    free(lists)
