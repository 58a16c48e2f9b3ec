"""The integer table of a convolution by Fourier transforms of blocks: what a plan writes and the kernels read.

It says where the blocks stand in images, and what each gives of the result: see `fastconv.kernels.fourier`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from fastconv.jit.decorators import helper
from fastconv.jit.records import reader
from fastconv.kernels.slab import SlabAxis

__all__ = [
    "COLUMNS_AT",
    "FOURIER_TABLE",
    "ROWS_AT",
    "Fourier",
    "Wanted",
    "block_place",
    "read_fourier",
    "read_fourier_axis",
    "wanted_of",
    "whole_run",
]


class Fourier(NamedTuple):
    """What is transformed, as it stands at the head of a kernel's table; the input's two axes follow.

    Attributes
    ----------
    spectral : int
        1 where the spectrum of the first pair is wanted.
    rows, columns : int
        Of a block; powers of two from 4 and from the lanes of a vector on.
    flat : int
        1 where both are one axis: rows follow each other.
    rows_at, columns_at, middle_at : int
        Where in the roots those of the transforms stand, and, where `flat`, those between, in rows of strips.
    pairs, images : int
        Of each kernel: pairs of blocks, and images of the input and of the result.
    lines : int
        Neighbouring images that are not a batch's.
    multiplier : int
        Neighbouring kernels for the same images.
    x_base, x_batch, x_line, x_channel : int
        Position of the first element of the input, and the steps to the image of another batch, to its neighbour, and
        to those of other kernels.
    y_batch, y_line, y_channel : int
        These steps in the result, where each kernel has its own images.
    out_height, out_width : int
        Of an image of the result.
    down, across : int
        Blocks of an image: one below the other, and beside each other.
    first_row, first_column : int
        Of the input with which the first block begins; it may be outside.
    step_row, step_column : int
        From one block to the next, and the elements of the result that each gives; where `flat`, `step_column` alone.
    lead_row, lead_column : int
        Place in a block of the first of these elements; where `flat`, that in the flat block as `lead_column`.
    """

    spectral: int
    rows: int
    columns: int
    flat: int
    rows_at: int
    columns_at: int
    middle_at: int
    pairs: int
    images: int
    lines: int
    multiplier: int
    x_base: int
    x_batch: int
    x_line: int
    x_channel: int
    y_batch: int
    y_line: int
    y_channel: int
    out_height: int
    out_width: int
    down: int
    across: int
    first_row: int
    first_column: int
    step_row: int
    step_column: int
    lead_row: int
    lead_column: int


class Place(NamedTuple):
    """A block: of which image and its neighbour, and how far down and across it."""

    image: int
    line: int
    down: int
    across: int


class Wanted(NamedTuple):
    """What a block gives of the result.

    Attributes
    ----------
    to, step : int
        Where its first element would stand, and the step from one row to the next.
    first_row, last_row : int
        Rows of which something is wanted.
    end : int
        Of a row the element behind the last that is wanted; where flat, of the whole block.
    """

    to: int
    step: int
    first_row: int
    last_row: int
    end: int


#: What stands in a table, before the lists that its records point to.
FOURIER_TABLE = (Fourier, SlabAxis, SlabAxis)

read_fourier, read_fourier_axis = reader(Fourier), reader(SlabAxis)
ROWS_AT = len(Fourier._fields)
COLUMNS_AT = ROWS_AT + len(SlabAxis._fields)


@helper
def block_place(t: Any, block: int) -> Place:
    """Where a block stands among images."""
    image = block // (t.down * t.across)
    inner = block - image * (t.down * t.across)
    down = inner // t.across
    return Place(image // t.lines, image % t.lines, down, inner - down * t.across)


@helper
def whole_run(table: Any, kernel: int, block: int) -> int:
    """Where in the input all of a block of one axis stands, number by number; -1 where it does not."""
    t, w = read_fourier(table, 0), read_fourier_axis(table, COLUMNS_AT)
    place = block_place(t, block)
    first = t.first_column + place.across * t.step_column
    inside = first >= 0 and first + t.rows * t.columns <= w.size and block < t.images * t.across
    image = t.x_base + place.image * t.x_batch + place.line * t.x_line + kernel // t.multiplier * t.x_channel
    return image + first if inside and w.stride == 1 else -1


@helper
def wanted_of(t: Any, kernel: int, block: int) -> Wanted:
    """What a block gives of the result."""
    place = block_place(t, block)
    image = kernel * t.y_channel + place.image * t.y_batch + place.line * t.y_line
    end = t.lead_column + min(t.step_column, t.out_width - place.across * t.step_column)
    to = image + place.across * t.step_column - t.lead_column
    if t.flat:
        return Wanted(to, t.columns, t.lead_column // t.columns, -(-end // t.columns), end)
    last_row = t.lead_row + min(t.step_row, t.out_height - place.down * t.step_row)
    return Wanted(to + (place.down * t.step_row - t.lead_row) * t.out_width, t.out_width, t.lead_row, last_row, end)
