"""The flat tile: one axis of windows reduced over many images at once, each of them, and all, as one long row.

Where windows move by one and the result has the input's size, outputs stand as inputs do, so that vectors need not end
where rows and images do. The element that a tap sees is as far from the output for all of them; which lanes have one
stands in a table of masks, which come again after some vectors.
"""

from __future__ import annotations

from functools import partial
from inspect import signature
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from fastconv.jit.emit import INT64, VectorCode
from fastconv.jit.machine import machine
from fastconv.jit.quotient import quotient_meaning
from fastconv.jit.reduction import MAXIMUM, MEAN, Reduction

__all__ = ["FlatPass", "FlatShape", "flat_tile"]


class FlatShape(NamedTuple):
    """What is a literal of a tile.

    Attributes
    ----------
    op : int
        `MAXIMUM`, `SUM` or `MEAN`.
    taps : int
        Taps beside an output's own place, or 0 for any number.
    exact : bool
        Whether maxima are right where there are NaNs too; see `Reduction`.
    """

    op: int
    taps: int
    exact: bool = False


class FlatPass(NamedTuple):
    """What a tile reduces.

    Attributes
    ----------
    source, target : int
        Positions in `x` and `y` of the first vector, that of number 0.
    begin, end : int
        Numbers of vectors that are reduced.
    limit : int
        Elements from vector number 0 on: what is behind them is not there.
    taps_at, taps : int
        The list of taps beside an output's own place: how far each is from it.
    masks_at, period : int
        The list of masks, so many for each vector as there are taps, and after how many vectors they come again. Lane i
        has a tap where bit i is set.
    counts_at, counts_step : int
        Where `settings` tell what means are divided by, and the step to those of the next vector: a vector, or 0. They
        come again as masks do.
    """

    source: int
    target: int
    begin: int
    end: int
    limit: int
    taps_at: int
    taps: int
    masks_at: int
    period: int
    counts_at: int
    counts_step: int


def _flat_tile_meaning(
    shape: FlatShape, run: FlatPass, x: np.ndarray, table: np.ndarray, settings: np.ndarray, y: np.ndarray
) -> bool:
    """y[target + i] = x[source + i] and all x[source + i + table[taps_at + t]] that are there, reduced.

    In the type of `settings`, for the places i of all vectors. Returns whether it met a NaN that it may have lost; this
    meaning loses none.
    """
    lanes = machine().vector_bytes // settings.itemsize
    for vector in range(run.begin, run.end):
        place, phase = vector * lanes, vector % run.period
        count = min(lanes, run.limit - place)
        total = x[run.source + place :][:count].astype(settings.dtype)
        for tap in range(run.taps):
            mask = int(table[run.masks_at + phase * run.taps + tap])
            inside = np.array([mask >> lane & 1 for lane in range(count)], bool)
            new = x[run.source + place + table[run.taps_at + tap] + np.flatnonzero(inside)].astype(settings.dtype)
            total[inside] = np.maximum(total[inside], new) if shape.op == MAXIMUM else total[inside] + new
        if shape.op == MEAN:
            total = quotient_meaning(total, settings[run.counts_at + phase * run.counts_step :][:count])
        y[run.target + place :][:count] = total
    return False


