"""Rows of a padding: each a row of the input, with some elements before and behind it, or filled."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from fastconv.jit.copy import write_row
from fastconv.jit.emit import INT64, VectorCode, call_apart

__all__ = ["NOTHING", "PaddedRows", "copy_padded"]

#: In place of a source, where there is none but the fill value.
NOTHING = np.iinfo(np.int64).min


class PaddedRows(NamedTuple):
    """The numbers of a `copy_padded`.

    Attributes
    ----------
    to, pitch : int
        Where the first row of the result begins, and the step from one to the next.
    at : int
        What the sources of rows are counted from in the input.
    sources, rows : int
        Where in the table the list of the rows' sources begins, and how many there are.
    before, width, behind : int
        Elements before those of the input, these, and those behind them.
    edges : int
        Where in the table the list begins of where the elements before and behind come from.
    fills : bool
        Whether that counts in `fill`, not from the row's source.
    """

    to: int
    pitch: int
    at: int
    sources: int
    rows: int
    before: int
    width: int
    behind: int
    edges: int
    fills: bool


def _plain(y, x, table, fill, r):  # type: ignore[no-untyped-def]
    """Rows as `r` says; one whose source is `NOTHING` is all ``fill[0]``."""
    length = r.before + r.width + r.behind
    for row in range(r.rows):
        place, source = r.to + row * r.pitch, table[r.sources + row]
        for i in range(length):
            if source == NOTHING:
                y[place + i] = fill[0]
            elif r.before <= i < r.before + r.width:
                y[place + i] = x[r.at + source + i - r.before]
            else:
                edge = table[r.edges + (i if i < r.before else i - r.width)]
                y[place + i] = fill[edge] if r.fills else x[r.at + source + edge]


@intrinsic
def _copy_padded(typingctx: Any, y: Any, x: Any, table: Any, fill: Any, rows: Any) -> Any:
    """As `_plain`, in one pass over the rows."""
    signature = types.void(y, x, table, fill, rows)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if context.enable_boundscheck:
            return context.compile_internal(builder, _plain, signature, args)
        code = VectorCode(context, builder, y.dtype, moved=True)
        r = PaddedRows(*cgutils.unpack_tuple(builder, args[4]))

        def write(builder: Any, *args: Any) -> None:
            _write_rows(VectorCode(context, builder, y.dtype, moved=True), *args)

        pointers = [
            code.pointer(signature.args[i], args[i], index)
            for i, index in ((0, r.to), (1, r.at), (2, r.sources), (2, r.edges), (3, INT64(0)))
        ]
        call_apart(
            builder, f"copy_padded_{y.dtype}", (*pointers, r.pitch, r.rows, r.before, r.width, r.behind, r.fills), write
        )
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
