"""A tile that reduces one window of any length to vectors of channels, which stand beside each other.

The taps of a window are planes, rows and columns that are steps apart, so no list of them is needed: that of a window
of 112 x 112 pixels takes as long to write as 64 channels of it to sum. Sums are those of rows, which are summed by
themselves, so that thousands of rounded taps come as close as hundreds.
"""

from __future__ import annotations

from functools import partial
from inspect import signature
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from fastconv.jit.emit import INT64, VectorCode
from fastconv.jit.machine import machine
from fastconv.jit.pixel_code import whole_or_masked
from fastconv.jit.quotient import quotient_meaning
from fastconv.jit.reduction import MAXIMUM, MEAN, SUM, Reduction

__all__ = ["MAXIMUM", "MEAN", "PLACES", "LaneWindow", "lane_tile"]

#: What becomes of a window beside `MAXIMUM` and `MEAN`: its maximum and where that stands.
PLACES = 3

_INT32 = ir.IntType(32)


class LaneWindow(NamedTuple):
    """A window and what is to become of it.

    Attributes
    ----------
    at : int
        Place of its first tap's first channel in the input.
    planes, rows, columns : int
        Its taps along each axis.
    plane_step, row_step, column_step : int
        Of the input, from tap to tap.
    place, plane_place, row_place, column_place : int
        What is the first tap's place called, and how much further the taps along each axis are; below 2**31.
    to, left : int
        Place of the first channel in the result, and the channels that are wanted.
    """

    at: int
    planes: int
    rows: int
    columns: int
    plane_step: int
    row_step: int
    column_step: int
    place: int
    plane_place: int
    row_place: int
    column_place: int
    to: int
    left: int


