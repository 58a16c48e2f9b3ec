"""Pooling of windows of any lengths: down their rows, as they stand in memory, then along the reduced row.

A list says for each output of each axis which input position its window begins at and how many taps it has. All images
may share the lists, or each has its own. Rows are reduced by vectors, and each window is then reduced by itself, so an
input element is read about once where windows do not overlap.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from fastconv.jit.decorators import helper
from fastconv.jit.kernel import kernel
from fastconv.jit.reduction import MAXIMUM
from fastconv.jit.scratch import empty, free
from fastconv.jit.span_tile import span_tile
from fastconv.jit.vector import unsigned
from fastconv.kernels.window_rows import (
    add_powers,
    added,
    begin_powers,
    copied,
    greater,
    greatest,
    itself,
    mean,
    root,
    sum_of,
    truncated_mean,
    window_reducer,
)
from fastconv.kernels.window_table import (
    WindowAxis,
    WindowHead,
    read_window_axes,
    read_window_head,
    read_window_piece,
)

__all__ = ["pool_maxima", "pool_means", "pool_norms", "pool_places", "pool_truncated_means"]


_max_tile = span_tile(MAXIMUM)
#: Columns of a window from which on its maximum is found by vectors, and then its place.
MANY_TAPS = 8


class _Span(NamedTuple):
    """A window along an axis."""

    first: int
    taps: int


class _Task(NamedTuple):
    """A piece of a row of outputs: where it stands in the result, its input, its rows, and the lists of its image."""

    to: int
    base: int
    spans: int
    d: _Span
    h: _Span


@helper
def _span(spans: Any, axis: WindowAxis, image_spans: int, output: int) -> _Span:
    at = image_spans + axis.spans_at + 2 * output
    return _Span(spans[at], spans[at + 1])


class _Line(NamedTuple):
    """The number of a task in parts: image of the batch, channel, output plane and row, and piece of the row."""

    n: int
    c: int
    d: int
    h: int
    piece: int


@helper
def _line(number: int, head: WindowHead, d: WindowAxis, h: WindowAxis) -> _Line:
    """The parts of a number."""
    row = number // head.pieces
    plane = row // h.outputs
    image = plane // d.outputs
    n = image // head.channels
    return _Line(
        n, image - n * head.channels, plane - image * d.outputs, row - plane * h.outputs, number - row * head.pieces
    )


@helper
def _following(at: _Line, head: WindowHead, d: WindowAxis, h: WindowAxis) -> _Line:
    """Those of the next, without the divisions of `_line`."""
    if at.piece + 1 < head.pieces:
        return _Line(at.n, at.c, at.d, at.h, at.piece + 1)
    if at.h + 1 < h.outputs:
        return _Line(at.n, at.c, at.d, at.h + 1, 0)
    if at.d + 1 < d.outputs:
        return _Line(at.n, at.c, at.d + 1, 0, 0)
    if at.c + 1 < head.channels:
        return _Line(at.n, at.c + 1, 0, 0, 0)
    return _Line(at.n + 1, 0, 0, 0, 0)


@helper
def _task(at: _Line, spans: Any, head: WindowHead, d: WindowAxis, h: WindowAxis, w: WindowAxis) -> _Task:
    image = at.n * head.channels + at.c
    own = image * head.spans_image
    return _Task(
        ((image * d.outputs + at.d) * h.outputs + at.h) * w.outputs,
        head.x_base + at.n * head.x_batch + at.c * head.x_channel,
        own,
        _span(spans, d, own, at.d),
        _span(spans, h, own, at.h),
    )


def _body(begin_row: Any, add_row: Any, combine: Any, finish: Any) -> Callable[..., None]:
    """The pooling body around how a row begins, takes another, combines two values and gives a result.

    All but the last are told what `fill` holds; the last takes `fill` itself, and the number of taps.
    """

    @helper
    def reduce_rows(row: Any, x: Any, task: _Task, at: int, d: WindowAxis, h: WindowAxis, step: int, p: Any) -> None:
        """Combine the rows of a window, whose first wanted elements stand `at` behind a row's begin, into one."""
        for tap_d in range(task.d.taps):
            plane = task.base + (task.d.first + tap_d * d.dilation) * d.step + at
            for tap_h in range(task.h.taps):
                start = plane + (task.h.first + tap_h * h.dilation) * h.step
                if tap_d == 0 and tap_h == 0:
                    begin_row(row, x, start, step, p)
                else:
                    add_row(row, x, start, step, p)

    reduce_window = window_reducer(combine)

    def pool(begin: int, end: int, x: Any, y: Any, spans: Any, fill: Any, table: Any) -> None:
        """Tasks are pieces of output rows [image, channel, d, h, piece].

        `fill` holds one element of the type in which windows are reduced.
        """
        head = read_window_head(table, 0)
        d, h, w = read_window_axes(table)
        row, p = empty(head.longest, fill.dtype), fill[0]
        at_line = _line(begin, head, d, h)
        for _ in range(begin, end):
            piece = read_window_piece(table, head, at_line.piece)
            task = _task(at_line, spans, head, d, h, w)
            reduce_rows(row[: piece.size], x, task, piece.start * w.step, d, h, w.step, p)
            rows = task.d.taps * task.h.taps
            if head.lanes:
                first = unsigned(task.to + piece.first)
                for i in range(unsigned(piece.size)):
                    y[first + i] = finish(row[i], rows, fill)
                at_line = _following(at_line, head, d, h)
                continue
            for i in range(piece.first, piece.end):
                span = _span(spans, w, task.spans, i)
                total = reduce_window(row, span.first - piece.start, span.taps, w.dilation, p)
                y[task.to + i] = finish(total, rows * span.taps, fill)
            at_line = _following(at_line, head, d, h)
        free((row,))

    return pool


