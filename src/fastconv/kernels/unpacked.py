"""Images that are one window each, or one position of a transposed convolution: a matrix by the weights as they stand.

There each weight takes part in one product of each image, and to pack it first takes several times as long as that. So
weights are read once, in the order of memory, in runs that are long enough for the CPU to fetch them ahead.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from fastconv.jit.copy import copy_run
from fastconv.jit.decorators import inlined
from fastconv.jit.dot_tile import DotRun, DotShape, dot_tile
from fastconv.jit.kernel import kernel
from fastconv.jit.machine import machine
from fastconv.jit.records import reader
from fastconv.jit.scaled_tile import ScaledRun, ScaledShape, scaled_tile
from fastconv.jit.scratch import empty, free
from fastconv.jit.tile import lanes
from fastconv.jit.weight_tile import sum_lanes
from fastconv.kernels.activation import activate

__all__ = [
    "POSITION_TABLE",
    "ROWS",
    "WINDOW_TABLE",
    "PositionHead",
    "WindowHead",
    "unpacked_positions",
    "unpacked_windows",
]

#: Rows of weights, and images, of a tile of dot products: 16 sums, or 8 of 16 registers.
ROWS, _IMAGES = (4, 4) if machine().vector_registers >= 32 else (4, 2)
#: Channels whose rows a tile adds up for one image, and for several: each number stands in a register.
_CHANNELS, _FEW_CHANNELS = 8, 4
#: Channels that are summed before they are added to others: of 25088 in float32 the error is 3e-7 of the largest
#: result, in one sum 2.7e-6.
_RUN = 512


class WindowHead(NamedTuple):
    """The integer table's head for convolutions.

    Attributes
    ----------
    batch, groups, out_channels : int
        Images, groups, and output channels of one.
    block : int
        Most output channels of a task.
    depth, chunk : int
        Weights of an output channel, and how many of them are multiplied by all images before the next ones.
    x_base, x_group : int
        Where the first image begins, and the step from group to group.
    images_at : int
        The list of where each image begins behind the first.
    weight_base, weight_row : int
        The first weight, and the step from one output channel to the next.
    activation : int
        Number of the activation function.
    """

    batch: int
    groups: int
    out_channels: int
    block: int
    depth: int
    chunk: int
    x_base: int
    x_group: int
    images_at: int
    weight_base: int
    weight_row: int
    activation: int


class PositionHead(NamedTuple):
    """The same for transposed convolutions.

    Attributes
    ----------
    batch, groups, channels : int
        Images, groups, and input channels of one.
    columns, taps : int
        Results of a group, and how many of them have one bias.
    block : int
        Most results of an image of a task.
    x_base, x_batch, x_channel : int
        The first number, and its steps.
    weight_base, weight_row : int
        The first weight, and the step from one input channel to the next.
    activation : int
        Number of the activation function.
    """

    batch: int
    groups: int
    channels: int
    columns: int
    taps: int
    block: int
    x_base: int
    x_batch: int
    x_channel: int
    weight_base: int
    weight_row: int
    activation: int


WINDOW_TABLE, POSITION_TABLE = (WindowHead,), (PositionHead,)
_window, _position = reader(WindowHead), reader(PositionHead)

_dots, _dots_of_row, _dots_of_image, _dot = (
    dot_tile(DotShape(*shape)) for shape in ((ROWS, _IMAGES), (1, _IMAGES), (ROWS, 1), (1, 1))
)
_scaled, _scaled_for_image, _scaled_row = (
    scaled_tile(ScaledShape(*shape)) for shape in ((_FEW_CHANNELS, _IMAGES), (_CHANNELS, 1), (1, 1))
)


@inlined
def _add_dots(run: DotRun, rows: int, images: int, weights: Any, x: Any, table: Any, sums: Any) -> None:
    """The products of some rows of weights with some images; `run` is that of the first ones."""
    for row in range(0, rows, ROWS):
        for image in range(0, images, _IMAGES):
            whole = images - image >= _IMAGES
            if rows - row >= ROWS and whole:
                _dots(_moved(run, row, image), weights, x, table, sums)
            elif rows - row >= ROWS:
                for i in range(image, images):
                    _dots_of_image(_moved(run, row, i), weights, x, table, sums)
            else:
                for r in range(row, rows):
                    if whole:
                        _dots_of_row(_moved(run, r, image), weights, x, table, sums)
                    else:
                        for i in range(image, images):
                            _dot(_moved(run, r, i), weights, x, table, sums)


@inlined
def _moved(run: DotRun, row: int, image: int) -> DotRun:
    return DotRun(
        run.a_at + row * run.a_step, run.a_step, run.b_at, run.offsets_at + image, run.lines, run.a_line, run.b_line,
        run.elements, run.to + row * run.pitch + image, run.pitch,
    )  # fmt: skip


@kernel
def unpacked_windows(begin: int, end: int, x: Any, weights: Any, bias: Any, y: Any, table: Any) -> None:
    """y = activation(weights * x + bias); a task is some output channels of all images. See `WindowHead`.

    Sums of chunks of a row are added lane by lane, and the lanes then, so that errors are those of short sums.
    """
    head = _window(table, 0)
    n, blocks = lanes(y), (head.out_channels + head.block - 1) // head.block
    vectors = (head.block * head.batch + n - 1) // n * n
    sums, found = empty(vectors * n, y.dtype), empty(vectors, y.dtype)
    for task in range(begin, end):
        group = task // blocks
        first = (task - group * blocks) * head.block
        rows = min(head.block, head.out_channels - first)
        channel = group * head.out_channels + first
        for i in range(vectors * n):
            sums[i] = 0
        for at in range(0, head.depth, head.chunk):
            run = DotRun(
                head.weight_base + channel * head.weight_row + at, head.weight_row,
                head.x_base + group * head.x_group + at, head.images_at, 1, 0, 0, min(head.chunk, head.depth - at),
                0, head.batch,
            )  # fmt: skip
            _add_dots(run, rows, head.batch, weights, x, table, sums)
        for i in range(0, vectors, n):
            sum_lanes(sums, i * n, found, i)
        if bias.size:
            for row in range(rows):
                for image in range(head.batch):
                    found[row * head.batch + image] += bias[channel + row]
        if head.activation:
            activate(found, 0, rows * head.batch, head.activation)
        for image in range(head.batch):
            to = image * head.groups * head.out_channels + channel
            for row in range(rows):
                y[to + row] = found[row * head.batch + image]
    free((sums, found))


@inlined
def _add_scaled(run: ScaledRun, channels: int, images: int, x: Any, weights: Any, sums: Any) -> None:
    """The products of all channels with some images; `run` is that of the first ones."""
    image = 0
    while image < images:
        several = images - image >= _IMAGES
        step = _FEW_CHANNELS if several else _CHANNELS
        channel = 0
        while channel + step <= channels:
            if several:
                _scaled(_shifted(run, channel, image), x, weights, sums)
            else:
                _scaled_for_image(_shifted(run, channel, image), x, weights, sums)
            channel += step
        count = _IMAGES if several else 1
        for c in range(channel, channels):
            for i in range(image, image + count):
                _scaled_row(_shifted(run, c, i), x, weights, sums)
        image += count


@inlined
def _shifted(run: ScaledRun, channel: int, image: int) -> ScaledRun:
    return ScaledRun(
        run.x_at + channel * run.x_row + image * run.x_sum, run.x_row, run.x_sum,
        run.rows_at + channel * run.pitch, run.pitch, run.to + image * run.step, run.step, run.elements,
    )  # fmt: skip


@inlined
def _start(totals: Any, bias: Any, channel: int, first: int, count: int, head: PositionHead) -> None:
    """The bias of each of so many results of an image from one on, in a group that begins with that output channel."""
    for i in range(totals.size):
        totals[i] = 0
    for image in range(head.batch if bias.size else 0):
        for i in range(count):
            totals[image * head.block + i] = bias[channel + (first + i) // head.taps]


@kernel
def unpacked_positions(begin: int, end: int, x: Any, weights: Any, bias: Any, y: Any, table: Any) -> None:
    """y = activation(weights * x + bias); a task is some results of all images of a group. See `PositionHead`."""
    head = _position(table, 0)
    blocks = (head.columns + head.block - 1) // head.block
    size = head.block * head.batch
    sums, totals = empty(size, y.dtype), empty(size, y.dtype)
    for task in range(begin, end):
        group = task // blocks
        first = (task - group * blocks) * head.block
        count = min(head.block, head.columns - first)
        _start(totals, bias, group * (head.columns // head.taps), first, count, head)
        for channel in range(0, head.channels, _RUN):
            for i in range(size):
                sums[i] = 0
            at = group * head.channels + channel
            run = ScaledRun(
                head.x_base + at * head.x_channel, head.x_channel, head.x_batch,
                head.weight_base + at * head.weight_row + first, head.weight_row, 0, head.block, count,
            )  # fmt: skip
            _add_scaled(run, min(_RUN, head.channels - channel), head.batch, x, weights, sums)
            for i in range(size):
                totals[i] += sums[i]
        for image in range(head.batch):
            at, to = image * head.block, (image * head.groups + group) * head.columns + first
            if head.activation:
                activate(totals, at, at + count, head.activation)
            copy_run(y, to, totals, at, count)
    free((sums, totals))
