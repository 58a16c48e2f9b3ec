"""The tile of a channels-last depthwise weight gradient: products of an image with another, summed pixel by pixel.

Lanes are channels, so a pixel of either image is a vector that is loaded as it stands, and each tap of a block of the
kernel has a vector of sums, which stays in a register from the first row of outputs to the last. Outputs beside and
below each other share the pixels that they load. Of channels that fill no vector it touches those that are there.
"""

from __future__ import annotations

from functools import partial
from inspect import signature
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from fastconv.jit.emit import INT64, VectorCode
from fastconv.jit.machine import machine
from fastconv.jit.pixel_code import PixelCode, whole_or_masked

__all__ = ["ChannelWeightShape", "ChannelWeightWindow", "channel_weight_tile"]


class ChannelWeightShape(NamedTuple):
    """What is a literal of a tile.

    Attributes
    ----------
    outputs, pixels : int
        Rows of outputs, and outputs of each, that share the pixels that they load, where these are in the input.
    rows, columns : int
        Taps of the block of the kernel; the columns are all of a row's, and follow each other.
    step : int
        Columns from one output to the next. Where there is more than one row of outputs, rows of taps follow each other
        too, and rows of outputs are as many rows apart.
    """

    outputs: int
    pixels: int
    rows: int
    columns: int
    step: int

    @property
    def lines(self) -> int:
        """Rows of input that rows of outputs see."""
        return (self.outputs - 1) * self.step + self.rows

    @property
    def reach(self) -> int:
        """Columns that outputs see."""
        return (self.pixels - 1) * self.step + self.columns


class ChannelWeightWindow(NamedTuple):
    """Where a tile finds rows of two images, and where its sums go.

    Attributes
    ----------
    at, group, line, column : int
        Where column 0 of the first row of input stands, and the steps from one group of rows of outputs to the next,
        from line to line and from column to column.
    before, size : int
        Columns that the first output's windows begin before column 0, and the columns that there are.
    first, last : int
        The outputs of a row from `first` on and before `last` have all their columns in the input.
    dy_at, dy_row, dy_step : int
        Where the first row of outputs begins, and the steps from row to row and from pixel to pixel.
    groups, width : int
        Groups of rows of outputs, and outputs of a row.
    to, pitch : int
        Where the sums of the block's first tap go, and the step from tap to tap.
    left : int
        Channels that are wanted, of at most a vector.
    """

    at: int
    group: int
    line: int
    column: int
    before: int
    size: int
    first: int
    last: int
    dy_at: int
    dy_row: int
    dy_step: int
    groups: int
    width: int
    to: int
    pitch: int
    left: int


