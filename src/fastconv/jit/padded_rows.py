"""Rows of a padding: each a row of the input, with some elements before and behind it, or filled."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from fastconv.jit.copy import write_row
from fastconv.jit.emit import INT64, VectorCode, call_apart

__all__ = ["NOTHING", "copy_padded"]

#: In place of a source, where there is none but the fill value.
NOTHING = np.iinfo(np.int64).min


def _plain(y, to, pitch, x, at, table, sources, rows, before, width, behind, edges, fill, fills):  # type: ignore[no-untyped-def]
    """Rows of ``before + width + behind`` elements, from ``y[to]`` on, `pitch` apart.

    Row i begins in the input at ``at + table[sources + i]``, where `width` elements are its middle. Where those before
    and behind come from, counted from there, is the list of the table that begins at `edges`; with `fills` it counts in
    `fill`. A row whose source is `NOTHING` is all ``fill[0]``.
    """
    length = before + width + behind
    for row in range(rows):
        place, source = to + row * pitch, table[sources + row]
        for i in range(length):
            if source == NOTHING:
                y[place + i] = fill[0]
            elif before <= i < before + width:
                y[place + i] = x[at + source + i - before]
            else:
                edge = table[edges + (i if i < before else i - width)]
                y[place + i] = fill[edge] if fills else x[at + source + edge]


@intrinsic
def _copy_padded(
    typingctx: Any, y: Any, to: Any, pitch: Any, x: Any, at: Any, table: Any, sources: Any, rows: Any, before: Any,
    width: Any, behind: Any, edges: Any, fill: Any, fills: Any,
) -> Any:  # fmt: skip
    """As `_plain`, in one pass over the rows."""
    whole = types.intp
    signature = types.void(
        y, whole, whole, x, whole, table, whole, whole, whole, whole, whole, whole, fill, types.boolean
    )

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if context.enable_boundscheck:
            return context.compile_internal(builder, _plain, signature, args)
        code = VectorCode(context, builder, y.dtype, moved=True)

        def write(builder: Any, *args: Any) -> None:
            _write_rows(VectorCode(context, builder, y.dtype, moved=True), *args)

        pointers = [
            code.pointer(signature.args[i], args[i], index)
            for i, index in ((0, args[1]), (3, args[4]), (5, args[6]), (5, args[11]), (12, INT64(0)))
        ]
        call_apart(builder, f"copy_padded_{y.dtype}", (*pointers, args[2], *args[7:11], args[13]), write)
        return context.get_dummy_value()

    return signature, codegen


def _write_rows(
    code: VectorCode, y: Any, x: Any, sources: Any, edges: Any, fill: Any, pitch: Any, rows: Any, before: Any,
    width: Any, behind: Any, fills: Any,
) -> None:  # fmt: skip
    builder = code.builder

    def copy_each(to: Any, first: Any, count: Any, source: Any) -> None:
        """As many elements, each from where its number in the list of edges says."""
        with cgutils.for_range(builder, count, intp=INT64) as loop:
            code.keep_loop()
            place = builder.load(builder.gep(edges, [builder.add(first, loop.index)]))
            builder.store(builder.load(builder.gep(source, [place])), builder.gep(to, [loop.index]))

    length = builder.add(builder.add(before, width), behind)
    with cgutils.for_range(builder, rows, intp=INT64) as row:
        code.keep_loop()
        to = builder.gep(y, [builder.mul(row.index, pitch)])
        found = builder.load(builder.gep(sources, [row.index]))
        with builder.if_else(builder.icmp_signed("!=", found, INT64(NOTHING)), likely=True) as (copied, filled):
            with copied:
                source, middle = builder.gep(x, [found]), builder.gep(to, [before])
                write_row(code, middle, source, width)
                beside = builder.select(fills, fill, source)
                copy_each(to, INT64(0), before, beside)
                copy_each(builder.gep(middle, [width]), before, behind, beside)
            with filled, cgutils.for_range(builder, length, intp=INT64) as loop:
                builder.store(builder.load(fill), builder.gep(to, [loop.index]))


copy_padded = _plain if config.DISABLE_JIT else _copy_padded
