"""Elements that follow each other reduced to one: in several vectors at once, then the lanes of one vector."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from fastconv.jit.emit import INT64, VectorCode
from fastconv.jit.reduction import MAXIMUM, Reduction

__all__ = ["span_tile"]

#: Vectors that are reduced side by side, as each sum waits for the one before it.
BESIDE = 4


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
        self.reads.check(self.kind, self.x, self.at, self.count)
        start = self.code.broadcast(builder.load(self.code.pointer(kinds[3], settings, INT64(0))))
        # What stands in lanes behind the last element changes nothing. Maxima are not converted.
        self.beside = start if op == MAXIMUM else None
        self.totals = [cgutils.alloca_once_value(builder, start) for _ in range(BESIDE)]
        for total in self.totals:  # where they stand in memory is made once, what stands there for each span
            builder.store(start, total)

    def reduce(self) -> Any:
        """All of them to one."""
        builder, lanes = self.builder, INT64(self.code.lanes)
        base = self.reads.pointer(self.kind, self.x, self.at)
        vectors = builder.sdiv(self.count, lanes)
        groups = builder.sdiv(vectors, INT64(BESIDE))
        with cgutils.for_range(builder, groups, intp=INT64) as group:
            first = builder.mul(group.index, INT64(BESIDE * self.code.lanes))
            for i, total in enumerate(self.totals):
                self._take(total, self.reads.load(base, builder.add(first, INT64(i * self.code.lanes))))
        done = builder.mul(groups, INT64(BESIDE))
        with cgutils.for_range_slice(builder, done, vectors, INT64(1), intp=INT64) as (vector, _):
            self._take(self.totals[0], self.reads.load(base, builder.mul(vector, lanes)))
        done = builder.mul(vectors, lanes)
        mask = self.reads.mask(INT64(0), builder.sub(self.count, done))
        self._take(self.totals[-1], self.reads.load_masked(base, done, mask, self.beside))
        return self._across(self.reduction.of([builder.load(total) for total in self.totals]))

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
