"""Quotients as averages have them: those of whole numbers without their fraction."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import config, types
from numba.extending import intrinsic

__all__ = ["quotient", "quotient_meaning"]


def quotient_meaning(total: Any, count: Any) -> Any:
    """The same of arrays, too."""
    if np.asarray(total).dtype.kind == "f":
        return total / count
    down = total // count
    return down + ((down < 0) & (down * count != total)).astype(down.dtype)


@intrinsic
def _quotient(typingctx: Any, total: Any, count: Any) -> Any:
    """total / count of one type; that of whole numbers toward zero, of counts that are positive."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if isinstance(total, types.Float):
            return builder.fdiv(*args)
        return (builder.sdiv if total.signed else builder.udiv)(*args)

    return total(total, total), codegen


quotient = quotient_meaning if config.DISABLE_JIT else _quotient
