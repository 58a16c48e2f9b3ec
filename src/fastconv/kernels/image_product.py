"""Convolution of two real images of about the same size, by Fourier transforms of the whole of both.

There are three stages, each a run of tasks. Rows of both images are transformed two by two, as the real and the
imaginary part of one transform; what they come to is parted, for the frequencies from zero to a half. The columns of
these frequencies are transformed, multiplied, and transformed back. Then rows are, two by two again.

A task has as many rows, or frequencies, as a vector has lanes: a strip is one transform of vectors
(`fastconv.jit.fourier`). Squares of an image become a part of a strip, and squares of strips change from one stage to
the next, in registers. Images are read and written by rows, as memory has them: columns of 1024 elements all fall into
the same few sets of the caches.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from fastconv.jit.copy import copy_block, copy_lanes, copy_run
from fastconv.jit.decorators import helper
from fastconv.jit.fourier import (
    join_fives_turned,
    join_threes_turned,
    join_two_real,
    split_fives_turned,
    split_threes_turned,
    split_two_real,
)
from fastconv.jit.kernel import kernel
from fastconv.jit.records import reader
from fastconv.jit.scratch import empty, free
from fastconv.jit.tile import lanes
from fastconv.jit.transpose import transpose
from fastconv.kernels.strip_transform import convolve_strip, transform, transform_back

__all__ = ["FORWARD", "IMAGE_PRODUCT_TABLE", "ImageAxis", "ImageProduct", "image_product"]

#: The first of the three stages.
FORWARD = 0
_MIDDLE = 1
#: Vectors of a row of the result that are written at once: with as many rows as lanes, half of a first-level cache.
_WIDTH = 16


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
    pairs, result_pairs : int
        Pairs of as many rows as lanes, of the first image and of the result.
    blocks, pitch : int
        Of frequencies, as many as lanes each; and rows from one to the next: those of both images, later of the result.
    places_at : int
        Where the list begins that has for each frequency along rows the row of a strip in which it ends.
    """

    stage: int
    width: int
    pairs: int
    result_pairs: int
    blocks: int
    pitch: int
    places_at: int


#: What stands in a table: the axis down columns before that along rows.
IMAGE_PRODUCT_TABLE = (ImageProduct, ImageAxis, ImageAxis)

_read, _axis = reader(ImageProduct), reader(ImageAxis)
_DOWN_AT = len(ImageProduct._fields)
_ALONG_AT = _DOWN_AT + len(ImageAxis._fields)


@helper
def _split_first(work: Any, axis: ImageAxis, roots: Any) -> int:
    """The first step of the transform of a strip along its rows, by 3 or 5 if at all; where the roots of others are."""
    pitch, part, root = 2 * lanes(work), axis.length // axis.lead, axis.roots_at
    if axis.lead > 1:
        for k in range(part):
            if axis.lead == 3:
                split_threes_turned(work, k * pitch, part * pitch, roots, root + 4 * k)
            else:
                split_fives_turned(work, k * pitch, part * pitch, roots, root + 8 * k)
    return root + 2 * (axis.lead - 1) * part


