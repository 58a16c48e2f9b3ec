"""Sums of products as plain C has them: the product is rounded before it is added."""

from __future__ import annotations

from typing import Any

from numba import config, types
from numba.extending import intrinsic

__all__ = ["add_product"]


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


add_product = _add_product_meaning if config.DISABLE_JIT else _add_product
