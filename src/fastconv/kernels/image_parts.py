"""Parts of images, each a task: some rows of an image, and of these some columns.

What windows reach beside a part is read with it; what they reach beside the image is put there by the task.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from fastconv.jit.decorators import helper
from fastconv.jit.records import reader

__all__ = ["PARTS", "ImageParts", "Part", "extend_row", "part_of", "read_parts"]


class ImageParts(NamedTuple):
    """How images are cut: the first record of a table.

    Attributes
    ----------
    rows, width : int
        Rows of an image, and elements of a row.
    block, blocks : int
        Rows of a part, and how many parts that makes of an image's rows.
    columns, cuts : int
        Elements of a row that a part has, and how many parts that makes of a row.
    before, after : int
        How far windows reach beside an element along a row.
    pitch : int
        Elements of a part's row, with those that windows reach beside it.
    sources_at : int
        Where the list begins of the elements that stand for those before a row and then behind it; -1 for the constant.
    """

    rows: int
    width: int
    block: int
    blocks: int
    columns: int
    cuts: int
    before: int
    after: int
    pitch: int
    sources_at: int


read_parts = reader(ImageParts)

#: Where the next record of a table stands.
PARTS = len(ImageParts._fields)


class Part(NamedTuple):
    """What a task reads and writes.

    Attributes
    ----------
    image : int
        Where the image begins.
    first, last : int
        Rows of it that are written.
    column, columns : int
        The first element of a row that is written, and how many are.
    low, size : int
        The same of those that are read.
    at : int
        Where the first that is read stands in a row that begins with what its windows reach before it.
    """

    image: int
    first: int
    last: int
    column: int
    columns: int
    low: int
    size: int
    at: int


@helper
def part_of(task: int, p: ImageParts) -> Part:
    """The part that is a task."""
    place, column = task // p.cuts, task % p.cuts * p.columns
    first, until = place % p.blocks * p.block, min(p.width, column + p.columns)
    low, high = max(0, column - p.before), min(p.width, until + p.after)
    image = place // p.blocks * p.rows * p.width
    last = min(first + p.block, p.rows)
    return Part(image, first, last, column, until - column, low, high - low, low - column + p.before)


@helper
def extend_row(row: Any, column: int, p: ImageParts, table: Any, fill: Any) -> None:
    """Write what stands before and behind a row, of which `row` has what windows of a part from a column on reach."""
    for i in range(p.before - column):
        source = table[p.sources_at + column + i]
        row[i] = row[source - column + p.before] if source >= 0 else fill
    behind = p.width - column + p.before
    for i in range(behind, row.size):
        source = table[p.sources_at + p.before + i - behind]
        row[i] = row[source - column + p.before] if source >= 0 else fill