def flat_tile(shape: FlatShape) -> Any:
    """The tile of a shape, for kernels: as `_flat_tile_meaning`, but for the shape."""
    if config.DISABLE_JIT:
        return partial(_flat_tile_meaning, shape)

    @intrinsic
    def tile(typingctx: Any, run: Any, x: Any, table: Any, settings: Any, y: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return _FlatCode(context, builder, shape, signature.args, args).reduce()

        return types.boolean(run, x, table, settings, y), codegen

    return tile


#: The arguments of a tile by name.
_ARGUMENTS = list(signature(_flat_tile_meaning).parameters)[1:]


class _FlatCode:
    """Writes one flat tile.

    Parameters
    ----------
    context, builder, kinds, values : object
        As an intrinsic gets them.
    shape : FlatShape
        Of the tile.
    """

    def __init__(self, context: Any, builder: Any, shape: FlatShape, kinds: Any, values: Any) -> None:
        self.context, self.builder, self.shape = context, builder, shape
        self.kinds, self.values = (dict(zip(_ARGUMENTS, found, strict=True)) for found in (kinds, values))
        self.values |= zip(FlatPass._fields, cgutils.unpack_tuple(builder, self.values["run"]), strict=True)
        if shape.taps:
            self.values["taps"] = INT64(shape.taps)
        dtype = self.kinds["settings"].dtype
        self.code = VectorCode(context, builder, dtype)
        self.reads, self.writes = (
            VectorCode(context, builder, self.kinds[name].dtype, lanes=self.code.lanes) for name in "xy"
        )
        self.reduction = Reduction(self.code, dtype, shape.op, shape.exact)
        lanes = ir.VectorType(ir.IntType(1), self.code.lanes)
        self.nans = cgutils.alloca_once_value(builder, lanes([0] * self.code.lanes))

    def array(self, name: str, index: Any) -> Any:
        """Where an element of an array argument stands."""
        return self.code.pointer(self.kinds[name], self.values[name], index)

    def check(self, name: str, first: Any, count: Any) -> None:
        """See to it that elements of an array argument are there."""
        self.code.check(self.kinds[name], self.values[name], first, count)

    def reduce(self) -> Any:
        """All vectors; the last may have but some elements. Returns whether there was a NaN."""
        builder, v, lanes = self.builder, self.values, INT64(self.code.lanes)
        self.check("table", v["taps_at"], v["taps"])
        self.check("table", v["masks_at"], builder.mul(v["period"], v["taps"]))
        whole = builder.sdiv(v["limit"], lanes)
        end = builder.select(builder.icmp_signed("<", whole, v["end"]), whole, v["end"])
        phase = cgutils.alloca_once_value(builder, builder.srem(v["begin"], v["period"]))
        with cgutils.for_range_slice(builder, v["begin"], end, INT64(1), intp=INT64) as (vector, _):
            self._vector(builder.mul(vector, lanes), builder.load(phase), None)
            later = builder.add(builder.load(phase), INT64(1))
            builder.store(builder.select(builder.icmp_signed("==", later, v["period"]), INT64(0), later), phase)
        with builder.if_then(builder.icmp_signed("<", end, v["end"])):
            place = builder.mul(end, lanes)
            self._vector(place, builder.load(phase), builder.sub(v["limit"], place))
        nans = builder.bitcast(builder.load(self.nans), ir.IntType(self.code.lanes))
        return builder.icmp_signed("!=", nans, nans.type(0))

    def _vector(self, place: Any, phase: Any, count: Any) -> None:
        """One vector of outputs, or so many of its elements."""
        builder, v, reads = self.builder, self.values, self.reads
        at, lanes = builder.add(v["source"], place), INT64(self.code.lanes) if count is None else count
        self.check("x", at, lanes)
        base = self.array("x", at)
        here = None if count is None else reads.mask(INT64(0), count)
        own = self._as_sum(reads.load(base, 0) if here is None else reads.load_masked(base, 0, here))
        if self.reduction.watched:
            nans = builder.fcmp_unordered("uno", own, own)
            builder.store(builder.or_(builder.load(self.nans), nans), self.nans)
        total = cgutils.alloca_once_value(builder, own)
        builder.store(own, total)
        taps, masks = v["taps_at"], builder.add(v["masks_at"], builder.mul(phase, v["taps"]))

        def reduce(tap: Any) -> None:
            mask = self._mask(builder.load(self.array("table", builder.add(masks, tap))), here)
            step = builder.load(self.array("table", builder.add(taps, tap)))
            self._check_lanes(builder.add(at, step), mask)
            old = builder.load(total)
            # A lane that has no such tap takes what changes nothing: what it has, or zero. Maxima are not converted.
            others = old if self.shape.op == MAXIMUM else None
            new = self._as_sum(reads.load_masked(base, step, mask, others))
            builder.store(self.reduction.combine(old, new), total)

        if self.shape.taps:
            for number in range(self.shape.taps):
                reduce(INT64(number))
        else:
            with cgutils.for_range(builder, v["taps"], intp=INT64) as tap:
                reduce(tap.index)
        self._write(builder.load(total), builder.add(v["target"], place), phase, here, lanes)

    def _as_sum(self, vector: Any) -> Any:
        return self.reduction.as_sum(vector, self.kinds["x"].dtype)

    def _mask(self, word: Any, here: Any) -> Any:
        """The lanes whose bits are set, of those that are there."""
        lanes = self.code.lanes
        bits = self.builder.trunc(word, ir.IntType(lanes)) if lanes < 64 else word
        mask = self.builder.bitcast(bits, ir.VectorType(ir.IntType(1), lanes))
        return mask if here is None else self.builder.and_(mask, here)

    def _check_lanes(self, at: Any, mask: Any) -> None:
        """See to it that the lanes of a mask are there, in code compiled with bounds checks."""
        if not self.context.enable_boundscheck:
            return
        builder = self.builder
        bits = builder.zext(builder.bitcast(mask, ir.IntType(self.code.lanes)), INT64) if self.code.lanes < 64 else (
            builder.bitcast(mask, INT64)
        )  # fmt: skip
        with builder.if_then(builder.icmp_unsigned("!=", bits, INT64(0))):
            first = builder.cttz(bits, ir.IntType(1)(1))
            end = builder.sub(INT64(64), builder.ctlz(bits, ir.IntType(1)(1)))
            self.check("x", builder.add(at, first), builder.sub(end, first))

    def _write(self, total: Any, at: Any, phase: Any, here: Any, count: Any) -> None:
        """Divide a mean, and write the elements that are there."""
        builder, v = self.builder, self.values
        if self.shape.op == MEAN:
            counts_at = builder.add(v["counts_at"], builder.mul(phase, v["counts_step"]))
            self.check("settings", counts_at, self.code.lanes)
            (total,) = self.reduction.quotients([total], [self.code.load(self.array("settings", counts_at), 0)])
        result = self.reduction.as_result(total, self.kinds["y"].dtype)
        self.check("y", at, count)
        base = self.array("y", at)
        if here is None:
            self.writes.store(result, base, 0)
        else:
            self.writes.store_masked(result, base, 0, here)
