"""What poolings by register tiles see of a problem: axes that may be one are one, and long rows are folded."""

from __future__ import annotations

from typing import NamedTuple

from fastconv.geometry import Axis
from fastconv.jit.machine import machine
from fastconv.plan.problem import Problem

__all__ = ["MOST_REACH", "PooledAxes", "merged", "row_passes"]

#: Most lines that a table lists for rows that are folded.
MOST_LINES = 2**17
#: Columns that outputs of a block see in the second pass, at most: four rows of them fit a first-level cache.
MOST_REACH = 1536


def row_passes(w: Axis, overlap: bool) -> list[list[int]]:
    """The taps of passes along rows, which together reduce a window: each reduces windows of the last one.

    Maxima may count an element twice; sums need factors of the window's size.
    """
    found, have, radix = [], 1, 4 if w.kernel > 5 else w.kernel
    while have < w.kernel:
        if overlap:
            step = min(radix * have, w.kernel)
            taps = sorted({min(i * have, step - have) for i in range(-(-step // have))})
        else:
            factor = next(n for n in range(2, w.kernel + 1) if w.kernel // have % n == 0)
            taps, step = [i * have for i in range(factor)], factor * have
        found.append(taps)
        have = step
    return found or [[0]]


class PooledAxes(NamedTuple):
    """What is pooled: channels, planes, rows and columns.

    With the input's steps of the first three, and the numbers of elements that windows count along the others.
    """

    channels: int
    d: Axis
    h: Axis
    w: Axis
    x_channel: int
    x_d: int
    x_h: int
    counts: tuple[tuple[int, ...], ...]


def merged(problem: Problem, fold: bool = True) -> PooledAxes:
    """The axes of a problem. One window that is as high as the input is one long row where its rows follow each other.

    Such a row is folded into shorter ones, if it may be, where channels follow each other, too; else they are rows of
    an image, as those of signals are.
    """
    g, steps = problem.geometry.lift(), problem.x_steps().steps
    (d, h, w), (x_channel, x_d, x_h, x_w) = g.axes, steps[1:]
    d_counts, h_counts, w_counts = (axis.window_sizes(count_padding=problem.count_include_pad) for axis in g.axes)
    channels = g.channels
    if _whole(h) and _whole(w) and x_h == w.size * x_w:
        w, h, x_h = Axis(h.size * w.size, h.size * w.size), Axis(1, 1), 0
        w_counts, h_counts = (h_counts[0] * w_counts[0],), (1,)
        if _whole(d) and x_d == w.size:
            w, d, x_d = Axis(d.size * w.size, d.size * w.size), Axis(1, 1), 0
            w_counts, d_counts = (d_counts[0] * w_counts[0],), (1,)
    foldable = fold and d.padded == h.padded == x_w == 1 and _whole(w) and x_channel == w.size
    width = _fold(problem, channels, w) if foldable else w.size
    if width < w.size:
        height = w.size // width
        h, w = Axis(channels * height, height, height), Axis(width, width)
        channels, x_h, x_channel, h_counts = 1, width, 0, h_counts * channels
    elif d.padded == h.padded == 1:
        channels, h, x_h, x_channel, h_counts = 1, Axis(channels, 1), x_channel, 0, h_counts * channels
    return PooledAxes(channels, d, h, w, x_channel, x_d, x_h, (d_counts, h_counts, w_counts))


def _fold(problem: Problem, channels: int, w: Axis) -> int:
    """Columns of the rows that one long row of each channel is folded into, for least work down and along them.

    Averages of 64 channels of 56 x 56 take 0.3 of the time that one long row takes, those of 7 x 7 as long as before.
    """
    lanes, size = machine().vector_bytes // problem.dtype.itemsize, w.size
    widths = [n for n in range(1, min(size, MOST_REACH) + 1) if size % n == 0 and channels * (size // n) <= MOST_LINES]

    def loads(width: int) -> int:
        along = sum(map(len, row_passes(Axis(width, width), problem.op == "max_pool")))
        return -(-width // lanes) * (size // width + along)

    return min(widths, key=loads, default=size)


def _whole(axis: Axis) -> bool:
    return axis.output == 1 and axis.kernel == axis.padded == axis.size
