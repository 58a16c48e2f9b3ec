"""Pooling of images as one long row, where the result has the input's size: one axis of windows after the other.

Vectors are full however narrow images are. Between two passes a block's rows stay in the first-level cache.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any, NamedTuple

from fastconv.jit.decorators import inlined
from fastconv.jit.flat_tile import FlatPass, FlatShape, flat_tile
from fastconv.jit.kernel import kernel
from fastconv.jit.records import reader
from fastconv.jit.reduction import MAXIMUM, MEAN, SUM
from fastconv.jit.scratch import empty, free
from fastconv.jit.tile import lanes

__all__ = ["FLAT_POOL_TABLE", "USUAL_TAPS", "FlatPoolHead", "FlatPoolPass", "flat_pools"]


class FlatPoolHead(NamedTuple):
    """A pooling's integer table, before the lists that it points to.

    Attributes
    ----------
    x_base, elements : int
        Flat position of the first input element, and how many there are.
    block : int
        Vectors of outputs of a task.
    passes_at, passes : int
        The list of `FlatPoolPass` records, and their number: two at least.
    period, counts_at, counts_step : int
        See `FlatPass`.
    """

    x_base: int
    elements: int
    block: int
    passes_at: int
    passes: int
    period: int
    counts_at: int
    counts_step: int


class FlatPoolPass(NamedTuple):
    """One axis of windows.

    Attributes
    ----------
    taps_at, taps, masks_at : int
        See `FlatPass`.
    reach : int
        Vectors beside those of a block that later passes see, on either side.
    """

    taps_at: int
    taps: int
    masks_at: int
    reach: int


FLAT_POOL_TABLE = (FlatPoolHead,)

#: Taps beside an output's own for which there are kernels of their own: windows of three.
USUAL_TAPS = 2

_read_head, _read_pass = reader(FlatPoolHead), reader(FlatPoolPass)
_PASS = len(FlatPoolPass._fields)


def _block(op: int, taps: int, exact: bool) -> Callable[..., bool]:
    """All passes over one block."""
    first_tile = flat_tile(FlatShape(MAXIMUM if op == MAXIMUM else SUM, taps, exact))
    later_tile, last_tile = first_tile, flat_tile(FlatShape(op, taps, exact))

    @inlined
    def reduce_block(
        head: FlatPoolHead, begin: int, end: int, x: Any, reduced: Any, table: Any, settings: Any, y: Any
    ) -> bool:
        """Outputs of vectors from `begin` to `end`; says whether a NaN was met, and perhaps lost."""
        vectors, width = -(-head.elements // lanes(settings)), lanes(settings)
        first = _read_pass(table, head.passes_at)
        start, half = max(begin - first.reach, 0), len(reduced) // 2
        source, target = -start * width, half - start * width
        nan = first_tile(
            FlatPass(
                head.x_base, source, start, min(end + first.reach, vectors), head.elements, first.taps_at, first.taps,
                first.masks_at, head.period, 0, 0,
            ),
            x, table, settings, reduced,
        )  # fmt: skip
        for number in range(1, head.passes - 1):
            this = _read_pass(table, head.passes_at + number * _PASS)
            later_tile(
                FlatPass(
                    source, target, max(begin - this.reach, 0), min(end + this.reach, vectors), head.elements,
                    this.taps_at, this.taps, this.masks_at, head.period, 0, 0,
                ),
                reduced, table, settings, reduced,
            )  # fmt: skip
            source, target = target, source
        last = _read_pass(table, head.passes_at + (head.passes - 1) * _PASS)
        last_tile(
            FlatPass(
                source, 0, begin, end, head.elements, last.taps_at, last.taps, last.masks_at, head.period,
                head.counts_at, head.counts_step,
            ),
            reduced, table, settings, y,
        )  # fmt: skip
        return nan

    return reduce_block


def _body(op: int, taps: int) -> Callable[..., None]:
    """The body around one way to reduce."""
    fast, exact, watches = _block(op, taps, exact=False), _block(op, taps, exact=True), op == MAXIMUM

    def pool(begin: int, end: int, x: Any, y: Any, settings: Any, table: Any) -> None:
        """Tasks are blocks of outputs. Windows are reduced in the type of `settings`."""
        head = _read_head(table, 0)
        vectors = -(-head.elements // lanes(settings))
        first = _read_pass(table, head.passes_at)
        reduced = empty(2 * (head.block + 2 * first.reach) * lanes(settings), settings.dtype)
        for task in range(begin, end):
            start = task * head.block
            stop = min(start + head.block, vectors)
            nan = fast(head, start, stop, x, reduced, table, settings, y)
            if watches and nan:
                exact(head, start, stop, x, reduced, table, settings, y)
        free((reduced,))

    return pool


def _name(op: int, taps: int) -> str:
    return f"{'max' if op == MAXIMUM else 'avg'}_pool_flat" + (f"_{taps + 1}" if taps else "")


#: The kernel of each way to reduce and number of taps.
flat_pools = {key: kernel(_body(*key), _name(*key)) for key in product((MAXIMUM, MEAN), (USUAL_TAPS, 0))}
