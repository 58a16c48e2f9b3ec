"""Pooling of whole channels, each to one number, where their elements follow each other in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from fastconv.jit.decorators import inlined
from fastconv.jit.kernel import kernel
from fastconv.jit.records import reader
from fastconv.jit.reduction import MAXIMUM, MEAN, SUM
from fastconv.jit.span_tile import span_tile

__all__ = ["WHOLE_POOL_TABLE", "WholePoolHead", "avg_pool_whole", "max_pool_whole"]


class WholePoolHead(NamedTuple):
    """A pooling's integer table.

    Attributes
    ----------
    batch, channels, elements : int
        Images, channels of an image, and elements of a channel.
    x_base, x_batch, x_channel : int
        Flat position of the first input element, and the steps of batch and channel.
    block : int
        Channels of a task.
    """

    batch: int
    channels: int
    elements: int
    x_base: int
    x_batch: int
    x_channel: int
    block: int


WHOLE_POOL_TABLE = (WholePoolHead,)

_read_head = reader(WholePoolHead)


def _body(op: int) -> Callable[..., None]:
    """The body around one way to reduce."""
    tile = span_tile(MAXIMUM if op == MAXIMUM else SUM)

    @inlined
    def mean(found: Any, settings: Any) -> Any:
        return found / settings[1]

    @inlined
    def itself(found: Any, settings: Any) -> Any:
        return found

    result = mean if op == MEAN else itself

    def pool(begin: int, end: int, x: Any, y: Any, settings: Any, table: Any) -> None:
        """Tasks are blocks of channels.

        Of `settings` the first is what channels are reduced from, the second what sums are divided by.
        """
        head = _read_head(table, 0)
        first = begin * head.block
        n = first // head.channels
        c = first - n * head.channels
        for number in range(first, min(end * head.block, head.batch * head.channels)):
            found = tile(head.x_base + n * head.x_batch + c * head.x_channel, head.elements, x, settings)
            y[number] = result(found, settings)
            c += 1
            if c == head.channels:
                n, c = n + 1, 0

    return pool


max_pool_whole = kernel(_body(MAXIMUM), "max_pool_whole")
avg_pool_whole = kernel(_body(MEAN), "avg_pool_whole")