def _lane_tile_meaning(
    op: int, vectors: int, window: LaneWindow, divisor: Any, x: np.ndarray, settings: np.ndarray, y: np.ndarray,
    places: np.ndarray,
) -> None:  # fmt: skip
    """y[to + i] of channel i below `left`, from ``settings[0]`` on, in its type, and as far as the vectors have lanes.

    A mean is a sum over `divisor`. Of maxima ``places[to + i]`` are the first's place, of several NaNs the last's;
    otherwise nothing is done with that array.
    """
    v = window
    left = min(v.left, vectors * machine().vector_bytes // settings.itemsize)
    total, found = np.full(left, settings[0]), np.full(left, v.place)
    for p, r, c in product(range(v.planes), range(v.rows), range(v.columns)):
        new = x[v.at + p * v.plane_step + r * v.row_step + c * v.column_step :][:left].astype(settings.dtype)
        if op == MEAN:
            total += new
        else:
            take = (new > total) | (new != new)
            total[take] = new[take]
            found[take] = v.place + p * v.plane_place + r * v.row_place + c * v.column_place
    y[v.to :][:left] = quotient_meaning(total, divisor) if op == MEAN else total
    if op == PLACES:
        places[v.to :][:left] = found


def lane_tile(op: int, vectors: int, *, whole: bool) -> Any:
    """The tile of so many vectors, for kernels: as `_lane_tile_meaning`, but for the first arguments.

    One that is always whole is for where no fewer channels are left.
    """
    if config.DISABLE_JIT:
        return partial(_lane_tile_meaning, op, vectors)

    @intrinsic
    def tile(typingctx: Any, window: Any, divisor: Any, x: Any, settings: Any, y: Any, places: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            code = _LaneCode(context, builder, op, vectors, signature.args, args)
            if whole:
                code.write(None)
            else:
                whole_or_masked(builder, code.window.left, vectors * code.code.lanes, code.write)
            return context.get_dummy_value()

        return types.void(window, settings.dtype, x, settings, y, places), codegen

    return tile


#: The arguments of a tile by name.
_ARGUMENTS = list(signature(_lane_tile_meaning).parameters)[2:]


class _LaneCode:
    """Writes one tile.

    Parameters
    ----------
    context, builder, kinds, args : object
        As an intrinsic gets them.
    op, vectors : int
        As `lane_tile` has them.
    """

    def __init__(self, context: Any, builder: Any, op: int, vectors: int, kinds: Any, args: Any) -> None:
        self.builder, self.op, self.vectors = builder, op, vectors
        self.kinds, self.args = (dict(zip(_ARGUMENTS, found, strict=True)) for found in (kinds, args))
        self.window = LaneWindow(*cgutils.unpack_tuple(builder, self.args["window"]))
        dtype = self.kinds["settings"].dtype
        self.code = VectorCode(context, builder, dtype)
        self.reads, self.writes = (
            VectorCode(context, builder, self.kinds[name].dtype, lanes=self.code.lanes) for name in "xy"
        )
        self.numbers, self.places = (
            VectorCode(context, builder, kind, lanes=self.code.lanes) for kind in (types.int32, types.int64)
        )
        self.reduction = Reduction(self.code, dtype, SUM if op == MEAN else MAXIMUM, exact=True)

    def _pointer(self, name: str, index: Any, count: Any) -> Any:
        """Where an element of an array argument stands, of which so many are there."""
        self.code.check(self.kinds[name], self.args[name], index, count)
        return self.code.pointer(self.kinds[name], self.args[name], index)

    def write(self, left: Any) -> None:
        """Reduce whole vectors, or so many channels as are left."""
        builder, code, v, n = self.builder, self.code, self.window, self.code.lanes
        used = INT64(self.vectors * n) if left is None else left
        masks = [None if left is None else code.mask(INT64(i * n), left) for i in range(self.vectors)]
        start = code.broadcast(builder.load(self._pointer("settings", INT64(0), INT64(1))))
        first = self.numbers.broadcast(builder.trunc(v.place, _INT32))
        # Places in memory that LLVM turns into registers.
        totals, found = self._places_of(start), self._places_of(first)
        in_row = self._places_of(code.zero) if self.op == MEAN else totals

        def take(at: Any, here: Any) -> None:
            base = self._pointer("x", at, used)
            for i, mask in enumerate(masks):
                new = self.reads.load(base, i * n) if mask is None else self.reads.load_masked(base, INT64(i * n), mask)
                self._take(self.reduction.as_sum(new, self.kinds["x"].dtype), here, in_row[i], found[i])

        def end_row() -> None:
            if self.op == MEAN:
                for total, row in zip(totals, in_row, strict=True):
                    builder.store(code.add(builder.load(total), builder.load(row)), total)
                    builder.store(code.zero, row)

        self._each_tap(take, end_row)
        results = [builder.load(total) for total in totals]
        if self.op == MEAN:
            results = self.reduction.quotients(results, [code.broadcast(self.args["divisor"])] * self.vectors)
        results = [self.reduction.as_result(result, self.kinds["y"].dtype) for result in results]
        self._store("y", self.writes, results, used, masks)
        if self.op == PLACES:
            wide = [builder.zext(builder.load(number), self.places.type) for number in found]
            self._store("places", self.places, wide, used, masks)

    def _places_of(self, value: Any) -> list[Any]:
        """Places that begin with a value, one for each vector."""
        places = [cgutils.alloca_once(self.builder, value.type) for _ in range(self.vectors)]
        for place in places:
            self.builder.store(value, place)
        return places

    def _each_tap(self, take: Any, end_row: Any) -> None:
        """``take(at, places)`` for each tap, in row-major order, and ``end_row()`` behind each row.

        Places of a row are added up in a vector, as each of many broadcasts takes as long as a comparison.
        """
        builder, v = self.builder, self.window

        def behind(first: Any, step: Any, loop: Any) -> Any:
            return builder.add(first, builder.mul(step, loop.index))

        def places(number: Any) -> Any:
            return self.numbers.broadcast(builder.trunc(number, _INT32))

        here, next_column = cgutils.alloca_once(builder, self.numbers.type), places(v.column_place)
        with cgutils.for_range(builder, v.planes, intp=INT64) as p:
            plane, plane_place = behind(v.at, v.plane_step, p), behind(v.place, v.plane_place, p)
            with cgutils.for_range(builder, v.rows, intp=INT64) as r:
                row = behind(plane, v.row_step, r)
                builder.store(places(behind(plane_place, v.row_place, r)), here)
                with cgutils.for_range(builder, v.columns, intp=INT64) as c:
                    self.code.keep_loop()
                    take(behind(row, v.column_step, c), builder.load(here))
                    builder.store(builder.add(builder.load(here), next_column), here)
                end_row()

    def _take(self, new: Any, here: Any, total: Any, found: Any) -> None:
        """One more vector of a tap: added, or in the stead of what is less."""
        builder, old = self.builder, self.builder.load(total)
        if self.op != PLACES:
            builder.store(self.reduction.combine(old, new), total)
            return
        taken = self.reduction.exceeds(new, old)
        builder.store(builder.select(taken, new, old), total)
        builder.store(builder.select(taken, here, builder.load(found)), found)

    def _store(self, name: str, code: VectorCode, vectors: list[Any], used: Any, masks: list[Any]) -> None:
        base = self._pointer(name, self.window.to, used)
        for i, (vector, mask) in enumerate(zip(vectors, masks, strict=True)):
            if mask is None:
                code.store(vector, base, i * self.code.lanes)
            else:
                code.store_masked(vector, base, INT64(i * self.code.lanes), mask)
