"""Calling compiled bodies by address.

Numba links a callee into every caller and optimises the whole again: a driver that calls a body by name takes as long
to compile as the body itself (3 s of 8 s for a convolution). Called by its address a body is compiled once. And threads
that are compiled once and for all can call any body: by the address of a *trampoline*, which takes three integers,
finds the body's address and arguments in a letter and passes them on.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = ["LETTER_WORDS", "address_of", "call_trampoline", "write_letter"]

#: Size of a letter in 64-bit words: the argument arrays take 7 each, and no body has more than a few dozen.
LETTER_WORDS = 512

_INT32, _INT64 = ir.IntType(32), ir.IntType(64)
_TRAMPOLINE = ir.FunctionType(_INT64, [_INT64] * 3)


def address_of(dispatcher: Any, argument_types: tuple[Any, ...]) -> int:
    """Where the machine code of a compiled function begins; compiles it first where that is needed."""
    dispatcher.compile(argument_types)
    compiled = dispatcher.overloads[argument_types]
    address: int = compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name)
    return address


@intrinsic
def write_letter(typingctx: Any, letter: Any, address: Any, args: Any) -> Any:
    """Write a body's address and arguments into `letter`; returns the address of the trampoline that reads it.

    The arguments are borrowed: whoever writes the letter keeps them alive until the last call has returned.
    """
    argument_types = (types.intp, types.intp, *args)

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        content = ir.LiteralStructType([_INT64, context.get_value_type(args)])
        assert context.get_abi_sizeof(content) <= 8 * LETTER_WORDS, "a letter holds all arguments of a body"

        def fields(builder: Any, base: Any) -> list[Any]:
            start = builder.bitcast(base, content.as_pointer())
            return [builder.gep(start, [_INT32(0), _INT32(field)]) for field in range(2)]

        data = context.make_array(signature.args[0])(context, builder, values[0]).data
        for field, value in zip(fields(builder, data), values[1:], strict=True):
            builder.store(value, field, align=8)

        trampoline = ir.Function(builder.module, _TRAMPOLINE, "fastconv_trampoline")
        trampoline.linkage = "internal"
        inner = ir.IRBuilder(trampoline.append_basic_block())
        letter_at, begin, end = trampoline.args
        address_at, args_at = fields(inner, inner.inttoptr(letter_at, content.as_pointer()))
        kind = context.call_conv.get_function_type(types.none, argument_types)
        body = inner.inttoptr(inner.load(address_at, align=8), kind.as_pointer())
        unpacked = cgutils.unpack_tuple(inner, inner.load(args_at, align=8), len(args))
        status, _ = context.call_conv.call_function(
            inner, body, types.none, argument_types, [begin, end, *unpacked]
        )  # fmt: skip
        inner.ret(inner.zext(status.is_error, _INT64))
        return builder.ptrtoint(trampoline, _INT64)

    return types.int64(letter, types.intp, args), codegen


@intrinsic
def call_trampoline(typingctx: Any, trampoline: Any, letter: Any, begin: Any, end: Any) -> Any:
    """``body(begin, end, *args)`` as the letter at an address says: 0, or 1 where the body ran out of memory.

    Bodies raise nothing of their own; allocating their scratch is all that can fail.
    """

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.call(builder.inttoptr(values[0], _TRAMPOLINE.as_pointer()), values[1:])

    return types.int64(types.int64, types.int64, types.int64, types.int64), codegen
