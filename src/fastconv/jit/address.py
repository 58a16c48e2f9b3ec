"""Calling compiled bodies by address.

Numba links a callee into every caller and optimises the whole again: a parallel driver that calls a body by name takes
as long to compile as the body itself (3 s of 8 s for a convolution). Called by its address a body is compiled once.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = ["address_of", "call_address"]


def address_of(dispatcher: Any, argument_types: tuple[Any, ...]) -> int:
    """Where the machine code of a compiled function begins; compiles it first where that is needed."""
    dispatcher.compile(argument_types)
    compiled = dispatcher.overloads[argument_types]
    address: int = compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name)
    return address


@intrinsic
def call_address(typingctx: Any, address: Any, begin: Any, end: Any, args: Any) -> Any:
    """``body(begin, end, *args)`` for the body that `address_of` found: 0, or 1 where it ran out of memory.

    Bodies raise nothing of their own; allocating their scratch is all that can fail.
    """
    argument_types = (types.intp, types.intp, *args)

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        function_type = context.call_conv.get_function_type(types.none, argument_types)
        body = builder.inttoptr(values[0], ir.PointerType(function_type))
        unpacked = cgutils.unpack_tuple(builder, values[3], len(args))
        status, _ = context.call_conv.call_function(
            builder, body, types.none, argument_types, [values[1], values[2], *unpacked]
        )
        return builder.zext(status.is_error, context.get_value_type(types.intp))

    return types.intp(address, types.intp, types.intp, args), codegen
