"""Elements that follow each other reduced to one: in several vectors at once, then the lanes of one vector.

Many short spans are reduced side by side, each in a vector of its own, and then the lanes of all together: pairs of
vectors become one, until each span has a lane. That takes 3 instructions a span where lanes alone take 8 or more.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from fastconv.jit.emit import INT64, VectorCode
from fastconv.jit.machine import machine
from fastconv.jit.reduction import MAXIMUM, Reduction

__all__ = ["SPANS", "span_tile", "spans_tile"]

#: Vectors that are reduced side by side, as each sum waits for the one before it.
BESIDE = 4
#: Spans that are reduced side by side, unless a vector has fewer lanes: half of the registers hold them.
SPANS = machine().vector_registers // 2


def _span_tile_meaning(op: int, at: int, count: int, x: np.ndarray, settings: np.ndarray) -> Any:
    """``x[at : at + count]`` and ``settings[0]`` reduced, in the type of these. NaNs stay."""
    values = np.append(settings[:1], x[at : at + count].astype(settings.dtype))
    return values.max() if op == MAXIMUM else values.sum(dtype=settings.dtype)


def span_tile(op: int) -> Any:
    """The tile that takes maxima or sums, for kernels: as `_span_tile_meaning`, but for the operation."""
    if config.DISABLE_JIT:
        return partial(_span_tile_meaning, op)

    @intrinsic
    def tile(typingctx: Any, at: Any, count: Any, x: Any, settings: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return _SpanCode(context, builder, op, signature.args, args).reduce()

        return settings.dtype(types.intp, types.intp, x, settings), codegen

    return tile


def _spans_tile_meaning(
    op: int, at: int, step: int, count: int, x: np.ndarray, settings: np.ndarray, found: np.ndarray
) -> None:
    """``found[i]`` of the span at ``at + i * step``, for `SPANS` spans, or as many as a vector has lanes."""
    for i in range(min(SPANS, machine().vector_bytes // settings.itemsize)):
        found[i] = _span_tile_meaning(op, at + i * step, count, x, settings)


def spans_tile(op: int) -> Any:
    """The tile of many spans, for kernels: as `_spans_tile_meaning`, but for the operation."""
    if config.DISABLE_JIT:
        return partial(_spans_tile_meaning, op)

    @intrinsic
    def tile(typingctx: Any, at: Any, step: Any, count: Any, x: Any, settings: Any, found: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            at, step, count, x, settings, found = args
            kinds = signature.args
            code = _SpanCode(context, builder, op, (kinds[0], *kinds[2:5]), (at, count, x, settings))
            code.reduce_many(step, kinds[5], found)
            return context.get_dummy_value()

        return types.void(types.intp, types.intp, types.intp, x, settings, found), codegen

    return tile


class _SpanCode:
    """Writes one tile.

    Parameters
    ----------
    context, builder, kinds, values : object
        As an intrinsic gets them.
    op : int
        `MAXIMUM` or `SUM`.
    """

    def __init__(self, context: Any, builder: Any, op: int, kinds: Any, values: Any) -> None:
        self.builder, (self.at, self.count, self.x, settings) = builder, values
        self.kind, dtype = kinds[2], kinds[3].dtype
        self.code = VectorCode(context, builder, dtype)
        self.reads = VectorCode(context, builder, self.kind.dtype, lanes=self.code.lanes)
        self.reduction = Reduction(self.code, dtype, op, exact=True)
        self.code.check(kinds[3], settings, 0, 1)
        self.start = self.code.broadcast(builder.load(self.code.pointer(kinds[3], settings, INT64(0))))
        # What stands in lanes behind the last element changes nothing. Maxima are not converted.
        self.beside = self.start if op == MAXIMUM else None

    def _begin(self, count: int) -> list[Any]:
        """Places for so many totals: where they stand in memory is made once, what stands there for each span."""
        totals = [cgutils.alloca_once_value(self.builder, self.start) for _ in range(count)]
        for total in totals:
            self.builder.store(self.start, total)
        return totals

    def reduce(self) -> Any:
        """All of them to one."""
        builder, lanes, totals = self.builder, INT64(self.code.lanes), self._begin(BESIDE)
        self.reads.check(self.kind, self.x, self.at, self.count)
        base = self.reads.pointer(self.kind, self.x, self.at)
        vectors = builder.sdiv(self.count, lanes)
        groups = builder.sdiv(vectors, INT64(BESIDE))
        with cgutils.for_range(builder, groups, intp=INT64) as group:
            first = builder.mul(group.index, INT64(BESIDE * self.code.lanes))
            for i, total in enumerate(totals):
                self._take(total, self.reads.load(base, builder.add(first, INT64(i * self.code.lanes))))
        done = builder.mul(groups, INT64(BESIDE))
        with cgutils.for_range_slice(builder, done, vectors, INT64(1), intp=INT64) as (vector, _):
            self._take(totals[0], self.reads.load(base, builder.mul(vector, lanes)))
        done = builder.mul(vectors, lanes)
        mask = self.reads.mask(INT64(0), builder.sub(self.count, done))
        self._take(totals[-1], self.reads.load_masked(base, done, mask, self.beside))
        return self._across(self.reduction.of([builder.load(total) for total in totals]))

    def reduce_many(self, step: Any, kind: Any, found: Any) -> None:
        """As many spans as there are registers for, a step apart, each to one element of an array."""
        builder, lanes, spans = self.builder, self.code.lanes, min(SPANS, self.code.lanes)
        firsts = [builder.add(self.at, builder.mul(step, INT64(i))) for i in range(spans)]
        for first in firsts:
            self.reads.check(self.kind, self.x, first, self.count)
        self.code.check(kind, found, INT64(0), spans)
        bases = [self.reads.pointer(self.kind, self.x, first) for first in firsts]
        totals, vectors = self._begin(spans), builder.sdiv(self.count, INT64(lanes))
        with cgutils.for_range(builder, vectors, intp=INT64) as vector:
            for total, base in zip(totals, bases, strict=True):
                self._take(total, self.reads.load(base, builder.mul(vector.index, INT64(lanes))))
        done = builder.mul(vectors, INT64(lanes))
        mask = self.reads.mask(INT64(0), builder.sub(self.count, done))
        for total, base in zip(totals, bases, strict=True):
            self._take(total, self.reads.load_masked(base, done, mask, self.beside))
        results = self._lanes_of([builder.load(total) for total in totals])
        if spans < lanes:
            kept = ir.Constant(ir.VectorType(ir.IntType(32), spans), list(range(spans)))
            results = builder.shuffle_vector(results, results, kept)
        target = builder.bitcast(self.code.pointer(kind, found, INT64(0)), results.type.as_pointer())
        builder.store(results, target, align=kind.dtype.bitwidth // 8)

    def _lanes_of(self, vectors: list[Any]) -> Any:
        """A vector that begins with a lane for each, to which all of its lanes are reduced.

        Two vectors become one, each in half as many lanes as before; the last is one with itself.
        """
        code, part = self.code, self.code.lanes // 2
        while part:
            low = [first + i for first in range(0, 2 * code.lanes, 2 * part) for i in range(part)]
            high = [place + part for place in low]
            pairs = zip(vectors[::2], vectors[1::2] or vectors, strict=True)
            vectors = [self.reduction.combine(code.shuffle(*pair, low), code.shuffle(*pair, high)) for pair in pairs]
            part //= 2
        return vectors[0]

    def _take(self, total: Any, vector: Any) -> None:
        new = self.reduction.as_sum(vector, self.kind.dtype)
        self.builder.store(self.reduction.combine(self.builder.load(total), new), total)

    def _across(self, vector: Any) -> Any:
        """The lanes of a vector reduced to one number."""
        lanes = self.code.lanes
        half = lanes // 2
        while half:
            turned = self.code.shuffle(vector, vector, [(lane + half) % lanes for lane in range(lanes)])
            vector = self.reduction.combine(vector, turned)
            half //= 2
        return self.builder.extract_element(vector, ir.IntType(32)(0))
