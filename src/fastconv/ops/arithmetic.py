"""In which numbers the products of a convolution are multiplied and summed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from fastconv.geometry import Geometry
from fastconv.jit.machine import machine
from fastconv.jit.winograd import GROWTH
from fastconv.ops import dtypes
from fastconv.ops.dtypes import Held
from fastconv.ops.interleaving import Parts
from fastconv.plan.conv_algorithms import INTERLEAVED, WIDENED

__all__ = ["LEAST_PRODUCTS", "Arithmetic", "arithmetic_of"]

#: Names of algorithms that take interleaved channels, and of those that widen their sums too.
_INTERLEAVED, _WIDENED = (("auto", *(algorithm.name for algorithm in those)) for those in (INTERLEAVED, WIDENED))
#: Products of a call from which on interleaving pays: 16 channels to 16 on 14 x 14 pixels take as long either way (Zen
#: 4).
LEAST_PRODUCTS = 400_000
#: How many times as many where sums are widened: parting bytes takes longer (16 channels to 16 on 16 x 16 pixels take
#: 1.3 times as long, 1 x 1 of 64 to 96 on 14 x 14 as long, and 0.8 with weights packed).
WIDENED_FACTOR = 3


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """How products are summed.

    Attributes
    ----------
    sums : numpy.dtype
        Of sums; it holds all of them, and may have fewer bits than the result's.
    exact : bool
        Whether these are floats that hold whole numbers.
    spare : bool
        And whether they hold what Winograd's algorithm makes of them.
    parts : Parts or None
        How channels are put together, if they are.
    narrow : bool
        Whether whole numbers are summed in 64 bits, but multiplied as numbers of 32, which takes less.
    """

    sums: np.dtype
    exact: bool = False
    spare: bool = False
    parts: Parts | None = None
    narrow: bool = False

    @property
    def summary(self) -> str:
        """What values it takes, in words."""
        if self.parts:
            return f"fit {32 // self.parts.number} bits"
        if self.exact:
            return f"have sums of products that fit {self.sums}"
        return "fit 32 bits" if self.narrow else f"may be any of {self.sums}"


def arithmetic_of(
    op: str, geometry: Geometry, operands: Sequence[Held], result: np.dtype, algorithm: str
) -> Arithmetic:
    """How products are summed for a result of that dtype.

    The operands are the two factors, and what is added to their products. Sums that fit 32 bits are widened to a
    result of 64 in the end.
    """
    factors = [operand.dtype for operand in operands[:2]]
    if dtypes.are_whole(operands, result):
        fit = dtypes.largest_sum(operands, geometry.depth) < 2**31
        sums = np.dtype(np.int32) if fit else dtypes.sum_dtype(result)
        served = _WIDENED if sums == np.int64 else _INTERLEAVED
        parts = _parts_of(op, geometry, factors, sums) if algorithm in served else None
        if parts:
            return Arithmetic(sums, parts=parts)
    sums, exact = dtypes.product_sums(operands, geometry.depth, result)
    if exact:
        spare = GROWTH * dtypes.largest_sum(operands, geometry.depth) <= 2 ** (np.finfo(sums).nmant + 1)
        return Arithmetic(sums, exact, spare)
    fit = sums == np.int64 and all(np.can_cast(factor, np.int32) for factor in factors)
    return Arithmetic(sums, narrow=fit and not machine().long_products)


def _parts_of(op: str, geometry: Geometry, factors: Sequence[np.dtype], sums: np.dtype) -> Parts | None:
    """How the channels of a group are put together, if that pays and tiles know how.

    Where an input is shifted, outputs must see as many of the weights each, which those of a transposed convolution do
    not. Sums are widened by the tile whose lanes are channels, which those should fill.
    """
    channels = geometry.channels // geometry.groups
    if geometry.products < LEAST_PRODUCTS:
        return None
    x, weight = (np.dtype(np.uint8) if factor.kind == "b" else factor for factor in factors)
    shifted = x.kind == weight.kind
    # To begin each sum with what the shift comes to takes half as long again where it is of one quad.
    shifts = op == "conv" and channels * prod(geometry.kernel_size) > 4
    if machine().quad_products and channels > 2 and dtypes.sums_parts(factors, sums, 4) and (shifts or not shifted):
        return Parts(4, weight, shifted)
    if machine().pair_products and channels > 1 and dtypes.sums_parts(factors, sums, 2):
        return Parts(2, np.dtype(np.int16))
    fills = geometry.out_channels // geometry.groups >= machine().vector_bytes // 4
    widens = fills and geometry.products >= WIDENED_FACTOR * LEAST_PRODUCTS and dtypes.widens_parts(factors, sums)
    if machine().quad_products and op == "conv" and channels > 1 and widens:
        return Parts(2, np.dtype(np.int16), halves=min(factor.itemsize for factor in factors))
    return None
