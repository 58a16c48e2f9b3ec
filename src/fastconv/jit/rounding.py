"""Products that are rounded: before they are added, as plain C has them, or to the upper half of an integer's bits."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.extending import intrinsic

__all__ = ["add_product", "upper_half"]


def _add_product_meaning(total: float, a: float, b: float) -> float:
    return total + a * b


@intrinsic
def _add_product(typingctx: Any, total: Any, a: Any, b: Any) -> Any:
    """total + a * b in float64, without the leave to make one instruction of it that kernels are compiled with.

    Numba gives that leave to whatever has no flag, so these have another: a zero may have either sign.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        total, a, b = args
        return builder.fadd(total, builder.fmul(a, b, flags=("nsz",)), flags=("nsz",))

    return types.float64(types.float64, types.float64, types.float64), codegen


def _upper_half_meaning(a: Any, b: Any) -> Any:
    return np.uint16(int(a) * int(b) >> 16)


@intrinsic
def _upper_half(typingctx: Any, a: Any, b: Any) -> Any:
    """a * b // 2**16 of numbers of 16 bits: one instruction in a loop that loads or computes both, as LLVM knows then
    that they have no more bits; twice as long with a factor from before the loop, 2.3 times in Numba's words."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        a, b = (builder.zext(arg, ir.IntType(32)) for arg in args)
        return builder.trunc(builder.lshr(builder.mul(a, b), ir.IntType(32)(16)), ir.IntType(16))

    return types.uint16(types.uint16, types.uint16), codegen


add_product = _add_product_meaning if config.DISABLE_JIT else _add_product
upper_half = _upper_half_meaning if config.DISABLE_JIT else _upper_half
