"""Pooling of whole channels, each to one number, where their elements follow each other in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from fastconv.jit.decorators import helper, inlined
from fastconv.jit.kernel import kernel
from fastconv.jit.quotient import quotient
from fastconv.jit.records import reader
from fastconv.jit.reduction import MAXIMUM, MEAN, SUM
from fastconv.jit.scratch import empty, free
from fastconv.jit.span_tile import SPANS, span_tile, spans_tile
from fastconv.jit.tile import lanes
from fastconv.jit.vector import unsigned

__all__ = ["WHOLE_POOL_TABLE", "WholePoolHead", "avg_pool_whole", "max_pool_whole", "max_pool_whole_places"]


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
    together : int
        Whether they are so short that many of them are reduced at once.
    """

    batch: int
    channels: int
    elements: int
    x_base: int
    x_batch: int
    x_channel: int
    block: int
    together: int


WHOLE_POOL_TABLE = (WholePoolHead,)

_read_head = reader(WholePoolHead)
_max_tile = span_tile(MAXIMUM)

#: Elements among which a maximum's place is looked for at once.
BLOCK = 256


def _body(op: int) -> Callable[..., None]:
    """The body around one way to reduce."""
    reduced = MAXIMUM if op == MAXIMUM else SUM
    one_tile, many_tile = span_tile(reduced), spans_tile(reduced)

    @inlined
    def mean(found: Any, settings: Any) -> Any:
        return quotient(found, settings[1])

    @inlined
    def itself(found: Any, settings: Any) -> Any:
        return found

    result = mean if op == MEAN else itself

    def pool(begin: int, end: int, x: Any, y: Any, settings: Any, table: Any) -> None:
        """Tasks are blocks of channels.

        Of `settings` the first is what channels are reduced from, the second what sums are divided by.
        """
        head = _read_head(table, 0)
        many = min(SPANS, lanes(settings))
        found = empty(many, settings.dtype)
        for task in range(begin, end):
            number, until = task * head.block, min((task + 1) * head.block, head.batch * head.channels)
            n = number // head.channels
            c = number - n * head.channels
            while number < until:
                at, count = head.x_base + n * head.x_batch + c * head.x_channel, 1
                if head.together and many <= min(until - number, head.channels - c):
                    count = many
                    many_tile(at, head.x_channel, head.elements, x, settings, found)
                    for i in range(many):
                        y[number + i] = result(found[i], settings)
                else:
                    y[number] = result(one_tile(at, head.elements, x, settings), settings)
                number, c = number + count, c + count
                if c == head.channels:
                    n, c = n + 1, 0
        free((found,))

    return pool


@helper
def _place_in(channel: Any, maximum: Any) -> int:
    """Where the first element stands that is the maximum, or the last NaN.

    Blocks are looked through whole, by vectors: 4096 channels of 7 x 7 take 0.27 ms, one by one 0.4.
    """
    if maximum != maximum:
        last = unsigned(channel.size - 1)
        while channel[last] == channel[last]:
            last -= unsigned(1)
        return int(last)
    for first in range(0, channel.size, BLOCK):
        block = channel[first : first + BLOCK]
        place = BLOCK
        for i in range(block.size):
            place = min(place, i if block[i] == maximum else BLOCK)
        if place < BLOCK:
            return first + place
    return 0


def _max_pool_places(begin: int, end: int, x: Any, y: Any, indices: Any, settings: Any, table: Any) -> None:
    """As `max_pool_whole`, with the place of each maximum in its channel."""
    head = _read_head(table, 0)
    for number in range(begin * head.block, min(end * head.block, head.batch * head.channels)):
        n = number // head.channels
        at = head.x_base + n * head.x_batch + (number - n * head.channels) * head.x_channel
        y[number] = maximum = _max_tile(at, head.elements, x, settings)
        indices[number] = _place_in(x[at : at + head.elements], maximum)


max_pool_whole = kernel(_body(MAXIMUM), "max_pool_whole")
avg_pool_whole = kernel(_body(MEAN), "avg_pool_whole")
max_pool_whole_places = kernel(_max_pool_places, "max_pool_whole_places")
