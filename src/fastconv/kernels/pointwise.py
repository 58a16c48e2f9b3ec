"""Convolution with kernels of one element: pixels as lanes, from the input where it stands straight into the result.

A window of one element at stride 1 has nothing to gather, and its outputs stand as its inputs do. So a tile's pixels
are read once, stay in the first-level cache for all output channels, and the sums are written to where they belong:
neither scratch nor a transposition lies between.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastconv.jit.decorators import inlined
from fastconv.jit.kernel import kernel
from fastconv.jit.machine import machine
from fastconv.jit.tile import fetch_to_write, lanes, tile
from fastconv.jit.vector import unsigned
from fastconv.kernels.activation import activate, keep
from fastconv.kernels.conv_table import (
    ROW_BLOCK_FIELDS,
    ConvHead,
    RowBlock,
    block_of,
    output_axes,
    read_head,
    read_row_block,
)

__all__ = ["HALF_ROWS", "ONE_ROW", "ROWS", "VECTORS", "pointwise"]

# Literals for the compiler.
ROWS = machine().tile_rows
HALF_ROWS = ROWS // 2
ONE_ROW = 1
VECTORS = machine().tile_vectors


def _body(apply: Any) -> Callable[..., None]:
    """The body around one way to apply an activation."""

    @inlined
    def convolve_rows(
        x: Any, at: int, weights: Any, weights_at: int, offsets: Any, y: Any, to: int, pitch: int, head: ConvHead,
        rows: RowBlock, bias: Any, channel: int,
    ) -> None:  # fmt: skip
        """A tile's width of pixels for one block of channels.

        The CPU sees no order in rows that are a channel apart: fetched while sums are taken they are at hand when these
        are written (64 channels to 256 on 56 x 56, into `out`: 0.75 to 0.85 of the time, no loss elsewhere).
        """
        for row in range(rows.rows):
            fetch_to_write(y, to + row * pitch, VECTORS)
        if rows.rows == ROWS:
            tile(ROWS, VECTORS, weights, weights_at, x, at, offsets, 0, head.depth, y, to, pitch)
        elif rows.rows == HALF_ROWS:
            tile(HALF_ROWS, VECTORS, weights, weights_at, x, at, offsets, 0, head.depth, y, to, pitch)
        else:
            tile(ONE_ROW, VECTORS, weights, weights_at, x, at, offsets, 0, head.depth, y, to, pitch)
        for row in range(rows.rows):
            first = to + row * pitch
            last = first + VECTORS * lanes(y)
            if bias.size:
                for i in range(unsigned(first), unsigned(last)):
                    y[i] += bias[channel + row]
            apply(y, first, last, head.activation)

    def convolve(begin: int, end: int, x: Any, weights: Any, bias: Any, y: Any, table: Any, offsets: Any) -> None:
        """y = activation(weights * x + bias) for some tasks; see `CONV_TABLE` for the table.

        A task has as many pixels as a tile; the last of an image has the rest too, in tiles that overlap.
        """
        head = read_head(table, 0)
        out = output_axes(table)
        pixels, step = out.w.size, VECTORS * lanes(y)
        for task in range(begin, end):
            block = block_of(task, head.splits, head.groups, out)
            source = head.x_base + block.n * head.x_batch + block.group * head.channels * head.x_channel
            stop = pixels if block.first.w + 2 * step > pixels else block.first.w + step
            last_rows = (block.split + 1) * head.row_blocks // head.splits
            for p in range(block.first.w, stop, step):
                first = min(p, pixels - step)
                for b in range(block.split * head.row_blocks // head.splits, last_rows):
                    rows = read_row_block(table, head.row_blocks_at + ROW_BLOCK_FIELDS * b)
                    channel = block.group * head.out_channels + rows.first
                    image = block.n * head.groups * head.out_channels + channel
                    convolve_rows(
                        x, source + first, weights, (block.group * head.padded_out + rows.first) * head.depth, offsets,
                        y, image * pixels + first, pixels, head, rows, bias, channel,
                    )  # fmt: skip

    return convolve


#: By whether they apply an activation.
pointwise = {False: kernel(_body(keep), "pointwise"), True: kernel(_body(activate), "pointwise_activated")}
