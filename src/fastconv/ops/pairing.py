"""Pairing the channels of whole numbers of up to 16 bits, whose products are summed two at a time.

Tiles multiply and add twice as many of them as of float32, and four times as many as of the float64 that exact sums of
more than 1024 products of 8-bit numbers take. Two channels of a group become one, of pairs in 32 bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any

import numpy as np

from fastconv.jit.machine import machine
from fastconv.kernels.pairs import Planes, pair_planes
from fastconv.ops.arguments import Form
from fastconv.plan.layout import is_channels_last, strides_first, strides_last
from fastconv.plan.span import aligned_empty

__all__ = ["LEAST_PRODUCTS", "Pairing", "pairs_of", "pays"]

#: Products of a call from which on pairs pay: 16 channels to 16 on 14 x 14 pixels take as long either way (Zen 4).
LEAST_PRODUCTS = 400_000
#: Nanoseconds to pair two numbers, for estimates only.
PAIR_COST = 0.2


def pays(channels: int, products: int) -> bool:
    """Whether so many channels of a group are to be paired for so many products, if tiles know how to multiply them."""
    return bool(machine().pair_products) and channels > 1 and products >= LEAST_PRODUCTS


def pairs_of(channels: int) -> int:
    """Pairs of so many channels; the last may be filled up with a zero."""
    return -(-channels // 2)


@dataclass(frozen=True, slots=True)
class Pairing:
    """How an operand's channels are paired.

    Attributes
    ----------
    axis, channels : int
        The axis, and channels of a group on it.
    beside : bool
        Whether channels stand beside each other in memory, as they do in the result then.
    shape : tuple of int
        Of the result.
    dtype : numpy.dtype
        Of the result, with 32 bits.
    pair : callable
        Pairs the vector of an array's numbers, where channels do not stand beside each other.
    """

    axis: int
    channels: int
    beside: bool
    shape: tuple[int, ...]
    dtype: np.dtype
    pair: Any

    @classmethod
    def of(cls, array: Form, axis: int, channels: int, dtype: np.dtype) -> Pairing:
        """For groups of so many `channels` along an axis."""
        groups, size = prod(array.shape[:axis]) * array.shape[axis] // channels, prod(array.shape[axis + 1 :])
        pairs, rank = pairs_of(channels), len(array.shape) - axis - 1
        shape = (*array.shape[:axis], array.shape[axis] // channels * pairs, *array.shape[axis + 1 :])
        beside = size == 1 or is_channels_last(array.shape, array.strides, array.dtype.itemsize, rank)
        table, nanoseconds = np.array(Planes(channels, pairs, size), np.int64), groups * pairs * size * PAIR_COST
        kernel = pair_planes.bind(_bytes(array.dtype), dtype, np.int64)
        return cls(axis, channels, beside, shape, dtype, partial(_pair, kernel.run, groups * pairs, nanoseconds, table))

    @property
    def form(self) -> Form:
        """The form of the result."""
        itemsize, rank = self.dtype.itemsize, len(self.shape) - self.axis - 1
        strides = strides_last(self.shape, itemsize, rank) if self.beside else strides_first(self.shape, itemsize)
        return Form(self.shape, strides, self.dtype, True)

    def run(self, array: np.ndarray) -> np.ndarray:
        """The pairs."""
        if self.beside:
            return self._beside(array)
        values = np.ascontiguousarray(array, array.dtype.newbyteorder("=")).view(_bytes(array.dtype))
        pairs = aligned_empty(prod(self.shape), self.dtype)
        self.pair(values, pairs)
        return pairs.reshape(self.shape)

    def _beside(self, array: np.ndarray) -> np.ndarray:
        """Channels that stand beside each other are pairs once they have 16 bits, groups of an odd number filled up."""
        pixels = np.moveaxis(array, self.axis, -1)
        *outer, inner = pixels.shape
        padded = np.zeros((*outer, inner // self.channels, 2 * pairs_of(self.channels)), np.int16)
        padded[..., : self.channels] = pixels.reshape(*outer, -1, self.channels)
        return np.moveaxis(padded.view(self.dtype).reshape(*outer, -1), -1, self.axis)


def _bytes(dtype: np.dtype) -> np.dtype:
    """The dtype in which kernels take such numbers."""
    return np.dtype(np.uint8) if dtype.kind == "b" else dtype.newbyteorder("=")


def _pair(run: Any, tasks: int, nanoseconds: float, table: np.ndarray, values: np.ndarray, pairs: np.ndarray) -> None:
    run(tasks, nanoseconds, values, pairs, table)
