"""Convolution of two real images of about the same size, by Fourier transforms of the whole of both.

There are three stages, each a run of tasks. Columns of both images are transformed two by two, as the real and the
imaginary part of one transform; what they come to is parted, for the frequencies from zero to a half. The rows of these
frequencies are transformed, multiplied, and transformed back. Then columns are, two by two again.

A task has as many columns, or frequencies, as a vector has lanes: a strip is one transform of vectors
(`fastconv.jit.fourier`). Between the stages, squares are turned in registers.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from fastconv.jit.copy import copy_lanes, copy_run
from fastconv.jit.decorators import helper
from fastconv.jit.fourier import (
    join_fives_turned,
    join_threes_turned,
    join_two_real,
    split_fives_turned,
    split_threes_turned,
    split_two_real,
    turn_row,
)
from fastconv.jit.kernel import kernel
from fastconv.jit.records import reader
from fastconv.jit.scratch import empty, free
from fastconv.jit.tile import lanes
from fastconv.jit.transpose import transpose
from fastconv.kernels.fourier import transform, transform_back

__all__ = ["FORWARD", "IMAGE_PRODUCT_TABLE", "ImageAxis", "ImageProduct", "image_product"]

#: The first of the three stages.
FORWARD = 0
_MIDDLE = 1


class ImageAxis(NamedTuple):
    """An axis of the transforms.

    Attributes
    ----------
    length : int
        Of a transform: a power of two from 4 and, along rows, from the lanes of a vector on, times `lead`.
    lead : int
        1, 3 or 5: by what it is split first.
    roots_at : int
        Where its roots of unity stand.
    first, size, taps : int
        The elements of the first image, from one on, and of the second.
    skip, results : int
        The elements of the result, from one of the transform on.
    """

    length: int
    lead: int
    roots_at: int
    first: int
    size: int
    taps: int
    skip: int
    results: int


class ImageProduct(NamedTuple):
    """The head of a table.

    Attributes
    ----------
    stage : int
        Which of the three.
    width : int
        Elements of a row of the first image.
    pairs : int
        Tasks of the first stage that are of the first image.
    blocks, pitch : int
        Of frequencies, as many as lanes each; and columns from one to the next, which are whole pairs of vectors from
        the first column of either image, and of the result, on.
    places_at : int
        Where the list begins that has for each frequency down columns the row in which it ends.
    """

    stage: int
    width: int
    pairs: int
    blocks: int
    pitch: int
    places_at: int


#: What stands in a table: the axis down columns before that along rows.
IMAGE_PRODUCT_TABLE = (ImageProduct, ImageAxis, ImageAxis)

_read, _axis = reader(ImageProduct), reader(ImageAxis)
_DOWN_AT = len(ImageProduct._fields)
_ALONG_AT = _DOWN_AT + len(ImageAxis._fields)


@helper
def _split(work: Any, axis: ImageAxis, roots: Any) -> None:
    """Transform a strip along its rows."""
    pitch, part, root = 2 * lanes(work), axis.length // axis.lead, axis.roots_at
    if axis.lead > 1:
        for k in range(part):
            if axis.lead == 3:
                split_threes_turned(work, k * pitch, part * pitch, roots, root + 4 * k)
            else:
                split_fives_turned(work, k * pitch, part * pitch, roots, root + 8 * k)
        root += 2 * (axis.lead - 1) * part
    for number in range(axis.lead):
        transform(work, number * part * pitch, part, roots, root)


@helper
def _join(work: Any, axis: ImageAxis, roots: Any) -> None:
    """Undo `_split`, but for a factor of the number of rows."""
    pitch, part, root = 2 * lanes(work), axis.length // axis.lead, axis.roots_at
    inner = root + 2 * (axis.lead - 1) * part
    for number in range(axis.lead):
        transform_back(work, number * part * pitch, part, roots, inner)
    if axis.lead > 1:
        for k in range(part):
            if axis.lead == 3:
                join_threes_turned(work, k * pitch, part * pitch, roots, root + 4 * k)
            else:
                join_fives_turned(work, k * pitch, part * pitch, roots, root + 8 * k)


@helper
def _gather(work: Any, x: Any, at: int, width: int, rows: int, columns: int, length: int) -> None:
    """Up to two vectors of columns of an image into the parts of a strip, with zeros beside and below."""
    n = lanes(work)
    whole = columns >= 2 * n
    for row in range(rows):
        if whole:
            copy_lanes(work, 2 * n * row, x, at + row * width, n)
            copy_lanes(work, 2 * n * row + n, x, at + row * width + n, n)
        else:
            for i in range(columns):
                work[2 * n * row + i] = x[at + row * width + i]
            work[2 * n * row + columns : 2 * n * (row + 1)] = 0
    work[2 * n * rows : 2 * n * length] = 0


@helper
def _turn(source: Any, at: int, target: Any, to: int) -> None:
    """A square of complex numbers."""
    n = lanes(source)
    transpose(source, at, 2 * n, target, to, 2 * n)
    transpose(source, at + n, 2 * n, target, to + n, 2 * n)


@helper
def _forward(task: int, strip: Any, squares: Any, x: Any, w: Any, spectra: Any, roots: Any, table: Any) -> None:
    """The first stage."""
    t, down, along = _read(table, 0), _axis(table, _DOWN_AT), _axis(table, _ALONG_AT)
    n, (first, second) = lanes(strip), squares
    if task < t.pairs:
        column, image = 2 * n * task, 0
        at = down.first * t.width + along.first + column
        _gather(strip, x, at, t.width, down.size, min(2 * n, along.size - column), down.length)
    else:
        column, image = 2 * n * (task - t.pairs), t.blocks
        _gather(strip, w, column, along.taps, down.taps, min(2 * n, along.taps - column), down.length)
    _split(strip, down, roots)
    for block in range(t.blocks):
        for i in range(n):
            k = min(block * n + i, down.length // 2)  # the last block has the last frequency again and again
            place, other = table[t.places_at + k], table[t.places_at + (down.length - k) % down.length]
            split_two_real(strip, 2 * n * place, 2 * n * other, first, second, 2 * n * i)
        to = 2 * n * ((image + block) * t.pitch + column)
        _turn(first, 0, spectra, to)
        _turn(second, 0, spectra, to + 2 * n * n)


@helper
def _multiply(block: int, strip: Any, other: Any, spectra: Any, roots: Any, table: Any) -> None:
    """The second stage."""
    t, along = _read(table, 0), _axis(table, _ALONG_AT)
    n = lanes(strip)
    size, pitch = 2 * n * along.length, 2 * n * t.pitch
    for image in range(2):
        given = 2 * n * (along.taps if image else along.size)
        to = other if image else strip
        copy_run(to, 0, spectra, (image * t.blocks + block) * pitch, given)
        to[given:size] = 0
        _split(to, along, roots)
    for row in range(along.length):
        turn_row(strip, 2 * n * row, other, 2 * n * row)
    _join(strip, along, roots)
    first, at = 2 * n * along.skip, block * pitch
    copy_run(spectra, at + first, strip, first, size - first)
    # A result's column stands in the imaginary part of another's transform: it must be one itself.
    spectra[at + size : at + pitch] = 0


@helper
def _back(task: int, strip: Any, squares: Any, y: Any, spectra: Any, roots: Any, table: Any) -> None:
    """The third stage."""
    t, down, along = _read(table, 0), _axis(table, _DOWN_AT), _axis(table, _ALONG_AT)
    n, (first, second) = lanes(strip), squares
    column = 2 * n * task
    for block in range(t.blocks):
        at = 2 * n * (block * t.pitch + along.skip + column)
        _turn(spectra, at, first, 0)
        _turn(spectra, at + 2 * n * n, second, 0)
        for i in range(min(n, down.length // 2 + 1 - block * n)):
            k = block * n + i
            place, other = table[t.places_at + k], table[t.places_at + (down.length - k) % down.length]
            join_two_real(first, second, 2 * n * i, strip, 2 * n * place, 2 * n * other)
    _join(strip, down, roots)
    left = along.results - column
    for row in range(down.results):
        at, to = 2 * n * (down.skip + row), row * along.results + column
        copy_lanes(y, to, strip, at, min(n, left))
        if left > n:
            copy_lanes(y, to + n, strip, at + n, min(n, left - n))


@kernel
def image_product(begin: int, end: int, x: Any, w: Any, y: Any, spectra: Any, roots: Any, table: Any) -> None:
    """A stage of y = a part of the convolution of x and w, times four and the elements of a transform.

    `spectra` has for either image, for each block of frequencies, a strip of `pitch` columns.
    """
    t, down, along = _read(table, 0), _axis(table, _DOWN_AT), _axis(table, _ALONG_AT)
    n = lanes(roots)
    size = 2 * n * (max(down.length, along.length) + 1)
    strip, other = empty(size, roots.dtype), empty(size, roots.dtype)
    squares = empty(2 * n * n, roots.dtype), empty(2 * n * n, roots.dtype)
    for task in range(begin, end):
        if t.stage == FORWARD:
            _forward(task, strip, squares, x, w, spectra, roots, table)
        elif t.stage == _MIDDLE:
            _multiply(task, strip, other, spectra, roots, table)
        else:
            _back(task, strip, squares, y, spectra, roots, table)
    free((strip, other, squares[0], squares[1]))
