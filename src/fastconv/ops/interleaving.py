"""Interleaving the channels of small whole numbers, whose products are summed two or four at a time.

Tiles multiply and add twice as many 16-bit numbers as float32 in an instruction, and four times as many of 8 bits: four
and eight times as many as of the float64 that exact sums of more than 1024 products of 8-bit numbers take. Two or four
neighbouring channels of a group become one, of numbers in 32 bits.

Where sums are to have 64 bits, but all fit 32, they are widened in the end. Else those of up to 256 products of 16 bits
and 8 fit, and are then widened: of 16-bit inputs the high and the low bytes are channels of their own, whose products
with the same weights are summed apart.

The products of 8-bit numbers are those of an unsigned and a signed one. Where input and weights are of the same kind,
the input is shifted by half of its range to the other kind, what stands in its padding too, and sums begin with what
that takes from them: 128 times the sum of an output channel's weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any, NamedTuple

import numpy as np

from fastconv.kernels.interleave import Planes, interleave_planes, sum_rows
from fastconv.ops.arguments import Form
from fastconv.plan.layout import is_channels_last, strides_first, strides_last
from fastconv.plan.span import aligned_empty

__all__ = ["Interleaving", "Parts", "Start", "numbers_of"]

#: Nanoseconds to interleave a number, and to add one up, for estimates only.
NUMBER_COST, SUM_COST = 0.1, 0.05
#: Bits that shift the four numbers of 32 bits by half of their range.
_SHIFT = 0x80808080
#: The range's half.
_HALF = 128


class Parts(NamedTuple):
    """How channels are put together.

    Attributes
    ----------
    number : int
        Channels that become one.
    weight : numpy.dtype
        Of the weights' parts, as tiles take them.
    shifted : bool
        Whether the input is of the weights' kind, and is shifted to the other.
    halves : int
        2 where high and low bytes of the input are channels of their own, else 1.
    """

    number: int
    weight: np.dtype
    shifted: bool = False
    halves: int = 1

    @property
    def x_dtype(self) -> np.dtype:
        """In which tiles take the input."""
        return np.dtype(np.uint32 if self.number == 4 else np.int32)

    @property
    def flip(self) -> int:
        """Bits of the input that are turned."""
        return _SHIFT if self.shifted else 0


def numbers_of(channels: int, parts: int) -> int:
    """What so many channels become; the last may be filled up with zeros."""
    return -(-channels // parts)


@dataclass(frozen=True, slots=True)
class Interleaving:
    """How an operand's channels are interleaved.

    Attributes
    ----------
    axis, channels, parts, halves : int
        The axis, channels of a group on it, and how many of them become one, or two: of high and of low bytes.
    beside : bool
        Whether channels stand beside each other in memory, as they do in the result then.
    shape : tuple of int
        Of the result.
    dtype : numpy.dtype
        Of the result, with 32 bits.
    flip : int
        Bits of it that are turned.
    interleave : callable
        Puts the vector of an array's numbers together, where channels do not stand beside each other.
    """

    axis: int
    channels: int
    parts: int
    halves: int
    beside: bool
    shape: tuple[int, ...]
    dtype: np.dtype
    flip: int
    interleave: Any

    @classmethod
    def of(
        cls, array: Form, axis: int, channels: int, parts: int, dtype: np.dtype, flip: int = 0, halves: int = 1
    ) -> Interleaving:
        """For groups of so many `channels` along an axis."""
        groups, size = prod(array.shape[:axis]) * array.shape[axis] // channels, prod(array.shape[axis + 1 :])
        numbers, rank = numbers_of(channels, parts), len(array.shape) - axis - 1
        shape = (*array.shape[:axis], array.shape[axis] // channels * numbers * halves, *array.shape[axis + 1 :])
        beside = size == 1 or is_channels_last(array.shape, array.strides, array.dtype.itemsize, rank)
        tasks, table = groups * numbers, np.array(Planes(channels, numbers, size, flip), np.int64)
        kernel = interleave_planes[parts].bind(_bytes(array.dtype), np.uint32, np.int64)
        interleave = partial(_interleave, kernel.run, tasks, tasks * parts * size * NUMBER_COST, table)
        return cls(axis, channels, parts, halves, beside, shape, dtype, flip, interleave)

    @property
    def form(self) -> Form:
        """The form of the result."""
        itemsize, rank = self.dtype.itemsize, len(self.shape) - self.axis - 1
        strides = strides_last(self.shape, itemsize, rank) if self.beside else strides_first(self.shape, itemsize)
        return Form(self.shape, strides, self.dtype, True)

    def run(self, array: np.ndarray) -> np.ndarray:
        """What the channels become."""
        if self.beside:
            return self._beside(array)
        values = np.ascontiguousarray(array, array.dtype.newbyteorder("=")).view(_bytes(array.dtype))
        numbers = aligned_empty(prod(self.shape) // self.halves, np.dtype(np.uint32))
        self.interleave(values, numbers)
        lying = numbers.view(self.dtype).reshape(*self.shape[: self.axis], -1, *self.shape[self.axis + 1 :])
        return self._in_halves(lying, self.axis)

    def _beside(self, array: np.ndarray) -> np.ndarray:
        """Channels that stand beside each other are parts once they have their size, and the last are filled up."""
        pixels = np.moveaxis(array, self.axis, -1)
        *outer, inner = pixels.shape
        filled = self.parts * numbers_of(self.channels, self.parts)
        padded = np.zeros((*outer, inner // self.channels, filled), f"i{4 // self.parts}")
        padded[..., : self.channels] = pixels.reshape(*outer, -1, self.channels)
        numbers = padded.view(np.uint32).reshape(*outer, -1)
        if self.flip:
            numbers ^= np.uint32(self.flip)
        return np.moveaxis(self._in_halves(numbers.view(self.dtype), len(outer)), -1, self.axis)

    def _in_halves(self, numbers: np.ndarray, axis: int) -> np.ndarray:
        """High bytes of the pairs on an axis, with their sign, and low bytes, those of a group behind each other."""
        if self.halves == 1:
            return numbers
        before, behind = numbers.shape[:axis], numbers.shape[axis + 1 :]
        pairs = numbers.reshape(*before, -1, numbers_of(self.channels, self.parts), *behind).view(np.int16)
        return np.stack([pairs >> 8, pairs & 0xFF], axis + 1).view(self.dtype).reshape(*before, -1, *behind)


@dataclass(frozen=True, slots=True)
class Start:
    """What the sums of a convolution begin with whose input is shifted.

    Attributes
    ----------
    part : numpy.dtype
        Of the weights' parts.
    """

    part: np.dtype

    def run(self, bias: np.ndarray | None, weight: Any) -> np.ndarray:
        """The bias and what the shift takes from each output channel's sums, from the interleaved weights."""
        values = np.moveaxis(weight, 1, -1) if weight.strides[1] == weight.itemsize else weight
        sums = np.empty(len(weight), np.int32)
        sum_rows.run(len(sums), values.nbytes * SUM_COST, values.view(self.part), sums)
        sums *= -_HALF if self.part.kind == "i" else _HALF
        return sums if bias is None else sums + bias


def _bytes(dtype: np.dtype) -> np.dtype:
    """The dtype in which kernels take such numbers."""
    return np.dtype(np.uint8) if dtype.kind == "b" else dtype.newbyteorder("=")


def _interleave(
    run: Any, tasks: int, nanoseconds: float, table: np.ndarray, values: np.ndarray, numbers: np.ndarray
) -> None:
    run(tasks, nanoseconds, values, numbers, table)