pool_maxima = kernel(_body(copied, greatest, greater, itself), "pool_maxima")
pool_means = kernel(_body(copied, added, sum_of, mean), "pool_means")
pool_truncated_means = kernel(_body(copied, added, sum_of, truncated_mean), "pool_truncated_means")
pool_norms = kernel(_body(begin_powers, add_powers, sum_of, root), "pool_norms")


@helper
def _add_rows(best: Any, rows: Any, x: Any, task: _Task, at: int, d: WindowAxis, h: WindowAxis, step: int) -> None:
    """The greatest element of each column of a window, and the number of its row among those of the input."""
    for tap_d in range(task.d.taps):
        row_d = task.d.first + tap_d * d.dilation
        for tap_h in range(task.h.taps):
            row_h = task.h.first + tap_h * h.dilation
            place = unsigned(task.base + row_d * d.step + row_h * h.step + at)
            row = np.int32(row_d * h.size + row_h)
            always = tap_d == 0 and tap_h == 0
            for i in range(best.size):
                new = x[place]
                place += unsigned(step)
                take = always or new > best[i] or new != new
                best[i] = new if take else best[i]
                rows[i] = row if take else rows[i]


@helper
def _place_in(best: Any, rows: Any, width: int, maximum: Any) -> Any:
    """How far behind the first column's first element the maximum of columns stands, or the last NaN.

    All columns are looked at, by vectors: signals of 1000 elements in parts of 100 take 0.42 of the time that they took
    one by one.
    """
    place = np.int64(-1)
    if maximum == maximum:
        nearest = np.iinfo(np.int64).max
        for i in range(best.size):
            nearest = min(nearest, rows[i] * width + i if best[i] == maximum else nearest)
        return nearest
    for i in range(best.size):
        place = max(place, rows[i] * width + i if best[i] != best[i] else place)
    return place


@kernel
def pool_places(begin: int, end: int, x: Any, y: Any, indices: Any, spans: Any, fill: Any, table: Any) -> None:
    """As `pool_maxima`, with the flat position of each maximum in the spatial axes of the input.

    Of equal maxima the first in row-major order wins, of NaNs the last. Columns are reduced one by one, so one that is
    further right may hold the earlier element.
    """
    head = read_window_head(table, 0)
    d, h, w = read_window_axes(table)
    best = empty(head.longest, fill.dtype)
    rows = empty(head.longest, np.int32)
    at_line = _line(begin, head, d, h)
    for _ in range(begin, end):
        piece = read_window_piece(table, head, at_line.piece)
        task = _task(at_line, spans, head, d, h, w)
        _add_rows(best[: piece.size], rows[: piece.size], x, task, piece.start * w.step, d, h, w.step)
        for i in range(piece.first, piece.end):
            span = _span(spans, w, task.spans, i)
            column = span.first
            if span.taps >= MANY_TAPS and w.dilation == 1:
                here = slice(column - piece.start, column - piece.start + span.taps)
                y[task.to + i] = maximum = _max_tile(here.start, span.taps, best, fill)
                indices[task.to + i] = column + _place_in(best[here], rows[here], w.size, maximum)
                continue
            at = unsigned(column - piece.start)
            value, place = best[at], rows[at] * w.size + column
            for _ in range(1, span.taps):
                column += w.dilation
                at += unsigned(w.dilation)
                new, there = best[at], rows[at] * w.size + column
                earlier = new > value or (new == value and there < place)
                take = earlier or (new != new and (value == value or there > place))
                value = new if take else value
                place = there if take else place
            y[task.to + i] = value
            indices[task.to + i] = place
        at_line = _following(at_line, head, d, h)
    free((best, rows))