def _channel_weight_tile_meaning(
    shape: ChannelWeightShape, window: ChannelWeightWindow, x: np.ndarray, dy: np.ndarray, y: np.ndarray
) -> None:
    """y[to + (t columns + s) pitch + i] += the sum over outputs of dy[row, output, i] * x[line, column, i].

    For row number r of a group the line is number ``r step + t`` of its lines, the column ``output step + s - before``;
    those beside the input count for nothing. For i below `left`, at most a vector.
    """
    v = window
    left = min(v.left, machine().vector_bytes // x.itemsize)
    rows = product(range(v.groups), range(shape.outputs), range(v.width))
    for (group, r, output), t, s in product(rows, range(shape.rows), range(shape.columns)):
        column = output * shape.step + s - v.before
        if 0 <= column < v.size:
            at = v.at + group * v.group + (r * shape.step + t) * v.line + column * v.column
            dy_at = v.dy_at + (group * shape.outputs + r) * v.dy_row + output * v.dy_step
            y[v.to + (t * shape.columns + s) * v.pitch :][:left] += dy[dy_at:][:left] * x[at:][:left]


#: The arguments of a tile by name.
_ARGUMENTS = list(signature(_channel_weight_tile_meaning).parameters)[1:]


def channel_weight_tile(shape: ChannelWeightShape) -> Any:
    """The tile of a shape, for kernels: as `_channel_weight_tile_meaning`, but for the shape."""
    if config.DISABLE_JIT:
        return partial(_channel_weight_tile_meaning, shape)

    @intrinsic
    def tile(typingctx: Any, window: Any, x: Any, dy: Any, y: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            code, v = (
                VectorCode(context, builder, y.dtype),
                ChannelWeightWindow(*cgutils.unpack_tuple(builder, args[0])),
            )

            def write(left: Any) -> None:
                _WeightTile(code, _ARGUMENTS, signature.args, args, left).write(shape, v)

            whole_or_masked(builder, v.left, code.lanes, write)
            return context.get_dummy_value()

        return types.void(window, x, dy, y), codegen

    return tile


class _WeightTile(PixelCode):
    """Writes the code of a tile."""

    def write(self, shape: ChannelWeightShape, window: ChannelWeightWindow) -> None:
        """All groups of rows."""
        self.shape, self.window = shape, window
        builder, v = self.builder, window
        taps = shape.rows * shape.columns
        self.sums = [cgutils.alloca_once_value(builder, self.code.zero) for _ in range(taps)]
        with cgutils.for_range(builder, v.groups, intp=INT64) as group:
            self.at = builder.add(v.at, builder.mul(group.index, v.group))
            first = builder.mul(group.index, builder.mul(v.dy_row, INT64(shape.outputs)))
            self.dy_at = builder.add(v.dy_at, first)
            self.add_rows()
        self.add_sums()

    def add_rows(self) -> None:
        """Add the products of a group: some outputs at a time where their columns are there, or one of each row."""
        builder, v, shape = self.builder, self.window, self.shape
        place = cgutils.alloca_once_value(builder, INT64(0))
        builder.store(INT64(0), place)
        body, done = (builder.append_basic_block(name) for name in ("outputs", "row_done"))
        builder.cbranch(builder.icmp_signed(">", v.width, INT64(0)), body, done)
        builder.position_at_end(body)
        output = builder.load(place)
        behind = builder.add(output, INT64(shape.pixels))
        inside = builder.and_(builder.icmp_signed(">=", output, v.first), builder.icmp_signed("<=", behind, v.last))
        with builder.if_else(inside, likely=True) as (some, one):
            with some:
                self.add_outputs(output)
                builder.store(behind, place)
            with one:
                self.add_output(output)
                builder.store(builder.add(output, INT64(1)), place)
        builder.cbranch(builder.icmp_signed("<", builder.load(place), v.width), body, done)
        builder.position_at_end(done)

    def outputs(self, first: Any, pixels: int) -> list[list[Any]]:
        """The gradients of so many outputs of each row of a group."""
        builder, v = self.builder, self.window
        found = []
        for row in range(self.shape.outputs):
            at = builder.add(self.dy_at, builder.add(builder.mul(v.dy_row, INT64(row)), builder.mul(first, v.dy_step)))
            pointers = self.pixels("dy", at, v.dy_step, pixels)
            found.append([self.load(pointer) for pointer in pointers])
        return found

    def add_outputs(self, first: Any) -> None:
        """Add the products of outputs that share pixels, each of which is loaded once."""
        builder, v, shape = self.builder, self.window, self.shape
        outputs = self.outputs(first, shape.pixels)
        column = builder.sub(builder.mul(first, INT64(shape.step)), v.before)
        at = builder.add(self.at, builder.mul(column, v.column))
        lines = []
        for _ in range(shape.lines):
            lines.append(self.pixels("x", at, v.column, shape.reach))
            at = builder.add(at, v.line)
        for place in range(shape.reach):
            self.code.keep_order()
            for line, pixels in enumerate(lines):
                self.add_pixel(line, place, self.load(pixels[place]), outputs)

    def add_pixel(self, line: int, place: int, value: Any, outputs: list[list[Any]]) -> None:
        """Add the products of an input pixel with the outputs that see it."""
        shape = self.shape
        for t in range(shape.rows):
            for s in range(shape.columns):
                row, row_rest = divmod(line - t, shape.step)
                pixel, rest = divmod(place - s, shape.step)
                if (row_rest, rest) == (0, 0) and 0 <= row < shape.outputs and 0 <= pixel < len(outputs[0]):
                    total = self.sums[t * shape.columns + s]
                    product = self.code.multiply_add(outputs[row][pixel], value, self.builder.load(total))
                    self.builder.store(product, total)

    def add_output(self, number: Any) -> None:
        """Add the products of one output of each row, some of whose columns may not be there."""
        builder, v, shape = self.builder, self.window, self.shape
        outputs = self.outputs(number, 1)
        first = builder.sub(builder.mul(number, INT64(shape.step)), v.before)
        for s in range(shape.columns):
            column = builder.add(first, INT64(s))
            with builder.if_then(builder.icmp_unsigned("<", column, v.size), likely=True):
                at = builder.add(self.at, builder.mul(column, v.column))
                for line, pixel in enumerate(self.pixels("x", at, v.line, shape.lines)):
                    self.add_pixel(line, s, self.load(pixel), outputs)

    def add_sums(self) -> None:
        """Add what the rows came to."""
        builder, code, v = self.builder, self.code, self.window
        for total, pointer in zip(self.sums, self.pixels("y", v.to, v.pitch, len(self.sums)), strict=True):
            self.store(code.add(self.load(pointer), builder.load(total)), pointer)
