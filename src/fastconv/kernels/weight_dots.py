"""The gradient of a convolution for its weight as dot products: channels of the output's gradient with moved channels
of the input, some of either at once.

Lanes are neighbouring outputs. Where a convolution by the gradient would sum over positions, a vector of which is one
broadcast number after the other there, each vector is loaded once here for several products of all its lanes; and
images are cut into pieces, each of which gives a part of all results, so that few results suffice for all threads.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from fastconv.jit.copy import copy_every_other, copy_run
from fastconv.jit.decorators import inlined
from fastconv.jit.dot_tile import DotRun, DotShape, dot_tile
from fastconv.jit.kernel import kernel
from fastconv.jit.machine import machine
from fastconv.jit.records import reader
from fastconv.jit.scratch import either, empty, free, zeros
from fastconv.jit.tile import lanes
from fastconv.jit.weight_tile import sum_lanes

__all__ = ["FEW_TAPS", "WEIGHT_DOTS_TABLE", "WeightDotsHead", "WeightPhase", "weight_dots"]

#: Output channels of a tile, and taps: 24 sums, or 12 of 16 registers; and the taps of one where few are left.
_ROWS, _TAPS = (4, 6) if machine().vector_registers >= 32 else (4, 3)
FEW_TAPS = 3


class WeightDotsHead(NamedTuple):
    """The integer table's head.

    Attributes
    ----------
    groups, channels, out_channels : int
        Groups, and the channels of one going in and out.
    pieces, piece, strip : int
        Pieces of an image, the rows of outputs of each, and those that are multiplied at a time.
    x_base, x_batch, x_channel, x_row : int
        Where the first input element stands, and its steps.
    dy_base, dy_batch, dy_channel, dy_row : int
        The same of the gradient.
    size, step, before : int
        Rows of the input, those from one row of outputs to the next, and rows of padding above.
    reach : int
        Rows of a window.
    height, width : int
        Outputs.
    taps, filled, offsets_at : int
        Weights of an output channel; their number with copies of the last one, up to a multiple of `FEW_TAPS`; and the
        list of where each begins.
    phases, phases_at, column_step, pitch : int
        Phases of a row of input, their records, the step of outputs along it, and the elements of a phase in the slab.
    slab_rows : int
        Rows of a channel in the slab, or 0 where input is read where it stands.
    together : int
        Whether rows of either image follow each other without a gap, and windows are of one row.
    """

    groups: int
    channels: int
    out_channels: int
    pieces: int
    piece: int
    strip: int
    x_base: int
    x_batch: int
    x_channel: int
    x_row: int
    dy_base: int
    dy_batch: int
    dy_channel: int
    dy_row: int
    size: int
    step: int
    before: int
    reach: int
    height: int
    width: int
    taps: int
    filled: int
    offsets_at: int
    phases: int
    phases_at: int
    column_step: int
    pitch: int
    slab_rows: int
    together: int


class WeightPhase(NamedTuple):
    """Every so-many-th column of the input: the first that is there, its place in a row of the slab, their number."""

    source: int
    place: int
    columns: int


WEIGHT_DOTS_TABLE = (WeightDotsHead,)
_head, _phase = reader(WeightDotsHead), reader(WeightPhase)
_PHASE_FIELDS = len(WeightPhase._fields)


def _tiles(rows: int) -> tuple[Any, Any]:
    return dot_tile(DotShape(rows, _TAPS)), dot_tile(DotShape(rows, FEW_TAPS))


(_four, _four_few), (_two, _two_few), (_one, _one_few) = map(_tiles, (_ROWS, 2, 1))


@inlined
def _copy_strip(slab: Any, x: Any, base: int, first: int, rows: int, head: WeightDotsHead, table: Any) -> None:
    """Rows of all channels of a group, from one of the padded image on, phase by phase."""
    for channel in range(head.channels):
        for row in range(rows):
            source = first + row - head.before
            to = (channel * head.slab_rows + row) * head.phases * head.pitch
            if source < 0 or source >= head.size:
                slab[to : to + head.phases * head.pitch] = 0
                continue
            at = base + channel * head.x_channel + source * head.x_row
            for number in range(head.phases):
                phase = _phase(table, head.phases_at + number * _PHASE_FIELDS)
                place = to + number * head.pitch + phase.place
                if head.column_step == 1:
                    copy_run(slab, place, x, at + phase.source, phase.columns)
                elif head.column_step == 2:
                    copy_every_other(slab, place, 0, x, at + phase.source, 0, phase.columns, 1)
                else:
                    for i in range(phase.columns):
                        slab[place + i] = x[at + phase.source + i * head.column_step]


@inlined
def _add_strip(run: DotRun, head: WeightDotsHead, dy: Any, values: Any, table: Any, sums: Any) -> None:
    """The products of a strip, of all output channels with all taps; `run` is that of the first ones."""
    row = 0
    while row < head.out_channels:
        left, tap = head.out_channels - row, 0
        while tap < head.filled:
            some = DotRun(
                run.a_at + row * run.a_step, run.a_step, run.b_at, run.offsets_at + tap, run.lines, run.a_line,
                run.b_line, run.elements, row * head.filled + tap, head.filled,
            )  # fmt: skip
            if head.filled - tap >= _TAPS:
                if left >= _ROWS:
                    _four(some, dy, values, table, sums)
                elif left >= 2:
                    _two(some, dy, values, table, sums)
                else:
                    _one(some, dy, values, table, sums)
                tap += _TAPS
            else:
                if left >= _ROWS:
                    _four_few(some, dy, values, table, sums)
                elif left >= 2:
                    _two_few(some, dy, values, table, sums)
                else:
                    _one_few(some, dy, values, table, sums)
                tap += FEW_TAPS
        row += _ROWS if left >= _ROWS else (2 if left >= 2 else 1)


@kernel
def weight_dots(begin: int, end: int, x: Any, dy: Any, y: Any, table: Any) -> None:
    """y[task] = the sums of dy * x over a piece of an image, for each output channel and tap of a group.

    Tasks are pieces of groups of images, in that order from the inside. See `WeightDotsHead` for the table.
    """
    head = _head(table, 0)
    n = lanes(y)
    results = head.out_channels * head.taps
    vectors = (head.out_channels * head.filled + n - 1) // n * n
    sums, found = empty(vectors * n, y.dtype), empty(vectors, y.dtype)
    slab = zeros(head.channels * head.slab_rows * head.phases * head.pitch, y.dtype)
    values = either(head.slab_rows == 0, x, slab)
    for task in range(begin, end):
        image = task // (head.groups * head.pieces)
        group = task // head.pieces - image * head.groups
        first = (task - (image * head.groups + group) * head.pieces) * head.piece
        last = min(first + head.piece, head.height)
        base = head.x_base + image * head.x_batch + group * head.channels * head.x_channel
        dy_base = head.dy_base + image * head.dy_batch + group * head.out_channels * head.dy_channel
        for i in range(vectors * n):
            sums[i] = 0
        for row in range(first, last, head.strip):
            rows = min(head.strip, last - row)
            at, line = 0, head.step * head.phases * head.pitch
            if head.slab_rows == 0:
                at, line = base + row * head.step * head.x_row, head.step * head.x_row
            else:
                _copy_strip(slab, x, base, row * head.step, (rows - 1) * head.step + head.reach, head, table)
            lines, width = (1, rows * head.width) if head.together else (rows, head.width)
            run = DotRun(
                dy_base + row * head.dy_row, head.dy_channel, at, head.offsets_at, lines, head.dy_row, line, width, 0, 0
            )
            _add_strip(run, head, dy, values, table, sums)
        for i in range(0, vectors, n):
            sum_lanes(sums, i * n, found, i)
        for channel in range(head.out_channels):
            for tap in range(head.taps):
                y[task * results + channel * head.taps + tap] = found[channel * head.filled + tap]
    free((sums, found, slab))
