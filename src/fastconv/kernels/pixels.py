"""Pixels as tiles with output channels as lanes see them: where in the input or slab they read, and where they go."""

from __future__ import annotations

from typing import Any, NamedTuple

from fastconv.jit.decorators import helper
from fastconv.jit.records import reader
from fastconv.kernels.conv_table import TABLE_SIZE, Block, Phase, numbers_in_block
from fastconv.kernels.slab import Space

__all__ = ["PIXEL_FIELDS", "PixelAxis", "counts_in_block", "first_position", "pixel_axes"]


class PixelAxis(NamedTuple):
    """One axis of the input as pixels see it.

    Attributes
    ----------
    stride : int
        Input positions from one output of a phase to the next.
    step : int
        The same in elements of what is read: the slab, or the input itself.
    y_step : int
        Step of the result from output to output, of whatever phase.
    """

    stride: int
    step: int
    y_step: int


_pixel_axis = reader(PixelAxis)
PIXEL_FIELDS = len(PixelAxis._fields)


@helper
def pixel_axes(table: Any) -> Space:
    """Read the three axes, which stand behind those of a `CONV_TABLE`."""
    return Space(
        _pixel_axis(table, TABLE_SIZE),
        _pixel_axis(table, TABLE_SIZE + PIXEL_FIELDS),
        _pixel_axis(table, TABLE_SIZE + 2 * PIXEL_FIELDS),
    )


@helper
def first_position(block: Block, pixel: Space, axes: Space) -> Space:
    """The input position at which the slab of a block begins."""
    return Space(
        block.first.d * pixel.d.stride - axes.d.low,
        block.first.h * pixel.h.stride - axes.h.low,
        block.first.w * pixel.w.stride - axes.w.low,
    )


@helper
def counts_in_block(out: Space, phase: Phase, block: Block) -> Space:
    """Outputs of a phase in a block; those of all phases of a row count once."""
    return Space(
        numbers_in_block(out.d, phase.d, block.first.d),
        numbers_in_block(out.h, phase.h, block.first.h),
        numbers_in_block(out.w, 0, block.first.w),
    )