@helper
def _split(work: Any, axis: ImageAxis, roots: Any) -> None:
    """Transform a strip along its rows."""
    size, root = 2 * lanes(work) * axis.length // axis.lead, _split_first(work, axis, roots)
    for number in range(axis.lead):
        transform(work, number * size, axis.length // axis.lead, roots, root)


@helper
def _convolve(work: Any, other: Any, axis: ImageAxis, roots: Any) -> None:
    """`_split`, each row times one of another strip, and `_join`."""
    size, root = 2 * lanes(work) * axis.length // axis.lead, _split_first(work, axis, roots)
    for number in range(axis.lead):
        convolve_strip(work, number * size, axis.length // axis.lead, roots, root, other, number * size)
    _join_last(work, axis, roots)


@helper
def _join(work: Any, axis: ImageAxis, roots: Any) -> None:
    """Undo `_split`, but for a factor of the number of rows."""
    part = axis.length // axis.lead
    size, root = 2 * lanes(work) * part, axis.roots_at + 2 * (axis.lead - 1) * part
    for number in range(axis.lead):
        transform_back(work, number * size, part, roots, root)
    _join_last(work, axis, roots)


@helper
def _join_last(work: Any, axis: ImageAxis, roots: Any) -> None:
    """Undo `_split_first`, but for a factor of 3 or 5."""
    pitch, part, root = 2 * lanes(work), axis.length // axis.lead, axis.roots_at
    if axis.lead > 1:
        for k in range(part):
            if axis.lead == 3:
                join_threes_turned(work, k * pitch, part * pitch, roots, root + 4 * k)
            else:
                join_fives_turned(work, k * pitch, part * pitch, roots, root + 8 * k)


@helper
def _gather(work: Any, square: Any, x: Any, at: int, width: int, rows: int, columns: int, length: int) -> None:
    """Up to two vectors of rows of an image into the parts of a strip, with zeros beside and below."""
    n = lanes(work)
    for part in range(2):
        first, there = at + part * n * width, min(n, rows - part * n)
        for column in range(0, columns, n):
            to = 2 * n * column + part * n
            if there == n and column + n <= columns:
                transpose(x, first + column, width, work, to, 2 * n)
                continue
            for i in range(n):
                if i < there and column + n <= columns:
                    copy_lanes(square, n * i, x, first + i * width + column, n)
                    continue
                for j in range(n):
                    inside = i < there and column + j < columns
                    square[n * i + j] = x[first + i * width + column + j] if inside else square.dtype.type(0)
            transpose(square, 0, n, work, to, 2 * n)
    work[2 * n * (-(-columns // n) * n) : 2 * n * length] = 0


@helper
def _scatter(y: Any, to: int, work: Any, lines: Any, rows: int, axis: ImageAxis) -> None:
    """Up to two vectors of rows of the result from the parts of a strip.

    They are put together before, `_WIDTH` vectors each: rows of the result fall into the same few sets of the caches,
    so that lines of which a square has a part would be gone before the next square has the rest (twice the time).
    """
    n = lanes(work)
    pitch = _WIDTH * n
    for part in range(2):
        there = min(n, rows - part * n)
        for first in range(0, axis.results if there > 0 else 0, pitch):
            wanted = min(pitch, axis.results - first)
            for column in range(0, wanted, n):
                at = 2 * n * (axis.skip + first + column) + part * n
                transpose(work, at, 2 * n, lines, column, pitch)
            copy_block(y, to + part * n * axis.results + first, axis.results, lines, 0, pitch, wanted, there)


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
        row = 2 * n * task
        at = (down.first + row) * t.width + along.first
        _gather(strip, first, x, at, t.width, down.size - row, along.size, along.length)
    else:
        row = 2 * n * (task - t.pairs)
        _gather(strip, first, w, row * along.taps, along.taps, down.taps - row, along.taps, along.length)
    _split(strip, along, roots)
    for block in range(t.blocks):
        for i in range(n):
            k = min(block * n + i, along.length // 2)  # the last block has the last frequency again and again
            place, other = table[t.places_at + k], table[t.places_at + (along.length - k) % along.length]
            split_two_real(strip, 2 * n * place, 2 * n * other, first, second, 2 * n * i)
        to = 2 * n * (block * t.pitch + 2 * n * task)
        _turn(first, 0, spectra, to)
        _turn(second, 0, spectra, to + 2 * n * n)


@helper
def _multiply(block: int, strip: Any, other: Any, spectra: Any, roots: Any, table: Any) -> None:
    """The second stage."""
    t, down = _read(table, 0), _axis(table, _DOWN_AT)
    n = lanes(strip)
    size, at = 2 * n * down.length, 2 * n * t.pitch * block
    for image in range(2):
        given = 2 * n * (down.taps if image else down.size)
        to = other if image else strip
        copy_run(to, 0, spectra, at + 4 * n * n * t.pairs * image, given)
        to[given:size] = 0
    _split(other, down, roots)
    _convolve(strip, other, down, roots)
    first, wanted = 2 * n * down.skip, 4 * n * n * t.result_pairs
    found = min(wanted, size - first)
    copy_run(spectra, at, strip, first, found)
    # A result's row stands in the imaginary part of another's transform: it must be one itself.
    spectra[at + found : at + wanted] = 0


@helper
def _back(task: int, strip: Any, squares: Any, lines: Any, y: Any, spectra: Any, roots: Any, table: Any) -> None:
    """The third stage."""
    t, down, along = _read(table, 0), _axis(table, _DOWN_AT), _axis(table, _ALONG_AT)
    n, (first, second) = lanes(strip), squares
    row = 2 * n * task
    for block in range(t.blocks):
        at = 2 * n * (block * t.pitch + row)
        _turn(spectra, at, first, 0)
        _turn(spectra, at + 2 * n * n, second, 0)
        for i in range(min(n, along.length // 2 + 1 - block * n)):
            k = block * n + i
            place, other = table[t.places_at + k], table[t.places_at + (along.length - k) % along.length]
            join_two_real(first, second, 2 * n * i, strip, 2 * n * place, 2 * n * other)
    _join(strip, along, roots)
    _scatter(y, row * along.results, strip, lines, down.results - row, along)


@kernel
def image_product(begin: int, end: int, x: Any, w: Any, y: Any, spectra: Any, roots: Any, table: Any) -> None:
    """A stage of y = a part of the convolution of x and w, times four and the elements of a transform.

    `spectra` has for each block of frequencies a strip of `pitch` rows.
    """
    t, down, along = _read(table, 0), _axis(table, _DOWN_AT), _axis(table, _ALONG_AT)
    n = lanes(roots)
    size = 2 * n * (max(down.length, along.length) + n)  # as whole squares are read
    strip, other = empty(size, roots.dtype), empty(size, roots.dtype)
    squares, out = (empty(2 * n * n, roots.dtype), empty(2 * n * n, roots.dtype)), empty(_WIDTH * n * n, roots.dtype)
    for task in range(begin, end):
        if t.stage == FORWARD:
            _forward(task, strip, squares, x, w, spectra, roots, table)
        elif t.stage == _MIDDLE:
            _multiply(task, strip, other, spectra, roots, table)
        else:
            _back(task, strip, squares, out, y, spectra, roots, table)
    free((strip, other, squares[0], squares[1], out))
